package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
	"github.com/deeperpoint/csss/policy/policytest"
)

func testFlags(c *call) {
	schemaFlag(c)
	langFlag(c)
}

// tested is what test prints with -json.
type tested struct {
	OK      bool                  `json:"ok"`
	Tests   int                   `json:"tests"`
	Failed  int                   `json:"failed"`
	Shown   int                   `json:"shown"` // points of the rules that the tests show, of All
	All     int                   `json:"all"`
	Results []result              `json:"results"`
	Rules   []policy.RuleCoverage `json:"rules"`
}

// result is what came of one test.
type result struct {
	Employer string   `json:"employer"`
	Test     string   `json:"test"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Col      int      `json:"col"`
	Passed   bool     `json:"passed"`
	Mismatch []string `json:"mismatch,omitempty"`
}

// test runs the tests of documents and tells what they cover.
func test(_ context.Context, c *call) error {
	f, err := c.load(c.Words)
	if err != nil {
		return err
	}
	cover := policytest.Cover(f.set, f.tests...)
	said := tested{Shown: cover.Shown, All: cover.All, Rules: cover.Rules, Results: []result{}}
	for _, r := range policytest.Results(f.set, f.tests...) {
		said.Results = append(said.Results, c.result(r))
		said.Tests++
		if !r.Passed() {
			said.Failed++
		}
	}
	said.OK = said.Tests > 0 && said.Failed == 0
	if c.JSON {
		err = c.object(said)
	} else {
		c.tested(f, &said)
	}
	if err == nil && said.Tests == 0 {
		fmt.Fprintf(c.Stderr, "policyctl: %s\n", c.words().text("no.tests"))
	}
	if err == nil && !said.OK {
		return cli.ErrShown
	}
	return err
}

func (c *call) result(r policytest.Result) result {
	one := result{r.Employer, r.Test.Name, r.Test.File, r.Test.Line, r.Test.Col, r.Passed(), nil}
	for _, m := range r.Mismatch {
		one.Mismatch = append(one.Mismatch, c.words().fault(m))
	}
	return one
}

// tested prints the tests that failed, and what all of them show of each rule.
func (c *call) tested(f *files, said *tested) {
	for _, r := range said.Results {
		if !r.Passed {
			c.printf("%s:%d:%d: %s: %s\n%s", r.File, r.Line, r.Col, r.Test, strings.Join(r.Mismatch, "; "), f.pointAt(r.File, r.Line, r.Col))
		}
	}
	words := c.words()
	c.printf("%s\n\n", words.text("tests.passed", said.Tests-said.Failed, words.count(said.Tests, "test")))
	for _, r := range said.Rules {
		key := "covered.permit"
		if r.Forbid {
			key = "covered.forbid"
		}
		shown, all := r.Points()
		c.printf("%s:%d:%d: %s\n", r.File, r.Line, r.Col, words.text(key, r.Rule, r.Looked, r.Applied, shown, all))
		for _, k := range r.Clauses {
			if k.True == 0 {
				c.printf("    %s\n", words.text("never.true", k.Text))
			}
			if k.False+k.Undefined == 0 {
				c.printf("    %s\n", words.text("never.untrue", k.Text))
			}
		}
	}
	c.printf("%s\n", words.text("shown", said.Shown, said.All))
}
