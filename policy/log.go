package policy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// The decision log holds what was asked and what was answered, so that anybody with the documents and the payloads can
// decide again and compare: see [Replay].

// Reasons why the log refuses.
var (
	// ErrLogMoved: another writer has appended since [Logger.Last]; nothing was stored.
	ErrLogMoved = errors.New("policy: decision log has moved on")
	// ErrNoObligation: the decision asked for no such obligation, or the fulfilment is none.
	ErrNoObligation = errors.New("policy: no such obligation or fulfilment")
)

// LogEntry is a record with what it commits to.
type LogEntry struct {
	Record  Record
	Payload Payload // content of Record.Request, to be stored encrypted and erasable; empty for an outcome
}

// Logger stores the decision log. A [Recorder] calls it from one goroutine at a time.
type Logger interface {
	// Append stores entries durably, in order, all or none, before it returns nil. If the first one's Prev and Seq do not
	// continue the last stored record it stores nothing and returns an error that wraps [ErrLogMoved].
	Append(ctx context.Context, entries []LogEntry) error
	// Last returns the last stored record, false if there is none.
	Last(ctx context.Context) (Record, bool, error)
}

// RecorderOptions are the options of [NewRecorder].
type RecorderOptions struct {
	Rand io.Reader // source of the 32 random bytes of each payload; default crypto/rand
}

// Recorder decides and logs, and fails closed: what was not logged is not handed out. It may be used by any number of
// goroutines; appends follow one another.
//
// After a failed append, whose outcome may be unknown, it asks [Logger.Last] where the log ends before it appends again.
type Recorder struct {
	log  Logger
	rand io.Reader

	mu    sync.Mutex
	known bool // whether seq and head are the log's
	seq   uint64
	head  [32]byte
}

// NewRecorder returns a recorder over a log.
func NewRecorder(log Logger, opts *RecorderOptions) *Recorder {
	r := &Recorder{log: log, rand: rand.Reader}
	if opts != nil && opts.Rand != nil {
		r.rand = opts.Rand
	}
	return r
}

// Explain is [Set.Explain], logged. The record names the decision, for [Recorder.Fulfil].
//
// Beside the decision it costs one encoding and one hash of the request, a few microseconds, and the append. On any error
// the explanation is the zero one, which denies. Errors: [ErrPayload] if the request is too large to be logged,
// [ErrLogMoved], the random source's and the logger's.
func (r *Recorder) Explain(ctx context.Context, set *Set, req *Request) (Explanation, Record, error) {
	x, entry, err := r.explain(set, req)
	if err != nil {
		return Explanation{}, Record{}, err
	}
	stored, err := r.append(ctx, entry)
	if err != nil {
		return Explanation{}, Record{}, err
	}
	return x, stored[0].Record, nil
}

// ExplainJoint asks both employers of one set and logs both answers in one append, supply first. Outcome is the lesser of
// the two. Costs and errors are those of [Recorder.Explain]; on any error the outcome is Deny, and neither answer is logged.
func (r *Recorder) ExplainJoint(ctx context.Context, set *Set, supply, demand *Request) (Outcome, [2]Explanation, [2]Record, error) {
	var (
		sides   [2]Explanation
		entries [2]LogEntry
		records [2]Record
		err     error
	)
	for side, req := range [2]*Request{supply, demand} {
		if sides[side], entries[side], err = r.explain(set, req); err != nil {
			return Deny, [2]Explanation{}, records, err
		}
	}
	stored, err := r.append(ctx, entries[:]...)
	if err != nil {
		return Deny, [2]Explanation{}, records, err
	}
	records[Supply], records[Demand] = stored[Supply].Record, stored[Demand].Record
	return min(sides[Supply].Outcome, sides[Demand].Outcome), sides, records, nil
}

func (r *Recorder) explain(set *Set, req *Request) (Explanation, LogEntry, error) {
	c, err := r.content(req)
	if err != nil {
		return Explanation{}, LogEntry{}, err
	}
	x, rec := c.decide(set)
	payload, err := c.seal()
	if err != nil {
		return Explanation{}, LogEntry{}, err
	}
	rec.Request = payload.Digest()
	return x, LogEntry{rec, payload}, nil
}

// content is a salted copy of a request whose usage is kept as it is asked for.
func (r *Recorder) content(req *Request) (*content, error) {
	c := &content{}
	if req != nil {
		c.Request = *req
	}
	if _, err := io.ReadFull(r.rand, c.Salt[:]); err != nil {
		return nil, fmt.Errorf("policy: random bytes for the log: %w", err)
	}
	return c, nil
}

// decide explains the request and leaves the answers of its usage in the content.
func (c *content) decide(set *Set) (Explanation, Record) {
	tap := &tappedUsage{inner: c.Request.Usage}
	req := c.Request
	req.Usage = tap
	x := set.Explain(&req)
	c.Usage = tap.answers
	rec := decisionRecord(&req, &x)
	rec.Cost = set.looked(&req)
	return x, rec
}

// Fulfil logs what became of an obligation of a logged decision, at now.
//
// Errors: [ErrNoObligation], and those of the append.
func (r *Recorder) Fulfil(ctx context.Context, decision Record, obligation string, f Fulfilment, now time.Time) (Record, error) {
	if !slices.Contains(decision.Obligations, obligation) || f != Fulfilled && f != Unfulfilled {
		return Record{}, ErrNoObligation
	}
	stored, err := r.append(ctx, LogEntry{Record: Record{Kind: OutcomeRecord, Now: recordable(now), Of: decision.Digest(), Obligation: obligation, Fulfilment: f}})
	if err != nil {
		return Record{}, err
	}
	return stored[0].Record, nil
}

// append links entries to the log's end and stores them.
func (r *Recorder) append(ctx context.Context, entries ...LogEntry) ([]LogEntry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		last, ok, err := r.log.Last(ctx)
		if err != nil {
			return nil, fmt.Errorf("policy: decision log: %w", err)
		}
		if r.seq, r.head = 0, [32]byte{}; ok {
			r.seq, r.head = last.Seq, last.Digest()
		}
	}
	seq, head := r.seq, r.head
	for i := range entries {
		seq++
		entries[i].Record.Seq, entries[i].Record.Prev = seq, head
		head = entries[i].Record.Digest()
	}
	r.known = false // until the log has said that it holds them
	if err := r.log.Append(ctx, entries); err != nil {
		return nil, fmt.Errorf("policy: decision log: %w", err)
	}
	r.known, r.seq, r.head = true, seq, head
	return entries, nil
}
