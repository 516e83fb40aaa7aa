package pgledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
	"github.com/deeperpoint/csss/ledger/pgledger/internal/pgtest"
)

// pair is a primary with a synchronous standby, of the test's own.
type pair struct {
	primary, standby *pgtest.Server
	dsn              string // names both, the primary first
}

func newPair(t *testing.T) pair {
	t.Helper()
	needServer(t)
	// The clean-up of a test comes when its context is cancelled.
	primary, err := pgtest.New(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, primary.Remove()) })
	standby, err := primary.Standby(t.Context(), "s1", nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, standby.Remove()) })
	waitsFor(t, primary, "FIRST 1 (s1)")
	c := sqlConn(t, primary.DSN("postgres"))
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, c.QueryRow(t.Context(), `select count(*) from pg_stat_replication where sync_state = 'sync'`).Scan(&n))
		return n == 1
	}, 20*time.Second, 10*time.Millisecond)
	return pair{primary, standby, fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres dbname=postgres sslmode=disable", primary.Port, standby.Port)}
}

// waitsFor sets the standbys a server waits for, and returns when it does.
func waitsFor(t *testing.T, s *pgtest.Server, names string) {
	t.Helper()
	require.NoError(t, s.Configure(pgtest.Settings{"synchronous_standby_names": names}))
	require.NoError(t, s.Reload(t.Context()))
	c, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	require.NoError(t, err)
	defer c.Close(context.Background())
	require.Eventually(t, func() bool {
		var have string
		require.NoError(t, c.QueryRow(t.Context(), `select current_setting('synchronous_standby_names')`).Scan(&have))
		return have == names
	}, 10*time.Second, 5*time.Millisecond)
	time.Sleep(20 * time.Millisecond) // all sessions of the server have the signal
}

// The primary is killed under load and the standby promoted; then the old one
// comes back.
func TestFailover(t *testing.T) {
	p := newPair(t)
	o := pgledger.Options{Schema: "log"}
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	keeper := openLog(t, p.dsn, o) // through everything
	early, err := keeper.Append(t.Context(), entry("early", "early"))
	require.NoError(t, err)
	require.Equal(t, uint64(0), early[0].Index)
	before, err := keeper.Checkpoint(t.Context())
	require.NoError(t, err)
	t.Logf("single append with a synchronous standby: p50 %v", median(t, keeper))

	_, err = pgledger.Open(t.Context(), p.standby.DSN("postgres"), &pgledger.Options{Schema: o.Schema, Patience: 200 * time.Millisecond})
	require.ErrorIs(t, err, pgledger.ErrStandby)
	require.ErrorIs(t, err, ledger.ErrReadOnly)

	var told acks
	var wg sync.WaitGroup
	writers := make([]*writer, 4)
	for i := range writers {
		writers[i] = &writer{dsn: p.dsn, o: o, name: fmt.Sprint("w", i), rounds: rounds, ack: func(key string, r ledger.Receipt) {
			told.add(t, key, fmt.Sprint(r.Index, " ", r.Leaf))
		}}
		wg.Go(func() { assert.NoError(t, writers[i].run(t.Context())) })
	}
	require.Eventually(t, func() bool { return told.count() > 3*rounds }, 60*time.Second, time.Millisecond)
	require.NoError(t, p.primary.Stop(t.Context(), "immediate"))
	atCrash, crashed := told.count(), time.Now()
	require.NoError(t, p.standby.Configure(pgtest.Settings{"synchronous_standby_names": ""}))
	require.NoError(t, p.standby.Promote(t.Context()))
	require.Eventually(t, func() bool { return told.count() > atCrash }, 60*time.Second, time.Millisecond)
	t.Logf("%d acknowledged before the crash, the next %v after it", atCrash, time.Since(crashed).Round(time.Millisecond))
	wg.Wait()
	opened := 0
	for _, w := range writers {
		opened += w.opened
	}
	t.Logf("%d acknowledged, logs opened %d times", told.count(), opened)

	l := audit(t, p.dsn, o, &told)
	require.Equal(t, uint64(rounds), l.StreamVersion("same"), "retries of one key are one entry")
	require.Equal(t, uint64(4*rounds), l.StreamVersion("all"))
	after := p.theOldOneReturns(t, o, l, before)

	_, err = keeper.Append(t.Context(), entry("early", "late"))
	require.NoError(t, err, "a log that was idle meanwhile goes on")
	require.Greater(t, keeper.Size(), after)
}

// median measures single appends.
func median(t *testing.T, l *ledger.Log) time.Duration {
	t.Helper()
	var took []time.Duration
	for i := range 25 {
		start := time.Now()
		_, err := l.Append(t.Context(), entry("single", fmt.Sprint("single/", i)))
		require.NoError(t, err)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// theOldOneReturns as a primary that waits for nobody: the worst case.
func (p pair) theOldOneReturns(t *testing.T, o pgledger.Options, l *ledger.Log, before []byte) (size uint64) {
	t.Helper()
	longLived := recovered(t, p.dsn, o) // has seen the new timeline
	require.Equal(t, uint32(2), longLived.Timeline())
	require.NoError(t, p.primary.Configure(pgtest.Settings{"synchronous_standby_names": ""}))
	require.NoError(t, p.primary.Start(t.Context()))
	c, old := sqlConn(t, p.standby.DSN("postgres")), sqlConn(t, p.primary.DSN("postgres"))
	sizeOf := func(c *pgx.Conn) (n uint64) {
		require.NoError(t, c.QueryRow(t.Context(), `select size from log.head`).Scan(&n))
		return n
	}
	left := sizeOf(old)

	// Its connections break; the old primary comes first in the list of hosts.
	execSQL(t, c, `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'`)
	for i := range 30 {
		_, err := l.Append(t.Context(), entry("after", fmt.Sprint("after/", i)))
		require.NoError(t, err)
	}
	head, err := longLived.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, sizeOf(c), head.Size)
	require.Equal(t, left, sizeOf(old), "the old primary is not written")

	oldOnly := p.primary.DSN("postgres")
	remembered := o
	remembered.Timeline = 2
	impatient := remembered
	impatient.Patience = 200 * time.Millisecond
	_, err = pgledger.Open(t.Context(), oldOnly, &impatient)
	require.ErrorIs(t, err, pgledger.ErrStale)
	require.ErrorIs(t, err, ledger.ErrReadOnly)
	require.Equal(t, uint32(2), openStore(t, p.dsn, remembered).Timeline())
	fresh := openStore(t, p.dsn, o)
	require.Equal(t, uint32(2), fresh.Timeline(), "who knows all hosts asks all hosts")

	now, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	_, err = p.openTrusted(t, oldOnly, o, now)
	require.ErrorIs(t, err, ledger.ErrCorrupt, "a process that remembers a checkpoint")
	consistent, err := p.openTrusted(t, p.dsn, remembered, before)
	require.NoError(t, err, "the new log extends the checkpoint from before")
	defer consistent.Close()
	proof, err := consistent.ProveConsistency(t.Context(), 1, consistent.Size())
	require.NoError(t, err)
	require.NoError(t, proof.Verify(proof.FromRoot, proof.ToRoot))
	return consistent.Size()
}

func (p pair) openTrusted(t *testing.T, dsn string, o pgledger.Options, trusted []byte) (*ledger.Log, error) {
	t.Helper()
	s, err := pgledger.Open(t.Context(), dsn, &o)
	require.NoError(t, err)
	return ledger.Open(t.Context(), s, &ledger.Options{Trusted: trusted})
}

// The standby is away, and somebody ends the wait for it. What was committed is
// then visible on the primary and on no standby: nobody may be told.
func TestWaitForTheStandbyCutShort(t *testing.T) {
	needServer(t)
	server, err := pgtest.New(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Remove()) })
	o, dsn := pgledger.Options{Schema: "log"}, server.DSN("postgres")
	c := sqlConn(t, dsn)
	impatient := o
	impatient.Patience = -1
	s, other, patient := recovered(t, dsn, impatient), recovered(t, dsn, o), recovered(t, dsn, o)
	head, err := s.Head(t.Context())
	require.NoError(t, err)
	size := int(head.Size)
	waitsFor(t, server, "FIRST 1 (nobody)")
	cancelWait := func() {
		require.Eventually(t, func() bool {
			var n int
			require.NoError(t, c.QueryRow(t.Context(), `select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'`).Scan(&n))
			return n > 0
		}, 10*time.Second, 5*time.Millisecond)
	}
	visible := func() (n int) {
		require.NoError(t, c.QueryRow(t.Context(), `select size from log.head`).Scan(&n))
		return n
	}
	noNews := func(s *pgledger.Store) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		head, err := s.Head(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "%d entries are told", head.Size)
	}

	// The server says success, and warns.
	for _, n := range []int{1, 1100} {
		outcome := make(chan error)
		go func() { outcome <- s.Commit(t.Context(), batch(size, n, "cut short")) }()
		cancelWait()
		require.ErrorIs(t, <-outcome, ledger.ErrUnknownOutcome)
		size += n
		require.Equal(t, size, visible())
		noNews(other)
		waitsFor(t, server, "")
		head, err := other.Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, uint64(size), head.Size)
		_, err = s.Recover(t.Context())
		require.NoError(t, err)
		waitsFor(t, server, "FIRST 1 (nobody)")
	}

	// The caller's patience ends.
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Commit(ctx, batch(size, 1, "too slow")), ledger.ErrUnknownOutcome)
	size++
	require.Eventually(t, func() bool { return visible() == size }, 10*time.Second, 5*time.Millisecond)
	noNews(other)
	waitsFor(t, server, "")
	_, err = other.Head(t.Context())
	require.NoError(t, err)
	waitsFor(t, server, "FIRST 1 (nobody)")

	// A patient store waits for the standby after all.
	_, err = patient.Recover(shortly(t))
	require.ErrorIs(t, err, context.DeadlineExceeded, "Recover is held to the same")
	waitsFor(t, server, "")
	_, err = patient.Recover(t.Context())
	require.NoError(t, err)
	waitsFor(t, server, "FIRST 1 (nobody)")
	outcome := make(chan error, 1)
	go func() { outcome <- patient.Commit(t.Context(), batch(size, 2, "patient")) }()
	cancelWait()
	select {
	case err := <-outcome:
		require.NoError(t, errors.Join(err, errors.New("acknowledged without the standby")))
	case <-time.After(200 * time.Millisecond):
	}
	waitsFor(t, server, "")
	require.NoError(t, <-outcome)
	require.Equal(t, size+2, visible())
}

func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// The standby is promoted while the primary lives on and waits for nobody: once the
// store has met the new primary, the connections it has to the old one are no use.
func TestConnectionsToAReplacedPrimary(t *testing.T) {
	p := newPair(t)
	o := pgledger.Options{Schema: "log"}
	s := recovered(t, p.dsn+" application_name=store", o)
	old := sqlConn(t, p.primary.DSN("postgres"))
	twoAtOnce := func() (failed error) { // so that the store has two connections
		t.Helper()
		execSQL(t, old, `begin`)
		execSQL(t, old, `lock table log.head in access exclusive mode`)
		both := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := s.Head(t.Context())
				both <- err
			}()
		}
		time.Sleep(200 * time.Millisecond)
		execSQL(t, old, `rollback`)
		return errors.Join(<-both, <-both)
	}
	require.NoError(t, twoAtOnce())
	require.NoError(t, s.Commit(t.Context(), batch(0, 1, "before")))
	waitsFor(t, p.primary, "")
	require.NoError(t, p.standby.Configure(pgtest.Settings{"synchronous_standby_names": ""}))
	require.NoError(t, p.standby.Promote(t.Context()))
	require.NoError(t, s.Commit(t.Context(), batch(1, 1, "lost"))) // nobody could know, and nobody was asked

	var ended int
	require.NoError(t, old.QueryRow(t.Context(), `select count(pg_terminate_backend(pid)) from
		(select pid from pg_stat_activity where application_name = 'store' order by backend_start limit 1) as one`).Scan(&ended))
	require.Equal(t, 1, ended)
	time.Sleep(50 * time.Millisecond)
	var left int
	require.NoError(t, old.QueryRow(t.Context(), `select count(*) from pg_stat_activity where application_name = 'store'`).Scan(&left))
	require.Equal(t, 1, left, "one connection to the old primary lives on")
	for range 5 { // whichever connection it is
		_, err := s.Head(t.Context())
		if err != nil {
			require.ErrorIs(t, err, ledger.ErrCorrupt)
		}
	}
	if s.Timeline() < 2 { // all of them were lucky
		require.ErrorIs(t, twoAtOnce(), ledger.ErrCorrupt)
	}
	require.Equal(t, uint32(2), s.Timeline())
	require.ErrorIs(t, s.Commit(t.Context(), batch(2, 1, "after")), ledger.ErrCorrupt, "the new primary has not all this store has seen")
	var size int
	require.NoError(t, old.QueryRow(t.Context(), `select size from log.head`).Scan(&size))
	require.Equal(t, 2, size, "the old primary is written no more")
}
