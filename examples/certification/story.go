package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// errNotAsTold means that a step did not come out as the story says.
var errNotAsTold = errors.New("not as told")

// teller plays the story on an exchange in memory.
type teller struct {
	ctx   context.Context
	out   io.Writer
	x     *csss.Exchange
	s     *world.Guidance
	now   time.Time
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

func tell(ctx context.Context, seed uint64, out io.Writer) (err error) {
	t := &teller{ctx: ctx, out: out, s: world.Story3(), now: world.Opening()}
	if t.x, err = csss.Open(ctx, csss.Config{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.x.Close()) }()
	for _, step := range []func() error{
		func() error { return t.load(seed) }, t.price, t.clientOne, t.clientTwo, t.empties, t.clientTwoLater,
		t.running, t.expiry, t.afterExpiry, t.check,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// say prints one line of the story.
func (t *teller) say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// head begins a chapter.
func (t *teller) head(title string) { t.say("\n%s  %s", t.now.Format("2006-01-02 15:04"), title) }

// told fails unless a fact is as the story says.
func told(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: %s", errNotAsTold, fmt.Sprintf(format, args...))
}

func (t *teller) as(w world.Who) csss.By { return w.At(t.now) }

func (t *teller) load(seed uint64) error {
	t.head("A market opens.")
	w := world.Build(world.Options{Seed: seed, Stories: true})
	start := time.Now()
	if _, err := t.x.Import(t.ctx, csss.By{ID: "market", At: t.now}, w.Import()); err != nil {
		return err
	}
	t.say("  %d firms, each with its own rules, publish %d offers: %d ledger entries in %d ms.",
		len(w.Firms), len(w.Offers), t.x.Size(), time.Since(start).Milliseconds())
	t.say("  A stamper's quality manager may guide others: 2 to 4 h a week in all, remote or within 80 km,")
	t.say("  no competitor, until 30 June 2027. She tries to offer herself for longer:")
	_, err := t.x.Revise(t.ctx, t.as(t.s.Ruiz), t.s.Extended)
	denied, ok := errors.AsType[*csss.DeniedError](err)
	if err := told(ok, "the grant does not reach so far, yet: %v", err); err != nil {
		return err
	}
	i := max(slices.IndexFunc(denied.Reasons, func(r policy.Reason) bool { return strings.HasPrefix(r.Rule, "grant:") }), 0)
	t.say("    denied: %s", denied.Reasons[i].Text)
	return nil
}

func (t *teller) price() error {
	t.head("What an hour is worth.")
	e, err := t.x.Estimate(t.s.Need1.Category)
	if err != nil {
		return err
	}
	t.say("  %d comparables: median %s/h, middle half %s to %s, MAD %s.", e.N, money(e.Median), money(e.Q1), money(e.Q3), money(e.MAD))
	return told(e.N == 10 && e.Median == 17000 && e.Q1 == 15625 && e.Q3 == 18875 && e.MAD == 1750, "the estimate is %+v", e)
}

func (t *teller) clientOne() error {
	t.now = t.s.Registered()
	t.head("A moulding firm asks: 3 h a week for eight weeks, on site.")
	t.first = engagement{client: t.s.Client1, approver: t.s.Approver1, need: t.s.Need1}
	if err := t.meet(&t.first); err != nil {
		return err
	}
	if err := told(t.first.deal.Fee == 408000 && t.first.deal.Hours == 24*match.Hour, "client 1's deal"); err != nil {
		return err
	}
	return t.accept(&t.first)
}

// meet leads one client from the need to the reveal.
func (t *teller) meet(e *engagement) error {
	m, err := t.ask(e.client, e.need)
	if err != nil {
		return err
	}
	if err := told(len(m.Candidates) == 1, "want one candidate, have %d", len(m.Candidates)); err != nil {
		return err
	}
	c := m.Candidates[0]
	e.demand = c.Handle
	t.say("  One candidate, confidence %s: %s | %s | %s", c.Tier, strings.Join(c.Summary, ", "), c.Place, c.Covers)
	if _, err := t.x.Select(t.ctx, t.as(e.client), e.demand); err != nil {
		return err
	}
	if e.supply, err = t.invited(); err != nil {
		return err
	}
	if _, err := t.x.OptIn(t.ctx, t.as(e.client), e.demand); err != nil {
		return err
	}
	if _, err := t.x.Approve(t.ctx, t.as(e.approver), e.demand, "spend"); err != nil {
		return err
	}
	if _, err := t.x.View(t.ctx, t.as(e.client), e.demand, disclosure.StageIdentity); err == nil {
		return told(false, "an identity was readable before the reveal")
	}
	t.say("  The client opts in and its employer approves; the guide's employer has approved by its rules.")
	t.now = t.now.Add(2 * time.Hour)
	if _, err := t.x.OptIn(t.ctx, t.as(t.s.Ruiz), e.supply); err != nil {
		return err
	}
	v, err := t.x.View(t.ctx, t.as(e.client), e.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	w, err := t.x.View(t.ctx, t.as(t.s.Ruiz), e.supply, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	e.deal = v.Deal
	a, b := v.Identity.Open(), w.Identity.Open()
	t.say("  She opts in herself, the fourth consent: %s, %s  –  %s, %s.", a.LegalName, a.Contact, b.LegalName, b.Contact)
	t.say("  %s, %s h at %s/h: %s.", strings.ReplaceAll(e.deal.Terms.Params["mode"], "_", " "), hours(e.deal.Hours),
		money(e.deal.Rate), money(e.deal.Fee))
	return nil
}

// ask registers a need and matches it.
func (t *teller) ask(w world.Who, n match.Need) (csss.Matches, error) {
	if _, err := t.x.Register(t.ctx, t.as(w), n); err != nil {
		return csss.Matches{}, err
	}
	return t.x.Match(t.ctx, t.as(w), n.ID)
}

// invited is the handle under which the guide reads the latest client.
func (t *teller) invited() (disclosure.Handle, error) {
	tasks, err := t.x.Inbox(t.ctx, t.as(t.s.Ruiz))
	if err != nil {
		return "", err
	}
	for _, task := range tasks {
		if task.Kind == csss.Invitation {
			t.say("  The guide is invited: %s (%s).", strings.Join(task.Brief.Counterparty, ", "), task.Brief.Place)
			return task.Handle, nil
		}
	}
	return "", told(false, "no invitation")
}

// accept accepts the terms on both sides.
func (t *teller) accept(e *engagement) error {
	if _, err := t.x.AcceptTerms(t.ctx, t.as(e.client), e.demand, e.deal.TermsDigest); err != nil {
		return err
	}
	if _, err := t.x.AcceptTerms(t.ctx, t.as(t.s.Ruiz), e.supply, e.deal.TermsDigest); err != nil {
		return err
	}
	left, err := t.x.Remaining(t.as(t.s.Ruiz), t.s.Offer)
	if err != nil {
		return err
	}
	t.say("  Both accept the same terms; the hold is firm, and %s h of the offer remain.", hours(left))
	return t.phases(e, disclosure.Engaged)
}

// start begins the work on its first Monday morning.
func (t *teller) start(e *engagement) error {
	t.now = e.need.From.Add(9 * time.Hour)
	if _, err := t.x.Start(t.ctx, t.as(t.s.Ruiz), e.supply); err != nil {
		return err
	}
	t.head("The work begins.")
	return t.phases(e, disclosure.Started)
}

// phases checks what both sides read.
func (t *teller) phases(e *engagement, want disclosure.Phase) error {
	a, err := t.x.Status(t.ctx, t.as(e.client), e.demand)
	if err != nil {
		return err
	}
	b, err := t.x.Status(t.ctx, t.as(t.s.Ruiz), e.supply)
	if err != nil {
		return err
	}
	return told(a.Phase == want && b.Phase == want, "want both sides %s, they are %s and %s", want, a.Phase, b.Phase)
}

// reason is the newest thing the guide's firm was told about its offer.
func (t *teller) reason() (string, error) {
	misses, err := t.x.NearMisses(t.ctx, t.as(t.s.Ruiz), t.s.Offer)
	if err != nil {
		return "", err
	}
	if err := told(len(misses) == t.read+1, "want %d reasons, have %d", t.read+1, len(misses)); err != nil {
		return "", err
	}
	t.read++
	return misses[t.read-1].Reason, nil
}

func (t *teller) clientTwo() error {
	t.now = t.now.Add(time.Hour)
	t.head("A second client wants 2 h a week; 4 − 3 = 1 h is left.")
	m, err := t.ask(t.s.Client2, t.s.Need2)
	if err != nil {
		return err
	}
	why, err := t.reason()
	if err != nil {
		return err
	}
	t.say("  It is shown %d candidates, and no reason. The guide's own firm reads:", len(m.Candidates))
	t.say("    %s", why)
	return told(len(m.Candidates) == 0 && strings.HasSuffix(why, "asks 2h in 2026-W40, at most 1h"), "client 2: %s", why)
}

// empties shows that a denial, an exclusion and a plain lack look alike.
func (t *teller) empties() error {
	t.head("Three more ask: one for 6 h a week, a competitor, and one for what nobody offers.")
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
			t.say("  All three read the same bytes: %d candidates.", len(m.Candidates))
		}
		if err := told(string(text) == first, "%s reads %s", c.name, text); err != nil {
			return err
		}
		if c.reason == "" {
			continue
		}
		why, err := t.reason()
		if err != nil {
			return err
		}
		t.say("  %s, at the guide's firm alone: %s", c.name, why)
		if err := told(why == c.reason, "%s: %s", c.name, why); err != nil {
			return err
		}
	}
	return nil
}

func (t *teller) clientTwoLater() error {
	if err := t.start(&t.first); err != nil {
		return err
	}
	t.now = world.Local(2026, time.November, 20, 16, 0)
	t.head("Client 1 is done; client 2 asks again, for the weeks from 23 November.")
	for _, side := range []struct {
		who world.Who
		h   disclosure.Handle
	}{{t.s.Ruiz, t.first.supply}, {t.s.Client1, t.first.demand}} {
		if _, err := t.x.Complete(t.ctx, t.as(side.who), side.h, 24*match.Hour); err != nil {
			return err
		}
	}
	if err := t.phases(&t.first, disclosure.Completed); err != nil {
		return err
	}
	t.say("  Both sides mark 24 h: completed, %s.", money(t.first.deal.Fee))
	e := engagement{client: t.s.Client2, approver: t.s.Approver2, need: t.s.Need2Later}
	if err := t.meet(&e); err != nil {
		return err
	}
	if err := told(e.deal.Terms.Params["mode"] == "remote" && e.deal.Hours == 16*match.Hour, "client 2's deal"); err != nil {
		return err
	}
	if err := t.accept(&e); err != nil {
		return err
	}
	if err := t.start(&e); err != nil {
		return err
	}
	t.now = world.Local(2027, time.January, 15, 16, 0)
	for _, side := range []struct {
		who world.Who
		h   disclosure.Handle
	}{{t.s.Client2, e.demand}, {t.s.Ruiz, e.supply}} {
		if _, err := t.x.Complete(t.ctx, t.as(side.who), side.h, 16*match.Hour); err != nil {
			return err
		}
	}
	return t.phases(&e, disclosure.Completed)
}

func (t *teller) running() error {
	t.now = world.Local(2027, time.May, 31, 9, 0)
	t.head("The grant is reissued to the end of 2027; client 1 comes back for eight weeks from 7 June.")
	if err := t.rules(t.s.Renewed); err != nil {
		return err
	}
	if _, err := t.x.Revise(t.ctx, t.as(t.s.Ruiz), t.s.Extended); err != nil {
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
	t.now = world.Local(2027, time.June, 15, 9, 0)
	t.head("The owner takes the extension back: the grant ends on 30 June after all.")
	if err := t.rules(t.s.CutShort); err != nil {
		return err
	}
	next, err := t.x.Tick(t.ctx, t.now)
	if err != nil {
		return err
	}
	t.say("  The engagement goes on. The exchange is next due at %s.", next.In(t.now.Location()).Format("2006-01-02 15:04"))
	if err := told(next.Equal(expiry), "next due %v", next); err != nil {
		return err
	}
	return t.phases(&t.first, disclosure.Started)
}

// expiry is the end of the grant's last local day.
var expiry = world.Local(2027, time.July, 1, 0, 0)

func (t *teller) rules(p csss.PolicyText) error {
	_, err := t.x.SetPolicy(t.ctx, t.as(t.s.Owner), p.Firm, p.Name, p.Text)
	return err
}

func (t *teller) expiry() error {
	t.now = expiry
	t.head("The grant ends, and with it what runs under it.")
	if _, err := t.x.Tick(t.ctx, t.now); err != nil {
		return err
	}
	if err := t.phases(&t.first, disclosure.Closed); err != nil {
		return err
	}
	own, err := t.x.Status(t.ctx, t.as(t.s.Ruiz), t.first.supply)
	if err != nil {
		return err
	}
	client, err := t.x.Status(t.ctx, t.as(t.s.Client1), t.first.demand)
	if err != nil {
		return err
	}
	tr, err := t.x.Trail(t.ctx, t.as(t.s.Ruiz), t.first.supply)
	if err != nil {
		return err
	}
	v, err := t.x.View(t.ctx, t.as(t.s.Client1), t.first.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	t.say("  The client reads %q, the guide's firm also why: %s.", client.Phase, own.Own.Reason)
	t.say("  %d weeks stay held, %s h, %s; the other %s h are free again.", len(v.Deal.Slots), hours(v.Deal.Hours), money(v.Deal.Fee),
		hours(t.first.deal.Hours-v.Deal.Hours))
	for _, s := range tr.Steps[len(tr.Steps)-2:] {
		t.say("    %s  %s", s.At.In(t.now.Location()).Format("2006-01-02 15:04"), s.Name)
	}
	terminated := slices.ContainsFunc(tr.Steps, func(s csss.TrailStep) bool { return s.Name == "engagement.terminated" })
	return told(client.Own.Reason == "" && own.Own.Reason != "" && len(v.Deal.Slots) == 4 && v.Deal.Fee == 204000 && terminated &&
		tr.Verify(t.x.VerifierKey()) == nil, "the end of the grant")
}

func (t *teller) afterExpiry() error {
	t.now = expiry.Add(9 * time.Hour)
	t.head("Client 1 asks once more.")
	m, err := t.ask(t.s.Client1, t.s.NeedAfterExpiry)
	if err != nil {
		return err
	}
	why, err := t.reason()
	if err != nil {
		return err
	}
	t.say("  It is shown %d candidates. At the guide's firm: %s", len(m.Candidates), why)
	return told(len(m.Candidates) == 0 && strings.Contains(why, "valid until 2027-07-01"), "after expiry: %s", why)
}

func (t *teller) check() error {
	t.head("Everything is in the ledger, and nothing else is true.")
	found, err := t.x.Verify(t.ctx)
	if err != nil {
		return err
	}
	live, err := t.x.Digest()
	if err != nil {
		return err
	}
	again, err := t.x.Replay(t.ctx)
	if err != nil {
		return err
	}
	t.say("  %d entries verify; replayed from the first, they give the same state.", t.x.Size())
	return told(len(found.Faults) == 0 && live == again, "the ledger")
}

func hours(a match.Amount) string { return fmt.Sprintf("%g", float64(a)/float64(match.Hour)) }

func money(cents int64) string {
	return fmt.Sprintf("%s %d.%02d", world.Currency, cents/100, cents%100)
}
