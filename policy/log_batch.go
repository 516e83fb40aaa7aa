package policy

import (
	"context"
	"slices"
)

// Batch takes several decisions whose records are appended together. Nothing that it answers may be acted on before
// [Batch.Commit] has returned nil. It is for one goroutine. Make it by [Recorder.Batch].
//
// Where a request cannot be logged the answer is the zero one, which denies, and Commit returns the error.
type Batch struct {
	recorder *Recorder
	entries  []LogEntry
	err      error // the first
}

// Batch returns an empty batch of the log.
func (r *Recorder) Batch() *Batch { return &Batch{recorder: r} }

// Decide is [Set.Decide] of a request.
func (b *Batch) Decide(set *Set, req *Request) (d Decision) {
	if !b.add(req, nil, func(c *content) (rec Record) { d, rec = c.decide(set); return rec }) {
		return Decision{}
	}
	return d
}

// Explain is [Set.Explain]. Its record is that of Decide.
func (b *Batch) Explain(set *Set, req *Request) (x Explanation) {
	if !b.add(req, nil, func(c *content) (rec Record) { x, rec = c.explain(set); return rec }) {
		return Explanation{}
	}
	return x
}

// Filter is [Set.Filter] of a request. What a filter refuses is not decided: its record, with the set's fingerprint and
// all that was fixed, stands for it. Of a request that is not usable nothing matches.
func (b *Batch) Filter(set *Set, req *Request, open ...string) (f *Filter) {
	if !b.add(req, open, func(c *content) (rec Record) { f, rec = c.filter(set); return rec }) {
		return set.Filter(nil)
	}
	return f
}

func (b *Batch) add(req *Request, open []string, answer func(*content) Record) bool {
	entry, err := b.recorder.entry(req, slices.Clone(open), answer)
	if err != nil {
		if b.err == nil {
			b.err = err
		}
		return false
	}
	b.entries = append(b.entries, entry)
	return true
}

// Len is how many records wait for Commit.
func (b *Batch) Len() int { return len(b.entries) }

// Commit appends the records in the order of the calls, all or none, and returns them; the batch is empty then, whatever
// came of it. An empty one appends nothing. It costs the append.
//
// Errors: [ErrPayload] if a request was too large to be logged, [ErrLogMoved], the random source's and the logger's.
func (b *Batch) Commit(ctx context.Context) ([]Record, error) {
	entries, err := b.entries, b.err
	b.entries, b.err = nil, nil
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	stored, err := b.recorder.append(ctx, entries...)
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(stored))
	for i := range stored {
		records[i] = stored[i].Record
	}
	return records, nil
}
