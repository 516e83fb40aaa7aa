package ledgertest

import (
	"context"
	"iter"
	"sync"

	"github.com/deeperpoint/csss/ledger"
)

// The operations [FaultStore] asks about. OpCommitted comes after the inner
// store has committed, so an error there means: durable, but nobody was told.
// All others come before the inner call.
const (
	OpRecover       = "recover"
	OpCommit        = "commit"
	OpCommitted     = "committed"
	OpRead          = "read"
	OpErase         = "erase"
	OpSecret        = "secret"
	OpPutSecrets    = "put"
	OpDeleteSecrets = "delete"
	OpClose         = "close"
)

// FaultStore wraps a store and asks fail before each operation, and once more
// after each successful commit. n counts the calls of that operation from 1. An
// error of fail becomes the operation's error; before a commit, nothing is then
// written. An error that wraps [ledger.ErrUnknownOutcome] stands for a
// connection lost in flight. fail is called from whatever goroutine uses the
// store, one call at a time.
func FaultStore(inner ledger.Store, fail func(op string, n int) error) ledger.Store {
	return &faultStore{inner: inner, fail: fail, calls: map[string]int{}}
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
