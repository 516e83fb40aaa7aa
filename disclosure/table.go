package disclosure

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Who may give a command.
const (
	ByParty    = "party"
	ByEmployer = "employer"
	BySystem   = "system"
)

var givers = map[Kind]string{
	Publish: BySystem, Abort: BySystem, Expire: BySystem, Settle: BySystem,
	Authorize: ByEmployer, Deny: ByEmployer, RevokeAuth: ByEmployer,
	OptIn: ByParty, OptOut: ByParty, Withdraw: ByParty, View: ByParty, AcceptTerms: ByParty, Start: ByParty,
	MarkDone: ByParty, Rate: ByParty, Dispute: ByParty, Revive: ByParty,
}

// Row is one cell of the transition table.
type Row struct {
	Phase   Phase
	Kind    Kind
	By      string // ByParty, ByEmployer or BySystem
	Allowed bool
	Guards  []Guard  // what else must hold, in the order in which it is asked; nil where not Allowed
	Effects []Effect // what then happens, in order; nil where not Allowed and where only the clock acts
	Reason  string   // why the row is as it is
	guards  []guard
	effects []effect
}

// Effect is one event that a command, or the clock, brings about.
type Effect struct {
	Event  EventType
	Guards []Guard   // all must hold, or the effect does not happen; the row is accepted nevertheless
	To     []Phase   // where the session then stands: one of these; none, where it was
	Then   EventType // what the clock publishes at the next slot, "" for nothing
}

// Timer is what the clock alone brings about in a phase.
type Timer struct {
	Phase  Phase
	Event  EventType
	To     []Phase
	At     string // the instant, in words
	Reason string
	timer  timer
}

// effect is an Effect by number.
type effect uint8

const (
	eAttach effect = iota + 1
	ePublished
	eOptIn
	eOptOut
	eAuto
	eRefusedLeave
	eReveal
	eLeave
	eClose
	eTerminate
	eVote
	eNoVote
	eDisclose
	eAccept
	eAgree
	eStart
	eMark
	eComplete
	eDispute
	eRate
	eRevive
	eFail
	effectCount
)

// partyConsents are the guards of the reveal that the parties themselves meet.
var partyConsents = []guard{gChoicesIn, gConsentsFresh, gNobodyLeaves, gNotBlocked, gBeforeDeadline, gRecordWhole}

var effects = [effectCount]struct {
	event  EventType
	guards []guard
	to     []Phase
	then   EventType
}{
	eAttach:       {event: SummaryAttached},
	ePublished:    {event: SummariesPublished, guards: []guard{gBoth}, to: []Phase{Summarised}},
	eOptIn:        {event: ChoiceSealed},
	eOptOut:       {event: ChoiceSealed},
	eAuto:         {event: AuthorizationSealed, guards: []guard{gOwnEmployer}},
	eRefusedLeave: {event: ChoiceSealed, guards: []guard{gRefused}, then: SessionClosed},
	eReveal:       {event: IdentitiesRevealed, guards: append(slices.Clone(partyConsents), gAuthorised, gHeld, gLegsReady), to: []Phase{Revealed}},
	eLeave:        {event: ChoiceSealed, then: SessionClosed},
	eClose:        {event: SessionClosed, to: []Phase{Closed}},
	eTerminate:    {event: EngagementTerminated, to: []Phase{Closed}},
	eVote:         {event: AuthorizationSealed},
	eNoVote:       {event: AuthorizationSealed},
	eDisclose:     {event: FieldsDisclosed},
	eAccept:       {event: TermsAccepted},
	eAgree:        {event: EngagementAgreed, guards: []guard{gTermsBoth, gAuthorised, gNotBlocked, gHeld, gLegsReady}, to: []Phase{Engaged}},
	eStart:        {event: EngagementStarted, to: []Phase{Started}},
	eMark:         {event: EngagementMarked},
	eComplete:     {event: EngagementCompleted, guards: []guard{gSameHours}, to: []Phase{Completed}},
	eDispute:      {event: EngagementDisputed},
	eRate:         {event: OutcomeRated},
	eRevive:       {event: ChoiceSealed, then: SessionRevived},
	eFail:         {event: SessionClosed, guards: []guard{gLegEnded}, to: []Phase{Closed}},
}

// everyCommand are the guards before every row, in their order; see [Decide].
var everyCommand = []guard{gSession, gParticipant, gIDUnused, gSeqRises}

// rules are the allowed rows, several phases at a time.
var rules = []struct {
	phases  []Phase
	kind    Kind
	guards  []guard
	effects []effect
	reason  string
}{
	{[]Phase{Proposed}, Publish, []guard{gSummaryMissing}, []effect{eAttach, ePublished}, "nobody chooses before both summaries are frozen"},
	{[]Phase{Summarised}, OptIn, []guard{gBinding, gInTime, gOwnRules, gFlips}, []effect{eOptIn, eAuto, eRefusedLeave, eReveal}, "a consent binds what was shown"},
	{[]Phase{Summarised}, OptOut, []guard{gFlips}, []effect{eOptOut}, "a discreet no is silence to the other side"},
	{[]Phase{Proposed, Summarised, Stale}, Withdraw, []guard{gNotLeaving, gAtSlot}, []effect{eLeave}, "the open way out, published at a slot"},
	{[]Phase{Revealed}, Withdraw, nil, []effect{eClose}, "after the reveal a close is seen by both at once"},
	{[]Phase{Engaged, Started}, Withdraw, nil, []effect{eTerminate}, "every phase that is not final can be ended"},
	{[]Phase{Proposed, Summarised, Stale}, Abort, []guard{gNotLeaving, gAtSlot}, []effect{eLeave}, "a changed rule or fact closes like a withdrawal"},
	{[]Phase{Revealed}, Abort, nil, []effect{eClose}, "after the reveal a close is seen by both at once"},
	{[]Phase{Engaged, Started}, Abort, nil, []effect{eTerminate}, "the host applies the terms of an engagement whose rules changed"},
	{[]Phase{Summarised}, Authorize, []guard{gNotSelf, gBinding, gInTime, gOwnRules}, []effect{eVote, eRefusedLeave, eReveal}, "an approval is a bound fact, accepted early"},
	{[]Phase{Revealed}, Authorize, []guard{gNotSelf, gBinding, gInTime, gOwnRules}, []effect{eVote, eAgree}, "a countersignature, where policy asks for one"},
	{[]Phase{Proposed, Summarised, Stale}, Deny, []guard{gNotSelf}, []effect{eNoVote}, "a denial is sealed and needs nobody's leave"},
	{[]Phase{Proposed, Summarised, Stale}, RevokeAuth, []guard{gNotSelf}, []effect{eNoVote}, "before the reveal a revocation is sealed"},
	{[]Phase{Revealed}, RevokeAuth, nil, []effect{eClose}, "the employer ends what it no longer authorises"},
	{[]Phase{Engaged, Started}, RevokeAuth, nil, []effect{eTerminate}, "the employer ends what it no longer authorises"},
	{[]Phase{Summarised, Stale, Revealed, Engaged, Started, Completed, Closed}, View,
		[]guard{gStageKnown, gWasRevealed, gInGrace, gStageReached, gNotErased}, []effect{eDisclose}, "a read is logged before it answers"},
	{[]Phase{Revealed}, AcceptTerms, []guard{gTerms, gOwnRules}, []effect{eAccept, eAgree}, "both accept the same digest"},
	{[]Phase{Engaged, Started}, Start, []guard{gStartOnce}, []effect{eStart}, "work begins when a side says so"},
	{[]Phase{Engaged, Started}, MarkDone, []guard{gHours}, []effect{eMark, eComplete}, "money follows hours, so both must name the same"},
	{[]Phase{Engaged, Started}, Dispute, []guard{gDisputeOnce}, []effect{eDispute}, "a dispute is a fact; it ends nothing by itself"},
	{[]Phase{Completed, Closed}, Rate, []guard{gWasEngaged, gRateOnce, gStars}, []effect{eRate}, "only who worked together can rate"},
	{[]Phase{Stale}, Revive, []guard{gReviveOnce, gBeforeExpiry, gAtSlot}, []effect{eRevive}, "no silence kills a deal, and who revived is not told"},
	{[]Phase{Proposed, Summarised, Stale, Revealed, Engaged, Started}, Expire, nil, nil, "the clock acts before every command"},
	{[]Phase{Summarised}, Settle, nil, []effect{eRefusedLeave, eReveal}, "a reveal that lacked a hold or a verdict is tried again"},
	{[]Phase{Revealed}, Settle, nil, []effect{eFail, eAgree}, "an engagement that lacked a hold or a verdict is tried again"},
}

// refusals name why a command has no row of its own in any, or in one, phase.
var refusals = map[Kind]string{
	Publish:     "summaries are published once, before anybody chooses",
	OptIn:       "a choice is made while both summaries are shown",
	OptOut:      "a choice is made while both summaries are shown",
	Withdraw:    "the session has ended",
	Authorize:   "an approval needs a summary or terms to be bound to",
	Deny:        "what is revealed is ended by revoking",
	RevokeAuth:  "the session has ended",
	View:        "nothing has been shown yet",
	AcceptTerms: "terms are accepted after the reveal, once",
	Start:       "there is no running engagement",
	MarkDone:    "there is no running engagement",
	Rate:        "there is no finished engagement",
	Dispute:     "there is no running engagement",
	Abort:       "the session has ended",
	Expire:      "the session has ended",
	Settle:      "nothing is waiting to be settled",
	Revive:      "only a stale session can be revived",
}

// Machine is a version of the machine: its table, its clock and their digest.
// It does not change and may be used by many goroutines at once.
type Machine struct {
	rows    []Row
	clock   []Timer
	version Digest
	since   int   // which of the machines it is, from 0
	without guard // 0 in every machine that an engine runs
}

// younger says since which machine there is a guard or an effect, where not
// since the first.
var (
	youngerGuards  = map[guard]int{gLegsReady: 1, gLegEnded: 1}
	youngerEffects = map[effect]int{eFail: 1}
)

// machines are all versions of the machine, the present one last. A version
// that sessions were opened under stays here: [SessionProposed] names it, and
// [Decide] runs a session by the table it began with. A session from before
// versions were written began with the first.
var machines = []*Machine{
	newMachine(0, 0), // sessions of two
	newMachine(1, 0), // and bundles of them
}

// Present returns the machine that new sessions begin with.
func Present() *Machine { return machines[len(machines)-1] }

// MachineVersion returns the digest of the present table.
func MachineVersion() Digest { return Present().version }

// machineOf returns the machine of a session, nil if this build has none of
// its version.
func machineOf(version Digest) *Machine {
	if version.IsZero() {
		return machines[0]
	}
	for _, m := range machines {
		if m.version == version {
			return m
		}
	}
	return nil
}

// Table returns the present machine: exactly one row for every phase and
// command, in the order of [Phases] and [Kinds]. It is what [Decide] runs.
func Table() []Row { return Present().Table() }

// Clock returns what the clock alone does, in the order in which equals act.
func Clock() []Timer { return slices.Clone(Present().clock) }

// EveryCommand returns the guards that are asked before those of a row.
func EveryCommand() []Guard { return Present().named(everyCommand) }

// Guards returns every guard of the machine.
func Guards() []Guard { return slices.Clone(guards[1:]) }

// Table returns one row for every phase and command.
func (m *Machine) Table() []Row { return slices.Clone(m.rows) }

// Version returns the digest of everything in the table but the reasons.
func (m *Machine) Version() Digest { return m.version }

// Without returns the machine that lacks one guard, for a test to show that
// it would notice; nil if there is no such guard. No engine runs it, and
// [Decide] refuses a session that names its version.
func (m *Machine) Without(id string) *Machine {
	for g := range guards {
		if g > 0 && guards[g].ID == id {
			return newMachine(len(machines)-1, guard(g))
		}
	}
	return nil
}

func newMachine(since int, without guard) *Machine {
	m := &Machine{since: since, without: without, clock: timers()}
	for _, p := range Phases() {
		for _, k := range Kinds() {
			m.rows = append(m.rows, Row{Phase: p, Kind: k, By: givers[k], Reason: refusals[k]})
		}
	}
	for _, r := range rules {
		effects := m.had(r.effects)
		for _, p := range r.phases {
			*m.row(p, place(r.kind)) = Row{Phase: p, Kind: r.kind, By: givers[r.kind], Allowed: true, Reason: r.reason,
				Guards: m.named(r.guards), Effects: m.effectsOf(effects), guards: r.guards, effects: effects}
		}
	}
	h := sha256.New()
	m.write(h)
	m.version = Digest(h.Sum(nil))
	return m
}

// write writes what the version is the digest of.
func (m *Machine) write(w io.Writer) {
	fmt.Fprintln(w, "every", ids(m.named(everyCommand)))
	for _, r := range m.rows {
		fmt.Fprintln(w, r.Phase, r.Kind, r.By, r.Allowed, ids(r.Guards))
		for _, e := range r.Effects {
			fmt.Fprintln(w, " ", e.Event, e.To, ids(e.Guards), e.Then)
		}
	}
	for _, t := range m.clock {
		fmt.Fprintln(w, "clock", t.Phase, t.Event, t.To, t.At)
	}
}

func ids(gs []Guard) string {
	var b strings.Builder
	for _, g := range gs {
		b.WriteString(g.ID + ";")
	}
	return b.String()
}

// named returns the guards that the machine asks.
func (m *Machine) named(gs []guard) []Guard {
	var out []Guard
	for _, g := range gs {
		if g != m.without && youngerGuards[g] <= m.since {
			out = append(out, guards[g])
		}
	}
	return out
}

// had returns the effects that the machine knows.
func (m *Machine) had(es []effect) []effect {
	return slices.DeleteFunc(slices.Clone(es), func(e effect) bool { return youngerEffects[e] > m.since })
}

func (m *Machine) effectsOf(es []effect) []Effect {
	var out []Effect
	for _, e := range es {
		x := effects[e]
		out = append(out, Effect{Event: x.event, Guards: m.named(x.guards), To: slices.Clone(x.to), Then: x.then})
	}
	return out
}

var kinds = Kinds()

// place returns where a command stands in [Kinds], -1 for one of another
// package. Their names differ in length: this is quicker than a map.
func place(k Kind) int { return slices.Index(kinds, k) }

// row returns the row of a phase and a command, by its place in [Kinds].
func (m *Machine) row(p Phase, kind int) *Row { return &m.rows[int(p-Proposed)*len(kinds)+kind] }
