package csss

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/market"
)

// Picture is the market in totals. Every cell stands for at least K employer
// groups; smaller cells are left out, and nothing says how many were.
type Picture struct {
	At    time.Time `json:"at"` // of the latest step that could change the totals, an offer's or a hold's, rounded down to Config.Slot: any other step would tell that somebody answered
	K     int       `json:"k"`
	Cells []Cell    `json:"cells"`
}

// Cell is one category in one region.
type Cell struct {
	Category  string       `json:"category"`
	Region    string       `json:"region"`
	Employers int          `json:"employers"` // distinct groups, rounded down to a multiple of K
	Offered   match.Amount `json:"offered_h"`
	Held      match.Amount `json:"held_h"` // provisional and firm holds
}

type cellKey struct{ category, region string }

type cellSum struct {
	groups        map[string]bool
	offered, held match.Amount
}

// Picture sums live offers and their holds by category and region. Cost: one
// pass over the offers.
//
// Errors: ctx's.
func (x *Exchange) Picture(ctx context.Context) (Picture, error) {
	if err := ctx.Err(); err != nil {
		return Picture{}, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	sums := map[cellKey]*cellSum{}
	for _, id := range x.st.order {
		if o := x.st.offers[id]; o != nil && o.live && o.offer.Quantity.Unit == match.Hours {
			x.st.addToCell(sums, &o.offer)
		}
	}
	p := Picture{At: x.st.stocked.Truncate(x.cfg.Slot), K: x.cfg.K}
	for key, sum := range sums {
		if n := len(sum.groups); n >= x.cfg.K {
			p.Cells = append(p.Cells, Cell{Category: key.category, Region: key.region,
				Employers: n - n%x.cfg.K, Offered: sum.offered, Held: sum.held})
		}
	}
	slices.SortFunc(p.Cells, func(a, b Cell) int {
		return cmp.Or(cmp.Compare(a.Category, b.Category), cmp.Compare(a.Region, b.Region))
	})
	return p, nil
}

func (st *state) addToCell(sums map[cellKey]*cellSum, o *match.Offer) {
	key := cellKey{o.Category, o.Region}
	sum := sums[key]
	if sum == nil {
		sum = &cellSum{groups: map[string]bool{}}
		sums[key] = sum
	}
	sum.groups[o.Group] = true
	if total, err := match.NewBook().Remaining(o); err == nil {
		sum.offered = sum.offered.Plus(total)
	}
	for _, h := range st.book.Holds(o.ID) {
		sum.held = sum.held.Plus(h.Amount)
	}
}

// Estimate is the price of a category from its comparables: median, quartiles,
// MAD and count, in cents per hour.
//
// Errors: market.ErrTooFew below three comparables; a candidate is then matched
// on the bounds alone and cannot be selected (ErrNoPrice).
func (x *Exchange) Estimate(category string) (market.Estimate, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.st.estimate(category)
}

func (st *state) estimate(category string) (market.Estimate, error) {
	return market.EstimateOf(st.comparables[category])
}

// median feeds the matcher's price gate, which asks for the category that is
// offered and, without comparables there, for the one that is asked for.
func (st *state) median(category string) (int64, bool) {
	e, err := st.estimate(category)
	return e.Median, err == nil
}
