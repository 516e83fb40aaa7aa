package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

func TestTemplateMeansWhatItsValuesSpell(t *testing.T) {
	cases := []struct{ params, when, with, spelled string }{
		{"{min: int}", "price.rate >= param.min", "{min: 9500}", "price.rate >= 9500"},
		{"{min: int}", "price.rate >= param.min && price.rate < param.min * 2", "{min: 70}", "price.rate >= 70 && price.rate < 70 * 2"},
		{"{min: int}", "price.rate - param.min > 0", "{min: -3}", "price.rate - -3 > 0"},
		{"{mode: string}", "request.mode == param.mode", "{mode: remote}", `request.mode == "remote"`},
		{"{mode: string}", `request.mode != "param.mode" && request.mode != 'it\'s param.x' && request.mode != param.mode`, `{mode: "a\"b\\"}`,
			`request.mode != "param.mode" && request.mode != 'it\'s param.x' && request.mode != "a\"b\\"`},
		{"{list: strings}", "request.mode in param.list", "{list: [remote, hybrid]}", `request.mode in ["remote", "hybrid"]`},
		{"{most: duration}", "request.per_week <= param.most", "{most: 2h30m}", `request.per_week <= duration("2h30m")`},
		{"{by: time}", "request.end <= param.by", "{by: 2026-12-01T00:00:00-05:00}", `request.end <= timestamp("2026-12-01T00:00:00-05:00")`},
		{"{ok: bool}", "counterparty.verified == param.ok", "{ok: false}", "counterparty.verified == false"},
		{"{trust: double}", "counterparty.trust >= param.trust", "{trust: 1}", "counterparty.trust >= 1.0"},
	}
	for _, c := range cases {
		const rule = "rules:\n  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto,\n     %s}\n"
		quoted := func(s string) string { return fmt.Sprintf("|-\n      %s\n", s) }
		spelled := compile(t, nil, "rules:\n  - id: a\n    effect: permit\n    actions: [match]\n    categories: [machine]\n    approval: auto\n    when: "+quoted(c.spelled))
		used := compile(t, nil, fmt.Sprintf(rule, "use: t, with: "+c.with)+"templates:\n  - id: t\n    params: "+c.params+"\n    when: "+quoted(c.when))
		assert.Equal(t, spelled.Digest("shop"), used.Digest("shop"), c.when)
		r := ask(policy.Match, policy.Attrs{"price.rate": policy.Int(80)})
		assert.Equal(t, spelled.Explain(r), used.Explain(r))
	}
}

func TestFaultsOfTemplatesHaveTheirPlaces(t *testing.T) {
	cases := []struct{ body, want string }{
		{"templates:\n  - {id: t, params: {min: int}, when: 'price.rates >= param.min'}\n",
			"shop.yaml:6:40: unknown attribute 'price.rates'; did you mean 'price.rate'?"},
		{"templates:\n  - {id: t, params: {min: int}, when: 'param.min <= 5 && price.rate >= param.min && price.rates > 1'}\n",
			"shop.yaml:6:85: unknown attribute 'price.rates'; did you mean 'price.rate'?"},
		{"templates:\n  - {id: t, params: {min: int}, when: 'price.rate >= param.mon'}\n",
			"shop.yaml:6:22: params: 'min' is not used\nshop.yaml:6:54: the template has no parameter 'mon'; did you mean 'min'?"},
		{"templates:\n  - {id: t, params: {min: string}, when: 'price.rate >= param.min'}\n", "found no matching overload"},
		{"templates:\n  - {id: t, params: {min: number}, when: 'price.rate >= param.min'}\n", "params: 'number' is none of"},
		{"templates:\n  - {id: t, when: 'true'}\n  - {id: t, when: 'true'}\n", "template 't' is defined twice, first on line 6"},
		{"templates:\n  - {id: t, when: 5}\n", "when: want a condition as text"},
		{"templates:\n  - {id: floor, params: {min: int}, when: 'price.rate >= param.min'}\nUSE flour, with: {min: 1}}\n", "use: no template is called 'flour'; did you mean 'floor'?"},
		{"templates:\n  - {id: floor, params: {min: int}, when: 'price.rate >= param.min'}\nUSE floor, with: {min: many}}\n", "min: want a whole number, got text"},
		{"templates:\n  - {id: floor, params: {min: int}, when: 'price.rate >= param.min'}\nUSE floor, with: {}}\n", "with: 'min' is missing"},
		{"templates:\n  - {id: floor, params: {min: int}, when: 'price.rate >= param.min'}\nUSE floor}\n", "use: 'with' is missing"},
		{"templates:\n  - {id: floor, params: {min: int}, when: 'price.rate >= param.min'}\nUSE floor, with: {min: 1, max: 2}}\n", "with: unknown key 'max'"},
		{"templates:\n  - {id: p, params: {re: string}, when: 'request.mode.matches(param.re)'}\nUSE p, with: {re: '('}}\n", "use: with its values:"},
		{"templates:\n  - {id: p, when: 'true'}\nUSE p, when: 'true'}\n", "'use' stands beside 'when'"},
		{"USE x, with: 1}\n", "no template is called 'x'"},
		{"rules:\n  - {id: a, effect: forbid, with: {}}\n", "'with' stands without 'use'"},
	}
	for _, c := range cases {
		body := c.body
		const use = "rules:\n  - {id: a, effect: forbid, use: "
		body = strings.Replace(body, "USE ", use, 1)
		if !strings.Contains(body, "rules:") {
			body += "rules: []\n"
		}
		_, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(head + body)})
		require.Error(t, err, c.body)
		assert.Contains(t, err.Error(), c.want)
	}
}
