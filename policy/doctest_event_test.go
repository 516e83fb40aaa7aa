package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// eventful is a document whose tests tell what was before the request.
const eventful = `apiVersion: csss.policy/v1
employer: shop
version: 1
zone: America/Toronto
templates:
  - {id: floor, params: {least: int}, when: 'price.rate >= param.least'}
approvals:
  - {id: release, seats: [director, owner], need: 1, expires: 72h, not: [requester], delegation: {depth: 2}}
quotas:
  - {id: total, per: total, unit: duration, max: 100h}
grants:
  - {id: ops, to: {role: director}, may: [publish], categories: [machine], use: floor, with: {least: 9500}, quotas: [total], depth: 1,
     valid: {from: 2026-01-01T00:00:00Z, until: 2027-01-01T00:00:00Z}}
rules:
  - {id: list, effect: permit, actions: [publish], categories: [machine], authority: grant, approval: auto}
  - {id: sell, effect: permit, actions: [reveal], categories: [machine], approval: release}
tests:
  - {name: a delegate approves, action: reveal, category: machine.mill,
     with: {request.requester: dan, request.total: 40h},
     approvals: [{kind: delegated, id: away, person: olga, roles: [owner], to: max, at: 2026-06-01T09:00:00Z, until: 2026-07-01T00:00:00Z,
       requirement: release, depth: 1, categories: [machine], at_most: {request.total: 60h}, at_least: {price.rate: 0}},
       {kind: requested, at: 2026-06-01T10:00:00Z},
       {kind: granted, id: yes, person: max, under: away, at: 2026-06-01T10:00:00Z}],
     expect: {outcome: require_approval, due: [release]}}
  - {name: within bounds, action: reveal, category: machine.mill,
     with: {request.requester: dan, request.total: 40h},
     approvals: [{kind: delegated, id: away, person: olga, roles: [owner], to: max, at: 2026-06-01T09:00:00Z, until: 2026-07-01T00:00:00Z,
       at_most: {request.total: 60h}},
       {kind: granted, person: max, under: away, at: 2026-06-01T10:00:00Z}],
     expect: {outcome: permit}}
  - {name: taken back, action: reveal, category: machine.mill, with: {request.requester: dan},
     approvals: [{kind: delegated, id: away, person: olga, roles: [owner], to: max, at: 2026-06-01T09:00:00Z, until: 2026-07-01T00:00:00Z},
       {kind: granted, person: max, under: away, at: 2026-06-01T10:00:00Z},
       {kind: revoked, revokes: away, person: olga, at: 2026-06-01T11:00:00Z}],
     expect: {outcome: require_approval, due: [release]}}
  - {name: a grant skips the approval, action: reveal, category: machine.mill, with: {actor.roles: [director], request.requester: dan, request.total: 40h},
     grant_events: [{kind: issued, id: standing, to: {role: director}, may: [reveal], categories: [machine], discharges: [release],
       quotas: [total], at_most: {request.total: 60h}, valid: {until: 2026-12-01T00:00:00Z}, at: 2026-06-01T09:00:00Z}],
     expect: {outcome: permit, reasons: ["approval:release"]}}
  - {name: taken back as well, action: reveal, category: machine.mill, with: {actor.roles: [director], request.requester: dan, request.total: 40h},
     grant_events: [{kind: issued, id: standing, to: {role: director}, may: [reveal], categories: [machine], discharges: [release],
       valid: {until: 2026-12-01T00:00:00Z}, at: 2026-06-01T09:00:00Z}, {kind: revoked, id: standing, at: 2026-06-01T09:00:00Z}],
     expect: {outcome: require_approval}}
  - {name: a link, action: publish, category: machine, with: {actor.person: max, price.rate: 9600, request.total: 10h, request.end: 2026-08-01T00:00:00Z},
     grant_events: [{kind: delegated, id: lead, parent: ops, person: dora, roles: [director], to: {person: max}, depth: 0, at: 2026-06-01T09:00:00Z}],
     expect: {outcome: permit, rules: [list]}}
  - {name: no link, action: publish, category: machine, now: 2026-06-01T09:00:00Z,
     with: {actor.person: max, price.rate: 9600, request.total: 10h, request.end: 2026-08-01T00:00:00Z}, expect: {outcome: deny}}
`

func TestRowsTellWhatWasBefore(t *testing.T) {
	set, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(eventful)})
	require.NoError(t, err)
	tests := set.Tests("shop")
	require.Len(t, tests, 7)
	for _, row := range tests {
		assert.Empty(t, row.Expect.Mismatch(set.Explain(&row.Request)), row.Name)
	}
	assert.Equal(t, "2026-06-01T10:00:00Z", tests[0].Request.Now.Format("2006-01-02T15:04:05Z"), "the row's last event")
	spelled := strings.Replace(eventful, "use: floor, with: {least: 9500}", "when: 'price.rate >= 9500'", 1)
	same, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(spelled)})
	require.NoError(t, err)
	assert.Equal(t, same.Digest("shop"), set.Digest("shop"), "a grant on a template is the grant that it spells")
}

func TestFaultsOfEventsHaveTheirPlaces(t *testing.T) {
	for change, want := range map[string]string{
		"kind: requested => kind: request":                                                  "shop.yaml:22:15: kind: 'request' is none of requested, granted, denied, revoked, delegated; did you mean 'requested'?",
		"id: yes, person: max, => id: yes,":                                                 "shop.yaml:23:8: approval: 'person' is missing, which a granted one needs",
		"id: yes, person => id: yes, to: max, person":                                       "shop.yaml:23:33: approval: 'to' means nothing in a granted one",
		"id: yes, => id: away,":                                                             "shop.yaml:23:8: approval: id 'away' stands twice",
		"id: yes, person: max, under: away => person: max, under: awoy":                     "shop.yaml:23:44: under: no hand-over before it and no grant event is called 'awoy'; did you mean 'away'?",
		"revokes: away => revokes: awy":                                                     "revokes: no event before it is called 'awy'; did you mean 'away'?",
		"requirement: release, depth => requirement: relase, depth":                         "shop.yaml:21:21: no approval is called 'relase'; did you mean 'release'?",
		"at_least: {price.rate: 0} => at_least: {price.rates: 0}":                           "shop.yaml:21:105: at_least: unknown attribute 'price.rates'; did you mean 'price.rate'?",
		"at_least: {price.rate: 0} => at_least: {request.mode: 0}":                          "at_least: 'request.mode' is of kind string, want int or duration",
		"at_most: {request.total: 60h}, at_least => at_most: {request.total: 60}, at_least": "request.total: want text, got a whole number",
		"kind: issued, id: standing, to: {role: director}, may: [reveal], categories: [machine], discharges: [release],\n       quotas => kind: isued, id: standing, to: {role: director}, may: [reveal], categories: [machine], discharges: [release],\n       quotas": "kind: 'isued' is none of issued, delegated, revoked; did you mean 'issued'?",
		"quotas: [total], at_most => quotas: [totl], at_most": "no quota is called 'totl'",
		"valid: {until: 2026-12-01T00:00:00Z}, at: 2026-06-01T09:00:00Z}],\n     expect: {outcome: permit, reasons => valid: {}, at: 2026-06-01T09:00:00Z}],\n     expect: {outcome: permit, reasons": "valid: 'until' is missing",
		"parent: ops => parent: opps":        "grant event: no grant before it is called 'opps'; did you mean 'ops'?",
		"id: lead => id: lead, when: 'true'": "grant event: unknown key 'when'",
		"{kind: revoked, id: standing, at => {kind: revoked, id: standing, may: [reveal], at": "grant event: 'may' means nothing in a revoked one",
		"use: floor, with: {least: 9500} => use: flor, with: {least: 9500}":                   "shop.yaml:12:81: use: no template is called 'flor'; did you mean 'floor'?",
		"use: floor, with: {least: 9500} => use: floor, when: 'true', with: {least: 9500}":    "grant: 'use' stands beside 'when'; one of them is the condition",
		"use: floor, with: {least: 9500} => with: {least: 9500}":                              "grant: 'with' stands without 'use'",
	} {
		from, to, _ := strings.Cut(change, " => ")
		require.Contains(t, eventful, from)
		_, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(strings.Replace(eventful, from, to, 1))})
		assert.ErrorContains(t, err, want, change)
	}
}
