package csss_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// This file plays the rows of the seventh story that need a session.

// pried is one session of the prober's with Rare Additive.
type pried struct {
	*play
	s              *world.Probing
	need           string
	demand, supply disclosure.Handle
	begin          time.Time
}

// nearby asks within 5 km: only Rare is there.
func nearby(n *match.Need) { n.RadiusKM = 5 }

// pries opens the session, off the publication slots.
func pries(t *testing.T, cfg csss.Config) *pried {
	t.Helper()
	p, s := printers(t, cfg)
	q := &pried{play: p, s: s}
	q.now = q.now.Add(17 * time.Minute)
	q.run(q.scenes()[:3], "")
	q.begin = q.now
	return q
}

// scenes lead to the reveal.
func (q *pried) scenes() []scene {
	n := variant(q.s, "near", nearby)
	q.need = n.ID
	return []scene{
		{name: "register the need", do: func(p *play) {
			r, err := p.x.Register(p.Context(), p.as(q.s.Pry), n)
			p.ok(q.s.Pry, r, err)
		}},
		{name: "match", do: func(p *play) {
			m, err := p.x.Match(p.Context(), p.as(q.s.Pry), n.ID)
			p.saw(q.s.Pry.Firm, m, err)
			require.NoError(p, err)
			require.Len(p, m.Candidates, 1, "only Rare is within 5 km")
			q.demand = m.Candidates[0].Handle
		}},
		{name: "select", do: func(p *play) {
			r, err := p.x.Select(p.Context(), p.as(q.s.Pry), q.demand)
			p.ok(q.s.Pry, r, err)
			invited := p.inbox(q.s.Rare.Seller, csss.Invitation)
			require.Len(p, invited, 1)
			q.supply = invited[0].Handle
			for _, other := range []world.Printer{q.s.Waterloo, q.s.DonValley, q.s.Border, q.s.Micro, q.s.Speed} {
				require.Empty(p, p.inbox(other.Seller, csss.Invitation), "an unselected firm learns nothing")
			}
		}},
		{name: "Pry opts in", consent: true, do: func(p *play) { p.ok2(q.s.Pry)(q.move("demand in", "")) }},
		{name: "Pry's employer approves", consent: true, do: func(p *play) { p.ok2(q.s.PryBoss)(q.move("demand yes", "")) }},
		{name: "Rare opts in", consent: true, do: func(p *play) { p.ok2(q.s.Rare.Seller)(q.move("supply in", "")) }},
		{name: "Rare's employer approves", consent: true, do: func(p *play) { p.ok2(q.s.Rare.Owner)(q.move("supply yes", "")) }},
	}
}

func (p *play) ok2(w world.Who) func(csss.Receipt, error) {
	return func(r csss.Receipt, err error) { p.Helper(); p.ok(w, r, err) }
}

// move takes a step of the session by its name, under a command id, or a random one.
func (q *pried) move(name, id string) (csss.Receipt, error) {
	side, what, _ := strings.Cut(name, " ")
	party, boss, h := q.s.Pry, q.s.PryBoss, q.demand
	if side == "supply" {
		party, boss, h = q.s.Rare.Seller, q.s.Rare.Owner, q.supply
	}
	as := func(w world.Who) csss.By {
		by := q.as(w)
		by.ID = id
		return by
	}
	switch what {
	case "in":
		return q.x.OptIn(q.Context(), as(party), h)
	case "out":
		return q.x.OptOut(q.Context(), as(party), h)
	case "leave":
		return q.x.WithdrawFrom(q.Context(), as(party), h, "not this quarter")
	case "yes":
		return q.x.Approve(q.Context(), as(boss), h, "")
	case "no":
		return q.x.Refuse(q.Context(), as(boss), h, "not this quarter")
	case "revoke":
		return q.x.Revoke(q.Context(), as(boss), h, "not this quarter")
	case "revive":
		return q.x.Revive(q.Context(), as(party), h)
	case "look":
		v, err := q.x.View(q.Context(), as(party), h, disclosure.StageSummary)
		q.saw(party.Firm, v, err)
		return csss.Receipt{}, err
	}
	panic(name)
}

// moves takes steps that must all be accepted.
func (q *pried) moves(names ...string) {
	q.Helper()
	for _, name := range names {
		r, err := q.move(name, "")
		q.saw(q.firm(name), r, err)
		require.NoError(q, err, name)
	}
}

func (q *pried) firm(move string) string {
	if strings.HasPrefix(move, "supply") {
		return q.s.Rare.Seller.Firm
	}
	return q.s.Pry.Firm
}

// reads is everything that a side's people can read of the session now, without
// what is random.
func (q *pried) reads(side string) string {
	q.Helper()
	party, boss, h := q.s.Pry, q.s.PryBoss, q.demand
	if side == "supply" {
		party, boss, h = q.s.Rare.Seller, q.s.Rare.Owner, q.supply
	}
	var out strings.Builder
	note := func(values ...any) {
		q.saw(party.Firm, values...)
		out.WriteString(masked(values...))
	}
	look := q.as(party)
	look.ID = "look"
	v, err := q.x.View(q.Context(), look, h, disclosure.StageSummary)
	note(v, err)
	v, err = q.x.View(q.Context(), q.as(party), h, disclosure.StageIdentity)
	note(v, err)
	for _, who := range []world.Who{party, boss} {
		status, err := q.x.Status(q.Context(), q.as(who), h)
		note(status, err)
		tasks, err := q.x.Inbox(q.Context(), q.as(who))
		note(tasks, err)
		trail, err := q.x.Trail(q.Context(), q.as(who), h)
		note(trail, err)
		receipt, err := q.x.ExportReceipt(q.Context(), q.as(who), h)
		note(receipt, err)
	}
	if side == "supply" {
		left, err := q.x.Remaining(q.as(party), q.s.Rare.Offer)
		note(left, err)
		misses, err := q.x.NearMisses(q.Context(), q.as(party), q.s.Rare.Offer)
		note(misses, err)
	} else {
		m, err := q.x.Candidates(q.as(party), q.need)
		note(m, err)
	}
	return out.String()
}

// watches reads a side at several times after the session began.
func (q *pried) watches(side string, after ...time.Duration) string {
	q.Helper()
	var text strings.Builder
	for _, a := range after {
		q.now = q.begin.Add(a)
		_, err := q.x.Tick(q.Context(), q.now)
		require.NoError(q, err)
		text.WriteString(q.reads(side))
	}
	return text.String()
}

func (q *pried) phaseOf(side string) disclosure.Phase {
	q.Helper()
	if side == "supply" {
		return q.phase(q.s.Rare.Seller, q.supply)
	}
	return q.phase(q.s.Pry, q.demand)
}

// closedToBoth requires that nobody can open an identity.
func (q *pried) closedToBoth() {
	q.Helper()
	assert.Nil(q, q.identity(q.s.Pry, q.demand))
	assert.Nil(q, q.identity(q.s.Rare.Seller, q.supply))
}

func (q *pried) openToBoth() {
	q.Helper()
	q.revealed(q.s.Pry.Firm, q.s.Rare.Seller.Firm)
	bought, sold := q.identity(q.s.Pry, q.demand), q.identity(q.s.Rare.Seller, q.supply)
	require.NotNil(q, bought)
	require.NotNil(q, sold)
	assert.Equal(q, "Rare Additive", bought.LegalName)
	assert.Equal(q, "Pry Industries", sold.LegalName)
}

// playSessions are the rows that need a session.
func playSessions(t *testing.T) {
	t.Run("every consent is needed", func(t *testing.T) {
		names := []string{""}
		for _, sc := range (&pried{s: world.Story7()}).scenes() {
			if sc.consent {
				names = append(names, sc.name)
			}
		}
		for _, without := range names {
			q := pries(t, threeAlike)
			q.run(q.scenes()[3:], without)
			if without == "" {
				q.openToBoth()
				continue
			}
			q.closedToBoth()
			assert.Equal(t, disclosure.Summarised, q.phaseOf("demand"))
			q.watches("supply", 25*time.Hour)
			assert.Equal(t, disclosure.Stale, q.phaseOf("demand"), "without %q", without)
			q.closedToBoth()
		}
	})
	t.Run("withdrawal before the counter opt-in", func(t *testing.T) {
		for _, c := range [][2]string{{"demand", "supply"}, {"supply", "demand"}} {
			one, other := c[0], c[1]
			q := pries(t, threeAlike)
			q.moves(one+" in", one+" yes", other+" yes")
			q.now = q.now.Add(time.Minute)
			before := q.reads(other)
			q.moves(one + " leave")
			slot := q.now.Truncate(time.Hour).Add(time.Hour)
			for q.now = q.now.Add(time.Minute); q.now.Before(slot); q.now = q.now.Add(11 * time.Minute) {
				assert.Equal(t, before, q.reads(other), "nothing is to be seen before the slot")
			}
			q.now = slot.Add(-time.Second)
			q.moves(other + " in") // answered as ever
			q.closedToBoth()
			q.now = slot
			assert.Equal(t, disclosure.Closed, q.phaseOf(other))
			r, err := q.move(other+" in", "")
			q.saw(q.firm(other+" in"), r, err)
			require.Error(t, err)
			assert.NotContains(t, q.reads(other), "withdrawn", "only that it is closed")
			q.closedToBoth()
			q.isFold()
			q.verifies()
		}
	})
	t.Run("withdrawal after the reveal", playLeavesAfter)
	t.Run("opt-in and withdrawal at once", playAtOnce)
	t.Run("replayed opt-in", playReplayed)
	t.Run("decline vs no match", playDeclines)
	t.Run("times", playTimes)
	t.Run("handles", playHandles)
	t.Run("budget", playBudget)
	t.Run("scores", playScores)
}

// playLeavesAfter: what is revealed cannot be taken back. Leaving stops what
// would come later, and both keep what they have for 72 hours.
func playLeavesAfter(t *testing.T) {
	for _, one := range []string{"demand", "supply"} {
		q := pries(t, threeAlike)
		q.moves("demand in", "demand yes", "supply in", "supply yes")
		q.openToBoth()
		for _, undo := range []string{one + " out", one + " in"} {
			r, err := q.move(undo, "")
			q.saw(q.firm(undo), r, err)
			e, ok := errors.AsType[*disclosure.PhaseError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, disclosure.Revealed, e.Phase)
		}
		q.openToBoth()
		v, err := q.x.View(t.Context(), q.as(q.s.Pry), q.demand, disclosure.StageIdentity)
		require.NoError(t, err)
		left := q.now
		q.moves(one + " leave")
		assert.Equal(t, disclosure.Closed, q.phaseOf("demand"))
		assert.Equal(t, disclosure.Closed, q.phaseOf("supply"))
		for _, side := range []struct {
			who world.Who
			h   disclosure.Handle
		}{{q.s.Pry, q.demand}, {q.s.Rare.Seller, q.supply}} {
			_, err := q.x.AcceptTerms(t.Context(), q.as(side.who), side.h, v.Deal.TermsDigest)
			q.saw(side.who.Firm, err)
			assert.ErrorAs(t, err, new(*disclosure.PhaseError), "nothing later")
			_, err = q.x.View(t.Context(), q.as(side.who), side.h, disclosure.StageContact)
			assert.Error(t, err)
		}
		q.now = left.Add(72*time.Hour - time.Second)
		q.openToBoth()
		q.now = left.Add(72 * time.Hour)
		q.closedToBoth()
		q.isFold()
		q.verifies()
	}
}

// playReplayed: an opt-in that is sent again is the old one, whatever was said
// since; so it is after the ledger was opened again.
func playReplayed(t *testing.T) {
	cfg := threeAlike
	cfg.Dir = t.TempDir()
	q := pries(t, cfg)
	q.moves("demand in", "demand yes")
	first, err := q.move("supply in", "yes please")
	require.NoError(t, err)
	q.moves("supply out")
	for range 2 {
		q.now = q.now.Add(time.Minute)
		size := q.x.Size()
		again, err := q.move("supply in", "yes please")
		require.NoError(t, err)
		assert.True(t, again.Duplicate)
		assert.Equal(t, first.At, again.At)
		assert.Equal(t, size, q.x.Size(), "nothing is logged")
		q.isFold()
		require.NoError(t, q.x.Close())
		q.x, err = csss.Open(t.Context(), cfg)
		require.NoError(t, err)
		t.Cleanup(func() { _ = q.x.Close() })
	}
	q.moves("supply yes")
	q.closedToBoth()
	assert.Equal(t, disclosure.Summarised, q.phaseOf("supply"))
	_, err = q.move("supply out", "yes please")
	assert.ErrorIs(t, err, csss.ErrKeyReused, "its id is no other command's")
	q.moves("supply in")
	q.openToBoth()
}

// act is one command of a storm: when it was given and answered, and how.
type act struct {
	id, name      string
	given, gotten int64
	err           error
}

// playAtOnce: a hundred opt-ins and withdrawals of both sides at once are one
// order in the ledger. It agrees with the order in which they were answered;
// every answered one has one effect, refused ones have none; and a reveal
// finds the latest word of both sides to be yes.
func playAtOnce(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	reveals := 0
	for seed := range rounds {
		cfg := threeAlike
		cfg.Dir, cfg.Budgets.Flips = t.TempDir(), 200
		q := pries(t, cfg)
		q.moves("demand yes", "supply yes")
		from := q.x.Size()
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		var acts []*act
		for i := range 100 {
			name := []string{"demand in", "supply in", "demand out", "supply out"}[rng.IntN(4)]
			if i == 50 && seed%2 == 1 {
				name = "demand leave"
			}
			acts = append(acts, &act{id: fmt.Sprint("act-", i), name: name})
		}
		var clock atomic.Int64
		var wg sync.WaitGroup
		start := make(chan struct{})
		for _, a := range acts {
			wg.Go(func() {
				<-start
				a.given = clock.Add(1)
				_, a.err = q.move(a.name, a.id)
				a.gotten = clock.Add(1)
			})
		}
		close(start)
		wg.Wait()
		for _, a := range acts {
			q.saw(q.firm(a.name), a.err)
		}
		q.isFold()
		q.verifies()
		require.NoError(t, q.x.Close())
		entries := entriesOf(t, cfg.Dir)
		if linearised(t, entries[from:], acts) {
			reveals++
		}
		if seed == 0 {
			q.noHalfReveal(entries, from)
		}
	}
	t.Logf("%d of %d rounds ended in a reveal", reveals, rounds)
}

// linearised checks the order of a session's entries against what was answered,
// and reports whether there was a reveal.
func linearised(t *testing.T, entries []ledger.Entry, acts []*act) (revealed bool) {
	t.Helper()
	place := map[string]int{}
	var yes [2]bool
	left := false
	for i, e := range entries {
		if !strings.HasPrefix(e.Stream, "session/") {
			continue
		}
		ev, err := disclosure.DecodeEvent(disclosure.Record{Stream: e.Stream, Type: e.Type, Data: e.Payload, Expect: e.StreamVersion})
		require.NoError(t, err)
		if strings.HasPrefix(ev.Command, "act-") && ev.Type.Sealed() {
			require.NotContains(t, place, ev.Command, "one effect")
			place[ev.Command] = i
		}
		switch {
		case ev.Type == disclosure.IdentitiesRevealed:
			assert.False(t, revealed, "one reveal")
			assert.True(t, yes[0] && yes[1] && !left, "entry %d: the reveal follows %v, left %v", i, yes, left)
			revealed = true
		case ev.Kind == disclosure.OptIn:
			yes[ev.Side] = true
		case ev.Kind == disclosure.OptOut:
			yes[ev.Side] = false
		case ev.Kind == disclosure.Withdraw && !revealed:
			left = true
		}
	}
	for _, a := range acts {
		_, done := place[a.id]
		if a.name == "demand leave" {
			continue // after a reveal it is a close, in clear
		}
		assert.Equal(t, a.err == nil, done, "%s %s: %v", a.id, a.name, a.err)
		for _, b := range acts {
			if pa, pb := place[a.id], place[b.id]; a.err == nil && b.err == nil && a.gotten < b.given && pb > 0 {
				assert.Less(t, pa, pb, "%s was answered before %s was given", a.id, b.id)
			}
		}
	}
	return revealed
}

// noHalfReveal opens an exchange on every prefix of the log: either both can
// read the other, or nobody can.
func (q *pried) noHalfReveal(entries []ledger.Entry, from uint64) {
	q.Helper()
	q.revealed(q.s.Pry.Firm, q.s.Rare.Seller.Firm)
	was := false
	for n := from; n <= uint64(len(entries)); n++ {
		store := ledger.NewMemoryStore()
		refill(q.T, store, entries[:n])
		cfg := threeAlike
		cfg.Store = store
		x, err := csss.Open(q.Context(), cfg)
		require.NoError(q, err)
		q.x = x
		bought, sold := q.identity(q.s.Pry, q.demand) != nil, q.identity(q.s.Rare.Seller, q.supply) != nil
		require.Equal(q, bought, sold, "a half reveal after %d entries", n)
		require.False(q, was && !bought, "a reveal is undone after %d entries", n)
		was = bought
		require.NoError(q, x.Close())
	}
}

// playDeclines compares the members of each class of A6 with each other.
func playDeclines(t *testing.T) {
	t.Run("empty", func(t *testing.T) {
		var first string
		for _, c := range empties() {
			text := c.asks(t)
			if first == "" {
				first = text
			}
			same(t, first, text, "%q", c.name)
		}
	})
	for _, side := range []string{"demand", "supply"} {
		other := map[string]string{"demand": "supply", "supply": "demand"}[side]
		t.Run("silence, read by "+side, func(t *testing.T) {
			var first string
			for _, moves := range [][]string{{}, {"out"}, {"no"}, {"look"}, {"in"}, {"yes"}, {"yes", "revoke"}, {"in", "out"}, {"in", "no"}} {
				q := pries(t, threeAlike)
				q.replays = false
				q.moves(side+" in", side+" yes")
				q.now = q.begin.Add(40 * time.Minute)
				for _, m := range moves {
					q.moves(other + " " + m)
				}
				text := q.watches(side, 42*time.Minute, 43*time.Minute, 24*time.Hour-time.Second, 24*time.Hour, 24*time.Hour+42*time.Minute, 24*time.Hour+43*time.Minute)
				require.Equal(t, disclosure.Stale, q.phaseOf(side))
				if first == "" {
					first = text
				}
				same(t, first, text, "%v", moves)
			}
		})
		t.Run("closed, read by "+side, func(t *testing.T) {
			var first string
			for _, how := range []string{"withdrawal", "abort", "expiry"} {
				q := pries(t, csss.Config{K: 3, KPeople: 3, Deadline: 24 * time.Hour, Expiry: 25 * time.Hour})
				q.replays = false
				q.moves(side + " yes")
				q.watches(side, 24*time.Hour+43*time.Minute)
				require.Equal(t, disclosure.Stale, q.phaseOf(side))
				q.now = q.begin.Add(24*time.Hour + 50*time.Minute)
				switch how {
				case "withdrawal":
					q.moves(other + " leave")
				case "abort":
					q.forbids(other)
				}
				text := q.watches(side, 24*time.Hour+51*time.Minute, 25*time.Hour+42*time.Minute, 25*time.Hour+43*time.Minute, 30*time.Hour)
				require.Equal(t, disclosure.Closed, q.phaseOf(side), how)
				if first == "" {
					first = text
				}
				same(t, first, text, "%s", how)
			}
		})
	}
}

// forbids gives the employer of a side rules that allow no session any more.
func (q *pried) forbids(side string) {
	q.Helper()
	who := q.s.PryBoss
	if side == "supply" {
		who = q.s.Rare.Owner
	}
	rules := versioned(rulesIn(&q.s.World, who.Firm), 2)
	rules.Text = []byte(strings.ReplaceAll(string(rules.Text), "actions: [reveal, engage]", "actions: [engage]"))
	r, err := q.x.SetPolicy(q.Context(), q.as(who), rules.Firm, rules.Name, rules.Text)
	q.ok(who, r, err)
}

// empty is a cause of an answer without candidates.
type empty struct {
	name string
	cfg  csss.Config
	do   func(p *play, s *world.Probing) error
}

func empties() []empty {
	rules := func(p *play, s *world.Probing, oldnew ...string) error {
		text := versioned(rulesIn(&s.World, s.Rare.Owner.Firm), 2)
		next := strings.NewReplacer(oldnew...).Replace(string(text.Text))
		return failed(p.x.SetPolicy(background, p.as(s.Rare.Owner), text.Firm, text.Name, []byte(next)))
	}
	revise := func(p *play, s *world.Probing, edit func(*match.Offer)) error {
		o, err := p.x.Offer(p.as(s.Rare.Seller), s.Rare.Offer)
		if err != nil {
			return err
		}
		edit(&o)
		return failed(p.x.Revise(background, p.as(s.Rare.Seller), o))
	}
	spent := threeAlike
	spent.Budget = 1
	return []empty{
		{"no match", threeAlike, func(p *play, s *world.Probing) error {
			return revise(p, s, func(o *match.Offer) { o.Floor = match.NewBound(16000) })
		}},
		{"policy denial", threeAlike, func(p *play, s *world.Probing) error {
			return rules(p, s, "actions: [match, summarise], categories: [machine, equipment, space]", "actions: [match, summarise], categories: [equipment, space]")
		}},
		{"exhausted quota", threeAlike, func(p *play, s *world.Probing) error {
			return rules(p, s, "rules:\n", "quotas:\n  - {id: cap, per: total, unit: duration, max: 24h, key: [resource.category]}\nrules:\n",
				"categories: [machine, equipment, space], approval: auto}", "categories: [machine, equipment, space], quotas: [cap], approval: auto}")
		}},
		{"spent budget", spent, func(*play, *world.Probing) error { return nil }},
		{"a silent owner of a rare offer", csss.Config{K: 7, KPeople: 7}, func(*play, *world.Probing) error { return nil }},
		{"the owner's exclusion", threeAlike, func(p *play, s *world.Probing) error {
			return revise(p, s, func(o *match.Offer) { o.Exclude.Groups = []string{s.Pry.Firm} })
		}},
		{"an open session", threeAlike, func(p *play, s *world.Probing) error {
			return failed(p.x.Select(background, p.as(s.Pry), p.handles["first"]))
		}},
	}
}

// asks plays the cause between two needs, and returns all that the second one
// is answered with.
func (c *empty) asks(t *testing.T) string {
	t.Helper()
	p, s := printers(t, c.cfg)
	m := p.asks(s.Pry, variant(s, "first", nearby))
	if len(m.Candidates) > 0 {
		p.handles["first"] = m.Candidates[0].Handle
	}
	require.NoError(t, c.do(p, s), c.name)
	p.now = p.now.Add(time.Hour)
	n := variant(s, "second", nearby)
	by := p.as(s.Pry)
	by.ID = "second"
	var text strings.Builder
	note := func(values ...any) {
		p.saw(s.Pry.Firm, values...)
		text.WriteString(masked(values...))
	}
	r, err := p.x.Register(t.Context(), by, n)
	note(r, err)
	by.ID = "match"
	for range 2 {
		m, err := p.x.Match(t.Context(), by, n.ID)
		require.Empty(t, m.Candidates, c.name)
		note(m, err)
	}
	m, err = p.x.Candidates(by, n.ID)
	note(m, err)
	p.isFold()
	return text.String()
}

// playTimes measures how long answers take that must read the same. It reports
// and does not judge: what a machine does besides is not known here.
func playTimes(t *testing.T) {
	runs := 1000
	if testing.Short() {
		runs = 50
	}
	quiet := func(name string, do func() error) []float64 {
		var took []float64
		for range runs {
			begin := time.Now()
			err := do()
			took = append(took, float64(time.Since(begin).Nanoseconds())/1000)
			require.NoError(t, err, name)
		}
		return took
	}
	silent, declined := pries(t, threeAlike), pries(t, threeAlike)
	declined.moves("supply out", "supply no")
	for _, read := range []string{"status", "inbox"} {
		of := func(q *pried) func() error {
			return func() (err error) {
				if read == "status" {
					_, err = q.x.Status(t.Context(), q.as(q.s.Pry), q.demand)
				} else {
					_, err = q.x.Inbox(t.Context(), q.as(q.s.Pry))
				}
				return err
			}
		}
		welch(t, read+": silence, a refusal", quiet(read, of(silent)), quiet(read, of(declined)))
	}
	if testing.Short() {
		return
	}
	var nothing []float64
	for _, c := range empties()[:4] {
		p, s := printers(t, c.cfg)
		p.asks(s.Pry, variant(s, "first", nearby))
		require.NoError(t, c.do(p, s), c.name)
		n := variant(s, "second", nearby)
		p.asks(s.Pry, n)
		took := quiet(c.name, func() error { _, err := p.x.Match(t.Context(), p.as(s.Pry), n.ID); return err })
		if nothing == nil {
			nothing = took
		}
		welch(t, "match: no match, "+c.name, nothing, took)
	}
}

// welch reports two samples, in microseconds, without the slowest twentieth.
func welch(t *testing.T, name string, a, b []float64) {
	t.Helper()
	moments := func(x []float64) (mean, err2 float64) {
		x = slices.Sorted(slices.Values(x))
		x = x[:len(x)-len(x)/20]
		for _, v := range x {
			mean += v / float64(len(x))
		}
		for _, v := range x {
			err2 += (v - mean) * (v - mean)
		}
		return mean, err2 / float64(len(x)-1) / float64(len(x))
	}
	ma, ea := moments(a)
	mb, eb := moments(b)
	t.Logf("%s: %.1f and %.1f µs, t = %.1f", name, ma, mb, (mb-ma)/math.Sqrt(ea+eb))
}

// scalars lists the leaves of a value's JSON.
func scalars(v any) []string {
	text, err := json.Marshal(v)
	if err != nil {
		return []string{err.Error()}
	}
	var tree any
	_ = json.Unmarshal(text, &tree)
	var out []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(path+"."+k, v[k])
			}
		case []any:
			for _, e := range v {
				walk(path+"[]", e)
			}
		default:
			out = append(out, fmt.Sprintf("%s = %v", path, v))
		}
	}
	walk("", tree)
	return out
}

// encounter is one of the prober's twenty sessions, as each side reads it.
type encounter struct {
	seller         int
	class          string // what its summary says
	demand, supply disclosure.Handle
	buys, sells    []string // scalars of all that the two sides read
	size           [2]int
}

// playHandles: twenty sessions, five offers four times each. The prober cannot
// find out which are one offer, nor the seller which are one buyer: handles
// differ, and every other value is either new in each session or the same in
// all that read alike, whosever they are.
func playHandles(t *testing.T) {
	p, s := printers(t, threeAlike)
	p.replays = false
	sellers := []world.Printer{s.Rare, s.Waterloo, s.DonValley, s.Border, s.Micro}
	month := func(n *match.Need) { n.Quantity.Value = 10 * match.Hour }
	var all []encounter
	orders := map[[5]int]bool{}
	round := func(w world.Who, id string) {
		n := variant(s, id, month)
		if w != s.Pry {
			of(w)(&n)
		}
		m := p.asks(w, n)
		require.Len(t, m.Candidates, 5)
		var order [5]int
		var these []encounter
		for place, c := range m.Candidates {
			r, err := p.x.Select(t.Context(), p.as(w), c.Handle)
			p.ok(w, r, err)
			e := encounter{seller: -1, demand: c.Handle, class: strings.Join(append(slices.Clone(c.Summary), c.Place), ", ")}
			for i, seller := range sellers {
				for _, task := range p.inbox(seller.Seller, csss.Invitation) {
					if !slices.ContainsFunc(slices.Concat(all, these), func(e encounter) bool { return e.supply == task.Handle }) {
						e.seller, e.supply = i, task.Handle
					}
				}
			}
			require.GreaterOrEqual(t, e.seller, 0)
			these = append(these, e)
			order[place] = e.seller
		}
		orders[order] = true
		for i := range these {
			e := &these[i]
			e.buys, e.size[0] = p.readsAll(w, e.demand)
			e.sells, e.size[1] = p.readsAll(sellers[e.seller].Seller, e.supply)
			r, err := p.x.WithdrawFrom(t.Context(), p.as(w), e.demand, "only looking")
			p.ok(w, r, err)
		}
		all = append(all, these...)
		p.now = p.now.Add(26 * time.Hour)
		_, err := p.x.Tick(t.Context(), p.now)
		require.NoError(t, err)
	}
	for i := range 4 {
		round(s.Pry, fmt.Sprint("round-", i))
	}
	require.Len(t, all, 20)
	round(s.Plain, "plain") // somebody else, for the sellers to tell apart

	handles := map[disclosure.Handle]bool{}
	for _, e := range all {
		handles[e.demand], handles[e.supply] = true, true
	}
	assert.Len(t, handles, 50, "every session has two handles of its own")
	assert.Greater(t, len(orders), 1, "the order is drawn anew")

	// What the prober reads: a value in two sessions is in sessions of every
	// offer of the class.
	classes := map[string]map[int]bool{}
	for _, e := range all[:20] {
		if classes[e.class] == nil {
			classes[e.class] = map[int]bool{}
		}
		classes[e.class][e.seller] = true
	}
	for class, members := range classes {
		where := map[string]map[int]int{} // value → seller → sessions
		sizes := map[int]bool{}
		for _, e := range all[:20] {
			if e.class != class {
				continue
			}
			sizes[e.size[0]] = true
			for _, v := range slices.Compact(slices.Sorted(slices.Values(e.buys))) {
				if where[v] == nil {
					where[v] = map[int]int{}
				}
				where[v][e.seller]++
			}
		}
		for v, by := range where {
			for _, n := range by {
				assert.True(t, n == 1 || len(by) == len(members), "%q links sessions of one offer", v)
			}
		}
		assert.Len(t, sizes, 1, "one size in the class %q", class)
	}
	// What a seller reads: nothing that is in two sessions of the prober's is
	// missing in that of somebody else who asks for the same.
	for i := range sellers {
		count, plain := map[string]int{}, map[string]bool{}
		sizes := map[int]bool{}
		for j, e := range all {
			if e.seller != i {
				continue
			}
			sizes[e.size[1]] = true
			for _, v := range slices.Compact(slices.Sorted(slices.Values(e.sells))) {
				if j < 20 {
					count[v]++
				} else {
					plain[v] = true
				}
			}
		}
		for v, n := range count {
			assert.True(t, n == 1 || plain[v], "%q links sessions of one buyer", v)
		}
		assert.Len(t, sizes, 1)
	}
	p.isFold()
	p.verifies()
}

// readsAll is what a party reads of one session, as scalars, and its size.
func (p *play) readsAll(w world.Who, h disclosure.Handle) (out []string, size int) {
	p.Helper()
	by := p.as(w)
	by.ID = string(h) + "look" // of the party's own making
	v, err := p.x.View(p.Context(), by, h, disclosure.StageSummary)
	p.saw(w.Firm, v, err)
	require.NoError(p, err)
	s, err := p.x.Status(p.Context(), p.as(w), h)
	p.saw(w.Firm, s, err)
	require.NoError(p, err)
	tr, err := p.x.Trail(p.Context(), p.as(w), h)
	p.saw(w.Firm, tr, err)
	require.NoError(p, err)
	tasks, err := p.x.Inbox(p.Context(), p.as(w))
	require.NoError(p, err)
	tasks = slices.DeleteFunc(tasks, func(task csss.Task) bool { return task.Handle != h })
	for _, value := range []any{v, s, tr, tasks} {
		text, err := json.Marshal(value)
		require.NoError(p, err)
		size += len(text)
		out = append(out, scalars(value)...)
	}
	return out, size
}

// playBudget: eight questions about the offers are answered, the ninth and
// whatever follows read "no match" to the byte, for thirty days.
func playBudget(t *testing.T) {
	p, s := printers(t, threeAlike)
	p.replays = false
	begin := p.now
	for i := range 8 {
		p.now = begin.Add(time.Duration(i) * 24 * time.Hour)
		require.Len(t, p.asks(s.Pry, variant(s, fmt.Sprint("triangle-", i), func(n *match.Need) {
			n.Text = strings.Repeat("porous ", i) + n.Text
		})).Candidates, 5, "question %d", i+1)
	}
	none := p.asks(s.Pry, variant(s, "none", func(n *match.Need) { n.Requires = slices.Clone(n.Requires); n.Requires[0].Terms = []string{"welding"} }))
	none.Receipt = csss.Receipt{}
	for i := 8; i < 20; i++ {
		p.now = begin.Add(time.Duration(i) * 24 * time.Hour)
		m := p.asks(s.Pry, variant(s, fmt.Sprint("triangle-", i)))
		m.Receipt = csss.Receipt{}
		require.Equal(t, everyForm(none), everyForm(m), "variant %d of 20", i+1)
	}
	west := p.asks(s.West, variant(s, "west", of(s.West)))
	assert.Empty(t, west.Candidates, "nor is another firm of the group answered")
	assert.Len(t, p.asks(s.Plain, variant(s, "plain", of(s.Plain))).Candidates, 5, "whoever else asks is")
	p.now = begin.Add(30*24*time.Hour - time.Second)
	assert.Empty(t, p.asks(s.Pry, variant(s, "early")).Candidates)
	p.now = begin.Add(30 * 24 * time.Hour)
	assert.Len(t, p.asks(s.Pry, variant(s, "again")).Candidates, 5)
	p.isFold()
	p.verifies()
}

// playScores: no number goes along with a candidate but its rank; needs that
// score differently read the same.
func playScores(t *testing.T) {
	p, s := printers(t, threeAlike)
	var first []string
	for i, text := range []string{s.Need.Text, "laser powder printer with hours to spare", "stamped steel brackets by the thousand"} {
		m := p.asks(s.Pry, variant(s, fmt.Sprint("scored-", i), func(n *match.Need) { n.Text = text }))
		for _, c := range m.Candidates {
			for _, v := range scalars(c) {
				path, value, _ := strings.Cut(v, " = ")
				if path != ".rank" && path != ".handle" {
					assert.NotRegexp(t, `^[-0-9.e]+$`, value, "%s is a number", path)
				}
				assert.NotContains(t, path, "score")
			}
			assert.Contains(t, []match.Tier{match.High, match.Medium, match.Low}, c.Tier)
		}
		if i == 0 {
			first = said(m)
		}
		assert.Equal(t, first, said(m), "the text moves no word of the answer")
	}
	p.isFold()
}
