package ledger_test

import (
	"bytes"
	"context"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// Who holds the tenant key can make frames that open. Each check on how entries
// follow each other must hold by itself.

var forgersKey = bytes.Repeat([]byte{3}, 32)

// frames appends one entry after the other and returns their frames.
func frames(t *testing.T, entries ...ledger.Append) (out []ledger.Frame) {
	t.Helper()
	s := ledger.NewMemoryStore()
	l, err := ledger.Open(t.Context(), s, &ledger.Options{TenantKey: forgersKey})
	require.NoError(t, err)
	defer l.Close()
	for _, e := range entries {
		_, err := l.Append(t.Context(), e)
		require.NoError(t, err)
	}
	for f, err := range s.Read(t.Context(), 0, uint64(len(entries))) {
		require.NoError(t, err)
		out = append(out, ledger.CloneFrame(f))
	}
	return out
}

// forged is a store with these frames, the right root, and a signing key.
func forged(t *testing.T, list ...ledger.Frame) ledger.Store {
	t.Helper()
	s := ledger.NewMemoryStore()
	l, err := ledger.Open(t.Context(), s, &ledger.Options{TenantKey: forgersKey})
	require.NoError(t, err)
	require.NoError(t, l.Close())
	var leaves [][]byte
	for _, f := range list {
		leaves = append(leaves, bytes.Clone(f.Leaf))
	}
	_, err = s.Recover(t.Context())
	require.NoError(t, err)
	head := ledger.Head{Size: uint64(len(list)), Root: naiveRoot(leaves)}
	require.NoError(t, s.Commit(t.Context(), ledger.Batch{Frames: list, Head: head}))
	return s
}

func TestForgedOrderIsRefused(t *testing.T) {
	e := func(stream, key string) ledger.Append { return ledger.Append{Stream: stream, Type: "t", Key: key} }
	early := frames(t, e("z", "0"), e("t", "b"))
	log := frames(t, e("s", "a"), e("t", "b"), e("s", "c"))
	again := frames(t, e("z", "0"), e("s", "b"))
	hole := frames(t, e("t", "0"), e("t", "b"))
	chain := frames(t, e("s", "0"), e("s", "b"))
	twice := frames(t, e("z", "0"), e("t", "a"))
	moved := log[1]
	moved.Index = 0
	mixed := log[0]
	mixed.Header = log[1].Header
	for what, c := range map[string]struct {
		at   int64
		list []ledger.Frame
	}{
		"engine time does not grow":                  {1, []ledger.Frame{log[0], early[1]}},
		"stream version has a hole":                  {1, []ledger.Frame{log[0], hole[1]}},
		"stream version has a hole or a repetition":  {1, []ledger.Frame{log[0], again[1]}},
		"does not hold behind the stream's previous": {1, []ledger.Frame{log[0], chain[1]}},
		"idempotency key occurs twice":               {1, []ledger.Frame{log[0], twice[1]}},
		"store yields another frame":                 {0, []ledger.Frame{log[1], log[0]}},
		"yields another frame":                       {1, []ledger.Frame{moved, log[0]}},
		"header: ciphertext does not open":           {0, []ledger.Frame{mixed, log[1]}},
	} {
		_, err := ledger.Open(t.Context(), forged(t, c.list...), &ledger.Options{TenantKey: forgersKey})
		require.ErrorIs(t, err, ledger.ErrCorrupt, what)
		assert.ErrorContains(t, err, what)
		var damage *ledger.CorruptError
		require.ErrorAs(t, err, &damage)
		assert.Equal(t, c.at, damage.Index, what)
	}
	l, err := ledger.Open(t.Context(), forged(t, log...), &ledger.Options{TenantKey: forgersKey})
	require.NoError(t, err, "the unforged list opens")
	require.NoError(t, l.Close())
}

func TestForgedLeafIsRefused(t *testing.T) {
	forger, err := ledger.OpenMemory(&ledger.Options{TenantKey: forgersKey})
	require.NoError(t, err)
	defer forger.Close()
	a := ledger.Append{Stream: "s", Type: "t", Key: "k", Payload: []byte("yes")}
	for change, what := range map[string]string{"header": "header commitment does not hold", "domain": "leaf is not canonical"} {
		_, err := ledger.Open(t.Context(), forged(t, ledger.Forge(forger, 0, a, change)), &ledger.Options{TenantKey: forgersKey})
		require.ErrorIs(t, err, ledger.ErrCorrupt, change)
		assert.ErrorContains(t, err, what)
	}
	for change, what := range map[string]string{"position": "position tag", "key": "key tag"} {
		l, err := ledger.Open(t.Context(), forged(t, ledger.Forge(forger, 0, a, change)), &ledger.Options{TenantKey: forgersKey})
		require.NoError(t, err, "tags are for the audit")
		findings, err := l.Verify(t.Context(), nil)
		assert.ErrorContains(t, err, what)
		assert.Equal(t, int64(0), findings.Faults[0].Index)
		_, err = l.Verify(t.Context(), &ledger.VerifyOptions{Depth: ledger.VerifyHeaders})
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
	l, err := ledger.Open(t.Context(), forged(t, ledger.Forge(forger, 0, a, "payload")), &ledger.Options{TenantKey: forgersKey})
	require.NoError(t, err, "payloads are looked at when they are read")
	defer l.Close()
	_, err = l.Verify(t.Context(), nil)
	assert.ErrorContains(t, err, "payload: commitment")
	for _, err := range l.Read(t.Context(), ledger.Query{}) {
		assert.ErrorIs(t, err, ledger.ErrCorrupt)
	}
	_, err = l.OpenPayload(t.Context(), 0)
	assert.ErrorIs(t, err, ledger.ErrCorrupt)
}

func TestWrongRootIsRefused(t *testing.T) {
	log := frames(t, ledger.Append{Stream: "s", Type: "t", Key: "a"}, ledger.Append{Stream: "s", Type: "t", Key: "b"})
	s := forged(t, log[0])
	require.NoError(t, s.Commit(t.Context(), ledger.Batch{First: 1, Frames: log[1:], Head: ledger.Head{Size: 2, Root: ledger.Hash{1}}}))
	_, err := ledger.Open(t.Context(), s, &ledger.Options{TenantKey: forgersKey})
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	assert.ErrorContains(t, err, "root")
}

// swapped answers some reads with other frames.
type swapped struct {
	ledger.Store
	instead map[uint64]ledger.Frame
	gone    uint64
}

func (s *swapped) Read(ctx context.Context, from, to uint64) iter.Seq2[ledger.Frame, error] {
	return func(yield func(ledger.Frame, error) bool) {
		for f, err := range s.Store.Read(ctx, from, to) {
			if other, ok := s.instead[f.Index]; ok {
				f = other
			}
			if s.gone == f.Index && s.gone > 0 {
				return
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// A store that changes its mind under an open log is found out, entry by entry.
func TestVerifyNamesEveryEntryAtFault(t *testing.T) {
	e := func(stream, key string) ledger.Append {
		return ledger.Append{Stream: stream, Type: "t", Key: key, Payload: []byte(key)}
	}
	other := frames(t, e("s", "0"), e("s", "1"), e("s", "2"), e("s", "3"))
	s := &swapped{Store: ledger.NewMemoryStore()}
	l, err := ledger.Open(t.Context(), s, &ledger.Options{TenantKey: forgersKey})
	require.NoError(t, err)
	defer l.Close()
	for _, k := range []string{"0", "1", "2", "3", "4", "5"} {
		_, err := l.Append(t.Context(), e("s", k))
		require.NoError(t, err)
	}
	erased := ledger.Frame{}
	for f, err := range s.Read(t.Context(), 4, 5) {
		require.NoError(t, err)
		erased = ledger.CloneFrame(f)
	}
	erased.Payload, erased.Erased = nil, true
	s.instead = map[uint64]ledger.Frame{1: other[1], 2: other[3], 4: erased}
	s.gone = 5
	findings, err := l.Verify(t.Context(), nil)
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	require.Equal(t, []ledger.Fault{
		{Index: 1, What: "leaf is not the one in the tree"},
		{Index: 2, What: "store yields another frame"},
		{Index: 4, What: "payload: missing, and no subject was shredded"},
		{Index: 5, What: "store yields no frame"},
	}, findings.Faults)
	_, err = l.ExportReceipt(t.Context(), 1)
	assert.ErrorIs(t, err, ledger.ErrCorrupt)
}

// Each way to an entry notices that the store has changed its mind.
func TestReadsNoticeOtherFrames(t *testing.T) {
	e := func(stream, key string) ledger.Append {
		return ledger.Append{Stream: stream, Type: "t", Key: key, Payload: []byte(key)}
	}
	other := frames(t, e("s", "0"), e("s", "1"), e("s", "2"))
	s := &swapped{Store: ledger.NewMemoryStore()}
	l, err := ledger.Open(t.Context(), s, &ledger.Options{TenantKey: forgersKey})
	require.NoError(t, err)
	defer l.Close()
	_, err = l.Append(t.Context(), e("s", "0"), e("s", "1"), e("s", "2"), e("s", "3"))
	require.NoError(t, err)
	ways := map[string]func() error{
		"by key":  func() error { _, _, err := l.ByKey(t.Context(), "1"); return err },
		"append":  func() error { _, err := l.Append(t.Context(), e("s", "1")); return err },
		"receipt": func() error { _, err := l.ExportReceipt(t.Context(), 1); return err },
		"opening": func() error { _, err := l.OpenPayload(t.Context(), 1); return err },
	}
	for what, q := range map[string]ledger.Query{"range": {From: 1}, "stream": {Stream: "s", After: 1}} {
		ways["read by "+what] = func() (first error) {
			for _, err := range l.Read(t.Context(), q) {
				return err
			}
			return nil
		}
	}
	ways["leaves"] = func() (first error) {
		for _, err := range l.Leaves(t.Context(), 1, 4) {
			return err
		}
		return nil
	}
	for what, way := range ways {
		s.instead, s.gone = nil, 0
		if what != "append" {
			require.NoError(t, way(), what)
		}
		s.instead = map[uint64]ledger.Frame{1: other[1]} // of another log, with the same key
		err := way()
		require.ErrorIs(t, err, ledger.ErrCorrupt, what)
		assert.ErrorContains(t, err, "entry 1: leaf is not the one in the tree", what)
		for f, err := range s.Store.Read(t.Context(), 2, 3) {
			require.NoError(t, err)
			s.instead = map[uint64]ledger.Frame{1: ledger.CloneFrame(f)} // of this log, at another index
		}
		assert.ErrorContains(t, way(), "entry 1: store yields another frame", what)
		s.instead, s.gone = nil, 1
		assert.ErrorContains(t, way(), "entry 1: store yields no frame", what)
	}
}
