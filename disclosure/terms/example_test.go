package terms_test

import (
	"errors"
	"fmt"

	"github.com/deeperpoint/csss/disclosure/terms"
)

// A consultation is filled in, sent to both sides, and accepted by its digest.
func Example() {
	consult := terms.Standard()[0]
	d, err := terms.Fill(consult, map[string]string{
		"category": "expertise.machining", "kind": "technical_query", "mode": "remote",
		"hours": "2.5 h", "rate": "165.00", "currency": "CAD",
	})
	if err != nil {
		panic(err)
	}
	for _, c := range d.Clauses {
		if c.ID == "hours-cap" || c.ID == "price" {
			fmt.Println(c.Title+":", c.Text)
		}
	}

	received, err := terms.Decode(d.Encode())
	fmt.Println(received.Template, received.Version, received.Digest() == d.Digest(), err)

	received.Clauses = received.Clauses[:len(received.Clauses)-1]
	fmt.Println("without the last clause:", received.Digest() == d.Digest())
	// Output:
	// Hours: At most 2.5 h are worked. More hours need a new agreement before they are worked; without one they are not paid.
	// Price: The Client pays 165.00 CAD for each hour worked, part of an hour in proportion, with sales tax on top where the law asks for it. Nothing is added for preparation or travel unless both sides agreed to it in writing before.
	// consult-v1 1.0.0 true <nil>
	// without the last clause: false
}

// A market may bring its own terms. A clause that mentions an optional
// parameter is there only where the parameter is given.
func ExampleFill() {
	t := terms.Template{
		ID: "loan-v1", Version: "1.0.0", Title: "Loan of a gauge",
		Clauses: []terms.Clause{
			{ID: "price", Title: "Price", Text: "The loan costs {{rate}} {{currency}}."},
			{ID: "deposit", Title: "Deposit", Text: "The deposit is {{deposit}} {{currency}}."},
		},
		Params: []terms.Param{
			{Name: "rate", Kind: terms.Money, Required: true},
			{Name: "currency", Kind: terms.Currency, Required: true},
			{Name: "deposit", Kind: terms.Money},
		},
	}
	d, err := terms.Fill(t, map[string]string{"rate": "40.00", "currency": "CAD"})
	fmt.Println(d.Clauses, err)

	_, err = terms.Fill(t, map[string]string{"rate": "40", "currency": "CAD"})
	fmt.Println(err)
	if p, ok := errors.AsType[*terms.ParamError](err); ok {
		fmt.Println(p.Param, p.Problem)
	}
	// Output:
	// [{price Price The loan costs 40.00 CAD.}] <nil>
	// terms: param "rate" of loan-v1 is malformed, want an amount with exactly 2 decimals, such as 120.00
	// rate is malformed
}

// A template is checked once, when the market is set up.
func ExampleTemplate_Validate() {
	t := terms.Standard()[0]
	t.Clauses[0].Text = "The Provider is {{provider}}."
	fmt.Println(t.Validate())
	// Output:
	// terms: template "consult-v1": clauses[0].text: want placeholders of declared parameters: category, currency, hours, kind, mode, nonce, per_week, rate, weeks
}
