package disclosure_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

var t0 = time.Date(2026, 9, 15, 10, 30, 0, 0, time.UTC)

func digest(s string) disclosure.Digest { return disclosure.DigestOf([]byte(s)) }

func proposal(id disclosure.SessionID) disclosure.Proposal {
	return disclosure.Proposal{
		ID: "propose-" + string(id), Session: id, Offer: "offer-1", Need: "need-1", OfferRevision: 1, NeedRevision: 1,
		Parties: [2]disclosure.Party{
			{Firm: "firm-s", Group: "group-s", Actor: "supplier", Person: true},
			{Firm: "firm-d", Group: "group-d", Actor: "buyer"},
		},
		Summaries: [2]disclosure.Digest{digest("need summary"), digest("offer summary")},
		Terms:     digest("consult-v1"), Price: 16500, Amount: 66000, At: t0,
	}
}

func command(id string, side disclosure.Side, kind disclosure.Kind, at time.Time) disclosure.Command {
	c := disclosure.Command{ID: id, Session: "s1", Side: side, Kind: kind, At: at, Actor: [2]string{"supplier", "buyer"}[side],
		Bind: disclosure.Binding{Summary: proposal("").Summaries[side], Terms: proposal("").Terms}}
	switch kind {
	case disclosure.Authorize, disclosure.Deny, disclosure.RevokeAuth:
		c.Actor, c.Roles, c.Requirement = [2]string{"boss-s", "boss-d"}[side], []string{"manager"}, "manager"
	case disclosure.AcceptTerms:
		c.Terms = proposal("").Terms
	case disclosure.View:
		c.Stage = disclosure.StageIdentity
	case disclosure.MarkDone:
		c.Hours = 2500
	case disclosure.Rate:
		c.Rating = disclosure.Rating{Stars: 5, Solved: true}
	}
	return c
}

// verdict is the rule of a firm that wants one manager's vote.
func verdict(votes []disclosure.Vote) disclosure.Verdict {
	ok := slices.ContainsFunc(votes, func(v disclosure.Vote) bool { return !v.Deny && slices.Contains(v.Roles, "manager") })
	v := disclosure.Verdict{Allowed: true, Satisfied: ok, Policy: digest("rules"), Version: 7}
	if !ok {
		v.Due = []disclosure.Requirement{{Name: "manager", Need: 1}}
	}
	return v
}

// env answers for both employers as the engine would ask them.
func env(s disclosure.State, c disclosure.Command, hold disclosure.HoldAnswer) disclosure.Env {
	e := disclosure.Env{Now: c.At, Hold: hold}
	for side := range e.Verdicts {
		votes := slices.DeleteFunc(slices.Clone(s.Sides[side].Votes), func(v disclosure.Vote) bool { return !c.At.Before(v.Expires) })
		if c.Kind == disclosure.Authorize && int(c.Side) == side {
			votes = append(votes, disclosure.Vote{Actor: c.Actor, Roles: c.Roles})
		}
		e.Verdicts[side] = verdict(votes)
	}
	return e
}

func opened(t testing.TB) disclosure.State {
	t.Helper()
	log := newLog()
	e := newEngine(t, log, &rules{}, &store{})
	require.NoError(t, e.Propose(t.Context(), proposal("s1")))
	s, err := e.State(t.Context(), "s1")
	require.NoError(t, err)
	return s
}

func TestTableIsTotal(t *testing.T) {
	rows := disclosure.Table()
	seen := map[[2]string]bool{}
	for _, r := range rows {
		cell := [2]string{r.Phase.String(), string(r.Kind)}
		assert.False(t, seen[cell], "%v twice", cell)
		seen[cell] = true
		assert.NotEmpty(t, r.Reason, cell)
		assert.Contains(t, []string{disclosure.ByParty, disclosure.ByEmployer, disclosure.BySystem}, r.By, cell)
		assert.Equal(t, r.Allowed && r.Kind != disclosure.Expire, len(r.Effects) > 0, cell)
	}
	assert.Len(t, rows, len(disclosure.Phases())*len(disclosure.Kinds()))
	for _, p := range disclosure.Phases() {
		for _, k := range disclosure.Kinds() {
			assert.True(t, seen[[2]string{p.String(), string(k)}], "%s %s", p, k)
		}
	}
}

// instants of the exploration: in the session, stale, in the slot of a revival,
// after the lapse of a hold, and after the hard expiry and every grace.
var instants = []time.Duration{0, 25 * time.Hour, 26 * time.Hour, 99 * time.Hour, 40 * 24 * time.Hour}

// node is a state of the exploration with the clock beside it.
type node struct {
	s   disclosure.State
	now int
}

// canonical drops what only counts: receipts, sequence numbers, flips.
func canonical(s disclosure.State) disclosure.State {
	s.Actors = disclosure.Actors{}
	for i := range s.Sides {
		s.Sides[i].Flips = 0
	}
	s.Revivals = 0
	return s
}

// abstract is what a state means at an instant: instants that lie behind or
// ahead alike are alike.
type abstract struct {
	phase                                      disclosure.Phase
	now                                        int
	closing, reviving, late, revealed, engaged bool
	over                                       bool // the grace window
	sides                                      [2]abstractSide
}

type abstractSide struct {
	choice                                                   disclosure.Choice
	leaving                                                  string
	valid, yes, no, blocked, asks, terms, started, done, bad bool
	rated                                                    bool
}

func (n node) key() abstract {
	a := abstractOf(n.s, n.time())
	a.now = n.now
	return a
}

func abstractOf(s disclosure.State, now time.Time) abstract {
	a := abstract{phase: s.Phase, closing: !s.CloseAt.IsZero(), reviving: !s.ReviveAt.IsZero(),
		late: !now.Before(s.Deadline), revealed: !s.RevealedAt.IsZero(), engaged: !s.EngagedAt.IsZero(),
		over: s.Phase.Final() && !now.Before(s.EndedAt.Add(s.Proposal.Grace))}
	for i, x := range s.Sides {
		has := func(deny bool) bool {
			return slices.ContainsFunc(x.Votes, func(v disclosure.Vote) bool { return v.Deny == deny && now.Before(v.Expires) })
		}
		a.sides[i] = abstractSide{choice: x.Choice, leaving: x.Leaving, valid: now.Before(x.Expires), yes: has(false), no: has(true),
			blocked: x.Blocked, asks: x.Reviving, terms: x.Terms, started: x.Started, done: x.Hours > 0, bad: x.Disputed, rated: x.Rating != nil}
	}
	return a
}

func (n node) time() time.Time { return t0.Add(instants[n.now]) }

// holds returns the answers of the reserver that can matter to a command.
func holds(k disclosure.Kind) []disclosure.HoldAnswer {
	switch k {
	case disclosure.OptIn, disclosure.Authorize, disclosure.AcceptTerms, disclosure.Settle:
		return []disclosure.HoldAnswer{disclosure.HoldRefused, disclosure.HoldGranted}
	}
	return []disclosure.HoldAnswer{disclosure.HoldRefused}
}

// TestEveryReachableState walks every state the machine can reach and checks
// each step against the invariants.
func TestEveryReachableState(t *testing.T) {
	start := node{s: canonical(opened(t))}
	seen := map[abstract]bool{start.key(): true}
	queue := []node{start}
	accepted, rejected := 0, 0
	phases := map[disclosure.Phase]bool{}
	push := func(n node) {
		if k := n.key(); !seen[k] {
			seen[k] = true
			queue = append(queue, n)
		}
	}
	limit := 100_000
	if testing.Short() {
		limit = 1500
	}
	for i := 0; i < len(queue); i++ {
		if i == limit {
			require.True(t, testing.Short(), "more states than expected")
			break
		}
		n := queue[i]
		phases[n.s.Phase] = true
		if n.now+1 < len(instants) {
			push(node{n.s, n.now + 1})
		}
		for _, kind := range disclosure.Kinds() {
			for side := range disclosure.Side(2) {
				for _, hold := range holds(kind) {
					c := command("c", side, kind, n.time())
					before := n.key()
					events, err := disclosure.Decide(n.s, c, env(n.s, c, hold))
					require.True(t, before == n.key(), "Decide changed its argument")
					if err != nil {
						require.Empty(t, events) // S11
						rejected++
						continue
					}
					accepted++
					next := n.s
					for _, e := range events {
						prev := next
						next = disclosure.Evolve(next, e)
						checkStep(t, prev, e, next, c, hold)
					}
					push(node{canonical(next), n.now})
				}
			}
		}
	}
	t.Logf("%d states, %d accepted, %d rejected", len(seen), accepted, rejected)
	if !testing.Short() {
		for _, p := range disclosure.Phases() {
			if p != disclosure.Proposed { // both summaries are given here
				assert.True(t, phases[p], "phase %s was not reached", p)
			}
		}
	}
}

// checkStep is the specification, written apart from the machine.
func checkStep(t testing.TB, prev disclosure.State, e disclosure.Event, next disclosure.State, c disclosure.Command, hold disclosure.HoldAnswer) {
	t.Helper()
	final := func(p disclosure.Phase) bool { return p == disclosure.Completed || p == disclosure.Closed }
	if final(prev.Phase) { // S12
		require.Equal(t, prev.Phase, next.Phase)
		require.Contains(t, []disclosure.EventType{disclosure.FieldsDisclosed, disclosure.OutcomeRated}, e.Type)
	}
	switch e.Type {
	case disclosure.IdentitiesRevealed: // S1, S4, S5, and no hold, no reveal
		require.True(t, prev.RevealedAt.IsZero(), "a second reveal")
		require.Equal(t, disclosure.HoldGranted, hold)
		require.True(t, e.At.Before(prev.Deadline))
		for _, x := range prev.Sides {
			require.Equal(t, disclosure.ChoiceIn, x.Choice)
			require.True(t, e.At.Before(x.Expires))
			require.Empty(t, x.Leaving)
			require.False(t, x.Blocked)
			require.True(t, slices.ContainsFunc(x.Votes, func(v disclosure.Vote) bool { return !v.Deny && e.At.Before(v.Expires) }))
		}
	case disclosure.FieldsDisclosed: // S2, S3
		open := disclosure.StageSummary
		if !prev.RevealedAt.IsZero() {
			open = disclosure.StageIdentity
		}
		if !prev.EngagedAt.IsZero() && prev.Phase != disclosure.Closed {
			open = disclosure.StageEngagement
		}
		require.LessOrEqual(t, e.Stage, open)
		if final(prev.Phase) {
			require.False(t, prev.RevealedAt.IsZero())
			require.True(t, e.At.Before(prev.EndedAt.Add(72*time.Hour)))
		}
	case disclosure.EngagementAgreed: // S15
		require.True(t, prev.Sides[0].Terms && prev.Sides[1].Terms)
		require.Equal(t, disclosure.HoldGranted, hold)
		require.Equal(t, disclosure.Revealed, prev.Phase)
	case disclosure.EngagementCompleted:
		require.Equal(t, prev.Sides[0].Hours, prev.Sides[1].Hours)
		require.Positive(t, e.Hours)
	case disclosure.SessionClosed, disclosure.SessionStaled, disclosure.SessionRevived:
		if prev.RevealedAt.IsZero() { // published at a slot
			require.Equal(t, e.At, e.At.Truncate(time.Hour))
		}
	}
}

// TestReadersAreEqual: whoever may read the identity of the other is readable
// by the other, at every instant of every state (S5, the fairness rule).
func TestReadersAreEqual(t *testing.T) {
	s := opened(t)
	for i, c := range []disclosure.Command{
		command("1", disclosure.Supply, disclosure.OptIn, t0), command("2", disclosure.Demand, disclosure.OptIn, t0),
		command("3", disclosure.Supply, disclosure.Authorize, t0), command("4", disclosure.Demand, disclosure.Authorize, t0),
		command("5", disclosure.Supply, disclosure.View, t0), command("6", disclosure.Supply, disclosure.Withdraw, t0.Add(time.Minute)),
	} {
		events, err := disclosure.Decide(s, c, env(s, c, disclosure.HoldGranted))
		require.NoError(t, err, i)
		for _, e := range events {
			s = disclosure.Evolve(s, e)
		}
		for _, later := range []time.Duration{time.Minute, 71 * time.Hour, 72*time.Hour + time.Minute, 73 * time.Hour} {
			var can [2]bool
			for side := range disclosure.Side(2) {
				v := command("view", side, disclosure.View, t0.Add(later))
				_, err := disclosure.Decide(s, v, env(s, v, disclosure.HoldGranted))
				can[side] = err == nil
			}
			require.Equal(t, can[0], can[1], "%d %s", i, later)
			require.Equal(t, i >= 3 && (i == 5 && later < 72*time.Hour+time.Minute || i < 5 && later < 73*time.Hour+72*time.Hour), can[0], "%d %s", i, later)
		}
	}
	require.Equal(t, disclosure.Closed, s.Phase)
}

// observation is what a side reads at an instant.
func observation(s disclosure.State, side disclosure.Side, now time.Time) disclosure.Status {
	votes := slices.DeleteFunc(slices.Clone(s.Sides[side].Votes), func(v disclosure.Vote) bool { return !now.Before(v.Expires) })
	return disclosure.StatusOf(s, side, verdict(votes), now)
}

// play runs a command and returns what its giver gets to see of it.
func play(s disclosure.State, c disclosure.Command) (disclosure.State, string) {
	events, err := disclosure.Decide(s, c, env(s, c, disclosure.HoldGranted))
	if err != nil {
		return s, fmt.Sprintf("%T %v", err, err)
	}
	for _, e := range events {
		data, err := e.Encode()
		if err == nil {
			e, err = disclosure.DecodeEvent(disclosure.Record{Type: string(e.Type), Data: data})
		}
		if err != nil {
			return s, err.Error()
		}
		s = disclosure.Evolve(s, e)
	}
	r, ok := s.Actors.Receipt(c.Actor, c.ID)
	return s, fmt.Sprint(r, ok)
}

var everyPair = flag.Bool("everypair", false, "non-interference over every pair of states, not the nearest ones only (a minute)")

// TestNonInterference runs two copies of the machine in which one side makes
// the same moves and the other side different sealed ones. As long as neither
// has revealed, the first side must not be able to tell them apart: by status,
// receipt or error. The open way out is public, but only from its slot on.
func TestNonInterference(t *testing.T) {
	sealed := []disclosure.Kind{disclosure.OptIn, disclosure.OptOut, disclosure.Authorize, disclosure.Deny, disclosure.RevokeAuth, disclosure.Revive}
	for side := range disclosure.Side(2) {
		pairs := nonInterference(t, side, sealed, []time.Duration{0, 25 * time.Hour, 26 * time.Hour})
		// Within the slot a withdrawal is as silent as the rest.
		pairs += nonInterference(t, side, append(sealed, disclosure.Withdraw, disclosure.Abort), []time.Duration{0, 10 * time.Minute, 29 * time.Minute})
		t.Logf("%s: %d pairs", side, pairs)
		assert.Greater(t, pairs, 200)
	}
}

func nonInterference(t *testing.T, side disclosure.Side, sealed []disclosure.Kind, clock []time.Duration) int {
	type pair struct {
		a, b disclosure.State
		now  int
	}
	limit := 2500
	switch {
	case *everyPair:
		limit = math.MaxInt
	case testing.Short():
		limit = 300
	}
	start := canonical(opened(t))
	queue := []pair{{start, start, 0}}
	seen := map[[2]abstract]bool{}
	push := func(p pair) {
		if !p.a.RevealedAt.IsZero() || !p.b.RevealedAt.IsZero() {
			return // the declassification point
		}
		p.a, p.b = canonical(p.a), canonical(p.b)
		k := [2]abstract{abstractOf(p.a, t0.Add(clock[p.now])), abstractOf(p.b, t0.Add(clock[p.now]))}
		k[0].now, k[1].now = p.now, p.now
		if !seen[k] {
			seen[k], seen[[2]abstract{k[1], k[0]}] = true, true // a pair is as good as its mirror image
			queue = append(queue, p)
		}
	}
	for i := 0; i < len(queue); i++ {
		if i == limit {
			break
		}
		p := queue[i]
		now := t0.Add(clock[p.now])
		// A revival is public from its slot on, so pairs that differ in it part there.
		if sameClock(p.a, p.b, now) {
			a, b := observation(p.a, side, now), observation(p.b, side, now)
			if !reflect.DeepEqual(a, b) {
				require.Equal(t, a, b)
			}
		} else {
			continue
		}
		if p.now+1 < len(clock) {
			push(pair{p.a, p.b, p.now + 1})
		}
		for _, kind := range sealed {
			c := command("x", side.Other(), kind, now)
			na, _ := play(p.a, c)
			nb, _ := play(p.b, c)
			push(pair{na, p.b, p.now})
			push(pair{p.a, nb, p.now})
		}
		for _, kind := range disclosure.Kinds() {
			if kind == disclosure.Publish || kind == disclosure.Settle || kind == disclosure.Abort {
				continue // the host's
			}
			c := command("y", side, kind, now)
			na, ra := play(p.a, c)
			nb, rb := play(p.b, c)
			if na.RevealedAt.IsZero() && nb.RevealedAt.IsZero() {
				require.True(t, ra == rb, "%s answers differ: %s %s", kind, ra, rb)
			}
			push(pair{na, nb, p.now})
		}
	}
	return min(limit, len(queue))
}

// sameClock reports whether both have the same published phase: what the clock
// has published by now. Only a revival asked for by the other side can differ.
func sameClock(a, b disclosure.State, now time.Time) bool {
	revived := func(s disclosure.State) bool { return !s.ReviveAt.IsZero() && !s.ReviveAt.After(now) }
	return revived(a) == revived(b) && a.Phase == b.Phase && a.Deadline.Equal(b.Deadline)
}

func TestErrorsTellNothing(t *testing.T) {
	s := opened(t)
	now := t0
	for name, c := range map[string]struct {
		change func(*disclosure.Command)
		want   error
	}{
		"another session":    {func(c *disclosure.Command) { c.Session = "s2" }, disclosure.ErrNotFound},
		"not the party":      {func(c *disclosure.Command) { c.Actor = "stranger" }, disclosure.ErrNotFound},
		"another firm":       {func(c *disclosure.Command) { c.Firm = "firm-x" }, disclosure.ErrNotFound},
		"no such side":       {func(c *disclosure.Command) { c.Side = 2 }, disclosure.ErrNotFound},
		"other summary":      {func(c *disclosure.Command) { c.Bind.Summary = digest("x") }, disclosure.ErrStale},
		"other terms":        {func(c *disclosure.Command) { c.Bind.Terms = digest("x") }, disclosure.ErrStale},
		"lapsed already":     {func(c *disclosure.Command) { c.Bind.Expires = now }, disclosure.ErrExpired},
		"at the deadline":    {func(c *disclosure.Command) { c.At = t0.Add(24 * time.Hour) }, disclosure.ErrExpired},
		"a ns past the slot": {func(c *disclosure.Command) { c.At = t0.Add(24*time.Hour + 30*time.Minute) }, disclosure.ErrNotAllowed},
		"after the expiry":   {func(c *disclosure.Command) { c.At = t0.Add(31 * 24 * time.Hour) }, disclosure.ErrClosed},
		"unknown command":    {func(c *disclosure.Command) { c.Kind = "steal" }, disclosure.ErrInvalid},
	} {
		cmd := command("c", disclosure.Supply, disclosure.OptIn, now)
		c.change(&cmd)
		_, err := disclosure.Decide(s, cmd, env(s, cmd, disclosure.HoldGranted))
		require.ErrorIs(t, err, c.want, name)
		for _, secret := range []string{"supplier", "buyer", "firm-s", "firm-d", "stranger", "boss"} {
			assert.NotContains(t, err.Error(), secret, name)
		}
	}
	last := command("c", disclosure.Supply, disclosure.OptIn, t0.Add(24*time.Hour-1))
	_, err := disclosure.Decide(s, last, env(s, last, disclosure.HoldGranted))
	require.NoError(t, err, "one nanosecond before the deadline")

	vote := command("c", disclosure.Supply, disclosure.Authorize, now)
	vote.Actor = "supplier" // the offered person, also a manager
	_, err = disclosure.Decide(s, vote, env(s, vote, disclosure.HoldGranted))
	policy, ok := errors.AsType[*disclosure.PolicyError](err)
	require.True(t, ok)
	assert.Equal(t, "separation of duties", policy.Rule)
}

func TestEvolveIsTotal(t *testing.T) {
	s := opened(t)
	for _, base := range []disclosure.State{{}, s} {
		before, err := json.Marshal(base)
		require.NoError(t, err)
		for _, e := range []disclosure.Event{{}, {Type: "nonsense"}, {Type: disclosure.SessionProposed}, {Type: disclosure.ChoiceSealed, Side: 9}} {
			after, err := json.Marshal(disclosure.Evolve(base, e))
			require.NoError(t, err)
			assert.JSONEq(t, string(before), string(after))
		}
	}
}
