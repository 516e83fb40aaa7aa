package policy_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/policy"
)

func toronto(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Toronto")
	require.NoError(t, err)
	return zone
}

// placedHold books work of one person.
func placedHold(id string, work ...policy.Work) policy.UsageEvent {
	return policy.UsageEvent{ID: "place " + id, Kind: policy.HoldPlaced, Hold: id, At: noon, Work: work,
		Attrs: map[string]string{"resource.person": "ruiz", "counterparty.naics": "3327"}, Member: "group-" + id}
}

func engagedHold(id string, at time.Time) policy.UsageEvent {
	return policy.UsageEvent{ID: "engage " + id, Kind: policy.HoldEngaged, Hold: id, At: at}
}

func releasedHold(id string, at, from time.Time) policy.UsageEvent {
	return policy.UsageEvent{ID: "release " + id, Kind: policy.HoldReleased, Hold: id, At: at, From: from}
}

// takenOf folds and prints period=amount.
func takenOf(q policy.Quota, zone *time.Location, now time.Time, events ...policy.UsageEvent) string {
	var list []string
	for _, taken := range policy.FoldUsage(q, zone, events, now) {
		amount := fmt.Sprint(taken.Amount.Hours())
		if q.Unit == "count" {
			amount = fmt.Sprint(int64(taken.Amount))
		}
		list = append(list, taken.Period+"="+amount)
	}
	return fmt.Sprint(list)
}

func TestWorkIsDividedByCivilPeriods(t *testing.T) {
	zone := toronto(t)
	day := func(y int, m time.Month, d, h int) time.Time { return time.Date(y, m, d, h, 0, 0, 0, zone) }
	week, month, total := policy.Quota{Per: "iso_week"}, policy.Quota{Per: "month"}, policy.Quota{Per: "total"}
	cases := []struct {
		name  string
		quota policy.Quota
		work  policy.Work
		want  string
	}{
		{"a day", week, policy.Work{Start: day(2026, 9, 15, 8), End: day(2026, 9, 15, 16)}, "[2026-W38=8]"},
		{"a night from Sunday", week, policy.Work{Start: day(2026, 9, 20, 22), End: day(2026, 9, 21, 6)}, "[2026-W38=2 2026-W39=6]"},
		{"the end is exclusive", week, policy.Work{Start: day(2026, 9, 20, 22), End: day(2026, 9, 21, 0)}, "[2026-W38=2]"},
		{"the week in which summer ends", week, policy.Work{Start: day(2026, 10, 26, 0), End: day(2026, 11, 2, 0)}, "[2026-W44=169]"},
		{"the week in which it begins", week, policy.Work{Start: day(2026, 3, 2, 0), End: day(2026, 3, 9, 0)}, "[2026-W10=167]"},
		{"week 53", week, policy.Work{Start: day(2026, 12, 28, 0), End: day(2027, 1, 4, 0)}, "[2026-W53=168]"},
		{"new year's day", week, policy.Work{Start: day(2027, 1, 1, 9), End: day(2027, 1, 1, 17)}, "[2026-W53=8]"},
		{"and its month", month, policy.Work{Start: day(2026, 12, 31, 20), End: day(2027, 1, 1, 4)}, "[2026-12=4 2027-01=4]"},
		{"a month with a longer day", month, policy.Work{Start: day(2026, 11, 1, 0), End: day(2026, 12, 1, 0)}, "[2026-11=721]"},
		{"a leap month", month, policy.Work{Start: day(2028, 2, 1, 0), End: day(2028, 3, 1, 0)}, "[2028-02=696]"},
		{"all at once", total, policy.Work{Start: day(2026, 9, 20, 22), End: day(2026, 9, 21, 6)}, "[total=8]"},
		{"hours somewhere in a week", week, policy.Work{Start: day(2026, 9, 14, 0), End: day(2026, 9, 21, 0), Amount: 3 * hour}, "[2026-W38=3]"},
		{"hours somewhere in two weeks", week, policy.Work{Start: day(2026, 9, 20, 0), End: day(2026, 9, 22, 0), Amount: 3 * hour}, "[2026-W38=3 2026-W39=3]"},
		{"but once in all", total, policy.Work{Start: day(2026, 9, 20, 0), End: day(2026, 9, 22, 0), Amount: 3 * hour}, "[total=3]"},
		{"an engagement has its own", policy.Quota{Per: "engagement"}, policy.Work{Start: day(2026, 9, 20, 0), End: day(2026, 9, 22, 0)}, "[]"},
		{"backwards", total, policy.Work{Start: day(2026, 9, 22, 0), End: day(2026, 9, 20, 0)}, "[total=48]"},
		{"without an end", week, policy.Work{Start: day(2026, 9, 22, 0), Amount: 3 * hour}, "[every=3]"},
		{"without an end, in all", total, policy.Work{Start: day(2026, 9, 22, 0), Amount: 3 * hour}, "[total=3]"},
		{"in no time", week, policy.Work{Start: day(2026, 9, 22, 0), End: day(2026, 9, 22, 0), Amount: 3 * hour}, "[2026-W39=3]"},
		{"nothing", policy.Quota{Per: "iso_week", Unit: "count"}, policy.Work{Start: day(2026, 9, 22, 0), End: day(2026, 9, 22, 0)}, "[]"},
		{"a negative amount", week, policy.Work{Start: day(2026, 9, 15, 8), End: day(2026, 9, 15, 16), Amount: -hour}, "[2026-W38=8]"},
		{"somewhere in fourteen years", week, policy.Work{Start: day(2016, 1, 5, 0), End: day(2030, 1, 1, 0), Amount: 3 * hour}, "[every=3]"},
		{"somewhere in their months", month, policy.Work{Start: day(2016, 1, 5, 0), End: day(2030, 1, 1, 0), Amount: 3 * hour}, "[every=3]"},
		{"one in each of their weeks", policy.Quota{Per: "iso_week", Unit: "count"}, policy.Work{Start: day(2016, 1, 5, 0), End: day(2030, 1, 1, 0)}, "[every=1]"},
		{"by weeks touched", policy.Quota{Per: "iso_week", Unit: "count"}, policy.Work{Start: day(2026, 9, 20, 0), End: day(2026, 9, 22, 0)}, "[2026-W38=1 2026-W39=1]"},
		{"one in all", policy.Quota{Per: "total", Unit: "count"}, policy.Work{Start: day(2026, 9, 20, 0), End: day(2026, 9, 22, 0)}, "[total=1]"},
		{"one at a time", policy.Quota{Per: "concurrent", Unit: "count"}, policy.Work{Start: day(2026, 9, 20, 0), End: day(2026, 9, 22, 0)}, "[concurrent=1]"},
	}
	for _, c := range cases {
		assert.Equal(t, c.want, takenOf(c.quota, zone, noon, placedHold("h", c.work)), c.name)
	}
	assert.Equal(t, "[2026-W38=6 2026-W39=2]", takenOf(week, nil, noon, placedHold("h", policy.Work{Start: day(2026, 9, 20, 14), End: day(2026, 9, 20, 22)})),
		"without a zone it is UTC")
}

func TestWeeksOfAVector(t *testing.T) {
	e := placedHold("h")
	e.Weeks = []policy.WeekAmount{{Week: "2026-W40", Hours: 2 * hour}, {Week: "2026-W41", Hours: 3 * hour}, {Week: "2026-W40", Hours: hour}, {Week: "2026-W99", Hours: hour}}
	zone := toronto(t)
	assert.Equal(t, "[2026-W40=3 2026-W41=3 every=1]", takenOf(policy.Quota{Per: "iso_week"}, zone, noon, e), "a week that is none may be any")
	assert.Equal(t, "[2026-09=3 2026-10=6 every=1]", takenOf(policy.Quota{Per: "month"}, zone, noon, e), "a week in two months counts in both")
	assert.Equal(t, "[total=7]", takenOf(policy.Quota{Per: "total"}, zone, noon, e))
	given := releasedHold("h", noon, time.Date(2026, 10, 1, 0, 0, 0, 0, zone))
	assert.Equal(t, "[2026-W40=3 every=1]", takenOf(policy.Quota{Per: "iso_week"}, zone, noon, e, given), "a week that had begun stays")
}

func TestHoldsComeAndGo(t *testing.T) {
	zone := time.UTC
	first := policy.Work{Start: noon.Add(10 * hour), End: noon.Add(12 * hour)}
	second := policy.Work{Start: noon.Add(30 * hour), End: noon.Add(33 * hour)}
	total, running := policy.Quota{Per: "total"}, policy.Quota{Per: "concurrent", Unit: "count"}
	provisional := placedHold("h", first, second)
	provisional.Until = noon.Add(2 * hour)
	smaller := placedHold("h", first)
	smaller.ID, smaller.At = "again", noon.Add(hour)
	late := noon.Add(100 * hour)
	cases := []struct {
		name         string
		events       []policy.UsageEvent
		now          time.Time
		total, count string
	}{
		{"held", []policy.UsageEvent{provisional}, noon, "[total=5]", "[concurrent=1]"},
		{"not yet", []policy.UsageEvent{provisional}, noon.Add(-1), "[]", "[]"},
		{"lapsed", []policy.UsageEvent{provisional}, noon.Add(2 * hour), "[]", "[]"},
		{"nearly", []policy.UsageEvent{provisional}, noon.Add(2*hour - 1), "[total=5]", "[concurrent=1]"},
		{"agreed", []policy.UsageEvent{provisional, engagedHold("h", noon.Add(hour))}, late, "[total=5]", "[concurrent=1]"},
		{"agreed too late", []policy.UsageEvent{provisional, engagedHold("h", noon.Add(2*hour))}, late, "[total=5]", "[concurrent=1]"},
		{"agreed before it was booked", []policy.UsageEvent{engagedHold("h", noon), provisional}, late, "[total=5]", "[concurrent=1]"},
		{"given back", []policy.UsageEvent{provisional, releasedHold("h", noon, time.Time{})}, noon, "[]", "[]"},
		{"ended after the first part", []policy.UsageEvent{provisional, engagedHold("h", noon), releasedHold("h", noon.Add(20*hour), noon.Add(20*hour))}, late, "[total=2]", "[]"},
		{"before it ended", []policy.UsageEvent{provisional, engagedHold("h", noon), releasedHold("h", noon.Add(20*hour), noon.Add(20*hour))}, noon.Add(19 * hour), "[total=5]", "[concurrent=1]"},
		{"booked anew", []policy.UsageEvent{provisional, smaller}, noon.Add(hour), "[total=2]", "[concurrent=1]"},
		{"given back by nobody's hold", []policy.UsageEvent{releasedHold("x", noon, time.Time{}), engagedHold("y", noon)}, noon, "[]", "[]"},
		{"two", []policy.UsageEvent{placedHold("a", first), placedHold("b", second)}, noon, "[total=5]", "[concurrent=2]"},
	}
	for _, c := range cases {
		assert.Equal(t, c.total, takenOf(total, zone, c.now, c.events...), c.name)
		assert.Equal(t, c.count, takenOf(running, zone, c.now, c.events...), c.name)
		twice := append(slices.Clone(c.events), c.events...)
		assert.Equal(t, c.total, takenOf(total, zone, c.now, twice...), "%s, delivered twice", c.name)
	}
	other := placedHold("c", first)
	other.Attrs = map[string]string{"resource.person": "lau"}
	machine := placedHold("m", first)
	machine.Attrs = nil
	keyed := policy.Quota{Per: "total", Key: []string{"resource.person"}}
	got := policy.FoldUsage(keyed, zone, []policy.UsageEvent{placedHold("a", first), other, machine, placedHold("b", second)}, noon)
	assert.Equal(t, []policy.Taken{{[]string{"lau"}, "total", 2 * hour}, {[]string{"ruiz"}, "total", 5 * hour}}, got)
	assert.Equal(t, got, roundTrip(t, got))
}

// What is too much to be counted is no room for more.
func TestUsageSaturates(t *testing.T) {
	set := compile(t, nil, `quotas:
  - {id: q, per: total, unit: duration, max: 8h}
  - {id: w, per: iso_week, unit: duration, max: 8h}
rules:
  - {id: a, effect: permit, actions: [engage], categories: [machine], approval: auto, quotas: [q]}
  - {id: b, effect: permit, actions: [renew], categories: [machine], approval: auto, quotas: [w]}
`)
	most := time.Duration(math.MaxInt64)
	for name, e := range map[string]policy.UsageEvent{
		"until the end of time": placedHold("h", policy.Work{Start: noon, End: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}),
		"a century and a half":  placedHold("h", policy.Work{Start: noon, End: noon.AddDate(150, 0, 0)}),
		"amounts":               placedHold("h", policy.Work{Start: noon, End: noon.Add(hour), Amount: 1 << 62}),
		"weeks":                 {ID: "h", Kind: policy.HoldPlaced, Hold: "h", At: noon, Weeks: []policy.WeekAmount{{Week: "2026-W38", Hours: most}, {Week: "2026-W38", Hours: most}}},
		"without a name":        {ID: "h", Kind: policy.HoldPlaced, Hold: "h", At: noon, Weeks: []policy.WeekAmount{{Week: "2026-w38", Hours: most}}},
	} {
		var events []policy.UsageEvent
		for i := range 3 {
			e.ID, e.Hold = fmt.Sprint(i), fmt.Sprint(i)
			events = append(events, e)
			r := ask(policy.Engage, policy.Attrs{"request.total": policy.Duration(5 * hour), "request.per_week": policy.Duration(5 * hour)})
			r.Usage = set.FoldUsage("shop", events, noon)
			for _, r.Action = range []policy.Action{policy.Engage, policy.Renew} {
				agrees(t, set, r)
				assert.Equal(t, policy.Deny, set.Explain(r).Outcome, "%s, %d", name, i+1)
			}
		}
	}
}

func TestUsageIsPure(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var events []policy.UsageEvent
		for i := range rapid.IntRange(0, 12).Draw(r, "events") {
			hold := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "hold")
			at := noon.Add(time.Duration(rapid.IntRange(0, 50).Draw(r, "at")) * hour)
			start := noon.Add(time.Duration(rapid.IntRange(0, 500).Draw(r, "start")) * hour)
			e := placedHold(hold, policy.Work{Start: start, End: start.Add(time.Duration(rapid.IntRange(1, 400).Draw(r, "length")) * hour)})
			switch rapid.IntRange(0, 3).Draw(r, "kind") {
			case 0:
				e = engagedHold(hold, at)
			case 1:
				e = releasedHold(hold, at, start)
			}
			e.ID, e.At = fmt.Sprint(i), at
			events = append(events, e)
		}
		now := noon.Add(time.Duration(rapid.IntRange(0, 60).Draw(r, "now")) * hour)
		past := slices.DeleteFunc(slices.Clone(events), func(e policy.UsageEvent) bool { return e.At.After(now) })
		for _, q := range []policy.Quota{{Per: "iso_week"}, {Per: "month"}, {Per: "total"}, {Per: "concurrent", Unit: "count"}} {
			want := policy.FoldUsage(q, toronto(t), events, now)
			require.Equal(r, want, policy.FoldUsage(q, toronto(t), past, now))
			require.Equal(r, want, policy.FoldUsage(q, toronto(t), append(slices.Clone(events), events...), now))
			if q.Per != "concurrent" { // what has no gap adds up, whatever the period
				var sum time.Duration
				for _, taken := range want {
					sum += taken.Amount
				}
				all := policy.FoldUsage(policy.Quota{Per: "total"}, nil, events, now)
				if len(all) == 0 {
					require.Zero(r, sum)
				} else {
					require.Equal(r, all[0].Amount, sum)
				}
			}
		}
	})
}

const countRules = `quotas:
  - {id: clients, per: concurrent, unit: count, max: 2, key: [resource.person]}
  - {id: starts, per: iso_week, unit: count, max: 1}
  - {id: week, per: iso_week, unit: duration, max: 4h, key: [resource.person]}
rules:
  - {id: p, effect: permit, actions: [publish], categories: [machine], quotas: [clients], approval: auto}
  - {id: m, effect: permit, actions: [match], categories: [machine], quotas: [clients], approval: auto}
  - {id: e, effect: permit, actions: [engage], categories: [machine], quotas: [starts], approval: auto}
  - {id: r, effect: permit, actions: [reveal], categories: [machine], quotas: [week], approval: auto}
`

func TestQuotasThatCount(t *testing.T) {
	set := compile(t, nil, countRules)
	work := policy.Work{Start: noon.Add(24 * hour), End: noon.Add(26 * hour)}
	other := placedHold("c", work)
	other.Attrs = map[string]string{"resource.person": "lau"}
	events := []policy.UsageEvent{placedHold("a", work), other}
	decide := func(action policy.Action, change func(r *policy.Request)) policy.Explanation {
		r := ask(action, policy.Attrs{"resource.person": policy.String("ruiz")})
		change(r)
		r.Usage = set.FoldUsage("shop", events, noon)
		agrees(t, set, r)
		return set.Explain(r)
	}
	same := func(*policy.Request) {}
	one := decide(policy.Match, same)
	assert.Equal(t, policy.Permit, one.Outcome)
	assert.Equal(t, map[string]time.Duration{"clients": 1}, one.Headroom, "a plain number")
	events = append(events, placedHold("b", work))
	full := decide(policy.Match, same)
	assert.Equal(t, policy.Deny, full.Outcome)
	assert.Equal(t, "asks 1, at most 0", text(full, "quota:clients"))
	assert.Equal(t, policy.Permit, decide(policy.Publish, same).Outcome, "what is put on the exchange engages nobody")
	assert.Equal(t, policy.Permit, decide(policy.Match, func(r *policy.Request) { r.Attrs["resource.person"] = policy.String("lau") }).Outcome)
	events = append(events, releasedHold("a", noon, noon))
	assert.Equal(t, policy.Permit, decide(policy.Match, same).Outcome)

	assert.Equal(t, "asks 1 in 2026-W38, at most 0", text(decide(policy.Engage, same), "quota:starts"), "the week of now")
	weeks := func(names ...string) func(*policy.Request) {
		return func(r *policy.Request) {
			for _, name := range names {
				r.Weeks = append(r.Weeks, policy.WeekAmount{Week: name, Hours: hour})
			}
		}
	}
	assert.Equal(t, policy.Permit, decide(policy.Engage, weeks("2026-W39", "2026-W39")).Outcome, "one engagement in one week")
	assert.Equal(t, policy.Deny, decide(policy.Engage, weeks("2026-W39", "2026-W38")).Outcome)
	spans := func(from, to time.Time) func(*policy.Request) {
		return func(r *policy.Request) {
			r.Attrs["request.start"], r.Attrs["request.end"] = policy.Time(from), policy.Time(to)
		}
	}
	assert.Equal(t, policy.Permit, decide(policy.Engage, spans(noon.AddDate(0, 0, 7), noon.AddDate(0, 0, 30))).Outcome)
	assert.Equal(t, policy.Deny, decide(policy.Engage, spans(noon.AddDate(0, 0, -30), noon)).Outcome)
	assert.Contains(t, text(decide(policy.Engage, spans(noon, noon.AddDate(20, 0, 0))), "quota:starts"), "more than 530 periods")
	assert.Nil(t, set.FoldUsage("nobody", events, noon))
	assert.Equal(t, "count", set.Quotas("shop")[0].Unit)
}

// desk is an exchange in small: it books under the version of what it knew, or not at all.
type desk struct {
	mu      sync.Mutex
	set     *policy.Set
	version int
	events  []policy.UsageEvent
}

func (d *desk) read() (version int, events []policy.UsageEvent) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.version, slices.Clone(d.events)
}

// book appends with compare-and-swap.
func (d *desk) book(version int, e policy.UsageEvent) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if version != d.version {
		return false
	}
	d.version++
	d.events = append(d.events, e)
	return true
}

// wants asks for hours in a week, in the light of some events.
func (d *desk) wants(events []policy.UsageEvent, hours time.Duration, week string) policy.Outcome {
	r := ask(policy.Reveal, policy.Attrs{"resource.person": policy.String("ruiz")})
	r.Weeks = []policy.WeekAmount{{Week: week, Hours: hours}}
	r.Usage = d.set.FoldUsage("shop", events, noon)
	return d.set.Explain(r).Outcome
}

func weekHold(id string, hours time.Duration, week string) policy.UsageEvent {
	e := placedHold(id)
	e.Weeks = []policy.WeekAmount{{Week: week, Hours: hours}}
	return e
}

func TestOneOfAHundredGetsTheWeek(t *testing.T) {
	d := &desk{set: compile(t, nil, countRules)}
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 100 {
		wg.Go(func() {
			for {
				version, events := d.read()
				if d.wants(events, 4*hour, "2026-W40") != policy.Permit {
					return
				}
				if d.book(version, weekHold(fmt.Sprint(i), 4*hour, "2026-W40")) {
					mu.Lock()
					won++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1, won)
}

func TestQuotaIsNeverExceededUnderAnyInterleaving(t *testing.T) {
	set := compile(t, nil, countRules)
	rapid.Check(t, func(r *rapid.T) {
		d := &desk{set: set}
		type seen struct {
			version int
			events  []policy.UsageEvent
		}
		views := map[int]seen{}
		booked := map[string]bool{}
		for step := range rapid.IntRange(1, 40).Draw(r, "steps") {
			who := rapid.IntRange(0, 3).Draw(r, "who")
			v, looked := views[who]
			if !looked {
				version, events := d.read()
				views[who] = seen{version, events}
				continue
			}
			delete(views, who)
			if ids := slices.Sorted(maps.Keys(booked)); len(ids) > 0 && rapid.IntRange(0, 3).Draw(r, "give back") == 0 {
				id := rapid.SampledFrom(ids).Draw(r, "hold")
				if d.book(v.version, releasedHold(id, noon, time.Time{})) {
					delete(booked, id)
				}
				continue
			}
			hours, week := time.Duration(rapid.IntRange(1, 5).Draw(r, "hours"))*hour, rapid.SampledFrom([]string{"2026-W40", "2026-W41"}).Draw(r, "week")
			if id := fmt.Sprint("h", step); d.wants(v.events, hours, week) == policy.Permit && d.book(v.version, weekHold(id, hours, week)) {
				booked[id] = true
			}
			for _, taken := range policy.FoldUsage(set.Quotas("shop")[2], nil, d.events, noon) {
				require.LessOrEqual(r, taken.Amount, 4*hour)
			}
		}
	})
}

func ExampleFoldUsage() {
	zone, err := time.LoadLocation("America/Toronto")
	if err != nil {
		panic(err)
	}
	monday := time.Date(2026, 10, 26, 0, 0, 0, 0, zone)
	events := []policy.UsageEvent{{ID: "1", Kind: policy.HoldPlaced, Hold: "deal-7", At: monday,
		Attrs: map[string]string{"resource.person": "person-1"},
		Work:  []policy.Work{{Start: monday, End: monday.AddDate(0, 0, 8)}}}}
	for _, taken := range policy.FoldUsage(policy.Quota{Per: "iso_week", Key: []string{"resource.person"}}, zone, events, monday) {
		fmt.Println(taken.Key, taken.Period, taken.Amount)
	}
	// Output:
	// [person-1] 2026-W44 169h0m0s
	// [person-1] 2026-W45 24h0m0s
}
