package policy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// UsageKind is what happened to work that was booked.
type UsageKind string

// The kinds. That a provisional hold lapses is computed, not an event.
const (
	HoldPlaced   UsageKind = "hold.placed"   // work is booked; a second one of the same hold replaces the first, but see [FoldWall]
	HoldEngaged  UsageKind = "hold.engaged"  // the work is agreed: the hold does not lapse any more, nor has it if that comes late
	HoldReleased UsageKind = "hold.released" // what had not been worked is given back: the work is over
)

// UsageEvent is one entry of the ledger about an employer's bookings. Events are passed in ledger order.
type UsageEvent struct {
	ID   string    `json:"id"` // unique; of several events with one id the first counts, one without does not
	Kind UsageKind `json:"kind"`
	Hold string    `json:"hold"` // which booking; one per engagement
	At   time.Time `json:"at"`   // events after now do not exist yet

	Attrs  map[string]string `json:"attrs,omitempty"`  // placed: text attributes of the request, for the keys of quotas and walls
	Member string            `json:"member,omitempty"` // placed: the counterparty, see Request.Member
	Work   []Work            `json:"work,omitempty"`   // placed: what is booked, by time …
	Weeks  []WeekAmount      `json:"weeks,omitempty"`  // … and what is booked by ISO week
	Until  time.Time         `json:"until,omitzero"`   // placed: it lapses then unless engaged; zero: never
	From   time.Time         `json:"from,omitzero"`    // released: work that begins then or later is given back; zero: all of it
}

// Work is a stretch of booked time. One that ends before it starts is read the other way round; so one without an end
// touches every period.
type Work struct {
	Start  time.Time     `json:"start"`
	End    time.Time     `json:"end"`              // exclusive
	Amount time.Duration `json:"amount,omitempty"` // 0: from Start to End, without a gap
}

// Taken is how much of a quota one account has used in one period.
type Taken struct {
	Key    []string      `json:"key,omitempty"` // values of the quota's key attributes, in their order
	Period string        `json:"period"`        // as in [Usage]; or "every": of each week and month there is
	Amount time.Duration `json:"amount"`        // of a quota that counts: that many
}

// Periods that are no civil time.
const (
	periodTotal      = "total"
	periodConcurrent = "concurrent"
	periodEvery      = "every"
)

// FoldUsage returns what is taken of a quota at now, sorted by account and period, without zeros. Weeks and months are
// civil time in zone (nil: UTC): a Monday's midnight begins an ISO week whether it has 167, 168 or 169 hours. It is a pure
// function: duplicates and events after now change nothing.
//
//   - Work without a gap is divided among the periods exactly. Of other work that touches several, each is charged all of
//     it: that may count time twice, never too little. A week counts in both months it touches. The total counts all once.
//   - Work of more than ten years, and a week whose name is none, is charged to every period there is, all of it. Sums
//     end at the largest duration. Negative amounts are none, and a piece of Work with one counts from Start to End.
//   - A quota that counts takes one per hold: in every period its work touches, in all, or, per concurrent, while it is
//     neither released nor lapsed.
//   - A hold without an attribute of the key is in no account; a request without it is denied.
//   - Nothing is taken of a quota per engagement.
//
// It costs O(events + periods × log periods).
func FoldUsage(quota Quota, zone *time.Location, events []UsageEvent, now time.Time) []Taken {
	var list []Taken
	for _, h := range foldHolds(events, now) {
		key, ok := h.placed.key(quota.Key)
		if !ok {
			continue
		}
		for _, a := range h.takes(&quota, cmp.Or(zone, time.UTC), now) {
			if a.amount > 0 {
				list = append(list, Taken{Key: key, Period: a.period, Amount: a.amount})
			}
		}
	}
	slices.SortFunc(list, compareTaken)
	var sums []Taken
	for _, t := range list {
		if last := len(sums) - 1; last >= 0 && compareTaken(sums[last], t) == 0 {
			sums[last].Amount = plus(sums[last].Amount, t.Amount)
			continue
		}
		sums = append(sums, t)
	}
	return sums
}

// plus adds amounts of which none is negative. What is too much to be told stays too much.
func plus(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func compareTaken(a, b Taken) int {
	return cmp.Or(slices.Compare(a.Key, b.Key), cmp.Compare(a.Period, b.Period))
}

// Books are one employer's usage by the id of the quota. They are a [Usage] for that employer's requests, and safe for
// concurrent use as long as nobody changes them.
type Books map[string][]Taken

// FoldUsage folds the events for all quotas of an employer, in the zone of its document. It is nil for an unknown
// employer. The caller owns the result.
func (s *Set) FoldUsage(employer string, events []UsageEvent, now time.Time) Books {
	doc := s.document(employer)
	if doc == nil {
		return nil
	}
	b := make(Books, len(doc.quotas))
	for _, q := range doc.quotas {
		b[q.ID] = FoldUsage(q.Quota, doc.loc, events, now)
	}
	return b
}

// Used implements [Usage].
func (b Books) Used(_ string, q Quota, key []string, period string) time.Duration {
	return plus(b.of(q.ID, key, period), b.of(q.ID, key, periodEvery))
}

func (b Books) of(quota string, key []string, period string) time.Duration {
	list := b[quota]
	at, ok := slices.BinarySearchFunc(list, Taken{Key: key, Period: period}, compareTaken)
	if !ok {
		return 0
	}
	return list[at].Amount
}

// hold is one booking as it stands.
type hold struct {
	placed   *UsageEvent   // nil: never
	before   []*UsageEvent // placed while it was engaged, and replaced
	engaged  time.Time     // zero: not
	released bool
	ended    time.Time // of the release
	from     time.Time // of the release; zero: everything is given back
}

// foldHolds returns the holds that stand or stood at now, in the order of their first events.
func foldHolds(events []UsageEvent, now time.Time) []*hold {
	var order []*hold
	holds := map[string]*hold{}
	seen := make(map[string]bool, len(events))
	for i := range events {
		e := &events[i]
		if e.ID == "" || seen[e.ID] || e.At.After(now) {
			continue
		}
		seen[e.ID] = true
		h := holds[e.Hold]
		if h == nil {
			h = &hold{}
			holds[e.Hold] = h
			order = append(order, h)
		}
		h.apply(e)
	}
	return slices.DeleteFunc(order, func(h *hold) bool { return h.placed == nil || h.lapsed(now) })
}

func (h *hold) apply(e *UsageEvent) {
	switch e.Kind {
	case HoldPlaced:
		if h.placed != nil && !h.engaged.IsZero() {
			h.before = append(h.before, h.placed)
		}
		h.placed, h.released = e, false
	case HoldEngaged:
		if h.engaged.IsZero() {
			h.engaged = e.At
		}
	case HoldReleased:
		if !h.released {
			h.released, h.ended, h.from = true, e.At, e.From
		}
	}
}

// lapsed reports whether the hold was provisional for too long, and is still.
func (h *hold) lapsed(now time.Time) bool {
	return h.engaged.IsZero() && !h.placed.Until.IsZero() && !now.Before(h.placed.Until)
}

// key returns the values of an account's attributes, if what was placed has them all.
func (e *UsageEvent) key(names []string) (key []string, ok bool) {
	for _, name := range names {
		v := e.Attrs[name]
		if v == "" {
			return nil, false
		}
		key = append(key, v)
	}
	return key, true
}

// keeps reports whether work that begins at a time has not been given back.
func (h *hold) keeps(start time.Time) bool {
	return !h.released || !h.from.IsZero() && start.Before(h.from)
}

// takes returns what the hold takes of a quota, per period.
func (h *hold) takes(q *Quota, zone *time.Location, now time.Time) []asked {
	if q.Per == perConcurrent {
		if h.released {
			return nil
		}
		return []asked{{periodConcurrent, 1}}
	}
	list := h.amounts(q.Per, zone)
	if q.Unit == unitCount {
		for i := range list {
			list[i].amount = 1
		}
	}
	return list
}

// amounts divides the hold's work among the periods of a kind.
func (h *hold) amounts(per string, zone *time.Location) (list []asked) {
	for _, w := range h.placed.Work {
		if w = w.forward(); h.keeps(w.Start) {
			list = w.charge(list, per, zone)
		}
	}
	for _, w := range h.placed.Weeks {
		first, ok := weekStart(w.Week, zone)
		switch {
		case w.Hours <= 0:
		case ok && h.keeps(first):
			list = chargeWeek(list, per, first, w)
		case !ok && h.keeps(time.Time{}): // it may have begun
			list = chargeEvery(list, per, w.Hours)
		}
	}
	return list
}

func chargeWeek(list []asked, per string, first time.Time, w WeekAmount) []asked {
	switch per {
	case perTotal:
		return charge(list, periodTotal, w.Hours)
	case perWeek:
		return charge(list, w.Week, w.Hours)
	case perMonth:
		month, last := monthName(first), monthName(first.AddDate(0, 0, 6))
		list = charge(list, month, w.Hours)
		if last != month {
			list = charge(list, last, w.Hours)
		}
	}
	return list
}

// chargeEvery adds an amount of which nobody can tell in which of the periods it lies.
func chargeEvery(list []asked, per string, amount time.Duration) []asked {
	switch per {
	case perTotal:
		return charge(list, periodTotal, amount)
	case perWeek, perMonth:
		return charge(list, periodEvery, amount)
	}
	return list
}

// maxPeriods bounds the periods of one request or piece of work: ten years of weeks.
const maxPeriods = maxWeeks

// maxStretch is the longest piece of work that is divided among periods.
const maxStretch = maxPeriods * 7 * 24 * time.Hour

// forward returns the work with its end after its start.
func (w Work) forward() Work {
	if w.End.Before(w.Start) {
		w.Start, w.End = w.End, w.Start
	}
	return w
}

// charge adds the work to the periods it touches: at least the one in which it starts.
func (w Work) charge(list []asked, per string, zone *time.Location) []asked {
	length := w.End.Sub(w.Start)
	amount := w.Amount
	if amount <= 0 {
		amount = length
	}
	switch {
	case amount == 0:
		return list
	case per == perTotal || length > maxStretch:
		return chargeEvery(list, per, amount)
	case per != perWeek && per != perMonth:
		return list
	}
	for start, more := w.Start, true; more; {
		name, next := civilPeriod(per, start, zone)
		if amount == length {
			list = charge(list, name, earliest(w.End, next).Sub(start))
		} else {
			list = charge(list, name, amount)
		}
		start, more = next, next.Before(w.End)
	}
	return list
}

// civilPeriod returns the name of the week or month of an instant, and when the next one begins.
func civilPeriod(per string, t time.Time, zone *time.Location) (name string, next time.Time) {
	if per == perWeek {
		first := monday(t, zone)
		return weekName(first), midnight(first.Year(), first.Month(), first.Day()+7, zone)
	}
	local := t.In(zone)
	return monthName(local), midnight(local.Year(), local.Month()+1, 1, zone)
}

func midnight(year int, month time.Month, day int, zone *time.Location) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}

func monthName(t time.Time) string { return fmt.Sprintf("%04d-%02d", t.Year(), t.Month()) }

// Location returns the time zone of an employer's document: UTC if it names none, nil for an unknown employer.
func (s *Set) Location(employer string) *time.Location {
	if doc := s.document(employer); doc != nil {
		return doc.loc
	}
	return nil
}
