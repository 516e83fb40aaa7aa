package disclosure

import (
	"encoding/json"
	"time"
)

// EventType is the name of an event, and of its record on the log.
type EventType string

// The events. The two sealed ones carry every choice made before the reveal.
const (
	SessionProposed      EventType = "SessionProposed"
	SummaryAttached      EventType = "SummaryAttached" // what one side is shown
	SummariesPublished   EventType = "SummariesPublished"
	ChoiceSealed         EventType = "ChoiceSealed"
	AuthorizationSealed  EventType = "AuthorizationSealed"
	IdentitiesRevealed   EventType = "IdentitiesRevealed"
	FieldsDisclosed      EventType = "FieldsDisclosed"
	TermsAccepted        EventType = "TermsAccepted"
	EngagementAgreed     EventType = "EngagementAgreed"
	EngagementStarted    EventType = "EngagementStarted"
	EngagementMarked     EventType = "EngagementMarked" // one side's hours
	EngagementCompleted  EventType = "EngagementCompleted"
	EngagementDisputed   EventType = "EngagementDisputed"
	EngagementTerminated EventType = "EngagementTerminated"
	OutcomeRated         EventType = "OutcomeRated"
	SessionStaled        EventType = "SessionStaled"
	SessionRevived       EventType = "SessionRevived"
	SessionClosed        EventType = "SessionClosed"
	BundleRevised        EventType = "BundleRevised" // another leg was replaced
	FacilitatorNamed     EventType = "FacilitatorNamed"
	FacilitatorJoined    EventType = "FacilitatorJoined" // also in the session's stream, like the two that follow
	FacilitatorLooked    EventType = "FacilitatorLooked"
	FacilitatorEnded     EventType = "FacilitatorEnded"
)

// Event is one step of one session. Which fields are set depends on Type.
type Event struct {
	Type        EventType   `json:"type"`
	At          time.Time   `json:"at"`
	Said        time.Time   `json:"said,omitzero"`  // by the actor, of when
	Kind        Kind        `json:"kind,omitempty"` // the command behind it
	Side        Side        `json:"side"`
	Actor       string      `json:"actor,omitempty"`
	Command     string      `json:"command,omitempty"` // id; empty on what follows from a command
	Digest      Digest      `json:"digest,omitzero"`   // of the command
	Seq         uint64      `json:"seq,omitempty"`
	Bind        Binding     `json:"bind,omitzero"`
	Until       time.Time   `json:"until,omitzero"` // publication slot, lapse of a consent, end of a hold
	Auto        bool        `json:"auto,omitempty"` // an authorisation by the rules alone
	Policy      Digest      `json:"policy,omitzero"`
	Version     int         `json:"version,omitempty"`
	Roles       []string    `json:"roles,omitempty"`
	Under       string      `json:"under,omitempty"` // of a vote
	Requirement string      `json:"requirement,omitempty"`
	Stage       Stage       `json:"stage,omitempty"`
	Hours       int64       `json:"hours,omitempty"`
	Rating      Rating      `json:"rating,omitzero"`
	Reason      string      `json:"reason,omitempty"`
	Cause       string      `json:"cause,omitempty"`
	Policies    [2]Digest   `json:"policies,omitzero"` // IdentitiesRevealed: rules it was decided under
	Versions    [2]int      `json:"versions,omitzero"`
	Proposal    *Proposal   `json:"proposal,omitempty"`   // SessionProposed
	Machine     Digest      `json:"machine,omitzero"`     // SessionProposed: see [MachineVersion]
	Bundle      *Bundle     `json:"bundle,omitempty"`     // BundleRevised
	Invitation  *Invitation `json:"invitation,omitempty"` // FacilitatorNamed
	Seat        int         `json:"seat,omitempty"`       // in a session's stream: number of the invitation
	Share       []byte      `json:"share,omitempty"`      // the host's, of a consent: see [Command]
	V           int         `json:"v,omitempty"`          // version of the type, see [Upcast]
	Erased      bool        `json:"-"`                    // the record was read back without its payload
	sum         Digest      // of the payload it was read from
}

// SealedSize is the payload size, in bytes, of every sealed event.
const SealedSize = 2048

// Sealed reports whether the type tells nothing about the choice.
func (t EventType) Sealed() bool { return t == ChoiceSealed || t == AuthorizationSealed }

// DecodeEvent reads a record back. A record without payload is an erased one:
// the event then has its type and Erased set and nothing else. An error wraps
// [ErrInvalid] and means that the record is not one of this package.
func DecodeEvent(r Record) (Event, error) {
	if len(r.Data) == 0 {
		return Event{Type: EventType(r.Type), Erased: true}, nil
	}
	var e Event
	if err := json.Unmarshal(r.Data, &e); err != nil || string(e.Type) != r.Type {
		return Event{}, &FieldError{Field: "record", Want: "an event of its own type"}
	}
	if e.Side > Demand || e.Type.Sealed() && len(r.Data) != SealedSize || e.Type == SessionProposed && e.Proposal == nil || e.Type == BundleRevised && e.Bundle == nil {
		return Event{}, &FieldError{Field: "record", Want: "an event as this package writes it"}
	}
	e.sum = DigestOf(r.Data)
	return Upcast(e)
}

var trailNames = map[EventType]string{
	SessionProposed:      "match.proposed",
	SummariesPublished:   "session.opened",
	IdentitiesRevealed:   "identity.revealed",
	TermsAccepted:        "terms.accepted",
	EngagementStarted:    "engagement.started",
	EngagementCompleted:  "engagement.completed",
	EngagementDisputed:   "engagement.disputed",
	EngagementTerminated: "engagement.terminated",
	OutcomeRated:         "outcome.rated",
	SessionStaled:        "session.stale",
	SessionRevived:       "session.revived",
	SessionClosed:        "session.closed",
}

var sealedTrailNames = map[Kind]string{
	OptIn:      "optin.given",
	OptOut:     "optin.withdrawn",
	Withdraw:   "optin.withdrawn",
	Authorize:  "approval.granted",
	Deny:       "approval.denied",
	RevokeAuth: "approval.revoked",
	Abort:      "approval.revoked",
}

// TrailName returns the word for the event in the exported trail, "" for steps
// that the trail names by another entry: a summary attached, a wish to revive
// (session.revived), another leg replaced (its match.proposed), terms accepted by both (hold.firmed, the reserver's
// record), one side's hours (engagement.completed).
func (e Event) TrailName() string {
	switch {
	case e.Type.Sealed():
		return sealedTrailNames[e.Kind]
	case e.Type == FieldsDisclosed && e.Stage == StageSummary:
		return "summary.viewed"
	case e.Type == FieldsDisclosed:
		return "fields.disclosed"
	}
	return trailNames[e.Type]
}
