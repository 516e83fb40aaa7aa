package csss_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// part is one part of the ninth story's need: what it is, for how long, who
// offers it where, and at which rate.
type part struct {
	id     string
	hours  match.Amount
	offers []partOffer
}

type partOffer struct {
	firm string
	city string
	at   match.Point
	rate int64
}

var (
	guelph    = match.Point{Lat: 43.5448, Lon: -80.2482}
	cambridge = match.Point{Lat: 43.3616, Lon: -80.3144}
	kitchener = match.Point{Lat: 43.4516, Lon: -80.4925}
	brantford = match.Point{Lat: 43.1394, Lon: -80.2644}
	hamilton  = match.Point{Lat: 43.2557, Lon: -79.8711}
	stratford = match.Point{Lat: 43.3701, Lon: -80.9822}
)

// bracketParts are the parts of 120 titanium brackets. A rate is agreed on a grid
// of 500 cents, so the operator's 5200 becomes 5500.
var bracketParts = []part{
	{"machine", 36 * match.Hour, []partOffer{{"preston", "Cambridge", cambridge, 12000}}},
	{"operator", 36 * match.Hour, []partOffer{{"huron", "Kitchener", kitchener, 5500}, {"festival", "Stratford", stratford, 5000}}},
	{"inspection", 6 * match.Hour, []partOffer{{"brant", "Brantford", brantford, 9000}, {"steel", "Hamilton", hamilton, 11000}}},
	{"heat", match.Hour, []partOffer{{"thermal", "Hamilton", hamilton, 180000}}},
}

// brackets is the bundle as it is played: the handles of its legs by firm, on
// the buyer's and on the supplier's side.
type brackets struct {
	*play
	buyer  world.Who
	demand map[string]disclosure.Handle
	supply map[string]disclosure.Handle
}

func who(firm string) world.Who { return world.Who{Firm: firm, Person: "usr-" + firm} }

// bracketMarket is the market of the story at k = 3: beside the story's firms
// three others offer each part, at other times.
func bracketMarket(t *testing.T) *brackets {
	t.Helper()
	b := &brackets{play: open(t, csss.Config{K: 3}, nil), buyer: who("wellington"), demand: map[string]disclosure.Handle{}, supply: map[string]disclosure.Handle{}}
	b.now = world.Opening()
	in := csss.Import{Comparables: map[string][]int64{}}
	firm := func(id, city string, at match.Point, category string) {
		b.canaries = append(b.canaries, world.Canary{Firm: id, Token: "Zephyrine " + id})
		in.Firms = append(in.Firms, csss.Firm{ID: id, LegalName: "Zephyrine " + id, Country: "Ontario",
			Sites:  []csss.Site{{ID: "site-" + id, City: city, Region: "waterloo_wellington", Zone: world.Zone, At: at}},
			People: []csss.Person{{ID: "usr-" + id, Name: "A. Nyquist", Roles: []string{"owner"}}}})
		in.Policies = append(in.Policies, csss.PolicyText{Firm: id, Name: id + ".yaml", Text: fmt.Appendf(nil, `
apiVersion: csss.policy/v1
employer: %s
version: 1
zone: America/Toronto
rules:
  - {id: all, effect: permit, actions: [publish, register, match, summarise, reveal, engage], categories: [%s], approval: auto}
`, id, category)})
	}
	offer := func(id, text string, p part, rate int64, from time.Time) {
		in.Offers = append(in.Offers, csss.Publication{By: csss.By{Firm: id, Person: "usr-" + id}, Offer: match.Offer{
			ID: "offer-" + id, Resource: "res-" + id, Kind: match.MachineCapacity, Category: "machine.capacity." + p.id,
			Text: text, Quantity: match.Quantity{Unit: match.Hours, Value: 40 * match.Hour}, Currency: "CAD", Floor: match.NewBound(rate), Available: from}})
	}
	for _, p := range bracketParts {
		for i, o := range p.offers {
			firm(o.firm, o.city, o.at, "machine.capacity")
			offer(o.firm, p.id+[]string{" with protocol", ""}[i], p, o.rate, time.Time{}) // the first fits better
		}
		for i := range 3 {
			id := fmt.Sprint(p.id, "-", i)
			firm(id, "Guelph", guelph, "machine.capacity")
			offer(id, p.id, p, p.offers[0].rate, b.now.AddDate(1, 0, 0))
		}
		in.Comparables["machine.capacity."+p.id] = slices.Repeat([]int64{p.offers[0].rate}, 3)
	}
	firm("wellington", "Guelph", guelph, "demand.machining")
	_, err := b.x.Import(t.Context(), csss.By{At: b.now}, in)
	require.NoError(t, err)
	return b
}

// find registers a need for each part and keeps who fits it.
func (b *brackets) find() {
	b.Helper()
	for _, p := range bracketParts {
		n := match.Need{ID: "need-" + p.id, Kind: match.MachineCapacity, Category: "machine.capacity." + p.id, Governance: "demand.machining",
			Text: p.id + " with protocol", Quantity: match.Quantity{Unit: match.Hours, Value: p.hours}, From: b.now, Until: b.now.AddDate(0, 1, 0),
			Currency: "CAD", Ceiling: match.NewBound(200000), RadiusKM: 60}
		r, err := b.x.Register(b.Context(), b.as(b.buyer), n)
		b.ok(b.buyer, r, err)
		m, err := b.x.Match(b.Context(), b.as(b.buyer), n.ID)
		b.saw(b.buyer.Firm, m, err)
		require.NoError(b, err)
		for i, c := range m.Candidates {
			b.demand[fmt.Sprint(p.id, i)] = c.Handle
		}
	}
}

func (b *brackets) legs(ids ...string) (out []disclosure.Handle) {
	for _, id := range ids {
		out = append(out, b.demand[id])
	}
	return out
}

// invited keeps the handle by which a supplier knows its leg.
func (b *brackets) invited(firms ...string) {
	b.Helper()
	for _, f := range firms {
		tasks := b.inbox(who(f), csss.Invitation)
		require.Len(b, tasks, 1, f)
		b.supply[f] = tasks[0].Handle
	}
}

func (b *brackets) optIn(w world.Who, h disclosure.Handle) {
	b.Helper()
	b.now = b.now.Add(time.Minute)
	r, err := b.x.OptIn(b.Context(), b.as(w), h)
	b.ok(w, r, err)
}

// supplierSees is all that a supplier is given of its leg.
func (b *brackets) supplierSees(firm string) string {
	b.Helper()
	s, err := b.x.Status(b.Context(), b.as(who(firm)), b.supply[firm])
	require.NoError(b, err)
	tasks, err := b.x.Inbox(b.Context(), b.as(who(firm)))
	require.NoError(b, err)
	trail, err := b.x.Trail(b.Context(), b.as(who(firm)), b.supply[firm])
	require.NoError(b, err)
	b.saw(firm, s, tasks, trail)
	return everyForm(s) + everyForm(tasks) + everyForm(trail)
}

// total is what the legs cost the buyer, once it may know.
func (b *brackets) total(ids ...string) (sum int64) {
	b.Helper()
	for _, h := range b.legs(ids...) {
		s, err := b.x.Status(b.Context(), b.as(b.buyer), h)
		require.NoError(b, err)
		require.NotZero(b, s.Price)
		sum += s.Price * s.Amount / int64(match.Hour)
	}
	return sum
}

// TestStoryS9: machine, operator, inspection and heat treatment of four firms,
// revealed together or not at all. Which legs make a feasible whole (their
// order, the machine's hours with the operator's) is chosen here by hand.
func TestStoryS9(t *testing.T) {
	firms := []string{"preston", "huron", "brant", "thermal"}
	parts := []string{"machine0", "operator0", "inspection0", "heat0"}
	start := func(t *testing.T) *brackets {
		b := bracketMarket(t)
		b.find()
		assert.NotContains(t, b.demand, "operator1", "62.4 km are more than 60")
		require.Contains(t, b.demand, "inspection1")
		r, err := b.x.ProposeBundle(t.Context(), b.as(b.buyer), b.legs(parts...))
		b.ok(b.buyer, r, err)
		b.invited(firms...)
		return b
	}

	t.Run("all consent", func(t *testing.T) {
		b := start(t)
		for i, f := range firms {
			for _, other := range firms {
				assert.Nil(t, b.identity(who(other), b.supply[other]), "before %s", f)
			}
			b.optIn(b.buyer, b.demand[parts[i]])
			b.optIn(who(f), b.supply[f])
			if i < len(firms)-1 {
				assert.Equal(t, disclosure.Summarised, b.phase(who(f), b.supply[f]))
			}
		}
		for i, f := range firms {
			b.revealed("wellington", f)
			require.Equal(t, disclosure.Revealed, b.phase(who(f), b.supply[f]))
			require.NotNil(t, b.identity(b.buyer, b.demand[parts[i]]))
			require.NotNil(t, b.identity(who(f), b.supply[f]))
		}
		assert.Equal(t, int64(36*12000+36*5500+6*9000+180000), b.total(parts...))
		b.isFold()
		b.verifies()

		// One who withdraws now gives all holds back, in one batch.
		b.now = b.now.Add(time.Hour)
		r, err := b.x.WithdrawFrom(t.Context(), b.as(who("brant")), b.supply["brant"], "overbooked")
		b.ok(who("brant"), r, err)
		for _, f := range firms {
			assert.Equal(t, disclosure.Closed, b.phase(who(f), b.supply[f]), f)
			left, err := b.x.Remaining(b.as(who(f)), "offer-"+f)
			require.NoError(t, err)
			assert.Equal(t, 40*match.Hour, left, f)
		}
		b.isFold()
	})

	t.Run("one declines and is replaced", func(t *testing.T) {
		b := start(t)
		for i, f := range firms {
			if f != "brant" {
				b.optIn(b.buyer, b.demand[parts[i]])
				b.optIn(who(f), b.supply[f])
			}
		}
		r, err := b.x.WithdrawFrom(t.Context(), b.as(who("brant")), b.supply["brant"], "overbooked")
		b.ok(who("brant"), r, err)
		next := []string{"machine0", "operator0", "inspection1", "heat0"}
		_, err = b.x.ProposeBundle(t.Context(), b.as(b.buyer), b.legs(next...))
		require.ErrorIs(t, err, csss.ErrUnavailable, "the withdrawal is not published before its slot")
		b.now = b.now.Add(2 * time.Hour)
		_, err = b.x.Tick(t.Context(), b.now)
		require.NoError(t, err)
		before := b.supplierSees("preston")
		by := b.as(b.buyer)
		by.ID = "again"
		r, err = b.x.ProposeBundle(t.Context(), by, b.legs(next...))
		b.ok(b.buyer, r, err)
		r, err = b.x.ProposeBundle(t.Context(), by, b.legs(next...))
		b.ok(b.buyer, r, err)
		assert.True(t, r.Duplicate)
		assert.Equal(t, before, b.supplierSees("preston"), "who stays is told nothing")
		b.invited("steel")
		b.optIn(who("steel"), b.supply["steel"])
		for _, id := range next { // the suppliers that stay are not asked again
			assert.Equal(t, disclosure.Summarised, b.phase(b.buyer, b.demand[id]))
			b.optIn(b.buyer, b.demand[id])
		}
		for _, f := range []string{"preston", "huron", "steel", "thermal"} {
			b.revealed("wellington", f)
			assert.Equal(t, disclosure.Revealed, b.phase(who(f), b.supply[f]), f)
		}
		assert.Equal(t, int64(36*12000+36*5500+6*11000+180000), b.total(next...))
		b.isFold()
	})

	t.Run("one declines and nobody replaces it", func(t *testing.T) {
		b := start(t)
		r, err := b.x.WithdrawFrom(t.Context(), b.as(who("huron")), b.supply["huron"], "")
		b.ok(who("huron"), r, err)
		for i, f := range firms {
			if f != "huron" {
				b.optIn(b.buyer, b.demand[parts[i]])
				b.optIn(who(f), b.supply[f])
			}
		}
		b.now = b.now.Add(2 * time.Hour)
		_, err = b.x.Tick(t.Context(), b.now)
		require.NoError(t, err)
		assert.Equal(t, disclosure.Closed, b.phase(b.buyer, b.demand["operator0"]), "the buyer is told which part is missing")
		_, err = b.x.ProposeBundle(t.Context(), b.as(b.buyer), b.legs("machine0", "inspection0", "heat0"))
		require.ErrorIs(t, err, csss.ErrUnavailable, "a part that is missing is not left out")
		b.now = b.now.AddDate(0, 0, 20)
		_, err = b.x.Tick(t.Context(), b.now)
		require.NoError(t, err)
		for i, f := range firms {
			if f != "huron" {
				assert.Equal(t, disclosure.Stale, b.phase(who(f), b.supply[f]))
				assert.Nil(t, b.identity(b.buyer, b.demand[parts[i]]))
			}
		}
		b.isFold()
	})
}

// TestABundleIsOfDifferentOffers: two handles that are one and the same offer are
// no bundle; who proposes them learns what one learns who selects both.
func TestABundleIsOfDifferentOffers(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	var legs []disclosure.Handle
	for i := range 2 {
		n := d.s.Need
		n.ID += fmt.Sprint("-", i)
		_, err := d.x.Register(background, d.s.Requester.At(d.at), n)
		require.NoError(t, err)
		m, err := d.x.Match(background, d.s.Requester.At(d.at), n.ID)
		require.NoError(t, err)
		require.Len(t, m.Candidates, 1)
		legs = append(legs, m.Candidates[0].Handle)
	}
	was := d.digest()
	_, err := d.x.ProposeBundle(background, d.s.Requester.At(d.at), legs)
	require.ErrorIs(t, err, csss.ErrUnavailable)
	require.Equal(t, was, d.digest())
	tasks, err := d.x.Inbox(background, d.s.Vance.At(d.at))
	require.NoError(t, err)
	require.Empty(t, tasks, "nobody is invited")
}
