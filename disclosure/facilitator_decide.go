package disclosure

import (
	"cmp"
	"slices"
	"time"
)

// FacilitatorEnv is what a decision about a facilitator needs to know beside
// the invitation and the command.
type FacilitatorEnv struct {
	Now      time.Time
	Session  State      // as it stands at Now, what is due included
	Verdicts [2]Verdict // of the employers, at [ActFacilitate], with the vote being cast
}

// DecideFacilitator says which events of the invitation's stream a command
// brings about: first what is due, then its own. It is pure. Errors are those of [Decide], and
// depend on the caller's own side and on what is published alone: to a
// facilitator who is not admitted there is no session.
func DecideFacilitator(f Facilitator, c Command, env FacilitatorEnv) ([]Event, error) {
	return facilitators.Decide(f, c, env)
}

// Decide is [DecideFacilitator] by this machine.
func (m *FacilitatorMachine) Decide(f Facilitator, c Command, env FacilitatorEnv) ([]Event, error) {
	d := facilitation{m: m, f: f, c: c, env: env}
	if err := d.admit(); err != nil || d.repeated {
		return nil, err
	}
	for _, g := range d.row.guards {
		if err := d.allows(g); err != nil {
			return nil, err
		}
	}
	if d.row.Event != "" {
		d.own()
	}
	if d.row.Admits && d.admits() {
		d.add(Event{Type: FacilitatorJoined, At: env.Now})
	}
	return d.events, nil
}

type facilitation struct {
	m        *FacilitatorMachine
	f        Facilitator
	c        Command
	env      FacilitatorEnv
	seq      uint64
	row      *FacilitatorRow
	events   []Event
	repeated bool
}

func (d *facilitation) add(e Event) {
	d.events = append(d.events, e)
	d.f = EvolveFacilitator(d.f, e)
}

// admit checks who asks, which command it repeats, what is due, and that the
// table has a rule.
func (d *facilitation) admit() error {
	by, known := facilitatorGivers[d.c.Kind]
	if !known {
		return &FieldError{Field: "kind", Want: "a command about a facilitator"}
	}
	if d.f.Phase == 0 || d.c.Session != d.f.Invitation.Session || d.c.Side > Demand {
		return ErrNotFound
	}
	if by == BySystem {
		d.c.Actor = ""
	}
	if by == ByFacilitator {
		d.c.Side = Supply // it is of neither
	}
	if d.stranger(by) {
		return ErrNotFound
	}
	if was, last := d.f.Actors.find(d.c.Actor, d.c.ID); was != nil {
		d.repeated = was.Digest == d.c.digest()
		return unless(d.repeated, ErrStale)
	} else if d.seq = d.c.Seq; d.seq == 0 {
		d.seq = last + 1
	} else if d.seq <= last {
		return ErrStale
	}
	for _, e := range FacilitatorDue(d.f, d.env.Session, d.env.Now) {
		d.add(e)
	}
	d.row = d.m.row(d.f.Phase, d.c.Kind)
	if d.row.Allowed {
		return nil
	}
	if by == ByFacilitator && d.f.AdmittedAt.IsZero() {
		return ErrNotFound
	}
	return d.refuse(d.row.Reason)
}

// stranger reports whether the command is not its giver's to give. What one
// side is not told of yet does not exist for it.
func (d *facilitation) stranger(by string) bool {
	i := &d.f.Invitation
	switch by {
	case BySystem:
		return false
	case ByFacilitator:
		return d.c.Actor != i.Person || d.c.Firm != "" && d.c.Firm != i.Firm
	}
	p := &d.env.Session.Proposal.Parties[d.c.Side]
	return d.c.Firm != "" && d.c.Firm != p.Firm || by == ByParty && p.Actor != "" && p.Actor != d.c.Actor ||
		!d.f.told(d.c.Side, &d.env.Session, d.env.Now)
}

// told reports whether a side knows of the invitation: the inviting one at
// once, the other from the next slot on. Who invites the other side itself has
// guessed who that is: nobody is told, so nobody consents, and the invitation
// lapses like any that is not answered.
func (f *Facilitator) told(side Side, s *State, now time.Time) bool {
	i := &f.Invitation
	if p := &s.Proposal.Parties[i.Side.Other()]; p.Group == i.Group || p.Firm == i.Firm {
		return side == i.Side
	}
	return side == i.Side || !now.Before(nextSlot(i.At, s.Proposal.Slot))
}

func (d *facilitation) refuse(reason string) error {
	p := d.env.Session.Phase
	if d.row.By != BySystem && d.row.By != ByFacilitator {
		p = d.env.Session.published(d.c.Side)
	}
	return &PhaseError{Phase: p, Kind: d.c.Kind, Reason: reason}
}

func (d *facilitation) allows(g fGuard) error {
	if d.m.without == g {
		return nil
	}
	side := &d.f.Sides[d.c.Side]
	switch g {
	case fOpen:
		if !d.open() {
			return d.refuse("the session is not open")
		}
		return nil
	case fBound:
		return unless(d.c.Bind.Invitation == d.f.Invitation.Digest(), ErrStale)
	case fInTime:
		return unless(d.env.Now.Before(d.f.Invitation.Until), ErrExpired)
	case fNotSelf:
		if p := &d.env.Session.Proposal.Parties[d.c.Side]; p.Person && p.Actor == d.c.Actor {
			return &PolicyError{Version: d.env.Verdicts[d.c.Side].Version, Rule: RuleSeparation}
		}
		return nil
	case fOwnRules:
		if v := &d.env.Verdicts[d.c.Side]; !v.Allowed {
			return &PolicyError{Version: v.Version, Due: v.Due, Rule: RuleNotAllowed}
		}
		return nil
	case fTurns:
		return unless(side.Turns < maxTurns, ErrBudget)
	case fStageNow:
		now := d.c.Stage == StageNothing || d.c.Stage == d.env.Session.reached()
		if !now || d.env.Session.Phase < Summarised {
			return d.refuse("only the present stage is open")
		}
		return nil
	case fWhole:
		if d.f.Erased || d.env.Session.Erased {
			return d.refuse("a record was erased")
		}
		return nil
	}
	return unless(d.meets(g), errUnmet)
}

// open reports whether the session goes on, as far as who asks may know.
func (d *facilitation) open() bool {
	p := d.env.Session.Phase
	if by := d.row.By; by == ByParty || by == ByEmployer {
		p = d.env.Session.published(d.c.Side)
	}
	return p >= Proposed && !p.Final()
}

func (d *facilitation) meets(g fGuard) bool {
	a, b := &d.f.Sides[Supply], &d.f.Sides[Demand]
	switch g {
	case fParties:
		return a.Party && b.Party
	case fNobodyRefuses:
		return !a.Denied && !b.Denied
	case fEmployers:
		for side, v := range d.env.Verdicts {
			voted := slices.ContainsFunc(d.f.Sides[side].Votes, func(v Vote) bool { return d.env.Now.Before(v.Expires) })
			if !v.Allowed || !v.Satisfied || !voted {
				return false
			}
		}
		return true
	}
	return false
}

// admits asks the guards of an admission. A side that is leaving, unseen, has
// nobody let in any more.
func (d *facilitation) admits() bool {
	for _, g := range admission {
		if d.allows(g) != nil {
			return false
		}
	}
	s := &d.env.Session
	return d.m.without == fOpen || s.Sides[Supply].Leaving == "" && s.Sides[Demand].Leaving == ""
}

// own adds the event that answers the command and earns the receipt.
func (d *facilitation) own() {
	e := Event{Type: d.row.Event, At: d.env.Now, Said: d.c.Said, Kind: d.c.Kind, Side: d.c.Side, Actor: d.c.Actor, Command: d.c.ID,
		Digest: d.c.digest(), Seq: d.seq, Reason: d.c.Reason}
	switch d.c.Kind {
	case Admit, AdmitVote:
		e.Bind = Binding{Invitation: d.c.Bind.Invitation, Policy: d.c.Bind.Policy}
		e.Until = d.f.Invitation.Until
		e.Roles, e.Under, e.Requirement = slices.Clone(d.c.Roles), d.c.Under, d.c.Requirement
		if d.c.Kind == AdmitVote {
			v := &d.env.Verdicts[d.c.Side]
			e.Policy, e.Version = v.Policy, v.Version
		}
	case AdmitDeny:
		e.Roles, e.Requirement = slices.Clone(d.c.Roles), d.c.Requirement
	case Look:
		e.Stage = cmp.Or(d.c.Stage, d.env.Session.reached())
	case Dismiss:
		e.Cause = "dismissed"
	case Leave:
		e.Cause = "left"
	}
	d.add(e)
}

// FacilitatorStatus is what one side may know of an invitation.
type FacilitatorStatus struct {
	Number     int              `json:"number"`
	Phase      FacilitatorPhase `json:"phase"`
	Firm       string           `json:"firm"`
	Person     string           `json:"person"`
	Role       string           `json:"role"`
	Until      time.Time        `json:"until"`
	Bind       Digest           `json:"bind"` // see [Binding]
	Consented  bool             `json:"consented"`
	Authorized bool             `json:"authorized"` // the own employer has voted and allows it
	Due        []Requirement    `json:"due,omitempty"`
	EndedAt    time.Time        `json:"ended_at,omitzero"`
}

// FacilitatorStatusOf projects an invitation to one side at now; v is the
// verdict of that side's own employer. False means that the side is not told.
func FacilitatorStatusOf(f Facilitator, s State, side Side, v Verdict, now time.Time) (FacilitatorStatus, bool) {
	if f.Phase == 0 || !f.told(side, &s, now) {
		return FacilitatorStatus{}, false
	}
	for _, e := range FacilitatorDue(f, s, now) {
		f = EvolveFacilitator(f, e)
	}
	i, own := &f.Invitation, &f.Sides[side]
	voted := slices.ContainsFunc(own.Votes, func(v Vote) bool { return now.Before(v.Expires) })
	return FacilitatorStatus{Number: i.Number, Phase: f.Phase, Firm: i.Firm, Person: i.Person, Role: i.Role, Until: i.Until, Bind: i.Digest(),
		Consented: own.Party, Authorized: v.Allowed && v.Satisfied && voted && !own.Denied, Due: v.Due, EndedAt: f.EndedAt}, true
}
