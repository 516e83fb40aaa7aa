package vfs_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

func TestFilesKeepWhatIsWritten(t *testing.T) {
	var disk vfs.FS = vfs.OS{}
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, disk.MkdirAll(dir))
	path := filepath.Join(dir, "f")
	_, err := disk.Open(path, os.O_RDWR)
	require.ErrorIs(t, err, fs.ErrNotExist)
	f, err := disk.Open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("word"), 3)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, disk.SyncDir(dir))
	n, err := f.Size()
	require.NoError(t, err)
	require.Equal(t, int64(7), n)
	require.NoError(t, f.Truncate(5))
	b := make([]byte, 8)
	read, err := f.ReadAt(b, 0)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "\x00\x00\x00wo", string(b[:read]))
	require.NoError(t, f.Close())
	require.ErrorIs(t, f.Sync(), os.ErrClosed)

	_, err = disk.Open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	require.ErrorIs(t, err, fs.ErrExist)
	require.NoError(t, disk.Rename(path, filepath.Join(dir, "g")))
	names, err := disk.ReadDir(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"g"}, names)
	info, err := os.Stat(filepath.Join(dir, "g"))
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o077)
	require.NoError(t, disk.Remove(filepath.Join(dir, "g")))
	_, err = disk.ReadDir(filepath.Join(dir, "g"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	d, err := disk.Open(dir, os.O_RDONLY)
	require.NoError(t, err)
	_, err = d.Size()
	require.Error(t, err, "a directory has no bytes")
	require.NoError(t, d.Close())
}

func TestMappedFileStaysWhenItIsReplaced(t *testing.T) {
	disk, dir := vfs.OS{}, t.TempDir()
	path := filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	b, unmap, err := disk.Map(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+".new", []byte("new!"), 0o600))
	require.NoError(t, disk.Rename(path+".new", path))
	require.Equal(t, "old", string(b))
	require.NoError(t, unmap())
	require.NoError(t, unmap(), "twice")

	require.NoError(t, os.WriteFile(path, nil, 0o600))
	b, unmap, err = disk.Map(path)
	require.NoError(t, err)
	require.Empty(t, b)
	require.NoError(t, unmap())
	_, _, err = disk.Map(path + ".none")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestLockIsExclusive(t *testing.T) {
	disk, path := vfs.OS{}, filepath.Join(t.TempDir(), "lock")
	f, err := disk.Lock(path)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("held"), 0)
	require.NoError(t, err)
	_, err = disk.Lock(path)
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.NoError(t, f.Close())
	f, err = disk.Lock(path)
	require.NoError(t, err)
	b := make([]byte, 4)
	_, err = f.ReadAt(b, 0)
	require.NoError(t, err)
	require.Equal(t, "held", string(b))
	require.NoError(t, f.Close())
	_, err = disk.Lock(filepath.Join(path, "not", "there"))
	require.Error(t, err)
	require.NotErrorIs(t, err, vfs.ErrLocked)
}

func TestFullIsToldFromOtherErrors(t *testing.T) {
	assert.True(t, vfs.Full(&os.PathError{Op: "write", Err: syscall.ENOSPC}))
	assert.True(t, vfs.Full(syscall.EDQUOT))
	assert.False(t, vfs.Full(syscall.EIO))
	assert.False(t, vfs.Full(nil))
}
