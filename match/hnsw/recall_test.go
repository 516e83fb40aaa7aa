package hnsw_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

// shapes are the data a graph must cope with.
var shapes = []struct {
	name  string
	why   string
	rows  func(n, dim int) []float32
	floor float64 // of recall@10 at ef 64
}{
	{"gaussian", "no structure at all, the hard case", func(n, dim int) []float32 { return gaussian(random(1), n, dim) }, 0.97},
	{"clustered", "what embeddings look like", func(n, dim int) []float32 { return clustered(random(2), n, dim, 50, 0.3) }, 0.99},
	{"one cluster", "small differences on a large offset", func(n, dim int) []float32 { return clustered(random(3), n, dim, n, 0.01) }, 0.97},
	{"sorted", "inserted along a line, the worst order for a graph", func(n, dim int) []float32 {
		v := gaussian(random(4), n, dim)
		for i := range v {
			v[i] = 0.02*v[i] + float32(i/dim)/float32(n)*float32(i%2)
		}
		return v
	}, 0.97},
	{"cluster by cluster", "regions that grow one after another", func(n, dim int) []float32 {
		v := clustered(random(5), n, dim, 100, 0.2)
		rows := slices.Collect(slices.Chunk(v, dim))
		slices.SortFunc(rows, func(a, b []float32) int { return cmp.Compare(a[0], b[0]) })
		return slices.Concat(rows...)
	}, 0.99},
}

func TestRecall(t *testing.T) {
	const dim = 16
	n := 3_000
	if testing.Short() {
		n = 1_000
	}
	for _, shape := range shapes {
		for _, m := range []hnsw.Metric{hnsw.Cosine, hnsw.L2} {
			t.Run(shape.name+"/"+m.String(), func(t *testing.T) {
				t.Parallel()
				rows := shape.rows(n+50, dim)
				queries := rows[n*dim:]
				x := newIndex(t, dim, m, &hnsw.Options{ExactBelow: -1})
				require.NoError(t, x.AddBatch(upTo(n), rows[:n*dim], nil))
				require.NoError(t, x.Check())
				for _, k := range []int{1, 10, 100} {
					truth := exactKeys(t, x, queries, k, nil)
					low, high := recallOf(t, x, queries, k, 2*k, nil, truth), recallOf(t, x, queries, k, 64+4*k, nil, truth)
					assert.GreaterOrEqual(t, high, shape.floor, "k=%d", k)
					assert.GreaterOrEqual(t, high+0.005, low, "k=%d: recall rises with ef", k)
				}
			})
		}
	}
}

// TestRecallOfInnerProducts has rows of very different lengths, where the
// longest crowd the answers.
func TestRecallOfInnerProducts(t *testing.T) {
	const n, dim = 2_000, 16
	r := random(6)
	rows, queries := gaussian(r, n, dim), gaussian(r, 50, dim)
	for i := range n {
		f := float32(math.Exp(r.NormFloat64()))
		for j := range dim {
			rows[i*dim+j] *= f
		}
	}
	x := newIndex(t, dim, hnsw.Dot, &hnsw.Options{ExactBelow: -1})
	require.NoError(t, x.AddBatch(upTo(n), rows, nil))
	require.NoError(t, x.Check())
	assert.GreaterOrEqual(t, recallOf(t, x, queries, 10, 64, nil, exactKeys(t, x, queries, 10, nil)), 0.97)
}

// TestDuplicates: many equal rows fill each other's lists and would shut out
// the rest of the world, if copies counted as directions.
func TestDuplicates(t *testing.T) {
	const copies, dim = 300, 8 // more copies than EfConstruction
	groups := 20
	if testing.Short() {
		groups = 8
	}
	distinct := gaussian(random(7), groups, dim)
	for _, order := range []string{"by group", "interleaved"} {
		t.Run(order, func(t *testing.T) {
			x := newIndex(t, dim, hnsw.L2, &hnsw.Options{ExactBelow: -1})
			var rows []float32
			for i := range groups * copies {
				g := i / copies
				if order == "interleaved" {
					g = i % groups
				}
				rows = append(rows, distinct[g*dim:(g+1)*dim]...)
			}
			require.NoError(t, x.AddBatch(upTo(groups*copies), rows, nil))
			require.NoError(t, x.Check())
			for g := range groups {
				hits, err := x.Search(distinct[g*dim:(g+1)*dim], 5, nil, nil)
				require.NoError(t, err)
				require.Len(t, hits, 5)
				for _, h := range hits {
					require.Zero(t, h.Distance, "group %d has 300 rows at distance 0", g)
				}
			}
		})
	}
}

func TestEveryRowFindsItself(t *testing.T) {
	const dim = 12
	n := 2_000
	if testing.Short() {
		n = 700
	}
	for _, shape := range shapes {
		rows := shape.rows(n, dim)
		x := newIndex(t, dim, hnsw.L2, &hnsw.Options{ExactBelow: -1})
		require.NoError(t, x.AddBatch(upTo(n), rows, nil))
		for i, keys := range searchAll(t, x, rows, 1, &hnsw.SearchOptions[uint32]{Ef: 20}) {
			require.Equal(t, []uint32{uint32(i)}, keys, "%s: row %d", shape.name, i)
		}
	}
}

// TestScanIsExact compares the scan, the truth of every other test, with
// float64 and a sort.
func TestScanIsExact(t *testing.T) {
	const n, dim, k = 500, 33, 20
	r := random(8)
	rows, q := gaussian(r, n, dim), gaussian(r, 1, dim)
	for _, m := range []hnsw.Metric{hnsw.Cosine, hnsw.Dot, hnsw.L2} {
		x := newIndex(t, dim, m, nil)
		require.NoError(t, x.AddBatch(upTo(n), rows, nil))
		hits, err := x.Search(q, k, nil, nil)
		require.NoError(t, err)
		want := make([]float64, n)
		for i := range n {
			want[i] = distance64(m, q, rows[i*dim:(i+1)*dim])
		}
		order := upTo(n)
		slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(want[a], want[b]) })
		for i, h := range hits {
			assert.Equal(t, order[i], h.Key, "%v: place %d", m, i)
			assert.InDelta(t, want[h.Key], h.Distance, 1e-5*(1+math.Abs(want[h.Key])), "%v: place %d", m, i)
		}
	}
}

// distance64 states each metric's definition.
func distance64(m hnsw.Metric, x, y []float32) float64 {
	var dot, xx, yy float64
	for i := range x {
		a, b := float64(x[i]), float64(y[i])
		dot, xx, yy = dot+a*b, xx+a*a, yy+b*b
	}
	switch m {
	case hnsw.Cosine:
		return 1 - dot/math.Sqrt(xx*yy)
	case hnsw.Dot:
		return -dot
	default:
		return xx + yy - 2*dot
	}
}

// TestCosineOfExtremeLengths: only the direction counts, for the shortest and
// the longest vectors that are accepted.
func TestCosineOfExtremeLengths(t *testing.T) {
	x := newIndex(t, 2, hnsw.Cosine, nil)
	require.NoError(t, x.AddBatch([]uint32{1, 2, 3}, []float32{1e-45, 0, 0, 1e17, 1e17, 1e17}, nil))
	hits, err := x.Search([]float32{1e-30, 0}, 3, nil, nil)
	require.NoError(t, err)
	require.Len(t, hits, 3)
	assert.Equal(t, []uint32{1, 3, 2}, []uint32{hits[0].Key, hits[1].Key, hits[2].Key})
	assert.Zero(t, hits[0].Distance)
	assert.InDelta(t, 1-math.Sqrt2/2, hits[1].Distance, 1e-6)
	assert.InDelta(t, 1, hits[2].Distance, 1e-6)
}

// TestLongestVectorsStayFinite: no distance overflows at the documented limit.
func TestLongestVectorsStayFinite(t *testing.T) {
	for _, m := range []hnsw.Metric{hnsw.Dot, hnsw.L2} {
		x := newIndex(t, 1, m, &hnsw.Options{ExactBelow: -1})
		require.NoError(t, x.AddBatch([]uint32{1, 2}, []float32{-9.9e17, 9.9e17}, nil))
		hits, err := x.Search([]float32{9.9e17}, 2, nil, nil)
		require.NoError(t, err)
		require.Len(t, hits, 2)
		assert.Equal(t, uint32(2), hits[0].Key)
		for _, h := range hits {
			assert.False(t, math.IsInf(float64(h.Distance), 0) || h.Distance != h.Distance)
		}
	}
}

func TestTiesAreBrokenBySlot(t *testing.T) {
	for _, exactBelow := range []int{-1, 100} {
		x := newIndex(t, 1, hnsw.L2, &hnsw.Options{ExactBelow: exactBelow})
		require.NoError(t, x.AddBatch([]uint32{9, 4, 7, 1}, []float32{1, -1, 1, -1}, nil))
		assert.Equal(t, [][]uint32{{9, 4, 7, 1}}, searchAll(t, x, []float32{0}, 4, nil))
	}
}
