package ledger_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// Nobody can take the key under which a subject will be shredded or a signing key
// rotated.
func TestKeysOfTheLogsOwnEntriesAreReserved(t *testing.T) {
	l := openMemory(t)
	for _, key := range []string{"shred/alice", "shred#00", "key.added/x", "key.retired/x"} {
		_, err := l.Append(t.Context(), simple("s", "fine"+key), simple("s", key))
		invalid := new(ledger.InvalidError)
		require.ErrorAs(t, err, &invalid, key)
		require.Equal(t, 1, invalid.Entry)
		require.Equal(t, "Key", invalid.Field)
	}
	require.Zero(t, l.Size())
	_, err := l.Shred(t.Context(), "alice", nil)
	require.NoError(t, err)
}

// The longest subject can be shredded as the shortest can, and once.
func TestLongSubjectsAreShredded(t *testing.T) {
	l := openMemory(t)
	for _, n := range []int{1, 505, 506, 507, ledger.MaxName} { // 506 and the prefix are the longest key
		subject := strings.Repeat("x", n)
		a := simple("s", fmt.Sprint(n))
		a.Subjects = []string{subject}
		_, err := l.Append(t.Context(), a)
		require.NoError(t, err)
		r, err := l.Shred(t.Context(), subject, nil)
		require.NoError(t, err, "%d bytes", n)
		again, err := l.Shred(t.Context(), subject, nil)
		require.NoError(t, err)
		require.True(t, again.Duplicate)
		require.Equal(t, r.Index, again.Index)
	}
}

// A shredded subject is refused with the append that names it.
func TestAShreddedSubjectNamesItsAppend(t *testing.T) {
	l := openMemory(t)
	_, err := l.Shred(t.Context(), "gone", nil)
	require.NoError(t, err)
	bad := simple("s", "bad")
	bad.Subjects = []string{"here", "gone"}
	_, err = l.Append(t.Context(), simple("s", "a"), simple("s", "b"), bad)
	require.ErrorIs(t, err, ledger.ErrShredded)
	shredded := new(ledger.ShreddedError)
	require.ErrorAs(t, err, &shredded)
	require.Equal(t, 2, shredded.Entry)
	require.NotContains(t, err.Error(), "gone")
}

// A time that JSON cannot say is refused, so that every entry can be shown.
func TestTimesAreThoseThatJSONHas(t *testing.T) {
	l := openMemory(t)
	year := func(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }
	for _, y := range []int{-1, 10_000, 36_000} {
		a := simple("s", "bad")
		a.Time = year(y)
		_, err := l.Append(t.Context(), a)
		require.ErrorIs(t, err, ledger.ErrInvalid, "year %d", y)
	}
	for _, y := range []int{0, 1, 9999} {
		a := simple("s", "year "+year(y).String())
		a.Time = year(y)
		_, err := l.Append(t.Context(), a)
		require.NoError(t, err, "year %d", y)
	}
	for e, err := range l.Read(t.Context(), ledger.Query{}) {
		require.NoError(t, err)
		_, err = json.Marshal(e)
		require.NoError(t, err)
	}
}

func openMemory(t *testing.T) *ledger.Log {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}
