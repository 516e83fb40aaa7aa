package pgledger_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
)

// What one log does, another one knows.
func TestTwoLogsAreOne(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	a, b := openLog(t, dsn, o), openLog(t, dsn, o)
	require.Equal(t, a.VerifierKey(), b.VerifierKey())
	of := func(l *ledger.Log, stream, key string, expect ledger.Version) (ledger.Receipt, error) {
		e := entry(stream, key)
		e.Expect, e.Subjects = expect, []string{"p"}
		r, err := l.Append(t.Context(), e)
		if err != nil {
			return ledger.Receipt{}, err
		}
		return r[0], nil
	}
	first, err := of(a, "s", "1", ledger.NoStream)
	require.NoError(t, err)
	again, err := of(b, "s", "1", ledger.NoStream)
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	require.Equal(t, first.Leaf, again.Leaf)
	_, err = of(b, "s", "2", ledger.NoStream)
	require.ErrorIs(t, err, ledger.ErrConflict)
	_, err = of(b, "s", "2", ledger.Exactly(1))
	require.NoError(t, err)
	third, err := of(a, "s", "3", ledger.Exactly(2))
	require.NoError(t, err)
	require.Equal(t, []uint64{2, 3}, []uint64{third.Index, third.StreamVersion})
	r, ok, err := a.ByKey(t.Context(), "2")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, uint64(1), r.Index)

	one, err := a.Checkpoint(t.Context())
	require.NoError(t, err)
	_, _, err = b.ByKey(t.Context(), "3") // takes in what a has written
	require.NoError(t, err)
	two, err := b.Checkpoint(t.Context())
	require.NoError(t, err)
	require.Equal(t, string(one), string(two))

	require.NoError(t, shred(t.Context(), a, "p"))
	_, err = of(b, "s", "4", ledger.Any)
	require.ErrorIs(t, err, ledger.ErrShredded)
	for e, err := range everything(t.Context(), b) {
		require.NoError(t, err)
		require.Equal(t, e.Index < 3, e.Erased)
	}
	findings, err := b.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, uint64(4), findings.Size)
	require.Equal(t, uint64(3), uint64(findings.Erased))
}

// A subscription on one log brings what other logs write, in order and whole.
func TestSubscriptionFollowsOtherLogs(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema(), Poll: 20 * time.Millisecond}
	reader := openLog(t, dsn, o)
	const writers, each = 3, 20
	for w := range writers {
		l := openLog(t, dsn, o)
		go func() {
			for i := range each {
				_, err := l.Append(t.Context(), entry("s", fmt.Sprint(w, "/", i)))
				assert.NoError(t, err)
			}
		}()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	next, keys := uint64(0), map[string]bool{}
	for e, err := range reader.Subscribe(ctx, 0) {
		require.NoError(t, err)
		require.Equal(t, next, e.Index)
		require.Equal(t, next+1, e.StreamVersion)
		keys[e.Key] = true
		if next++; next == writers*each {
			break
		}
	}
	require.Len(t, keys, writers*each)
}

// Snapshots in Options.CacheDir are taken up by the next opening, also after other
// logs have written on, and a damaged one costs nothing but time.
func TestSnapshotsOfASharedLog(t *testing.T) {
	dsn, o := needServer(t), pgledger.Options{Schema: newSchema()}
	cached := o
	cached.CacheDir = t.TempDir()
	l := openLog(t, dsn, cached)
	var entries []ledger.Append
	for i := range 300 {
		entries = append(entries, entry(fmt.Sprint("s", i%7), fmt.Sprint(i)))
	}
	_, err := l.Append(t.Context(), entries[:200]...)
	require.NoError(t, err)
	require.NoError(t, l.Snapshot(t.Context()))
	require.NoError(t, l.Close())
	other := openLog(t, dsn, o)
	_, err = other.Append(t.Context(), entries[200:]...)
	require.NoError(t, err)
	want, err := other.Verify(t.Context(), nil)
	require.NoError(t, err)
	l = openLog(t, dsn, cached)
	got, err := l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, want.Root, got.Root)
	for _, e := range entries {
		r, ok, err := l.ByKey(t.Context(), e.Key)
		require.NoError(t, err)
		require.True(t, ok, e.Key)
		require.Equal(t, e.Key, fmt.Sprint(r.Index))
	}
}
