package disclosure_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

// An approval by rule: the employers have agreed in advance.
type agreed struct{}

func (agreed) Authorize(context.Context, disclosure.AuthRequest) (disclosure.Verdict, error) {
	return disclosure.Verdict{Allowed: true, Satisfied: true, Auto: true}, nil
}

// A shelf always has room.
type shelf struct{}

func (shelf) Reserve(context.Context, disclosure.State, time.Time) (disclosure.Record, error) {
	return disclosure.Record{Stream: "offer/1", Type: "hold.provisional"}, nil
}

func (shelf) Firm(context.Context, disclosure.State) (disclosure.Record, error) {
	return disclosure.Record{Stream: "offer/1", Type: "hold.firmed"}, nil
}

func (shelf) Release(context.Context, disclosure.State, string) (disclosure.Record, error) {
	return disclosure.Record{Stream: "offer/1", Type: "hold.released"}, nil
}

func Example() {
	ctx := context.Background()
	log := &disclosuretest.Log{}
	engine, err := disclosure.New(log, agreed{}, shelf{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 9, 15, 10, 30, 0, 0, time.UTC)
	p := disclosure.Proposal{
		ID: "p1", Session: "s1", Offer: "o1", Need: "n1", At: now,
		Parties:   [2]disclosure.Party{{Firm: "f1", Actor: "anna"}, {Firm: "f2", Actor: "ben"}},
		Summaries: [2]disclosure.Digest{disclosure.DigestOf([]byte("need")), disclosure.DigestOf([]byte("offer"))},
		Terms:     disclosure.DigestOf([]byte("consult-v1")),
	}
	if err := engine.Propose(ctx, p); err != nil {
		fmt.Println(err)
		return
	}
	for i, actor := range []string{"anna", "ben"} {
		side := disclosure.Side(i)
		st, _ := engine.Status(ctx, "s1", side, now)
		_, err := engine.Do(ctx, disclosure.Command{ID: "in", Session: "s1", Side: side, Actor: actor,
			Kind: disclosure.OptIn, Bind: st.Bind, At: now})
		st, _ = engine.Status(ctx, "s1", disclosure.Demand, now)
		fmt.Println(actor, "opts in; ben reads:", st.Phase, err)
	}
	for _, r := range log.Batches()[2] {
		fmt.Println(" ", r.Type)
	}
	// Output:
	// anna opts in; ben reads: summarised <nil>
	// ben opts in; ben reads: revealed <nil>
	//   ChoiceSealed
	//   AuthorizationSealed
	//   IdentitiesRevealed
	//   hold.provisional
}

func ExampleSummarizer() {
	s, err := disclosure.NewSummarizer(disclosure.DefaultSchema(), &disclosure.SummaryOptions{K: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range secondShift() {
		s.Put(l)
	}
	now := time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)
	_, risk, _ := s.Freeze("o-Steelcrest", now)
	shown, fresh, _ := s.For("o-Steelcrest", viewer("Cambridge", "Gridline"), now)
	for _, f := range fresh { // the text, and the place for this group
		if err := s.Install(f); err != nil { // once it is logged
			fmt.Println(err)
		}
	}
	fmt.Println(shown)
	fmt.Println("for the owner: groups", risk.K, "left out", risk.Suppressed)
	_, _, err = s.Freeze("o-Halton", now)
	fmt.Println(errors.Is(err, disclosure.ErrTooRare))
	// Output:
	// five-axis, titanium, AS9100D, ≤ 40 km
	// for the owner: groups 4 left out [shift]
	// true
}

func ExampleIdentity() {
	id := disclosure.NewIdentity(disclosure.IdentityData{LegalName: "Holloway Tool", City: "Oakville"})
	fmt.Printf("%v %+v %#v %s\n", id, id, id, id)
	fmt.Println(id.Open().City)
	// Output:
	// sealed sealed sealed sealed
	// Oakville
}

func ExampleTable() {
	for _, r := range disclosure.Table() {
		if r.Phase == disclosure.Stale && r.Allowed {
			fmt.Printf("%s %s (%s): %s\n", r.Phase, r.Kind, r.By, r.Reason)
		}
	}
	// Output:
	// stale withdraw (party): the open way out, published at a slot
	// stale deny (employer): a denial is sealed and needs nobody's leave
	// stale revoke_auth (employer): before the reveal a revocation is sealed
	// stale view (party): a read is logged before it answers
	// stale abort (system): a changed rule or fact closes like a withdrawal
	// stale expire (system): the clock acts before every command
	// stale revive (party): no silence kills a deal, and who revived is not told
}
