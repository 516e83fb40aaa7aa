package csss_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/policy"
)

// mill is a firm of three whose owner or director releases machine hours.
func mill(now time.Time) (*csss.Exchange, error) {
	ctx := context.Background()
	x, err := csss.Open(ctx, csss.Config{})
	if err != nil {
		return nil, err
	}
	_, err = x.Import(ctx, csss.By{At: now}, csss.Import{
		Firms: []csss.Firm{{ID: "mill", LegalName: "Millrace Machining", Sites: []csss.Site{{ID: "site", Zone: "America/Toronto"}},
			People: []csss.Person{{ID: "olga", Roles: []string{"owner"}}, {ID: "dora", Roles: []string{"operations_director"}}, {ID: "max"}}}},
		Policies: []csss.PolicyText{{Firm: "mill", Name: "mill.yaml", Text: []byte(`
apiVersion: csss.policy/v1
employer: mill
version: 1
approvals:
  - {id: release, seats: [operations_director, owner], need: 1, expires: 72h, delegation: {depth: 1}}
rules:
  - {id: sell, effect: permit, actions: [reveal, engage], categories: [machine], approval: release}
`)}},
	})
	return x, err
}

// The owner lets somebody approve in her place, within bounds.
func ExampleExchange_Delegate() {
	now := time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC)
	x, err := mill(now)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer x.Close()
	olga := csss.By{Firm: "mill", Person: "olga", At: now}
	h := csss.HandOver{ID: "holidays", To: "max", Requirement: "release", Until: now.AddDate(0, 0, 14),
		Bounds: []policy.Bound{{Attr: "request.total", Op: policy.AtMost, Value: int64(60 * time.Hour)}}}
	_, err = x.Delegate(context.Background(), olga, h)
	fmt.Println(err)
	h.ID, h.Depth = "deeper", 1
	_, err = x.Delegate(context.Background(), olga, h)
	fmt.Println(err)
	_, err = x.Undelegate(context.Background(), olga, "holidays")
	fmt.Println(err)
	// Output:
	// <nil>
	// csss: hand_over.depth: is 1, must be below 1 by the rules
	// <nil>
}

// A grant pre-approves deals up to sixty hours.
func ExampleExchange_IssueGrant() {
	now := time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC)
	x, err := mill(now)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer x.Close()
	olga := csss.By{Firm: "mill", Person: "olga", At: now}
	g := policy.Grant{ID: "standing", Role: "operations_director", May: []string{"reveal", "engage"}, Categories: []string{"machine"},
		Discharges: []string{"releases"}, Until: now.AddDate(0, 3, 0),
		Bounds: []policy.Bound{{Attr: "request.total", Op: policy.AtMost, Value: int64(60 * time.Hour)}}}
	_, err = x.IssueGrant(context.Background(), olga, g)
	fmt.Println(err)
	g.Discharges = []string{"release"}
	_, err = x.IssueGrant(context.Background(), olga, g)
	fmt.Println(err)
	_, err = x.RevokeGrant(context.Background(), olga, "standing")
	fmt.Println(err)
	// Output:
	// csss: grant.discharges[0]: is no approval of the document
	// <nil>
	// <nil>
}

// A firm signs its rules; nothing else changes them from then on.
func ExampleExchange_ApplyBundle() {
	ctx, now := context.Background(), time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC)
	x, err := mill(now)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer x.Close()
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize))) // kept in a device, at best
	dora := csss.By{Firm: "mill", Person: "dora", At: now}
	pins := csss.Pins{Keys: []policy.Key{{Employer: "mill", Public: key.Public().(ed25519.PublicKey)}}, Only: true}
	if _, err := x.PinKeys(ctx, dora, "mill", pins); err != nil {
		fmt.Println(err)
	}
	text := []byte("apiVersion: csss.policy/v1\nemployer: mill\nversion: 2\nrules: []\n")
	bundle, err := policy.SignBundle(nil, policy.Source{Name: "mill.yaml", Text: text}, now, now.AddDate(0, 0, 7), key)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = x.SetPolicy(ctx, dora, "mill", "mill.yaml", text)
	fmt.Println(err)
	_, err = x.ApplyBundle(ctx, dora, "mill", bundle)
	fmt.Println(err)
	_, err = x.ApplyBundle(ctx, dora, "mill", bundle)
	fmt.Println(err)
	// Output:
	// csss: the firm takes rules from signed bundles alone
	// <nil>
	// policy: bundle: older version (bundle 0: version 2: must be above 2)
}
