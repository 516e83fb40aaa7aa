// Package policytest runs the tests of rule documents: those that a document carries under `tests`, and those of files
// beside it. A firm uses it in its own checks, and a command line shows its results; it needs nothing but a compiled
// [policy.Set].
//
// A test is a request and what must come of it. [Run] reports failures to a [testing.TB]; [Results] returns them;
// [Cover] tells which rules and clauses the tests exercise; [Load] reads a folder of documents and tests.
package policytest

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
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

// String returns "file:line:col: name: " and "passed" or what differs.
func (r Result) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", r.Test.File, r.Test.Line, r.Test.Col, r.Test.Name, cmp.Or(strings.Join(r.Mismatch, "; "), "passed"))
}

// TestsSuffix ends the names of files that hold nothing but tests.
const TestsSuffix = ".tests.yaml"

// Load compiles the files that match a pattern of [fs.Glob] and reads the tests beside them: files whose name ends in
// [TestsSuffix] are tests, all others documents. A nil schema means [policy.BaseSchema]. The errors are those of reading,
// of [policy.Compile] and of [policy.Set.ParseTests]; a pattern that matches no document is one.
func Load(schema *policy.Schema, folder fs.FS, pattern string) (*policy.Set, []*policy.Test, error) {
	names, err := fs.Glob(folder, pattern)
	if err != nil {
		return nil, nil, fmt.Errorf("policytest: pattern %q: %w", pattern, err)
	}
	var docs, tests []policy.Source
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, nil, fmt.Errorf("policytest: %w", err)
		}
		if src := (policy.Source{Name: name, Text: text}); strings.HasSuffix(name, TestsSuffix) {
			tests = append(tests, src)
		} else {
			docs = append(docs, src)
		}
	}
	if docs == nil {
		return nil, nil, fmt.Errorf("policytest: no document matches %q", pattern)
	}
	set, err := policy.Compile(schema, docs...)
	if err != nil {
		return nil, nil, err
	}
	beside, err := set.ParseTests(tests...)
	return set, beside, err
}

// Run runs every test of every document, and those beside them, and reports each failure with its place. A run without a
// single test fails: it proves nothing.
func Run(t T, set *policy.Set, beside ...*policy.Test) {
	t.Helper()
	results := Results(set, beside...)
	if len(results) == 0 {
		t.Errorf("policytest: no document has tests")
	}
	for _, r := range results {
		if !r.Passed() {
			t.Errorf("%s", r)
		}
	}
}

// All returns the tests of every document, by employer and then in the document's order, and then those beside them.
func All(set *policy.Set, beside ...*policy.Test) []*policy.Test {
	var list []*policy.Test
	for _, employer := range set.Employers() {
		list = append(list, set.Tests(employer)...)
	}
	return append(list, beside...)
}

// Results runs every test, in the order of [All]. It costs one explanation per test.
func Results(set *policy.Set, beside ...*policy.Test) []Result {
	var list []Result
	for _, test := range All(set, beside...) {
		d := set.Explain(&test.Request)
		list = append(list, Result{Employer: test.Request.Employer, Test: test, Decision: d, Mismatch: test.Expect.Mismatch(d)})
	}
	return list
}

// Untested returns the rules of an employer that no test's decision names as applying, sorted by id.
func Untested(set *policy.Set, employer string, beside ...*policy.Test) []string {
	var hit []string
	for _, test := range All(set, beside...) {
		if test.Request.Employer == employer {
			hit = append(hit, set.Explain(&test.Request).Rules...)
		}
	}
	left := slices.DeleteFunc(set.Rules(employer), func(id string) bool { return slices.Contains(hit, id) })
	slices.SortFunc(left, cmp.Compare)
	return left
}

// Coverage is what tests show of the rules of a set.
type Coverage struct {
	Rules []policy.RuleCoverage `json:"rules"` // of every employer with a test, by employer and place
	Shown int                   `json:"shown"` // points shown, see [policy.RuleCoverage.Points]
	All   int                   `json:"all"`
}

// Cover runs every test and tells what they show. Employers without a test are left out.
func Cover(set *policy.Set, beside ...*policy.Test) Coverage {
	var c Coverage
	c.Rules = policy.Cover(set, func(yield func(*policy.Request) bool) {
		for _, test := range All(set, beside...) {
			if !yield(&test.Request) {
				return
			}
		}
	})
	for _, r := range c.Rules {
		shown, all := r.Points()
		c.Shown, c.All = c.Shown+shown, c.All+all
	}
	return c
}

// WriteTo writes a line per rule, a line per clause that was not seen both true and not, and the total.
func (c Coverage) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	for _, r := range c.Rules {
		shown, all := r.Points()
		fmt.Fprintf(&b, "%s:%d:%d: %s: looked at %d, %s %d, shown %d of %d\n", r.File, r.Line, r.Col, r.Rule, r.Looked, verb(r), r.Applied, shown, all)
		for _, k := range r.Clauses {
			if k.True == 0 {
				fmt.Fprintf(&b, "    never true: %s\n", k.Text)
			}
			if k.False+k.Undefined == 0 {
				fmt.Fprintf(&b, "    never untrue: %s\n", k.Text)
			}
		}
	}
	fmt.Fprintf(&b, "shown %d of %d\n", c.Shown, c.All)
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func verb(r policy.RuleCoverage) string {
	if r.Forbid {
		return "denied"
	}
	return "applied"
}
