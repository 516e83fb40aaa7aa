//go:build !unix || solaris || aix

package vfs

import "os"

// SyncDir implements [FS] by doing nothing: these systems have no handle of a
// directory to sync.
func (OS) SyncDir(string) error { return nil }

// Map implements [FS], with a copy.
func (OS) Map(path string) ([]byte, func() error, error) {
	b, err := os.ReadFile(path)
	return b, func() error { return nil }, err
}
