// Redteam lets attackers loose on a market and prints what they learnt. The
// market is an exchange of this library with planted firms in a seeded world;
// the attackers are those of package redteam, which run against other markets as
// well.
//
//	go run ./examples/redteam                       20,000 probes, some seconds
//	go run ./examples/redteam -n 1000000            a million, some minutes
//	go run ./examples/redteam -attackers bisect,collude -notes
//	go run ./examples/redteam -json                 a line of JSON for each attacker
//
// Bits are what an attacker learnt of its secret; a violation is a broken
// promise: an identity token seen, a call that panics, or what the attacker
// claims. With -json standard output holds one object a line and nothing else:
// attacker, probes, bits, violations, tokens, bytes, seconds and notes.
//
// Exit code 0: nobody succeeded; 1: somebody did, or a run failed; 2: a bad flag.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"

	"github.com/deeperpoint/csss/disclosure/redteam"
	"github.com/deeperpoint/csss/internal/target"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the flags.
type options struct {
	probes, firms int
	seed          uint64
	attackers     string
	json, notes   bool
}

func parse(args []string, stderr io.Writer) (o options, attackers []redteam.Attacker, err error) {
	f := flag.NewFlagSet("redteam", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.probes, "n", 20_000, "`probes` of the attackers that could go on for ever")
	f.Uint64Var(&o.seed, "seed", 1, "of the world and of all that is drawn")
	f.IntVar(&o.firms, "firms", 300, "in the world around the planted ones")
	f.StringVar(&o.attackers, "attackers", "", "`names`, with commas; default all: "+strings.Join(names(), ", "))
	f.BoolVar(&o.json, "json", false, "one JSON object a line on standard output")
	f.BoolVar(&o.notes, "notes", false, "print what was found, in words")
	if err := f.Parse(args); err != nil {
		return o, nil, err
	}
	attackers = redteam.Attackers()
	if o.attackers != "" {
		attackers, err = redteam.Pick(strings.Split(o.attackers, ",")...)
	}
	switch {
	case err != nil:
	case f.NArg() > 0:
		err = errors.New("redteam: there are no arguments")
	case o.probes < 1 || o.firms < 0:
		err = errors.New("redteam: -n is at least 1, -firms at least 0")
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
	}
	return o, attackers, err
}

func names() (out []string) {
	for _, a := range redteam.Attackers() {
		out = append(out, a.Name)
	}
	return out
}

// run returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, attackers, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	market := &target.Exchange{Seed: o.seed, Firms: o.firms}
	scores, err := redteam.Run(ctx, market, &redteam.Options{Seed: o.seed, Probes: o.probes, Attackers: attackers})
	show(scores, o, stdout)
	violations := 0
	for _, s := range scores {
		violations += s.Violations
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if violations > 0 {
		fmt.Fprintf(stderr, "redteam: %d promises were broken; -notes says which\n", violations)
		return 1
	}
	return 0
}

func show(scores []redteam.Score, o options, stdout io.Writer) {
	if o.json {
		for _, s := range scores {
			fmt.Fprintf(stdout, "%s\n", s.JSON())
		}
		return
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "attacker\tprobes\tbits\tviolations\ttokens\tMB scanned\tseconds\t")
	for _, s := range scores {
		fmt.Fprintf(table, "%s\t%d\t%.2f\t%d\t%d\t%.1f\t%.1f\t\n", s.Attacker, s.Probes, s.Bits, s.Violations, s.Tokens, float64(s.Bytes)/1e6, s.Seconds)
	}
	_ = table.Flush()
	for _, s := range scores {
		for i, n := range s.Notes {
			if o.notes || i < min(s.Violations, 3) {
				fmt.Fprintf(stdout, "%s: %s\n", s.Attacker, n)
			}
		}
	}
}
