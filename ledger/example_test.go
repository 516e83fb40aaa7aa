package ledger_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/deeperpoint/csss/ledger"
)

// A retry is answered with the first receipt, a stale writer is refused.
func Example() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(nil)
	if err != nil {
		panic(err)
	}
	defer log.Close()

	published := ledger.Append{Stream: "offer/7f3", Type: "offer.published", Key: "cmd-1", Expect: ledger.NoStream, Payload: []byte("32 hours")}
	first, _ := log.Append(ctx, published)
	again, _ := log.Append(ctx, published)
	fmt.Println(first[0].Index, again[0].Index, again[0].Duplicate)

	_, err = log.Append(ctx, ledger.Append{Stream: "offer/7f3", Type: "offer.changed", Key: "cmd-2", Expect: ledger.NoStream})
	fmt.Println(errors.Is(err, ledger.ErrConflict), err)

	for e, err := range log.Read(ctx, ledger.Query{Stream: "offer/7f3"}) {
		fmt.Println(e.StreamVersion, e.Type, string(e.Payload), err)
	}
	// Output:
	// 0 0 true
	// true ledger: append 0 of the batch expects no stream, stream has version 1
	// 1 offer.published 32 hours <nil>
}

// A receipt file is checked with the log's public key alone, and shows what was
// logged only together with an opening.
func ExampleVerifyReceipt() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(&ledger.Options{Name: "market.example/log"})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	receipts, _ := log.Append(ctx, ledger.Append{Stream: "session/1", Type: "terms.accepted", Key: "k", Payload: []byte("both")})

	file, _ := log.ExportReceipt(ctx, receipts[0].Index)
	info, err := ledger.VerifyReceipt(file, log.VerifierKey())
	fmt.Println(info.Origin, info.Index, info.Size, info.Leaf == receipts[0].Leaf, err)

	opening, _ := log.OpenPayload(ctx, 0)
	fmt.Println(string(opening.Payload), info.Opens(opening))

	file[len(file)/2] ^= 1
	_, err = ledger.VerifyReceipt(file, log.VerifierKey())
	fmt.Println(errors.Is(err, ledger.ErrReceipt))
	// Output:
	// market.example/log 0 1 true <nil>
	// both true
	// true
}

// After a shredding the entry stays provable and its payload is gone.
func ExampleLog_Shred() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(nil)
	if err != nil {
		panic(err)
	}
	defer log.Close()
	log.Append(ctx, ledger.Append{Stream: "person/9", Type: "person.registered", Key: "k1", Subjects: []string{"subject-9"}, Payload: []byte("welder, Guelph")})
	file, _ := log.ExportReceipt(ctx, 0)

	log.Shred(ctx, "subject-9", &ledger.ShredOptions{Key: "k2", Reason: "request of 3 May"})
	for e := range log.Read(ctx, ledger.Query{}) {
		fmt.Printf("%s %t %q\n", e.Type, e.Erased, e.Payload)
	}
	_, err = ledger.VerifyReceipt(file, log.VerifierKey())
	findings, audit := log.Verify(ctx, nil)
	fmt.Println(err, findings.Erased, audit)
	// Output:
	// person.registered true ""
	// subject.shredded false "request of 3 May"
	// <nil> 1 <nil>
}

// A later tree is shown to extend an earlier one.
func ExampleLog_ProveConsistency() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(nil)
	if err != nil {
		panic(err)
	}
	defer log.Close()
	for i := range 5 {
		log.Append(ctx, ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(i)})
	}
	p, _ := log.ProveConsistency(ctx, 2, 5)
	fmt.Println(p.Verify(p.FromRoot, p.ToRoot))
	fmt.Println(p.Verify(p.ToRoot, p.FromRoot))
	// Output:
	// <nil>
	// ledger: proof does not verify: consistency of sizes 2 and 5
}
