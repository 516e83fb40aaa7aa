package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

func ExampleSchema_Clause() {
	c, _ := policy.BaseSchema().Clause(`price.rate >= 9500`)
	fmt.Println(c.Attribute, c.Op, c.Want, c.Kind)
	// Output: price.rate >= [9500] int
}

func TestClauseTakesConditionsApart(t *testing.T) {
	schema := policy.BaseSchema()
	leaf := func(text, op, attribute string, kind policy.Kind, want ...string) policy.Clause {
		return policy.Clause{Text: text, Op: op, Attribute: attribute, Kind: kind, Want: want}
	}
	for _, row := range []struct {
		when string
		want policy.Clause
	}{
		{`9500 <= price.rate`, leaf(`9500 <= price.rate`, ">=", "price.rate", policy.KindInt, "9500")},
		{`9500 < price.rate`, leaf(`9500 < price.rate`, ">", "price.rate", policy.KindInt, "9500")},
		{`request.per_week <= duration("2h30m")`, leaf(`request.per_week <= duration("2h30m")`, "<=", "request.per_week", policy.KindDuration, "2h30m")},
		{`request.mode in ["on_site", "hybrid"]`, leaf(`request.mode in ["on_site", "hybrid"]`, "in", "request.mode", policy.KindString, "hybrid", "on_site")},
		{`"x" in request.topics`, leaf(`"x" in request.topics`, "has", "request.topics", policy.KindStrings, "x")},
		{`counterparty.verified`, leaf(`counterparty.verified`, "true", "counterparty.verified", policy.KindBool)},
		{`request.mode.startsWith("on")`, leaf(`request.mode.startsWith("on")`, "starts", "request.mode", policy.KindString, "on")},
		{`counterparty.trust > 0.5`, leaf(`counterparty.trust > 0.5`, ">", "counterparty.trust", policy.KindDouble, "0.5")},
		{`resource.certified_until < request.end`, policy.Clause{Text: `resource.certified_until < request.end`, Op: "<",
			Attribute: "resource.certified_until", Kind: policy.KindTime, Other: "request.end"}},
		{`!present(resource.person)`, policy.Clause{Text: `!present(resource.person)`, Op: "not",
			Parts: []policy.Clause{leaf(`present(resource.person)`, "present", "resource.person", policy.KindString)}}},
		{`price.rate > 1 && price.rate > 2 && price.rate > 3`, policy.Clause{Text: `price.rate > 1 && price.rate > 2 && price.rate > 3`, Op: "and", Parts: []policy.Clause{
			leaf(`price.rate > 1`, ">", "price.rate", policy.KindInt, "1"), leaf(`price.rate > 2`, ">", "price.rate", policy.KindInt, "2"),
			leaf(`price.rate > 3`, ">", "price.rate", policy.KindInt, "3")}}},
		{`size(request.topics) > 2`, policy.Clause{Text: `size(request.topics) > 2`}},
	} {
		got, ok := schema.Clause(row.when)
		assert.True(t, ok, row.when)
		assert.Equal(t, row.want.Op, got.Op, row.when)
		got.Text, row.want.Text = "", "" // CEL's spelling is its own
		for i := range got.Parts {
			got.Parts[i].Text = ""
		}
		for i := range row.want.Parts {
			row.want.Parts[i].Text = ""
		}
		assert.Equal(t, row.want, got, row.when)
	}
	for _, text := range []string{"", "price.rate >", "price.rat > 1", "price.rate", `price.rate > "x"`} {
		_, ok := schema.Clause(text)
		assert.False(t, ok, text)
	}
}

func TestReasonsNameTheClauseUnlessItIsTainted(t *testing.T) {
	set, err := policy.Compile(nil, policy.Source{Text: []byte(`
apiVersion: csss.policy/v1
employer: shop
version: 1
rules:
  - {id: sell, effect: permit, actions: [engage], categories: [machine], approval: auto,
     when: 'price.rate >= 9500 && counterparty.region == "North" && price.currency == "CAD"'}
  - {id: no-evening, effect: forbid, actions: [engage], categories: [machine], when: 'request.mode == "evening"'}
`)})
	require.NoError(t, err)
	req := policy.Request{Employer: "shop", Action: policy.Engage, Category: "machine", Now: time.Unix(1e9, 0), Attrs: policy.Attrs{
		"price.rate": policy.Int(9400), "price.currency": policy.String("CAD"), "counterparty.region": policy.String("South"), "request.mode": policy.String("day")}}
	clauses := map[string]bool{}
	for _, r := range set.Explain(&req).Reasons {
		clauses[r.Clause] = true
		assert.False(t, r.Tainted && r.Clause != "", r)
		if r.Clause != "" {
			_, ok := set.Schema().Clause(r.Clause)
			assert.True(t, ok, "%s is no condition", r.Clause)
		}
	}
	assert.Equal(t, map[string]bool{"price.rate >= 9500": true, "": true}, clauses)

	req.Attrs["request.mode"] = policy.String("evening")
	for _, r := range set.Explain(&req).Reasons {
		if r.Rule == "no-evening@1" {
			assert.Equal(t, `request.mode == "evening"`, r.Clause)
		}
	}
}
