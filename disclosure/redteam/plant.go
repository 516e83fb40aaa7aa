package redteam

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The usual field: firm 0 asks, firm 1 offers what it asks for, and the others
// offer the same at a rate that nobody pays, so that summaries are shared.
const (
	buyer  = 0
	victim = 1
)

// Field of one seller whom the usual question fits.
const (
	usualMachine = "5_axis_machining_center"
	usualFloor   = 9500
	usualHours   = 100
	dear         = 90_000
)

// Usual returns the plant that most attackers begin with: firm 0 asks and firm 1
// has what it asks for; further firms offer the same at a rate that nobody pays,
// so many that k employers and some more share its summary.
func Usual(seed uint64, k int) Plant {
	p := Plant{Seed: seed}
	r := rand.New(rand.NewPCG(seed, 0xf1e1d))
	for i := range k + 3 {
		f := Named(r, i)
		if i != buyer {
			f.Offer = &Offer{Machine: usualMachine, Floor: dear, Hours: usualHours, Until: 92, Tolerance: 20}
		}
		p.Firms = append(p.Firms, f)
	}
	p.Firms[victim].Offer.Floor = usualFloor
	return p
}

// UsualQuestion is what firm 1 of [Usual] fits.
func UsualQuestion() Question {
	return Question{Machine: usualMachine, Ceiling: 15_000, Hours: 20, Until: 30}
}

// Named returns a firm whose names occur nowhere else.
func Named(r *rand.Rand, i int) Firm {
	given, family := word(r), word(r)
	firm := word(r) + " " + word(r)
	return Firm{
		Group: fmt.Sprintf("group-%d", i), LegalName: firm, Contact: given + " " + family,
		Email:  strings.ToLower(given + "@" + strings.ReplaceAll(firm, " ", "-") + ".example"),
		Phone:  fmt.Sprintf("+1 %03d 555 %04d", 200+r.IntN(800), r.IntN(10_000)),
		Street: fmt.Sprintf("%d %s Crossing", 1000+r.IntN(9000), word(r)), Serial: fmt.Sprintf("SN-%08d-%s", r.IntN(100_000_000), word(r)[:3]),
		Site: i,
	}
}

// word is a name that no language has.
func word(r *rand.Rand) string {
	const hard, soft = "bdfgjkprtvwxz", "aeiou"
	var b strings.Builder
	for range 4 {
		b.WriteByte(hard[r.IntN(len(hard))])
		b.WriteByte(soft[r.IntN(len(soft))])
	}
	text := b.String()
	return strings.ToUpper(text[:1]) + text[1:]
}

// meets asks the usual question and selects the victim; both sides then have a
// handle. In a crowd others may be found first.
func (f *Field) meets(q Question) (demand, supply string, err error) {
	a := f.Play(Move{Verb: Ask, Firm: buyer, Thing: "need", Question: q})
	for _, find := range a.Finds {
		if a := f.Play(Move{Verb: Select, Firm: buyer, Handle: find.Handle}); !a.OK {
			return "", "", fmt.Errorf("a candidate was not selected: %.200s", a.Seen)
		}
		if invited := f.Play(Move{Verb: Inbox, Firm: victim}).Finds; len(invited) > 0 {
			return find.Handle, invited[0].Handle, nil
		}
	}
	return "", "", fmt.Errorf("the usual question does not find firm %d: %.200s", victim, a.Seen)
}

// meet opens a usual market with a session in it.
func (c *Campaign) meet() (f *Field, demand, supply string, err error) {
	if f, err = c.Open(Usual(c.Seed, c.K)); err != nil {
		return nil, "", "", err
	}
	demand, supply, err = f.meets(UsualQuestion())
	return f, demand, supply, err
}

// consents lists the four moves that make a reveal.
func consents(demand, supply string) []Move {
	return []Move{
		{Verb: OptIn, Firm: buyer, Handle: demand}, {Verb: Approve, Firm: buyer, As: Approver, Handle: demand},
		{Verb: OptIn, Firm: victim, Handle: supply}, {Verb: Approve, Firm: victim, As: Approver, Handle: supply},
	}
}
