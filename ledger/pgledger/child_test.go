package pgledger_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
)

// What a child process is told.
const (
	childDSN    = "PGLEDGER_TEST_DSN"
	childSchema = "PGLEDGER_TEST_SCHEMA"
	childName   = "PGLEDGER_TEST_NAME"
	childRounds = "PGLEDGER_TEST_ROUNDS"
)

// acks is what somebody was told, as "index leaf" by key.
type acks struct {
	mu   sync.Mutex
	told map[string]string
}

func (a *acks) add(t testing.TB, key, place string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.told == nil {
		a.told = map[string]string{}
	}
	if before, again := a.told[key]; again && before != place {
		t.Errorf("key %s was acknowledged at %s and at %s", key, before, place)
	}
	a.told[key] = place
}

func (a *acks) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.told)
}

// writer appends rounds of entries through a log of its own and opens it again
// when it has to, as an application does.
type writer struct {
	dsn    string
	o      pgledger.Options
	name   string
	rounds int
	ack    func(key string, r ledger.Receipt)

	log    *ledger.Log
	opened int
}

// round is what a writer appends at once: its own stream at an expected version, a
// stream of all, and an entry that every writer tries to write, under one key.
func (w *writer) round(i int) []ledger.Append {
	own := entry("stream of "+w.name, fmt.Sprint(w.name, "/", i, "/own"))
	own.Expect = ledger.NoStream
	if i > 0 {
		own.Expect = ledger.Exactly(uint64(i))
	}
	all := entry("all", fmt.Sprint(w.name, "/", i, "/all"))
	all.Subjects = []string{fmt.Sprint("subject ", i%7)}
	return []ledger.Append{own, all}
}

func (w *writer) run(ctx context.Context) error {
	defer w.close()
	for i := range w.rounds {
		if err := w.append(ctx, w.round(i)); err != nil {
			return fmt.Errorf("%s, round %d: %w", w.name, i, err)
		}
		if err := w.append(ctx, []ledger.Append{entry("same", fmt.Sprint("same/", i))}); err != nil {
			return fmt.Errorf("%s, shared key %d: %w", w.name, i, err)
		}
		if err := w.race(ctx, i); err != nil {
			return fmt.Errorf("%s, race %d: %w", w.name, i, err)
		}
	}
	return nil
}

// append tries until the entries are acknowledged.
func (w *writer) append(ctx context.Context, entries []ledger.Append) error {
	for {
		receipts, err := w.try(ctx, entries)
		switch {
		case err == nil:
			for i, r := range receipts {
				w.ack(entries[i].Key, r)
			}
			return nil
		case !w.again(err):
			return err
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// race tries for one version of a stream everybody wants, and may lose.
func (w *writer) race(ctx context.Context, i int) error {
	a := entry("race", fmt.Sprint(w.name, "/", i, "/race"))
	a.Expect = ledger.Exactly(uint64(i))
	if i == 0 {
		a.Expect = ledger.NoStream
	}
	err := w.append(ctx, []ledger.Append{a})
	if errors.Is(err, ledger.ErrConflict) {
		return nil
	}
	return err
}

func (w *writer) try(ctx context.Context, entries []ledger.Append) ([]ledger.Receipt, error) {
	if w.log == nil {
		s, err := pgledger.Open(ctx, w.dsn, &w.o)
		if err != nil {
			return nil, err
		}
		if w.log, err = ledger.Open(ctx, s, nil); err != nil {
			w.log = nil
			return nil, err
		}
		w.opened++
	}
	return w.log.Append(ctx, entries...)
}

// again reports whether to try again, after opening the log again if need be.
func (w *writer) again(err error) bool {
	switch {
	case errors.Is(err, ledger.ErrPoisoned), errors.Is(err, ledger.ErrUnknownOutcome):
		w.close()
		return true
	case errors.Is(err, ledger.ErrReadOnly):
		return true
	}
	return false
}

func (w *writer) close() {
	if w.log != nil {
		w.log.Close()
		w.log = nil
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// child is a process with four writers, which says what it was told.
func child() int {
	rounds, err := strconv.Atoi(os.Getenv(childRounds))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	for i := range 4 {
		w := &writer{
			dsn: os.Getenv(childDSN), o: pgledger.Options{Schema: os.Getenv(childSchema)},
			name: fmt.Sprint(os.Getenv(childName), ".", i), rounds: rounds,
			ack: func(key string, r ledger.Receipt) {
				mu.Lock()
				defer mu.Unlock()
				fmt.Println(key, r.Index, r.Leaf)
			},
		}
		wg.Go(func() {
			if err := w.run(context.Background()); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = errors.Join(failed, err)
			}
		})
	}
	wg.Wait()
	if failed != nil {
		fmt.Fprintln(os.Stderr, failed)
		return 1
	}
	return 0
}

// startChild runs this test's own program as a child. The channel is closed when
// its output has ended.
func startChild(t *testing.T, told *acks, dsn, schema, name string, rounds int) (*exec.Cmd, chan struct{}) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDSN+"="+dsn, childSchema+"="+schema, childName+"="+name, childRounds+"="+strconv.Itoa(rounds))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			key, place, ok := strings.Cut(lines.Text(), " ")
			if ok && strings.HasSuffix(place, "=") { // whole lines only
				told.add(t, key, place)
			}
		}
	}()
	return c, done
}

// audit opens the log again and holds it to what was acknowledged.
func audit(t *testing.T, dsn string, o pgledger.Options, told *acks) *ledger.Log {
	t.Helper()
	l := openLog(t, dsn, o)
	findings, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, l.Size(), findings.Size)
	found, versions := map[string]string{}, map[string]uint64{}
	next := uint64(0)
	for e, err := range everything(t.Context(), l) {
		require.NoError(t, err)
		require.Equal(t, next, e.Index, "positions are dense")
		require.Equal(t, versions[e.Stream]+1, e.StreamVersion, "versions are dense")
		require.NotContains(t, found, e.Key, "a key is there once")
		require.Equal(t, "payload of "+e.Key, string(e.Payload))
		found[e.Key] = fmt.Sprint(e.Index, " ", e.Leaf)
		versions[e.Stream]++
		next++
	}
	require.Equal(t, l.Size(), next)
	for key, place := range told.told {
		require.Equal(t, place, found[key], "acknowledged entry %s", key)
	}
	for key, place := range told.told {
		r, ok, err := l.ByKey(t.Context(), key)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, place, fmt.Sprint(r.Index, " ", r.Leaf))
		p, err := l.Prove(t.Context(), r.Index, l.Size())
		require.NoError(t, err)
		require.NoError(t, p.Verify(findings.Root))
	}
	file, err := l.ExportReceipt(t.Context(), l.Size()/2)
	require.NoError(t, err)
	_, err = ledger.VerifyReceipt(file, l.VerifierKey())
	require.NoError(t, err)
	return l
}

// Sixteen logs in four processes write one log.
func TestFourProcesses(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	require.NoError(t, openLog(t, dsn, o).Close())
	var told acks
	var wg sync.WaitGroup
	for p := range 4 {
		c, done := startChild(t, &told, dsn, o.Schema, fmt.Sprint("p", p), rounds)
		wg.Go(func() {
			<-done
			assert.NoError(t, c.Wait())
		})
	}
	wg.Wait()
	l := audit(t, dsn, o, &told)
	require.Equal(t, uint64(rounds), l.StreamVersion("same"), "shared keys")
	require.Equal(t, uint64(rounds), l.StreamVersion("race"), "every version was won once")
	require.Equal(t, uint64(16*rounds), l.StreamVersion("all"))
	t.Logf("%d entries", l.Size())
}

// Processes are killed at any moment, again and again, beside one that is not.
func TestKilledProcesses(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	kills := 6
	if testing.Short() {
		kills = 2
	}
	require.NoError(t, openLog(t, dsn, o).Close())
	var told acks
	for i := range kills {
		before := told.count()
		c, done := startChild(t, &told, dsn, o.Schema, fmt.Sprint("k", i), 1<<20)
		require.Eventually(t, func() bool { return told.count() > before+10*i }, 20*time.Second, time.Millisecond)
		require.NoError(t, c.Process.Kill())
		<-done
		require.Error(t, c.Wait(), "killed")
	}
	survivor := &writer{dsn: dsn, o: o, name: "survivor", rounds: 3, ack: func(key string, r ledger.Receipt) {
		told.add(t, key, fmt.Sprint(r.Index, " ", r.Leaf))
	}}
	require.NoError(t, survivor.run(t.Context()))
	l := audit(t, dsn, o, &told)
	t.Logf("%d of %d entries acknowledged", told.count(), l.Size())
}
