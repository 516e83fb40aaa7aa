package csss

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/embed"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// This file holds the glue between the packages: each type turns one package
// into the small interface that another one consumes.

const sessionPrefix = "session/"

// matchEmbedder lets package match embed through any embed.Embedder.
type matchEmbedder struct{ embed.Embedder }

func (m matchEmbedder) EmbedQueries(ctx context.Context, texts []string) ([][]float32, error) {
	return m.Embed(ctx, embed.Query, texts, nil)
}

func (m matchEmbedder) EmbedDocuments(ctx context.Context, texts []string) ([][]float32, error) {
	return m.Embed(ctx, embed.Document, texts, nil)
}

func (m matchEmbedder) ModelID() string { return m.Info().ID }

// sessionLog is the ledger as sessions see it. Appending folds the batch into
// the market's state too, so that a hold and the reveal it belongs to are one
// step.
type sessionLog struct{ x *Exchange }

func (l sessionLog) Append(ctx context.Context, key string, recs ...disclosure.Record) (bool, error) {
	l.x.mu.Lock()
	defer l.x.mu.Unlock()
	at, err := batchTime(recs)
	if err != nil {
		return false, err
	}
	current := false
	err = l.x.deciding(ctx, func(st *state) (err error) { current, err = st.current(recs, at); return err })
	if err != nil || !current {
		return false, cmp.Or(err, disclosure.ErrConflict) // decide anew
	}
	at = maxTime(at.UTC(), l.x.st.now)
	entries := make([]ledger.Append, len(recs))
	for i, r := range recs {
		entries[i] = ledger.Append{Stream: r.Stream, Type: r.Type, Key: fmt.Sprintf("%s#%d", key, i),
			Subjects: r.Subjects, Time: at, Payload: r.Data}
		switch {
		case r.Check && r.Expect == 0:
			entries[i].Expect = ledger.NoStream
		case r.Check:
			entries[i].Expect = ledger.Exactly(r.Expect)
		}
	}
	receipts, err := l.x.append(ctx, entries)
	switch {
	case errors.Is(err, ledger.ErrConflict):
		if err := l.x.catchUp(ctx); err != nil {
			return false, err
		}
		return false, fmt.Errorf("%w: %w", disclosure.ErrConflict, err)
	case errors.Is(err, ledger.ErrKeyReused):
		return true, nil // the batch with this key has landed; it was decided on an older state
	case errors.Is(err, ledger.ErrUnknownOutcome):
		return false, fmt.Errorf("%w: %w", disclosure.ErrUnknownOutcome, err)
	case err != nil:
		return false, err
	}
	return len(receipts) > 0 && receipts[0].Duplicate, nil
}

// current decides both employers' verdicts on a reveal or an engagement once
// more, now that nothing can come between them and the log: rules, facts and
// quotas may have changed since the session asked. A proposal is checked
// likewise.
func (st *state) current(recs []disclosure.Record, at time.Time) (bool, error) {
	var booked []booking
	states := map[string]disclosure.State{} // as the batch moves them
	for _, r := range recs {
		id, ok := strings.CutPrefix(r.Stream, sessionPrefix)
		if !ok {
			continue
		}
		ev, err := disclosure.DecodeEvent(r)
		if err != nil {
			return false, err
		}
		s, begun := states[id]
		if ss := st.sessions[disclosure.SessionID(id)]; ss != nil && !begun {
			s = ss.state
		}
		if ev.Type == disclosure.IdentitiesRevealed {
			booked = append(booked, bookingFor(&s))
		}
		switch {
		case ev.Type == disclosure.SessionProposed && !st.selectable(ev.Proposal),
			ev.Type == disclosure.IdentitiesRevealed && !st.agreed(&s, disclosure.ActReveal, &ev),
			ev.Type == disclosure.EngagementAgreed && !st.agreed(&s, disclosure.ActEngage, &ev),
			ev.Type == disclosure.FacilitatorJoined && !st.admittable(&s, ev.At):
			return false, nil
		}
		states[id] = disclosure.Evolve(s, ev)
	}
	return st.mayHold(booked, at), nil
}

// selectable reports whether a session may still be opened: what it is about
// is as it was when it was decided, and no other session took its place.
func (st *state) selectable(p *disclosure.Proposal) bool {
	o, n := st.offers[p.Offer], st.needs[p.Need]
	if o == nil || n == nil || !o.live || !n.live || o.offer.Revision != p.OfferRevision || n.need.Revision != p.NeedRevision {
		return false
	}
	f, ok := st.sessionFit(&disclosure.State{Proposal: *p})
	ref := st.handles[disclosure.HandleOf(p.Session, disclosure.Demand)]
	return ok && ref.candidate != nil && !st.busy(n.need.Group, p.At)[p.Offer] && st.mayMeet(f, ref.candidate.Rules, p.At)
}

// agreed reports whether both employers allow what the event says, a reveal
// under the very rules that it names.
func (st *state) agreed(s *disclosure.State, action disclosure.Action, ev *disclosure.Event) bool {
	for _, side := range []disclosure.Side{disclosure.Supply, disclosure.Demand} {
		votes := slices.DeleteFunc(slices.Clone(s.Sides[side].Votes), func(v disclosure.Vote) bool { return !ev.At.Before(v.Expires) })
		v, err := st.verdict(&disclosure.AuthRequest{Session: *s, Side: side, Action: action, Votes: votes, Now: ev.At})
		if err != nil || !v.Allowed || !v.Satisfied || action == disclosure.ActReveal && v.Policy != ev.Policies[side] {
			return false
		}
	}
	return true
}

// batchTime is the time the batch's session events claim.
func batchTime(recs []disclosure.Record) (time.Time, error) {
	var at time.Time
	for _, r := range recs {
		if !isSession(r.Stream) && !isFacilitator(r.Stream) {
			continue
		}
		ev, err := disclosure.DecodeEvent(r)
		if err != nil {
			return at, err
		}
		at = maxTime(at, ev.At)
	}
	return at, nil
}

func (l sessionLog) Read(ctx context.Context, stream string, after uint64) iter.Seq2[disclosure.Record, error] {
	return func(yield func(disclosure.Record, error) bool) {
		for e, err := range l.x.log.Read(ctx, ledger.Query{Stream: stream, After: after}) {
			r := disclosure.Record{Stream: stream, Type: e.Type, Data: e.Payload, Subjects: e.Subjects, Expect: e.StreamVersion}
			if !yield(r, err) {
				return
			}
		}
	}
}

// Since yields what is told of sessions, in the ledger's order.
func (l sessionLog) Since(ctx context.Context, position uint64) iter.Seq2[disclosure.Placed, error] {
	return func(yield func(disclosure.Placed, error) bool) {
		for e, err := range l.x.log.Read(ctx, ledger.Query{From: position}) {
			if err == nil && !isSession(e.Stream) {
				continue
			}
			r := disclosure.Record{Stream: e.Stream, Type: e.Type, Data: e.Payload, Subjects: e.Subjects, Expect: e.StreamVersion}
			if !yield(disclosure.Placed{Record: r, Position: e.Index}, err) {
				return
			}
		}
	}
}

// ByKey refuses once an outcome is unknown: the log then knows of less than the
// store may hold.
func (l sessionLog) ByKey(ctx context.Context, key string) (bool, error) {
	l.x.mu.RLock()
	broken := l.x.broken
	l.x.mu.RUnlock()
	if broken != nil {
		return false, broken
	}
	_, ok, err := l.x.log.ByKey(ctx, key+"#0")
	return ok, err
}

// authorizer answers for both employers out of their current rules.
type authorizer struct{ x *Exchange }

// Authorize judges one side of a session now: its own part must still stand,
// and its own rules must not deny. The verdict depends on nothing that the
// other side did since the session opened, because the side can see it.
func (a authorizer) Authorize(ctx context.Context, r disclosure.AuthRequest) (v disclosure.Verdict, err error) {
	a.x.mu.RLock()
	defer a.x.mu.RUnlock()
	if isLooking(ctx) {
		return a.x.st.verdict(&r)
	}
	err = a.x.deciding(ctx, func(st *state) (err error) { v, err = st.verdict(&r); return err })
	if err != nil {
		return disclosure.Verdict{}, err
	}
	return v, nil
}

func (st *state) verdict(r *disclosure.AuthRequest) (disclosure.Verdict, error) {
	if r.Action == disclosure.ActFacilitate {
		return st.facilitation(*r)
	}
	f, ok := st.sessionFit(&r.Session)
	if !ok {
		return disclosure.Verdict{}, nil
	}
	if by := st.fallen(f, r.Side, r.Session.Proposal.Parties, st.dealOf(&r.Session).Edits, r.Now); by != "" {
		firm := r.Session.Proposal.Parties[r.Side].Firm
		return disclosure.Verdict{Policy: st.inForce(firm), Version: st.rules.Version(firm), Reason: Suspension{By: by}.String()}, nil
	}
	req := st.sessionRequest(f, r)
	opened := st.dealOf(&r.Session).Rules[r.Side]
	if r.Action == disclosure.ActEngage {
		opened = st.inForce(req.Employer)
	}
	if r.Cast != nil && !r.Cast.Deny {
		if err := st.seatable(*req, opened, r, f); err != nil {
			return disclosure.Verdict{}, err
		}
	}
	d := st.decideSince(req, opened)
	v := disclosure.Verdict{Allowed: d.Outcome != policy.Deny, Policy: disclosure.Digest(d.Digest), Version: d.Version}
	for _, due := range d.Due {
		if due.Requirement != policy.PersonConsent {
			v.Due = append(v.Due, disclosure.Requirement{Name: due.Requirement, Roles: due.Seats, Need: due.Need, Have: due.Have, Tainted: due.Tainted})
		}
	}
	if !v.Allowed {
		v.Reason = Suspension{By: ByPolicy, Version: d.Version}.String()
	}
	v.Satisfied = v.Allowed && len(v.Due) == 0
	v.Auto = v.Satisfied && len(r.Votes) == 0
	return v, nil
}

// sessionFit is the fit a session was opened for, out of today's facts.
func (st *state) sessionFit(s *disclosure.State) (*fit, bool) {
	o, n, d := st.offers[s.Proposal.Offer], st.needs[s.Proposal.Need], st.dealOf(s)
	if o == nil || n == nil || d == nil {
		return nil, false
	}
	return &fit{need: &n.need, off: &o.offer, plan: &d.Plan, mode: d.Mode, rate: d.Rate}, true
}

// dealOf is the deal of a session that is open or just being proposed.
func (st *state) dealOf(s *disclosure.State) *deal {
	if ss := st.sessions[s.ID()]; ss != nil {
		return &ss.deal
	}
	if d := st.opening[s.ID()]; d != nil {
		return d
	}
	d := new(deal)
	if json.Unmarshal(s.Proposal.Plan, d) != nil {
		return nil
	}
	return d
}

// standing reports whether what a side brought into the session still stands.
func (st *state) standing(f *fit, side disclosure.Side, parties [2]disclosure.Party, edits int, now time.Time) bool {
	return st.fallen(f, side, parties, edits, now) == ""
}

func (st *state) sessionRequest(f *fit, r *disclosure.AuthRequest) *policy.Request {
	action := policy.Action(r.Action)
	f.revealed = r.Action == disclosure.ActEngage
	var req *policy.Request
	if r.Side == disclosure.Supply {
		req = st.supplyRequest(action, f, r.Now)
		req.Usage = &usage{st: st, exceptHold: string(r.Session.ID())}
	} else {
		req = st.demandRequest(action, f.need, f, r.Now)
	}
	st.dealOf(&r.Session).Facts[r.Side.Other()].apply(req)
	if f.revealed {
		req.Withheld = nil
		req.Attrs["counterparty.group"] = policy.String(r.Session.Proposal.Parties[r.Side.Other()].Group)
	}
	req.Requested = r.Session.Proposal.At // both employers are asked from then on
	req.Approvals, req.RolesNow = st.ballots(req.Employer, r.Votes), st.rolesNow(req.Employer, r.Votes)
	req.Binding = st.rules.Digest(req.Employer)
	return req
}

// seatable refuses a vote that could not count: nobody waits for it, or the
// voter is kept apart from this decision.
func (st *state) seatable(req policy.Request, opened disclosure.Digest, r *disclosure.AuthRequest, f *fit) error {
	req.Approvals = st.ballots(req.Employer, nil)
	d := st.decideSince(&req, opened)
	if d.Outcome == policy.Deny {
		return nil // the verdict says so; no seat is the reason
	}
	seated := func(due *policy.Due) bool {
		return len(sharedRoles(due.Seats, r.Cast.Roles)) > 0 && !keptApart(due.Not, r.Cast.Actor, st.asker(r.Side, f), f)
	}
	if r.Cast.Under != "" {
		seats := st.seats(&req, opened, ballot(*r.Cast))
		seated = func(due *policy.Due) bool { return slices.Contains(seats, due.Requirement) }
	}
	for _, due := range d.Due {
		if r.Cast.Requirement != "" && r.Cast.Requirement != due.Requirement {
			continue
		}
		if seated(&due) {
			return nil
		}
	}
	return disclosure.ErrPolicy
}

func keptApart(not []string, person, requester string, f *fit) bool {
	return slices.Contains(not, "requester") && person == requester ||
		slices.Contains(not, "offered_person") && person == f.off.Person
}

// reserver books capacity: its records go into the same batch as the session
// event they belong to, with the version of the offer's stream they were
// decided on.
type reserver struct{ x *Exchange }

// Reserve holds the hours. While a share is missing of an employer whose rules
// alone approved, there is no reveal, in the shape of hours that are gone.
func (r reserver) Reserve(ctx context.Context, s disclosure.State, until time.Time) (disclosure.Record, error) {
	r.x.mu.RLock()
	defer r.x.mu.RUnlock()
	st := r.x.st
	if ss := st.sessions[s.ID()]; ss != nil && !ss.handedOver(ctx, &s) {
		return disclosure.Record{}, disclosure.ErrNoCapacity
	}
	f, ok := st.sessionFit(&s)
	if !ok || !st.offers[f.off.ID].live {
		return disclosure.Record{}, disclosure.ErrNoCapacity
	}
	if !st.mayHold([]booking{bookingFor(&s)}, maxTime(st.now, s.RevealedAt)) {
		return disclosure.Record{}, disclosure.ErrNoCapacity // to say more would tell that all others have consented
	}
	n := *f.need
	if n.Quantity.Weeks == 0 {
		n.Quantity.Value = f.plan.Amount // a part that was agreed on is the whole now
	}
	plan, err := st.book.Plan(f.off, &n, maxTime(st.now, s.RevealedAt))
	if err != nil {
		return disclosure.Record{}, disclosure.ErrNoCapacity
	}
	slots, ok := firstSlots(plan.Slots, f.plan.Amount)
	if !ok {
		return disclosure.Record{}, disclosure.ErrNoCapacity
	}
	p := s.Proposal
	return st.record("offer/"+p.Offer, st.subjectsOf(p.Offer), &holdProvisional{Hold: match.Hold{
		ID: string(s.ID()), Offer: p.Offer, Session: string(s.ID()), Firm: p.Parties[disclosure.Supply].Firm,
		Person: f.off.Person, Category: f.off.Category, // who asked is the session's to say, and is erased with it
		Slots: slots, Amount: f.plan.Amount, Provisional: true, Until: until,
	}})
}

// firstSlots are the earliest slots that add up to exactly what was agreed:
// more may have become free since, and a part of some weeks stays that part.
func firstSlots(slots []match.Slot, agreed match.Amount) ([]match.Slot, bool) {
	var sum match.Amount
	for i, s := range slots {
		if sum += s.Amount; sum >= agreed {
			return slots[:i+1], sum == agreed
		}
	}
	return nil, false
}

func (r reserver) Firm(_ context.Context, s disclosure.State) (disclosure.Record, error) {
	r.x.mu.RLock()
	defer r.x.mu.RUnlock()
	if _, held := r.x.st.book.Hold(string(s.ID())); !held {
		return disclosure.Record{}, disclosure.ErrNoCapacity
	}
	return r.x.st.record("offer/"+s.Proposal.Offer, nil, &holdFirmed{Hold: string(s.ID())})
}

// Release gives back what has not been worked yet: everything before the
// start of the engagement, after it the slots from its end on. What lies inside
// a notice stays: it is paid for.
func (r reserver) Release(_ context.Context, s disclosure.State, why string) (disclosure.Record, error) {
	r.x.mu.RLock()
	defer r.x.mu.RUnlock()
	if _, held := r.x.st.book.Hold(string(s.ID())); !held {
		return disclosure.Record{}, nil
	}
	ev := &holdReleased{Hold: string(s.ID()), Why: why}
	if !s.StartedAt.IsZero() {
		ev.From = s.EndedAt
	}
	if ss := r.x.st.sessions[s.ID()]; ss != nil && !s.EngagedAt.IsZero() {
		if until, _ := ss.ends(); !until.IsZero() && !until.After(s.EndedAt) {
			ev.From = until
		}
	}
	return r.x.st.record("offer/"+s.Proposal.Offer, nil, ev)
}

// record makes a market event ride in a session's batch.
func (st *state) record(stream string, subjects []string, b body) (disclosure.Record, error) {
	data, err := encodeEvent("", "", time.Time{}, b)
	if err != nil {
		return disclosure.Record{}, err
	}
	return disclosure.Record{Stream: stream, Type: b.kind(), Data: data, Subjects: subjects, Expect: st.versions[stream], Check: true}, nil
}
