// Ledgerctl looks after the folder of a ledger from outside the program that
// writes it: it audits, proves, exports, shows and erases.
//
//	ledgerctl verify -dir DIR                 audit every entry; names the one at fault
//	ledgerctl show -dir DIR [filters]         entries by index, stream, type, subject, time
//	ledgerctl checkpoint -dir DIR             the signed head of the log
//	ledgerctl vkey -dir DIR                   the public key that receipts are checked with
//	ledgerctl cosign -policy FILE -dir DIR    ask witnesses over HTTP to cosign it
//	ledgerctl prove INDEX -dir DIR            a receipt: a tlog-proof file that needs no log
//	ledgerctl receipt FILE -vkey KEY          check a receipt; needs no folder
//	ledgerctl consistency OLD -dir DIR        does the log extend a checkpoint or a size?
//	ledgerctl export tiles OUT -dir DIR       a c2sp.org/tlog-tiles folder for outsiders
//	ledgerctl serve -dir DIR                  the same over HTTP on 127.0.0.1
//	ledgerctl shred SUBJECT -dir DIR          erase a data subject for good
//
// Run it from the module as `go run ./examples/ledgerctl CMD …`; `ledgerctl CMD
// -h` explains the flags of a command, which may stand before and behind its
// words. With -json standard output holds one JSON object a line; progress goes
// to standard error. A payload is printed only with -payload.
//
// A folder is opened read-only unless the command must write: shred and cosign do,
// and what needs a signature does where the newest checkpoint is older than the
// log.
//
// Exit code 0: done, and it holds; 1: damage, or something that does not verify
// or failed; 2: a bad command, flag or file.
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
	run               func(ctx context.Context, c *call) error
	flags             func(c *call) // those that only it has; nil for none
	noFolder          bool          // it opens none
}

var commands = []command{
	{name: "verify", does: "audit every entry, and name the one at fault", run: verify, flags: verifyFlags},
	{name: "show", does: "print entries by index, stream, type, subject and time", run: show, flags: showFlags},
	{name: "checkpoint", does: "print the signed head of the log", run: checkpoint},
	{name: "vkey", does: "print the public key of the log", run: vkey, flags: vkeyFlags},
	{name: "cosign", does: "ask witnesses to cosign the head of the log, and keep what they sign", run: cosign, flags: cosignFlags},
	{name: "prove", words: "INDEX", does: "write a receipt: a tlog-proof file that needs no log", run: prove, flags: proveFlags},
	{name: "receipt", words: "FILE", does: "check a receipt with public keys", run: receipt, flags: receiptFlags, noFolder: true},
	{name: "consistency", words: "OLD", does: "check that the log extends a checkpoint (a file) or a size, and prove it", run: consistency},
	{name: "export", words: "tiles OUT", does: "write a c2sp.org/tlog-tiles folder, or what is new into it", run: export, flags: exportFlags},
	{name: "serve", does: "serve the tiles over HTTP until interrupted", run: serve, flags: serveFlags},
	{name: "shred", words: "SUBJECT", does: "erase the payloads of a data subject for good", run: shred, flags: shredFlags},
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
	fmt.Fprintln(stderr, "usage: ledgerctl COMMAND [words] [flags]; ledgerctl COMMAND -h explains the flags")
	for _, cmd := range commands {
		fmt.Fprintf(stderr, "  %-22s %s\n", cmd.name+" "+cmd.words, cmd.does)
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

// exitCode prints the error, if there is one, and says how the program ends.
func exitCode(err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, "ledgerctl:", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return 2
	}
	return 1
}
