// Package disclosuretest helps to test what is built on package disclosure: a
// log in memory that fails on demand, and the suite that a host's own log has to
// pass.
package disclosuretest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/deeperpoint/csss/disclosure"
)

// Fault says what happens to one append.
type Fault uint8

// The faults.
const (
	None     Fault = iota // the append works
	Fail                  // ErrInjected, nothing written
	Conflict              // disclosure.ErrConflict, nothing written
	Lost                  // disclosure.ErrUnknownOutcome, nothing written
	Landed                // disclosure.ErrUnknownOutcome, yet written
)

// ErrInjected is what a failing log answers.
var ErrInjected = errors.New("disclosuretest: injected failure")

// Log is a [disclosure.Log] in memory. Its zero value is ready. It may be used
// by many goroutines, and by many engines, at once.
type Log struct {
	// Inject is asked before each append, with its number from 1; nil means
	// no faults. It is called under the log's lock and must not use the log.
	// Set it before the log is shared.
	Inject func(n int) Fault

	mu      sync.Mutex
	streams map[string][]disclosure.Record
	keys    map[string]bool
	batches [][]disclosure.Record
	order   []place // of all records
	appends int
}

// place is where a record lies.
type place struct {
	stream  string
	version uint64
}

// Append implements [disclosure.Log].
func (l *Log) Append(ctx context.Context, key string, recs ...disclosure.Record) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appends++
	fault := None
	if l.Inject != nil {
		fault = l.Inject(l.appends)
	}
	switch fault {
	case Fail:
		return false, ErrInjected
	case Conflict:
		return false, disclosure.ErrConflict
	case Lost:
		return false, disclosure.ErrUnknownOutcome
	}
	if l.keys[key] {
		return true, nil
	}
	for _, r := range recs {
		if r.Check && uint64(len(l.streams[r.Stream])) != r.Expect {
			return false, disclosure.ErrConflict
		}
	}
	l.write(key, recs)
	if fault == Landed {
		return false, disclosure.ErrUnknownOutcome
	}
	return false, nil
}

func (l *Log) write(key string, recs []disclosure.Record) {
	if l.streams == nil {
		l.streams, l.keys = map[string][]disclosure.Record{}, map[string]bool{}
	}
	l.keys[key] = true
	batch := make([]disclosure.Record, 0, len(recs))
	for _, r := range recs {
		stream := l.streams[r.Stream]
		r.Data, r.Subjects = slices.Clone(r.Data), slices.Clone(r.Subjects)
		r.Expect, r.Check = uint64(len(stream)+1), false
		l.streams[r.Stream] = append(stream, r)
		batch = append(batch, r)
		l.order = append(l.order, place{r.Stream, r.Expect})
	}
	l.batches = append(l.batches, batch)
}

// Read implements [disclosure.Log]. It yields what was there when it began.
func (l *Log) Read(ctx context.Context, stream string, after uint64) iter.Seq2[disclosure.Record, error] {
	return func(yield func(disclosure.Record, error) bool) {
		l.mu.Lock()
		recs := l.streams[stream]
		l.mu.Unlock()
		for _, r := range recs[min(after, uint64(len(recs))):] {
			if err := ctx.Err(); err != nil {
				yield(disclosure.Record{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Since implements [disclosure.Feed]. It yields what was there when it began.
func (l *Log) Since(ctx context.Context, position uint64) iter.Seq2[disclosure.Placed, error] {
	return func(yield func(disclosure.Placed, error) bool) {
		l.mu.Lock()
		all := l.order
		l.mu.Unlock()
		for i := position; i < uint64(len(all)); i++ {
			if err := ctx.Err(); err != nil {
				yield(disclosure.Placed{}, err)
				return
			}
			l.mu.Lock()
			r := l.streams[all[i].stream][all[i].version-1]
			l.mu.Unlock()
			if !yield(disclosure.Placed{Record: r, Position: i}, nil) {
				return
			}
		}
	}
}

// ByKey implements [disclosure.Log].
func (l *Log) ByKey(_ context.Context, key string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keys[key], nil
}

// Appends returns how many appends were asked for, failed ones included.
func (l *Log) Appends() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.appends
}

// Batches returns every batch written, in order; a record's Expect is its version.
func (l *Log) Batches() [][]disclosure.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.batches)
}

// Erase drops the payloads of a subject, as a log that shreds keys would.
func (l *Log) Erase(subject string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, recs := range l.streams {
		recs = slices.Clone(recs)
		for i := range recs {
			if slices.Contains(recs[i].Subjects, subject) {
				recs[i].Data = nil
			}
		}
		l.streams[name] = recs
	}
}
