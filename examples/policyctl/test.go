package main

import (
	"context"
	"fmt"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
	"github.com/deeperpoint/csss/policy/policytest"
)

// tested is one test of test -json.
type tested struct {
	Employer string   `json:"employer"`
	Test     string   `json:"test"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Passed   bool     `json:"passed"`
	Mismatch []string `json:"mismatch,omitempty"`
}

// covered is the last line of test -json.
type covered struct {
	Tests  int                   `json:"tests"`
	Failed int                   `json:"failed"`
	Shown  int                   `json:"shown"`
	All    int                   `json:"all"`
	Rules  []policy.RuleCoverage `json:"rules"`
}

// test runs the tests of documents and tells what they cover.
func test(_ context.Context, c *call) error {
	f, err := c.mustLoad(c.Words)
	if err != nil {
		return err
	}
	sum := covered{}
	for _, r := range policytest.Results(f.set, f.tests...) {
		sum.Tests++
		if !r.Passed() {
			sum.Failed++
		}
		if err := c.result(f, r); err != nil {
			return err
		}
	}
	cover := policytest.Cover(f.set, f.tests...)
	sum.Shown, sum.All, sum.Rules = cover.Shown, cover.All, cover.Rules
	if c.JSON {
		err = c.object(sum)
	} else {
		c.printf("%d of %s passed\n\n", sum.Tests-sum.Failed, count(sum.Tests, "test"))
		_, err = cover.WriteTo(c.Stdout)
	}
	switch {
	case err != nil:
		return err
	case sum.Tests == 0:
		fmt.Fprintln(c.Stderr, "policyctl: no document has tests, which proves nothing")
		return cli.ErrShown
	case sum.Failed > 0:
		return cli.ErrShown
	}
	return nil
}

// result prints one test: all of them with -json, else those that failed.
func (c *call) result(f *files, r policytest.Result) error {
	if c.JSON {
		return c.object(tested{r.Employer, r.Test.Name, r.Test.File, r.Test.Line, r.Passed(), r.Mismatch})
	}
	if !r.Passed() {
		c.printf("%s\n%s", r, f.pointAt(r.Test.File, r.Test.Line, r.Test.Col))
	}
	return nil
}
