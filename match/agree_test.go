package match_test

import (
	"fmt"
	"testing"

	"github.com/deeperpoint/csss/match"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestGatesPlansAndHoldsAgree draws offers and needs of every shape: what the
// gates window and quantity pass has a plan, what has a plan can be held, a
// full plan gives what was asked, and a partial one is not beaten by asking
// for a little more than it.
func TestGatesPlansAndHoldsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, n := drawPair(t)
		require.NoError(t, o.Validate())
		require.NoError(t, n.Validate())
		b := match.NewBook()
		for i := range 4 {
			p, err := b.Plan(&o, &n, autumn)
			passed := true
			for _, r := range match.CheckGates(&n, &o, &match.GateEnv{Now: autumn, Book: b}) {
				if r.Gate == "window" || r.Gate == "quantity" {
					passed = passed && r.Passed
				}
			}
			require.Equal(t, err == nil, passed)
			if err != nil {
				require.ErrorIs(t, err, match.ErrNoCapacity)
				return
			}
			checkPlan(t, &o, &n, p)
			require.NoError(t, b.Place(&o, hold(fmt.Sprint(i), &o, p)), "%+v", p)
			if n.Partial && n.Quantity.Weeks == 0 && !p.Full {
				more := n
				more.Quantity.Value, more.Partial = p.Amount+max(1, n.Quantity.Granularity), false
				fresh := match.NewBook()
				for _, h := range b.All()[:i] {
					require.NoError(t, fresh.Place(&o, h))
				}
				if more.MinBlock <= more.Quantity.Value && o.Quantity.Granularity <= 1 && n.Quantity.Granularity <= 1 {
					_, err := fresh.Plan(&o, &more, autumn)
					require.ErrorIs(t, err, match.ErrNoCapacity, "a part of %d is not the most", p.Amount)
				}
			}
		}
	})
}

func checkPlan(t *rapid.T, o *match.Offer, n *match.Need, p match.Plan) {
	var sum match.Amount
	for _, s := range p.Slots {
		sum += s.Amount
		require.Positive(t, s.Amount)
		require.False(t, s.Start.Before(n.From) || s.End.After(n.Until), "%v", s)
		if n.Quantity.Unit == match.Hours {
			require.GreaterOrEqual(t, s.Amount, n.MinBlock)
		}
	}
	require.Equal(t, p.Amount, sum)
	require.True(t, p.Full || n.Partial)
	want := max(n.Quantity.Value, n.Quantity.PerWeek*match.Amount(n.Quantity.Weeks))
	if p.Full {
		require.GreaterOrEqual(t, p.Amount, want-want/1000)
	}
	if n.Quantity.Weeks == 0 {
		require.GreaterOrEqual(t, p.Amount, max(o.Quantity.MinLot, n.Quantity.MinLot))
	}
}

func drawPair(t *rapid.T) (match.Offer, match.Need) {
	o, n := steelcrest(), gridline()
	amount := func(name string, values ...match.Amount) match.Amount { return rapid.SampledFrom(values).Draw(t, name) }
	n.From = n.From.Add(rapid.SampledFrom([]match.Amount{0, 17_500, 90_000, 500_000}).Draw(t, "shift").Duration())
	n.Partial = rapid.Bool().Draw(t, "partial")
	n.Quantity.Value = match.Amount(rapid.IntRange(1, 300_000).Draw(t, "value"))
	n.MinBlock = min(n.Quantity.Value, amount("block", 0, 1, 2_500, 4_000, 7_999))
	n.Quantity.Granularity = amount("need's step", 0, 1, 250)
	n.Quantity.MinLot = min(n.Quantity.Value, amount("need's lot", 0, 3_000))
	o.Units = rapid.IntRange(0, 3).Draw(t, "units")
	o.Quantity = match.Quantity{Unit: match.Hours, PerWeek: amount("per week", 0, 4_000, 31_000), Granularity: amount("step", 0, 1, 400, 1_000)}
	if o.Quantity.Value = amount("total", 0, 0, 20_000, match.MaxAmount); o.Quantity.Value > 0 {
		o.Quantity.MinLot = amount("lot", 0, 2_000)
	}
	if rapid.Bool().Draw(t, "expires") {
		o.Expires = local("2026-10-01T12:00")
	}
	switch rapid.SampledFrom([]string{"windows", "any time", "weekly", "area"}).Draw(t, "shape") {
	case "any time":
		o.Windows = nil
	case "weekly":
		if rapid.Bool().Draw(t, "loose") {
			o.Windows = nil
		}
		n.Quantity.PerWeek, n.Quantity.Weeks, n.Quantity.Value = max(1, n.Quantity.Value/10), rapid.IntRange(1, 7).Draw(t, "weeks"), 0
		n.MinBlock, n.Quantity.MinLot = min(n.MinBlock, n.Quantity.PerWeek), 0
	case "area":
		o.Windows, n.MinBlock = nil, 0
		o.Quantity.Unit, n.Quantity.Unit, o.Quantity.PerWeek = match.SquareMetres, match.SquareMetres, 0
	}
	return o, n
}
