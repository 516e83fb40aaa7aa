package disclosure

import (
	"errors"
	"fmt"
)

// The errors. No text of any of them holds a field value, an identity or a
// fact about the other side.
var (
	// ErrNotFound means that there is no such session, or that the caller is
	// no participant; which of the two is not told.
	ErrNotFound = errors.New("disclosure: no such session")
	// ErrNotAllowed means that the command has no place in the session's
	// present phase; see [PhaseError].
	ErrNotAllowed = errors.New("disclosure: command is not allowed now")
	// ErrStale means that the sequence number is not the actor's next or
	// later, that the command id was used for another command, or that the
	// binding is not to what this side was shown.
	ErrStale = errors.New("disclosure: sequence number or binding is stale")
	// ErrExpired means that the deadline, the hard expiry, the consent or the
	// grace window has passed.
	ErrExpired = errors.New("disclosure: expired")
	// ErrClosed means that the session is closed, as far as this side may know.
	ErrClosed = errors.New("disclosure: session is closed")
	// ErrTooRare means that too few employers fit the description; see [TooRareError].
	ErrTooRare = errors.New("disclosure: too few employers fit the description")
	// ErrPolicy means that the actor's own employer's rules refuse; see [PolicyError].
	ErrPolicy = errors.New("disclosure: refused by the rules of the own employer")
	// ErrBudget means that this side has changed its mind too often in this session.
	ErrBudget = errors.New("disclosure: too many choices in this session")
	// ErrConflict means that other writers kept extending the session; the
	// command was not applied and may be sent again.
	ErrConflict = errors.New("disclosure: session was extended concurrently")
	// ErrUnknownOutcome means that the log cannot say whether an append took
	// effect. Sending the same command again, with its id, is safe.
	ErrUnknownOutcome = errors.New("disclosure: outcome of the append is unknown")
	// ErrNoCapacity means that the reserver cannot hold what was offered.
	ErrNoCapacity = errors.New("disclosure: nothing left to hold")
	// ErrInvalid means that a proposal, command, option or listing is malformed; see [FieldError].
	ErrInvalid = errors.New("disclosure: invalid value")
	// ErrMachine means that the session began with a version of the [Machine]
	// that this build does not have; nothing happens in it here.
	ErrMachine = errors.New("disclosure: session of another version of the machine")
	// ErrSchema means that a summary schema contradicts itself.
	ErrSchema = errors.New("disclosure: invalid schema")
	// ErrSealed means that a sealed value cannot be decoded from its printed form.
	ErrSealed = errors.New("disclosure: sealed")
)

// PhaseError says which row of the [Table] rejected a command.
type PhaseError struct {
	Phase  Phase // as this side may know it
	Kind   Kind
	Reason string // of the row
}

func (e *PhaseError) Error() string {
	return fmt.Sprintf("disclosure: %s is not allowed in phase %s: %s", e.Kind, e.Phase, e.Reason)
}

// Unwrap returns [ErrNotAllowed], or [ErrClosed] in phase Closed.
func (e *PhaseError) Unwrap() error {
	if e.Phase == Closed {
		return ErrClosed
	}
	return ErrNotAllowed
}

// What a [PolicyError] refuses for.
const (
	RuleNotAllowed = "not allowed"          // the own employer does not let the session go on
	RuleSeparation = "separation of duties" // the offered person cannot approve in the employer's place
)

// PolicyError tells a side what its own rules still ask for.
type PolicyError struct {
	Version int           // of the own rules
	Due     []Requirement // approvals still due, if that is the reason
	Rule    string        // RuleNotAllowed or RuleSeparation
}

func (e *PolicyError) Error() string {
	return fmt.Sprintf("%v: %s (version %d, %d approvals due)", ErrPolicy, e.Rule, e.Version, len(e.Due))
}

// Unwrap returns [ErrPolicy].
func (e *PolicyError) Unwrap() error { return ErrPolicy }

// FieldError names a malformed field and its limit.
type FieldError struct {
	Field string
	Want  string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("disclosure: %s must be %s", e.Field, e.Want)
}

// Unwrap returns [ErrInvalid].
func (e *FieldError) Unwrap() error { return ErrInvalid }
