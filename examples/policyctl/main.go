// Policyctl is for whoever answers for a firm's rules, its operations director
// first of all: it checks rule documents, runs their tests, says in plain words
// why a request is denied, and shows what others would see of an offer and what
// a new document would change.
//
//	policyctl lint FILE…                      every error with its line; then what looks wrong
//	policyctl test FILE…                      run the documents' tests; what they cover of each rule
//	policyctl explain REQUEST.json -rules F   why, in English or French
//	policyctl explain -rules F -action engage -category C -with price.rate=9400 …
//	policyctl preview OFFER -dir DIR …        what a stranger, an approver and a partner would see
//	policyctl diff OLD NEW [-dir DIR]         what decides differently
//
// Run it from the module as `go run ./examples/policyctl CMD …`; `policyctl CMD
// -h` explains the flags of a command, which may stand before and behind its
// words. A FILE that ends in .tests.yaml holds tests that stand beside documents.
// With -json standard output holds one JSON object a line.
//
// A REQUEST is a JSON object with the keys of a document's test, of which `name`
// and `expect` are left out, and `employer`. DIR is the folder of an exchange's
// ledger; it is only read, and may be in use.
//
// Exit code 0: done, and it holds; 1: errors in a document, tests that fail, or
// a command that failed; 2: a bad command, flag or file.
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
	name, words, does string
	least, most       int // words it takes; most 0: any number
	run               func(ctx context.Context, c *call) error
	flags             func(c *call) // those that only it has; nil for none
}

var commands = []command{
	{name: "lint", words: "FILE…", least: 1, does: "check documents, and name what looks wrong in them", run: lint, flags: lintFlags},
	{name: "test", words: "FILE…", least: 1, does: "run the tests of documents, and tell what they cover", run: test},
	{name: "explain", words: "[REQUEST.json]", most: 1, does: "say why a request is permitted or denied", run: explain, flags: explainFlags},
	{name: "preview", words: "OFFER", least: 1, most: 1, does: "show what others would see of an offer", run: preview, flags: previewFlags},
	{name: "diff", words: "OLD NEW", least: 2, most: 2, does: "list what decides differently under a new document", run: diff, flags: diffFlags},
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
		for _, cmd := range commands {
			if cmd.name == args[0] {
				return exitCode(runCommand(ctx, cmd, args[1:], stdout, stderr), stderr)
			}
		}
	}
	fmt.Fprintln(stderr, "usage: policyctl COMMAND [words] [flags]; policyctl COMMAND -h explains the flags")
	for _, cmd := range commands {
		fmt.Fprintf(stderr, "  %-24s %s\n", cmd.name+" "+cmd.words, cmd.does)
	}
	if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help") {
		return 0
	}
	return 2
}

// usageError is an error of the caller: exit code 2.
type usageError struct{ error }

// Unwrap returns the error itself.
func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errFound means that what was looked for has been printed: exit code 1.
var errFound = errors.New("something does not hold")

// exitCode prints the error, if there is one that was not printed yet, and says
// how the program ends.
func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errFound):
		return 1
	}
	fmt.Fprintln(stderr, "policyctl:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}
