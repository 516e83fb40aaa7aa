package policy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/policy"
)

// logRules has everything that a record can hold.
const logRules = `approvals:
  - {id: release, seats: [director, owner], need: 1, expires: 72h, not: [requester]}
  - {id: safety, seats: [safety, safety], need: 2, expires: 72h}
quotas:
  - {id: week, per: iso_week, unit: duration, max: 10h, key: [resource.person]}
  - {id: all, per: total, unit: duration, min: 1h, max: 40h}
grants:
  - {id: ops, to: {role: director}, may: [publish], categories: [machine], when: price.rate >= 9500, quotas: [all],
     valid: {from: 2026-09-01T00:00:00-04:00, until: 2027-01-01T00:00:00-05:00}}
rules:
  - {id: offer, effect: permit, actions: [publish], categories: [machine], authority: grant, approval: auto}
  - {id: find, effect: permit, actions: [match], categories: [machine], quotas: [week], obligations: [notify, insure], advice: [call], approval: auto}
  - {id: cheap, effect: permit, actions: [match, engage], categories: [machine.mill], when: price.rate < 9000, obligations: [notify], advice: [train], approval: safety}
  - {id: sell, effect: permit, actions: [reveal, engage], categories: [machine], quotas: [all, week], requires: [person_consent], approval: release}
  - {id: no-rival, effect: forbid, actions: [match, engage], when: counterparty.naics == "336370"}
  - {id: no-stranger, effect: forbid, actions: [engage], when: counterparty.trust < 0.3}
`

// drawn is a request, good or, one time in four, bad in many ways.
func drawn(t *rapid.T) *policy.Request {
	bad := rapid.IntRange(0, 3).Draw(t, "bad") == 0
	chance := func(label string, of int) bool { return rapid.IntRange(1, of).Draw(t, label) == 1 }
	pick := func(label string, good []string, more ...string) string {
		if bad {
			good = append(good, more...)
		}
		return rapid.SampledFrom(good).Draw(t, label)
	}
	r := &policy.Request{
		Employer: pick("employer", []string{"shop"}, "nobody", "\xff"),
		Action:   policy.Action(pick("action", []string{"publish", "match", "reveal", "engage"}, "dance")),
		Category: pick("category", []string{"machine", "machine.mill"}, "expertise", "Machine"),
		Now:      noon.Add(time.Duration(rapid.Int64Range(-1, 1).Draw(t, "now"))),
		Attrs: policy.Attrs{
			"price.rate":         policy.Int(rapid.SampledFrom([]int64{8999, 9000, 9500}).Draw(t, "rate")),
			"counterparty.naics": policy.String(pick("naics", []string{"332710", "332711"}, "336370", "")),
			"counterparty.trust": policy.Double(0.9),
			"resource.person":    policy.String(pick("person", []string{"ruiz"}, "\xff")),
			"request.per_week":   policy.Duration(rapid.SampledFrom([]time.Duration{hour, 9 * hour}).Draw(t, "per week")),
			"request.total":      policy.Duration(rapid.SampledFrom([]time.Duration{2 * hour, 50 * hour}).Draw(t, "total")),
			"request.requester":  policy.String(pick("requester", []string{"vance", "ruiz"})),
			"actor.roles":        policy.Strings(pick("role", []string{"director", "owner"})),
			"request.end":        policy.Time(noon.AddDate(0, rapid.IntRange(0, 4).Draw(t, "months"), 0)),
		},
	}
	if bad {
		r.Attrs["counterparty.trust"] = policy.Double(rapid.SampledFrom([]float64{0.1, 0.9, math.NaN(), math.Inf(1)}).Draw(t, "trust"))
		delete(r.Attrs, pick("absent", slices.Sorted(maps.Keys(r.Attrs)), "nothing"))
		if chance("hidden", 2) {
			r.Withheld = []string{pick("withheld", []string{"counterparty.naics", "counterparty.trust", "resource.person", "no.such"})}
		}
		if chance("no attributes", 8) {
			r.Attrs = nil
		}
		if chance("amount", 4) {
			r.Total = -1
		}
		if chance("no time", 8) {
			r.Now = time.Date(rapid.SampledFrom([]int{-3, 0, 1, 10000}).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC)
		}
	}
	if chance("weeks", 3) {
		r.Weeks = []policy.WeekAmount{{Week: pick("week", []string{"2026-W38"}, "2026-W54x"), Hours: 2 * hour}}
	}
	for range rapid.IntRange(0, 3).Draw(t, "votes") {
		r.Votes = append(r.Votes, policy.Vote{Person: pick("voter", []string{"vance", "amir", "zoe"}), Roles: []string{pick("seat", []string{"director", "safety"})},
			Yes: !chance("no", 5), At: noon.Add(-hour)})
	}
	if chance("roles now", 4) {
		r.RolesNow = map[string][]string{"amir": {"director"}}
	}
	if !chance("simple caller", 4) {
		r.Knows = []string{"insure", "notify"}
	}
	if !chance("without consent", 2) {
		r.Consents = []string{policy.PersonConsent}
	}
	if chance("revoked", 4) {
		r.Revoked = []string{"ops"}
	}
	if !chance("unused", 3) {
		r.Usage = books{"shop week[ruiz] 2026-W38": time.Duration(rapid.Int64Range(0, 10).Draw(t, "used")) * hour, "shop all[] total": 30 * hour}
	}
	return r
}

// dice is a source of random bytes that a test can repeat.
func dice(seed uint64) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{byte(seed)}) }

func replayOf(log *policy.MemoryLog, set *policy.Set) policy.ReplayReport {
	return policy.Replay(slices.Values(log.Records()), func([32]byte) *policy.Set { return set }, log.Payload)
}

func TestReplayReproducesEveryDecision(t *testing.T) {
	set := compile(t, nil, logRules)
	seen := map[policy.Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		log := &policy.MemoryLog{}
		rec := policy.NewRecorder(log, &policy.RecorderOptions{Rand: dice(1)})
		for range 5 {
			req := drawn(t)
			plain := set.Explain(req)
			var r policy.Record
			if rapid.Bool().Draw(t, "quick") {
				d, logged, err := rec.Decide(t.Context(), set, req)
				require.NoError(t, err)
				require.Equal(t, plain.Outcome, d.Outcome)
				r = logged
			} else {
				x, logged, err := rec.Explain(t.Context(), set, req)
				require.NoError(t, err)
				require.Equal(t, plain.Outcome, x.Outcome)
				require.Equal(t, plain.Reasons, x.Reasons)
				r = logged
			}
			require.Equal(t, plain.Outcome, r.Outcome)
			require.Equal(t, plain.Rules, r.Rules)
			require.Equal(t, plain.Obligations, r.Obligations)
			require.Equal(t, plain.Advice, r.Advice)
			seen[r.Outcome]++

			text, err := r.MarshalText()
			require.NoError(t, err)
			again, err := policy.ParseRecord(text)
			require.NoError(t, err)
			require.Equal(t, r.Digest(), again.Digest())
			payload, ok := log.Payload(r.Request)
			require.True(t, ok)
			parsed, err := policy.ParsePayload(payload.Bytes())
			require.NoError(t, err)
			require.Equal(t, payload, parsed)
			require.Equal(t, plain.Outcome, set.Explain(parsed.Request()).Outcome)
		}
		report := replayOf(log, set)
		require.Empty(t, report.Mismatches)
		require.Equal(t, 5, report.Decisions)
		last, _, _ := log.Last(t.Context())
		require.Equal(t, last.Digest(), report.Head)
	})
	for _, o := range []policy.Outcome{policy.Deny, policy.RequireApproval, policy.Permit} {
		assert.NotZero(t, seen[o], "no request came to %v", o)
	}
}

// rewrite links records anew, as somebody who writes the whole log could.
func rewrite(records []policy.Record, change func(*policy.Record), at int) []policy.Record {
	out := slices.Clone(records)
	change(&out[at])
	for i := 1; i < len(out); i++ {
		out[i].Prev = out[i-1].Digest()
	}
	return out
}

// story is a log of several decisions under two versions of the rules.
func story(t testing.TB) (*policy.MemoryLog, map[[32]byte]*policy.Set) {
	sets := map[[32]byte]*policy.Set{}
	log := &policy.MemoryLog{}
	rec := policy.NewRecorder(log, nil)
	for _, rules := range []string{logRules, strings.Replace(logRules, "max: 10h", "max: 1h", 1)} {
		set := compile(t, nil, rules)
		sets[set.Digest("shop")] = set
		for _, action := range []policy.Action{policy.Match, policy.Engage, policy.Publish} {
			r := ask(action, policy.Attrs{"counterparty.naics": policy.String("332710"), "counterparty.trust": policy.Double(0.5),
				"resource.person": policy.String("ruiz"), "request.per_week": policy.Duration(2 * hour), "request.total": policy.Duration(8 * hour)})
			r.Usage, r.Knows = books{"shop all[] total": hour}, []string{"insure", "notify"}
			_, _, err := rec.Explain(t.Context(), set, r)
			require.NoError(t, err)
		}
	}
	return log, sets
}

func TestReplayNamesTheRecordThatWasChanged(t *testing.T) {
	log, sets := story(t)
	records := log.Records()
	find := func(digest [32]byte) *policy.Set { return sets[digest] }
	clean := policy.Replay(slices.Values(records), find, log.Payload)
	require.Empty(t, clean.Mismatches)
	require.Equal(t, policy.RequireApproval, records[1].Outcome)
	require.Equal(t, []policy.RecordedDue{{Requirement: policy.PersonConsent, Need: 1}, {Requirement: "release", Need: 1}}, records[1].Due)

	for field, change := range map[string]func(*policy.Record){
		"outcome":     func(r *policy.Record) { r.Outcome = policy.Permit },
		"rules":       func(r *policy.Record) { r.Rules = []string{"find"} },
		"due":         func(r *policy.Record) { r.Due[0].Have = 1 },
		"set":         func(r *policy.Record) { r.Set[0] ^= 1 },
		"version":     func(r *policy.Record) { r.Version = 2 },
		"action":      func(r *policy.Record) { r.Action = policy.Renew },
		"now":         func(r *policy.Record) { r.Now = r.Now.Add(1) },
		"obligations": func(r *policy.Record) { r.Obligations = []string{"notify"} },
		"advice":      func(r *policy.Record) { r.Advice = []string{"notify"} },
		"cost":        func(r *policy.Record) { r.Cost++ },
		"digest":      func(r *policy.Record) { r.Fulfilment = policy.Fulfilled },
		"kind":        func(r *policy.Record) { r.Kind = "other" },
		"seq":         func(r *policy.Record) { r.Seq = 9 },
	} {
		at := 1
		changed := slices.Clone(records)
		changed[at].Due = slices.Clone(changed[at].Due)
		changed = rewrite(changed, change, at)
		report := policy.Replay(slices.Values(changed), find, log.Payload)
		require.NotEmpty(t, report.Mismatches, field)
		assert.Equal(t, field, report.Mismatches[0].Field)
		assert.Equal(t, at, report.Mismatches[0].Place)
		assert.Equal(t, changed[at].Seq, report.Mismatches[0].Seq)
		assert.NotEqual(t, clean.Head, report.Head, field)
		for _, m := range report.Mismatches {
			assert.NotContains(t, m.String(), "ruiz")
			assert.NotContains(t, m.String(), "332710")
		}
	}

	swapped := rewrite(records, func(r *policy.Record) { r.Request = records[0].Request }, 1)
	report := policy.Replay(slices.Values(swapped), find, log.Payload)
	require.NotEmpty(t, report.Mismatches)
	assert.Equal(t, uint64(2), report.Mismatches[0].Seq, "another request's payload")

	gone := policy.Replay(slices.Values(slices.Delete(slices.Clone(records), 2, 3)), find, log.Payload)
	assert.Equal(t, "seq", gone.Mismatches[0].Field)
	assert.Equal(t, "record 4: seq: logged 4, got 3", gone.Mismatches[0].String())
	cut := policy.Replay(slices.Values(records[:5]), find, log.Payload)
	assert.Empty(t, cut.Mismatches)
	assert.NotEqual(t, clean.Head, cut.Head, "a cut is told by the head alone")
	assert.Empty(t, policy.Replay(slices.Values(records[2:]), find, log.Payload).Mismatches, "a part of the log")
	unknown := policy.Replay(slices.Values(records), func([32]byte) *policy.Set { return nil }, log.Payload)
	assert.Equal(t, "set", unknown.Mismatches[0].Field)
	assert.Len(t, unknown.Mismatches, len(records))
}

func TestEveryByteOfARecordCounts(t *testing.T) {
	log, _ := story(t)
	for _, r := range log.Records() {
		text, err := r.MarshalText()
		require.NoError(t, err)
		for i := range text {
			for _, flip := range []byte{1, 2, 0x20, 0x80} {
				bad := bytes.Clone(text)
				bad[i] ^= flip
				_, err := policy.ParseRecord(bad)
				require.ErrorIs(t, err, policy.ErrRecord, "byte %d", i)
			}
		}
		for _, bad := range [][]byte{append([]byte(" "), text...), append(bytes.Clone(text), '\n'), text[:len(text)-1], nil, make([]byte, 1<<20+1)} {
			_, err := policy.ParseRecord(bad)
			require.ErrorIs(t, err, policy.ErrRecord)
		}
		asJSON, err := json.Marshal([]policy.Record{r})
		require.NoError(t, err)
		var back []policy.Record
		require.NoError(t, json.Unmarshal(asJSON, &back))
		require.Equal(t, r, back[0])
		require.NoError(t, new(policy.Record).UnmarshalText(text))
	}
}

func TestEveryByteOfAPayloadIsCommittedTo(t *testing.T) {
	log, sets := story(t)
	r := log.Records()[1]
	payload, ok := log.Payload(r.Request)
	require.True(t, ok)
	data := payload.Bytes()
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		p, err := policy.ParsePayload(bad)
		if err != nil {
			require.ErrorIs(t, err, policy.ErrPayload)
			continue
		}
		report := policy.Replay(slices.Values([]policy.Record{r}), func(d [32]byte) *policy.Set { return sets[d] },
			func([32]byte) (policy.Payload, bool) { return p, true })
		require.Equal(t, "request", report.Mismatches[0].Field, "byte %d", i)
	}
	for i := range data {
		_, err := policy.ParsePayload(data[:i])
		require.ErrorIs(t, err, policy.ErrPayload)
	}
}

func TestRecordsHoldNoValues(t *testing.T) {
	log, _ := story(t)
	var all strings.Builder
	for _, r := range log.Records() {
		text, _ := r.MarshalText()
		all.Write(text)
		p, _ := log.Payload(r.Request)
		fmt.Fprintf(&all, "%v %+v %#v %s", p, p, p, policy.LogEntry{Record: r, Payload: p}.Payload)
		asJSON, err := json.Marshal(p)
		require.NoError(t, err)
		all.Write(asJSON)
		assert.Contains(t, string(p.Bytes()), "ruiz")
	}
	for _, secret := range []string{"ruiz", "332710", "machine", "shop", "2h0m0s"} {
		assert.NotContains(t, all.String(), secret)
	}

	// Equal requests cannot be told to be equal.
	set := compile(t, nil, logRules)
	again := &policy.MemoryLog{}
	rec := policy.NewRecorder(again, nil)
	for range 2 {
		_, _, err := rec.Explain(t.Context(), set, ask(policy.Match, nil))
		require.NoError(t, err)
	}
	assert.NotEqual(t, again.Records()[0].Request, again.Records()[1].Request)
}

func TestErasedPayloadsAreSkippedAndCounted(t *testing.T) {
	log, sets := story(t)
	log.Erase(log.Records()[2].Request)
	report := policy.Replay(slices.Values(log.Records()), func(d [32]byte) *policy.Set { return sets[d] }, log.Payload)
	assert.Empty(t, report.Mismatches)
	assert.Equal(t, []uint64{3}, report.Erased)
	assert.Equal(t, 5, report.Decisions)
}

// tornLog fails some appends, of which some were stored all the same.
type tornLog struct {
	policy.MemoryLog
	calls int
}

var errDisk = errors.New("disk on fire")

func (l *tornLog) Append(ctx context.Context, entries []policy.LogEntry) error {
	l.calls++
	switch l.calls % 4 {
	case 1:
		return errDisk
	case 3:
		if err := l.MemoryLog.Append(ctx, entries); err != nil {
			return err
		}
		return errDisk
	}
	return l.MemoryLog.Append(ctx, entries)
}

func TestNothingIsDecidedThatWasNotLogged(t *testing.T) {
	set := compile(t, nil, logRules)
	log := &tornLog{}
	rec := policy.NewRecorder(log, nil)
	req := ask(policy.Match, policy.Attrs{"counterparty.naics": policy.String("1"), "resource.person": policy.String("p"), "request.per_week": policy.Duration(hour)})
	req.Knows = []string{"insure", "notify"}
	require.Equal(t, policy.Permit, set.Explain(req).Outcome)
	handedOut := 0
	for range 40 {
		x, r, err := rec.Explain(t.Context(), set, req)
		if err != nil {
			require.ErrorIs(t, err, errDisk)
			require.Zero(t, x)
			require.Zero(t, r)
			continue
		}
		handedOut++
		require.Equal(t, policy.Permit, x.Outcome)
	}
	assert.Equal(t, 20, handedOut)
	assert.Len(t, log.Records(), 30, "a decision may be logged and not handed out, never the other way")
	report := replayOf(&log.MemoryLog, set)
	assert.Empty(t, report.Mismatches)

	torn := policy.NewRecorder(&tornLog{}, nil)
	j, _, err := torn.DecideJoint(t.Context(), set, req, req)
	require.ErrorIs(t, err, errDisk)
	assert.Zero(t, j)
	j, records, err := torn.DecideJoint(t.Context(), set, req, req)
	require.NoError(t, err)
	assert.Equal(t, policy.Permit, j.Outcome)
	assert.Equal(t, []uint64{1, 2}, []uint64{records[0].Seq, records[1].Seq})
	d, r, err := torn.Decide(t.Context(), set, req)
	require.ErrorIs(t, err, errDisk)
	assert.Zero(t, d)
	assert.Zero(t, r)

	_, _, err = policy.NewRecorder(log, &policy.RecorderOptions{Rand: strings.NewReader("short")}).Explain(t.Context(), set, req)
	require.ErrorContains(t, err, "random bytes")
	big := ask(policy.Match, policy.Attrs{"resource.id": policy.String(strings.Repeat("x", 1<<20))})
	_, _, err = policy.NewRecorder(log, nil).Explain(t.Context(), set, big)
	require.ErrorIs(t, err, policy.ErrPayload)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = policy.NewRecorder(&policy.MemoryLog{}, nil).Explain(cancelled, set, req)
	require.ErrorIs(t, err, context.Canceled)
}

func TestTwoWritersDoNotForkTheLog(t *testing.T) {
	set := compile(t, nil, logRules)
	log := &policy.MemoryLog{}
	a, b := policy.NewRecorder(log, nil), policy.NewRecorder(log, nil)
	for _, rec := range []*policy.Recorder{a, b} {
		_, _, err := rec.Explain(t.Context(), set, ask(policy.Match, nil))
		require.NoError(t, err)
	}
	_, _, err := a.Explain(t.Context(), set, ask(policy.Match, nil))
	require.ErrorIs(t, err, policy.ErrLogMoved)
	_, r, err := a.Explain(t.Context(), set, ask(policy.Match, nil))
	require.NoError(t, err, "it has looked where the log ends")
	assert.Equal(t, uint64(3), r.Seq)
}

func TestConcurrentDecisionsMakeOneChain(t *testing.T) {
	set := compile(t, nil, logRules)
	log := &policy.MemoryLog{}
	rec := policy.NewRecorder(log, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				_, records, err := rec.DecideJoint(t.Context(), set, ask(policy.Match, nil), ask(policy.Engage, nil))
				assert.NoError(t, err)
				assert.Equal(t, records[policy.Supply].Seq+1, records[policy.Demand].Seq, "the two sides stand together")
			}
		})
	}
	wg.Wait()
	report := replayOf(log, set)
	assert.Empty(t, report.Mismatches)
	assert.Equal(t, 160, report.Decisions)
}

// fieldsOf lists what differs, by record and field.
func fieldsOf(report policy.ReplayReport) []string {
	var list []string
	for _, m := range report.Mismatches {
		list = append(list, fmt.Sprint(m.Seq, " ", m.Field))
	}
	return list
}

func TestOutcomesAreOfOpenObligations(t *testing.T) {
	// The rules of this log are gone, and with them the payload: what is checked is the bond between the records.
	asked := policy.Record{Seq: 1, Kind: policy.DecisionRecord, Now: noon, Outcome: policy.Permit, Obligations: []string{"insure", "notify", "train"}}
	log := &policy.MemoryLog{}
	require.NoError(t, log.Append(t.Context(), []policy.LogEntry{{Record: asked}}))
	rec := policy.NewRecorder(log, nil)
	for _, c := range []struct {
		obligation string
		f          policy.Fulfilment
		bad        bool
	}{
		{"notify", policy.Fulfilled, false}, {"insure", policy.Unfulfilled, false},
		{"smile", policy.Fulfilled, true}, {"train", "perhaps", true}, {"train", "", true},
	} {
		r, err := rec.Fulfil(t.Context(), asked, c.obligation, c.f, noon.Add(hour))
		if c.bad {
			require.ErrorIs(t, err, policy.ErrNoObligation)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, policy.Record{Seq: r.Seq, Prev: r.Prev, Kind: policy.OutcomeRecord, Now: noon.Add(hour), Of: asked.Digest(),
			Obligation: c.obligation, Fulfilment: c.f}, r)
	}
	report := replayOf(log, nil)
	assert.Empty(t, report.Mismatches)
	assert.Equal(t, 2, report.Outcomes)
	assert.Equal(t, []policy.OpenObligation{{Seq: 1, Obligation: "train"}}, report.Open)

	records := log.Records()
	second := policy.Record{Seq: 4, Prev: records[2].Digest(), Kind: policy.OutcomeRecord, Now: noon.Add(hour), Of: asked.Digest(),
		Obligation: "notify", Fulfilment: policy.Unfulfilled}
	assert.Equal(t, []string{"4 obligation"}, fieldsOf(policy.Replay(slices.Values(append(slices.Clone(records), second)), nil, log.Payload)), "an outcome is final")
	nothing := func([32]byte) (policy.Payload, bool) { return policy.Payload{}, false }
	for want, change := range map[string]func(*policy.Record){
		"2 obligation": func(r *policy.Record) { r.Of[0] ^= 1 },
		"2 fulfilment": func(r *policy.Record) { r.Fulfilment = "perhaps" },
		"2 cost":       func(r *policy.Record) { r.Cost = 1 },
		"2 digest":     func(r *policy.Record) { r.Request[0] = 1 },
	} {
		report := policy.Replay(slices.Values(rewrite(records, change, 1)), nil, nothing)
		assert.Equal(t, []string{want}, fieldsOf(report))
	}
	part := policy.Replay(slices.Values(records[1:]), nil, nothing)
	assert.Empty(t, part.Mismatches, "the decision lies before the part")

	first := records[0]
	first.Prev[0] = 1
	assert.Equal(t, []string{"1 prev"}, fieldsOf(policy.Replay(slices.Values([]policy.Record{first}), nil, nothing)))
}

// What Fulfil lets into the log is something that replay agrees with, and to say it twice says it once.
func TestFulfilKeepsTheLogGood(t *testing.T) {
	asked := policy.Record{Seq: 1, Kind: policy.DecisionRecord, Now: noon, Outcome: policy.Permit, Obligations: []string{"notify", "train"}}
	log := &ambiguous{}
	require.NoError(t, log.Append(t.Context(), []policy.LogEntry{{Record: asked}}))
	rec := policy.NewRecorder(log, nil)
	log.lost = true // stored, and not told
	_, err := rec.Fulfil(t.Context(), asked, "notify", policy.Fulfilled, noon.Add(hour))
	require.ErrorIs(t, err, errLost)
	for _, r := range []*policy.Recorder{rec, policy.NewRecorder(log, nil)} {
		again, err := r.Fulfil(t.Context(), asked, "notify", policy.Fulfilled, noon.Add(2*hour))
		require.NoError(t, err)
		assert.Equal(t, log.Records()[1], again)
	}
	forged, other := asked, asked
	forged.Obligations = []string{"made-up"}
	other.Seq = 7
	for name, c := range map[string]struct {
		of         policy.Record
		obligation string
		f          policy.Fulfilment
		now        time.Time
	}{
		"contradictory":       {asked, "notify", policy.Unfulfilled, noon.Add(hour)},
		"before the decision": {asked, "train", policy.Fulfilled, noon.Add(-1)},
		"without a time":      {asked, "train", policy.Fulfilled, time.Time{}},
		"of a forged record":  {forged, "made-up", policy.Fulfilled, noon.Add(hour)},
		"of an unknown one":   {other, "train", policy.Fulfilled, noon.Add(hour)},
	} {
		_, err := rec.Fulfil(t.Context(), c.of, c.obligation, c.f, c.now)
		require.ErrorIs(t, err, policy.ErrNoObligation, name)
	}
	assert.Len(t, log.Records(), 2)
	assert.Empty(t, replayOf(&log.MemoryLog, nil).Mismatches)
}

// ambiguous is a log whose answer is lost once.
type ambiguous struct {
	policy.MemoryLog
	lost bool
}

var errLost = errors.New("connection lost")

func (a *ambiguous) Append(ctx context.Context, entries []policy.LogEntry) error {
	if err := a.MemoryLog.Append(ctx, entries); err != nil || !a.lost {
		return err
	}
	a.lost = false
	return errLost
}

func TestTimesOutsideTheCalendarAreRefused(t *testing.T) {
	set := compile(t, nil, logRules)
	for _, year := range []int{-3, 0, 10000} {
		req := ask(policy.Match, nil)
		req.Now = time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)
		assert.Equal(t, "now is outside the years 1 to 9999", text(set.Explain(req), "request"), year)
		_, err := set.Schema().Bind(req)
		require.Error(t, err)
		_, r, err := policy.NewRecorder(&policy.MemoryLog{}, nil).Decide(t.Context(), set, req)
		require.NoError(t, err)
		assert.Equal(t, policy.Deny, r.Outcome)
		assert.True(t, r.Now.IsZero(), "a record cannot spell it")
	}
}

func TestObligationsAreFollowedUp(t *testing.T) {
	set := compile(t, nil, logRules)
	log := &policy.MemoryLog{}
	rec := policy.NewRecorder(log, nil)
	req := ask(policy.Match, policy.Attrs{"counterparty.naics": policy.String("1"), "resource.person": policy.String("p"), "request.per_week": policy.Duration(hour)})
	req.Knows = []string{"insure", "notify"}
	d, r, err := rec.Decide(t.Context(), set, req)
	require.NoError(t, err)
	require.Equal(t, policy.Permit, d.Outcome)
	assert.Equal(t, []string{"insure", "notify"}, r.Obligations)
	assert.Equal(t, []string{"call"}, r.Advice)
	_, err = rec.Fulfil(t.Context(), r, "notify", policy.Fulfilled, noon.Add(hour))
	require.NoError(t, err)
	_, err = rec.Fulfil(t.Context(), r, "call", policy.Fulfilled, noon.Add(hour))
	require.ErrorIs(t, err, policy.ErrNoObligation, "advice binds nobody")
	report := replayOf(log, set)
	assert.Empty(t, report.Mismatches)
	assert.Equal(t, []policy.OpenObligation{{Seq: 1, Obligation: "insure"}}, report.Open)
}

func TestReplayTellsWhenUsageIsMissing(t *testing.T) {
	log, sets := story(t)
	// Under rules that ask for more than the payload answers nothing is left, and the replay says why.
	wider := compile(t, nil, strings.ReplaceAll(logRules, "quotas: [week]", "quotas: [all, week]"))
	r := log.Records()[0]
	r.Set = wider.Digest("shop")
	report := policy.Replay(slices.Values([]policy.Record{r}), func([32]byte) *policy.Set { return wider }, log.Payload)
	require.NotEmpty(t, sets)
	assert.Equal(t, []string{"1 outcome", "1 obligations", "1 advice", "1 usage"}, fieldsOf(report))
}

// fill sets every field of a request to something of its own; it knows every kind of field that a payload does.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(noon.Add(time.Duration(*n))))
		return
	case policy.Attrs:
		v.Set(reflect.ValueOf(policy.Attrs{"a.s": policy.String("x"), "a.l": policy.Strings("x", ""), "a.i": policy.Int(-1), "a.d": policy.Duration(hour),
			"a.t": policy.Time(noon), "a.b": policy.Bool(true), "a.f": policy.Double(0.1), "a.n": {}, "a.e": policy.Strings(), "\xff": policy.String("\xff")}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Usage" {
				fill(v.Field(i), n)
			}
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(*n + i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		key, item := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(item, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, item)
	default:
		if v.CanInt() {
			v.SetInt(int64(*n))
		} else {
			v.SetUint(uint64(*n))
		}
	}
}

// A field that is added to Request is in the payload, or this test fails.
func TestPayloadHoldsTheWholeRequest(t *testing.T) {
	set := compile(t, nil, logRules)
	var full policy.Request
	n := 0
	fill(reflect.ValueOf(&full).Elem(), &n)
	empty := policy.Request{Employer: "shop", Attrs: policy.Attrs{}, Withheld: []string{}, RolesNow: map[string][]string{}}
	for _, req := range []policy.Request{full, empty, {}} {
		log := &policy.MemoryLog{}
		_, r, err := policy.NewRecorder(log, nil).Explain(t.Context(), set, &req)
		require.NoError(t, err)
		p, _ := log.Payload(r.Request)
		got := *p.Request()
		got.Usage = nil
		assert.Equal(t, req, got)
	}
	_, _, err := policy.NewRecorder(&policy.MemoryLog{}, nil).Explain(t.Context(), set, nil)
	require.NoError(t, err, "a request that is none is denied and logged")
	assert.Nil(t, policy.Payload{}.Request())
}

func FuzzParsePayload(f *testing.F) {
	log, _ := story(f)
	for _, r := range log.Records() {
		p, _ := log.Payload(r.Request)
		f.Add(p.Bytes())
	}
	set := compile(f, nil, logRules)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.ParsePayload(data)
		if err != nil {
			require.ErrorIs(t, err, policy.ErrPayload)
			return
		}
		require.Equal(t, data, p.Bytes())
		set.Explain(p.Request())
	})
}

func FuzzParseRecord(f *testing.F) {
	log, _ := story(f)
	for _, r := range log.Records() {
		text, _ := r.MarshalText()
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := policy.ParseRecord(data)
		if err != nil {
			require.ErrorIs(t, err, policy.ErrRecord)
			return
		}
		text, err := r.MarshalText()
		require.NoError(t, err)
		require.Equal(t, data, text)
	})
}

func BenchmarkRecorderDecide(b *testing.B) {
	set := compile(b, nil, logRules)
	req := ask(policy.Match, policy.Attrs{"counterparty.naics": policy.String("1"), "resource.person": policy.String("p"), "request.per_week": policy.Duration(hour)})
	rec := policy.NewRecorder(nowhere{}, nil)
	for b.Loop() {
		if _, _, err := rec.Decide(b.Context(), set, req); err != nil {
			b.Fatal(err)
		}
	}
}

// nowhere is a log that keeps nothing, for the cost of all else.
type nowhere struct{}

func (nowhere) Append(context.Context, []policy.LogEntry) error          { return nil }
func (nowhere) Last(context.Context) (policy.Record, bool, error)        { return policy.Record{}, false, nil }
func (nowhere) About(context.Context, [32]byte) ([]policy.Record, error) { return nil, nil }
