package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/ledger"
)

// matches is the obvious twin of a Query.
func matches(q ledger.Query, e ledger.Entry) bool {
	return e.Index >= q.From && (q.To == 0 || e.Index < q.To) &&
		(q.Stream == "" || e.Stream == q.Stream && e.StreamVersion > q.After) &&
		(q.Subject == "" || slices.Contains(e.Subjects, q.Subject)) &&
		(q.Type == "" || e.Type == q.Type) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) && (q.Until.IsZero() || e.Time.Before(q.Until))
}

func TestQueriesAreFilters(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	for i := range 60 {
		a := ledger.Append{Stream: fmt.Sprint("s", i%4), Type: fmt.Sprint("t", i%3), Key: fmt.Sprint(i), Public: map[string]string{"n": fmt.Sprint(i)}}
		for p := range 3 {
			if i>>p&1 == 1 {
				a.Subjects = append(a.Subjects, fmt.Sprint("p", p))
			}
		}
		_, err := l.Append(t.Context(), a)
		require.NoError(t, err)
	}
	_, err = l.Shred(t.Context(), "p1", &ledger.ShredOptions{Reason: "asked"})
	require.NoError(t, err)
	read := func(t require.TestingT, q ledger.Query) (out []ledger.Entry) {
		for e, err := range l.Read(context.Background(), q) {
			require.NoError(t, err)
			out = append(out, e)
		}
		return out
	}
	all := read(t, ledger.Query{})
	require.Len(t, all, 61)
	require.Equal(t, map[string]string{"n": "7"}, all[7].Public)
	rapid.Check(t, func(t *rapid.T) {
		maybe := func(name string, values ...string) string {
			return rapid.SampledFrom(append(values, "", "")).Draw(t, name)
		}
		q := ledger.Query{
			From:    rapid.Uint64Range(0, 62).Draw(t, "from"),
			To:      rapid.Uint64Range(0, 62).Draw(t, "to"),
			Stream:  maybe("stream", "s0", "s1", "none", ledger.StreamShredded),
			Subject: maybe("subject", "p0", "p1", "p2", "nobody"),
			Type:    maybe("type", "t0", "t1", ledger.TypeShredded),
		}
		if q.Stream != "" {
			q.After = rapid.Uint64Range(0, 20).Draw(t, "after")
		}
		if rapid.Bool().Draw(t, "since") {
			q.Since = all[rapid.IntRange(0, 60).Draw(t, "since entry")].Time.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "ns")))
		}
		if rapid.Bool().Draw(t, "until") {
			q.Until = all[rapid.IntRange(0, 60).Draw(t, "until entry")].Time.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "ns")))
		}
		var want []ledger.Entry
		for _, e := range all {
			if matches(q, e) {
				want = append(want, e)
			}
		}
		require.Equal(t, want, read(t, q))
	})
	for _, err := range l.Read(t.Context(), ledger.Query{After: 1}) {
		require.ErrorIs(t, err, ledger.ErrInvalid)
	}
}

func TestSubscriptionHasNoGaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := ledger.OpenMemory(nil)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		var seen []uint64
		var ended error
		go func() {
			for e, err := range l.Subscribe(ctx, 2) {
				if ended = err; err == nil {
					seen = append(seen, e.Index)
				}
			}
		}()
		for i := range 9 {
			_, err := l.Append(t.Context(), simple("s", fmt.Sprint(i)))
			require.NoError(t, err)
			if i%3 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		require.Equal(t, []uint64{2, 3, 4, 5, 6, 7, 8}, seen)
		require.NoError(t, ended)
		cancel()
		synctest.Wait()
		require.ErrorIs(t, ended, context.Canceled)

		for e, err := range l.Subscribe(t.Context(), 8) { // may be left at any time
			require.NoError(t, err)
			require.Equal(t, uint64(8), e.Index)
			break
		}
		var closed error
		go func() {
			for _, err := range l.Subscribe(t.Context(), 100) {
				closed = err
			}
		}()
		synctest.Wait()
		require.NoError(t, l.Close())
		synctest.Wait()
		require.ErrorIs(t, closed, ledger.ErrClosed)
	})
}

// Leaves and ReadHashes are all that a tile needs.
func TestLeavesHashToTheTree(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	for i := range 21 {
		_, err := l.Append(t.Context(), simple("s", fmt.Sprint(i)))
		require.NoError(t, err)
	}
	var stored []tlog.Hash
	n := int64(0)
	for leaf, err := range l.Leaves(t.Context(), 0, 21) {
		require.NoError(t, err)
		more, err := tlog.StoredHashes(n, leaf, tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, _ error) {
			for _, x := range indexes {
				out = append(out, stored[x])
			}
			return out, nil
		}))
		require.NoError(t, err)
		stored = append(stored, more...)
		n++
	}
	for x, want := range stored {
		got, err := l.ReadHashes([]int64{int64(x)})
		require.NoError(t, err)
		require.Equal(t, want, got[0])
	}
	root, err := tlog.TreeHash(21, l)
	require.NoError(t, err)
	p, err := l.Prove(t.Context(), 0, 21)
	require.NoError(t, err)
	require.Equal(t, p.Root, root)
	_, err = l.ReadHashes([]int64{int64(len(stored))})
	require.ErrorIs(t, err, ledger.ErrRange)
	for _, err := range l.Leaves(t.Context(), 20, 22) {
		require.ErrorIs(t, err, ledger.ErrRange)
	}
}

func TestShreddingMayKeepTheBlobs(t *testing.T) {
	s := ledger.NewMemoryStore()
	l, err := ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	a := simple("s", "a")
	a.Subjects = []string{"p"}
	_, err = l.Append(t.Context(), a)
	require.NoError(t, err)
	r, err := l.Shred(t.Context(), "p", &ledger.ShredOptions{KeepBlobs: true})
	require.NoError(t, err)
	again, err := l.Shred(t.Context(), "p", &ledger.ShredOptions{KeepBlobs: true})
	require.NoError(t, err)
	require.Equal(t, r.Index, again.Index)
	for range 2 {
		for f, err := range s.Read(t.Context(), 0, 1) {
			require.NoError(t, err)
			require.False(t, f.Erased)
			require.NotEmpty(t, f.Payload)
		}
		for e, err := range l.Read(t.Context(), ledger.Query{Subject: "p"}) {
			require.NoError(t, err)
			require.Equal(t, e.Index == 0, e.Erased)
		}
		findings, err := l.Verify(t.Context(), nil)
		require.NoError(t, err)
		require.Equal(t, uint64(1), findings.Erased)
		require.NoError(t, l.Close())
		l, err = ledger.Open(t.Context(), s, nil)
		require.NoError(t, err)
	}
	_, err = l.Shred(t.Context(), "p", nil)
	require.ErrorIs(t, err, ledger.ErrKeyReused, "another shredding needs another key")
	_, err = l.Shred(t.Context(), "p", &ledger.ShredOptions{Key: "now the blobs"})
	require.NoError(t, err)
	for f, err := range s.Read(t.Context(), 0, 1) {
		require.NoError(t, err)
		require.True(t, f.Erased)
	}
	require.NoError(t, l.Close())
}

func TestPublicAttributesAreInTheLeaf(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	a := simple("s", "a")
	a.Public = map[string]string{"region": "ON", "category": "cnc"}
	_, err = l.Append(t.Context(), a)
	require.NoError(t, err)
	for leaf, err := range l.Leaves(t.Context(), 0, 1) {
		require.NoError(t, err)
		require.Contains(t, string(leaf), "category\x00\x03cnc\x00\x06region\x00\x02ON")
		require.LessOrEqual(t, len(leaf), 1024)
	}
	a.Public = map[string]string{"region": "ON"}
	_, err = l.Append(t.Context(), a)
	require.ErrorIs(t, err, ledger.ErrKeyReused)
	require.ErrorContains(t, err, "public")
	for what, public := range map[string]map[string]string{
		"too large": {"a": string(make([]byte, ledger.MaxPublic))}, "no name": {"": "x"}, "not UTF-8": {"a": "\xff"},
	} {
		b := simple("s", "b")
		b.Public = public
		_, err = l.Append(t.Context(), b)
		require.Error(t, err, what)
	}
	big := simple("s", "big")
	big.Public = map[string]string{}
	for i := range ledger.MaxPublicPairs {
		big.Public[fmt.Sprintf("%02d", i)] = string(make([]byte, ledger.MaxPublic/ledger.MaxPublicPairs-2))
	}
	_, err = l.Append(t.Context(), big)
	require.NoError(t, err)
	for leaf, err := range l.Leaves(t.Context(), 1, 2) {
		require.NoError(t, err)
		require.Len(t, leaf, 1023)
	}
}
