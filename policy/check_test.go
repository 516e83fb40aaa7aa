package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

const handing = `
apiVersion: csss.policy/v1
employer: shop
version: 1
approvals:
  - {id: release, seats: [director, owner], need: 2, expires: 72h, order: sequence, delegation: {depth: 2}}
  - {id: spend, seats: [owner], need: 1, expires: 72h, not: [requester]}
quotas:
  - {id: total, per: total, unit: duration, max: 400h}
grants:
  - {id: ops, to: {role: director}, may: [publish, "approve:release"], categories: [machine], depth: 1,
     valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
rules:
  - {id: sell, effect: permit, actions: [reveal], categories: [machine], approval: release}
  - {id: list, effect: permit, actions: [publish], categories: [machine], authority: grant, approval: auto}
`

var handingNow = time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)

func handingSet(t testing.TB) *policy.Set {
	t.Helper()
	set, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(handing)})
	require.NoError(t, err)
	return set
}

func handOver() policy.ApprovalEvent {
	return policy.ApprovalEvent{ID: "away", Kind: policy.ApprovalDelegated, Employer: "shop", Person: "olga", Roles: []string{"owner"},
		To: "max", At: handingNow, Until: handingNow.AddDate(0, 1, 0)}
}

func fieldOf(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var fault *policy.RequestError
	require.ErrorAs(t, err, &fault)
	return fault.Field
}

func TestCheckHandOver(t *testing.T) {
	set := handingSet(t)
	first := handOver()
	first.Depth = 1
	for field, change := range map[string]func(e *policy.ApprovalEvent){
		"":                func(*policy.ApprovalEvent) {},
		"requirement":     func(e *policy.ApprovalEvent) { e.Requirement = "spend" },
		"depth":           func(e *policy.ApprovalEvent) { e.Depth = 2 },
		"roles":           func(e *policy.ApprovalEvent) { e.Roles = []string{"clerk"} },
		"to":              func(e *policy.ApprovalEvent) { e.To = "olga" },
		"under":           func(e *policy.ApprovalEvent) { e.Under = "none" },
		"id":              func(e *policy.ApprovalEvent) { e.ID = "vote/1" },
		"until":           func(e *policy.ApprovalEvent) { e.Until = handingNow },
		"categories[1]":   func(e *policy.ApprovalEvent) { e.Categories = []string{"machine", "a..b"} },
		"bounds[0].attr":  func(e *policy.ApprovalEvent) { e.Bounds = []policy.Bound{{Attr: "context.now", Op: policy.AtMost}} },
		"bounds[0].op":    func(e *policy.ApprovalEvent) { e.Bounds = []policy.Bound{{Attr: "price.rate"}} },
		"categories":      func(e *policy.ApprovalEvent) { e.Categories = strings.Split(strings.Repeat("a,", 5000), ",") },
		"bounds":          func(e *policy.ApprovalEvent) { e.Bounds = make([]policy.Bound, 5000) },
		"under, too deep": func(e *policy.ApprovalEvent) { e.Under, e.Person, e.To, e.Depth = "first", "max", "ann", 1 },
	} {
		e := handOver()
		change(&e)
		first.ID = "first"
		want, _, _ := strings.Cut(field, ",")
		if field == "under, too deep" {
			want = "" // narrowed, as the fold does
		}
		assert.Equal(t, want, fieldOf(t, set.CheckHandOver([]policy.ApprovalEvent{first}, e)), field)
	}
	e := handOver()
	e.Employer = "other"
	assert.Equal(t, "requirement", fieldOf(t, set.CheckHandOver(nil, e)))
}

func TestCheckGrant(t *testing.T) {
	set := handingSet(t)
	link := policy.GrantEvent{Kind: policy.GrantDelegated, Employer: "shop", Parent: "ops", Person: "dora", Roles: []string{"director"}, At: handingNow,
		Grant: policy.Grant{ID: "link", Person: "max", Until: handingNow.AddDate(1, 0, 0)}}
	roles := map[string][]string{"dora": {"director"}, "max": nil}
	assert.NoError(t, set.CheckGrant(nil, link, roles))
	for name, change := range map[string]func(e *policy.GrantEvent){
		"not held":  func(e *policy.GrantEvent) { e.Roles = nil },
		"left":      func(e *policy.GrantEvent) { e.Grant.Person = "gone" },
		"unknown":   func(e *policy.GrantEvent) { e.Parent = "none" },
		"no action": func(e *policy.GrantEvent) { e.Grant.May = []string{"match"} },
	} {
		e := link
		change(&e)
		assert.Equal(t, "parent", fieldOf(t, set.CheckGrant(nil, e, roles)), name)
	}
	taken := policy.GrantEvent{Kind: policy.GrantRevoked, Employer: "shop", Grant: policy.Grant{ID: "ops"}, At: handingNow}
	assert.Equal(t, "parent", fieldOf(t, set.CheckGrant([]policy.GrantEvent{taken}, link, roles)))
	later := policy.GrantEvent{Kind: policy.GrantIssued, Employer: "shop", At: handingNow, Grant: policy.Grant{ID: "later", Role: "clerk",
		May: []string{"publish"}, Categories: []string{"machine"}, From: handingNow.AddDate(0, 1, 0), Until: handingNow.AddDate(0, 2, 0)}}
	assert.NoError(t, set.CheckGrant(nil, later, nil), "it begins later")
	later.Employer = "other"
	assert.Equal(t, "may", fieldOf(t, set.CheckGrant(nil, later, nil)))
}

// Seats says before a vote what the fold makes of it afterwards.
func TestSeatsAgreesWithTheFold(t *testing.T) {
	set := handingSet(t)
	r := &policy.Request{Employer: "shop", Action: policy.Reveal, Category: "machine", Now: handingNow.Add(time.Hour),
		Approvals: []policy.ApprovalEvent{handOver(), {ID: "v", Kind: policy.ApprovalDenied, Employer: "shop", Person: "olga", Roles: []string{"owner"}, At: handingNow}},
		Votes:     []policy.Vote{{Person: "olga", Roles: []string{"owner"}, Yes: true, At: handingNow}},
		Attrs:     policy.Attrs{"request.requester": policy.String("dora")}}
	vote := policy.ApprovalEvent{Person: "max", Under: "away", At: r.Now}
	assert.Equal(t, []string{"release"}, set.Seats(r, vote), "the second seat of a sequence, whoever voted")
	vote.Under = ""
	assert.Empty(t, set.Seats(r, vote))
	vote.Person, vote.Roles = "olga", []string{"owner"}
	assert.Equal(t, []string{"release", "spend"}, set.Seats(r, vote))
	r.Attrs["request.requester"] = policy.String("olga")
	assert.Equal(t, []string{"release"}, set.Seats(r, vote))
	r.Employer = "other"
	assert.Empty(t, set.Seats(r, vote))
	assert.Empty(t, set.Seats(nil, vote))
}

func ExampleSet_Seats() {
	set, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(handing)})
	if err != nil {
		fmt.Println(err)
		return
	}
	e := handOver()
	fmt.Println("faults:", set.CheckHandOver(nil, e))
	r := &policy.Request{Employer: "shop", Action: policy.Reveal, Category: "machine", Now: handingNow.Add(time.Hour), Approvals: []policy.ApprovalEvent{e}}
	fmt.Println(set.Seats(r, policy.ApprovalEvent{Person: "max", Under: "away", At: r.Now}))
	// Output:
	// faults: <nil>
	// [release]
}
