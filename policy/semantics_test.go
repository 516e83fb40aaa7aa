package policy_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// noon is the time of requests that do not care.
var noon = time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)

const head = "apiVersion: csss.policy/v1\nemployer: shop\nversion: 1\nzone: America/Toronto\n"

// compile compiles the body of one document of the employer "shop".
func compile(t testing.TB, schema *policy.Schema, body string) *policy.Set {
	t.Helper()
	set, err := policy.Compile(schema, policy.Source{Name: "shop.yaml", Text: []byte(head + body)})
	require.NoError(t, err)
	return set
}

// load compiles documents of testdata.
func load(t testing.TB, names ...string) *policy.Set {
	t.Helper()
	var docs []policy.Source
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join("testdata", name+".yaml"))
		require.NoError(t, err)
		docs = append(docs, policy.Source{Name: name + ".yaml", Text: text})
	}
	set, err := policy.Compile(nil, docs...)
	require.NoError(t, err)
	return set
}

func ask(action policy.Action, attrs policy.Attrs) *policy.Request {
	return &policy.Request{Employer: "shop", Action: action, Category: "machine", Now: noon, Attrs: attrs}
}

// ruleNames returns the rules of the reasons.
func ruleNames(d policy.Explanation) []string {
	var names []string
	for _, r := range d.Reasons {
		names = append(names, r.Rule)
	}
	return slices.Compact(names)
}

func text(d policy.Explanation, rule string) string {
	var lines []string
	for _, r := range d.Reasons {
		if r.Rule == rule {
			lines = append(lines, r.Text)
		}
	}
	return strings.Join(lines, "; ")
}

// The four values of a condition.
const values = "TFEU"

var (
	andTable = map[string]string{"T": "TFEU", "F": "FFFF", "E": "EFEU", "U": "UFUU"}
	orTable  = map[string]string{"T": "TTTT", "F": "TFEU", "E": "TEEU", "U": "TUUU"}
	notTable = map[byte]byte{'T': 'F', 'F': 'T', 'E': 'E', 'U': 'U'}
)

func lookup(table map[string]string, a, b byte) byte {
	return table[string(a)][strings.IndexByte(values, b)]
}

func logicSchema(t testing.TB) *policy.Schema {
	t.Helper()
	s, err := policy.NewSchema(policy.Attr("test.a", policy.KindBool), policy.Attr("test.b", policy.KindBool), policy.Attr("test.c", policy.KindBool))
	require.NoError(t, err)
	return s
}

// give makes the attributes test.a, test.b, … have the values.
func give(r *policy.Request, vals ...byte) {
	r.Attrs, r.Withheld = policy.Attrs{}, nil
	for i, v := range vals {
		name := "test." + string(rune('a'+i))
		switch v {
		case 'T', 'F':
			r.Attrs[name] = policy.Bool(v == 'T')
		case 'U':
			r.Attrs[name] = policy.Bool(true)
			r.Withheld = append(r.Withheld, name)
		}
	}
}

// valueOf observes a condition's value from outside: a permit tells T, a forbid tells F, and its reason tells E from U.
func valueOf(t testing.TB, set *policy.Set, vals ...byte) byte {
	t.Helper()
	onPermit, onForbid := ask(policy.Publish, nil), ask(policy.Match, nil)
	give(onPermit, vals...)
	give(onForbid, vals...)
	p, f := set.Explain(onPermit), set.Explain(onForbid)
	why := text(f, "f@1")
	switch {
	case p.Outcome == policy.Permit && f.Outcome == policy.Deny && strings.Contains(why, "forbidden when"):
		return 'T'
	case p.Outcome == policy.Deny && f.Outcome == policy.Permit:
		return 'F'
	case p.Outcome == policy.Deny && strings.Contains(why, "missing"):
		return 'E'
	case p.Outcome == policy.Deny && strings.Contains(why, "not released"):
		return 'U'
	}
	t.Fatalf("inconsistent: %+v %+v", p, f)
	return 0
}

func logicSet(t testing.TB, schema *policy.Schema, expr string) *policy.Set {
	return compile(t, schema, `rules:
  - {id: p, effect: permit, actions: [publish], categories: [machine], approval: auto, when: `+expr+`}
  - {id: base, effect: permit, actions: [match], categories: [machine], approval: auto}
  - {id: f, effect: forbid, actions: [match], categories: [machine], when: `+expr+`}
`)
}

func TestLogicOfPairsIsTheTable(t *testing.T) {
	schema := logicSchema(t)
	and, or, not := logicSet(t, schema, "test.a && test.b"), logicSet(t, schema, "test.a || test.b"), logicSet(t, schema, `"!test.a"`)
	for i := range len(values) {
		a := values[i]
		assert.Equal(t, string(notTable[a]), string(valueOf(t, not, a)), "!%c", a)
		for j := range len(values) {
			b := values[j]
			assert.Equal(t, string(lookup(andTable, a, b)), string(valueOf(t, and, a, b)), "%c && %c", a, b)
			assert.Equal(t, string(lookup(orTable, a, b)), string(valueOf(t, or, a, b)), "%c || %c", a, b)
		}
	}
}

func TestLogicOfTriplesIsTheTableTwice(t *testing.T) {
	schema := logicSchema(t)
	tables := map[string]map[string]string{"&&": andTable, "||": orTable}
	for first, one := range tables {
		for second, two := range tables {
			set := logicSet(t, schema, "(test.a "+first+" test.b) "+second+" test.c")
			for n := range 64 {
				a, b, c := values[n/16], values[n/4%4], values[n%4]
				want := lookup(two, lookup(one, a, b), c)
				assert.Equal(t, string(want), string(valueOf(t, set, a, b, c)), "(%c %s %c) %s %c", a, first, b, second, c)
			}
		}
	}
}

func TestPresentIsFalseOnlyWhenAbsent(t *testing.T) {
	set := logicSet(t, logicSchema(t), "present(test.a)")
	for v, want := range map[byte]byte{'T': 'T', 'F': 'T', 'E': 'F'} {
		assert.Equal(t, string(want), string(valueOf(t, set, v)), "present of %c", v)
	}
	withheld := ask(policy.Match, nil)
	give(withheld, 'U')
	assert.Equal(t, policy.Deny, set.Explain(withheld).Outcome, "whether it is there is not released either")
}

// TestTwoRules walks every pair of effect and value of section "rules and sets".
func TestTwoRules(t *testing.T) {
	schema := logicSchema(t)
	for _, effects := range [][2]string{{"permit", "permit"}, {"permit", "forbid"}, {"forbid", "permit"}, {"forbid", "forbid"}} {
		approval := func(effect string) string {
			if effect == "permit" {
				return ", approval: auto"
			}
			return ""
		}
		set := compile(t, schema, fmt.Sprintf(`rules:
  - {id: one, effect: %s, actions: [match], categories: [machine], when: test.a%s}
  - {id: two, effect: %s, actions: [match], categories: [machine], when: test.b%s}
`, effects[0], approval(effects[0]), effects[1], approval(effects[1])))
		for n := range 16 {
			vals := [2]byte{values[n/4], values[n%4]}
			permitted, denied := false, false
			for i, effect := range effects {
				permitted = permitted || effect == "permit" && vals[i] == 'T'
				denied = denied || effect == "forbid" && vals[i] != 'F'
			}
			r := ask(policy.Match, nil)
			give(r, vals[:]...)
			d := set.Explain(r)
			assert.Equal(t, permitted && !denied, d.Outcome == policy.Permit, "%v %s", effects, vals[:])
			assert.NotEmpty(t, d.Reasons, "every outcome has reasons")
			if !permitted && !denied {
				assert.Contains(t, ruleNames(d), "default-deny")
			}
		}
	}
}

func TestJointIsTheMeet(t *testing.T) {
	set, err := policy.Compile(nil,
		policy.Source{Name: "a", Text: []byte(strings.Replace(threeWay, "FIRM", "a", 1))},
		policy.Source{Name: "b", Text: []byte(strings.Replace(threeWay, "FIRM", "b", 1))})
	require.NoError(t, err)
	actions := []policy.Action{policy.Match, policy.Reveal, policy.Engage} // denied, approval, permitted
	for i, s := range actions {
		for j, d := range actions {
			supply := &policy.Request{Employer: "a", Action: s, Category: "machine", Now: noon}
			demand := &policy.Request{Employer: "b", Action: d, Category: "machine", Now: noon}
			joint := set.DecideJoint(bind(t, set, supply), bind(t, set, demand))
			assert.Equal(t, policy.Outcome(min(i, j)), joint.Outcome)
			assert.Equal(t, agrees(t, set, supply), joint.For(policy.Supply).Own, "the other side changes nothing of one's own")
			assert.Equal(t, agrees(t, set, demand), joint.For(policy.Demand).Own)
			for _, side := range []policy.Side{policy.Supply, policy.Demand} {
				assert.Equal(t, i == 2 && j == 2, joint.For(side).Open)
			}
		}
	}
}

const threeWay = `apiVersion: csss.policy/v1
employer: FIRM
version: 1
approvals: [{id: boss, seats: [owner], need: 1, expires: 72h}]
rules:
  - {id: ask, effect: permit, actions: [reveal], categories: [machine], approval: boss}
  - {id: go, effect: permit, actions: [engage], categories: [machine], approval: auto}
`

func TestDeniesWhatItCannotUse(t *testing.T) {
	set := compile(t, nil, "rules: [{id: all, effect: permit, actions: [match], categories: [machine], approval: auto}]\n")
	require.Equal(t, policy.Permit, set.Explain(ask(policy.Match, nil)).Outcome)
	cases := map[string]struct {
		change func(*policy.Request)
		field  string
	}{
		"unknown employer":  {func(r *policy.Request) { r.Employer = "nobody" }, "employer"},
		"no action":         {func(r *policy.Request) { r.Action = "" }, "action"},
		"unknown action":    {func(r *policy.Request) { r.Action = "sell" }, "action"},
		"no category":       {func(r *policy.Request) { r.Category = "" }, "category"},
		"half a category":   {func(r *policy.Request) { r.Category = "machine." }, "category"},
		"upper case":        {func(r *policy.Request) { r.Category = "Machine" }, "category"},
		"no time":           {func(r *policy.Request) { r.Now = time.Time{} }, "now"},
		"unknown attribute": {func(r *policy.Request) { r.Attrs = policy.Attrs{"price.rates": policy.Int(1)} }, "attributes"},
		"wrong kind":        {func(r *policy.Request) { r.Attrs = policy.Attrs{"price.rate": policy.String("9")} }, "price.rate"},
		"zero value":        {func(r *policy.Request) { r.Attrs = policy.Attrs{"price.rate": {}} }, "price.rate"},
		"zero time":         {func(r *policy.Request) { r.Attrs = policy.Attrs{"request.end": policy.Time(time.Time{})} }, "request.end"},
		"NaN":               {func(r *policy.Request) { r.Attrs = policy.Attrs{"counterparty.trust": policy.Double(math.NaN())} }, "counterparty.trust"},
		"infinite":          {func(r *policy.Request) { r.Attrs = policy.Attrs{"counterparty.trust": policy.Double(math.Inf(-1))} }, "counterparty.trust"},
		"long text": {func(r *policy.Request) {
			r.Attrs = policy.Attrs{"request.mode": policy.String(strings.Repeat("x", 4097))}
		}, "request.mode"},
		"not UTF-8":           {func(r *policy.Request) { r.Attrs = policy.Attrs{"request.topics": policy.Strings("\xff")} }, "request.topics"},
		"negative duration":   {func(r *policy.Request) { r.Attrs = policy.Attrs{"request.total": policy.Duration(-1)} }, "request.total"},
		"other now":           {func(r *policy.Request) { r.Attrs = policy.Attrs{"context.now": policy.Time(noon.Add(1))} }, "context.now"},
		"other category":      {func(r *policy.Request) { r.Attrs = policy.Attrs{"resource.category": policy.String("space")} }, "resource.category"},
		"unknown withheld":    {func(r *policy.Request) { r.Withheld = []string{"price.floor"} }, "withheld"},
		"negative total":      {func(r *policy.Request) { r.Total = -time.Hour }, "total"},
		"week that is not":    {func(r *policy.Request) { r.Weeks = []policy.WeekAmount{{Week: "2027-W53", Hours: 1}} }, "weeks"},
		"malformed week":      {func(r *policy.Request) { r.Weeks = []policy.WeekAmount{{Week: "2026-38", Hours: 1}} }, "weeks"},
		"negative week":       {func(r *policy.Request) { r.Weeks = []policy.WeekAmount{{Week: "2026-W38", Hours: -1}} }, "weeks"},
		"week beyond a week":  {func(r *policy.Request) { r.Weeks = []policy.WeekAmount{{Week: "2026-W38", Hours: 201 * time.Hour}} }, "weeks"},
		"weeks beyond bounds": {func(r *policy.Request) { r.Weeks = make([]policy.WeekAmount, 531) }, "weeks"},
	}
	for name, c := range cases {
		r := ask(policy.Match, nil)
		c.change(r)
		d := set.Explain(r)
		assert.Equal(t, policy.Deny, d.Outcome, name)
		require.NotEmpty(t, d.Errors, name)
		var typed *policy.RequestError
		require.ErrorAs(t, d.Errors[0], &typed, name)
		assert.Equal(t, c.field, typed.Field, name)
	}
	assert.Equal(t, policy.Deny, set.Explain(nil).Outcome)
}

func TestOverflowCountsAgainstTheRequest(t *testing.T) {
	set := compile(t, nil, `rules:
  - {id: all, effect: permit, actions: [match, engage], categories: [machine], approval: auto}
  - {id: dear, effect: forbid, actions: [match], categories: [machine], when: price.rate * 1000 > 5}
  - {id: cheap, effect: permit, actions: [reveal], categories: [machine], when: price.rate * 1000 > 5, approval: auto}
`)
	attrs := policy.Attrs{"price.rate": policy.Int(math.MaxInt64)}
	for _, action := range []policy.Action{policy.Match, policy.Reveal} {
		d := set.Explain(ask(action, attrs))
		assert.Equal(t, policy.Deny, d.Outcome)
		require.Len(t, d.Errors, 1)
		var typed *policy.EvalError
		assert.ErrorAs(t, d.Errors[0], &typed)
	}
}

func TestEvaluationErrorsQuoteNoValue(t *testing.T) {
	set := compile(t, nil, `rules:
  - {id: all, effect: permit, actions: [match], categories: [machine], approval: auto}
  - {id: code, effect: forbid, actions: [match], categories: [machine], when: int(resource.id) > 5}
`)
	d := set.Explain(ask(policy.Match, policy.Attrs{"resource.id": policy.String("canary")}))
	assert.Equal(t, policy.Deny, d.Outcome)
	require.Len(t, d.Errors, 1)
	assert.NotContains(t, fmt.Sprint(d.Errors[0], d.Reasons), "canary")
}

func TestHeads(t *testing.T) {
	set := compile(t, nil, `rules:
  - {id: here, effect: permit, actions: [match], categories: [machine.capacity], approval: auto,
     valid: {from: 2026-09-01T00:00:00-04:00, until: 2026-10-01T00:00:00-04:00}}
`)
	until := time.Date(2026, 10, 1, 4, 0, 0, 0, time.UTC)
	cases := []struct {
		category string
		now      time.Time
		want     policy.Outcome
	}{
		{"machine.capacity", noon, policy.Permit},
		{"machine.capacity.shift2", noon, policy.Permit},
		{"machine.capacity2", noon, policy.Deny},
		{"machine", noon, policy.Deny},
		{"machine.capacity", until, policy.Deny},
		{"machine.capacity", until.Add(-1), policy.Permit},
		{"machine.capacity", time.Date(2026, 9, 1, 4, 0, 0, 0, time.UTC), policy.Permit},
		{"machine.capacity", time.Date(2026, 9, 1, 3, 59, 59, 0, time.UTC), policy.Deny},
	}
	for _, c := range cases {
		r := ask(policy.Match, nil)
		r.Category, r.Now = c.category, c.now
		assert.Equal(t, c.want, set.Explain(r).Outcome, "%s at %s", c.category, c.now)
	}
}

func TestLaxerRuleRemovesNoApprovalUnlessItSaysSo(t *testing.T) {
	const rules = `approvals: [{id: boss, seats: [owner], need: 1, expires: 72h}]
rules:
  - {id: strict, effect: permit, actions: [engage], categories: [machine], approval: boss}
  - {id: lax, effect: permit, actions: [engage], categories: [machine], approval: auto%s}
`
	d := compile(t, nil, fmt.Sprintf(rules, "")).Explain(ask(policy.Engage, nil))
	assert.Equal(t, policy.RequireApproval, d.Outcome)
	assert.Equal(t, []policy.Due{{Requirement: "boss", Seats: []string{"owner"}, Need: 1, Expires: 72 * time.Hour}}, d.Due)
	assert.Equal(t, policy.Permit, compile(t, nil, fmt.Sprintf(rules, ", overrides: [strict]")).Explain(ask(policy.Engage, nil)).Outcome)
}

func TestConsentIsAskedFromTheRevealOn(t *testing.T) {
	set := compile(t, nil, `rules:
  - {id: all, effect: permit, actions: [publish, register, match, summarise, reveal, engage, renew, process_externally],
     categories: [machine], requires: [person_consent], approval: auto}
`)
	for _, action := range policy.Actions() {
		d := set.Explain(ask(action, nil))
		if action == policy.Reveal || action == policy.Engage || action == policy.Renew {
			assert.Equal(t, policy.RequireApproval, d.Outcome, action)
			assert.Equal(t, []policy.Due{{Requirement: "person_consent", Seats: []string{"person"}, Need: 1}}, d.Due)
		} else {
			assert.Equal(t, policy.Permit, d.Outcome, action)
		}
		r := ask(action, nil)
		r.Consents = []string{policy.PersonConsent}
		assert.Equal(t, policy.Permit, set.Explain(r).Outcome, action)
	}
}

func TestTaintedReasonsNameTheRuleAlone(t *testing.T) {
	set := load(t, "corrway-stamping")
	r := &policy.Request{Employer: "corrway-stamping", Action: policy.Match, Category: "expertise.quality.iatf16949", Now: noon,
		Attrs: policy.Attrs{"actor.roles": policy.Strings("quality_manager"), "counterparty.naics": policy.String("336370"), "request.mode": policy.String("remote"),
			"request.per_week": policy.Duration(2 * time.Hour), "resource.person": policy.String("p")}}
	want := []policy.Reason{{Rule: "no-competitor@1", Text: "excluded by rule no-competitor", Tainted: true}}
	assert.Equal(t, want, set.Explain(r).Reasons)
	delete(r.Attrs, "counterparty.naics")
	assert.Equal(t, want, set.Explain(r).Reasons, "unknown and excluded look alike")
	r.Attrs["counterparty.naics"] = policy.String("332710")
	assert.Equal(t, policy.Permit, set.Explain(r).Outcome)
	r.Withheld = []string{"counterparty.naics"}
	assert.Equal(t, want, set.Explain(r).Reasons)
}

func TestValuesPrintSealed(t *testing.T) {
	r := ask(policy.Match, policy.Attrs{"price.rate": policy.Int(987654), "resource.id": policy.String("canary")})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		out := fmt.Sprintf(verb, r.Attrs)
		assert.NotContains(t, out, "987654", verb)
		assert.NotContains(t, out, "canary", verb)
	}
	blob, err := policy.String("canary").MarshalJSON()
	require.NoError(t, err)
	assert.Equal(t, `"sealed"`, string(blob))
}

func TestExplainIsSafeForConcurrentUse(t *testing.T) {
	set := load(t, "corrway-stamping", "steelcrest-precision", "mississauga-metrology")
	var tests []*policy.Test
	for _, employer := range set.Employers() {
		tests = append(tests, set.Tests(employer)...)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				for _, test := range tests {
					if miss := test.Expect.Mismatch(set.Explain(&test.Request)); len(miss) > 0 {
						t.Errorf("%s: %v", test.Name, miss)
					}
				}
			}
		})
	}
	wg.Wait()
}

// A forbid whose arithmetic comes to no number cannot be decided, and denies.
func TestNaNDoesNotSwitchAForbidOff(t *testing.T) {
	for _, cond := range []string{"double(price.amount) / double(price.rate) < 10.0", "double(price.amount) * 1e300 * 1e300 - 1.0 / double(price.rate) < 0.5"} {
		set := compile(t, nil, fmt.Sprintf("rules:\n  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto}\n  - {id: f, effect: forbid, actions: [match], when: %q}\n", cond))
		for amount, want := range map[int64]policy.Outcome{1: policy.Permit, 0: policy.Deny} {
			got := agrees(t, set, ask(policy.Match, policy.Attrs{"price.amount": policy.Int(100 * amount), "price.rate": policy.Int(amount)}))
			assert.Equal(t, want, got.Outcome, "%s of %d", cond, amount)
		}
	}
}
