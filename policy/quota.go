package policy

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Periods of quotas.
const (
	perWeek       = "iso_week"
	perMonth      = "month"
	perEngagement = "engagement"
	perTotal      = "total"
	perConcurrent = "concurrent"
)

// Quota is a limit that holds over all deals together.
type Quota struct {
	ID   string        `json:"id"`
	Per  string        `json:"per"`            // "iso_week", "month" (both civil, in the document's zone), "engagement", "total" or "concurrent"
	Unit string        `json:"unit,omitempty"` // "count": engagements, one each, and then Max and what is left of it are plain numbers; default "": time
	Max  time.Duration `json:"max,omitempty"`  // at most this much; 0: no upper bound
	Min  time.Duration `json:"min,omitempty"`  // a request asks at least this much per period, publish excepted; 0: no lower bound
	Key  []string      `json:"key,omitempty"`  // text attributes whose values each have their own account; none: one account
}

// unitCount is the unit of quotas that count engagements.
const unitCount = "count"

// show prints an amount of the quota.
func (q *Quota) show(amount time.Duration) string {
	if q.Unit == unitCount {
		return strconv.FormatInt(int64(amount), 10)
	}
	return short(amount)
}

// asked is what a request wants, per period of one quota.
type asked struct {
	period string
	amount time.Duration
}

// check compares what a request asks with what is left of a quota. It returns what may still be asked, where there is an
// upper bound, and why the request does not fit, or nothing.
func (q *Quota) check(b *bound) (headroom time.Duration, bounded bool, misses []string) {
	key, missing := b.key(q)
	if missing != "" {
		return 0, false, []string{missing + " is missing, which tells the accounts apart"}
	}
	wants, missing := b.asks(q)
	if missing != "" {
		return 0, false, []string{missing}
	}
	headroom, bounded = q.Max, q.Max > 0
	for _, want := range wants {
		left := q.Max - b.used(q, key, want.period)
		headroom = min(headroom, max(left, 0))
		where := ""
		if q.Per == perWeek || q.Per == perMonth {
			where = " in " + want.period
		}
		switch {
		case bounded && want.amount > left:
			misses = append(misses, fmt.Sprintf("asks %s%s, at most %s", q.show(want.amount), where, q.show(max(left, 0))))
		case want.amount < q.Min && b.req.Action != Publish:
			misses = append(misses, fmt.Sprintf("asks %s%s, at least %s", q.show(want.amount), where, q.show(q.Min)))
		}
	}
	return headroom, bounded, misses
}

// key returns the account's key values, or the name of an attribute that is not there.
func (b *bound) key(q *Quota) (key []string, missing string) {
	for _, name := range q.Key {
		v, ok := b.released(name)
		if !ok && !b.oneAccount(name) {
			return nil, name
		}
		key = append(key, v)
	}
	return key, ""
}

// oneAccount reports whether an attribute that a request leaves out tells no accounts apart. One that is withheld does.
func (b *bound) oneAccount(name string) bool {
	_, fixed := b.req.Usage.(fixedUsage)
	return fixed && !b.frame.Withheld(b.slot(name))
}

func (b *bound) used(q *Quota, key []string, period string) time.Duration {
	if b.req.Usage == nil || q.Per == perEngagement {
		return 0
	}
	c := *q
	c.Key = slices.Clone(q.Key)
	return max(b.req.Usage.Used(b.req.Employer, c, slices.Clone(key), period), 0)
}

// asks returns what is asked per period, or what the request does not say. There is always at least one period.
func (b *bound) asks(q *Quota) (list []asked, missing string) {
	if q.Unit == unitCount {
		return b.asksOne(q)
	}
	switch q.Per {
	case perWeek:
		return b.asksPerWeek()
	case perMonth:
		return b.asksPerMonth()
	}
	total, ok := b.total()
	if !ok {
		return nil, attrTotal + " is missing"
	}
	return []asked{{q.Per, total}}, ""
}

// asksOne is one engagement in every period that the request touches. What is put on the exchange engages nobody.
func (b *bound) asksOne(q *Quota) (list []asked, missing string) {
	var one time.Duration = 1
	if b.req.Action == Publish || b.req.Action == Register {
		one = 0
	}
	if q.Per != perWeek && q.Per != perMonth {
		return []asked{{q.Per, one}}, ""
	}
	for _, w := range b.req.Weeks {
		first, _ := weekStart(w.Week, b.doc.loc)
		list = chargeWeek(list, q.Per, first, WeekAmount{w.Week, one})
	}
	start, end := b.span()
	for next := start; len(list) == 0 || len(b.req.Weeks) == 0 && next.Before(end); {
		if len(list) == maxPeriods {
			return nil, fmt.Sprintf("%s is more than %d periods after the start", attrEnd, maxPeriods)
		}
		var name string
		name, next = civilPeriod(q.Per, next, b.doc.loc)
		list = append(list, asked{name, one})
	}
	for i := range list {
		list[i].amount = one
	}
	return list, ""
}

// total is the largest of what the request says in all.
func (b *bound) total() (total time.Duration, ok bool) {
	if v, there := b.duration(attrTotal); there {
		total, ok = v, true
	}
	if len(b.req.Weeks) > 0 {
		var sum time.Duration
		for _, w := range b.req.Weeks {
			sum += w.Hours
		}
		total, ok = max(total, sum), true
	}
	if b.req.Total > 0 {
		total, ok = max(total, b.req.Total), true
	}
	return total, ok
}

// asksPerWeek is Weeks; without it the weekly amount in every week from start to end, or in the week of now.
func (b *bound) asksPerWeek() ([]asked, string) {
	if len(b.req.Weeks) > 0 {
		return b.mergedWeeks(), ""
	}
	weekly, ok := b.duration(attrPerWeek)
	if !ok {
		return nil, attrPerWeek + " is missing"
	}
	start, end := b.span()
	var list []asked
	for day := monday(start, b.doc.loc); day.Before(end) || len(list) == 0; day = day.AddDate(0, 0, 7) {
		if len(list) == maxWeeks {
			return nil, fmt.Sprintf("%s is more than %d weeks after the start", attrEnd, maxWeeks)
		}
		list = append(list, asked{weekName(day), weekly})
	}
	return list, ""
}

// asksPerMonth charges a week, or the total, to every month it touches: that may count hours twice, never too few.
func (b *bound) asksPerMonth() ([]asked, string) {
	if len(b.req.Weeks) > 0 {
		var list []asked
		for _, w := range b.mergedWeeks() {
			first, _ := weekStart(w.period, b.doc.loc)
			list = charge(list, first.Format("2006-01"), w.amount)
			if last := first.AddDate(0, 0, 6).Format("2006-01"); last != first.Format("2006-01") {
				list = charge(list, last, w.amount)
			}
		}
		return list, ""
	}
	total, ok := b.total()
	if !ok {
		return nil, attrTotal + " is missing"
	}
	start, end := b.span()
	first := start.In(b.doc.loc)
	var list []asked
	for day := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, b.doc.loc); day.Before(end) || len(list) == 0; day = day.AddDate(0, 1, 0) {
		if len(list) == maxWeeks {
			return nil, fmt.Sprintf("%s is more than %d months after the start", attrEnd, maxWeeks)
		}
		list = append(list, asked{day.Format("2006-01"), total})
	}
	return list, ""
}

// span is from request.start, or now, to request.end, or the same instant.
func (b *bound) span() (start, end time.Time) {
	start = b.req.Now
	if v, ok := b.instant(attrStart); ok {
		start = v
	}
	end = start
	if v, ok := b.instant(attrEnd); ok {
		end = v
	}
	return start, end
}

// mergedWeeks sums weeks that are named twice.
func (b *bound) mergedWeeks() []asked {
	var list []asked
	for _, w := range b.req.Weeks {
		list = charge(list, w.Week, w.Hours)
	}
	return list
}

func charge(list []asked, period string, amount time.Duration) []asked {
	for i := range list {
		if list[i].period == period {
			list[i].amount = plus(list[i].amount, amount)
			return list
		}
	}
	return append(list, asked{period, amount})
}

// maxWeeks bounds the periods of one request: ten years of weeks.
const maxWeeks = 530

// monday is the civil midnight that begins the ISO week of an instant.
func monday(t time.Time, loc *time.Location) time.Time {
	t = t.In(loc)
	back := (int(t.Weekday()) + 6) % 7
	return time.Date(t.Year(), t.Month(), t.Day()-back, 0, 0, 0, 0, loc)
}

func weekName(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%04d-W%02d", year, week)
}

// weekStart is the Monday of a named week; it reports whether there is such a week.
func weekStart(name string, loc *time.Location) (time.Time, bool) {
	if !weekForm.MatchString(name) {
		return time.Time{}, false
	}
	year, _ := strconv.Atoi(name[:4])
	week, _ := strconv.Atoi(name[6:])
	day := monday(time.Date(year, 1, 4, 12, 0, 0, 0, loc), loc).AddDate(0, 0, 7*(week-1))
	return day, week > 0 && weekName(day) == name
}
