package disclosure

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// Invitation asks that a third party be let into a session: a broker, a
// college, an inspector. It is a stream of its own, beside the session's.
type Invitation struct {
	ID      string    `json:"id"` // command id, unique for ever; repeating it does nothing
	Session SessionID `json:"session"`
	Number  int       `json:"number"` // within the session, odd of the supply side; set by [Engine.Invite]
	Side    Side      `json:"side"`   // of the party that invites; nobody else is told
	Actor   string    `json:"actor"`  // that party; required
	Firm    string    `json:"firm"`   // the facilitator's, of another group than the party's; one of the other side's is never let in, and nobody is told; required
	Group   string    `json:"group"`  // "" = Firm
	Person  string    `json:"person"` // who may look for the facilitator; required
	Role    string    `json:"role"`   // what for: an id of the host's vocabulary; required
	Until   time.Time `json:"until"`  // lapses then, with whatever was consented to; required
	At      time.Time `json:"at"`     // now; required
}

// Digest names who is invited, where, what for and until when. Consents to an
// admission are bound to it, see [Binding].
func (i *Invitation) Digest() Digest {
	b := []byte("csss/disclosure/invitation/1")
	for _, s := range [...]string{i.ID, string(i.Session), i.Firm, i.Group, i.Person, i.Role} {
		b = text(b, s)
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(i.Number))
	b = binary.LittleEndian.AppendUint64(b, uint64(i.Until.UnixNano()))
	return sha256.Sum256(b)
}

// FacilitatorPhase is where an invitation stands.
type FacilitatorPhase uint8

// The phases of an invitation. The zero phase is that of none.
const (
	FacilitatorInvited  FacilitatorPhase = iota + 1 // consents are sealed
	FacilitatorAdmitted                             // sees the present stage
	FacilitatorGone                                 // final
)

// FacilitatorPhases returns them in order.
func FacilitatorPhases() []FacilitatorPhase {
	return []FacilitatorPhase{FacilitatorInvited, FacilitatorAdmitted, FacilitatorGone}
}

// String returns the lower-case name.
func (p FacilitatorPhase) String() string {
	if names := [...]string{"", "invited", "admitted", "gone"}; int(p) < len(names) {
		return names[p]
	}
	return fmt.Sprintf("facilitator phase(%d)", uint8(p))
}

// The commands about a facilitator. Each is a [Command] to
// [Engine.Facilitate] and no command of a session.
const (
	Admit       Kind = "admit"        // party: its consent
	AdmitVote   Kind = "admit_vote"   // employer: one vote for Requirement
	AdmitRefuse Kind = "admit_refuse" // party: takes its consent back; silence to the others
	AdmitDeny   Kind = "admit_deny"   // employer: likewise
	Dismiss     Kind = "dismiss"      // anybody of either side: ends it, at once and for both
	Leave       Kind = "leave"        // the facilitator
	Look        Kind = "look"         // the facilitator: log that the present stage is about to be shown; Stage may name it
	Lapse       Kind = "lapse"        // system: apply what is due, nothing else
	TryAdmit    Kind = "try_admit"    // system: try again an admission that lacked a verdict
)

// FacilitatorKinds returns them in a fixed order.
func FacilitatorKinds() []Kind {
	return []Kind{Admit, AdmitVote, AdmitRefuse, AdmitDeny, Dismiss, Leave, Look, Lapse, TryAdmit}
}

// Who else may give a command about a facilitator.
const (
	BySide        = "side" // a party or an employer
	ByFacilitator = "facilitator"
)

var facilitatorGivers = map[Kind]string{
	Admit: ByParty, AdmitRefuse: ByParty, AdmitVote: ByEmployer, AdmitDeny: ByEmployer,
	Dismiss: BySide, Leave: ByFacilitator, Look: ByFacilitator, Lapse: BySystem, TryAdmit: BySystem,
}

// FacilitatorRow is one cell of the table of facilitators.
type FacilitatorRow struct {
	Phase   FacilitatorPhase
	Kind    Kind
	By      string
	Allowed bool
	Guards  []Guard // what must hold, in the order in which it is asked
	Event   EventType
	To      FacilitatorPhase // 0: where it was
	Admits  bool             // the last consent admits, in the same batch, where [AdmissionGuards] hold
	Reason  string
	guards  []fGuard
}

// fGuard is a Guard of this table, by number.
type fGuard uint8

const (
	fOpen fGuard = iota + 1
	fBound
	fInTime
	fNotSelf
	fOwnRules
	fTurns
	fStageNow
	fWhole
	fParties
	fEmployers
	fNobodyRefuses
	fGuardCount
)

var fGuards = [fGuardCount]Guard{
	fOpen:          {"session-open", "a facilitator helps what goes on, and what has ended is history"},
	fBound:         {"same-invitation", "a consent binds who was named, for what and until when"},
	fInTime:        {"before-lapse", "a consent after the lapse is none"},
	fNotSelf:       {"not-the-person", "the offered person cannot approve in the employer's place"},
	fOwnRules:      {"own-rules-allow", "the own employer can forbid, and tells only its own side"},
	fTurns:         {"turns-left", "flips of a consent are a probe, so they are bounded; taking one back is not"},
	fStageNow:      {"present-stage", "a facilitator sees the stage that the session has reached, none before it and none after"},
	fWhole:         {"record-whole", "an erasure ends looking"},
	fParties:       {"both-parties-consent", "nobody is let in without either party"},
	fEmployers:     {"both-employers-consent", "nor without a vote of either employer, and its rules"},
	fNobodyRefuses: {"nobody-denies", "a denial holds until somebody votes anew"},
}

// admission are the guards of an admission, see [AdmissionGuards].
var admission = []fGuard{fOpen, fInTime, fParties, fEmployers, fNobodyRefuses}

// maxTurns bounds how often a side may consent to one invitation.
const maxTurns = 4

var facilitatorRules = []struct {
	phase  FacilitatorPhase
	kind   Kind
	guards []fGuard
	event  EventType
	to     FacilitatorPhase
	admits bool
	reason string
}{
	{FacilitatorInvited, Admit, []fGuard{fOpen, fBound, fInTime, fTurns}, ChoiceSealed, 0, true, "a party's consent is sealed until all are in"},
	{FacilitatorInvited, AdmitVote, []fGuard{fOpen, fNotSelf, fBound, fInTime, fOwnRules, fTurns}, AuthorizationSealed, 0, true, "so is an employer's"},
	{FacilitatorInvited, AdmitRefuse, nil, ChoiceSealed, 0, false, "a no is silence to the others"},
	{FacilitatorInvited, AdmitDeny, []fGuard{fNotSelf}, AuthorizationSealed, 0, false, "a no is silence to the others"},
	{FacilitatorInvited, TryAdmit, nil, "", 0, true, "an admission that lacked a verdict is tried again"},
	{FacilitatorAdmitted, Dismiss, nil, FacilitatorEnded, FacilitatorGone, false, "whom all let in, any sends away"},
	{FacilitatorAdmitted, Leave, nil, FacilitatorEnded, FacilitatorGone, false, "nobody is kept"},
	{FacilitatorAdmitted, Look, []fGuard{fOpen, fStageNow, fWhole}, FacilitatorLooked, 0, false, "a read is logged before it answers"},
	{FacilitatorInvited, Lapse, nil, "", 0, false, "the clock acts before every command"},
	{FacilitatorAdmitted, Lapse, nil, "", 0, false, "the clock acts before every command"},
}

var facilitatorRefusals = map[Kind]string{
	Admit: "nobody is waiting to be admitted", AdmitVote: "nobody is waiting to be admitted",
	AdmitRefuse: "who is admitted is dismissed", AdmitDeny: "who is admitted is dismissed",
	Dismiss: "nobody is admitted", Leave: "nobody is admitted", Look: "nobody is admitted",
	Lapse: "it has ended", TryAdmit: "nobody is waiting to be admitted",
}

// FacilitatorMachine is the table of facilitators.
type FacilitatorMachine struct {
	rows    []FacilitatorRow
	without fGuard
}

var facilitators = newFacilitatorMachine(0)

// Facilitators returns the machine that invitations run by.
func Facilitators() *FacilitatorMachine { return facilitators }

// Table returns exactly one row for every phase and command.
func (m *FacilitatorMachine) Table() []FacilitatorRow { return slices.Clone(m.rows) }

// FacilitatorGuards returns every guard of the machine.
func FacilitatorGuards() []Guard { return slices.Clone(fGuards[1:]) }

// AdmissionGuards are the guards of the event that admits.
func AdmissionGuards() []Guard { return fNamed(admission) }

// Without returns the machine that lacks one guard, for a test to show that it
// would notice; nil if there is no such guard.
func (m *FacilitatorMachine) Without(id string) *FacilitatorMachine {
	for g := range fGuards {
		if g > 0 && fGuards[g].ID == id {
			return newFacilitatorMachine(fGuard(g))
		}
	}
	return nil
}

func newFacilitatorMachine(without fGuard) *FacilitatorMachine {
	m := &FacilitatorMachine{without: without}
	for _, p := range FacilitatorPhases() {
		for _, k := range FacilitatorKinds() {
			row := FacilitatorRow{Phase: p, Kind: k, By: facilitatorGivers[k], Reason: facilitatorRefusals[k]}
			for _, r := range facilitatorRules {
				if r.phase == p && r.kind == k {
					row = FacilitatorRow{Phase: p, Kind: k, By: row.By, Allowed: true, Guards: fNamed(r.guards),
						Event: r.event, To: r.to, Admits: r.admits, Reason: r.reason, guards: r.guards}
				}
			}
			m.rows = append(m.rows, row)
		}
	}
	return m
}

func fNamed(gs []fGuard) (out []Guard) {
	for _, g := range gs {
		out = append(out, fGuards[g])
	}
	return out
}

func (m *FacilitatorMachine) row(p FacilitatorPhase, k Kind) *FacilitatorRow {
	for i := range m.rows {
		if m.rows[i].Phase == p && m.rows[i].Kind == k {
			return &m.rows[i]
		}
	}
	return nil
}

// FacilitatorSide is what one side has said to an invitation; secret to the
// other side and to the facilitator.
type FacilitatorSide struct {
	Party  bool   `json:"party,omitempty"`
	Votes  []Vote `json:"votes,omitempty"`
	Denied bool   `json:"denied,omitempty"`
	Turns  int    `json:"turns,omitempty"`
}

// Facilitator is an invitation as folded from its stream. It is for the host.
type Facilitator struct {
	Invitation Invitation         `json:"invitation"`
	Phase      FacilitatorPhase   `json:"phase"`
	Sides      [2]FacilitatorSide `json:"sides"`
	Actors     Actors             `json:"actors,omitzero"`
	AdmittedAt time.Time          `json:"admitted_at,omitzero"`
	EndedAt    time.Time          `json:"ended_at,omitzero"`
	Stage      Stage              `json:"stage,omitempty"` // of the last look
	Why        string             `json:"why,omitempty"`   // dismissed, left, lapsed, closed
	Erased     bool               `json:"erased,omitempty"`
}

// EvolveFacilitator folds one event of an invitation's stream. It is pure and
// total, like [Evolve].
func EvolveFacilitator(f Facilitator, e Event) Facilitator {
	if e.Erased {
		f.Erased = true
		return f
	}
	if e.Type == FacilitatorNamed && e.Invitation != nil && f.Phase == 0 {
		f.Invitation, f.Phase = *e.Invitation, FacilitatorInvited
		return f
	}
	if f.Phase == 0 || e.Side > Demand {
		return f
	}
	own := &f.Sides[e.Side]
	switch {
	case e.Type == ChoiceSealed:
		own.Party = e.Kind == Admit
		if own.Party {
			own.Turns++
		}
	case e.Type == AuthorizationSealed:
		own.vote(&e)
	case e.Type == FacilitatorJoined:
		f.Phase, f.AdmittedAt = FacilitatorAdmitted, e.At
	case e.Type == FacilitatorLooked:
		f.Stage = e.Stage
	case e.Type == FacilitatorEnded:
		f.Phase, f.EndedAt, f.Why = FacilitatorGone, e.At, e.Cause
	}
	if e.Command != "" {
		f.Actors = f.Actors.with(&e)
	}
	return f
}

func (s *FacilitatorSide) vote(e *Event) {
	s.Denied = e.Kind != AdmitVote
	s.Votes = slices.DeleteFunc(slices.Clone(s.Votes), func(v Vote) bool {
		return v.Actor == e.Actor && (s.Denied && e.Requirement == "" || v.Requirement == e.Requirement)
	})
	if !s.Denied {
		s.Turns++
		s.Votes = append(s.Votes, Vote{Actor: e.Actor, Roles: e.Roles, Under: e.Under, Requirement: e.Requirement, At: e.At, Expires: e.Until})
	}
}

// FacilitatorDue returns what the clock alone has brought about by now: an
// invitation lapses at the slot after its Until, as if nobody had answered;
// whoever was admitted is gone when the session has ended or Until has come.
func FacilitatorDue(f Facilitator, s State, now time.Time) []Event {
	var at time.Time
	why := "lapsed"
	switch f.Phase {
	case FacilitatorInvited:
		at = ceilSlot(f.Invitation.Until, s.Proposal.Slot)
	case FacilitatorAdmitted:
		at = f.Invitation.Until
	default:
		return nil
	}
	if !s.EndedAt.IsZero() && s.EndedAt.Before(at) {
		at, why = s.EndedAt, "closed"
	}
	if at.After(now) {
		return nil
	}
	return []Event{{Type: FacilitatorEnded, At: at, Cause: why}}
}
