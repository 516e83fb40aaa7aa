package policy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// odd are texts that look like "ann", or like nobody.
var odd = map[string]string{
	"ann ":      "begins or ends with a space",
	"\u00a0ann": "begins or ends with a space",
	"ann\u200b": "has a character that cannot be seen",
	"\u202eann": "has a character that cannot be seen",
	"a\x00nn":   "has a character that cannot be seen",
	"ann\u3164": "has a character that cannot be seen",
	"ann\ufe0f": "has a character that cannot be seen",
	"an\u0303n": "is not in Unicode's normal form C",
	"ann\xff":   "is not UTF-8",
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"ann", "Ann", "Añn Lee", "p-1", "李安"} {
		assert.NoError(t, policy.CheckName("who", name), name)
	}
	assert.EqualError(t, policy.CheckName("who", ""), "policy: request: who is empty")
	for name, why := range odd {
		assert.EqualError(t, policy.CheckName("who", name), "policy: request: who "+why)
	}
}

// Nobody gets a second seat, or a vote in spite of the separation of duties, by a spelling that looks the same.
func TestOddNamesAreRefused(t *testing.T) {
	set := compile(t, nil, `approvals:
  - {id: two, seats: [director, hr], need: 2, expires: 72h, not: [requester], delegation: {depth: 1}}
rules:
  - {id: a, effect: permit, actions: [engage], categories: [machine], approval: two}
`)
	vote := func(name, role string, via ...string) policy.Vote {
		return policy.Vote{Person: name, Roles: []string{role}, Via: via, Yes: true, At: noon}
	}
	req := policy.Requirement{ID: "two", Seats: []string{"director", "hr"}, Need: 2, Delegation: policy.Delegation{Depth: 1}}
	for name := range odd {
		for field, put := range map[string]func(r *policy.Request){
			"votes":             func(r *policy.Request) { r.Votes = []policy.Vote{vote("ann", "director"), vote(name, "hr")} },
			"votes ":            func(r *policy.Request) { r.Votes = []policy.Vote{vote("ann", "director"), vote("bob", "hr", name)} },
			"approvals":         func(r *policy.Request) { r.Approvals = []policy.ApprovalEvent{{Person: name}} },
			"approvals ":        func(r *policy.Request) { r.Approvals = []policy.ApprovalEvent{{To: name}} },
			"grants":            func(r *policy.Request) { r.Grants = []policy.GrantEvent{{Person: name}} },
			"grants ":           func(r *policy.Request) { r.Grants = []policy.GrantEvent{{Grant: policy.Grant{Person: name}}} },
			"member":            func(r *policy.Request) { r.Member = name },
			"actor.person":      func(r *policy.Request) { r.Attrs["actor.person"] = policy.String(name) },
			"request.requester": func(r *policy.Request) { r.Attrs["request.requester"] = policy.String(name) },
			"resource.person":   func(r *policy.Request) { r.Attrs["resource.person"] = policy.String(name) },
		} {
			r := ask(policy.Engage, policy.Attrs{"request.requester": policy.String("r")})
			put(r)
			agrees(t, set, r)
			d := set.Explain(r)
			assert.Equal(t, policy.Deny, d.Outcome, "%s %q", field, name)
			var fault *policy.RequestError
			require.Len(t, d.Errors, 1, "%s %q", field, name)
			require.ErrorAs(t, d.Errors[0], &fault)
			assert.Contains(t, field, fault.Field)
			assert.NotContains(t, fault.Error(), name)
		}
		assert.Equal(t, 1, policy.FoldVotes(req, []policy.Vote{vote("ann", "director"), vote(name, "hr")}, policy.Facts{}, noon).Have, "%q", name)
		assert.Equal(t, 1, policy.FoldVotes(req, []policy.Vote{vote("ann", "director"), vote("bob", "hr", name)}, policy.Facts{}, noon).Have, "%q", name)
	}
	assert.Equal(t, 1, policy.FoldVotes(req, []policy.Vote{vote("ann", "director"), vote("bob", "hr", "")}, policy.Facts{}, noon).Have, "handed on by nobody")
}

// Rules and requests spell a text in one way.
func TestTextsAreOfOneForm(t *testing.T) {
	rules := func(region string) string {
		return "rules:\n  - {id: a, effect: permit, actions: [match], categories: [machine], approval: auto}\n" +
			"  - {id: q, effect: forbid, actions: [match], when: 'counterparty.region == \"" + region + "\"'}\n"
	}
	set := compile(t, nil, rules("Qu\u00e9bec"))
	for _, region := range []string{"Qu\u00e9bec", "Que\u0301bec"} {
		r := ask(policy.Match, policy.Attrs{"counterparty.region": policy.String(region)})
		agrees(t, set, r)
		assert.Equal(t, policy.Deny, set.Explain(r).Outcome, "%+q", region)
	}
	r := ask(policy.Match, policy.Attrs{"counterparty.region": policy.String("Ontario"), "request.topics": policy.Strings("Que\u0301bec")})
	assert.EqualError(t, set.Explain(r).Errors[0], "policy: request: request.topics has an item that is not in Unicode's normal form C")
	head := "apiVersion: csss.policy/v1\nemployer: shop\nversion: 1\n"
	for name, text := range map[string]string{
		"as it is": head + rules("Que\u0301bec"),
		"escaped":  head + "rules:\n\n  - {id: q, effect: forbid, when: \"counterparty.region == 'Que\\u0301bec'\"}\n",
	} {
		_, err := policy.Compile(nil, policy.Source{Name: "d", Text: []byte(text)})
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), "d:6:", name)
		assert.Contains(t, err.Error(), "the text is not in Unicode's normal form C", name)
	}
}

// What is recorded is checked before.
func TestOddNamesAreNotHandedAnything(t *testing.T) {
	set := compile(t, nil, delegationRules)
	for name := range odd {
		var fault *policy.RequestError
		err := set.CheckGrant(nil, delegated("ops", "dana", policy.Grant{ID: "to", Person: name, Until: noon.AddDate(0, 1, 0)}, "director"), nil)
		require.ErrorAs(t, err, &fault)
		assert.Equal(t, "person", fault.Field)
		err = set.CheckHandOver(nil, policy.ApprovalEvent{ID: "to", Employer: "shop", Person: "dana", Roles: []string{"director"}, To: name,
			At: noon, Until: noon.AddDate(0, 0, 1)})
		require.ErrorAs(t, err, &fault)
		assert.Equal(t, "to", fault.Field)
	}
}

// A request that nobody could fold in time is refused.
func TestEventsAreBounded(t *testing.T) {
	set := compile(t, nil, delegationRules)
	for field, put := range map[string]func(r *policy.Request){
		"votes":     func(r *policy.Request) { r.Votes = make([]policy.Vote, 10_001) },
		"approvals": func(r *policy.Request) { r.Approvals = make([]policy.ApprovalEvent, 10_001) },
		"grants":    func(r *policy.Request) { r.Grants = make([]policy.GrantEvent, 10_001) },
	} {
		r := ask(policy.Engage, nil)
		put(r)
		assert.EqualError(t, set.Explain(r).Errors[0], "policy: request: "+field+" has 10001 entries, at most 10000")
	}
}

func ExampleCheckName() {
	fmt.Println(policy.CheckName("requester", "ann"))
	fmt.Println(policy.CheckName("requester", "ann "))
	// Output:
	// <nil>
	// policy: request: requester begins or ends with a space
}
