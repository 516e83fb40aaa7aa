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

// A log can be looked at while another process writes it.
func ExampleOpenDirStore_readOnly() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	writer, err := ledger.OpenDir(ctx, dir, nil)
	if err != nil {
		panic(err)
	}
	defer writer.Close()
	change := ledger.Append{Stream: "offer/1", Type: "offer.changed", Key: "change-1"}
	if _, err := writer.Append(ctx, change); err != nil {
		panic(err)
	}

	store, err := ledger.OpenDirStore(dir, &ledger.DirOptions{ReadOnly: true})
	if err != nil {
		panic(err)
	}
	reader, err := ledger.Open(ctx, store, nil)
	if err != nil {
		panic(err)
	}
	defer reader.Close()
	fmt.Println(reader.Size(), "entry")
	change.Key = "change-2"
	_, err = reader.Append(ctx, change)
	fmt.Println(err)
	// Output:
	// 1 entry
	// ledger: store is read-only
}
