package policy_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// agrees compares the quick answer with the exhaustive one.
func agrees(t testing.TB, set *policy.Set, r *policy.Request) policy.Decision {
	t.Helper()
	x := set.Explain(r)
	q, err := set.Schema().Bind(r)
	d := set.Decide(q)
	assert.Equal(t, x.Outcome, d.Outcome)
	assert.Equal(t, x.Rules, d.Rules(nil))
	assert.Equal(t, x.Obligations, d.Obligations(nil))
	assert.Equal(t, x.Advice, d.Advice(nil))
	assert.Equal(t, x.Due, d.Due(nil))
	if err == nil {
		assert.Equal(t, x.Digest, d.Digest())
		assert.Equal(t, x.Version, d.Version())
	} else {
		assert.Equal(t, policy.Deny, d.Outcome)
	}
	for _, quota := range set.Quotas(r.Employer) {
		want, there := x.Headroom[quota.ID]
		left, ok := d.Headroom(quota.ID)
		assert.Equal(t, there, ok)
		assert.Equal(t, want, left)
	}
	return d
}

func bind(t testing.TB, set *policy.Set, r *policy.Request) *policy.Query {
	t.Helper()
	q, err := set.Schema().Bind(r)
	require.NoError(t, err)
	return q
}

func TestDecideAgreesWithExplainOnTheStories(t *testing.T) {
	var names []string
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	set := load(t, names...)
	count := 0
	for _, employer := range set.Employers() {
		for _, test := range set.Tests(employer) {
			t.Run(employer+"/"+test.Name, func(t *testing.T) {
				for _, action := range policy.Actions() {
					r := test.Request
					r.Action = action
					agrees(t, set, &r)
					for name := range r.Attrs {
						less := r
						less.Withheld = []string{name}
						agrees(t, set, &less)
					}
					count++
				}
			})
		}
	}
	assert.GreaterOrEqual(t, count, 40)
}

func TestDecideAgreesWithExplainOnTheWorkload(t *testing.T) {
	const rules = 1000
	schema := policy.BaseSchema()
	set, err := policy.Compile(schema, workload(rules, 20)...)
	require.NoError(t, err)
	outcomes := map[policy.Outcome]int{}
	for _, r := range questions(rules, 512) {
		d := agrees(t, set, r)
		outcomes[d.Outcome]++
	}
	assert.Greater(t, outcomes[policy.Permit], 50)
	assert.Greater(t, outcomes[policy.Deny], 50)
}

func TestDecideAgreesWithExplainOnGeneratedSets(t *testing.T) {
	sets := 60
	if testing.Short() {
		sets = 10
	}
	schema := policy.BaseSchema()
	outcomes := map[policy.Outcome]int{}
	for seed := range sets {
		g := &generator{rand.New(rand.NewPCG(uint64(seed), 7))}
		set, err := policy.Compile(schema, g.document())
		require.NoError(t, err)
		for range 40 {
			r := g.request()
			outcomes[agrees(t, set, r).Outcome]++
			if t.Failed() {
				t.Fatalf("seed %d: %s of %s", seed, r.Action, r.Category)
			}
		}
	}
	for _, o := range []policy.Outcome{policy.Deny, policy.RequireApproval, policy.Permit} {
		assert.Greater(t, outcomes[o], sets, o)
	}
}

// generator makes documents and requests that have to do with each other.
type generator struct{ *rand.Rand }

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) some(list ...string) string {
	var out []string
	for _, x := range list {
		if g.IntN(2) == 0 {
			out = append(out, x)
		}
	}
	if len(out) == 0 {
		out = list[:1]
	}
	return strings.Join(out, ", ")
}

var treeOfCategories = []string{"a", "a.b", "a.b.c", "a.b.c.d", "a.bb", "z", "z.y", "z-a"}

func (g *generator) document() policy.Source {
	var b strings.Builder
	b.WriteString(`apiVersion: csss.policy/v1
employer: firm
version: 3
zone: America/Toronto
approvals:
  - {id: one, seats: [boss], need: 1, expires: 72h}
  - {id: two, seats: [boss, hr, quality], need: 2, expires: 72h, not: [requester]}
quotas:
  - {id: week, per: iso_week, unit: duration, max: 6h, key: [resource.person]}
  - {id: all, per: total, unit: duration, min: 1h, max: 40h}
grants:
  - {id: g1, to: {role: boss}, may: [publish, match, summarise, reveal, engage, "approve:one"], categories: [a], when: 'price.rate >= 50', quotas: [week], valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
  - {id: g2, to: {person: p1}, may: [match, engage], categories: [a.b, z], discharges: [two], valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
rules:
`)
	n := 1 + g.IntN(40)
	for i := range n {
		fmt.Fprintf(&b, "  - {id: r%02d, ", i)
		forbids := g.IntN(6) == 0
		actions := g.some("publish", "match", "summarise", "reveal", "engage")
		if forbids {
			b.WriteString("effect: forbid")
			if g.IntN(2) == 0 {
				fmt.Fprintf(&b, ", actions: [%s]", actions)
			}
			if g.IntN(3) != 0 {
				fmt.Fprintf(&b, ", categories: [%s]", g.some(treeOfCategories...))
			}
		} else {
			fmt.Fprintf(&b, "effect: permit, actions: [%s], categories: [%s], approval: %s", actions, g.some(treeOfCategories...), g.pick("auto", "auto", "one", "two"))
			for _, extra := range []string{"authority: grant", "quotas: [week]", "quotas: [all, week]", "requires: [person_consent]", "obligations: [log, tell]", "advice: [call, ask]"} {
				if g.IntN(5) == 0 && (!strings.HasPrefix(extra, "quotas: [all") || !strings.Contains(b.String()[strings.LastIndex(b.String(), "\n")+1:], "quotas")) {
					b.WriteString(", " + extra)
				}
			}
			if i > 0 && g.IntN(8) == 0 {
				fmt.Fprintf(&b, ", overrides: [OVER%02d]", g.IntN(i))
			}
		}
		if g.IntN(6) == 0 {
			b.WriteString(", valid: " + g.pick("{from: 2026-10-01T00:00:00Z}", "{until: 2026-10-01T00:00:00Z}", "{until: 2026-02-01T00:00:00Z}"))
		}
		if g.IntN(4) != 0 || forbids {
			fmt.Fprintf(&b, ",\n     when: '%s'", g.condition())
		}
		b.WriteString("}\n")
	}
	text := b.String()
	for i := range n { // overrides may only name permits
		id := fmt.Sprintf("r%02d", i)
		if strings.Contains(text, "{id: "+id+", effect: permit") {
			text = strings.ReplaceAll(text, "OVER"+id[1:], id)
		} else {
			text = strings.ReplaceAll(text, ", overrides: [OVER"+id[1:]+"]", "")
		}
	}
	return policy.Source{Name: "generated.yaml", Text: []byte(text)}
}

func (g *generator) condition() string {
	atoms := []string{
		`request.mode == "remote"`, `request.mode == "on_site"`, `request.mode in ["hybrid", "remote"]`, `price.currency == "CAD"`,
		`price.rate >= 70`, `price.rate < 90`, `price.amount / price.rate > 3`, `counterparty.naics == "336370"`, `counterparty.verified`,
		`"x" in resource.tags`, `present(price.rate)`, `resource.tags.exists(t, t == "y")`, `request.distance_km <= 50`,
		`resource.kind == "machine"`, `resource.kind == "person"`, `resource.id == "r1"`,
	}
	list := make([]string, 1+g.IntN(3))
	for i := range list {
		list[i] = atoms[g.IntN(len(atoms))]
		if g.IntN(6) == 0 {
			list[i] = "!(" + list[i] + ")"
		}
		if g.IntN(6) == 0 {
			list[i] = "(" + list[i] + " || " + atoms[g.IntN(len(atoms))] + ")"
		}
	}
	return strings.Join(list, " && ")
}

func (g *generator) request() *policy.Request {
	r := &policy.Request{
		Employer: "firm", Action: policy.Action(g.pick("publish", "match", "summarise", "reveal", "engage", "engage", "renew")),
		Category: g.pick(append(slices.Clone(treeOfCategories), "a.b.c.d.e.f", "q", "ab")...), Now: noon, Attrs: policy.Attrs{},
	}
	for name, v := range map[string]policy.Value{
		"request.mode": policy.String(g.pick("remote", "on_site", "hybrid")), "price.currency": policy.String("CAD"),
		"price.rate": policy.Int(int64(g.IntN(12) * 10)), "price.amount": policy.Int(400), "counterparty.verified": policy.Bool(g.IntN(4) > 0),
		"counterparty.naics": policy.String(g.pick("336370", "332710")), "resource.tags": policy.Strings(strings.Split(g.some("x", "y", "z"), ", ")...),
		"request.distance_km": policy.Int(int64(g.IntN(100))), "resource.kind": policy.String(g.pick("machine", "person", "space")),
		"resource.id": policy.String(g.pick("r1", "r2")), "resource.person": policy.String(g.pick("p1", "p2")),
		"request.per_week": policy.Duration(time.Duration(1+g.IntN(8)) * time.Hour), "request.total": policy.Duration(time.Duration(g.IntN(50)) * time.Hour),
		"actor.person": policy.String(g.pick("p1", "p3")), "actor.roles": policy.Strings("boss"), "request.requester": policy.String("p4"),
		"request.end": policy.Time(noon.AddDate(0, g.IntN(6), 0)),
	} {
		switch g.IntN(12) {
		case 0:
		case 1:
			r.Withheld = append(r.Withheld, name)
		default:
			r.Attrs[name] = v
		}
	}
	for _, person := range []string{"p4", "p5", "p6"} {
		if g.IntN(4) == 0 {
			r.Votes = append(r.Votes, policy.Vote{Person: person, Roles: []string{g.pick("boss", "hr", "quality")}, Yes: g.IntN(4) > 0, At: noon.Add(-time.Hour)})
		}
	}
	if g.IntN(3) > 0 {
		r.Knows = []string{"tell", "log"}
	}
	if g.IntN(2) == 0 {
		r.Consents = []string{policy.PersonConsent}
	}
	return r
}

func BenchmarkDecideWorkload(b *testing.B) {
	for _, rules := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("rules=%d", rules), func(b *testing.B) {
			schema := policy.BaseSchema()
			set, err := policy.Compile(schema, workload(rules, 20)...)
			if err != nil {
				b.Fatal(err)
			}
			queries := make([]*policy.Query, 512)
			for i, r := range questions(rules, len(queries)) {
				if queries[i], err = schema.Bind(r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			i, permits := 0, 0
			for b.Loop() {
				d := set.Decide(queries[i%len(queries)])
				if d.Outcome == policy.Permit {
					permits++
				}
				i++
			}
			b.ReportMetric(float64(permits)/float64(i), "permitted")
		})
	}
}

// jointRules are two employers whose permits ask for approvals, obligations and the consent of a person.
const jointRules = `apiVersion: csss.policy/v1
employer: FIRM
version: 1
approvals:
  - {id: boss, seats: [owner], need: 1, expires: 72h}
  - {id: quality, seats: [quality_manager, owner], need: 2, expires: 72h}
rules:
  - {id: sell, effect: permit, actions: [engage], categories: [machine], when: 'price.rate >= 9500', approval: boss, obligations: [report, insure], advice: [call]}
  - {id: again, effect: permit, actions: [engage], categories: [machine.capacity], approval: quality, obligations: [insure], requires: [person_consent]}
  - {id: never, effect: forbid, when: counterparty.naics == "336370"}
`

func jointQueries(t testing.TB) (set *policy.Set, supply, demand *policy.Query) {
	t.Helper()
	var docs []policy.Source
	for _, firm := range []string{"a", "b"} {
		docs = append(docs, policy.Source{Name: firm, Text: []byte(strings.Replace(jointRules, "FIRM", firm, 1))})
	}
	set, err := policy.Compile(nil, docs...)
	require.NoError(t, err)
	r := &policy.Request{Action: policy.Engage, Category: "machine.capacity.shift2", Now: noon, Knows: []string{"report", "insure"},
		Attrs: policy.Attrs{"price.rate": policy.Int(9600), "counterparty.naics": policy.String("332710")}}
	var queries [2]*policy.Query
	for i, firm := range []string{"a", "b"} {
		one := *r
		one.Employer = firm
		agrees(t, set, &one)
		queries[i] = bind(t, set, &one)
	}
	return set, queries[0], queries[1]
}

func TestJointUnitesAndLabels(t *testing.T) {
	set, supply, demand := jointQueries(t)
	j := set.DecideJoint(supply, demand)
	assert.Equal(t, policy.RequireApproval, j.Outcome)
	var due []string
	for _, d := range j.Due(nil) {
		due = append(due, d.Side.String()+" "+d.Requirement)
	}
	assert.Equal(t, []string{"supply boss", "supply person_consent", "supply quality", "demand boss", "demand person_consent", "demand quality"}, due)
	assert.Equal(t, []policy.JointDuty{{policy.Supply, "insure"}, {policy.Supply, "report"}, {policy.Demand, "insure"}, {policy.Demand, "report"}}, j.Obligations(nil))
	assert.Equal(t, []policy.JointDuty{{policy.Supply, "call"}, {policy.Demand, "call"}}, j.Advice(nil))

	own := j.For(policy.Demand).Own
	assert.Equal(t, []string{"insure", "report"}, own.Obligations(nil))
	denied := set.DecideJoint(supply, nil)
	assert.Equal(t, policy.Deny, denied.Outcome)
	assert.Empty(t, denied.Obligations(nil))
	assert.Empty(t, denied.Due(nil))
	part := denied.For(policy.Supply)
	assert.Equal(t, j.For(policy.Supply).Own, part.Own, "who is denied elsewhere sees the same of their own")
	assert.False(t, part.Open)
}

func TestUnknownObligationDenies(t *testing.T) {
	rules := compile(t, nil, `rules:
  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto, obligations: [tell, log]}
  - {id: b, effect: permit, actions: [match], categories: [machine], approval: auto, advice: [call]}
`)
	for _, c := range []struct {
		knows []string
		want  policy.Outcome
	}{{nil, policy.Deny}, {[]string{"log"}, policy.Deny}, {[]string{"log", "tell", "dance"}, policy.Permit}} {
		r := ask(policy.Match, nil)
		r.Knows = c.knows
		d := agrees(t, rules, r)
		assert.Equal(t, c.want, d.Outcome)
		if c.want == policy.Permit {
			assert.Equal(t, []string{"log", "tell"}, d.Obligations(nil))
			assert.Equal(t, []string{"call"}, d.Advice(nil))
		} else {
			assert.Contains(t, ruleNames(rules.Explain(r)), "obligation:tell")
		}
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	set, supply, demand := jointQueries(t)
	assert.Zero(t, testing.AllocsPerRun(100, func() { set.DecideJoint(supply, demand) }))

	const rules = 200
	load, err := policy.Compile(nil, workload(rules, 20)...)
	require.NoError(t, err)
	for _, r := range questions(rules, 64) {
		q := bind(t, load, r)
		assert.Zero(t, testing.AllocsPerRun(10, func() { load.Decide(q) }))
		assert.Zero(t, testing.AllocsPerRun(10, func() { _ = q.Reset(load.Schema(), r) }), "a query is reused")
	}
	var (
		rulesOf = make([]string, 0, 8)
		due     = make([]policy.JointDue, 0, 8)
		duties  = make([]policy.JointDuty, 0, 8)
	)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		j := set.DecideJoint(supply, demand)
		own := j.For(policy.Supply).Own
		rulesOf, due, duties = own.Rules(rulesOf[:0]), j.Due(due[:0]), j.Obligations(duties[:0])
	}))
	assert.Len(t, due, 6)
}

// TestManyRulesOfOneCategory are found by what they demand of one attribute; a forbid is met even where it is missing.
func TestManyRulesOfOneCategory(t *testing.T) {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range 60 {
		fmt.Fprintf(&b, "  - {id: p%02d, effect: permit, actions: [match], categories: [machine], approval: auto, when: 'resource.id == \"r%d\" && price.rate >= %d'}\n", i, i/2, i)
		fmt.Fprintf(&b, "  - {id: f%02d, effect: forbid, categories: [machine], when: 'resource.kind in [\"k%d\", \"k%d\"] && counterparty.verified'}\n", i, i, i+100)
		fmt.Fprintf(&b, "  - {id: n%02d, effect: forbid, categories: [machine], when: 'price.amount == %d'}\n", i, i)
	}
	set := compile(t, nil, b.String())
	outcomes := map[policy.Outcome]int{}
	attrs := []policy.Attrs{
		{"resource.id": policy.String("r3"), "resource.kind": policy.String("x"), "price.rate": policy.Int(6), "price.amount": policy.Int(99), "counterparty.verified": policy.Bool(true)},
		{"resource.id": policy.String("r3"), "resource.kind": policy.String("k3"), "price.rate": policy.Int(6), "price.amount": policy.Int(99), "counterparty.verified": policy.Bool(true)},
		{"resource.id": policy.String("r3"), "resource.kind": policy.String("k103"), "price.rate": policy.Int(6), "price.amount": policy.Int(7), "counterparty.verified": policy.Bool(true)},
		{"resource.id": policy.String("none"), "resource.kind": policy.String("x"), "price.rate": policy.Int(6), "price.amount": policy.Int(99)},
		{},
	}
	for _, a := range attrs {
		for name := range a {
			less := ask(policy.Match, nil)
			less.Attrs = policy.Attrs{}
			for other, v := range a {
				if other != name {
					less.Attrs[other] = v
				}
			}
			outcomes[agrees(t, set, less).Outcome]++
			less.Withheld = []string{name}
			outcomes[agrees(t, set, less).Outcome]++
		}
		outcomes[agrees(t, set, ask(policy.Match, a)).Outcome]++
	}
	assert.Positive(t, outcomes[policy.Permit])
	assert.Equal(t, policy.Permit, agrees(t, set, ask(policy.Match, attrs[0])).Outcome)
	d := agrees(t, set, ask(policy.Match, attrs[4]))
	assert.Len(t, d.Rules(nil), 120, "every forbid whose attribute is missing denies")
}

func BenchmarkDecideJoint(b *testing.B) {
	set, supply, demand := jointQueries(b)
	duties := make([]policy.JointDuty, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		j := set.DecideJoint(supply, demand)
		duties = j.Obligations(duties[:0])
	}
}
