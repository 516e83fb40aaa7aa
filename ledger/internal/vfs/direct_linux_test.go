package vfs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// Zeros written around the cache lie behind what other handles wrote through it.
func TestDirectZeros(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := vfs.OS{}.Open(path, os.O_RDWR|os.O_CREATE)
	require.NoError(t, err)
	front := bytes.Repeat([]byte{7}, vfs.Align)
	_, err = f.WriteAt(front, 0)
	require.NoError(t, err)
	d, err := vfs.OS{}.Open(path, os.O_RDWR|vfs.Direct)
	require.NoError(t, err)
	zeros := vfs.AlignedZeros(4 * vfs.Align)
	require.Len(t, zeros, 4*vfs.Align)
	_, err = d.WriteAt(zeros, vfs.Align)
	require.NoError(t, err)
	_, err = d.WriteAt(zeros[:vfs.Align], 5*vfs.Align)
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_, err = f.WriteAt(front, 3*vfs.Align+9)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	want := append(bytes.Clone(front), make([]byte, 5*vfs.Align)...)
	copy(want[3*vfs.Align+9:], front)
	require.Equal(t, want, got)
}
