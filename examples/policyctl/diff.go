package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
	"github.com/deeperpoint/csss/policy/policytest"
)

func diffFlags(c *call) {
	marketFlags(c)
	langFlag(c)
}

// changedHead is one line of diff -json: what may decide differently at all.
type changedHead struct {
	Kind string `json:"kind"` // "head"
	policy.Head
}

// changedTest is what the requests of both documents' tests show.
type changedTest struct {
	Kind string `json:"kind"` // "tests"
	policy.ShadowReport
}

// changedThing is an offer, need, session or engagement that decides differently.
type changedThing struct {
	csss.Effect
	Text []string `json:"text,omitempty"` // the reasons in a sentence each
}

// diff tells what a new document decides differently from an old one: which
// heads, which of their tests' requests and, with a market, which of its
// offers, needs, sessions and engagements.
func diff(ctx context.Context, c *call) error {
	words, err := languageOf(c.lang)
	if err != nil {
		return err
	}
	old, err := c.mustLoad(c.Words[:1])
	if err != nil {
		return err
	}
	next, err := c.mustLoad(c.Words[1:])
	if err != nil {
		return err
	}
	if !slices.Equal(old.set.Employers(), next.set.Employers()) {
		return cli.Usagef("%s is of %s, %s of %s", c.Words[0], strings.Join(old.set.Employers(), ", "), c.Words[1], strings.Join(next.set.Employers(), ", "))
	}
	if err := c.heads(old.set, next.set); err != nil {
		return err
	}
	if err := c.shadow(old, next); err != nil || c.market.dir == "" {
		return err
	}
	at, err := c.market.at()
	if err != nil {
		return err
	}
	return c.market.with(ctx, func(x *csss.Exchange) error { return c.things(x, csss.By{At: at}, words, old.set, next.set) })
}

func (c *call) heads(old, next *policy.Set) error {
	heads := policy.Affected(old, next)
	if len(heads) == 0 && !c.JSON {
		c.printf("Nothing can decide differently.\n")
	}
	for i, h := range heads {
		if c.JSON {
			if err := c.object(changedHead{"head", h}); err != nil {
				return err
			}
			continue
		}
		if i == 0 {
			c.printf("What may decide differently:\n")
		}
		c.printf("  %s: %s on %s\n", h.Employer, orAll(h.Actions, "every step"), orAll(h.Categories, "every category"))
	}
	return nil
}

func orAll[S ~string](list []S, all string) string {
	if len(list) == 0 {
		return all
	}
	var words []string
	for _, w := range list {
		words = append(words, string(w))
	}
	return english.joined(words, english.and)
}

// shadow decides the requests of both documents' tests under both.
func (c *call) shadow(old, next *files) error {
	tests := append(policytest.All(old.set), policytest.All(next.set)...)
	if len(tests) == 0 {
		return nil
	}
	report := policy.Shadow(old.set, next.set, func(yield func(*policy.Request) bool) {
		for _, t := range tests {
			if !yield(&t.Request) {
				return
			}
		}
	}, nil)
	if c.JSON {
		return c.object(changedTest{"tests", report})
	}
	c.printf("Of the %d requests in the tests of both, %d decide differently.\n", report.Requests, report.Different)
	for _, d := range report.Differences {
		c.printf("  %s: %s, was %s, would be %s: %s, the first is %s\n", d.Employer, d.Rule, d.Old, d.New, count(d.Count, "request"), english.quoted(tests[d.First].Name))
	}
	return nil
}

// things asks the market, whose rules in force must be the old ones: a session
// is decided as the exchange would decide it.
func (c *call) things(x *csss.Exchange, by csss.By, words *language, old, next *policy.Set) error {
	for _, employer := range old.Employers() {
		force, err := x.Rules(by, employer)
		if err != nil {
			return cli.Usagef("%s is not in the market", employer)
		}
		if force.Digest(employer) != old.Digest(employer) {
			return cli.Usagef("%s is not what is in force, which is version %d", c.Words[0], force.Version(employer))
		}
	}
	e, err := x.Effects(by, next)
	if err != nil {
		return err
	}
	if !c.JSON {
		c.printf("Of %s in the market, %d decide differently.\n", count(e.Asked, "thing"), len(e.List))
	}
	for _, one := range e.List {
		s := speaker{language: words, schema: next.Schema(), set: next, employer: one.Firm, action: one.Action, category: one.Category, zone: zoneOf(next, one.Firm)}
		if err := c.thing(&s, one); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) thing(s *speaker, one csss.Effect) error {
	var why []string
	if one.New == policy.Deny {
		why = s.reasons(one.Reasons)
	}
	if c.JSON {
		return c.object(changedThing{one, why})
	}
	c.printf("  %s %s (%s): %s → %s\n", one.Kind, one.ID, one.Category, s.text("outcome."+one.Old.String()), s.text("outcome."+one.New.String()))
	for _, line := range why {
		c.printf("    – %s\n", line)
	}
	if one.New == policy.RequireApproval {
		c.printf("    – %s\n", strings.Join(one.NewDue, ", "))
	}
	return nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
