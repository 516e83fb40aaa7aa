package hnsw

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOldVersionsAreSearched searches a version while rows of the next are
// linked, as a slow search does: it is led to those, in slots that were free and
// with lists that were not there, but finds none of them.
func TestOldVersionsAreSearched(t *testing.T) {
	const n, dim, k = 900, 3, 10
	rows := normals(95, 3*n*dim)
	x, err := New[uint32](dim, &Options{Metric: L2, M: 2, EfConstruction: 16, RowNumbers: true, ExactBelow: -1})
	require.NoError(t, err)
	even, odd := make([]uint32, n), make([]uint32, n)
	for i := range uint32(n) {
		even[i], odd[i] = 2*i, 2*i+1
	}
	require.NoError(t, x.AddBatch(even, rows[:n*dim], nil))
	old := x.now.Load()
	require.NoError(t, x.AddBatch(odd[:n-1], rows[n*dim:][:(n-1)*dim], nil))
	require.Equal(t, old.slots, x.g.slots)
	require.Greater(t, len(x.g.upper.Chunks), len(old.upper.Chunks))

	w := x.scratch.Get().(*scratch[uint32])
	for i := range n {
		copy(w.row, rows[2*n*dim:][i*dim:(i+1)*dim])
		old.ask(&w.q, w.row)
		old.find(w, k, 40, &SearchOptions[uint32]{})
		require.GreaterOrEqual(t, len(w.found), k)
		for _, e := range w.found[:k] {
			require.Zero(t, old.key(e.slot)%2, "a row of the next version")
		}
	}
}
