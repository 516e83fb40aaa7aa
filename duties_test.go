package csss_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/policy"
)

// obliged is the second shift's market, whose shop obliges the host at each step.
func obliged(t *testing.T, s *world.SecondShift, cfg csss.Config) *play {
	t.Helper()
	cfg.K, cfg.KPeople = 3, 3
	rules := &s.Policies[slices.IndexFunc(s.Policies, func(p csss.PolicyText) bool { return p.Firm == s.Vance.Firm })]
	rules.Text = bytes.ReplaceAll(rules.Text, []byte("quotas: [shift2-total], approval: auto}"),
		[]byte("quotas: [shift2-total], obligations: [log_views, note-the-pair], advice: [ring-the-shop], approval: auto}"))
	rules.Text = bytes.ReplaceAll(rules.Text, []byte("quotas: [shift2-total], approval: shift2-release}"),
		[]byte("quotas: [shift2-total], obligations: [insure-the-spindle], approval: shift2-release}"))
	p := open(t, cfg, s.Canaries())
	require.NoError(t, load(p.x, &s.World))
	return p
}

// TestObligationsAreForThoseWhoCanDoThem: a permit that obliges the host to
// what it does not say it does is worth nothing, and the host alone is told.
func TestObligationsAreForThoseWhoCanDoThem(t *testing.T) {
	s := world.K3Story2()
	p := obliged(t, s, csss.Config{Knows: []string{"note-the-pair"}})
	p.private = append(p.private, secret{s.Vance.Firm, "note-the-pair"}, secret{s.Vance.Firm, "ring-the-shop"}, secret{s.Vance.Firm, "insure-the-spindle"})
	scenes := secondShift(s)
	p.run(scenes[:2], "")
	duties, err := p.x.Duties(csss.By{At: p.now})
	require.NoError(t, err)
	require.Len(t, duties, 1)
	assert.Equal(t, csss.Duty{Kind: csss.SessionEffect, Firm: s.Vance.Firm, ID: duties[0].ID, Action: policy.Summarise,
		Obligations: []string{"log_views", "note-the-pair"}, Advice: []string{"ring-the-shop"}}, duties[0])
	for _, who := range []world.Who{s.Vance, s.Requester} {
		_, err := p.x.Duties(p.as(who))
		require.ErrorIs(t, err, csss.ErrNotYours, "a firm could sound a stranger out by its own")
	}
	p.run(scenes[2:3], "")
	p.now = p.now.Add(1)
	_, err = p.x.OptIn(t.Context(), p.as(s.Vance), p.handles["supply"])
	require.ErrorIs(t, err, csss.ErrDenied, "nobody insures the spindle")

	able := world.K3Story2()
	p = obliged(t, able, csss.Config{})
	p.run(secondShift(able)[:1], "")
	m, err := p.x.Match(t.Context(), p.as(able.Requester), able.Need.ID)
	require.NoError(t, err)
	assert.Empty(t, m.Candidates, "the host notes no pairs")
}

// TestObligationsAreFollowedThroughADeal: the host reads what each step obliges
// it to, and says in the log of decisions what became of it.
func TestObligationsAreFollowedThroughADeal(t *testing.T) {
	s := world.K3Story2()
	log := &policy.MemoryLog{}
	rec := policy.NewRecorder(log, nil)
	p := obliged(t, s, csss.Config{Decisions: rec, Knows: []string{"note-the-pair", "insure-the-spindle"}})
	p.private = append(p.private, secret{s.Vance.Firm, "insure-the-spindle"})
	p.run(secondShift(s), "")
	asked := func() []csss.Duty {
		list, err := p.x.Duties(csss.By{At: p.now})
		require.NoError(t, err)
		return list
	}
	before := len(log.Records())
	reveal := csss.Duty{Kind: csss.SessionEffect, Firm: s.Vance.Firm, ID: string(p.handles["supply"]), Action: policy.Engage, Obligations: []string{"insure-the-spindle"}}
	assert.Equal(t, []csss.Duty{reveal}, asked(), "what the next step asks")
	assert.Len(t, log.Records(), before, "looking is not a step")
	engageSecondShift(p, s)
	engaged := reveal
	engaged.Kind = csss.EngagementEffect
	assert.Equal(t, []csss.Duty{engaged}, asked())
	assert.Equal(t, disclosure.Engaged, p.phase(s.Vance, p.handles["supply"]))

	open := replayed(t, p.x, log).Open
	require.NotEmpty(t, open)
	for _, r := range log.Records() {
		for _, o := range r.Obligations {
			_, err := rec.Fulfil(t.Context(), r, o, policy.Fulfilled, p.now)
			require.NoError(t, err)
		}
	}
	report := replayed(t, p.x, log)
	assert.Empty(t, report.Open)
	assert.Empty(t, report.Mismatches)
	assert.Equal(t, len(open), report.Outcomes)
}
