package csss_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/match"
)

// A number that is too large is refused where it enters, and breaks nothing.
func TestNumbersHaveBounds(t *testing.T) {
	p, owner, buyer := rareMarket(t, 5, 5)
	input := func(field string, err error) {
		t.Helper()
		var bad *csss.InputError
		require.ErrorAs(t, err, &bad)
		assert.Equal(t, field, bad.Field)
	}
	for _, rate := range []int64{0, -1, 1e12 + 1, 1 << 60, math.MaxInt64} {
		_, err := p.x.RecordComparables(t.Context(), csss.By{At: p.now}, "machine.capacity.additive", rate)
		input("comparables[0]", err)
	}
	_, err := p.x.Estimate("machine.capacity.additive")
	require.NoError(t, err, "the price of the category stands")
	for _, hours := range []match.Amount{0, -1, match.MaxAmount + 1, 1 << 62, math.MaxInt64} {
		_, err := p.x.ReportUsage(t.Context(), p.as(owner), owner.Person, "", "2026-W38", hours)
		input("usage.hours", err)
	}
	for range 3 {
		r, err := p.x.ReportUsage(t.Context(), p.as(owner), owner.Person, "", "2026-W38", match.MaxAmount)
		p.ok(owner, r, err)
	}
	n, err := p.x.Need(p.as(buyer), "need-1")
	require.NoError(t, err)
	n.ID, n.Quantity.Value = "need-2", match.MaxAmount+1
	_, err = p.x.Register(t.Context(), p.as(buyer), n)
	var field *match.FieldError
	require.ErrorAs(t, err, &field)
	n.Quantity.Value = 1_000_000 * match.Hour
	r, err := p.x.Register(t.Context(), p.as(buyer), n)
	p.ok(buyer, r, err)
	p.isFold()
}

// A price or a quantity beyond the range of its type is the largest there is to
// the rules, and does not come round to a small one.
func TestRulesReadHugeNumbersAsHuge(t *testing.T) {
	p, _, buyer := rareMarket(t, 5, 5)
	_, err := p.x.SetPolicy(t.Context(), csss.By{At: p.now}, buyer.Firm, "buyer.yaml", []byte(`
apiVersion: csss.policy/v1
employer: buyer
version: 2
zone: America/Toronto
rules:
  - {id: cheap, effect: permit, actions: [register], categories: [demand.machining], approval: auto,
     when: 'price.amount <= 1000000'}
`))
	require.NoError(t, err)
	n, err := p.x.Need(p.as(buyer), "need-1")
	require.NoError(t, err)
	register := func(id string, rate int64, hours match.Amount) error {
		n.ID, n.Ceiling, n.Quantity.Value = id, match.NewBound(rate), hours
		_, err := p.x.Register(t.Context(), p.as(buyer), n)
		return err
	}
	require.NoError(t, register("cheap", 10_000, 100*match.Hour))
	assert.ErrorIs(t, register("dear", 10_001, 100*match.Hour), csss.ErrDenied)
	assert.ErrorIs(t, register("round", 18_446_744_074, 1_000_000*match.Hour), csss.ErrDenied, "its product is just above 2^64")
	assert.ErrorIs(t, register("long", 0, 5_124_095_577), csss.ErrDenied, "in nanoseconds just above 2^64")
}
