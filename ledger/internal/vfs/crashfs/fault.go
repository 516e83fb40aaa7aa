package crashfs

import (
	"errors"
	"slices"
	"sync"
	"syscall"
)

// Kind is a kind of operation.
type Kind uint8

// The kinds. Create stands for new files and directories alike.
const (
	Create Kind = iota
	Write
	Truncate
	Rename
	Remove
	Sync
	SyncDir
	Open // an existing file; also Lock and Map
	Read // also ReadDir
	evict
)

var kinds = [...]string{"create", "write", "truncate", "rename", "remove", "sync", "syncdir", "open", "read", "evict"}

func (k Kind) String() string { return kinds[k] }

// Op is an operation that is about to be done.
type Op struct {
	Kind   Kind
	Path   string // as the caller named it
	Offset int64  // Write, Read
	Bytes  int    // Write, Read
	Size   int64  // of the file, before
	Grows  int64  // Write, Truncate: bytes by which the file grows; negative where it shrinks
	Used   int64  // sum of the sizes of all files, before; only where Grows > 0
	Flag   int    // Open, Create
}

// Changes says whether the operation is one of those that a read-only file system refuses. Syncs are not.
func (o Op) Changes() bool { return o.Kind <= Remove }

// Rule decides what becomes of an operation: nil lets it be done, any error is its result. A write that fails with a
// [Short] does a part. A sync that fails does nothing, and what it should have made durable never is: the cache takes it for
// clean, as the kernel's does (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). It may
// or may not be on the disk all the same. A rule is called with the file system locked, one call at a time.
type Rule func(Op) error

// ErrLie is the answer of a rule for a disk that lies: a sync, of a file or a directory, does nothing and succeeds. Tests that look
// for lost data must find it then.
var ErrLie = errors.New("crashfs: lie")

// Short is the error of a write of which only the first Bytes were done.
type Short struct {
	Bytes int
	Err   error
}

func (s *Short) Error() string { return s.Err.Error() }

// Unwrap returns the cause.
func (s *Short) Unwrap() error { return s.Err }

// Nth fails the n-th operation, counted from 1, of those that match. It may be asked from several goroutines.
func Nth(n int, err error, match func(Op) bool) Rule {
	var mu sync.Mutex
	return func(op Op) error {
		if !match(op) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if n--; n == 0 {
			return err
		}
		return nil
	}
}

// From fails the n-th operation, counted from 1, of those that match, and all later ones.
func From(n int, err error, match func(Op) bool) Rule {
	var mu sync.Mutex
	return func(op Op) error {
		if !match(op) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if n--; n <= 0 {
			return err
		}
		return nil
	}
}

// Of matches operations of these kinds.
func Of(kinds ...Kind) func(Op) bool {
	return func(op Op) bool {
		return slices.Contains(kinds, op.Kind)
	}
}

// NoSpace is a disk of so many bytes: what would make the files longer than that together writes what fits and fails with ENOSPC.
// What only overwrites always fits.
func NoSpace(limit int64) Rule {
	return func(op Op) error {
		if op.Grows <= 0 || op.Used+op.Grows <= limit {
			return nil
		}
		fits := int64(op.Bytes) - op.Grows + max(0, limit-op.Used)
		if op.Kind != Write || fits <= 0 {
			return syscall.ENOSPC
		}
		return &Short{Bytes: int(fits), Err: syscall.ENOSPC}
	}
}

// ReadOnly is a file system mounted read-only: every change and every opening for writing fails with EROFS.
func ReadOnly() Rule {
	return func(op Op) error {
		if op.Changes() || op.Kind == Open && op.Flag&(syscall.O_WRONLY|syscall.O_RDWR) != 0 {
			return syscall.EROFS
		}
		return nil
	}
}
