package csss_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// Somebody without a role is still of the firm: sees what is the firm's, and
// acts as far as the rules let somebody without a role. A stranger does not.
func TestPeopleWithoutRolesAreNotStrangers(t *testing.T) {
	p, owner, buyer := rareMarket(t, 5, 5)
	_, err := p.x.RegisterFirm(t.Context(), csss.By{At: p.now}, csss.Firm{ID: "plain", LegalName: "Plain", Country: "Ontario",
		Sites: []csss.Site{{ID: "site-plain", Region: "hamilton_niagara", Zone: world.Zone}}, People: []csss.Person{{ID: "usr-plain"}}})
	require.NoError(t, err)
	plain := world.Who{Firm: "plain", Person: "usr-plain"}
	_, err = p.x.SetPolicy(t.Context(), csss.By{At: p.now}, plain.Firm, "plain.yaml", fmt.Appendf(nil, `
apiVersion: csss.policy/v1
employer: plain
version: 1
zone: America/Toronto
rules:
  - {id: all, effect: permit, actions: [publish, register], categories: [machine.capacity, demand.machining], approval: auto}
`))
	require.NoError(t, err)

	o, err := p.x.Offer(p.as(owner), "offer-seller-0")
	require.NoError(t, err)
	o.ID, o.Site = "offer-plain", match.Point{}
	r, err := p.x.Publish(t.Context(), p.as(plain), o)
	p.ok(plain, r, err)
	n, err := p.x.Need(p.as(buyer), "need-1")
	require.NoError(t, err)
	n.ID, n.Site = "need-plain", match.Point{}
	r, err = p.x.Register(t.Context(), p.as(plain), n)
	p.ok(plain, r, err)
	_, err = p.x.Match(t.Context(), p.as(plain), n.ID)
	require.NoError(t, err)
	_, err = p.x.Inbox(t.Context(), p.as(plain))
	require.NoError(t, err)

	for _, stranger := range []world.Who{{Firm: "plain", Person: "usr-buyer"}, {Firm: "plain"}, {}, {Firm: "nobody", Person: "usr-plain"}} {
		_, err = p.x.Inbox(t.Context(), p.as(stranger))
		assert.ErrorIs(t, err, csss.ErrNotYours, "%v", stranger)
		_, err = p.x.Offer(p.as(stranger), o.ID)
		assert.ErrorIs(t, err, csss.ErrNotFound, "%v", stranger)
	}
}
