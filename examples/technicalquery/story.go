package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/teller"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// story plays the story on an exchange in memory.
type story struct {
	teller.Teller
	s      *world.TechnicalQuery
	demand disclosure.Handle
	supply disclosure.Handle
	digest disclosure.Digest // of the terms
}

func tell(ctx context.Context, seed uint64, out io.Writer) error {
	t := &story{Teller: teller.Teller{Ctx: ctx, Out: out}, s: world.Story1()}
	return t.Tell(csss.Config{},
		func() error { return t.load(seed) }, t.register, t.match, t.reasons, t.redaction, t.drift,
		t.choose, t.brief, t.person, t.reveal, t.agree, t.work, t.outcome, t.check)
}

// at begins a chapter at another time of the story's two days.
func (t *story) at(day, hour, minute int, title string) {
	t.Now = world.Local(2026, time.September, day, hour, minute)
	t.Head(title)
}

func (t *story) load(seed uint64) error {
	t.Head("A market opens.")
	w := world.Build(world.Options{Seed: seed, Stories: true})
	if _, err := t.X.Import(t.Ctx, csss.By{ID: "market", At: t.Now}, w.Import()); err != nil {
		return err
	}
	for _, u := range w.Usage {
		if _, err := t.X.ReportUsage(t.Ctx, t.As(u.By), u.Person, u.Category, u.Week, u.Hours); err != nil {
			return err
		}
	}
	e, err := t.X.Estimate(t.s.Need.Category)
	if err != nil {
		return err
	}
	t.Say("  %d firms publish %d offers. Advice on machining is worth %s/h (median of %d; half of them within %s and %s).",
		len(w.Firms), len(w.Offers), teller.Money(e.Median), e.N, teller.Money(e.Q1), teller.Money(e.Q3))
	return teller.Told(e.Median == 16500 && e.Q1 == 16000 && e.Q3 == 17000 && e.MAD == 500 && e.N == 5, "the estimate: %+v", e)
}

func (t *story) register() error {
	t.Now = t.s.Registered()
	t.Head("A gear maker's engineer asks.")
	if _, err := t.X.Register(t.Ctx, t.As(t.s.Petrov), t.s.Need); err != nil {
		return err
	}
	t.Say("  %q", t.s.Need.Text)
	t.Say("  At most %s h, remote welcome, within two days.", teller.Hours(t.s.Need.Quantity.Value))
	return nil
}

// ask searches the market for a need and shows what the engineer sees.
func (t *story) ask(need string) ([]csss.Candidate, error) {
	m, err := t.X.Match(t.Ctx, t.As(t.s.Petrov), need)
	return m.Candidates, err
}

func (t *story) match() error {
	t.Head("The market is searched: every gate and both employers' rules, before ranking.")
	start := time.Now()
	found, err := t.ask(t.s.Need.ID)
	if err != nil {
		return err
	}
	if err := teller.Told(len(found) == 3 && found[0].Tier == match.High && found[1].Tier != match.High, "the candidates: %+v", found); err != nil {
		return err
	}
	t.Say("  Three candidates in %.1f ms:", float64(time.Since(start).Microseconds())/1000)
	for _, c := range found {
		t.Say("    %d  %-6s  %s  |  %s  |  %s", c.Rank, c.Tier, c.Handle, strings.Join(c.Summary, ", "), c.Place)
	}
	t.demand = found[0].Handle
	return nil
}

// reasons: who is absent reads why; the engineer does not.
func (t *story) reasons() error {
	t.Say("  Three more know the problem as well and are not among them. Only their own firms read why:")
	for _, e := range []world.Decoy{t.s.E4, t.s.E5, t.s.E6} {
		misses, err := t.X.NearMisses(t.Ctx, t.As(e.Owner), e.Offer)
		if err != nil {
			return err
		}
		if err := teller.Told(len(misses) == 1 && misses[0].Gate == e.Gate, "%s misses by %v", e.Name, misses); err != nil {
			return err
		}
		t.Say("    %s  %s", e.Name, misses[0].Reason)
		_, err = t.X.NearMisses(t.Ctx, t.As(t.s.Petrov), e.Offer)
		if err := teller.Told(errors.Is(err, csss.ErrNotFound), "a stranger asks about %s: %v", e.Name, err); err != nil {
			return err
		}
	}
	return nil
}

func (t *story) redaction() error {
	t.Head("The same question, with names in it.")
	if _, err := t.X.Register(t.Ctx, t.As(t.s.Petrov), t.s.NeedNamed); err != nil {
		return err
	}
	n, err := t.X.Need(t.As(t.s.Petrov), t.s.NeedNamed.ID)
	if err != nil {
		return err
	}
	found, err := t.ask(n.ID)
	if err != nil {
		return err
	}
	t.Say("  Written:  …%s", t.s.NeedNamed.Text[len(t.s.Need.Text)-16:])
	t.Say("  Kept:     …%s", n.Text[len(t.s.Need.Text)-16:])
	for _, word := range []string{"Petrov", "Northgate", "7741"} {
		if strings.Contains(n.Text, word) {
			return teller.Told(false, "%q was kept", word)
		}
	}
	return teller.Told(len(found) == 3, "%d candidates", len(found))
}

func (t *story) drift() error {
	t.Head("The same question, with the forbidden topic left out.")
	if _, err := t.X.Register(t.Ctx, t.As(t.s.Petrov), t.s.NeedPlain); err != nil {
		return err
	}
	found, err := t.ask(t.s.NeedPlain.ID)
	if err != nil {
		return err
	}
	t.Say("  Still %d: a firm that was denied an offer once is not told by a second question what the rule was about.", len(found))
	return teller.Told(len(found) == 3, "%d candidates", len(found))
}

func (t *story) choose() error {
	t.at(15, 10, 30, "The engineer selects the first and opts in.")
	if _, err := t.X.Select(t.Ctx, t.As(t.s.Petrov), t.demand); err != nil {
		return err
	}
	if _, err := t.X.OptIn(t.Ctx, t.As(t.s.Petrov), t.demand); err != nil {
		return err
	}
	task, err := t.task(t.s.Expert, csss.Invitation)
	if err != nil {
		return err
	}
	t.supply = task.Handle
	t.Say("  The specialist is invited by %s: %s, %s. Nobody else hears of it.",
		task.Handle, strings.Join(task.Brief.Counterparty, ", "), task.Brief.Place)
	for _, e := range []world.Decoy{t.s.E2, t.s.E3, t.s.E4, t.s.E5, t.s.E6} {
		tasks, err := t.X.Inbox(t.Ctx, t.As(e.Owner))
		if err != nil {
			return err
		}
		if err := teller.Told(len(tasks) == 0, "%s has %d tasks", e.Name, len(tasks)); err != nil {
			return err
		}
	}
	return nil
}

// task is the one task of a kind that waits for a person.
func (t *story) task(w world.Who, kind csss.TaskKind) (csss.Task, error) {
	tasks, err := t.X.Inbox(t.Ctx, t.As(w))
	if err != nil {
		return csss.Task{}, err
	}
	tasks = slices.DeleteFunc(tasks, func(task csss.Task) bool { return task.Kind != kind })
	if len(tasks) != 1 {
		return csss.Task{}, teller.Told(false, "%d tasks of kind %s", len(tasks), kind)
	}
	return tasks[0], nil
}

func (t *story) brief() error {
	t.at(15, 10, 31, "The engineering manager is asked, on an anonymised brief.")
	task, err := t.task(t.s.Brandt, csss.Approval)
	if err != nil {
		return err
	}
	b := task.Brief
	t.Say("  %s: at most %s h at about %s/h, about %s, under %s.", b.Category, teller.Hours(b.Hours), teller.Money(b.Estimate), teller.Money(b.Amount), b.Template)
	t.Say("  From: %s; %s", strings.Join(b.Counterparty, ", "), b.Place)
	return teller.Told(b.Hours == 4*match.Hour && b.Estimate == 16500 && b.Amount == 66000 && b.Template == "consult-v1", "the brief: %+v", b)
}

func (t *story) person() error {
	t.at(15, 13, 0, "The specialist's own consent.")
	_, err := t.X.OptIn(t.Ctx, t.As(t.s.Partner), t.supply)
	t.Say("  The firm's owner tries to opt in for him: %v", err)
	if err := teller.Told(err != nil, "the owner gave a person's consent"); err != nil {
		return err
	}
	if _, err := t.X.OptIn(t.Ctx, t.As(t.s.Expert), t.supply); err != nil {
		return err
	}
	tr, err := t.X.Trail(t.Ctx, t.As(t.s.Expert), t.supply)
	if err != nil {
		return err
	}
	for _, step := range tr.Steps {
		if step.Name == "approval.granted" && step.Auto {
			t.Say("  He opts in. His employer's rules approve by themselves: version %d, digest %.16s…, in the log.", step.Version, step.Rules)
			t.Say("  Three of four: still nobody knows anybody.")
			return t.stillSecret()
		}
	}
	return teller.Told(false, "no automatic approval in the log")
}

// stillSecret asks for the identities from both sides and must get none.
func (t *story) stillSecret() error {
	_, err1 := t.X.View(t.Ctx, t.As(t.s.Petrov), t.demand, disclosure.StageIdentity)
	_, err2 := t.X.View(t.Ctx, t.As(t.s.Expert), t.supply, disclosure.StageIdentity)
	return teller.Told(err1 != nil && err2 != nil, "an identity was readable before the reveal")
}

func (t *story) reveal() error {
	t.at(15, 13, 30, "The manager approves: the fourth consent, and one entry that reveals both.")
	if _, err := t.X.Approve(t.Ctx, t.As(t.s.Brandt), t.demand, ""); err != nil {
		return err
	}
	v, err := t.X.View(t.Ctx, t.As(t.s.Petrov), t.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	w, err := t.X.View(t.Ctx, t.As(t.s.Expert), t.supply, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	t.digest = v.Deal.TermsDigest
	a, b := v.Identity.Open(), w.Identity.Open()
	t.Say("  %s, %s, %s  –  %s, %s, %s", a.LegalName, a.Contact, a.City, b.LegalName, b.Contact, b.City)
	t.Say("  Agreed price %s/h, between two bounds that nobody saw; %s h are held.", teller.Money(v.Deal.Rate), teller.Hours(v.Deal.Hours))
	return teller.Told(a.LegalName == "Holloway Tool" && b.LegalName == "Northgate Gear" && v.Deal.Rate == 16500 &&
		v.Deal.Hours == 4*match.Hour && w.Deal.TermsDigest == t.digest, "the reveal: %+v", v.Deal)
}

func (t *story) agree() error {
	t.at(15, 14, 30, "Standard terms instead of a contract.")
	for _, side := range t.sides() {
		if _, err := t.X.AcceptTerms(t.Ctx, t.As(side.who), side.handle, t.digest); err != nil {
			return err
		}
	}
	return t.phase(disclosure.Engaged)
}

// side is one party with its handle of the other.
type side struct {
	who    world.Who
	handle disclosure.Handle
}

func (t *story) sides() []side { return []side{{t.s.Petrov, t.demand}, {t.s.Expert, t.supply}} }

func (t *story) phase(want disclosure.Phase) error {
	st, err := t.X.Status(t.Ctx, t.As(t.s.Petrov), t.demand)
	if err != nil {
		return err
	}
	t.Say("  The session is %s.", st.Phase)
	return teller.Told(st.Phase == want, "the session is %s, not %s", st.Phase, want)
}

func (t *story) work() error {
	t.at(16, 8, 30, "They talk.")
	for _, side := range t.sides() {
		if _, err := t.X.Start(t.Ctx, t.As(side.who), side.handle); err != nil {
			return err
		}
	}
	t.Say("  %.1f h after the need was registered.", t.Now.Sub(t.s.Registered()).Hours())
	t.at(16, 11, 0, "Solved; both mark two and a half hours.")
	for _, side := range t.sides() {
		if _, err := t.X.Complete(t.Ctx, t.As(side.who), side.handle, 5*match.Hour/2); err != nil {
			return err
		}
	}
	v, err := t.X.View(t.Ctx, t.As(t.s.Petrov), t.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	took := t.Now.Sub(t.s.Registered())
	t.Say("  Fee %s, %.0f h after the need was registered.", teller.Money(v.Deal.Fee), took.Hours())
	if err := teller.Told(v.Deal.Fee == 41250 && took == 26*time.Hour, "fee %d after %v", v.Deal.Fee, took); err != nil {
		return err
	}
	return t.phase(disclosure.Completed)
}

func (t *story) outcome() error {
	t.at(16, 11, 5, "The outcome becomes evidence.")
	if _, err := t.X.Rate(t.Ctx, t.As(t.s.Petrov), t.demand, disclosure.Rating{Stars: 5, Solved: true}); err != nil {
		return err
	}
	o, err := t.X.Offer(t.As(t.s.Expert), t.s.E1.Offer)
	if err != nil {
		return err
	}
	years := []string{}
	for _, e := range o.Evidence {
		years = append(years, fmt.Sprint(e.Year))
	}
	t.Say("  The specialist has solved %d comparable problems: %s.", len(years), strings.Join(years, ", "))
	return teller.Told(len(years) == 4 && years[3] == "2026", "the evidence: %v", years)
}

func (t *story) check() error {
	t.Head("Everything is in the ledger, and nothing else is true.")
	tr, err := t.X.Trail(t.Ctx, t.As(t.s.Petrov), t.demand)
	if err != nil {
		return err
	}
	for _, s := range tr.Steps {
		t.Say("    %s  %s", s.At.In(t.Now.Location()).Format("02 15:04"), s.Name)
	}
	if err := teller.Told(tr.Verify(t.X.VerifierKey()) == nil, "the trail"); err != nil {
		return err
	}
	return t.Ledger()
}
