package hnsw

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUnwritableLog refuses changes that would not be durable, until the index
// is saved.
func TestUnwritableLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	require.NoError(t, indexOf(t, 2, L2, &Options{ExactBelow: -1}, normals(78, 40)).Save(path))
	x, err := Open[uint32](path, &OpenOptions{Log: true})
	require.NoError(t, err)
	require.NoError(t, x.log.f.Close())
	require.Error(t, x.Add(50, []float32{1, 2}))
	n, err := x.Delete(1)
	require.ErrorIs(t, err, x.log.err)
	require.Zero(t, n)
	require.Equal(t, 20, x.Len())
	require.NoError(t, x.Check())
	require.NoError(t, x.Save(path))
	require.NoError(t, x.Add(50, []float32{1, 2}))
	require.NoError(t, x.Close())
	x, err = Open[uint32](path, &OpenOptions{Log: true})
	require.NoError(t, err)
	require.Equal(t, 21, x.Len())
	require.NoError(t, x.Close())
}
