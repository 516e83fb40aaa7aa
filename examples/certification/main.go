// Certification tells how one firm's finished IATF 16949 programme helps
// others, two to four hours a week and never a competitor: the employer's
// grant bounds every engagement, two clients share the hours one after the
// other, and when the grant ends, what runs under it ends too. Around them is
// a seeded market of 300 firms and 1,000 offers.
//
//	go run ./examples/certification            the story, offline
//	go run ./examples/certification -seed 7    in another market
//
// Exit code 0: everything was as told; 1: a step was not, or failed; 2: a bad
// flag.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() {
	seed := flag.Uint64("seed", 0, "seed of the market around the story")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "certification: there are no arguments")
		os.Exit(2)
	}
	if err := tell(context.Background(), *seed, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "certification:", err)
		os.Exit(1)
	}
}
