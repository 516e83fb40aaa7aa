package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/policy"
)

// A slip is told as what it is, and by nothing beside it.
func TestASlipIsToldOnceAndAsWhatItIs(t *testing.T) {
	const head = "apiVersion: csss.policy/v1\nemployer: shop\nversion: 1\nzone: UTC\n"
	rules := func(more string) string {
		return "rules:\n  - {id: open, effect: permit, actions: [match], categories: [machine], approval: auto" + more + "}\n"
	}
	test := func(with string) string {
		return head + rules("") + "tests:\n  - {name: t, action: match, category: machine, with: {" + with + "}, expect: {outcome: permit}}\n"
	}
	const leading = "' is not a decimal number without leading zeros and signs between its digits"
	for text, want := range map[string]string{
		strings.Replace(head, "version: 1", "version: 010", 1) + rules(""):                            "document:3:10: version: '010" + leading,
		strings.Replace(head, "version: 1", "version: 0x10", 1) + rules(""):                           "document:3:10: version: '0x10" + leading,
		strings.Replace(head, "version: 1", "version: 1_0", 1) + rules(""):                            "document:3:10: version: '1_0" + leading,
		strings.Replace(head, "version: 1", "version: 1.0", 1) + rules(""):                            "document:3:10: version: '1.0' is not a whole number",
		strings.Replace(head, "version: 1", "version: one", 1) + rules(""):                            "document:3:10: version: want a whole number, got text",
		head + rules(", valid: {from: 2026-02-29T00:00:00-05:00}"):                                    "from: there is no such time as '2026-02-29T00:00:00-05:00'",
		head + rules(", valid: {from: 2026-02-28}"):                                                   "from: '2026-02-28' is not an RFC 3339 time",
		head + "quotas:\n  - {id: q, per: total, unit: duration, max: 8}\n" + rules(", quotas: [q]"):  "max: want text, got a whole number",
		head + "quotas:\n  - {id: q, per: total, unit: duration}\n" + rules(", quotas: [q]"):          "quota: neither min nor max is given",
		head + "quotas:\n  - {id: q, per: total, unit: duration, min: 1s}\n" + rules(", <<: {id: x}"): "merging by '<<' is not allowed",
		head + strings.Replace(rules(""), "effect: permit", "effect: Permit", 1):                      "effect: 'Permit' is none of permit, forbid",
		head + strings.Replace(rules(""), "effect: permit, ", "", 1):                                  "rule: 'effect' is missing",
		test("price.rate: 94.0"):            "price.rate: '94.0' is not a whole number; money is in cents",
		test("request.distance_km: 94.0"):   "request.distance_km: '94.0' is not a whole number",
		test("counterparty.trust: 1e400"):   "counterparty.trust: '1e400' is too large a number",
		test("counterparty.trust: .inf"):    "counterparty.trust: want a number, got another value",
		test(`counterparty.trust: "1e400"`): "counterparty.trust: want a number, got text",
	} {
		_, err := policy.Compile(nil, policy.Source{Text: []byte(text)})
		if assert.ErrorContains(t, err, want, text) {
			assert.Len(t, strings.Split(err.Error(), "\n"), 1, err)
		}
	}
}
