package policy

import (
	"fmt"
	"slices"
	"time"
	"unicode"
)

// periodHours are the hours that the civil periods have at most, apart from the one of a change of clocks.
var periodHours = map[string]time.Duration{perWeek: 7 * 24 * time.Hour, perMonth: 31 * 24 * time.Hour}

// attrRate is an amount of money per hour.
const attrRate = "price.rate"

// centsPerUnit is how many cents a unit of money has, and lowRate below which no hour of work is sold.
const (
	centsPerUnit = 100
	lowRate      = 10 * centsPerUnit
)

// odd names what can be meant and hardly is: quotas that no week can exhaust, rates that look like dollars, words that look
// like other words.
func (a *analysis) odd() {
	for _, q := range a.doc.quotas {
		if hours := periodHours[q.Per]; q.Unit != unitCount && hours > 0 && max(q.Max, q.Min) > hours {
			a.say(q.at, q.ID, Odd, "%s per %s is more than the %s that one has; only several people or machines together come to it",
				short(max(q.Max, q.Min)), q.Per, short(hours))
		}
	}
	for _, r := range a.doc.rules {
		a.oddConstants(r.whenAt, r.id, r.when)
	}
	for _, g := range a.doc.grants {
		a.oddConstants(g.whenAt, g.ID, g.when)
	}
}

func (a *analysis) oddConstants(at place, id string, when *condition) {
	engine, err := a.set.schema.conditions()
	if when == nil || err != nil {
		return
	}
	constants := engine.Constants(when.Text())
	for _, cents := range constants.Numbers[attrRate] {
		if cents > 0 && cents < lowRate {
			a.say(at, id, Odd, "%s is in cents: %d is %s an hour", attrRate, cents, fmt.Sprintf("%d.%02d", cents/centsPerUnit, cents%centsPerUnit))
		}
	}
	for _, text := range constants.Texts {
		if word := mixedWord(text); word != "" {
			a.say(at, id, Odd, "the word '%s' mixes letters of several alphabets that look alike", clip(word))
		}
	}
}

// alphabets have letters that look like those of each other.
var alphabets = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu}

// mixedWord is the first word of a text that has letters of more than one of the alphabets; "" if there is none.
func mixedWord(text string) string {
	letters := []rune(text)
	for start := 0; start < len(letters); {
		end := start
		var of *unicode.RangeTable
		mixed := false
		for ; end < len(letters) && (unicode.IsLetter(letters[end]) || unicode.IsMark(letters[end])); end++ {
			at := slices.IndexFunc(alphabets, func(t *unicode.RangeTable) bool { return unicode.Is(t, letters[end]) })
			if at < 0 {
				continue
			}
			mixed = mixed || of != nil && of != alphabets[at]
			of = alphabets[at]
		}
		if mixed {
			return string(letters[start:end])
		}
		start = end + 1
	}
	return ""
}
