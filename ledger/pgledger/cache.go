package pgledger

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// openCache makes the folder of this log in Options.CacheDir: logs are told apart
// by the random id in their head row.
func (s *Store) openCache() error {
	if s.o.CacheDir == "" {
		return nil
	}
	s.o.CacheDir = filepath.Join(s.o.CacheDir, hex.EncodeToString(s.id))
	if err := os.MkdirAll(s.o.CacheDir, 0o700); err != nil {
		return fmt.Errorf("pgledger: CacheDir: %w", err)
	}
	return s.dropTorn()
}

// tornAfter is when a blob that is still being written is taken for one whose
// writer died; another process may share the folder.
const tornAfter = time.Hour

func (s *Store) dropTorn() error {
	torn, err := filepath.Glob(filepath.Join(s.o.CacheDir, newPrefix+"*"))
	for _, path := range torn {
		if info, e := os.Stat(path); e == nil && time.Since(info.ModTime()) > tornAfter {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

const newPrefix = ".new-"

// LoadCache reads a blob of Options.CacheDir; there is none without it. Errors are
// those of the file system, and ledger.ErrInvalid for a name.
func (s *Store) LoadCache(name string) (b []byte, release func() error, ok bool, err error) {
	if err := checkSecretName(name); err != nil || s.o.CacheDir == "" {
		return nil, nil, false, err
	}
	b, err = os.ReadFile(filepath.Join(s.o.CacheDir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, false, nil
	case err != nil:
		return nil, nil, false, fmt.Errorf("pgledger: cache: %w", err)
	}
	return b, func() error { return nil }, true, nil
}

// SaveCache writes a blob of Options.CacheDir; without it, it does nothing and
// does not call write. Errors are write's, those of the file system, and
// ledger.ErrInvalid for a name.
func (s *Store) SaveCache(name string, write func(io.Writer) error) error {
	if err := checkSecretName(name); err != nil || s.o.CacheDir == "" {
		return err
	}
	f, err := os.CreateTemp(s.o.CacheDir, newPrefix+"*")
	if err != nil {
		return fmt.Errorf("pgledger: cache: %w", err)
	}
	defer os.Remove(f.Name()) // no longer there after the rename
	w := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(write(w), w.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(s.o.CacheDir, name))
}
