package policy_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/policy"
)

const taintRules = `approvals:
  - {id: us-desk, seats: [owner], need: 1, expires: 1h}
  - {id: desk, seats: [owner], need: 1, expires: 1h}
quotas:
  - {id: each, per: total, unit: duration, max: 8h, key: [counterparty.country]}
  - {id: all, per: total, unit: duration, max: 20h}
  - {id: far, per: total, unit: duration, max: 20h}
grants:
  - {id: abroad, to: {role: owner}, may: [renew], categories: [machine], when: 'counterparty.country == "US"', quotas: [far], valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
rules:
  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto, quotas: [each, all]}
  - {id: us, effect: permit, actions: [summarise], categories: [machine], approval: us-desk, quotas: [far], obligations: [export-papers, log], advice: [call], when: 'counterparty.country == "US"'}
  - {id: other, effect: permit, actions: [summarise], categories: [machine], approval: desk, quotas: [all], obligations: [log]}
  - {id: by-grant, effect: permit, actions: [renew], categories: [machine], approval: desk, authority: grant}
  - {id: never, effect: forbid, actions: [engage], when: 'counterparty.country == "US"'}
  - {id: engage, effect: permit, actions: [engage], categories: [machine], approval: auto}
`

// What is shown before the reveal is the same whoever is on the other side, but for the outcome and for how many approvals
// it waits for.
func TestUntaintedTellsNothingOfTheCounterparty(t *testing.T) {
	set := compile(t, nil, taintRules)
	used := policy.Books{"each": {{Key: []string{"US"}, Period: "total", Amount: 6 * hour}}, "far": {{Period: "total", Amount: 18 * hour}}}
	for _, action := range policy.Actions() {
		for _, knows := range [][]string{nil, {"export-papers", "log"}} {
			for _, asks := range []time.Duration{hour, 5 * hour, 30 * hour} {
				seen := map[policy.Outcome]string{}
				for _, country := range []string{"US", "CA", "FR", ""} {
					r := ask(action, policy.Attrs{"request.total": policy.Duration(asks), "actor.roles": policy.Strings("owner")})
					r.Usage, r.Knows = used, knows
					if country != "" {
						r.Attrs["counterparty.country"] = policy.String(country)
					}
					agrees(t, set, r)
					x := set.Explain(r).Untainted()
					x.Due = slices.DeleteFunc(x.Due, func(d policy.Due) bool { return d.Tainted })
					shown, _ := json.Marshal(x)
					for _, word := range []string{"US", "CA", "us", "counterparty", "export-papers", "each", "call"} {
						assert.NotContains(t, string(shown), `"`+word, "%s of %s", action, country)
					}
					if was, ok := seen[x.Outcome]; ok {
						assert.Equal(t, was, string(shown), "%s of %s", action, country)
					}
					seen[x.Outcome] = string(shown)
				}
			}
		}
	}
}

// Each mark, beside the nearest thing without one.
func TestTaintMarks(t *testing.T) {
	set := compile(t, nil, taintRules)
	about := func(action policy.Action, total time.Duration, knows ...string) policy.Explanation {
		r := ask(action, policy.Attrs{"request.total": policy.Duration(total), "counterparty.country": policy.String("US"), "actor.roles": policy.Strings("owner")})
		r.Knows = knows
		agrees(t, set, r)
		return set.Explain(r)
	}
	reason := func(x policy.Explanation, rule string) policy.Reason {
		i := slices.IndexFunc(x.Reasons, func(r policy.Reason) bool { return r.Rule == rule })
		if i < 0 {
			return policy.Reason{}
		}
		return x.Reasons[i]
	}

	x := about(policy.Match, 30*hour)
	assert.Equal(t, policy.Reason{Rule: "quota:each", Text: "excluded by quota each", Tainted: true}, reason(x, "quota:each"))
	assert.Equal(t, policy.Reason{Rule: "quota:all", Text: "asks 30h, at most 20h"}, reason(x, "quota:all"))
	assert.Equal(t, []string{"quota:each"}, x.Tainted)
	assert.Equal(t, map[string]time.Duration{"all": 20 * hour}, x.Untainted().Headroom)

	x = about(policy.Summarise, hour)
	assert.True(t, reason(x, "obligation:export-papers").Tainted)
	assert.False(t, reason(x, "obligation:log").Tainted, "the other rule asks for it as well")

	x = about(policy.Summarise, hour, "export-papers", "log")
	assert.Equal(t, []string{"advice:call", "obligation:export-papers", "quota:far", "rule:us"}, x.Tainted)
	assert.Equal(t, []bool{false, true}, []bool{x.Due[0].Tainted, x.Due[1].Tainted})
	u := x.Untainted()
	assert.Equal(t, []string{"other"}, u.Rules)
	assert.Equal(t, []string{"log"}, u.Obligations)
	assert.Empty(t, u.Advice)
	assert.Equal(t, policy.Due{Need: 1, Tainted: true}, u.Due[1])
	assert.Equal(t, x.Due[0], u.Due[0])
	assert.Equal(t, x.Outcome, u.Outcome)

	x = about(policy.Renew, hour)
	assert.Equal(t, []string{"quota:far", "rule:by-grant"}, x.Tainted)
	assert.True(t, reason(x, "by-grant@1").Tainted)
	assert.True(t, x.Due[0].Tainted)
	assert.Equal(t, []string{"rule:never"}, about(policy.Engage, hour).Tainted)
}
