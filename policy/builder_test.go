package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/deeperpoint/csss/policy"
)

// TestBuiltDocumentsHashAsWrittenOnes reads every document of the notes into the Go form and spells it again.
func TestBuiltDocumentsHashAsWrittenOnes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		sameWhenBuilt(t, text)
	}
	sameWhenBuilt(t, []byte(`apiVersion: csss.policy/v1
employer: all
version: 2
zone: America/Toronto
deal: {deadline: 1h, hard_expiry: 2h, grace: 30m}
templates: [{id: t, params: {min: int, until: time, list: strings, ok: bool, long: duration, part: double, mode: string},
  when: 'price.rate >= param.min && request.end < param.until && request.mode in param.list && counterparty.verified == param.ok && request.total < param.long && counterparty.trust > param.part && request.mode != param.mode'}]
quotas:
  - {id: q, per: iso_week, unit: duration, min: 1h30m, max: 4h, key: [resource.person]}
approvals:
  - {id: a, seats: [boss, hr], need: 1, expires: 72h, not: [requester], order: any, veto: true, escalate: {after: 48h, seats: [owner]}, delegation: {depth: 1, within: 24h}}
grants:
  - {id: g, to: {role: boss}, may: [publish, "approve:a"], categories: [x], when: price.rate > 1 && price.rate < 7, quotas: [q], discharges: [a], depth: 2,
     valid: {from: 2026-01-01T00:00:00-05:00, until: 2027-01-01T00:00:00-05:00}, at_expiry: end}
  - {id: h, to: {person: ann}, may: [publish], categories: [x], use: t, with: {min: 1, until: 2026-06-01T00:00:00Z, list: [a, b], ok: true, long: 90m, part: 0.5, mode: x},
     valid: {from: 2026-01-01T00:00:00-05:00, until: 2027-01-01T00:00:00-05:00}}
walls:
  - {id: w, key: [resource.person], class: counterparty.naics, distinct: 2, cooling_off: 4320h, categories: [x]}
rules:
  - {id: p, effect: permit, actions: [publish, engage], categories: [x, y.z], use: t, with: {min: 1, until: 2026-06-01T00:00:00Z, list: [a, b], ok: true, long: 90m, part: 0.5, mode: "q\u2028<"},
     valid: {from: 2026-02-01T00:00:00Z}, authority: grant, approval: a, quotas: [q], requires: [person_consent], overrides: [o], obligations: [tell], advice: [call]}
  - {id: o, effect: permit, actions: [engage], categories: [x], approval: auto}
  - {id: f, effect: forbid, when: 'counterparty.naics == "336370"'}
`))
}

func sameWhenBuilt(t *testing.T, text []byte) {
	t.Helper()
	var tree map[string]any
	require.NoError(t, yaml.Unmarshal(text, &tree))
	delete(tree, "apiVersion")
	spelled, err := json.Marshal(tree)
	require.NoError(t, err)
	var doc policy.Document
	dec := json.NewDecoder(bytes.NewReader(spelled))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&doc))

	built, err := doc.Source("built.json")
	require.NoError(t, err)
	want, err := policy.Compile(nil, policy.Source{Name: "written.yaml", Text: text})
	require.NoError(t, err)
	got, err := policy.Compile(nil, built)
	require.NoError(t, err, string(built.Text))
	assert.Equal(t, want.Digest(doc.Employer), got.Digest(doc.Employer))
	assert.Equal(t, len(want.Tests(doc.Employer)), len(got.Tests(doc.Employer)))
}

func TestFaultsOfBuiltDocumentsHavePlaces(t *testing.T) {
	doc := policy.Document{Employer: "shop", Version: 1, Rules: []policy.Rule{{ID: "a", Effect: policy.EffectForbid, When: "price.rates < 1"}}}
	src, err := doc.Source("built.json")
	require.NoError(t, err)
	_, err = policy.Compile(nil, src)
	assert.ErrorContains(t, err, "built.json:9:13: unknown attribute 'price.rates'")
	doc.Tests = []json.RawMessage{json.RawMessage("{")}
	_, err = doc.Source("built.json")
	assert.Error(t, err)
}

func ExampleDocument() {
	doc := policy.Document{
		Employer: "shop", Version: 1,
		Rules: []policy.Rule{{ID: "sell", Effect: policy.EffectPermit, Actions: []policy.Action{policy.Engage}, Categories: []string{"machine"},
			When: "price.rate >= 9500", Approval: "auto"}},
	}
	src, err := doc.Source("shop.json")
	if err != nil {
		panic(err)
	}
	set, err := policy.Compile(nil, src)
	if err != nil {
		panic(err)
	}
	for _, cents := range []int64{9400, 9500} {
		fmt.Println(set.Explain(&policy.Request{Employer: "shop", Action: policy.Engage, Category: "machine.capacity",
			Now: time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC), Attrs: policy.Attrs{"price.rate": policy.Int(cents)}}).Outcome)
	}
	// Output:
	// deny
	// permit
}
