package hnsw_test

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

// plain hides that a filter can list its keys; overstated also counts keys
// that are not there.
type plain struct {
	hnsw.Filter[uint32]
	overstated int
}

func (p plain) Len() int { return p.Filter.Len() + p.overstated }

// byDistance returns the keys of all rows, nearest to q first.
func byDistance(t testing.TB, x *hnsw.Index[uint32], q []float32) []uint32 {
	t.Helper()
	return exactKeys(t, x, q, x.Len(), nil)[0]
}

// filterKinds say where the matches of a query lie, given all rows by their
// distance from it and from another one.
var filterKinds = map[string]func(r *rand.Rand, near, fromOther []uint32){
	"random": func(r *rand.Rand, near, _ []uint32) {
		r.Shuffle(len(near), func(i, j int) { near[i], near[j] = near[j], near[i] })
	},
	"near":  func(*rand.Rand, []uint32, []uint32) {},
	"far":   func(_ *rand.Rand, near, _ []uint32) { slices.Reverse(near) },
	"group": func(_ *rand.Rand, near, fromOther []uint32) { copy(near, fromOther) },
}

// TestFilters runs every selectivity, with matches spread at random, near the
// query, far from it and in a group elsewhere, each given to the planner in five
// ways.
func TestFilters(t *testing.T) {
	t.Parallel()
	const dim, k, ef = 12, 10, 64
	n, nq := 14_000, 12 // so that a tenth is worth a walk
	if testing.Short() {
		n, nq = 2_000, 6
	}
	r := random(11)
	rows := clustered(r, n+nq, dim, 100, 0.5)
	queries := rows[n*dim:]
	x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 8, EfConstruction: 120, ExactBelow: -1, RowNumbers: true})
	require.NoError(t, x.AddBatch(upTo(n), rows[:n*dim], nil))
	paths := map[hnsw.Path]int{}
	var orders [][]uint32
	for q := range slices.Chunk(queries, dim) {
		orders = append(orders, byDistance(t, x, q))
	}
	for _, kind := range slices.Sorted(maps.Keys(filterKinds)) { // in one order, or the draws differ from run to run
		arrange := filterKinds[kind]
		for _, per1000 := range []int{900, 500, 300, 100, 20, 10, 1, 0} {
			found, total := 0, 0
			for i, order := range orders {
				q, order := queries[i*dim:(i+1)*dim], slices.Clone(order)
				m := n * per1000 / 1000
				arrange(r, order, orders[(i+1)%nq])
				set := hnsw.Bitmap[uint32](roaring.BitmapOf(order[:m]...))
				truth := exactKeys(t, x, q, k, set)[0]
				require.Len(t, truth, min(k, m))
				keys := hnsw.Keys(order[:m]...)
				for _, f := range []hnsw.Filter[uint32]{set, keys, plain{set, 0}, plain{keys, n}, hnsw.FilterFunc[uint32](set.Contains)} {
					var trace hnsw.Trace
					hits, err := x.Search(q, k, &hnsw.SearchOptions[uint32]{Ef: ef, Filter: f, Trace: &trace}, nil)
					require.NoError(t, err)
					require.Len(t, hits, min(k, m), "%s, %d of %d: all the results there are", kind, m, n)
					for _, h := range hits {
						require.True(t, set.Contains(h.Key), "%s, %d of %d: only matches", kind, m, n)
						if slices.Contains(truth, h.Key) {
							found++
						}
					}
					total += len(truth)
					paths[trace.Path]++
				}
			}
			if total > 0 {
				assert.GreaterOrEqual(t, float64(found)/float64(total), 0.99, "%s, %d per 1000", kind, per1000)
			}
		}
	}
	if !testing.Short() {
		for _, p := range []hnsw.Path{hnsw.PathNone, hnsw.PathScan, hnsw.PathList, hnsw.PathGraphFiltered, hnsw.PathGraphHops} {
			assert.NotZero(t, paths[p], "no search took the path %q: %v", p, paths)
		}
	}
}

func TestFilterOfOneAndOfNone(t *testing.T) {
	const n, dim = 2_000, 6
	rows := gaussian(random(12), n, dim)
	x := newIndex(t, dim, hnsw.Cosine, &hnsw.Options{ExactBelow: -1})
	require.NoError(t, x.AddBatch(upTo(n), rows, nil))
	far := byDistance(t, x, rows[:dim])[n-1]
	for name, f := range map[string]hnsw.Filter[uint32]{
		"keys":     hnsw.Keys(far),
		"bitmap":   hnsw.Bitmap[uint32](roaring.BitmapOf(far)),
		"function": hnsw.FilterFunc[uint32](func(key uint32) bool { return key == far }),
		"absent":   hnsw.Keys(far, n+1, n+2),
		"repeated": repeating{far},
	} {
		keys := searchAll(t, x, rows[:dim], 10, &hnsw.SearchOptions[uint32]{Filter: f})
		assert.Equal(t, [][]uint32{{far}}, keys, name)
	}
	for name, f := range map[string]hnsw.Filter[uint32]{
		"keys":     hnsw.Keys[uint32](),
		"bitmap":   hnsw.Bitmap[uint32](nil),
		"function": hnsw.FilterFunc[uint32](func(uint32) bool { return false }),
		"absent":   hnsw.Keys[uint32](n+1, n+2),
	} {
		keys := searchAll(t, x, rows[:dim], 10, &hnsw.SearchOptions[uint32]{Filter: f})
		assert.Equal(t, [][]uint32{{}}, keys, name)
	}
}

// repeating lists its one key three times.
type repeating struct{ key uint32 }

func (r repeating) Contains(key uint32) bool { return key == r.key }
func (r repeating) Len() int                 { return 3 }
func (r repeating) All() iter.Seq[uint32] {
	return slices.Values([]uint32{r.key, r.key, r.key})
}

// TestAllButOne filters out nothing but the nearest row.
func TestAllButOne(t *testing.T) {
	const n, dim = 2_000, 6
	rows := gaussian(random(13), n, dim)
	x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 4, EfConstruction: 60, ExactBelow: -1})
	require.NoError(t, x.AddBatch(upTo(n), rows, nil))
	allow := roaring.New()
	allow.AddRange(0, n)
	for i := range 50 {
		allow.Remove(uint32(i))
		var trace hnsw.Trace
		hits, err := x.Search(rows[i*dim:(i+1)*dim], 3, &hnsw.SearchOptions[uint32]{Ef: 12, Filter: hnsw.Bitmap[uint32](allow), Trace: &trace}, nil)
		require.NoError(t, err)
		require.Len(t, hits, 3)
		assert.Equal(t, hnsw.PathGraphFiltered, trace.Path)
		assert.False(t, slices.ContainsFunc(hits, func(h hnsw.Result[uint32]) bool { return h.Key == uint32(i) }))
		allow.Add(uint32(i))
	}
}

// TestPathOfPlainSearches names the branch taken without a filter, on both
// sides of the threshold and while rows still wait to be linked.
func TestPathOfPlainSearches(t *testing.T) {
	const limit, dim = 200, 4
	rows := gaussian(random(14), 300, dim)
	x := newIndex(t, dim, hnsw.L2, &hnsw.Options{ExactBelow: limit})
	path := func(o hnsw.SearchOptions[uint32]) hnsw.Path {
		var trace hnsw.Trace
		o.Trace = &trace
		_, err := x.Search(rows[:dim], 5, &o, nil)
		require.NoError(t, err)
		return trace.Path
	}
	assert.Equal(t, hnsw.PathNone, path(hnsw.SearchOptions[uint32]{}))
	var want []hnsw.Path
	for i := range 300 {
		require.NoError(t, x.AddBatch([]uint32{uint32(i)}, rows[i*dim:(i+1)*dim], nil))
		switch s := x.Stats(); {
		case s.Rows <= limit:
			require.Zero(t, s.Linked)
			require.Equal(t, hnsw.PathScan, path(hnsw.SearchOptions[uint32]{}))
		case s.Linked < s.Rows:
			require.Equal(t, hnsw.PathScan, path(hnsw.SearchOptions[uint32]{}), "rows are waiting")
			want = append(want, hnsw.PathScan)
		default:
			require.Equal(t, hnsw.PathGraph, path(hnsw.SearchOptions[uint32]{}))
			require.Equal(t, hnsw.PathScan, path(hnsw.SearchOptions[uint32]{Exact: true}))
		}
		require.NoError(t, x.Check())
	}
	assert.Len(t, want, limit/8-1, "the graph catches up within limit/8 rows")
	x.Delete(upTo(150)...)
	require.NoError(t, x.Check())
	assert.Equal(t, hnsw.PathScan, path(hnsw.SearchOptions[uint32]{}), "below the threshold again")
	require.NoError(t, x.AddBatch(upTo(150), rows[:150*dim], nil))
	assert.Equal(t, hnsw.PathGraph, path(hnsw.SearchOptions[uint32]{}), "and above it")
	require.NoError(t, x.Check())
}

// TestAskingForEverything: k beyond the number of rows returns all, sorted.
func TestAskingForEverything(t *testing.T) {
	const n, dim = 700, 5
	rows := gaussian(random(15), n, dim)
	for _, exactBelow := range []int{-1, n} {
		x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 3, EfConstruction: 8, ExactBelow: exactBelow})
		require.NoError(t, x.AddBatch(upTo(n), rows, nil))
		for _, k := range []int{n, n + 1, int(^uint(0) >> 1)} { // walks and sorts
			hits, err := x.Search(rows[:dim], k, &hnsw.SearchOptions[uint32]{Ef: 1}, nil)
			require.NoError(t, err)
			require.Len(t, hits, n, fmt.Sprint("k = ", k))
			require.True(t, slices.IsSortedFunc(hits, func(a, b hnsw.Result[uint32]) int { return cmp.Compare(a.Distance, b.Distance) }))
		}
	}
}

// TestFilterThatPanics: the panic reaches who asked, and nobody else: writers do
// not wait for that search for ever, and later ones find what they should.
func TestFilterThatPanics(t *testing.T) {
	const n, dim = 2_000, 6
	rows := gaussian(random(16), n, dim)
	x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 4, EfConstruction: 40, ExactBelow: -1, RowNumbers: true})
	require.NoError(t, x.AddBatch(upTo(n), rows, nil))
	want := searchAll(t, x, rows[:50*dim], 5, nil)
	for _, exact := range []bool{true, false} {
		for _, after := range []int{0, 1, 40, 150} {
			calls := 0
			f := hnsw.FilterFunc[uint32](func(key uint32) bool {
				if calls++; calls > after {
					panic("of the caller")
				}
				return key%2 == 0
			})
			require.PanicsWithValue(t, "of the caller", func() {
				_, _ = x.Search(rows[:dim], 5, &hnsw.SearchOptions[uint32]{Filter: f, Exact: exact}, nil)
			})
		}
	}
	require.Equal(t, want, searchAll(t, x, rows[:50*dim], 5, nil))
	requireDeleted(t, 100, x, upTo(n)[n-100:]...)
	require.NoError(t, x.AddBatch(upTo(n)[n-100:], rows[(n-100)*dim:], nil))
	require.NoError(t, x.Check())
}
