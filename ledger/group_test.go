package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// gatedStore is a pipelined store in memory whose syncs end when the test says so.
type gatedStore struct {
	ledger.Store
	gate  chan error   // what the next sync answers
	blind bool         // syncs do nothing
	begin func() error // what the next Begin answers; nil: nothing

	mu     sync.Mutex
	begun  []int // entries of each batch
	synced int
}

func newGatedStore() *gatedStore {
	return &gatedStore{Store: ledger.NewMemoryStore(), gate: make(chan error, 100)}
}

func (s *gatedStore) Begin(ctx context.Context, b ledger.Batch) (func() error, error) {
	if s.begin != nil {
		if err := s.begin(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	s.begun = append(s.begun, len(b.Frames))
	s.mu.Unlock()
	return func() error {
		if err := <-s.gate; err != nil {
			return err
		}
		s.mu.Lock()
		s.synced++
		s.mu.Unlock()
		if s.blind {
			return nil
		}
		return s.Store.Commit(ctx, b)
	}, nil
}

func (s *gatedStore) batches() (begun []int, synced int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int(nil), s.begun...), s.synced
}

// gated runs a test in a bubble, where synctest.Wait returns once all goroutines
// wait for the gate or for each other.
func gated(t *testing.T, f func(t *testing.T, s *gatedStore, l *ledger.Log)) {
	synctest.Test(t, func(t *testing.T) {
		s := newGatedStore()
		l, err := ledger.Open(t.Context(), s, nil)
		require.NoError(t, err)
		f(t, s, l)
		close(s.gate)
		require.NoError(t, l.Close())
	})
}

// outcome is what a call was told, once it was.
type outcome struct {
	receipts []ledger.Receipt
	err      error
	told     chan struct{}
}

func (o *outcome) isTold() bool {
	select {
	case <-o.told:
		return true
	default:
		return false
	}
}

func appendLater(ctx context.Context, l *ledger.Log, entries ...ledger.Append) *outcome {
	o := &outcome{told: make(chan struct{})}
	go func() {
		o.receipts, o.err = l.Append(ctx, entries...)
		close(o.told)
	}()
	return o
}

func simple(stream, key string) ledger.Append {
	return ledger.Append{Stream: stream, Type: "t", Key: key, Payload: []byte(key)}
}

func TestWaitingCallsShareOneSync(t *testing.T) {
	gated(t, func(t *testing.T, s *gatedStore, l *ledger.Log) {
		var told []*outcome
		for i := range 100 {
			told = append(told, appendLater(t.Context(), l, simple(fmt.Sprint("s", i%7), fmt.Sprint(i))))
			if i < 2 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		begun, synced := s.batches()
		require.Equal(t, []int{1, 1}, begun, "one batch is synced and one is begun behind it")
		require.Zero(t, synced)
		s.gate <- nil
		synctest.Wait()
		begun, synced = s.batches()
		require.Equal(t, []int{1, 1, 98}, begun, "all that waited go together")
		require.Equal(t, 1, synced)
		s.gate <- nil
		s.gate <- nil
		synctest.Wait()
		versions := map[string][]uint64{}
		seen := map[uint64]bool{}
		for _, o := range told {
			require.True(t, o.isTold())
			require.NoError(t, o.err)
			require.False(t, seen[o.receipts[0].Index])
			seen[o.receipts[0].Index] = true
		}
		for e, err := range l.Read(t.Context(), ledger.Query{}) {
			require.NoError(t, err)
			versions[e.Stream] = append(versions[e.Stream], e.StreamVersion)
			require.Equal(t, e.Key, string(e.Payload))
		}
		for _, v := range versions {
			for i := range v {
				require.Equal(t, uint64(i+1), v[i])
			}
		}
		_, err := l.Verify(t.Context(), nil)
		require.NoError(t, err)
	})
}

// What is not durable is seen by nobody, though the next group is decided on it.
func TestNobodyIsToldBeforeTheSync(t *testing.T) {
	gated(t, func(t *testing.T, s *gatedStore, l *ledger.Log) {
		first := appendLater(t.Context(), l, simple("s", "a"))
		synctest.Wait()
		stale := simple("s", "b")
		stale.Expect = ledger.NoStream
		conflict := appendLater(t.Context(), l, stale)
		synctest.Wait()
		again := appendLater(t.Context(), l, simple("s", "a"))
		fits := simple("s", "c")
		fits.Expect = ledger.Exactly(1)
		next := appendLater(t.Context(), l, fits)
		synctest.Wait()
		for _, o := range []*outcome{first, conflict, again, next} {
			require.False(t, o.isTold())
		}
		require.Zero(t, l.Size())
		require.Zero(t, l.StreamVersion("s"))
		_, ok, err := l.ByKey(t.Context(), "a")
		require.NoError(t, err)
		require.False(t, ok)
		for range l.Read(t.Context(), ledger.Query{Stream: "s"}) {
			t.Fatal("an entry in flight is read")
		}
		s.gate <- nil
		synctest.Wait()
		require.True(t, first.isTold())
		require.True(t, conflict.isTold())
		require.ErrorIs(t, conflict.err, ledger.ErrConflict)
		s.gate <- nil
		synctest.Wait()
		require.True(t, again.isTold())
		require.True(t, next.isTold())
		require.True(t, again.receipts[0].Duplicate)
		require.Equal(t, uint64(2), next.receipts[0].StreamVersion)
	})
}

func TestFailedSyncSpoilsWhatWasBegunOnIt(t *testing.T) {
	fire := errors.New("fire")
	gated(t, func(t *testing.T, s *gatedStore, l *ledger.Log) {
		first := appendLater(t.Context(), l, simple("s", "a"))
		synctest.Wait()
		second := appendLater(t.Context(), l, simple("s", "b"))
		synctest.Wait()
		stale := simple("s", "c")
		stale.Expect = ledger.NoStream
		third := appendLater(t.Context(), l, stale)
		synctest.Wait()
		s.blind = true
		s.gate <- fire
		s.gate <- nil // a store that does not keep its promise: the second sync succeeds
		synctest.Wait()
		require.ErrorIs(t, first.err, ledger.ErrPoisoned)
		require.ErrorIs(t, first.err, fire)
		require.ErrorIs(t, second.err, ledger.ErrPoisoned)
		require.ErrorIs(t, third.err, ledger.ErrPoisoned)
		require.Zero(t, l.Size())
		_, err := l.Append(t.Context(), simple("s", "d"))
		require.ErrorIs(t, err, ledger.ErrPoisoned)
	})
}

func TestFullStoreIsNotPoisoned(t *testing.T) {
	for _, refusal := range []error{ledger.ErrFull, ledger.ErrReadOnly} {
		gated(t, func(t *testing.T, s *gatedStore, l *ledger.Log) {
			flying := appendLater(t.Context(), l, simple("s", "a"))
			synctest.Wait()
			s.begin = func() error { s.begin = nil; return fmt.Errorf("disk: %w", refusal) }
			b := simple("s", "b")
			b.Subjects = []string{"p"}
			refused := appendLater(t.Context(), l, b)
			synctest.Wait()
			require.True(t, refused.isTold())
			require.ErrorIs(t, refused.err, refusal)
			require.NotErrorIs(t, refused.err, ledger.ErrPoisoned)
			again := appendLater(t.Context(), l, b)
			synctest.Wait()
			s.gate <- nil
			s.gate <- nil
			synctest.Wait()
			require.NoError(t, flying.err)
			require.NoError(t, again.err)
			require.Equal(t, uint64(1), again.receipts[0].Index)
			_, err := l.Verify(t.Context(), nil)
			require.NoError(t, err)
		})
	}
}

func TestCancelledCallsLeaveTheQueue(t *testing.T) {
	gated(t, func(t *testing.T, s *gatedStore, l *ledger.Log) {
		ctx, cancel := context.WithCancel(t.Context())
		first := appendLater(ctx, l, simple("s", "a"))
		synctest.Wait()
		second := appendLater(t.Context(), l, simple("s", "b"))
		synctest.Wait()
		third := appendLater(t.Context(), l, simple("s", "waits for its place")) // has the token
		synctest.Wait()
		var gone, stay []*outcome
		for i := range 3 { // the first of them leads the group behind
			gone = append(gone, appendLater(ctx, l, simple("s", fmt.Sprint("gone", i))))
			synctest.Wait()
			stay = append(stay, appendLater(t.Context(), l, simple("s", fmt.Sprint("stays", i))))
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		for _, o := range gone {
			require.True(t, o.isTold())
			require.ErrorIs(t, o.err, context.Canceled)
		}
		require.False(t, first.isTold(), "what is written is waited for")
		for range 4 {
			s.gate <- nil
		}
		synctest.Wait()
		for _, o := range append(stay, first, second, third) {
			require.True(t, o.isTold())
			require.NoError(t, o.err)
		}
		require.Equal(t, uint64(6), l.Size())
		_, ok, err := l.ByKey(t.Context(), "gone0")
		require.NoError(t, err)
		require.False(t, ok)
	})
}

// Calls that bring the same new subject at the same time seal under one key.
func TestNewSubjectHasOneKey(t *testing.T) {
	s := ledger.NewMemoryStore()
	l, err := ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			a := simple("s", fmt.Sprint(i))
			a.Subjects = []string{fmt.Sprint("p", i%3), "q"}
			if i%4 == 3 { // is refused, and leaves no key behind that others sealed with
				a.Expect = ledger.Exactly(999)
			}
			_, err := l.Append(context.Background(), a)
			assert.True(t, err == nil || errors.Is(err, ledger.ErrConflict))
		})
	}
	wg.Wait()
	require.Equal(t, uint64(12), l.Size())
	require.NoError(t, l.Close())
	l, err = ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	defer l.Close()
	for e, err := range l.Read(t.Context(), ledger.Query{}) {
		require.NoError(t, err)
		require.Equal(t, e.Key, string(e.Payload))
	}
}

func TestShreddingRacesWithAppends(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 30 {
				a := simple("s", fmt.Sprint(w, "/", i))
				a.Subjects = []string{fmt.Sprint("p", i%5)}
				_, err := l.Append(context.Background(), a)
				assert.True(t, err == nil || errors.Is(err, ledger.ErrShredded), "%v", err)
				for _, err := range l.Read(context.Background(), ledger.Query{Subject: a.Subjects[0]}) {
					assert.NoError(t, err)
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 5 {
			_, err := l.Shred(context.Background(), fmt.Sprint("p", i), nil)
			assert.NoError(t, err)
		}
	})
	wg.Wait()
	findings, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, findings.Erased+5, findings.Size, "all subjects are gone")
}

// A shredding counts for what is decided behind it, in flight and in its own group.
func TestShreddingCountsAtOnce(t *testing.T) {
	gated(t, func(t *testing.T, s *gatedStore, l *ledger.Log) {
		named := func(key string) ledger.Append {
			a := simple("s", key)
			a.Subjects = []string{"p"}
			return a
		}
		s.gate <- nil
		_, err := l.Append(t.Context(), named("0"))
		require.NoError(t, err)
		first := appendLater(t.Context(), l, simple("s", "1"))
		synctest.Wait()
		second := appendLater(t.Context(), l, simple("s", "2"))
		synctest.Wait()
		third := appendLater(t.Context(), l, simple("s", "leads the group"))
		synctest.Wait()
		shredded := make(chan error, 1)
		go func() {
			_, err := l.Shred(t.Context(), "p", nil)
			shredded <- err
		}()
		synctest.Wait()
		same := appendLater(t.Context(), l, named("3")) // in the group of the shredding
		synctest.Wait()
		s.gate <- nil
		synctest.Wait()
		next := appendLater(t.Context(), l, named("4")) // behind it, while it is in flight
		synctest.Wait()
		require.False(t, same.isTold())
		for range 3 { // at the first of them, the last group is decided
			s.gate <- nil
			synctest.Wait()
		}
		require.NoError(t, <-shredded)
		require.ErrorIs(t, same.err, ledger.ErrShredded)
		require.ErrorIs(t, next.err, ledger.ErrShredded)
		for _, o := range []*outcome{first, second, third} {
			require.NoError(t, o.err)
		}
	})
}
