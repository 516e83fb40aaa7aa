package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/policy"
)

// rootGrant is the director's, who may hand it on twice.
func rootGrant() policy.Grant {
	return policy.Grant{ID: "root", Role: "director", May: []string{"publish", "approve:release"}, Categories: []string{"machine"},
		Discharges: []string{"release"}, Depth: 2, From: noon.AddDate(0, -1, 0), Until: noon.AddDate(1, 0, 0), AtExpiry: "finish"}
}

func delegated(parent, by string, g policy.Grant, roles ...string) policy.GrantEvent {
	return policy.GrantEvent{Kind: policy.GrantDelegated, Employer: "shop", Parent: parent, Person: by, Roles: roles, Grant: g, At: noon}
}

func takenBack(id, by string) policy.GrantEvent {
	return policy.GrantEvent{Kind: policy.GrantRevoked, Employer: "shop", Person: by, Grant: policy.Grant{ID: id}, At: noon.Add(time.Hour)}
}

func liveGrants(list []policy.Authority) (ids []string) {
	for _, a := range list {
		ids = append(ids, a.ID)
	}
	return ids
}

func TestFoldGrants(t *testing.T) {
	root := rootGrant().Issued("shop")
	toKim := delegated("root", "dana", policy.Grant{ID: "kim", Person: "kim", Depth: 5}, "director")
	toLee := delegated("kim", "kim", policy.Grant{ID: "lee", Person: "lee"})
	all := []policy.GrantEvent{root, toKim, toLee}
	late := noon.Add(2 * time.Hour)
	change := func(i int, f func(e *policy.GrantEvent)) []policy.GrantEvent {
		list := slices.Clone(all)
		f(&list[i])
		return list
	}
	cases := []struct {
		name   string
		events []policy.GrantEvent
		roles  map[string][]string
		now    time.Time
		want   string
	}{
		{"a chain", all, nil, late, "[kim lee root]"},
		{"before it was handed on", all, nil, noon.Add(-1), "[root]"},
		{"before it began", all, nil, noon.AddDate(0, -1, 0).Add(-1), "[]"},
		{"after it ended", all, nil, noon.AddDate(1, 0, 0), "[]"},
		{"the root revoked", append(slices.Clone(all), takenBack("root", "")), nil, late, "[]"},
		{"the middle revoked", append(slices.Clone(all), takenBack("kim", "")), nil, late, "[root]"},
		{"by its giver", append(slices.Clone(all), takenBack("kim", "dana")), nil, late, "[root]"},
		{"the end revoked from above", append(slices.Clone(all), takenBack("lee", "dana")), nil, late, "[kim root]"},
		{"by a stranger", append(slices.Clone(all), takenBack("kim", "zoe")), nil, late, "[kim lee root]"},
		{"by its holder, who gave it not", append(slices.Clone(all), takenBack("kim", "kim")), nil, late, "[kim lee root]"},
		{"not yet revoked", append(slices.Clone(all), takenBack("kim", "")), nil, noon.Add(time.Minute), "[kim lee root]"},
		{"revoked before it was delivered", append([]policy.GrantEvent{takenBack("kim", "")}, all...), nil, late, "[root]"},
		{"the giver lost the role", all, map[string][]string{"dana": {"hr"}, "kim": nil, "lee": nil}, late, "[root]"},
		{"the middle left", all, map[string][]string{"dana": {"director"}, "lee": nil}, late, "[root]"},
		{"the last left", all, map[string][]string{"dana": {"director"}, "kim": nil}, late, "[kim root]"},
		{"all are there", all, map[string][]string{"dana": {"director"}, "kim": nil, "lee": nil}, late, "[kim lee root]"},
		{"the giver never had the role", change(1, func(e *policy.GrantEvent) { e.Roles = []string{"hr"} }), nil, late, "[root]"},
		{"another gives", change(2, func(e *policy.GrantEvent) { e.Person = "zoe" }), nil, late, "[kim root]"},
		{"of another employer", change(2, func(e *policy.GrantEvent) { e.Employer = "other" }), nil, late, "[kim root]"},
		{"back to the giver", change(2, func(e *policy.GrantEvent) { e.Grant.Person = "dana" }), nil, late, "[kim root]"},
		{"back to the role", change(2, func(e *policy.GrantEvent) { e.Grant.Person, e.Grant.Role = "", "director" }), nil, late, "[kim root]"},
		{"to oneself", change(2, func(e *policy.GrantEvent) { e.Grant.Person = "kim" }), nil, late, "[kim root]"},
		{"to nobody", change(2, func(e *policy.GrantEvent) { e.Grant.Person = "" }), nil, late, "[kim root]"},
		{"the giver may not", change(1, func(e *policy.GrantEvent) { e.Grant.Depth = 0 }), nil, late, "[kim root]"},
		{"elsewhere", change(2, func(e *policy.GrantEvent) { e.Grant.Categories = []string{"space"} }), nil, late, "[kim root]"},
		{"for what the giver may not", change(2, func(e *policy.GrantEvent) { e.Grant.May = []string{"engage"} }), nil, late, "[kim root]"},
		{"the middle ended", change(1, func(e *policy.GrantEvent) { e.Grant.Until = late }), nil, late, "[root]"},
		{"handed on before it began", change(0, func(e *policy.GrantEvent) { e.At, e.Grant.From = noon.AddDate(0, -1, 0), noon.Add(time.Hour) }), nil, late, "[root]"},
		{"handed on too late", change(2, func(e *policy.GrantEvent) { e.At = noon.AddDate(2, 0, 0) }), nil, noon.AddDate(3, 0, 0), "[]"},
		{"a second of the same id", append(slices.Clone(all), delegated("root", "dana", policy.Grant{ID: "kim", Person: "zoe"}, "director")), nil, late, "[kim lee root]"},
		{"in the wrong order", []policy.GrantEvent{toKim, root, toLee}, nil, late, "[root]"},
	}
	for _, c := range cases {
		got := policy.FoldGrants(c.events, c.roles, c.now)
		assert.Equal(t, c.want, fmt.Sprint(liveGrants(got)), c.name)
		assert.Equal(t, got, policy.FoldGrants(append(slices.Clone(c.events), c.events...), c.roles, c.now), "%s, delivered twice", c.name)
	}
	lee := policy.FoldGrants(all, nil, late)[1]
	assert.Equal(t, policy.Authority{ID: "lee", Root: "root", Employer: "shop", Person: "lee", Via: []string{"dana", "kim"}, Seat: "director",
		May: []string{"publish", "approve:release"}, Categories: []string{"machine"}, From: noon, Until: noon.AddDate(1, 0, 0), AtExpiry: "finish"},
		roundTrip(t, lee), "discharging must be said at every hop")
}

// roundTrip writes and reads JSON.
func roundTrip[T any](t testing.TB, v T) (back T) {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &back))
	again, err := json.Marshal(back)
	require.NoError(t, err)
	require.JSONEq(t, string(text), string(again))
	return back
}

// arbitraryGrants draws grant events among few people, roles and ids.
func arbitraryGrants(r *rapid.T) []policy.GrantEvent {
	people, roles := []string{"p", "q", "r", "s", "t", "u"}, []string{"v", "w", "x", "y", "z"}
	words := func(name string, from ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, len(from), rapid.ID).Draw(r, name)
	}
	var list []policy.GrantEvent
	for i := range rapid.IntRange(1, 10).Draw(r, "events") {
		kind := rapid.SampledFrom([]policy.GrantKind{policy.GrantIssued, policy.GrantDelegated, policy.GrantDelegated, policy.GrantDelegated, policy.GrantRevoked}).Draw(r, "kind")
		at := noon.Add(time.Duration(rapid.IntRange(0, i).Draw(r, "at")) * time.Hour)
		g := policy.Grant{ID: fmt.Sprint("g", i), Depth: rapid.IntRange(0, 4).Draw(r, "depth"), AtExpiry: rapid.SampledFrom([]string{"end", "finish"}).Draw(r, "at expiry"),
			May: words("may", "publish", "match", "engage"), Categories: words("categories", "machine", "machine.mill", "space"),
			Discharges: words("discharges", "a", "b"), Quotas: words("quotas", "h", "k"),
			From: noon.Add(time.Duration(rapid.IntRange(-9, 2).Draw(r, "from")) * time.Hour), Until: noon.Add(time.Duration(rapid.IntRange(10, 60).Draw(r, "until")) * time.Hour)}
		if i == 0 {
			kind, g.Depth, g.May, g.Categories, g.From = policy.GrantIssued, 4, []string{"publish", "match", "engage"}, nil, noon
		}
		if rapid.Bool().Draw(r, "bounded") {
			g.Bounds = []policy.Bound{{Attr: "price.rate", Op: rapid.SampledFrom([]policy.Op{policy.AtLeast, policy.AtMost}).Draw(r, "op"), Value: rapid.Int64Range(0, 4).Draw(r, "value")}}
		}
		if rapid.Bool().Draw(r, "personal") {
			g.Person = rapid.SampledFrom(people).Draw(r, "to")
		} else {
			g.Role = rapid.SampledFrom(roles).Draw(r, "role")
		}
		e := policy.GrantEvent{Kind: kind, Employer: "shop", Grant: g, At: at}
		if kind != policy.GrantIssued {
			e.Person, e.Roles = rapid.SampledFrom(people).Draw(r, "by"), roles
			e.Parent = fmt.Sprint("g", rapid.IntRange(0, max(i-1, 0)).Draw(r, "parent"))
		}
		if at := slices.IndexFunc(list, func(up policy.GrantEvent) bool { return up.Grant.ID == e.Parent }); at >= 0 && kind == policy.GrantDelegated {
			if holder := list[at].Grant.Person; holder != "" && rapid.IntRange(0, 4).Draw(r, "not the holder") > 0 {
				e.Person = holder
			}
		}
		if kind == policy.GrantRevoked {
			e.Grant.ID = e.Parent
			if rapid.Bool().Draw(r, "by the employer") {
				e.Person = ""
			}
		}
		list = append(list, e)
	}
	return list
}

func TestNoGrantIsWiderThanItsParent(t *testing.T) {
	chains, deep := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		events := arbitraryGrants(r)
		now := noon.Add(time.Duration(rapid.IntRange(5, 20).Draw(r, "now")) * time.Hour)
		list := policy.FoldGrants(events, nil, now)
		past := slices.DeleteFunc(slices.Clone(events), func(e policy.GrantEvent) bool { return e.At.After(now) })
		require.Equal(r, list, policy.FoldGrants(past, nil, now), "later events do not exist yet")
		for _, a := range list {
			if len(a.Via) == 0 {
				continue
			}
			chains++
			deep = max(deep, len(a.Via))
			at := slices.IndexFunc(events, func(e policy.GrantEvent) bool { return e.Grant.ID == a.ID && e.Kind == policy.GrantDelegated })
			up := slices.IndexFunc(list, func(u policy.Authority) bool { return u.ID == events[at].Parent })
			require.GreaterOrEqual(r, up, 0, "its parent is live")
			parent := list[up]
			require.Less(r, a.Depth, parent.Depth)
			require.False(r, a.Until.After(parent.Until) || a.From.Before(parent.From))
			require.Subset(r, a.Quotas, parent.Quotas, "what binds the parent binds it too")
			require.Subset(r, parent.Discharges, a.Discharges)
			require.False(r, parent.AtExpiry == "end" && a.AtExpiry != "end")
			require.Equal(r, parent.Root, a.Root)
			for _, may := range []string{"publish", "match", "engage", "approve:a"} {
				for _, category := range []string{"machine", "machine.mill", "machine.mill.5axis", "space", "people"} {
					for rate := range int64(5) {
						attrs := policy.Attrs{"price.rate": policy.Int(rate)}
						if a.Covers(may, category, attrs, now) {
							require.True(r, parent.Covers(may, category, attrs, now), "%s %s %d", may, category, rate)
							require.True(r, covers(events[at].Grant, may, category, rate), "its own words bind it")
						}
					}
				}
			}
		}
	})
	if !testing.Short() { // which draws too few
		assert.Greater(t, chains, 20)
		assert.Greater(t, deep, 1)
	}
}

// covers is what a link's own words allow.
func covers(g policy.Grant, may, category string, rate int64) bool {
	in := len(g.Categories) == 0
	for _, c := range g.Categories {
		in = in || c == category || len(category) > len(c) && category[:len(c)+1] == c+"."
	}
	for _, b := range g.Bounds {
		in = in && (b.Op == policy.AtLeast && rate >= b.Value || b.Op == policy.AtMost && rate <= b.Value)
	}
	return in && (len(g.May) == 0 || slices.Contains(g.May, may))
}

const delegationRules = `approvals:
  - {id: release, seats: [director], need: 1, expires: 72h, not: [requester]}
quotas:
  - {id: hours, per: total, unit: duration, max: 100h}
grants:
  - {id: ops, to: {role: director}, may: [publish, "approve:release"], categories: [machine], when: price.rate >= 9500, depth: 1,
     valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
rules:
  - {id: offer, effect: permit, actions: [publish], categories: [machine], authority: grant, approval: auto}
  - {id: sell, effect: permit, actions: [engage], categories: [machine], approval: release}
`

func TestExplainKnowsHandedOnGrants(t *testing.T) {
	set := compile(t, nil, delegationRules)
	publish := func(change func(r *policy.Request)) policy.Explanation {
		r := ask(policy.Publish, policy.Attrs{"price.rate": policy.Int(9500), "actor.person": policy.String("kim"), "request.end": policy.Time(noon.AddDate(0, 0, 7))})
		r.Grants = []policy.GrantEvent{delegated("ops", "dana", policy.Grant{ID: "to-kim", Person: "kim", Until: noon.AddDate(0, 0, 8),
			Bounds: []policy.Bound{{Attr: "price.rate", Op: policy.AtMost, Value: 12000}}}, "director")}
		change(r)
		agrees(t, set, r)
		return set.Explain(r)
	}
	rate := func(cents int64) func(*policy.Request) {
		return func(r *policy.Request) { r.Attrs["price.rate"] = policy.Int(cents) }
	}
	cases := []struct {
		name   string
		change func(*policy.Request)
		want   policy.Outcome
	}{
		{"as handed on", func(*policy.Request) {}, policy.Permit},
		{"without the event", func(r *policy.Request) { r.Grants = nil }, policy.Deny},
		{"not by her", func(r *policy.Request) { r.Attrs["actor.person"] = policy.String("lee") }, policy.Deny},
		{"at its own bound", rate(12000), policy.Permit},
		{"beyond its own bound", rate(12001), policy.Deny},
		{"beyond the root's", rate(9499), policy.Deny},
		{"ends after the link", func(r *policy.Request) { r.Attrs["request.end"] = policy.Time(noon.AddDate(0, 0, 9)) }, policy.Deny},
		{"the root revoked", func(r *policy.Request) { r.Revoked = []string{"ops"} }, policy.Deny},
		{"the link revoked", func(r *policy.Request) { r.Revoked = []string{"to-kim"} }, policy.Deny},
		{"the root revoked by an event", func(r *policy.Request) {
			r.Grants, r.Now = append(r.Grants, takenBack("ops", "")), noon.Add(time.Hour)
		}, policy.Deny},
		{"not revoked yet", func(r *policy.Request) { r.Grants = append(r.Grants, takenBack("ops", "")) }, policy.Permit},
		{"the giver has left", func(r *policy.Request) { r.RolesNow = map[string][]string{"kim": nil} }, policy.Deny},
		{"of another employer", func(r *policy.Request) { r.Grants[0].Employer = "other" }, policy.Deny},
		{"with a condition nobody checks", func(r *policy.Request) { r.Grants[0].Grant.When = "true" }, policy.Deny},
		{"with a quota that is full", func(r *policy.Request) { r.Grants[0].Grant.Quotas, r.Total = []string{"hours"}, 101*time.Hour }, policy.Deny},
		{"with a quota that is not", func(r *policy.Request) { r.Grants[0].Grant.Quotas, r.Total = []string{"hours"}, 100*time.Hour }, policy.Permit},
		{"with a quota nobody knows", func(r *policy.Request) { r.Grants[0].Grant.Quotas, r.Total = []string{"days"}, time.Hour }, policy.Deny},
	}
	for _, c := range cases {
		assert.Equal(t, c.want, publish(c.change).Outcome, c.name)
	}
}

func TestExplainKnowsIssuedGrants(t *testing.T) {
	set := compile(t, nil, delegationRules)
	r := ask(policy.Publish, policy.Attrs{"price.rate": policy.Int(100), "actor.person": policy.String("kim"), "request.end": policy.Time(noon)})
	g := policy.Grant{ID: "extra", Person: "kim", May: []string{"publish"}, Categories: []string{"machine"}, From: noon.AddDate(0, -1, 0), Until: noon.AddDate(0, 1, 0)}
	explain := func(change func(g *policy.Grant)) policy.Outcome {
		c := g
		change(&c)
		r.Grants = []policy.GrantEvent{c.Issued("shop")}
		agrees(t, set, r)
		return set.Explain(r).Outcome
	}
	assert.Equal(t, policy.Permit, explain(func(*policy.Grant) {}))
	assert.Equal(t, policy.Deny, explain(func(g *policy.Grant) { g.When = "true" }), "a condition nobody compiled")
	assert.Equal(t, policy.Deny, explain(func(g *policy.Grant) { g.ID = "ops" }), "the document's own grant goes before")
	assert.Equal(t, policy.Deny, explain(func(g *policy.Grant) { g.Until = noon }))
	assert.Equal(t, policy.Deny, explain(func(g *policy.Grant) {
		g.Bounds = []policy.Bound{{Attr: "price.rate", Op: policy.AtLeast, Value: 101}}
	}))
	r.Grants = append(r.Grants, takenBack("extra", ""))
	r.Grants[0].Grant = g
	r.Now = noon.Add(time.Hour)
	assert.Equal(t, policy.Deny, set.Explain(r).Outcome)
}

func TestSeatsAreHandedOnWithGrants(t *testing.T) {
	set := compile(t, nil, delegationRules)
	explain := func(change func(r *policy.Request)) policy.Explanation {
		r := ask(policy.Engage, policy.Attrs{"price.rate": policy.Int(9500), "request.requester": policy.String("pat")})
		r.Now = noon.Add(time.Hour)
		r.Grants = []policy.GrantEvent{delegated("ops", "dana", policy.Grant{ID: "to-kim", Person: "kim"}, "director")}
		r.Approvals = []policy.ApprovalEvent{{ID: "v", Kind: policy.ApprovalGranted, Employer: "shop", Person: "kim", Under: "to-kim", At: noon}}
		change(r)
		agrees(t, set, r)
		return set.Explain(r)
	}
	assert.Equal(t, policy.Permit, explain(func(*policy.Request) {}).Outcome)
	for name, change := range map[string]func(*policy.Request){
		"in her own right":      func(r *policy.Request) { r.Approvals[0].Under = "" },
		"revoked":               func(r *policy.Request) { r.Revoked = []string{"to-kim"} },
		"the root revoked":      func(r *policy.Request) { r.Revoked = []string{"ops"} },
		"outside the root":      func(r *policy.Request) { r.Attrs["price.rate"] = policy.Int(1) },
		"only to publish":       func(r *policy.Request) { r.Grants[0].Grant.May = []string{"publish"} },
		"asked by the director": func(r *policy.Request) { r.Attrs["request.requester"] = policy.String("dana") },
		"under a condition":     func(r *policy.Request) { r.Grants[0].Grant.When = "true" },
		"under another quota":   func(r *policy.Request) { r.Grants[0].Grant.Quotas = []string{"days"} },
		"another votes":         func(r *policy.Request) { r.Approvals[0].Person = "lee" },
		"voted before":          func(r *policy.Request) { r.Approvals[0].At = noon.Add(-1) },
	} {
		assert.Equal(t, policy.RequireApproval, explain(change).Outcome, name)
	}
}

func ExampleFoldGrants() {
	now := time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)
	ops := policy.Grant{ID: "ops", Role: "director", May: []string{"publish"}, Categories: []string{"machine"}, Depth: 1,
		From: now.AddDate(0, -1, 0), Until: now.AddDate(0, 1, 0)}
	events := []policy.GrantEvent{
		ops.Issued("steelcrest"),
		{Kind: policy.GrantDelegated, Employer: "steelcrest", Parent: "ops", Person: "dana", Roles: []string{"director"}, At: now,
			Grant: policy.Grant{ID: "ops-kim", Person: "kim", Categories: []string{"machine.mill"}, Until: now.AddDate(1, 0, 0)}},
	}
	for _, a := range policy.FoldGrants(events, nil, now) {
		fmt.Println(a.ID, a.Via, a.Categories, "until", a.Until.Format(time.DateOnly), "depth", a.Depth)
	}
	// Output:
	// ops [] [machine] until 2026-10-15 depth 1
	// ops-kim [dana] [machine.mill] until 2026-10-15 depth 0
}
