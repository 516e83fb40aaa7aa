package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/deeperpoint/csss/examples/bench/rules"
)

const policyText = `Decides requests by rules, in package policy and beside it.

Rule i is of employer i/10 and category i%10 and has eight conditions; every
tenth is a forbid. Each engine loads the rules from a text in its own language,
gets 512 requests in the form it wants, and decides them one after the other in
one goroutine. The engines take turns in slices of time, so that a noisy machine
hits all of them alike:

  csss            package policy: Set.Decide of prepared queries
  cel-go          cel-go alone: every rule, employer and category as conditions
  cel-go-indexed  cel-go behind a hash index by employer and category
  peers           with -peers, see examples/bench/peers/policy: opa, cedar-go

Keys of a line:
  engine            csss, cel-go, cel-go-indexed, or the peer
  rules             how many
  ns_per_decision   the mean of a slice, and of all slices the least: neighbours
                    only ever add
  allocs            per decision
  load_ms           from texts to an engine that can decide; the median of three,
                    or less if they take longer than two seconds
  kept_mb           the heap after that, less what it was before, in 10^6 bytes
  agree             share of the 512 requests decided as cel-go decides them,
                    rule by rule
further ones:
  p50_ns, p99_ns    of single decisions, without the time of looking at the clock
  shapes            how many rules differ in more than their constants
  allowed           requests that were
  version           of a peer
  agree_with        "plain" if cel-go was not to run: the rules read one by one
  ratio_to_engines  csss: ns_per_decision of the others divided by its own

Lines of package policy alone, with the keys up to allocs, p50_ns and p99_ns:
  csss/bind         Query.Reset from a request with a map of attributes, and Decide
  csss/explain      Set.Explain: the reasons of every outcome, from a request
  csss/joint        Set.DecideJoint of two employers' queries, and what both are
                    obliged to do; "obligations" counts these per decision
and with other keys:
  csss/filter       filter_us: Set.Filter of a search; ns_per_candidate, p50_ns and
                    allocs: Filter.Match; "kind"; ns_per_decision: Set.Decide of
                    the same candidates; how many are "matched" and "allowed"
  csss/swap         swap_ms, p99_ms: Engine.Update with one employer's new document
  csss/readers      as many "readers" as processors while documents are replaced,
                    swaps_per_s: the mean of ns_per_decision, the worst p99_ns
                    (beside the time of others on the same processor), and the
                    decisions_per_s of all
  csss/shapes       load_ms and kept_mb for rules of so many "shapes"
The last line is csss's own.
`

// policyBench is one run of the command.
type policyBench struct {
	rules, shapes int
	engineNames   names
	peerNames     names
	slices        int
	seconds       float64
	seed          uint64
	modes         bool

	*report
	workload *rules.Workload
	peers    *judges // nil without any
}

func runPolicy(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	b := &policyBench{engineNames: names{"csss", "cel-go", "cel-go-indexed"}}
	f := newFlags("policy")
	asJSON := f.Bool("json", false, "one JSON object a line on standard output, the table on standard error")
	f.IntVar(&b.rules, "rules", 10_000, "how `many`")
	f.IntVar(&b.shapes, "shapes", 50, "how `many` rules differ in more than their constants, at most")
	f.Var(&b.engineNames, "engines", "`names` of the engines of this program; csss is always one of them")
	f.Var(&b.peerNames, "peers", "`names` of the peers to run beside it: opa, cedar-go (default none)")
	f.IntVar(&b.slices, "slices", 10, "slices of time that each engine has")
	f.Float64Var(&b.seconds, "seconds", 0.2, "length of a slice")
	f.Uint64Var(&b.seed, "seed", 1, "of rules and requests")
	f.BoolVar(&b.modes, "modes", true, "measure the other uses of package policy as well: csss/...")
	if err := parse(f, args, policyText, stderr); err != nil {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	b.report = newReport(*asJSON, stdout, stderr)
	return b.measure(ctx)
}

// check refuses what the flags' own parsers let through.
func (b *policyBench) check() error {
	switch {
	case b.rules < 1 || b.rules > 10_000_000:
		return usagef("-rules %d is not in [1, 10000000]", b.rules)
	case b.shapes < 1 || b.shapes > 100_000:
		return usagef("-shapes %d is not in [1, 100000]", b.shapes)
	case b.slices < 1:
		return usagef("-slices %d is below 1", b.slices)
	case !(b.seconds > 0 && b.seconds <= 3600):
		return usagef("-seconds %v is not in (0, 3600]", b.seconds)
	}
	for _, name := range b.engineNames {
		if !slices.ContainsFunc(localEngines, func(e localEngine) bool { return e.name == name }) {
			return usagef("-engines %q is none of csss, cel-go, cel-go-indexed", name)
		}
	}
	return nil
}

// measure does all that was asked and writes the lines, csss's own last.
func (b *policyBench) measure(ctx context.Context) (err error) {
	b.note("%s, %s/%s, %d CPUs, %d rules, %d shapes, %d slices of %v s per engine",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.rules, b.shapes, b.slices, b.seconds)
	if len(b.peerNames) > 0 {
		dir, err := workFolder("")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if b.peers, err = startPeers[rules.Ask, rules.Answer](ctx, b.report, policyPeers, b.peerNames, dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.peers.stop()) }()
	}
	b.workload = rules.New(b.rules, b.shapes, b.seed)
	field, err := b.open(ctx)
	if err != nil {
		return err
	}
	if err := b.takeTurns(ctx, field); err != nil {
		return err
	}
	return b.finish(ctx, field)
}

func (b *policyBench) slice() time.Duration { return time.Duration(b.seconds * float64(time.Second)) }
