package redteam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Options say how hard to try. Nil means every default.
type Options struct {
	Seed      uint64                            // of all that is drawn; default 0
	Probes    int                               // of the attackers that could go on for ever; default 20,000
	Attackers []Attacker                        // default all of Attackers
	K         int                               // employers that share what a stranger is shown; default 5
	Budget    int                               // questions of an employer about an offer that are answered in a window; default 8
	Progress  func(attacker string, probes int) // called about every thousand probes; default none
}

func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Probes == 0 {
		out.Probes = 20_000
	}
	if out.Attackers == nil {
		out.Attackers = Attackers()
	}
	if out.K == 0 {
		out.K = 5
	}
	if out.Budget == 0 {
		out.Budget = 8
	}
	return out
}

// An Attacker is one way of going about it.
type Attacker struct {
	Name   string
	Claims string // what it says that the market does not hold; a violation is a success
	Attack func(ctx context.Context, c *Campaign) error
}

// A Score is what an attacker learnt; the package's comment says how it is
// counted.
type Score struct {
	Attacker   string   `json:"attacker"`
	Probes     int      `json:"probes"`
	Bits       float64  `json:"bits"`
	Violations int      `json:"violations"`
	Tokens     int      `json:"tokens"` // of the violations: identity tokens seen
	Bytes      int64    `json:"bytes"`  // scanned
	Seconds    float64  `json:"seconds"`
	Notes      []string `json:"notes,omitempty"` // violations first, at most 20 of them
}

// Run lets each attacker loose on the target, one after the other. A violation
// is no error.
//
// Errors: the target's, for a market that does not open; an attacker's own, with
// its name; ctx's. The scores so far are returned with them.
func Run(ctx context.Context, t Target, o *Options) ([]Score, error) {
	opt := o.withDefaults()
	var out []Score
	for _, a := range opt.Attackers {
		c := &Campaign{Options: opt, target: t, ctx: ctx, Rand: rand.New(rand.NewPCG(opt.Seed, 0x7ed)), score: Score{Attacker: a.Name}}
		start := time.Now()
		err := errors.Join(a.Attack(ctx, c), c.close())
		c.score.Seconds = time.Since(start).Seconds()
		out = append(out, c.Score())
		if err := errors.Join(err, ctx.Err()); err != nil {
			return out, fmt.Errorf("redteam: %s: %w", a.Name, err)
		}
	}
	return out, nil
}

// Total adds scores up, and tells the first violations of each attacker in words.
func Total(scores []Score) (probes, violations int, broken []string) {
	for _, s := range scores {
		probes, violations = probes+s.Probes, violations+s.Violations
		for _, n := range s.Notes[:min(s.Violations, maxNoted, len(s.Notes))] {
			broken = append(broken, s.Attacker+": "+n)
		}
	}
	return probes, violations, broken
}

// Pick returns the attackers of these names, or an error that lists those there
// are.
func Pick(names ...string) ([]Attacker, error) {
	var out []Attacker
	all := Attackers()
	for _, name := range names {
		i := slices.IndexFunc(all, func(a Attacker) bool { return a.Name == name })
		if i < 0 {
			var known []string
			for _, a := range all {
				known = append(known, a.Name)
			}
			return nil, fmt.Errorf("redteam: no attacker %q; there are %s", name, strings.Join(known, ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}

// A Campaign is one attacker's run. It belongs to the attacker's goroutine.
type Campaign struct {
	Options
	Rand *rand.Rand

	ctx    context.Context
	target Target
	score  Score
	found  []string // violations in words
	open   *Field
}

// maxNoted is how many violations are put in words.
const maxNoted = 20

// Score is the score so far.
func (c *Campaign) Score() Score {
	s := c.score
	s.Notes = append(slices.Clone(c.found), s.Notes...)
	return s
}

// Violate counts a broken promise.
func (c *Campaign) Violate(format string, args ...any) {
	c.score.Violations++
	if len(c.found) < maxNoted {
		c.found = append(c.found, fmt.Sprintf(format, args...))
	}
}

// Learn raises the bits to so many, if they are not more already: an attacker's
// score is that of its best attempt.
func (c *Campaign) Learn(bits float64) { c.score.Bits = max(c.score.Bits, bits) }

// Note adds a finding.
func (c *Campaign) Note(format string, args ...any) {
	c.score.Notes = append(c.score.Notes, fmt.Sprintf(format, args...))
}

// Embed returns the vector of a text; ok is false if the target has no vectors.
func (c *Campaign) Embed(text string) (v []float32, ok bool, err error) {
	e, ok := c.target.(Embedding)
	if !ok {
		return nil, false, nil
	}
	v, err = e.Embed(c.ctx, text)
	return v, true, err
}

// Field is an open market. Opening another closes it.
type Field struct {
	Market Market
	Plant  Plant

	c     *Campaign
	scan  *Scanner
	owner []owner // of the tokens of scan
	mates map[[2]int]bool
}

// Open opens a market.
func (c *Campaign) Open(p Plant) (*Field, error) {
	if err := c.close(); err != nil {
		return nil, err
	}
	m, err := c.target.Open(c.ctx, p)
	if err != nil {
		return nil, fmt.Errorf("open a market: %w", err)
	}
	f := &Field{Market: m, Plant: p, c: c, mates: map[[2]int]bool{}}
	var tokens []string
	for i := range p.Firms {
		for _, t := range append(p.Firms[i].Tokens(), OfferOf(i)) {
			tokens, f.owner = append(tokens, t), append(f.owner, owner{firm: i})
		}
		if o := p.Firms[i].Offer; o != nil && o.Text != "" {
			tokens, f.owner = append(tokens, o.Text), append(f.owner, owner{firm: i, always: true})
		}
	}
	if own, ok := m.(Canaried); ok {
		for _, t := range own.Canaries() {
			tokens, f.owner = append(tokens, t), append(f.owner, owner{firm: -1, always: true})
		}
	}
	f.scan = NewScanner(tokens)
	c.open = f
	return f, nil
}

func (c *Campaign) close() error {
	if c.open == nil {
		return nil
	}
	err := c.open.Market.Close()
	c.open = nil
	return err
}

// An owner is whose token it is: a firm of the plant, or −1.
type owner struct {
	firm   int
	always bool // secret behind a reveal as well
}

// Reveal tells the judge that two firms may know each other from here on.
func (f *Field) Reveal(a, b int) { f.mates[[2]int{a, b}], f.mates[[2]int{b, a}] = true, true }

// Pass lets time pass.
func (f *Field) Pass(d time.Duration) error { return f.Market.Pass(f.c.ctx, d) }

// Do makes a move as an attacker: a probe.
func (f *Field) Do(m Move) Answer {
	f.c.score.Probes++
	if f.c.Progress != nil && f.c.score.Probes%1000 == 0 {
		f.c.Progress(f.c.score.Attacker, f.c.score.Probes)
	}
	return f.Play(m)
}

// Play makes a move as anybody else.
func (f *Field) Play(m Move) (a Answer) {
	defer func() {
		if r := recover(); r != nil {
			f.c.Violate("%s panics: %v", told(m), r)
			f.judge(m, fmt.Append(nil, r))
		}
	}()
	a = f.Market.Do(f.c.ctx, m)
	f.judge(m, a.Seen)
	for _, find := range a.Finds {
		f.judge(m, []byte(find.Handle))
	}
	return a
}

// judge scans what a caller was given.
func (f *Field) judge(m Move, seen []byte) {
	f.c.score.Bytes += int64(len(seen))
	var said []byte
	for _, hit := range f.scan.Scan(seen) {
		of := f.owner[hit.Token]
		known := of.firm == m.Firm || !of.always && f.mates[[2]int{of.firm, m.Firm}]
		if of.firm >= 0 && m.As != Outsider && m.Verb != Outside && known {
			continue
		}
		p := f.scan.tokens[hit.Token]
		if said == nil {
			said = lower(nil, fmt.Append(nil, m))
		}
		if bytes.Contains(said, lower(nil, []byte(p))) {
			continue // an echo of what the caller said
		}
		f.c.score.Tokens++
		f.c.Violate("%s reads %q of firm %d, %s: %q", told(m), p, of.firm, hit.Form, clip(string(seen), hit.At))
	}
}

// told is a move in words, without what was drawn at random.
func told(m Move) string {
	role := [...]string{"party", "approver", "bystander", "outsider"}[min(int(m.As), 3)]
	return fmt.Sprintf("firm %d's %s, %q", m.Firm, role, m.Verb)
}

// String is the score as one line of text.
func (s Score) String() string {
	return fmt.Sprintf("%-10s %9d probes %7.2f bits %4d violations", s.Attacker, s.Probes, s.Bits, s.Violations)
}

// JSON is the score as one line of JSON.
func (s Score) JSON() []byte {
	text, err := json.Marshal(s)
	if err != nil { // not a number among the bits
		text = fmt.Appendf(nil, `{"attacker":%q,"violations":%d,"error":%q}`, s.Attacker, s.Violations, err)
	}
	return text
}
