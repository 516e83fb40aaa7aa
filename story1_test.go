package csss_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/embed"
	"github.com/deeperpoint/csss/embed/lexical"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/market"
	"github.com/deeperpoint/csss/policy"
)

// The times of the first story's table.
var (
	queryViewed    = world.Local(2026, time.September, 15, 9, 10)
	querySelected  = world.Local(2026, time.September, 15, 10, 30)
	queryAsked     = world.Local(2026, time.September, 15, 10, 31)
	queryAnswered  = world.Local(2026, time.September, 15, 13, 0)
	queryApproved  = world.Local(2026, time.September, 15, 13, 30)
	queryAgreed    = world.Local(2026, time.September, 15, 14, 30)
	queryStarted   = world.Local(2026, time.September, 16, 8, 30)
	queryCompleted = world.Local(2026, time.September, 16, 11, 0)
	queryRated     = world.Local(2026, time.September, 16, 11, 5)
)

// The scenes without any one of which nothing is revealed.
const (
	engineerOptsIn  = "the engineer opts in"
	expertOptsIn    = "the expert opts in"
	managerApproves = "the manager approves"
)

// technicalQuery is the first story, up to the fourth consent, as a list of
// scenes. The employer of the expert consents by its rules alone.
func technicalQuery(s *world.TechnicalQuery) []scene {
	return []scene{
		{name: "register the need", do: func(p *play) {
			p.now = s.Registered()
			p.keepsPrivate(s)
			r, err := p.x.Register(p.Context(), p.as(s.Petrov), s.Need)
			p.ok(s.Petrov, r, err)
		}},
		{name: "match", do: func(p *play) {
			m, err := p.x.Match(p.Context(), p.as(s.Petrov), s.Need.ID)
			p.saw(s.Petrov.Firm, m, err)
			require.NoError(p, err)
			require.NotEmpty(p, m.Candidates)
			first := m.Candidates[0]
			assert.Equal(p, 1, first.Rank)
			assert.Equal(p, match.High, first.Tier)
			assert.Equal(p, "covers the need", first.Covers)
			price, err := p.x.Estimate("expertise.machining")
			require.NoError(p, err)
			assert.Equal(p, market.Estimate{Median: 16500, Q1: 16000, Q3: 17000, IQR: 1000, MAD: 500, N: 5}, price)
			p.handles["demand"] = first.Handle
			p.ownReasons(s)
		}},
		{name: "view the summary", do: func(p *play) {
			p.now = queryViewed
			m, err := p.x.Candidates(p.as(s.Petrov), s.Need.ID)
			p.saw(s.Petrov.Firm, m, err)
			require.NoError(p, err)
			require.NotEmpty(p, m.Candidates)
			assert.Equal(p, p.handles["demand"], m.Candidates[0].Handle)
		}},
		{name: "select", do: func(p *play) {
			p.now = querySelected
			before := p.tasksOf(s)
			r, err := p.x.Select(p.Context(), p.as(s.Petrov), p.handles["demand"])
			p.ok(s.Petrov, r, err)
			invited := p.inbox(s.Expert, csss.Invitation)
			require.Len(p, invited, 1, "the first candidate is E1")
			p.handles["supply"] = invited[0].Handle
			assert.Equal(p, before, p.tasksOf(s), "unselected candidates learn nothing")
		}},
		{name: engineerOptsIn, consent: true, do: func(p *play) {
			r, err := p.x.OptIn(p.Context(), p.as(s.Petrov), p.handles["demand"])
			p.ok(s.Petrov, r, err)
		}},
		{name: "the manager is asked", do: func(p *play) {
			p.now = queryAsked
			tasks := p.inbox(s.Brandt, csss.Approval)
			require.Len(p, tasks, 1)
			task := tasks[0]
			assert.Equal(p, "engineering", task.Requirement)
			assert.Equal(p, []string{"engineering_manager"}, task.Seats)
			assert.Equal(p, [2]int{1, 0}, [2]int{task.Need, task.Have})
			assert.Equal(p, "demand.consultation", task.Brief.Category)
			assert.Equal(p, 4*match.Hour, task.Brief.Hours)
			assert.EqualValues(p, 16500, task.Brief.Estimate)
			assert.EqualValues(p, 66000, task.Brief.Amount)
			assert.Equal(p, "CAD", task.Brief.Currency)
			assert.Equal(p, "consult-v1", task.Brief.Template)
			assert.NotEmpty(p, task.Brief.Counterparty)
			_, err := p.x.Approve(p.Context(), p.as(s.Petrov), p.handles["demand"], "engineering")
			p.saw(s.Petrov.Firm, err)
			assert.ErrorIs(p, err, csss.ErrNotYours, "the requester cannot approve")
		}},
		{name: expertOptsIn, consent: true, do: func(p *play) {
			p.now = queryAnswered
			r, err := p.x.OptIn(p.Context(), p.as(s.Expert), p.handles["supply"])
			p.ok(s.Expert, r, err)
			p.autoApproved(s)
		}},
		{name: managerApproves, consent: true, do: func(p *play) {
			p.now = queryApproved
			p.hidden(s)
			before := p.x.Size()
			r, err := p.x.Approve(p.Context(), p.as(s.Brandt), p.handles["demand"], "engineering")
			p.ok(s.Brandt, r, err)
			entries := uint64(1)
			if p.phase(s.Petrov, p.handles["demand"]) == disclosure.Revealed {
				entries = 3 // the approval, the reveal, the hold
			}
			assert.Equal(p, before+entries, p.x.Size())
		}},
	}
}

// keepsPrivate lists what no other firm may ever read: bounds, rules, reasons.
func (p *play) keepsPrivate(s *world.TechnicalQuery) {
	demand := s.Petrov.Firm
	p.private = append(p.private,
		secret{demand, "20000"}, secret{demand, "200.00"}, secret{demand, "engineering_manager"},
		secret{s.E1.Owner.Firm, "14000"}, secret{s.E1.Owner.Firm, "140.00"}, secret{s.E1.Owner.Firm, "advice@3"},
		secret{s.E4.Owner.Firm, "no-aerospace-turning"}, secret{s.E4.Owner.Firm, "forbidden"},
		secret{s.E5.Owner.Firm, "quota:expert-week"}, secret{s.E5.Owner.Firm, "2026-W38"},
		secret{s.E6.Owner.Firm, "the windows do not hold"}, secret{s.E6.Owner.Firm, "2026-10-05"})
}

// experts are the six of the story's table.
func experts(s *world.TechnicalQuery) []world.Decoy {
	return []world.Decoy{s.E1, s.E2, s.E3, s.E4, s.E5, s.E6}
}

// ownReasons: the firms of the absent ones read why, and nobody else does.
func (p *play) ownReasons(s *world.TechnicalQuery) {
	p.Helper()
	want := map[string][2]string{
		"E4": {"rules", "no-aerospace-turning"}, "E5": {"rules", "quota:expert-week: asks 4h in 2026-W38, at most 0s"},
		"E6": {"window", "the windows do not hold"},
	}
	for _, e := range experts(s) {
		misses, err := p.x.NearMisses(p.Context(), p.as(e.Owner), e.Offer)
		p.saw(e.Owner.Firm, misses, err)
		require.NoError(p, err)
		if reason, absent := want[e.Name]; absent {
			require.Len(p, misses, 1, e.Name)
			assert.Equal(p, e.Gate, misses[0].Gate, e.Name)
			assert.Equal(p, reason[0], misses[0].Gate, e.Name)
			assert.Contains(p, misses[0].Reason, reason[1], e.Name)
		} else {
			assert.Empty(p, misses, e.Name)
		}
		for _, stranger := range append([]world.Who{s.Petrov, s.Brandt}, owners(s, e.Name)...) {
			misses, err := p.x.NearMisses(p.Context(), p.as(stranger), e.Offer)
			p.saw(stranger.Firm, misses, err)
			assert.ErrorIs(p, err, csss.ErrNotFound, "%s is no business of a stranger", e.Name)
			assert.Empty(p, misses)
		}
	}
	totals, err := p.x.MissTotals(p.Context())
	p.saw("", totals, err)
	require.NoError(p, err)
}

// owners are the publishers of the experts except one.
func owners(s *world.TechnicalQuery, except string) []world.Who {
	var out []world.Who
	for _, e := range experts(s) {
		if e.Name != except {
			out = append(out, e.Owner)
		}
	}
	return out
}

// tasksOf is all that waits for the owners of E2 to E6.
func (p *play) tasksOf(s *world.TechnicalQuery) map[string][]csss.Task {
	p.Helper()
	out := map[string][]csss.Task{}
	for _, e := range experts(s)[1:] {
		tasks, err := p.x.Inbox(p.Context(), p.as(e.Owner))
		p.saw(e.Owner.Firm, tasks, err)
		require.NoError(p, err)
		out[e.Name] = tasks
		for _, task := range tasks {
			assert.Equal(p, csss.RareOffer, task.Kind, "%s is not invited", e.Name)
		}
	}
	return out
}

// autoApproved: the rules of the expert's employer stand in the log as its
// decision, with their digest, and its own side alone reads so.
func (p *play) autoApproved(s *world.TechnicalQuery) {
	p.Helper()
	at := slices.IndexFunc(s.Policies, func(t csss.PolicyText) bool { return t.Firm == s.Expert.Firm })
	set, err := policy.Compile(nil, policy.Source{Name: "holloway-tool", Text: s.Policies[at].Text})
	require.NoError(p, err)
	steps := p.steps(s.Expert, p.handles["supply"])
	i := slices.IndexFunc(steps, func(t csss.TrailStep) bool { return t.Name == "approval.granted" })
	require.GreaterOrEqual(p, i, 0)
	assert.True(p, steps[i].Auto)
	assert.Equal(p, disclosure.Supply, steps[i].Side)
	assert.True(p, queryAnswered.Equal(steps[i].At))
	assert.Equal(p, disclosure.Digest(set.Digest(s.Expert.Firm)), steps[i].Rules)
	assert.Equal(p, 3, steps[i].Version)
	for _, step := range p.steps(s.Petrov, p.handles["demand"]) {
		assert.NotEqual(p, "approval.granted", step.Name, "sealed: the other side does not read it")
	}
}

// steps is a side's trail.
func (p *play) steps(w world.Who, h disclosure.Handle) []csss.TrailStep {
	p.Helper()
	tr, err := p.x.Trail(p.Context(), p.as(w), h)
	p.saw(w.Firm, tr, err)
	require.NoError(p, err)
	return tr.Steps
}

// hidden: neither side can read the other's identity, no hours are held, and
// neither trail knows of a reveal, of a proof or of the other side's moves.
func (p *play) hidden(s *world.TechnicalQuery) {
	p.Helper()
	p.nothingRevealed(s)
	for name, who := range map[string]world.Who{"demand": s.Petrov, "supply": s.Expert} {
		status := p.sideOf(who, name)
		assert.Nil(p, status.Theirs)
		assert.Zero(p, status.Price)
		for _, step := range p.steps(who, p.handles[name]) {
			assert.Empty(p, step.Receipt)
			if step.Side != status.Side {
				assert.Contains(p, []string{"match.proposed", "session.opened", "session.stale"}, step.Name)
			}
		}
		_, err := p.x.ExportReceipt(p.Context(), p.as(who), p.handles[name])
		assert.ErrorIs(p, err, csss.ErrNotFound)
	}
}

// nothingRevealed: nobody can open an identity, the log holds no reveal for
// either trail to show, and all of E1's hours are free.
func (p *play) nothingRevealed(s *world.TechnicalQuery) {
	p.Helper()
	assert.Nil(p, p.identity(s.Petrov, p.handles["demand"]))
	assert.Nil(p, p.identity(s.Expert, p.handles["supply"]))
	for name, who := range map[string]world.Who{"demand": s.Brandt, "supply": s.Partner} {
		steps := p.steps(who, p.handles[name])
		assert.NotEmpty(p, steps)
		for _, step := range steps {
			assert.NotContains(p, []string{"identity.revealed", "hold.provisional", "hold.placed"}, step.Name)
		}
	}
	var offered match.Offer
	for _, o := range s.Offers {
		if o.Offer.ID == s.E1.Offer {
			offered = o.Offer
		}
	}
	all, err := match.NewBook().Remaining(&offered)
	require.NoError(p, err)
	left, err := p.x.Remaining(p.as(s.Partner), s.E1.Offer)
	require.NoError(p, err)
	assert.Equal(p, all, left, "no hour is held")
}

// meet is what the fourth consent brings: both identities, in the batch of
// that consent, and the hours held.
func (p *play) meet(s *world.TechnicalQuery) (terms disclosure.Digest) {
	p.Helper()
	p.revealed(s.Petrov.Firm, s.Expert.Firm)
	expert, engineer := p.identity(s.Petrov, p.handles["demand"]), p.identity(s.Expert, p.handles["supply"])
	require.NotNil(p, expert)
	require.NotNil(p, engineer)
	assert.Equal(p, [3]string{"Holloway Tool", "W. Ashdown", "Oakville"}, [3]string{expert.LegalName, expert.Contact, expert.City})
	assert.Equal(p, [3]string{"Northgate Gear", "D. Petrov", "Guelph"}, [3]string{engineer.LegalName, engineer.Contact, engineer.City})

	demand, supply := p.deal(s.Petrov, "demand"), p.deal(s.Expert, "supply")
	for _, d := range []*csss.Deal{demand, supply} {
		assert.EqualValues(p, 16500, d.Rate)
		assert.Equal(p, "CAD", d.Currency)
		assert.Equal(p, 4*match.Hour, d.Hours)
		assert.EqualValues(p, 66000, d.Fee)
		assert.Equal(p, "consult-v1", d.Terms.Template)
		assert.Equal(p, disclosure.Digest(d.Terms.Digest()), d.TermsDigest)
	}
	assert.Equal(p, demand.TermsDigest, supply.TermsDigest)
	p.oneBatch(s)
	return demand.TermsDigest
}

func (p *play) deal(w world.Who, side string) *csss.Deal {
	p.Helper()
	v, err := p.x.View(p.Context(), p.as(w), p.handles[side], disclosure.StageIdentity)
	p.saw(w.Firm, v, err)
	require.NoError(p, err)
	require.NotNil(p, v.Deal)
	return v.Deal
}

// oneBatch: the manager's approval, the reveal and the hold, which came of one
// call, lie next to each other in the log.
func (p *play) oneBatch(s *world.TechnicalQuery) {
	p.Helper()
	steps := p.steps(s.Petrov, p.handles["demand"])
	i := slices.IndexFunc(steps, func(t csss.TrailStep) bool { return t.Name == "identity.revealed" })
	require.Positive(p, i)
	require.Less(p, i+1, len(steps))
	batch := steps[i-1 : i+2]
	names, places := []string{}, []uint64{}
	for _, step := range batch {
		info, err := ledger.VerifyReceipt(step.Receipt, p.x.VerifierKey())
		require.NoError(p, err)
		names, places = append(names, step.Name), append(places, info.Index)
		assert.True(p, queryApproved.Equal(step.At))
	}
	assert.Equal(p, []string{"approval.granted", "identity.revealed", "hold.provisional"}, names)
	assert.Equal(p, []uint64{places[0], places[0] + 1, places[0] + 2}, places)
	assert.Equal(p, 1, strings.Count(strings.Join(namesOf(steps), " "), "identity.revealed"))
}

func namesOf(steps []csss.TrailStep) []string {
	var out []string
	for _, step := range steps {
		out = append(out, step.Name)
	}
	return out
}

// work is the rest of the story: terms, work, money, outcome.
func (p *play) work(s *world.TechnicalQuery, terms disclosure.Digest) {
	p.Helper()
	p.now = queryAgreed
	p.bothAccept(s, terms)

	p.now = queryStarted
	for _, side := range []struct {
		who  world.Who
		name string
	}{{s.Expert, "supply"}, {s.Petrov, "demand"}} {
		r, err := p.x.Start(p.Context(), p.as(side.who), p.handles[side.name])
		p.ok(side.who, r, err)
	}
	assert.Equal(p, disclosure.Started, p.phase(s.Petrov, p.handles["demand"]))

	p.now = queryCompleted
	worked := 5 * match.Hour / 2
	r, err := p.x.Complete(p.Context(), p.as(s.Expert), p.handles["supply"], worked)
	p.ok(s.Expert, r, err)
	assert.Equal(p, disclosure.Started, p.phase(s.Petrov, p.handles["demand"]), "both must name the hours")
	r, err = p.x.Complete(p.Context(), p.as(s.Petrov), p.handles["demand"], worked)
	p.ok(s.Petrov, r, err)
	assert.Equal(p, disclosure.Completed, p.phase(s.Petrov, p.handles["demand"]))
	assert.EqualValues(p, 41250, p.deal(s.Petrov, "demand").Fee)
	assert.EqualValues(p, 41250, p.deal(s.Expert, "supply").Fee)

	p.now = queryRated
	o, err := p.x.Offer(p.as(s.Expert), s.E1.Offer)
	require.NoError(p, err)
	assert.Len(p, o.Evidence, 3)
	r, err = p.x.Rate(p.Context(), p.as(s.Petrov), p.handles["demand"], disclosure.Rating{Stars: 5, Solved: true})
	p.ok(s.Petrov, r, err)
	o, err = p.x.Offer(p.as(s.Expert), s.E1.Offer)
	p.saw(s.Expert.Firm, o, err)
	require.NoError(p, err)
	require.Len(p, o.Evidence, 4)
	assert.Equal(p, 2026, o.Evidence[3].Year)
	assert.Equal(p, []int{2019, 2022, 2024}, []int{o.Evidence[0].Year, o.Evidence[1].Year, o.Evidence[2].Year})
	p.history(s)
}

// bothAccept: other terms are refused, one acceptance is not enough, two of
// the same digest are.
func (p *play) bothAccept(s *world.TechnicalQuery, terms disclosure.Digest) {
	p.Helper()
	_, err := p.x.AcceptTerms(p.Context(), p.as(s.Petrov), p.handles["demand"], disclosure.DigestOf([]byte("other terms")))
	p.saw(s.Petrov.Firm, err)
	assert.ErrorIs(p, err, disclosure.ErrStale)
	r, err := p.x.AcceptTerms(p.Context(), p.as(s.Petrov), p.handles["demand"], terms)
	p.ok(s.Petrov, r, err)
	assert.Equal(p, disclosure.Revealed, p.phase(s.Petrov, p.handles["demand"]))
	_, err = p.x.Start(p.Context(), p.as(s.Petrov), p.handles["demand"])
	assert.ErrorIs(p, err, disclosure.ErrNotAllowed, "no work before both have accepted")
	r, err = p.x.AcceptTerms(p.Context(), p.as(s.Expert), p.handles["supply"], terms)
	p.ok(s.Expert, r, err)
	assert.Equal(p, disclosure.Engaged, p.phase(s.Expert, p.handles["supply"]))
	assert.Equal(p, disclosure.Engaged, p.phase(s.Petrov, p.handles["demand"]))
	assert.EqualValues(p, 16500, p.deal(s.Petrov, "demand").Rate)
}

// history: the whole trail in order, at the times of the table, verifying from
// its receipts alone; work began within 24 h of the need and ended within 48 h.
func (p *play) history(s *world.TechnicalQuery) {
	p.Helper()
	tr, err := p.x.Trail(p.Context(), p.as(s.Petrov), p.handles["demand"])
	p.saw(s.Petrov.Firm, tr, err)
	require.NoError(p, err)
	require.NoError(p, tr.Verify(p.x.VerifierKey()))
	supply, demand := disclosure.Supply, disclosure.Demand
	both := supply // steps of neither side alone come under the first
	want := []struct {
		name string
		side disclosure.Side
		at   time.Time
	}{
		{"match.proposed", both, querySelected}, {"session.opened", both, querySelected},
		{"optin.given", demand, querySelected},
		{"optin.given", supply, queryAnswered}, {"approval.granted", supply, queryAnswered},
		{"approval.granted", demand, queryApproved}, {"identity.revealed", both, queryApproved},
		{"hold.provisional", supply, queryApproved},
		{"terms.accepted", demand, queryAgreed}, {"terms.accepted", supply, queryAgreed}, {"hold.firmed", supply, queryAgreed},
		{"engagement.started", supply, queryStarted}, {"engagement.started", demand, queryStarted},
		{"engagement.completed", both, queryCompleted}, {"outcome.rated", demand, queryRated},
	}
	steps := slices.DeleteFunc(tr.Steps, func(t csss.TrailStep) bool { return t.Name == "fields.disclosed" })
	require.Len(p, steps, len(want), "%v", namesOf(steps))
	for i, w := range want {
		assert.Equal(p, w.name, steps[i].Name)
		assert.Equal(p, w.side, steps[i].Side, w.name)
		assert.True(p, w.at.Equal(steps[i].At), "%s at %v", w.name, steps[i].At)
	}
	began, ended := queryStarted.Sub(s.Registered()), queryCompleted.Sub(s.Registered())
	assert.Equal(p, 23*time.Hour+30*time.Minute, began)
	assert.LessOrEqual(p, began, 24*time.Hour)
	assert.Equal(p, 26*time.Hour, ended)
	assert.LessOrEqual(p, ended, 48*time.Hour)
}

func TestStoryS1(t *testing.T) {
	s := world.Story1()
	p := inWorld(t)
	p.replays = false // a replay of the world after each scene is slow; the small market does it
	p.run(technicalQuery(s), "")
	p.ranks(s)
	p.work(s, p.meet(s))
	p.isFold()
	p.verifies()
}

// texts are, best first, what the story says of E1 to E3, and for each field
// what a summary may say instead.
var texts = [][][]string{
	{{"30+ years", "20+ years", "10+ years"}, {"3 comparable problems solved", "3 or more comparable problems solved"},
		{"nickel alloys", "metals"}, {"turning"}},
	{{"20+ years", "10+ years"}, {"5 comparable problems solved", "3 or more comparable problems solved"},
		{"nickel alloys", "metals"}, {"welding"}},
	{{"20+ years", "10+ years"}, {"4 comparable problems solved", "3 or more comparable problems solved"},
		{"aluminium", "metals"}, {"high-speed milling", "milling"}},
}

// ranks: E1, then E3 and E2, and none of the absent ones.
func (p *play) ranks(s *world.TechnicalQuery) {
	p.Helper()
	m, err := p.x.Candidates(p.as(s.Petrov), s.Need.ID)
	require.NoError(p, err)
	require.Len(p, m.Candidates, 3)
	for i, c := range m.Candidates {
		assert.Equal(p, i+1, c.Rank)
		if i == 0 {
			assert.Equal(p, "≤ 60 km or remote", c.Place)
		} else { // whether k of those like them work remotely is the world's chance
			assert.Contains(p, []string{"≤ 60 km or remote", "≤ 60 km"}, c.Place)
		}
		require.NotEmpty(p, c.Summary)
		for _, label := range c.Summary {
			assert.True(p, slices.ContainsFunc(texts[i], func(field []string) bool { return slices.Contains(field, label) }),
				"rank %d: %q is neither the story's text nor a coarser one", i+1, label)
		}
		if i > 0 {
			assert.NotEqual(p, match.High, c.Tier, "only E1 is a sure answer")
		}
	}
}

// TestStoryS1Candidates selects every candidate: the invitations go to E1 to
// E3 in the order of rank, and to nobody else.
func TestStoryS1Candidates(t *testing.T) {
	if testing.Short() {
		t.Skip("plays in the whole world again")
	}
	s := world.Story1()
	p := inWorld(t)
	p.now = s.Registered()
	p.keepsPrivate(s)
	found := p.ask(s.Petrov, s.Need)
	require.Len(t, found, 3)
	for i, e := range []world.Decoy{s.E1, s.E3, s.E2} {
		assert.Empty(t, p.inbox(e.Owner, csss.Invitation), "%s is not selected yet", e.Name)
		r, err := p.x.Select(p.Context(), p.as(s.Petrov), found[i].Handle)
		p.ok(s.Petrov, r, err)
		assert.Len(t, p.inbox(e.Owner, csss.Invitation), 1, "rank %d is %s", i+1, e.Name)
	}
	for _, e := range []world.Decoy{s.E4, s.E5, s.E6} {
		assert.Empty(t, p.inbox(e.Owner, csss.Invitation), e.Name)
	}
	p.isFold()
}

// ask registers a need and returns the candidates for it.
func (p *play) ask(w world.Who, n match.Need) []csss.Candidate {
	p.Helper()
	r, err := p.x.Register(p.Context(), p.as(w), n)
	p.ok(w, r, err)
	m, err := p.x.Match(p.Context(), p.as(w), n.ID)
	p.saw(w.Firm, m, err)
	require.NoError(p, err)
	return m.Candidates
}

func TestStoryS1AtK3(t *testing.T) {
	s := world.K3Story1()
	p := inSmall(t, &s.World)
	p.run(technicalQuery(s), "")
	m, err := p.x.Candidates(p.as(s.Petrov), s.Need.ID)
	require.NoError(t, err)
	require.Len(t, m.Candidates, 1, "E2 and E3 share their summaries with nobody")
	assert.Equal(t, []string{"30+ years", "3 comparable problems solved", "nickel alloys", "turning"}, m.Candidates[0].Summary)
	assert.Equal(t, "≤ 60 km or remote", m.Candidates[0].Place)
	for _, e := range []world.Decoy{s.E2, s.E3} {
		assert.Len(t, p.inbox(e.Owner, csss.RareOffer), 1, "the owner of %s is asked instead", e.Name)
	}
	p.work(s, p.meet(s))
	p.isFold()
	p.verifies()
}

// TestStoryS1NeedsEveryConsent is A2: the story without one of its consents
// reveals nothing; the side that lacks it reads so, the other side cannot.
func TestStoryS1NeedsEveryConsent(t *testing.T) {
	s := world.K3Story1()
	theirs := map[string]string{} // what the side with nothing missing reads, by variant
	for _, without := range []string{engineerOptsIn, expertOptsIn, managerApproves} {
		t.Run("without: "+without, func(t *testing.T) {
			p := inSmall(t, &s.World)
			p.run(technicalQuery(s), without)
			p.hidden(s)
			demand, supply := p.sideOf(s.Petrov, "demand"), p.sideOf(s.Expert, "supply")
			assert.Equal(t, disclosure.Summarised, demand.Phase)
			assert.Equal(t, disclosure.Summarised, supply.Phase)
			assert.Equal(t, without == expertOptsIn, demand.Own.Waiting, "no more is told than that the own side is done")
			assert.Equal(t, without != expertOptsIn, supply.Own.Waiting)
			switch without {
			case engineerOptsIn:
				assert.Equal(t, disclosure.ChoiceNone, demand.Own.Choice)
			case managerApproves:
				require.Len(t, demand.Own.Due, 1)
				assert.Equal(t, "engineering", demand.Own.Due[0].Name)
			case expertOptsIn:
				assert.Equal(t, disclosure.ChoiceNone, supply.Own.Choice)
			}
			if without != expertOptsIn {
				theirs[without] = everyForm(blank(supply))
			}
			p.goesStale(s)
		})
	}
	require.Len(t, theirs, 2)
	assert.Equal(t, theirs[engineerOptsIn], theirs[managerApproves], "A6: which consent is missing cannot be told from outside")
}

// sideOf is a side's status.
func (p *play) sideOf(w world.Who, side string) csss.Status {
	p.Helper()
	status, err := p.x.Status(p.Context(), p.as(w), p.handles[side])
	p.saw(w.Firm, status, err)
	require.NoError(p, err)
	return status
}

// blank takes out of a status what is drawn anew for each session.
func blank(s csss.Status) csss.Status {
	s.Handle, s.Bind = "", disclosure.Binding{}
	return s
}

// goesStale: at the deadline the session is over for both sides alike, and a
// consent that comes later reveals nothing.
func (p *play) goesStale(s *world.TechnicalQuery) {
	p.Helper()
	deadline := querySelected.Add(24 * time.Hour)
	for _, late := range []struct {
		at   time.Time
		want error
	}{{deadline, disclosure.ErrExpired}, {deadline.Add(30 * time.Minute), disclosure.ErrNotAllowed}} { // the next slot is at 11:00
		p.now = late.at
		_, err := p.x.Tick(p.Context(), p.now)
		require.NoError(p, err)
		_, err = p.x.OptIn(p.Context(), p.as(s.Petrov), p.handles["demand"])
		assert.ErrorIs(p, err, late.want)
		_, err = p.x.OptIn(p.Context(), p.as(s.Expert), p.handles["supply"])
		assert.ErrorIs(p, err, late.want)
		_, err = p.x.Approve(p.Context(), p.as(s.Brandt), p.handles["demand"], "engineering")
		assert.ErrorIs(p, err, late.want)
		p.hidden(s)
	}
	assert.Equal(p, disclosure.Stale, p.phase(s.Petrov, p.handles["demand"]))
	assert.Equal(p, disclosure.Stale, p.phase(s.Expert, p.handles["supply"]))
}

// TestStoryS1RevealsNothing: three consents stand, something takes the ground
// from under them, and the fourth comes. Nothing may be revealed.
func TestStoryS1RevealsNothing(t *testing.T) {
	s := world.K3Story1()
	for _, c := range groundless(s) {
		t.Run(c.name, func(t *testing.T) {
			p := inSmall(t, &s.World)
			p.run(technicalQuery(s), c.missing)
			c.do(p)
			if c.missing == managerApproves {
				_, err := p.x.Approve(p.Context(), p.as(s.Brandt), p.handles["demand"], "engineering")
				p.saw(s.Brandt.Firm, err)
			}
			p.nothingRevealed(s)
			if c.then != nil {
				c.then(p)
			}
			p.isFold()
			p.verifies()
		})
	}
}

// groundless are the ways in which the fourth consent comes to nothing.
// Missing is the scene that is left out; what do does comes in its place, or,
// if it is the manager's approval, before it.
func groundless(s *world.TechnicalQuery) []struct {
	name, missing string
	do, then      func(p *play)
} {
	type variant = struct {
		name, missing string
		do, then      func(p *play)
	}
	holloway, northgate, partner := s.Expert.Firm, s.Petrov.Firm, s.Partner
	demand, supply := "demand", "supply"
	ok := func(w world.Who, do func(p *play) (csss.Receipt, error)) func(p *play) {
		return func(p *play) {
			r, err := do(p)
			p.ok(w, r, err)
		}
	}
	return []variant{
		{name: "the employer opts in instead of the person", missing: expertOptsIn, do: func(p *play) {
			_, err := p.x.OptIn(p.Context(), p.as(partner), p.handles[supply])
			p.saw(holloway, err)
			assert.ErrorIs(p, err, csss.ErrNotFound, "the firm's owner is no party")
			_, err = p.x.Approve(p.Context(), p.as(partner), p.handles[supply], "")
			p.saw(holloway, err)
			assert.ErrorIs(p, err, csss.ErrNotYours, "no vote stands for the person's consent")
		}, then: func(p *play) {
			assert.True(p, p.sideOf(s.Expert, supply).Own.Authorized, "the employer had consented all along")
			r, err := p.x.OptIn(p.Context(), p.as(s.Expert), p.handles[supply])
			p.ok(s.Expert, r, err)
			assert.Equal(p, disclosure.Revealed, p.phase(s.Expert, p.handles[supply]), "the person's consent was all that was missing")
		}},
		{name: "the manager opts in instead of the engineer", missing: engineerOptsIn, do: func(p *play) {
			_, err := p.x.OptIn(p.Context(), p.as(s.Brandt), p.handles[demand])
			p.saw(northgate, err)
			assert.ErrorIs(p, err, csss.ErrNotFound, "the manager is no party")
		}},
		{name: "the expert takes the consent back", missing: managerApproves, do: ok(s.Expert, func(p *play) (csss.Receipt, error) {
			return p.x.OptOut(p.Context(), p.as(s.Expert), p.handles[supply])
		}), then: func(p *play) { p.unmoved(s.Petrov, demand) }},
		{name: "the engineer takes the consent back", missing: managerApproves, do: ok(s.Petrov, func(p *play) (csss.Receipt, error) {
			return p.x.OptOut(p.Context(), p.as(s.Petrov), p.handles[demand])
		}), then: func(p *play) { p.unmoved(s.Expert, supply) }},
		{name: "the manager refuses", missing: managerApproves, do: ok(s.Brandt, func(p *play) (csss.Receipt, error) {
			r, err := p.x.Refuse(p.Context(), p.as(s.Brandt), p.handles[demand], "budget frozen")
			p.now = querySelected.Add(24*time.Hour + 30*time.Minute) // too late to think again; published at 11:00
			return r, err
		}), then: func(p *play) { assert.Equal(p, disclosure.Stale, p.phase(s.Expert, p.handles[supply])) }},
		{name: "the expert leaves the firm", missing: managerApproves, do: ok(partner, func(p *play) (csss.Receipt, error) {
			return p.x.Leave(p.Context(), p.as(partner), s.Expert.Person)
		})},
		{name: "the engineer leaves the firm", missing: managerApproves, do: ok(s.Brandt, func(p *play) (csss.Receipt, error) {
			return p.x.Leave(p.Context(), p.as(s.Brandt), s.Petrov.Person)
		}), then: func(p *play) { p.unmoved(s.Expert, supply) }},
		{name: "the offer is withdrawn", missing: managerApproves, do: ok(s.Expert, func(p *play) (csss.Receipt, error) {
			return p.x.Withdraw(p.Context(), p.as(s.Expert), s.E1.Offer)
		})},
		{name: "the need is withdrawn", missing: managerApproves, do: ok(s.Petrov, func(p *play) (csss.Receipt, error) {
			return p.x.Withdraw(p.Context(), p.as(s.Petrov), s.Need.ID)
		})},
		{name: "the week of the expert fills up elsewhere", missing: managerApproves, do: ok(s.Expert, func(p *play) (csss.Receipt, error) {
			return p.x.ReportUsage(p.Context(), p.as(s.Expert), s.Expert.Person, "expertise.machining", "2026-W38", 3*match.Hour)
		})},
		{name: "the expert's employer forbids it", missing: managerApproves, do: ok(partner, func(p *play) (csss.Receipt, error) {
			return p.newRules(s, partner, "version: 3", "version: 4", "\nrules:",
				"\nrules:\n  - {id: stop, effect: forbid, categories: [expertise], actions: [reveal, engage], when: 'true'}")
		}), then: func(p *play) {
			p.now = p.now.Add(time.Hour) // the next publication slot
			_, err := p.x.Tick(p.Context(), p.now)
			require.NoError(p, err)
			assert.Equal(p, disclosure.Closed, p.phase(s.Petrov, p.handles[demand]))
		}},
		{name: "the expert's employer wants to vote", missing: managerApproves, do: ok(partner, func(p *play) (csss.Receipt, error) {
			return p.newRules(s, partner, "version: 3", "version: 4",
				"\nrules:", "\napprovals:\n  - {id: partner, seats: [owner], need: 1, expires: 72h}\nrules:",
				"[person_consent], approval: auto", "[person_consent], approval: partner")
		}), then: func(p *play) {
			due := p.sideOf(s.Expert, supply).Own.Due
			require.Len(p, due, 1, "the missing one is named to its own side")
			assert.Equal(p, "partner", due[0].Name)
			assert.Empty(p, p.sideOf(s.Petrov, demand).Own.Due)
			assert.True(p, p.sideOf(s.Petrov, demand).Own.Waiting)
			r, err := p.x.Approve(p.Context(), p.as(partner), p.handles[supply], "partner")
			p.ok(partner, r, err)
			assert.Equal(p, disclosure.Revealed, p.phase(s.Petrov, p.handles[demand]), "it was all that was missing")
		}},
		{name: "the engineer's employer may spend less", missing: managerApproves, do: ok(s.Brandt, func(p *play) (csss.Receipt, error) {
			return p.newRules(s, s.Brandt, "version: 1", "version: 2", "price.amount <= 100000", "price.amount <= 65999")
		}), then: func(p *play) {
			assert.True(p, p.sideOf(s.Petrov, demand).Own.Suspended)
			p.unmoved(s.Expert, supply)
		}},
	}
}

// unmoved: a side whose two consents stand reads that and no more.
func (p *play) unmoved(w world.Who, side string) {
	p.Helper()
	status := p.sideOf(w, side)
	assert.Equal(p, disclosure.Summarised, status.Phase)
	assert.True(p, status.Own.Waiting)
	assert.False(p, status.Own.Suspended)
	assert.Empty(p, status.Own.Due)
}

// newRules publishes a firm's document with some texts replaced, as the operator.
func (p *play) newRules(s *world.TechnicalQuery, by world.Who, replace ...string) (csss.Receipt, error) {
	p.Helper()
	at := slices.IndexFunc(s.Policies, func(t csss.PolicyText) bool { return t.Firm == by.Firm })
	text, _, _ := strings.Cut(string(s.Policies[at].Text), "\ntests:")
	for i := 0; i < len(replace); i += 2 {
		require.Contains(p, text, replace[i])
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return p.x.SetPolicy(p.Context(), csss.By{At: p.now}, by.Firm, by.Firm+".yaml", []byte(text))
}

// TestStoryS1LeavesNamesOut: words that name somebody reach neither the index,
// nor the store, nor any other firm; what is left finds the same.
func TestStoryS1LeavesNamesOut(t *testing.T) {
	s := world.K3Story1()
	words, err := lexical.New(nil)
	require.NoError(t, err)
	heard := &listener{Embedder: words}
	p := open(t, csss.Config{K: 3, KPeople: 3, Embedder: heard}, s.Canaries())
	require.NoError(t, load(p.x, &s.World))
	p.now = s.Registered()
	p.keepsPrivate(s)

	plain := p.ask(s.Petrov, s.Need)
	require.Contains(t, s.NeedNamed.Text, "call D. Petrov at Northgate, part 7741-B")
	named := p.ask(s.Petrov, s.NeedNamed)
	require.Len(t, named, len(plain))
	for i := range named {
		named[i].Handle = plain[i].Handle
	}
	assert.Equal(t, plain, named)

	o, err := p.x.Offer(p.as(s.Expert), s.E1.Offer)
	require.NoError(t, err)
	o.Text += "; call W. Ashdown at Holloway, w.ashdown@holloway-tool.example, +1-905-555-0100, drawing 7741-B"
	r, err := p.x.Revise(p.Context(), p.as(s.Expert), o)
	p.ok(s.Expert, r, err)
	again := p.ask(s.Petrov, s.NeedPlain)
	require.Len(t, again, 1)
	assert.Equal(t, plain[0].Summary, again[0].Summary)

	n, err := p.x.Need(p.as(s.Petrov), s.NeedNamed.ID)
	require.NoError(t, err)
	o, err = p.x.Offer(p.as(s.Expert), s.E1.Offer)
	require.NoError(t, err)
	assert.Contains(t, n.Text, "Inconel 718 at 240 m/min", "the facts stay")
	embedded := heard.texts()
	for _, stored := range []string{n.Text, o.Text} {
		assert.True(t, slices.ContainsFunc(embedded, func(text string) bool { return strings.HasPrefix(text, stored+"\n") }),
			"what is stored is what is embedded: %q", stored)
	}
	for _, text := range append(embedded, n.Text, o.Text) {
		for _, name := range []string{"Petrov", "Northgate", "7741", "Ashdown", "Holloway", "905", "@"} {
			assert.NotContains(t, strings.ToLower(text), strings.ToLower(name))
		}
	}
	r, err = p.x.Select(p.Context(), p.as(s.Petrov), named[0].Handle)
	p.saw(s.Petrov.Firm, r, err)
	p.inbox(s.Expert, csss.Invitation) // searched for Northgate's names
	p.clean("", p.logs.String())
}

// listener keeps every text that is embedded.
type listener struct {
	embed.Embedder
	mu    sync.Mutex
	heard []string
}

func (l *listener) Embed(ctx context.Context, role embed.Role, texts []string, dst [][]float32) ([][]float32, error) {
	l.mu.Lock()
	l.heard = append(l.heard, texts...)
	l.mu.Unlock()
	return l.Embedder.Embed(ctx, role, texts, dst)
}

func (l *listener) texts() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard)
}

// TestStoryS1Drift: without the topic that its employer denies E4 fits; a
// query that drifts into the topic loses it, and once it was denied it stays
// so, whatever is asked next.
func TestStoryS1Drift(t *testing.T) {
	if testing.Short() {
		t.Skip("plays in the whole world again")
	}
	s := world.Story1()
	p := inWorld(t)
	p.now = s.Registered()
	p.keepsPrivate(s)
	found := p.ask(s.Petrov, s.NeedPlain)
	require.Len(t, found, 4)
	invited := []string{}
	for _, c := range found {
		r, err := p.x.Select(p.Context(), p.as(s.Petrov), c.Handle)
		p.ok(s.Petrov, r, err)
	}
	for _, e := range experts(s) {
		if len(p.inbox(e.Owner, csss.Invitation)) > 0 {
			invited = append(invited, e.Name)
		}
	}
	assert.Equal(t, []string{"E1", "E2", "E3", "E4"}, invited)

	p = inWorld(t) // without open sessions, which hide their offers
	p.now = s.Registered()
	p.keepsPrivate(s)
	assert.Len(t, p.ask(s.Petrov, s.NeedPlain), 4)
	assert.Len(t, p.ask(s.Petrov, s.Need), 3, "the drifted query")
	p.absent(s, s.E4, "no-aerospace-turning")

	q := inWorld(t)
	q.now = s.Registered()
	q.keepsPrivate(s)
	assert.Len(t, q.ask(s.Petrov, s.Need), 3)
	q.absent(s, s.E4, "no-aerospace-turning")
	assert.Len(t, q.ask(s.Petrov, s.NeedPlain), 3, "leaving the topic out afterwards does not bisect the rule")
	assert.Empty(t, q.inbox(s.E4.Owner, csss.Invitation))
	q.isFold()
}

// absent: the last near miss of an offer gives this reason to its own firm.
func (p *play) absent(s *world.TechnicalQuery, e world.Decoy, reason string) {
	p.Helper()
	misses, err := p.x.NearMisses(p.Context(), p.as(e.Owner), e.Offer)
	p.saw(e.Owner.Firm, misses, err)
	require.NoError(p, err)
	require.NotEmpty(p, misses)
	assert.Contains(p, misses[len(misses)-1].Reason, reason)
	_, err = p.x.NearMisses(p.Context(), p.as(s.Petrov), e.Offer)
	p.saw(s.Petrov.Firm, err)
	assert.ErrorIs(p, err, csss.ErrNotFound)
}
