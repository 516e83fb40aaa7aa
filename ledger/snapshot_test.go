package ledger_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/snapshot"
	"github.com/deeperpoint/csss/ledger/internal/table"
)

// cachingStore is a memory store that keeps blobs, and counts the frames it yields.
type cachingStore struct {
	ledger.Store
	blobs map[string][]byte
	read  *atomic.Int64 // frames
}

func newCachingStore() *cachingStore {
	return &cachingStore{Store: ledger.NewMemoryStore(), blobs: map[string][]byte{}, read: new(atomic.Int64)}
}

func (s *cachingStore) LoadCache(name string) ([]byte, func() error, bool, error) {
	b, ok := s.blobs[name]
	b = bytes.Clone(b)
	return b, func() error { clear(b); return nil }, ok, nil // who reads on after release reads zeros
}

func (s *cachingStore) SaveCache(name string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	s.blobs[name] = b.Bytes()
	return nil
}

func (s *cachingStore) Read(ctx context.Context, from, to uint64) iter.Seq2[ledger.Frame, error] {
	return func(yield func(ledger.Frame, error) bool) {
		for f, err := range s.Store.Read(ctx, from, to) {
			s.read.Add(1)
			if !yield(f, err) {
				return
			}
		}
	}
}

// everything is what a log answers.
func everything(t *testing.T, l *ledger.Log) string {
	t.Helper()
	var b bytes.Buffer
	for _, q := range []ledger.Query{{}, {Stream: "s1"}, {Type: "t"}, {Subject: "p"}, {Subject: "q"}, {Subject: "r"}} {
		for e, err := range l.Read(t.Context(), q) {
			require.NoError(t, err)
			fmt.Fprintf(&b, "%+v\n", e)
		}
	}
	p, err := l.ProveConsistency(t.Context(), l.Size()/2, l.Size())
	require.NoError(t, err)
	fmt.Fprintf(&b, "%+v %d\n", p, l.StreamVersion("s1"))
	return b.String()
}

func TestSnapshotIsAsGoodAsReadingEverything(t *testing.T) {
	s := newCachingStore()
	open := func() *ledger.Log {
		s.read.Store(0)
		l, err := ledger.Open(t.Context(), s, nil)
		require.NoError(t, err)
		return l
	}
	l := open()
	add := func(from, n int) {
		for i := from; i < from+n; i++ {
			a := simple(fmt.Sprint("s", i%3), fmt.Sprint(i))
			a.Subjects = []string{[]string{"p", "q", "r"}[i%3]}
			_, err := l.Append(t.Context(), a)
			require.NoError(t, err)
		}
	}
	add(0, 30)
	_, err := l.Shred(t.Context(), "q", nil)
	require.NoError(t, err)
	require.NoError(t, l.Snapshot(t.Context()))
	require.Len(t, s.blobs, 1)
	for i := 30; i < 60; i++ {
		a := simple(fmt.Sprint("s", i%3), fmt.Sprint(i))
		a.Subjects = []string{"r"}
		_, err := l.Append(t.Context(), a)
		require.NoError(t, err)
	}
	want := everything(t, l)
	require.NoError(t, l.Close())

	l = open()
	require.EqualValues(t, 30, s.read.Load(), "only what came after the snapshot")
	require.Equal(t, want, everything(t, l))
	_, err = l.Verify(t.Context(), nil)
	require.NoError(t, err)
	dup, err := l.Append(t.Context(), ledger.Append{Stream: "s1", Type: "t", Key: "1", Subjects: []string{"q"}})
	require.NoError(t, err)
	require.True(t, dup[0].Duplicate)
	require.NoError(t, l.Snapshot(t.Context())) // of a base with a delta
	require.NoError(t, l.Close())
	l = open()
	require.Zero(t, s.read.Load())
	require.Equal(t, want, everything(t, l))
	good := s.blobs["index"]
	require.NoError(t, l.Close())

	// A snapshot that was damaged anywhere is dropped.
	for i := 0; i < len(good); i += max(1, len(good)/97) {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		s.blobs["index"] = bad
		l = open()
		require.EqualValues(t, 61, s.read.Load(), "byte %d", i)
		require.NoError(t, l.Close())
	}
	s.blobs["index"] = good[:len(good)/2]
	l = open()
	require.Equal(t, want, everything(t, l))
	require.NoError(t, l.Close())
	require.Equal(t, good[:len(good)/2], s.blobs["index"], "few entries are new: Close writes none")

	// One of another log, and one that is ahead of the store, are dropped too.
	other := newCachingStore()
	stranger, err := ledger.Open(t.Context(), other, nil)
	require.NoError(t, err)
	for i := range 61 {
		_, err := stranger.Append(t.Context(), simple("s", fmt.Sprint(i)))
		require.NoError(t, err)
	}
	require.NoError(t, stranger.Snapshot(t.Context()))
	require.NoError(t, stranger.Close())
	s.blobs["index"] = other.blobs["index"]
	l = open()
	require.Equal(t, want, everything(t, l))
	require.NoError(t, l.Close())
	_, err = l.Append(t.Context(), simple("s", "closed"))
	require.ErrorIs(t, err, ledger.ErrClosed)
	require.ErrorIs(t, l.Snapshot(t.Context()), ledger.ErrClosed)
}

func TestCloseWritesASnapshotWhenManyEntriesAreNew(t *testing.T) {
	s := newCachingStore()
	l, err := ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	for at := range 5 {
		batch := make([]ledger.Append, 1000)
		for i := range batch {
			batch[i] = simple("s", fmt.Sprint(at, "/", i))
		}
		_, err := l.Append(t.Context(), batch...)
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	require.Len(t, s.blobs, 1)
	s.read.Store(0)
	l, err = ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	require.Zero(t, s.read.Load())
	require.Equal(t, uint64(5000), l.StreamVersion("s"))
	_, err = l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

// A shredding that was cut off is finished, though a snapshot could be written
// meanwhile.
func TestSnapshotDoesNotHideAnUnfinishedShredding(t *testing.T) {
	s := newCachingStore()
	l, err := ledger.Open(t.Context(), &failingErase{cachingStore: s, fail: true}, nil)
	require.NoError(t, err)
	a := simple("s", "a")
	a.Subjects = []string{"p"}
	_, err = l.Append(t.Context(), a)
	require.NoError(t, err)
	_, err = l.Shred(t.Context(), "p", nil)
	require.ErrorIs(t, err, errErase)
	require.NoError(t, l.Snapshot(t.Context()))
	require.Empty(t, s.blobs)
	require.NoError(t, l.Close())
	l, err = ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	for f, err := range s.Read(t.Context(), 0, 1) {
		require.NoError(t, err)
		require.True(t, f.Erased)
	}
	require.NoError(t, l.Snapshot(t.Context()))
	require.Len(t, s.blobs, 1)
	require.NoError(t, l.Close())
}

var errErase = fmt.Errorf("cannot erase")

type failingErase struct {
	*cachingStore
	fail bool
}

func (s *failingErase) Erase(ctx context.Context, indexes []uint64) error {
	if s.fail {
		return errErase
	}
	return s.cachingStore.Erase(ctx, indexes)
}

// A closed log answers by errors, also where its indexes lay in a mapped file.
func TestClosedLogDoesNotTouchItsMapping(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	a := simple("s", "a")
	a.Subjects = []string{"p"}
	_, err := l.Append(t.Context(), a, simple("s", "b"))
	require.NoError(t, err)
	require.NoError(t, l.Snapshot(t.Context()))
	require.NoError(t, l.Close())
	l = openDir(t, dir)
	for e, err := range l.Read(t.Context(), ledger.Query{}) { // closed in the middle
		if e.Index == 0 && err == nil {
			require.NoError(t, l.Close())
			continue
		}
		require.ErrorIs(t, err, ledger.ErrClosed)
	}
	require.Zero(t, l.StreamVersion("s"))
	require.Equal(t, uint64(2), l.Size())
	for what, f := range map[string]func() error{
		"append":      func() error { _, err := l.Append(t.Context(), a); return err },
		"shred":       func() error { _, err := l.Shred(t.Context(), "p", nil); return err },
		"by key":      func() error { _, _, err := l.ByKey(t.Context(), "a"); return err },
		"prove":       func() error { _, err := l.Prove(t.Context(), 0, 1); return err },
		"consistency": func() error { _, err := l.ProveConsistency(t.Context(), 1, 2); return err },
		"receipt":     func() error { _, err := l.ExportReceipt(t.Context(), 0); return err },
		"opening":     func() error { _, err := l.OpenPayload(t.Context(), 0); return err },
		"audit":       func() error { _, err := l.Verify(t.Context(), nil); return err },
		"hashes":      func() error { _, err := l.ReadHashes([]int64{0}); return err },
		"checkpoint":  func() error { _, err := l.Checkpoint(t.Context()); return err },
		"read": func() error {
			for _, err := range l.Read(t.Context(), ledger.Query{Subject: "p"}) {
				return err
			}
			return nil
		},
		"leaves": func() error {
			for _, err := range l.Leaves(t.Context(), 0, 2) {
				return err
			}
			return nil
		},
		"subscribe": func() error {
			for _, err := range l.Subscribe(t.Context(), 0) {
				return err
			}
			return nil
		},
	} {
		require.ErrorIs(t, f(), ledger.ErrClosed, what)
	}
}

// A snapshot that somebody has changed, checksums and all, is found by the audit.
func TestAuditFindsAChangedSnapshot(t *testing.T) {
	s := newCachingStore()
	l, err := ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	for i := range 40 {
		a := simple(fmt.Sprint("s", i%3), fmt.Sprint(i))
		a.Subjects = []string{fmt.Sprint("p", i%4)}
		_, err := l.Append(t.Context(), a)
		require.NoError(t, err)
	}
	_, err = l.Shred(t.Context(), "p1", nil)
	require.NoError(t, err)
	require.NoError(t, l.Snapshot(t.Context()))
	require.NoError(t, l.Close())
	good := s.blobs["index"]
	changes := map[string]func(name string, b []byte) []byte{"nothing": func(_ string, b []byte) []byte { return b }}
	for _, name := range []string{"keys", "heads", "shredded"} {
		changes[name] = func(section string, b []byte) []byte {
			if section != name {
				return b
			}
			old, err := table.Load(b)
			require.NoError(t, err)
			var changed table.Table
			first := true
			for k, n := range old.All() {
				if first {
					n ^= 1
				}
				changed.Put(k, n)
				first = false
			}
			var out bytes.Buffer
			require.NoError(t, changed.Save(&out))
			return out.Bytes()
		}
	}
	for _, name := range []string{"in-stream", "in-type", "posted", "before"} {
		changes[name] = func(section string, b []byte) []byte {
			if section == name {
				b = bytes.Clone(b)
				b[len(b)-4*20] ^= 1
			}
			return b
		}
	}
	for what, change := range changes {
		sections, err := snapshot.Open(good)
		require.NoError(t, err)
		var changed []snapshot.Section
		for name, b := range sections {
			b = change(name, b)
			changed = append(changed, snapshot.Section{Name: name, Write: func(w io.Writer) error { _, err := w.Write(b); return err }})
		}
		var blob bytes.Buffer
		require.NoError(t, snapshot.Write(&blob, changed...))
		s.blobs["index"] = blob.Bytes()
		s.read.Store(0)
		l, err := ledger.Open(t.Context(), s, nil)
		require.NoError(t, err)
		if s.read.Load() > 0 { // loading has seen it already
			require.Equal(t, "heads", what)
			require.NoError(t, l.Close())
			continue
		}
		for _, depth := range []ledger.Depth{ledger.VerifyAll, ledger.VerifyHeaders} {
			_, err = l.Verify(t.Context(), &ledger.VerifyOptions{Depth: depth})
			if what == "nothing" {
				require.NoError(t, err)
				continue
			}
			require.ErrorIs(t, err, ledger.ErrCorrupt, what)
		}
		require.NoError(t, l.Close())
	}
}

// A link that leads nowhere, or round in a circle, makes the snapshot one that is not believed.
func TestSnapshotWhoseLinksLeadNowhereIsDropped(t *testing.T) {
	s := newCachingStore()
	l, err := ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	for i := range 40 {
		a := simple(fmt.Sprint("s", i%3), fmt.Sprint(i))
		a.Subjects = []string{"p"}
		_, err := l.Append(t.Context(), a)
		require.NoError(t, err)
	}
	require.NoError(t, l.Snapshot(t.Context()))
	want := everything(t, l)
	require.NoError(t, l.Close())
	good := s.blobs["index"]
	for _, name := range []string{"in-stream", "in-type", "posted", "before"} {
		sections, err := snapshot.Open(good)
		require.NoError(t, err)
		var changed []snapshot.Section
		for section, b := range sections {
			if section == name {
				b = bytes.Clone(b)
				binary.LittleEndian.PutUint32(b[len(b)-4:], 41)
			}
			changed = append(changed, snapshot.Section{Name: section, Write: func(w io.Writer) error { _, err := w.Write(b); return err }})
		}
		var blob bytes.Buffer
		require.NoError(t, snapshot.Write(&blob, changed...))
		s.blobs["index"] = blob.Bytes()
		s.read.Store(0)
		l, err := ledger.Open(t.Context(), s, nil)
		require.NoError(t, err)
		require.NotZero(t, s.read.Load(), "%s: everything is read again", name)
		require.Equal(t, want, everything(t, l))
		require.NoError(t, l.Close())
	}
}

// Sections of an older snapshot in a newer one do not fit.
func TestMixedSnapshotIsDropped(t *testing.T) {
	s := newCachingStore()
	l, err := ledger.Open(t.Context(), s, nil)
	require.NoError(t, err)
	var snapshots []map[string][]byte
	for range 2 {
		for range 20 {
			a := simple("s", fmt.Sprint(l.Size()))
			a.Subjects = []string{"p"}
			_, err := l.Append(t.Context(), a)
			require.NoError(t, err)
		}
		require.NoError(t, l.Snapshot(t.Context()))
		sections, err := snapshot.Open(s.blobs["index"])
		require.NoError(t, err)
		snapshots = append(snapshots, sections)
	}
	require.NoError(t, l.Close())
	for _, old := range []string{"none", "meta", "tree", "keys", "in-stream", "in-type", "posted", "before"} {
		var mixed []snapshot.Section
		for name, b := range snapshots[1] {
			if name == old {
				b = snapshots[0][name]
			}
			mixed = append(mixed, snapshot.Section{Name: name, Write: func(w io.Writer) error { _, err := w.Write(b); return err }})
		}
		var blob bytes.Buffer
		require.NoError(t, snapshot.Write(&blob, mixed...))
		s.blobs["index"] = blob.Bytes()
		s.read.Store(0)
		l, err := ledger.Open(t.Context(), s, nil)
		require.NoError(t, err)
		if old == "none" {
			require.Zero(t, s.read.Load())
		} else {
			require.EqualValues(t, 40, s.read.Load(), "old %s", old)
		}
		_, err = l.Verify(t.Context(), nil)
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}
