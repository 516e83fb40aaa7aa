package main

import (
	"cmp"
	"context"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
)

// explaining are the flags of explain.
type explaining struct {
	rules                             cli.List
	employer, action, category, thing string
	with, usage, consent, grants      cli.List
	expect                            string
}

func explainFlags(c *call) {
	e := &c.explaining
	c.Var(&e.rules, "rules", "`file` with a rule document; may be repeated; without it the rules in force in a market")
	c.StringVar(&e.employer, "employer", "", "`firm` whose rules are asked; may be left out with one document")
	c.StringVar(&e.action, "action", "", "`step` of a deal: publish, register, match, summarise, reveal, engage, renew")
	c.StringVar(&e.category, "category", "", "`category`, such as machine.capacity.shift2")
	c.Var(&e.with, "with", "`attribute=value`; may be repeated; lists with commas")
	c.Var(&e.usage, "usage", "`quota=amount` that is used already; may be repeated")
	c.Var(&e.consent, "consent", "`word` of a consent that was given, such as person_consent; may be repeated")
	c.Var(&e.grants, "grant", "`id` of a grant that is live, and no other; may be repeated")
	c.StringVar(&e.thing, "thing", "", "instead of a request, the `id` of an offer or need in the market, or of the firm's own handle of a session")
	c.StringVar(&e.expect, "expect", "", "`outcome` that it must have: permit, require_approval or deny; any other ends with 1")
	marketFlags(c)
	schemaFlag(c)
	langFlag(c)
}

func langFlag(c *call) { c.Var(&c.language, "lang", "`language`: en or fr (default en)") }

// explained is what explain prints with -json.
type explained struct {
	OK          bool               `json:"ok"` // as expected, or nothing was expected
	Employer    string             `json:"employer"`
	Action      policy.Action      `json:"action"`
	Category    string             `json:"category"`
	Outcome     policy.Outcome     `json:"outcome"`
	Text        []string           `json:"text"` // the lines that it prints without -json
	Explanation policy.Explanation `json:"explanation"`
}

// explain says why a request is permitted, denied, or waits: one that is
// described, or what the market asks about one of its things.
func explain(ctx context.Context, c *call) error {
	e := &c.explaining
	var want policy.Outcome
	if e.expect != "" && want.UnmarshalText([]byte(e.expect)) != nil {
		return cli.Usagef("-expect: %q is none of permit, require_approval, deny", e.expect)
	}
	said, err := c.explained(ctx)
	if err != nil {
		return err
	}
	said.OK = e.expect == "" || said.Outcome == want
	if c.JSON {
		err = c.object(said)
	} else {
		for _, line := range said.Text {
			c.printf("%s\n", line)
		}
	}
	if err == nil && !said.OK {
		return cli.ErrShown
	}
	return err
}

func (c *call) explained(ctx context.Context) (said *explained, err error) {
	e := &c.explaining
	switch {
	case (e.rules == nil) == (!c.market.named()):
		return nil, cli.Usagef("explain needs either -rules or a market (-dir, -story)")
	case e.rules != nil && e.thing != "":
		return nil, cli.Usagef("-thing goes with a market")
	case e.rules != nil:
		f, err := c.load(e.rules)
		if err != nil {
			return nil, err
		}
		return c.answer(f.set)
	}
	if err := c.wantEmployer(); err != nil {
		return nil, err
	}
	err = c.inMarket(ctx, func(x *csss.Exchange, by csss.By) error {
		set, err := x.Rules(by, e.employer)
		if err != nil {
			return cli.Usagef("%s is not in the market", e.employer)
		}
		if e.thing == "" {
			c.market.now = cmp.Or(by.At, time.Now()).Format(time.RFC3339Nano)
			said, err = c.answer(set)
		} else {
			said, err = c.stands(x, by, set)
		}
		return err
	})
	return said, err
}

// wantEmployer finds out whose rules a market is asked for.
func (c *call) wantEmployer() error {
	e := &c.explaining
	if len(c.Words) == 1 && e.employer == "" && e.thing == "" {
		keys, err := c.requestKeys(policy.BaseSchema())
		if err != nil {
			return err
		}
		e.employer, _ = keys["employer"].(string)
	}
	if e.employer == "" {
		return cli.Usagef("explain in a market needs -employer")
	}
	return nil
}

// answer decides the request that the words and flags describe.
func (c *call) answer(set *policy.Set) (*explained, error) {
	q, err := c.question(set)
	if err != nil {
		return nil, err
	}
	return newExplained(newSpeaker(c.words(), set, q), set.Explain(q.Request)), nil
}

// stands finds how a thing of the market stands.
func (c *call) stands(x *csss.Exchange, by csss.By, set *policy.Set) (*explained, error) {
	list, err := x.Standing(by, c.explaining.employer)
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		if one.ID == c.explaining.thing {
			return newExplained(thingSpeaker(c.words(), set, one.Firm, one.Action, one.Category), one.Answer), nil
		}
	}
	return nil, cli.Usagef("-thing: %s has no live offer or need and no running session %q", c.explaining.employer, c.explaining.thing)
}

func newExplained(s *speaker, x policy.Explanation) *explained {
	return &explained{false, s.employer, s.action, s.category, x.Outcome, s.explanation(&x), x}
}
