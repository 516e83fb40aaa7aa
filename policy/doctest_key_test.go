package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// otherUsage is the usage of a host, which tells accounts apart.
type otherUsage struct{ policy.Usage }

// A quota counts on one account what a row does not say, and no condition reads it.
func TestAKeyThatARowLeavesOutIsForTheQuotaAlone(t *testing.T) {
	set, err := policy.Compile(nil, policy.Source{Name: "d", Text: []byte(`
apiVersion: csss.policy/v1
employer: e1
version: 1
quotas:
  - {id: q, per: total, unit: duration, max: 8h, key: [counterparty.country]}
rules:
  - {id: ca, effect: permit, actions: [match], categories: [machine], approval: auto, when: 'counterparty.country != "US"', quotas: [q]}
  - {id: any, effect: permit, actions: [summarise, publish], categories: [machine], approval: auto, quotas: [q]}
tests:
  - {name: a condition reads it, action: match, category: machine, with: {request.total: 5h}, expect: {outcome: deny}}
  - {name: within, action: summarise, category: machine, with: {request.total: 5h}, expect: {outcome: permit}}
  - {name: beyond, action: summarise, category: machine, with: {request.total: 5h}, usage: {q: 4h}, expect: {outcome: deny}}
  - {name: withheld, action: summarise, category: machine, with: {request.total: 5h}, withheld: [counterparty.country], expect: {outcome: deny}}
  - {name: not yet, action: publish, category: machine, with: {request.total: 5h}, expect: {outcome: deny}}
`)})
	require.NoError(t, err)
	for _, row := range set.Tests("e1") {
		assert.Empty(t, row.Expect.Mismatch(set.Explain(&row.Request)), row.Name)
		assert.NotContains(t, row.Request.Attrs, "counterparty.country", row.Name)
		q := new(policy.Query)
		require.NoError(t, q.Reset(set.Schema(), &row.Request))
		assert.Equal(t, row.Expect.Outcome, set.Decide(q).Outcome, row.Name)
	}
	within := set.Tests("e1")[1].Request
	within.Usage = otherUsage{within.Usage}
	assert.Equal(t, policy.Deny, set.Explain(&within).Outcome, "a host's usage needs the key")
	within.Attrs["counterparty.country"] = policy.String("CA")
	assert.Equal(t, policy.Permit, set.Explain(&within).Outcome)
}
