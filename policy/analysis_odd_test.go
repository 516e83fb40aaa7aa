package policy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/policy"
)

// oddities returns what is called odd in a document of "shop".
func oddities(t *testing.T, body string) (list []string) {
	t.Helper()
	for _, f := range policy.Analyse(compile(t, nil, body)) {
		if f.Kind == policy.Odd {
			assert.True(t, f.Kind.Advice())
			list = append(list, f.Rule+" "+f.Text)
		}
	}
	return list
}

func TestQuotasOfMoreHoursThanThereAreAreOdd(t *testing.T) {
	quota := "quotas:\n  - {id: q, per: %s, %s}\nrules:\n  - {id: open, effect: permit, actions: [match], categories: [machine], approval: auto, quotas: [q]}\n"
	const tail = " that one has; only several people or machines together come to it"
	for _, c := range []struct{ per, bound, want string }{
		{"iso_week", "unit: duration, max: 800h", "q 800h per iso_week is more than the 168h" + tail},
		{"iso_week", "unit: duration, max: 168h1s", "q 168h0m1s per iso_week is more than the 168h" + tail},
		{"iso_week", "unit: duration, max: 168h", ""},
		{"iso_week", "unit: duration, min: 200h", "q 200h per iso_week is more than the 168h" + tail},
		{"month", "unit: duration, max: 745h", "q 745h per month is more than the 744h" + tail},
		{"month", "unit: duration, max: 744h", ""},
		{"total", "unit: duration, max: 800h", ""},
		{"iso_week", "unit: count, max: 800", ""},
	} {
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		assert.Equal(t, want, oddities(t, fmt.Sprintf(quota, c.per, c.bound)), c.bound)
	}
}

func TestOddConstants(t *testing.T) {
	for cond, want := range map[string][]string{
		`price.rate >= 95`:                                {"p0 price.rate is in cents: 95 is 0.95 an hour"},
		`95 <= price.rate`:                                {"p0 price.rate is in cents: 95 is 0.95 an hour"},
		`price.rate in [805, 9500]`:                       {"p0 price.rate is in cents: 805 is 8.05 an hour"},
		`!(price.rate < 95 || price.rate == 999)`:         {"p0 price.rate is in cents: 95 is 0.95 an hour", "p0 price.rate is in cents: 999 is 9.99 an hour"},
		`price.rate >= 1000`:                              nil,
		`price.rate > 0`:                                  nil, // there is a price at all
		`price.amount >= 95 && request.distance_km <= 95`: nil,
		`price.currency == "СAD"`:                         {"p0 the word 'СAD' mixes letters of several alphabets that look alike"}, // a Cyrillic letter
		`request.topics.exists(x, x == "tool αx")`:        {"p0 the word 'αx' mixes letters of several alphabets that look alike"},
		`resource.kind in ["станок", "Québec", "µm 5Ω"]`:  nil,
		`resource.kind.matches("^[A-Zа-я]+$")`:            nil, // a pattern is no word
	} {
		assert.Equal(t, want, oddities(t, permitting(when(cond))), cond)
	}
}

// A template's numbers are looked at where they are given.
func TestOddConstantsOfTemplates(t *testing.T) {
	assert.Equal(t, []string{"sell price.rate is in cents: 95 is 0.95 an hour"}, oddities(t, `templates:
  - {id: floor, params: {least: int}, when: price.rate >= param.least}
rules:
  - {id: sell, effect: permit, actions: [match], categories: [machine], approval: auto, use: floor, with: {least: 95}}
  - {id: rent, effect: permit, actions: [match], categories: [space], approval: auto, use: floor, with: {least: 9500}}
`))
}
