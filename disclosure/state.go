package disclosure

import (
	"fmt"
	"time"
)

// Phase is where a session stands.
type Phase uint8

// The phases. The zero Phase is that of a session which does not exist.
const (
	Proposed   Phase = iota + 1 // a summary is still missing
	Summarised                  // both sides may look and choose
	Stale                       // the deadline passed; can be revived
	Revealed                    // both identities are readable by both
	Engaged                     // terms accepted, hold firm
	Started                     // work has begun
	Completed                   // final: both marked the same hours
	Closed                      // final
)

var phaseNames = [...]string{"", "proposed", "summarised", "stale", "revealed", "engaged", "started", "completed", "closed"}

// Phases returns every phase in order.
func Phases() []Phase {
	return []Phase{Proposed, Summarised, Stale, Revealed, Engaged, Started, Completed, Closed}
}

// String returns the lower-case name.
func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return fmt.Sprintf("phase(%d)", uint8(p))
}

// MarshalText implements [encoding.TextMarshaler].
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *Phase) UnmarshalText(b []byte) error {
	for i, n := range phaseNames {
		if n == string(b) {
			*p = Phase(i)
			return nil
		}
	}
	return fmt.Errorf("disclosure: unknown phase of %d characters", len(b))
}

// Final reports whether nothing but ratings and views can follow.
func (p Phase) Final() bool { return p == Completed || p == Closed }

// Vote is an employer's standing yes: the latest of one actor for one requirement.
type Vote struct {
	Actor       string    `json:"actor"`
	Roles       []string  `json:"roles,omitempty"`
	Under       string    `json:"under,omitempty"` // see [Command]
	Requirement string    `json:"requirement,omitempty"`
	Deny        bool      `json:"deny,omitempty"` // a denial, kept so that rules can weigh it
	Policy      Digest    `json:"policy,omitzero"`
	At          time.Time `json:"at"`
	Expires     time.Time `json:"expires"`
}

// Choice is a party's sealed choice.
type Choice string

// The choices; the zero Choice is silence.
const (
	ChoiceNone Choice = ""
	ChoiceIn   Choice = "in"
	ChoiceOut  Choice = "out"
)

// SideState is what one side has done. Before the reveal it is secret to the other.
type SideState struct {
	Choice   Choice    `json:"choice,omitempty"`
	Expires  time.Time `json:"expires,omitzero"` // of an opt-in
	Flips    int       `json:"flips,omitempty"`
	Leaving  string    `json:"leaving,omitempty"` // class of the reason: withdrawn, aborted, policy
	Reason   string    `json:"reason,omitempty"`
	Votes    []Vote    `json:"votes,omitempty"`
	Blocked  bool      `json:"blocked,omitempty"` // an approver denied or revoked, and none has authorised since
	Auto     bool      `json:"auto,omitempty"`    // an automatic authorisation is on the log
	Policy   Digest    `json:"policy,omitzero"`   // of the latest recorded verdict
	Version  int       `json:"version,omitempty"`
	Reviving bool      `json:"reviving,omitempty"`
	Terms    bool      `json:"terms,omitempty"`
	Started  bool      `json:"started,omitempty"`
	Hours    int64     `json:"hours,omitempty"` // as marked done, thousandths of an hour
	Disputed bool      `json:"disputed,omitempty"`
	Rating   Rating    `json:"rating,omitzero"`
}

// State is a session as folded from its stream. It holds ids, never
// identities; it is for the host and must not be shown to a party.
type State struct {
	Proposal   Proposal     `json:"proposal"`
	Machine    Digest       `json:"machine,omitzero"` // the version of the [Machine] it began with; zero = the first
	Phase      Phase        `json:"phase"`
	Summaries  [2]Digest    `json:"summaries"`
	Sides      [2]SideState `json:"sides"`
	Actors     Actors       `json:"actors,omitzero"`
	Deadline   time.Time    `json:"deadline"`    // no reveal from here on
	HardExpiry time.Time    `json:"hard_expiry"` // no revival from here on
	CloseAt    time.Time    `json:"close_at,omitzero"`
	ReviveAt   time.Time    `json:"revive_at,omitzero"`
	RevealedAt time.Time    `json:"revealed_at,omitzero"`
	HoldUntil  time.Time    `json:"hold_until,omitzero"`
	EngagedAt  time.Time    `json:"engaged_at,omitzero"`
	StartedAt  time.Time    `json:"started_at,omitzero"`
	EndedAt    time.Time    `json:"ended_at,omitzero"` // completed or closed
	Policies   [2]Digest    `json:"policies"`          // that the reveal was decided under
	Versions   [2]int       `json:"versions"`
	Hours      int64        `json:"hours,omitempty"` // agreed at completion, thousandths of an hour
	Revivals   int          `json:"revivals,omitempty"`
	Bundle     *Bundle      `json:"bundle,omitempty"` // the present revision, not to be changed
	Erased     bool         `json:"erased,omitempty"` // a record of the session was erased: no reveal and no identity any more
}

// ID returns the session's id.
func (s State) ID() SessionID { return s.Proposal.Session }

// Binding returns what a consent of the side must be bound to.
func (s State) Binding(side Side) Binding {
	return Binding{Summary: s.Summaries[side], Terms: s.Proposal.Terms, Bundle: s.whole(side)}
}

// whole names the bundle that a side's consents are bound to, zero for none.
func (s *State) whole(side Side) Digest {
	if side == Supply || s.Bundle == nil {
		return Digest{}
	}
	return s.Bundle.Digest()
}
