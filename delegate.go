package csss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/policy"
)

// This file lets people vote for each other. A hand-over is a fact of the
// ledger; what it is worth is the fold of package policy, each time anew.

// HandOver is what a person lets another one of the firm decide in their place.
type HandOver struct {
	ID          string         `json:"id"`                    // unique in the firm, for ever
	To          string         `json:"to"`                    // person
	Requirement string         `json:"requirement,omitempty"` // an approval of the firm's rules; empty = any
	Roles       []string       `json:"roles,omitempty"`       // whose seats To may fill; empty = all that the giver has
	Under       string         `json:"under,omitempty"`       // the hand-over by which the giver has them; empty = the giver's own
	Depth       int            `json:"depth,omitempty"`       // how often To may hand them on
	Categories  []string       `json:"categories,omitempty"`  // only for these; empty = all
	Bounds      []policy.Bound `json:"bounds,omitempty"`      // only within these, none of them on the other side or the distance to it
	Until       time.Time      `json:"until"`                 // exclusive; required
}

// Delegate records that a person lets somebody else of the firm vote in their
// place, from now on and for any deal, as far as the firm's rules let an
// approval be handed on. It takes nothing from the giver: their own word goes
// before that of whoever stands in for them, and all of them together fill one
// seat. Who asked for a deal, or is offered in it, cannot decide about it
// through others either.
//
// Errors: *InputError names what would give nothing: an approval that may not
// be handed on, roles that the giver does not have, too great a depth;
// ErrNotFound for somebody who is not of the firm, ErrExists, ErrNotYours for a
// giver who is not, ErrKeyReused, and the ledger's.
func (x *Exchange) Delegate(ctx context.Context, by By, h HandOver) (Receipt, error) {
	return x.command(ctx, by, "delegate", h, func(st *state, at time.Time) ([]event, error) {
		return st.decideHandOver(by, &h, at)
	})
}

func (st *state) decideHandOver(by By, h *HandOver, at time.Time) ([]event, error) {
	f := st.firms[by.Firm]
	stream := "hand-over/" + by.Firm + "/" + h.ID
	switch {
	case !st.employs(by.Firm, by.Person):
		return nil, ErrNotYours
	case !st.employs(by.Firm, h.To):
		return nil, ErrNotFound
	case st.versions[stream] > 0:
		return nil, ErrExists
	}
	if err := openBounds("hand_over", h.Bounds); err != nil {
		return nil, err
	}
	if len(lastingHandOvers(st.handOvers[by.Firm], at)) >= maxHanded {
		return nil, &InputError{Field: "hand_over", Limit: fmt.Sprintf("the firm has %d that have not ended: no more", maxHanded)}
	}
	e := policy.ApprovalEvent{ID: h.ID, Kind: policy.ApprovalDelegated, Employer: by.Firm, Requirement: h.Requirement,
		Person: by.Person, Roles: h.Roles, Under: h.Under, At: at, To: h.To, Until: h.Until.UTC().Round(0), Depth: h.Depth,
		Categories: h.Categories, Bounds: h.Bounds}
	held := st.roles(by.Firm, by.Person)
	if h.Under != "" {
		held = st.handedOver(by.Firm, h.Under).Roles
	}
	if len(e.Roles) == 0 {
		e.Roles = held
	}
	for _, role := range e.Roles {
		if !slices.Contains(held, role) {
			return nil, &InputError{Field: "hand_over.roles", Value: role, Limit: "must be the giver's"}
		}
	}
	if err := f.ownRules(st).CheckHandOver(st.handOvers[by.Firm], e); err != nil {
		return nil, requestFault("hand_over", err)
	}
	return []event{{stream: stream, fresh: true, subjects: []string{by.Firm, by.Person, h.To}, body: &authorityHanded{e}}}, nil
}

// Undelegate takes a hand-over back, and with it all that was handed on below
// it: votes under it do not count any more. It is for whoever gave it, gave
// what it hangs on, or is the firm's owner or operations director. The ledger
// keeps that it was taken back, and not by whom: erasing that person must not
// bring it back.
//
// Errors: ErrNotFound for none in force, ErrNotYours, ErrKeyReused, and the
// ledger's.
func (x *Exchange) Undelegate(ctx context.Context, by By, id string) (Receipt, error) {
	return x.command(ctx, by, "undelegate", id, func(st *state, at time.Time) ([]event, error) {
		switch {
		case !st.employs(by.Firm, by.Person):
			return nil, ErrNotYours
		case st.handedOver(by.Firm, id).ID == "" || st.handBack(by.Firm, id):
			return nil, ErrNotFound
		case !st.governs(by.Firm, by.Person) && !st.handedDown(by.Firm, id, by.Person):
			return nil, ErrNotYours
		}
		e := policy.ApprovalEvent{ID: "revoked/" + id, Kind: policy.ApprovalRevoked, Employer: by.Firm, Revokes: id, At: at}
		return []event{{stream: "hand-over/" + by.Firm + "/" + id, subjects: []string{by.Firm}, body: &authorityHanded{e}}}, nil
	})
}

// handedOver is the hand-over with an id; an empty one if there is none.
func (st *state) handedOver(firm, id string) (none policy.ApprovalEvent) {
	for _, e := range st.handOvers[firm] {
		if e.Kind == policy.ApprovalDelegated && e.ID == id {
			return e
		}
	}
	return none
}

// handBack reports whether a hand-over was taken back.
func (st *state) handBack(firm, id string) bool {
	return slices.ContainsFunc(st.handOvers[firm], func(e policy.ApprovalEvent) bool { return e.Revokes == id })
}

// handedDown reports whether a person gave a hand-over, or one that it hangs on.
// Each hangs on one from before it, so that this ends.
func (st *state) handedDown(firm, id, person string) bool {
	for e := st.handedOver(firm, id); e.ID != ""; e = st.handedOver(firm, e.Under) {
		if e.Person == person {
			return true
		}
	}
	return false
}

// authorityHanded is one event of package policy about hand-overs.
type authorityHanded struct {
	policy.ApprovalEvent
}

func (ev *authorityHanded) kind() string { return string(ev.Kind) }

func (ev *authorityHanded) fold(st *state, _ ledger.Entry) {
	st.handOvers[ev.Employer] = append(lastingHandOvers(st.handOvers[ev.Employer], ev.At), ev.ApprovalEvent)
}

// maxHanded bounds the hand-overs of a firm that have not ended, and likewise
// its grants: every decision about the firm folds them, in other firms' searches
// too.
const maxHanded = 1000

// lastingHandOvers leaves out what has ended, which is worth nothing any more.
func lastingHandOvers(events []policy.ApprovalEvent, now time.Time) []policy.ApprovalEvent {
	list := slices.DeleteFunc(slices.Clone(events), func(e policy.ApprovalEvent) bool {
		return e.Kind == policy.ApprovalDelegated && !now.Before(e.Until)
	})
	lasting := map[string]bool{}
	for _, e := range list {
		lasting[e.ID] = true
	}
	return slices.DeleteFunc(list, func(e policy.ApprovalEvent) bool { return e.Kind == policy.ApprovalRevoked && !lasting[e.Revokes] })
}

// ownRules are the firm's rules in force; the empty set without any.
func (f *firmState) ownRules(st *state) *policy.Set {
	if f == nil || f.rules == nil {
		return st.noRules
	}
	return f.rules
}

// requestFault gives package policy's word for a field its place in the
// argument of a command.
func requestFault(argument string, err error) error {
	fault, ok := errors.AsType[*policy.RequestError](err)
	if !ok {
		return err
	}
	return &InputError{Field: argument + "." + fault.Field, Limit: fault.Text}
}

// openBounds refuses bounds on what tells of the other side. Whoever could give
// them at any time, one after the other, would sound it out: rules that weigh
// it are written down, counted, and held against what began before them.
func openBounds(argument string, bounds []policy.Bound) error {
	for _, b := range bounds {
		if hidden(b.Attr) {
			return &InputError{Field: argument + ".bounds", Value: b.Attr, Limit: "may be bounded by the firm's rules alone"}
		}
	}
	return nil
}

// ballots are the events that a side's approvals are folded from: the firm's
// hand-overs, then the votes of a session.
func (st *state) ballots(firm string, votes []disclosure.Vote) []policy.ApprovalEvent {
	list := slices.Clone(st.handOvers[firm])
	for i, v := range votes {
		e := ballot(v)
		e.ID, e.Employer = "vote/"+strconv.Itoa(i), firm
		list = append(list, e)
	}
	return list
}

func ballot(v disclosure.Vote) policy.ApprovalEvent {
	e := policy.ApprovalEvent{Kind: policy.ApprovalGranted, Requirement: v.Requirement, Person: v.Actor, Roles: v.Roles,
		Under: v.Under, At: v.At, Binding: v.Policy}
	if v.Deny {
		e.Kind = policy.ApprovalDenied
	}
	return e
}

// rolesNow are the roles today of the people whom a firm's hand-overs, grants
// and votes speak of. Whoever has left is not among them.
func (st *state) rolesNow(firm string, votes []disclosure.Vote) map[string][]string {
	now := map[string][]string{}
	note := func(people ...string) {
		for _, person := range people {
			if st.employs(firm, person) {
				now[person] = st.roles(firm, person)
			}
		}
	}
	for _, e := range st.handOvers[firm] {
		note(e.Person, e.To)
	}
	for _, e := range st.grants[firm] {
		note(e.Person, e.Grant.Person)
	}
	for _, v := range votes {
		note(v.Actor)
	}
	return now
}

// standsIn finds by what a person may vote in a side's session for an approval
// that is due, in another's place: the id of a hand-over or of a grant. An
// empty requirement is any.
func (st *state) standsIn(ss *sessionState, side disclosure.Side, person, requirement string, at time.Time) (under string, ok bool) {
	firm := ss.state.Proposal.Parties[side].Firm
	offices := st.offices(firm, person)
	f, fits := st.sessionFit(&ss.state)
	if len(offices) == 0 || !fits {
		return "", false
	}
	req := st.sessionRequest(f, &disclosure.AuthRequest{Session: ss.state, Side: side, Action: disclosure.ActReveal, Now: at})
	opened := ss.deal.Rules[side]
	for _, due := range st.decideSince(req, opened).Due {
		for _, id := range offices {
			if requirement != "" && requirement != due.Requirement {
				continue
			}
			v := disclosure.Vote{Actor: person, Roles: st.roles(firm, person), Under: id, At: at}
			if slices.Contains(st.seats(req, opened, ballot(v)), due.Requirement) {
				return id, true
			}
		}
	}
	return "", false
}

// offices are what a person was handed, and may vote under.
func (st *state) offices(firm, person string) []string {
	var ids []string
	for _, e := range st.handOvers[firm] {
		if e.To == person {
			ids = append(ids, e.ID)
		}
	}
	roles := st.roles(firm, person)
	for _, e := range st.grants[firm] {
		if e.Kind == policy.GrantDelegated && (e.Grant.Person == person || slices.Contains(roles, e.Grant.Role)) {
			ids = append(ids, e.Grant.ID)
		}
	}
	return ids
}

// seats are the approvals in which a vote could count: by the rules of now, and
// where they have changed since, also by those that a session opened under,
// each asked as [state.decideSince] asks it. Both must be content where both
// ask.
func (st *state) seats(r *policy.Request, opened disclosure.Digest, vote policy.ApprovalEvent) []string {
	now, f := st.inForce(r.Employer), st.firms[r.Employer]
	if now == opened || now == (disclosure.Digest{}) || f == nil || f.past[opened] == nil {
		return st.rules.Seats(r, vote)
	}
	then := *r
	then.Binding = [32]byte{}
	before, after := f.past[opened].Seats(&then, vote), st.rules.Seats(unrevealed(r), vote)
	return slices.DeleteFunc(slices.Concat(before, after), func(id string) bool {
		return requires(f.past[opened], r.Employer, id) && !slices.Contains(before, id) || requires(st.rules, r.Employer, id) && !slices.Contains(after, id)
	})
}

// requires reports whether a firm's rules know an approval.
func requires(set *policy.Set, firm, id string) bool {
	return slices.ContainsFunc(set.Requirements(firm), func(q policy.Requirement) bool { return q.ID == id })
}

// stillVotes reports whether what a vote was given under still lets its voter
// speak: not for one who stood in for somebody and does so no more.
func (st *state) stillVotes(ss *sessionState, side disclosure.Side, v disclosure.Vote, at time.Time) bool {
	f, ok := st.sessionFit(&ss.state)
	if v.Under == "" || !ok {
		return v.Under == ""
	}
	req := st.sessionRequest(f, &disclosure.AuthRequest{Session: ss.state, Side: side, Action: disclosure.ActReveal, Now: at})
	return len(st.seats(req, ss.deal.Rules[side], ballot(v))) > 0
}

// standIn is what a person's vote in a session counts under; empty where it is
// the person's own, or nobody waits for it.
func (x *Exchange) standIn(by By, h disclosure.Handle, requirement string) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ref := x.st.handles[h]
	ss := x.st.sessions[ref.session]
	if ss == nil || ss.state.Proposal.Parties[ref.side].Firm != by.Firm || x.st.seated(ss, ref.side, by, requirement) {
		return ""
	}
	under, _ := x.st.standsIn(ss, ref.side, by.Person, requirement, x.st.clamp(by.At))
	return under
}

// seated reports whether a person's own roles have a seat in what is due.
func (st *state) seated(ss *sessionState, side disclosure.Side, by By, requirement string) bool {
	f, ok := st.sessionFit(&ss.state)
	if !ok {
		return false
	}
	req := st.sessionRequest(f, &disclosure.AuthRequest{Session: ss.state, Side: side, Action: disclosure.ActReveal, Now: st.clamp(by.At)})
	roles := st.roles(by.Firm, by.Person)
	return slices.ContainsFunc(st.decideSince(req, ss.deal.Rules[side]).Due, func(d policy.Due) bool {
		return cmp.Or(requirement, d.Requirement) == d.Requirement && len(sharedRoles(d.Seats, roles)) > 0
	})
}

func sharedRoles(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(role string) bool { return !slices.Contains(b, role) })
}
