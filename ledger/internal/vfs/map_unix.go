//go:build unix && !solaris && !aix

package vfs

import (
	"os"
	"sync"
	"syscall"
)

// SyncDir implements [FS].
func (OS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Map implements [FS], with mmap.
func (OS) Map(path string) ([]byte, func() error, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	n, err := size(f)
	if err != nil || n == 0 {
		return nil, func() error { return nil }, err
	}
	if int64(int(n)) != n {
		return nil, nil, &os.PathError{Op: "mmap", Path: path, Err: syscall.EFBIG}
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(n), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, &os.PathError{Op: "mmap", Path: path, Err: err}
	}
	return b, sync.OnceValue(func() error { return syscall.Munmap(b) }), nil
}
