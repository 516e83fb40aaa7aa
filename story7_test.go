package csss_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// The seventh story: a firm probes, declines and withdraws. Each row of its
// table is a test of its own; every value that anybody is given goes through
// [play.saw].

// printers opens the seventh story: alone at its k, or inside the seeded world
// at the library's defaults.
func printers(t *testing.T, cfg csss.Config) (*play, *world.Probing) {
	t.Helper()
	s := world.Story7()
	p := open(t, cfg, s.World.Canaries())
	require.NoError(t, load(p.x, &s.World))
	p.now = s.Registered()
	return p, s
}

func printersInWorld(t *testing.T) (*play, *world.Probing) {
	t.Helper()
	s := world.Story7()
	p := inWorld(t)
	p.canaries = append(slices.Clone(p.canaries), s.World.Canaries()...)
	_, err := p.x.Import(t.Context(), csss.By{ID: "printers", At: world.Opening()}, s.World.Import())
	require.NoError(t, err)
	p.now = s.Registered()
	return p, s
}

var threeAlike = csss.Config{K: 3, KPeople: 3}

// variant is a need of the prober's under another id.
func variant(s *world.Probing, id string, edits ...func(*match.Need)) match.Need {
	n := s.Need
	n.ID = "need-pry-industries-" + id
	for _, edit := range edits {
		edit(&n)
	}
	return n
}

// of makes it another firm's.
func of(w world.Who) func(*match.Need) {
	return func(n *match.Need) {
		n.Requester, n.ID = w.Person, n.ID+" "+w.Firm
		n.Site, n.Region, n.Zone = match.Point{}, "", ""
	}
}

// said lists what candidates say, and where they are: as sets, because their
// order is drawn anew for each answer.
func said(m csss.Matches) []string {
	var out []string
	for _, c := range m.Candidates {
		out = append(out, strings.Join(c.Summary, ", ")+" @ "+c.Place)
	}
	slices.Sort(out)
	return out
}

const (
	finest = "metal powder-bed fusion, ≥ 250 mm, ISO 13485"
	metal  = "metal powder-bed fusion"
)

func TestStoryS7(t *testing.T) {
	t.Run("k = 3", func(t *testing.T) {
		p, s := printers(t, threeAlike)
		own, err := p.x.Preview(p.as(s.Rare.Seller), s.Rare.Offer)
		require.NoError(t, err)
		assert.Equal(t, finest, strings.Join(own.Labels, ", "))
		assert.Equal(t, 3, own.K, "Rare, Waterloo, Don Valley")
		m := p.asks(s.Pry, variant(s, "k3"))
		require.Len(t, m.Candidates, 5)
		assert.Contains(t, said(m), finest+" @ ≤ 60 km")
		for _, c := range m.Candidates {
			assert.NotContains(t, []string{"≤ 10 km", "≤ 25 km", "≤ 40 km"}, c.Place, "fewer than three print metal there with those words")
		}
		p.isFold()
		p.verifies()
	})
	t.Run("k = 5", func(t *testing.T) {
		p, s := printersInWorld(t)
		m := p.asks(s.Pry, variant(s, "k5"))
		assert.Equal(t, slices.Repeat([]string{metal + " @ Ontario"}, 5), said(m))
		p.isFold()
		p.verifies()
	})
	t.Run("no level reaches k", func(t *testing.T) {
		p, s := printers(t, csss.Config{K: 7, KPeople: 7})
		m := p.asks(s.Pry, variant(s, "k7"))
		none := p.asks(s.Pry, variant(s, "none", func(n *match.Need) { n.Requires[0].Terms = []string{"welding"} }))
		m.Receipt, none.Receipt = csss.Receipt{}, csss.Receipt{}
		assert.Equal(t, everyForm(none), everyForm(m), "it reads like no match")
		for _, owner := range []world.Printer{s.Rare, s.Border} {
			own, err := p.x.Preview(p.as(owner.Seller), owner.Offer)
			p.saw(owner.Seller.Firm, own, err)
			require.NoError(t, err)
			assert.True(t, own.TooRare)
			assert.NotEmpty(t, own.Costliest, "the field that costs most")
			require.Len(t, p.inbox(owner.Seller, csss.RareOffer), 1)
		}
		assert.Empty(t, p.inbox(s.Speed.Seller, csss.RareOffer), "nobody asked for polymer")
		p.isFold()
	})
	t.Run("ratchet", playRatchet)
	t.Run("moving the circle", playCircles)
	t.Run("five offers of one firm", func(t *testing.T) { playSisters(t, 1, 5) })
	t.Run("three firms of one group", func(t *testing.T) { playSisters(t, 3, 1) })
	playSessions(t)
}

// playRatchet: a text only becomes coarser, for everybody the same.
func playRatchet(t *testing.T) {
	p, s := printers(t, threeAlike)
	rare := func(w world.Who, id string) []string {
		var out []string
		for _, line := range said(p.asks(w, variant(s, id, of(w)))) {
			text, _, _ := strings.Cut(line, " @ ")
			out = append(out, text)
		}
		return out
	}
	before := rare(s.Pry, "before")
	assert.Equal(t, before, rare(s.Plain, "before"), "every viewer reads the same words")
	require.Contains(t, before, finest)

	p.now = p.now.Add(time.Hour)
	r, err := p.x.Withdraw(t.Context(), p.as(s.DonValley.Seller), s.DonValley.Offer)
	p.ok(s.DonValley.Seller, r, err)
	coarser := rare(s.Pry, "after")
	assert.Equal(t, []string{metal, metal, metal, metal}, generalised(coarser), "%q", coarser)
	assert.NotContains(t, coarser, finest, "two are left")
	assert.Equal(t, coarser, rare(s.Plain, "after"))

	// One more of the same arrives: what was withdrawn does not come back, only
	// what is new may speak finer.
	p.now = p.now.Add(time.Hour)
	in, canaries := s.Sister(0, "Kingsmere Additive", "", 1)
	p.canaries = append(p.canaries, canaries...)
	_, err = p.x.Import(t.Context(), csss.By{At: p.now}, in)
	require.NoError(t, err)
	later := rare(s.Pry, "later")
	require.Len(t, later, 5)
	assert.LessOrEqual(t, strings.Count(strings.Join(later, "\n")+"\n", finest+"\n"), 1, "%q", later)
	assert.Equal(t, later, rare(s.Plain, "later"))
	for _, own := range []world.Printer{s.Rare, s.Waterloo} {
		v, err := p.x.Preview(p.as(own.Seller), own.Offer)
		require.NoError(t, err)
		assert.NotEqual(t, finest, strings.Join(v.Labels, ", "), "never finer again")
	}
	p.isFold()
	p.verifies()
}

// generalised keeps the first label of each text.
func generalised(texts []string) []string {
	out := slices.Clone(texts)
	for i := range out {
		out[i], _, _ = strings.Cut(out[i], ", ")
	}
	return out
}

// playCircles: where a group looks from is a verified site, once and for all.
// Needs at its other site, and another firm of the group in another city, read
// the same places; other coordinates are refused.
func playCircles(t *testing.T) {
	p, s := printers(t, threeAlike)
	places := said(p.asks(s.Pry, variant(s, "home")))
	require.Contains(t, strings.Join(places, "\n"), "≤ 60 km")
	windsor := s.Firms[slices.IndexFunc(s.Firms, func(f csss.Firm) bool { return f.ID == s.Pry.Firm })].Sites[1]
	moved := func(n *match.Need) { n.Site, n.RadiusKM = windsor.At, 0 }
	assert.Empty(t, said(p.asks(s.Pry, variant(s, "windsor", moved))), "a group that was answered is not answered for another circle")
	west := p.asks(s.West, variant(s, "west", of(s.West)))
	assert.Empty(t, said(west), "nor by another firm of it, 55 km away")
	p.isFold()

	p, s = printers(t, threeAlike)
	require.Equal(t, places, said(p.asks(s.Pry, variant(s, "windsor first", moved))), "the band is that of the verified site, wherever the circle lies")
	p.isFold()

	p, s = printers(t, threeAlike)
	first := said(p.asks(s.West, variant(s, "west first", of(s.West))))
	p.now = p.now.Add(30 * 24 * time.Hour)
	second := said(p.asks(s.Pry, variant(s, "then pry")))
	assert.Equal(t, first, second, "the first view of a group settles the band, whoever of it looks, and whenever")

	// A new revision moves nothing either: what a group read of the old one is
	// still known to it.
	p.now = p.now.Add(31 * 24 * time.Hour)
	o, err := p.x.Offer(p.as(s.Rare.Seller), s.Rare.Offer)
	require.NoError(t, err)
	r, err := p.x.Revise(t.Context(), p.as(s.Rare.Seller), o)
	p.ok(s.Rare.Seller, r, err)
	assert.Equal(t, first, said(p.asks(s.Pry, variant(s, "revised"))), "still as seen from Kitchener")

	for i, at := range []match.Point{{Lat: 43.26, Lon: -79.87}, {Lat: 43.7, Lon: -79.4}, {Lat: 43.2557, Lon: -79.8712}} {
		_, err := p.x.Register(t.Context(), p.as(s.Pry), variant(s, fmt.Sprint("elsewhere", i), func(n *match.Need) { n.Site = at }))
		p.saw(s.Pry.Firm, err)
		assert.ErrorAs(t, err, new(*csss.InputError), "a site must be the firm's own")
	}
	p.isFold()
	p.verifies()
}

// playSisters: what one owner adds, in offers or in firms, is one employer. With
// Don Valley gone the class is two, and stays two; with one more group it is
// three again.
func playSisters(t *testing.T, firms, offers int) {
	p, s := printers(t, threeAlike)
	r, err := p.x.Withdraw(t.Context(), p.as(s.DonValley.Seller), s.DonValley.Offer)
	p.ok(s.DonValley.Seller, r, err)
	rare := func() csss.Preview {
		v, err := p.x.Preview(p.as(s.Rare.Seller), s.Rare.Offer)
		require.NoError(t, err)
		return v
	}
	before := rare()
	require.NotEqual(t, finest, strings.Join(before.Labels, ", "))
	names := []string{"Kingsmere Additive", "Larchwood Additive", "Oxbow Additive"}
	add := func(number int, legal, group string, offers int) {
		in, canaries := s.Sister(number, legal, group, offers)
		p.canaries = append(p.canaries, canaries...)
		_, err := p.x.Import(t.Context(), csss.By{At: p.now}, in)
		require.NoError(t, err)
	}
	for i := range firms { // of Waterloo's own group
		add(i, names[i], s.Waterloo.Seller.Firm, offers)
	}
	assert.Equal(t, before.Labels, rare().Labels, "still two employers")
	assert.Equal(t, before.K, rare().K)
	texts := said(p.asks(s.Pry, variant(s, "sisters")))
	assert.NotContains(t, strings.Join(texts, "\n"), finest)
	add(3, "Harrowgate Additive", "", 1)
	assert.Equal(t, before.K+1, rare().K, "one employer more")
	p.isFold()
}
