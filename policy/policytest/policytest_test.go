package policytest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
	"github.com/deeperpoint/csss/policy/policytest"
)

// recorder is a T that keeps what it is told.
type recorder struct{ lines []string }

func (*recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

const shop = `apiVersion: csss.policy/v1
employer: shop
version: 1
rules:
  - {id: open, effect: permit, actions: [publish], categories: [machine], approval: auto}
  - {id: closed, effect: forbid, actions: [match], categories: [machine]}
tests:
  - {name: wrong on purpose, action: publish, category: machine.lathe,
     expect: {outcome: deny, rules: [closed], due: [x], reasons: [closed], headroom: {q: 1h}}}
`

func TestDocumentsOfTheScenariosPass(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var docs []policy.Source
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		docs = append(docs, policy.Source{Name: filepath.Base(file), Text: text})
	}
	set, err := policy.Compile(nil, docs...)
	require.NoError(t, err)
	assert.Len(t, policytest.Results(set), 5)
	policytest.Run(t, set)
}

func TestFailureNamesPlaceAndEveryDifference(t *testing.T) {
	set, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(shop)})
	require.NoError(t, err)
	var r recorder
	policytest.Run(&r, set)
	assert.Equal(t, []string{"shop.yaml:8:5: wrong on purpose: outcome: got permit, want deny; rules: got [open], want [closed]; " +
		"due: got [], want [x]; reasons: closed is not among [open@1]; headroom of q: got 0s, want 1h"}, r.lines)
}

func TestSetWithoutTestsFails(t *testing.T) {
	set, err := policy.Compile(nil)
	require.NoError(t, err)
	var r recorder
	policytest.Run(&r, set)
	assert.Len(t, r.lines, 1)
}

const lathe = `apiVersion: csss.policy/v1
employer: shop
version: 1
quotas:
  - {id: at-once, per: concurrent, unit: count, max: 2}
walls:
  - {id: rivals, class: counterparty.naics, cooling_off: 24h}
rules:
  - {id: lend, effect: permit, actions: [match], categories: [machine], approval: auto, quotas: [at-once], obligations: [log-use], advice: [call],
     when: price.rate >= 9000 && request.mode == "on_site" && present(price.currency)}
  - {id: closed, effect: forbid, categories: [machine.press], when: counterparty.verified}
`

const latheTests = `apiVersion: csss.policy-tests/v1
employer: shop
tests:
  - {name: one is lent, action: match, category: machine.lathe, usage: {at-once: 1}, member: acme,
     with: {price.rate: 9000, request.mode: on_site, price.currency: CAD, counterparty.naics: "3327"},
     expect: {outcome: permit, rules: [lend], obligations: [log-use], advice: [call], headroom: {at-once: 1}}}
  - {name: nobody can carry out the duty, action: match, category: machine.lathe, knows: [], member: acme,
     with: {price.rate: 9000, request.mode: on_site, price.currency: CAD, counterparty.naics: "3327"},
     expect: {outcome: deny, reasons: ["obligation:log-use"]}}
  - {name: a rival of whom we work for, action: match, category: machine.lathe, member: acme,
     served: [{wall: rivals, class: "3327", member: other}],
     with: {price.rate: 9000, request.mode: on_site, price.currency: CAD, counterparty.naics: "3327"},
     expect: {outcome: deny, reasons: ["wall:rivals"]}}
  - {name: too cheap, action: match, category: machine.press, member: acme, with: {price.rate: 1, counterparty.naics: "3327", counterparty.verified: false},
     expect: {outcome: deny}}
`

func folder(tests string) fstest.MapFS {
	return fstest.MapFS{"rules/shop.yaml": {Data: []byte(lathe)}, "rules/shop.tests.yaml": {Data: []byte(tests)}, "rules/notes.txt": {Data: []byte("no rule")}}
}

func TestTestsBesideDocuments(t *testing.T) {
	set, beside, err := policytest.Load(nil, folder(latheTests), "rules/*.yaml")
	require.NoError(t, err)
	require.Len(t, beside, 4)
	policytest.Run(t, set, beside...)
	assert.Empty(t, set.Tests("shop"), "the set is not changed")
	assert.Equal(t, []string{"closed"}, policytest.Untested(set, "shop", beside...))
	assert.Equal(t, "rules/shop.tests.yaml:4:5: one is lent: passed", policytest.Results(set, beside...)[0].String())
}

func TestFaultsOfFilesOfTestsHavePlaces(t *testing.T) {
	for change, want := range map[string]string{
		"employer: shop => employer: shot":                  "rules/shop.tests.yaml:2:11: employer: no document is of 'shot'; did you mean 'shop'?",
		"csss.policy-tests/v1 => csss.policy/v1":            "rules/shop.tests.yaml:1:13: apiVersion: 'csss.policy/v1' is none of csss.policy-tests/v1",
		"tests: => test:":                                   "rules/shop.tests.yaml:3:1: tests: unknown key 'test'",
		"usage: {at-once: 1} => usage: {at-once: 1h}":       "rules/shop.tests.yaml:4:82: usage: want a whole number, got text",
		"usage: {at-once: 1} => usage: {at-twice: 1h}":      "rules/shop.tests.yaml:4:73: quotas: no quota is called 'at-twice'; did you mean 'at-once'?",
		"wall: rivals => wall: rival":                       "rules/shop.tests.yaml:11:22: served: no wall is called 'rival'",
		"outcome: permit => outcome: perhaps":               "rules/shop.tests.yaml:6:24: outcome: 'perhaps' is none of",
		"price.rate: 9000 => price.rat: 9000":               "rules/shop.tests.yaml:5:13: with: unknown attribute 'price.rat'; did you mean 'price.rate'?",
		"name: too cheap, => name: too cheap, grants: [g],": "rules/shop.tests.yaml:14:32: grants: no grant is called 'g'",
		latheTests + " => ":                                 "rules/shop.tests.yaml:1:1: the document is empty",
	} {
		from, to, _ := strings.Cut(change, " => ")
		require.Contains(t, latheTests, from)
		_, _, err := policytest.Load(nil, folder(strings.Replace(latheTests, from, to, 1)), "rules/*.yaml")
		var errs *policy.Errors
		require.ErrorAs(t, err, &errs, change)
		assert.ErrorContains(t, err, want)
	}
}

func TestLoadNeedsADocument(t *testing.T) {
	for _, pattern := range []string{"none/*.yaml", "rules/*.tests.yaml", "["} {
		_, _, err := policytest.Load(nil, folder(latheTests), pattern)
		assert.ErrorContains(t, err, "policytest: ", pattern)
	}
	_, _, err := policytest.Load(nil, fstest.MapFS{"shop.yaml": {Data: []byte("rules: 1")}}, "*.yaml")
	var errs *policy.Errors
	assert.ErrorAs(t, err, &errs)
}

func TestCoverageCountsRulesAndClauses(t *testing.T) {
	set, beside, err := policytest.Load(nil, folder(latheTests), "rules/*.yaml")
	require.NoError(t, err)
	c := policytest.Cover(set, beside...)
	assert.Equal(t, []policy.RuleCoverage{
		{Employer: "shop", Rule: "lend", File: "rules/shop.yaml", Line: 9, Col: 5, Looked: 4, Applied: 2, Clauses: []policy.ClauseCoverage{
			{Text: "price.rate >= 9000", True: 3, False: 1},
			{Text: `request.mode == "on_site"`, True: 3, Undefined: 1},
			{Text: "present(price.currency)", True: 3, False: 1}}},
		{Employer: "shop", Rule: "closed", File: "rules/shop.yaml", Line: 11, Col: 5, Forbid: true, Looked: 1, Clauses: []policy.ClauseCoverage{
			{Text: "counterparty.verified", False: 1}}},
	}, c.Rules)
	assert.Equal(t, []int{8, 10}, []int{c.Shown, c.All})
	assert.Empty(t, policytest.Cover(set).Rules, "no test, no employer")
}

func TestCoverageIgnoresWhatCannotBeAsked(t *testing.T) {
	set, _, err := policytest.Load(nil, folder(latheTests), "rules/*.yaml")
	require.NoError(t, err)
	bad := []*policy.Request{nil, {Employer: "shop"}, {Employer: "other", Action: policy.Match, Category: "machine", Now: time.Now()}}
	assert.Empty(t, policy.Cover(set, slices.Values(bad)))
}

func ExampleCover() {
	folder := fstest.MapFS{"shop.yaml": {Data: []byte(lathe)}, "shop.tests.yaml": {Data: []byte(latheTests)}}
	set, beside, err := policytest.Load(nil, folder, "*.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := policytest.Cover(set, beside...).WriteTo(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// shop.yaml:9:5: lend: looked at 4, applied 2, shown 7 of 7
	// shop.yaml:11:5: closed: looked at 1, denied 0, shown 1 of 3
	//     never true: counterparty.verified
	// shown 8 of 10
}

func ExampleUntested() {
	set, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(shop)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(policytest.Untested(set, "shop"))
	// Output: [closed]
}
