package market

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// An Outcome is one finished engagement as a side rated it.
type Outcome struct {
	At     time.Time `json:"at"`
	Rater  string    `json:"rater"`  // employer group that rated; repeated raters count less
	Solved bool      `json:"solved"` // it did what it was for
}

// TrustOptions tune [TrustOf]. The zero value is the default.
type TrustOptions struct {
	PriorGood float64       // successes assumed before any outcome; default 2
	PriorBad  float64       // failures assumed before any outcome; default 2
	HalfLife  time.Duration // age at which an outcome counts half; default 2 years
}

// Trust is a score with its reasons. Without outcomes it is neutral, 0.5: a
// newcomer is neither good nor bad.
type Trust struct {
	Score  float64 `json:"score"`  // mean of the Beta posterior, in (0, 1)
	Good   float64 `json:"good"`   // weight of solved outcomes
	Bad    float64 `json:"bad"`    // weight of the others
	N      int     `json:"n"`      // outcomes counted
	Raters int     `json:"raters"` // distinct rating groups
}

// TrustOf folds outcomes into a Beta posterior. An outcome's weight halves
// with every half-life of age, and the i-th newest of one rater weighs 1/i of
// that, so that one counterparty, or a ring of accounts of one employer group,
// cannot make a reputation alone. Outcomes after now are left out.
//
// The order of outcomes does not matter, except that of several with one rater
// and one time the solved ones are counted last. It returns [ErrRange] if an
// option is negative or not a number.
func TrustOf(outcomes []Outcome, now time.Time, o *TrustOptions) (Trust, error) {
	opt, err := o.withDefaults()
	if err != nil {
		return Trust{}, err
	}
	var t Trust
	seen := make(map[string]int)
	for _, x := range newestFirst(outcomes, now) {
		seen[x.Rater]++
		age := float64(now.Sub(x.At)) / float64(opt.HalfLife)
		w := math.Exp2(-age) / float64(seen[x.Rater])
		if x.Solved {
			t.Good += w
		} else {
			t.Bad += w
		}
		t.N++
	}
	t.Raters = len(seen)
	t.Score = (opt.PriorGood + t.Good) / (opt.PriorGood + opt.PriorBad + t.Good + t.Bad)
	return t, nil
}

func (o *TrustOptions) withDefaults() (TrustOptions, error) {
	d := TrustOptions{PriorGood: 2, PriorBad: 2, HalfLife: 2 * 365 * 24 * time.Hour}
	if o == nil {
		return d, nil
	}
	if !(o.PriorGood >= 0) || !(o.PriorBad >= 0) || math.IsInf(o.PriorGood+o.PriorBad, 0) || o.HalfLife < 0 {
		return d, ErrRange
	}
	if o.PriorGood > 0 {
		d.PriorGood = o.PriorGood
	}
	if o.PriorBad > 0 {
		d.PriorBad = o.PriorBad
	}
	if o.HalfLife > 0 {
		d.HalfLife = o.HalfLife
	}
	return d, nil
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
