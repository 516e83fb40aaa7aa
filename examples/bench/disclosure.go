package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure/redteam"
)

const disclosureText = `Checks what package disclosure promises, and counts what breaks it: one line for
each check.

  states           every state that the machine can reach, with every command in
                   each, and all sequences of -depth commands, against an oracle
                   that is written independently of it. Sequences that lead to
                   one state at one instant go on as one; count is of commands
                   given, commands of those in the tree of the sequences, which
                   ends where one is rejected
  noninterference  two copies of the machine that differ in sealed moves of one
                   side: the other side must be told the same
  spin             the model drawn up from the same table, in -model; needs spin
                   and a C compiler
  mutants          guards of the machine taken away one at a time; a violation is
                   one whose absence nothing noticed
  linearizable     -histories of four engines over a log with faults
  crash            -scenarios, stopped before and after every append and begun again;
                   count is of stops
  probes           -probes of attackers against a market; a violation is a planted
                   identity seen, or an attacker that learnt more than it may
  attacker         a reader who holds the directory of all firms and all summaries:
                   10,000 sessions for each k; a violation is a k at which a session
                   fits fewer than k employers
  kguard           -listings in a fifth as many employer groups: every text that is
                   frozen, counted again from the labels; a violation has fewer
                   than k groups
  speed            deciding and folding one command, and commands through an engine
  rfc9901          the examples of the RFC, from -vectors

Keys of a line:
  check       its name
  count       what was looked at
  violations  how many broke the promise; the exit code is 1 if any did
  seconds     how long it took
further ones:
  states: states, sequences, commands; spin: configurations; mutants: killed; attacker: frontier
  and lost; kguard: p50_ms, p99_ms (of a freeze), kept; speed: ns_per_step, allocs,
  commands_per_s, p99_us; probes: score
A check that cannot run here prints its name and the key "skip".
`

// disclosureBench is one run of the command.
type disclosureBench struct {
	checks, attackers                                  names
	depth, histories, scenarios, probes, listings, ask int
	seed                                               uint64
	model, vectors                                     string

	*report
}

// finding is one line.
type finding struct {
	Check      string `json:"check"`
	Count      int    `json:"count"`
	Violations int    `json:"violations"`
	Seconds    figure `json:"seconds"`

	Skip string `json:"-"` // why the check did not run

	States         int      `json:"states,omitempty"`
	Sequences      int      `json:"sequences,omitempty"`
	Commands       int      `json:"commands,omitempty"`
	Configurations []string `json:"configurations,omitempty"`
	Killed         []string `json:"killed,omitempty"`
	Frontier       any      `json:"frontier,omitempty"`
	Lost           any      `json:"lost,omitempty"`
	Score          any      `json:"score,omitempty"`
	Kept           figure   `json:"kept,omitempty"`
	P50            figure   `json:"p50_ms,omitempty"`
	P99            figure   `json:"p99_ms,omitempty"`
	NsPerStep      figure   `json:"ns_per_step,omitempty"`
	Allocs         *figure  `json:"allocs,omitempty"`
	CommandsPerS   figure   `json:"commands_per_s,omitempty"`
	P99us          figure   `json:"p99_us,omitempty"`
	Broken         []string `json:"broken,omitempty"` // the first violations, in words
}

// skippedCheck is the line of a check that cannot run here.
type skippedCheck struct {
	Check string `json:"check"`
	Skip  string `json:"skip"`
}

// check is one promise.
type check struct {
	name string
	run  func(*disclosureBench, context.Context) (finding, error)
}

var checks = []check{
	{"states", (*disclosureBench).states},
	{"noninterference", (*disclosureBench).nonInterference},
	{"mutants", (*disclosureBench).mutants},
	{"linearizable", (*disclosureBench).linearizable},
	{"crash", (*disclosureBench).crashes},
	{"probes", (*disclosureBench).attacked},
	{"attacker", (*disclosureBench).attacker},
	{"spin", (*disclosureBench).spin},
	{"kguard", (*disclosureBench).kGuard},
	{"speed", (*disclosureBench).speed},
	{"rfc9901", (*disclosureBench).rfc9901},
}

func runDisclosure(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	b := &disclosureBench{}
	for _, c := range checks {
		b.checks = append(b.checks, c.name)
	}
	for _, a := range redteam.Attackers() {
		b.attackers = append(b.attackers, a.Name)
	}
	f := newFlags("disclosure")
	asJSON := f.Bool("json", false, "one JSON object a line on standard output, the table on standard error")
	f.Var(&b.checks, "checks", "`names` of the checks")
	f.IntVar(&b.depth, "depth", 6, "of the sequences, in `commands`")
	f.IntVar(&b.histories, "histories", 10_000, "how `many`")
	f.IntVar(&b.scenarios, "scenarios", 200, "how `many`")
	f.IntVar(&b.probes, "probes", 100_000, "how `many`")
	f.Var(&b.attackers, "attackers", "`names` of those that probes lets loose")
	f.IntVar(&b.listings, "listings", 100_000, "how `many`")
	f.IntVar(&b.ask, "freezes", 20_000, "how `many` of the listings are frozen; 0 for all")
	f.Uint64Var(&b.seed, "seed", 1, "of all that is drawn")
	f.StringVar(&b.model, "model", "disclosure/model", "`folder` of the model")
	f.StringVar(&b.vectors, "vectors", "disclosure/sdjwt/testdata/rfc9901", "`folder` of the examples")
	if err := parse(f, args, disclosureText, stderr); err != nil {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	b.report = newReport(*asJSON, stdout, stderr)
	return b.all(ctx)
}

// check refuses what the flags' own parsers let through.
func (b *disclosureBench) check() error {
	for _, f := range []struct {
		name          string
		value, lo, hi int
	}{
		{"depth", b.depth, 1, 8}, {"histories", b.histories, 1, 10_000_000}, {"scenarios", b.scenarios, 1, 1_000_000},
		{"probes", b.probes, 1, 1_000_000_000}, {"listings", b.listings, 100, 10_000_000}, {"freezes", b.ask, 0, 10_000_000},
	} {
		if f.value < f.lo || f.value > f.hi {
			return usagef("-%s %d is not in [%d, %d]", f.name, f.value, f.lo, f.hi)
		}
	}
	for _, name := range b.checks {
		if !slices.ContainsFunc(checks, func(c check) bool { return c.name == name }) {
			return usagef("-checks %q is none of the checks; bench disclosure -h names them", name)
		}
	}
	if _, err := redteam.Pick(b.attackers...); err != nil {
		return usagef("-attackers: %w", err)
	}
	return nil
}

// errViolated ends a run in which a promise was broken.
var errViolated = errors.New("a promise was broken, see the lines with violations")

func (b *disclosureBench) all(ctx context.Context) error {
	b.row("%-16s %14s %11s %9s  %s", "check", "count", "violations", "seconds", "and")
	broken := false
	model := b.ahead(ctx)
	for _, c := range checks {
		if !slices.Contains(b.checks, c.name) {
			continue
		}
		b.note("%s …", c.name)
		var found finding
		var err error
		if c.name == "spin" {
			found, err = model()
		} else {
			found, err = timed(c, b, ctx)
		}
		if err != nil {
			return err
		}
		found.Check = c.name
		broken = broken || found.Violations > 0
		if err := b.tell(found); err != nil {
			return err
		}
	}
	if broken {
		return errViolated
	}
	return nil
}

func timed(c check, b *disclosureBench, ctx context.Context) (finding, error) {
	start := time.Now()
	f, err := c.run(b, ctx)
	f.Seconds = figure(time.Since(start).Seconds())
	return f, err
}

// ahead starts the model, which is a program of its own, so that it runs beside
// the other checks; what it returns waits for the end.
func (b *disclosureBench) ahead(ctx context.Context) func() (finding, error) {
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == "spin" })
	if !slices.Contains(b.checks, "spin") {
		return nil
	}
	type end struct {
		f   finding
		err error
	}
	done := make(chan end, 1)
	go func() {
		f, err := timed(checks[i], b, ctx)
		done <- end{f, err}
	}()
	return func() (finding, error) {
		e := <-done
		return e.f, e.err
	}
}

func (b *disclosureBench) tell(f finding) error {
	if f.Skip != "" {
		b.note("SKIP %s: %s", f.Check, f.Skip)
		return b.line(skippedCheck{f.Check, f.Skip})
	}
	b.row("%-16s %14s %11d %9s  %s", f.Check, figure(f.Count), f.Violations, f.Seconds, f.more())
	for _, why := range f.Broken {
		b.row("%-16s %s", "", why)
	}
	return b.line(f)
}
