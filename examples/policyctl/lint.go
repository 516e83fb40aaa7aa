package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
)

// linting are the flags of lint.
type linting struct{ strict, quiet bool }

func lintFlags(c *call) {
	c.BoolVar(&c.linting.strict, "strict", false, "warnings fail too")
	c.BoolVar(&c.linting.quiet, "quiet", false, "no advice on the upkeep of documents, such as rules without a test")
}

// warning is one finding of lint -json.
type warning struct {
	Severity string `json:"severity"` // "warning", or "advice" on the document's upkeep
	policy.Finding
}

// lint prints every error of documents; where there is none, what is proven to
// mean something else than its author can have meant.
func lint(_ context.Context, c *call) error {
	f, err := load(c.Words)
	if bad, ok := errors.AsType[*policy.Errors](err); ok {
		return errors.Join(c.faults(f, bad), cli.ErrShown)
	}
	if err != nil {
		return err
	}
	warnings := 0
	for _, found := range policy.Analyse(f.set) {
		severity := "warning"
		if found.Kind.Advice() {
			severity = "advice"
		}
		if severity == "advice" && (c.linting.quiet || f.tested(&found)) {
			continue
		}
		if severity == "warning" {
			warnings++
		}
		if err := c.warn(f, severity, found); err != nil {
			return err
		}
	}
	if !c.JSON {
		c.printf("%s, no errors, %s\n", count(len(f.docs), "document"), count(warnings, "warning"))
	}
	if c.linting.strict && warnings > 0 {
		return cli.ErrShown
	}
	return nil
}

func (c *call) warn(f *files, severity string, found policy.Finding) error {
	if c.JSON {
		return c.object(warning{severity, found})
	}
	c.printf("%s:%d:%d: %s: %s (%s)\n%s", found.File, found.Line, found.Col, severity, found.Text, found.Kind,
		f.pointAt(found.File, found.Line, found.Col))
	return nil
}

// tested reports whether a rule that the document's own tests leave out is
// tested beside it.
func (f *files) tested(found *policy.Finding) bool {
	if found.Kind != policy.Untested {
		return false
	}
	for _, t := range f.tests {
		if t.Request.Employer != found.Employer {
			continue
		}
		if slices.Contains(f.set.Explain(&t.Request).Rules, found.Rule) {
			return true
		}
	}
	return false
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
