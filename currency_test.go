package csss_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/match"
)

// What names no currency could be matched and never priced.
func TestCurrencyIsRequired(t *testing.T) {
	x, by := sellerMarket(t)
	o := sellersOffer()
	o.Currency = ""
	_, err := x.Publish(t.Context(), by, o)
	var bad *csss.InputError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "offer.currency", bad.Field)
	n := match.Need{ID: "need", Kind: match.MachineCapacity, Category: "machine.capacity", Governance: "demand.machining",
		From: by.At, Until: by.At.AddDate(0, 1, 0), Quantity: match.Quantity{Unit: match.Hours, Value: match.Hour}}
	_, err = x.Register(t.Context(), by, n)
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, "need.currency", bad.Field)
}

// A price of nothing is a price: the grid's lowest point is 0.
func TestPriceOfNothing(t *testing.T) {
	p, owner, buyer := rareMarket(t, 6, 6)
	category := "machine.capacity.additive"
	_, err := p.x.RecordComparables(t.Context(), csss.By{At: p.now}, category, 100, 100, 100, 100, 100)
	require.NoError(t, err)
	o, err := p.x.Offer(p.as(owner), "offer-seller-0")
	require.NoError(t, err)
	o.Floor = match.Bound{}
	_, err = p.x.Revise(t.Context(), p.as(owner), o)
	require.NoError(t, err)
	m, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
	require.NoError(t, err)
	require.Len(t, m.Candidates, 1)
	_, err = p.x.Select(t.Context(), p.as(buyer), m.Candidates[0].Handle)
	require.NoError(t, err)
}
