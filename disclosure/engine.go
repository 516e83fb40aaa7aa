package disclosure

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// Options tunes an [Engine].
type Options struct {
	Retries int // appends tried again after a conflict, deciding anew each time; default 8
}

// Engine decides commands on the state that its log holds, appends, and only
// then answers. When the log does not answer, nothing is disclosed.
//
// It may be used by many goroutines at once, beside other engines on the same
// log. The commands of one session take turns within an engine, in the order
// they arrive; those of different sessions do not wait for each other. It
// starts no goroutine and owns no timer: see [Engine.Tick]. What it keeps in
// memory is a cache of folded sessions.
type Engine struct {
	log     Log
	auth    Authorizer
	res     Reserver
	retries int

	mu       sync.Mutex
	sessions map[SessionID]*session
}

// New returns an engine. All three seams are required; the error wraps [ErrInvalid].
func New(log Log, auth Authorizer, res Reserver, o *Options) (*Engine, error) {
	if o == nil {
		o = &Options{}
	}
	switch {
	case log == nil:
		return nil, &FieldError{Field: "log", Want: "given"}
	case auth == nil:
		return nil, &FieldError{Field: "authorizer", Want: "given"}
	case res == nil:
		return nil, &FieldError{Field: "reserver", Want: "given"}
	case o.Retries < 0:
		return nil, &FieldError{Field: "Options.Retries", Want: "0 or more"}
	}
	return &Engine{log: log, auth: auth, res: res, retries: cmp.Or(o.Retries, 8), sessions: map[SessionID]*session{}}, nil
}

// Reset forgets every cached session; the log is read again when asked.
func (e *Engine) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sessions = map[SessionID]*session{}
}

// session is a cached fold. Whoever holds turn may use the other fields.
type session struct {
	turn    chan struct{}
	id      SessionID
	stream  string
	state   State
	version uint64
	folding func(Record, error) bool // take, made once
	unread  error                    // why folding stopped
}

func newSession(id SessionID) *session {
	s := &session{turn: make(chan struct{}, 1), id: id, stream: StreamOf(id)}
	s.folding = s.take
	return s
}

func (s *session) leave() { <-s.turn }

// StreamOf returns the log stream of a session.
func StreamOf(id SessionID) string { return "session/" + string(id) }

// claim waits for the session's turn; the cache entry may be empty.
func (e *Engine) claim(ctx context.Context, id SessionID) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err // whether or not the turn is free
	}
	e.mu.Lock()
	sess := e.sessions[id]
	if sess == nil {
		sess = newSession(id)
		e.sessions[id] = sess
	}
	e.mu.Unlock()
	select {
	case sess.turn <- struct{}{}:
		return sess, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// enter claims an existing session and brings it up to date with the log.
func (e *Engine) enter(ctx context.Context, id SessionID) (*session, error) {
	sess, err := e.claim(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := e.refresh(ctx, sess); err != nil {
		sess.leave()
		return nil, err
	}
	if sess.state.Phase == 0 {
		e.forget(sess)
		sess.leave()
		return nil, ErrNotFound
	}
	return sess, nil
}

// forget drops an entry, so that asking for unknown sessions costs no memory.
func (e *Engine) forget(sess *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sessions[sess.id] == sess {
		delete(e.sessions, sess.id)
	}
}

func (e *Engine) refresh(ctx context.Context, sess *session) error {
	sess.unread = nil
	e.log.Read(ctx, sess.stream, sess.version)(sess.folding)
	return sess.unread
}

// take folds a record that was read, and reports whether it wants the next.
func (s *session) take(r Record, err error) bool {
	var ev Event
	if err == nil {
		ev, err = DecodeEvent(r)
	}
	if err == nil && r.Expect != s.version+1 {
		err = fmt.Errorf("disclosure: log skipped a version")
	}
	if s.unread = err; err != nil {
		return false
	}
	s.state.evolve(&ev)
	s.version = r.Expect
	return true
}

// State returns the session as the log holds it; it is for the host, not for
// a party. The errors are [ErrNotFound], the log's and ctx's.
func (e *Engine) State(ctx context.Context, id SessionID) (State, error) {
	sess, err := e.enter(ctx, id)
	if err != nil {
		return State{}, err
	}
	defer sess.leave()
	return sess.state, nil
}

// Propose opens a session, once: a repetition with the same ID does nothing.
// Both employers must allow the action "summarise". With both summaries given
// the session is Summarised at once, else it waits for [Publish].
//
// The errors: [*FieldError]; [*PolicyError], for the host alone; [ErrConflict]
// if the session id is taken by another proposal; [ErrUnknownOutcome]; the
// authorizer's, the log's and ctx's.
func (e *Engine) Propose(ctx context.Context, p Proposal) error {
	if p.Bundle != nil {
		return &FieldError{Field: "bundle", Want: "proposed with all its legs"}
	}
	events, err := Open(p)
	if err != nil {
		return err
	}
	p = *events[0].Proposal
	sess, err := e.claim(ctx, p.Session)
	if err != nil {
		return err
	}
	defer sess.leave()
	if err := e.refresh(ctx, sess); err != nil {
		return err
	}
	if sess.version > 0 {
		if sess.state.Proposal.ID == p.ID {
			return nil
		}
		return ErrConflict
	}
	if err := e.maySummarise(ctx, events); err != nil {
		e.forget(sess)
		return err
	}
	if err := e.commit(ctx, &group{all: []*session{sess}}, key("propose", p.ID), [][]Event{events}, nil); err != nil {
		e.forget(sess)
		return err
	}
	if sess.state.Proposal.ID != p.ID {
		return ErrConflict
	}
	return nil
}

// maySummarise asks both employers whether a session may open.
func (e *Engine) maySummarise(ctx context.Context, opening []Event) error {
	s := fold(State{}, opening)
	for _, side := range []Side{Supply, Demand} {
		v, err := e.auth.Authorize(ctx, authRequest(&s, side, ActSummarise, nil, s.Proposal.At))
		if err == nil && !v.Allowed {
			err = &PolicyError{Version: v.Version, Rule: RuleNotAllowed}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// normal checks a proposal and fills in the defaults.
func (p Proposal) normal() (Proposal, error) {
	p.At = instant(p.At)
	p.End = instant(p.End)
	p.Deadline = cmp.Or(p.Deadline, 24*time.Hour)
	p.HardExpiry = cmp.Or(p.HardExpiry, 30*24*time.Hour)
	p.Grace = cmp.Or(p.Grace, 72*time.Hour)
	p.Slot = cmp.Or(p.Slot, time.Hour)
	p.Hold = cmp.Or(p.Hold, 72*time.Hour)
	p.Flips = cmp.Or(p.Flips, 16)
	for i := range p.Parties {
		p.Parties[i].Group = cmp.Or(p.Parties[i].Group, p.Parties[i].Firm)
	}
	return p, p.check()
}

func (p Proposal) check() error {
	for _, x := range p.Parties {
		if x.Firm == "" || x.Person && x.Actor == "" || len(x.Actor) > maxID {
			return &FieldError{Field: "parties", Want: "a firm each, and the person's id where a person is offered"}
		}
	}
	switch {
	case p.ID == "" || len(p.ID) > maxID:
		return &FieldError{Field: "id", Want: "1 to 128 bytes"}
	case p.Session == "" || len(p.Session) > maxID:
		return &FieldError{Field: "session", Want: "1 to 128 bytes"}
	case p.Parties[Supply].Group == p.Parties[Demand].Group:
		return &FieldError{Field: "parties", Want: "of two employer groups"}
	case p.Terms.IsZero():
		return &FieldError{Field: "terms", Want: "the digest of the proposed terms"}
	case p.At.IsZero():
		return &FieldError{Field: "at", Want: "the present time"}
	case min(p.Deadline, p.Grace, p.Slot, p.Hold) <= 0 || p.HardExpiry <= p.Deadline || p.Flips < 0:
		return &FieldError{Field: "durations", Want: "above 0, and the hard expiry after the deadline"}
	case len(p.Plan) > maxPlan || len(p.Plan) > 0 && !json.Valid(p.Plan):
		return &FieldError{Field: "plan", Want: "JSON of at most 256 KiB"}
	}
	return nil
}

// maxID limits ids, maxReason the free text of the own side, maxShare and
// maxPlan what the host adds, in bytes.
const (
	maxID     = 128
	maxReason = 200
	maxShare  = 192
	maxPlan   = 256 << 10
)

func (c Command) check() error {
	switch {
	case c.ID == "" || len(c.ID) > maxID || !utf8.ValidString(c.ID):
		return &FieldError{Field: "id", Want: "1 to 128 bytes of UTF-8"}
	case len(c.Actor) > maxID || !utf8.ValidString(c.Actor) || c.Actor == "" && givers[c.Kind] != BySystem && givers[c.Kind] != "":
		return &FieldError{Field: "actor", Want: "1 to 128 bytes of UTF-8"}
	case len(c.Reason) > maxReason:
		return &FieldError{Field: "reason", Want: "at most 200 bytes"}
	case len(c.Share) > maxShare || len(c.Share) > 0 && c.Kind != OptIn && c.Kind != Authorize:
		return &FieldError{Field: "share", Want: "at most 192 bytes, of a consent"}
	case c.At.IsZero():
		return &FieldError{Field: "at", Want: "the present time"}
	}
	return nil
}

// Do decides and appends one command; once it returns a receipt the step is
// durable. Repeating a command, with its id and content, repeats its receipt
// and does nothing else. System commands that change nothing return a zero
// receipt.
//
// The errors are those of [Decide]; those of the own side's authorizer;
// [ErrConflict] after the retries; [ErrUnknownOutcome]; the log's, after the
// reveal the reserver's, and ctx's. With any error nothing has changed, but
// for what the clock alone brings about and for ErrUnknownOutcome.
func (e *Engine) Do(ctx context.Context, c Command) (Receipt, error) {
	if err := c.check(); err != nil {
		return Receipt{}, err
	}
	c.At, c.Said, c.Bind.Expires = instant(c.At), instant(c.Said), instant(c.Bind.Expires)
	if givers[c.Kind] == BySystem {
		c.Actor = ""
	}
	g, err := e.enterAll(ctx, c.Session)
	if err != nil {
		return Receipt{}, err
	}
	defer g.leave()
	return e.do(ctx, g, c)
}

// do runs a command in a session whose turn is held, with those of its bundle.
func (e *Engine) do(ctx context.Context, g *group, c Command) (Receipt, error) {
	sess := g.own()
	for range e.retries + 1 {
		events, recs, err := e.decide(ctx, g, c)
		if err != nil {
			_ = e.applyDue(ctx, g, c.At) // a refusal stands, whether or not the clock could be noted
			return Receipt{}, err
		}
		if nothing(events) {
			r, _ := sess.state.Actors.Receipt(c.Actor, c.ID)
			return r, nil
		}
		err = e.commit(ctx, g, key("do", string(c.Session), c.Actor, c.ID), events, recs)
		if err == nil {
			e.catchUp(ctx, g, c)
			r, _ := sess.state.Actors.Receipt(c.Actor, c.ID)
			return r, nil
		}
		if !errors.Is(err, ErrConflict) {
			return Receipt{}, err
		}
		if err := e.refreshAll(ctx, g); err != nil {
			return Receipt{}, err
		}
	}
	return Receipt{}, ErrConflict
}

// decide collects what the pure decision needs: the employers' verdicts and,
// if the command would complete something, the reserver's answer. Like all
// that follows it speaks of the sessions of a group, in its order.
func (e *Engine) decide(ctx context.Context, g *group, c Command) ([][]Event, []Record, error) {
	legs := g.legs(Env{Now: c.At, Hold: HoldGranted})
	own := &legs[g.at]
	d := decision{m: machineOf(own.State.Machine), s: &own.State, c: &c, env: &own.Env, events: new([]Event)}
	if d.m == nil {
		return nil, nil, ErrMachine
	}
	if d.s.past(c.At) { // what is due is folded, and the legs are decided from the start
		at := *d.s
		d.s = &at
	}
	err := d.admit()
	if err != nil || d.repeated {
		return nil, nil, err
	}
	if own.Env.Verdicts, err = e.verdicts(ctx, &d); err != nil {
		return nil, nil, err
	}
	if err = e.otherVerdicts(ctx, legs, g.at, c); err != nil {
		return nil, nil, err
	}
	events, err := Together(legs, g.at, c)
	if err != nil {
		return nil, nil, err
	}
	recs, err := e.reserveAll(ctx, g, events)
	if err == nil {
		return events, recs, nil
	}
	// Before the reveal a reserver that fails looks to a party like an
	// employer that has not answered; the host meets the failure in Tick.
	sealed := d.s.Phase == Summarised && c.Kind != Settle
	if !sealed && !errors.Is(err, ErrNoCapacity) {
		return nil, nil, err
	}
	for i := range legs {
		legs[i].Env.Hold = HoldRefused
	}
	if events, err = Together(legs, g.at, c); err != nil {
		return nil, nil, err
	}
	recs, err = e.reserveAll(ctx, g, events)
	return events, recs, err
}

// verdicts asks both employers where the command can complete something.
func (e *Engine) verdicts(ctx context.Context, d *decision) (v [2]Verdict, err error) {
	switch d.c.Kind {
	case OptIn, Authorize, AcceptTerms, Settle:
	default:
		return v, nil
	}
	action, ok := actionOf(d.s.Phase)
	if !ok {
		return v, nil
	}
	for _, side := range []Side{Supply, Demand} {
		var cast *Vote
		if d.c.Kind == Authorize && side == d.c.Side {
			cast = &Vote{Actor: d.c.Actor, Roles: slices.Clone(d.c.Roles), Under: d.c.Under, Requirement: d.c.Requirement,
				Policy: d.c.Bind.Policy, At: d.c.At, Expires: cmp.Or(d.c.Bind.Expires, d.s.Deadline)}
		}
		v[side], err = e.auth.Authorize(ctx, authRequest(d.s, side, action, cast, d.c.At))
		if err != nil && (side == d.c.Side || d.row.By == BySystem) {
			return v, err
		}
		if err != nil { // not this side's business: no consent for now, and no close
			v[side] = Verdict{Allowed: true}
		}
	}
	return v, nil
}

func authRequest(s *State, side Side, a Action, cast *Vote, now time.Time) AuthRequest {
	votes := standing(s.Sides[side].Votes, now)
	if cast != nil {
		votes = slices.DeleteFunc(votes, func(v Vote) bool {
			return v.Actor == cast.Actor && v.Requirement == cast.Requirement
		})
		votes = append(votes, *cast)
	}
	return AuthRequest{Session: *s, Side: side, Action: a, Votes: votes, Cast: cast, Now: now}
}

// reserve asks for the records that belong to the events.
func (e *Engine) reserve(ctx context.Context, s State, events []Event) ([]Record, error) {
	if !slices.ContainsFunc(events, movesHold) {
		return nil, nil
	}
	var recs []Record
	for i := range events {
		ev := &events[i]
		held := s.Phase == Revealed || s.Phase == Engaged || s.Phase == Started
		s.evolve(ev)
		var r Record
		var err error
		switch ev.Type {
		case IdentitiesRevealed:
			r, err = e.res.Reserve(ctx, s, s.HoldUntil)
		case EngagementAgreed:
			r, err = e.res.Firm(ctx, s)
		case SessionClosed, EngagementTerminated:
			if held {
				r, err = e.res.Release(ctx, s, ev.Cause)
			}
		}
		if err != nil {
			return nil, err
		}
		if r.Stream != "" {
			recs = append(recs, r)
		}
	}
	return recs, nil
}

// movesHold reports whether an event may need the reserver.
func movesHold(e Event) bool {
	switch e.Type {
	case IdentitiesRevealed, EngagementAgreed, SessionClosed, EngagementTerminated:
		return true
	}
	return false
}

// commit appends the events of each session and the reserver's records in one
// batch and folds what the log then holds.
func (e *Engine) commit(ctx context.Context, g *group, key string, events [][]Event, extra []Record) error {
	n := len(extra)
	for _, evs := range events {
		n += len(evs)
	}
	batch := make([]Record, 0, n) // the log's from the append on
	for i, sess := range g.all {
		var err error
		if batch, err = record(batch, sess.stream, sess.version, events[i]); err != nil {
			return err
		}
	}
	dup, err := e.append(ctx, key, append(batch, extra...))
	if err != nil {
		return err
	}
	if dup {
		return e.refreshAll(ctx, g)
	}
	for i, sess := range g.all {
		for j := range events[i] {
			sess.state.evolve(&events[i][j])
		}
		sess.version += uint64(len(events[i]))
	}
	return nil
}

// append writes a batch once; dup means that it, or another under its key, was
// there already.
func (e *Engine) append(ctx context.Context, key string, batch []Record) (dup bool, err error) {
	dup, err = e.log.Append(ctx, key, batch...)
	if !errors.Is(err, ErrUnknownOutcome) {
		return dup, err
	}
	landed, lookup := e.log.ByKey(ctx, key)
	if lookup != nil {
		return false, err
	}
	if !landed {
		return false, ErrConflict // nothing happened: decide anew, under the same key
	}
	return true, nil
}

// record appends the events' records to a batch, and turns the events into what
// a replay will read, so that the cached fold and the fold of the log are equal
// to the byte.
func record(batch []Record, stream string, version uint64, events []Event) ([]Record, error) {
	for i := range events {
		ev := &events[i]
		data, err := ev.encode()
		if err != nil {
			return nil, err
		}
		r := Record{Stream: stream, Type: string(ev.Type), Data: data, Subjects: subjects(ev), Expect: version, Check: i == 0}
		if *ev, err = ev.readBack(r); err != nil {
			return nil, err
		}
		batch = append(batch, r)
	}
	return batch, nil
}

// subjects names those whose data an event is: who acted, and of a proposal
// both firms and a person who is offered.
func subjects(ev *Event) []string {
	var out []string
	if ev.Actor != "" {
		out = append(out, ev.Actor)
	}
	if i := ev.Invitation; i != nil {
		out = append(out, i.Actor, i.Firm, i.Person)
	}
	if ev.Proposal != nil {
		for _, p := range ev.Proposal.Parties {
			out = append(out, p.Firm)
			if p.Person {
				out = append(out, p.Actor)
			}
		}
	}
	return out
}

// applyDue appends what the clock has brought about.
func (e *Engine) applyDue(ctx context.Context, g *group, now time.Time) error {
	sess := g.own()
	for range e.retries + 1 {
		events := DueTogether(g.legs(Env{}), g.at, now)
		if nothing(events) {
			return nil
		}
		recs, err := e.reserveAll(ctx, g, events)
		if err != nil {
			return err
		}
		err = e.commit(ctx, g, key("due", string(sess.id), fmt.Sprint(sess.version)), events, recs)
		if err == nil || !errors.Is(err, ErrConflict) {
			return err
		}
		if err := e.refreshAll(ctx, g); err != nil {
			return err
		}
	}
	return ErrConflict
}

// Tick applies what is due by now in the sessions named and in all that this
// engine has met since [New] or [Engine.Reset], tries again the reveals and
// engagements that lacked a hold or a verdict, and returns when it is next
// due; the zero time means never. It goes on after a session that fails; the
// error joins theirs, and next is then right for the others.
func (e *Engine) Tick(ctx context.Context, now time.Time, ids ...SessionID) (next time.Time, err error) {
	now = instant(now)
	var errs []error
	for _, id := range e.known(ids) {
		if ctx.Err() != nil {
			return next, errors.Join(append(errs, ctx.Err())...)
		}
		due, err := e.tick(ctx, id, now)
		if err != nil {
			errs = append(errs, err)
		}
		next = sooner(next, due)
	}
	return next, errors.Join(errs...)
}

func (e *Engine) known(ids []SessionID) []SessionID {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := slices.Clone(ids)
	for id := range e.sessions {
		all = append(all, id)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (e *Engine) tick(ctx context.Context, id SessionID, now time.Time) (time.Time, error) {
	g, err := e.enterAll(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer g.leave()
	sess := g.own()
	err = e.applyDue(ctx, g, now)
	if err == nil && sess.state.waits(now) {
		_, err = e.do(ctx, g, g.settle(now))
	}
	if sess.state.Phase.Final() {
		e.forget(sess) // its clock has stopped; the log has it when asked
	}
	return NextDue(sess.state), err
}

// instant drops what a time would lose on the log: zone and monotonic reading.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Round(0)
}

// key makes an idempotency key that tells nothing.
func key(parts ...string) string {
	var room [256]byte
	b := room[:0]
	for _, p := range parts {
		b = append(append(strconv.AppendInt(b, int64(len(p)), 10), ':'), p...)
	}
	sum := sha256.Sum256(b)
	return string(hex.AppendEncode(append(room[:0], "disclosure/"...), sum[:16]))
}
