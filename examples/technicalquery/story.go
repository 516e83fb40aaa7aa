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
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// errNotAsTold means that a step did not come out as the story says.
var errNotAsTold = errors.New("not as told")

// teller plays the story on an exchange in memory.
type teller struct {
	ctx    context.Context
	out    io.Writer
	x      *csss.Exchange
	s      *world.TechnicalQuery
	now    time.Time
	demand disclosure.Handle
	supply disclosure.Handle
	digest disclosure.Digest // of the terms
}

func tell(ctx context.Context, seed uint64, out io.Writer) (err error) {
	t := &teller{ctx: ctx, out: out, s: world.Story1(), now: world.Opening()}
	if t.x, err = csss.Open(ctx, csss.Config{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.x.Close()) }()
	for _, step := range []func() error{
		func() error { return t.load(seed) }, t.register, t.match, t.reasons, t.redaction, t.drift,
		t.choose, t.brief, t.person, t.reveal, t.agree, t.work, t.outcome, t.check,
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

// at begins a chapter at another time of the story's two days.
func (t *teller) at(day, hour, minute int, title string) {
	t.now = world.Local(2026, time.September, day, hour, minute)
	t.head(title)
}

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
	if _, err := t.x.Import(t.ctx, csss.By{ID: "market", At: t.now}, w.Import()); err != nil {
		return err
	}
	for _, u := range w.Usage {
		if _, err := t.x.ReportUsage(t.ctx, t.as(u.By), u.Person, u.Category, u.Week, u.Hours); err != nil {
			return err
		}
	}
	e, err := t.x.Estimate(t.s.Need.Category)
	if err != nil {
		return err
	}
	t.say("  %d firms publish %d offers. Advice on machining is worth %s/h (median of %d; half of them within %s and %s).",
		len(w.Firms), len(w.Offers), money(e.Median), e.N, money(e.Q1), money(e.Q3))
	return told(e.Median == 16500 && e.Q1 == 16000 && e.Q3 == 17000 && e.MAD == 500 && e.N == 5, "the estimate: %+v", e)
}

func (t *teller) register() error {
	t.now = t.s.Registered()
	t.head("A gear maker's engineer asks.")
	if _, err := t.x.Register(t.ctx, t.as(t.s.Petrov), t.s.Need); err != nil {
		return err
	}
	t.say("  %q", t.s.Need.Text)
	t.say("  At most %s h, remote welcome, within two days.", hours(t.s.Need.Quantity.Value))
	return nil
}

// ask searches the market for a need and shows what the engineer sees.
func (t *teller) ask(need string) ([]csss.Candidate, error) {
	m, err := t.x.Match(t.ctx, t.as(t.s.Petrov), need)
	return m.Candidates, err
}

func (t *teller) match() error {
	t.head("The market is searched: every gate and both employers' rules, before ranking.")
	start := time.Now()
	found, err := t.ask(t.s.Need.ID)
	if err != nil {
		return err
	}
	if err := told(len(found) == 3 && found[0].Tier == match.High && found[1].Tier != match.High, "the candidates: %+v", found); err != nil {
		return err
	}
	t.say("  Three candidates in %.1f ms:", float64(time.Since(start).Microseconds())/1000)
	for _, c := range found {
		t.say("    %d  %-6s  %s  |  %s  |  %s", c.Rank, c.Tier, c.Handle, strings.Join(c.Summary, ", "), c.Place)
	}
	t.demand = found[0].Handle
	return nil
}

// reasons: who is absent reads why; the engineer does not.
func (t *teller) reasons() error {
	t.say("  Three more know the problem as well and are not among them. Only their own firms read why:")
	for _, e := range []world.Decoy{t.s.E4, t.s.E5, t.s.E6} {
		misses, err := t.x.NearMisses(t.ctx, t.as(e.Owner), e.Offer)
		if err != nil {
			return err
		}
		if err := told(len(misses) == 1 && misses[0].Gate == e.Gate, "%s misses by %v", e.Name, misses); err != nil {
			return err
		}
		t.say("    %s  %s", e.Name, misses[0].Reason)
		_, err = t.x.NearMisses(t.ctx, t.as(t.s.Petrov), e.Offer)
		if err := told(errors.Is(err, csss.ErrNotFound), "a stranger asks about %s: %v", e.Name, err); err != nil {
			return err
		}
	}
	return nil
}

func (t *teller) redaction() error {
	t.head("The same question, with names in it.")
	if _, err := t.x.Register(t.ctx, t.as(t.s.Petrov), t.s.NeedNamed); err != nil {
		return err
	}
	n, err := t.x.Need(t.as(t.s.Petrov), t.s.NeedNamed.ID)
	if err != nil {
		return err
	}
	found, err := t.ask(n.ID)
	if err != nil {
		return err
	}
	t.say("  Written:  …%s", t.s.NeedNamed.Text[len(t.s.Need.Text)-16:])
	t.say("  Kept:     …%s", n.Text[len(t.s.Need.Text)-16:])
	for _, word := range []string{"Petrov", "Northgate", "7741"} {
		if strings.Contains(n.Text, word) {
			return told(false, "%q was kept", word)
		}
	}
	return told(len(found) == 3, "%d candidates", len(found))
}

func (t *teller) drift() error {
	t.head("The same question, with the forbidden topic left out.")
	if _, err := t.x.Register(t.ctx, t.as(t.s.Petrov), t.s.NeedPlain); err != nil {
		return err
	}
	found, err := t.ask(t.s.NeedPlain.ID)
	if err != nil {
		return err
	}
	t.say("  Still %d: a firm that was denied an offer once is not told by a second question what the rule was about.", len(found))
	return told(len(found) == 3, "%d candidates", len(found))
}

func (t *teller) choose() error {
	t.at(15, 10, 30, "The engineer selects the first and opts in.")
	if _, err := t.x.Select(t.ctx, t.as(t.s.Petrov), t.demand); err != nil {
		return err
	}
	if _, err := t.x.OptIn(t.ctx, t.as(t.s.Petrov), t.demand); err != nil {
		return err
	}
	task, err := t.task(t.s.Expert, csss.Invitation)
	if err != nil {
		return err
	}
	t.supply = task.Handle
	t.say("  The specialist is invited by %s: %s, %s. Nobody else hears of it.",
		task.Handle, strings.Join(task.Brief.Counterparty, ", "), task.Brief.Place)
	for _, e := range []world.Decoy{t.s.E2, t.s.E3, t.s.E4, t.s.E5, t.s.E6} {
		tasks, err := t.x.Inbox(t.ctx, t.as(e.Owner))
		if err != nil {
			return err
		}
		if err := told(len(tasks) == 0, "%s has %d tasks", e.Name, len(tasks)); err != nil {
			return err
		}
	}
	return nil
}

// task is the one task of a kind that waits for a person.
func (t *teller) task(w world.Who, kind csss.TaskKind) (csss.Task, error) {
	tasks, err := t.x.Inbox(t.ctx, t.as(w))
	if err != nil {
		return csss.Task{}, err
	}
	tasks = slices.DeleteFunc(tasks, func(task csss.Task) bool { return task.Kind != kind })
	if len(tasks) != 1 {
		return csss.Task{}, told(false, "%d tasks of kind %s", len(tasks), kind)
	}
	return tasks[0], nil
}

func (t *teller) brief() error {
	t.at(15, 10, 31, "The engineering manager is asked, on an anonymised brief.")
	task, err := t.task(t.s.Brandt, csss.Approval)
	if err != nil {
		return err
	}
	b := task.Brief
	t.say("  %s: at most %s h at about %s/h, at most %s, under %s.", b.Category, hours(b.Hours), money(b.Estimate), money(b.Amount), b.Template)
	t.say("  From: %s; %s", strings.Join(b.Counterparty, ", "), b.Place)
	return told(b.Hours == 4*match.Hour && b.Estimate == 16500 && b.Amount == 66000 && b.Template == "consult-v1", "the brief: %+v", b)
}

func (t *teller) person() error {
	t.at(15, 13, 0, "The specialist's own consent.")
	_, err := t.x.OptIn(t.ctx, t.as(t.s.Partner), t.supply)
	t.say("  The firm's owner tries to opt in for him: %v", err)
	if err := told(err != nil, "the owner gave a person's consent"); err != nil {
		return err
	}
	if _, err := t.x.OptIn(t.ctx, t.as(t.s.Expert), t.supply); err != nil {
		return err
	}
	tr, err := t.x.Trail(t.ctx, t.as(t.s.Expert), t.supply)
	if err != nil {
		return err
	}
	for _, step := range tr.Steps {
		if step.Name == "approval.granted" && step.Auto {
			t.say("  He opts in. His employer's rules approve by themselves: version %d, digest %.16s…, in the log.", step.Version, step.Rules)
			t.say("  Three of four: still nobody knows anybody.")
			return t.stillSecret()
		}
	}
	return told(false, "no automatic approval in the log")
}

// stillSecret asks for the identities from both sides and must get none.
func (t *teller) stillSecret() error {
	_, err1 := t.x.View(t.ctx, t.as(t.s.Petrov), t.demand, disclosure.StageIdentity)
	_, err2 := t.x.View(t.ctx, t.as(t.s.Expert), t.supply, disclosure.StageIdentity)
	return told(err1 != nil && err2 != nil, "an identity was readable before the reveal")
}

func (t *teller) reveal() error {
	t.at(15, 13, 30, "The manager approves: the fourth consent, and one entry that reveals both.")
	if _, err := t.x.Approve(t.ctx, t.as(t.s.Brandt), t.demand, ""); err != nil {
		return err
	}
	v, err := t.x.View(t.ctx, t.as(t.s.Petrov), t.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	w, err := t.x.View(t.ctx, t.as(t.s.Expert), t.supply, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	t.digest = v.Deal.TermsDigest
	a, b := v.Identity.Open(), w.Identity.Open()
	t.say("  %s, %s, %s  –  %s, %s, %s", a.LegalName, a.Contact, a.City, b.LegalName, b.Contact, b.City)
	t.say("  Agreed price %s/h, between two bounds that nobody saw; %s h are held.", money(v.Deal.Rate), hours(v.Deal.Hours))
	return told(a.LegalName == "Holloway Tool" && b.LegalName == "Northgate Gear" && v.Deal.Rate == 16500 &&
		v.Deal.Hours == 4*match.Hour && w.Deal.TermsDigest == t.digest, "the reveal: %+v", v.Deal)
}

func (t *teller) agree() error {
	t.at(15, 14, 30, "Standard terms instead of a contract.")
	for _, side := range t.sides() {
		if _, err := t.x.AcceptTerms(t.ctx, t.as(side.who), side.handle, t.digest); err != nil {
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

func (t *teller) sides() []side { return []side{{t.s.Petrov, t.demand}, {t.s.Expert, t.supply}} }

func (t *teller) phase(want disclosure.Phase) error {
	st, err := t.x.Status(t.ctx, t.as(t.s.Petrov), t.demand)
	if err != nil {
		return err
	}
	t.say("  The session is %s.", st.Phase)
	return told(st.Phase == want, "the session is %s, not %s", st.Phase, want)
}

func (t *teller) work() error {
	t.at(16, 8, 30, "They talk.")
	for _, side := range t.sides() {
		if _, err := t.x.Start(t.ctx, t.as(side.who), side.handle); err != nil {
			return err
		}
	}
	t.say("  %.1f h after the need was registered.", t.now.Sub(t.s.Registered()).Hours())
	t.at(16, 11, 0, "Solved; both mark two and a half hours.")
	for _, side := range t.sides() {
		if _, err := t.x.Complete(t.ctx, t.as(side.who), side.handle, 5*match.Hour/2); err != nil {
			return err
		}
	}
	v, err := t.x.View(t.ctx, t.as(t.s.Petrov), t.demand, disclosure.StageIdentity)
	if err != nil {
		return err
	}
	took := t.now.Sub(t.s.Registered())
	t.say("  Fee %s, %.0f h after the need was registered.", money(v.Deal.Fee), took.Hours())
	if err := told(v.Deal.Fee == 41250 && took == 26*time.Hour, "fee %d after %v", v.Deal.Fee, took); err != nil {
		return err
	}
	return t.phase(disclosure.Completed)
}

func (t *teller) outcome() error {
	t.at(16, 11, 5, "The outcome becomes evidence.")
	if _, err := t.x.Rate(t.ctx, t.as(t.s.Petrov), t.demand, disclosure.Rating{Stars: 5, Solved: true}); err != nil {
		return err
	}
	o, err := t.x.Offer(t.as(t.s.Expert), t.s.E1.Offer)
	if err != nil {
		return err
	}
	years := []string{}
	for _, e := range o.Evidence {
		years = append(years, fmt.Sprint(e.Year))
	}
	t.say("  The specialist has solved %d comparable problems: %s.", len(years), strings.Join(years, ", "))
	return told(len(years) == 4 && years[3] == "2026", "the evidence: %v", years)
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
	tr, err := t.x.Trail(t.ctx, t.as(t.s.Petrov), t.demand)
	if err != nil {
		return err
	}
	for _, s := range tr.Steps {
		t.say("    %s  %s", s.At.In(t.now.Location()).Format("02 15:04"), s.Name)
	}
	t.say("  %d entries verify; replayed from the first, they give the same state.", t.x.Size())
	return told(len(found.Faults) == 0 && live == again && tr.Verify(t.x.VerifierKey()) == nil, "the ledger")
}

func hours(a match.Amount) string { return fmt.Sprintf("%g", float64(a)/float64(match.Hour)) }

func money(cents int64) string { return fmt.Sprintf("CAD %d.%02d", cents/100, cents%100) }
