package csss

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/policy"
)

// This file asks the rules. All documents in force are one set, so that one
// filter serves a search over every firm, and both sides of a pair are judged
// by one snapshot. A firm's own documents, the one in force and those before,
// are kept beside it, for the firm itself and for what began under them.

// settle brings the set of all firms up to the documents that were folded
// since. Nothing is decided between a fold and this.
func (st *state) settle() {
	if len(st.changed) == 0 {
		return
	}
	sets := []*policy.Set{st.rules}
	for _, firm := range st.changed {
		f := st.firms[firm]
		if f.rules == nil { // the document in force is broken, and the one before must not decide either
			sets = []*policy.Set{st.noRules}
			for _, f := range st.firms {
				if f.rules != nil {
					sets = append(sets, f.rules)
				}
			}
			break
		}
		sets = append(sets, f.rules)
	}
	all, err := policy.Join(sets...)
	if err != nil {
		all = st.noRules // unreachable: the state compiles every document under its one schema
	}
	st.rules, st.changed = all, nil
}

// decide asks the rules of the request's firm, with every reason; a firm
// without rules allows nothing.
func (st *state) decide(r *policy.Request) policy.Explanation {
	d := st.explain(st.rules, r)
	if d.Digest == [32]byte{} && st.inForce(r.Employer) == (disclosure.Digest{}) {
		return policy.Explanation{Reasons: []policy.Reason{{Rule: "default-deny", Text: "the firm has published no rules"}}}
	}
	return d
}

// permits turns anything but a clean permit into a *DeniedError.
func (st *state) permits(r *policy.Request) error {
	d := st.decide(r)
	if d.Outcome == policy.Permit {
		return nil
	}
	return &DeniedError{Reasons: d.Reasons, Due: d.Due}
}

// decideSince asks a firm about something that began under given rules of its
// own, whether or not they are still in force.
func (st *state) decideSince(r *policy.Request, opened disclosure.Digest) policy.Explanation {
	if now := st.inForce(r.Employer); now == opened || now == (disclosure.Digest{}) {
		return st.decide(r)
	}
	return st.decideChanged(r, opened)
}

// decideChanged asks a firm whose rules have changed since a match or since a
// session opened.
// The rules of then are asked in full, and the rules of now without what is
// hidden until the reveal: a rule that was written since cannot sound the
// other side out, nor wave through what needed approval.
func (st *state) decideChanged(r *policy.Request, opened disclosure.Digest) policy.Explanation {
	f := st.firms[r.Employer]
	if f == nil || f.past[opened] == nil {
		return policy.Explanation{}
	}
	then := *r
	then.Binding = [32]byte{} // votes were bound to the rules of their time
	before := st.explain(f.past[opened], &then)
	d := st.decide(unrevealed(r))
	d.Outcome = min(d.Outcome, before.Outcome)
	for _, due := range before.Due {
		if !slices.ContainsFunc(d.Due, func(x policy.Due) bool { return x.Requirement == due.Requirement }) {
			d.Due = append(d.Due, due)
		}
	}
	d.Tainted = united(d.Tainted, before.Tainted)
	if d.Outcome != policy.Deny {
		d.Obligations, d.Advice = united(d.Obligations, before.Obligations), united(d.Advice, before.Advice)
	}
	return d
}

// united is the words of both lists, sorted.
func united(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// unrevealed is a request that withholds what tells of the other side.
func unrevealed(r *policy.Request) *policy.Request {
	now := *r
	now.Attrs, now.Withheld = policy.Attrs{}, slices.Clone(r.Withheld)
	for name, v := range r.Attrs {
		if hidden(name) {
			now.Withheld = append(now.Withheld, name)
		} else {
			now.Attrs[name] = v
		}
	}
	return &now
}

// hidden reports whether an attribute tells of the other side.
func hidden(name string) bool {
	return strings.HasPrefix(name, "counterparty.") || name == "request.distance_km"
}

// digest names the firm's rules in force; empty without any.
func (f *firmState) digest() string {
	if f == nil || f.rules == nil {
		return ""
	}
	d := f.current()
	return hex.EncodeToString(d[:])
}

// current names the firm's rules in force; zero without any.
func (f *firmState) current() disclosure.Digest {
	if f.rules == nil {
		return disclosure.Digest{}
	}
	return disclosure.Digest(f.rules.Digest(f.firm.ID))
}

// inForce names the rules of a firm; zero without any.
func (st *state) inForce(firm string) disclosure.Digest {
	return disclosure.Digest(st.rules.Digest(firm))
}
