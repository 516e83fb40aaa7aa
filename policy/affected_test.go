package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/policy"
)

// answer is all of an explanation that Affected speaks of.
func answer(x policy.Explanation) string {
	due := []string{}
	for _, d := range x.Due {
		due = append(due, fmt.Sprintf("%+v", d))
	}
	return fmt.Sprint(x.Outcome, x.Rules, due, x.Headroom, x.Obligations, x.Advice)
}

// TestOutsideAffectedDecidesAlike edits drawn documents and asks both versions: outside the heads nothing may differ, and
// the heads must not be everything.
func TestOutsideAffectedDecidesAlike(t *testing.T) {
	schema := policy.BaseSchema()
	documents, requests := 300, 60
	if testing.Short() {
		documents = 60
	}
	outside, differ := 0, 0
	for i := range documents {
		r := roll(uint64(i))
		before := r.sections()
		after := r.edited(before)
		old, new := before.compile(t, schema, 1), after.compile(t, schema, 2)
		if old == nil || new == nil {
			continue
		}
		heads := policy.Affected(old, new)
		for range requests {
			req := r.request()
			a, b := old.Explain(req), new.Explain(req)
			if !heads.Cover(req) {
				outside++
				if !assert.Equal(t, answer(a), answer(b), "%v\n%s\n%s", heads, before.text(1), after.text(2)) {
					return
				}
			} else if answer(a) != answer(b) {
				differ++
			}
		}
	}
	assert.Greater(t, outside, documents*requests/10, "the heads are everything")
	assert.Greater(t, differ, documents, "the edits change nothing")
}

const firm = `quotas:
  - {id: week, per: iso_week, unit: duration, max: 4h}
  - {id: lent, per: total, unit: duration, max: 6h}
approvals:
  - {id: boss, seats: [owner], need: 1, expires: 72h}
grants:
  - {id: deputy, to: {role: chief}, may: [publish, "approve:boss"], categories: [space], quotas: [lent],
     valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
rules:
  - {id: free, effect: permit, actions: [match], categories: [machine], approval: auto}
  - {id: capped, effect: permit, actions: [match, engage], categories: [expertise], quotas: [week], approval: auto}
  - {id: asked, effect: permit, actions: [engage], categories: [machine], approval: boss}
  - {id: given, effect: permit, actions: [publish, register], categories: [space], authority: grant, approval: auto}
  - {id: never, effect: forbid, categories: [machine.press]}
`

func TestAffectedFollowsWhatRulesName(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", "", "", "[]"},
		{"a rule's condition", "actions: [match], categories: [machine]", "actions: [match], when: price.rate > 0, categories: [machine]", "[{shop [match] [machine]}]"},
		{"a head moves", "{id: free, effect: permit, actions: [match], categories: [machine]", "{id: free, effect: permit, actions: [engage], categories: [space]", "[{shop [match] [machine]} {shop [engage] [space]}]"},
		{"a forbid", "{id: never, effect: forbid, categories: [machine.press]}", "{id: never, effect: forbid}", "[{shop [] []}]"},
		{"a quota, which a grant issued beside the document may name", "max: 4h", "max: 5h", "[{shop [engage match] [expertise]} {shop [engage] [machine]} {shop [publish register] [space]}]"},
		{"an approval", "seats: [owner]", "seats: [clerk]", "[{shop [engage] [machine]}]"},
		{"a grant: what it may do, and the approval it seats", "2027-01-01", "2028-01-01", "[{shop [engage] [machine]} {shop [publish] [space]}]"},
		{"a quota that a grant names", "max: 6h", "max: 7h", "[{shop [engage] [machine]} {shop [publish register] [space]}]"},
		{"the zone counts for weeks only", "zone: America/Toronto", "zone: Asia/Tokyo", "[{shop [engage match] [expertise]} {shop [engage] [machine]} {shop [publish register] [space]}]"},
		{"version and deal decide nothing", "version: 1", "version: 9\ndeal: {deadline: 2h}", "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			old := head + firm
			new := replaceOnce(t, old, c.old, c.new)
			sets := [2]*policy.Set{}
			for i, text := range []string{old, new} {
				set, err := policy.Compile(nil, policy.Source{Text: []byte(text)})
				assert.NoError(t, err)
				sets[i] = set
			}
			assert.Equal(t, c.want, fmt.Sprint(policy.Affected(sets[0], sets[1])))
			assert.Equal(t, c.want, fmt.Sprint(policy.Affected(sets[1], sets[0])), "the other way round")
		})
	}
}

func TestAffectedByEmployersThatComeAndGo(t *testing.T) {
	set := compile(t, nil, "rules:\n  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto}\n")
	want := policy.Heads{{Employer: "shop", Actions: []policy.Action{policy.Match}, Categories: []string{"machine"}}}
	assert.Equal(t, want, policy.Affected(nil, set))
	assert.Equal(t, want, policy.Affected(set, nil))
	assert.Empty(t, policy.Affected(nil, nil))
}

func TestAffectedByAnotherSchema(t *testing.T) {
	const rules = "rules:\n  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto}\n"
	wider, err := policy.NewSchema(policy.Attr("resource.age", policy.KindInt))
	assert.NoError(t, err)
	assert.Empty(t, policy.Affected(compile(t, nil, rules), compile(t, nil, rules)))
	assert.NotEmpty(t, policy.Affected(compile(t, nil, rules), compile(t, wider, rules)), "requests with the new attribute were denied")
}

func ExampleAffected() {
	const text = `apiVersion: csss.policy/v1
employer: shop
version: %d
rules:
  - {id: lend, effect: permit, actions: [match, engage], categories: [machine], approval: auto, when: price.rate >= %d}
  - {id: advise, effect: permit, actions: [match], categories: [expertise], approval: auto}
`
	schema := policy.BaseSchema()
	old, _ := policy.Compile(schema, policy.Source{Text: fmt.Appendf(nil, text, 1, 9000)})
	new, _ := policy.Compile(schema, policy.Source{Text: fmt.Appendf(nil, text, 2, 9500)})
	for _, h := range policy.Affected(old, new) {
		fmt.Println(h.Employer, h.Actions, h.Categories)
	}
	// Output: shop [engage match] [machine]
}

func replaceOnce(t *testing.T, text, old, new string) string {
	t.Helper()
	if old == "" {
		return text
	}
	assert.Contains(t, text, old)
	return strings.Replace(text, old, new, 1)
}
