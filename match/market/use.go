package market

import (
	"cmp"
	"slices"
	"time"
)

// MismatchWaste returns the hours a resource has, but neither its owner nor
// the exchange uses: installed − utilised − engaged, all in thousandths of an
// hour over one period. Overtime makes the difference negative; that is no
// waste, so the result is never below 0. It returns [ErrRange] if an argument
// is negative.
func MismatchWaste(installed, utilised, engaged int64) (int64, error) {
	if installed < 0 || utilised < 0 || engaged < 0 {
		return 0, ErrRange
	}
	if utilised > installed {
		return 0, nil
	}
	return max(installed-utilised-engaged, 0), nil
}

// Utilisation returns used ÷ installed, in [0, 1]. It returns [ErrRange] if
// installed is not positive or used is negative; more used than installed,
// overtime, is 1.
func Utilisation(installed, used int64) (float64, error) {
	if installed <= 0 || used < 0 {
		return 0, ErrRange
	}
	return min(float64(used)/float64(installed), 1), nil
}

// newestFirst returns the outcomes up to now, newest first, in an order that
// does not depend on the order of the argument.
func newestFirst(outcomes []Outcome, now time.Time) []Outcome {
	s := make([]Outcome, 0, len(outcomes))
	for _, x := range outcomes {
		if !x.At.After(now) {
			s = append(s, x)
		}
	}
	slices.SortFunc(s, func(a, b Outcome) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Rater, b.Rater), compareBool(a.Solved, b.Solved))
	})
	return s
}

func compareBool(a, b bool) int {
	if a == b {
		return 0
	}
	if b {
		return -1
	}
	return 1
}
