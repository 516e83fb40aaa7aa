package policytest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

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

func ExampleUntested() {
	set, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(shop)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(policytest.Untested(set, "shop"))
	// Output: [closed]
}
