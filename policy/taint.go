package policy

import (
	"slices"
	"strings"
	"time"
)

// What depends on facts about the counterparty is tainted: it tells of the other side to whoever reads it. Whether a rule
// is, is known when it is loaded; what several rules ask for is so only if none that reads the own side alone asks for it.

// Untainted is what may be shown to the firm before the reveal: without the reasons that are [Reason.Tainted] and without
// what [Explanation.Tainted] names. An approval that is tainted stays due, without its name and its seats. The outcome
// stays what it is.
func (x Explanation) Untainted() Explanation {
	keep := func(list []string, kind string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(x.Tainted, kind+name) })
	}
	out := x
	out.Reasons = slices.DeleteFunc(slices.Clone(x.Reasons), func(r Reason) bool { return r.Tainted })
	out.Rules, out.Obligations, out.Advice = keep(x.Rules, taintedRule), keep(x.Obligations, taintedObligation), keep(x.Advice, taintedAdvice)
	out.Due = nil
	for _, d := range x.Due {
		if d.Tainted {
			d = Due{Need: d.Need, Have: d.Have, Tainted: true}
		}
		out.Due = append(out.Due, d)
	}
	out.Headroom, out.Tainted = nil, nil
	for quota, left := range x.Headroom {
		if !slices.Contains(x.Tainted, taintedQuota+quota) {
			if out.Headroom == nil {
				out.Headroom = make(map[string]time.Duration, len(x.Headroom))
			}
			out.Headroom[quota] = left
		}
	}
	return out
}

// Kinds of names in [Explanation.Tainted].
const (
	taintedRule       = "rule:"
	taintedObligation = "obligation:"
	taintedAdvice     = "advice:"
	taintedQuota      = "quota:"
)

// taint marks the rules that read the counterparty, by themselves or by a grant they ask for.
func (d *decoder) taint() {
	for _, r := range d.doc.rules {
		r.tainted = r.when != nil && r.when.Tainted() ||
			r.authority && slices.ContainsFunc(d.doc.grants, func(g *grantDoc) bool { return r.mayUse(g) && d.schema.taintedGrant(g) })
	}
}

// mayUse reports whether a grant may do one of the rule's actions.
func (r *rule) mayUse(g *grantDoc) bool {
	return len(r.actions) == 0 || slices.ContainsFunc(r.actions, g.mayAct)
}

func (s *Schema) taintedGrant(g *grantDoc) bool {
	return g.when != nil && g.when.Tainted() || slices.ContainsFunc(g.quotas, s.taintedQuota)
}

// taintedQuota reports whether a quota has accounts that facts about the counterparty tell apart.
func (s *Schema) taintedQuota(q *Quota) bool {
	return slices.ContainsFunc(q.Key, func(name string) bool { return s.attrs[name].Tainted })
}

// taints reports whether something is asked for by tainted rules alone.
func taints(rules []*rule, asks func(*rule) bool) bool {
	return !slices.ContainsFunc(rules, func(r *rule) bool { return !r.tainted && asks(r) })
}

// taintsDue reports whether a requirement, nil being the consent of the person offered, is due for tainted rules alone.
func taintsDue(rules []*rule, need *Requirement) bool {
	return taints(rules, func(r *rule) bool {
		if need == nil {
			return slices.Contains(r.requires, PersonConsent)
		}
		return r.need == need && !overridden(rules, r)
	})
}

func overridden(rules []*rule, r *rule) bool {
	return slices.ContainsFunc(rules, func(other *rule) bool {
		return slices.ContainsFunc(other.overrides, func(o ref) bool { return o.id == r.id })
	})
}

// mark names what an answer holds on account of tainted rules.
func (b *bound) mark(d *Explanation) {
	var rules []*rule
	for _, id := range d.Rules {
		r := b.doc.rules[b.doc.ruleIndex(id)]
		if rules = append(rules, r); r.tainted {
			d.Tainted = append(d.Tainted, taintedRule+id)
		}
	}
	for _, o := range d.Obligations {
		if taints(rules, func(r *rule) bool { return slices.Contains(r.obligations, o) }) {
			d.Tainted = append(d.Tainted, taintedObligation+o)
		}
	}
	for _, a := range d.Advice {
		if taints(rules, func(r *rule) bool { return slices.Contains(r.advice, a) }) {
			d.Tainted = append(d.Tainted, taintedAdvice+a)
		}
	}
	for quota := range d.Headroom {
		if !b.own[quota] {
			d.Tainted = append(d.Tainted, taintedQuota+quota)
		}
	}
	slices.SortFunc(d.Tainted, strings.Compare)
}

// ownQuota notes that a rule which reads the own side alone looks at a quota.
func (b *bound) ownQuota(r *rule, q *Quota) {
	if r.tainted || b.schema.taintedQuota(q) {
		return
	}
	if b.own == nil {
		b.own = map[string]bool{}
	}
	b.own[q.ID] = true
}

// ownGrants notes the quotas of the grants that a rule may be under.
func (b *bound) ownGrants(r *rule) {
	for _, g := range b.grants() {
		for _, q := range g.quotas {
			b.ownQuota(r, q)
		}
	}
}

// taintsDischarge reports whether a grant that may discharge a requirement reads the counterparty.
func (b *bound) taintsDischarge(req *Requirement) bool {
	return slices.ContainsFunc(b.grants(), func(g *grantDoc) bool {
		return slices.Contains(g.Discharges, req.ID) && b.schema.taintedGrant(g)
	})
}

// quotaReason says why a quota does not leave what is asked; a tainted one names the quota alone.
func quotaReason(id, why string, tainted bool) Reason {
	if tainted {
		why = "excluded by quota " + id
	}
	return Reason{Rule: "quota:" + id, Text: why, Tainted: tainted}
}

// taintsDue is the like of the function for a decision.
func (d *Decision) taintsDue(need *Requirement) bool {
	var room [8]*rule // on the stack, mostly
	rules := room[:0]
	for i := range int(d.rules.count) {
		rules = append(rules, d.doc.rules[*d.rules.at(i)])
	}
	return taintsDue(rules, need)
}
