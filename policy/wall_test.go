package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/policy"
)

const wallRules = `walls:
  - {id: one-client, key: [resource.person], class: counterparty.naics, cooling_off: 4320h, categories: [expertise]}
rules:
  - {id: all, effect: permit, actions: [publish, match, summarise, reveal, engage, renew, process_externally], categories: [expertise, machine], approval: auto}
  - {id: never, effect: forbid, actions: [engage], categories: [expertise], when: counterparty.naics == "336370"}
`

// served is an engagement of a person for a member of a class.
func served(hold, person, class, member string, at time.Time) []policy.UsageEvent {
	e := placedHold(hold, policy.Work{Start: at, End: at.Add(hour)})
	e.At, e.Member, e.Attrs = at, member, map[string]string{"resource.person": person, "counterparty.naics": class}
	return []policy.UsageEvent{e, engagedHold(hold, at)}
}

func expertFor(member, class string) *policy.Request {
	return &policy.Request{Employer: "shop", Action: policy.Match, Category: "expertise.quality", Now: noon, Member: member,
		Attrs: policy.Attrs{"resource.person": policy.String("ruiz"), "counterparty.naics": policy.String(class)}}
}

func TestWallsKeepCompetitorsApart(t *testing.T) {
	set := compile(t, nil, wallRules)
	ended := noon.Add(-4320 * hour)
	running := served("h", "ruiz", "3327", "acme", noon.Add(-hour))
	over := append(served("h", "ruiz", "3327", "acme", ended.Add(-hour)), releasedHold("h", ended, ended))
	cases := []struct {
		name   string
		events []policy.UsageEvent
		change func(r *policy.Request)
		want   policy.Outcome
	}{
		{"no history", nil, nil, policy.Permit},
		{"a competitor of a client", running, nil, policy.Deny},
		{"the client itself", running, func(r *policy.Request) { r.Member = "acme" }, policy.Permit},
		{"another class", running, func(r *policy.Request) { r.Attrs["counterparty.naics"] = policy.String("3336") }, policy.Permit},
		{"another person", running, func(r *policy.Request) { r.Attrs["resource.person"] = policy.String("lau") }, policy.Permit},
		{"before it was agreed", running[:1], nil, policy.Permit},
		{"a nanosecond before the cooling-off ends", over, func(r *policy.Request) { r.Now = noon.Add(-1) }, policy.Deny},
		{"when it ends", over, nil, policy.Permit},
		{"a member without a name", running, func(r *policy.Request) { r.Member = "" }, policy.Deny},
		{"a category without a wall", running, func(r *policy.Request) { r.Category = "machine" }, policy.Permit},
		{"an action without a counterparty", running, func(r *policy.Request) { r.Action = policy.Publish }, policy.Permit},
		{"nobody knows who is offered", nil, func(r *policy.Request) { delete(r.Attrs, "resource.person") }, policy.Deny},
		{"nobody may know who is offered", nil, func(r *policy.Request) { r.Withheld = []string{"resource.person"} }, policy.Deny},
		{"nobody knows the class", nil, func(r *policy.Request) { delete(r.Attrs, "counterparty.naics") }, policy.Deny},
		{"nobody may know the class", nil, func(r *policy.Request) { r.Withheld = []string{"counterparty.naics"} }, policy.Deny},
	}
	for _, c := range cases {
		for _, action := range policy.Actions() {
			r := expertFor("bolt", "3327")
			r.Action = action
			if c.change != nil {
				c.change(r)
			}
			r.Served = set.FoldWalls("shop", c.events, r.Now)
			agrees(t, set, r)
			d := set.Explain(r)
			want := c.want
			if r.Action == policy.Publish || r.Action == policy.ProcessExternally {
				want = policy.Permit
			}
			if r.Action == policy.Register || r.Action == policy.Engage && (c.name == "nobody knows the class" || c.name == "nobody may know the class") {
				want = policy.Deny
			}
			assert.Equal(t, want, d.Outcome, "%s, %s", c.name, action)
			if c.want == policy.Deny && r.Action == policy.Match {
				assert.Equal(t, []policy.Reason{{Rule: "wall:one-client", Text: "excluded by wall one-client", Tainted: true}}, d.Reasons, c.name)
				assert.Nil(t, d.Headroom)
			}
		}
	}
	both := expertFor("bolt", "336370")
	both.Action = policy.Engage
	both.Served = []policy.Served{{Wall: "one-client", Key: []string{"ruiz"}, Class: "336370", Member: "acme"}}
	agrees(t, set, both)
	assert.Equal(t, []string{"never@1", "wall:one-client"}, ruleNames(set.Explain(both)), "every reason is named")
	assert.Nil(t, set.FoldWalls("nobody", running, noon))
}

func TestWallsOfSeveral(t *testing.T) {
	w := policy.Wall{ID: "w", Class: "counterparty.naics", Distinct: 2, CoolingOff: hour}
	events := slices.Concat(served("1", "ruiz", "c", "acme", noon), served("2", "ruiz", "c", "acme", noon), served("3", "lau", "c", "bolt", noon))
	all := policy.FoldWall(w, events, noon)
	assert.Equal(t, []policy.Served{{Wall: "w", Class: "c", Member: "acme"}, {Wall: "w", Class: "c", Member: "bolt"}}, all, "one entry per member")
	assert.Equal(t, all, roundTrip(t, all))
	assert.True(t, w.Refuses(nil, "c", "cog", all, noon))
	assert.False(t, w.Refuses(nil, "c", "bolt", all, noon))
	assert.False(t, w.Refuses(nil, "c", "cog", all[:1], noon), "two are allowed")
	nameless := []policy.Served{{Wall: "w", Class: "c"}, {Wall: "w", Class: "c"}}
	assert.True(t, w.Refuses(nil, "c", "", nameless, noon), "nobody without a name is somebody known")
	ended := policy.FoldWall(w, append(events, releasedHold("1", noon, noon)), noon)
	assert.True(t, ended[0].Until.IsZero(), "the other work goes on")
	ended = policy.FoldWall(w, append(events, releasedHold("1", noon, noon), releasedHold("2", noon.Add(hour), noon.Add(hour))), noon.Add(hour))
	assert.Equal(t, noon.Add(2*hour), ended[0].Until, "the last end counts")
	assert.Len(t, policy.FoldWall(w, append(events, releasedHold("3", noon, noon)), noon.Add(hour)), 1, "cooled off")
}

// TestWallsForgetNobody: whatever becomes of a hold, whom it served stays in the history until they have cooled off.
func TestWallsForgetNobody(t *testing.T) {
	w := policy.Wall{ID: "w", Class: "counterparty.naics", CoolingOff: 20 * hour}
	work := served("h", "ruiz", "3327", "acme", noon.Add(-10*hour))
	anew := func(change func(e *policy.UsageEvent)) policy.UsageEvent {
		e := work[0]
		e.ID, e.At = "anew", noon.Add(-5*hour)
		change(&e)
		return e
	}
	elsewhere := anew(func(e *policy.UsageEvent) { e.Member = "bolt" })
	brief := work[0]
	brief.Until = noon.Add(-11 * hour)
	for name, c := range map[string]struct {
		events []policy.UsageEvent
		want   string
	}{
		"one":                         {work, "acme"},
		"placed anew for another":     {append(slices.Clip(work), elsewhere), "acme bolt"},
		"placed anew, and it ended":   {append(slices.Clip(work), elsewhere, releasedHold("h", noon.Add(-hour), noon)), "acme19h0m0s bolt19h0m0s"},
		"placed anew after its end":   {append(slices.Clip(work), releasedHold("h", noon.Add(-hour), noon), elsewhere), "acme bolt"},
		"placed anew for nobody":      {append(slices.Clip(work), anew(func(e *policy.UsageEvent) { e.Attrs = nil })), "acme"},
		"ended before it began":       {append(slices.Clip(work), releasedHold("h", noon.Add(-9000*hour), noon)), "acme10h0m0s"},
		"agreed when it had lapsed":   {[]policy.UsageEvent{brief, work[1]}, "acme"},
		"agreed before it was placed": {[]policy.UsageEvent{work[1], work[0]}, "acme"},
		"never agreed, placed anew":   {[]policy.UsageEvent{work[0], elsewhere}, ""},
	} {
		var list []string
		for _, s := range policy.FoldWall(w, c.events, noon) {
			if one := s.Member; s.Until.IsZero() {
				list = append(list, one)
			} else {
				list = append(list, one+s.Until.Sub(noon).String())
			}
		}
		assert.Equal(t, c.want, strings.Join(list, " "), name)
	}
}

// TestWallsHoldWhateverComes engages whoever is let through and looks whether two competitors ever met.
func TestWallsHoldWhateverComes(t *testing.T) {
	refused := 0
	rapid.Check(t, func(r *rapid.T) {
		w := policy.Wall{ID: "w", Key: []string{"resource.person"}, Class: "counterparty.naics", Distinct: rapid.IntRange(1, 2).Draw(r, "distinct"), CoolingOff: 5 * hour}
		type work struct {
			person, class, member string
			from, until           int // hours; until 0: goes on
		}
		var history []work
		var events []policy.UsageEvent
		for now := range 40 {
			at := noon.Add(time.Duration(now) * hour)
			list := policy.FoldWall(w, events, at)
			require.Equal(r, list, policy.FoldWall(w, append(slices.Clone(events), events...), at))
			if running := slices.IndexFunc(history, func(h work) bool { return h.until == 0 }); running >= 0 && rapid.Bool().Draw(r, "end") {
				history[running].until = now
				events = append(events, releasedHold(fmt.Sprint("h", running), at, at))
				continue
			}
			person, class := rapid.SampledFrom([]string{"p", "q"}).Draw(r, "person"), rapid.SampledFrom([]string{"c", "d"}).Draw(r, "class")
			member := rapid.SampledFrom([]string{"1", "2", "3"}).Draw(r, "member")
			others := map[string]bool{}
			for _, h := range history {
				if h.person == person && h.class == class && (h.until == 0 || now < h.until+5) {
					others[h.member] = true
				}
			}
			want := !others[member] && len(others) >= w.Distinct
			require.Equal(r, want, w.Refuses([]string{person}, class, member, list, at))
			if want {
				refused++
				continue
			}
			events = append(events, served(fmt.Sprint("h", len(history)), person, class, member, at)...)
			history = append(history, work{person, class, member, now, 0})
		}
	})
	assert.NotZero(t, refused)
}

func ExampleFoldWall() {
	start := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	wall := policy.Wall{ID: "one-client", Key: []string{"resource.person"}, Class: "counterparty.naics", Distinct: 1, CoolingOff: 4320 * time.Hour}
	events := []policy.UsageEvent{
		{ID: "1", Kind: policy.HoldPlaced, Hold: "deal-7", At: start, Member: "group-a",
			Attrs: map[string]string{"resource.person": "person-1", "counterparty.naics": "336370"}},
		{ID: "2", Kind: policy.HoldEngaged, Hold: "deal-7", At: start},
		{ID: "3", Kind: policy.HoldReleased, Hold: "deal-7", At: start.AddDate(0, 1, 0), From: start.AddDate(0, 1, 0)},
	}
	now := start.AddDate(0, 2, 0)
	served := policy.FoldWall(wall, events, now)
	fmt.Println(served[0].Member, "until", served[0].Until.Format(time.DateOnly))
	fmt.Println(wall.Refuses([]string{"person-1"}, "336370", "group-b", served, now), wall.Refuses([]string{"person-1"}, "336370", "group-a", served, now))
	// Output:
	// group-a until 2027-03-30
	// true false
}
