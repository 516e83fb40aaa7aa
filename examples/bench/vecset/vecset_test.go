package vecset_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/vecfile"
	"github.com/deeperpoint/csss/examples/bench/vecset"
)

func random(rows, dim int, seed uint64) vecset.Table {
	r := rand.New(rand.NewPCG(seed, 0))
	t := vecset.Table{Dim: dim}
	for range rows * dim {
		t.Values = append(t.Values, float32(r.NormFloat64()))
	}
	return t
}

func TestExactIsTheSortedOrder(t *testing.T) {
	for _, metric := range vecset.Metrics {
		s := &vecset.Set{Metric: metric, Base: random(700, 20, 1), Queries: random(37, 20, 2)}
		copy(s.Base.Row(9), s.Base.Row(500)) // of equals the earlier comes first
		require.NoError(t, s.Check())
		require.NoError(t, s.Unit())
		got, err := vecset.Exact(t.Context(), s, 100, func(int) {})
		require.NoError(t, err)
		require.NoError(t, vecset.CheckTruth(s, got, 100))
		for q := range s.Queries.Rows() {
			ids := make([]int32, s.Base.Rows())
			for i := range ids {
				ids[i] = int32(i)
			}
			slices.SortStableFunc(ids, func(a, b int32) int {
				d := s.Distance(q, int(a)) - s.Distance(q, int(b))
				return int(math.Copysign(1, d)) * min(1, int(math.Ceil(math.Abs(d))))
			})
			assert.Equal(t, ids[:100], got.IDs.Row(q), metric)
			assert.InDelta(t, s.Distance(q, int(ids[99])), got.Distances.Row(q)[99], 1e-4)
		}
	}
}

func TestRankingsGoOnWhereExactEnds(t *testing.T) {
	for _, metric := range vecset.Metrics {
		s := &vecset.Set{Metric: metric, Base: random(300, 12, 1), Queries: random(9, 12, 2)}
		copy(s.Base.Row(9), s.Base.Row(200)) // of equals the earlier comes first
		require.NoError(t, s.Unit())
		truth, err := vecset.Exact(t.Context(), s, 50, func(int) {})
		require.NoError(t, err)
		rankings := make([][]int32, s.Queries.Rows())
		require.NoError(t, vecset.Rankings(t.Context(), s, func(q int, rows []int32) { rankings[q] = rows }))
		for q, rows := range rankings {
			assert.Equal(t, truth.IDs.Row(q), rows[:50], metric)
			assert.Len(t, rows, 300)
			for i := range rows[1:] {
				assert.LessOrEqual(t, s.Distance(q, int(rows[i])), s.Distance(q, int(rows[i+1])))
			}
		}
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	s := &vecset.Set{Metric: vecset.L2, Base: random(3, 2, 1), Queries: random(1, 2, 2)}
	require.ErrorIs(t, vecset.Rankings(over, s, func(int, []int32) {}), context.Canceled)
}

func TestTruthIsKeptByTheHashOfItsSet(t *testing.T) {
	dir := t.TempDir()
	s := &vecset.Set{Metric: vecset.L2, Base: random(50, 4, 1), Queries: random(5, 4, 2)}
	calls := 0
	first, err := vecset.CachedTruth(t.Context(), dir, s, 100, func(int) { calls++ })
	require.NoError(t, err)
	again, err := vecset.CachedTruth(t.Context(), dir, s, 100, func(int) { calls++ })
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Equal(t, 1, calls)

	files, err := filepath.Glob(filepath.Join(dir, "truth-*.ibin"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.Truncate(files[0], 40))
	again, err = vecset.CachedTruth(t.Context(), dir, s, 100, func(int) { calls++ })
	require.NoError(t, err)
	assert.Equal(t, first, again, "a damaged file is made again")
	s.Base.Values[0]++
	_, err = vecset.CachedTruth(t.Context(), dir, s, 100, func(int) { calls++ })
	require.NoError(t, err)
	assert.Equal(t, 3, calls)
}

func TestClustersArePrefixesOfOneSet(t *testing.T) {
	few, err := vecset.Clusters(t.Context(), 10, 3)
	require.NoError(t, err)
	more, err := vecset.Clusters(t.Context(), 1200, 5)
	require.NoError(t, err)
	assert.Equal(t, few.Base, more.Base.Head(10))
	assert.Equal(t, few.Queries, more.Queries.Head(3))
	var norm float64
	for _, x := range more.Base.Row(1199) {
		norm += float64(x) * float64(x)
	}
	assert.InDelta(t, 1, norm, 1e-5)
	assert.NotEqual(t, few.Base.Row(0), few.Queries.Row(0))
}

// packages is a list in which sixty topics have words of their own.
func packages() string {
	var b strings.Builder
	r := rand.New(rand.NewPCG(3, 0))
	for range 900 {
		topic := r.IntN(60)
		fmt.Fprintf(&b, "Package: p%d\nVersion: 9\nDescription: Word%d%c word%d alone%d\n", r.IntN(400), topic, 'a'+rune(r.IntN(8)), topic, r.IntN(90))
		fmt.Fprintf(&b, " word%d%c word%d%c of\nDepends: lib%d (>= 2) | lib%d\n\n", topic, 'a'+rune(r.IntN(8)), topic, 'a'+rune(r.IntN(8)), topic, topic)
	}
	return b.String()
}

func TestWordsOfOneTopicAreNeighbours(t *testing.T) {
	s, err := vecset.Words(t.Context(), strings.NewReader(packages()), 60)
	require.NoError(t, err)
	require.NoError(t, s.Check())
	assert.Equal(t, 100, s.Base.Dim)
	assert.Equal(t, 60, s.Queries.Rows())
	assert.Greater(t, s.Base.Rows(), 400)
	again, err := vecset.Words(t.Context(), strings.NewReader(packages()), 60)
	require.NoError(t, err)
	assert.Equal(t, s, again)
	require.NoError(t, s.Unit())
	truth, err := vecset.Exact(t.Context(), s, 5, func(int) {})
	require.NoError(t, err)
	close := 0
	for q := range 60 {
		if truth.Distances.Row(q)[4] < 0.6 {
			close++
		}
	}
	assert.Greater(t, close, 40, "random vectors of 100 components are never as near")

	_, err = vecset.Words(t.Context(), strings.NewReader("Package: a\n"), 1)
	require.ErrorIs(t, err, vecset.ErrSet)
}

func TestWhatMakesNoSetIsRefused(t *testing.T) {
	good := random(3, 2, 1)
	for says, s := range map[string]vecset.Set{
		"metric \"\" is none of":     {Base: good, Queries: good},
		"0 rows and 3 queries":       {Metric: vecset.L2, Queries: good},
		"dim 2 of the base is not 3": {Metric: vecset.L2, Base: good, Queries: random(2, 3, 1)},
	} {
		err := s.Check()
		require.ErrorIs(t, err, vecset.ErrSet)
		assert.ErrorContains(t, err, says)
	}
	zero := vecset.Set{Metric: vecset.Cosine, Base: good, Queries: vecset.Table{Dim: 2, Values: make([]float32, 2)}}
	assert.ErrorContains(t, zero.Unit(), "row 0 is zero")

	s := &vecset.Set{Metric: vecset.L2, Base: good, Queries: good}
	ids := func(dim int, ids ...int32) vecfile.Truth {
		return vecfile.Truth{IDs: vecfile.Table[int32]{Dim: dim, Values: ids}}
	}
	assert.ErrorContains(t, vecset.CheckTruth(s, ids(1, 0, 1), 1), "of 2 queries, not of 3")
	assert.ErrorContains(t, vecset.CheckTruth(s, ids(1, 0, 1, 2), 2), "1 true neighbours of a query, not 2")
	assert.ErrorContains(t, vecset.CheckTruth(s, ids(1, 0, 3, 2), 1), "not among the 3 rows")

	_, err := vecset.Fashion([]string{"/x/train-labels-idx1-ubyte.gz"}, 1, 1)
	assert.ErrorContains(t, err, "no file train-images-idx3-ubyte")
}
