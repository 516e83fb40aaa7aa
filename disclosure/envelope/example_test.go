package envelope_test

import (
	"context"
	"fmt"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/envelope"
)

// must keeps the examples to their point.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// An identity is sealed when it is listed, and opened at the reveal with what the
// party handed over with its opt-in and the employer with its authorisation.
func Example() {
	ctx := context.Background()
	phone, office, engine := must(envelope.GenerateKey(0)), must(envelope.GenerateKey(0)), must(envelope.GenerateKey(0))
	scope := envelope.Scope{
		Listing: "offer/88@3", Session: "s-17",
		Schema: disclosure.DigestOf([]byte("the schema")), Policy: disclosure.DigestOf([]byte("the rules")),
	}
	identity := disclosure.NewIdentity(disclosure.IdentityData{LegalName: "Holloway Tool & Die", City: "Brantford"})
	holders := envelope.Holders{Party: phone.Public(), Employer: office.Public(), Operator: engine.Public()}
	e := must(envelope.Seal(identity, holders, scope, nil))
	fmt.Println("stored:", len(e.Bytes()), "bytes")

	// The person opts in, on her phone; then her employer authorises.
	hers := must(envelope.OpenShare(ctx, e, scope, envelope.Party, phone))
	withOptIn := must(hers.HandTo(engine.Public()))
	theirs := must(envelope.OpenShare(ctx, e, scope, envelope.Employer, office))
	withAuthorisation := must(theirs.HandTo(engine.Public()))

	// The reveal.
	party := must(envelope.Receive(ctx, e, scope, envelope.Party, withOptIn, engine))
	employer := must(envelope.Receive(ctx, e, scope, envelope.Employer, withAuthorisation, engine))
	operator := must(envelope.OpenShare(ctx, e, scope, envelope.Operator, engine))
	_, err := envelope.Combine(e, scope, party, operator)
	fmt.Println("without the employer:", err)
	opened := must(envelope.Combine(e, scope, party, employer, operator))
	fmt.Println("printed:", opened, party)
	fmt.Println("opened:", opened.Open().LegalName)
	// Output:
	// stored: 4610 bytes
	// without the employer: envelope: refused
	// printed: sealed sealed
	// opened: Holloway Tool & Die
}

// What is shredded keeps its digest, so the ledger's entries about it still hold.
func ExampleEnvelope_Shred() {
	key := func() envelope.PublicKey { return must(envelope.GenerateKey(envelope.X25519)).Public() }
	e := must(envelope.Seal(disclosure.NewIdentity(disclosure.IdentityData{LegalName: "Holloway"}),
		envelope.Holders{Party: key(), Employer: key(), Operator: key()},
		envelope.Scope{Listing: "offer/88@3", Schema: disclosure.DigestOf([]byte("s")), Policy: disclosure.DigestOf([]byte("p"))}, nil))
	logged, before := e.Digest(), len(e.Bytes())
	e.Shred()
	fmt.Println(before, "bytes, then", len(e.Bytes()))
	fmt.Println(e.Digest() == logged, e.Shredded())
	// Output:
	// 1346 bytes, then 48
	// true true
}

// The operator changes its key; the identity stays closed meanwhile.
func ExampleRotate() {
	ctx := context.Background()
	party, employer, old := must(envelope.GenerateKey(0)), must(envelope.GenerateKey(0)), must(envelope.GenerateKey(envelope.X25519))
	scope := envelope.Scope{Listing: "offer/88@3", Schema: disclosure.DigestOf([]byte("s")), Policy: disclosure.DigestOf([]byte("p"))}
	e := must(envelope.Seal(disclosure.NewIdentity(disclosure.IdentityData{LegalName: "Holloway"}),
		envelope.Holders{Party: party.Public(), Employer: employer.Public(), Operator: old.Public()}, scope, nil))

	next := must(envelope.GenerateKey(envelope.MLKEM768X25519))
	rotated := must(envelope.Rotate(ctx, e, scope, envelope.Operator, old, next.Public()))
	fmt.Println("same digest:", rotated.Digest() == e.Digest())
	_, err := envelope.OpenShare(ctx, rotated, scope, envelope.Operator, old)
	fmt.Println("old key:", err)
	_, err = envelope.OpenShare(ctx, rotated, scope, envelope.Operator, next)
	fmt.Println("new key:", err)
	// Output:
	// same digest: true
	// old key: envelope: refused
	// new key: <nil>
}
