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

// rareMarket is a thin market: so many employers offer machines, so many of
// them alike the same rare process, only the first one at hours that fit, and
// one employer needs it.
func rareMarket(t *testing.T, sellers, alike int) (p *play, owner, buyer world.Who) {
	t.Helper()
	return thinMarket(t, csss.Config{}, sellers, alike)
}

// rareNeed is what the one employer needs.
func rareNeed(now time.Time) match.Need {
	return match.Need{ID: "need-1", Kind: match.MachineCapacity, Category: "machine.capacity",
		Governance: "demand.machining", Text: "metal powder-bed fusion", Quantity: match.Quantity{Unit: match.Hours, Value: 10 * match.Hour},
		From: now, Until: now.AddDate(0, 2, 0), Currency: "CAD", Ceiling: match.NewBound(15000), RadiusKM: 50}
}

// thinMarket is a rare market of a configuration's, whose offers have topics.
func thinMarket(t *testing.T, cfg csss.Config, sellers, alike int, topics ...string) (p *play, owner, buyer world.Who) {
	t.Helper()
	p = open(t, cfg, nil)
	p.now = world.Opening()
	var in csss.Import
	firm := func(id, role, category string) {
		in.Firms = append(in.Firms, csss.Firm{ID: id, LegalName: "Zephyrine " + id, Country: "Ontario",
			Sites:  []csss.Site{{ID: "site-" + id, City: "Hamilton", Region: "hamilton_niagara", Zone: world.Zone, At: match.Point{Lat: 43.2557, Lon: -79.8711}}},
			People: []csss.Person{{ID: "usr-" + id, Name: "A. Nyquist", Roles: []string{role}}}})
		in.Policies = append(in.Policies, csss.PolicyText{Firm: id, Name: id + ".yaml", Text: fmt.Appendf(nil, `
apiVersion: csss.policy/v1
employer: %s
version: 1
zone: America/Toronto
rules:
  - {id: all, effect: permit, actions: [publish, register, match, summarise, reveal, engage], categories: [%s], approval: auto}
`, id, category)})
	}
	for i := range sellers {
		id := fmt.Sprintf("seller-%d", i)
		firm(id, "owner", "machine.capacity")
		o := match.Offer{ID: "offer-" + id, Resource: "res-" + id, Kind: match.MachineCapacity, Category: "machine.capacity.additive",
			Text: "metal powder-bed fusion", Topics: topics, Properties: map[string]match.Property{"process": match.Terms("metal_powder_bed_fusion")},
			Quantity: match.Quantity{Unit: match.Hours, Value: 40 * match.Hour}, Currency: "CAD", Floor: match.NewBound(9000)}
		if i > 0 {
			o.Available = p.now.AddDate(1, 0, 0)
		}
		if i >= alike {
			o.Properties["process"] = match.Terms("welding")
		}
		in.Offers = append(in.Offers, csss.Publication{By: csss.By{Firm: id, Person: "usr-" + id}, Offer: o})
	}
	firm("buyer", "engineer", "demand.machining")
	head := &in.Firms[len(in.Firms)-1]
	head.People = append(head.People, csss.Person{ID: "boss-buyer", Name: "B. Nyquist", Roles: []string{"operations_director"}})
	in.Comparables = map[string][]int64{"machine.capacity.additive": {10000, 10000, 10000}}
	_, err := p.x.Import(t.Context(), csss.By{At: p.now}, in)
	require.NoError(t, err)
	owner, buyer = world.Who{Firm: "seller-0", Person: "usr-seller-0"}, world.Who{Firm: "buyer", Person: "usr-buyer"}
	n := rareNeed(p.now)
	n.Topics = topics
	r, err := p.x.Register(t.Context(), p.as(buyer), n)
	p.ok(buyer, r, err)
	return p, owner, buyer
}

// An offer that fewer than k employers share is not shown; its owner is asked,
// told how few and what costs most, and may consent for this one counterparty.
func TestRareButWilling(t *testing.T) {
	p, owner, buyer := rareMarket(t, 3, 3)
	m, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
	require.NoError(t, err)
	assert.Empty(t, m.Candidates, "three employers are fewer than five")

	asked := p.inbox(owner, csss.RareOffer)
	require.Len(t, asked, 1)
	assert.Equal(t, 3, asked[0].Brief.K)
	_, err = p.x.ConsentSummary(t.Context(), p.as(buyer), asked[0].Handle)
	assert.ErrorIs(t, err, csss.ErrNotFound, "nobody else can consent")

	p.now = p.now.Add(time.Hour)
	r, err := p.x.ConsentSummary(t.Context(), p.as(owner), asked[0].Handle)
	p.ok(owner, r, err)
	assert.Empty(t, p.inbox(owner, csss.RareOffer))
	m, err = p.x.Candidates(p.as(buyer), "need-1")
	require.NoError(t, err)
	require.Len(t, m.Candidates, 1)
	assert.Equal(t, []string{"metal powder-bed fusion"}, m.Candidates[0].Summary)
	r, err = p.x.Select(t.Context(), p.as(buyer), m.Candidates[0].Handle)
	p.ok(buyer, r, err)
	require.Len(t, p.inbox(owner, csss.Invitation), 1)
	p.isFold()
}

// Two employers are never enough by default, whoever consents.
func TestTooRareEvenWithConsent(t *testing.T) {
	p, owner, buyer := rareMarket(t, 2, 2)
	_, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
	require.NoError(t, err)
	asked := p.inbox(owner, csss.RareOffer)
	require.Len(t, asked, 1)
	_, err = p.x.ConsentSummary(t.Context(), p.as(owner), asked[0].Handle)
	require.ErrorIs(t, err, csss.ErrTooRare)
	m, err := p.x.Candidates(p.as(buyer), "need-1")
	require.NoError(t, err)
	assert.Empty(t, m.Candidates)
}

// With k employers in the category and region, that a fit exists is told.
func TestRareFitExists(t *testing.T) {
	p, _, buyer := rareMarket(t, 5, 2)
	m, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
	require.NoError(t, err)
	require.Len(t, m.Candidates, 1)
	assert.Equal(t, []string{"a fit exists", "machine.capacity.additive"}, m.Candidates[0].Summary)
	assert.Equal(t, "hamilton_niagara", m.Candidates[0].Place)
	assert.Empty(t, m.Candidates[0].Rationale)
}

// A credential is what was issued, years and cases are what was counted: none
// comes from a property that the owner wrote.
func TestPropertiesClaimNoCredential(t *testing.T) {
	p, owner, _ := rareMarket(t, 5, 5)
	for i := range 5 {
		id := fmt.Sprintf("seller-%d", i)
		by := csss.By{Firm: id, Person: "usr-" + id, At: p.now}
		o, err := p.x.Offer(by, "offer-"+id)
		require.NoError(t, err)
		o.Properties["credential"] = match.Terms("as9100d")
		o.Properties["years"] = match.Range(0, 40, "")
		_, err = p.x.Revise(t.Context(), by, o)
		require.NoError(t, err)
	}
	v, err := p.x.Preview(p.as(owner), "offer-seller-0")
	require.NoError(t, err)
	assert.Equal(t, []string{"metal powder-bed fusion"}, v.Labels)
}
