package policy

import (
	"slices"
	"time"
)

// Action is a step of a deal. The list is closed.
type Action string

// The actions.
const (
	Publish           Action = "publish"            // put an offer on the exchange
	Register          Action = "register"           // put a need on the exchange
	Match             Action = "match"              // be considered as a candidate
	Summarise         Action = "summarise"          // show a summary without identity
	Reveal            Action = "reveal"             // show who one is
	Engage            Action = "engage"             // begin the work
	Renew             Action = "renew"              // go on after the agreed end
	ProcessExternally Action = "process_externally" // hand text or vectors to a service outside the engine
)

const actionCount = 8

var actionList = [actionCount]Action{Publish, Register, Match, Summarise, Reveal, Engage, Renew, ProcessExternally}

// Actions returns all actions, in the order of a deal.
func Actions() []Action { return slices.Clone(actionList[:]) }

// PersonConsent is the one thing `requires` may name: the consent of the person offered.
const PersonConsent = "person_consent"

// Request is one question to one employer's rules. Explain only reads it; it may be shared by goroutines that do too.
type Request struct {
	Employer string    `json:"employer"` // whose rules are asked
	Action   Action    `json:"action"`
	Category string    `json:"category"` // dotted, lower-case
	Now      time.Time `json:"now"`      // the engine's time; required

	Attrs    Attrs    `json:"attrs,omitempty"`    // absent is never zero; context.now and resource.category are filled from above
	Withheld []string `json:"withheld,omitempty"` // attributes that exist but are not released at this stage: a forbid that needs one denies, a permit does not apply

	// Weeks is what is asked per ISO week of the document's zone, for iso_week and month quotas. Empty: for the former the
	// attribute request.per_week in every week from request.start to request.end, or in the week of Now; for the latter
	// what is asked in all, see Total, in every month of the same stretch. The attribute must be the most of a week.
	Weeks []WeekAmount `json:"weeks,omitempty"`
	// Total is what is asked in all, for total and engagement quotas. Zero: the attribute request.total, else the sum
	// of Weeks. The attribute must be the same, and not less than the weeks hold.
	Total time.Duration `json:"total,omitempty"`

	Usage    Usage               `json:"-"`                  // what is already used; nil: nothing
	Votes    []Vote              `json:"votes,omitempty"`    // this employer's votes so far, in ledger order
	RolesNow map[string][]string `json:"rolesNow,omitempty"` // roles voters hold now, by person; nil: as at the vote. Someone not in a non-nil map holds none
	Consents []string            `json:"consents,omitempty"` // "person_consent" when the person offered has agreed to this deal
	Revoked  []string            `json:"revoked,omitempty"`  // ids of this employer's grants that were withdrawn
	Knows    []string            `json:"knows,omitempty"`    // obligations the caller can carry out; a permit that asks for another one is worth nothing
	Binding  [32]byte            `json:"binding,omitzero"`   // digest that votes must be bound to; zero: not checked

	// Approvals are this employer's approval events so far, in ledger order: votes with their requests, revocations and
	// hand-overs. They stand beside Votes, after them.
	Approvals []ApprovalEvent `json:"approvals,omitempty"`
	Requested time.Time       `json:"requested,omitzero"` // when agreement was first asked for; escalations count from it, or from an approval.requested before it
	Grants    []GrantEvent    `json:"grants,omitempty"`   // this employer's grant events: issued beside the document's, handed on, revoked
	Member    string          `json:"member,omitempty"`   // an opaque name of the counterparty's group, for walls alone: no condition reads it
	Served    []Served        `json:"served,omitempty"`   // this employer's history, see [Set.FoldWalls]
}

// WeekAmount is a length of time in one ISO week, such as 2h30m in "2026-W38".
type WeekAmount struct {
	Week  string        `json:"week"`
	Hours time.Duration `json:"hours"`
}

// Usage tells what is already taken of a quota: placed holds and engagements, folded by the caller. Key holds the values
// of the quota's key attributes in their order. Period is "2026-W38" for iso_week, "2026-09" for month, "total" for
// total, "concurrent" for concurrent. Negative answers count as nothing used. Implementations must be safe for the callers' concurrency.
type Usage interface {
	Used(employer string, q Quota, key []string, period string) time.Duration
}

// Outcome is what a decision comes to. The zero value denies; a larger outcome is more permissive.
type Outcome uint8

// The outcomes.
const (
	Deny            Outcome = iota // must not go on
	RequireApproval                // may go on once what is due has been given
	Permit                         // may go on
)

var outcomeNames = [...]string{"deny", "require_approval", "permit"}

// String returns "deny", "require_approval" or "permit".
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return outcomeNames[Deny]
}

// MarshalText returns [Outcome.String].
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText wrote; any other text is an error.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return &RequestError{Field: "outcome", Text: "is none of deny, require_approval, permit"}
}

// Reason is one determining rule. It is for the firm whose rule it is.
type Reason struct {
	// Rule is "id@version" of a rule, "quota:id", "grant:id", "approval:id", "obligation:id", "default-deny" or "request".
	Rule string `json:"rule"`
	// Text says what decided, in the words of the firm's own document. A tainted text names the rule alone.
	Text string `json:"text"`
	// Tainted reasons depend on facts about the counterparty. Before the reveal show them in totals only; [Explanation.Untainted]
	// leaves them out.
	Tainted bool `json:"tainted,omitempty"`
	// Clause is the part of a condition that decided, for [Schema.Clause]; none where no condition did, or where it is
	// tainted.
	Clause string `json:"clause,omitempty"`
}

// Due is an approval requirement that is not satisfied yet. The consent of the person offered appears as requirement
// "person_consent" with the single seat "person".
type Due struct {
	Requirement string        `json:"requirement"`
	Seats       []string      `json:"seats"`               // roles, one place each
	Need        int           `json:"need"`                // how many seats must agree
	Have        int           `json:"have"`                // how many do at this moment
	Escalated   bool          `json:"escalated,omitempty"` // it has waited so long that Seats holds more than the requirement's own
	Expires     time.Duration `json:"expires,omitempty"`   // how long a vote lives; 0: does not expire
	Not         []string      `json:"not,omitempty"`       // who may not vote: "requester", "offered_person"
	Tainted     bool          `json:"tainted,omitempty"`   // due on account of facts about the counterparty: before the reveal not to be named
}

// Explanation is the answer of one employer's rules. It is a value of its own: changing it changes nothing else.
type Explanation struct {
	Outcome     Outcome                  `json:"outcome"`
	Reasons     []Reason                 `json:"reasons"`               // sorted by rule; independent of the order of rules in the document
	Due         []Due                    `json:"due,omitempty"`         // sorted by requirement; empty unless Outcome is RequireApproval
	Headroom    map[string]time.Duration `json:"headroom,omitempty"`    // per quota looked at: what may still be asked; per week the least of the weeks asked for
	Obligations []string                 `json:"obligations,omitempty"` // what the caller must do if it goes on, sorted; none if Outcome is Deny
	Advice      []string                 `json:"advice,omitempty"`      // what the caller may do, sorted; none if Outcome is Deny
	Rules       []string                 `json:"rules,omitempty"`       // ids of the rules that apply: the forbids that denied, else the permits
	Digest      [32]byte                 `json:"digest"`                // digest of the employer's document; zero for an unknown employer
	Version     int                      `json:"version"`               // version of the employer's document
	Tainted     []string                 `json:"tainted,omitempty"`     // what else depends on facts about the counterparty: "rule:id", "obligation:id", "advice:id", "quota:id" of Headroom; sorted
	Errors      []error                  `json:"-"`                     // *RequestError, *EvalError
}
