package hnsw_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

func newIndex(t testing.TB, dim int, m hnsw.Metric, o *hnsw.Options) *hnsw.Index[uint32] {
	t.Helper()
	x, err := hnsw.New[uint32](dim, withMetric(o, m))
	require.NoError(t, err)
	return x
}

// withMetric returns a copy of o under another metric.
func withMetric(o *hnsw.Options, m hnsw.Metric) *hnsw.Options {
	var c hnsw.Options
	if o != nil {
		c = *o
	}
	c.Metric = m
	return &c
}

// requireDeleted deletes keys, of which so many are there.
func requireDeleted[K hnsw.Key](t require.TestingT, want int, x *hnsw.Index[K], keys ...K) {
	n, err := x.Delete(keys...)
	require.NoError(t, err)
	require.Equal(t, want, n)
}

// upTo returns the keys 0 to n-1.
func upTo(n int) []uint32 {
	keys := make([]uint32, n)
	for i := range keys {
		keys[i] = uint32(i)
	}
	return keys
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// gaussian returns n rows of independent normal components.
func gaussian(r *rand.Rand, n, dim int) []float32 {
	v := make([]float32, n*dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// clustered returns n rows around n/per centres, in a random order; one centre
// if per >= n.
func clustered(r *rand.Rand, n, dim, per int, spread float32) []float32 {
	centres := gaussian(r, max(1, n/per), dim)
	v := gaussian(r, n, dim)
	for i := range n {
		c := r.IntN(len(centres) / dim)
		for j := range dim {
			v[i*dim+j] = centres[c*dim+j] + spread*v[i*dim+j]
		}
	}
	return v
}

// exactKeys returns the true k nearest keys of each query by scan.
func exactKeys(t testing.TB, x *hnsw.Index[uint32], queries []float32, k int, f hnsw.Filter[uint32]) [][]uint32 {
	t.Helper()
	return searchAll(t, x, queries, k, &hnsw.SearchOptions[uint32]{Exact: true, Filter: f})
}

func searchAll(t testing.TB, x *hnsw.Index[uint32], queries []float32, k int, o *hnsw.SearchOptions[uint32]) [][]uint32 {
	t.Helper()
	var all [][]uint32
	var hits []hnsw.Result[uint32]
	var err error
	for q := range slices.Chunk(queries, x.Stats().Dim) {
		hits, err = x.Search(q, k, o, hits[:0])
		require.NoError(t, err)
		keys := make([]uint32, len(hits))
		for i, h := range hits {
			keys[i] = h.Key
		}
		all = append(all, keys)
	}
	return all
}

// recallOf returns the share of the true keys that a search finds.
func recallOf(t testing.TB, x *hnsw.Index[uint32], queries []float32, k, ef int, f hnsw.Filter[uint32], truth [][]uint32) float64 {
	t.Helper()
	found, total := 0, 0
	for i, keys := range searchAll(t, x, queries, k, &hnsw.SearchOptions[uint32]{Ef: ef, Filter: f}) {
		require.Len(t, keys, len(truth[i]), "query %d: results", i)
		total += len(truth[i])
		for _, key := range truth[i] {
			if slices.Contains(keys, key) {
				found++
			}
		}
	}
	if total == 0 {
		return 1
	}
	return float64(found) / float64(total)
}
