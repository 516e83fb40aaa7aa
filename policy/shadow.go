package policy

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// ShadowOptions tunes [Shadow]. Nil means all defaults.
type ShadowOptions struct {
	// Carried tells whether what a request asked for was carried out, or would have been. Default: whether the active
	// set permits it.
	Carried func(*Request) bool
}

// ShadowReport is how a candidate set would have decided what an active one decided.
type ShadowReport struct {
	Requests    int          `json:"requests"`  // how many were asked
	Different   int          `json:"different"` // how many of them came to another outcome, or to other approvals
	WouldDeny   int          `json:"wouldDeny"` // how many of them the candidate denies although they would be carried out
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is one row of a [ShadowReport]: what one rule changes from one outcome to another. It holds no attribute of
// any request.
type Difference struct {
	Employer string `json:"employer"`
	// Rule is the id of a rule, "quota:id", "approval:id" or what else a [Reason] names without its version: whatever
	// denies on the denying side; after a default deny the permits that apply on the other; between outcomes that do not
	// deny the approvals that only one side asks for.
	Rule      string  `json:"rule"`
	Old       Outcome `json:"old"`
	New       Outcome `json:"new"`
	Count     int     `json:"count"`     // requests; one with several rules counts for each
	WouldDeny int     `json:"wouldDeny"` // those among them that are denied now and would otherwise be carried out
	First     int     `json:"first"`     // index of the first such request
}

// Shadow decides requests with an active set and with a candidate, and tells where they differ. The candidate's answer
// is counted, never enforced. A nil request is denied by both. Rows are sorted by employer, rule, old and new outcome.
//
// A request counts as one the candidate "would deny" only where the active set permits it, the candidate denies it, and
// it is carried out (see [ShadowOptions]): what is refused anyhow, or waits for approval, loses nothing.
//
// It costs two decisions per request, and two explanations for each request that differs.
func Shadow(active, candidate *Set, requests iter.Seq[*Request], o *ShadowOptions) ShadowReport {
	var carried func(*Request) bool
	if o != nil {
		carried = o.Carried
	}
	s := shadow{active: active, candidate: candidate, rows: map[differenceKey]*Difference{}}
	for r := range requests {
		if s.compare(r) {
			s.note(r, carried == nil || carried(r))
		}
		s.report.Requests++
	}
	for _, row := range s.rows {
		s.report.Differences = append(s.report.Differences, *row)
	}
	slices.SortFunc(s.report.Differences, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Employer, b.Employer), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Old, b.Old), cmp.Compare(a.New, b.New))
	})
	return s.report
}

type differenceKey struct {
	employer, rule string
	old, new       Outcome
}

// shadow is one run of [Shadow].
type shadow struct {
	active, candidate *Set
	report            ShadowReport
	rows              map[differenceKey]*Difference

	query    [2]Query // of the active set's schema and of the candidate's; one serves both where they share it
	due      [2][]Due
	old, new Explanation // of the request that differs
}

// compare decides one request twice and reports whether the answers differ.
func (s *shadow) compare(r *Request) bool {
	first, second := &s.query[0], &s.query[0]
	_ = first.Reset(s.active.schema, r) // a faulty request is denied by both, which is what is asked here
	if s.candidate.schema != s.active.schema {
		second = &s.query[1]
		_ = second.Reset(s.candidate.schema, r)
	}
	a, b := s.active.Decide(first), s.candidate.Decide(second)
	s.due[0], s.due[1] = a.Due(s.due[0][:0]), b.Due(s.due[1][:0])
	if a.Outcome == b.Outcome && slices.EqualFunc(s.due[0], s.due[1], func(a, b Due) bool { return a.Requirement == b.Requirement }) {
		return false
	}
	s.old, s.new = s.active.Explain(r), s.candidate.Explain(r)
	return true
}

func requirements(x Explanation) []string {
	var ids []string
	for _, d := range x.Due {
		ids = append(ids, "approval:"+d.Requirement)
	}
	return ids
}

// note enters the request that differs into the report.
func (s *shadow) note(r *Request, carried bool) {
	s.report.Different++
	denied := 0
	if carried && s.old.Outcome == Permit && s.new.Outcome == Deny {
		denied = 1
	}
	s.report.WouldDeny += denied
	for _, rule := range blamed(s.old, s.new) {
		key := differenceKey{r.Employer, rule, s.old.Outcome, s.new.Outcome}
		row := s.rows[key]
		if row == nil {
			row = &Difference{Employer: r.Employer, Rule: rule, Old: s.old.Outcome, New: s.new.Outcome, First: s.report.Requests}
			s.rows[key] = row
		}
		row.Count++
		row.WouldDeny += denied
	}
}

// blamed names what makes two answers differ.
func blamed(a, b Explanation) []string {
	switch {
	case a.Outcome == Deny && b.Outcome != Deny:
		return deniers(a, b)
	case b.Outcome == Deny && a.Outcome != Deny:
		return deniers(b, a)
	}
	x, y := requirements(a), requirements(b)
	return append(less(x, y), less(y, x)...)
}

// deniers names what denies; after a default deny, the permits that the other answer rests on.
func deniers(denied, other Explanation) []string {
	names := reasonIDs(denied)
	if slices.Contains(names, "default-deny") {
		return other.Rules
	}
	if alone := less(names, reasonIDs(other)); len(alone) > 0 {
		return alone
	}
	return names
}

func less(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(id string) bool { return slices.Contains(b, id) })
}

// reasonIDs are the names of an answer's reasons, without versions, each once.
func reasonIDs(x Explanation) []string {
	var ids []string
	for _, r := range x.Reasons {
		id, _, _ := strings.Cut(r.Rule, "@")
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
