package ledgertest

import (
	"context"
	"io"
	"iter"
	"sync"

	"github.com/deeperpoint/csss/ledger"
)

// The operations [FaultStore] asks about. OpCommitted comes after the inner
// store has committed, so an error there means: durable, but nobody was told.
// All others come before the inner call. OpCommit stands for Begin too,
// OpCommitted for the end of its wait.
const (
	OpRecover       = "recover"
	OpCommit        = "commit"
	OpCommitted     = "committed"
	OpRead          = "read"
	OpErase         = "erase"
	OpSecret        = "secret"
	OpPutSecrets    = "put"
	OpDeleteSecrets = "delete"
	OpLoadCache     = "load"
	OpSaveCache     = "save"
	OpHead          = "head"
	OpWait          = "wait"
	OpClose         = "close"
)

// FaultStore wraps a store and asks fail before each operation, and once more
// after each successful commit. n counts the calls of that operation from 1. An
// error of fail becomes the operation's error; before a commit, nothing is then
// written. An error that wraps [ledger.ErrUnknownOutcome] stands for a
// connection lost in flight. fail is called from whatever goroutine uses the
// store, one call at a time.
//
// The store has the optional interfaces that inner has; only a store that is
// both a [ledger.Follower] and a [ledger.Pipeliner] is a Pipeliner no more.
func FaultStore(inner ledger.Store, fail func(op string, n int) error) ledger.Store {
	s := &faultStore{inner: inner, fail: fail, calls: map[string]int{}}
	pipeliner, pipes := inner.(ledger.Pipeliner)
	cacher, caches := inner.(ledger.Cacher)
	follower, follows := inner.(ledger.Follower)
	p, c, f := faultPipeliner{s, pipeliner}, faultCacher{s, cacher}, faultFollower{s, follower}
	switch {
	case follows && caches:
		return struct {
			*faultStore
			faultCacher
			faultFollower
		}{s, c, f}
	case follows:
		return struct {
			*faultStore
			faultFollower
		}{s, f}
	case pipes && caches:
		return struct {
			*faultStore
			faultPipeliner
			faultCacher
		}{s, p, c}
	case pipes:
		return struct {
			*faultStore
			faultPipeliner
		}{s, p}
	case caches:
		return struct {
			*faultStore
			faultCacher
		}{s, c}
	}
	return s
}

// FailCommit returns a fail function for [FaultStore] that fails the n-th commit
// with err: before it reaches the inner store, or after it succeeded there.
func FailCommit(n int, after bool, err error) func(op string, n int) error {
	at := OpCommit
	if after {
		at = OpCommitted
	}
	return func(op string, call int) error {
		if op == at && call == n {
			return err
		}
		return nil
	}
}

type faultStore struct {
	inner ledger.Store
	fail  func(op string, n int) error
	mu    sync.Mutex
	calls map[string]int
}

func (s *faultStore) ask(op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[op]++
	return s.fail(op, s.calls[op])
}

func (s *faultStore) Recover(ctx context.Context) (ledger.Head, error) {
	if err := s.ask(OpRecover); err != nil {
		return ledger.Head{}, err
	}
	return s.inner.Recover(ctx)
}

func (s *faultStore) Commit(ctx context.Context, b ledger.Batch) error {
	if err := s.ask(OpCommit); err != nil {
		return err
	}
	if err := s.inner.Commit(ctx, b); err != nil {
		return err
	}
	return s.ask(OpCommitted)
}

func (s *faultStore) Read(ctx context.Context, from, to uint64) iter.Seq2[ledger.Frame, error] {
	if err := s.ask(OpRead); err != nil {
		return func(yield func(ledger.Frame, error) bool) { yield(ledger.Frame{}, err) }
	}
	return s.inner.Read(ctx, from, to)
}

func (s *faultStore) Erase(ctx context.Context, indexes []uint64) error {
	if err := s.ask(OpErase); err != nil {
		return err
	}
	return s.inner.Erase(ctx, indexes)
}

func (s *faultStore) Secret(ctx context.Context, name string) ([]byte, bool, error) {
	if err := s.ask(OpSecret); err != nil {
		return nil, false, err
	}
	return s.inner.Secret(ctx, name)
}

func (s *faultStore) PutSecrets(ctx context.Context, secrets map[string][]byte) error {
	if err := s.ask(OpPutSecrets); err != nil {
		return err
	}
	return s.inner.PutSecrets(ctx, secrets)
}

func (s *faultStore) DeleteSecrets(ctx context.Context, names ...string) error {
	if err := s.ask(OpDeleteSecrets); err != nil {
		return err
	}
	return s.inner.DeleteSecrets(ctx, names...)
}

// Close closes the inner store in any case.
func (s *faultStore) Close() error {
	fault := s.ask(OpClose)
	if err := s.inner.Close(); fault == nil {
		return err
	}
	return fault
}

type faultPipeliner struct {
	store *faultStore
	begun ledger.Pipeliner
}

func (s faultPipeliner) Begin(ctx context.Context, b ledger.Batch) (func() error, error) {
	if err := s.store.ask(OpCommit); err != nil {
		return nil, err
	}
	wait, err := s.begun.Begin(ctx, b)
	if err != nil {
		return nil, err
	}
	return func() error {
		if err := wait(); err != nil {
			return err
		}
		return s.store.ask(OpCommitted)
	}, nil
}

type faultCacher struct {
	store  *faultStore
	cached ledger.Cacher
}

func (s faultCacher) LoadCache(name string) ([]byte, func() error, bool, error) {
	if err := s.store.ask(OpLoadCache); err != nil {
		return nil, nil, false, err
	}
	return s.cached.LoadCache(name)
}

func (s faultCacher) SaveCache(name string, write func(io.Writer) error) error {
	if err := s.store.ask(OpSaveCache); err != nil {
		return err
	}
	return s.cached.SaveCache(name, write)
}

type faultFollower struct {
	store    *faultStore
	followed ledger.Follower
}

func (s faultFollower) Head(ctx context.Context) (ledger.Head, error) {
	if err := s.store.ask(OpHead); err != nil {
		return ledger.Head{}, err
	}
	return s.followed.Head(ctx)
}

func (s faultFollower) Wait(ctx context.Context, size uint64) error {
	if err := s.store.ask(OpWait); err != nil {
		return err
	}
	return s.followed.Wait(ctx, size)
}
