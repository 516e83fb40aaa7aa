package vfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// OS is the file system of the operating system.
type OS struct{}

var _ FS = OS{}

// MkdirAll implements [FS].
func (OS) MkdirAll(path string) error { return os.MkdirAll(path, 0o700) }

// Open implements [FS].
func (OS) Open(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if flag&Direct != 0 && errors.Is(err, syscall.EINVAL) {
		f, err = os.OpenFile(path, flag&^Direct, 0o600) // a file system that has no such thing
	}
	if err != nil {
		return nil, err
	}
	return newFile(f)
}

// ReadDir implements [FS].
func (OS) ReadDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

// Rename implements [FS].
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements [FS].
func (OS) Remove(path string) error { return os.Remove(path) }

// Lock implements [FS], with flock where there is one. Elsewhere a second file
// beside it, path.held, stands for the lock; a process that dies leaves it, and
// it must be removed by hand.
func (OS) Lock(path string) (File, error) { return lock(path) }

// size is [File.Size] of an open file.
func size(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, &fs.PathError{Op: "stat", Path: f.Name(), Err: fs.ErrInvalid}
	}
	return info.Size(), nil
}
