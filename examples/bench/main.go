// Bench measures the packages of the module and prints what it measured, beside
// a raw control and, when asked, beside other people's software.
//
//	go run ./examples/bench ledger [-json] [flags]    durable appends, proofs, audits
//	go run ./examples/bench disclosure [-json] [flags] the promises of the double opt-in
//	go run ./examples/bench policy [-json] [flags]    decisions of rule sets
//	go run ./examples/bench ann [-json] [flags]       speed of the vector index at a recall
//	go run ./examples/bench filter [-json] [flags]    the same under filters
//	go run ./examples/bench churn [-json] [flags]     the same after rows were replaced
//	go run ./examples/bench kernels [-json] [flags]   what compares a query with rows
//
// With -json standard output holds one JSON object a line and nothing else;
// tables, progress and what was skipped go to standard error. Without it the
// table goes to standard output. `bench CMD -h` explains the flags of a command
// and every key of its lines.
//
// Peers are built from a module of their own, and only when -peers names them;
// one that is not to be had here prints a line with its name and the key "skip".
//
// Exit code 0: all that was asked was measured, peers that were skipped aside;
// 1: something failed; 2: a bad flag or file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// command is one subcommand.
type command struct {
	name, does string
	run        func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

var commands = []command{
	{"ledger", "durable appends by writers and batch size; proofs, audits, reopening", runLedger},
	{"disclosure", "what the double opt-in promises, checked; the guard, the attackers", runDisclosure},
	{"policy", "decisions of rule sets beside cel-go, OPA and Cedar; loading, swapping", runPolicy},
	{"ann", "the vector index's speed at a recall, beside hnswlib, faiss and usearch", runANN},
	{"filter", "the vector index under filters that let few rows through, beside hnswlib", runFilter},
	{"churn", "the vector index after rows were replaced and beside a writer, and hnswlib", runChurn},
	{"kernels", "row kernels of the vector index, beside vek32 and a read of the same bytes", runKernels},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program without its process: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		for _, c := range commands {
			if c.name == args[0] {
				return exitCode(c.run(ctx, args[1:], stdout, stderr), stderr)
			}
		}
	}
	fmt.Fprintln(stderr, "usage: bench COMMAND [flags]; bench COMMAND -h explains the flags")
	for _, c := range commands {
		fmt.Fprintf(stderr, "  %-10s %s\n", c.name, c.does)
	}
	if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		return 0
	}
	return 2
}

// usageError is an error of the caller: exit code 2.
type usageError struct{ error }

// Unwrap returns the error itself.
func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode prints the error, if there is one, and says how the program ends.
func exitCode(err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, "bench:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}
