package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

const foldKeys = `approvals:
  - {id: boss, seats: [owner, owner], need: 1, expires: 72h, escalate: {after: 48h, seats: [chair]}, delegation: {depth: 2, within: 168h}}
quotas:
  - {id: clients, per: concurrent, unit: count, max: 2}
walls:
  - {id: b, class: counterparty.naics, cooling_off: 24h}
  - {id: a, key: [resource.person], class: counterparty.group, distinct: 2, cooling_off: 0s, categories: [machine]}
rules:
  - {id: r, effect: permit, actions: [engage], categories: [space], quotas: [clients], approval: boss}
`

func TestDigestCoversTheFolds(t *testing.T) {
	base := compile(t, nil, foldKeys)
	seen := map[[32]byte]string{base.Digest("shop"): "base"}
	for was, is := range map[string]string{
		"after: 48h": "after: 49h", "seats: [chair]": "seats: [chair, chair]", "depth: 2": "depth: 1", "within: 168h": "within: 169h",
		", delegation: {depth: 2, within: 168h}": "", ", escalate: {after: 48h, seats: [chair]}": "",
		"per: concurrent": "per: total", "max: 2}": "max: 3}", "cooling_off: 24h": "cooling_off: 25h", "distinct: 2": "distinct: 3",
		"class: counterparty.naics": "class: counterparty.country", "key: [resource.person], ": "", ", categories: [machine]": "",
		"  - {id: b, class: counterparty.naics, cooling_off: 24h}\n": "",
	} {
		set := compile(t, nil, swapped(t, foldKeys, was, is))
		other, taken := seen[set.Digest("shop")]
		assert.False(t, taken, "%q is as %s", is, other)
		seen[set.Digest("shop")] = is
	}
	for was, is := range map[string]string{"  - {id: b": "  # a wall\n  - {id: b", "after: 48h": "after: 2880m", "{id: b, class": "{distinct: 1, id: b, class"} {
		assert.Equal(t, base.Digest("shop"), compile(t, nil, swapped(t, foldKeys, was, is)).Digest("shop"), is)
	}
	assert.Equal(t, []policy.Wall{
		{ID: "a", Key: []string{"resource.person"}, Class: "counterparty.group", Distinct: 2, Categories: []string{"machine"}},
		{ID: "b", Class: "counterparty.naics", Distinct: 1, CoolingOff: 24 * time.Hour},
	}, base.Walls("shop"))
	assert.Equal(t, policy.Escalation{After: 48 * time.Hour, Seats: []string{"chair"}}, base.Requirements("shop")[0].Escalate)
	assert.Equal(t, policy.Delegation{Depth: 2, Within: 168 * time.Hour}, base.Requirements("shop")[0].Delegation)
	assert.Nil(t, base.Walls("nobody"))
	assert.Equal(t, toronto(t).String(), base.Location("shop").String())
	assert.Nil(t, base.Location("nobody"))

	base.Requirements("shop")[0].Escalate.Seats[0] = "me"
	base.Walls("shop")[0].Key[0] = "me"
	assert.Equal(t, "chair", base.Requirements("shop")[0].Escalate.Seats[0], "the caller owns a copy")
	assert.Equal(t, "resource.person", base.Walls("shop")[0].Key[0])
}

func TestFoldsInJSON(t *testing.T) {
	set := compile(t, nil, foldKeys)
	req, wall := set.Requirements("shop")[0], set.Walls("shop")[0]
	assert.Equal(t, req, roundTrip(t, req))
	assert.Equal(t, wall, roundTrip(t, wall))
	bound := []policy.Bound{{Attr: "price.rate", Op: policy.AtLeast, Value: 9500}}
	e := policy.ApprovalEvent{ID: "1", Kind: policy.ApprovalDelegated, Employer: "shop", Requirement: "boss", Binding: [32]byte{1}, Person: "p", Roles: []string{"owner"},
		Under: "0", At: noon, Revokes: "x", To: "q", Until: noon.Add(hour), Depth: 1, Categories: []string{"machine"}, Bounds: bound}
	assert.Equal(t, e, roundTrip(t, e))
	g := policy.GrantEvent{Kind: policy.GrantDelegated, Employer: "shop", Parent: "p", Person: "q", Roles: []string{"owner"}, At: noon,
		Grant: policy.Grant{ID: "g", Role: "r", May: []string{"publish"}, Categories: []string{"machine"}, Bounds: bound, From: noon, Until: noon.Add(hour), AtExpiry: "end"}}
	assert.Equal(t, g, roundTrip(t, g))
	u := releasedHold("h", noon, noon)
	u.Work, u.Weeks, u.Attrs = []policy.Work{{Start: noon, End: noon.Add(hour), Amount: 1}}, []policy.WeekAmount{{Week: "2026-W38", Hours: hour}}, map[string]string{"a": "b"}
	assert.Equal(t, u, roundTrip(t, u))
	a := policy.FoldApprovals(req, nil, policy.Facts{Requested: noon}, noon.Add(48*hour))
	assert.Equal(t, a, roundTrip(t, a))
}

func TestEscalatedSeatsAreDue(t *testing.T) {
	set := compile(t, nil, foldKeys)
	r := ask(policy.Engage, policy.Attrs{"counterparty.naics": policy.String("3327")})
	r.Category, r.Requested, r.Usage = "space", noon, set.FoldUsage("shop", nil, noon)
	agrees(t, set, r)
	assert.Equal(t, []string{"owner", "owner"}, set.Explain(r).Due[0].Seats)
	r.Now = noon.Add(48 * hour)
	agrees(t, set, r)
	due := set.Explain(r).Due[0]
	assert.Equal(t, []string{"owner", "owner", "chair"}, due.Seats)
	assert.True(t, due.Escalated)
	r.Requested = time.Time{}
	r.Approvals = []policy.ApprovalEvent{{ID: "1", Kind: policy.ApprovalRequested, Employer: "shop", At: noon}}
	agrees(t, set, r)
	assert.True(t, set.Explain(r).Due[0].Escalated)
	r.Approvals = append(r.Approvals, policy.ApprovalEvent{ID: "2", Kind: policy.ApprovalGranted, Employer: "shop", Person: "c", Roles: []string{"chair"}, At: noon})
	agrees(t, set, r)
	assert.Equal(t, policy.Permit, set.Explain(r).Outcome)
	r.Now = r.Now.Add(-1)
	agrees(t, set, r)
	assert.Equal(t, policy.RequireApproval, set.Explain(r).Outcome)
}

// TestLogReplaysTheFolds: what the folds read is in the payload of a logged request.
func TestLogReplaysTheFolds(t *testing.T) {
	set, handed := compile(t, nil, wallRules), compile(t, nil, delegationRules)
	walled := expertFor("bolt", "3327")
	walled.Served = set.FoldWalls("shop", served("h", "ruiz", "3327", "acme", noon.Add(-hour)), noon)
	kim := ask(policy.Engage, policy.Attrs{"price.rate": policy.Int(9500), "request.requester": policy.String("pat")})
	kim.Grants = []policy.GrantEvent{delegated("ops", "dana", policy.Grant{ID: "to-kim", Person: "kim"}, "director")}
	kim.Approvals = []policy.ApprovalEvent{{ID: "v", Kind: policy.ApprovalGranted, Employer: "shop", Person: "kim", Under: "to-kim", At: noon}}
	for want, c := range map[policy.Outcome]struct {
		set *policy.Set
		req *policy.Request
	}{policy.Deny: {set, walled}, policy.Permit: {handed, kim}} {
		log := &policy.MemoryLog{}
		x, _, err := policy.NewRecorder(log, nil).Explain(t.Context(), c.set, c.req)
		require.NoError(t, err)
		require.Equal(t, want, x.Outcome)
		report := replayOf(log, c.set)
		assert.Empty(t, fieldsOf(report))
	}
}

// swapped replaces the first of some words, which must be there.
func swapped(t testing.TB, text, was, is string) string {
	t.Helper()
	require.Contains(t, text, was)
	return strings.Replace(text, was, is, 1)
}
