package ledger

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// Entry is one entry as it was appended, with its place. It belongs to the
// caller.
type Entry struct {
	Index         uint64            `json:"index"`
	StreamVersion uint64            `json:"stream_version"`
	Stream        string            `json:"stream"`
	Type          string            `json:"type"`
	Key           string            `json:"key"`
	Subjects      []string          `json:"subjects,omitempty"` // sorted, unique
	Claimed       time.Time         `json:"claimed"`            // Append.Time, in UTC
	Time          time.Time         `json:"time"`               // engine time, UTC
	Public        map[string]string `json:"public,omitempty"`   // as in the leaf; nil if there are none
	Payload       []byte            `json:"payload"`            // nil if Erased, else not nil
	Leaf          Hash              `json:"leaf"`
	Erased        bool              `json:"erased,omitempty"` // a subject was shredded
}

// ByKey returns the receipt of the entry with an idempotency key, and whether
// there is one. It costs a look into the index and, if there is, one read of the
// store, about 1 µs beside it. On a store that several logs write it takes in
// first what they have written.
//
// Errors: [ErrClosed], the context's, the store's, and a [CorruptError].
func (l *Log) ByKey(ctx context.Context, key string) (Receipt, bool, error) {
	if err := l.freshen(ctx); err != nil {
		return Receipt{}, false, err
	}
	index, ok, err := l.indexOf(keyID(l.tenant.keyTag(key)))
	if err != nil || !ok {
		return Receipt{}, false, err
	}
	e, err := l.entry(ctx, index, false)
	return e.receipt(false), err == nil, err
}

func (e *Entry) receipt(duplicate bool) Receipt {
	return Receipt{Index: e.Index, StreamVersion: e.StreamVersion, Leaf: e.Leaf, Time: e.Time, Duplicate: duplicate}
}

func (l *Log) indexOf(key id) (uint64, bool, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return 0, false, ErrClosed
	}
	n, ok := l.state.keys.Get(key)
	return n, ok, nil
}

// freshen brings a log that others write too to where the store is.
func (l *Log) freshen(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.follow == nil {
		return nil
	}
	if err := l.lock(ctx); err != nil {
		return err
	}
	defer l.unlock()
	_, err := l.catchUp(ctx)
	return err
}

// duplicates answers a batch of which at least one key is known: with the first
// receipts if all of it was appended before.
func (l *Log) duplicates(ctx context.Context, entries []Append) ([]Receipt, error) {
	seen := make(map[string]int, len(entries))
	known := make(map[int]uint64, len(entries))
	for i := range entries {
		key := entries[i].Key
		if first, twice := seen[key]; twice {
			return nil, &KeyReusedError{Entry: i, InBatch: true, First: uint64(first), What: "batch"}
		}
		seen[key] = i
		index, ok, err := l.indexOf(keyID(l.tenant.keyTag(key)))
		if err != nil {
			return nil, err
		}
		if ok {
			known[i] = index
		}
	}
	if len(known) == 0 {
		return nil, nil
	}
	receipts := make([]Receipt, len(entries))
	for i := range entries {
		index, ok := known[i]
		if !ok {
			continue
		}
		e, err := l.entry(ctx, index, true)
		if err != nil {
			return nil, err
		}
		what := e.differs(&entries[i])
		if what == "" && len(known) < len(entries) {
			what = "batch"
		}
		if what != "" {
			return nil, &KeyReusedError{Entry: i, First: index, What: what}
		}
		receipts[i] = e.receipt(true)
	}
	return receipts, nil
}

// differs names the first part of an append that is not that of an entry.
func (e *Entry) differs(a *Append) string {
	switch {
	case e.Stream != a.Stream:
		return "stream"
	case e.Type != a.Type:
		return "type"
	case !slices.Equal(e.Subjects, subjectSet(a.Subjects)):
		return "subjects"
	case !maps.Equal(e.Public, a.Public):
		return "public"
	case !e.Erased && !bytes.Equal(e.Payload, a.Payload):
		return "payload"
	}
	return ""
}

// entry reads one entry, with its payload if it is wanted.
func (l *Log) entry(ctx context.Context, index uint64, payload bool) (Entry, error) {
	for f, err := range l.store.Read(ctx, index, index+1) {
		if err != nil {
			return Entry{}, err
		}
		if f.Index != index {
			return Entry{}, corruptEntry(index, "store yields another frame")
		}
		return l.decode(ctx, &f, payload)
	}
	return Entry{}, corruptEntry(index, "store yields no frame")
}

// decode turns a frame into the entry. That the leaf is the one in the tree and
// the header was sealed for that leaf is all there is to check: opening the log,
// or appending, has held the header against the log.
func (l *Log) decode(ctx context.Context, f *Frame, payload bool) (Entry, error) {
	o, err := l.openAt(f)
	if err != nil {
		return Entry{}, err
	}
	h := o.raw.header()
	e := Entry{
		Index: o.index, StreamVersion: h.version, Stream: h.stream, Type: h.kind, Key: h.key,
		Subjects: h.subjects, Claimed: h.claimed, Time: timeOf(o.leaf.time), Leaf: o.hash, Public: o.leaf.public,
	}
	if !payload {
		return e, nil
	}
	s := l.tenant.scratch()
	defer l.tenant.done(s)
	_, e.Payload, e.Erased, err = l.openPayload(ctx, s, &o, f.Payload, make([]byte, 0, max(0, len(f.Payload)-tagSize)))
	return e, err
}

// openAt opens a frame whose leaf must be the one in the tree.
func (l *Log) openAt(f *Frame) (o opened, err error) {
	s := l.tenant.scratch()
	what := l.tenant.open(s, &o, f, nil)
	l.tenant.done(s)
	inTree := l.withView(func(v merkle.View) error {
		if f.Index >= v.Size() {
			return corruptEntry(f.Index, "index lies outside the log")
		}
		if v.Leaf(f.Index) != o.hash {
			return corruptEntry(f.Index, "leaf is not the one in the tree")
		}
		return nil
	})
	if what != "" && asCorrupt(inTree) == nil && inTree == nil {
		return o, corruptEntry(f.Index, what)
	}
	return o, inTree
}

// frame reads one frame whose leaf is the one in the tree. It belongs to the
// caller.
func (l *Log) frame(ctx context.Context, index uint64) (Frame, error) {
	for f, err := range l.store.Read(ctx, index, index+1) {
		if err != nil {
			return Frame{}, err
		}
		if err := l.inTree(&f, index); err != nil {
			return Frame{}, err
		}
		return cloneFrame(f), nil
	}
	return Frame{}, corruptEntry(index, "store yields no frame")
}

// inTree says why a frame is not the one at an index, or nothing.
func (l *Log) inTree(f *Frame, index uint64) error {
	return l.withView(func(v merkle.View) error {
		switch {
		case f.Index != index:
			return corruptEntry(index, "store yields another frame")
		case index >= v.Size():
			return &RangeError{Field: "index", Value: index, Limit: v.Size()}
		case merkle.LeafHash(f.Leaf) != v.Leaf(index):
			return corruptEntry(index, "leaf is not the one in the tree")
		}
		return nil
	})
}

// Leaves yields the leaf records from index from up to, not including, index to,
// in order, each checked against the tree: what outsiders may see of the entries,
// without headers and payloads. Each record belongs to the caller. An error is
// yielded once and ends the loop: [RangeError] for a range outside the log,
// [CorruptError], [ErrClosed], the context's or the store's.
func (l *Log) Leaves(ctx context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if size := l.Size(); to > size || from > to {
			yield(nil, &RangeError{Field: "leaf range", Value: max(from, to), Limit: size})
			return
		}
		next := from
		for f, err := range l.store.Read(ctx, from, to) {
			if err == nil {
				err = l.inTree(&f, next)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if next++; !yield(bytes.Clone(f.Leaf), nil) {
				return
			}
		}
		if next < to {
			yield(nil, corruptEntry(next, "store yields no frame"))
		}
	}
}
