package policy_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// found returns the findings on a document of "shop" that are no advice, without their texts.
func found(t *testing.T, body string) (list []string) {
	t.Helper()
	for _, f := range policy.Analyse(compile(t, nil, body)) {
		if !f.Kind.Advice() {
			list = append(list, fmt.Sprintf("%d:%d %s %s", f.Line, f.Col, f.Rule, f.Kind))
		}
	}
	return list
}

const (
	openRule   = "  - {id: open, effect: permit, actions: [match, engage], categories: [machine], approval: auto%s}\n"
	secondRule = "  - {id: second, effect: permit, actions: [match], categories: [machine.lathe], approval: %s%s}\n"
	forbidRule = "  - {id: never, effect: forbid%s}\n"
)

func when(cond string) string { return fmt.Sprintf(", when: %q", cond) }

func permitting(conds ...string) string {
	var s strings.Builder
	s.WriteString("rules:\n")
	for i, c := range conds {
		s.WriteString(fmt.Sprintf("  - {id: p%d, effect: permit, actions: [match], categories: [machine], approval: auto%s}\n", i, c))
	}
	return s.String()
}

// TestFindings has one row per thing that is said, beside the nearest thing that is not. The head of a document has four
// lines, so that its rules begin on the sixth.
func TestFindings(t *testing.T) {
	const jan, feb, mar = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
	valid := func(from, until string) string { return ", valid: {from: " + from + ", until: " + until + "}" }
	grants := func(may, categories, more string) string {
		return "approvals:\n  - {id: boss, seats: [owner, chief], need: 2, expires: 72h, not: [requester]}\ngrants:\n" +
			"  - {id: deputy, to: {role: owner}, may: " + may + ", categories: [" + categories + "]" + more + valid(jan, mar) + "}\n"
	}
	quotas := "quotas:\n  - {id: low, per: total, unit: duration, min: 4h}\n  - {id: high, per: total, unit: duration, max: %s}\n"
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"never true", permitting(when("price.rate > 5 && price.rate < 3")), []string{"6:93 p0 always-false"}},
		{"hardly ever true", permitting(when("price.rate > 3 && price.rate < 5")), nil},
		{"never true in this category", permitting(when("resource.category == 'space'")), []string{"6:93 p0 always-false"}},
		{"true in this category", permitting(when("resource.category == 'machine.lathe'")), nil},
		{"never true in time", permitting(valid(feb, mar) + when("context.now < timestamp('"+feb+"')")), []string{"6:159 p0 always-false"}},
		{"always true in time", permitting(valid(feb, mar) + when("context.now < timestamp('"+mar+"')")), []string{"6:159 p0 always-true"}},
		{"true in part of the time", permitting(valid(jan, mar) + when("context.now < timestamp('"+feb+"')")), nil},
		{"always true", permitting(when("price.rate >= 3 || price.rate < 5")), []string{"6:93 p0 always-true"}},
		{"always true if it is there", permitting(when("present(price.rate) ? price.rate == price.rate : true")), []string{"6:93 p0 always-true"}},
		{"a clause too many", permitting(when("price.rate >= 3 && price.rate > 1 && counterparty.verified")), []string{"6:93 p0 always-true"}},
		{"the same clause twice", permitting(when("counterparty.verified && price.rate > 1 && counterparty.verified")), []string{"6:93 p0 always-true"}},
		{"a dead alternative", permitting(when("price.rate > 3 && (price.rate < 2 || counterparty.verified)")), []string{"6:93 p0 always-false"}},
		{"not released so early", permitting(when("counterparty.group == 'x'")), []string{"6:93 p0 always-false"}},
		{"released at that step", permitting(when("counterparty.naics == 'x'")), nil},
		{"of a forbid", permitting("") + fmt.Sprintf(forbidRule, when("price.rate < 1 && price.rate > 1")), []string{"7:39 never always-false"}},
		{"of a template", "templates:\n  - {id: dear, params: {floor: int}, when: price.rate >= param.floor && price.rate < 5}\n" +
			permitting(", use: dear, with: {floor: 9}", ", use: dear, with: {floor: 4}"), []string{"8:92 p0 always-false"}},
		{"of a grant", grants(`[match]`, "machine", when("price.rate < 1 && price.rate > 1")) + permitting(", authority: grant"),
			[]string{"8:5 deputy useless", "8:80 deputy always-false", "10:5 p0 unserved", "6:5 boss useless"}},
		{"the same rule twice", permitting("", ""), []string{"7:5 p1 duplicate"}},
		{"two approvals for one head", "approvals:\n  - {id: boss, seats: [owner], need: 1, expires: 72h}\nrules:\n" + fmt.Sprintf(openRule, "") +
			"  - {id: same, effect: permit, actions: [engage, match], categories: [machine], approval: boss}\n", []string{"9:5 same duplicate"}},
		{"shadowed", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(secondRule, "auto", when("price.rate > 3")), []string{"7:5 second shadowed"}},
		{"shadowed by a weaker condition", "rules:\n" + fmt.Sprintf(openRule, when("price.rate > 1")) + fmt.Sprintf(secondRule, "auto", when("price.rate > 3 && counterparty.verified")), []string{"7:5 second shadowed"}},
		{"a stronger condition shadows nothing", "rules:\n" + fmt.Sprintf(openRule, when("price.rate > 4")) + fmt.Sprintf(secondRule, "auto", when("price.rate > 3")), nil},
		{"another attribute shadows nothing", "rules:\n" + fmt.Sprintf(openRule, when("counterparty.verified || !counterparty.verified || price.rate > 1")) +
			fmt.Sprintf(secondRule, "auto", when("price.rate > 0")), []string{"6:103 open always-true"}},
		{"what asks for more adds something", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(secondRule, "auto", ", requires: [person_consent]"), nil},
		{"what overrides adds something", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(secondRule, "auto", ", overrides: [open]"), nil},
		{"a shadowed forbid", "rules:\n" + fmt.Sprintf(forbidRule, when("price.rate < 3")) + "  - {id: also, effect: forbid, actions: [match], when: price.rate < 2}\n", []string{"7:5 also shadowed"}},
		{"a forbid that needs more to be known", "rules:\n" + fmt.Sprintf(forbidRule, when("price.rate < 3")) +
			"  - {id: also, effect: forbid, actions: [match], when: price.rate < 2 && counterparty.verified}\n", []string{"7:5 also shadowed"}},
		{"a forbid that denies on something else unknown", "rules:\n" + fmt.Sprintf(forbidRule, when("price.rate < 3 && counterparty.verified")) +
			"  - {id: also, effect: forbid, actions: [match], when: price.rate < 2}\n", nil},
		{"unreachable", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(forbidRule, ""), []string{"6:5 open unreachable"}},
		{"unreachable by condition", "rules:\n" + fmt.Sprintf(openRule, when("price.rate < 3")) + fmt.Sprintf(forbidRule, ", categories: [machine]"+when("price.rate < 5")), []string{"6:5 open unreachable"}},
		{"forbidden in one category of two", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(forbidRule, ", categories: [machine.lathe]"), nil},
		{"forbidden for one action of two", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(forbidRule, ", actions: [match]"), nil},
		{"forbidden for a time", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(forbidRule, valid(jan, feb)), nil},
		{"forbidden all its time", "rules:\n" + fmt.Sprintf(openRule, valid(jan, feb)) + fmt.Sprintf(forbidRule, valid(jan, mar)), []string{"6:5 open unreachable"}},
		{"unreachable by two forbids", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(forbidRule, when("price.rate < 3")) +
			"  - {id: too, effect: forbid, categories: [machine], when: price.rate >= 3}\n", []string{"6:5 open unreachable"}},
		{"unreachable by two forbids, an action each", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(forbidRule, ", actions: [match]") +
			"  - {id: too, effect: forbid, categories: [machine], actions: [engage, publish]}\n", []string{"6:5 open unreachable"}},
		{"two forbids leave a gap", "rules:\n" + fmt.Sprintf(openRule, "") + fmt.Sprintf(forbidRule, when("price.rate < 3")) +
			"  - {id: too, effect: forbid, categories: [machine], when: price.rate > 3}\n", nil},
		{"contradictory", "rules:\n" + fmt.Sprintf(openRule, when("price.rate < 3")) +
			"  - {id: not, effect: forbid, actions: [engage, match], categories: [machine], when: price.rate < 3}\n", []string{"6:5 open contradictory"}},
		{"quotas at odds", fmt.Sprintf(quotas, "3h") + permitting(", quotas: [low, high]"), []string{"9:5 p0 unreachable"}},
		{"quotas that leave something", fmt.Sprintf(quotas, "4h") + permitting(", quotas: [low, high]"), nil},
		{"quota of nobody", fmt.Sprintf(quotas, "4h") + permitting(", quotas: [low]"), []string{"7:5 high useless"}},
		{"served by a grant", grants("[match]", "machine", "") + permitting(", authority: grant"), []string{"6:5 boss useless"}},
		{"served elsewhere", grants("[match]", "space", "") + permitting(", authority: grant"), []string{"6:5 boss useless", "8:5 deputy useless", "10:5 p0 unserved"}},
		{"served at another price", grants("[match]", "machine", when("price.rate < 5")) + permitting(", authority: grant"+when("price.rate >= 5")),
			[]string{"6:5 boss useless", "8:5 deputy useless", "10:5 p0 unserved"}},
		{"seats that grants open", grants(`["approve:boss"]`, "machine", "") + strings.ReplaceAll(permitting(""), "auto", "boss"), nil},
		{"seats that grants close", grants(`["approve:boss"]`, "space", "") + strings.ReplaceAll(permitting(""), "auto", "boss"),
			[]string{"8:5 deputy useless", "10:5 p0 unapprovable"}},
		{"nobody to tell from the requester", grants(`[match, "approve:boss"]`, "machine", "") + strings.ReplaceAll(permitting(when("!present(request.requester)")), "auto", "boss"),
			[]string{"10:5 p0 unapprovable"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.ElementsMatch(t, c.want, found(t, c.body))
		})
	}
}

func TestFindingIsASentenceWithAPlace(t *testing.T) {
	set := compile(t, nil, "rules:\n"+fmt.Sprintf(openRule, "")+fmt.Sprintf(forbidRule, ", categories: [machine]")+
		"tests:\n  - {name: shut, action: match, category: machine, expect: {outcome: deny}}\n")
	list := policy.Analyse(set, "shop", "nobody")
	require.Len(t, list, 2)
	assert.Equal(t, "shop.yaml:6:5: open: never applies: 'never' forbids every request that it permits (unreachable)", list[0].String())
	assert.Equal(t, "shop.yaml:6:5: open: applies in no test (untested)", list[1].String())
	assert.Empty(t, policy.Analyse(set, "nobody"))
}

func TestManyRulesWithoutAValueAreSlow(t *testing.T) {
	few, many := "rules:\n", "rules:\n"
	for i := range 40 {
		rule := fmt.Sprintf("  - {id: r%d, effect: permit, actions: [match], categories: [machine], approval: auto, when: price.rate > %d && request.distance_km < %d}\n", i, i, i)
		keyed := strings.Replace(rule, "when: ", "when: request.mode == 'remote' && ", 1)
		many += rule
		few += keyed
	}
	count := func(body string) (n int) {
		for _, f := range policy.Analyse(compile(t, nil, body)) {
			if f.Kind == policy.Slow {
				n++
			}
		}
		return n
	}
	assert.Equal(t, 40, count(many))
	assert.Zero(t, count(few))
}

// stories are the documents of the stories and of the shapes of the synthetic market.
func stories(t testing.TB) []policy.Source {
	t.Helper()
	var docs []policy.Source
	for _, pattern := range []string{"testdata/*.yaml", "../internal/world/policies/*.yaml"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			docs = append(docs, policy.Source{Name: file, Text: bytes.ReplaceAll(text, []byte("EMPLOYER"), []byte("firm"))})
		}
	}
	return docs
}

// TestNoFalseAlarmOnTheStories expects nothing but that some rules have no test.
func TestNoFalseAlarmOnTheStories(t *testing.T) {
	schema := policy.BaseSchema()
	for _, doc := range stories(t) {
		set, err := policy.Compile(schema, doc)
		require.NoError(t, err)
		for _, f := range policy.Analyse(set) {
			assert.Equal(t, policy.Untested, f.Kind, f.String())
		}
	}
}

// TestWhatIsCalledImpossibleNeverHappens analyses drawn documents and asks each many requests. A permit that is called
// unreachable, contradictory or never true decides nothing; without a rule that is called shadowed or a duplicate of its
// like nothing is decided otherwise.
func TestWhatIsCalledImpossibleNeverHappens(t *testing.T) {
	schema := policy.BaseSchema()
	documents, requests := 600, 60
	if testing.Short() {
		documents = 80
	}
	said := map[policy.FindingKind]int{}
	for i := range documents {
		r := roll(uint64(5000 + i))
		parts := r.sections()
		set := parts.compile(t, schema, 1)
		if set == nil {
			continue
		}
		dead, without := map[string]policy.FindingKind{}, map[string]*policy.Set{}
		for _, f := range policy.Analyse(set) {
			said[f.Kind]++
			switch f.Kind {
			case policy.Unreachable, policy.Contradictory, policy.Unserved:
				dead[f.Rule] = f.Kind
			case policy.AlwaysFalse:
				if strings.HasSuffix(f.Text, "never applies") && strings.HasPrefix(f.Rule, "p") {
					dead[f.Rule] = f.Kind
				}
			case policy.Shadowed:
				rest := parts
				rest.rules = slices.DeleteFunc(slices.Clone(parts.rules), func(s string) bool { return strings.Contains(s, "{id: "+f.Rule+",") })
				without[f.Rule] = rest.compile(t, schema, 1)
			}
		}
		for range requests {
			req := r.request()
			x := set.Explain(req)
			if x.Outcome != policy.Deny {
				for _, id := range x.Rules {
					require.Empty(t, dead[id], "%s decides\n%s", id, parts.text(1))
				}
			}
			for id, rest := range without {
				if rest != nil {
					y := rest.Explain(req)
					require.Equal(t, fmt.Sprint(x.Outcome, x.Due, x.Obligations), fmt.Sprint(y.Outcome, y.Due, y.Obligations), "without %s\n%s", id, parts.text(1))
				}
			}
		}
	}
	for _, kind := range []policy.FindingKind{policy.AlwaysFalse, policy.AlwaysTrue, policy.Unreachable, policy.Shadowed, policy.Unserved, policy.Useless} {
		assert.Positive(t, said[kind], kind)
	}
}

// TestAnalysisEnds gives it a document that is hard to prove anything of.
func TestAnalysisEnds(t *testing.T) {
	var body strings.Builder
	body.WriteString("rules:\n")
	for i := range 60 {
		var ors []string
		for j := range 12 {
			ors = append(ors, fmt.Sprintf("(price.rate != %d || request.distance_km != %d || '%d' in request.topics)", i+j, j, j))
		}
		effect := "effect: forbid"
		if i%2 == 0 {
			effect = "effect: permit, approval: auto"
		}
		body.WriteString(fmt.Sprintf("  - {id: r%d, %s, actions: [match], categories: [machine], when: %q}\n", i, effect, strings.Join(ors, " && ")))
	}
	set := compile(t, nil, body.String())
	start := time.Now()
	policy.Analyse(set)
	assert.Less(t, time.Since(start), 20*time.Second, "about a second on a quiet machine")
}

func ExampleAnalyse() {
	set, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(`apiVersion: csss.policy/v1
employer: shop
version: 1
rules:
  - {id: lend, effect: permit, actions: [match], categories: [machine], approval: auto, when: price.rate > 9000 && price.rate < 8000}
  - {id: advise, effect: permit, actions: [match], categories: [expertise], approval: auto}
  - {id: shut, effect: forbid, categories: [expertise], when: present(request.mode) || !present(request.mode)}
tests:
  - {name: shut, action: match, category: expertise, expect: {outcome: deny, rules: [shut]}}
`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range policy.Analyse(set) {
		if !f.Kind.Advice() {
			fmt.Println(f)
		}
	}
	// Output:
	// shop.yaml:5:95: lend: price.rate < 8000, beside the other clauses, is never true, so it never applies (always-false)
	// shop.yaml:6:5: advise: never applies: 'shut' forbids every request that it permits (unreachable)
	// shop.yaml:7:63: shut: present(request.mode) || !present(request.mode) is true wherever it can be evaluated (always-true)
}
