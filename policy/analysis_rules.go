package policy

import (
	"slices"

	"github.com/deeperpoint/csss/policy/internal/expr"
	"github.com/deeperpoint/csss/policy/internal/solve"
)

// conditions looks at each condition by itself, under its rule's head.
func (a *analysis) conditions() {
	for _, r := range a.rules {
		if r.cond != nil {
			r.dead = a.condition(r.whenAt, r.id, r.head, r.cond, r.effect)
		}
	}
	for _, g := range a.grants {
		if g.cond != nil {
			a.condition(g.whenAt, g.ID, g.live, g.cond, permit)
		}
	}
}

// condition reports whether a condition is never true, and says what can be said of it and its parts.
func (a *analysis) condition(at place, id string, head, cond *solve.Node, effect effect) (never bool) {
	under := solve.Goal{Node: head, Want: solve.True}
	switch {
	case a.impossible(under, solve.Goal{Node: cond, Want: solve.True}):
		tail := ", so it never applies"
		if effect == forbid {
			tail = "; it only denies where the condition cannot be evaluated"
		}
		a.say(at, id, AlwaysFalse, "%s is never true%s", a.culprit(under, cond), tail)
		return true
	case a.impossible(under, solve.Goal{Node: cond, Want: solve.False}):
		a.say(at, id, AlwaysTrue, "%s is true wherever it can be evaluated", cond.Text)
		return false
	}
	a.clauses(at, id, under, cond)
	return false
}

// culprit names the first clause that makes a conjunction impossible, together with those before it.
func (a *analysis) culprit(under solve.Goal, cond *solve.Node) string {
	if cond.Op != solve.And {
		return cond.Text
	}
	goals := []solve.Goal{under}
	for _, k := range cond.Kids {
		if a.impossible(under, solve.Goal{Node: k, Want: solve.True}) {
			return k.Text
		}
	}
	for _, k := range cond.Kids {
		goals = append(goals, solve.Goal{Node: k, Want: solve.True})
		if a.impossible(goals...) {
			return k.Text + ", beside the other clauses,"
		}
	}
	return cond.Text
}

// clauses says which conjuncts follow from the others and which alternatives can never be true.
func (a *analysis) clauses(at place, id string, under solve.Goal, cond *solve.Node) {
	kids := []*solve.Node{cond}
	if cond.Op == solve.And {
		kids = cond.Kids
	}
	dropped := map[*solve.Node]bool{}
	for i, k := range kids {
		goals := []solve.Goal{under}
		for j, other := range kids {
			if j != i && !dropped[other] {
				goals = append(goals, solve.Goal{Node: other, Want: solve.True})
			}
		}
		if len(kids) > 1 && a.impossible(append(goals, solve.Goal{Node: k, Want: solve.False})...) {
			dropped[k] = true
			a.say(at, id, AlwaysTrue, "the clause %s is true whenever the others are", k.Text)
			continue
		}
		if k.Op != solve.Or {
			continue
		}
		for _, alternative := range k.Kids {
			if a.impossible(append(slices.Clip(goals), solve.Goal{Node: alternative, Want: solve.True})...) {
				a.say(at, id, AlwaysFalse, "the alternative %s is never true here", alternative.Text)
			}
		}
	}
}

// pairs looks for rules that say again what another one says.
func (a *analysis) pairs() {
	for i, r := range a.rules {
		for j, other := range a.rules {
			if i == j || r.dead || other.dead || r.effect != other.effect || !overlap(r.rule, other.rule) {
				continue
			}
			if a.alike(r, other) {
				if j < i {
					a.say(r.at, r.id, Duplicate, "has the head and the condition of '%s'%s", other.id, consequence(r.rule, other.rule))
				}
				continue
			}
			if r.mayNeed(other) && a.shadows(other, r) {
				a.say(r.at, r.id, Shadowed, "adds nothing to '%s', which covers every request that it does", other.id)
				break
			}
		}
	}
}

// overlap reports whether the heads of two rules may meet.
func overlap(a, b *rule) bool {
	return meet(a.actions, b.actions, func(x, y Action) bool { return x == y }) &&
		meet(a.categories, b.categories, func(x, y string) bool { return covers(x, y) || covers(y, x) })
}

// meet reports whether two lists, of which an empty one holds everything, have something in common.
func meet[T any](a, b []T, same func(x, y T) bool) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	for _, x := range a {
		for _, y := range b {
			if same(x, y) {
				return true
			}
		}
	}
	return false
}

// alike reports whether two rules of one effect have the same head and condition.
func (a *analysis) alike(r, other *ruleView) bool {
	return r.sameHead(other) && r.sameCondition(other) && r.authority == other.authority
}

func (v *ruleView) sameHead(o *ruleView) bool {
	return slices.Equal(v.actions, o.actions) && slices.Equal(v.categories, o.categories) && v.valid.from.Equal(o.valid.from) && v.valid.until.Equal(o.valid.until)
}

func (v *ruleView) sameCondition(o *ruleView) bool {
	if v.cond == nil || o.cond == nil {
		return v.cond == o.cond
	}
	return v.cond.Text == o.cond.Text
}

// consequence tells what two permits that apply together come to.
func consequence(r, other *rule) string {
	if r.effect == permit && r.approval.id != other.approval.id && len(r.overrides)+len(other.overrides) == 0 {
		return ", and what both ask for is due together"
	}
	return ""
}

// mayNeed is a quick look whether v's condition could imply other's: one that demands an attribute to have one of a few
// values is hardly implied by one that does not. Where the look is wrong nothing is said.
func (v *ruleView) mayNeed(other *ruleView) bool {
	for _, want := range other.demands {
		at := slices.IndexFunc(v.demands, func(e expr.Equality) bool { return e.Slot == want.Slot })
		if at < 0 || !within(v.demands[at].Texts, want.Texts) || !within(v.demands[at].Numbers, want.Numbers) {
			return false
		}
	}
	return true
}

func within[T comparable](list, of []T) bool {
	return !slices.ContainsFunc(list, func(x T) bool { return !slices.Contains(of, x) })
}

// shadows reports whether every outcome, due and duty would be the same without r, since other covers it: whenever r counts,
// other does, and asks for no less.
func (a *analysis) shadows(other, r *ruleView) bool {
	if r.effect == forbid {
		return a.impossible(append(r.fires(solve.NotFalse), solve.Goal{Node: other.whole(), Want: solve.False})...)
	}
	if other.authority && !r.authority || r.overriding || other.overriding || !asksNoMore(r.rule, other.rule) {
		return false
	}
	return a.impossible(append(r.fires(solve.True), solve.Goal{Node: other.whole(), Want: solve.NotTrue})...)
}

// asksNoMore reports whether what r asks for, beside its condition, other asks for as well.
func asksNoMore(r, other *rule) bool {
	return (r.need == nil || r.need == other.need) && (len(r.quotaRefs) == 0 || within(ids(r.quotaRefs), ids(other.quotaRefs))) && within(r.requires, other.requires) &&
		within(r.obligations, other.obligations) && within(r.advice, other.advice)
}

// forbidden looks for permits under forbids that always fire.
func (a *analysis) forbidden() {
	for _, r := range a.rules {
		if r.effect != permit || r.dead {
			continue
		}
		goals := r.fires(solve.True)
		var together []string
		for _, f := range a.rules {
			if f.effect != forbid || !overlap(r.rule, f.rule) {
				continue
			}
			escape := solve.Goal{Node: f.whole(), Want: solve.False}
			if a.impossible(append(r.fires(solve.True), escape)...) {
				r.dead = true
				if r.sameHead(f) && r.sameCondition(f) {
					a.say(r.at, r.id, Contradictory, "permits exactly what '%s' forbids, and the forbid wins", f.id)
				} else {
					a.say(r.at, r.id, Unreachable, "never applies: '%s' forbids every request that it permits", f.id)
				}
				break
			}
			together = append(together, f.id)
			goals = append(goals, escape)
		}
		if !r.dead && len(together) > 1 && a.impossible(goals...) {
			r.dead = true
			a.say(r.at, r.id, Unreachable, "never applies: %s together forbid every request that it permits", listOf(together))
		}
	}
}

// boundByQuotas looks for permits whose quotas no amount keeps together.
func (a *analysis) boundByQuotas() {
	for _, r := range a.rules {
		if r.dead || len(r.actions) == 1 && r.actions[0] == Publish {
			continue // an offer is published whatever it leaves
		}
		for _, low := range r.quotas {
			for _, high := range r.quotas {
				if low.Per == high.Per && low.Unit == high.Unit && high.Max > 0 && low.Min > high.Max {
					a.say(r.at, r.id, Unreachable, "never applies%s: quota '%s' asks for at least %s, '%s' allows at most %s",
						butPublish(r.rule), low.ID, low.show(low.Min), high.ID, high.show(high.Max))
				}
			}
		}
	}
}

func butPublish(r *rule) string {
	if slices.Contains(r.actions, Publish) {
		return " but to publish"
	}
	return ""
}

// slow names rules that the index cannot find by a value, where there are many of them.
func (a *analysis) slow() {
	type spot struct {
		action   Action
		category string
	}
	unkeyed := map[spot][]*ruleView{}
	for _, r := range a.rules {
		if len(r.demands) > 0 {
			continue
		}
		for _, action := range orAll(r.actions, actionList[:]) {
			for _, category := range orAll(r.categories, []string{""}) {
				at := spot{action, category}
				unkeyed[at] = append(unkeyed[at], r)
			}
		}
	}
	told := map[*ruleView]bool{}
	for _, r := range a.rules {
		for _, category := range orAll(r.categories, []string{""}) {
			for _, action := range orAll(r.actions, actionList[:]) {
				list := unkeyed[spot{action, category}]
				if len(list) < manyUnkeyed || told[r] || !slices.Contains(list, r) {
					continue
				}
				told[r] = true
				a.say(r.at, r.id, Slow, "is one of %d rules on %s of %s that are tried one by one; a clause such as request.mode == \"remote\" lets them be found by its value",
					len(list), action, orEvery(category))
			}
		}
	}
}

func orAll[T any](list, all []T) []T {
	if len(list) == 0 {
		return all
	}
	return list
}

func orEvery(category string) string {
	if category == "" {
		return "every category"
	}
	return category
}

// untested names rules that apply in no test; a document without tests is named once.
func (a *analysis) untested() {
	if len(a.doc.tests) == 0 {
		a.say(a.doc.employAt, "", Untested, "the document has no tests")
		return
	}
	hit := map[string]bool{}
	all, left := a.doc.loads(), uint64(testingLoad)
	for _, t := range a.doc.tests {
		cost := all.of(t.Request.Action, t.Request.Category)
		if cost > left {
			return // what the others hit is not known
		}
		left -= cost
		for _, id := range a.set.Explain(&t.Request).Rules {
			hit[id] = true
		}
	}
	for _, r := range a.rules {
		if !hit[r.id] {
			a.say(r.at, r.id, Untested, "%s in no test", map[effect]string{permit: "applies", forbid: "denies"}[r.effect])
		}
	}
}
