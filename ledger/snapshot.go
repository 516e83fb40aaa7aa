package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
	"github.com/deeperpoint/csss/ledger/internal/snapshot"
	"github.com/deeperpoint/csss/ledger/internal/table"
)

// A snapshot keeps the tree and the indexes in one blob of the store, so that
// opening a log reads only the frames behind it. It is mapped and read in place.
// Its meta section says which log and which head it belongs to, under a tag of the
// tenant key: a stranger's indexes are not believed. Container and tag find
// accidents; the tree is the log's only if it leads to the head of the store.
const (
	snapshotName = "index"
	snapshotDue  = 4096 // entries that are new since the newest one
	metaSize     = 8 + 8 + 32 + 32
)

// Snapshot writes a snapshot of the indexes now, where the store keeps some
// ([Cacher]); elsewhere it does nothing. Close does so by itself when 4,096
// entries are new. A log of 10⁷ entries opens in about a second with one, in
// about ten without.
//
// It costs about 140 bytes of writing per entry, not synced. Appends wait
// meanwhile; reads do not. Errors: [ErrClosed], the context's and the store's.
func (l *Log) Snapshot(ctx context.Context) error {
	if err := l.quiet(ctx); err != nil {
		return err
	}
	defer l.unlock()
	if err := l.withView(func(merkle.View) error { return nil }); err != nil {
		return err
	}
	return l.saveSnapshot()
}

// snapshotIfDue is for Close, which nobody should hear fail for a cache.
func (l *Log) snapshotIfDue() {
	if l.state.size() >= l.snapped+snapshotDue {
		_ = l.saveSnapshot()
	}
}

// saveSnapshot runs under the token. While a shredding is not finished there is
// none, so that opening the log meets the shredding again.
func (l *Log) saveSnapshot() error {
	l.mu.RLock()
	s, waits := l.state, l.unshred > 0
	l.mu.RUnlock()
	if l.cache == nil || waits || s.size() == 0 {
		return nil
	}
	meta := func(w io.Writer) error {
		_, err := w.Write(l.snapshotMeta(s.view.Size(), s.last, s.view.Root()))
		return err
	}
	err := l.cache.SaveCache(snapshotName, func(w io.Writer) error {
		return snapshot.Write(w,
			snapshot.Section{Name: "meta", Write: meta},
			snapshot.Section{Name: "tree", Write: s.view.Save},
			snapshot.Section{Name: "keys", Write: s.keys.Save},
			snapshot.Section{Name: "heads", Write: s.heads.Save},
			snapshot.Section{Name: "shredded", Write: s.shredded.Save},
			snapshot.Section{Name: "in-stream", Write: s.inStream.Save},
			snapshot.Section{Name: "in-type", Write: s.inType.Save},
			snapshot.Section{Name: "posted", Write: s.posted.Save},
			snapshot.Section{Name: "before", Write: s.before.Save},
		)
	})
	if err == nil {
		l.snapped = s.size()
	}
	return err
}

func (l *Log) snapshotMeta(size uint64, last int64, root Hash) []byte {
	b := binary.BigEndian.AppendUint64(nil, size)
	b = binary.BigEndian.AppendUint64(b, uint64(last))
	b = append(b, root[:]...)
	s := l.tenant.scratch()
	defer l.tenant.done(s)
	tag := mac(s.tags, "snapshot", b)
	return append(b, tag[:]...)
}

// loadSnapshot returns what the newest snapshot holds, or nil.
func (l *Log) loadSnapshot(head Head) *folding {
	if l.cache == nil {
		return nil
	}
	b, release, ok, err := l.cache.LoadCache(snapshotName)
	if err != nil || !ok {
		return nil
	}
	l.releases = append(l.releases, release)
	f := l.readSnapshot(b)
	if f == nil || f.tree.Size() > head.Size {
		_ = l.release()
		return nil
	}
	l.snapped = f.tree.Size()
	return f
}

func (l *Log) readSnapshot(b []byte) *folding {
	sections, err := snapshot.Open(b)
	if err != nil {
		return nil
	}
	meta := sections["meta"]
	if len(meta) != metaSize {
		return nil
	}
	r := reader{b: meta}
	size, last, root := r.u64(), int64(r.u64()), r.hash()
	if !bytes.Equal(meta, l.snapshotMeta(size, last, root)) {
		return nil
	}
	f := &folding{state: &state{last: last}, since: size}
	if f.tree, err = merkle.Load(sections["tree"]); err != nil {
		return nil
	}
	if view := f.tree.View(); view.Size() != size || view.Root() != root || !f.state.load(sections, size) {
		return nil
	}
	return f
}

// load reads the indexes of a log of a size.
func (x *index) load(sections map[string][]byte, size uint64) bool {
	ok := true
	for name, t := range map[string]*table.Table{"keys": &x.keys, "heads": &x.heads, "shredded": &x.shredded} {
		loaded, err := table.Load(sections[name])
		if ok = ok && err == nil; ok {
			*t = *loaded
		}
	}
	for name, c := range map[string]*table.Column{"in-stream": &x.inStream, "in-type": &x.inType, "posted": &x.posted, "before": &x.before} {
		loaded, err := table.LoadColumn(sections[name])
		if ok = ok && err == nil; ok {
			*c = *loaded
		}
	}
	return ok && uint64(x.keys.Len()) == size && x.inStream.Len() == size && x.inType.Len() == size && x.posted.Len() == x.before.Len() && x.leadsBack(size)
}

// leadsBack reports whether every link of a loaded index leads to an element
// before, and every number to something that is there, so that no walk leaves the
// index or goes round in it.
func (x *index) leadsBack(size uint64) bool {
	for _, links := range []*table.Column{&x.inStream, &x.inType, &x.before} {
		for i := range links.Len() {
			if uint64(links.At(i)) > i {
				return false
			}
		}
	}
	for i := range x.posted.Len() {
		if uint64(x.posted.At(i)) >= size {
			return false
		}
	}
	for _, h := range x.heads.All() {
		if head(h).last() >= max(size, x.posted.Len()) {
			return false
		}
	}
	return true
}
