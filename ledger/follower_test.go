package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// sharedStore is what several logs write: a memory store that fences, and that may
// lose the answer of a commit, before or after it happened.
type sharedStore struct {
	mu    sync.Mutex
	inner ledger.Store
	head  ledger.Head
	grown chan struct{}
	lose  func() (before, after bool)
}

func newSharedStore(t *testing.T) *sharedStore {
	s := &sharedStore{inner: ledger.NewMemoryStore(), grown: make(chan struct{}), lose: func() (bool, bool) { return false, false }}
	var err error
	s.head, err = s.inner.Recover(t.Context())
	require.NoError(t, err)
	return s
}

// open opens one more log on the store.
func (s *sharedStore) open(t *testing.T) *ledger.Log {
	l, err := ledger.Open(t.Context(), &sharedHandle{s: s}, &ledger.Options{TenantKey: forgersKey})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// sharedHandle is the store of one of the logs.
type sharedHandle struct{ s *sharedStore }

func (h *sharedHandle) Recover(ctx context.Context) (ledger.Head, error) { return h.Head(ctx) }

func (h *sharedHandle) Head(context.Context) (ledger.Head, error) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	return h.s.head, nil
}

func (h *sharedHandle) Wait(ctx context.Context, size uint64) error {
	for {
		h.s.mu.Lock()
		have, grown := h.s.head.Size, h.s.grown
		h.s.mu.Unlock()
		if have > size {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *sharedHandle) Commit(ctx context.Context, b ledger.Batch) error {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	before, after := h.s.lose()
	if before {
		return fmt.Errorf("connection lost: %w", ledger.ErrUnknownOutcome)
	}
	if err := h.s.inner.Commit(ctx, b); err != nil {
		return err
	}
	h.s.head = b.Head
	close(h.s.grown)
	h.s.grown = make(chan struct{})
	if after {
		return fmt.Errorf("connection lost: %w", ledger.ErrUnknownOutcome)
	}
	return nil
}

func (h *sharedHandle) Read(ctx context.Context, from, to uint64) iter.Seq2[ledger.Frame, error] {
	return h.s.inner.Read(ctx, from, to)
}
func (h *sharedHandle) Erase(ctx context.Context, indexes []uint64) error {
	return h.s.inner.Erase(ctx, indexes)
}
func (h *sharedHandle) Secret(ctx context.Context, name string) ([]byte, bool, error) {
	return h.s.inner.Secret(ctx, name)
}
func (h *sharedHandle) PutSecrets(ctx context.Context, m map[string][]byte) error {
	return h.s.inner.PutSecrets(ctx, m)
}
func (h *sharedHandle) DeleteSecrets(ctx context.Context, names ...string) error {
	return h.s.inner.DeleteSecrets(ctx, names...)
}
func (h *sharedHandle) Close() error { return nil }

func TestLogsOnOneStoreFollowEachOther(t *testing.T) {
	s := newSharedStore(t)
	a, b := s.open(t), s.open(t)
	_, err := a.Append(t.Context(), simple("s", "1"), simple("s", "2"))
	require.NoError(t, err)
	at := simple("s", "3")
	at.Expect = ledger.Exactly(2)
	r, err := b.Append(t.Context(), at)
	require.NoError(t, err, "the second log takes in what the first has written before it says no")
	require.Equal(t, uint64(2), r[0].Index)
	dup, err := a.Append(t.Context(), at)
	require.NoError(t, err)
	require.True(t, dup[0].Duplicate)
	stale := simple("s", "4")
	stale.Expect = ledger.Exactly(2)
	_, err = a.Append(t.Context(), stale)
	require.ErrorIs(t, err, ledger.ErrConflict)

	p := simple("s", "5")
	p.Subjects = []string{"p"}
	_, err = a.Append(t.Context(), p)
	require.NoError(t, err)
	p.Key, p.Payload = "6", []byte("6")
	_, err = b.Append(t.Context(), p)
	require.NoError(t, err, "under the key the first log has made")
	for _, l := range []*ledger.Log{a, b} {
		n := 0
		for e, err := range l.Read(t.Context(), ledger.Query{Subject: "p"}) {
			require.NoError(t, err)
			require.Equal(t, e.Key, string(e.Payload))
			n++
		}
		require.Equal(t, 2, n)
	}
	_, err = a.Shred(t.Context(), "p", nil)
	require.NoError(t, err)
	p.Key = "7"
	_, err = b.Append(t.Context(), p)
	require.ErrorIs(t, err, ledger.ErrShredded)
	for e, err := range b.Read(t.Context(), ledger.Query{Subject: "p", Type: "t"}) {
		require.NoError(t, err)
		require.True(t, e.Erased)
	}
	for _, l := range []*ledger.Log{a, b} {
		_, err = l.Verify(t.Context(), nil)
		require.NoError(t, err)
	}
}

// Several logs race for versions and keys, while commits lose their answers.
func TestLogsOnOneStoreRace(t *testing.T) {
	s := newSharedStore(t)
	random := rand.New(rand.NewPCG(1, 2))
	lost := 0
	s.lose = func() (bool, bool) {
		n := random.IntN(10)
		if n < 2 {
			lost++
		}
		return n == 0, n == 1
	}
	logs := []*ledger.Log{s.open(t), s.open(t), s.open(t)}
	var mu sync.Mutex
	won := map[uint64]int{}
	var wg sync.WaitGroup
	for w, l := range logs {
		for c := range 2 {
			wg.Go(func() {
				for i := range 15 {
					e := ledger.Append{Stream: "race", Type: "t", Key: fmt.Sprint(w, c, i), Expect: ledger.Exactly(l.StreamVersion("race")), Subjects: []string{fmt.Sprint("p", i)}, Payload: []byte("x")}
					r, err := l.Append(context.Background(), e)
					switch {
					case err == nil:
						mu.Lock()
						won[r[0].StreamVersion]++
						mu.Unlock()
					case !errors.Is(err, ledger.ErrConflict):
						assert.NoError(t, err)
					}
					_, err = l.Append(context.Background(), ledger.Append{Stream: "same", Type: "t", Key: fmt.Sprint("same", i)})
					assert.NoError(t, err)
				}
			})
		}
	}
	wg.Wait()
	require.Positive(t, lost)
	for version, n := range won {
		require.Equal(t, 1, n, "version %d", version)
	}
	for _, l := range logs {
		n := 0
		for e, err := range l.Read(t.Context(), ledger.Query{Stream: "race"}) {
			require.NoError(t, err)
			require.Equal(t, "x", string(e.Payload))
			n++
		}
		require.Equal(t, len(won), n, "what was won is there, and nothing else")
		require.Equal(t, uint64(15), l.StreamVersion("same"))
		_, err := l.Verify(t.Context(), nil)
		require.NoError(t, err)
	}
}

// An answer that is always lost is an unknown outcome, not a poisoned log.
func TestUnknownOutcomeOfASharedStore(t *testing.T) {
	s := newSharedStore(t)
	l := s.open(t)
	s.lose = func() (bool, bool) { return true, false }
	_, err := l.Append(t.Context(), simple("s", "a"))
	require.ErrorIs(t, err, ledger.ErrUnknownOutcome)
	require.NotErrorIs(t, err, ledger.ErrPoisoned)
	_, ok, err := l.ByKey(t.Context(), "a")
	require.NoError(t, err)
	require.False(t, ok)
	s.lose = func() (bool, bool) { return false, true }
	r, err := l.Append(t.Context(), simple("s", "a"))
	require.NoError(t, err, "the log looks whether it is there")
	require.False(t, r[0].Duplicate)
	require.Equal(t, uint64(0), r[0].Index)
}

func TestSubscriptionFollowsOtherLogs(t *testing.T) {
	s := newSharedStore(t)
	a, b := s.open(t), s.open(t)
	got := make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer close(got)
		for e, err := range b.Subscribe(ctx, 0) {
			if err != nil {
				assert.ErrorIs(t, err, context.Canceled)
				return
			}
			got <- e.Key
		}
	}()
	for i := range 5 {
		_, err := a.Append(t.Context(), simple("s", fmt.Sprint(i)))
		require.NoError(t, err)
		select {
		case key := <-got:
			require.Equal(t, fmt.Sprint(i), key)
		case <-time.After(5 * time.Second):
			t.Fatal("nothing came")
		}
	}
	cancel()
	_, more := <-got
	require.False(t, more)
}

// A key that another log destroyed is not used from memory.
func TestShreddingReachesOtherLogs(t *testing.T) {
	s := newSharedStore(t)
	a, b := s.open(t), s.open(t)
	e := simple("s", "1")
	e.Subjects = []string{"p"}
	_, err := a.Append(t.Context(), e)
	require.NoError(t, err)
	for e, err := range b.Read(t.Context(), ledger.Query{}) {
		require.NoError(t, err)
		require.False(t, e.Erased)
	}
	_, err = a.Shred(t.Context(), "p", &ledger.ShredOptions{KeepBlobs: true})
	require.NoError(t, err)
	for e, err := range b.Read(t.Context(), ledger.Query{To: 1}) {
		require.NoError(t, err)
		require.True(t, e.Erased)
	}
}

// A store that goes back, or whose entries do not lead to its head, is not followed.
func TestStoreThatGoesBackIsNotFollowed(t *testing.T) {
	for what, change := range map[string]func(*sharedStore){
		"lost entries": func(s *sharedStore) { s.head.Size = 1 },
		"do not lead":  func(s *sharedStore) { s.head.Root[0] ^= 1 },
	} {
		s := newSharedStore(t)
		a, b := s.open(t), s.open(t)
		_, err := a.Append(t.Context(), simple("s", "1"), simple("s", "2"))
		require.NoError(t, err)
		if what == "lost entries" {
			_, _, err = b.ByKey(t.Context(), "1")
			require.NoError(t, err)
		}
		change(s)
		_, _, err = b.ByKey(t.Context(), "1")
		require.ErrorIs(t, err, ledger.ErrCorrupt)
		require.ErrorContains(t, err, what)
		_, err = b.Append(t.Context(), simple("s", "3"))
		require.ErrorIs(t, err, ledger.ErrPoisoned)
	}
}
