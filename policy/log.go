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
	// ErrNoObligation: the log holds no such decision or it asked for no such obligation, another outcome of it is logged,
	// or the fulfilment is none or before the decision.
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
	// About returns the stored record with a digest, then the outcomes that are of it, in order; nothing if there is no such
	// record.
	About(ctx context.Context, record [32]byte) ([]Record, error)
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

// Decide is [Set.Decide] of a request, logged. The record names the decision, for [Recorder.Fulfil].
//
// Beside the decision it costs the encoding of request and record, some 30 µs, and the append. On any error
// the decision is the zero one, which denies; a request that is not usable is no error, but denied and logged. Errors:
// [ErrPayload] if the request is too large to be logged, [ErrLogMoved], the random source's and the logger's.
func (r *Recorder) Decide(ctx context.Context, set *Set, req *Request) (Decision, Record, error) {
	var d Decision
	record, err := r.one(ctx, req, func(c *content) Record {
		var rec Record
		d, rec = c.decide(set)
		return rec
	})
	if err != nil {
		return Decision{}, Record{}, err
	}
	return d, record, nil
}

// Explain is [Set.Explain], logged. The record is the one that [Recorder.Decide] makes, as are costs and errors; on any
// error the explanation is the zero one, which denies.
func (r *Recorder) Explain(ctx context.Context, set *Set, req *Request) (Explanation, Record, error) {
	var x Explanation
	record, err := r.one(ctx, req, func(c *content) Record {
		var rec Record
		x, rec = c.explain(set)
		return rec
	})
	if err != nil {
		return Explanation{}, Record{}, err
	}
	return x, record, nil
}

// DecideJoint is [Set.DecideJoint], with both answers logged in one append, supply first. Costs and errors are those of
// [Recorder.Decide]; on any error the zero Joint, which denies, is returned, and neither side is logged or both are.
func (r *Recorder) DecideJoint(ctx context.Context, set *Set, supply, demand *Request) (Joint, [2]Record, error) {
	var (
		j       Joint
		entries [2]LogEntry
		err     error
	)
	for side, req := range [2]*Request{supply, demand} {
		entries[side], err = r.entry(req, nil, func(c *content) Record {
			var rec Record
			j.sides[side], rec = c.decide(set)
			return rec
		})
		if err != nil {
			return Joint{}, [2]Record{}, err
		}
	}
	j.Outcome = min(j.sides[Supply].Outcome, j.sides[Demand].Outcome)
	stored, err := r.append(ctx, entries[:]...)
	if err != nil {
		return Joint{}, [2]Record{}, err
	}
	return j, [2]Record{stored[Supply].Record, stored[Demand].Record}, nil
}

// one logs a single answer.
func (r *Recorder) one(ctx context.Context, req *Request, answer func(*content) Record) (Record, error) {
	entry, err := r.entry(req, nil, answer)
	if err != nil {
		return Record{}, err
	}
	stored, err := r.append(ctx, entry)
	if err != nil {
		return Record{}, err
	}
	return stored[0].Record, nil
}

// entry answers a request, a filter's with what it leaves open, and makes the record of it.
func (r *Recorder) entry(req *Request, open []string, answer func(*content) Record) (LogEntry, error) {
	c, err := r.content(req)
	if err != nil {
		return LogEntry{}, err
	}
	c.Open = open
	rec := answer(c)
	payload, err := c.seal()
	if err != nil {
		return LogEntry{}, err
	}
	rec.Request = payload.Digest()
	return LogEntry{rec, payload}, nil
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

// tapped is the request with a usage that leaves its answers in the content.
func (c *content) tapped() (*Request, *tappedUsage) {
	tap := &tappedUsage{inner: c.Request.Usage}
	req := c.Request
	req.Usage = tap
	return &req, tap
}

// decide answers the request quickly.
func (c *content) decide(set *Set) (Decision, Record) {
	req, tap := c.tapped()
	var d Decision
	if q, err := set.schema.Bind(req); err == nil {
		d = set.Decide(q)
	}
	c.Usage = tap.answers
	rec := recordOf(set, req, d.Outcome, d.Due(nil))
	rec.Rules, rec.Obligations, rec.Advice = d.Rules(nil), d.Obligations(nil), d.Advice(nil)
	return d, rec
}

// explain answers the request with reasons. Its record is that of decide.
func (c *content) explain(set *Set) (Explanation, Record) {
	req, tap := c.tapped()
	x := set.Explain(req)
	c.Usage = tap.answers
	rec := recordOf(set, req, x.Outcome, x.Due)
	rec.Rules, rec.Obligations, rec.Advice = slices.Clone(x.Rules), slices.Clone(x.Obligations), slices.Clone(x.Advice)
	return x, rec
}

// Fulfil logs what became of an obligation of a decision that is in the log, at now, which is not before the decision. An
// outcome is final. To say the same once more, as after an error that left open whether it was stored, appends nothing and
// returns the record there is.
//
// Errors: [ErrNoObligation], [ErrLogMoved] and the logger's.
func (r *Recorder) Fulfil(ctx context.Context, decision Record, obligation string, f Fulfilment, now time.Time) (Record, error) {
	out := Record{Kind: OutcomeRecord, Now: recordable(now), Of: decision.Digest(), Obligation: obligation, Fulfilment: f}
	if f != Fulfilled && f != Unfulfilled || out.Now.IsZero() {
		return Record{}, ErrNoObligation
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.findEnd(ctx); err != nil { // before the log is asked: what others append after that moves it on
		return Record{}, err
	}
	about, err := r.log.About(ctx, out.Of)
	if err != nil {
		return Record{}, fmt.Errorf("policy: decision log: %w", err)
	}
	switch known, ok := out.settled(about); {
	case !ok:
		return Record{}, ErrNoObligation
	case known.Kind != "":
		return known, nil
	}
	stored, err := r.extend(ctx, LogEntry{Record: out})
	if err != nil {
		return Record{}, err
	}
	return stored[0].Record, nil
}

// settled returns the outcome that the log already has, none if the obligation is open. It is not ok if what the log holds
// about the decision leaves no room for this outcome.
func (r *Record) settled(about []Record) (known Record, ok bool) {
	if len(about) == 0 || about[0].Digest() != r.Of || !slices.Contains(about[0].Obligations, r.Obligation) || r.Now.Before(about[0].Now) {
		return Record{}, false
	}
	for _, out := range about[1:] {
		if out.Kind == OutcomeRecord && out.Of == r.Of && out.Obligation == r.Obligation {
			return out, out.Fulfilment == r.Fulfilment
		}
	}
	return Record{}, true
}

// append links entries to the log's end and stores them.
func (r *Recorder) append(ctx context.Context, entries ...LogEntry) ([]LogEntry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.findEnd(ctx); err != nil {
		return nil, err
	}
	return r.extend(ctx, entries...)
}

// findEnd asks where the log ends, unless that is known.
func (r *Recorder) findEnd(ctx context.Context) error {
	if r.known {
		return nil
	}
	last, ok, err := r.log.Last(ctx)
	if err != nil {
		return fmt.Errorf("policy: decision log: %w", err)
	}
	if r.seq, r.head = 0, [32]byte{}; ok {
		r.seq, r.head = last.Seq, last.Digest()
	}
	r.known = true
	return nil
}

// extend appends at the end that is known.
func (r *Recorder) extend(ctx context.Context, entries ...LogEntry) ([]LogEntry, error) {
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
