package csss

import (
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// searched are the actions that a search asks both employers about.
var searched = [...]policy.Action{policy.Match, policy.Summarise}

// hearing asks both employers about the pairs of one search. What is the same
// for all of them, the need and who asks, is put to the rules once; what is
// left of them is a sieve.
type hearing struct {
	st     *state
	need   *match.Need
	at     time.Time
	supply [len(searched)]sieve // every firm's rules, about offers
	demand [len(searched)]sieve // the asking firm's own rules, about counterparties
	usage  map[string]*usage    // by firm: its books stand still during a search
	query  policy.Query
}

func (st *state) hearing(need *match.Need, at time.Time) *hearing {
	h := &hearing{st: st, need: need, at: at, usage: map[string]*usage{}}
	own := st.noRules
	if f := st.firms[need.Firm]; f != nil && f.rules != nil {
		own = f.rules
	}
	for i, action := range searched {
		h.supply[i] = newSieve(st, st.rules, st.supplySame(action, need, at))
		h.demand[i] = newSieve(st, own, st.demandSame(action, need, at))
	}
	return h
}

// supplySame is what the offering employers' rules are asked alike, whatever
// the offer. It is a part of each [state.supplyRequest].
func (st *state) supplySame(a policy.Action, n *match.Need, at time.Time) *policy.Request {
	r := &policy.Request{Action: a, Category: n.Category, Now: at, Attrs: policy.Attrs{
		"context.now":    policy.Time(at),
		"request.topics": policy.Strings(n.Topics...),
	}}
	st.counterparty(r, n.Firm, nil, at)
	return r
}

// demandSame is what the asking employer's rules are asked alike, whatever the
// offer. It is a part of each [state.demandRequest] before the reveal.
func (st *state) demandSame(a policy.Action, n *match.Need, at time.Time) *policy.Request {
	r := st.demandRequest(a, n, nil, at)
	asked(r, n, needHours(n))
	r.Withheld = []string{"counterparty.group"}
	return r
}

// permitted asks both employers, always both and always about both actions.
//
// Only of a pair that was refused are the reasons read, for the offer's own
// firm, and then whoever refused it: the asking side, which knows its own rules
// and sees that it is not shown the pair, cannot tell by the time it takes who
// else did. What a sieve saves where it refuses without a decision is about a
// microsecond; what ranks and freezes a pair that passed takes a hundred times
// that.
func (h *hearing) permitted(f *fit) (bool, *policy.Reason) {
	supply, demand := h.requests(f)
	ok := true
	for i, action := range searched {
		supply.Action, demand.Action = action, action
		theirs, own := h.supply[i].passes(&h.query, supply), h.demand[i].passes(&h.query, demand)
		ok = ok && theirs && own
	}
	if ok {
		return true, nil
	}
	return false, h.refusal(supply)
}

// requests are what the two employers are asked about a pair, but for the
// action.
func (h *hearing) requests(f *fit) (supply, demand *policy.Request) {
	supply = h.st.supplyRequest("", f, h.at)
	if h.usage[f.off.Firm] == nil {
		h.usage[f.off.Firm] = &usage{st: h.st}
	}
	supply.Usage = h.usage[f.off.Firm]
	return h.st.able(supply), h.st.able(h.st.demandRequest("", f.need, f, h.at))
}

// refusal is why the offer's own rules refuse a pair; nil if they do not.
func (h *hearing) refusal(r *policy.Request) (first *policy.Reason) {
	for _, action := range searched {
		r.Action = action
		if d := h.st.decide(r); d.Outcome == policy.Deny && first == nil {
			first = firstReason(d.Reasons)
		}
	}
	return first
}

// firstReason is the first that says more than that nothing was permitted; nil
// without any.
func firstReason(reasons []policy.Reason) *policy.Reason {
	for i := range reasons {
		if reasons[i].Rule != "default-deny" {
			return &reasons[i]
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return &reasons[0]
}

// sieve is what remains of a set's rules for one action of a search.
type sieve struct {
	set    *policy.Set
	filter *policy.Filter
	batch  *policy.Batch // nil: not logged
}

// newSieve fixes what a request says; all other attributes are open.
func newSieve(st *state, set *policy.Set, same *policy.Request) sieve {
	var open []string
	for _, a := range set.Schema().Attributes() {
		if _, fixed := same.Attrs[a.Name]; !fixed && !slices.Contains(same.Withheld, a.Name) && !strings.HasPrefix(a.Name, "resource.") {
			open = append(open, a.Name)
		}
	}
	if st.batch != nil {
		return sieve{set, st.batch.Filter(set, same, open...), st.batch}
	}
	q, err := set.Schema().Bind(same)
	if err != nil {
		q = nil // nothing passes
	}
	return sieve{set, set.Filter(q, open...), nil}
}

// passes reports whether the rules do not deny a request. Most that are denied
// are so without a decision: no rule of the owner opens the category at all, or
// the filter does not match. What matches is decided, unless the filter is
// exact; with a log it is decided in any case, so that the log holds each pair
// that was let through. It reuses the query.
func (s *sieve) passes(q *policy.Query, r *policy.Request) bool {
	cell, known := s.set.Cell(r.Employer, r.Category)
	if !known || !s.filter.Allows(cell) {
		return false
	}
	if q.Reset(s.set.Schema(), r) != nil || !s.filter.Match(q) {
		return false
	}
	switch {
	case s.batch != nil:
		d := s.batch.Decide(s.set, r)
		return d.Outcome != policy.Deny
	case s.filter.Kind() == policy.Exact:
		return true
	default:
		d := s.set.Decide(q)
		return d.Outcome != policy.Deny
	}
}
