package main

import (
	"context"
	"slices"
	"strings"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
	"github.com/deeperpoint/csss/policy/policytest"
)

func diffFlags(c *call) {
	marketFlags(c)
	schemaFlag(c)
	langFlag(c)
}

// compared is what diff prints with -json.
type compared struct {
	OK     bool                 `json:"ok"` // nothing can decide differently
	Heads  policy.Heads         `json:"heads"`
	Tests  *policy.ShadowReport `json:"tests,omitempty"`  // the requests in the tests of both; none without tests
	Market *inMarket            `json:"market,omitempty"` // none unless a market was named
}

// inMarket is what a market shows.
type inMarket struct {
	Asked int             `json:"asked"`
	List  []changedEffect `json:"list"`
}

// changedEffect is an offer, need, session or engagement that decides differently.
type changedEffect struct {
	csss.Effect
	Text []string `json:"text,omitempty"` // the reasons in a sentence each
}

// diff tells what a new document decides differently from an old one: which
// heads, which of their tests' requests and, with a market, which of its
// offers, needs, sessions and engagements.
func diff(ctx context.Context, c *call) error {
	old, err := c.load(c.Words[:1])
	if err != nil {
		return err
	}
	next, err := c.load(c.Words[1:])
	if err != nil {
		return err
	}
	if !slices.Equal(old.set.Employers(), next.set.Employers()) {
		return cli.Usagef("%s is of %s, %s of %s", c.Words[0], strings.Join(old.set.Employers(), ", "), c.Words[1], strings.Join(next.set.Employers(), ", "))
	}
	said := compared{Heads: append(policy.Heads{}, policy.Affected(old.set, next.set)...)}
	tests := append(policytest.All(old.set), policytest.All(next.set)...)
	said.Tests = shadow(old.set, next.set, tests)
	if c.market.named() {
		if said.Market, err = c.things(ctx, old.set, next.set); err != nil {
			return err
		}
	}
	said.OK = len(said.Heads) == 0 && (said.Tests == nil || said.Tests.Different == 0) && (said.Market == nil || len(said.Market.List) == 0)
	if c.JSON {
		err = c.object(said)
	} else {
		c.compared(&said, tests)
	}
	if err == nil && !said.OK {
		return cli.ErrShown
	}
	return err
}

// shadow decides the requests of both documents' tests under both.
func shadow(old, next *policy.Set, tests []*policy.Test) *policy.ShadowReport {
	if len(tests) == 0 {
		return nil
	}
	report := policy.Shadow(old, next, func(yield func(*policy.Request) bool) {
		for _, t := range tests {
			if !yield(&t.Request) {
				return
			}
		}
	}, nil)
	return &report
}

// things asks the market, whose rules in force must be the old ones: a session
// is decided as the exchange would decide it.
func (c *call) things(ctx context.Context, old, next *policy.Set) (found *inMarket, err error) {
	err = c.inMarket(ctx, func(x *csss.Exchange, by csss.By) error {
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
		found = &inMarket{Asked: e.Asked, List: []changedEffect{}}
		for _, one := range e.List {
			changed := changedEffect{Effect: one}
			if one.New == policy.Deny {
				changed.Text = thingSpeaker(c.words(), next, one.Firm, one.Action, one.Category).reasons(one.Reasons)
			}
			found.List = append(found.List, changed)
		}
		return nil
	})
	return found, err
}

func (c *call) compared(said *compared, tests []*policy.Test) {
	l := c.words()
	if len(said.Heads) == 0 {
		c.printf("%s\n", l.text("diff.none"))
	} else {
		c.printf("%s\n", l.text("diff.heads"))
	}
	for _, h := range said.Heads {
		c.printf("  %s\n", l.text("diff.head", h.Employer, orAll(l, h.Actions, "every.step"), orAll(l, h.Categories, "every.category")))
	}
	if said.Tests != nil {
		c.printf("%s\n", l.text("diff.tests", said.Tests.Different, said.Tests.Requests))
		for _, d := range said.Tests.Differences {
			c.printf("  %s\n", l.text("diff.test", d.Employer, d.Rule, l.text("outcome."+d.Old.String()), l.text("outcome."+d.New.String()),
				l.count(d.Count, "request"), l.quoted(tests[d.First].Name)))
		}
	}
	if said.Market != nil {
		c.printf("%s\n", l.text("diff.things", len(said.Market.List), l.count(said.Market.Asked, "thing")))
		for _, one := range said.Market.List {
			c.changed(&one)
		}
	}
}

func orAll[S ~string](l *language, list []S, all string) string {
	if len(list) == 0 {
		return l.text(all)
	}
	var words []string
	for _, w := range list {
		words = append(words, string(w))
	}
	return l.joined(words, l.and)
}

func (c *call) changed(one *changedEffect) {
	l := c.words()
	c.printf("  %s %s (%s): %s → %s\n", l.text("kind."+string(one.Kind)), one.ID, one.Category, l.text("outcome."+one.Old.String()), l.text("outcome."+one.New.String()))
	for _, line := range one.Text {
		c.printf("    – %s\n", line)
	}
	if one.New == policy.RequireApproval {
		c.printf("    – %s\n", strings.Join(one.NewDue, ", "))
	}
}
