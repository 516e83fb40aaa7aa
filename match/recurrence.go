package match

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// Limits of a window's recurrence.
const (
	// MaxOccurrences is the most occurrences one window may expand to.
	MaxOccurrences = 5000
	// MaxYears is how far after its start a recurrence is followed.
	MaxYears = 10
	// MaxOccurrence is the longest single occurrence.
	MaxOccurrence = 366 * 24 * time.Hour
)

const (
	localTime = "2006-01-02T15:04"
	localDate = "2006-01-02"
)

// An Interval is the time Start ≤ t < End.
type Interval struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Hours returns the interval's length as an amount of hours, rounded down.
func (i Interval) Hours() Amount { return max(0, AmountOf(i.End.Sub(i.Start))) }

// intersect returns the common part, which may be empty (End ≤ Start).
func (i Interval) intersect(j Interval) Interval {
	return Interval{later(i.Start, j.Start), earlier(i.End, j.End)}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Validate reports the first field that cannot be used, as a *[FieldError]: a
// zone that is not in the time-zone database, a local time that is not
// 2006-01-02T15:04 or lies outside the years 1970 to 2369, an end that is not
// after the start or more than 366 days later, an unusable rule (see
// [Window.Occurrences]), a start that the rule does not produce, a bad date of
// Except, or productive time that is negative or longer than the window.
func (w Window) Validate() error {
	_, err := w.compile(loadZone)
	return err
}

// Occurrences returns the occurrences that overlap from ≤ t < until, whole
// and in order of their start.
//
// The rule is an RFC 5545 RRULE value of FREQ (DAILY or slower), INTERVAL,
// COUNT, UNTIL, WKST, BYDAY, BYMONTH, BYMONTHDAY and BYSETPOS; other parts are
// refused. It is expanded in local wall-clock time, so 13:00 stays 13:00 across
// a change of daylight-saving time; a local time that a change skips or repeats
// means what [time.Date] makes of it. An UNTIL that is a date includes that
// day. Except removes occurrences by the local date of their start; they still
// count towards COUNT, as EXDATE does.
//
// The cost grows with the number of occurrences between Start and until. The
// errors are those of [Window.Validate], and a *[FieldError] if more than
// [MaxOccurrences] occurrences start before until; a rule is not followed
// beyond [MaxYears] after Start.
func (w Window) Occurrences(from, until time.Time) ([]Interval, error) {
	p, err := w.compile(loadZone)
	if err != nil {
		return nil, err
	}
	return p.expand(from, until)
}

// ParseWindow reads the one-line form that [Window.String] writes:
//
//	ZONE START/END [RRULE:value] [EXDATE:date,date…] [PRODUCTIVE:duration]
//
// for example
//
//	America/Toronto 2026-10-02T13:00/2026-10-02T17:00 RRULE:FREQ=WEEKLY;COUNT=8
//
// Parts are separated by spaces. The result is validated; every error is a
// *[FieldError].
func ParseWindow(s string) (Window, error) {
	parts := strings.Fields(s)
	if len(parts) < 2 {
		return Window{}, fieldErr("window", s, "ZONE START/END and optional parts")
	}
	start, end, ok := strings.Cut(parts[1], "/")
	if !ok {
		return Window{}, fieldErr("window", parts[1], "START/END")
	}
	w := Window{Zone: parts[0], Start: start, End: end}
	seen := map[string]bool{}
	for _, part := range parts[2:] {
		name, value, _ := strings.Cut(part, ":")
		if seen[name] || value == "" {
			return Window{}, fieldErr("window", part, "each part once, with a value")
		}
		seen[name] = true
		switch name {
		case "RRULE":
			w.RRule = value
		case "EXDATE":
			w.Except = strings.Split(value, ",")
		case "PRODUCTIVE":
			d, err := time.ParseDuration(value)
			if err != nil || d <= 0 {
				return Window{}, fieldErr("productive", value, "a duration above 0, e.g. 8h")
			}
			w.Productive = d
		default:
			return Window{}, fieldErr("window", part, "RRULE:, EXDATE: or PRODUCTIVE:")
		}
	}
	if err := w.Validate(); err != nil {
		return Window{}, err
	}
	return w, nil
}

// String returns the one-line form that [ParseWindow] reads.
func (w Window) String() string {
	s := w.Zone + " " + w.Start + "/" + w.End
	if w.RRule != "" {
		s += " RRULE:" + w.RRule
	}
	if len(w.Except) > 0 {
		s += " EXDATE:" + strings.Join(w.Except, ",")
	}
	if w.Productive > 0 {
		s += " PRODUCTIVE:" + w.Productive.String()
	}
	return s
}

// A pattern is a checked window. Wall-clock times are kept as times in UTC
// with the same digits; actual turns one into an instant.
type pattern struct {
	zone       *time.Location
	start      time.Time // wall clock
	end        time.Time // wall clock
	rule       *rrule.ROption
	open       bool // the rule has neither COUNT nor UNTIL
	except     map[string]bool
	productive Amount // 0 = all
}

func (w Window) compile(load zoneLoader) (*pattern, error) {
	p := &pattern{}
	var err error
	if p.zone, err = load("zone", w.Zone); err != nil {
		return nil, err
	}
	if p.start, err = parseWall("start", w.Start); err != nil {
		return nil, err
	}
	if p.end, err = parseWall("end", w.End); err != nil {
		return nil, err
	}
	if !p.actual(p.end).After(p.actual(p.start)) {
		return nil, fieldErr("end", w.End, "after start "+w.Start)
	}
	if p.end.Sub(p.start) > MaxOccurrence {
		return nil, fieldErr("end", w.End, "at most 366 days after start")
	}
	if p.except, err = parseDates(w.Except); err != nil {
		return nil, err
	}
	if w.Productive < 0 || w.Productive > p.end.Sub(p.start) {
		return nil, fieldErr("productive", w.Productive, "between 0 and the window's length")
	}
	p.productive = AmountOf(w.Productive)
	if w.RRule != "" {
		if err := p.setRule(w.RRule); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// A zoneLoader returns a time zone by its IANA name, or a *FieldError.
type zoneLoader func(field, name string) (*time.Location, error)

// loadZone refuses "" and "Local", which mean something else on every host.
func loadZone(field, name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fieldErr(field, name, "an IANA time zone")
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fieldErr(field, name, "an IANA time zone")
	}
	return loc, nil
}

func parseWall(field, s string) (time.Time, error) {
	t, err := time.Parse(localTime, s)
	if err != nil || len(s) != len(localTime) {
		return t, fieldErr(field, s, "a local time like 2006-01-02T15:04")
	}
	if t.Year() < 1970 || t.Year() > 2369 {
		return t, fieldErr(field, s, "a year from 1970 to 2369")
	}
	return t, nil
}

func parseDates(dates []string) (map[string]bool, error) {
	if len(dates) == 0 {
		return nil, nil
	}
	m := make(map[string]bool, len(dates))
	for i, d := range dates {
		if _, err := time.Parse(localDate, d); err != nil {
			return nil, fieldErr(fmt.Sprintf("except[%d]", i), d, "a date like 2006-01-02")
		}
		m[d] = true
	}
	return m, nil
}

// actual returns the instant of a wall-clock time in the pattern's zone.
func (p *pattern) actual(wall time.Time) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, p.zone)
}

// rruleParts are the parts of a rule that a window understands.
var rruleParts = []string{"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"}

// cycles moves a rule's dates near to the last year that the rrule package
// follows. The Gregorian calendar repeats exactly every 400 years, so nothing
// changes, but a rule that never occurs ends after 400 years, not 8,000.
const cycles = 19 * 400

func (p *pattern) setRule(value string) error {
	bad := func(limit string) error { return fieldErr("rrule", value, limit) }
	if len(value) > 500 {
		return bad("at most 500 characters")
	}
	for part := range strings.SplitSeq(value, ";") {
		name, v, _ := strings.Cut(part, "=")
		if v == "" || !slices.Contains(rruleParts, name) {
			return bad("parts out of " + strings.Join(rruleParts, ", "))
		}
	}
	opt, err := rrule.StrToROption(value)
	if err != nil {
		return bad("an RFC 5545 RRULE value")
	}
	switch {
	case opt.Freq > rrule.DAILY:
		return bad("FREQ of DAILY or slower")
	case opt.Interval < 0 || opt.Interval > 1000:
		return bad("INTERVAL from 1 to 1000")
	case opt.Count < 0 || opt.Count > MaxOccurrences:
		return bad(fmt.Sprintf("COUNT up to %d", MaxOccurrences))
	case !ordinalsFit(opt):
		return bad("BYDAY ordinals up to 5 in a month and 53 in a year, with FREQ of MONTHLY or YEARLY")
	}
	p.open = opt.Count == 0 && opt.Until.IsZero()
	opt.Dtstart = p.start.AddDate(cycles, 0, 0)
	horizon := p.start.AddDate(MaxYears, 0, 0)
	if !opt.Until.IsZero() {
		horizon = earlier(horizon, p.wallUntil(value, opt.Until))
	}
	opt.Until = horizon.AddDate(cycles, 0, 0)
	r, err := rrule.NewRRule(*opt)
	if err != nil {
		return bad("an RFC 5545 RRULE value")
	}
	if first, ok := r.Iterator()(); !ok || !first.Equal(opt.Dtstart) {
		return bad("a rule that start " + p.start.Format(localTime) + " satisfies")
	}
	p.rule = opt
	return nil
}

// ordinalsFit refuses ordinals, like the 10th Saturday, that a month or year
// cannot have; the rrule package fails on them.
func ordinalsFit(opt *rrule.ROption) bool {
	limit := 0
	switch {
	case opt.Freq == rrule.MONTHLY || opt.Freq == rrule.YEARLY && len(opt.Bymonth) > 0:
		limit = 5
	case opt.Freq == rrule.YEARLY:
		limit = 53
	}
	return !slices.ContainsFunc(opt.Byweekday, func(d rrule.Weekday) bool { return d.N() > limit || -d.N() > limit })
}

// wallUntil reads UNTIL as wall-clock time: with a Z it is an instant, as a
// date it is the last second of that day, and otherwise it is local already.
func (p *pattern) wallUntil(value string, until time.Time) time.Time {
	for part := range strings.SplitSeq(value, ";") {
		text, ok := strings.CutPrefix(part, "UNTIL=")
		switch {
		case !ok:
		case strings.HasSuffix(text, "Z"):
			l := until.In(p.zone)
			return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC)
		case len(text) == len("20060102"):
			return until.Add(24*time.Hour - time.Second)
		}
	}
	return until
}

// expand returns the occurrences that overlap [from, until).
func (p *pattern) expand(from, until time.Time) ([]Interval, error) {
	var out []Interval
	n := 0
	for wall := range p.starts {
		i := Interval{p.actual(wall), p.actual(p.end.Add(wall.Sub(p.start)))}
		if !i.Start.Before(until) {
			break
		}
		if n++; n > MaxOccurrences {
			return nil, fieldErr("rrule", n, fmt.Sprintf("at most %d occurrences", MaxOccurrences))
		}
		if i.End.After(from) && i.End.After(i.Start) && !p.except[wall.Format(localDate)] {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b Interval) int {
		return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End))
	})
	return out, nil
}

// starts yields the wall-clock starts in order.
func (p *pattern) starts(yield func(time.Time) bool) {
	if p.rule == nil {
		yield(p.start)
		return
	}
	r, err := rrule.NewRRule(*p.rule)
	if err != nil {
		return // setRule built the same rule
	}
	next := r.Iterator()
	for t, ok := next(); ok; t, ok = next() {
		if !yield(t.AddDate(-cycles, 0, 0)) {
			return
		}
	}
}
