package ledgertest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/ledgertest"
)

// The second commit reaches the store, but nobody is told. After reopening, the
// key says what happened.
func ExampleFaultStore() {
	ctx := context.Background()
	store := ledger.NewMemoryStore()
	lost := fmt.Errorf("connection lost: %w", ledger.ErrUnknownOutcome)
	log, err := ledger.Open(ctx, ledgertest.FaultStore(store, ledgertest.FailCommit(2, true, lost)), nil)
	if err != nil {
		panic(err)
	}
	for _, key := range []string{"one", "two", "three"} {
		_, err := log.Append(ctx, ledger.Append{Stream: "s", Type: "t", Key: key})
		fmt.Println(key, errors.Is(err, ledger.ErrPoisoned), errors.Is(err, ledger.ErrUnknownOutcome))
	}
	log.Close()

	log, err = ledger.Open(ctx, store, nil)
	if err != nil {
		panic(err)
	}
	defer log.Close()
	for _, key := range []string{"two", "three"} {
		_, there, _ := log.ByKey(ctx, key)
		fmt.Println(key, there)
	}
	// Output:
	// one false false
	// two true true
	// three true false
	// two true
	// three false
}
