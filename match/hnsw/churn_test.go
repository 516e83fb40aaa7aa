package hnsw_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/match/hnsw"
)

// TestChurn replaces a fifth of the rows in each round. Recall may not fall
// behind a fresh build of the same rows, and slots are used again.
func TestChurn(t *testing.T) {
	const dim = 12
	n, rounds := 2_000, 10
	if testing.Short() {
		n, rounds = 500, 4
	}
	for _, m := range []hnsw.Metric{hnsw.Cosine, hnsw.Dot, hnsw.L2} {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			r := random(21)
			rows, queries := clustered(r, n*(rounds+5)/5, dim, 100, 0.4), gaussian(r, 50, dim)
			x := newIndex(t, dim, m, &hnsw.Options{ExactBelow: -1})
			require.NoError(t, x.AddBatch(upTo(n), rows[:n*dim], nil))
			step := n / 5
			for round := range rounds {
				gone := upTo(n + step*(round+1))
				requireDeleted(t, step, x, gone[step*round:step*(round+1)]...)
				require.NoError(t, x.Check(), "round %d, deleted", round)
				fresh := gone[n+step*round:]
				require.NoError(t, x.AddBatch(fresh, rows[int(fresh[0])*dim:][:step*dim], nil))
				require.NoError(t, x.Check(), "round %d, added", round)
				require.Equal(t, n, x.Len())
				require.Equal(t, n, x.Stats().Slots, "slots are used again")
			}
			first := step * rounds
			y := newIndex(t, dim, m, &hnsw.Options{ExactBelow: -1})
			require.NoError(t, y.AddBatch(upTo(first + n)[first:], rows[first*dim:(first+n)*dim], nil))
			truth := exactKeys(t, x, queries, 10, nil)
			worn, fresh := recallOf(t, x, queries, 10, 48, nil, truth), recallOf(t, y, queries, 10, 48, nil, truth)
			assert.GreaterOrEqual(t, worn, fresh-0.01, "worn graph against a fresh one")
			assert.GreaterOrEqual(t, worn, 0.98)
		})
	}
}

// TestUpdatesMoveRows gives every key a new vector, several times.
func TestUpdatesMoveRows(t *testing.T) {
	const n, dim = 500, 8
	r := random(22)
	x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 6, EfConstruction: 40, ExactBelow: -1})
	for range 4 {
		rows := gaussian(r, n, dim)
		require.NoError(t, x.AddBatch(upTo(n), rows, nil))
		require.NoError(t, x.Check())
		require.Equal(t, n, x.Len())
		for i := range n {
			v, ok := x.Get(uint32(i), nil)
			require.True(t, ok)
			require.Equal(t, rows[i*dim:(i+1)*dim], v)
			hits, err := x.Search(v, 1, nil, nil)
			require.NoError(t, err)
			require.Equal(t, []hnsw.Result[uint32]{{Key: uint32(i)}}, hits)
		}
	}
}

// TestDeleteTheNearest deletes what a search just found, which takes entry
// points, hubs and whole levels with it, until nothing is left.
func TestDeleteTheNearest(t *testing.T) {
	const n, dim = 400, 4
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		rows := gaussian(random(23+seed), n, dim)
		x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 2, EfConstruction: 10, Seed: seed, ExactBelow: -1})
		for range 2 { // the second time into an index that was emptied
			require.NoError(t, x.AddBatch(upTo(n), rows, nil))
			for left := n; left > 0; left-- {
				hits, err := x.Search(rows[:dim], 1, nil, nil)
				require.NoError(t, err)
				require.Len(t, hits, 1)
				requireDeleted(t, 1, x, hits[0].Key)
				requireDeleted(t, 0, x, hits[0].Key) // it is gone
				require.NoError(t, x.Check())
			}
			hits, err := x.Search(rows[:dim], 1, nil, nil)
			require.NoError(t, err)
			require.Empty(t, hits)
			require.Zero(t, x.Stats().Links)
		}
	}
}

// TestSameCallsSameGraph compares two indexes after the same calls, down to
// the work a search does, and shows that the seed matters.
func TestSameCallsSameGraph(t *testing.T) {
	const n, dim = 1_000, 8
	rows := clustered(random(31), n, dim, 50, 0.5)
	build := func(seed uint64) (*hnsw.Index[string], []string) {
		x, err := hnsw.New[string](dim, &hnsw.Options{Metric: hnsw.Cosine, M: 8, EfConstruction: 50, Seed: seed, ExactBelow: 300})
		require.NoError(t, err)
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprint("row ", i)
		}
		require.NoError(t, x.AddBatch(keys, rows, nil))
		x.Delete(keys[100:400]...)
		require.NoError(t, x.AddBatch(keys[200:300], rows[:100*dim], nil))
		return x, keys
	}
	record := func(x *hnsw.Index[string]) (out []string) {
		for q := range slices.Chunk(rows, dim) {
			var trace hnsw.Trace
			hits, err := x.Search(q, 5, &hnsw.SearchOptions[string]{Ef: 10, Trace: &trace}, nil)
			require.NoError(t, err)
			out = append(out, fmt.Sprint(hits, trace))
		}
		return out
	}
	a, _ := build(1)
	b, _ := build(1)
	c, _ := build(2)
	require.NoError(t, a.Check())
	assert.Equal(t, a.Stats(), b.Stats())
	assert.Equal(t, record(a), record(b))
	assert.NotEqual(t, record(a), record(c))
}

// TestModel runs random calls against a map and a scan. The graph is kept
// small and poor, so that every edge case of linking and mending comes up.
func TestModel(t *testing.T) {
	const dim = 3
	rapid.Check(t, func(t *rapid.T) {
		m := hnsw.Metric(rapid.IntRange(0, 2).Draw(t, "metric"))
		o := &hnsw.Options{M: rapid.IntRange(2, 4).Draw(t, "M"), EfConstruction: rapid.IntRange(1, 12).Draw(t, "efC"),
			Seed: rapid.Uint64().Draw(t, "seed"), ExactBelow: rapid.SampledFrom([]int{-1, 5, 20}).Draw(t, "exact below")}
		x, err := hnsw.New[uint32](dim, withMetric(o, m))
		require.NoError(t, err)
		model := map[uint32][]float32{}
		key := rapid.Uint32Range(0, 40)
		component := rapid.SampledFrom([]float32{-2, -1, 0, 0.5, 1, 3})
		vector := rapid.Custom(func(t *rapid.T) []float32 {
			v := rapid.SliceOfN(component, dim, dim).Draw(t, "v")
			if v[0] == 0 && v[1] == 0 && v[2] == 0 {
				v[0] = 1
			}
			return v
		})
		t.Repeat(map[string]func(*rapid.T){
			"upsert": func(t *rapid.T) {
				keys := rapid.SliceOfNDistinct(key, 0, 8, rapid.ID).Draw(t, "keys")
				var vecs []float32
				for _, k := range keys {
					model[k] = vector.Draw(t, "vector")
					vecs = append(vecs, model[k]...)
				}
				require.NoError(t, x.AddBatch(keys, vecs, nil))
			},
			"delete": func(t *rapid.T) {
				keys, want := rapid.SliceOfN(key, 0, 6).Draw(t, "keys"), 0
				for _, k := range keys {
					if _, ok := model[k]; ok {
						want++
						delete(model, k)
					}
				}
				requireDeleted(t, want, x, keys...)
			},
			"search": func(t *rapid.T) {
				q, k := vector.Draw(t, "query"), rapid.IntRange(1, 50).Draw(t, "k")
				allow := rapid.SliceOf(key).Draw(t, "allow")
				matches := 0
				for a := range model {
					if slices.Contains(allow, a) {
						matches++
					}
				}
				all, err := x.Search(q, k, &hnsw.SearchOptions[uint32]{Ef: k}, nil)
				require.NoError(t, err)
				verify(t, model, m, q, all, min(k, len(model)))
				some, err := x.Search(q, k, &hnsw.SearchOptions[uint32]{Ef: 1, Filter: hnsw.FilterFunc[uint32](func(k uint32) bool { return slices.Contains(allow, k) })}, nil)
				require.NoError(t, err)
				verify(t, model, m, q, some, min(k, matches))
				for _, h := range some {
					require.Contains(t, allow, h.Key)
				}
			},
			"": func(t *rapid.T) {
				require.NoError(t, x.Check())
				require.Equal(t, len(model), x.Len())
				for k := range uint32(41) {
					_, ok := x.Get(k, nil)
					require.Equal(t, model[k] != nil, ok)
				}
			},
		})
	})
}

// verify holds hits to what every search promises, whatever its recall.
func verify(t *rapid.T, model map[uint32][]float32, m hnsw.Metric, q []float32, hits []hnsw.Result[uint32], want int) {
	require.Len(t, hits, want)
	seen := map[uint32]bool{}
	for i, h := range hits {
		require.Contains(t, model, h.Key)
		require.False(t, seen[h.Key], "key found twice")
		seen[h.Key] = true
		require.InDelta(t, distance64(m, q, model[h.Key]), h.Distance, 1e-5)
		require.True(t, i == 0 || hits[i-1].Distance <= h.Distance, "sorted")
	}
}

// TestConcurrentUse runs writers, deleters and searchers at once; -race sees
// the rest. Keys below 100 stay, keys from 1000 on were deleted before the
// searches began.
func TestConcurrentUse(t *testing.T) {
	const n, dim = 600, 8
	writes := 2_000
	if testing.Short() {
		writes = 100
	}
	rows := gaussian(random(41), n, dim)
	x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 6, EfConstruction: 30, ExactBelow: -1})
	require.NoError(t, x.AddBatch(upTo(n), rows, nil))
	ghosts := upTo(1_100)[1_000:]
	require.NoError(t, x.AddBatch(ghosts, rows[:100*dim], nil))
	requireDeleted(t, 100, x, ghosts...)

	var wg sync.WaitGroup
	var stop atomic.Bool
	for w := range 2 { // each writer owns the keys of one parity
		wg.Go(func() {
			for i := range writes {
				key := uint32(100 + (i*2+w)%500)
				if i%3 == 0 {
					x.Delete(key)
				} else {
					at := (i * 7 % n) * dim
					assert.NoError(t, x.AddBatch([]uint32{key}, rows[at:at+dim], nil))
				}
			}
			stop.Store(true)
		})
	}
	for s := range 2 {
		wg.Go(func() {
			var hits []hnsw.Result[uint32]
			var err error
			for i := s; !stop.Load() || i < 100; i++ {
				stay := i % 100
				o := &hnsw.SearchOptions[uint32]{Exact: i%5 == 0}
				if i%2 == 0 {
					o.Filter = hnsw.FilterFunc[uint32](func(key uint32) bool { return key < 100 || key >= 1_000 })
				}
				hits, err = x.Search(rows[stay*dim:(stay+1)*dim], 10, o, hits[:0])
				if !assert.NoError(t, err) || !assert.Len(t, hits, 10) {
					return
				}
				for _, h := range hits {
					assert.Less(t, h.Key, uint32(1_000), "a deleted key came back")
				}
				_, ok := x.Get(uint32(stay), nil)
				assert.True(t, ok)
				x.Stats()
			}
		})
	}
	wg.Wait()
	require.NoError(t, x.Check())
}

// TestReplacementIsOneStep: while one key moves between two places, a search
// sees it at exactly one of them, never at both or at none.
func TestReplacementIsOneStep(t *testing.T) {
	places := [2][]float32{{1, 0}, {0, 1}}
	x := newIndex(t, 2, hnsw.L2, &hnsw.Options{ExactBelow: -1})
	require.NoError(t, x.AddBatch([]uint32{1}, places[0], nil))
	var wg sync.WaitGroup
	var stop atomic.Bool
	wg.Go(func() {
		for i := range 2_000 {
			assert.NoError(t, x.AddBatch([]uint32{1}, places[i%2], nil))
		}
		stop.Store(true)
	})
	for !stop.Load() {
		hits, err := x.Search(places[0], 5, nil, nil)
		require.NoError(t, err)
		require.Len(t, hits, 1)
		require.True(t, hits[0].Distance == 0 || hits[0].Distance == 2)
	}
	wg.Wait()
}
