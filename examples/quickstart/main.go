// Quickstart tells one deal from two firms' words to a logged engagement: a
// robotics integrator in Cambridge needs fifty hours of five-axis titanium
// machining, and a shop 37.8 km away has two centres that stand idle at night.
// Around them is a seeded market of 300 firms and 1,000 offers, six decoys
// among them that fail one fact each.
//
//	go run ./examples/quickstart                  the story, offline
//	go run ./examples/quickstart -data DIR        the matching engine over a retrieval set in BEIR form
//	go run ./examples/quickstart -data DIR -json  the same, one JSON object a line
//
// Exit code 0: everything was as told; 1: a step was not, or failed; 2: a bad
// flag.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	data := flag.String("data", "", "folder with corpus.jsonl, queries.jsonl and qrels.tsv; empty tells the story")
	asJSON := flag.Bool("json", false, "with -data: one JSON object a line")
	seed := flag.Uint64("seed", 0, "seed of the market around the story")
	flag.Parse()
	if flag.NArg() > 0 || *asJSON && *data == "" || *seed != 0 && *data != "" {
		fmt.Fprintln(os.Stderr, "quickstart: -json goes with -data, -seed without it, and there are no arguments")
		os.Exit(2)
	}
	ctx := context.Background()
	var err error
	if *data != "" {
		err = retrieval(ctx, *data, filepath.Base(filepath.Clean(*data)), *asJSON, os.Stdout)
	} else {
		err = tell(ctx, *seed, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}
