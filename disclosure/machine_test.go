package disclosure_test

import (
	"encoding/json"
	"errors"
	"fmt"
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
