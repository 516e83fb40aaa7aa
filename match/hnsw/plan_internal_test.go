package hnsw

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// byLot returns normal rows.
func byLot(r *rand.Rand, n, dim int) []float32 {
	rows := make([]float32, n*dim)
	for i := range rows {
		rows[i] = float32(r.NormFloat64())
	}
	return rows
}

// planned is an index of normal rows.
func planned(t *testing.T, n, dim int) (*Index[uint32], []float32) {
	t.Helper()
	x, err := New[uint32](dim, &Options{Metric: L2, M: 8, EfConstruction: 60, ExactBelow: -1, RowNumbers: true})
	require.NoError(t, err)
	rows := byLot(rand.New(rand.NewPCG(31, 0)), n, dim)
	keys := make([]uint32, n)
	for i := range keys {
		keys[i] = uint32(i)
	}
	require.NoError(t, x.AddBatch(keys, rows, nil))
	return x, rows
}

// TestAroundTellsLotsFromGroups: half of the rows by lot are even around every
// row; the half on one side of a plane is not where the plane passes.
func TestAroundTellsLotsFromGroups(t *testing.T) {
	const n, dim = 4_000, 8
	x, rows := planned(t, n, dim)
	r := rand.New(rand.NewPCG(32, 0))
	lots, side := roaring.New(), roaring.New()
	for s := range uint32(n) {
		if r.IntN(2) == 0 {
			lots.Add(s)
		}
		if rows[s*dim] > 0 {
			side.Add(s)
		}
	}
	v := x.now.Load()
	w := x.scratch.Get().(*scratch[uint32])
	count := func(b *roaring.Bitmap) (even, passes int) {
		w.marks.set(b, n)
		for s := range uint32(400) {
			h := v.around(&w.walker, s, allLists, &w.marks)
			if h.share < 0.2 || h.share > 0.8 {
				continue
			}
			if passes++; h.even {
				even++
			}
		}
		return even, passes
	}
	even, passes := count(lots)
	assert.Equal(t, 400, passes)
	assert.Greater(t, even, 390)
	even, passes = count(side)
	assert.Greater(t, passes, 50)
	assert.Less(t, even, passes/4)

	none := roaring.New()
	w.marks.set(none, n)
	assert.Zero(t, v.around(&w.walker, 0, allLists, &w.marks).share)
	all := roaring.New()
	all.AddRange(0, n)
	w.marks.set(all, n)
	assert.Equal(t, neighbourhood{1, true}, v.around(&w.walker, 0, allLists, &w.marks))
}

func TestWays(t *testing.T) {
	here := func(share float64, even bool) neighbourhood { return neighbourhood{share, even} }
	for _, c := range []struct {
		name string
		sought
		want way
	}{
		{"few matches", sought{0.1, 500, 600, true, here(0.1, true)}, scanned},
		{"by lot", sought{0.1, 5_000, 600, true, here(0.1, true)}, hopped},
		{"by lot, without marks", sought{0.1, 7_000, 600, false, here(0.1, true)}, steered},
		{"by lot, without marks, too many", sought{0.1, 5_000, 600, false, here(0.1, true)}, scanned},
		{"by lot, half of all", sought{0.5, 25_000, 600, true, here(0.5, true)}, steered},
		{"by lot, too few for hops", sought{0.05, 2_500, 600, true, here(0.05, true)}, scanned},
		{"all that are near", sought{0.1, 5_000, 600, true, here(1, true)}, steered},
		{"few of those near", sought{0.5, 25_000, 600, true, here(0.1, false)}, scanned},
		{"none of those near", sought{0.5, 25_000, 600, true, here(0, true)}, scanned},
		{"a group's edge", sought{0.5, 25_000, 600, true, here(0.5, false)}, steered},
		{"a small group's edge", sought{0.1, 5_000, 600, true, here(0.2, false)}, scanned},
		{"unknown number, none near", sought{0, 25_000, 600, false, here(0, true)}, scanned},
	} {
		assert.Equal(t, c.want, c.way(), c.name)
	}
}

// TestMarks compares flat marks with their bitmaps, for containers of every kind
// and numbers beyond what there is room for.
func TestMarks(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 0))
	var m marks
	for _, n := range []int{200_000, 1, 65_536, 65_537, 130_000} {
		for _, numbers := range []int{0, 1, 1_000, 100_000} {
			for _, beyond := range []int{0, 1 << 18} {
				b := roaring.New()
				for range numbers {
					b.Add(uint32(r.IntN(n + beyond)))
				}
				b.AddRange(uint64(n/2), uint64(n/2+n/8))
				b.RunOptimize()
				if beyond > 0 {
					b.Add(1<<32 - 1)
				}
				m.set(b, n)
				for s := range uint32(n) {
					if m.has(s) != b.Contains(s) {
						t.Fatalf("%d of %d, %d beyond: slot %d is marked %t", numbers, n, beyond, s, m.has(s))
					}
				}
			}
		}
	}
}

// TestWalksEndAtTheirLimit: both walks under a filter say that they gave up.
func TestWalksEndAtTheirLimit(t *testing.T) {
	x, rows := planned(t, 3_000, 8)
	v := x.now.Load()
	w := x.scratch.Get().(*scratch[uint32])
	b := roaring.New()
	for s := range uint32(3_000) {
		if s%4 == 0 {
			b.Add(s)
		}
	}
	w.marks.set(b, 3_000)
	copy(w.row, rows[:8])
	v.ask(&w.q, w.row)
	for _, limit := range []int{50, 1 << 30} {
		from := v.descend(&w.walker, &w.q, 0)
		w.visits = 0
		assert.Equal(t, limit > 50, v.walkMatches(&w.walker, &w.q, from, 40, limit, w.marks), "hops")
		assert.LessOrEqual(t, w.visits, limit+3*2*8*9)
		for _, e := range w.found {
			assert.Zero(t, e.slot&done)
		}
		w.visits = 0
		assert.Equal(t, limit > 50, v.walkFiltered(&w.walker, &w.q, from, 40, limit, &w.marks), "steered")
		assert.LessOrEqual(t, w.visits, limit+2*8)
	}
	for _, e := range w.found {
		assert.Zero(t, e.slot%4)
	}
}

// TestHopsFindMatchesOfMatches: from match to match a walk finds what a scan
// finds, without comparing anything else.
func TestHopsFindMatchesOfMatches(t *testing.T) {
	const n, dim, k = 6_000, 8, 10
	x, _ := planned(t, n, dim)
	v := x.now.Load()
	w := x.scratch.Get().(*scratch[uint32])
	r := rand.New(rand.NewPCG(34, 0))
	b := roaring.New()
	for s := range uint32(n) {
		if r.IntN(5) == 0 {
			b.Add(s)
		}
	}
	w.marks.set(b, n)
	found, total := 0, 0
	for range 50 {
		q := byLot(r, 1, dim)
		hits, err := x.Search(q, k, &SearchOptions[uint32]{Filter: Bitmap[uint32](b), Exact: true}, nil)
		require.NoError(t, err)
		copy(w.row, q)
		v.ask(&w.q, w.row)
		from := v.descend(&w.walker, &w.q, 0)
		w.visits = 0
		require.True(t, v.walkMatches(&w.walker, &w.q, from, 40, n, w.marks))
		assert.Less(t, w.visits, int(b.GetCardinality()))
		v.settle(w, k, nil)
		for _, h := range hits {
			total++
			for _, e := range w.found[:k] {
				if e.slot == h.Key {
					found++
				}
			}
		}
	}
	assert.GreaterOrEqual(t, float64(found)/float64(total), 0.99)
}

// TestScanByCodesMissesNothing compares scans by codes with exact ones where it
// is hardest: the k nearest of rows that are all about as far, and rows of which
// some are far longer than most.
func TestScanByCodesMissesNothing(t *testing.T) {
	const dim, k = 96, 10
	n, queries := 8_000, 60
	if testing.Short() {
		n, queries = 4_000, 15
	}
	for name, lengthen := range map[string]func(s int) float32{
		"alike": func(int) float32 { return 1 },
		"long":  func(s int) float32 { return float32([]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 60}[s%10]) },
	} {
		rows := byLot(rand.New(rand.NewPCG(35, 0)), n, dim)
		for i := range rows {
			rows[i] *= lengthen(i / dim)
		}
		x := indexOf(t, dim, L2, &Options{M: 8, EfConstruction: 30, ExactBelow: -1, RowNumbers: true}, rows)
		r := rand.New(rand.NewPCG(36, 0))
		for range queries {
			q := byLot(r, 1, dim)
			for i := range q {
				q[i] *= lengthen(9)
			}
			all, err := x.Search(q, n, &SearchOptions[uint32]{Exact: true}, nil)
			require.NoError(t, err)
			far := all[n/20:]
			if name == "long" { // of rows that are all more uncertain than most
				far = slices.DeleteFunc(far, func(h Result[uint32]) bool { return h.Key%10 != 9 })
				far = far[len(far)/3:]
			}
			b := roaring.New()
			for _, h := range far {
				b.Add(h.Key)
			}
			requireScanned(t, x, q, b, far[:k], name)
		}
	}
}

// requireScanned requires that a scan by codes finds just these.
func requireScanned(t *testing.T, x *Index[uint32], q []float32, b *roaring.Bitmap, want []Result[uint32], name string) {
	t.Helper()
	v, w := x.now.Load(), x.scratch.Get().(*scratch[uint32])
	copy(w.row, q)
	v.ask(&w.q, w.row)
	v.scanNumbers(w, len(want), b, true)
	require.Len(t, w.found, len(want))
	for i, h := range want {
		require.Equal(t, entry{h.Distance, h.Key}, w.found[i], "%s: place %d", name, i)
	}
}
