package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// Zero values deny, or say what is missing. None panics.
func TestZeroSetDeniesEverything(t *testing.T) {
	set, r := &policy.Set{}, ask(policy.Match, nil)
	one := slices.Values([]*policy.Request{r, nil})
	q, err := policy.BaseSchema().Bind(r)
	require.NoError(t, err)
	for _, q := range []*policy.Query{q, {}, nil} {
		d, j, f := set.Decide(q), set.DecideJoint(q, q), set.Filter(q)
		assert.Equal(t, policy.Deny, d.Outcome)
		assert.Equal(t, policy.Deny, j.Outcome)
		assert.False(t, f.Match(q))
	}
	for _, r := range []*policy.Request{r, nil, {}} {
		assert.Equal(t, policy.Deny, set.Explain(r).Outcome)
		rec := policy.NewRecorder(&policy.MemoryLog{}, nil)
		d, _, err := rec.Decide(t.Context(), set, r)
		require.NoError(t, err)
		assert.Equal(t, policy.Deny, d.Outcome)
		x, _, err := rec.Explain(t.Context(), set, r)
		require.NoError(t, err)
		assert.Equal(t, policy.Deny, x.Outcome)
		b := rec.Batch()
		assert.False(t, b.Filter(set, r).Match(q))
		_, err = b.Commit(t.Context())
		require.NoError(t, err)
	}
	assert.Zero(t, policy.Shadow(set, set, one, nil).Different)
	assert.Empty(t, policy.Cover(set, one))
	assert.Empty(t, policy.Analyse(set))
	assert.False(t, func() bool { h := policy.Affected(set, set); return h.Cover(r) }())
	_, err = set.ParseTests(policy.Source{Text: []byte("apiVersion: csss.policy-tests/v1\nemployer: shop\ntests: []\n")})
	require.Error(t, err)
	assert.Empty(t, set.Employers())
	assert.Zero(t, set.Stats().Rules)
	assert.Zero(t, set.Digest("shop"))
	assert.Empty(t, set.Seats(r, policy.ApprovalEvent{}))
	require.Error(t, set.CheckGrant(nil, policy.GrantEvent{}, nil))
	require.Error(t, set.CheckHandOver(nil, policy.ApprovalEvent{}))
	assert.Empty(t, set.FoldUsage("shop", nil, noon))
	assert.Empty(t, set.FoldWalls("shop", nil, noon))
	_, known := set.Cell("shop", "machine")
	assert.False(t, known)
	set.Fingerprint()

	grown, err := set.With(policy.Source{Text: []byte(head + "rules:\n  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto}\n")})
	require.NoError(t, err)
	assert.Equal(t, policy.Permit, grown.Explain(r).Outcome)
}

func TestZeroEngineDeniesUntilItHasASet(t *testing.T) {
	var e policy.Engine
	r := ask(policy.Match, nil)
	q, err := policy.BaseSchema().Bind(r)
	require.NoError(t, err)
	d := e.Decide(q)
	assert.Equal(t, policy.Deny, d.Outcome)
	assert.Empty(t, e.Set().Employers())
	require.NoError(t, e.Update(policy.Source{Text: []byte(head + "rules:\n  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto}\n")}))
	assert.Equal(t, policy.Permit, e.Set().Explain(r).Outcome)

	var swapped, applied policy.Engine
	require.NoError(t, swapped.Swap(&policy.Set{}))
	_, err = applied.Apply(&policy.Keyring{}, noon, nil)
	require.Error(t, err)
	_, err = applied.Apply(nil, noon, &policy.Bundle{})
	require.Error(t, err)
}

func TestZeroSchemaIsMissing(t *testing.T) {
	for _, s := range []*policy.Schema{nil, {}} {
		_, err := s.Bind(ask(policy.Match, nil))
		require.EqualError(t, err, "policy: request: schema is missing")
		require.Error(t, new(policy.Query).Reset(s, ask(policy.Match, nil)))
		_, ok := s.Clause("true")
		assert.False(t, ok)
	}
	_, err := policy.Compile(&policy.Schema{}, policy.Source{})
	require.Error(t, err)
	assert.Empty(t, (&policy.Schema{}).Attributes())
	_, err = (&policy.Schema{}).WithOptions(nil)
	require.Error(t, err)
}

// Folds of nothing give nothing.
func TestZeroFolds(t *testing.T) {
	assert.NotEqual(t, policy.Satisfied, policy.FoldApprovals(policy.Requirement{}, nil, policy.Facts{}, noon).Status)
	assert.Empty(t, policy.FoldGrants(nil, nil, time.Time{}))
	assert.Empty(t, policy.FoldUsage(policy.Quota{}, nil, nil, noon))
	assert.Empty(t, policy.FoldWall(policy.Wall{}, nil, noon))
	report := policy.Replay(slices.Values([]policy.Record{{}}), func([32]byte) *policy.Set { return nil }, (&policy.MemoryLog{}).Payload)
	assert.NotEmpty(t, report.Mismatches)
}
