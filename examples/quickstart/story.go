package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
)

// errNotAsTold means that a step did not come out as the story says.
var errNotAsTold = errors.New("not as told")

// teller plays the story on an exchange in a directory of its own.
type teller struct {
	ctx    context.Context
	out    io.Writer
	x      *csss.Exchange
	s      *world.SecondShift
	now    time.Time
	demand disclosure.Handle
	supply disclosure.Handle
	digest disclosure.Digest // of the terms
}

func tell(ctx context.Context, seed uint64, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "csss-quickstart-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t := &teller{ctx: ctx, out: out, s: world.Story2(), now: world.Opening()}
	if t.x, err = csss.Open(ctx, csss.Config{Dir: filepath.Join(dir, "ledger")}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.x.Close()) }()
	for _, step := range []func() error{
		func() error { return t.load(seed) }, t.register, t.match, t.choose, t.demandSide, t.supplySide,
		t.reveal, t.engage, t.secondBuyer, func() error { return t.receipt(dir) }, t.check,
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
	t.say("  %d firms, each with its own rules, publish %d offers: %d ledger entries in %.0f ms.",
		len(w.Firms), len(w.Offers), t.x.Size(), float64(time.Since(start).Milliseconds()))
	for _, r := range t.s.Refused[:1] {
		_, err := t.x.Revise(t.ctx, t.as(r.By), r.Offer)
		denied, ok := errors.AsType[*csss.DeniedError](err)
		if err := told(ok, "%s is outside the grant, yet: %v", r.Name, err); err != nil {
			return err
		}
		t.say("  The shop's director tries to offer %s: %s", r.Name, denied)
	}
	return nil
}

func (t *teller) register() error {
	t.now = t.s.Registered()
	t.head("A need is registered.")
	if _, err := t.x.Register(t.ctx, t.as(t.s.Requester), t.s.Need); err != nil {
		return err
	}
	n := t.s.Need
	t.say("  %q: %s h in blocks of at least %s h, %s, within %.0f km.",
		n.Text, hours(n.Quantity.Value), hours(n.MinBlock), strings.Join(n.Credentials, ", "), n.RadiusKM)
	return nil
}

func (t *teller) match() error {
	t.head("The market is searched: every gate and both employers' rules, before ranking.")
	start := time.Now()
	m, err := t.x.Match(t.ctx, t.as(t.s.Requester), t.s.Need.ID)
	if err != nil {
		return err
	}
	if err := told(len(m.Candidates) == 1 && m.Candidates[0].Tier == match.High, "want one candidate of tier high, have %d", len(m.Candidates)); err != nil {
		return err
	}
	c := m.Candidates[0]
	t.demand = c.Handle
	t.say("  One candidate in %.1f ms, confidence %s. The integrator sees:", float64(time.Since(start).Microseconds())/1000, c.Tier)
	t.say("    %s  |  %s  |  %s  |  %s", c.Handle, strings.Join(c.Summary, ", "), c.Place, c.Covers)
	for _, why := range c.Rationale {
		t.say("    – %s", why)
	}
	return t.decoys()
}

// decoys shows that each near miss is told to its own firm alone, and only
// where the other operand is public.
func (t *teller) decoys() error {
	for _, d := range t.s.Decoys {
		misses, err := t.x.NearMisses(t.ctx, t.as(d.Owner), d.Offer)
		if err != nil {
			return err
		}
		private := d.Gate == "distance" || d.Gate == "price"
		if err := told(len(misses) == 1 && misses[0].Gate == d.Gate || private && len(misses) == 0, "%s misses by %v", d.Name, misses); err != nil {
			return err
		}
		if private {
			t.say("  %s misses by a private gate; its firm is told nothing.", d.Name)
		} else {
			t.say("  %s misses by %s; only its own firm reads that.", d.Name, d.Gate)
		}
	}
	return nil
}

func (t *teller) choose() error {
	t.head("The engineer selects; a disclosure session opens.")
	if _, err := t.x.Select(t.ctx, t.as(t.s.Requester), t.demand); err != nil {
		return err
	}
	tasks, err := t.x.Inbox(t.ctx, t.as(t.s.Vance))
	if err != nil {
		return err
	}
	for _, task := range tasks {
		if task.Kind == csss.Invitation {
			t.supply = task.Handle
			t.say("  The shop is invited by %s: %s (%s), estimated %s.", task.Handle,
				strings.Join(task.Brief.Counterparty, ", "), task.Brief.Place, money(task.Brief.Amount, task.Brief.Currency))
		}
	}
	return told(t.supply != "", "no invitation")
}

func (t *teller) demandSide() error {
	t.head("The integrator's two consents, sealed.")
	if _, err := t.x.OptIn(t.ctx, t.as(t.s.Requester), t.demand); err != nil {
		return err
	}
	t.say("  The engineer opts in.")
	if _, err := t.x.Approve(t.ctx, t.as(t.s.Director), t.demand, ""); err != nil {
		return err
	}
	t.say("  The operations director approves on the anonymised brief.")
	return t.stillSecret()
}

func (t *teller) supplySide() error {
	t.now = t.now.Add(3 * time.Hour)
	t.head("The shop's two consents.")
	if _, err := t.x.OptIn(t.ctx, t.as(t.s.Vance), t.supply); err != nil {
		return err
	}
	t.say("  The operations director opts in. Three of four: still nobody knows anybody.")
	if err := t.stillSecret(); err != nil {
		return err
	}
	if _, err := t.x.Approve(t.ctx, t.as(t.s.Owner), t.supply, ""); err != nil {
		return err
	}
	t.say("  The owner approves: the fourth consent. One entry reveals both, and holds the hours.")
	return nil
}

// stillSecret asks for the identities from both sides and must get none.
func (t *teller) stillSecret() error {
	_, err1 := t.x.View(t.ctx, t.as(t.s.Requester), t.demand, disclosure.StageIdentity)
	_, err2 := t.x.View(t.ctx, t.as(t.s.Vance), t.supply, disclosure.StageIdentity)
	return told(err1 != nil && err2 != nil, "an identity was readable before the reveal")
}

func (t *teller) reveal() error {
	t.head("Both learn who the other is, at the same instant.")
	v, err := t.x.View(t.ctx, t.as(t.s.Requester), t.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	w, err := t.x.View(t.ctx, t.as(t.s.Vance), t.supply, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	t.digest = v.Deal.TermsDigest
	a, b := v.Identity.Open(), w.Identity.Open()
	t.say("  Printed by accident, an identity reads: %v", v.Identity)
	t.say("  Opened on purpose: %s, %s, %s  –  %s, %s, %s", a.LegalName, a.Contact, a.City, b.LegalName, b.Contact, b.City)
	t.say("  Agreed price %s/h: nearest to the comparables' median inside two bounds that nobody saw.", money(v.Deal.Rate, v.Deal.Currency))
	t.say("  %s h, %s; contribution %s, seen by the shop alone.", hours(v.Deal.Hours), money(v.Deal.Fee, v.Deal.Currency),
		money(*w.Deal.Contribution, v.Deal.Currency))
	return told(a.LegalName == "Steelcrest Precision" && b.LegalName == "Gridline Robotics" && v.Deal.Rate == 12000 &&
		v.Deal.Fee == 600000 && *w.Deal.Contribution == 375000 && v.Deal.Contribution == nil, "the reveal")
}

func (t *teller) engage() error {
	t.head("Standard terms instead of a contract.")
	if _, err := t.x.AcceptTerms(t.ctx, t.as(t.s.Requester), t.demand, t.digest); err != nil {
		return err
	}
	if _, err := t.x.AcceptTerms(t.ctx, t.as(t.s.Vance), t.supply, t.digest); err != nil {
		return err
	}
	st, err := t.x.Status(t.ctx, t.as(t.s.Requester), t.demand)
	if err != nil {
		return err
	}
	left, err := t.x.Remaining(t.as(t.s.Vance), t.s.Offer)
	if err != nil {
		return err
	}
	t.say("  Both accept digest %.16s…: %s. The hold is firm; %s h of the shift remain.", t.digest.String(), st.Phase, hours(left))
	return told(st.Phase == disclosure.Engaged && left == 318*match.Hour, "the engagement")
}

func (t *teller) secondBuyer() error {
	t.head("A second buyer asks for 340 h, any part of it.")
	if _, err := t.x.Register(t.ctx, t.as(t.s.Buyer), t.s.Partial); err != nil {
		return err
	}
	m, err := t.x.Match(t.ctx, t.as(t.s.Buyer), t.s.Partial.ID)
	if err != nil {
		return err
	}
	if err := told(len(m.Candidates) == 1, "want one candidate, have %d", len(m.Candidates)); err != nil {
		return err
	}
	t.say("  It is shown %q. No hour is promised twice.", m.Candidates[0].Covers)
	return nil
}

func (t *teller) receipt(dir string) error {
	t.head("A receipt that needs nobody's word.")
	file := filepath.Join(dir, "reveal.tlog-proof")
	text, err := t.x.ExportReceipt(t.ctx, t.as(t.s.Requester), t.demand)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	if text, err = os.ReadFile(file); err != nil {
		return err
	}
	info, err := ledger.VerifyReceipt(text, t.x.VerifierKey())
	if err != nil {
		return err
	}
	t.say("  %d bytes: the reveal is entry %d of %d, under a signed checkpoint.", len(text), info.Index, info.Size)
	text[len(text)/2] ^= 1
	_, err = ledger.VerifyReceipt(text, t.x.VerifierKey())
	t.say("  One bit changed: %v", err)
	return told(err != nil, "a changed receipt verifies")
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
	tr, err := t.x.Trail(t.ctx, t.as(t.s.Requester), t.demand)
	if err != nil {
		return err
	}
	for _, s := range tr.Steps {
		t.say("    %s  %s", s.At.In(t.now.Location()).Format("15:04"), s.Name)
	}
	t.say("  %d entries verify; replayed from the first, they give the same state.", t.x.Size())
	return told(len(found.Faults) == 0 && live == again && tr.Verify(t.x.VerifierKey()) == nil, "the ledger")
}

func hours(a match.Amount) string { return fmt.Sprintf("%g", float64(a)/float64(match.Hour)) }

func money(cents int64, currency string) string {
	return fmt.Sprintf("%s %d.%02d", currency, cents/100, cents%100)
}
