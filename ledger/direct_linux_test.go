package ledger_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// stubborn is a file system that opens files for direct writes and takes none.
type stubborn struct {
	vfs.OS
	refused *atomic.Int64
}

type stubbornFile struct {
	vfs.File
	refused *atomic.Int64
}

func (s stubborn) Open(path string, flag int) (vfs.File, error) {
	f, err := s.OS.Open(path, flag)
	if err != nil || flag&vfs.Direct == 0 {
		return f, err
	}
	return stubbornFile{f, s.refused}, nil
}

func (f stubbornFile) WriteAt([]byte, int64) (int, error) {
	f.refused.Add(1)
	return 0, syscall.EINVAL
}

// A file system that refuses direct writes costs a copy, never the log.
func TestZerosAreLaidWhereDirectWritesAreRefused(t *testing.T) {
	fs := stubborn{refused: new(atomic.Int64)}
	dir := filepath.Join(t.TempDir(), "log")
	s, err := ledger.OpenDirAhead(fs, dir, nil)
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	for i := range 200 {
		a := simple("s", fmt.Sprint(i))
		a.Payload = make([]byte, 8<<10)
		_, err := l.Append(t.Context(), a)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	require.Positive(t, fs.refused.Load())
	l = openDir(t, dir)
	require.EqualValues(t, 200, l.Size())
	_, err = l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}
