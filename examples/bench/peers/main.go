// Peers runs the stores that examples/bench puts beside the ledger. It is a
// module of its own, so that nobody who uses the library has them in a module
// graph; examples/bench builds it when it is asked for a peer, and talks to it
// in lines of JSON on standard input and output (package lines).
//
// Each peer does the job that the ledger does, as far as it can: an entry gets
// the next number, its key is checked against all earlier ones, a SHA-256 of the
// entry is computed and kept with it, and the call returns once all of that is
// durable. None of them encrypts, chains entries into a tree or checks the
// version of a stream.
//
//	sqlite        modernc.org/sqlite, WAL, synchronous=FULL: one table with a unique index over the keys
//	bbolt         go.etcd.io/bbolt: a bucket of entries and a bucket of keys
//	bbolt/plain   the same without keys and hashes: a plain sequence
//
// Calls that wait while a transaction is being committed share the next one, so
// that many writers do not pay for a sync each.
package main

import (
	"fmt"
	"os"

	"github.com/deeperpoint/csss/examples/bench/lines"
)

func main() {
	b := bench{running: map[string]*running{}}
	err := lines.Serve(os.Stdin, os.Stdout, b.answer)
	b.closeAll()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}
