package csss

import (
	"errors"
	"fmt"
	"strings"

	"github.com/deeperpoint/csss/policy"
)

// Errors for yes/no questions; test with errors.Is. None carries an identity
// or a fact about the other side.
var (
	// ErrNotFound: there is no such thing, or the caller has no part in it.
	// The two are one error on purpose.
	ErrNotFound = errors.New("csss: not found")
	// ErrExists: the id is taken, if only by something erased; revise the thing
	// instead of publishing it again.
	ErrExists = errors.New("csss: already exists")
	// ErrDenied: the caller's own firm does not allow the step; *DeniedError says why.
	ErrDenied = errors.New("csss: denied by the firm's own rules")
	// ErrUnavailable: a candidate can no longer be selected. Every cause on the
	// other side (withdrawn, taken, denied, lapsed) reads like this.
	ErrUnavailable = errors.New("csss: candidate is no longer available")
	// ErrBudget: the caller's own employer group has asked too much in too short a
	// time; a *BudgetError says of what. Of changing one's mind in a session too
	// often it says no more.
	ErrBudget = errors.New("csss: budget is spent")
	// ErrNoPrice: fewer than three comparables are known for the category, so no
	// price can be named to either side; record comparables first.
	ErrNoPrice = errors.New("csss: no price: fewer than three comparables")
	// ErrNotYours: the person may not take this step for the firm.
	ErrNotYours = errors.New("csss: not this person's step")
	// ErrKeyReused: the caller used the command id before for another command, or
	// for one whose record has been erased since.
	ErrKeyReused = errors.New("csss: command id was used for another command")
	// ErrTooRare: too few employers share even the coarsest statement. Only the
	// owner of the thing ever sees it.
	ErrTooRare = errors.New("csss: too few employers share this description")
)

// InputError is bad input: the field, what it held and what is allowed. The
// call that returned it changed nothing.
type InputError struct {
	Field string // path in the argument, e.g. "offer.zone"
	Value string // the offending value; empty where it could name somebody
	Limit string // what is allowed
}

func (e *InputError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("csss: %s: %s", e.Field, e.Limit)
	}
	return fmt.Sprintf("csss: %s is %s: %s", e.Field, e.Value, e.Limit)
}

// DeniedError says to a firm which of its own rules, grants or quotas refused
// a step. It is never given to the other side. Unwrap returns ErrDenied.
type DeniedError struct {
	Reasons []policy.Reason
	Due     []policy.Due // approvals that would still be needed
}

func (e *DeniedError) Error() string {
	var b strings.Builder
	b.WriteString(ErrDenied.Error())
	sep := ": "
	for _, r := range e.Reasons {
		if r.Rule == "default-deny" && len(e.Reasons) > 1 {
			continue // the others say why nothing permits it
		}
		fmt.Fprintf(&b, "%s%s: %s", sep, r.Rule, r.Text)
		sep = "; "
	}
	return b.String()
}

// Unwrap returns ErrDenied.
func (e *DeniedError) Unwrap() error { return ErrDenied }

// RulesError says that a firm's rules, which were accepted once, do not compile
// under this Config.Schema: an attribute is missing or of another kind. Open
// the exchange with the schema they were accepted under. Unwrap returns
// policy's *Errors. Where it returns a *policy.BundleError or ErrUnsigned
// instead, the ledger holds rules that no pinned key has signed, which no
// exchange has put there.
type RulesError struct {
	Firm    string // for the host; not in the text
	Version int
	Err     error
}

func (e *RulesError) Error() string {
	if _, compiled := errors.AsType[*policy.Errors](e.Err); !compiled {
		return fmt.Sprintf("csss: version %d of a firm's rules does not count: %v", e.Version, e.Err)
	}
	return fmt.Sprintf("csss: version %d of a firm's rules does not compile under config.schema", e.Version)
}

// Unwrap returns the reason.
func (e *RulesError) Unwrap() error { return e.Err }
