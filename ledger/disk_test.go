package ledger_test

import (
	"errors"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// disk is the operating system's file system, but for its syncs: sync is called
// in the place of each, with the path.
type disk struct {
	vfs.OS
	sync func(path string) error
}

// errSync lets the sync be done.
var errSync = errors.New("sync")

// unsynced spares tests that open a log a thousand times the syncs.
var unsynced = disk{sync: func(string) error { return nil }}

func (d disk) SyncDir(path string) error {
	if err := d.sync(path); !errors.Is(err, errSync) {
		return err
	}
	return d.OS.SyncDir(path)
}

func (d disk) Open(path string, flag int) (vfs.File, error) {
	f, err := d.OS.Open(path, flag)
	return diskFile{f, d, path}, err
}

func (d disk) Lock(path string) (vfs.File, error) {
	f, err := d.OS.Lock(path)
	return diskFile{f, d, path}, err
}

type diskFile struct {
	vfs.File
	disk disk
	path string
}

func (f diskFile) Sync() error {
	if err := f.disk.sync(f.path); !errors.Is(err, errSync) {
		return err
	}
	return f.File.Sync()
}
