package ledger_test

import (
	"bytes"
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

// A query is answered from the index; whoever names a stream and a version gets
// what came after it.
func ExampleLog_Read() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(nil)
	if err != nil {
		panic(err)
	}
	defer log.Close()
	log.Append(ctx,
		ledger.Append{Stream: "offer/1", Type: "published", Key: "a", Subjects: []string{"firm-7"}},
		ledger.Append{Stream: "offer/2", Type: "published", Key: "b"},
		ledger.Append{Stream: "offer/1", Type: "changed", Key: "c"},
		ledger.Append{Stream: "offer/1", Type: "withdrawn", Key: "d", Subjects: []string{"firm-7"}},
	)
	for _, q := range []ledger.Query{
		{Stream: "offer/1", After: 1},
		{Subject: "firm-7"},
		{Type: "published", From: 1},
	} {
		for e := range log.Read(ctx, q) {
			fmt.Printf("[%d %s]", e.Index, e.Type)
		}
		fmt.Println()
	}
	// Output:
	// [2 changed][3 withdrawn]
	// [0 published][3 withdrawn]
	// [1 published]
}

// A subscription yields what is there and then what comes. A reader that notes
// the last index resumes behind it.
func ExampleLog_Subscribe() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(nil)
	if err != nil {
		panic(err)
	}
	log.Append(ctx, ledger.Append{Stream: "s", Type: "first", Key: "1"})
	for e, err := range log.Subscribe(ctx, 0) {
		if err != nil {
			fmt.Println(errors.Is(err, ledger.ErrClosed))
			break
		}
		fmt.Println(e.Index, e.Type)
		switch e.Type {
		case "first":
			log.Append(ctx, ledger.Append{Stream: "s", Type: "second", Key: "2"})
		case "second":
			log.Close()
		}
	}
	// Output:
	// 0 first
	// 1 second
	// true
}

// Public attributes stand in the leaf, for those who see nothing but the tree.
func ExampleLog_Leaves() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(nil)
	if err != nil {
		panic(err)
	}
	defer log.Close()
	log.Append(ctx, ledger.Append{Stream: "s", Type: "t", Key: "k", Public: map[string]string{"category": "cnc"}, Payload: []byte("private")})
	for leaf, err := range log.Leaves(ctx, 0, 1) {
		fmt.Println(len(leaf), bytes.Contains(leaf, []byte("cnc")), bytes.Contains(leaf, []byte("private")), err)
	}
	// Output:
	// 174 true false <nil>
}

// An audit goes as deep as it is asked to, and says how far it is.
func ExampleLog_Verify() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(nil)
	if err != nil {
		panic(err)
	}
	defer log.Close()
	for i := range 3 {
		log.Append(ctx, ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(i)})
	}
	findings, err := log.Verify(ctx, &ledger.VerifyOptions{
		Depth:    ledger.VerifyTree,
		Progress: func(done, total uint64) { fmt.Println(done, "of", total) },
	})
	fmt.Println(findings.Size, findings.Faults, err)
	// Output:
	// 3 of 3
	// 3 [] <nil>
}
