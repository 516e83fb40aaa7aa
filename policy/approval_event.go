package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// ApprovalKind is what happened to an approval.
type ApprovalKind string

// The kinds. Expiry and escalation are computed, not events.
const (
	ApprovalRequested ApprovalKind = "approval.requested" // somebody asked for agreement
	ApprovalGranted   ApprovalKind = "approval.granted"   // a yes
	ApprovalDenied    ApprovalKind = "approval.denied"    // a no
	ApprovalRevoked   ApprovalKind = "approval.revoked"   // a vote or a hand-over is taken back
	ApprovalDelegated ApprovalKind = "approval.delegated" // somebody lets another vote in their place
)

// ApprovalEvent is one entry of the ledger about approvals. Events are passed in ledger order.
type ApprovalEvent struct {
	ID          string       `json:"id"` // unique; of several events with one id the first counts, one without does not
	Kind        ApprovalKind `json:"kind"`
	Employer    string       `json:"employer,omitempty"`    // whose it is; in a request it counts for that employer alone
	Requirement string       `json:"requirement,omitempty"` // "": any
	Binding     [32]byte     `json:"binding,omitzero"`      // what it is about, see [Ballot]; of a hand-over zero: any deal
	Person      string       `json:"person,omitempty"`      // who did it; a revocation without one is the employer's own
	Roles       []string     `json:"roles,omitempty"`       // granted, denied: held by Person then; delegated: handed on
	Under       string       `json:"under,omitempty"`       // id of the hand-over, or of the grant, by which Person acts; "": in their own right
	At          time.Time    `json:"at"`                    // events after now do not exist yet

	Revokes string `json:"revokes,omitempty"` // revoked: id of the vote or hand-over

	To         string    `json:"to,omitempty"`         // delegated: who may vote
	Until      time.Time `json:"until,omitzero"`       // delegated: exclusive; required
	Depth      int       `json:"depth,omitempty"`      // delegated: how often To may hand it on
	Categories []string  `json:"categories,omitempty"` // delegated: only for these; none: all
	Bounds     []Bound   `json:"bounds,omitempty"`     // delegated: only within these
}

// FoldApprovals returns where a requirement stands at now, from the events of its flow. It is a pure function: the same
// events give the same answer; duplicates and events about another binding, requirement or employer change nothing; events
// after now do not exist yet.
//
//   - Votes count as [FoldVotes] says, whether or not anybody had asked for them yet.
//   - A vote under a hand-over fills a seat of the roles handed on, while every link of the chain was live at the vote and
//     is live now. Each link narrows the one before it. Taking one back, or its end, ends everything below. The one who
//     holds the role and all who vote for them fill one seat together.
//   - A vote under a grant counts likewise where Facts.Granted holds the link.
//   - A revocation counts from its own time, whoever stands where in the ledger. Voters take back their votes; so does
//     everybody in the chain above, for hand-overs too; and the employer takes back anything.
//
// It costs [FoldVotes] plus O(events × depth).
func FoldApprovals(req Requirement, events []ApprovalEvent, facts Facts, now time.Time) Approval {
	ballots, asked := ballotsOfEvents(&req, events, &facts, now)
	facts.Requested = earliest(facts.Requested, asked)
	return tally(&req, ballots, &facts, now)
}

// ballotsOfEvents returns the votes that count, and when agreement was first asked for.
func ballotsOfEvents(req *Requirement, events []ApprovalEvent, facts *Facts, now time.Time) (list []ballot, asked time.Time) {
	c := newChains(req, events, facts, now)
	for i := range c.events {
		e := &c.events[i]
		v := Vote{Requirement: e.Requirement, Person: e.Person, Roles: e.Roles, Yes: e.Kind == ApprovalGranted, At: e.At, Binding: e.Binding}
		switch e.Kind {
		case ApprovalRequested:
			if c.about(e) {
				asked = earliest(asked, e.At)
			}
			continue
		case ApprovalGranted, ApprovalDenied:
		default:
			continue
		}
		if until, ok := c.authority(e, i, &v, now); counts(req, &v, facts, now) && (ok || c.revoked[e.ID]) {
			b := ballotOf(&v, facts, until)
			b.void = c.revoked[e.ID]
			list = append(list, b)
		}
	}
	return list, asked
}

// existing keeps the events there are at now, each once, of one employer: one that names none is of none.
func existing(events []ApprovalEvent, facts *Facts, now time.Time) []ApprovalEvent {
	var list []ApprovalEvent
	seen := make(map[string]bool, len(events))
	for _, e := range events {
		foreign := facts.Employer != "" && e.Employer != facts.Employer
		if e.ID == "" || seen[e.ID] || foreign || e.At.After(now) {
			continue
		}
		seen[e.ID] = true
		list = append(list, e)
	}
	return list
}

// about reports whether a request for agreement is for this requirement and deal.
func (c *chains) about(e *ApprovalEvent) bool {
	return (e.Requirement == "" || e.Requirement == c.req.ID) && (c.facts.Binding == [32]byte{} || e.Binding == c.facts.Binding)
}

// takeBack marks what was revoked by someone who may.
func (c *chains) takeBack() {
	for _, r := range c.events {
		if r.Kind != ApprovalRevoked {
			continue
		}
		if at, ok := c.places[r.Revokes]; ok && (r.Person == "" || c.above(at, r.Person)) {
			c.revoked[r.Revokes] = true
		}
	}
}

// above reports whether a person did what stands at a place, or handed on the authority for it.
func (c *chains) above(at int, person string) bool {
	for range maxDepth + 1 {
		e := &c.events[at]
		if e.Person == person {
			return true
		}
		up, ok := c.places[e.Under]
		if !ok || up >= at {
			return false
		}
		at = up
	}
	return false
}

// authority settles by whose roles an event votes: it fills in the vote's roles and via, and tells when that ends.
func (c *chains) authority(e *ApprovalEvent, at int, v *Vote, now time.Time) (until time.Time, ok bool) {
	if e.Under == "" {
		return time.Time{}, true
	}
	if h, ok := c.handOver(e.Under, at, maxDepth); ok && c.events[c.place(e.Under)].Employer == e.Employer {
		v.Roles, v.Via = h.roles, h.via
		return h.span.until, h.covers(e.Person, e.At, now, c.facts)
	}
	for i := range c.facts.Granted {
		if g := &c.facts.Granted[i]; g.ID == e.Under && g.seats(c.req, e, c.facts, now) {
			v.Roles, v.Via = []string{g.Seat}, g.Via
			return g.Until, true
		}
	}
	return time.Time{}, false
}

// Ballot is what a vote is about. Its digest binds the vote: whoever agreed to other terms, under other rules of their
// own employer, or with other obligations, has not agreed to these. A change of the other employer's rules is none.
type Ballot struct {
	Request     [32]byte // what is asked, without its time
	Terms       [32]byte // what would be agreed
	Rules       [32]byte // [Set.Digest] of the employer whose vote it is
	Obligations []string // in any order
	Requirement string   // "" for all requirements of one decision together
}

// Digest returns the SHA-256 of the ballot under its own domain, each text with its length before it.
func (b Ballot) Digest() [32]byte {
	h := sha256.New()
	text := func(s string) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
		h.Write([]byte(s))
	}
	text("csss.policy/ballot/v1")
	h.Write(b.Request[:])
	h.Write(b.Terms[:])
	h.Write(b.Rules[:])
	text(b.Requirement)
	for _, o := range slices.Sorted(slices.Values(b.Obligations)) {
		text(o)
	}
	return [32]byte(h.Sum(nil))
}
