// Policyctl is for whoever answers for a firm's rules, its operations director
// first of all: it checks rule documents, runs their tests, says in plain words
// why a request is denied, and shows what others would see of an offer and what
// a new document would change.
//
//	policyctl lint FILE…                      every error with its line; then what looks wrong
//	policyctl test FILE…                      run the documents' tests; what they cover of each rule
//	policyctl explain REQUEST.json -rules F   why it is permitted or denied
//	policyctl explain -rules F -action engage -category C -with price.rate=9400 …
//	policyctl explain -dir DIR -employer FIRM -thing OFFER
//	policyctl preview OFFER -dir DIR …        what a stranger, an approver and a partner would see
//	policyctl diff OLD NEW [-dir DIR]         what decides differently
//
// Run it from the module as `go run ./examples/policyctl CMD …`; `policyctl CMD
// -h` explains the flags of a command, which may stand before and behind its
// words. All of them speak English, and French with -lang fr. A FILE that ends
// in .tests.yaml holds tests that stand beside documents. Where a host has
// attributes of its own, -schema FILE declares them as [policy.ParseSchema] says.
// With -json standard output holds one JSON object, whose "ok" is the exit code.
//
// A REQUEST is a JSON object with the keys of a document's test, of which `name`
// and `expect` are left out, and `employer`. DIR is the folder of an exchange's
// ledger; it is only read, and may be in use.
//
// Exit code 0: done, and it holds; 1: an error or a warning in a document, a test
// that fails, an outcome other than -expect, something that decides differently,
// or a command that failed; 2: a bad command, flag or file.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/deeperpoint/csss/examples/internal/cli"
)

var program = cli.Program[*call]{
	Name: "policyctl",
	Notes: `Exit code 0: done, and it holds; 1: an error or a warning in a document, a test that fails, an
outcome other than -expect, something that decides differently, or a command that failed; 2: a bad
command, flag or file. With -json standard output holds one object, whose "ok" is true with code 0.`,
	New: func(c *cli.Call) *call { return &call{Call: c, language: languageFlag{&english}} },
	Commands: []cli.Command[*call]{
		{Name: "lint", Words: "FILE…", Does: "check documents, and name what looks wrong in them", Run: lint, Flags: lintFlags},
		{Name: "test", Words: "FILE…", Does: "run the tests of documents, and tell what they cover", Run: test, Flags: testFlags},
		{Name: "explain", Words: "[REQUEST.json]", Does: "say why a request is permitted or denied", Run: explain, Flags: explainFlags},
		{Name: "preview", Words: "OFFER", Does: "show what others would see of an offer", Run: preview, Flags: previewFlags},
		{Name: "diff", Words: "OLD NEW", Does: "list what decides differently under a new document", Run: diff, Flags: diffFlags},
	},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := program.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
