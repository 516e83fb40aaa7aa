package csss_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// fellow is one of a thin market's sellers.
func fellow(i int) world.Who {
	id := fmt.Sprintf("seller-%d", i)
	return world.Who{Firm: id, Person: "usr-" + id}
}

// revise publishes an offer anew, changed.
func (p *play) revise(w world.Who, change func(*match.Offer)) {
	p.Helper()
	o, err := p.x.Offer(p.as(w), "offer-"+w.Firm)
	require.NoError(p, err)
	change(&o)
	r, err := p.x.Revise(p.Context(), p.as(w), o)
	p.ok(w, r, err)
}

// Looking logs nothing and changes nothing; what a match settles, a withdrawn
// text included, is the same before and after the exchange is reopened.
func TestWhatIsShownSurvivesReopening(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir()}
	p, owner, buyer := thinMarket(t, cfg, 5, 5)
	type given struct {
		preview csss.Preview
		asked   []csss.Task
		found   csss.Matches
	}
	look := func() (g given) {
		var err error
		g.preview, err = p.x.Preview(p.as(owner), "offer-seller-0")
		require.NoError(t, err)
		g.asked = p.inbox(owner, csss.RareOffer)
		g.found, err = p.x.Candidates(p.as(buyer), "need-1")
		require.NoError(t, err)
		return g
	}
	idle := func() given {
		t.Helper()
		digest, err := p.x.Digest()
		require.NoError(t, err)
		size := p.x.Size()
		g := look()
		after, err := p.x.Digest()
		require.NoError(t, err)
		require.Equal(t, digest, after, "looking changed the state")
		require.Equal(t, size, p.x.Size(), "looking was logged")
		p.isFold()
		return g
	}
	search := func() csss.Matches {
		t.Helper()
		p.now = p.now.Add(time.Hour)
		m, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
		require.NoError(t, err)
		return m
	}
	reopen := func() {
		t.Helper()
		require.NoError(t, p.x.Close())
		x, err := csss.Open(t.Context(), cfg)
		require.NoError(t, err)
		t.Cleanup(func() { _ = x.Close() })
		p.x = x
	}

	const text = "metal powder-bed fusion"
	require.Equal(t, []string{text}, idle().preview.Labels)
	m := search()
	require.Len(t, m.Candidates, 1)
	require.Equal(t, []string{text}, m.Candidates[0].Summary)

	// One of five leaves the market, and somebody looks: nothing is settled.
	r, err := p.x.Withdraw(t.Context(), p.as(fellow(4)), "offer-seller-4")
	p.ok(fellow(4), r, err)
	require.True(t, idle().preview.TooRare)
	again := csss.Import{Offers: []csss.Publication{{By: p.as(fellow(4)), Offer: match.Offer{ID: "offer-again", Resource: "res-seller-4",
		Kind: match.MachineCapacity, Category: "machine.capacity.additive", Available: p.now.AddDate(1, 0, 0),
		Properties: map[string]match.Property{"process": match.Terms("metal_powder_bed_fusion")},
		Quantity:   match.Quantity{Unit: match.Hours, Value: 40 * match.Hour}, Currency: "CAD", Floor: match.NewBound(9000)}}}}
	_, err = p.x.Import(t.Context(), csss.By{At: p.now}, again)
	require.NoError(t, err)
	require.Equal(t, []string{text}, idle().preview.Labels, "nobody was refused the text meanwhile")

	// It leaves again, and a match finds the text below k: it is withdrawn for
	// good, in this process and in the next.
	r, err = p.x.Withdraw(t.Context(), p.as(fellow(4)), "offer-again")
	p.ok(fellow(4), r, err)
	require.Empty(t, search().Candidates)
	again.Offers[0].Offer.ID = "offer-third"
	_, err = p.x.Import(t.Context(), csss.By{At: p.now}, again)
	require.NoError(t, err)
	live := idle()
	assert.True(t, live.preview.TooRare, "five are alike again, and the text stays withdrawn")
	assert.Len(t, live.asked, 1)
	assert.Empty(t, live.found.Candidates)
	reopen()
	assert.Equal(t, live, idle())

	r, err = p.x.ConsentSummary(t.Context(), p.as(owner), live.asked[0].Handle)
	p.ok(owner, r, err)
	live = idle()
	require.Len(t, live.found.Candidates, 1)
	reopen()
	assert.Equal(t, live, idle())
}

// A credential that has expired is not said any more, and does not help others
// to be k.
func TestExpiredCredentialsLeaveTheSummary(t *testing.T) {
	p, owner, buyer := thinMarket(t, csss.Config{}, 5, 5)
	ends := p.now.AddDate(0, 0, 10)
	for i := range 5 {
		p.revise(fellow(i), func(o *match.Offer) {
			c := match.Credential{Scheme: "ISO 13485"}
			if i == 4 {
				c.To = ends // one of the five; the owner's own goes on
			}
			o.Credentials = []match.Credential{c}
		})
	}
	said := func() []string {
		pr, err := p.x.Preview(p.as(owner), "offer-seller-0")
		require.NoError(t, err)
		return pr.Labels
	}
	full, less := []string{"metal powder-bed fusion", "ISO 13485"}, []string{"metal powder-bed fusion"}
	assert.Equal(t, full, said())
	start := p.now
	p.now = ends
	assert.Equal(t, less, said())
	p.now = start
	m, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
	require.NoError(t, err)
	require.Len(t, m.Candidates, 1)
	assert.Equal(t, full, m.Candidates[0].Summary)
	p.now = ends
	m, err = p.x.Match(t.Context(), p.as(buyer), "need-1")
	require.NoError(t, err)
	require.Len(t, m.Candidates, 1)
	assert.Equal(t, less, m.Candidates[0].Summary)
	p.isFold()
}
