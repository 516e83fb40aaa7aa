// Package policytest runs the tests that rule documents carry. A firm uses it in its own checks, and a command line shows
// its results; it needs nothing but a compiled [policy.Set].
package policytest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/deeperpoint/csss/policy"
)

// T is the part of [testing.TB] that Run needs.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// Result is what came of one test.
type Result struct {
	Employer string             `json:"employer"`
	Test     *policy.Test       `json:"test"` // shared with the set: do not change it
	Decision policy.Explanation `json:"decision"`
	Mismatch []string           `json:"mismatch,omitempty"` // what differs from the expectation; none: passed
}

// Passed reports whether the decision met the expectation.
func (r Result) Passed() bool { return len(r.Mismatch) == 0 }

// Run runs every test of every document and reports each failure with its place. A set without a single test fails: an
// empty run proves nothing.
func Run(t T, set *policy.Set) {
	t.Helper()
	results := Results(set)
	if len(results) == 0 {
		t.Errorf("policytest: no document has tests")
	}
	for _, r := range results {
		if !r.Passed() {
			t.Errorf("%s:%d:%d: %s: %s", r.Test.File, r.Test.Line, r.Test.Col, r.Test.Name, strings.Join(r.Mismatch, "; "))
		}
	}
}

// Results runs every test of every document, by employer and then in the document's order. It costs one decision per
// test.
func Results(set *policy.Set) []Result {
	var list []Result
	for _, employer := range set.Employers() {
		for _, test := range set.Tests(employer) {
			d := set.Explain(&test.Request)
			list = append(list, Result{Employer: employer, Test: test, Decision: d, Mismatch: test.Expect.Mismatch(d)})
		}
	}
	return list
}

// Untested returns the rules of an employer that no test's decision names as applying, sorted by id.
func Untested(set *policy.Set, employer string) []string {
	var hit []string
	for _, test := range set.Tests(employer) {
		hit = append(hit, set.Explain(&test.Request).Rules...)
	}
	left := slices.DeleteFunc(set.Rules(employer), func(id string) bool { return slices.Contains(hit, id) })
	slices.SortFunc(left, cmp.Compare)
	return left
}
