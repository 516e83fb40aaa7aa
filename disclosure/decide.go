package disclosure

import (
	"errors"
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
	Legs     LegsAnswer // in a bundle: what the other legs allow; see [Together]
}

// Decide says which events a command brings about: first those that are due
// at env.Now, then its own. It is pure: it asks the guards of the [Table]'s row
// in their order, and costs a hash and one allocation where the command is
// accepted. A command whose id this actor has already used for the same command
// brings about nothing.
//
// The errors are [ErrNotFound], [*PhaseError] (with [ErrNotAllowed] or
// [ErrClosed]), [ErrStale], [ErrExpired], [ErrBudget], [*PolicyError],
// [*FieldError] and [ErrMachine]; with an error there are no events. Errors and
// events of the caller's side depend on that side's own moves and on the
// published phase.
func Decide(s State, c Command, env Env) ([]Event, error) {
	m := machineOf(s.Machine)
	if m == nil {
		return nil, ErrMachine
	}
	return m.Append(nil, &s, &c, &env)
}

// Append is [Decide] by this machine, whichever the session began with. It
// appends the events to dst and changes nothing else. With a dst that has room
// a decision allocates nothing, but for the votes of an employer.
func (m *Machine) Append(dst []Event, s *State, c *Command, env *Env) ([]Event, error) {
	events := dst
	d := decision{m: m, s: s, c: c, env: env, events: &events}
	if s.past(env.Now) {
		at := *s
		d.s = &at
	}
	if err := d.judge(); err != nil || d.repeated {
		return dst, err
	}
	if d.s == s {
		after := *s
		d.s = &after
	}
	d.bringAll()
	return events, nil
}

// Step is Append, and [Evolve] by each of the events: with an error s has not
// changed, without one it is the state that follows. It is the quickest way to
// play a machine, and costs one allocation for a command that earns a receipt.
// A vote costs another for the roles it names, and one where votes of that
// employer stand already.
// The receipts do not name a payload, since there is none.
func (m *Machine) Step(dst []Event, s *State, c *Command, env *Env) ([]Event, error) {
	events := dst
	d := decision{m: m, s: s, c: c, env: env, events: &events}
	if s.past(env.Now) {
		at := *s
		d.s = &at
	}
	if err := d.judge(); err != nil || d.repeated {
		return dst, err
	}
	if d.s != s {
		*s = *d.s
		d.s = s
	}
	d.earns = true
	d.bringAll()
	return events, nil
}

// judge asks the guards of every command and of the row. Nothing but the clock
// changes the state, and that only where an instant has [State.past]; whoever
// must not see it change gives the decision a copy then.
func (d *decision) judge() error {
	if err := d.admit(); err != nil || d.repeated {
		return err
	}
	for _, g := range d.row.guards {
		if err := d.allows(g); err != nil {
			return err
		}
	}
	return nil
}

// bringAll brings the effects of the row about and folds them into the state.
func (d *decision) bringAll() {
	for _, e := range d.row.effects {
		if d.happens(e) {
			d.bring(e)
		}
	}
}

// decision is one command being decided: the state as it stands, what is
// emitted so far, and the row that governs. The command and what is known are
// only read. It lies on the stack with all that it names, so nothing that it
// names may be stored through it; hence the list of events is not in it.
type decision struct {
	m        *Machine
	s        *State
	c        *Command
	env      *Env
	seq      uint64
	last     uint64 // the actor's latest sequence number
	row      *Row
	events   *[]Event
	repeated bool
	earns    bool // the fold of the command's event earns its receipt
}

// admit checks who asks, which command it repeats, what is due, and that the
// table has a rule: the guards of every command, see [EveryCommand].
func (d *decision) admit() error {
	if d.s.Phase == 0 || d.c.Session != d.s.Proposal.Session || d.c.Side > Demand {
		return ErrNotFound
	}
	kind := place(d.c.Kind)
	if kind < 0 {
		return &FieldError{Field: "kind", Want: "a command of this package"}
	}
	by := d.m.row(Proposed, kind).By // of every phase
	if by == BySystem {
		d.anonymous()
	} else if d.stranger(by) && d.m.without != gParticipant {
		return ErrNotFound
	}
	if err := d.inOrder(); err != nil || d.repeated {
		return err
	}
	*d.events = due(*d.events, d.s, d.env.Now)
	phase := d.s.Phase
	if by != BySystem {
		phase = d.s.published(d.c.Side)
	}
	d.row = d.m.row(phase, kind)
	if !d.row.Allowed {
		return d.refuse(d.row.Reason)
	}
	return nil
}

// anonymous drops the name that a host may have left on a command of the system.
func (d *decision) anonymous() {
	if d.c.Actor != "" {
		c := *d.c
		c.Actor, d.c = "", &c
	}
}

// stranger reports whether the command is not this side's to give.
func (d *decision) stranger(by string) bool {
	p := &d.s.Proposal.Parties[d.c.Side]
	return d.c.Firm != "" && d.c.Firm != p.Firm || by == ByParty && p.Actor != "" && p.Actor != d.c.Actor
}

// inOrder looks the command up among the actor's earlier ones.
func (d *decision) inOrder() error {
	was, last := d.s.Actors.find(d.c.Actor, d.c.ID)
	if was != nil && d.m.without != gIDUnused {
		if !d.c.is(was.Digest) {
			return ErrStale
		}
		d.repeated = true
		return nil
	}
	d.last = last
	if d.seq = d.c.Seq; d.seq == 0 {
		d.seq = last + 1
	} else if d.seq <= last && d.m.without != gSeqRises {
		return ErrStale
	}
	return nil
}

// published returns the phase as one side may know it: before the close of a
// session that a side leaves is published, only that side sees it closed.
func (s *State) published(side Side) Phase {
	if s.Sides[side].Leaving != "" {
		return Closed
	}
	return s.Phase
}

func (d *decision) refuse(reason string) error {
	p := d.s.Phase
	if d.row.By != BySystem {
		p = d.s.published(d.c.Side)
	}
	return &PhaseError{Phase: p, Kind: d.c.Kind, Reason: reason}
}

func (d *decision) open(ok bool) error {
	if ok {
		return nil
	}
	return d.refuse(fmt.Sprintf("stage %d is not open", d.c.Stage))
}

// errUnmet is what a guard of an effect answers with; nobody sees it.
var errUnmet = errors.New("disclosure: not now")

func (d *decision) happens(e effect) bool {
	for _, g := range effects[e].guards {
		if d.m.without != g && !d.meets(g) {
			return false
		}
	}
	return true
}

// add appends an event of an effect and folds it; the receipts wait for the
// fold of what the log then holds.
func (d *decision) add(e *Event) {
	if e.At.IsZero() {
		e.At = d.env.Now
	}
	d.s.apply(e, nil)
}

// event returns a new event at the end of the list. It is made in its place: an
// event is too large to be copied for nothing.
func (d *decision) event(e effect) *Event {
	n := len(*d.events)
	*d.events = slices.Grow(*d.events, 1)[:n+1]
	x := &(*d.events)[n]
	*x = Event{}
	x.Type = effects[e].event
	return x
}

// own makes an event the one that answers the command and earns the receipt.
func (d *decision) own(e *Event) {
	e.Kind, e.Side, e.Actor, e.Command = d.c.Kind, d.c.Side, d.c.Actor, d.c.ID
	e.Digest, e.Seq, e.Reason, e.Said, e.Share = d.c.digest(), d.seq, d.c.Reason, d.c.Said, slices.Clone(d.c.Share)
	if !d.earns {
		d.add(e)
		return
	}
	e.At = d.env.Now
	d.s.earn(e, d.last)
}

func (d *decision) side() *SideState { return &d.s.Sides[d.c.Side] }

// slot is when what is published later will be.
func (d *decision) slot() time.Time {
	if d.m.without == gAtSlot {
		return d.env.Now
	}
	return nextSlot(d.env.Now, d.s.Proposal.Slot)
}

// lapse returns until when a consent can be given, and when this one lapses.
func (d *decision) lapse() (limit, until time.Time) {
	limit = d.s.Deadline
	if d.s.Phase == Revealed {
		limit = d.s.HoldUntil
	}
	if until = d.c.Bind.Expires; until.IsZero() {
		until = limit
	}
	return limit, earlier(until, d.s.HardExpiry)
}

var cause = map[Kind]string{Withdraw: "withdrawn", Abort: "aborted", RevokeAuth: "revoked"}

// maxHours is far above any engagement and far below what overflows.
const maxHours = 1_000_000_000

// bring emits the events of an effect whose guards hold.
func (d *decision) bring(x effect) {
	switch x {
	case ePublished:
		d.add(d.event(x))
	case eAuto:
		d.recordAuto(d.c.Side)
	case eRefusedLeave:
		d.leaveRefused(Supply)
		d.leaveRefused(Demand)
	case eReveal:
		d.reveal()
	case eAgree:
		e := d.event(x)
		e.Bind = Binding{Terms: d.s.Proposal.Terms}
		d.add(e)
	case eFail:
		e := d.event(x)
		e.Cause = "bundle"
		d.add(e)
	case eComplete:
		e := d.event(x)
		e.Hours = d.c.Hours
		d.add(e)
	default:
		e := d.event(x)
		d.fill(x, e)
		d.own(e)
	}
}

// fill sets what the event that answers the command says.
func (d *decision) fill(x effect, e *Event) {
	switch x {
	case eAttach:
		e.Bind = Binding{Summary: d.c.Bind.Summary}
	case eOptIn:
		e.Bind = d.c.Bind
		_, e.Until = d.lapse()
	case eVote:
		v := &d.env.Verdicts[d.c.Side]
		e.Bind, e.Policy, e.Version, e.Under = d.c.Bind, v.Policy, v.Version, d.c.Under
		e.Roles, e.Requirement = slices.Clone(d.c.Roles), d.c.Requirement
		_, e.Until = d.lapse()
	case eNoVote:
		e.Until, e.Roles, e.Requirement = d.s.HardExpiry, slices.Clone(d.c.Roles), d.c.Requirement
	case eLeave:
		e.Cause, e.Until = cause[d.c.Kind], d.slot()
		e.Bind.Policy = d.c.under()
	case eClose, eTerminate:
		e.Cause = cause[d.c.Kind]
		e.Bind.Policy = d.c.under()
	case eDisclose:
		e.Stage = d.c.Stage
	case eAccept:
		e.Bind = Binding{Terms: d.c.Terms}
	case eMark:
		e.Hours = d.c.Hours
	case eRate:
		e.Rating = d.c.Rating
	case eRevive:
		e.Until = d.slot()
	}
}

// under names the rules that the host aborts under.
func (c *Command) under() Digest {
	if c.Kind != Abort {
		return Digest{}
	}
	return c.Bind.Policy
}

// leaveRefused lets a side go whose own rules no longer allow the session:
// sealed, like a withdrawal.
func (d *decision) leaveRefused(side Side) {
	v := &d.env.Verdicts[side]
	if v.Allowed || d.s.Sides[side].Leaving != "" {
		return
	}
	e := d.event(eRefusedLeave)
	e.Kind, e.Side, e.Cause, e.Until = Abort, side, "policy", d.slot()
	e.Policy, e.Version, e.Reason = v.Policy, v.Version, v.Reason
	d.add(e)
}

// recordAuto logs an authorisation that needed no vote. The log then holds
// four consents for every reveal.
func (d *decision) recordAuto(side Side) {
	v, st := &d.env.Verdicts[side], &d.s.Sides[side]
	stands := slices.ContainsFunc(st.Votes, func(v Vote) bool { return d.env.Now.Before(v.Expires) })
	if st.Auto && st.Policy == v.Policy || stands {
		return
	}
	e := d.event(eAuto)
	e.Kind, e.Side, e.Auto, e.Policy, e.Version = Authorize, side, true, v.Policy, v.Version
	d.add(e)
}

func (d *decision) reveal() {
	d.recordAuto(Supply)
	d.recordAuto(Demand)
	e := d.event(eReveal)
	e.Until = d.env.Now.Add(d.s.Proposal.Hold)
	for side := range d.env.Verdicts {
		e.Policies[side], e.Versions[side] = d.env.Verdicts[side].Policy, d.env.Verdicts[side].Version
	}
	d.add(e)
}

// standing returns the votes that have not expired.
func standing(votes []Vote, now time.Time) []Vote {
	return slices.DeleteFunc(slices.Clone(votes), func(v Vote) bool { return !now.Before(v.Expires) })
}
