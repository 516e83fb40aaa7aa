package csss_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/sdjwt"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
)

// check ends an example that went wrong.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// The README's lines, each with its error checked. The market around the two
// firms, their rules and everybody else's offers come from internal/world.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "csss-example-")
	check(err)
	defer os.RemoveAll(dir)
	story := world.Story2()
	offer, need, now := story.Capable, story.Need, story.Registered()
	market := world.Build(world.Options{Firms: 1, Offers: 1, Stories: true}).Import() // the stories and their look-alikes alone
	market.Offers = slices.DeleteFunc(market.Offers, func(p csss.Publication) bool { return p.Offer.ID == offer.ID })

	x, err := csss.Open(ctx, csss.Config{Dir: dir})
	check(err)
	defer x.Close()
	_, err = x.Import(ctx, csss.By{At: world.Opening()}, market)
	check(err)

	shop := csss.By{Firm: "steelcrest-precision", Person: "usr-steelcrest-precision-01", At: now}
	_, err = x.Publish(ctx, shop, offer) // the firm's own rules decide whether it may
	check(err)

	buyer := csss.By{Firm: "gridline-robotics", Person: "usr-gridline-robotics-01", At: now}
	boss := csss.By{Firm: "gridline-robotics", Person: "usr-gridline-robotics-02", At: now}
	_, err = x.Register(ctx, buyer, need)
	check(err)
	found, err := x.Match(ctx, buyer, need.ID) // gates and both firms' rules before ranking
	check(err)
	h := found.Candidates[0].Handle // all that the buyer has of the shop
	fmt.Println(found.Candidates[0].Summary, found.Candidates[0].Place)

	_, err = x.Select(ctx, buyer, h)
	check(err)
	_, err = x.OptIn(ctx, buyer, h) // sealed: the other side cannot tell it from silence
	check(err)

	tasks, err := x.Inbox(ctx, shop) // an invitation, on an anonymised brief
	check(err)
	_, err = x.OptIn(ctx, shop, tasks[0].Handle)
	check(err)
	_, err = x.Approve(ctx, shop, tasks[0].Handle, "") // each employer's own approvers
	check(err)
	_, err = x.Approve(ctx, boss, h, "") // the fourth consent reveals both, and holds the hours
	check(err)

	v, err := x.View(ctx, buyer, h, disclosure.StageIdentity)
	check(err)
	fmt.Println(v.Identity.Open().LegalName, v.Deal.Rate) // printing v.Identity itself prints "sealed"
	_, err = x.AcceptTerms(ctx, buyer, h, v.Deal.TermsDigest)
	check(err)
	receipt, err := x.ExportReceipt(ctx, buyer, h) // verifies offline, from its file alone
	check(err)

	_, err = ledger.VerifyReceipt(receipt, x.VerifierKey())
	fmt.Println(v.Identity, err)
	// Output:
	// [five-axis titanium AS9100D] ≤ 40 km
	// Steelcrest Precision 12000
	// sealed <nil>
}

// The README's code is the Example's, line by line, without the error checks
// and the market around it.
func TestReadmeCodeRuns(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, block, found := strings.Cut(string(readme), "\n```go\n")
	require.True(t, found)
	block, _, _ = strings.Cut(block, "\n```\n")
	_, body, found := strings.Cut(string(source), "func Example() {\n")
	require.True(t, found)
	body, _, _ = strings.Cut(body, "\n}\n")
	lines := strings.Split(body, "\n")
	count := 0
	for line := range strings.SplitSeq(block, "\n") {
		want := strings.Join(strings.Fields(line), " ")
		if want == "" || strings.HasPrefix(want, "//") {
			continue
		}
		at := slices.IndexFunc(lines, func(l string) bool { return strings.Join(strings.Fields(l), " ") == want })
		require.GreaterOrEqual(t, at, 0, "not in Example, or not in this order: %s", line)
		lines = lines[at+1:]
		count++
	}
	require.Greater(t, count, 18)
}

// smallMarket opens an exchange in memory with the firms of the second story
// alone, at k = 3.
func smallMarket() (*csss.Exchange, *world.SecondShift) {
	s := world.K3Story2()
	x, err := csss.Open(context.Background(), csss.Config{K: 3, KPeople: 3})
	check(err)
	_, err = x.Import(context.Background(), csss.By{ID: "market", At: world.Opening()}, s.Import())
	check(err)
	return x, s
}

// revealedDeal plays the second story up to the reveal and returns the two
// handles.
func revealedDeal(x *csss.Exchange, s *world.SecondShift) (demand, supply disclosure.Handle) {
	ctx, now := context.Background(), s.Registered()
	_, err := x.Register(ctx, s.Requester.At(now), s.Need)
	check(err)
	found, err := x.Match(ctx, s.Requester.At(now), s.Need.ID)
	check(err)
	demand = found.Candidates[0].Handle
	_, err = x.Select(ctx, s.Requester.At(now), demand)
	check(err)
	tasks, err := x.Inbox(ctx, s.Vance.At(now))
	check(err)
	supply = tasks[0].Handle
	_, err = x.OptIn(ctx, s.Requester.At(now), demand)
	check(err)
	_, err = x.Approve(ctx, s.Director.At(now.Add(time.Hour)), demand, "spend")
	check(err)
	_, err = x.OptIn(ctx, s.Vance.At(now.Add(2*time.Hour)), supply)
	check(err)
	_, err = x.Approve(ctx, s.Owner.At(now.Add(3*time.Hour)), supply, "shift2-release")
	check(err)
	return demand, supply
}

// What a view shows after the reveal is what the other side committed itself to
// when it was asked, and an ERP that knows the exchange's public key checks
// that offline.
func ExampleExchange_View() {
	x, s := smallMarket()
	defer x.Close()
	ctx, now := context.Background(), s.Registered().Add(3*time.Hour)
	demand, _ := revealedDeal(x, s)
	v, err := x.View(ctx, s.Requester.At(now), demand, disclosure.StageIdentity)
	check(err)

	promised, err := sdjwt.Parse(v.Commitment) // the same text as before the reveal
	check(err)
	shown, err := sdjwt.Open(v.Identity.Open().Proof, promised.Digest(), string(demand), x.CommitmentKey(), nil)
	check(err)
	fmt.Println(shown["legal_name"], shown["machine_type"], shown["email"])
	fmt.Println(v.Identity, v.Details)
	// Output:
	// Steelcrest Precision [5_axis_machining_center] <nil>
	// sealed sealed
}

// An import goes through the same rules as single calls; it stops at the first
// record that is refused, and can be run again under its id.
func ExampleExchange_Import() {
	ctx := context.Background()
	x, s := smallMarket()
	defer x.Close()

	again, err := x.Import(ctx, csss.By{ID: "market"}, s.Import())
	fmt.Println(again.Duplicate, err)

	tooMuch := s.Capable
	tooMuch.ID, tooMuch.Quantity.Value = "offer-more", 40*match.Hour // the firm's grant ends at 400 h; 368 are on offer
	_, err = x.Import(ctx, csss.By{At: world.Opening()}, csss.Import{Offers: []csss.Publication{{By: s.Vance.At(world.Opening()), Offer: tooMuch}}})
	if e, ok := errors.AsType[*csss.ImportError](err); ok {
		fmt.Println(e.Part, e.Index, errors.Is(err, csss.ErrDenied))
	}
	// Output:
	// true <nil>
	// offers 0 true
}

// A firm reads which single gate stood between its offer and a need, where that
// tells it nothing private about the other side.
func ExampleExchange_NearMisses() {
	ctx := context.Background()
	x, s := smallMarket()
	defer x.Close()
	now := s.Registered()
	_, err := x.Register(ctx, s.Requester.At(now), s.Need)
	check(err)
	_, err = x.Match(ctx, s.Requester.At(now), s.Need.ID)
	check(err)

	for _, d := range s.Decoys[:3] { // aluminium only; a lathe; 250 km away
		misses, err := x.NearMisses(ctx, d.Owner.At(now), d.Offer)
		check(err)
		for _, m := range misses {
			fmt.Println(d.Name, m.Gate)
		}
	}
	_, err = x.NearMisses(ctx, s.Requester.At(now), s.Decoys[0].Offer)
	fmt.Println("somebody else:", err)
	// Output:
	// D1 material
	// D2 machine_type
	// somebody else: csss: not found
}

// From the reveal on either side can export every step with its proof.
func ExampleExchange_Trail() {
	ctx := context.Background()
	x, s := smallMarket()
	defer x.Close()
	demand, _ := revealedDeal(x, s)

	trail, err := x.Trail(ctx, s.Requester.At(s.Registered()), demand)
	check(err)
	for _, step := range trail.Steps {
		fmt.Println(step.At.In(world.Opening().Location()).Format("15:04"), step.Side, step.Name)
	}
	fmt.Println("verified:", trail.Verify(x.VerifierKey()) == nil)
	// Output:
	// 09:00 supply match.proposed
	// 09:00 supply session.opened
	// 09:00 demand optin.given
	// 10:00 demand approval.granted
	// 11:00 supply optin.given
	// 12:00 supply approval.granted
	// 12:00 supply identity.revealed
	// 12:00 supply hold.provisional
	// verified: true
}

// Erasing a person destroys the key of everything that was logged about them.
// What the log proves stays provable.
func ExampleExchange_Erase() {
	ctx := context.Background()
	x, s := smallMarket()
	defer x.Close()
	demand, _ := revealedDeal(x, s)
	now := s.Registered().AddDate(0, 0, 1)
	receipt, err := x.ExportReceipt(ctx, s.Requester.At(now), demand)
	check(err)

	v, err := x.View(ctx, s.Requester.At(now), demand, disclosure.StageIdentity)
	check(err)
	fmt.Println(v.Identity.Open().Contact)

	_, err = x.Erase(ctx, csss.By{At: now}, s.Vance.Person, "request of 2026-09-12")
	check(err)
	_, err = x.View(ctx, s.Requester.At(now), demand, disclosure.StageIdentity)
	fmt.Println(err)

	_, err = ledger.VerifyReceipt(receipt, x.VerifierKey())
	fmt.Println("receipt:", err)
	// Output:
	// R. Vance
	// csss: identity was erased
	// receipt: <nil>
}
