package pgledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
)

// commitMarker is the message of a COMMIT.
const commitMarker = "\x00\x00\x0bcommit\x00"

// A connection that breaks at a commit: the store finds out what became of it.
func TestLostConnectionIsSettled(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	p, through := newProxy(t, dsn)
	s, other := recovered(t, through, o), recovered(t, dsn, o)
	first := 0
	for _, how := range []cut{unsent, answered, orphaned} {
		for _, n := range []int{1, 2, 1100} {
			for _, marker := range []string{"leaf cut", commitMarker} {
				if marker == commitMarker && n < 1100 || marker == "leaf cut" && n == 1100 && how == orphaned {
					continue // one statement; the server waits for the rest
				}
				what := fmt.Sprintf("%d at %d bytes of %d", how, len(marker), n)
				b := batch(first, n, "cut "+what)
				p.arm(marker, how)
				require.NoError(t, s.Commit(t.Context(), b), what)
				require.Equal(t, 1, p.count(), what)
				head, err := other.Head(t.Context())
				require.NoError(t, err)
				require.Equal(t, b.Head, head, "once, %s", what)
				require.Equal(t, b.Frames, frames(t, other, head.Size)[first:])
				first += n
			}
		}
	}
}

// Where another log has the place by then, the answer is that, and not doubt.
func TestLostConnectionIsSettledForAnotherLog(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	p, through := newProxy(t, dsn)
	s, other, c := recovered(t, through, o), recovered(t, dsn, o), sqlConn(t, dsn)
	execSQL(t, c, `begin`)
	execSQL(t, c, `update `+table(o.Schema, "head")+` set size = size`)
	p.arm("leaf cut", unsent)
	theirs, ours := make(chan error), make(chan error)
	go func() { theirs <- other.Commit(t.Context(), batch(0, 1, "theirs")) }()
	waitForLocks(t, dsn, o.Schema, 1)
	go func() { ours <- s.Commit(t.Context(), batch(0, 1, "cut off")) }()
	waitForLocks(t, dsn, o.Schema, 2)
	execSQL(t, c, `rollback`)
	require.NoError(t, <-theirs)
	require.ErrorIs(t, <-ours, ledger.ErrFenced)
	require.Equal(t, 1, p.count())
}

// The first try goes on in a server that does not know its client is gone, and
// commits while the second is waiting behind it.
func TestOrphanedCommitIsRecognised(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	p, through := newProxy(t, dsn)
	s, c := recovered(t, through, o), sqlConn(t, dsn)
	for i, n := range []int{1, 5} {
		execSQL(t, c, `begin`)
		execSQL(t, c, `update `+table(o.Schema, "head")+` set size = size`)
		p.arm("leaf cut", orphaned)
		b, done := batch(i, n, "cut off"), make(chan error)
		go func() { done <- s.Commit(t.Context(), b) }()
		waitForLocks(t, dsn, o.Schema, 2)
		execSQL(t, c, `rollback`)
		require.NoError(t, <-done)
		require.Equal(t, 1, p.count())
		head, err := s.Head(t.Context())
		require.NoError(t, err)
		require.Equal(t, b.Head, head)
	}
}

// waitForLocks waits until n sessions wait for a row of the head.
func waitForLocks(t *testing.T, dsn, schema string, n int) {
	t.Helper()
	c := sqlConn(t, dsn)
	require.Eventually(t, func() bool {
		var have int
		require.NoError(t, c.QueryRow(t.Context(),
			`select count(*) from pg_stat_activity where wait_event_type = 'Lock' and position($1 in query) > 0`, table(schema, "head")).Scan(&have))
		return have >= n
	}, 10*time.Second, 5*time.Millisecond)
	c.Close(t.Context())
}

func TestLostConnectionWithoutPatience(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema(), Patience: -1}
	p, through := newProxy(t, dsn)
	size := uint64(0)
	for _, how := range []cut{unsent, answered} {
		for _, n := range []int{1, 1100} {
			s := recovered(t, through, o)
			marker := "leaf cut"
			if n > 1 {
				marker = commitMarker
			}
			p.arm(marker, how)
			err := s.Commit(t.Context(), batch(int(size), n, "cut"))
			require.ErrorIs(t, err, ledger.ErrUnknownOutcome)
			head, err := s.Head(t.Context())
			require.NoError(t, err)
			if how == answered {
				size += uint64(n)
			}
			require.Equal(t, size, head.Size)
			require.NoError(t, s.Commit(t.Context(), batch(int(size), 1, "on")))
			size++
		}
	}
}

// Before the commit is sent there is no doubt: the server undoes a copy.
func TestLostConnectionInACopyIsNoDoubt(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema(), Patience: -1}
	p, through := newProxy(t, dsn)
	s := recovered(t, through, o)
	p.arm("leaf cut", unsent)
	err := s.Commit(t.Context(), batch(0, 1100, "cut"))
	require.Error(t, err)
	require.NotErrorIs(t, err, ledger.ErrUnknownOutcome)
	require.NoError(t, s.Commit(t.Context(), batch(0, 1100, "cut")))
}

func TestUnreachableServerWritesNothing(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema(), Patience: 200 * time.Millisecond}
	p, through := newProxy(t, dsn)
	s := recovered(t, through, o)
	require.NoError(t, s.Commit(t.Context(), batch(0, 1, "x")))
	p.close()
	time.Sleep(20 * time.Millisecond)
	start := time.Now()
	_, err := s.Head(t.Context())
	require.ErrorIs(t, err, ledger.ErrReadOnly)
	require.Less(t, time.Since(start), 5*time.Second)
}
