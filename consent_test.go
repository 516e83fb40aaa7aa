package csss_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// A consent is about what was proposed: once that has changed, the owner is
// neither asked nor able to consent.
func TestConsentIsBoundToTheProposal(t *testing.T) {
	silence := func(p *play, firm string) {
		p.Helper()
		_, err := p.x.SetPolicy(p.Context(), csss.By{At: p.now}, firm, firm+".yaml", []byte(`
apiVersion: csss.policy/v1
employer: `+firm+`
version: 2
zone: America/Toronto
rules:
  - {id: some, effect: permit, actions: [publish, register, match, reveal, engage], categories: [machine.capacity, demand.machining], approval: auto}
`))
		require.NoError(p, err)
	}
	for _, c := range []struct {
		name    string
		disturb func(p *play, owner, buyer world.Who)
		want    error
	}{
		{"nothing", func(*play, world.Who, world.Who) {}, nil},
		{"the owner has left", func(p *play, owner, _ world.Who) {
			r, err := p.x.Leave(p.Context(), p.as(owner), owner.Person)
			p.ok(owner, r, err)
		}, csss.ErrNotFound},
		{"the offer is revised", func(p *play, owner, _ world.Who) {
			p.revise(owner, func(o *match.Offer) { o.Text = "powder bed, as it is now" })
		}, csss.ErrUnavailable},
		{"the offer is withdrawn", func(p *play, owner, _ world.Who) {
			r, err := p.x.Withdraw(p.Context(), p.as(owner), "offer-seller-0")
			p.ok(owner, r, err)
		}, csss.ErrNotFound},
		{"the need is withdrawn", func(p *play, _, buyer world.Who) {
			r, err := p.x.Withdraw(p.Context(), p.as(buyer), "need-1")
			p.ok(buyer, r, err)
		}, csss.ErrUnavailable},
		{"the window is over", func(p *play, _, _ world.Who) { p.now = p.now.AddDate(0, 0, 30) }, csss.ErrUnavailable},
		{"the owner's rules", func(p *play, owner, _ world.Who) { silence(p, owner.Firm) }, csss.ErrUnavailable},
		{"the buyer's rules", func(p *play, _, buyer world.Who) { silence(p, buyer.Firm) }, csss.ErrUnavailable},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			p, owner, buyer := rareMarket(t, 3, 3)
			_, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
			require.NoError(t, err)
			asked := p.inbox(owner, csss.RareOffer)
			require.Len(t, asked, 1)
			p.now = p.now.Add(time.Hour)
			c.disturb(p, owner, buyer)
			tasks, err := p.x.Inbox(t.Context(), p.as(owner))
			if c.want == nil {
				require.NoError(t, err)
				require.Len(t, tasks, 1)
			}
			assert.Equal(t, c.want == nil, len(tasks) == 1, "asked")
			size := p.x.Size()
			_, err = p.x.ConsentSummary(t.Context(), p.as(owner), asked[0].Handle)
			if c.want == nil {
				require.NoError(t, err)
				p.isFold()
				return
			}
			require.ErrorIs(t, err, c.want)
			assert.Equal(t, size, p.x.Size())
			p.isFold()
		})
	}
}

// What the offer's side reads of a need is settled when it is first proposed,
// and is the same in the inbox, at the selection and after others came or went.
func TestNeedIsFrozenAtItsFirstProposal(t *testing.T) {
	const topic, region = "heat_treatment", "hamilton_niagara"
	find := func(p *play, buyer world.Who) csss.Candidate {
		p.Helper()
		m, err := p.x.Match(p.Context(), p.as(buyer), "need-1")
		require.NoError(p, err)
		require.Len(p, m.Candidates, 1)
		return m.Candidates[0]
	}
	invited := func(p *play, owner, buyer world.Who, h disclosure.Handle) csss.Brief {
		p.Helper()
		r, err := p.x.Select(p.Context(), p.as(buyer), h)
		p.ok(buyer, r, err)
		tasks := p.inbox(owner, csss.Invitation)
		require.Len(p, tasks, 1)
		return tasks[0].Brief
	}
	leave := func(p *play, i int) {
		p.Helper()
		w := fellow(i)
		r, err := p.x.Withdraw(p.Context(), p.as(w), "offer-"+w.Firm)
		p.ok(w, r, err)
	}

	t.Run("others go", func(t *testing.T) {
		p, owner, buyer := thinMarket(t, csss.Config{}, 6, 6, topic)
		c := find(p, buyer)
		leave(p, 4)
		leave(p, 5)
		b := invited(p, owner, buyer, c.Handle)
		assert.Equal(t, []string{"machine capacity", "machine.capacity", "≤ 16 h", topic}, b.Counterparty)
		assert.Equal(t, region, b.Place)
		p.isFold()
	})
	t.Run("the viewer is one of k", func(t *testing.T) {
		p, owner, buyer := thinMarket(t, csss.Config{}, 5, 5, topic)
		b := invited(p, owner, buyer, find(p, buyer).Handle)
		assert.Equal(t, []string{"machine capacity", "machine.capacity", "≤ 16 h"}, b.Counterparty, "four others use the topic")
		assert.Equal(t, region, b.Place, "five others are there")
	})
	t.Run("once not shown is not shown later", func(t *testing.T) {
		p, owner, buyer := thinMarket(t, csss.Config{}, 5, 5, topic)
		find(p, buyer)
		_, err := p.x.Import(t.Context(), csss.By{At: p.now}, seller("seller-9"))
		require.NoError(t, err)
		o, err := p.x.Offer(p.as(fellow(1)), "offer-seller-1")
		require.NoError(t, err)
		o.ID, o.Site = "offer-9", match.Point{}
		r, err := p.x.Publish(t.Context(), p.as(fellow(9)), o)
		p.ok(fellow(9), r, err)
		p.now = p.now.Add(time.Hour)
		b := invited(p, owner, buyer, find(p, buyer).Handle)
		assert.Equal(t, []string{"machine capacity", "machine.capacity", "≤ 16 h"}, b.Counterparty, "a later count is no news")
		p.isFold()
	})
	t.Run("nothing is left of the place", func(t *testing.T) {
		p, owner, buyer := thinMarket(t, csss.Config{}, 4, 4, topic)
		asked := func(want int) {
			t.Helper()
			_, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
			require.NoError(t, err)
			tasks := p.inbox(owner, csss.RareOffer)
			require.Len(t, tasks, want)
			for _, task := range tasks {
				assert.Equal(t, []string{"machine capacity", "machine.capacity", "≤ 16 h"}, task.Brief.Counterparty)
				assert.Empty(t, task.Brief.Place)
			}
		}
		asked(1) // with the viewer there are five, without it four
		_, err := p.x.Import(t.Context(), csss.By{At: p.now}, seller("seller-9"))
		require.NoError(t, err)
		p.now = p.now.Add(time.Hour)
		asked(2) // without it five now: too late
	})
}
