package main

import (
	"context"
	"slices"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
)

// linting are the flags of lint.
type linting struct{ strict, quiet bool }

func lintFlags(c *call) {
	c.BoolVar(&c.linting.strict, "strict", false, "advice fails too")
	c.BoolVar(&c.linting.quiet, "quiet", false, "no advice on the upkeep of documents, such as rules without a test")
	schemaFlag(c)
	langFlag(c)
}

// linted is what lint prints with -json of documents without errors.
type linted struct {
	OK        bool      `json:"ok"`
	Documents int       `json:"documents"`
	Warnings  int       `json:"warnings"`
	Findings  []finding `json:"findings"` // warnings and advice, by place
}

// finding is one thing that looks wrong.
type finding struct {
	Severity string `json:"severity"` // "warning", or "advice" on the document's upkeep
	policy.Finding
}

// lint prints every error of documents; where there is none, what is proven to
// mean something else than its author can have meant.
func lint(_ context.Context, c *call) error {
	f, err := c.load(c.Words)
	if err != nil {
		return err
	}
	said := linted{Documents: len(f.docs), Findings: c.findings(f)}
	for _, one := range said.Findings {
		if one.Severity == "warning" {
			said.Warnings++
		}
	}
	said.OK = said.Warnings == 0 && (!c.linting.strict || len(said.Findings) == 0)
	if c.JSON {
		err = c.object(said)
	} else {
		c.linted(f, &said)
	}
	if err == nil && !said.OK {
		return cli.ErrShown
	}
	return err
}

func (c *call) findings(f *files) []finding {
	list := []finding{}
	for _, found := range policy.Analyse(f.set) {
		severity := "warning"
		if found.Kind.Advice() {
			severity = "advice"
		}
		if severity == "advice" && (c.linting.quiet || f.tested(&found)) {
			continue
		}
		found.Text = c.words().fault(found.Text)
		list = append(list, finding{severity, found})
	}
	return list
}

func (c *call) linted(f *files, said *linted) {
	for _, one := range said.Findings {
		c.printf("%s:%d:%d: %s: %s (%s)\n%s", one.File, one.Line, one.Col, c.words().text(one.Severity), one.Text, one.Kind,
			f.pointAt(one.File, one.Line, one.Col))
	}
	c.printf("%s\n", c.words().text("linted", c.words().count(said.Documents, "document"), c.words().count(said.Warnings, "warning")))
}

// tested reports whether a rule that the document's own tests leave out is
// tested beside it.
func (f *files) tested(found *policy.Finding) bool {
	if found.Kind != policy.Untested {
		return false
	}
	return slices.ContainsFunc(f.tests, func(t *policy.Test) bool {
		return t.Request.Employer == found.Employer && slices.Contains(f.set.Explain(&t.Request).Rules, found.Rule)
	})
}
