package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// Explain answers for one employer. It never fails: what cannot be decided is denied, and Errors says why.
//
// It costs one evaluation per rule whose heads cover the request, about a microsecond each, plus the folds of votes
// and quotas. It may be called concurrently.
func (s *Set) Explain(r *Request) Explanation {
	var q Query
	errs := q.bind(s.schema, r)
	if r == nil {
		return refused(Explanation{}, errs)
	}
	d := Explanation{Digest: s.Digest(r.Employer), Version: s.Version(r.Employer)}
	doc := s.document(r.Employer)
	if doc == nil {
		errs = append(errs, &RequestError{Field: "employer", Text: "has no document"})
	}
	if errs != nil {
		return refused(d, errs)
	}
	b := &bound{req: r, doc: doc, frame: q.frame, schema: s.schema}
	b.decide(&d)
	b.mark(&d)
	slices.SortFunc(d.Reasons, func(a, b Reason) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Text, b.Text)) })
	d.Reasons = slices.Compact(d.Reasons)
	slices.Sort(d.Rules)
	if len(d.Headroom) == 0 {
		d.Headroom = nil
	}
	return d
}

// refused denies a request that could not be used.
func refused(d Explanation, errs []error) Explanation {
	d.Errors = errs
	for _, err := range errs {
		d.Reasons = append(d.Reasons, Reason{Rule: "request", Text: strings.TrimPrefix(err.Error(), "policy: request: ")})
	}
	slices.SortFunc(d.Reasons, func(a, b Reason) int { return cmp.Compare(a.Text, b.Text) })
	return d
}

func (b *bound) decide(d *Explanation) {
	d.Headroom = map[string]time.Duration{}
	forbidden := b.forbids(d)
	if walls := b.walled(); len(walls) > 0 {
		forbidden = true
		d.Reasons = append(d.Reasons, walls...)
	}
	permits, missed := b.permits(d)
	if forbidden {
		d.Headroom = nil
		return
	}
	if len(permits) == 0 {
		d.Reasons = append(d.Reasons, b.closed(missed)...)
		return
	}
	for _, r := range permits {
		d.Rules = append(d.Rules, r.id)
	}
	fits, known := b.withinQuotas(permits, d), b.knowsDuties(permits, d)
	if !fits || !known {
		return
	}
	b.approve(permits, d)
	if d.Outcome != Deny {
		d.Obligations = unite(permits, func(r *rule) []string { return r.obligations })
		d.Advice = unite(permits, func(r *rule) []string { return r.advice })
	}
}

// forbids looks at every forbid and reports whether one denies.
func (b *bound) forbids(d *Explanation) (denied bool) {
	for _, r := range b.doc.rules {
		if r.effect != forbid || !r.heads(b.req.Action, b.req.Category, b.req.Now) {
			continue
		}
		reason, fires := b.fires(r, d)
		if fires {
			denied = true
			d.Rules = append(d.Rules, r.id)
			d.Reasons = append(d.Reasons, reason)
		}
	}
	return denied
}

// fires evaluates a forbid: everything but false denies.
func (b *bound) fires(r *rule, d *Explanation) (Reason, bool) {
	reason := Reason{Rule: r.name, Text: "forbidden"}
	if r.when == nil {
		return reason, true
	}
	value := r.when.Eval(b.frame)
	if broken(r.when, b.frame, value) {
		d.Errors = append(d.Errors, &EvalError{Rule: r.name})
	}
	reason.Tainted = r.when.Tainted()
	switch {
	case value == expr.False:
		return Reason{}, false
	case r.when.Tainted():
		reason.Text = "excluded by rule " + r.id
	case value == expr.True:
		reason.Text, reason.Clause = "forbidden when "+r.when.Text(), r.when.Text()
	default:
		reason.Text, reason.Clause = "forbidden, since "+why(r.when, value, b.frame), r.when.Text()
	}
	return reason, true
}

// permits returns the permits that apply, and why the others that were looked at do not.
func (b *bound) permits(d *Explanation) (apply []*rule, missed []Reason) {
	for _, r := range b.doc.rules {
		if r.effect != permit || !r.heads(b.req.Action, b.req.Category, b.req.Now) {
			continue
		}
		reasons := b.unmet(r, d)
		if r.authority {
			headroom := d.Headroom
			if len(reasons) > 0 {
				headroom = nil // what a grant leaves matters to a rule that otherwise applies
			}
			_, why := b.covered(r, headroom)
			b.ownGrants(r)
			reasons = append(reasons, why...)
		}
		if len(reasons) == 0 {
			apply = append(apply, r)
		}
		missed = append(missed, reasons...)
	}
	return apply, missed
}

// unmet says why a permit's condition does not hold; nothing if it does.
func (b *bound) unmet(r *rule, d *Explanation) (reasons []Reason) {
	if r.when == nil {
		return nil
	}
	for _, f := range failures(r.when, b.frame, r.id) {
		reasons = append(reasons, Reason{Rule: r.name, Text: f.text, Tainted: f.tainted, Clause: f.clause})
		if f.broken {
			d.Errors = append(d.Errors, &EvalError{Rule: r.name})
		}
	}
	return reasons
}

// closed are the reasons of a default deny. Where no rule was looked at they name the actor's grants, which may do the
// action elsewhere.
func (b *bound) closed(missed []Reason) []Reason {
	if len(missed) > 0 {
		return append(missed, Reason{Rule: "default-deny", Text: "no permit applies"})
	}
	reasons := []Reason{{Rule: "default-deny", Text: fmt.Sprintf("no rule opens %s for %s", b.req.Category, b.req.Action)}}
	for _, g := range b.doc.grants {
		if g.mayAct(b.req.Action) && g.heldByActor(b) && !coveredByAny(g.Categories, b.req.Category) {
			reasons = append(reasons, grantReasons(g, g.outside(b)[:1])...)
		}
	}
	return reasons
}

// withinQuotas holds the request against the quotas of all applying permits.
func (b *bound) withinQuotas(permits []*rule, d *Explanation) bool {
	fits := true
	seen := map[*Quota]bool{}
	for _, r := range permits {
		for _, q := range r.quotas {
			b.ownQuota(r, q)
		}
	}
	for _, r := range permits {
		for _, q := range r.quotas {
			if seen[q] {
				continue
			}
			seen[q] = true
			left, isBounded, misses := q.check(b)
			noteHeadroom(d.Headroom, q, left, isBounded)
			for _, m := range misses {
				fits = false
				d.Reasons = append(d.Reasons, quotaReason(q.ID, m, !b.own[q.ID]))
			}
		}
	}
	return fits
}

// knowsDuties reports whether the caller can carry out the obligations of all permits: one that it does not know denies.
func (b *bound) knowsDuties(permits []*rule, d *Explanation) bool {
	known := true
	for _, r := range permits {
		for _, o := range r.obligations {
			if !slices.Contains(b.req.Knows, o) {
				known = false
				tainted := taints(permits, func(r *rule) bool { return slices.Contains(r.obligations, o) })
				d.Reasons = append(d.Reasons, Reason{Rule: "obligation:" + o, Text: "is not known to the caller", Tainted: tainted})
			}
		}
	}
	return known
}

// unite returns the words of all permits, sorted.
func unite(permits []*rule, of func(*rule) []string) []string {
	var list []string
	for _, r := range permits {
		list = append(list, of(r)...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func noteHeadroom(headroom map[string]time.Duration, q *Quota, left time.Duration, bounded bool) {
	if bounded && headroom != nil {
		headroom[q.ID] = left
	}
}

// approve works out what is still due, and with it the outcome.
func (b *bound) approve(permits []*rule, d *Explanation) {
	rejected := false
	for _, req := range requirementsOf(permits) {
		tainted := taintsDue(permits, req)
		if b.discharged(req) {
			tainted = tainted || b.taintsDischarge(req)
			d.Reasons = append(d.Reasons, Reason{Rule: "approval:" + req.ID, Text: "discharged by a grant", Tainted: tainted})
			continue
		}
		a := b.approval(req)
		switch a.Status {
		case Satisfied:
		case Rejected:
			rejected = true
			d.Reasons = append(d.Reasons, Reason{Rule: "approval:" + req.ID, Text: "refused by those who were asked", Tainted: tainted})
		default:
			d.Due = append(d.Due, Due{Requirement: req.ID, Seats: a.Seats, Need: req.Need, Have: a.Have,
				Escalated: a.Escalated, Expires: req.Expires, Not: slices.Clone(req.Not), Tainted: tainted})
		}
	}
	if b.consentDue(permits) {
		d.Due = append(d.Due, Due{Requirement: PersonConsent, Seats: []string{"person"}, Need: 1, Tainted: taintsDue(permits, nil)})
	}
	switch {
	case rejected:
		d.Due = nil
		return
	case len(d.Due) > 0:
		d.Outcome = RequireApproval
	default:
		d.Outcome = Permit
	}
	slices.SortFunc(d.Due, func(a, b Due) int { return cmp.Compare(a.Requirement, b.Requirement) })
	for _, r := range permits {
		d.Reasons = append(d.Reasons, Reason{Rule: r.name, Text: "permits", Tainted: r.tainted})
	}
}

// requirementsOf unites the approvals of the permits, less those of permits that another one overrides.
func requirementsOf(permits []*rule) []*Requirement {
	var overridden []string
	for _, r := range permits {
		for _, o := range r.overrides {
			overridden = append(overridden, o.id)
		}
	}
	var list []*Requirement
	for _, r := range permits {
		if r.need != nil && !slices.Contains(list, r.need) && !slices.Contains(overridden, r.id) {
			list = append(list, r.need)
		}
	}
	return list
}

// facts are what a fold of votes needs. A withheld person offered cannot be told apart from a voter, so nobody's vote
// counts where the requirement excludes them.
func (b *bound) facts() Facts {
	return Facts{
		Requester: b.text(attrRequester),
		Offered:   b.text(attrOffered),
		Hidden:    b.withheld(attrOffered),
		RolesNow:  b.req.RolesNow,
		Binding:   b.req.Binding,
	}
}

// asksConsent reports whether an action waits for the consent of the person offered.
func asksConsent(a Action) bool { return a == Reveal || a == Engage || a == Renew }

// consentDue reports whether the person offered must still agree. It is asked from the reveal on, and not before.
func (b *bound) consentDue(permits []*rule) bool {
	if !asksConsent(b.req.Action) {
		return false
	}
	asked := slices.ContainsFunc(permits, func(r *rule) bool { return slices.Contains(r.requires, PersonConsent) })
	return asked && !slices.Contains(b.req.Consents, PersonConsent)
}
