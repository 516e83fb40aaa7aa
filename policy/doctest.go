package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// Test is one row of a document's `tests`: a request and what must come of it. Package policytest runs them.
//
// Beside the request a row may tell what was before it: `votes`, `served`, `usage`, `approvals` (approval events, hand-overs
// among them) and `grant_events`.
//
// What a row leaves out is filled in so that it can be asked: `now` is the latest of its events and of the `from` of the
// grants it names, else 2026-01-01T00:00:00Z; where a row names grants, no other grant is live, and the actor holds their
// roles; the caller knows every obligation of the document. Its usage has one account per quota, so a quota whose key is
// left out is none the less counted; no condition sees a key that the row does not say.
type Test struct {
	Name    string      `json:"name"`
	File    string      `json:"file"`
	Line    int         `json:"line"`
	Col     int         `json:"col"`
	Request Request     `json:"request"`
	Expect  Expectation `json:"expect"`
}

// testsVersion is the format of files that hold nothing but tests.
const testsVersion = "csss.policy-tests/v1"

// ParseTests reads files of tests that stand beside the documents of the set: `apiVersion: csss.policy-tests/v1`, the
// `employer` whose document they test, and `tests` as a document has them. A set is not changed by them, nor is a digest.
// Every fault of every file is reported, as an [*Errors].
func (s *Set) ParseTests(files ...Source) ([]*Test, error) {
	engine, err := s.schema.conditions()
	if err != nil {
		return nil, err
	}
	errs := &Errors{}
	var list []*Test
	for _, src := range files {
		first := len(errs.List)
		d := &decoder{tree: tree{file: cmp.Or(src.Name, "tests"), errs: errs}, schema: s.schema, engine: engine}
		if root := d.parse(src.Text); root != nil && len(errs.List) == first {
			list = append(list, d.testFile(root, s)...)
		}
		sortByPlace(errs.List[first:])
	}
	if err := errs.orNil(); err != nil {
		return nil, err
	}
	return list, nil
}

// testFile reads the keys of a file of tests. The tests are read last, against a copy of the employer's document.
func (d *decoder) testFile(n *node, s *Set) []*Test {
	var doc *document
	var tests *node
	d.object(n, "tests",
		field{"apiVersion", true, func(n *node) { d.oneOf(n, "apiVersion", testsVersion) }},
		field{"employer", true, func(n *node) {
			employer := d.word(n, "employer")
			if doc = s.document(employer); doc == nil && employer != "" {
				d.fail(n, "employer: no document is of '%s'%s", clip(employer), expr.Suggest(employer, s.Employers()))
			}
		}},
		field{"tests", true, func(n *node) { tests = n }})
	if doc == nil || tests == nil {
		return nil
	}
	under := *doc
	under.tests = nil
	d.doc = &under
	d.list(tests, "tests", maxRules, d.test)
	d.testRefs()
	return under.tests
}

// Expectation is what a test says about its decision. Nil fields are not looked at.
type Expectation struct {
	Outcome     Outcome                  `json:"outcome"`
	Rules       []string                 `json:"rules,omitempty"`       // exactly these, in any order
	Reasons     []string                 `json:"reasons,omitempty"`     // Reason.Rule of reasons that must be among those given; "@version" may be left out
	Due         []string                 `json:"due,omitempty"`         // exactly these requirements, in any order
	Obligations []string                 `json:"obligations,omitempty"` // exactly these, in any order
	Advice      []string                 `json:"advice,omitempty"`      // exactly these, in any order
	Headroom    map[string]time.Duration `json:"headroom,omitempty"`    // of these quotas; plain numbers where they count
}

// Mismatch returns what a decision does not have in common with the expectation, one line each; none means that it
// passes.
func (e Expectation) Mismatch(d Explanation) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if d.Outcome != e.Outcome {
		say("outcome: got %s, want %s", d.Outcome, e.Outcome)
	}
	if e.Rules != nil && !sameWords(d.Rules, e.Rules) {
		say("rules: got %s, want %s", d.Rules, e.Rules)
	}
	var due []string
	for _, one := range d.Due {
		due = append(due, one.Requirement)
	}
	if e.Due != nil && !sameWords(due, e.Due) {
		say("due: got %s, want %s", due, e.Due)
	}
	if e.Obligations != nil && !sameWords(d.Obligations, e.Obligations) {
		say("obligations: got %s, want %s", d.Obligations, e.Obligations)
	}
	if e.Advice != nil && !sameWords(d.Advice, e.Advice) {
		say("advice: got %s, want %s", d.Advice, e.Advice)
	}
	for _, want := range e.Reasons {
		if !slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Rule == want || strings.HasPrefix(r.Rule, want+"@") }) {
			say("reasons: %s is not among %s", want, reasonNames(d))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(e.Headroom)) {
		if got, ok := d.Headroom[id]; !ok || got != e.Headroom[id] {
			say("headroom of %s: got %s, want %s", id, short(got), short(e.Headroom[id]))
		}
	}
	return list
}

func sameWords(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func reasonNames(d Explanation) []string {
	var names []string
	for _, r := range d.Reasons {
		names = append(names, r.Rule)
	}
	return slices.Compact(names)
}

// fixedUsage is the usage of a test: an amount per quota, whatever the account and the period. So it needs no key to tell
// accounts apart.
type fixedUsage map[string]time.Duration

// Used implements [Usage].
func (u fixedUsage) Used(_ string, q Quota, _ []string, _ string) time.Duration { return u[q.ID] }

// testRow is a test while it is read.
type testRow struct {
	*Test
	at      *node
	usage   []ref
	used    fixedUsage
	grants  []ref
	granted bool // the row says which grants are live
	knowing bool // the row says which obligations the caller knows
	timed   bool // the row says when it is
	events  eventRefs
}

func (d *decoder) test(n *node) {
	row := &testRow{Test: &Test{File: d.file, Line: n.line, Col: n.col, Request: Request{Attrs: Attrs{}}}, at: n, used: fixedUsage{}}
	req := &row.Request
	if name := n.child("name"); name != nil {
		d.inside = clip(name.text)
	}
	d.object(n, "test",
		field{"name", true, func(n *node) { row.Name = d.text(n, "name") }},
		field{"action", true, func(n *node) { req.Action = d.action(n) }},
		field{"category", true, func(n *node) { req.Category = d.category(n) }},
		field{"now", false, func(n *node) { req.Now, row.timed = d.time(n, "now"), true }},
		field{"with", false, func(n *node) { d.with(n, req.Attrs) }},
		field{"withheld", false, func(n *node) { d.withheld(n, req) }},
		field{"weeks", false, func(n *node) { d.weeks(n, req) }},
		field{"usage", false, func(n *node) {
			d.amounts(n, "usage", func(key *node, v time.Duration) {
				row.usage = append(row.usage, ref{key.text, key.place})
				row.used[key.text] = v
			})
		}},
		field{"consent", false, func(n *node) { req.Consents = d.words(n, "consent", maxListed) }},
		field{"knows", false, func(n *node) { req.Knows, row.knowing = d.names(n, "knows"), true }},
		field{"served", false, func(n *node) { d.list(n, "served", maxListed, func(n *node) { d.served(n, req) }) }},
		field{"member", false, func(n *node) { req.Member = d.text(n, "member") }},
		field{"grants", false, func(n *node) { row.grants, row.granted = d.refs(n, "grants"), true }},
		field{"votes", false, func(n *node) { d.list(n, "votes", maxListed, func(n *node) { d.vote(n, req) }) }},
		field{"approvals", false, func(n *node) {
			d.list(n, "approvals", maxListed, func(n *node) { d.approvalEvent(n, row) })
		}},
		field{"grant_events", false, func(n *node) {
			d.list(n, "grant_events", maxListed, func(n *node) { d.grantEvent(n, row) })
		}},
		field{"expect", true, func(n *node) { d.expect(n, &row.Expect) }})
	d.inside = ""
	req.Usage = row.used
	d.rows = append(d.rows, row)
}

func (d *decoder) with(n *node, attrs Attrs) {
	if n.form != formObject {
		d.fail(n, "with: want an object, got %s", formNames[n.form])
		return
	}
	for i, key := range n.keys {
		a, ok := d.schema.attrs[key.text]
		if !ok {
			d.fail(key, "with: %s", d.schema.unknownAttribute(key.text))
			continue
		}
		before := len(d.errs.List)
		v := d.value(n.items[i], a)
		if fault := v.fault(); fault != "" && len(d.errs.List) == before {
			d.fail(n.items[i], "with: '%s' %s", a.Name, fault)
		}
		attrs[a.Name] = v
	}
}

// value reads an attribute's value by its kind in the schema.
func (d *decoder) value(n *node, a Attribute) Value {
	switch a.Kind {
	case KindString:
		return String(d.text(n, a.Name))
	case KindStrings:
		var list []string
		d.list(n, a.Name, maxListed, func(item *node) { list = append(list, d.text(item, a.Name)) })
		return Strings(list...)
	case KindInt:
		return Int(d.integer(n, a.Name, -1<<53, 1<<53))
	case KindDuration:
		return Duration(d.duration(n, a.Name, 0))
	case KindTime:
		return Time(d.time(n, a.Name))
	case KindBool:
		return Bool(d.boolean(n, a.Name))
	}
	return Double(d.double(n, a.Name))
}

func (d *decoder) withheld(n *node, req *Request) {
	for _, r := range d.refs(n, "withheld") {
		if _, ok := d.schema.attrs[r.id]; !ok {
			d.fail(r.at, "withheld: %s", d.schema.unknownAttribute(r.id))
		}
		req.Withheld = append(req.Withheld, r.id)
	}
}

func (d *decoder) durations(n *node, what string, read func(key *node, v time.Duration)) {
	if n.form != formObject {
		d.fail(n, "%s: want an object, got %s", what, formNames[n.form])
		return
	}
	for i, key := range n.keys {
		read(key, d.duration(n.items[i], what, 0))
	}
}

// amounts reads amounts per quota: lengths of time, and numbers where the quota counts engagements.
func (d *decoder) amounts(n *node, what string, read func(key *node, v time.Duration)) {
	if n.form != formObject {
		d.fail(n, "%s: want an object, got %s", what, formNames[n.form])
		return
	}
	for i, key := range n.keys {
		at := slices.IndexFunc(d.doc.quotas, func(q *quotaDoc) bool { return q.ID == key.text })
		if at >= 0 && d.doc.quotas[at].Unit == unitCount {
			read(key, time.Duration(d.integer(n.items[i], what, 0, 1_000_000)))
		} else {
			read(key, d.duration(n.items[i], what, 0))
		}
	}
}

// served reads whom somebody works for or has worked for.
func (d *decoder) served(n *node, req *Request) {
	var s Served
	d.object(n, "served",
		field{"wall", true, func(n *node) {
			s.Wall = d.word(n, "wall")
			if !slices.ContainsFunc(d.doc.walls, func(w *wallDoc) bool { return w.ID == s.Wall }) {
				d.fail(n, "served: no wall is called '%s'", clip(s.Wall))
			}
		}},
		field{"key", false, func(n *node) { s.Key = d.names(n, "key") }},
		field{"class", true, func(n *node) { s.Class = d.text(n, "class") }},
		field{"member", true, func(n *node) { s.Member = d.text(n, "member") }},
		field{"until", false, func(n *node) { s.Until = d.time(n, "until") }})
	req.Served = append(req.Served, s)
}

func (d *decoder) weeks(n *node, req *Request) {
	d.durations(n, "weeks", func(key *node, v time.Duration) {
		if _, ok := weekStart(key.text, time.UTC); !ok {
			d.fail(key, "weeks: '%s' is not an ISO week such as 2026-W38", clip(key.text))
		}
		req.Weeks = append(req.Weeks, WeekAmount{Week: key.text, Hours: v})
	})
}

func (d *decoder) vote(n *node, req *Request) {
	v := Vote{}
	d.object(n, "vote",
		field{"requirement", false, func(n *node) { v.Requirement = d.word(n, "requirement") }},
		field{"person", true, func(n *node) { v.Person = d.text(n, "person") }},
		field{"roles", true, func(n *node) { v.Roles = d.words(n, "roles", maxListed) }},
		field{"vote", true, func(n *node) { v.Yes = d.oneOf(n, "vote", "approve", "refuse") == "approve" }},
		field{"at", true, func(n *node) { v.At = d.time(n, "at") }},
		field{"revoked_at", false, func(n *node) { v.RevokedAt = d.time(n, "revoked_at") }})
	req.Votes = append(req.Votes, v)
}

func (d *decoder) expect(n *node, e *Expectation) {
	d.object(n, "expect",
		field{"outcome", true, func(n *node) {
			name := d.oneOf(n, "outcome", outcomeNames[:]...)
			e.Outcome = Outcome(max(slices.Index(outcomeNames[:], name), 0))
		}},
		field{"rules", false, func(n *node) { e.Rules = d.names(n, "rules") }},
		field{"reasons", false, func(n *node) { e.Reasons = d.names(n, "reasons") }},
		field{"due", false, func(n *node) { e.Due = d.names(n, "due") }},
		field{"obligations", false, func(n *node) { e.Obligations = d.names(n, "obligations") }},
		field{"advice", false, func(n *node) { e.Advice = d.names(n, "advice") }},
		field{"headroom", false, func(n *node) {
			e.Headroom = map[string]time.Duration{}
			d.amounts(n, "headroom", func(key *node, v time.Duration) { e.Headroom[key.text] = v })
		}})
}

// names reads a list of texts that may be empty; the result is never nil.
func (d *decoder) names(n *node, what string) []string {
	list := []string{}
	d.list(n, what, maxListed, func(item *node) { list = append(list, d.text(item, what)) })
	return list
}

// testRefs resolves the names in tests and fills in what they leave out.
func (d *decoder) testRefs() {
	for _, row := range d.rows {
		d.inside = clip(row.Name)
		row.Request.Employer = d.doc.employer
		d.quotaRefs(row.usage)
		d.grantRefs(row)
		d.eventNames(row)
		if !row.knowing {
			row.Request.Knows = unite(d.doc.rules, func(r *rule) []string { return r.obligations })
		}
		if row.Request.Now.IsZero() {
			row.Request.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		d.doc.tests = append(d.doc.tests, row.Test)
	}
	d.inside = ""
}

// grantRefs makes the grants a row names live and held, and all others revoked.
func (d *decoder) grantRefs(row *testRow) {
	if !row.granted {
		return
	}
	req := &row.Request
	var roles []string
	for _, g := range d.doc.grants {
		if !slices.ContainsFunc(row.grants, func(r ref) bool { return r.id == g.ID }) {
			req.Revoked = append(req.Revoked, g.ID)
			continue
		}
		if !row.timed && g.From.After(req.Now) {
			req.Now = g.From
		}
		if g.Role != "" {
			roles = append(roles, g.Role)
		} else if _, ok := req.Attrs[attrActor]; !ok {
			req.Attrs[attrActor] = String(g.Person)
		}
	}
	for _, r := range row.grants {
		if !slices.ContainsFunc(d.doc.grants, func(g *grantDoc) bool { return g.ID == r.id }) {
			d.fail(r.at, "grants: no grant is called '%s'", clip(r.id))
		}
	}
	if _, ok := req.Attrs[attrRoles]; !ok {
		req.Attrs[attrRoles] = Strings(roles...)
	}
}
