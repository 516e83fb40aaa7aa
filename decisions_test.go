package csss_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/policy"
)

// replayed decides a log again by the rules that an exchange knows of.
func replayed(t *testing.T, x *csss.Exchange, log *policy.MemoryLog) policy.ReplayReport {
	t.Helper()
	sets, err := x.DecidedBy(csss.By{})
	require.NoError(t, err)
	return policy.Replay(slices.Values(log.Records()), sets, log.Payload)
}

// TestDecisionLogIsReplayed: every step's decisions are in the log, under rules
// that change on the way, and the same rules out of the ledger decide the same
// again.
func TestDecisionLogIsReplayed(t *testing.T) {
	s := world.K3Story2()
	log := &policy.MemoryLog{}
	cfg := csss.Config{Dir: t.TempDir(), K: 3, KPeople: 3, Decisions: policy.NewRecorder(log, nil)}
	p := open(t, cfg, s.Canaries())
	require.NoError(t, load(p.x, &s.World))
	p.run(secondShift(s), "")
	engageSecondShift(p, s)
	_, text := changed(t, &s.World, s.Vance.Firm, ">= 9500", ">= 99000")
	_, err := p.x.SetPolicy(t.Context(), csss.By{At: p.now}, s.Vance.Firm, "rules", bytes.Replace(text, []byte("version: 7"), []byte("version: 8"), 1))
	require.NoError(t, err)
	_, err = p.x.Revise(t.Context(), p.as(s.Vance), s.Capable)
	require.ErrorIs(t, err, csss.ErrDenied)
	_, err = p.x.Match(t.Context(), p.as(s.Requester), s.Need.ID)
	require.NoError(t, err)

	_, err = p.x.DecidedBy(p.as(s.Vance))
	require.ErrorIs(t, err, csss.ErrNotYours)
	report := replayed(t, p.x, log)
	assert.Empty(t, report.Mismatches)
	assert.Empty(t, report.Erased)
	assert.Empty(t, report.Open, "nothing was obliged")
	assert.Positive(t, report.Filters)
	t.Logf("%d decisions and %d filters", report.Decisions, report.Filters)
	actions := map[policy.Action]map[policy.Outcome]int{}
	for _, r := range log.Records() {
		if r.Kind != policy.DecisionRecord {
			continue
		}
		if actions[r.Action] == nil {
			actions[r.Action] = map[policy.Outcome]int{}
		}
		actions[r.Action][r.Outcome]++
	}
	for _, a := range []policy.Action{policy.Publish, policy.Register, policy.Match, policy.Summarise, policy.Reveal, policy.Engage} {
		assert.Positive(t, actions[a][policy.Permit], a)
	}
	assert.Positive(t, actions[policy.Publish][policy.Deny], "a refusal is logged, too")
	assert.Positive(t, actions[policy.Reveal][policy.RequireApproval])

	before := len(log.Records())
	for _, who := range []world.Who{s.Vance, s.Owner, s.Requester} {
		_, err := p.x.Inbox(t.Context(), p.as(who))
		require.NoError(t, err)
	}
	assert.Len(t, log.Records(), before, "who only looks decides nothing")

	require.NoError(t, p.x.Close())
	x, err := csss.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer x.Close()
	again := replayed(t, x, log)
	assert.Empty(t, again.Mismatches, "the ledger knows the rules of then")
	assert.GreaterOrEqual(t, again.Decisions, report.Decisions)
}

// TestDecisionLogNamesNoStranger: what is decided before a reveal is decided
// without knowing who the other side is, walls among it, and so is its record.
func TestDecisionLogNamesNoStranger(t *testing.T) {
	s := world.K3Story3()
	log := &policy.MemoryLog{}
	p := open(t, csss.Config{K: 3, KPeople: 3, Decisions: policy.NewRecorder(log, nil)}, s.Canaries())
	require.NoError(t, load(p.x, &s.World))
	p.now = s.Registered()
	rules := versioned(rulesIn(&s.World, s.Ruiz.Firm), 2)
	rules.Text = bytes.Replace(rules.Text, []byte("rules:\n"), []byte("walls:\n  - {id: one-client, key: [resource.person], class: counterparty.country, cooling_off: 4320h, categories: [expertise]}\nrules:\n"), 1)
	p.sets(s, rules)
	one := clientOne(s, s.Need1, p.now)
	p.run(one.scenes(), "")
	one.engage(p)
	assert.Empty(t, p.asks(s.Client2, s.Need2Later).Candidates, "the wall holds")

	firms := map[string]csss.Firm{}
	for _, f := range s.Firms {
		firms[f.ID] = f
	}
	walled, withheld := 0, 0
	for _, r := range log.Records() {
		payload, ok := log.Payload(r.Request)
		require.True(t, ok)
		req := payload.Request()
		if len(req.Served) > 0 {
			walled++
		}
		if slices.Contains(req.Withheld, "counterparty.group") {
			withheld++
		}
		if r.Action == policy.Engage { // they know each other
			continue
		}
		for id, f := range firms {
			if id != req.Employer {
				for _, name := range []string{id, f.Group, f.LegalName} {
					assert.NotContains(t, string(payload.Bytes()), name, "%s of %s", r.Action, req.Employer)
				}
			}
		}
	}
	assert.Positive(t, walled)
	assert.Positive(t, withheld)
	assert.Empty(t, replayed(t, p.x, log).Mismatches)
}

// fullDisk is a log that takes nothing from a time on.
type fullDisk struct {
	policy.MemoryLog
	full bool
}

var errFull = errors.New("no space")

func (d *fullDisk) Append(ctx context.Context, entries []policy.LogEntry) error {
	if d.full {
		return errFull
	}
	return d.MemoryLog.Append(ctx, entries)
}

// TestNothingIsDoneThatWasNotLogged: a step whose decisions cannot be logged
// leaves nothing behind.
func TestNothingIsDoneThatWasNotLogged(t *testing.T) {
	s := world.K3Story2()
	log := &fullDisk{}
	p := open(t, csss.Config{K: 3, KPeople: 3, Decisions: policy.NewRecorder(log, nil)}, s.Canaries())
	require.NoError(t, load(p.x, &s.World))
	p.run(secondShift(s)[:1], "")
	before, err := p.x.Digest()
	require.NoError(t, err)
	log.full = true
	p.now = p.now.Add(time.Minute)
	_, err = p.x.Match(t.Context(), p.as(s.Requester), s.Need.ID)
	require.ErrorIs(t, err, errFull)
	_, err = p.x.Revise(t.Context(), p.as(s.Vance), s.Capable)
	require.ErrorIs(t, err, errFull)
	after, err := p.x.Digest()
	require.NoError(t, err)
	assert.Equal(t, before, after)
	log.full = false
	m, err := p.x.Match(t.Context(), p.as(s.Requester), s.Need.ID)
	require.NoError(t, err)
	assert.NotEmpty(t, m.Candidates)
}
