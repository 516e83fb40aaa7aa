package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/sdjwt"
	"github.com/deeperpoint/csss/internal/teller"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/tiles"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// story plays the story on an exchange in a directory of its own.
type story struct {
	teller.Teller
	s      *world.SecondShift
	demand disclosure.Handle
	supply disclosure.Handle
	second disclosure.Handle // the second buyer's
	digest disclosure.Digest // of the terms
	log    policy.MemoryLog  // of decisions
	index  *match.Graph      // what the exchange takes by default, kept here to look into
}

func tell(ctx context.Context, seed uint64, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "csss-quickstart-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t := &story{Teller: teller.Teller{Ctx: ctx, Out: out}, s: world.Story2(), index: match.NewGraph()}
	return t.Tell(csss.Config{Dir: filepath.Join(dir, "ledger"), Decisions: policy.NewRecorder(&t.log, nil), Index: t.index},
		func() error { return t.load(seed) }, t.register, t.match, t.choose, t.demandSide, t.supplySide,
		t.reveal, t.engage, t.secondBuyer, t.authority, t.decisions, func() error { return t.receipt(dir) }, func() error { return t.tiles(dir) }, t.check)
}

func (t *story) load(seed uint64) error {
	t.Head("A market opens.")
	w := world.Build(world.Options{Seed: seed, Stories: true})
	start := time.Now()
	if _, err := t.X.Import(t.Ctx, csss.By{ID: "market", At: t.Now}, w.Import()); err != nil {
		return err
	}
	t.Say("  %d firms, each with its own rules, publish %d offers: %d ledger entries in %.0f ms.",
		len(w.Firms), len(w.Offers), t.X.Size(), float64(time.Since(start).Milliseconds()))
	in := t.index.Stats()
	if err := teller.Told(in.Rows >= len(w.Offers), "want all offers in the index, have %d", in.Rows); err != nil {
		return err
	}
	t.Say("  The index, match/hnsw, holds %d rows of %d values; up to 10,000 it compares with all, beyond it walks a graph.", in.Rows, in.Dim)
	for _, r := range t.s.Refused[:1] {
		_, err := t.X.Revise(t.Ctx, t.As(r.By), r.Offer)
		denied, ok := errors.AsType[*csss.DeniedError](err)
		if err := teller.Told(ok, "%s is outside the grant, yet: %v", r.Name, err); err != nil {
			return err
		}
		t.Say("  The shop's director tries to offer %s: %s", r.Name, denied)
	}
	return nil
}

func (t *story) register() error {
	t.Now = t.s.Registered()
	t.Head("A need is registered.")
	if _, err := t.X.Register(t.Ctx, t.As(t.s.Requester), t.s.Need); err != nil {
		return err
	}
	n := t.s.Need
	t.Say("  %q: %s h in blocks of at least %s h, %s, within %.0f km.",
		n.Text, teller.Hours(n.Quantity.Value), teller.Hours(n.MinBlock), strings.Join(n.Credentials, ", "), n.RadiusKM)
	return nil
}

func (t *story) match() error {
	t.Head("The market is searched: every gate and both employers' rules, before ranking.")
	start := time.Now()
	m, err := t.X.Match(t.Ctx, t.As(t.s.Requester), t.s.Need.ID)
	if err != nil {
		return err
	}
	if err := teller.Told(len(m.Candidates) == 1 && m.Candidates[0].Tier == match.High, "want one candidate of tier high, have %d", len(m.Candidates)); err != nil {
		return err
	}
	c := m.Candidates[0]
	t.demand = c.Handle
	t.Say("  One candidate in %.1f ms, confidence %s. The integrator sees:", float64(time.Since(start).Microseconds())/1000, c.Tier)
	t.Say("    %s  |  %s  |  %s  |  %s", c.Handle, strings.Join(c.Summary, ", "), c.Place, c.Covers)
	for _, why := range c.Rationale {
		t.Say("    – %s", why)
	}
	return t.decoys()
}

// decoys shows that each near miss is told to its own firm alone, and only
// where the other operand is public.
func (t *story) decoys() error {
	for _, d := range t.s.Decoys {
		misses, err := t.X.NearMisses(t.Ctx, t.As(d.Owner), d.Offer)
		if err != nil {
			return err
		}
		private := d.Gate == "distance" || d.Gate == "price"
		if err := teller.Told(len(misses) == 1 && misses[0].Gate == d.Gate || private && len(misses) == 0, "%s misses by %v", d.Name, misses); err != nil {
			return err
		}
		if private {
			t.Say("  %s misses by a private gate; its firm is told nothing.", d.Name)
		} else {
			t.Say("  %s misses by %s; only its own firm reads that.", d.Name, d.Gate)
		}
	}
	return nil
}

func (t *story) choose() error {
	t.Head("The engineer selects; a disclosure session opens.")
	if _, err := t.X.Select(t.Ctx, t.As(t.s.Requester), t.demand); err != nil {
		return err
	}
	tasks, err := t.X.Inbox(t.Ctx, t.As(t.s.Vance))
	if err != nil {
		return err
	}
	for _, task := range tasks {
		if task.Kind == csss.Invitation {
			t.supply = task.Handle
			t.Say("  The shop is invited by %s: %s (%s), estimated %s.", task.Handle,
				strings.Join(task.Brief.Counterparty, ", "), task.Brief.Place, teller.Money(task.Brief.Amount))
		}
	}
	return teller.Told(t.supply != "", "no invitation")
}

func (t *story) demandSide() error {
	t.Head("The integrator's two consents, sealed.")
	if _, err := t.X.OptIn(t.Ctx, t.As(t.s.Requester), t.demand); err != nil {
		return err
	}
	t.Say("  The engineer opts in.")
	if _, err := t.X.Approve(t.Ctx, t.As(t.s.Director), t.demand, ""); err != nil {
		return err
	}
	t.Say("  The operations director approves on the anonymised brief.")
	return t.stillSecret()
}

func (t *story) supplySide() error {
	t.Now = t.Now.Add(3 * time.Hour)
	t.Head("The shop's two consents.")
	if _, err := t.X.OptIn(t.Ctx, t.As(t.s.Vance), t.supply); err != nil {
		return err
	}
	t.Say("  The operations director opts in. Three of four: still nobody knows anybody.")
	if err := t.stillSecret(); err != nil {
		return err
	}
	if _, err := t.X.Approve(t.Ctx, t.As(t.s.Owner), t.supply, ""); err != nil {
		return err
	}
	t.Say("  The owner approves: the fourth consent. One entry reveals both, and holds the hours.")
	return nil
}

// stillSecret asks for the identities from both sides and must get none.
func (t *story) stillSecret() error {
	_, err1 := t.X.View(t.Ctx, t.As(t.s.Requester), t.demand, disclosure.StageIdentity)
	_, err2 := t.X.View(t.Ctx, t.As(t.s.Vance), t.supply, disclosure.StageIdentity)
	return teller.Told(err1 != nil && err2 != nil, "an identity was readable before the reveal")
}

func (t *story) reveal() error {
	t.Head("Both learn who the other is, at the same instant.")
	v, err := t.X.View(t.Ctx, t.As(t.s.Requester), t.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	w, err := t.X.View(t.Ctx, t.As(t.s.Vance), t.supply, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	t.digest = v.Deal.TermsDigest
	a, b := v.Identity.Open(), w.Identity.Open()
	t.Say("  Printed by accident, an identity reads: %v", v.Identity)
	t.Say("  Opened on purpose: %s, %s, %s  –  %s, %s, %s", a.LegalName, a.Contact, a.City, b.LegalName, b.Contact, b.City)
	promised, err := sdjwt.Parse(v.Commitment)
	if err != nil {
		return err
	}
	shown, err := sdjwt.Open(a.Proof, promised.Digest(), string(t.demand), t.X.CommitmentKey(), nil)
	if err != nil {
		return err
	}
	t.Say("  Each was committed to it with the first summary: %d fields of an SD-JWT, salted for this session, verify.", len(shown))
	t.Say("  Till now it lay under a key in three shares; the opt-in handed over the party's, the approval the employer's.")
	t.Say("  Agreed price %s/h: nearest to the comparables' median inside two bounds that nobody saw.", teller.Money(v.Deal.Rate))
	if err := teller.Told(w.Deal.Contribution != nil && v.Deal.Contribution == nil, "who sees the contribution"); err != nil {
		return err
	}
	t.Say("  %s h, %s; contribution %s, seen by the shop alone.", teller.Hours(v.Deal.Hours), teller.Money(v.Deal.Fee), teller.Money(*w.Deal.Contribution))
	return teller.Told(a.LegalName == "Steelcrest Precision" && b.LegalName == "Gridline Robotics" && v.Deal.Rate == 12000 &&
		v.Deal.Fee == 600000 && *w.Deal.Contribution == 375000, "the reveal")
}

func (t *story) engage() error {
	t.Head("Standard terms instead of a contract.")
	if _, err := t.X.AcceptTerms(t.Ctx, t.As(t.s.Requester), t.demand, t.digest); err != nil {
		return err
	}
	if _, err := t.X.AcceptTerms(t.Ctx, t.As(t.s.Vance), t.supply, t.digest); err != nil {
		return err
	}
	st, err := t.X.Status(t.Ctx, t.As(t.s.Requester), t.demand)
	if err != nil {
		return err
	}
	left, err := t.X.Remaining(t.As(t.s.Vance), t.s.Offer)
	if err != nil {
		return err
	}
	notes := 0
	for _, err := range t.X.Notices(t.Ctx, disclosure.Cursor{}) {
		if err != nil {
			return err
		}
		notes++
	}
	t.Say("  Both accept digest %.16s…: %s. The hold is firm; %s h of the shift remain.", t.digest.String(), st.Phase, teller.Hours(left))
	t.Say("  The host's mail goes out from %d notices, each to one side, with a name of its own and of one length.", notes)
	return teller.Told(st.Phase == disclosure.Engaged && left == 318*match.Hour, "the engagement")
}

func (t *story) secondBuyer() error {
	t.Head("A second buyer asks for 340 h, any part of it.")
	if _, err := t.X.Register(t.Ctx, t.As(t.s.Buyer), t.s.Partial); err != nil {
		return err
	}
	m, err := t.X.Match(t.Ctx, t.As(t.s.Buyer), t.s.Partial.ID)
	if err != nil {
		return err
	}
	if err := teller.Told(len(m.Candidates) == 1, "want one candidate, have %d", len(m.Candidates)); err != nil {
		return err
	}
	t.second = m.Candidates[0].Handle
	t.Say("  It is shown %q. No hour is promised twice.", m.Candidates[0].Covers)
	return nil
}

// decisions decides again what the market decided.
func (t *story) decisions() error {
	t.Head("What the rules decided, decided again.")
	sets, err := t.X.DecidedBy(csss.By{})
	if err != nil {
		return err
	}
	start := time.Now()
	r := policy.Replay(slices.Values(t.log.Records()), sets, t.log.Payload)
	t.Say("  %d decisions and %d filters of searches since the market opened; replayed in %.0f ms, by the rules in the ledger, %d come out otherwise.",
		r.Decisions, r.Filters, float64(time.Since(start).Milliseconds()), len(r.Mismatches))
	return teller.Told(r.Decisions > 0 && r.Filters > 0 && len(r.Mismatches) == 0, "the decisions")
}

func (t *story) receipt(dir string) error {
	t.Head("A receipt that needs nobody's word.")
	file := filepath.Join(dir, "reveal.tlog-proof")
	text, err := t.X.ExportReceipt(t.Ctx, t.As(t.s.Requester), t.demand)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	if text, err = os.ReadFile(file); err != nil {
		return err
	}
	info, err := ledger.VerifyReceipt(text, t.X.VerifierKey())
	if err != nil {
		return err
	}
	t.Say("  %d bytes: the reveal is entry %d of %d, under a signed checkpoint.", len(text), info.Index, info.Size)
	text[digit(text, len(text)/2)] ^= 1
	_, err = ledger.VerifyReceipt(text, t.X.VerifierKey())
	t.Say("  One bit changed: %v", err)
	return teller.Told(err != nil, "a changed receipt verifies")
}

// digit finds, from a place on, a digit of a hash that is still one with its
// last bit changed: so what is wrong is the hash, not its spelling.
func digit(text []byte, from int) int {
	for i := from; ; i++ {
		if c := text[i] | 0x20; c >= 'b' && c < 'z' && text[i+1] != '=' {
			return i
		}
	}
}

// tiles shows the ledger to a stranger: static files, read back by a reader that
// knows the format and the key, and not the exchange.
func (t *story) tiles(dir string) error {
	t.Head("The ledger, as anybody may read it.")
	dir = filepath.Join(dir, "public")
	if err := tiles.Export(t.Ctx, t.X.Tiles(), dir, nil); err != nil {
		return err
	}
	folder, err := tiles.Open(os.DirFS(dir), t.X.VerifierKey())
	if err != nil {
		return err
	}
	if err := folder.Verify(t.Ctx, nil); err != nil {
		return err
	}
	files, bytes, err := weigh(dir)
	if err != nil {
		return err
	}
	t.Say("  %d files of tlog-tiles, %d KB: %d commitments under one signed head, no name and no word.", files, bytes>>10, folder.Size())
	return teller.Told(folder.Size() == t.X.Size(), "the public folder")
}

// weigh counts the files below a folder and their bytes.
func weigh(dir string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files, bytes = files+1, bytes+info.Size()
		}
		return err
	})
	return files, bytes, err
}

func (t *story) check() error {
	t.Head("Everything is in the ledger, and nothing else is true.")
	tr, err := t.X.Trail(t.Ctx, t.As(t.s.Requester), t.demand)
	if err != nil {
		return err
	}
	for _, s := range tr.Steps {
		t.Say("    %s  %s", s.At.In(t.Now.Location()).Format("15:04"), s.Name)
	}
	if err := teller.Told(tr.Verify(t.X.VerifierKey()) == nil, "the trail"); err != nil {
		return err
	}
	return t.Ledger()
}
