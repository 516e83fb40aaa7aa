package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/policy"
)

// market is the rules of the log's shop and of another one.
func market(t testing.TB, more string) *policy.Set {
	set := compile(t, nil, logRules)
	all, err := set.With(policy.Source{Name: "mill.yaml", Text: []byte("apiVersion: csss.policy/v1\nemployer: mill\nversion: 1\nrules:\n" +
		"  - {id: any, effect: permit, actions: [match], categories: [machine], approval: auto}\n" +
		"  - {id: far, effect: forbid, when: counterparty.trust < 0.5}\n" + more)})
	require.NoError(t, err)
	return all
}

func TestReplayMakesEveryFilterAgain(t *testing.T) {
	set := market(t, "")
	kinds := map[policy.FilterKind]int{}
	rapid.Check(t, func(t *rapid.T) {
		log := &policy.MemoryLog{}
		batch := policy.NewRecorder(log, &policy.RecorderOptions{Rand: dice(1)}).Batch()
		req := drawn(t)
		open := []string{"price.rate", "request.per_week", "request.total", "resource.person"}[:rapid.IntRange(0, 4).Draw(t, "open")]
		f := batch.Filter(set, req, open...)
		d := batch.Decide(set, req)
		if q, err := set.Schema().Bind(req); err == nil && d.Outcome != policy.Deny {
			require.True(t, f.Match(q), "what is not denied matches")
		}
		records, err := batch.Commit(t.Context())
		require.NoError(t, err)
		require.Len(t, records, 2)
		require.Equal(t, set.Fingerprint(), records[0].Set)
		require.Equal(t, f.Kind(), records[0].Filter)
		kinds[f.Kind()]++

		text, err := records[0].MarshalText()
		require.NoError(t, err)
		again, err := policy.ParseRecord(text)
		require.NoError(t, err)
		require.Equal(t, records[0].Digest(), again.Digest())

		report := replayOf(log, set)
		require.Empty(t, report.Mismatches)
		require.Equal(t, 1, report.Filters)
		require.Equal(t, 1, report.Decisions)
	})
	assert.NotZero(t, kinds[policy.Exact])
	assert.NotZero(t, kinds[policy.Superset])
}

func TestReplayTellsAFilterThatWasChanged(t *testing.T) {
	set := market(t, "")
	log := &policy.MemoryLog{}
	batch := policy.NewRecorder(log, nil).Batch()
	trusted := ask(policy.Match, policy.Attrs{"counterparty.naics": policy.String("332710"), "counterparty.trust": policy.Double(0.9)})
	batch.Filter(set, trusted, "price.rate")
	doubtful := ask(policy.Match, policy.Attrs{"counterparty.naics": policy.String("332710"), "counterparty.trust": policy.Double(0.1)})
	batch.Filter(set, doubtful, "price.rate")
	batch.Filter(set, trusted)
	records, err := batch.Commit(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, records[0].Cells, records[1].Cells, "the mill is closed to the doubtful")
	assert.Equal(t, records[0].Cells, records[2].Cells)
	assert.NotEqual(t, records[0].Request, records[2].Request, "what is open is committed to")
	require.Empty(t, replayOf(log, set).Mismatches)

	for field, change := range map[string]func(*policy.Record){
		"cells":   func(r *policy.Record) { r.Cells[0] ^= 1 },
		"filter":  func(r *policy.Record) { r.Filter ^= 1 },
		"set":     func(r *policy.Record) { r.Set[0] ^= 1 },
		"action":  func(r *policy.Record) { r.Action = policy.Engage },
		"outcome": func(r *policy.Record) { r.Outcome = policy.Permit },
		"rules":   func(r *policy.Record) { r.Rules = []string{"any"} },
		"digest":  func(r *policy.Record) { r.Fulfilment = policy.Fulfilled },
	} {
		report := policy.Replay(slices.Values(rewrite(records, change, 1)), func([32]byte) *policy.Set { return set }, log.Payload)
		require.NotEmpty(t, report.Mismatches, field)
		assert.Equal(t, field, report.Mismatches[0].Field)
	}
	wider := market(t, "  - {id: other, effect: permit, actions: [match], categories: [expertise], approval: auto}\n")
	assert.NotEqual(t, set.Fingerprint(), wider.Fingerprint())
	report := replayOf(log, wider)
	assert.Equal(t, []string{"set", "cells"}, []string{report.Mismatches[0].Field, report.Mismatches[1].Field})
	assert.Equal(t, set.Fingerprint(), market(t, "").Fingerprint(), "the same documents, compiled again")
}

func TestABatchIsLoggedWholeOrNotAtAll(t *testing.T) {
	set := compile(t, nil, logRules)
	req := ask(policy.Match, policy.Attrs{"counterparty.naics": policy.String("1"), "resource.person": policy.String("p"), "request.per_week": policy.Duration(hour)})
	req.Knows = []string{"insure", "notify"}
	log := &policy.MemoryLog{}
	batch := policy.NewRecorder(log, nil).Batch()
	records, err := batch.Commit(t.Context())
	require.NoError(t, err)
	assert.Empty(t, records)

	x := batch.Explain(set, req)
	assert.Equal(t, policy.Permit, x.Outcome)
	big := ask(policy.Match, policy.Attrs{"resource.id": policy.String(strings.Repeat("x", 1<<20))})
	assert.Zero(t, batch.Explain(set, big))
	assert.Zero(t, batch.Decide(set, big))
	f := batch.Filter(set, big)
	q, err := set.Schema().Bind(req)
	require.NoError(t, err)
	assert.False(t, f.Match(q))
	_, err = batch.Commit(t.Context())
	require.ErrorIs(t, err, policy.ErrPayload)
	assert.Empty(t, log.Records())

	batch.Decide(set, req)
	batch.Decide(set, req)
	assert.Equal(t, 2, batch.Len())
	records, err = batch.Commit(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []uint64{1, 2}, []uint64{records[0].Seq, records[1].Seq})
	assert.Zero(t, batch.Len())
	torn := policy.NewRecorder(&tornLog{}, nil).Batch()
	torn.Decide(set, req)
	_, err = torn.Commit(t.Context())
	assert.ErrorIs(t, err, errDisk)

	nothing := policy.NewRecorder(log, nil).Batch()
	d := nothing.Decide(&policy.Set{}, req)
	assert.Equal(t, policy.Deny, d.Outcome)
	assert.False(t, nothing.Filter(&policy.Set{}, req).Match(q))
	_, err = nothing.Commit(t.Context())
	require.NoError(t, err)
	assert.Zero(t, (&policy.Set{}).Fingerprint())
	assert.Empty(t, policy.Replay(slices.Values(log.Records()), func([32]byte) *policy.Set { return nil }, log.Payload).Mismatches[2:],
		"no set is needed where there were no rules")
}
