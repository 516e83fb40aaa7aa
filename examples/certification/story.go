package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/teller"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// story plays the story on an exchange in memory.
type story struct {
	teller.Teller
	s     *world.Guidance
	first engagement // of client 1, in autumn 2026
	read  int        // reasons at the offering firm that have been told
}

// engagement is one client's way to the guide.
type engagement struct {
	client, approver world.Who
	need             match.Need
	demand, supply   disclosure.Handle
	deal             *csss.Deal
}

func tell(ctx context.Context, seed uint64, out io.Writer) error {
	t := &story{Teller: teller.Teller{Ctx: ctx, Out: out}, s: world.Story3()}
	return t.Tell(csss.Config{},
		func() error { return t.load(seed) }, t.price, t.clientOne, t.clientTwo, t.empties, t.clientTwoLater,
		t.running, t.expiry, t.afterExpiry, t.check)
}

func (t *story) load(seed uint64) error {
	t.Head("A market opens.")
	w := world.Build(world.Options{Seed: seed, Stories: true})
	start := time.Now()
	if _, err := t.X.Import(t.Ctx, csss.By{ID: "market", At: t.Now}, w.Import()); err != nil {
		return err
	}
	t.Say("  %d firms, each with its own rules, publish %d offers: %d ledger entries in %d ms.",
		len(w.Firms), len(w.Offers), t.X.Size(), time.Since(start).Milliseconds())
	t.Say("  A stamper's quality manager may guide others: 2 to 4 h a week in all, remote or within 80 km,")
	t.Say("  no competitor, until 30 June 2027. She tries to offer herself for longer:")
	_, err := t.X.Revise(t.Ctx, t.As(t.s.Ruiz), t.s.Extended)
	denied, ok := errors.AsType[*csss.DeniedError](err)
	if err := teller.Told(ok, "the grant does not reach so far, yet: %v", err); err != nil {
		return err
	}
	i := max(slices.IndexFunc(denied.Reasons, func(r policy.Reason) bool { return strings.HasPrefix(r.Rule, "grant:") }), 0)
	t.Say("    denied: %s", denied.Reasons[i].Text)
	return nil
}

func (t *story) price() error {
	t.Head("What an hour is worth.")
	e, err := t.X.Estimate(t.s.Need1.Category)
	if err != nil {
		return err
	}
	t.Say("  %d comparables: median %s/h, middle half %s to %s, MAD %s.", e.N, teller.Money(e.Median), teller.Money(e.Q1), teller.Money(e.Q3), teller.Money(e.MAD))
	return teller.Told(e.N == 10 && e.Median == 17000 && e.Q1 == 15625 && e.Q3 == 18875 && e.MAD == 1750, "the estimate is %+v", e)
}

func (t *story) clientOne() error {
	t.Now = t.s.Registered()
	t.Head("A moulding firm asks: 3 h a week for eight weeks, on site.")
	t.first = engagement{client: t.s.Client1, approver: t.s.Approver1, need: t.s.Need1}
	if err := t.meet(&t.first); err != nil {
		return err
	}
	if err := teller.Told(t.first.deal.Fee == 408000 && t.first.deal.Hours == 24*match.Hour, "client 1's deal"); err != nil {
		return err
	}
	return t.accept(&t.first)
}

// meet leads one client from the need to the reveal.
func (t *story) meet(e *engagement) error {
	m, err := t.ask(e.client, e.need)
	if err != nil {
		return err
	}
	if err := teller.Told(len(m.Candidates) == 1, "want one candidate, have %d", len(m.Candidates)); err != nil {
		return err
	}
	c := m.Candidates[0]
	e.demand = c.Handle
	t.Say("  One candidate, confidence %s: %s | %s | %s", c.Tier, strings.Join(c.Summary, ", "), c.Place, c.Covers)
	if _, err := t.X.Select(t.Ctx, t.As(e.client), e.demand); err != nil {
		return err
	}
	if e.supply, err = t.invited(); err != nil {
		return err
	}
	if _, err := t.X.OptIn(t.Ctx, t.As(e.client), e.demand); err != nil {
		return err
	}
	if _, err := t.X.Approve(t.Ctx, t.As(e.approver), e.demand, "spend"); err != nil {
		return err
	}
	if _, err := t.X.View(t.Ctx, t.As(e.client), e.demand, disclosure.StageIdentity); err == nil {
		return teller.Told(false, "an identity was readable before the reveal")
	}
	t.Say("  The client opts in and its employer approves; the guide's employer has approved by its rules.")
	t.Now = t.Now.Add(2 * time.Hour)
	if _, err := t.X.OptIn(t.Ctx, t.As(t.s.Ruiz), e.supply); err != nil {
		return err
	}
	v, err := t.X.View(t.Ctx, t.As(e.client), e.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	w, err := t.X.View(t.Ctx, t.As(t.s.Ruiz), e.supply, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	e.deal = v.Deal
	a, b := v.Identity.Open(), w.Identity.Open()
	t.Say("  She opts in herself, the fourth consent: %s, %s  –  %s, %s.", a.LegalName, a.Contact, b.LegalName, b.Contact)
	t.Say("  %s, %s h at %s/h: %s.", strings.ReplaceAll(e.deal.Terms.Params["mode"], "_", " "), teller.Hours(e.deal.Hours),
		teller.Money(e.deal.Rate), teller.Money(e.deal.Fee))
	return nil
}

// ask registers a need and matches it.
func (t *story) ask(w world.Who, n match.Need) (csss.Matches, error) {
	if _, err := t.X.Register(t.Ctx, t.As(w), n); err != nil {
		return csss.Matches{}, err
	}
	return t.X.Match(t.Ctx, t.As(w), n.ID)
}

// invited is the handle under which the guide reads the latest client.
func (t *story) invited() (disclosure.Handle, error) {
	tasks, err := t.X.Inbox(t.Ctx, t.As(t.s.Ruiz))
	if err != nil {
		return "", err
	}
	for _, task := range tasks {
		if task.Kind == csss.Invitation {
			t.Say("  The guide is invited: %s (%s).", strings.Join(task.Brief.Counterparty, ", "), task.Brief.Place)
			return task.Handle, nil
		}
	}
	return "", teller.Told(false, "no invitation")
}

// accept accepts the terms on both sides.
func (t *story) accept(e *engagement) error {
	if _, err := t.X.AcceptTerms(t.Ctx, t.As(e.client), e.demand, e.deal.TermsDigest); err != nil {
		return err
	}
	if _, err := t.X.AcceptTerms(t.Ctx, t.As(t.s.Ruiz), e.supply, e.deal.TermsDigest); err != nil {
		return err
	}
	left, err := t.X.Remaining(t.As(t.s.Ruiz), t.s.Offer)
	if err != nil {
		return err
	}
	t.Say("  Both accept the same terms; the hold is firm, and %s h of the offer remain.", teller.Hours(left))
	return t.phases(e, disclosure.Engaged)
}

// start begins the work on its first Monday morning.
func (t *story) start(e *engagement) error {
	t.Now = e.need.From.Add(9 * time.Hour)
	if _, err := t.X.Start(t.Ctx, t.As(t.s.Ruiz), e.supply); err != nil {
		return err
	}
	t.Head("The work begins.")
	return t.phases(e, disclosure.Started)
}

// phases checks what both sides read.
func (t *story) phases(e *engagement, want disclosure.Phase) error {
	a, err := t.X.Status(t.Ctx, t.As(e.client), e.demand)
	if err != nil {
		return err
	}
	b, err := t.X.Status(t.Ctx, t.As(t.s.Ruiz), e.supply)
	if err != nil {
		return err
	}
	return teller.Told(a.Phase == want && b.Phase == want, "want both sides %s, they are %s and %s", want, a.Phase, b.Phase)
}

// reason is the newest thing the guide's firm was told about its offer.
func (t *story) reason() (string, error) {
	misses, err := t.X.NearMisses(t.Ctx, t.As(t.s.Ruiz), t.s.Offer)
	if err != nil {
		return "", err
	}
	if err := teller.Told(len(misses) == t.read+1, "want %d reasons, have %d", t.read+1, len(misses)); err != nil {
		return "", err
	}
	t.read++
	return misses[t.read-1].Reason, nil
}

func (t *story) clientTwo() error {
	t.Now = t.Now.Add(time.Hour)
	t.Head("A second client wants 2 h a week; 4 − 3 = 1 h is left.")
	m, err := t.ask(t.s.Client2, t.s.Need2)
	if err != nil {
		return err
	}
	why, err := t.reason()
	if err != nil {
		return err
	}
	t.Say("  It is shown %d candidates, and no reason. The guide's own firm reads:", len(m.Candidates))
	t.Say("    %s", why)
	return teller.Told(len(m.Candidates) == 0 && strings.HasSuffix(why, "asks 2h in 2026-W40, at most 1h"), "client 2: %s", why)
}

// empties shows that a denial, an exclusion and a plain lack look alike.
func (t *story) empties() error {
	t.Head("Three more ask: one for 6 h a week, a competitor, and one for what nobody offers.")
	nothing := t.s.NeedCompetitor
	nothing.ID, nothing.Category = nothing.ID+"-b", "expertise.quality.as13100"
	var first string
	for i, c := range []struct {
		name   string
		who    world.Who
		need   match.Need
		reason string
	}{
		{"what nobody offers", t.s.Competitor, nothing, ""},
		{"6 h a week", t.s.Greedy, t.s.NeedGreedy, "grant:quality-manager-guidance: guidance-week: asks 6h in 2026-W40, at most 1h"},
		{"a competitor", t.s.Competitor, t.s.NeedCompetitor, ""}, // the rule read the competitor: its reason is in no list
	} {
		m, err := t.ask(c.who, c.need)
		if err != nil {
			return err
		}
		m.Receipt = csss.Receipt{} // its own command and time
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		if i == 0 {
			first = string(text)
			t.Say("  All three read the same bytes: %d candidates.", len(m.Candidates))
		}
		if err := teller.Told(string(text) == first, "%s reads %s", c.name, text); err != nil {
			return err
		}
		if c.reason == "" {
			continue
		}
		why, err := t.reason()
		if err != nil {
			return err
		}
		t.Say("  %s, at the guide's firm alone: %s", c.name, why)
		if err := teller.Told(why == c.reason, "%s: %s", c.name, why); err != nil {
			return err
		}
	}
	return nil
}

func (t *story) clientTwoLater() error {
	if err := t.start(&t.first); err != nil {
		return err
	}
	t.Now = world.Local(2026, time.November, 20, 16, 0)
	t.Head("Client 1 is done; client 2 asks again, for the weeks from 23 November.")
	for _, side := range []struct {
		who world.Who
		h   disclosure.Handle
	}{{t.s.Ruiz, t.first.supply}, {t.s.Client1, t.first.demand}} {
		if _, err := t.X.Complete(t.Ctx, t.As(side.who), side.h, 24*match.Hour); err != nil {
			return err
		}
	}
	if err := t.phases(&t.first, disclosure.Completed); err != nil {
		return err
	}
	t.Say("  Both sides mark 24 h: completed, %s.", teller.Money(t.first.deal.Fee))
	e := engagement{client: t.s.Client2, approver: t.s.Approver2, need: t.s.Need2Later}
	if err := t.meet(&e); err != nil {
		return err
	}
	if err := teller.Told(e.deal.Terms.Params["mode"] == "remote" && e.deal.Hours == 16*match.Hour, "client 2's deal"); err != nil {
		return err
	}
	if err := t.accept(&e); err != nil {
		return err
	}
	if err := t.start(&e); err != nil {
		return err
	}
	t.Now = world.Local(2027, time.January, 15, 16, 0)
	for _, side := range []struct {
		who world.Who
		h   disclosure.Handle
	}{{t.s.Client2, e.demand}, {t.s.Ruiz, e.supply}} {
		if _, err := t.X.Complete(t.Ctx, t.As(side.who), side.h, 16*match.Hour); err != nil {
			return err
		}
	}
	return t.phases(&e, disclosure.Completed)
}

func (t *story) running() error {
	t.Now = world.Local(2027, time.May, 31, 9, 0)
	t.Head("The grant is reissued to the end of 2027; client 1 comes back for eight weeks from 7 June.")
	if err := t.rules(t.s.Renewed); err != nil {
		return err
	}
	if _, err := t.X.Revise(t.Ctx, t.As(t.s.Ruiz), t.s.Extended); err != nil {
		return err
	}
	t.first = engagement{client: t.s.Client1, approver: t.s.Approver1, need: t.s.NeedRunning}
	if err := t.meet(&t.first); err != nil {
		return err
	}
	if err := t.accept(&t.first); err != nil {
		return err
	}
	if err := t.start(&t.first); err != nil {
		return err
	}
	t.Now = world.Local(2027, time.June, 15, 9, 0)
	t.Head("The owner takes the extension back: the grant ends on 30 June after all.")
	if err := t.rules(t.s.CutShort); err != nil {
		return err
	}
	next, err := t.X.Tick(t.Ctx, t.Now)
	if err != nil {
		return err
	}
	t.Say("  The engagement goes on. The exchange is next due at %s.", next.In(t.Now.Location()).Format("2006-01-02 15:04"))
	if err := teller.Told(next.Equal(expiry), "next due %v", next); err != nil {
		return err
	}
	return t.phases(&t.first, disclosure.Started)
}

// expiry is the end of the grant's last local day.
var expiry = world.Local(2027, time.July, 1, 0, 0)

func (t *story) rules(p csss.PolicyText) error {
	_, err := t.X.SetPolicy(t.Ctx, t.As(t.s.Owner), p.Firm, p.Name, p.Text)
	return err
}

func (t *story) expiry() error {
	t.Now = expiry
	t.Head("The grant ends, and with it what runs under it.")
	if _, err := t.X.Tick(t.Ctx, t.Now); err != nil {
		return err
	}
	if err := t.phases(&t.first, disclosure.Closed); err != nil {
		return err
	}
	own, err := t.X.Status(t.Ctx, t.As(t.s.Ruiz), t.first.supply)
	if err != nil {
		return err
	}
	client, err := t.X.Status(t.Ctx, t.As(t.s.Client1), t.first.demand)
	if err != nil {
		return err
	}
	tr, err := t.X.Trail(t.Ctx, t.As(t.s.Ruiz), t.first.supply)
	if err != nil {
		return err
	}
	v, err := t.X.View(t.Ctx, t.As(t.s.Client1), t.first.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	t.Say("  The client reads %q, the guide's firm also why: %s.", client.Phase, own.Own.Reason)
	t.Say("  %d weeks stay held, %s h, %s; the other %s h are free again.", len(v.Deal.Slots), teller.Hours(v.Deal.Hours), teller.Money(v.Deal.Fee),
		teller.Hours(t.first.deal.Hours-v.Deal.Hours))
	for _, s := range tr.Steps[len(tr.Steps)-2:] {
		t.Say("    %s  %s", s.At.In(t.Now.Location()).Format("2006-01-02 15:04"), s.Name)
	}
	terminated := slices.ContainsFunc(tr.Steps, func(s csss.TrailStep) bool { return s.Name == "engagement.terminated" })
	return teller.Told(client.Own.Reason == "" && own.Own.Reason != "" && len(v.Deal.Slots) == 4 && v.Deal.Fee == 204000 && terminated &&
		tr.Verify(t.X.VerifierKey()) == nil, "the end of the grant")
}

func (t *story) afterExpiry() error {
	t.Now = expiry.Add(33 * time.Hour) // an offer is not shown to whom it was closed with on the day before
	t.Head("Client 1 asks once more.")
	m, err := t.ask(t.s.Client1, t.s.NeedAfterExpiry)
	if err != nil {
		return err
	}
	why, err := t.reason()
	if err != nil {
		return err
	}
	t.Say("  It is shown %d candidates. At the guide's firm: %s", len(m.Candidates), why)
	return teller.Told(len(m.Candidates) == 0 && strings.Contains(why, "valid until 2027-07-01"), "after expiry: %s", why)
}

func (t *story) check() error {
	t.Head("Everything is in the ledger, and nothing else is true.")
	return t.Ledger()
}
