package match

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A calendar is the compiled time of an offer: where capacity may lie.
type calendar struct {
	zone  *time.Location
	spans []span   // occurrences of the windows, in order, disjoint
	loose bool     // no windows: any time in life
	life  Interval // Available ≤ t < Expires; zero ends are open
	units int
}

// A span is one occurrence with the hours one unit can work in it.
type span struct {
	Interval
	capacity Amount
}

// A demand is the compiled time and quantity of a need.
type demand struct {
	zone   *time.Location
	within []Interval // From–Until, cut by the need's windows; disjoint, in order
	total  Amount
}

func compileOffer(o *Offer, load zoneLoader) (*calendar, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	zone, err := load("zone", o.Zone)
	if err != nil {
		return nil, err
	}
	c := &calendar{zone: zone, loose: len(o.Windows) == 0, units: max(1, o.Units), life: Interval{o.Available, o.Expires}}
	for i, w := range o.Windows {
		field := fmt.Sprintf("windows[%d]", i)
		p, err := w.compile(load)
		if err != nil {
			return nil, under(field, err)
		}
		if p.open && o.Expires.IsZero() {
			return nil, fieldErr(field+".rrule", w.RRule, "COUNT, UNTIL or an offer that expires")
		}
		spans, err := p.spans(c.life)
		if err != nil {
			return nil, under(field, err)
		}
		c.spans = append(c.spans, spans...)
	}
	slices.SortStableFunc(c.spans, func(a, b span) int { return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End)) })
	for i := 1; i < len(c.spans); i++ {
		if c.spans[i].Start.Before(c.spans[i-1].End) {
			return nil, fieldErr("windows", c.spans[i].Start.In(zone).Format(localTime), "occurrences that do not overlap")
		}
	}
	return c, nil
}

// farFuture ends what has no end; far inside what the clock can count.
var farFuture = time.Date(2400, 1, 1, 0, 0, 0, 0, time.UTC)

// end returns the end of life or the far future.
func (c *calendar) end() time.Time {
	if c.life.End.IsZero() {
		return farFuture
	}
	return c.life.End
}

// spans expands a pattern within an offer's life. An occurrence that the life
// cuts keeps its productive time only as far as the rest is long enough.
func (p *pattern) spans(life Interval) ([]span, error) {
	end := life.End
	if end.IsZero() {
		end = farFuture
	}
	occurrences, err := p.expand(life.Start, end)
	if err != nil {
		return nil, err
	}
	out := make([]span, 0, len(occurrences))
	for _, i := range occurrences {
		s := span{Interval: i.intersect(Interval{later(i.Start, life.Start), end})}
		s.capacity = s.Hours()
		if p.productive > 0 {
			s.capacity = min(s.capacity, p.productive)
		}
		if s.capacity > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

func compileNeed(n *Need) (*demand, error) {
	if err := n.check(); err != nil {
		return nil, err
	}
	zone, err := loadZone("zone", n.Zone)
	if err != nil {
		return nil, err
	}
	d := &demand{zone: zone, total: n.Quantity.Value, within: []Interval{{n.From, n.Until}}}
	if d.total == 0 {
		d.total = n.Quantity.PerWeek * Amount(n.Quantity.Weeks)
	}
	if len(n.Windows) == 0 {
		return d, nil
	}
	d.within = nil
	for i, w := range n.Windows {
		occurrences, err := w.Occurrences(n.From, n.Until)
		if err != nil {
			return nil, under(fmt.Sprintf("windows[%d]", i), err)
		}
		for _, x := range occurrences {
			d.within = append(d.within, x.intersect(Interval{n.From, n.Until}))
		}
	}
	d.within = union(d.within)
	return d, nil
}

// union merges intervals that overlap or touch and returns them in order.
func union(in []Interval) []Interval {
	slices.SortFunc(in, func(a, b Interval) int { return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End)) })
	var out []Interval
	for _, i := range in {
		if last := len(out) - 1; last >= 0 && !i.Start.After(out[last].End) {
			out[last].End = later(out[last].End, i.End)
			continue
		}
		out = append(out, i)
	}
	return out
}

// A week is an ISO 8601 week of civil dates in some zone.
type week struct{ year, number int }

func weekOf(t time.Time, zone *time.Location) week {
	y, n := t.In(zone).ISOWeek()
	return week{y, n}
}

// String returns the ISO form, e.g. 2026-W38.
func (w week) String() string { return fmt.Sprintf("%04d-W%02d", w.year, w.number) }

// weekStart returns local midnight of the Monday of t's week.
func weekStart(t time.Time, zone *time.Location) time.Time {
	l := t.In(zone)
	back := (int(l.Weekday()) + 6) % 7
	return time.Date(l.Year(), l.Month(), l.Day()-back, 0, 0, 0, 0, zone)
}

// nextWeek returns local midnight of the Monday after t's week.
func nextWeek(t time.Time, zone *time.Location) time.Time {
	l := weekStart(t, zone)
	return time.Date(l.Year(), l.Month(), l.Day()+7, 0, 0, 0, 0, zone)
}

// dayOf widens an interval to whole local days.
func (i Interval) wholeDays(zone *time.Location) Interval {
	s, e := i.Start.In(zone), i.End.In(zone)
	start := time.Date(s.Year(), s.Month(), s.Day(), 0, 0, 0, 0, zone)
	end := time.Date(e.Year(), e.Month(), e.Day(), 0, 0, 0, 0, zone)
	if end.Before(i.End) {
		end = time.Date(e.Year(), e.Month(), e.Day()+1, 0, 0, 0, 0, zone)
	}
	return Interval{start, end}
}

// A WeekAmount is what falls into one ISO week.
type WeekAmount struct {
	Week   string `json:"week"` // e.g. 2026-W38
	Amount Amount `json:"amount"`
}

// HoursByWeek sums slots by the ISO week of the civil date, in zone (an IANA
// name), on which each starts, in order of time. It returns a *[FieldError]
// for an unknown zone.
func HoursByWeek(slots []Slot, zone string) ([]WeekAmount, error) {
	loc, err := loadZone("zone", zone)
	if err != nil {
		return nil, err
	}
	sums := map[week]Amount{}
	for _, s := range slots {
		sums[weekOf(s.Start, loc)] += s.Amount
	}
	out := make([]WeekAmount, 0, len(sums))
	for w, a := range sums {
		out = append(out, WeekAmount{w.String(), a})
	}
	slices.SortFunc(out, func(a, b WeekAmount) int { return cmp.Compare(a.Week, b.Week) })
	return out, nil
}
