package csss_test

import (
	"context"
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

var background = context.Background()

// secondShift is the second story as a list of scenes.
func secondShift(s *world.SecondShift) []scene { return secondShiftAt(s, s.Registered()) }

// secondShiftAt is the story with its need registered at some other time.
func secondShiftAt(s *world.SecondShift, at time.Time) []scene {
	supply, demand := s.Vance.Firm, s.Requester.Firm
	return []scene{
		{name: "register the need", do: func(p *play) {
			p.now = at
			p.private = append(p.private, secret{supply, "9500"}, secret{demand, "15000"}, secret{supply, "shift2-release"})
			r, err := p.x.Register(p.Context(), p.as(s.Requester), s.Need)
			p.ok(s.Requester, r, err)
		}},
		{name: "match", do: func(p *play) {
			m, err := p.x.Match(p.Context(), p.as(s.Requester), s.Need.ID)
			p.saw(demand, m, err)
			require.NoError(p, err)
			require.Len(p, m.Candidates, 1, "only the second shift fits")
			c := m.Candidates[0]
			assert.Equal(p, match.High, c.Tier)
			assert.Equal(p, "covers the need", c.Covers)
			p.handles["demand"] = c.Handle
			p.nearMisses(s)
		}},
		{name: "select", do: func(p *play) {
			r, err := p.x.Select(p.Context(), p.as(s.Requester), p.handles["demand"])
			p.ok(s.Requester, r, err)
			invited := p.inbox(s.Vance, csss.Invitation)
			require.Len(p, invited, 1)
			p.handles["supply"] = invited[0].Handle
			for _, d := range s.Decoys {
				assert.Empty(p, p.inbox(d.Owner, csss.Invitation), "an unselected firm learns nothing")
			}
		}},
		{name: "the requester opts in", consent: true, do: func(p *play) {
			r, err := p.x.OptIn(p.Context(), p.as(s.Requester), p.handles["demand"])
			p.ok(s.Requester, r, err)
		}},
		{name: "the integrator approves", consent: true, do: func(p *play) {
			p.now = p.now.Add(time.Hour)
			r, err := p.x.Approve(p.Context(), p.as(s.Director), p.handles["demand"], "spend")
			p.ok(s.Director, r, err)
		}},
		{name: "the publisher opts in", consent: true, do: func(p *play) {
			p.now = p.now.Add(time.Hour)
			r, err := p.x.OptIn(p.Context(), p.as(s.Vance), p.handles["supply"])
			p.ok(s.Vance, r, err)
		}},
		{name: "the shop approves", consent: true, do: func(p *play) {
			p.now = p.now.Add(time.Hour)
			tasks := p.inbox(s.Owner, csss.Approval)
			require.Len(p, tasks, 1)
			assert.Equal(p, []string{"operations_director", "owner"}, tasks[0].Seats)
			r, err := p.x.Approve(p.Context(), p.as(s.Owner), p.handles["supply"], "shift2-release")
			p.ok(s.Owner, r, err)
		}},
	}
}

// nearMisses: each decoy's own firm reads the failing gate where its operand is
// public; private ones are not told apart.
func (p *play) nearMisses(s *world.SecondShift) {
	p.Helper()
	for _, d := range s.Decoys {
		misses, err := p.x.NearMisses(p.Context(), p.as(d.Owner), d.Offer)
		p.saw(d.Owner.Firm, misses, err)
		require.NoError(p, err)
		gates := []string{}
		for _, m := range misses {
			gates = append(gates, m.Gate)
		}
		want := []string{d.Gate}
		if d.Gate == "distance" || d.Gate == "price" {
			want = []string{}
		}
		assert.Equal(p, want, gates, d.Name)
		_, err = p.x.NearMisses(p.Context(), p.as(s.Requester), d.Offer)
		assert.ErrorIs(p, err, csss.ErrNotFound, "a stranger reads nothing")
	}
}

// engage is the rest of the story once both are revealed.
func engageSecondShift(p *play, s *world.SecondShift) {
	supply, demand := s.Vance.Firm, s.Requester.Firm
	p.revealed(supply, demand)
	bought, sold := p.identity(s.Requester, p.handles["demand"]), p.identity(s.Vance, p.handles["supply"])
	require.NotNil(p, bought)
	require.NotNil(p, sold)
	assert.Equal(p, "Steelcrest Precision", bought.LegalName)
	assert.Equal(p, "R. Vance", bought.Contact)
	assert.Equal(p, "Gridline Robotics", sold.LegalName)

	v, err := p.x.View(p.Context(), p.as(s.Vance), p.handles["supply"], disclosure.StageIdentity)
	require.NoError(p, err)
	assert.EqualValues(p, 12000, v.Deal.Rate)
	assert.EqualValues(p, 600000, v.Deal.Fee)
	require.NotNil(p, v.Deal.Contribution)
	assert.EqualValues(p, 375000, *v.Deal.Contribution)
	w, err := p.x.View(p.Context(), p.as(s.Requester), p.handles["demand"], disclosure.StageIdentity)
	require.NoError(p, err)
	assert.Nil(p, w.Deal.Contribution, "the contribution is the shop's own")
	assert.Equal(p, v.Deal.TermsDigest, w.Deal.TermsDigest)

	p.now = p.now.Add(time.Hour)
	r, err := p.x.AcceptTerms(p.Context(), p.as(s.Requester), p.handles["demand"], w.Deal.TermsDigest)
	p.ok(s.Requester, r, err)
	assert.Equal(p, disclosure.Revealed, p.phase(s.Vance, p.handles["supply"]))
	r, err = p.x.AcceptTerms(p.Context(), p.as(s.Vance), p.handles["supply"], v.Deal.TermsDigest)
	p.ok(s.Vance, r, err)
	assert.Equal(p, disclosure.Engaged, p.phase(s.Vance, p.handles["supply"]))
	left, err := p.x.Remaining(p.as(s.Vance), s.Offer)
	require.NoError(p, err)
	assert.Equal(p, 318*match.Hour, left)
}

func TestStoryS2(t *testing.T) {
	s := world.Story2()
	p := inWorld(t)
	p.run(secondShift(s), "")
	engageSecondShift(p, s)
	p.secondBuyer(s)
	p.trail(s)
	p.isFold()
	p.verifies()
}

// secondBuyer asks for 340 h and any part of them: at most 318 are left.
func (p *play) secondBuyer(s *world.SecondShift) {
	p.Helper()
	r, err := p.x.Register(p.Context(), p.as(s.Buyer), s.Partial)
	p.ok(s.Buyer, r, err)
	m, err := p.x.Match(p.Context(), p.as(s.Buyer), s.Partial.ID)
	p.saw(s.Buyer.Firm, m, err)
	require.NoError(p, err)
	require.Len(p, m.Candidates, 1)
	assert.Equal(p, "covers a part of the need", m.Candidates[0].Covers)
}

func (p *play) trail(s *world.SecondShift) {
	p.Helper()
	tr, err := p.x.Trail(p.Context(), p.as(s.Requester), p.handles["demand"])
	p.saw(s.Requester.Firm, tr, err)
	require.NoError(p, err)
	require.NoError(p, tr.Verify(p.x.VerifierKey()))
	names := []string{}
	for _, step := range tr.Steps {
		names = append(names, step.Name)
	}
	for _, want := range []string{"session.opened", "optin.given", "approval.granted", "identity.revealed", "hold.provisional",
		"terms.accepted", "hold.firmed"} {
		assert.True(p, slices.Contains(names, want), "%s in %v", want, names)
	}
}

func TestStoryS2AtK3(t *testing.T) {
	s := world.K3Story2()
	p := inSmall(t, &s.World)
	p.run(secondShift(s), "")
	m, err := p.x.Candidates(p.as(s.Requester), s.Need.ID)
	require.NoError(t, err)
	assert.Equal(t, []string{"five-axis", "titanium", "AS9100D"}, m.Candidates[0].Summary)
	assert.Equal(t, "≤ 40 km", m.Candidates[0].Place)
	engageSecondShift(p, s)
}

// Each bound of the grant refuses a publication and is named to the shop alone.
func TestStoryS2GrantBounds(t *testing.T) {
	s := world.K3Story2()
	p := inSmall(t, &s.World)
	p.now = s.Registered()
	bounds := map[string]string{
		"410 h":                   "asks 410h, at most 400h",
		"floor 9400":              "price.rate",
		"window after 2026-12-31": "2027-01-01",
		"first shift":             "covers machine.capacity.shift2 only",
		"another role":            "operations_director",
	}
	before, err := p.x.Digest()
	require.NoError(t, err)
	for _, refused := range s.Refused {
		_, err := p.x.Revise(t.Context(), p.as(refused.By), refused.Offer)
		p.saw(refused.By.Firm, err)
		require.ErrorIs(t, err, csss.ErrDenied, refused.Name)
		assert.ErrorContains(t, err, bounds[refused.Name], refused.Name)
	}
	after, err := p.x.Digest()
	require.NoError(t, err)
	assert.Equal(t, before, after, "a refusal changes nothing")
}

// If the second buyer commits first, 28 h are left and fifty uninterrupted
// hours fit no more.
func TestStoryS2SecondBuyerFirst(t *testing.T) {
	s := world.K3Story2()
	p := inSmall(t, &s.World)
	p.now = s.Registered()
	r, err := p.x.Register(t.Context(), p.as(s.Buyer), s.Partial)
	p.ok(s.Buyer, r, err)
	m, err := p.x.Match(t.Context(), p.as(s.Buyer), s.Partial.ID)
	p.saw(s.Buyer.Firm, m, err)
	require.NoError(t, err)
	require.Len(t, m.Candidates, 1)
	p.reveal(s.Buyer, s.BuyerDirector, s.Vance, m.Candidates[0].Handle)
	left, err := p.x.Remaining(p.as(s.Vance), s.Offer)
	require.NoError(t, err)
	assert.Equal(t, 28*match.Hour, left)

	r, err = p.x.Register(t.Context(), p.as(s.Requester), s.Need)
	p.ok(s.Requester, r, err)
	m, err = p.x.Match(t.Context(), p.as(s.Requester), s.Need.ID)
	p.saw(s.Requester.Firm, m, err)
	require.NoError(t, err)
	assert.Empty(t, m.Candidates)
	p.isFold()
}

// reveal takes a candidate through all four consents.
func (p *play) reveal(requester, approver, publisher world.Who, h disclosure.Handle) {
	p.Helper()
	r, err := p.x.Select(p.Context(), p.as(requester), h)
	p.ok(requester, r, err)
	r, err = p.x.OptIn(p.Context(), p.as(requester), h)
	p.ok(requester, r, err)
	for range p.inbox(approver, csss.Approval) {
		r, err = p.x.Approve(p.Context(), p.as(approver), h, "")
		p.ok(approver, r, err)
	}
	invited := p.inbox(publisher, csss.Invitation)
	require.NotEmpty(p, invited)
	theirs := invited[len(invited)-1].Handle
	r, err = p.x.OptIn(p.Context(), p.as(publisher), theirs)
	p.ok(publisher, r, err)
	for range p.inbox(publisher, csss.Approval) {
		r, err = p.x.Approve(p.Context(), p.as(publisher), theirs, "")
		p.ok(publisher, r, err)
	}
	p.revealed(requester.Firm, publisher.Firm)
	require.NotNil(p, p.identity(requester, h), "revealed")
}
