package matchtest

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/match"
)

// flawed is an Exact index some of whose methods are replaced.
type flawed struct {
	*match.Exact
	upsert func(x *match.Exact, ids []uint32, vecs [][]float32) error
	remove func(x *match.Exact, ids ...uint32) error
	search func(x *match.Exact, q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error)
}

func (f *flawed) Upsert(ids []uint32, vecs [][]float32) error {
	if f.upsert != nil {
		return f.upsert(f.Exact, ids, vecs)
	}
	return f.Exact.Upsert(ids, vecs)
}

func (f *flawed) Delete(ids ...uint32) error {
	if f.remove != nil {
		return f.remove(f.Exact, ids...)
	}
	return f.Exact.Delete(ids...)
}

func (f *flawed) Search(q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
	if f.search != nil {
		return f.search(f.Exact, q, k, allow, dst)
	}
	return f.Exact.Search(q, k, allow, dst)
}

// changed is a search whose result is not what it should be.
func changed(change func([]match.Hit) []match.Hit) *flawed {
	return &flawed{search: func(x *match.Exact, q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
		hits, err := x.Search(q, k, allow, nil)
		if err != nil {
			return dst, err
		}
		return append(dst, change(hits)...), nil
	}}
}

// cured lets a batch through whose vectors are bad in one way, with something
// else in their place.
func cured(isBad func([]float32) bool) *flawed {
	return &flawed{upsert: func(x *match.Exact, ids []uint32, vecs [][]float32) error {
		vecs = slices.Clone(vecs)
		for i, v := range vecs {
			if isBad(v) {
				vecs[i] = slices.Repeat([]float32{1}, len(v))
			}
		}
		return x.Upsert(ids, vecs)
	}}
}

func keepsSlices() *flawed {
	type batch struct {
		ids  []uint32
		vecs [][]float32
	}
	var mu sync.Mutex
	var kept []batch
	return &flawed{
		upsert: func(x *match.Exact, ids []uint32, vecs [][]float32) error {
			mu.Lock()
			defer mu.Unlock()
			err := x.Upsert(ids, vecs)
			if err == nil {
				kept = append(kept, batch{ids, vecs})
			}
			return err
		},
		search: func(x *match.Exact, q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
			mu.Lock()
			defer mu.Unlock()
			for _, b := range kept {
				_ = x.Upsert(b.ids, b.vecs)
			}
			return x.Search(q, k, allow, dst)
		},
	}
}

// busy refuses a search while a writer is at work.
func busy() *flawed {
	var mu sync.RWMutex
	return &flawed{
		upsert: func(x *match.Exact, ids []uint32, vecs [][]float32) error {
			mu.Lock()
			defer mu.Unlock()
			time.Sleep(time.Millisecond)
			return x.Upsert(ids, vecs)
		},
		search: func(x *match.Exact, q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
			if !mu.TryRLock() {
				return dst, errors.New("busy")
			}
			defer mu.RUnlock()
			return x.Search(q, k, allow, dst)
		},
	}
}

// flaws lists what can be wrong with an index and the sub-tests that must see
// it.
var flaws = []struct {
	what string
	make func() *flawed
	seen []string
}{
	{"nothing", func() *flawed { return &flawed{} }, nil},
	{"panics where it is asked for everything", func() *flawed {
		return &flawed{search: func(x *match.Exact, q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
			return x.Search(q, k, allow, append(make([]match.Hit, 0, max(k, 1<<16)), dst...))
		}}
	}, []string{"odd-k"}},
	{"takes the zero vector", func() *flawed {
		return cured(func(v []float32) bool { return len(v) > 0 && slices.Max(v) == 0 && slices.Min(v) == 0 })
	}, []string{"bad-vectors", "all-or-none", "bad-first-batch"}},
	{"takes NaN", func() *flawed {
		return cured(func(v []float32) bool { return slices.ContainsFunc(v, func(x float32) bool { return x != x }) })
	}, []string{"bad-vectors", "all-or-none", "bad-first-batch"}},
	{"takes a batch row by row", func() *flawed {
		return &flawed{upsert: func(x *match.Exact, ids []uint32, vecs [][]float32) error {
			for i := range min(len(ids), len(vecs)) {
				if err := x.Upsert(ids[i:i+1], vecs[i:i+1]); err != nil {
					return err
				}
			}
			if len(ids) != len(vecs) {
				return errors.New("as many vectors as rows, please")
			}
			return nil
		}}
	}, []string{"all-or-none", "bad-first-batch", "twice-in-a-batch"}},
	{"keeps the old vector", func() *flawed {
		return &flawed{upsert: func(x *match.Exact, ids []uint32, vecs [][]float32) error {
			for i, id := range ids {
				q := []float32{1}
				if i < len(vecs) {
					q = vecs[i]
				}
				if hits, _ := x.Search(q, 1, roaring.BitmapOf(id), nil); len(hits) == 0 {
					return x.Upsert(ids, vecs)
				}
			}
			return nil
		}}
	}, []string{"replace", "churn"}},
	{"deletes nothing", func() *flawed {
		return &flawed{remove: func(*match.Exact, ...uint32) error { return nil }}
	}, []string{"delete", "delete-unknown", "delete-all", "filter", "churn", "concurrent-use"}},
	{"deletes the first row only", func() *flawed {
		return &flawed{remove: func(x *match.Exact, ids ...uint32) error { return x.Delete(ids[:min(1, len(ids))]...) }}
	}, []string{"delete-all", "filter", "churn"}},
	{"minds unknown rows", func() *flawed {
		return &flawed{remove: func(x *match.Exact, ids ...uint32) error {
			if slices.Contains(ids, 1000) {
				return errors.New("no such row")
			}
			return x.Delete(ids...)
		}}
	}, []string{"delete-unknown"}},
	{"filters what it has found", func() *flawed {
		return &flawed{search: func(x *match.Exact, q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
			hits, err := x.Search(q, k, nil, nil)
			for _, h := range hits {
				if allow == nil || allow.Contains(h.ID) {
					dst = append(dst, h)
				}
			}
			return dst, err
		}}
	}, []string{"filter", "far-filter", "recall-clustered"}},
	{"knows no filter", func() *flawed {
		return &flawed{search: func(x *match.Exact, q []float32, k int, _ *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
			return x.Search(q, k, nil, dst)
		}}
	}, []string{"filter", "far-filter"}},
	{"has the worst first", func() *flawed {
		return changed(func(h []match.Hit) []match.Hit { slices.Reverse(h); return h })
	}, []string{"order", "ties"}},
	{"has ties the other way", func() *flawed {
		return changed(func(h []match.Hit) []match.Hit {
			slices.SortFunc(h, func(a, b match.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.ID, a.ID)) })
			return h
		})
	}, []string{"ties"}},
	{"returns a row twice", func() *flawed {
		return changed(func(h []match.Hit) []match.Hit {
			if len(h) > 1 {
				h[1] = h[0]
			}
			return h
		})
	}, []string{"order"}},
	{"returns distances", func() *flawed {
		return changed(func(h []match.Hit) []match.Hit {
			for i := range h {
				h[i].Score = 1 - h[i].Score
			}
			return h
		})
	}, []string{"scores", "order"}},
	{"returns rough scores", func() *flawed {
		return changed(func(h []match.Hit) []match.Hit {
			for i := range h {
				h[i].Score = float32(int(h[i].Score*1000)) / 1000
			}
			return h
		})
	}, []string{"scores"}},
	{"answers a query of another length", func() *flawed {
		return &flawed{search: func(x *match.Exact, q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
			if len(q) == 33 {
				q = q[:32]
			}
			return x.Search(q, k, allow, dst)
		}}
	}, []string{"bad-queries"}},
	{"loses what dst held", func() *flawed {
		return &flawed{search: func(x *match.Exact, q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
			return x.Search(q, k, allow, dst[:0])
		}}
	}, []string{"append", "bad-queries"}},
	{"keeps the slices it is given", keepsSlices, []string{"slices-not-kept"}},
	{"refuses a search beside a writer", busy, []string{"concurrent-use"}},
	{"misses the nearest row", func() *flawed {
		return &flawed{search: func(x *match.Exact, q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
			hits, err := x.Search(q, min(k, 1000)+1, allow, nil)
			if err == nil && len(hits) > k {
				hits = hits[1:]
			}
			return append(dst, hits...), err
		}}
	}, []string{"recall-gaussian", "recall-clustered", "recall-duplicates", "churn"}},
}

// TestFlawsAreSeen runs the whole suite on each flawed index, or in short mode
// the sub-tests that must see the flaw.
func TestFlawsAreSeen(t *testing.T) {
	for _, flaw := range flaws {
		t.Run(flaw.what, func(t *testing.T) {
			open := func(testing.TB) match.VectorIndex {
				f := flaw.make()
				f.Exact = match.NewExact()
				return f
			}
			var failed []string
			for _, test := range tests {
				if testing.Short() && !slices.Contains(flaw.seen, test.name) {
					continue
				}
				r := record(t, func(tb testing.TB) {
					test.run(newFixture(tb, open, Options{Dim: 32, Rows: 200, Recall: 0.95}))
				})
				if r.failed {
					failed = append(failed, test.name)
					assert.NotEmpty(t, r.String())
				}
			}
			assert.Subset(t, failed, flaw.seen)
			assert.Equal(t, len(flaw.seen) == 0, len(failed) == 0, "%v", failed)
		})
	}
}
