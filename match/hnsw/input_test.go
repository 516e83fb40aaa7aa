package hnsw_test

import (
	"errors"
	"math"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		dim   int
		m     hnsw.Metric
		o     *hnsw.Options
		field string
	}{
		{0, hnsw.L2, nil, "dim"},
		{-1, hnsw.L2, nil, "dim"},
		{hnsw.MaxDim + 1, hnsw.L2, nil, "dim"},
		{3, 3, nil, "Options.Metric"},
		{3, hnsw.L2, &hnsw.Options{M: 1}, "Options.M"},
		{3, hnsw.L2, &hnsw.Options{M: 65}, "Options.M"},
		{3, hnsw.L2, &hnsw.Options{M: -1}, "Options.M"},
		{3, hnsw.L2, &hnsw.Options{EfConstruction: -1}, "Options.EfConstruction"},
		{3, hnsw.L2, &hnsw.Options{EfConstruction: 5000}, "Options.EfConstruction"},
	} {
		_, err := hnsw.New[uint64](c.dim, withMetric(c.o, c.m))
		e, ok := errors.AsType[*hnsw.RangeError](err)
		require.True(t, ok, "%+v: %v", c, err)
		assert.Equal(t, c.field, e.Field)
		assert.ErrorIs(t, err, hnsw.ErrRange)
		assert.Contains(t, err.Error(), "hnsw: "+c.field)
	}
}

func TestAddBatchRefusesTheWholeBatch(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for name, c := range map[string]struct {
		keys []string
		vecs []float32
		want error
		text string
	}{
		"too short":  {[]string{"a", "b"}, []float32{1, 2, 3}, hnsw.ErrDimension, "hnsw: vecs has 3 values, want 4"},
		"too long":   {[]string{"a"}, []float32{1, 2, 3, 4}, hnsw.ErrDimension, "hnsw: vecs has 4 values, want 2"},
		"no vectors": {[]string{"a"}, nil, hnsw.ErrDimension, "hnsw: vecs has 0 values, want 2"},
		"nan":        {[]string{"a", "b"}, []float32{1, 2, 3, nan}, hnsw.ErrNotFinite, "hnsw: row 1, component 1: not finite"},
		"infinite":   {[]string{"a", "b"}, []float32{1, 2, inf, 1}, hnsw.ErrNotFinite, "hnsw: row 1, component 0: not finite"},
		"zero":       {[]string{"a", "b"}, []float32{1, 2, 0, 0}, hnsw.ErrZeroVector, "hnsw: row 1: zero vector under cosine"},
		"huge":       {[]string{"a", "b"}, []float32{1, 2, 1e18, 1e18}, hnsw.ErrTooLong, "hnsw: row 1: norm above 1e18"},
		"twice":      {[]string{"a", "b", "a"}, []float32{1, 2, 3, 4, 5, 6}, hnsw.ErrDuplicateKey, "hnsw: row 2: key repeated within the batch"},
	} {
		t.Run(name, func(t *testing.T) {
			x, err := hnsw.New[string](2, &hnsw.Options{Metric: hnsw.Cosine, ExactBelow: -1})
			require.NoError(t, err)
			require.NoError(t, x.AddBatch([]string{"a"}, []float32{0, 1}, nil))
			before := x.Stats()
			err = x.AddBatch(c.keys, c.vecs, nil)
			require.ErrorIs(t, err, c.want)
			assert.EqualError(t, err, c.text)
			assert.Equal(t, before, x.Stats(), "nothing changed")
			v, _ := x.Get("a", nil)
			assert.Equal(t, []float32{0, 1}, v)
			_, ok := x.Get("b", nil)
			assert.False(t, ok)
		})
	}
}

func TestSearchRefuses(t *testing.T) {
	x := newIndex(t, 2, hnsw.Cosine, nil)
	dst := []hnsw.Result[uint32]{{Key: 9}}
	for name, c := range map[string]struct {
		q    []float32
		k    int
		ef   int
		want error
		text string
	}{
		"short":    {[]float32{1}, 1, 0, hnsw.ErrDimension, "hnsw: query has 1 values, want 2"},
		"nil":      {nil, 1, 0, hnsw.ErrDimension, "hnsw: query has 0 values, want 2"},
		"k zero":   {[]float32{1, 1}, 0, 0, hnsw.ErrRange, "hnsw: k is 0, want 1 to 9223372036854775807"},
		"negative": {[]float32{1, 1}, -3, 0, hnsw.ErrRange, "hnsw: k is -3, want 1 to 9223372036854775807"},
		"ef":       {[]float32{1, 1}, 1, -1, hnsw.ErrRange, "hnsw: SearchOptions.Ef is -1, want 0 to 9223372036854775807"},
		"nan":      {[]float32{1, float32(math.NaN())}, 1, 0, hnsw.ErrNotFinite, "hnsw: query, component 1: not finite"},
		"zero":     {[]float32{0, 0}, 1, 0, hnsw.ErrZeroVector, "hnsw: query: zero vector under cosine"},
		"huge":     {[]float32{3e38, 3e38}, 1, 0, hnsw.ErrTooLong, "hnsw: query: norm above 1e18"},
	} {
		t.Run(name, func(t *testing.T) {
			hits, err := x.Search(c.q, c.k, &hnsw.SearchOptions[uint32]{Ef: c.ef}, dst)
			require.ErrorIs(t, err, c.want)
			assert.EqualError(t, err, c.text)
			assert.Equal(t, dst, hits)
		})
	}
}

// TestZeroVectorElsewhere: only Cosine has no place for it.
func TestZeroVectorElsewhere(t *testing.T) {
	for _, m := range []hnsw.Metric{hnsw.Dot, hnsw.L2} {
		x := newIndex(t, 2, m, nil)
		require.NoError(t, x.AddBatch([]uint32{1}, []float32{0, 0}, nil))
		hits, err := x.Search([]float32{0, 0}, 1, nil, nil)
		require.NoError(t, err)
		assert.Equal(t, []hnsw.Result[uint32]{{Key: 1}}, hits)
	}
}

// TestEmptyCalls: nothing to do is not an error.
func TestEmptyCalls(t *testing.T) {
	x := newIndex(t, 2, hnsw.L2, nil)
	require.NoError(t, x.AddBatch(nil, nil, nil))
	requireDeleted(t, 0, x)
	requireDeleted(t, 0, x, 1, 2)
	hits, err := x.Search([]float32{1, 2}, 3, nil, nil)
	require.NoError(t, err)
	assert.Empty(t, hits)
	_, ok := x.Get(1, nil)
	assert.False(t, ok)
	require.NoError(t, x.Check())
}

// TestSlicesStayTheCallers: what the caller does to its slices afterwards
// does not reach the index, and results are appended.
func TestSlicesStayTheCallers(t *testing.T) {
	x := newIndex(t, 2, hnsw.L2, nil)
	vecs := []float32{1, 2}
	require.NoError(t, x.AddBatch([]uint32{1}, vecs, nil))
	vecs[0] = 100
	got, ok := x.Get(1, []float32{7})
	require.True(t, ok)
	assert.Equal(t, []float32{7, 1, 2}, got)
	got[1] = 100
	hits, err := x.Search([]float32{1, 2}, 1, nil, []hnsw.Result[uint32]{{Key: 5}})
	require.NoError(t, err)
	assert.Equal(t, []hnsw.Result[uint32]{{Key: 5}, {Key: 1}}, hits)
}

// TestSearchAllocatesNothing covers every path with the caller's buffer.
func TestSearchAllocatesNothing(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("instrumented")
	}
	const n, dim = 6_000, 8
	rows := gaussian(random(51), n, dim)
	x := newIndex(t, dim, hnsw.Cosine, &hnsw.Options{M: 4, EfConstruction: 40, ExactBelow: -1, RowNumbers: true})
	require.NoError(t, x.AddBatch(upTo(n), rows, nil))
	even := hnsw.FilterFunc[uint32](func(key uint32) bool { return key%2 == 0 })
	every := func(step int) hnsw.Filter[uint32] { // as a map's order is by lot
		b := roaring.New()
		for key := 0; key < n; key += step {
			b.Add(uint32(key))
		}
		return hnsw.Bitmap[uint32](b)
	}
	for name, c := range map[string]struct {
		o    *hnsw.SearchOptions[uint32]
		path hnsw.Path
	}{
		"graph":       {nil, hnsw.PathGraph},
		"scan":        {&hnsw.SearchOptions[uint32]{Exact: true}, hnsw.PathScan},
		"function":    {&hnsw.SearchOptions[uint32]{Filter: even}, hnsw.PathGraphFiltered},
		"both":        {&hnsw.SearchOptions[uint32]{Filter: even, Exact: true}, hnsw.PathScan},
		"few":         {&hnsw.SearchOptions[uint32]{Filter: every(100)}, hnsw.PathList},
		"some":        {&hnsw.SearchOptions[uint32]{Filter: every(6)}, hnsw.PathGraphHops},
		"half":        {&hnsw.SearchOptions[uint32]{Filter: every(2)}, hnsw.PathGraphFiltered},
		"half, exact": {&hnsw.SearchOptions[uint32]{Filter: every(2), Exact: true}, hnsw.PathList},
	} {
		dst := make([]hnsw.Result[uint32], 0, 10)
		i, paths := 0, 0
		var trace hnsw.Trace
		var o hnsw.SearchOptions[uint32]
		if c.o != nil {
			o = *c.o
		}
		o.Ef, o.Trace = 40, &trace
		per := testing.AllocsPerRun(200, func() {
			_, _ = x.Search(rows[i*dim:(i+1)*dim], 10, &o, dst)
			if trace.Path == c.path {
				paths++
			}
			i++
		})
		assert.Greater(t, paths, 150, "%s took another path", name)
		if !raceEnabled { // sync.Pool drops items at random under the race detector
			assert.Zero(t, per, name)
		}
	}
}
