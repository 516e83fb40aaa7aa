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
	"os"
	"os/signal"

	"github.com/deeperpoint/csss/examples/internal/cli"
)

var program = cli.Program[*call]{
	Name: "ledgerctl",
	New:  func(c *cli.Call) *call { return &call{Call: c} },
	Commands: []cli.Command[*call]{
		onFolder(cli.Command[*call]{Name: "verify", Does: "audit every entry, and name the one at fault", Run: verify, Flags: verifyFlags}),
		onFolder(cli.Command[*call]{Name: "show", Does: "print entries by index, stream, type, subject and time", Run: show, Flags: showFlags}),
		onFolder(cli.Command[*call]{Name: "checkpoint", Does: "print the signed head of the log", Run: checkpoint}),
		onFolder(cli.Command[*call]{Name: "vkey", Does: "print the public key of the log", Run: vkey, Flags: vkeyFlags}),
		onFolder(cli.Command[*call]{Name: "cosign", Does: "ask witnesses to cosign the head of the log, and keep what they sign", Run: cosign, Flags: cosignFlags}),
		onFolder(cli.Command[*call]{Name: "prove", Words: "INDEX", Does: "write a receipt: a tlog-proof file that needs no log", Run: prove, Flags: proveFlags}),
		{Name: "receipt", Words: "FILE", Does: "check a receipt with public keys", Run: receipt, Flags: receiptFlags},
		onFolder(cli.Command[*call]{Name: "consistency", Words: "OLD", Does: "check that the log extends a checkpoint (a file) or a size, and prove it", Run: consistency}),
		onFolder(cli.Command[*call]{Name: "export", Words: "tiles OUT", Does: "write a c2sp.org/tlog-tiles folder, or what is new into it", Run: export, Flags: exportFlags}),
		onFolder(cli.Command[*call]{Name: "serve", Does: "serve the tiles over HTTP until interrupted", Run: serve, Flags: serveFlags}),
		onFolder(cli.Command[*call]{Name: "shred", Words: "SUBJECT", Does: "erase the payloads of a data subject for good", Run: shred, Flags: shredFlags}),
	},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := program.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
