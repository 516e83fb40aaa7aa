package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/deeperpoint/csss/policy/internal/expr"
	"github.com/deeperpoint/csss/policy/internal/solve"
)

// Finding is something in a document that its author would probably want to know. A document with findings is a good
// document all the same: nothing is refused for them.
type Finding struct {
	Employer string      `json:"employer"`
	File     string      `json:"file"`
	Line     int         `json:"line"`
	Col      int         `json:"col"`
	Rule     string      `json:"rule,omitempty"` // id of the rule, grant, quota or approval concerned
	Kind     FindingKind `json:"kind"`
	Text     string      `json:"text"` // a sentence for the document's author
}

// String returns "file:line:col: rule: text (kind)".
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s (%s)", f.File, f.Line, f.Col, cmp.Or(f.Rule, f.Employer), f.Text, f.Kind)
}

// FindingKind says what a [Finding] is about.
type FindingKind string

// The kinds. Each but the last three is proven from the document alone: what is called impossible no request can do.
const (
	AlwaysTrue    FindingKind = "always-true"   // a condition, or a clause of one, that is true wherever it can be evaluated
	AlwaysFalse   FindingKind = "always-false"  // a condition, or an alternative in one, that is never true
	Contradictory FindingKind = "contradictory" // a permit and a forbid of the same requests
	Unreachable   FindingKind = "unreachable"   // a permit that forbids or quotas cover wholly
	Duplicate     FindingKind = "duplicate"     // two rules with the same effect, head and condition
	Shadowed      FindingKind = "shadowed"      // a rule that adds nothing to another one
	Unapprovable  FindingKind = "unapprovable"  // a permit whose approval can never be given
	Unserved      FindingKind = "unserved"      // a permit by grant that no grant of the document covers
	Useless       FindingKind = "useless"       // a grant, approval or quota that no rule is served by
	OtherZone     FindingKind = "other-zone"    // a condition that reads hours or days in UTC, in a document of another zone
	Odd           FindingKind = "odd"           // what can be meant and hardly is: cents that look like dollars, more hours than a week has, words of two alphabets
	Slow          FindingKind = "slow"          // rules that are tried one by one, since they demand no attribute to have a value
	Untested      FindingKind = "untested"      // a rule that applies in no test of the document
)

// Advice reports whether a finding of this kind is about the document's upkeep, or a guess, and nothing that is proven.
func (k FindingKind) Advice() bool { return k == Odd || k == Slow || k == Untested }

// Bounds of the analysis.
const (
	analysisSteps = 400_000 // of proofs, per document; about a second
	proofSteps    = 5_000   // of one proof
	manyUnkeyed   = 32      // so many rules of one head are called slow
)

// Analyse looks through the documents of a set, or of some of its employers, for rules that do not mean what their author
// must have meant, and for rules that no test covers. Findings are sorted by employer and place.
//
// It understands conditions as far as they compare attributes with constants and with each other, test texts, lists and
// presence, and combine that by logic; of anything else it knows only that equal words have equal values. What it says is
// proven; what it cannot prove within its bounds it does not say. It costs about 50 µs per rule and up to two seconds per
// document, and runs the document's tests. It may be called concurrently.
func Analyse(set *Set, employers ...string) []Finding {
	if employers == nil {
		employers = set.Employers()
	}
	var list []Finding
	for _, employer := range employers {
		if doc := set.document(employer); doc != nil {
			list = append(list, analyse(set, doc)...)
		}
	}
	return list
}

// analysis is the examination of one document.
type analysis struct {
	set    *Set
	doc    *document
	rules  []*ruleView
	grants []*grantView
	budget solve.Budget
	axioms map[string]*solve.Node // of attributes that are released late
	list   []Finding
}

// ruleView is a rule as proofs see it.
type ruleView struct {
	*rule
	head *solve.Node // the request is one the rule is looked at for; always defined
	cond *solve.Node // nil: always
	dead bool        // something said that it never applies

	demands    []expr.Equality
	overriding bool // approvals depend on whom it overrides, or who overrides it
}

// grantView is a grant as proofs see it.
type grantView struct {
	*grantDoc
	live *solve.Node // category and validity
	cond *solve.Node // nil: always
}

func analyse(set *Set, doc *document) []Finding {
	a := &analysis{set: set, doc: doc, budget: analysisSteps, axioms: map[string]*solve.Node{}}
	a.build()
	a.conditions()
	a.pairs()
	a.forbidden()
	a.boundByQuotas()
	a.served()
	a.approvals()
	a.useless()
	a.clocks()
	a.odd()
	a.slow()
	a.untested()
	slices.SortStableFunc(a.list, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Col, y.Col), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Text, y.Text))
	})
	return a.list
}

func (a *analysis) say(at place, id string, kind FindingKind, format string, args ...any) {
	a.list = append(a.list, Finding{Employer: a.doc.employer, File: a.doc.file, Line: at.line, Col: at.col, Rule: id, Kind: kind,
		Text: fmt.Sprintf(format, args...)})
}

// attrAction is the request's action among the attributes of proofs. No schema can have it.
const attrAction = "@action"

func (a *analysis) build() {
	for _, r := range a.doc.rules {
		v := &ruleView{rule: r, head: and(actionNode(stringsOf(r.actions)), categoryNode(r.categories), timeNode(r.valid))}
		if r.when != nil {
			v.cond, v.demands = a.tree(r.when), r.when.Equalities()
		}
		a.rules = append(a.rules, v)
	}
	overridden := map[string]bool{}
	for _, r := range a.rules {
		for _, o := range r.overrides {
			overridden[o.id] = true
		}
	}
	for _, r := range a.rules {
		r.overriding = overridden[r.id] || len(r.overrides) > 0
	}
	slices.SortStableFunc(a.rules, func(x, y *ruleView) int {
		return cmp.Or(cmp.Compare(x.at.line, y.at.line), cmp.Compare(x.at.col, y.at.col))
	})
	for _, g := range a.doc.grants {
		v := &grantView{grantDoc: g, live: and(categoryNode(g.Categories), timeNode(validity{g.From, g.Until}))}
		if g.when != nil {
			v.cond = a.tree(g.when)
		}
		a.grants = append(a.grants, v)
	}
}

// tree reads a condition for proofs, and notes what is known of the attributes it reads.
func (a *analysis) tree(c *condition) *solve.Node {
	engine, err := a.set.schema.conditions()
	if err != nil {
		return &solve.Node{Text: c.Text()} // impossible: the condition has compiled
	}
	for _, slot := range c.Reads() {
		name := engine.Table().Attr(slot).Name
		if from := a.set.schema.attrs[name].From; from != "" && a.axioms[name] == nil {
			a.axioms[name] = or(actionNode(stepsFrom(from)), solve.Gone(name))
		}
	}
	return engine.Tree(c.Text())
}

// stepsFrom are the actions at which an attribute that is released from a step on may be there.
func stepsFrom(step Action) (names []string) {
	for i, action := range actionList {
		if stageOf(i) >= stageOf(actionIndex(step)) {
			names = append(names, string(action))
		}
	}
	return names
}

func and(kids ...*solve.Node) *solve.Node { return &solve.Node{Op: solve.And, Kids: kids} }

func or(kids ...*solve.Node) *solve.Node { return &solve.Node{Op: solve.Or, Kids: kids} }

// actionNode is true for some actions; for all if there are none.
func actionNode(actions []string) *solve.Node {
	if len(actions) == 0 {
		return &solve.Node{Op: solve.Const, Yes: true}
	}
	return &solve.Node{Op: solve.Among, Slot: attrAction, Own: true, Words: slices.Sorted(slices.Values(actions))}
}

// categoryNode is true under some categories; under all if there are none.
func categoryNode(categories []string) *solve.Node {
	if len(categories) == 0 {
		return &solve.Node{Op: solve.Const, Yes: true}
	}
	n := or()
	for _, c := range categories {
		n.Kids = append(n.Kids, &solve.Node{Op: solve.Text, Slot: attrCategory, Own: true, Test: solve.Test{Kind: solve.Under, Arg: c}})
	}
	return n
}

// timeNode is true within a validity.
func timeNode(v validity) *solve.Node {
	n := and()
	if !v.from.IsZero() {
		n.Kids = append(n.Kids, nowNode(solve.Ordered(solve.Instant, solve.Equal|solve.Greater, solve.Time(v.from))))
	}
	if !v.until.IsZero() {
		n.Kids = append(n.Kids, nowNode(solve.Ordered(solve.Instant, solve.Less, solve.Time(v.until))))
	}
	return n
}

func nowNode(ranges []solve.Range) *solve.Node {
	return &solve.Node{Op: solve.Between, Slot: attrNow, Own: true, Scale: solve.Instant, Ranges: ranges}
}

// fires are the goals of a rule that is looked at and whose condition has a value.
func (v *ruleView) fires(want solve.Want) []solve.Goal {
	goals := []solve.Goal{{Node: v.head, Want: solve.True}}
	if v.cond != nil {
		goals = append(goals, solve.Goal{Node: v.cond, Want: want})
	}
	return goals
}

// whole is a rule's head and condition in one.
func (v *ruleView) whole() *solve.Node {
	if v.cond == nil {
		return v.head
	}
	return and(v.head, v.cond)
}

// impossible reports whether no request meets the goals, which is proven.
func (a *analysis) impossible(goals ...solve.Goal) bool {
	if a.budget <= 0 {
		return false
	}
	goals = append(slices.Clip(goals), solve.Goal{Node: actionNode(stringsOf(actionList[:])), Want: solve.True})
	for _, known := range a.axioms {
		goals = append(goals, solve.Goal{Node: known, Want: solve.True})
	}
	steps := min(proofSteps, a.budget)
	before := steps
	possible := solve.Possible(&steps, goals...)
	a.budget -= before - max(steps, 0)
	return !possible
}

// listOf joins ids for a sentence.
func listOf(ids []string) string { return strings.Join(ids, ", ") }
