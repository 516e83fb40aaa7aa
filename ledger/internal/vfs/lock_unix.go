//go:build unix && !solaris && !aix

package vfs

import (
	"errors"
	"os"
	"syscall"
)

// locked is a file under flock. The kernel releases it when the process dies.
type locked struct {
	File
	f *os.File
}

func lock(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrLocked
		}
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	file, err := newFile(f)
	return &locked{File: file, f: f}, err
}

// Close releases the lock before the file. Closing alone would not do: a process
// that is being forked elsewhere has the file open until it becomes another
// program.
func (l *locked) Close() error {
	return errors.Join(syscall.Flock(int(l.f.Fd()), syscall.LOCK_UN), l.File.Close())
}
