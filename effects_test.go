package csss_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/policy"
)

// changed compiles a firm's rules with one thing replaced.
func changed(t *testing.T, w *world.World, firm, old, with string) (*policy.Set, []byte) {
	t.Helper()
	for _, p := range w.Policies {
		if p.Firm == firm {
			require.Contains(t, string(p.Text), old)
			text := bytes.ReplaceAll(p.Text, []byte(old), []byte(with))
			set, err := policy.Compile(nil, policy.Source{Name: p.Name, Text: text})
			require.NoError(t, err)
			return set, text
		}
	}
	t.Fatal("no rules of " + firm)
	return nil, nil
}

func ids(e csss.Effects) (list []string) {
	for _, one := range e.List {
		list = append(list, string(one.Kind)+" "+one.Old.String()+" "+one.New.String())
	}
	return list
}

func TestEffectsSayWhatOtherRulesWouldDecide(t *testing.T) {
	s := world.K3Story2()
	p := inSmall(t, &s.World)
	supply := s.Vance.Firm
	same, _ := changed(t, &s.World, supply, "version: 7", "version: 8")
	dearer, text := changed(t, &s.World, supply, ">= 9500", ">= 99000")
	operator := func() csss.By { return csss.By{At: p.now} }
	scenes := secondShift(s)

	p.run(scenes[:3], "")
	before, err := p.x.Digest()
	require.NoError(t, err)
	standing, err := p.x.Standing(operator(), supply)
	require.NoError(t, err)
	require.Len(t, standing, 2)
	assert.Equal(t, s.Offer, standing[0].ID)
	assert.Equal(t, policy.Permit, standing[0].Answer.Outcome)
	assert.Equal(t, csss.SessionEffect, standing[1].Kind)
	assert.Equal(t, string(p.handles["supply"]), standing[1].ID)
	assert.Equal(t, "shift2-release", standing[1].Answer.Due[0].Requirement)
	_, err = p.x.Standing(operator(), "nobody")
	require.ErrorIs(t, err, csss.ErrNotFound)
	_, err = p.x.Standing(s.Vance.At(p.now), supply)
	require.ErrorIs(t, err, csss.ErrNotYours)
	e, err := p.x.Effects(operator(), same)
	require.NoError(t, err)
	assert.Empty(t, e.List, "the same rules decide alike")
	assert.Positive(t, e.Asked)

	e, err = p.x.Effects(operator(), dearer)
	require.NoError(t, err)
	assert.Equal(t, []string{"offer permit deny", "session require_approval deny"}, ids(e))
	assert.Equal(t, s.Offer, e.List[0].ID)
	assert.Equal(t, string(p.handles["supply"]), e.List[1].ID, "a firm's own handle")
	assert.Contains(t, everyForm(e.List[1].Reasons), "99000")

	after, err := p.x.Digest()
	require.NoError(t, err)
	assert.Equal(t, before, after, "nothing changed")

	_, err = p.x.Effects(p.as(s.Owner), dearer)
	assert.ErrorIs(t, err, csss.ErrNotYours, "it could be asked any number of times")
	_, err = p.x.Effects(operator(), nil)
	assert.Error(t, err)

	p.run(scenes[3:], "")
	engageSecondShift(p, s)
	e, err = p.x.Effects(operator(), dearer)
	require.NoError(t, err)
	assert.Contains(t, ids(e), "engagement permit deny")

	// What was foretold is what happens.
	_, err = p.x.SetPolicy(t.Context(), csss.By{At: p.now.Add(time.Minute)}, supply, "rules", bytes.Replace(text, []byte("version: 7"), []byte("version: 9"), 1))
	require.NoError(t, err)
	capable := s.Capable
	_, err = p.x.Revise(t.Context(), p.as(s.Vance), capable)
	assert.ErrorIs(t, err, csss.ErrDenied)
}

func TestEffectsReadNothingOfTheOtherSide(t *testing.T) {
	s := world.K3Story2()
	p := inSmall(t, &s.World)
	p.run(secondShift(s)[:3], "")
	nosy, _ := changed(t, &s.World, s.Vance.Firm, `price.currency == "CAD"', quotas`, `counterparty.naics == "333248"', quotas`)
	nosier, _ := changed(t, &s.World, s.Vance.Firm, `price.currency == "CAD"', quotas`, `counterparty.naics != "333248"', quotas`)
	for _, set := range []*policy.Set{nosy, nosier} {
		e, err := p.x.Effects(csss.By{At: p.now}, set)
		require.NoError(t, err)
		assert.Equal(t, []string{"session require_approval deny"}, ids(e), "rules written since may not read the other side, whatever they ask")
		for _, r := range e.List[0].Reasons {
			assert.False(t, r.Tainted)
		}
	}
}

func TestPreviewShowsWhatApproversAndPartnersWouldRead(t *testing.T) {
	s := world.K3Story2()
	p := inSmall(t, &s.World)
	v, err := p.x.Preview(p.as(s.Vance), s.Offer)
	require.NoError(t, err)
	assert.Equal(t, v.Labels, v.Approver.Counterparty)
	assert.Equal(t, "capacity-v1", v.Approver.Template)
	assert.Positive(t, v.Approver.Estimate)
	assert.Equal(t, "Steelcrest Precision", v.Partner.Open().LegalName)
	assert.NotContains(t, everyForm(v), "Steelcrest", "an identity prints as sealed")
	assert.GreaterOrEqual(t, v.K, 3)
}

func TestRulesAreReadByTheOperatorAndTheFirm(t *testing.T) {
	s := world.K3Story2()
	p := inSmall(t, &s.World)
	for _, by := range []csss.By{{}, p.as(s.Vance)} {
		set, err := p.x.Rules(by, s.Vance.Firm)
		require.NoError(t, err)
		assert.Equal(t, 7, set.Version(s.Vance.Firm))
	}
	for _, by := range []csss.By{p.as(s.Requester), {Firm: s.Vance.Firm, Person: "nobody"}} {
		_, err := p.x.Rules(by, s.Vance.Firm)
		assert.ErrorIs(t, err, csss.ErrNotFound)
	}
	_, err := p.x.Rules(csss.By{}, "nobody")
	assert.ErrorIs(t, err, csss.ErrNotFound)
}
