package witness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Store keeps the last checkpoint a witness has cosigned of each log. It is for
// implementers. A witness whose store forgets can be shown a fork, so Replace must
// not return nil before the checkpoint is durable.
type Store interface {
	// Latest returns the checkpoint of an origin, nil if there is none.
	Latest(ctx context.Context, origin string) ([]byte, error)

	// Replace puts a checkpoint in the place of old, which is what Latest
	// returned. If the record is no longer that, it changes nothing and returns
	// an error that wraps [ErrStore]. Compare and change are one step.
	Replace(ctx context.Context, origin string, old, signed []byte) error
}

// NewMemoryStore returns a store that forgets when the process ends, for tests
// and for witnesses that are told their logs' last checkpoints at the start.
func NewMemoryStore() Store { return &memoryStore{kept: map[string][]byte{}} }

type memoryStore struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (s *memoryStore) Latest(_ context.Context, origin string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.kept[origin]), nil
}

func (s *memoryStore) Replace(_ context.Context, origin string, old, signed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !same(s.kept[origin], old) {
		return ErrStore
	}
	s.kept[origin] = bytes.Clone(signed)
	return nil
}

// same compares two records, of which none is not an empty one.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// NewDirStore returns a store of one file per log in a folder, which it creates
// (mode 0700). Each file is the signed checkpoint itself, replaced by rename after
// a sync. One process at a time may use a folder.
func NewDirStore(dir string) (Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &dirStore{dir: dir}, nil
}

type dirStore struct {
	mu  sync.Mutex
	dir string
}

// name is the file of an origin, which may hold any character.
func (s *dirStore) name(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16])+".checkpoint")
}

func (s *dirStore) Latest(_ context.Context, origin string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read(origin)
}

func (s *dirStore) read(origin string) ([]byte, error) {
	b, err := os.ReadFile(s.name(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func (s *dirStore) Replace(_ context.Context, origin string, old, signed []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, err := s.read(origin)
	if err != nil {
		return err
	}
	if !same(have, old) {
		return ErrStore
	}
	return s.write(s.name(origin), signed)
}

func (s *dirStore) write(name string, data []byte) error {
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
