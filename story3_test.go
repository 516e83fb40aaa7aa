package csss_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/market"
)

// guided is one engagement of the third story: who asks, and the two handles.
type guided struct {
	client, approver, guide world.Who
	need                    match.Need
	at                      time.Time // of the registration
	demand, supply          disclosure.Handle
	candidate               csss.Candidate
}

func clientOne(s *world.Guidance, n match.Need, at time.Time) *guided {
	return &guided{client: s.Client1, approver: s.Approver1, guide: s.Ruiz, need: n, at: at}
}

func clientTwo(s *world.Guidance, n match.Need, at time.Time) *guided {
	return &guided{client: s.Client2, approver: s.Approver2, guide: s.Ruiz, need: n, at: at}
}

// scenes lead from the need to the reveal. The offering employer's consent is
// a rule's; the test that takes the rule away stands for leaving it out.
func (g *guided) scenes() []scene {
	return []scene{
		{name: "register the need", do: func(p *play) {
			p.now = g.at
			r, err := p.x.Register(p.Context(), p.as(g.client), g.need)
			p.ok(g.client, r, err)
		}},
		{name: "match", do: func(p *play) {
			m, err := p.x.Match(p.Context(), p.as(g.client), g.need.ID)
			p.saw(g.client.Firm, m, err)
			require.NoError(p, err)
			require.Len(p, m.Candidates, 1, "only the quality manager fits")
			g.candidate, g.demand = m.Candidates[0], m.Candidates[0].Handle
		}},
		{name: "select", do: func(p *play) {
			r, err := p.x.Select(p.Context(), p.as(g.client), g.demand)
			p.ok(g.client, r, err)
			invited := p.inbox(g.guide, csss.Invitation)
			require.Len(p, invited, 1)
			g.supply = invited[0].Handle
			assert.NotEqual(p, g.demand, g.supply)
		}},
		{name: "the client opts in", consent: true, do: func(p *play) {
			p.now = p.now.Add(time.Hour)
			r, err := p.x.OptIn(p.Context(), p.as(g.client), g.demand)
			p.ok(g.client, r, err)
		}},
		{name: "the client's employer approves", consent: true, do: func(p *play) {
			p.now = p.now.Add(time.Hour)
			r, err := p.x.Approve(p.Context(), p.as(g.approver), g.demand, "spend")
			p.ok(g.approver, r, err)
		}},
		{name: "the guide opts in", consent: true, do: func(p *play) {
			p.now = p.now.Add(time.Hour)
			r, err := p.x.OptIn(p.Context(), p.as(g.guide), g.supply)
			p.ok(g.guide, r, err)
		}},
	}
}

// engage goes on from the reveal to terms that both accepted, and returns the
// deal as the client sees it.
func (g *guided) engage(p *play) *csss.Deal {
	p.Helper()
	p.revealed(g.client.Firm, g.guide.Firm)
	bought, sold := p.identity(g.client, g.demand), p.identity(g.guide, g.supply)
	require.NotNil(p, bought)
	require.NotNil(p, sold)
	assert.Equal(p, "Corrway Stamping", bought.LegalName)
	assert.Equal(p, "N. Ruiz", bought.Contact)
	deal := g.deal(p)
	for _, w := range []struct {
		who world.Who
		h   disclosure.Handle
	}{{g.client, g.demand}, {g.guide, g.supply}} {
		p.now = p.now.Add(time.Hour)
		r, err := p.x.AcceptTerms(p.Context(), p.as(w.who), w.h, deal.TermsDigest)
		p.ok(w.who, r, err)
	}
	require.Equal(p, disclosure.Engaged, p.phase(g.client, g.demand))
	return deal
}

// start begins the work on its first Monday morning.
func (g *guided) start(p *play) {
	p.Helper()
	p.now = g.need.From.Add(9 * time.Hour)
	r, err := p.x.Start(p.Context(), p.as(g.guide), g.supply)
	p.ok(g.guide, r, err)
	require.Equal(p, disclosure.Started, p.phase(g.client, g.demand))
}

// deal is what the client reads of the deal today.
func (g *guided) deal(p *play) *csss.Deal {
	p.Helper()
	v, err := p.x.View(p.Context(), p.as(g.client), g.demand, disclosure.StageIdentity)
	p.saw(g.client.Firm, v, err)
	require.NoError(p, err)
	require.NotNil(p, v.Deal)
	return v.Deal
}

func (g *guided) complete(p *play, hours match.Amount) {
	p.Helper()
	r, err := p.x.Complete(p.Context(), p.as(g.guide), g.supply, hours)
	p.ok(g.guide, r, err)
	require.Equal(p, disclosure.Started, p.phase(g.client, g.demand), "both must mark the hours")
	r, err = p.x.Complete(p.Context(), p.as(g.client), g.demand, hours)
	p.ok(g.client, r, err)
	require.Equal(p, disclosure.Completed, p.phase(g.client, g.demand))
	require.Equal(p, disclosure.Completed, p.phase(g.guide, g.supply))
}

// stepsOf names the steps that a side exports; every one verifies offline.
func (p *play) stepsOf(w world.Who, h disclosure.Handle) []string {
	p.Helper()
	tr, err := p.x.Trail(p.Context(), p.as(w), h)
	require.NoError(p, err)
	require.NoError(p, tr.Verify(p.x.VerifierKey()))
	var names []string
	for i := range tr.Steps {
		names = append(names, tr.Steps[i].Name)
		p.saw(w.Firm, string(tr.Steps[i].Receipt))
		tr.Steps[i].Receipt = nil // read as text, not as numbers
	}
	p.saw(w.Firm, tr)
	return names
}

// asks registers a need and matches it.
func (p *play) asks(w world.Who, n match.Need) csss.Matches {
	p.Helper()
	r, err := p.x.Register(p.Context(), p.as(w), n)
	p.ok(w, r, err)
	m, err := p.x.Match(p.Context(), p.as(w), n.ID)
	p.saw(w.Firm, m, err)
	require.NoError(p, err)
	return m
}

// told is what the offering firm reads about needs that passed its offer by;
// nobody else reads any of it.
func (p *play) told(s *world.Guidance) []string {
	p.Helper()
	misses, err := p.x.NearMisses(p.Context(), p.as(s.Ruiz), s.Offer)
	p.saw(s.Ruiz.Firm, misses, err)
	require.NoError(p, err)
	var out []string
	for _, m := range misses {
		out = append(out, m.Gate+": "+m.Reason)
	}
	for _, w := range []world.Who{s.Client1, s.Approver2, s.Client2, s.Greedy, s.Competitor} {
		none, err := p.x.NearMisses(p.Context(), p.as(w), s.Offer)
		assert.ErrorIs(p, err, csss.ErrNotFound)
		assert.Empty(p, none)
	}
	return out
}

// secrets are the reasons and rules of the offering firm that nobody else may
// ever read (A7).
func (p *play) secrets(s *world.Guidance) {
	for _, text := range []string{"guidance-week", "quality-manager-guidance", "no-competitor", "distance_km", "asks 2h", "asks 6h",
		"at most 1h", "at most 4h", "the grant has ended", "valid until"} {
		p.private = append(p.private, secret{s.Ruiz.Firm, text})
	}
}

// remaining is what is left of the 160 hours, in hours.
func (p *play) remaining(s *world.Guidance) match.Amount {
	p.Helper()
	left, err := p.x.Remaining(p.as(s.Ruiz), s.Offer)
	require.NoError(p, err)
	return left / match.Hour
}

// sets gives the offering firm new rules.
func (p *play) sets(s *world.Guidance, rules csss.PolicyText) {
	p.Helper()
	r, err := p.x.SetPolicy(p.Context(), p.as(s.Owner), rules.Firm, rules.Name, rules.Text)
	p.ok(s.Owner, r, err)
}

// guidanceRows are the rows of the third story's tables. Each plays in a
// market of its own, because what a firm was told first stands for 30 days.
var guidanceRows = []struct {
	name string
	play func(p *play, s *world.Guidance)
}{
	{"client 1, client 2, client 2 after client 1", playClients},
	{"those who get nothing get the same", playEmpties},
	{"on site only, beyond 80 km", playOnSite},
	{"after expiry", playExpired},
	{"running at expiry", playRunning},
	{"running at expiry, renewed before", playRenewed},
	{"running at expiry, cut short and renewed before", playCutShortRenewed},
	{"price", playPrice},
}

// TestStoryS3 plays every row in the seeded world at the library's defaults.
func TestStoryS3(t *testing.T) {
	for i, row := range guidanceRows {
		if testing.Short() && i > 0 {
			break
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := inWorld(t)
			p.replays = false // step by step at k = 3, here once per act
			s := world.Story3()
			p.secrets(s)
			row.play(p, s)
			p.isFold()
			p.verifies()
			p.clean("", p.logs.String())
		})
	}
}

// TestStoryS3AtK3 plays every row among the story's firms alone, where the
// summaries are exactly those of the scenario.
func TestStoryS3AtK3(t *testing.T) {
	for _, row := range guidanceRows {
		t.Run(row.name, func(t *testing.T) {
			s := world.K3Story3()
			p := inSmall(t, &s.World)
			p.secrets(s)
			row.play(p, s)
			p.isFold()
			p.verifies()
			p.clean("", p.logs.String())
		})
	}
	t.Run("exact text", func(t *testing.T) {
		s := world.K3Story3()
		p := inSmall(t, &s.World)
		one := clientOne(s, s.Need1, s.Registered())
		p.run(one.scenes()[:3], "")
		assert.Equal(t, []string{"10+ years", "1 comparable problem solved", "quality systems", "IATF 16949"}, one.candidate.Summary)
		assert.Equal(t, "≤ 60 km or remote", one.candidate.Place)
		two := clientTwo(s, s.Need2, s.Registered())
		p.run(two.scenes()[:2], "")
		assert.Equal(t, one.candidate.Summary, two.candidate.Summary, "a frozen summary is the same for every viewer")
		assert.Equal(t, "≤ 100 km or remote", two.candidate.Place, "80.1 km")
		task := p.inbox(s.Ruiz, csss.Invitation)[0]
		assert.Equal(t, []string{"certification guidance", s.Need1.Category, "≤ 4 h a week, ≤ 8 weeks"}, task.Brief.Counterparty)
		assert.Equal(t, "Ontario", task.Brief.Place)
	})
}

// playClients: 3 h/week on site for client 1; client 2 gets no fit beside it,
// and gets one afterwards.
func playClients(p *play, s *world.Guidance) {
	p.private = append(p.private, secret{s.Ruiz.Firm, "12000"}, secret{s.Client1.Firm, "20000"}) // the bounds
	one := clientOne(s, s.Need1, s.Registered())
	p.run(one.scenes(), "")
	assert.Equal(p, match.High, one.candidate.Tier)
	assert.Equal(p, "covers the need", one.candidate.Covers)
	deal := one.engage(p)
	assert.EqualValues(p, 17000, deal.Rate)
	assert.Equal(p, 24*match.Hour, deal.Hours)
	assert.EqualValues(p, 408000, deal.Fee)
	require.Len(p, deal.Slots, 8, "one in each of eight weeks")
	for i, slot := range deal.Slots {
		assert.Equal(p, 3*match.Hour, slot.Amount)
		assert.True(p, s.Need1.From.AddDate(0, 0, 7*i).Equal(slot.Start), "week %d begins %v", i+1, slot.Start)
	}
	assert.Equal(p, "on_site", deal.Terms.Params["mode"], "47.8 km is within 80")
	assert.Equal(p, "8", deal.Terms.Params["weeks"])
	assert.Equal(p, 136, int(p.remaining(s)))

	// 4 − 3 = 1 h/week is left in the same weeks, and client 2 wants 2.
	p.now = p.now.Add(time.Hour)
	assert.Empty(p, p.asks(s.Client2, s.Need2).Candidates)
	assert.Equal(p, []string{"rules: grant:quality-manager-guidance: guidance-week: asks 2h in 2026-W40, at most 1h"}, p.told(s))

	one.start(p)
	p.now = world.Local(2026, time.November, 20, 16, 0)
	one.complete(p, 24*match.Hour)
	assert.EqualValues(p, 408000, one.deal(p).Fee)

	// From 23 November on, registered when no frozen answer stands any more.
	p.now = world.Local(2026, time.November, 20, 17, 0)
	later := clientTwo(s, s.Need2Later, p.now)
	p.run(later.scenes(), "")
	deal = later.engage(p)
	assert.Equal(p, "remote", deal.Terms.Params["mode"], "80.1 km is beyond 80")
	assert.Equal(p, 16*match.Hour, deal.Hours)
	assert.EqualValues(p, 16*17000, deal.Fee)
	require.Len(p, deal.Slots, 8)
	for _, slot := range deal.Slots {
		assert.Equal(p, 2*match.Hour, slot.Amount)
	}
	assert.Equal(p, 120, int(p.remaining(s)))
	later.start(p)
	steps := p.stepsOf(s.Ruiz, one.supply)
	for _, want := range []string{"session.opened", "optin.given", "approval.granted", "identity.revealed", "hold.provisional",
		"terms.accepted", "hold.firmed", "engagement.started", "engagement.completed"} {
		assert.True(p, slices.Contains(steps, want), "%s in %v", want, steps)
	}
}

// playEmpties: a policy denial, an excluded competitor, a quota and a need for
// which there is no offer at all have one and the same answer (A6).
func playEmpties(p *play, s *world.Guidance) {
	p.now = s.Registered()
	nothing := s.NeedCompetitor
	nothing.ID += "-b"
	nothing.Category = "expertise.quality.as13100"
	var first string
	for i, c := range []struct {
		who    world.Who
		need   match.Need
		reason string // at the offering firm
	}{
		{s.Competitor, nothing, ""},
		{s.Competitor, s.NeedCompetitor, ""}, // the rule read the other side: totals only
		{s.Greedy, s.NeedGreedy, "rules: grant:quality-manager-guidance: guidance-week: asks 6h in 2026-W40, at most 4h"},
		{s.Client2, s.Need2OnSite, ""}, // so did this one: how far away
	} {
		before := len(p.told(s))
		seen := p.everything(c.who, c.need, fmt.Sprintf("command-%d", i))
		if first == "" {
			first = seen
		}
		assert.Equal(p, first, seen, c.need.ID)
		told := p.told(s)[before:]
		if c.reason == "" {
			assert.Empty(p, told)
		} else {
			assert.Equal(p, []string{c.reason}, told)
		}
	}
}

// everything is each byte that a firm gets from asking, less its own ids.
func (p *play) everything(w world.Who, n match.Need, id string) string {
	p.Helper()
	by := p.as(w)
	by.ID = id + "r"
	r, err := p.x.Register(p.Context(), by, n)
	p.ok(w, r, err)
	by.ID = id + "m"
	m, err := p.x.Match(p.Context(), by, n.ID)
	p.saw(w.Firm, m, err)
	require.NoError(p, err)
	again, err := p.x.Candidates(p.as(w), n.ID)
	require.NoError(p, err)
	tasks, err := p.x.Inbox(p.Context(), p.as(w))
	require.NoError(p, err)
	none := disclosure.Handle("h-00000000000000000000")
	_, refused := p.x.Select(p.Context(), p.as(w), none)
	var b strings.Builder
	for _, v := range []any{r, m, again, tasks, refused} {
		b.WriteString(everyForm(v))
	}
	return strings.ReplaceAll(b.String(), id, "command")
}

// playOnSite: on site is refused at 80.1 km, and what was refused first stands
// for 30 days, so that a firm cannot feel its way to the border.
func playOnSite(p *play, s *world.Guidance) {
	p.now = s.Registered()
	assert.Empty(p, p.asks(s.Client2, s.Need2OnSite).Candidates)
	assert.Empty(p, p.told(s), "a reason that reads the distance is told to nobody")
	p.now = p.now.AddDate(0, 0, 29)
	early := s.Need2Later
	early.ID += "-early"
	assert.Empty(p, p.asks(s.Client2, early).Candidates, "the first answer stands")
	p.now = p.now.AddDate(0, 0, 1)
	assert.Len(p, p.asks(s.Client2, s.Need2Later).Candidates, 1, "remote is allowed")
	assert.Empty(p, p.told(s))
}

// playExpired: what was shown or half agreed before the grant ended cannot be
// carried on after it, and nothing new begins.
func playExpired(p *play, s *world.Guidance) {
	// Client 2 is shown the offer on the last day and does not select it.
	eve := world.Local(2027, time.June, 30, 10, 0)
	last := s.Need2Later
	last.From, last.Until, last.Partial = s.NeedRunning.From, s.NeedRunning.Until, true
	two := clientTwo(s, last, eve)
	p.run(two.scenes()[:2], "")
	// Client 1 comes as far as three consents.
	one := clientOne(s, s.NeedRunningPart, eve)
	p.run(one.scenes(), "the guide opts in")
	p.now = world.Local(2027, time.July, 1, 0, 0)
	r, err := p.x.OptIn(p.Context(), p.as(s.Ruiz), one.supply)
	p.saw(s.Ruiz.Firm, r, err)
	require.Error(p, err, "the grant has ended")
	assert.Nil(p, p.identity(s.Client1, one.demand))
	assert.Nil(p, p.identity(s.Ruiz, one.supply))
	_, err = p.x.Tick(p.Context(), p.now.Add(24*time.Hour))
	require.NoError(p, err)
	p.now = p.now.Add(24 * time.Hour)
	assert.Contains(p, []disclosure.Phase{disclosure.Stale, disclosure.Closed}, p.phase(s.Client1, one.demand))
	assert.Nil(p, p.identity(s.Client1, one.demand))

	r, err = p.x.Select(p.Context(), p.as(s.Client2), two.demand)
	p.saw(s.Client2.Firm, r, err)
	assert.ErrorIs(p, err, csss.ErrUnavailable)
	assert.Empty(p, p.inbox(s.Ruiz, csss.Invitation))

	p.now = world.Local(2027, time.August, 2, 9, 0) // no first answer stands any more
	after := s.NeedAfterExpiry
	after.From, after.Until = world.Local(2027, time.August, 9, 0, 0), world.Local(2027, time.October, 4, 0, 0)
	assert.Empty(p, p.asks(s.Client1, after).Candidates)
}

// running engages client 1 for eight weeks, of which the first grant covers
// four: the offer and the grant were extended before.
func running(p *play, s *world.Guidance) *guided {
	p.Helper()
	p.now = world.Local(2027, time.May, 3, 9, 0)
	r, err := p.x.Revise(p.Context(), p.as(s.Ruiz), s.Extended)
	p.saw(s.Ruiz.Firm, r, err)
	require.ErrorIs(p, err, csss.ErrDenied, "the first grant does not reach so far")
	p.sets(s, s.Renewed)
	r, err = p.x.Revise(p.Context(), p.as(s.Ruiz), s.Extended)
	p.ok(s.Ruiz, r, err)
	g := clientOne(s, s.NeedRunning, world.Local(2027, time.May, 31, 9, 0))
	p.run(g.scenes(), "")
	deal := g.engage(p)
	require.Equal(p, 24*match.Hour, deal.Hours)
	require.Len(p, deal.Slots, 8)
	require.Equal(p, 136, int(p.remaining(s)))
	g.start(p)
	p.now = world.Local(2027, time.June, 15, 9, 0)
	p.sets(s, s.CutShort)
	require.Equal(p, disclosure.Started, p.phase(s.Client1, g.demand))
	return g
}

// ticks lets time do what is due and compares what it says is due next.
func (p *play) ticks(now, next time.Time) {
	p.Helper()
	p.now = now
	due, err := p.x.Tick(p.Context(), now)
	require.NoError(p, err)
	if !next.IsZero() {
		assert.True(p, next.Equal(due), "next due %v, want %v", due, next)
	}
}

// expiry is the end of the first grant's last local day.
var expiry = world.Local(2027, time.July, 1, 0, 0)

// playRunning: the grant ends in the fourth of eight weeks, and with it the
// engagement.
func playRunning(p *play, s *world.Guidance) {
	g := running(p, s)
	p.ticks(expiry.Add(-time.Minute), expiry)
	require.Equal(p, disclosure.Started, p.phase(s.Client1, g.demand), "the last day belongs to the grant")
	p.ticks(expiry, time.Time{})

	client, err := p.x.Status(p.Context(), p.as(s.Client1), g.demand)
	p.saw(s.Client1.Firm, client, err)
	require.NoError(p, err)
	assert.Equal(p, disclosure.Closed, client.Phase)
	assert.Empty(p, client.Own.Reason)
	own, err := p.x.Status(p.Context(), p.as(s.Ruiz), g.supply)
	p.saw(s.Ruiz.Firm, own, err)
	require.NoError(p, err)
	assert.Equal(p, disclosure.Closed, own.Phase)
	assert.Equal(p, "the grant has ended", own.Own.Reason)

	deal := g.deal(p)
	require.Len(p, deal.Slots, 4, "four ISO weeks")
	assert.Equal(p, 12*match.Hour, deal.Hours)
	assert.EqualValues(p, 12*17000, deal.Fee)
	assert.True(p, deal.Slots[3].Start.Before(expiry))
	assert.Equal(p, 148, int(p.remaining(s)), "the other 12 h are free again")
	steps := p.stepsOf(s.Ruiz, g.supply)
	assert.Contains(p, steps, "engagement.terminated")
	assert.Contains(p, steps, "hold.released")
	assert.NotContains(p, steps, "engagement.completed")
	_, err = p.x.Complete(p.Context(), p.as(s.Ruiz), g.supply, 24*match.Hour)
	p.saw(s.Ruiz.Firm, err)
	assert.Error(p, err, "an ended engagement stays ended")

	// The offer says 2028 still, but the grant is gone.
	p.now = expiry.Add(9 * time.Hour)
	before := len(p.told(s))
	assert.Empty(p, p.asks(s.Client2, withWeeks(s.Need2Later, s.NeedAfterExpiry)).Candidates)
	told := p.told(s)[before:]
	require.Len(p, told, 1)
	assert.Contains(p, told[0], "grant:quality-manager-guidance: valid until 2027-07-01T00:00:00-04:00")

	p.sets(s, versioned(s.Renewed, 4))
	p.ticks(expiry.Add(10*time.Hour), time.Time{})
	assert.Equal(p, disclosure.Closed, p.phase(s.Client1, g.demand), "a renewal that comes too late revives nothing")
}

// withWeeks is a need in the weeks of another.
func withWeeks(n, other match.Need) match.Need {
	n.From, n.Until = other.From, other.Until
	return n
}

// versioned is a rule document under a higher version.
func versioned(rules csss.PolicyText, version int) csss.PolicyText {
	text := string(rules.Text)
	i := strings.Index(text, "version: ")
	end := i + strings.IndexByte(text[i:], '\n')
	rules.Text = fmt.Appendf(nil, "%sversion: %d%s", text[:i], version, text[end:])
	return rules
}

// playRenewed: without a renewal the four weeks before expiry are all there
// is; the grant reissued before it leaves the engagement as it stands.
func playRenewed(p *play, s *world.Guidance) {
	g := clientOne(s, s.NeedRunningPart, world.Local(2027, time.May, 31, 9, 0))
	p.run(g.scenes(), "")
	assert.Equal(p, "covers a part of the need", g.candidate.Covers)
	deal := g.engage(p)
	assert.Equal(p, 12*match.Hour, deal.Hours)
	assert.Len(p, deal.Slots, 4)
	assert.Equal(p, "4", deal.Terms.Params["weeks"])
	g.start(p)
	p.now = world.Local(2027, time.June, 28, 9, 0)
	p.sets(s, s.Renewed)
	p.ticks(expiry, world.Local(2028, time.January, 1, 0, 0))
	require.Equal(p, disclosure.Started, p.phase(s.Client1, g.demand), "unbroken")
	require.Equal(p, disclosure.Started, p.phase(s.Ruiz, g.supply), "unbroken")
	g.complete(p, 12*match.Hour)
	assert.EqualValues(p, 12*17000, g.deal(p).Fee)
	assert.NotContains(p, p.stepsOf(s.Ruiz, g.supply), "engagement.terminated")
}

// playCutShortRenewed: a renewal is judged when the grant would have ended, not
// when it was cut short.
func playCutShortRenewed(p *play, s *world.Guidance) {
	g := running(p, s)
	p.now = world.Local(2027, time.June, 30, 17, 0)
	p.sets(s, versioned(s.Renewed, 4))
	p.ticks(expiry, world.Local(2028, time.January, 1, 0, 0))
	require.Equal(p, disclosure.Started, p.phase(s.Client1, g.demand), "unbroken")
	assert.Equal(p, 136, int(p.remaining(s)), "all 24 h stay held")
	p.now = world.Local(2027, time.July, 30, 16, 0)
	g.complete(p, 24*match.Hour)
	assert.EqualValues(p, 408000, g.deal(p).Fee)
	steps := p.stepsOf(s.Client1, g.demand)
	assert.NotContains(p, steps, "engagement.terminated")
	assert.NotContains(p, steps, "hold.released")
}

// playPrice: the robust estimate, the outlier that hardly moves it, and the
// refusal to make a price out of two comparables.
func playPrice(p *play, s *world.Guidance) {
	category := s.Need1.Category
	e, err := p.x.Estimate(category)
	require.NoError(p, err)
	assert.Equal(p, market.Estimate{Median: 17000, Q1: 15625, Q3: 18875, IQR: 3250, MAD: 1750, N: 10}, e)
	p.now = s.Registered()
	operator := csss.By{At: p.now}
	_, err = p.x.RecordComparables(p.Context(), operator, category, 90000)
	require.NoError(p, err)
	e, err = p.x.Estimate(category)
	require.NoError(p, err)
	assert.Equal(p, market.Estimate{Median: 17500, Q1: 15750, Q3: 20000, IQR: 4250, MAD: 2000, N: 11}, e)
	one := clientOne(s, s.Need1, p.now)
	p.run(one.scenes(), "")
	assert.EqualValues(p, 24*17500, one.engage(p).Fee)
}

// TestStoryS3TooFewComparables: below three comparables there is no price. The
// candidate and its tier are stated all the same; no session begins at a price
// that nothing supports, so that it is left to be agreed by hand.
func TestStoryS3TooFewComparables(t *testing.T) {
	s := world.K3Story3()
	category := s.Need1.Category
	s.Comparables = map[string][]int64{category: {16500, 17500}}
	p := inSmall(t, &s.World)
	e, err := p.x.Estimate(category)
	require.ErrorIs(t, err, market.ErrTooFew)
	assert.Equal(t, market.Estimate{N: 2}, e)
	one := clientOne(s, s.Need1, s.Registered())
	p.run(one.scenes()[:2], "")
	assert.Equal(t, match.High, one.candidate.Tier, "the tier is always stated")
	before := p.x.Size()
	r, err := p.x.Select(p.Context(), p.as(s.Client1), one.demand)
	p.saw(s.Client1.Firm, r, err)
	require.ErrorIs(t, err, csss.ErrNoPrice)
	assert.Equal(t, before, p.x.Size(), "nothing was logged")
	assert.Empty(t, p.inbox(s.Ruiz, csss.Invitation))

	// A third comparable makes a price.
	_, err = p.x.RecordComparables(t.Context(), csss.By{At: p.now}, category, 17000)
	require.NoError(t, err)
	again := *one
	again.need.ID += "-again"
	p.run(again.scenes(), "")
	assert.EqualValues(t, 408000, again.engage(p).Fee)
}

// TestStoryS3NothingWithoutEachConsent is A2: leave out one consent, and
// nothing is revealed; what is missing is named to its own side alone.
func TestStoryS3NothingWithoutEachConsent(t *testing.T) {
	missing := map[string]struct{ client, guide bool }{
		"the client opts in":             {client: true},
		"the client's employer approves": {client: true},
		"the guide opts in":              {guide: true},
	}
	supply := map[string]string{} // what the guide's side reads, by what is missing
	for _, sc := range clientOne(world.Story3(), match.Need{}, time.Time{}).scenes() {
		if !sc.consent {
			continue
		}
		t.Run(sc.name, func(t *testing.T) {
			s := world.K3Story3()
			p := inSmall(t, &s.World)
			g := clientOne(s, s.Need1, s.Registered())
			p.run(g.scenes(), sc.name)
			p.now = g.at.Add(4 * time.Hour)
			assert.Nil(t, p.identity(s.Client1, g.demand))
			assert.Nil(t, p.identity(s.Ruiz, g.supply))
			assert.Equal(t, disclosure.Summarised, p.phase(s.Client1, g.demand))
			assert.Equal(t, disclosure.Summarised, p.phase(s.Ruiz, g.supply))
			want := missing[sc.name]
			assert.Equal(t, want.client, g.waits(p, s.Client1, s.Approver1))
			assert.Equal(t, want.guide, g.waits(p, s.Ruiz, s.Owner))
			supply[sc.name] = g.reads(p, s.Ruiz, g.supply)
			assert.Equal(t, 160, int(p.remaining(s)), "and nothing is held")
		})
	}
	assert.Equal(t, supply["the client opts in"], supply["the client's employer approves"],
		"the guide cannot tell which consent of the client is missing")
}

// waits reports whether something waits for one of the people of a side.
func (g *guided) waits(p *play, people ...world.Who) bool {
	p.Helper()
	for _, w := range people {
		if len(p.inbox(w, csss.Invitation))+len(p.inbox(w, csss.Approval)) > 0 {
			return true
		}
	}
	return false
}

// reads is what a side reads of its session, less what is random.
func (g *guided) reads(p *play, w world.Who, h disclosure.Handle) string {
	p.Helper()
	st, err := p.x.Status(p.Context(), p.as(w), h)
	require.NoError(p, err)
	st.Handle, st.Bind = "", disclosure.Binding{}
	text, err := json.Marshal(st)
	require.NoError(p, err)
	return string(text)
}

// TestStoryS3NothingWithoutEachRule is A2 for what no scene can leave out: the
// consent that a rule gives, the person's employment, the offer itself.
func TestStoryS3NothingWithoutEachRule(t *testing.T) {
	without := func(rules csss.PolicyText, action string) csss.PolicyText {
		rules = versioned(rules, 2)
		rules.Text = bytes.ReplaceAll(rules.Text, []byte(action), nil)
		return rules
	}
	for _, c := range []struct {
		name string
		do   func(p *play, s *world.Guidance) (csss.Receipt, error)
	}{
		{"the guide's employer takes the rule back", func(p *play, s *world.Guidance) (csss.Receipt, error) {
			rules := without(rulesIn(&s.World, s.Ruiz.Firm), "reveal, ")
			return p.x.SetPolicy(p.Context(), p.as(s.Owner), rules.Firm, rules.Name, rules.Text)
		}},
		{"the client's employer takes the rule back", func(p *play, s *world.Guidance) (csss.Receipt, error) {
			rules := without(rulesIn(&s.World, s.Client1.Firm), "reveal, ")
			return p.x.SetPolicy(p.Context(), p.as(s.Approver1), rules.Firm, rules.Name, rules.Text)
		}},
		{"the requester leaves", func(p *play, s *world.Guidance) (csss.Receipt, error) {
			return p.x.Leave(p.Context(), p.as(s.Approver1), s.Client1.Person)
		}},
		{"the need is withdrawn", func(p *play, s *world.Guidance) (csss.Receipt, error) {
			return p.x.Withdraw(p.Context(), p.as(s.Client1), s.Need1.ID)
		}},
		{"the offer is withdrawn", func(p *play, s *world.Guidance) (csss.Receipt, error) {
			return p.x.Withdraw(p.Context(), p.as(s.Ruiz), s.Offer)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := world.K3Story3()
			p := inSmall(t, &s.World)
			g := clientOne(s, s.Need1, s.Registered())
			p.run(g.scenes(), "the guide opts in")
			_, err := c.do(p, s)
			require.NoError(t, err)
			p.now = p.now.Add(time.Hour)
			r, err := p.x.OptIn(p.Context(), p.as(s.Ruiz), g.supply)
			p.saw(s.Ruiz.Firm, r, err)
			for range 3 { // nor at any later time
				assert.Nil(t, p.identity(s.Approver1, g.demand))
				assert.Nil(t, p.identity(s.Client1, g.demand))
				assert.Nil(t, p.identity(s.Ruiz, g.supply))
				p.ticks(p.now.Add(time.Hour), time.Time{})
			}
			if left, err := p.x.Remaining(p.as(s.Ruiz), s.Offer); err == nil {
				assert.Equal(t, 160*match.Hour, left)
			}
			p.isFold()
		})
	}
}

func rulesIn(w *world.World, firm string) csss.PolicyText {
	i := slices.IndexFunc(w.Policies, func(p csss.PolicyText) bool { return p.Firm == firm })
	return w.Policies[i]
}

// TestStoryS3NotEngagedWithout is A2 after the reveal: one acceptance, another
// digest, or rules that changed in between, and nothing is engaged.
func TestStoryS3NotEngagedWithout(t *testing.T) {
	accept := func(p *play, w world.Who, h disclosure.Handle, d disclosure.Digest) error {
		r, err := p.x.AcceptTerms(p.Context(), p.as(w), h, d)
		p.saw(w.Firm, r, err)
		return err
	}
	for _, c := range []struct {
		name string
		do   func(p *play, s *world.Guidance, g *guided, d disclosure.Digest)
	}{
		{"the client's acceptance", func(p *play, s *world.Guidance, g *guided, d disclosure.Digest) {
			require.NoError(p, accept(p, s.Ruiz, g.supply, d))
		}},
		{"the guide's acceptance", func(p *play, s *world.Guidance, g *guided, d disclosure.Digest) {
			require.NoError(p, accept(p, s.Client1, g.demand, d))
		}},
		{"the same terms", func(p *play, s *world.Guidance, g *guided, d disclosure.Digest) {
			require.NoError(p, accept(p, s.Client1, g.demand, d))
			require.Error(p, accept(p, s.Ruiz, g.supply, disclosure.DigestOf([]byte("other terms"))))
		}},
		{"the grant", func(p *play, s *world.Guidance, g *guided, d disclosure.Digest) {
			require.NoError(p, accept(p, s.Client1, g.demand, d))
			rules := versioned(rulesIn(&s.World, s.Ruiz.Firm), 2)
			rules.Text = bytes.ReplaceAll(rules.Text, []byte("reveal, engage]"), []byte("reveal]"))
			p.sets(s, rules)
			require.Error(p, accept(p, s.Ruiz, g.supply, d))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := world.K3Story3()
			p := inSmall(t, &s.World)
			g := clientOne(s, s.Need1, s.Registered())
			p.run(g.scenes(), "")
			p.revealed(s.Client1.Firm, s.Ruiz.Firm)
			c.do(p, s, g, g.deal(p).TermsDigest)
			assert.Equal(t, disclosure.Revealed, p.phase(s.Client1, g.demand))
			assert.Equal(t, disclosure.Revealed, p.phase(s.Ruiz, g.supply))
			_, err := p.x.Start(p.Context(), p.as(s.Ruiz), g.supply)
			assert.Error(t, err)
			p.ticks(p.now.Add(80*time.Hour), time.Time{})
			assert.Equal(t, disclosure.Closed, p.phase(s.Client1, g.demand), "the provisional hold lapses")
			assert.Equal(t, 160, int(p.remaining(s)))
			p.isFold()
		})
	}
}
