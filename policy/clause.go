package policy

import "github.com/deeperpoint/csss/policy/internal/expr"

// Clause is a part of a condition in pieces, for whoever says it in other words than the document's. It holds what the
// document says, and nothing of any request.
type Clause struct {
	Text string `json:"text"` // the part in one spelling

	// Op is "and", "or", "not", "present", "true" (of a bool attribute), "==", "!=", "<", "<=", ">", ">=", "in" (the
	// attribute is one of Want), "has" (the list has Want), "starts", "ends" or "contains"; "" for anything else.
	Op        string   `json:"op,omitempty"`
	Attribute string   `json:"attribute,omitempty"` // what is compared; none with "and", "or", "not" and ""
	Kind      Kind     `json:"kind,omitempty"`      // of Attribute
	Other     string   `json:"other,omitempty"`     // the attribute it is compared with; none: Want
	Want      []string `json:"want,omitempty"`      // constants as documents spell them, such as "9500", "2h30m"; several with "in" alone
	Parts     []Clause `json:"parts,omitempty"`     // of "and", "or" and "not"
}

// Clause returns a condition in pieces: a rule's `when`, or [Reason.Clause]. It reports false for a text that is no
// condition. It costs about 20 µs and may be called concurrently.
func (s *Schema) Clause(when string) (Clause, bool) {
	engine, err := s.conditions()
	if err != nil {
		return Clause{}, false
	}
	if _, problems := engine.Compile(when); problems != nil {
		return Clause{}, false
	}
	c, ok := engine.Clause(when)
	if !ok {
		return Clause{}, false
	}
	return clauseOf(&c), true
}

// The two kinds of kinds are numbered alike.
func clauseOf(c *expr.Clause) Clause {
	out := Clause{Text: c.Text, Op: c.Op, Attribute: c.Attribute, Kind: Kind(c.Kind), Other: c.Other, Want: c.Want}
	for i := range c.Parts {
		out.Parts = append(out.Parts, clauseOf(&c.Parts[i]))
	}
	return out
}
