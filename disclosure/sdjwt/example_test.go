package sdjwt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/deeperpoint/csss/disclosure/sdjwt"
)

// A session begins: the exchange commits for a firm to all that a later stage may show. At the reveal the other side
// checks that what it sees is what was promised.
func ExampleCommit() {
	exchange := seededKey(7) // in earnest a key that tells nothing of the firm
	listing := map[string]any{
		"machine": "Makino D500",
		"rate":    map[string]any{"cents": 12500, "per": "hour"},
		"email":   "planning@firm.example",
	}
	commitment, err := sdjwt.Commit("session-4711", listing, exchange, nil)
	if err != nil {
		panic(err)
	}
	logged := commitment.Digest()

	// At once, for the other side: it tells nothing.
	promise, err := commitment.Present()
	if err != nil {
		panic(err)
	}
	fields, err := sdjwt.Open(promise.Compact(), logged, "session-4711", exchange.Public(), nil)
	fmt.Println("promised:", fields, err)

	// At the reveal: the machine and its rate, not yet the address.
	shown, err := commitment.Present("/machine", "/rate")
	if err != nil {
		panic(err)
	}
	fields, err = sdjwt.Open(shown.Compact(), logged, "session-4711", exchange.Public(), nil)
	fmt.Println("shown:", fields, err)

	// A better machine than was promised, signed by the same key.
	listing["machine"] = "Makino D800Z"
	other, err := sdjwt.Commit("session-4711", listing, exchange, nil)
	if err != nil {
		panic(err)
	}
	_, err = sdjwt.Open(other.Compact(), logged, "session-4711", exchange.Public(), nil)
	fmt.Println("bait and switch:", err)
	// Output:
	// promised: map[] <nil>
	// shown: map[machine:Makino D500 rate:map[cents:12500 per:hour]] <nil>
	// bait and switch: sdjwt: not the commitment that was logged
}

// Claims can be withheld as a whole, by their members or element by element.
func ExampleIssue() {
	issuer := seededKey(1)
	s, err := sdjwt.Issue(map[string]any{
		"iss":         "https://exchange.example",
		"certificate": map[string]any{"norm": "ISO 9001", "number": "QM-77"},
		"processes":   []string{"milling", "turning"},
	}, issuer, &sdjwt.IssueOptions{
		Disclosable: []string{"/certificate", "/certificate/number", "/processes/*"},
		Pad:         map[string]int{"/processes": 4},
	})
	if err != nil {
		panic(err)
	}
	some, err := s.Present("/certificate")
	if err != nil {
		panic(err)
	}
	claims, err := sdjwt.Verify(some.Compact(), issuer.Public(), &sdjwt.VerifyOptions{Issuer: "https://exchange.example"})
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
	fmt.Println(s)
	// Output:
	// {"certificate":{"norm":"ISO 9001"},"iss":"https://exchange.example","processes":[]}
	// sealed
}

// A key binding shows that the holder himself presents the token, now and to this verifier.
func ExampleSDJWT_Bind() {
	issuer, holder := seededKey(1), seededKey(2)
	s, err := sdjwt.Issue(map[string]any{"skill": "five-axis milling"}, issuer, &sdjwt.IssueOptions{
		Disclosable: []string{"/skill"},
		Holder:      holder.Public(),
	})
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	bound, err := s.Bind(holder, "https://verifier.example", "nonce-1", now)
	if err != nil {
		panic(err)
	}
	expect := &sdjwt.VerifyOptions{Now: now, RequireKeyBinding: true, Audience: "https://verifier.example", Nonce: "nonce-1"}
	claims, err := sdjwt.Verify(bound.Compact(), issuer.Public(), expect)
	fmt.Println(claims["skill"], err)

	expect.Nonce = "nonce-2"
	_, err = sdjwt.Verify(bound.Compact(), issuer.Public(), expect)
	fmt.Println("replayed:", errors.Is(err, sdjwt.ErrKeyBinding))
	// Output:
	// five-axis milling <nil>
	// replayed: true
}

func ExamplePath() {
	fmt.Println(sdjwt.Path("certificate", "number"), sdjwt.Path("processes", "*"), sdjwt.Path("a/b"))
	// Output: /certificate/number /processes/* /a~1b
}
