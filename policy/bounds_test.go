package policy_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

const hour = time.Hour

// books is usage by quota, account and period.
type books map[string]time.Duration

func (b books) Used(employer string, q policy.Quota, key []string, period string) time.Duration {
	return b[fmt.Sprint(employer, " ", q.ID, key, " ", period)]
}

// guidance is a client of scenario S3.
func guidance(perWeek time.Duration, weeks ...string) *policy.Request {
	r := &policy.Request{Employer: "corrway-stamping", Action: policy.Match, Category: "expertise.quality.iatf16949", Now: noon,
		Attrs: policy.Attrs{"actor.roles": policy.Strings("quality_manager"), "counterparty.naics": policy.String("332710"), "request.mode": policy.String("remote"),
			"request.per_week": policy.Duration(perWeek), "resource.person": policy.String("ruiz")}}
	for _, w := range weeks {
		r.Weeks = append(r.Weeks, policy.WeekAmount{Week: w, Hours: perWeek})
	}
	if len(weeks) == 2 && weeks[0] == weeks[1] {
		r.Attrs["request.per_week"] = policy.Duration(2 * perWeek)
	}
	return r
}

// What is asked is one thing, whether a condition reads it or a quota.
func TestAmountsThatAreSaidTwiceAgree(t *testing.T) {
	for _, c := range []struct {
		field          string
		perWeek, total time.Duration // attributes; 0: absent
		weeks, own     time.Duration // of one week, and Total
	}{
		{"", hour, hour, hour, hour},
		{"", 2 * hour, 8 * hour, 2 * hour, 8 * hour},
		{"", 0, 8 * hour, 2 * hour, 0},
		{"request.per_week", hour, 0, 40 * hour, 0},
		{"request.per_week", 40 * hour, 0, hour, 0},
		{"request.total", 0, hour, 0, 400 * hour},
		{"request.total", 0, 400 * hour, 0, hour},
		{"request.total", 0, hour, 40 * hour, 0},
	} {
		r := guidance(hour)
		delete(r.Attrs, "request.per_week")
		if c.perWeek > 0 {
			r.Attrs["request.per_week"] = policy.Duration(c.perWeek)
		}
		if c.total > 0 {
			r.Attrs["request.total"] = policy.Duration(c.total)
		}
		if c.weeks > 0 {
			r.Weeks = []policy.WeekAmount{{Week: "2026-W48", Hours: c.weeks}}
		}
		r.Total = c.own
		_, err := policy.BaseSchema().Bind(r)
		if c.field == "" {
			require.NoError(t, err, "%+v", c)
			continue
		}
		wrong, ok := errors.AsType[*policy.RequestError](err)
		require.True(t, ok, "%+v: %v", c, err)
		require.Equal(t, c.field, wrong.Field)
	}
}

func TestWeeklyQuota(t *testing.T) {
	set := load(t, "corrway-stamping")
	used := books{
		"corrway-stamping guidance-week[ruiz] 2026-W40": 3 * hour,
		"corrway-stamping guidance-week[ruiz] 2026-W41": 3 * hour,
		"corrway-stamping guidance-week[else] 2026-W50": 4 * hour,
	}
	cases := []struct {
		name string
		req  *policy.Request
		left time.Duration
		why  string
	}{
		{"client 1", guidance(3*hour, "2026-W48", "2026-W49"), 4 * hour, ""},
		{"client 2 in the same weeks", guidance(2*hour, "2026-W40", "2026-W41"), hour,
			"asks 2h in 2026-W40, at most 1h; asks 2h in 2026-W41, at most 1h"},
		{"one hour would fit and is too little", guidance(hour, "2026-W40"), hour, "asks 1h in 2026-W40, at least 2h"},
		{"client 2 after client 1", guidance(2*hour, "2026-W48"), 4 * hour, ""},
		{"one of several weeks is full", guidance(2*hour, "2026-W39", "2026-W40"), hour, "asks 2h in 2026-W40, at most 1h"},
		{"greedy", guidance(6*hour, "2026-W48"), 4 * hour, "asks 6h in 2026-W48, at most 4h"},
		{"a week named twice", guidance(3*hour, "2026-W48", "2026-W48"), 4 * hour, "asks 6h in 2026-W48, at most 4h"},
		{"another account's week", guidance(4*hour, "2026-W50"), 4 * hour, ""},
	}
	for _, c := range cases {
		c.req.Usage = used
		d := set.Explain(c.req)
		assert.Equal(t, c.why == "", d.Outcome == policy.Permit, c.name)
		assert.Equal(t, map[string]time.Duration{"guidance-week": c.left}, d.Headroom, c.name)
		assert.Equal(t, c.why, text(d, "quota:guidance-week"), c.name)
	}
}

func TestWeeklyAmountHoldsInEveryWeekOfTheSpan(t *testing.T) {
	set := load(t, "corrway-stamping")
	toronto, err := time.LoadLocation("America/Toronto")
	require.NoError(t, err)
	span := func(start, end time.Time) *policy.Request {
		r := guidance(2 * hour)
		r.Attrs["request.start"], r.Attrs["request.end"] = policy.Time(start), policy.Time(end)
		return r
	}
	full := func(week string) books { return books{"corrway-stamping guidance-week[ruiz] " + week: 4 * hour} }
	cases := []struct {
		name       string
		start, end time.Time
		week       string
		denied     bool
	}{
		{"new year's day is in week 53", time.Date(2027, 1, 1, 9, 0, 0, 0, toronto), time.Date(2027, 1, 1, 17, 0, 0, 0, toronto), "2026-W53", true},
		{"the end is exclusive", time.Date(2026, 9, 14, 0, 0, 0, 0, toronto), time.Date(2026, 9, 21, 0, 0, 0, 0, toronto), "2026-W39", false},
		{"a second later it is the next week", time.Date(2026, 9, 14, 0, 0, 0, 0, toronto), time.Date(2026, 9, 21, 0, 0, 1, 0, toronto), "2026-W39", true},
		{"the week with 169 hours", time.Date(2026, 10, 26, 0, 0, 0, 0, toronto), time.Date(2026, 11, 2, 0, 0, 0, 0, toronto), "2026-W45", false},
		{"Sunday night in UTC is Sunday in Toronto", time.Date(2026, 9, 21, 2, 0, 0, 0, time.UTC), time.Date(2026, 9, 21, 3, 0, 0, 0, time.UTC), "2026-W39", false},
		{"the same hour belongs to the week before", time.Date(2026, 9, 21, 2, 0, 0, 0, time.UTC), time.Date(2026, 9, 21, 3, 0, 0, 0, time.UTC), "2026-W38", true},
		{"a middle week", time.Date(2026, 9, 14, 0, 0, 0, 0, toronto), time.Date(2026, 12, 14, 0, 0, 0, 0, toronto), "2026-W45", true},
	}
	for _, c := range cases {
		r := span(c.start, c.end)
		r.Usage = full(c.week)
		assert.Equal(t, c.denied, set.Explain(r).Outcome == policy.Deny, c.name)
	}
	now := guidance(2 * hour)
	now.Usage = full("2026-W38")
	assert.Equal(t, policy.Deny, set.Explain(now).Outcome, "without a start it is the week of now")
	ages := span(noon, noon.AddDate(20, 0, 0))
	assert.Contains(t, text(set.Explain(ages), "quota:guidance-week"), "more than 530 weeks")
}

func TestQuotaNeedsItsAmountAndItsAccount(t *testing.T) {
	set := load(t, "corrway-stamping")
	r := guidance(2 * hour)
	delete(r.Attrs, "request.per_week")
	assert.Equal(t, "request.per_week is missing", text(set.Explain(r), "quota:guidance-week"))
	r = guidance(2 * hour)
	delete(r.Attrs, "resource.person")
	assert.Equal(t, "resource.person is missing, which tells the accounts apart", text(set.Explain(r), "quota:guidance-week"))
	r = guidance(2 * hour)
	r.Withheld = []string{"resource.person"}
	assert.Equal(t, policy.Deny, set.Explain(r).Outcome)
}

func TestOtherPeriods(t *testing.T) {
	set := compile(t, nil, `quotas:
  - {id: monthly, per: month, unit: duration, max: 10h}
  - {id: each, per: engagement, unit: duration, min: 4h, max: 20h}
  - {id: all, per: total, unit: duration, max: 30h, key: [resource.category]}
rules:
  - {id: m, effect: permit, actions: [match], categories: [machine], quotas: [monthly], approval: auto}
  - {id: e, effect: permit, actions: [engage], categories: [machine], quotas: [each], approval: auto}
  - {id: t, effect: permit, actions: [reveal], categories: [machine], quotas: [all], approval: auto}
`)
	used := books{"shop monthly[] 2026-09": 4 * hour, "shop each[] engagement": 99 * hour, "shop all[machine] total": 25 * hour}
	decide := func(action policy.Action, change func(*policy.Request)) policy.Explanation {
		r := ask(action, policy.Attrs{})
		r.Usage = used
		change(r)
		return set.Explain(r)
	}
	total := func(v time.Duration) func(*policy.Request) { return func(r *policy.Request) { r.Total = v } }

	assert.Equal(t, policy.Permit, decide(policy.Match, total(6*hour)).Outcome)
	assert.Equal(t, "asks 7h in 2026-09, at most 6h", text(decide(policy.Match, total(7*hour)), "quota:monthly"))
	straddle := decide(policy.Match, func(r *policy.Request) { r.Weeks = []policy.WeekAmount{{Week: "2026-W40", Hours: 7 * hour}} })
	assert.Equal(t, "asks 7h in 2026-09, at most 6h", text(straddle, "quota:monthly"), "a week in two months counts in both")
	assert.Equal(t, policy.Permit, decide(policy.Match, func(r *policy.Request) {
		r.Weeks = []policy.WeekAmount{{Week: "2026-W41", Hours: 10 * hour}}
	}).Outcome)
	assert.Equal(t, policy.Deny, decide(policy.Match, func(r *policy.Request) {
		r.Total = 7 * hour
		r.Attrs["request.start"], r.Attrs["request.end"] = policy.Time(noon.AddDate(0, -1, 0)), policy.Time(noon)
	}).Outcome, "every month of the span")

	assert.Equal(t, policy.Permit, decide(policy.Engage, total(20*hour)).Outcome, "other engagements do not count")
	assert.Equal(t, "asks 21h, at most 20h", text(decide(policy.Engage, total(21*hour)), "quota:each"))
	assert.Equal(t, "asks 3h, at least 4h", text(decide(policy.Engage, total(3*hour)), "quota:each"))

	assert.Equal(t, policy.Permit, decide(policy.Reveal, total(5*hour)).Outcome)
	assert.Equal(t, "asks 6h, at most 5h", text(decide(policy.Reveal, total(6*hour)), "quota:all"))
	assert.Equal(t, policy.Deny, decide(policy.Reveal, func(r *policy.Request) {
		r.Total = hour
		r.Attrs["request.total"] = policy.Duration(6 * hour)
	}).Outcome, "the largest amount that is said counts")
	assert.Equal(t, "request.total is missing", text(decide(policy.Reveal, total(0)), "quota:all"))
	over := books{"shop all[machine] total": 99 * hour}
	r := ask(policy.Reveal, nil)
	r.Usage, r.Total = over, hour
	assert.Equal(t, time.Duration(0), set.Explain(r).Headroom["all"], "overdrawn is nothing left, not less")
	over["shop all[machine] total"] = -99 * hour
	assert.Equal(t, 30*hour, set.Explain(r).Headroom["all"], "negative usage frees nothing")
}

// shift is the offer of scenario S2.
func shift() *policy.Request {
	return &policy.Request{Employer: "steelcrest-precision", Action: policy.Publish, Category: "machine.capacity.shift2", Now: noon,
		Total: 368 * hour,
		Attrs: policy.Attrs{
			"actor.person": policy.String("vance"), "actor.roles": policy.Strings("operations_director"),
			"price.rate": policy.Int(9500), "price.currency": policy.String("CAD"),
			"request.start":            policy.Time(time.Date(2026, 9, 14, 20, 0, 0, 0, time.UTC)),
			"request.end":              policy.Time(time.Date(2026, 10, 23, 4, 30, 0, 0, time.UTC)),
			"resource.certified_until": policy.Time(time.Date(2027, 6, 1, 4, 0, 0, 0, time.UTC)),
		}}
}

func TestGrantBoundsAreNamed(t *testing.T) {
	set := load(t, "steelcrest-precision")
	require.Equal(t, policy.Permit, set.Explain(shift()).Outcome)
	const grant = "grant:ops-second-shift"
	cases := []struct {
		name   string
		change func(*policy.Request)
		want   string
	}{
		{"410 h", func(r *policy.Request) { r.Total = 410 * hour }, "shift2-total: asks 410h, at most 400h"},
		{"floor", func(r *policy.Request) { r.Attrs["price.rate"] = policy.Int(9400) }, "price.rate >= 9500 does not hold"},
		{"no floor", func(r *policy.Request) { delete(r.Attrs, "price.rate") }, "price.rate >= 9500 needs price.rate, which is missing"},
		{"floor and currency", func(r *policy.Request) {
			r.Attrs["price.rate"], r.Attrs["price.currency"] = policy.Int(1), policy.String("USD")
		}, `price.currency == "CAD" does not hold; price.rate >= 9500 does not hold`},
		{"window", func(r *policy.Request) {
			r.Attrs["request.end"] = policy.Time(time.Date(2027, 1, 1, 5, 0, 0, 1, time.UTC))
		}, "request.end is after the grant ends, 2027-01-01T00:00:00-05:00"},
		{"open end", func(r *policy.Request) { delete(r.Attrs, "request.end") },
			"request.end is missing, and the grant ends at 2027-01-01T00:00:00-05:00"},
		{"other shift", func(r *policy.Request) { r.Category = "machine.capacity.shift1" }, "covers machine.capacity.shift2 only"},
		{"other role", func(r *policy.Request) { r.Attrs["actor.roles"] = policy.Strings("hr") }, "is given to role operations_director"},
		{"nobody", func(r *policy.Request) { delete(r.Attrs, "actor.roles") }, "is given to role operations_director"},
		{"withdrawn", func(r *policy.Request) { r.Revoked = []string{"ops-second-shift"} }, "is revoked"},
		{"too early", func(r *policy.Request) { r.Now = time.Date(2026, 9, 1, 3, 59, 59, 999999999, time.UTC) }, "valid from 2026-09-01T00:00:00-04:00"},
		{"too late", func(r *policy.Request) { r.Now = time.Date(2027, 1, 1, 5, 0, 0, 0, time.UTC) }, "valid until 2027-01-01T00:00:00-05:00"},
	}
	for _, c := range cases {
		r := shift()
		r.Attrs = maps.Clone(r.Attrs)
		c.change(r)
		d := set.Explain(r)
		assert.Equal(t, policy.Deny, d.Outcome, c.name)
		assert.Equal(t, c.want, text(d, grant), c.name)
		assert.Contains(t, ruleNames(d), "default-deny", c.name)
	}
	atEnd := shift()
	atEnd.Attrs["request.end"] = policy.Time(time.Date(2027, 1, 1, 5, 0, 0, 0, time.UTC))
	assert.Equal(t, policy.Permit, set.Explain(atEnd).Outcome, "both ends are exclusive")
	first := shift()
	first.Now = time.Date(2026, 9, 1, 4, 0, 0, 0, time.UTC)
	assert.Equal(t, policy.Permit, set.Explain(first).Outcome, "from is inclusive")
}

func TestGrantOutlivesItselfInRunningWork(t *testing.T) {
	set := load(t, "corrway-stamping")
	r := guidance(3 * hour)
	r.Now = time.Date(2027, 6, 7, 13, 0, 0, 0, time.UTC)
	r.Attrs["request.start"] = policy.Time(r.Now)
	r.Attrs["request.end"] = policy.Time(r.Now.AddDate(0, 0, 56))
	assert.Equal(t, policy.Permit, set.Explain(r).Outcome, "the grant need only be live now")
	r.Now = time.Date(2027, 7, 1, 4, 0, 0, 0, time.UTC)
	d := set.Explain(r)
	assert.Equal(t, policy.Deny, d.Outcome, "no session opens after the expiry")
	assert.Equal(t, "valid until 2027-07-01T00:00:00-04:00", text(d, "grant:quality-manager-guidance"))
	assert.Equal(t, "end", set.Grants("corrway-stamping")[0].AtExpiry)
}

func TestSeatByGrantNeedsTheGrant(t *testing.T) {
	set := load(t, "steelcrest-precision")
	sell := shift()
	sell.Action, sell.Total = policy.Engage, 50*hour
	sell.Attrs["price.rate"] = policy.Int(12000)
	require.Equal(t, policy.RequireApproval, set.Explain(sell).Outcome)
	director := policy.Vote{Person: "vance", Roles: []string{"operations_director"}, Yes: true, At: noon}
	owner := policy.Vote{Person: "owner", Roles: []string{"owner"}, Yes: true, At: noon}

	sell.Votes = []policy.Vote{director}
	assert.Equal(t, policy.Permit, set.Explain(sell).Outcome)
	sell.Revoked = []string{"ops-second-shift"}
	assert.Equal(t, policy.RequireApproval, set.Explain(sell).Outcome, "the director's seat hangs on the grant")
	sell.Votes = []policy.Vote{owner}
	assert.Equal(t, policy.Permit, set.Explain(sell).Outcome, "the owner's does not")
}

func TestDischargeIsPreApprovalInsideTheBounds(t *testing.T) {
	set := compile(t, nil, `approvals: [{id: boss, seats: [owner], need: 1, expires: 72h}]
grants:
  - {id: standing, to: {person: kim}, may: [engage, publish], categories: [machine], when: price.rate >= 9500, discharges: [boss],
     valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
rules: [{id: sell, effect: permit, actions: [engage, publish], categories: [machine], approval: boss}]
`)
	r := ask(policy.Engage, policy.Attrs{"price.rate": policy.Int(9500), "actor.person": policy.String("kim")})
	d := set.Explain(r)
	assert.Equal(t, policy.Permit, d.Outcome)
	assert.Equal(t, "discharged by a grant", text(d, "approval:boss"))
	r.Attrs["price.rate"] = policy.Int(9499)
	assert.Equal(t, policy.RequireApproval, set.Explain(r).Outcome)
	inPerson := ask(policy.Publish, policy.Attrs{"price.rate": policy.Int(9500), "request.end": policy.Time(noon), "actor.person": policy.String("lee")})
	assert.Equal(t, policy.RequireApproval, set.Explain(inPerson).Outcome, "someone else's grant")
	inPerson.Attrs["actor.person"] = policy.String("kim")
	assert.Equal(t, policy.Permit, set.Explain(inPerson).Outcome)
}

// A grant is its holder's, whatever the action: nobody else acts under it, nor does who does not say who acts.
func TestGrantsBindTheirHolderInEveryAction(t *testing.T) {
	set := compile(t, nil, `approvals: [{id: boss, seats: [owner], need: 1, expires: 72h}]
grants:
  - {id: ann, to: {person: ann}, may: [match, summarise, reveal, engage, renew, process_externally, register], categories: [machine],
     valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
  - {id: standing, to: {role: director}, may: [match, summarise, reveal, engage, renew, process_externally, register], categories: [tool], discharges: [boss],
     valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
rules:
  - {id: own, effect: permit, actions: [match, summarise, reveal, engage, renew, process_externally, register], categories: [machine], authority: grant, approval: auto}
  - {id: tool, effect: permit, actions: [match, summarise, reveal, engage, renew, process_externally, register], categories: [tool], approval: boss}
`)
	person := func(name string, roles ...string) policy.Attrs {
		return policy.Attrs{"actor.person": policy.String(name), "actor.roles": policy.Strings(roles...)}
	}
	for _, action := range policy.Actions() {
		if action == policy.Publish {
			continue
		}
		for _, c := range []struct {
			name          string
			actor         policy.Attrs
			machine, tool policy.Outcome
		}{
			{"the holder", person("ann", "trainee"), policy.Permit, policy.RequireApproval},
			{"the holder's role", person("dora", "director"), policy.Deny, policy.Permit},
			{"somebody else", person("mallory", "ann"), policy.Deny, policy.RequireApproval},
			{"nobody", nil, policy.Deny, policy.RequireApproval},
		} {
			r := ask(action, c.actor)
			agrees(t, set, r)
			assert.Equal(t, c.machine, set.Explain(r).Outcome, "%s by %s", action, c.name)
			r.Category = "tool"
			agrees(t, set, r)
			assert.Equal(t, c.tool, set.Explain(r).Outcome, "%s by %s, discharged", action, c.name)
		}
	}
}
