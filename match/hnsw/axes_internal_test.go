package hnsw

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/internal/simd"
)

// inSpace returns rows that vary in so many directions, drawn by lot, and a
// little in all others.
func inSpace(seed uint64, n, dim, directions int, noise float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	axes := byLot(rand.New(rand.NewPCG(seed, 1)), directions, dim)
	rows := make([]float32, n*dim)
	for row := rows; len(row) > 0; row = row[dim:] {
		for i := range dim {
			row[i] = float32(noise * r.NormFloat64())
		}
		for a := range directions {
			f := float32(r.NormFloat64())
			for i := range dim {
				row[i] += f * axes[a*dim+i]
			}
		}
	}
	return rows
}

// TestPrincipalAxes: the axes are orthonormal and span the directions in which
// rows vary, however little there is of some of them.
func TestPrincipalAxes(t *testing.T) {
	const n, dim = 1_200, 200
	for _, c := range []struct {
		directions int
		least      float64
		most       float64
	}{{30, 0, 1e-5}, {3, 0, 1e-5}, {dim, 0.3, 0.7}} {
		x := indexOf(t, dim, L2, &Options{}, inSpace(41, n, dim, c.directions, 1e-3))
		g := x.g
		whole := newCodes(dim, dim)
		g.average(&whole, g.taken())
		axes, left := g.principal(&whole, some(g.taken(), sampledAlong), 56, 2)
		alone, _ := g.principal(&whole, some(g.taken(), sampledAlong), 56, 1)
		for a := range uint32(56) {
			require.Equal(t, alone.Floats(a), axes.Floats(a), "axis %d by one worker and by two", a)
		}
		assert.GreaterOrEqual(t, left, c.least)
		assert.LessOrEqual(t, left, c.most)
		for a := range uint32(56) {
			for b := range a + 1 {
				got := dot64(axes.Floats(a), axes.Floats(b))
				if a == b && (int(a) < c.directions || got != 0) { // beyond the directions there may be nothing
					got--
				}
				require.InDelta(t, 0, got, 1e-5, "axes %d and %d", a, b)
			}
		}
	}
}

// TestRowsThatSpanNothing: equal rows have no direction at all.
func TestRowsThatSpanNothing(t *testing.T) {
	const dim = 8
	axes := simd.NewTable(4 * dim)
	axes.Reserve(3)
	for a := range uint32(3) {
		for i := range dim {
			axes.Floats(a)[i] = float32(i + 1)
		}
	}
	orthonormalise(axes, 3)
	assert.InDelta(t, 1, squaredNorm(axes.Floats(0)), 1e-6)
	assert.Zero(t, squaredNorm(axes.Floats(1)))
	assert.Zero(t, squaredNorm(axes.Floats(2)))

	rows := make([]float32, (leastAlong+10)*128)
	for i := range rows {
		rows[i] = float32(i % 128)
	}
	x := indexOf(t, 128, L2, &Options{ExactBelow: leastAlong, M: 4, EfConstruction: 8}, rows)
	hits, err := x.Search(rows[:128], 3, nil, nil)
	require.NoError(t, err)
	require.Len(t, hits, 3)
	assert.Zero(t, hits[2].Distance)
}

// TestAxesOfLongRows: sums over rows as long as they may be overflow.
func TestAxesOfLongRows(t *testing.T) {
	const n, dim = leastAlong + 10, 128
	for _, length := range []float32{1e16, 1e-16} {
		rows := inSpace(46, n, dim, 5, 0)
		for i := range rows {
			rows[i] *= length
		}
		x := indexOf(t, dim, L2, &Options{ExactBelow: leastAlong, M: 4, EfConstruction: 8}, rows)
		for i := range 20 {
			hits, err := x.Search(rows[i*dim:(i+1)*dim], 1, &SearchOptions[uint32]{Exact: i%2 == 0}, nil)
			require.NoError(t, err)
			require.Equal(t, uint32(i), hits[0].Key)
			require.Zero(t, hits[0].Distance)
		}
		require.NoError(t, x.Check())
	}
}

// TestCodesAlongAxes: rows of few directions get short codes, whose distances are
// as near as the margin says and by which searches find what they should, under
// each metric, before and after rows come that lie elsewhere. Others do not.
func TestCodesAlongAxes(t *testing.T) {
	const n, dim, k, noise = 3_000, 160, 10, 0.02
	metrics := []Metric{Cosine, Dot, L2}
	if testing.Short() {
		metrics = metrics[:1]
	}
	for _, m := range metrics {
		rows := inSpace(42, n, dim, 24, noise)
		x := indexOf(t, dim, m, &Options{ExactBelow: -1, M: 8, EfConstruction: 60}, rows)
		g := x.g
		require.True(t, g.codes.good, m)
		require.Equal(t, 56, g.codes.width, m)
		assert.Equal(t, 64, g.codes.rows.Stride)
		requireNear(t, g, n)

		requireRecall(t, x, inSpace(42, 40, dim, 24, noise), k)
		was := g.codes.axes
		more := inSpace(43, n/4, dim, 24, noise)
		keys := make([]uint32, n/4)
		for i := range keys {
			keys[i] = uint32(n + i)
		}
		require.NoError(t, x.AddBatch(keys, more, nil))
		assert.NotSame(t, was, x.g.codes.axes, "%v: rows of other directions came", m)
		requireRecall(t, x, inSpace(43, 40, dim, 24, noise), k)
		require.NoError(t, x.Check())
	}
	x := indexOf(t, dim, Cosine, &Options{ExactBelow: -1, M: 4, EfConstruction: 20}, inSpace(42, n, dim, 24, 0.1))
	require.Equal(t, 56, x.g.codes.width)
	requireNear(t, x.g, n) // where more is left out than rounding takes
	x = indexOf(t, dim, L2, &Options{ExactBelow: -1, M: 8, EfConstruction: 60}, byLot(rand.New(rand.NewPCG(44, 0)), n, dim))
	assert.Nil(t, x.g.codes.axes, "rows of all directions")
	assert.Equal(t, dim, x.g.codes.width)
	compact := indexOf(t, dim, L2, &Options{ExactBelow: -1, M: 4, EfConstruction: 20, Mode: Compact}, inSpace(42, leastCompact, dim, 24, noise))
	assert.Nil(t, compact.g.codes.axes, "codes that are all there is")
}

// requireNear compares distances by codes with exact ones.
func requireNear(t *testing.T, g *graph, n int) {
	t.Helper()
	beyond, all := 0, 0
	var w walker
	var q query
	for s := uint32(0); s < uint32(n); s += 97 {
		g.askRow(&q, s)
		for o := range uint32(n) {
			all++
			if near := g.one(&w, &q, o).d; math.Abs(float64(near-g.between(s, o))) > float64(q.coder.margin) {
				beyond++
			}
		}
	}
	require.Less(t, beyond, all/100, "%v: %d of %d beyond the margin", g.Metric, beyond, all)
}

func requireRecall(t *testing.T, x *Index[uint32], queries []float32, k int) {
	t.Helper()
	found, total := 0, 0
	for dim := x.g.dim; len(queries) > 0; queries = queries[dim:] {
		truth, err := x.Search(queries[:dim], k, &SearchOptions[uint32]{Exact: true}, nil)
		require.NoError(t, err)
		hits, err := x.Search(queries[:dim], k, &SearchOptions[uint32]{Ef: 100}, nil)
		require.NoError(t, err)
		for _, h := range hits {
			for _, want := range truth {
				if h == want {
					found++
				}
			}
		}
		total += k
	}
	require.GreaterOrEqual(t, float64(found)/float64(total), 0.97, "%v", x.g.Metric)
}

// TestAxesAreSaved: a snapshot holds the axes, is the same for any number of
// workers, and goes on as the index that was saved would.
func TestAxesAreSaved(t *testing.T) {
	const n, dim = 2_600, 128
	rows := inSpace(45, 2*n, dim, 20, 0.1)
	keys := make([]uint32, 2*n)
	for i := range keys {
		keys[i] = uint32(i)
	}
	dir := t.TempDir()
	save := func(x *Index[uint32], name string) []byte {
		path := filepath.Join(dir, name)
		require.NoError(t, x.Save(path))
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		return b
	}
	build := func(workers int) *Index[uint32] {
		x, err := New[uint32](dim, &Options{ExactBelow: -1, M: 4, EfConstruction: 20})
		require.NoError(t, err)
		require.NoError(t, x.AddBatch(keys[:n], rows[:n*dim], &BatchOptions{Workers: workers}))
		require.NotNil(t, x.g.codes.axes)
		return x
	}
	x := build(1)
	b := save(x, "one")
	assert.True(t, bytes.Equal(b, save(build(3), "three")), "the same for any number of workers")
	y, err := Load[uint32](filepath.Join(dir, "one"))
	require.NoError(t, err)
	assert.True(t, bytes.Equal(b, save(y, "again")))
	for i := range 20 {
		q := rows[(n+i)*dim : (n+i+1)*dim]
		want, err := x.Search(q, 5, nil, nil)
		require.NoError(t, err)
		got, err := y.Search(q, 5, nil, nil)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, x := range []*Index[uint32]{x, y} {
		require.NoError(t, x.AddBatch(keys[n:], rows[n*dim:], nil))
	}
	assert.True(t, bytes.Equal(save(x, "x"), save(y, "y")), "changed alike")

	// A width that the sections do not have, a mode that has none.
	h, err := readHeader(b)
	require.NoError(t, err)
	for name, change := range map[string]func(h *header){
		"wider":   func(h *header) { h.width = 120 },
		"none":    func(h *header) { h.width = 0 },
		"whole":   func(h *header) { h.width = dim },
		"beyond":  func(h *header) { h.width = dim + 1 },
		"compact": func(h *header) { h.options.Mode = Compact },
	} {
		h := h
		change(&h)
		damaged := append(h.encode(), b[headerBytes:]...)
		_, err := parse[uint32](damaged, true)
		var wrong *SnapshotError
		require.ErrorAs(t, err, &wrong, name)
	}
}

// TestScansMindRowsAstray: of a few rows that lie across the axes codes say too
// little; scans compare them exactly, also in an index that was loaded.
func TestScansMindRowsAstray(t *testing.T) {
	const n, dim, most, few = 2_600, 128, 120, 30
	rows := inSpace(47, n, dim, 20, 0.1)
	x := indexOf(t, dim, L2, &Options{ExactBelow: -1, M: 4, EfConstruction: 20, RowNumbers: true}, rows)
	c := &x.g.codes
	require.NotNil(t, c.axes)
	require.Zero(t, c.astray)
	var p parts
	away := byLot(rand.New(rand.NewPCG(48, 0)), 1, dim) // less what is along the axes
	for range 2 {
		whole := *c
		whole.mean = make([]float32, dim)
		for a, f := range whole.take(&p, away, &x.g.kernels) {
			addTimes(away, -f, c.axes.Floats(uint32(a))[:dim])
		}
	}
	length := math.Sqrt(float64(squaredNorm(away)))
	shifted := func(row []float32, by float64) []float32 {
		row = append([]float32(nil), row...)
		addTimes(row, float32(by*float64(c.rest)/length), away)
		return row
	}
	all := roaring.New()
	all.AddRange(0, n+few)
	for i := range few {
		require.NoError(t, x.Add(uint32(n+i), shifted(rows[i*dim:(i+1)*dim], 40)))
	}
	require.Equal(t, few, x.g.codes.astray)
	path := filepath.Join(t.TempDir(), "x")
	require.NoError(t, x.Save(path))
	loaded, err := Load[uint32](path)
	require.NoError(t, err)
	for _, x := range []*Index[uint32]{x, loaded} {
		for i := range few {
			q := shifted(rows[i*dim:(i+1)*dim], 1.5)
			want, err := x.Search(q, most, &SearchOptions[uint32]{Exact: true}, nil)
			require.NoError(t, err)
			last := slices.IndexFunc(want, func(h Result[uint32]) bool { return h.Key == uint32(n+i) })
			require.Positive(t, last, "nearer than most")
			requireScanned(t, x, q, all, want[:last+1], "astray")
		}
	}
}

// TestRowsWithinTheirAxes: where axes leave nothing but rounding, rounding does not
// make a query one that lies elsewhere.
func TestRowsWithinTheirAxes(t *testing.T) {
	const n, dim = 2_600, 128
	rows := inSpace(49, n, dim, 20, 0)
	x := indexOf(t, dim, Cosine, &Options{ExactBelow: -1, M: 4, EfConstruction: 20}, rows)
	require.NotNil(t, x.g.codes.axes)
	require.Zero(t, x.g.codes.astray)
	var q query
	for s := range uint32(n) {
		x.g.askRow(&q, s)
		require.True(t, q.coded, "row %d, %v across", s, q.coder.across)
	}
}
