package vfs

import (
	"os"
	"syscall"
)

// Direct is a flag of [FS.Open] for a handle whose writes go to the disk without
// a copy in the cache, where the file system can do that.
const Direct = syscall.O_DIRECT

// AlignedZeros returns n zeros that may be written to a [Direct] file, read-only
// and for as long as the process lives; nil if there is no memory for them.
func AlignedZeros(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return b
}

// file syncs with fdatasync: for bytes that overwrite allocated ones no metadata
// has to reach the disk.
type file struct {
	*os.File
	raw syscall.RawConn
}

func newFile(f *os.File) (File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &file{File: f, raw: raw}, nil
}

func (f *file) Size() (int64, error) { return size(f.File) }

func (f *file) Sync() error {
	var err error
	// Control keeps the descriptor open until it returns.
	if control := f.raw.Control(func(fd uintptr) {
		for err = syscall.EINTR; err == syscall.EINTR; {
			err = syscall.Fdatasync(int(fd))
		}
	}); control != nil {
		err = os.ErrClosed
	}
	if err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}
