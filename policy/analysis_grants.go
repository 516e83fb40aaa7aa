package policy

import (
	"slices"

	"github.com/deeperpoint/csss/policy/internal/solve"
)

// meets are the goals of a grant that is live for a request, apart from its quotas.
func (g *grantView) meets() []solve.Goal {
	goals := []solve.Goal{{Node: g.live, Want: solve.True}}
	if g.cond != nil {
		goals = append(goals, solve.Goal{Node: g.cond, Want: solve.True})
	}
	return goals
}

// acts are the goals of an action that the grant may do.
func (g *grantView) acts() solve.Goal {
	var names []string
	for _, may := range g.May {
		if actionIndex(Action(may)) >= 0 {
			names = append(names, may)
		}
	}
	if len(names) == 0 {
		return solve.Goal{Node: &solve.Node{Op: solve.Const}, Want: solve.True}
	}
	return solve.Goal{Node: actionNode(names), Want: solve.True}
}

// serves reports whether a grant may lend its authority to a rule.
func (a *analysis) serves(g *grantView, r *ruleView) bool {
	return r.authority && !a.impossible(slices.Concat(r.fires(solve.True), g.meets(), []solve.Goal{g.acts()})...)
}

// served looks for permits by grant that no grant covers.
func (a *analysis) served() {
	for _, r := range a.rules {
		if r.dead || !r.authority || slices.ContainsFunc(a.grants, func(g *grantView) bool { return a.serves(g, r) }) {
			continue
		}
		a.say(r.at, r.id, Unserved, "needs a grant, and no grant of this document covers a request that it permits")
	}
}

// seats reports whether a grant may seat somebody in the requirement of a rule, at a request that the rule permits.
func (a *analysis) seats(g *grantView, r *ruleView) bool {
	return slices.Contains(g.May, approvePrefix+r.need.ID) && !a.impossible(slices.Concat(r.fires(solve.True), g.meets())...)
}

// discharges reports whether a grant may stand for the requirement of a rule.
func (a *analysis) discharges(g *grantView, r *ruleView) bool {
	return slices.Contains(g.Discharges, r.need.ID) &&
		!a.impossible(slices.Concat(r.fires(solve.True), g.meets(), []solve.Goal{g.acts()})...)
}

// approvals looks for permits that wait for somebody who can never agree.
func (a *analysis) approvals() {
	for _, r := range a.rules {
		if r.dead || r.need == nil || slices.ContainsFunc(a.grants, func(g *grantView) bool { return a.discharges(g, r) }) {
			continue
		}
		present := solve.Goal{Node: &solve.Node{Op: solve.Present, Slot: attrRequester}, Want: solve.True}
		if slices.Contains(r.need.Not, notRequester) && a.impossible(append(r.fires(solve.True), present)...) {
			a.say(r.at, r.id, Unapprovable, "waits for '%s' for ever: nobody counts who cannot be told from the requester, whom its condition leaves out", r.need.ID)
			continue
		}
		if lost := a.lostSeats(r); len(r.need.Seats)+len(r.need.Escalate.Seats)-len(lost) < r.need.Need {
			a.say(r.at, r.id, Unapprovable, "waits for '%s' for ever: it needs %d, and %s may only agree within grants that cover no request of this rule",
				r.need.ID, r.need.Need, listOf(lost))
		}
	}
}

// lostSeats are the seats, of a requirement and its escalation, whose role is named by grants none of which covers a
// request of the rule.
func (a *analysis) lostSeats(r *ruleView) (lost []string) {
	named, live := map[string]bool{}, map[string]bool{}
	for _, g := range a.grants {
		if slices.Contains(g.May, approvePrefix+r.need.ID) {
			named[g.Role] = true
			live[g.Role] = live[g.Role] || a.seats(g, r)
		}
	}
	for _, role := range slices.Concat(r.need.Seats, r.need.Escalate.Seats) {
		if named[role] && !live[role] {
			lost = append(lost, role)
		}
	}
	return lost
}

// useless looks for grants, approvals and quotas that no rule is served by.
func (a *analysis) useless() {
	for _, g := range a.grants {
		if !slices.ContainsFunc(a.rules, func(r *ruleView) bool {
			return a.serves(g, r) || r.need != nil && (a.seats(g, r) || a.discharges(g, r))
		}) {
			a.say(g.at, g.ID, Useless, "no rule with `authority: grant`, and no approval of a rule, is served by this grant")
		}
	}
	for _, q := range a.doc.quotas {
		refers := func(refs []ref) bool { return slices.ContainsFunc(refs, func(r ref) bool { return r.id == q.ID }) }
		if !slices.ContainsFunc(a.doc.rules, func(r *rule) bool { return refers(r.quotaRefs) }) &&
			!slices.ContainsFunc(a.doc.grants, func(g *grantDoc) bool { return refers(g.quotaRefs) }) {
			a.say(q.at, q.ID, Useless, "no rule and no grant is held to this quota")
		}
	}
	for _, need := range a.doc.approvals {
		if !slices.ContainsFunc(a.doc.rules, func(r *rule) bool { return r.need != nil && r.need.ID == need.ID }) {
			a.say(need.at, need.ID, Useless, "no rule waits for this approval")
		}
	}
}
