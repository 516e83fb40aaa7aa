package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/examples/bench/celgo"
	"github.com/deeperpoint/csss/examples/bench/rules"
)

// policyPeers are the engines that -peers may name.
var policyPeers = peerProgram{folder: "./policy", engines: map[string][]string{
	"opa":      {"opa"},
	"cedar-go": {"cedar-go"},
}}

// judges is the program with these engines, running.
type judges = peers[rules.Ask, rules.Answer]

// localEngine is an engine of this program.
type localEngine struct {
	name   string
	loader rules.Loader
}

// localEngines are all of them, in the order of their lines; csss's own is the
// last of all.
var localEngines = []localEngine{{"cel-go", celgo.Linear}, {"cel-go-indexed", celgo.Indexed}, {"csss", loadCSSS}}

// judge is an engine that takes turns.
type judge interface {
	run(d time.Duration) error
	report() (rules.Report, error)
}

// judged is an engine with what it has shown.
type judged struct {
	judge
	name, version string
	shown         rules.Report
}

// localJudge is an engine of this program.
type localJudge struct{ *rules.Runner }

func (l localJudge) run(d time.Duration) error     { l.Run(d); return nil }
func (l localJudge) report() (rules.Report, error) { return l.Report(), nil }

// peerJudge is an engine of the other one.
type peerJudge struct {
	peers *judges
	name  string
}

func (p peerJudge) run(d time.Duration) error {
	_, err := p.peers.Ask(rules.Ask{Do: "run", Engine: p.name, Seconds: d.Seconds()})
	return err
}

func (p peerJudge) report() (rules.Report, error) {
	a, err := p.peers.Ask(rules.Ask{Do: "close", Engine: p.name})
	if err != nil {
		return rules.Report{}, err
	}
	if a.Report == nil {
		return rules.Report{}, fmt.Errorf("%s: reports nothing", p.name)
	}
	return *a.Report, nil
}

// open loads the rules into all engines, csss last.
func (b *policyBench) open(ctx context.Context) (field []*judged, err error) {
	for _, name := range b.peers.engines() {
		b.note("loading %s …", name)
		a, err := b.peers.Ask(rules.Ask{Do: "open", Engine: name, Rules: b.rules, Shapes: b.shapes, Seed: b.seed})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		field = append(field, &judged{judge: peerJudge{b.peers, name}, name: name, version: a.Version})
	}
	for _, e := range localEngines {
		if e.name != "csss" && !slices.Contains(b.engineNames, e.name) {
			continue
		}
		b.note("loading %s …", e.name)
		r, err := rules.Open(b.workload, e.loader)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		field = append(field, &judged{judge: localJudge{r}, name: e.name})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return field, nil
}

// takeTurns gives each engine its slices, starting with another one each time.
func (b *policyBench) takeTurns(ctx context.Context, field []*judged) error {
	for turn := range b.slices {
		for i := range field {
			e := field[(turn+i)%len(field)]
			if err := e.run(b.slice()); err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, e := range field {
		var err error
		if e.shown, err = e.report(); err != nil {
			return err
		}
	}
	return nil
}

// policyLine is one engine's line. The first seven keys are the contract.
type policyLine struct {
	Engine string `json:"engine"`
	Rules  int    `json:"rules"`
	NS     figure `json:"ns_per_decision"`
	Allocs figure `json:"allocs"`
	LoadMS figure `json:"load_ms"`
	KeptMB figure `json:"kept_mb"`
	Agree  figure `json:"agree"`

	P50       figure            `json:"p50_ns"`
	P99       figure            `json:"p99_ns"`
	Shapes    int               `json:"shapes"`
	Allowed   int               `json:"allowed"`
	Version   string            `json:"version,omitempty"`
	AgreeWith string            `json:"agree_with,omitempty"`
	Ratios    map[string]figure `json:"ratio_to_engines,omitempty"`
}

// finish writes the lines.
func (b *policyBench) finish(ctx context.Context, field []*judged) error {
	oracle, agreeWith := b.oracle(field)
	b.row("%-16s %8s %14s %14s %14s %9s %12s %9s %7s", "engine", "rules", "ns/decision", "p50 ns", "p99 ns", "allocs", "load ms", "kept MB", "agree")
	own := field[len(field)-1]
	ratios := map[string]figure{}
	for _, e := range field {
		agree, err := rules.Agreement(e.shown.Allowed, oracle)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		l := policyLine{
			Engine: e.name, Rules: b.rules, NS: figure(e.shown.NS), Allocs: figure(e.shown.Allocs),
			LoadMS: figure(e.shown.LoadMS), KeptMB: figure(e.shown.KeptMB), Agree: figure(agree),
			P50: figure(e.shown.P50), P99: figure(e.shown.P99), Shapes: min(b.shapes, b.rules),
			Allowed: countTrue(e.shown.Allowed), Version: e.version, AgreeWith: agreeWith,
		}
		b.row("%-16s %8d %14v %14v %14v %9v %12v %9v %7v", l.Engine, l.Rules, l.NS, l.P50, l.P99, l.Allocs, l.LoadMS, l.KeptMB, l.Agree)
		if e != own {
			ratios[e.name] = figure(e.shown.NS / own.shown.NS)
			if err := b.line(l); err != nil {
				return err
			}
			continue
		}
		b.rowRatios(ratios)
		if err := b.measureModes(ctx); err != nil {
			return err
		}
		l.Ratios = ratios
		return b.line(l)
	}
	return nil
}

// rowRatios writes how many times longer the others take.
func (b *policyBench) rowRatios(ratios map[string]figure) {
	if len(ratios) == 0 {
		return
	}
	words := make([]string, 0, len(ratios))
	for name, r := range ratios {
		words = append(words, fmt.Sprintf("%s %v×", name, r))
	}
	slices.Sort(words)
	b.row("per decision, csss being 1: %s", strings.Join(words, ", "))
}

// oracle is what all engines should have decided: what cel-go did rule by rule,
// or what the rules mean where it did not run.
func (b *policyBench) oracle(field []*judged) (allowed []bool, from string) {
	for _, e := range field {
		if e.name == "cel-go" {
			return e.shown.Allowed, ""
		}
	}
	for i := range b.workload.Requests {
		allowed = append(allowed, b.workload.Allowed(&b.workload.Requests[i]))
	}
	return allowed, "plain"
}

func countTrue(list []bool) (n int) {
	for _, b := range list {
		if b {
			n++
		}
	}
	return n
}
