package policy_test

import (
	"fmt"
	"time"

	"github.com/deeperpoint/csss/policy"
)

const shiftRules = `apiVersion: csss.policy/v1
employer: steelcrest
version: 7
zone: America/Toronto
approvals:
  - {id: release, seats: [operations_director, owner], need: 1, expires: 72h, not: [requester]}
quotas:
  - {id: hours, per: total, unit: duration, max: 400h}
grants:
  - {id: ops, to: {role: operations_director}, may: [publish], categories: [machine.capacity.shift2],
     when: price.rate >= 9500, quotas: [hours],
     valid: {from: 2026-09-01T00:00:00-04:00, until: 2027-01-01T00:00:00-05:00}}
rules:
  - {id: offer, effect: permit, actions: [publish], categories: [machine.capacity], authority: grant, approval: auto}
  - {id: sell, effect: permit, actions: [engage], categories: [machine.capacity], quotas: [hours], approval: release}
  - {id: no-rival, effect: forbid, actions: [match, engage], when: counterparty.naics == "336370"}
`

func exampleSet() *policy.Set {
	set, err := policy.Compile(nil, policy.Source{Name: "steelcrest.yaml", Text: []byte(shiftRules)})
	if err != nil {
		panic(err)
	}
	return set
}

func ExampleSet_Explain() {
	set := exampleSet()
	request := &policy.Request{
		Employer: "steelcrest", Action: policy.Engage, Category: "machine.capacity.shift2",
		Now:   time.Date(2026, 9, 15, 14, 0, 0, 0, time.UTC),
		Total: 50 * time.Hour,
		Attrs: policy.Attrs{
			"counterparty.naics": policy.String("333517"),
			"request.requester":  policy.String("person-1"),
		},
	}
	d := set.Explain(request)
	fmt.Println(d.Outcome, d.Due[0].Requirement, d.Due[0].Have, "of", d.Due[0].Need, "headroom", d.Headroom["hours"])

	request.Votes = []policy.Vote{{Person: "person-2", Roles: []string{"owner"}, Yes: true, At: request.Now}}
	fmt.Println(set.Explain(request).Outcome)

	request.Attrs["counterparty.naics"] = policy.String("336370")
	d = set.Explain(request)
	fmt.Println(d.Outcome, d.Reasons[0].Rule, "-", d.Reasons[0].Text)
	// Output:
	// require_approval release 0 of 1 headroom 400h0m0s
	// permit
	// deny no-rival@7 - excluded by rule no-rival
}

func ExampleSet_Explain_grant() {
	d := exampleSet().Explain(&policy.Request{
		Employer: "steelcrest", Action: policy.Publish, Category: "machine.capacity.shift2",
		Now:   time.Date(2026, 9, 15, 14, 0, 0, 0, time.UTC),
		Total: 410 * time.Hour,
		Attrs: policy.Attrs{
			"actor.roles": policy.Strings("operations_director"),
			"price.rate":  policy.Int(9400),
			"request.end": policy.Time(time.Date(2026, 10, 23, 4, 30, 0, 0, time.UTC)),
		},
	})
	fmt.Println(d.Outcome)
	for _, r := range d.Reasons {
		fmt.Println(r.Rule, "-", r.Text)
	}
	// Output:
	// deny
	// default-deny - no permit applies
	// grant:ops - hours: asks 410h, at most 400h
	// grant:ops - price.rate >= 9500 does not hold
	// quota:hours - asks 410h, at most 400h
}

func ExampleCompile_errors() {
	_, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(`apiVersion: csss.policy/v1
employer: shop
version: 1
rules:
  - {id: a, effect: forbid, when: '"x" in resource.topic'}
  - {id: b, effect: permit, actions: [match], categories: [machine]}
`)})
	fmt.Println(err)
	// Output:
	// policy: shop.yaml:5:43: unknown attribute 'resource.topic'; did you mean 'resource.topics'?
	// shop.yaml:6:5: rule: a permit must say its 'approval'
}

func ExampleSet_DecideJoint() {
	set := exampleSet()
	now := time.Date(2026, 9, 15, 14, 0, 0, 0, time.UTC)
	supply := &policy.Request{Employer: "steelcrest", Action: policy.Engage, Category: "machine.capacity", Now: now, Total: time.Hour,
		Attrs: policy.Attrs{"counterparty.naics": policy.String("333517")}}
	demand := &policy.Request{Employer: "nobody-here", Action: policy.Engage, Category: "demand.machining", Now: now}
	var queries [2]policy.Query
	for i, r := range []*policy.Request{supply, demand} {
		if err := queries[i].Reset(set.Schema(), r); err != nil {
			panic(err)
		}
	}
	j := set.DecideJoint(&queries[0], &queries[1])
	fmt.Println(j.Outcome, j.For(policy.Supply).Own.Outcome, j.For(policy.Supply).Open)
	// Output: deny require_approval false
}

func ExampleFoldVotes() {
	noon := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	req := policy.Requirement{ID: "exception", Seats: []string{"director", "hr"}, Need: 2, Expires: 336 * time.Hour}
	votes := []policy.Vote{
		{Person: "p", Roles: []string{"director", "hr"}, Yes: true, At: noon}, // one person takes one seat
		{Person: "q", Roles: []string{"director"}, Yes: true, At: noon.Add(time.Hour)},
	}
	fmt.Println(policy.FoldVotes(req, votes[:1], policy.Facts{}, noon.Add(2*time.Hour)).Status)
	fmt.Println(policy.FoldVotes(req, votes, policy.Facts{}, noon.Add(2*time.Hour)).Status)
	fmt.Println(policy.FoldVotes(req, votes, policy.Facts{}, noon.AddDate(0, 0, 14)).Status)
	// Output:
	// pending
	// satisfied
	// expired
}

func ExampleNewSchema() {
	schema, err := policy.NewSchema(policy.Attr("resource.axes", policy.KindInt), policy.Counterparty("counterparty.size", policy.KindInt))
	if err != nil {
		panic(err)
	}
	for _, a := range schema.Attributes() {
		if a.Name == "resource.axes" || a.Name == "counterparty.size" {
			fmt.Println(a.Name, a.Kind, a.Tainted)
		}
	}
	// Output:
	// counterparty.size int true
	// resource.axes int false
}
