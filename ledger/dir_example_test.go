package ledger_test

import (
	"context"
	"fmt"
	"os"

	"github.com/deeperpoint/csss/ledger"
)

// A directory outlives its log; an expectation carries over.
func ExampleOpenDir() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	for range 2 {
		log, err := ledger.OpenDir(ctx, dir, nil)
		if err != nil {
			panic(err)
		}
		n := log.StreamVersion("offer/1")
		r, err := log.Append(ctx, ledger.Append{
			Stream: "offer/1", Type: "offer.changed", Key: fmt.Sprint("change-", n), Expect: ledger.Exactly(n),
		})
		fmt.Println(r[0].Index, r[0].StreamVersion, err)
		log.Close()
	}
	// Output:
	// 0 1 <nil>
	// 1 2 <nil>
}
