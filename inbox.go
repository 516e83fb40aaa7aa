package csss

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/market"
)

// TaskKind says what waits for a person.
type TaskKind string

// The tasks.
const (
	Invitation TaskKind = "invitation" // a party: look at the summary and choose
	Approval   TaskKind = "approval"   // an approver: decide on the brief
	RareOffer  TaskKind = "rare_offer" // an owner: a need fits, and the offer is too rare to be shown without consent
	Accept     TaskKind = "accept"     // a party: both identities are revealed, the terms wait
	Notice     TaskKind = "notice"     // a party: the session was published stale or closed, its own rules suspend it, or its engagement is watched or ends
)

// Task is one thing that waits for a person, with all that may be known about
// it before the reveal.
type Task struct {
	Kind        TaskKind          `json:"kind"`
	Handle      disclosure.Handle `json:"handle"`
	Phase       disclosure.Phase  `json:"phase,omitempty"`
	Requirement string            `json:"requirement,omitempty"` // of an approval
	Seats       []string          `json:"seats,omitempty"`
	Need        int               `json:"need,omitempty"`  // of an approval: votes needed
	Have        int               `json:"have,omitempty"`  // of an approval: votes present
	Under       string            `json:"under,omitempty"` // of an approval: the hand-over or grant by which the person votes; empty = in their own right
	Until       time.Time         `json:"until,omitzero"`  // the session's deadline
	Brief       Brief             `json:"brief"`
	Suspension  Suspension        `json:"suspension,omitzero"` // why the own side cannot go on, see [Status]
	Ends        time.Time         `json:"ends,omitzero"`       // when the engagement ends by notice
}

// Brief is the anonymised statement on which a party or an approver decides.
// The amount is an estimate: the agreed rate, which is shown with the reveal,
// lies inside both sides' bounds and may be above or below the median.
type Brief struct {
	Category     string       `json:"category"`
	Hours        match.Amount `json:"hours,omitempty"`    // own side's figure of what is at stake
	Estimate     int64        `json:"estimate,omitempty"` // median of comparables, cents per hour; 0 = none
	Amount       int64        `json:"amount,omitempty"`   // hours × estimate in cents; without an estimate the need's side reads hours × its own ceiling
	Currency     string       `json:"currency"`
	Template     string       `json:"template"`     // standard terms
	Counterparty []string     `json:"counterparty"` // the other side's frozen summary
	Place        string       `json:"place,omitempty"`
	K            int          `json:"k,omitempty"`         // RareOffer: employers that share the full summary
	Costliest    string       `json:"costliest,omitempty"` // RareOffer: the field that costs most
}

// Inbox lists what waits for a person, oldest deadline first. It is read from
// the state; nothing is logged by looking.
//
// Errors: ErrNotYours for somebody who is not of the firm, the ledger's, and
// ctx's.
func (x *Exchange) Inbox(ctx context.Context, by By) ([]Task, error) {
	x.mu.RLock()
	ours, roles := x.st.employs(by.Firm, by.Person), x.st.roles(by.Firm, by.Person)
	at := x.st.clamp(by.At)
	refs := x.st.sessionsOf(by.Firm)
	tasks := x.st.rareTasks(by, at)
	x.mu.RUnlock()
	if !ours {
		return nil, ErrNotYours
	}
	for _, ref := range refs {
		status, err := x.engine.Status(looking(ctx), ref.session, ref.side, at)
		if errors.Is(err, disclosure.ErrNotFound) {
			continue // erased
		}
		if err != nil {
			return nil, x.sessionError(err)
		}
		x.mu.RLock()
		tasks = append(tasks, x.st.tasks(ref, &status, by.Person, roles, at)...)
		x.mu.RUnlock()
	}
	slices.SortStableFunc(tasks, func(a, b Task) int {
		return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.Handle, b.Handle))
	})
	return tasks, nil
}

// sessionsOf lists the firm's sides of sessions, by handle.
func (st *state) sessionsOf(firm string) []handleRef {
	var out []handleRef
	for _, id := range st.sessionIDs() {
		p := st.sessions[id].state.Proposal
		for side, party := range p.Parties {
			if party.Firm == firm {
				out = append(out, st.handles[disclosure.HandleOf(id, disclosure.Side(side).Other())])
			}
		}
	}
	return out
}

// tasks is what one session asks of one person of a side.
func (st *state) tasks(ref handleRef, s *disclosure.Status, person string, roles []string, at time.Time) []Task {
	ss := st.sessions[ref.session]
	if ss == nil {
		return nil
	}
	t := Task{Handle: s.Handle, Phase: s.Phase, Until: s.Deadline, Brief: st.brief(ss, ref.side)}
	var out []Task
	t.Suspension = st.ownSuspension(ref, s, at)
	if ss.runs() {
		t.Ends, _ = ss.ends()
	}
	party := ss.state.Proposal.Parties[ref.side]
	switch kind, ok := partyTask(s); {
	case party.Actor == person && ok:
		t.Kind = kind
		out = append(out, t)
	case t.Suspension.By == ByPerson && st.governs(party.Firm, person), // who was the party may be gone
		party.Actor == person && (t.Suspension.By != "" || !t.Ends.IsZero()):
		t.Kind = Notice
		out = append(out, t)
	}
	if s.Phase != disclosure.Summarised && s.Phase != disclosure.Proposed {
		return out
	}
	for _, due := range s.Own.Due {
		under, mine := "", len(sharedRoles(due.Roles, roles)) > 0
		if !mine {
			under, mine = st.standsIn(ss, ref.side, person, due.Name, at)
		}
		if mine {
			a := t // named, though what asks for it may read the other side: who approves must know as what
			a.Under = under
			a.Kind, a.Requirement, a.Seats, a.Need, a.Have = Approval, due.Name, due.Roles, due.Need, due.Have
			out = append(out, a)
		}
	}
	return out
}

// partyTask is what a session's phase asks of a party.
func partyTask(s *disclosure.Status) (TaskKind, bool) {
	switch s.Phase {
	case disclosure.Proposed, disclosure.Summarised:
		return Invitation, s.Own.Choice == disclosure.ChoiceNone
	case disclosure.Revealed:
		return Accept, !s.Own.Terms
	case disclosure.Stale, disclosure.Closed:
		return Notice, true
	default:
		return "", false
	}
}

// brief is what a side decides on, in its own figures: the need's side reads
// the quantity it asked for, not what the offer has left of it, and the
// estimate of the category it named, not of the finer one that was offered.
func (st *state) brief(ss *sessionState, side disclosure.Side) Brief {
	d := &ss.deal
	rate := d.Estimate[side]
	b := Brief{Hours: d.Plan.Amount, Estimate: rate, Currency: d.Currency, Template: d.Template,
		Counterparty: slices.Clone(d.Shown[side].Labels), Place: d.Shown[side].Place}
	p := &ss.state.Proposal
	if n := st.needs[p.Need]; n != nil && side == disclosure.Demand {
		b.Category, b.Hours = n.need.Governance, needHours(&n.need)
		if ceiling, ok := n.need.Ceiling.Open(); ok && rate == 0 {
			rate = ceiling // the own most, for want of comparables
		}
	}
	if o := st.offers[p.Offer]; o != nil && side == disclosure.Supply {
		b.Category = o.offer.Category
	}
	b.Amount = market.Fee(rate, int64(b.Hours))
	return b
}

// rareTasks asks owners of offers that fit a need and are too rare to be
// shown. The owner sees the need's summary first.
func (st *state) rareTasks(by By, at time.Time) []Task {
	var out []Task
	for _, id := range st.rare {
		ref := st.handles[disclosure.HandleOf(id, disclosure.Demand)]
		c := ref.candidate
		if len(c.Summary) > 0 || !st.owns(by, c.Offer) || !st.mayConsent(st.offers[c.Offer], by) || !st.consentable(ref, at) {
			continue
		}
		p, err := st.preview(c.Offer, at)
		if err != nil {
			continue
		}
		o := &st.offers[c.Offer].offer
		out = append(out, Task{Kind: RareOffer, Handle: c.supplyHandle(), Brief: Brief{
			Category: o.Category, Hours: c.Plan.Amount, Currency: o.Currency,
			Counterparty: slices.Clone(c.Asks.Labels), Place: c.Asks.Place, K: p.K, Costliest: p.Costliest}})
	}
	return out
}

// owns reports whether a person of the firm asks about a live offer of it.
func (st *state) owns(by By, offer string) bool {
	o := st.offers[offer]
	return o != nil && o.live && o.offer.Firm == by.Firm && st.employs(by.Firm, by.Person)
}

// consentable reports whether a consent would still be about what was
// proposed: these revisions, within the time that a first answer stands, and
// with both employers' leave to show a summary.
func (st *state) consentable(ref handleRef, at time.Time) bool {
	c := ref.candidate
	o, n := st.offers[c.Offer], st.needs[ref.need]
	if o == nil || n == nil || !o.live || !n.live || o.offer.Revision != c.Rev || n.need.Revision != ref.needRev {
		return false
	}
	return at.Before(ref.until) &&
		st.mayMeet(&fit{need: &n.need, off: &o.offer, plan: &c.Plan, mode: c.Mode}, c.Rules, at)
}

// mayConsent: an offered person decides alone; else whoever published.
func (st *state) mayConsent(o *offerState, by By) bool {
	if o.offer.Person != "" {
		return by.Person == o.offer.Person
	}
	return by.Person == o.publisher
}

// ConsentSummary lets the owner of a rare offer show one counterparty a
// summary that fewer than K employers share. The owner was told how few, and
// which field costs most, by the task; both are logged with the consent. The
// summary is bound to this offer revision and this counterparty and is used
// for nothing else. Whoever may not consent any more is not asked either: the
// task goes when the offer or the need is revised or withdrawn, when
// Config.Window has passed since the match, and when an employer's rules no
// longer permit a summary.
//
// Errors: ErrNotFound, ErrNotYours, ErrUnavailable when it is too late,
// ErrTooRare when even this would name the owner, ErrKeyReused, and the
// ledger's.
func (x *Exchange) ConsentSummary(ctx context.Context, by By, h disclosure.Handle) (Receipt, error) {
	return x.command(ctx, by, "consent", h, func(st *state, at time.Time) ([]event, error) {
		ref, ok := st.handles[h]
		if !ok || ref.side != disclosure.Supply {
			return nil, ErrNotFound
		}
		c := ref.candidate
		if len(c.Summary) > 0 || !st.owns(by, c.Offer) {
			return nil, ErrNotFound
		}
		if !st.mayConsent(st.offers[c.Offer], by) {
			return nil, ErrNotYours
		}
		if !st.consentable(ref, at) {
			return nil, ErrUnavailable
		}
		p, err := st.preview(c.Offer, at)
		if err != nil {
			return nil, err
		}
		f, err := st.summaries.ConsentedSummary(c.Offer, st.viewer(st.needs[ref.need].need.Firm), p.K, string(ref.session), at)
		if errors.Is(err, disclosure.ErrTooRare) || errors.Is(err, disclosure.ErrInvalid) {
			return nil, ErrTooRare // by k′ as it is, or by any
		}
		if err != nil {
			return nil, fmt.Errorf("csss: summary: %w", err)
		}
		stream := "summary/" + c.Offer
		return []event{{stream: stream, expect: ledger.Exactly(st.versions[stream]), subjects: append(st.subjectsOf(c.Offer), st.needs[ref.need].need.Firm),
			body: &summaryConsented{Session: ref.session, Cost: p.Costliest, Frozen: f}}}, nil
	})
}
