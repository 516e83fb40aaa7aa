// Technicalquery tells how a gear maker whose ceramic inserts fail within four
// minutes finds, in a day and for two and a half hours, somebody who has
// solved that problem three times before: a semi-retired specialist at a firm
// it has never heard of. The specialist's own consent counts, not only the
// employer's, and the employer's rules approve by themselves. Around them is a
// seeded market of 300 firms and 1,000 offers, with five other experts whom a
// topic, a quota, a date or another trade keeps apart.
//
//	go run ./examples/technicalquery            the story, offline
//	go run ./examples/technicalquery -seed 7    in another market
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
		fmt.Fprintln(os.Stderr, "technicalquery: there are no arguments")
		os.Exit(2)
	}
	if err := tell(context.Background(), *seed, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "technicalquery:", err)
		os.Exit(1)
	}
}
