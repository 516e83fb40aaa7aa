package main

import (
	"context"
	"errors"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
)

// explaining are the flags of explain.
type explaining struct {
	rules                           cli.List
	employer, action, category, now string
	with, usage, consent, grants    cli.List
}

func explainFlags(c *call) {
	e := &c.explaining
	c.Var(&e.rules, "rules", "`file` with a rule document (required; may be repeated)")
	c.StringVar(&e.employer, "employer", "", "whose rules are asked; may be left out with one document")
	c.StringVar(&e.action, "action", "", "`step` of a deal: publish, register, match, summarise, reveal, engage, renew")
	c.StringVar(&e.category, "category", "", "`category`, such as machine.capacity.shift2")
	c.StringVar(&e.now, "now", "", "`time` of the request")
	c.Var(&e.with, "with", "`attribute=value`; may be repeated; lists with commas")
	c.Var(&e.usage, "usage", "`quota=amount` that is used already; may be repeated")
	c.Var(&e.consent, "consent", "`word` of a consent that was given, such as person_consent; may be repeated")
	c.Var(&e.grants, "grant", "`id` of a grant that is live, and no other; may be repeated")
	langFlag(c)
}

func langFlag(c *call) { c.StringVar(&c.lang, "lang", "en", "`language`: en or fr") }

// explained is what explain -json prints.
type explained struct {
	Employer    string             `json:"employer"`
	Outcome     policy.Outcome     `json:"outcome"`
	Text        []string           `json:"text"` // the lines that it prints without -json
	Explanation policy.Explanation `json:"explanation"`
}

// explain says why a request is permitted, denied, or waits.
func explain(_ context.Context, c *call) error {
	words, err := languageOf(c.lang)
	if err != nil {
		return err
	}
	if c.explaining.rules == nil {
		return cli.Usagef("explain needs -rules")
	}
	f, err := c.mustLoad(c.explaining.rules)
	if errors.Is(err, cli.ErrShown) {
		return cli.ErrShown
	}
	if err != nil {
		return err
	}
	q, err := c.question(f.set)
	if err != nil {
		return err
	}
	x := f.set.Explain(q.Request)
	lines := newSpeaker(words, f.set, q).explanation(&x)
	if c.JSON {
		return c.object(explained{q.Employer, x.Outcome, lines, x})
	}
	for _, line := range lines {
		c.printf("%s\n", line)
	}
	return nil
}
