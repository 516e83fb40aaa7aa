package csss

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// Effect is one thing of a firm that other rules would decide otherwise.
type Effect struct {
	Kind     EffectKind      `json:"kind"`
	Firm     string          `json:"firm"`
	ID       string          `json:"id"` // of the offer or need; else the firm's own handle of the session
	Category string          `json:"category"`
	Action   policy.Action   `json:"action"`            // the step that was asked
	Old      policy.Outcome  `json:"old"`               // under the rules in force
	New      policy.Outcome  `json:"new"`               // under the others
	OldDue   []string        `json:"old_due,omitempty"` // approvals that wait
	NewDue   []string        `json:"new_due,omitempty"`
	Reasons  []policy.Reason `json:"reasons,omitempty"` // of the new outcome; without those that tell of the other side
}

// EffectKind says what an [Effect] is about.
type EffectKind string

// The things that rules decide about.
const (
	OfferEffect      EffectKind = "offer"      // may it be published?
	NeedEffect       EffectKind = "need"       // may it be registered?
	SessionEffect    EffectKind = "session"    // may it go on, to the reveal or to the terms?
	EngagementEffect EffectKind = "engagement" // could it be entered today?
)

// Effects is what other rules would change.
type Effects struct {
	Asked int      `json:"asked"`          // offers, needs, sessions and engagements that were decided twice
	List  []Effect `json:"list,omitempty"` // those that differ, by kind, firm and id
}

// Rules returns the rules of a firm that are in force, for the operator and the
// firm's people; an empty set where there are none.
//
// Errors: ErrNotFound, also for another firm.
func (x *Exchange) Rules(by By, firm string) (*policy.Set, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	f := x.st.firms[firm]
	if f == nil || by.operator() != nil && (by.Firm != firm || !x.st.employs(firm, by.Person)) {
		return nil, ErrNotFound
	}
	if f.rules == nil {
		return policy.Compile(x.st.schema)
	}
	return f.rules, nil
}

// Effects tells which live offers and needs, open sessions and running
// engagements of the firms that a set has documents of would be decided
// otherwise, if its documents came into force now. A session is decided as
// [Exchange.SetPolicy] would leave it: the rules under which it opened still
// count, and votes that were given before must be given again. Nothing changes,
// and nothing is logged. It costs up to four decisions for each thing of these firms.
//
// It is for the operator alone. Whoever can ask it with rules of their own
// making, any number of times, learns what the other side of a session brought
// into it; SetPolicy leaves a trace.
//
// Errors: ErrNotYours, and *InputError for no set.
func (x *Exchange) Effects(by By, next *policy.Set) (Effects, error) {
	if err := by.operator(); err != nil {
		return Effects{}, err
	}
	if next == nil {
		return Effects{}, &InputError{Field: "next", Limit: "must be given"}
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	then := *x.st
	then.rules = next
	e := effects{st: x.st, then: &then, at: x.st.clamp(by.At)}
	for _, firm := range next.Employers() {
		if f := x.st.firms[firm]; f != nil {
			e.firm(f)
		}
	}
	slices.SortStableFunc(e.List, func(a, b Effect) int {
		return cmp.Or(cmp.Compare(effectOrder(a.Kind), effectOrder(b.Kind)), cmp.Compare(a.Firm, b.Firm), cmp.Compare(a.ID, b.ID))
	})
	return e.Effects, nil
}

func effectOrder(k EffectKind) int {
	return slices.Index([]EffectKind{OfferEffect, NeedEffect, SessionEffect, EngagementEffect}, k)
}

// effects is one run of [Exchange.Effects].
type effects struct {
	Effects
	st   *state
	then *state // the same under the other rules
	at   time.Time

	stands func(one Effect, answer policy.Explanation) // asked instead of what differs; nil: what differs
}

// firm asks about everything of one firm.
func (e *effects) firm(f *firmState) {
	for _, id := range e.st.offerIDs() {
		if e.st.offers[id].offer.Firm == f.firm.ID {
			e.offer(id)
		}
	}
	for _, n := range e.st.needs {
		if n.live && n.need.Firm == f.firm.ID {
			e.need(&n.need)
		}
	}
	for _, id := range e.st.sessionIDs() {
		for side, party := range e.st.sessions[id].state.Proposal.Parties {
			if party.Firm == f.firm.ID {
				e.session(id, disclosure.Side(side))
			}
		}
	}
}

func (e *effects) offer(id string) {
	if req, ok := e.st.publishedUnder(id, e.at); ok {
		e.note(Effect{Kind: OfferEffect, ID: id}, req, e.st.decide(req), e.then.decide(req))
	}
}

func (e *effects) need(n *match.Need) {
	req := e.st.registeredUnder(n, e.at)
	e.note(Effect{Kind: NeedEffect, ID: n.ID}, req, e.st.decide(req), e.then.decide(req))
}

// session asks about one side's next step in a session.
func (e *effects) session(id disclosure.SessionID, side disclosure.Side) {
	q, ok := e.st.nextStep(id, side, e.at)
	if !ok {
		return
	}
	after := *q.req
	after.Binding = e.then.rules.Digest(q.req.Employer)
	var answer policy.Explanation
	if q.req.Action == policy.Engage { // both know each other; the rules of the day decide alone
		answer = e.then.decide(&after)
	} else {
		answer = e.then.decideSince(&after, q.opened)
	}
	e.note(Effect{Kind: q.kind, ID: string(disclosure.HandleOf(id, side.Other()))}, q.req, e.st.decideSince(q.req, q.opened), answer)
}

// publishedUnder is what the rules would be asked, were a live offer published
// now; false for one that could not be published by any rules.
func (st *state) publishedUnder(id string, at time.Time) (*policy.Request, bool) {
	o := st.offers[id]
	if !o.live {
		return nil, false
	}
	req, err := st.publishRequest(&o.offer, o.publisher, st.roles(o.offer.Firm, o.publisher), at)
	return req, err == nil
}

// registeredUnder is what the rules would be asked, were a need registered now.
func (st *state) registeredUnder(n *match.Need, at time.Time) *policy.Request {
	return st.demandRequest(policy.Register, n, nil, at)
}

// sideQuestion is what a side's rules are asked about a session.
type sideQuestion struct {
	kind   EffectKind
	req    *policy.Request
	opened disclosure.Digest // the rules that it began under
}

// nextStep is what a side's rules are asked about the next step of a session,
// or about an engagement as it is; false where nothing is to come.
func (st *state) nextStep(id disclosure.SessionID, side disclosure.Side, at time.Time) (sideQuestion, bool) {
	ss := st.sessions[id]
	kind, action := SessionEffect, disclosure.ActReveal
	switch ss.state.Phase {
	case disclosure.Revealed:
		action = disclosure.ActEngage
	case disclosure.Engaged, disclosure.Started:
		kind, action = EngagementEffect, disclosure.ActEngage
	case disclosure.Completed, disclosure.Closed:
		return sideQuestion{}, false
	}
	f, ok := st.sessionFit(&ss.state)
	if !ok {
		return sideQuestion{}, false
	}
	live := slices.DeleteFunc(slices.Clone(ss.state.Sides[side].Votes), func(v disclosure.Vote) bool { return !at.Before(v.Expires) })
	req := st.sessionRequest(f, &disclosure.AuthRequest{Session: ss.state, Side: side, Action: action, Votes: live, Now: at})
	opened := ss.deal.Rules[side]
	if action == disclosure.ActEngage {
		opened = st.inForce(req.Employer)
	}
	return sideQuestion{kind, req, opened}, true
}

// note adds an effect where two answers differ.
func (e *effects) note(one Effect, req *policy.Request, old, new policy.Explanation) {
	e.Asked++
	one.Firm, one.Category, one.Action = req.Employer, req.Category, req.Action
	if e.stands != nil {
		e.stands(one, old)
		return
	}
	if old.Outcome == new.Outcome && slices.Equal(requirements(old), requirements(new)) && !revoted(old, new) {
		return
	}
	old, new = old.Untainted(), new.Untainted()
	one.Old, one.New = old.Outcome, new.Outcome
	one.OldDue, one.NewDue, one.Reasons = requirements(old), requirements(new), new.Reasons
	e.List = append(e.List, one)
}

// revoted reports whether votes that count now would not count then.
func revoted(old, new policy.Explanation) bool {
	return slices.ContainsFunc(new.Due, func(d policy.Due) bool {
		return slices.ContainsFunc(old.Due, func(was policy.Due) bool { return was.Requirement == d.Requirement && was.Have > d.Have })
	})
}

// requirements are the approvals that an answer waits for, as far as they may
// be named.
func requirements(d policy.Explanation) []string {
	var list []string
	for _, due := range d.Due {
		if due.Requirement != "" {
			list = append(list, due.Requirement)
		}
	}
	slices.SortFunc(list, strings.Compare)
	return list
}
