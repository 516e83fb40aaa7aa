//go:build !unix || solaris || aix

package ledger

import (
	"errors"
	"io/fs"
	"os"
)

// lockFile creates the lock file, and fails if it is there: without flock, the
// file of a process that died must be removed by hand.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, ErrLocked
	}
	return f, err
}

func unlockFile(f *os.File) error {
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// syncDir does nothing: these systems have no handle of a folder to sync.
func syncDir(string) error { return nil }
