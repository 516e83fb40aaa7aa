package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/currency"
)

// language is all that differs between the languages: words, and the way
// numbers, money and times are written. Spaces are plain ones, so that what is
// printed can be searched for.
type language struct {
	name string

	nouns map[string]string // of attributes
	units map[string]string // behind a limit on an attribute: "/h"
	says  map[string]string // of a clause: an operator between a noun and a value
	texts map[string]string // sentences and their parts, by key

	point, thousands string
	money            func(amount string) string
	clock            func(t time.Time) string
	first            string // day of a month
	months           [12]string
	quote            [2]string
	and, or          string
	noneIsOne        bool    // 0 takes the singular
	faults           *faults // sentences about documents, where they differ from package policy's
}

// languageFlag is a flag that names a language.
type languageFlag struct{ *language }

// String implements [flag.Value].
func (f *languageFlag) String() string {
	if f.language == nil {
		return english.name
	}
	return f.name
}

// Set implements [flag.Value].
func (f *languageFlag) Set(code string) error {
	switch code {
	case english.name:
		f.language = &english
	case french.name:
		f.language = &french
	default:
		return fmt.Errorf("neither %s nor %s", english.name, french.name)
	}
	return nil
}

// text is a sentence or a part of one.
func (l *language) text(key string, args ...any) string { return fmt.Sprintf(l.texts[key], args...) }

// cents writes an amount of money.
func (l *language) cents(text, code string) string {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return l.quoted(text)
	}
	sign := ""
	if n < 0 {
		sign = "-"
	}
	digits, unit := fractionDigits(code), int64(1)
	for range digits {
		unit *= 10
	}
	whole, part := n/unit, n%unit
	amount := sign + l.whole(strings.TrimPrefix(strconv.FormatInt(whole, 10), "-"))
	if digits > 0 {
		amount += l.point + fmt.Sprintf("%0*d", digits, max(part, -part))
	}
	switch code {
	case "", "CAD", "USD", "AUD":
		return l.money(amount)
	}
	return amount + " " + code
}

// fractionDigits are how many digits of an amount in the smallest unit of a
// currency stand behind the point: none for the yen, two where it is not known.
func fractionDigits(code string) int {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	digits, _ := currency.Standard.Rounding(unit)
	return digits
}

// whole puts separators between the thousands of digits.
func (l *language) whole(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + l.thousands + digits[i:]
	}
	return digits
}

// span writes a length of time, such as "2 h 30 min".
func (l *language) span(text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return text // a count, such as a quota of engagements has
	}
	var parts []string
	if h := int64(d / time.Hour); h > 0 {
		parts = append(parts, l.whole(strconv.FormatInt(h, 10))+" h")
	}
	if m := d % time.Hour / time.Minute; m > 0 {
		parts = append(parts, fmt.Sprintf("%d min", m))
	}
	if s := d % time.Minute; s > 0 {
		parts = append(parts, strings.ReplaceAll(strconv.FormatFloat(s.Seconds(), 'f', -1, 64), ".", l.point)+" s")
	}
	if parts == nil {
		return "0 h"
	}
	return strings.Join(parts, " ")
}

// wait writes how long somebody has, in days where it is some of them.
func (l *language) wait(d time.Duration) string {
	if day := 24 * time.Hour; d >= 2*day && d%day == 0 {
		return l.text("days", int(d/day))
	}
	return l.span(d.String())
}

// moment writes a time as the firm's clocks show it.
func (l *language) moment(text string, zone *time.Location) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return l.quoted(text)
	}
	t = t.In(zone)
	number := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		number = l.first
	}
	day := fmt.Sprintf("%s %s %d", number, l.months[t.Month()-1], t.Year())
	if t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 {
		return day
	}
	return day + ", " + l.clock(t)
}

// period writes a quota's period: "2026-W38" or "2026-09".
func (l *language) period(text string) string {
	year, rest, ok := strings.Cut(text, "-")
	switch n, err := strconv.Atoi(strings.TrimPrefix(rest, "W")); {
	case !ok || err != nil:
		return text
	case rest[0] == 'W':
		return l.text("week", n, year)
	case n >= 1 && n <= 12:
		return l.months[n-1] + " " + year
	}
	return text
}

func (l *language) quoted(s string) string { return l.quote[0] + s + l.quote[1] }

// joined is "a, b and c", or with or.
func (l *language) joined(list []string, last string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + last + " " + list[len(list)-1]
}

// count is a number of things, by the key of their noun.
func (l *language) count(n int, noun string) string {
	if n == 1 || n == 0 && l.noneIsOne {
		return l.text("one."+noun, n)
	}
	return l.text("many."+noun, n)
}
