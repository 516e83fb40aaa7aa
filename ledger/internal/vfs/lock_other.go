//go:build !unix || solaris || aix

package vfs

import (
	"errors"
	"io/fs"
	"os"
)

const held = ".held"

// locked is a file beside which another one says that it is locked.
type locked struct {
	File
	path string
}

func lock(path string) (File, error) {
	mark, err := os.OpenFile(path+held, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, &os.PathError{Op: "lock", Path: path, Err: ErrLocked}
	}
	if err != nil {
		return nil, err
	}
	f, err := OS{}.Open(path, os.O_RDWR|os.O_CREATE)
	if err = errors.Join(mark.Close(), err); err != nil {
		return nil, errors.Join(err, os.Remove(path+held))
	}
	return &locked{File: f, path: path}, nil
}

func (l *locked) Close() error {
	return errors.Join(l.File.Close(), os.Remove(l.path+held))
}
