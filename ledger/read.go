package ledger

import (
	"context"
	"iter"
	"time"
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
	Public        map[string]string `json:"public,omitempty"`   // as in the leaf
	Payload       []byte            `json:"payload"`            // nil if Erased, else not nil
	Leaf          Hash              `json:"leaf"`
	Erased        bool              `json:"erased,omitempty"` // a subject was shredded
}

// ByKey returns the receipt of the entry with an idempotency key, and whether
// there is one. It costs one map lookup. Errors: [ErrClosed] and the context's.
func (l *Log) ByKey(ctx context.Context, key string) (Receipt, bool, error) {
	if err := ctx.Err(); err != nil {
		return Receipt{}, false, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return Receipt{}, false, ErrClosed
	}
	index, ok := l.state.byKey[key]
	if !ok {
		return Receipt{}, false, nil
	}
	return l.state.receipt(index, false), true, nil
}

// Read yields the entries from index from (0 is the first) to the end the log
// has when the loop begins, in order. Each entry is read from the store,
// decrypted, and checked against its leaf and the tree. An error is yielded
// once and ends the loop: [CorruptError], [ErrClosed], the context's or the
// store's. A from beyond the end yields nothing.
func (l *Log) Read(ctx context.Context, from uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		_, size, err := l.snapshot()
		if err != nil {
			yield(Entry{}, err)
			return
		}
		l.readRange(ctx, from, size, yield)
	}
}

// ReadStream yields the entries of a stream with versions above after, in
// order, and otherwise does as [Log.Read] does.
func (l *Log) ReadStream(ctx context.Context, stream string, after uint64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		l.mu.RLock()
		indexes, closed := l.state.streams[stream], l.closed
		l.mu.RUnlock()
		if closed {
			yield(Entry{}, ErrClosed)
			return
		}
		for i := min(after, uint64(len(indexes))); i < uint64(len(indexes)); {
			from, to := indexes[i], indexes[i]+1
			for i++; i < uint64(len(indexes)) && indexes[i] == to; i++ {
				to++ // one read for neighbours
			}
			if !l.readRange(ctx, from, to, yield) {
				return
			}
		}
	}
}

// readRange reports whether the loop goes on.
func (l *Log) readRange(ctx context.Context, from, to uint64, yield func(Entry, error) bool) bool {
	if from >= to {
		return true
	}
	for f, err := range l.store.Read(ctx, from, to) {
		var e Entry
		if err == nil {
			e, _, err = l.decode(ctx, f)
		}
		if err != nil {
			yield(Entry{}, err)
			return false
		}
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

// entry reads one entry.
func (l *Log) entry(ctx context.Context, index uint64) (Entry, error) {
	for f, err := range l.store.Read(ctx, index, index+1) {
		if err != nil {
			return Entry{}, err
		}
		e, _, err := l.decode(ctx, f)
		return e, err
	}
	return Entry{}, corruptEntry(index, "store yields no frame")
}

// decode turns a frame into the entry, with every check there is.
func (l *Log) decode(ctx context.Context, f Frame) (Entry, opened, error) {
	o, what := l.tenant.open(f)
	if what == "" {
		l.mu.RLock()
		what = l.state.has(o)
		l.mu.RUnlock()
	}
	if what != "" {
		return Entry{}, o, corruptEntry(f.Index, what)
	}
	e := Entry{
		Index: o.index, StreamVersion: o.version, Stream: o.stream, Type: o.kind, Key: o.key,
		Subjects: o.subjects, Claimed: o.claimed, Time: o.leaf.at(), Leaf: o.hash, Public: o.leaf.public,
	}
	_, payload, erased, err := l.payload(ctx, f, o)
	if err != nil {
		return Entry{}, o, err
	}
	e.Payload, e.Erased = payload, erased
	return e, o, nil
}

// payload opens the payload of a frame. It is erased only if the log says that
// one of its subjects was shredded; otherwise a missing payload is damage.
func (l *Log) payload(ctx context.Context, f Frame, o opened) (salt Hash, plain []byte, erased bool, err error) {
	seals, ok, err := l.payloadSealer(ctx, o.header)
	if err != nil {
		return salt, nil, false, err
	}
	if ok && !f.Erased {
		salt, plain, what := seals.openPayload(o.nonce, f.Payload, o.leaf.payload)
		if what != "" {
			return salt, nil, false, corruptEntry(f.Index, "payload: "+what)
		}
		return salt, plain, false, nil
	}
	// Asked after the key: a shredding in between is then seen.
	l.mu.RLock()
	defer l.mu.RUnlock()
	if !l.state.erased(o.header) {
		return salt, nil, false, corruptEntry(f.Index, "payload: missing, and no subject was shredded")
	}
	return salt, nil, true, nil
}
