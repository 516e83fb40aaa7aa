package csss_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
)

// blind is a reason for which two firms must not meet, or need not: it is found
// before any summary is shown, whichever side it lies on.
type blind struct {
	name   string
	cfg    csss.Config
	market func(in *csss.Import) // differs from the start
	first  func(n *match.Need)   // that asks something else
	before func(b *bazaar)       // between the first need and the one that is refused
	need   func(n *match.Need)   // that is refused
}

func blinds() []blind {
	forbids := func(i, naics int) func(b *bazaar) {
		return func(b *bazaar) {
			b.rules(i, fmt.Sprintf(`{id: wall, effect: forbid, actions: [match], when: 'counterparty.naics == "33%04d"'}`, 2000+naics))
		}
	}
	leaves := func(b *bazaar, i int, h disclosure.Handle) {
		_, err := b.x.WithdrawFrom(b.Context(), b.as(worker(i, "engineer")), h, "")
		require.NoError(b, err)
		b.now = b.now.Add(90 * time.Minute)
		_, err = b.x.Tick(b.Context(), b.now)
		require.NoError(b, err)
	}
	return []blind{
		{name: "nothing fits", need: func(n *match.Need) { n.Ceiling = match.NewBound(9000) }},
		{name: "too far away", need: func(n *match.Need) { n.RadiusKM = 5 }},
		{name: "one group", market: func(in *csss.Import) {
			for i := range in.Firms {
				if in.Firms[i].ID == bazaarFirm(0) || in.Firms[i].ID == bazaarFirm(1) {
					in.Firms[i].Group = "conglomerate"
				}
			}
		}},
		{name: "the seller excludes the buyer", market: func(in *csss.Import) {
			for i := range in.Offers {
				if in.Offers[i].Offer.ID == bazaarOffer(1) {
					in.Offers[i].Offer.Exclude.Groups = []string{bazaarFirm(0)}
				}
			}
		}},
		{name: "the buyer excludes the seller", need: func(n *match.Need) { n.Exclude.Groups = []string{bazaarFirm(1)} }},
		{name: "the seller excludes the buyer's industry", market: func(in *csss.Import) {
			for i := range in.Offers {
				if in.Offers[i].Offer.ID == bazaarOffer(1) {
					in.Offers[i].Offer.Exclude.NAICS = []string{"332000"}
				}
			}
		}},
		{name: "the seller's wall", before: forbids(1, 0)},
		{name: "the buyer's wall", before: forbids(0, 1)},
		{name: "the budget is spent", cfg: csss.Config{Budget: 1}},
		{name: "the first answer was no", first: func(n *match.Need) { n.Ceiling = match.NewBound(9400) }},
		{name: "the first answer was yes to less", need: func(n *match.Need) { n.Quantity.Value += match.Hour }},
		{name: "a session is open", before: func(b *bazaar) { b.selects() }},
		{name: "the buyer left a session", before: func(b *bazaar) { b.selects(); leaves(b, 0, b.demand) }},
		{name: "the seller left a session", before: func(b *bazaar) { b.selects(); leaves(b, 1, b.supply) }},
	}
}

// selects opens a session with what the first need found.
func (b *bazaar) selects() {
	b.Helper()
	_, err := b.x.Select(b.Context(), b.as(worker(b.buyer, "engineer")), b.demand)
	require.NoError(b, err)
	tasks := b.inbox(worker(b.shop, "engineer"), csss.Invitation)
	require.Len(b, tasks, 1)
	b.supply = tasks[0].Handle
}

// everybody is all that anybody but the buyer's firm can read without having
// been asked: the sellers' people, and what is told of the whole market.
func (b *bazaar) everybody() string {
	b.Helper()
	var out strings.Builder
	for i := range b.versions {
		for _, role := range []string{"engineer", "boss", "owner"} {
			w := worker(i, role)
			tasks, err := b.x.Inbox(b.Context(), b.as(w))
			require.NoError(b, err)
			fmt.Fprintf(&out, "%s %s", w.Person, everyForm(tasks))
			if i == b.buyer {
				continue
			}
			misses, err := b.x.NearMisses(b.Context(), b.as(w), bazaarOffer(i))
			require.NoError(b, err)
			left, err := b.x.Remaining(b.as(w), bazaarOffer(i))
			require.NoError(b, err)
			seen, err := b.x.Preview(b.as(w), bazaarOffer(i))
			require.NoError(b, err)
			fmt.Fprintln(&out, everyForm(misses), left, everyForm(seen.Labels), seen.K)
		}
	}
	totals, err := b.x.MissTotals(b.Context())
	require.NoError(b, err)
	picture, err := b.x.Picture(b.Context())
	require.NoError(b, err)
	picture.At = time.Time{}
	fmt.Fprintln(&out, totals, everyForm(picture))
	return out.String()
}

// Whoever refuses, and for whatever reason, the buyer reads one and the same
// answer, and nobody else reads anything.
func TestBlindChecks(t *testing.T) {
	var first string
	var entries uint64
	for _, c := range blinds() {
		t.Run(c.name, func(t *testing.T) {
			var edits []func(*csss.Import)
			if c.market != nil {
				edits = append(edits, c.market)
			}
			b := newBazaar(t, c.cfg, 1, 0, edits...)
			month := b.now
			b.asks("first", fixed(month, c.first))
			if c.before != nil {
				c.before(b)
			}
			b.now = month.Add(2 * time.Hour)
			n := match.Need{ID: "second"}
			before, size := b.everybody(), b.x.Size()
			m, err := b.asksFor("second", func(need *match.Need) {
				fixed(month, c.need)(need)
				n = *need
			})
			require.NoError(t, err)
			require.Empty(t, m.Candidates)
			text := masked(m, err)
			m, err = b.x.Candidates(b.as(worker(0, "engineer")), n.ID)
			text += masked(m, err)
			_, err = b.x.Select(t.Context(), b.as(worker(0, "engineer")), disclosure.HandleOf("guessed", disclosure.Supply))
			text += masked(err)
			if first == "" {
				first = text
			}
			same(t, first, text, "%q", c.name)
			assert.Equal(t, before, b.everybody(), "somebody else has read something")
			if entries == 0 {
				entries = b.x.Size() - size
			}
			assert.Equal(t, entries, b.x.Size()-size, "the number of leaves tells")
			b.isFold()
		})
	}
}
