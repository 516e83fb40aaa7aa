package disclosure

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// HoldAnswer is what the reserver said.
type HoldAnswer uint8

// The zero answer keeps the door shut.
const (
	HoldRefused HoldAnswer = iota
	HoldGranted
)

// Env is everything Decide needs to know beside the state and the command.
type Env struct {
	Now      time.Time
	Verdicts [2]Verdict // at the action the command leads to, with the vote being cast
	Hold     HoldAnswer // to the reservation, or to its confirmation, that the command leads to
}

// Decide says which events a command brings about: first those that are due
// at env.Now, then its own. It is pure, and costs a few comparisons, and two
// hashes where the command is accepted. A command whose id this actor has already used for the same command
// brings about nothing.
//
// The errors are [ErrNotFound], [*PhaseError] (with [ErrNotAllowed] or
// [ErrClosed]), [ErrStale], [ErrExpired], [ErrBudget], [*PolicyError] and
// [*FieldError]; with an error there are no events. Errors and events of the
// caller's side depend on that side's own moves and on the published phase.
func Decide(s State, c Command, env Env) ([]Event, error) {
	d, err := admit(s, c, env)
	if err != nil || d.repeated {
		return nil, err
	}
	if err := d.row.rule(d); err != nil {
		return nil, err
	}
	return d.events, nil
}

// decision is one command being decided: the state as it stands, what is
// emitted so far, and the row that governs.
type decision struct {
	s        State
	c        Command
	env      Env
	seq      uint64
	row      Row
	events   []Event
	repeated bool
}

// admit checks who asks, which command it repeats, what is due, and that the
// table has a rule.
func admit(s State, c Command, env Env) (*decision, error) {
	if s.Phase == 0 || c.Session != s.ID() || c.Side > Demand {
		return nil, ErrNotFound
	}
	by, known := givers[c.Kind]
	if !known {
		return nil, &FieldError{Field: "kind", Want: "a command of this package"}
	}
	party := s.Proposal.Parties[c.Side]
	if by == BySystem {
		c.Actor = ""
	} else if c.Firm != "" && c.Firm != party.Firm || by == ByParty && party.Actor != "" && party.Actor != c.Actor {
		return nil, ErrNotFound
	}
	d := &decision{s: s, c: c, env: env}
	actor := s.Actors[c.Actor]
	if was, ok := actor.Digests[c.ID]; ok {
		if was != c.digest() {
			return nil, ErrStale
		}
		d.repeated = true
		return d, nil
	}
	if d.seq = c.Seq; d.seq == 0 {
		d.seq = actor.Seq + 1
	} else if d.seq <= actor.Seq {
		return nil, ErrStale
	}
	d.events = Due(s, env.Now)
	d.s = fold(s, d.events)
	phase := d.s.Phase
	if by != BySystem {
		phase = d.s.published(c.Side)
	}
	d.row = table[index(phase, c.Kind)]
	if !d.row.Allowed {
		return nil, d.refuse(d.row.Reason)
	}
	return d, nil
}

// published returns the phase as one side may know it: before the close of a
// session that a side leaves is published, only that side sees it closed.
func (s State) published(side Side) Phase {
	if s.Sides[side].Leaving != "" {
		return Closed
	}
	return s.Phase
}

// digest identifies what a command asks for, so that an id used for something
// else is noticed. The clocks, the sequence number, and what a consent merely
// keeps (its rules, its lapse and in whose place it was given, which a host
// derives from the moment) are left out: a client that lost its answer may send them anew.
func (c Command) digest() Digest {
	c.At, c.Said, c.Seq = time.Time{}, time.Time{}, 0
	c.Bind.Policy, c.Bind.Expires, c.Under = Digest{}, time.Time{}, ""
	h := sha256.New()
	_ = json.NewEncoder(h).Encode(c) // strings, numbers and times always encode
	return Digest(h.Sum(nil))
}

func (d *decision) refuse(reason string) error {
	p := d.s.Phase
	if d.row.By != BySystem {
		p = d.s.published(d.c.Side)
	}
	return &PhaseError{Phase: p, Kind: d.c.Kind, Reason: reason}
}

// emit adds an event and folds it.
func (d *decision) emit(e Event) {
	if e.At.IsZero() {
		e.At = d.env.Now
	}
	d.events = append(d.events, e)
	d.s = Evolve(d.s, e)
}

// own adds the event that answers the command and earns the receipt.
func (d *decision) own(e Event) {
	e.Kind, e.Side, e.Actor, e.Command = d.c.Kind, d.c.Side, d.c.Actor, d.c.ID
	e.Digest, e.Seq, e.Reason, e.Said = d.c.digest(), d.seq, d.c.Reason, d.c.Said
	d.emit(e)
}

func (d *decision) side() *SideState { return &d.s.Sides[d.c.Side] }
func (d *decision) verdict() Verdict { return d.env.Verdicts[d.c.Side] }

func (d *decision) publish() error {
	if d.c.Bind.Summary.IsZero() || !d.s.Summaries[d.c.Side].IsZero() {
		return ErrStale
	}
	d.own(Event{Type: SummaryAttached, Bind: Binding{Summary: d.c.Bind.Summary}})
	if !d.s.Summaries[d.c.Side.Other()].IsZero() {
		d.emit(Event{Type: SummariesPublished})
	}
	return nil
}

// consent checks what an opt-in and an approval have in common and returns
// when it lapses.
func (d *decision) consent() (until time.Time, err error) {
	want := d.s.Binding(d.c.Side)
	if d.c.Bind.Summary != want.Summary || d.c.Bind.Terms != want.Terms {
		return until, ErrStale
	}
	limit := d.s.Deadline
	if d.s.Phase == Revealed {
		limit = d.s.HoldUntil
	}
	if until = d.c.Bind.Expires; until.IsZero() {
		until = limit
	}
	until = earlier(until, d.s.HardExpiry)
	if !d.env.Now.Before(limit) || !d.env.Now.Before(until) {
		return until, ErrExpired
	}
	if v := d.verdict(); !v.Allowed {
		return until, &PolicyError{Version: v.Version, Due: v.Due, Rule: RuleNotAllowed}
	}
	return until, nil
}

func (d *decision) optIn() error {
	until, err := d.consent()
	if err != nil {
		return err
	}
	if d.side().Flips >= d.s.Proposal.Flips {
		return ErrBudget
	}
	d.own(Event{Type: ChoiceSealed, Bind: d.c.Bind, Until: until})
	if d.satisfied(d.c.Side) {
		d.recordAuto(d.c.Side)
	}
	d.settleReveal()
	return nil
}

func (d *decision) optOut() error {
	if d.side().Choice != ChoiceIn && d.side().Flips >= d.s.Proposal.Flips {
		return ErrBudget
	}
	d.own(Event{Type: ChoiceSealed})
	return nil
}

// leave ends a session before the reveal: sealed, and published at a slot.
func (d *decision) leave() error {
	if d.side().Leaving != "" {
		return ErrClosed
	}
	d.own(Event{Type: ChoiceSealed, Cause: cause[d.c.Kind], Until: nextSlot(d.env.Now, d.s.Proposal.Slot)})
	return nil
}

var cause = map[Kind]string{Withdraw: "withdrawn", Abort: "aborted", RevokeAuth: "revoked"}

// end closes a session after the reveal, for both at once.
func (d *decision) end() error {
	t := SessionClosed
	if d.s.Phase != Revealed {
		t = EngagementTerminated
	}
	d.own(Event{Type: t, Cause: cause[d.c.Kind]})
	return nil
}

// separate keeps the offered person from approving in the employer's place.
func (d *decision) separate() error {
	if p := d.s.Proposal.Parties[d.c.Side]; p.Person && p.Actor == d.c.Actor {
		return &PolicyError{Version: d.verdict().Version, Rule: RuleSeparation}
	}
	return nil
}

func (d *decision) vote() error {
	if err := d.separate(); err != nil {
		return err
	}
	until, err := d.consent()
	if err != nil {
		return err
	}
	v := d.verdict()
	d.own(Event{Type: AuthorizationSealed, Bind: d.c.Bind, Until: until, Roles: slices.Clone(d.c.Roles), Under: d.c.Under,
		Requirement: d.c.Requirement, Policy: v.Policy, Version: v.Version})
	return nil
}

func (d *decision) authorize() error {
	if err := d.vote(); err != nil {
		return err
	}
	d.settleReveal()
	return nil
}

func (d *decision) countersign() error {
	if err := d.vote(); err != nil {
		return err
	}
	d.settleEngagement()
	return nil
}

func (d *decision) deny() error {
	if err := d.separate(); err != nil {
		return err
	}
	d.own(Event{Type: AuthorizationSealed, Until: d.s.HardExpiry, Roles: slices.Clone(d.c.Roles), Requirement: d.c.Requirement})
	return nil
}

// satisfied reports whether a side's employer has authorised: by its rules'
// verdict over the standing votes, and with no denial or revocation since.
func (d *decision) satisfied(side Side) bool {
	v := d.env.Verdicts[side]
	return v.Allowed && v.Satisfied && !d.s.Sides[side].Blocked
}

// recordAuto logs an authorisation that needed no vote. The log then holds
// four consents for every reveal.
func (d *decision) recordAuto(side Side) {
	v, st := d.env.Verdicts[side], d.s.Sides[side]
	if st.Auto && st.Policy == v.Policy || len(standing(st.Votes, d.env.Now)) > 0 {
		return
	}
	d.emit(Event{Type: AuthorizationSealed, Kind: Authorize, Side: side, Auto: true, Policy: v.Policy, Version: v.Version})
}

// standing returns the votes that have not expired.
func standing(votes []Vote, now time.Time) []Vote {
	return slices.DeleteFunc(slices.Clone(votes), func(v Vote) bool { return !now.Before(v.Expires) })
}

// settleReveal reveals if everything is there. A side whose own rules no
// longer allow the session leaves it, sealed, like a withdrawal.
func (d *decision) settleReveal() {
	ready := d.s.consented(d.env.Now)
	for _, side := range []Side{Supply, Demand} {
		if !d.env.Verdicts[side].Allowed && d.s.Sides[side].Leaving == "" {
			d.emit(Event{Type: ChoiceSealed, Kind: Abort, Side: side, Cause: "policy", Until: nextSlot(d.env.Now, d.s.Proposal.Slot)})
		}
		ready = ready && d.satisfied(side)
	}
	if !ready || d.env.Hold != HoldGranted {
		return
	}
	e := Event{Type: IdentitiesRevealed, Until: d.env.Now.Add(d.s.Proposal.Hold)}
	for _, side := range []Side{Supply, Demand} {
		d.recordAuto(side)
		e.Policies[side], e.Versions[side] = d.env.Verdicts[side].Policy, d.env.Verdicts[side].Version
	}
	d.emit(e)
}

// consented reports whether both parties' own consents are valid at now and
// nothing but the employers' verdicts and a hold stands before the reveal.
func (s State) consented(now time.Time) bool {
	in := func(x SideState) bool {
		return x.Choice == ChoiceIn && now.Before(x.Expires) && x.Leaving == "" && !x.Blocked
	}
	return s.Phase == Summarised && !s.Erased && s.CloseAt.IsZero() && now.Before(s.Deadline) &&
		in(s.Sides[Supply]) && in(s.Sides[Demand])
}

// view allows a stage that has been reached. What was revealed stays readable
// by both for the grace window after the end: otherwise "view, then withdraw"
// would be a peek that the other side cannot answer.
func (d *decision) view() error {
	if d.c.Stage == StageNothing || d.c.Stage > StageEngagement {
		return &FieldError{Field: "stage", Want: "from 1 to 4"}
	}
	reached, ended := StageSummary, d.row.Phase.Final()
	switch {
	case !d.s.EngagedAt.IsZero() && d.s.Phase != Closed:
		reached = StageEngagement
	case !d.s.RevealedAt.IsZero():
		reached = StageIdentity
	case ended:
		return ErrClosed
	}
	if ended && !d.env.Now.Before(d.s.EndedAt.Add(d.s.Proposal.Grace)) {
		return ErrExpired
	}
	if d.c.Stage > reached || d.s.Erased && d.c.Stage > StageSummary {
		return d.refuse(fmt.Sprintf("stage %d is not open", d.c.Stage))
	}
	d.own(Event{Type: FieldsDisclosed, Stage: d.c.Stage})
	return nil
}

func (d *decision) acceptTerms() error {
	if d.c.Terms.IsZero() || d.c.Terms != d.s.Proposal.Terms {
		return ErrStale
	}
	if v := d.verdict(); !v.Allowed {
		return &PolicyError{Version: v.Version, Due: v.Due, Rule: RuleNotAllowed}
	}
	d.own(Event{Type: TermsAccepted, Bind: Binding{Terms: d.c.Terms}})
	d.settleEngagement()
	return nil
}

func (d *decision) settleEngagement() {
	if d.s.Sides[Supply].Terms && d.s.Sides[Demand].Terms &&
		d.satisfied(Supply) && d.satisfied(Demand) && d.env.Hold == HoldGranted {
		d.emit(Event{Type: EngagementAgreed, Bind: Binding{Terms: d.s.Proposal.Terms}})
	}
}

const onlyOnce = "this side has already done so"

func (d *decision) start() error {
	if d.side().Started {
		return d.refuse(onlyOnce)
	}
	d.own(Event{Type: EngagementStarted})
	return nil
}

// maxHours is far above any engagement and far below what overflows.
const maxHours = 1_000_000_000

func (d *decision) markDone() error {
	if d.c.Hours <= 0 || d.c.Hours > maxHours {
		return &FieldError{Field: "hours", Want: "thousandths of an hour, above 0"}
	}
	d.own(Event{Type: EngagementMarked, Hours: d.c.Hours})
	if d.s.Sides[d.c.Side.Other()].Hours == d.c.Hours {
		d.emit(Event{Type: EngagementCompleted, Hours: d.c.Hours})
	}
	return nil
}

func (d *decision) dispute() error {
	if d.side().Disputed {
		return d.refuse(onlyOnce)
	}
	d.own(Event{Type: EngagementDisputed})
	return nil
}

func (d *decision) rate() error {
	switch {
	case d.s.EngagedAt.IsZero():
		return d.refuse(refusals[Rate])
	case d.side().Rating != nil:
		return d.refuse(onlyOnce)
	case d.c.Rating.Stars < 1 || d.c.Rating.Stars > 5:
		return &FieldError{Field: "rating", Want: "1 to 5 stars"}
	}
	r := d.c.Rating
	d.own(Event{Type: OutcomeRated, Rating: &r})
	return nil
}

func (d *decision) revive() error {
	if d.side().Reviving {
		return d.refuse(onlyOnce)
	}
	at := nextSlot(d.env.Now, d.s.Proposal.Slot)
	if !at.Before(d.s.HardExpiry) {
		return ErrExpired
	}
	d.own(Event{Type: ChoiceSealed, Until: at})
	return nil
}
