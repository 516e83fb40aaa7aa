package ledger

import (
	"context"
	"iter"
	"slices"
	"sort"
	"time"
)

// Query says which entries [Log.Read] yields: those that match every field that
// is set. The zero Query matches all.
type Query struct {
	From uint64 `json:"from,omitempty"` // first index. Default: 0
	To   uint64 `json:"to,omitempty"`   // index behind the last. Default: 0, the end of the log

	Stream string `json:"stream,omitempty"` // Default: any
	After  uint64 `json:"after,omitempty"`  // with Stream: versions above it. Default: 0

	Subject string `json:"subject,omitempty"` // Default: any
	Type    string `json:"type,omitempty"`    // Default: any

	Since time.Time `json:"since,omitzero"` // engine time, inclusive. Default: the first entry's
	Until time.Time `json:"until,omitzero"` // engine time, exclusive. Default: the end of the log
}

// Read yields the entries that match a query, in order, up to the end the log has
// when the loop begins. Each entry is read from the store, decrypted, and checked
// against its leaf and the tree.
//
// Stream, subject and type are looked up in the index; with more than one of them,
// the one with the fewest entries leads. Times are found by halving, as engine
// time grows with the index. An entry that is read costs about 1.5 µs beside the
// store.
//
// An error is yielded once and ends the loop: [CorruptError], [ErrInvalid] for
// After without Stream, [ErrClosed], the context's or the store's. A range beyond
// the end yields nothing.
func (l *Log) Read(ctx context.Context, q Query) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if q.After > 0 && q.Stream == "" {
			yield(Entry{}, &InvalidError{Entry: -1, Field: "After", Why: "without a Stream"})
			return
		}
		if err := l.freshen(ctx); err != nil {
			yield(Entry{}, err)
			return
		}
		if err := l.bound(ctx, &q); err != nil {
			yield(Entry{}, err)
			return
		}
		r := reading{log: l, ctx: ctx, query: q, yield: yield}
		chosen, err := l.choose(&q)
		switch {
		case err != nil:
			yield(Entry{}, err)
		case chosen == nil:
			r.from(q.From, q.To)
		default:
			r.each(*chosen)
		}
	}
}

// bound turns the limits of a query into a range of the log.
func (l *Log) bound(ctx context.Context, q *Query) error {
	size := l.Size()
	if q.To == 0 || q.To > size {
		q.To = size
	}
	q.From = min(q.From, q.To)
	if !q.Since.IsZero() {
		n, err := l.firstAt(ctx, q.From, q.To, q.Since)
		if err != nil {
			return err
		}
		q.From = n
	}
	if !q.Until.IsZero() {
		n, err := l.firstAt(ctx, q.From, q.To, q.Until)
		if err != nil {
			return err
		}
		q.To = n
	}
	return nil
}

// firstAt finds the first entry of a range whose engine time is not before a time.
func (l *Log) firstAt(ctx context.Context, from, to uint64, t time.Time) (uint64, error) {
	var failed error
	n := sort.Search(int(to-from), func(i int) bool {
		if failed != nil {
			return true
		}
		f, err := l.frame(ctx, from+uint64(i))
		if err != nil {
			failed = err
			return true
		}
		leaf, _ := decodeLeaf(f.Leaf)
		return !timeOf(leaf.time).Before(t)
	})
	return from + uint64(n), failed
}

// choose returns the indexes of the shortest chain that leads to all entries of a
// query, or nil where the whole range must be read.
func (l *Log) choose(q *Query) (*[]uint32, error) {
	stream, subject, kind := l.tenant.id(idStream, clip(q.Stream)), l.tenant.id(idSubject, clip(q.Subject)), l.tenant.id(idType, clip(q.Type))
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return nil, ErrClosed
	}
	best, count := "", q.To-q.From
	consider := func(name, which string, n uint64) {
		if name != "" && n <= count {
			best, count = which, n
		}
	}
	version := l.state.version(stream)
	consider(q.Stream, "stream", version-min(version, q.After))
	consider(q.Type, "type", l.state.head(kind).count())
	consider(q.Subject, "subject", l.state.head(subject).count())
	var out []uint32
	switch best {
	case "":
		return nil, nil
	case "stream":
		out = l.state.walk(l.state.head(stream), &l.state.inStream, q.From, count)
	case "type":
		out = l.state.walk(l.state.head(kind), &l.state.inType, q.From, count)
	case "subject":
		out = l.state.postings(subject, q.From)
	}
	end, _ := slices.BinarySearch(out, uint32(min(q.To, maxEntries)))
	out = out[:end]
	return &out, nil
}

// reading is a running Read.
type reading struct {
	log   *Log
	ctx   context.Context
	query Query
	yield func(Entry, error) bool
}

// each reads entries, neighbours together.
func (r *reading) each(indexes []uint32) {
	for len(indexes) > 0 {
		n := 1
		for n < len(indexes) && indexes[n] == indexes[n-1]+1 {
			n++
		}
		if !r.from(uint64(indexes[0]), uint64(indexes[0])+uint64(n)) {
			return
		}
		indexes = indexes[n:]
	}
}

// from reads a range and reports whether the loop goes on.
func (r *reading) from(from, to uint64) bool {
	next := from
	if from >= to {
		return true
	}
	for f, err := range r.log.store.Read(r.ctx, from, to) {
		if err == nil && f.Index != next {
			err = corruptEntry(next, "store yields another frame")
		}
		var e Entry
		if err == nil {
			e, err = r.log.decode(r.ctx, &f, true)
		}
		if err != nil {
			r.yield(Entry{}, err)
			return false
		}
		next++
		if r.query.matches(&e) && !r.yield(e, nil) {
			return false
		}
	}
	if next < to {
		r.yield(Entry{}, corruptEntry(next, "store yields no frame"))
		return false
	}
	return true
}

// matches holds what the range does not.
func (q *Query) matches(e *Entry) bool {
	return (q.Stream == "" || e.Stream == q.Stream && e.StreamVersion > q.After) &&
		(q.Type == "" || e.Type == q.Type) &&
		(q.Subject == "" || slices.Contains(e.Subjects, q.Subject))
}
