package ledger_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/witness"
)

// A verifier that knows the first key gets to today's by the receipts of the
// rotations between.
func ExampleVerifier_Follow() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(&ledger.Options{Name: "market.example/log"})
	if err != nil {
		panic(err)
	}
	defer log.Close()
	told := ledger.Key{VerifierKey: log.VerifierKey()} // years ago, on paper

	log.Rotate(ctx, nil)
	log.Retire(ctx, told.VerifierKey, nil)
	log.Append(ctx, ledger.Append{Stream: "session/1", Type: "terms.accepted", Key: "k"})
	today, _ := log.ExportReceipt(ctx, 2)

	verifier, err := ledger.NewVerifier([]ledger.Key{told}, nil)
	if err != nil {
		panic(err)
	}
	_, err = verifier.Receipt(today)
	fmt.Println(err)

	rotations, _ := log.Rotations(ctx)
	verifier, err = verifier.Follow(rotations...)
	fmt.Println(len(rotations), err)
	info, err := verifier.Receipt(today)
	fmt.Println(info.Index, err)
	// Output:
	// ledger: receipt does not verify: note has no verifiable signatures
	// 2 <nil>
	// 2 <nil>
}

// The two employers run a witness each; a reader who asks for both signatures
// cannot be shown another history than the other.
func ExampleLog_Cosign() {
	ctx := context.Background()
	log, err := ledger.OpenMemory(&ledger.Options{Name: "market.example/log"})
	if err != nil {
		panic(err)
	}
	defer log.Close()

	var witnesses []ledger.Witness
	var keys []string
	for _, name := range []string{"buyer.example/witness", "seller.example/witness"} {
		secret, public, _ := witness.GenerateKey(name)
		server, err := witness.NewServer(secret, witness.NewMemoryStore(), log.VerifierKey())
		if err != nil {
			panic(err)
		}
		web := httptest.NewServer(server)
		defer web.Close()
		client, err := witness.NewClient(web.Client(), web.URL, public)
		if err != nil {
			panic(err)
		}
		witnesses, keys = append(witnesses, client), append(keys, public)
	}
	policy, err := witness.AtLeast(2, keys...)
	if err != nil {
		panic(err)
	}
	reader, err := ledger.NewVerifier([]ledger.Key{{VerifierKey: log.VerifierKey()}}, &ledger.VerifierOptions{Policy: policy})
	if err != nil {
		panic(err)
	}

	log.Append(ctx, ledger.Append{Stream: "session/1", Type: "terms.accepted", Key: "k"})
	for n := range 3 {
		log.Cosign(ctx, witnesses[:n]...)
		receipt, _ := log.ExportReceipt(ctx, 0)
		_, err = reader.Receipt(receipt)
		fmt.Println(n, err)
	}
	// Output:
	// 0 ledger: receipt does not verify: witness: quorum is not reached: 0 witnesses cosigned, not buyer.example/witness, seller.example/witness
	// 1 ledger: receipt does not verify: witness: quorum is not reached: 1 witnesses cosigned, not seller.example/witness
	// 2 <nil>
}
