package csss

import (
	"cmp"
	"slices"

	"github.com/deeperpoint/csss/policy"
)

// Standing is how one thing of a firm stands under the rules in force.
type Standing struct {
	Kind     EffectKind         `json:"kind"`
	Firm     string             `json:"firm"`
	ID       string             `json:"id"` // of the offer or need; else the firm's own handle of the session
	Category string             `json:"category"`
	Action   policy.Action      `json:"action"` // the step that was asked
	Answer   policy.Explanation `json:"answer"` // without what tells of the other side
}

// Standing tells how the live offers and needs, the open sessions and the running
// engagements of a firm are decided now, and why: what [Exchange.Effects]
// compares other rules with. Nothing changes, and nothing is logged. The list is
// sorted by kind and id; it costs a decision or two for each thing.
//
// It is for the operator alone, as Effects is. What rests on the other side is
// left out: see [policy.Explanation.Untainted].
//
// Errors: ErrNotYours; ErrNotFound for a firm that is not in the market.
func (x *Exchange) Standing(by By, firm string) ([]Standing, error) {
	if err := by.operator(); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	f := x.st.firms[firm]
	if f == nil {
		return nil, ErrNotFound
	}
	var list []Standing
	e := effects{st: x.st, then: x.st, at: x.st.clamp(by.At)}
	e.stands = func(one Effect, answer policy.Explanation) {
		list = append(list, Standing{one.Kind, one.Firm, one.ID, one.Category, one.Action, answer.Untainted()})
	}
	e.firm(f)
	slices.SortStableFunc(list, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(effectOrder(a.Kind), effectOrder(b.Kind)), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
