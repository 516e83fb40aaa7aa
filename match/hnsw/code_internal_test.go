package hnsw

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/internal/simd"
)

func normals(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func indexOf(t testing.TB, dim int, m Metric, o *Options, rows []float32) *Index[uint32] {
	t.Helper()
	x, err := New[uint32](dim, under(o, m))
	require.NoError(t, err)
	keys := make([]uint32, len(rows)/dim)
	for i := range keys {
		keys[i] = uint32(i)
	}
	require.NoError(t, x.AddBatch(keys, rows, nil))
	return x
}

// A code gives each component to within half its scale, and distances by codes
// lie as near the exact ones as the margin says.
func TestCodesAreNear(t *testing.T) {
	const dim, n = 96, 700
	for _, m := range []Metric{Cosine, Dot, L2} {
		rows := normals(1, n*dim)
		for i := range rows {
			rows[i] += 3 // what all have in common
		}
		x := indexOf(t, dim, m, &Options{ExactBelow: -1}, rows)
		g := x.g
		require.True(t, g.codes.good, m)
		for s := range uint32(n) {
			side, code := g.codes.side(s), g.codes.code(s)
			for i, f := range g.row(s) {
				got := float64(g.codes.mean[i]) + float64(side.scale)*(float64(code[i])-128)
				require.InDelta(t, f, got, 0.51*float64(side.scale)+1e-6, "%v, slot %d", m, s)
			}
		}
		beyond, all := 0, 0
		var w walker
		var q query
		for s := uint32(0); s < n; s += 50 {
			g.askRow(&q, s)
			for o := range uint32(n) {
				near := g.one(&w, &q, o).d
				all++
				if math.Abs(float64(near-g.between(s, o))) > float64(q.coder.margin) {
					beyond++
				}
			}
		}
		assert.Less(t, beyond, all/100, "%v: %d of %d beyond the margin", m, beyond, all)
	}
}

// TestCodesThatRankBadlyAreNotUsed: one component that dwarfs all others leaves
// nothing of them in a code of one byte.
func TestCodesThatRankBadlyAreNotUsed(t *testing.T) {
	const dim, n = 32, 1200
	rows := normals(2, n*dim)
	r := rand.New(rand.NewPCG(3, 0))
	for i := 0; i < len(rows); i += dim {
		rows[i] = float32(r.IntN(2)) * 1e5
	}
	x := indexOf(t, dim, L2, &Options{ExactBelow: -1}, rows)
	assert.Equal(t, "float32", x.Stats().Walks)
	hits, found := 0, 0
	for q := 0; q < n; q += 30 {
		near, err := x.Search(rows[q*dim:(q+1)*dim], 10, &SearchOptions[uint32]{Ef: 64}, nil)
		require.NoError(t, err)
		exact, err := x.Search(rows[q*dim:(q+1)*dim], 10, &SearchOptions[uint32]{Exact: true}, nil)
		require.NoError(t, err)
		for _, e := range exact {
			hits++
			for _, f := range near {
				if f == e {
					found++
				}
			}
		}
	}
	assert.Greater(t, float64(found), 0.97*float64(hits))
	// The same rows without it are worth their codes.
	for i := 0; i < len(rows); i += dim {
		rows[i] = 0
	}
	assert.Equal(t, "int8", indexOf(t, dim, L2, &Options{ExactBelow: -1}, rows).Stats().Walks)
	assert.Equal(t, "float32", indexOf(t, dim, L2, &Options{ExactBelow: -1, Mode: Float32}, rows).Stats().Walks)
	assert.Zero(t, indexOf(t, dim, L2, &Options{Mode: Float32}, rows).Stats().CodeBytes)
}

// TestEveryKernelGivesTheSameGraph: links, codes and answers do not depend on
// the processor.
func TestEveryKernelGivesTheSameGraph(t *testing.T) {
	const dim = 50
	n := uint32(1500)
	if testing.Short() {
		n = 500
	}
	rows := normals(4, int(n)*dim)
	for _, m := range []Metric{Cosine, Dot, L2} {
		var first *graph
		for _, k := range simd.AllRows() {
			x, err := New[uint32](dim, &Options{Metric: m, ExactBelow: -1, M: 8, EfConstruction: 40})
			require.NoError(t, err)
			x.g.kernels = k
			for i := range n {
				require.NoError(t, x.AddBatch([]uint32{i}, rows[int(i)*dim:int(i+1)*dim], nil))
				if i%7 == 6 {
					x.Delete(i - 3)
				}
			}
			require.NoError(t, x.Check())
			if first == nil {
				first = x.g
				continue
			}
			require.Equal(t, first.codes.good, x.g.codes.good)
			requireSame(t, first, x.g, k.Name)
		}
	}
}

// requireSame compares graphs, down to their codes.
func requireSame(t *testing.T, a, b *graph, why string) {
	t.Helper()
	require.Equal(t, a.slots, b.slots, why)
	require.Equal(t, []int{int(a.entry), a.top, int(a.root), a.uppers}, []int{int(b.entry), b.top, int(b.root), b.uppers}, why)
	for s := range uint32(a.slots) {
		require.Equal(t, *a.nodes.at(s), *b.nodes.at(s), "%s, slot %d", why, s)
		require.Equal(t, a.level0.Words(s), b.level0.Words(s), "%s, slot %d", why, s)
		require.Equal(t, a.codes.code(s), b.codes.code(s), "%s, slot %d", why, s)
		require.Equal(t, *a.codes.side(s), *b.codes.side(s), "%s, slot %d", why, s)
		require.Equal(t, *a.above.at(s), *b.above.at(s), "%s, slot %d", why, s)
	}
	for i := range uint32(a.uppers) {
		require.Equal(t, a.upper.Words(i), b.upper.Words(i), "%s, upper list %d", why, i)
	}
}

// TestQuantise: the extremes of a row are ±127, and what is all but zero is zero.
func TestQuantise(t *testing.T) {
	code := make([]int8, 4)
	scale, sum := quantise(code, []float32{1, -1, 0.5, 0}, 0)
	assert.Equal(t, []int8{127, -127, 64, 0}, code)
	assert.EqualValues(t, 64, sum)
	assert.InDelta(t, 1.0/127, scale, 1e-9)
	for _, row := range [][]float32{{0, 0, 0, 0}, {math.SmallestNonzeroFloat32, 0, 0, 0}} {
		scale, sum = quantise(code, row, 0)
		assert.Zero(t, scale)
		assert.Zero(t, sum)
		assert.Equal(t, make([]int8, 4), code)
	}
	scale, _ = quantise(code, []float32{math.MaxFloat32, -math.MaxFloat32, 0, 0}, 0)
	assert.False(t, math.IsInf(float64(scale), 0))
	assert.Equal(t, []int8{127, -127, 0, 0}, code)
}

func under(o *Options, m Metric) *Options {
	c := *o
	c.Metric = m
	return &c
}
