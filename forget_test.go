package csss_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
)

// told plays the second story to its engagement on a store that can be read
// from outside, and withdraws what is left.
func told(t *testing.T, store ledger.Store) (*play, *world.SecondShift) {
	t.Helper()
	s := world.K3Story2()
	p := open(t, csss.Config{K: 3, KPeople: 3, Store: store}, s.Canaries())
	require.NoError(t, load(p.x, &s.World))
	p.replays = false
	p.run(secondShift(s), "")
	engageSecondShift(p, s)
	for _, by := range []csss.By{p.as(s.Vance), p.as(s.Requester)} {
		id := s.Offer
		if by.Firm == s.Requester.Firm {
			id = s.Need.ID
		}
		_, err := p.x.Withdraw(t.Context(), by, id)
		require.NoError(t, err)
	}
	return p, s
}

func (p *play) forget(subjects ...string) {
	p.Helper()
	for _, id := range subjects {
		_, err := p.x.Erase(p.Context(), csss.By{At: p.now}, id, "asked for")
		require.NoError(p, err, id)
	}
	p.isFold()
	p.verifies()
}

// readAll calls everything that reads and requires an answer or an error.
func (p *play) readAll(w world.Who, offer, need string) {
	p.Helper()
	ctx, by := p.Context(), p.as(w)
	for _, h := range p.handles {
		_, _ = p.x.View(ctx, by, h, disclosure.StageIdentity)
		_, _ = p.x.View(ctx, by, h, disclosure.StageSummary)
		_, _ = p.x.Status(ctx, by, h)
		_, _ = p.x.Trail(ctx, by, h)
		_, _ = p.x.ExportReceipt(ctx, by, h)
		_, _ = p.x.OptIn(ctx, by, h)
		_, _ = p.x.Select(ctx, by, h)
		_, _ = p.x.ConsentSummary(ctx, by, h)
	}
	_, _ = p.x.Inbox(ctx, by)
	_, _ = p.x.Offer(by, offer)
	_, _ = p.x.Need(by, need)
	_, _ = p.x.Candidates(by, need)
	_, _ = p.x.Match(ctx, by, need)
	_, _ = p.x.NearMisses(ctx, by, offer)
	_, _ = p.x.Remaining(by, offer)
	_, _ = p.x.Preview(by, offer)
	_, err := p.x.MissTotals(ctx)
	require.NoError(p, err)
	_, err = p.x.Picture(ctx)
	require.NoError(p, err)
	_, err = p.x.Tick(ctx, p.now.AddDate(0, 0, 1))
	require.NoError(p, err)
	p.isFold()
}

// Once everybody is erased no payload that can still be read names anybody,
// and nothing that reads falls over.
func TestNothingIsLeftOfWhoWasErased(t *testing.T) {
	store := ledger.NewMemoryStore()
	p, s := told(t, store)
	var subjects []string
	for _, f := range s.Firms {
		subjects = append(subjects, f.ID)
		for _, person := range f.People {
			subjects = append(subjects, person.ID)
		}
	}
	for i, id := range subjects {
		p.forget(id)
		if i < 3 || i == len(subjects)-1 {
			p.readAll(s.Requester, s.Offer, s.Need.ID)
			p.readAll(s.Vance, s.Offer, s.Need.ID)
		}
	}
	p.unreadable(store, s.Firms...)
}

// A firm that is erased alone is in no payload that can still be read either.
func TestNothingIsLeftOfOneSide(t *testing.T) {
	for _, gone := range []string{"demand", "supply"} {
		t.Run(gone, func(t *testing.T) {
			store := ledger.NewMemoryStore()
			p, s := told(t, store)
			who := s.Vance
			if gone == "demand" {
				who = s.Requester
			}
			i := slices.IndexFunc(s.Firms, func(f csss.Firm) bool { return f.ID == who.Firm })
			for _, person := range s.Firms[i].People {
				p.forget(person.ID)
			}
			p.forget(who.Firm)
			p.readAll(s.Requester, s.Offer, s.Need.ID)
			p.readAll(s.Vance, s.Offer, s.Need.ID)
			p.unreadable(store, s.Firms[i])
		})
	}
}

// unreadable closes the exchange and looks for the firms' names, ids and places
// in everything that its log still holds.
func (p *play) unreadable(store ledger.Store, firms ...csss.Firm) {
	p.Helper()
	tokens := map[string]string{}
	for _, f := range firms {
		for _, c := range p.canaries {
			if c.Firm == f.ID {
				tokens[c.Token] = f.ID
			}
		}
		for _, site := range f.Sites {
			tokens[strconv.FormatFloat(site.At.Lat, 'f', -1, 64)] = f.ID
		}
	}
	require.NoError(p, p.x.Close())
	log, err := ledger.Open(p.Context(), store, nil)
	require.NoError(p, err)
	defer func() { require.NoError(p, log.Close()) }()
	for e, err := range log.Read(p.Context(), ledger.Query{}) {
		require.NoError(p, err)
		text := strings.ToLower(string(e.Payload))
		for token, firm := range tokens {
			assert.False(p, mentions(text, strings.ToLower(token)), "%s of %s in %s: %s", token, firm, e.Type, text)
		}
	}
}

// Erasing one seller leaves the buyer its other candidates.
func TestErasingOneSellerLeavesTheOthers(t *testing.T) {
	p, _, buyer := rareMarket(t, 5, 5)
	n, err := p.x.Need(p.as(buyer), "need-1")
	require.NoError(t, err)
	n.ID, n.Until = "need-2", n.Until.AddDate(1, 0, 0)
	_, err = p.x.Register(t.Context(), p.as(buyer), n)
	require.NoError(t, err)
	before, err := p.x.Match(t.Context(), p.as(buyer), n.ID)
	require.NoError(t, err)
	require.Len(t, before.Candidates, 5)

	p.forget("seller-1")
	after, err := p.x.Candidates(p.as(buyer), n.ID)
	require.NoError(t, err)
	require.Len(t, after.Candidates, 4)
	was := slices.DeleteFunc(before.Candidates, func(c csss.Candidate) bool {
		return !slices.ContainsFunc(after.Candidates, func(d csss.Candidate) bool { return c.Handle == d.Handle })
	})
	for i := range was {
		was[i].Rank = i + 1
	}
	assert.Equal(t, was, after.Candidates, "in their order")
	r, err := p.x.Select(t.Context(), p.as(buyer), after.Candidates[3].Handle)
	p.ok(buyer, r, err)

	p.forget(buyer.Firm)
	for i := range 5 {
		owner := world.Who{Firm: "seller-" + string(rune('0'+i)), Person: "usr-seller-" + string(rune('0'+i))}
		if i != 1 {
			p.readAll(owner, "offer-"+owner.Firm, n.ID)
			assert.Empty(t, p.inbox(owner, csss.Invitation))
		}
	}
}

// Hours held for a firm that is erased before it was engaged come back when the
// hold runs out; either side of a reveal is told that it was erased.
func TestErasureAfterTheReveal(t *testing.T) {
	for _, gone := range []string{"demand", "supply"} {
		t.Run(gone, func(t *testing.T) {
			s := world.K3Story2()
			p := inSmall(t, &s.World)
			p.replays = false
			p.run(secondShift(s), "")
			left, err := p.x.Remaining(p.as(s.Vance), s.Offer)
			require.NoError(t, err)
			require.Equal(t, 318*match.Hour, left)
			if gone == "supply" {
				p.forget(s.Vance.Firm)
				_, err = p.x.View(t.Context(), p.as(s.Requester), p.handles["demand"], disclosure.StageIdentity)
				require.ErrorIs(t, err, csss.ErrErased)
				return
			}
			p.forget(s.Requester.Firm)
			_, err = p.x.View(t.Context(), p.as(s.Vance), p.handles["supply"], disclosure.StageIdentity)
			require.ErrorIs(t, err, csss.ErrErased)
			next, err := p.x.Tick(t.Context(), p.now)
			require.NoError(t, err)
			require.True(t, next.After(p.now))
			left, err = p.x.Remaining(p.as(s.Vance), s.Offer)
			require.NoError(t, err)
			require.Equal(t, 318*match.Hour, left)
			_, err = p.x.Tick(t.Context(), next)
			require.NoError(t, err)
			left, err = p.x.Remaining(p.as(s.Vance), s.Offer)
			require.NoError(t, err)
			assert.Equal(t, 368*match.Hour, left)
			p.isFold()
		})
	}
}

// Ids of firms and people are of one kind and are never given twice.
func TestIDsOfTheErasedAreTaken(t *testing.T) {
	p, owner, buyer := rareMarket(t, 5, 5)
	firm := func(id, person string) csss.Firm {
		return csss.Firm{ID: id, LegalName: "New", Sites: []csss.Site{{ID: "s", Zone: world.Zone}}, People: []csss.Person{{ID: person}}}
	}
	register := func(f csss.Firm) error {
		_, err := p.x.RegisterFirm(t.Context(), csss.By{At: p.now}, f)
		return err
	}
	assert.ErrorIs(t, register(firm("usr-seller-1", "new")), csss.ErrExists, "a person's")
	assert.ErrorIs(t, register(firm("new", "seller-1")), csss.ErrExists, "a firm's")
	var input *csss.InputError
	require.ErrorAs(t, register(firm("new", "new")), &input)
	_, err := p.x.Import(t.Context(), csss.By{At: p.now}, csss.Import{Firms: []csss.Firm{firm("one", "two"), firm("two", "three")}})
	require.ErrorIs(t, err, csss.ErrExists)

	o, err := p.x.Offer(p.as(owner), "offer-seller-0")
	require.NoError(t, err)
	n, err := p.x.Need(p.as(buyer), "need-1")
	require.NoError(t, err)
	p.now = p.now.Add(time.Hour)
	p.forget(owner.Firm, buyer.Person, buyer.Firm)
	assert.ErrorIs(t, register(firm(owner.Firm, "new")), csss.ErrExists)
	assert.ErrorIs(t, register(firm("new", buyer.Person)), csss.ErrExists)
	other := world.Who{Firm: "seller-1", Person: "usr-seller-1"}
	o.Site, n.Site, n.Governance = match.Point{}, match.Point{}, "machine.capacity"
	_, err = p.x.Publish(t.Context(), p.as(other), o)
	assert.ErrorIs(t, err, csss.ErrExists)
	_, err = p.x.Register(t.Context(), p.as(other), n)
	assert.ErrorIs(t, err, csss.ErrExists)
}
