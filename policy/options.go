package policy

import (
	"fmt"
	"maps"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// Evaluator is how conditions are computed. All give the same answers.
type Evaluator uint8

// The evaluators.
const (
	Instructions Evaluator = iota // our own, over slots; what it does not know is computed by cel-go, see [Stats]
	CELGo                         // cel-go alone, some fifty times as slow: to check the other one by
)

// Options of a [Schema].
type Options struct {
	Evaluator Evaluator // how conditions are computed; default Instructions
}

// WithOptions returns a schema with the same attributes and other options, nil being the defaults. It shares nothing with
// s: sets and queries of the one are strangers to the other. The error names an evaluator that there is not, or
// says that s is nil or the zero Schema.
func (s *Schema) WithOptions(opts *Options) (*Schema, error) {
	if !s.made() {
		return nil, errNoSchema
	}
	if opts == nil {
		opts = &Options{}
	}
	if opts.Evaluator > CELGo {
		return nil, fmt.Errorf("policy: evaluator %d, the largest is %d", opts.Evaluator, CELGo)
	}
	return &Schema{attrs: maps.Clone(s.attrs), seed: s.seed, unreleased: s.unreleased, table: s.table, now: s.now, category: s.category,
		options: expr.Options{CELOnly: opts.Evaluator == CELGo}}, nil
}

// Stats tells what a set is made of.
type Stats struct {
	Employers  int `json:"employers"`
	Rules      int `json:"rules"`
	Conditions int `json:"conditions"` // of rules and grants
	Fallbacks  int `json:"fallbacks"`  // conditions of which cel-go computes a part, a microsecond instead of nanoseconds
}

// Stats counts the set's parts. It costs a walk over all rules.
func (s *Set) Stats() Stats {
	var st Stats
	count := func(c *condition) {
		if c != nil {
			st.Conditions++
			if c.Fallback() {
				st.Fallbacks++
			}
		}
	}
	for f := range s.firms.all {
		st.Employers++
		st.Rules += len(f.rules)
		for _, r := range f.rules {
			count(r.when)
		}
		for _, g := range f.grants {
			count(g.when)
		}
	}
	return st
}
