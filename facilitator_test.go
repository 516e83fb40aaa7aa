package csss_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
)

// selected is a thin market whose one fit is selected: the handles of the
// owner's and the buyer's side.
func selected(t *testing.T) (p *play, owner, buyer world.Who, supply, demand disclosure.Handle) {
	t.Helper()
	p, owner, buyer = thinMarket(t, csss.Config{}, 6, 6)
	for _, f := range []string{"seller-0", "seller-1", "buyer"} {
		p.canaries = append(p.canaries, world.Canary{Firm: f, Token: "Zephyrine " + f})
	}
	m, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
	require.NoError(t, err)
	require.Len(t, m.Candidates, 1)
	demand = m.Candidates[0].Handle
	r, err := p.x.Select(t.Context(), p.as(buyer), demand)
	p.ok(buyer, r, err)
	tasks := p.inbox(owner, csss.Invitation)
	require.Len(t, tasks, 1)
	return p, owner, buyer, tasks[0].Handle, demand
}

// boss has the say at the buyer's firm.
var boss = world.Who{Firm: "buyer", Person: "boss-buyer"}

// TestAssist: a third party of a session is let in by all four, sees the present
// stage and no identity before the reveal, and is sent away by anybody.
func TestAssist(t *testing.T) {
	p, owner, buyer, supply, demand := selected(t)
	inspector := fellow(1)
	sides := []struct {
		who, boss world.Who
		h         disclosure.Handle
	}{{owner, owner, supply}, {buyer, boss, demand}}
	who := csss.Helper{Firm: inspector.Firm, Person: inspector.Person, Role: "inspector", Until: p.now.AddDate(0, 0, 20)}
	_, err := p.x.InviteFacilitator(t.Context(), p.as(inspector), demand, who)
	require.ErrorIs(t, err, csss.ErrNotFound)
	n, err := p.x.InviteFacilitator(t.Context(), p.as(buyer), demand, who)
	require.NoError(t, err)
	told, err := p.x.Facilitators(t.Context(), p.as(owner), supply)
	require.NoError(t, err)
	assert.Empty(t, told, "before the slot")
	p.now = p.now.Add(2 * time.Hour)
	told, err = p.x.Facilitators(t.Context(), p.as(owner), supply)
	p.saw(owner.Firm, told, err)
	require.Len(t, told, 1)
	assert.Equal(t, inspector.Firm, told[0].Firm)

	for _, s := range sides {
		assert.Empty(t, p.x.Helping(p.as(inspector)))
		r, err := p.x.AdmitFacilitator(t.Context(), p.as(s.who), s.h, n)
		p.ok(s.who, r, err)
		assert.Empty(t, p.x.Helping(p.as(inspector)))
		r, err = p.x.ApproveFacilitator(t.Context(), p.as(s.boss), s.h, n)
		p.ok(s.boss, r, err)
	}
	helping := p.x.Helping(p.as(inspector))
	require.Len(t, helping, 1)
	_, err = p.x.Assist(t.Context(), p.as(buyer), helping[0])
	require.ErrorIs(t, err, csss.ErrNotFound, "it is the facilitator's own handle")
	a, err := p.x.Assist(t.Context(), p.as(inspector), helping[0])
	p.saw(inspector.Firm, a, err)
	require.NoError(t, err)
	assert.Equal(t, disclosure.StageSummary, a.Stage)
	assert.NotEmpty(t, a.Summary[disclosure.Supply])
	assert.NotEmpty(t, a.Summary[disclosure.Demand])
	assert.Nil(t, a.Deal)
	p.isFold()

	for _, s := range sides {
		r, err := p.x.OptIn(t.Context(), p.as(s.who), s.h)
		p.ok(s.who, r, err)
	}
	p.revealed(owner.Firm, inspector.Firm)
	p.revealed(buyer.Firm, inspector.Firm)
	a, err = p.x.Assist(t.Context(), p.as(inspector), helping[0])
	p.saw(inspector.Firm, a, err)
	require.NoError(t, err)
	assert.Equal(t, disclosure.StageIdentity, a.Stage)
	assert.Equal(t, "Zephyrine seller-0", a.Identity[disclosure.Supply].Open().LegalName)
	assert.Equal(t, "Zephyrine buyer", a.Identity[disclosure.Demand].Open().LegalName)
	require.NotNil(t, a.Deal)
	assert.Nil(t, a.Deal.Contribution)

	r, err := p.x.DismissFacilitator(t.Context(), p.as(owner), supply, n)
	p.ok(owner, r, err)
	_, err = p.x.Assist(t.Context(), p.as(inspector), helping[0])
	require.ErrorIs(t, err, disclosure.ErrNotAllowed)
	assert.Empty(t, p.x.Helping(p.as(inspector)))
	p.isFold()
	p.verifies()
}

// TestFacilitatorRefused: a no is silence to the others, and one no is enough.
func TestFacilitatorRefused(t *testing.T) {
	p, owner, buyer, supply, demand := selected(t)
	inspector := fellow(1)
	n, err := p.x.InviteFacilitator(t.Context(), p.as(buyer), demand,
		csss.Helper{Firm: inspector.Firm, Person: inspector.Person, Role: "inspector", Until: p.now.AddDate(0, 0, 2)})
	require.NoError(t, err)
	p.now = p.now.Add(2 * time.Hour)
	r, err := p.x.AdmitFacilitator(t.Context(), p.as(buyer), demand, n)
	p.ok(buyer, r, err)
	before, err := p.x.Facilitators(t.Context(), p.as(buyer), demand)
	require.NoError(t, err)
	r, err = p.x.RefuseFacilitator(t.Context(), p.as(owner), supply, n)
	p.ok(owner, r, err)
	after, err := p.x.Facilitators(t.Context(), p.as(buyer), demand)
	require.NoError(t, err)
	assert.Equal(t, before, after)
	_, err = p.x.ApproveFacilitator(t.Context(), p.as(buyer), demand, n)
	require.ErrorIs(t, err, csss.ErrNotYours, "the requester has no say for the firm")
	r, err = p.x.ApproveFacilitator(t.Context(), p.as(boss), demand, n)
	p.ok(boss, r, err)
	r, err = p.x.ApproveFacilitator(t.Context(), p.as(owner), supply, n)
	p.ok(owner, r, err)
	assert.Empty(t, p.x.Helping(p.as(inspector)))
	_, err = p.x.InviteFacilitator(t.Context(), p.as(buyer), demand, csss.Helper{Firm: buyer.Firm, Person: boss.Person, Role: "spy", Until: p.now.AddDate(0, 0, 2)})
	var input *csss.InputError
	require.ErrorAs(t, err, &input, "a party's own group does not facilitate")

	// Whoever is guessed to be the other side reads as any other firm does.
	answers := map[string]bool{}
	for _, firm := range []string{"seller-0", "seller-1", "seller-2"} {
		size := p.x.Size()
		_, err := p.x.InviteFacilitator(t.Context(), p.as(buyer), demand, csss.Helper{Firm: firm, Person: "usr-" + firm, Role: "spy", Until: p.now.AddDate(0, 0, 2)})
		answers[fmt.Sprint(err, p.x.Size()-size)] = true
	}
	assert.Len(t, answers, 1, "%v", answers)
	p.now = p.now.Add(2 * time.Hour)
	theirs, err := p.x.Facilitators(t.Context(), p.as(owner), supply)
	require.NoError(t, err)
	for _, f := range theirs {
		assert.NotEqual(t, owner.Firm, f.Firm)
	}
	p.isFold()
}
