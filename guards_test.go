package csss_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/ledgertest"
	"github.com/deeperpoint/csss/match"
)

// This file takes the guards of the second story away one at a time: consents,
// facts and rules (A2), the ledger's answers (A3), the order of events (A5),
// and what tells one refusal from another (A6).

// deal is the second story at k = 3 as a list of commands with fixed ids, so
// that any of them can be left out, moved, failed or repeated.
type deal struct {
	*testing.T
	s      *world.SecondShift
	x      *csss.Exchange
	at     time.Time
	demand disclosure.Handle // how the integrator calls the shop
	supply disclosure.Handle // how the shop calls the integrator
}

// move is one command of a deal.
type move struct {
	name string
	who  world.Who
	do   func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error)
}

func newDeal(t *testing.T, cfg csss.Config) *deal {
	t.Helper()
	d := &deal{T: t, s: world.K3Story2()}
	d.at = d.s.Registered()
	d.open(cfg)
	t.Cleanup(func() { _ = d.x.Close() })
	return d
}

func (d *deal) open(cfg csss.Config) {
	d.Helper()
	x, err := csss.Open(background, atK3(cfg))
	require.NoError(d, err)
	d.x = x
}

func atK3(cfg csss.Config) csss.Config {
	if cfg.K == 0 {
		cfg.K, cfg.KPeople = 3, 3
	}
	return cfg
}

// take gives one command under its fixed id.
func (d *deal) take(m move) (csss.Receipt, error) {
	by := csss.By{Firm: m.who.Firm, Person: m.who.Person, ID: m.name, At: d.at}
	return m.do(background, d, by)
}

// must takes commands that have to be accepted.
func (d *deal) must(moves ...move) {
	d.Helper()
	for _, m := range moves {
		_, err := d.take(m)
		require.NoError(d, err, m.name)
	}
}

func (d *deal) digest() disclosure.Digest {
	d.Helper()
	digest, err := d.x.Digest()
	require.NoError(d, err)
	return digest
}

// loading brings in the market of the story, one commit each.
func (d *deal) loading() []move {
	in := d.s.Import()
	var out []move
	for name, part := range map[string]csss.Import{
		"1 firms": {Firms: in.Firms}, "2 policies": {Policies: in.Policies},
		"3 comparables": {Comparables: in.Comparables}, "4 offers": {Offers: in.Offers},
	} {
		out = append(out, move{name, world.Who{}, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.Import(ctx, by, part)
		}})
	}
	slices.SortFunc(out, func(a, b move) int { return strings.Compare(a.name, b.name) })
	return out
}

// meeting brings the two sides into a session.
func (d *deal) meeting() []move {
	s := d.s
	return []move{
		{"register", s.Requester, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.Register(ctx, by, s.Need)
		}},
		{"match", s.Requester, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			m, err := d.x.Match(ctx, by, s.Need.ID)
			if err == nil && len(m.Candidates) != 1 {
				err = fmt.Errorf("%d candidates", len(m.Candidates))
			}
			if err == nil {
				d.demand = m.Candidates[0].Handle
			}
			return m.Receipt, err
		}},
		{"select", s.Requester, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			r, err := d.x.Select(ctx, by, d.demand)
			d.invited()
			return r, err
		}},
	}
}

// invited keeps the handle of the invitation, as a host would.
func (d *deal) invited() {
	tasks, _ := d.x.Inbox(background, d.s.Vance.At(d.at))
	for _, task := range tasks {
		if task.Kind == csss.Invitation {
			d.supply = task.Handle
		}
	}
}

// consents are the four, in the story's order.
func (d *deal) consents() []move {
	s := d.s
	return []move{
		{"the requester opts in", s.Requester, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.OptIn(ctx, by, d.demand)
		}},
		{"the integrator approves", s.Director, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.Approve(ctx, by, d.demand, "spend")
		}},
		{"the publisher opts in", s.Vance, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.OptIn(ctx, by, d.supply)
		}},
		{"the shop approves", s.Owner, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.Approve(ctx, by, d.supply, "shift2-release")
		}},
	}
}

func (d *deal) views() []move {
	view := func(name string, who world.Who, h *disclosure.Handle) move {
		return move{name, who, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			_, err := d.x.View(ctx, by, *h, disclosure.StageIdentity)
			return csss.Receipt{Command: by.ID}, err
		}}
	}
	return []move{view("the requester looks", d.s.Requester, &d.demand), view("the publisher looks", d.s.Vance, &d.supply)}
}

// acceptances are both parties' yes to the same terms.
func (d *deal) acceptances() []move {
	accept := func(name string, who world.Who, h *disclosure.Handle) move {
		return move{name, who, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			status, err := d.x.Status(ctx, by, *h)
			if err != nil {
				return csss.Receipt{}, err
			}
			return d.x.AcceptTerms(ctx, by, *h, status.Bind.Terms)
		}}
	}
	return []move{accept("the requester accepts", d.s.Requester, &d.demand), accept("the publisher accepts", d.s.Vance, &d.supply)}
}

// work is what follows the engagement.
func (d *deal) work() []move {
	s := d.s
	return []move{
		{"start", s.Vance, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.Start(ctx, by, d.supply)
		}},
		{"the shop is done", s.Vance, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.Complete(ctx, by, d.supply, 50*match.Hour)
		}},
		{"the integrator is done", s.Requester, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.Complete(ctx, by, d.demand, 50*match.Hour)
		}},
		{"rate", s.Requester, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
			return d.x.Rate(ctx, by, d.demand, disclosure.Rating{Stars: 5, Solved: true})
		}},
	}
}

// story is everything, from an empty ledger to a rated engagement.
func (d *deal) story() []move {
	return slices.Concat(d.loading(), d.meeting(), d.consents(), d.views(), d.acceptances(), d.work())
}

// revealed reports whether each side can open the other's identity.
func (d *deal) revealed() (demand, supply bool) {
	d.Helper()
	return d.opens(d.s.Requester, d.demand), d.opens(d.s.Vance, d.supply)
}

func (d *deal) opens(who world.Who, h disclosure.Handle) bool {
	d.Helper()
	v, err := d.x.View(background, who.At(d.at), h, disclosure.StageIdentity)
	if err != nil {
		assert.Empty(d, v, "an error comes with nothing")
	}
	return err == nil && v.Identity.Open().LegalName != ""
}

// closedToBoth requires that nothing is revealed, now and after every deadline.
func (d *deal) closedToBoth() {
	d.Helper()
	for _, wait := range []time.Duration{0, time.Hour, 24 * time.Hour, 31 * 24 * time.Hour} {
		d.at = d.at.Add(wait)
		_, err := d.x.Tick(background, d.at)
		require.NoError(d, err)
		demand, supply := d.revealed()
		require.False(d, demand, "the integrator knows the shop after %v", wait)
		require.False(d, supply, "the shop knows the integrator after %v", wait)
	}
}

// random is what differs between two runs of one story: handles, session ids,
// digests over a nonce, the log's key, and times.
var random = regexp.MustCompile(`[0-9a-f]{20,}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d{4}|Z)?( UTC)?|csss\.local/log\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+`)

// committed is a commitment, of which only the length must say nothing.
var committed = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+~`)

// unsalted leaves out of a text what is random.
func unsalted(text string) string {
	text = committed.ReplaceAllStringFunc(text, func(s string) string { return fmt.Sprintf("a commitment of %d bytes", len(s)) })
	return random.ReplaceAllString(text, "·")
}

// masked writes values with their types and in the forms in which a host would
// pass them on, without what is random.
func masked(values ...any) string {
	var b strings.Builder
	for _, v := range values {
		text, err := json.Marshal(v)
		fmt.Fprintf(&b, "%T %+v %s %v\n", v, v, text, err)
	}
	return unsalted(b.String())
}

// told is everything that one side's people can read of a session now. Reading
// it twice changes nothing: the look at the summary has a fixed id.
func (d *deal) told(h disclosure.Handle, party, approver world.Who) string {
	d.Helper()
	look := party.At(d.at)
	look.ID = "look"
	v, err := d.x.View(background, look, h, disclosure.StageSummary)
	var out strings.Builder
	out.WriteString(masked(v, err))
	v, err = d.x.View(background, party.At(d.at), h, disclosure.StageIdentity)
	out.WriteString(masked(v, err))
	for _, who := range []world.Who{party, approver} {
		status, err := d.x.Status(background, who.At(d.at), h)
		out.WriteString(masked(status, err))
		tasks, err := d.x.Inbox(background, who.At(d.at))
		out.WriteString(masked(tasks, err))
		trail, err := d.x.Trail(background, who.At(d.at), h)
		out.WriteString(masked(trail, err))
		receipt, err := d.x.ExportReceipt(background, who.At(d.at), h)
		out.WriteString(masked(receipt, err))
	}
	m, err := d.x.Candidates(party.At(d.at), d.s.Need.ID)
	out.WriteString(masked(m, err))
	left, err := d.x.Remaining(party.At(d.at), d.s.Offer)
	return out.String() + masked(left, err)
}

// same compares two texts and shows the first line that differs.
func same(t *testing.T, want, got, format string, args ...any) {
	t.Helper()
	if want == got {
		return
	}
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("%s: line %d is\n%s\nand not\n%s", fmt.Sprintf(format, args...), i, b[i], a[i])
		}
	}
	t.Fatalf("%s: %d lines, not %d", fmt.Sprintf(format, args...), len(b), len(a))
}

func (d *deal) demandTold() string { return d.told(d.demand, d.s.Requester, d.s.Director) }
func (d *deal) supplyTold() string { return d.told(d.supply, d.s.Vance, d.s.Owner) }

// Of every subset of the four consents only the full one reveals. What is
// missing is named to the side that owes it; what a side reads depends on its
// own consents alone (A2, A6).
func TestRevealNeedsEachConsent(t *testing.T) {
	t.Parallel()
	heard := map[string]string{} // side and its own consents → everything that it can read
	for subset := range 16 {
		var given []string
		d := newDeal(t, csss.Config{})
		d.must(d.loading()...)
		d.must(d.meeting()...)
		for i, m := range d.consents() {
			if subset>>i&1 == 1 {
				d.at = d.s.Registered().Add(time.Duration(i+1) * time.Hour)
				d.must(m)
				given = append(given, m.name)
			}
		}
		d.at = d.s.Registered().Add(5 * time.Hour)
		if subset == 15 {
			demand, supply := d.revealed()
			require.True(t, demand && supply, "all four reveal")
			continue
		}
		own := [2]int{disclosure.Demand: subset & 3, disclosure.Supply: subset >> 2}
		d.missing(d.s.Requester, d.demand, own[disclosure.Demand], "spend")
		d.missing(d.s.Vance, d.supply, own[disclosure.Supply], "shift2-release")
		for side, text := range map[string]string{
			fmt.Sprint("demand", own[disclosure.Demand]): d.demandTold(),
			fmt.Sprint("supply", own[disclosure.Supply]): d.supplyTold(),
		} {
			if first, ok := heard[side]; ok {
				same(t, first, text, "%s reads of the other side's consents, with %v", side, given)
			}
			heard[side] = text
		}
		d.closedToBoth()
	}
	assert.Len(t, heard, 8, "each side's own consents make a difference to itself")
	texts := map[string]bool{}
	for _, text := range heard {
		texts[text] = true
	}
	assert.Len(t, texts, 8, "and are told to it")
}

// missing checks that a side's own status names exactly what itself still
// owes. Bit 0 of own is the opt-in, bit 1 the approval.
func (d *deal) missing(who world.Who, h disclosure.Handle, own int, approval string) {
	d.Helper()
	s, err := d.x.Status(background, who.At(d.at), h)
	require.NoError(d, err)
	require.Equal(d, disclosure.Summarised, s.Phase)
	require.Equal(d, own&1 == 1, s.Own.Choice == disclosure.ChoiceIn)
	require.Equal(d, own&2 == 2, s.Own.Authorized)
	due := []string{}
	for _, r := range s.Own.Due {
		due = append(due, r.Name)
	}
	if own&2 == 0 {
		require.Equal(d, []string{approval}, due)
	} else {
		require.Empty(d, due)
	}
}

// The order of the consents is free, and before the last one nothing is open.
func TestRevealComesWithTheLastConsentInAnyOrder(t *testing.T) {
	t.Parallel()
	orders := permutations(4)
	if testing.Short() {
		orders = orders[:6]
	}
	for _, order := range orders {
		d := newDeal(t, csss.Config{})
		d.must(d.loading()...)
		d.must(d.meeting()...)
		for i, at := range order {
			demand, supply := d.revealed()
			require.False(t, demand || supply, "after %d consents of %v", i, order)
			d.must(d.consents()[at])
		}
		demand, supply := d.revealed()
		require.True(t, demand && supply, "order %v", order)
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}

// disturbance takes away something that a reveal rests on, after three of the
// four consents.
type disturbance struct {
	name string
	side disclosure.Side // whose business it is
	do   func(d *deal) error
	by   string                            // the consent that it takes back
	own  func(o disclosure.OwnStatus) bool // what its own side reads then
}

// withdrawn is a rule document that no longer speaks of a category.
func withdrawn(text []byte, version, category string) []byte {
	out := strings.ReplaceAll(string(text), category, "space.storage")
	return []byte(regexp.MustCompile(`(?m)^version: \d+`).ReplaceAllString(out, "version: "+version))
}

func (d *deal) policyOf(firm string) []byte {
	d.Helper()
	for _, p := range d.s.Policies {
		if p.Firm == firm {
			return p.Text
		}
	}
	d.Fatalf("no rules of %s", firm)
	return nil
}

func (d *deal) setPolicy(firm string, text []byte) error {
	// Tests of a document belong to its other version.
	doc, _, _ := strings.Cut(string(text), "\ntests:")
	_, err := d.x.SetPolicy(background, csss.By{At: d.at}, firm, firm+".yaml", []byte(doc+"\n"))
	return err
}

func suspended(o disclosure.OwnStatus) bool  { return o.Suspended }
func unapproved(o disclosure.OwnStatus) bool { return !o.Authorized && !o.Suspended }
func undecided(o disclosure.OwnStatus) bool  { return o.Choice != disclosure.ChoiceIn && !o.Suspended }
func leaving(o disclosure.OwnStatus) bool {
	return o.Leaving == "withdrawn" && o.Reason == "plans changed"
}
func anything(disclosure.OwnStatus) bool { return true } // what is left is told by Remaining

func disturbances() []disturbance {
	second := func(_ csss.Receipt, err error) error { return err }
	return []disturbance{
		{name: "credential revoked", own: suspended, side: disclosure.Supply, do: func(d *deal) error {
			return second(d.x.RevokeCredential(background, csss.By{At: d.at}, d.s.Offer, "AS9100D"))
		}},
		{name: "publisher leaves", own: suspended, side: disclosure.Supply, do: func(d *deal) error {
			return second(d.x.Leave(background, d.s.Owner.At(d.at), d.s.Vance.Person))
		}},
		{name: "requester leaves", own: suspended, side: disclosure.Demand, do: func(d *deal) error {
			return second(d.x.Leave(background, d.s.Director.At(d.at), d.s.Requester.Person))
		}},
		{name: "the shop's approver leaves", own: unapproved, side: disclosure.Supply, by: "the shop approves", do: func(d *deal) error {
			return second(d.x.Leave(background, d.s.Vance.At(d.at), d.s.Owner.Person))
		}},
		{name: "the integrator's approver leaves", own: unapproved, side: disclosure.Demand, by: "the integrator approves", do: func(d *deal) error {
			return second(d.x.Leave(background, d.s.Requester.At(d.at), d.s.Director.Person))
		}},
		{name: "the shop's rules withdraw the category", own: suspended, side: disclosure.Supply, do: func(d *deal) error {
			firm := d.s.Vance.Firm
			return d.setPolicy(firm, withdrawn(d.policyOf(firm), "8", "machine.capacity.shift2"))
		}},
		{name: "the integrator's rules withdraw the category", own: suspended, side: disclosure.Demand, do: func(d *deal) error {
			firm := d.s.Requester.Firm
			return d.setPolicy(firm, withdrawn(d.policyOf(firm), "8", "demand.machining"))
		}},
		{name: "offer withdrawn", own: suspended, side: disclosure.Supply, do: func(d *deal) error {
			return second(d.x.Withdraw(background, d.s.Vance.At(d.at), d.s.Offer))
		}},
		{name: "need withdrawn", own: suspended, side: disclosure.Demand, do: func(d *deal) error {
			return second(d.x.Withdraw(background, d.s.Requester.At(d.at), d.s.Need.ID))
		}},
		{name: "the requester opts out", own: undecided, side: disclosure.Demand, by: "the requester opts in", do: func(d *deal) error {
			return second(d.x.OptOut(background, d.s.Requester.At(d.at), d.demand))
		}},
		{name: "the publisher opts out", own: undecided, side: disclosure.Supply, by: "the publisher opts in", do: func(d *deal) error {
			return second(d.x.OptOut(background, d.s.Vance.At(d.at), d.supply))
		}},
		{name: "the integrator revokes", own: unapproved, side: disclosure.Demand, by: "the integrator approves", do: func(d *deal) error {
			return second(d.x.Revoke(background, d.s.Director.At(d.at), d.demand, "budget"))
		}},
		{name: "the shop revokes", own: unapproved, side: disclosure.Supply, by: "the shop approves", do: func(d *deal) error {
			return second(d.x.Revoke(background, d.s.Owner.At(d.at), d.supply, "budget"))
		}},
		{name: "the integrator refuses", own: unapproved, side: disclosure.Demand, by: "the integrator approves", do: func(d *deal) error {
			return second(d.x.Refuse(background, d.s.Director.At(d.at), d.demand, "budget"))
		}},
		{name: "the shop refuses", own: unapproved, side: disclosure.Supply, by: "the shop approves", do: func(d *deal) error {
			return second(d.x.Refuse(background, d.s.Owner.At(d.at), d.supply, "budget"))
		}},
		{name: "the requester withdraws", own: leaving, side: disclosure.Demand, do: func(d *deal) error {
			return second(d.x.WithdrawFrom(background, d.s.Requester.At(d.at), d.demand, "plans changed"))
		}},
		{name: "the publisher withdraws", own: leaving, side: disclosure.Supply, do: func(d *deal) error {
			return second(d.x.WithdrawFrom(background, d.s.Vance.At(d.at), d.supply, "plans changed"))
		}},
		{name: "the hours are gone", own: anything, side: disclosure.Supply, do: func(d *deal) error { return d.sellTheRest(340) }},
	}
}

// sellTheRest lets the second buyer take hours of the same offer, up to the
// reveal.
func (d *deal) sellTheRest(hours int) error {
	n := d.s.Partial
	n.Quantity.Value = match.Amount(hours) * match.Hour
	if _, err := d.x.Register(background, d.s.Buyer.At(d.at), n); err != nil {
		return err
	}
	m, err := d.x.Match(background, d.s.Buyer.At(d.at), n.ID)
	if err != nil || len(m.Candidates) != 1 {
		return fmt.Errorf("%d candidates: %w", len(m.Candidates), err)
	}
	h := m.Candidates[0].Handle
	if _, err := d.x.Select(background, d.s.Buyer.At(d.at), h); err != nil {
		return err
	}
	tasks, err := d.x.Inbox(background, d.s.Vance.At(d.at))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(tasks, func(task csss.Task) bool { return task.Kind == csss.Invitation && task.Handle != d.supply })
	if i < 0 {
		return errors.New("no second invitation")
	}
	mine := tasks[i].Handle
	_, err1 := d.x.OptIn(background, d.s.Buyer.At(d.at), h)
	_, err2 := d.x.Approve(background, d.s.BuyerDirector.At(d.at), h, "")
	_, err3 := d.x.OptIn(background, d.s.Vance.At(d.at), mine)
	_, err4 := d.x.Approve(background, d.s.Owner.At(d.at), mine, "")
	return errors.Join(err1, err2, err3, err4)
}

// Whatever a reveal rests on can be taken away until the last consent, by
// whichever side gives it; then there is no reveal, at any later time, and the
// side whose business it is not reads the same as ever: its own consents, and
// silence or a close.
func TestRevealNeedsStandingFacts(t *testing.T) {
	t.Parallel()
	for i, dist := range disturbances() {
		t.Run(strings.ReplaceAll(dist.name, " ", "-"), func(t *testing.T) {
			finals := (&deal{s: world.K3Story2()}).consents()
			finals = slices.DeleteFunc(finals, func(m move) bool { return m.name == dist.by }) // taken away before it was given
			if testing.Short() {
				finals = finals[i%len(finals):][:1]
			}
			for _, final := range finals {
				d := newDeal(t, csss.Config{})
				d.must(d.loading()...)
				d.must(d.meeting()...)
				for _, m := range d.consents() {
					if m.name != final.name {
						d.must(m)
					}
				}
				before := [2]string{disclosure.Demand: d.demandTold(), disclosure.Supply: d.supplyTold()}
				require.NoError(t, dist.do(d))
				require.True(t, dist.own(d.ownStatus(dist.side)), "its own side reads %+v", d.ownStatus(dist.side))
				if dist.side == disclosure.Supply {
					same(t, before[disclosure.Demand], d.demandTold(), "the integrator reads of it")
				} else {
					same(t, before[disclosure.Supply], d.supplyTold(), "the shop reads of it")
				}
				_, err := d.take(final)
				d.bystander(dist, final, err)
				d.closedToBoth()
			}
		})
	}
}

// ownStatus is what a side reads of itself, through whoever is still there.
func (d *deal) ownStatus(side disclosure.Side) disclosure.OwnStatus {
	d.Helper()
	h, people := d.supply, []world.Who{d.s.Vance, d.s.Owner}
	if side == disclosure.Demand {
		h, people = d.demand, []world.Who{d.s.Requester, d.s.Director}
	}
	for _, who := range people {
		if s, err := d.x.Status(background, who.At(d.at), h); err == nil {
			return s.Own
		}
	}
	d.Fatal("nobody of the side can read its status")
	return disclosure.OwnStatus{}
}

// bystander checks the last consent's answer: a side that is not concerned is
// never refused, and whom it concerns is not told by an error of the other
// side's words.
func (d *deal) bystander(dist disturbance, final move, err error) {
	d.Helper()
	side := disclosure.Supply
	if final.who.Firm == d.s.Requester.Firm {
		side = disclosure.Demand
	}
	if side != dist.side {
		require.NoError(d, err, "%s after %q of the other side", final.name, dist.name)
		return
	}
	if err != nil {
		known := errors.Is(err, csss.ErrDenied) || errors.Is(err, csss.ErrNotFound) || errors.Is(err, disclosure.ErrClosed)
		require.True(d, known, "%s after %q: %v", final.name, dist.name, err)
	}
}

// After the reveal the engagement needs both parties' yes to the same terms,
// both employers' rules as they then are, and the hold.
func TestEngagementNeedsEverything(t *testing.T) {
	t.Parallel()
	fine := func(*deal) error { return nil }
	rules := func(firm func(d *deal) string, category string) func(d *deal) error {
		return func(d *deal) error {
			return d.setPolicy(firm(d), withdrawn(d.policyOf(firm(d)), "8", category))
		}
	}
	for _, c := range []struct {
		name    string
		accepts []int // acceptances given, in order; the disturbance comes before the last
		disturb func(d *deal) error
	}{
		{"only the integrator accepts", []int{0}, fine},
		{"only the shop accepts", []int{1}, fine},
		{"the shop accepts other terms", []int{0}, func(d *deal) error {
			_, err := d.x.AcceptTerms(background, d.s.Vance.At(d.at), d.supply, disclosure.DigestOf([]byte("others")))
			if !errors.Is(err, disclosure.ErrStale) {
				return fmt.Errorf("other terms were answered with %w", err)
			}
			return nil
		}},
		{"the shop's rules withdraw, the shop last", []int{0, 1}, rules(func(d *deal) string { return d.s.Vance.Firm }, "machine.capacity.shift2")},
		{"the shop's rules withdraw, the integrator last", []int{1, 0}, rules(func(d *deal) string { return d.s.Vance.Firm }, "machine.capacity.shift2")},
		{"the integrator's rules withdraw, the shop last", []int{0, 1}, rules(func(d *deal) string { return d.s.Requester.Firm }, "demand.machining")},
		{"the integrator's rules withdraw, the integrator last", []int{1, 0}, rules(func(d *deal) string { return d.s.Requester.Firm }, "demand.machining")},
		{"the credential is revoked", []int{1, 0}, func(d *deal) error {
			_, err := d.x.RevokeCredential(background, csss.By{At: d.at}, d.s.Offer, "AS9100D")
			return err
		}},
		{"the publisher leaves", []int{1, 0}, func(d *deal) error {
			_, err := d.x.Leave(background, d.s.Owner.At(d.at), d.s.Vance.Person)
			return err
		}},
		{"the hold lapses", []int{0, 1}, func(d *deal) error {
			d.at = d.at.Add(72 * time.Hour)
			_, err := d.x.Tick(background, d.at)
			return err
		}},
		{"the integrator withdraws", []int{0, 1}, func(d *deal) error {
			_, err := d.x.WithdrawFrom(background, d.s.Requester.At(d.at), d.demand, "")
			return err
		}},
		{"the shop revokes", []int{1, 0}, func(d *deal) error {
			_, err := d.x.Revoke(background, d.s.Owner.At(d.at), d.supply, "")
			return err
		}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			d := newDeal(t, csss.Config{})
			d.must(d.loading()...)
			d.must(d.meeting()...)
			d.must(d.consents()...)
			d.must(d.views()...)
			for i, at := range c.accepts {
				if i == len(c.accepts)-1 {
					require.NoError(t, c.disturb(d))
				}
				_, err := d.take(d.acceptances()[at])
				if i < len(c.accepts)-1 {
					require.NoError(t, err)
				}
			}
			for _, wait := range []time.Duration{0, time.Hour, 31 * 24 * time.Hour} {
				d.at = d.at.Add(wait)
				_, err := d.x.Tick(background, d.at)
				require.NoError(t, err)
				s, err := d.x.Status(background, d.s.Director.At(d.at), d.demand)
				require.NoError(t, err)
				require.Contains(t, []disclosure.Phase{disclosure.Revealed, disclosure.Closed}, s.Phase)
			}
			left, err := d.x.Remaining(d.s.Owner.At(d.at), d.s.Offer)
			if err == nil { // the offer is still there
				require.Equal(t, 368*match.Hour, left, "the hours are given back")
			}
			_, err = d.take(d.work()[0])
			require.Error(t, err, "nothing can be started")
		})
	}
	d := newDeal(t, csss.Config{})
	d.must(d.story()...)
	s, err := d.x.Status(background, d.s.Director.At(d.at), d.demand)
	require.NoError(t, err)
	require.Equal(t, disclosure.Completed, s.Phase, "with everything the story ends well")
}

// reference plays the story undisturbed: how many entries each move adds, and
// of which kinds they are.
func reference(t *testing.T) (after []uint64, kinds []string) {
	t.Helper()
	d := newDeal(t, csss.Config{Events: func(kind string) { kinds = append(kinds, kind) }})
	for _, m := range d.story() {
		before := d.x.Size()
		d.must(m)
		require.Greater(t, d.x.Size(), before, "%s is an accepted transition", m.name)
		after = append(after, d.x.Size())
		_, err := d.take(m)
		require.NoError(t, err)
		require.Equal(t, after[len(after)-1], d.x.Size(), "%s again is none", m.name)
	}
	require.Len(t, kinds, int(d.x.Size()), "every entry is announced once")
	return after, kinds
}

var errFault = errors.New("disk on fire")

// Whichever write of the story fails, before it reached the store or after, or
// with nobody knowing: the step is refused, the state stays as it was, and
// reopening shows the step whole or not at all. From there the story can be
// finished by giving the same commands again, and the log is the same (A3).
func TestEveryFailingCommitIsRefused(t *testing.T) {
	t.Parallel()
	after, kinds := reference(t)
	unknown := fmt.Errorf("%w: connection lost", ledger.ErrUnknownOutcome)
	for _, c := range []struct {
		name  string
		op    string
		err   error
		least int // writes of this kind in the story
		every int // in a short run one of so many fails
	}{
		{"before the commit", ledgertest.OpCommit, errFault, 18, 5},
		{"after the commit", ledgertest.OpCommitted, errFault, 18, 6},
		{"lost on the way", ledgertest.OpCommit, unknown, 18, 8},
		{"lost on the way back", ledgertest.OpCommitted, unknown, 18, 7},
		{"the keys of the log cannot be kept", ledgertest.OpPutSecrets, errFault, 1, 1},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			for n := 1; ; n++ {
				if testing.Short() && n%c.every != 0 {
					continue
				}
				if !failOnce(t, c.op, n, c.err, after, kinds) {
					require.Greater(t, n, c.least)
					return
				}
			}
		})
	}
}

// failOnce plays the story on a store whose n-th operation fails, and returns
// false if the story never gets there.
func failOnce(t *testing.T, op string, n int, fault error, after []uint64, kinds []string) bool {
	t.Helper()
	inner := ledger.NewMemoryStore()
	hits := 0
	store := ledgertest.FaultStore(inner, func(did string, call int) error {
		if did == op && call == n {
			hits++
			return fault
		}
		return nil
	})
	x, err := csss.Open(background, atK3(csss.Config{Store: store}))
	if err != nil { // the very first secret: there is no log yet
		require.ErrorIs(t, err, errFault)
		return true
	}
	d := &deal{T: t, s: world.K3Story2(), x: x}
	d.at = d.s.Registered()
	story := d.story()
	failed := -1
	for i, m := range story {
		digest, size := d.digest(), d.x.Size()
		_, err := d.take(m)
		if hits == 0 {
			require.NoError(t, err, m.name)
			continue
		}
		require.Error(t, err, "%s was answered although its write failed", m.name)
		require.Equal(t, digest, d.digest(), "%s changed the state", m.name)
		require.Equal(t, size, d.x.Size(), "%s changed the log", m.name)
		require.NotErrorIs(t, err, ledger.ErrConflict, "%s looks as if it had not been applied", m.name)
		require.NotErrorIs(t, err, disclosure.ErrConflict, "%s looks as if it had not been applied", m.name)
		if op != ledgertest.OpPutSecrets {
			for _, later := range story[i:] {
				_, err := d.take(later)
				require.Error(t, err, "%s after a failed commit", later.name)
			}
			require.Equal(t, digest, d.digest(), "a closed exchange changes nothing")
		}
		failed = i
		break
	}
	require.NoError(t, d.x.Close())
	if failed < 0 {
		return false
	}
	again := []string{}
	d.open(csss.Config{Store: inner, Events: func(kind string) { again = append(again, kind) }})
	defer func() { require.NoError(t, d.x.Close()) }()
	whole := []uint64{0, after[failed]}
	if failed > 0 {
		whole[0] = after[failed-1]
	}
	require.Contains(t, whole, d.x.Size(), "a half step of %s", story[failed].name)
	if op != ledgertest.OpCommitted {
		require.Equal(t, whole[0], d.x.Size(), "%s was refused", story[failed].name)
	}
	found := d.x.Size()
	d.must(story...)
	require.Equal(t, kinds[found:], again, "the rest of the story")
	require.Equal(t, len(kinds), int(d.x.Size()))
	d.sound()
	return true
}

// sound checks that the state is the fold of the log and the log verifies.
func (d *deal) sound() {
	d.Helper()
	again, err := d.x.Replay(background)
	require.NoError(d, err)
	require.Equal(d, d.digest(), again)
	found, err := d.x.Verify(background)
	require.NoError(d, err)
	require.Empty(d, found.Faults)
}

// A hundred goroutines opt in and out, approve and revoke on one session, each
// command given twice under one id. At every prefix of the log either both
// identities can be read or none; a reveal follows four standing consents,
// comes once, and holds the hours once; each command has one effect (A5).
func TestStormOnOneSession(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2}
	if testing.Short() {
		seeds = seeds[:1]
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			dir := t.TempDir()
			d := newDeal(t, csss.Config{Dir: dir})
			d.must(d.loading()...)
			d.must(d.meeting()...)
			opened := d.x.Size()
			accepted := storm(d, shuffled(seed))
			d.sound()
			require.NoError(t, d.x.Close())
			d.oneEffectEach(dir, accepted)
			d.noHalfReveal(dir, opened)
		})
	}
}

// storm gives 200 commands from 100 goroutines, then the four consents in case
// nothing was revealed, and returns which commands were accepted.
func storm(d *deal, r *rand.Rand) map[string]bool {
	s := d.s
	type command struct {
		id string
		do func(by csss.By) (csss.Receipt, error)
		world.Who
	}
	kinds := []command{
		{"in", func(by csss.By) (csss.Receipt, error) { return d.x.OptIn(background, by, d.demand) }, s.Requester},
		{"in", func(by csss.By) (csss.Receipt, error) { return d.x.OptIn(background, by, d.supply) }, s.Vance},
		{"yes", func(by csss.By) (csss.Receipt, error) { return d.x.Approve(background, by, d.demand, "spend") }, s.Director},
		{"yes", func(by csss.By) (csss.Receipt, error) { return d.x.Approve(background, by, d.supply, "") }, s.Owner},
		{"out", func(by csss.By) (csss.Receipt, error) { return d.x.OptOut(background, by, d.demand) }, s.Requester},
		{"out", func(by csss.By) (csss.Receipt, error) { return d.x.OptOut(background, by, d.supply) }, s.Vance},
		{"no", func(by csss.By) (csss.Receipt, error) { return d.x.Revoke(background, by, d.demand, "") }, s.Director},
		{"no", func(by csss.By) (csss.Receipt, error) { return d.x.Refuse(background, by, d.supply, "") }, s.Owner},
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	accepted := map[string]bool{}
	start := make(chan struct{})
	for i := range 100 {
		c := kinds[i%50%len(kinds)] // goroutines i and i+50 give the same command
		c.id = fmt.Sprint(c.id, "-", i%50)
		pause := time.Duration(r.IntN(3)) * time.Millisecond
		wg.Go(func() {
			<-start
			time.Sleep(pause)
			for range 2 {
				receipt, err := c.do(csss.By{Firm: c.Firm, Person: c.Person, ID: c.id, At: d.at})
				if err != nil {
					continue
				}
				if receipt.Command != c.id {
					d.Errorf("receipt of %s for %s", receipt.Command, c.id)
				}
				mu.Lock()
				accepted[c.Person+" "+c.id] = true
				mu.Unlock()
			}
		})
	}
	close(start)
	wg.Wait()
	for _, m := range d.consents() {
		if _, err := d.take(m); err == nil {
			accepted[m.who.Person+" "+m.name] = true
		}
	}
	return accepted
}

// oneEffectEach reads the log itself: every answered command is one event of
// its session, no other command is, and a reveal stands on four consents and
// beside one hold.
func (d *deal) oneEffectEach(dir string, accepted map[string]bool) {
	d.Helper()
	log, err := ledger.OpenDir(background, dir, nil)
	require.NoError(d, err)
	defer log.Close()
	effects := map[string]int{}
	var state disclosure.State
	reveals, holds := 0, 0
	for e, err := range log.Read(background, ledger.Query{}) {
		require.NoError(d, err)
		switch {
		case e.Type == "hold.provisional":
			holds++
		case strings.HasPrefix(e.Stream, "session/"):
			ev, err := disclosure.DecodeEvent(disclosure.Record{Stream: e.Stream, Type: e.Type, Data: e.Payload, Expect: e.StreamVersion})
			require.NoError(d, err)
			if ev.Command != "" {
				effects[ev.Actor+" "+ev.Command]++
			}
			if ev.Type == disclosure.IdentitiesRevealed {
				reveals++
				for _, side := range state.Sides {
					require.Equal(d, disclosure.ChoiceIn, side.Choice, "revealed without an opt-in")
					require.False(d, side.Blocked, "revealed against a refusal")
					require.True(d, slices.ContainsFunc(side.Votes, func(v disclosure.Vote) bool { return !v.Deny }), "revealed without an approval")
				}
			}
			state = disclosure.Evolve(state, ev)
		}
	}
	require.Equal(d, 1, reveals)
	require.Equal(d, 1, holds, "a reveal and its hold are one")
	want := map[string]int{}
	for command := range accepted {
		want[command] = 1
	}
	require.Equal(d, want, effects, "each answered command has one effect, and nothing else has any")
}

// noHalfReveal opens an exchange on every prefix of the log and lets both
// sides look.
func (d *deal) noHalfReveal(dir string, from uint64) {
	d.Helper()
	entries := entriesOf(d.T, dir)
	both := false
	for n := from; n <= uint64(len(entries)); n++ {
		store := ledger.NewMemoryStore()
		refill(d.T, store, entries[:n])
		d.open(csss.Config{Store: store})
		demand, supply := d.revealed()
		require.Equal(d, demand, supply, "a half reveal after %d entries", n)
		require.False(d, both && !demand, "a reveal is undone after %d entries", n)
		both = demand
		require.NoError(d, d.x.Close())
	}
}

// entriesOf reads the log in a directory.
func entriesOf(t *testing.T, dir string) []ledger.Entry {
	t.Helper()
	log, err := ledger.OpenDir(background, dir, nil)
	require.NoError(t, err)
	defer log.Close()
	var out []ledger.Entry
	for e, err := range log.Read(background, ledger.Query{}) {
		require.NoError(t, err)
		out = append(out, e)
	}
	return out
}

// refill writes entries to a new store.
func refill(t *testing.T, store ledger.Store, entries []ledger.Entry) {
	t.Helper()
	log, err := ledger.Open(background, store, nil)
	require.NoError(t, err)
	batch := make([]ledger.Append, len(entries))
	for i, e := range entries {
		batch[i] = ledger.Append{Stream: e.Stream, Type: e.Type, Key: e.Key, Subjects: e.Subjects, Time: e.Claimed, Payload: e.Payload}
	}
	_, err = log.Append(background, batch...)
	require.NoError(t, err)
	require.NoError(t, log.Close())
}

// Eight buyers want 50 to 200 of the 368 hours, all of them at once. However
// their consents interleave, what is held never exceeds what there is, in sum
// and on no machine in any night, and whoever is revealed has a hold.
func TestBuyersOfTheLastHours(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2, 3}
	if testing.Short() {
		seeds = seeds[:1]
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			dir := t.TempDir()
			d := newDeal(t, csss.Config{Dir: dir})
			d.must(d.loading()...)
			buyers := d.buyers(8)
			d.rush(buyers, shuffled(seed))
			var sold match.Amount
			for _, b := range buyers {
				sold += b.holds(d)
			}
			left, err := d.x.Remaining(d.s.Vance.At(d.at), d.s.Offer)
			require.NoError(t, err)
			require.Equal(t, 368*match.Hour, left+sold, "sold and left are what there is")
			require.Less(t, left, 200*match.Hour, "the rush stopped early")
			d.sound()
			require.NoError(t, d.x.Close())
			d.withinCapacity(entriesOf(t, dir), 368*match.Hour)
		})
	}
}

// The same rush against the shop's own quota, which is below its capacity and
// which no version of a stream guards.
func TestBuyersOfTheLastHoursOfAQuota(t *testing.T) {
	t.Parallel()
	seeds := []uint64{1, 2, 3}
	if testing.Short() {
		seeds = seeds[:1]
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			dir := t.TempDir()
			d := newDeal(t, csss.Config{Dir: dir})
			d.must(d.loading()...)
			firm := d.s.Vance.Firm
			rules := strings.ReplaceAll(string(d.policyOf(firm)), "max: 400h", "max: 220h")
			require.NoError(t, d.setPolicy(firm, []byte(strings.ReplaceAll(rules, "version: 7", "version: 8"))))
			d.rush(d.buyers(8), shuffled(seed))
			d.sound()
			require.NoError(t, d.x.Close())
			d.withinCapacity(entriesOf(t, dir), 220*match.Hour)
		})
	}
}

// New versions of both firms' rules race the last opt-in. Whatever the ledger
// says came first is what counts: a reveal names the versions in force at its
// place in the log.
func TestRulesRaceTheReveal(t *testing.T) {
	t.Parallel()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		dir := t.TempDir()
		d := newDeal(t, csss.Config{Dir: dir})
		d.must(d.loading()...)
		firms := []string{d.s.Vance.Firm, d.s.Requester.Firm}
		for _, firm := range firms { // nobody has to approve, so that no vote is bound to a version
			require.NoError(t, d.setPolicy(firm, d.freely(firm, 10)))
		}
		d.must(d.meeting()...)
		d.must(d.consents()[0])
		var wg sync.WaitGroup
		start := make(chan struct{})
		for _, firm := range firms {
			wg.Go(func() {
				<-start
				for version := 11; version < 16; version++ {
					if err := d.setPolicy(firm, d.freely(firm, version)); err != nil {
						d.Errorf("version %d: %v", version, err)
					}
				}
			})
		}
		wg.Go(func() {
			<-start
			time.Sleep(time.Duration(round) * 500 * time.Microsecond)
			if _, err := d.take(d.consents()[2]); err != nil {
				d.Errorf("the last opt-in: %v", err)
			}
		})
		close(start)
		wg.Wait()
		demand, supply := d.revealed()
		require.True(t, demand && supply)
		d.sound()
		require.NoError(t, d.x.Close())
		d.revealedUnderRulesInForce(entriesOf(t, dir))
	}
}

// freely is a firm's rule document in another version that asks for no approval
// and weighs nothing of the other side: what is hidden cannot be weighed anew in
// a session that is open.
func (d *deal) freely(firm string, version int) []byte {
	text := regexp.MustCompile(`,\s*when: '[^']*'`).ReplaceAllString(string(d.policyOf(firm)), "")
	text = regexp.MustCompile(`approval: [a-z0-9-]+`).ReplaceAllString(text, "approval: auto")
	return []byte(regexp.MustCompile(`(?m)^version: \d+`).ReplaceAllString(text, fmt.Sprint("version: ", version)))
}

func (d *deal) revealedUnderRulesInForce(entries []ledger.Entry) {
	d.Helper()
	inForce := map[string]int{}
	for _, e := range entries {
		switch e.Type {
		case "policy.changed":
			var payload struct {
				Body struct {
					Firm    string `json:"firm"`
					Version int    `json:"version"`
				} `json:"body"`
			}
			require.NoError(d, json.Unmarshal(e.Payload, &payload))
			inForce[payload.Body.Firm] = payload.Body.Version
		case string(disclosure.IdentitiesRevealed):
			ev, err := disclosure.DecodeEvent(disclosure.Record{Stream: e.Stream, Type: e.Type, Data: e.Payload, Expect: e.StreamVersion})
			require.NoError(d, err)
			require.Equal(d, inForce[d.s.Vance.Firm], ev.Versions[disclosure.Supply], "the shop's rules")
			require.Equal(d, inForce[d.s.Requester.Firm], ev.Versions[disclosure.Demand], "the integrator's rules")
		}
	}
}

// buyer is one firm that wants hours of the second shift.
type buyer struct {
	who, boss    world.Who
	mine, theirs disclosure.Handle
	amount       match.Amount
}

// buyers registers firms that each need some of the hours, and matches and
// selects for them.
func (d *deal) buyers(n int) []*buyer {
	d.Helper()
	var out []*buyer
	site := d.s.Firms[0].Sites[0]
	for i := range n {
		id := fmt.Sprintf("buyer-%02d", i)
		b := &buyer{who: world.Who{Firm: id, Person: id + "-engineer"}, boss: world.Who{Firm: id, Person: id + "-owner"},
			amount: match.Amount(50*(1+i%4)) * match.Hour}
		_, err := d.x.RegisterFirm(background, csss.By{At: d.at}, csss.Firm{ID: id, LegalName: "Quillfeather " + id, Country: "Ontario", Sites: []csss.Site{site},
			People: []csss.Person{{ID: b.who.Person, Name: "B. Engineer", Roles: []string{"engineer"}}, {ID: b.boss.Person, Name: "B. Owner", Roles: []string{"owner"}}}})
		require.NoError(d, err)
		rules := strings.ReplaceAll(string(d.policyOf(d.s.Buyer.Firm)), d.s.Buyer.Firm, id)
		require.NoError(d, d.setPolicy(id, []byte(rules)))
		need := d.s.Partial
		need.ID, need.Quantity.Value, need.Partial = "need-"+id, b.amount, i%2 == 0
		need.Site = match.Point{} // the firm's own
		_, err = d.x.Register(background, b.who.At(d.at), need)
		require.NoError(d, err)
		m, err := d.x.Match(background, b.who.At(d.at), need.ID)
		require.NoError(d, err)
		require.Len(d, m.Candidates, 1)
		b.mine = m.Candidates[0].Handle
		_, err = d.x.Select(background, b.who.At(d.at), b.mine)
		require.NoError(d, err)
		d.invited()
		for _, other := range out {
			require.NotEqual(d, other.theirs, d.supply)
		}
		b.theirs = d.supply
		_, err = d.x.OptIn(background, d.s.Vance.At(d.at), b.theirs)
		require.NoError(d, err)
		out = append(out, b)
	}
	return out
}

// rush lets every buyer's last three consents race those of all others.
func (d *deal) rush(buyers []*buyer, r *rand.Rand) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, b := range buyers {
		for i, consent := range []func() (csss.Receipt, error){
			func() (csss.Receipt, error) { return d.x.OptIn(background, b.who.At(d.at), b.mine) },
			func() (csss.Receipt, error) { return d.x.Approve(background, b.boss.At(d.at), b.mine, "") },
			func() (csss.Receipt, error) { return d.x.Approve(background, d.s.Owner.At(d.at), b.theirs, "") },
		} {
			pause, own := time.Duration(r.IntN(2000))*time.Microsecond, i == 2
			wg.Go(func() {
				<-start
				time.Sleep(pause)
				// The shop alone reads that its own quota is used up, and that it left a session for that.
				if _, err := consent(); err != nil && !(own && (errors.Is(err, csss.ErrDenied) || errors.Is(err, disclosure.ErrClosed))) {
					d.Errorf("a consent was refused: %v", err)
				}
			})
		}
	}
	close(start)
	wg.Wait()
}

// holds is what a buyer got: nothing unless the identity is open to it.
func (b *buyer) holds(d *deal) match.Amount {
	d.Helper()
	v, err := d.x.View(background, b.who.At(d.at), b.mine, disclosure.StageIdentity)
	w, err2 := d.x.View(background, d.s.Vance.At(d.at), b.theirs, disclosure.StageIdentity)
	require.Equal(d, err == nil, err2 == nil, "a half reveal")
	if err != nil {
		return 0
	}
	require.Equal(d, v.Deal.Slots, w.Deal.Slots)
	var sum match.Amount
	for _, slot := range v.Deal.Slots {
		sum += slot.Amount
	}
	require.Equal(d, v.Deal.Hours, sum)
	return sum
}

// withinCapacity adds up the holds of every prefix of the log: at most so many
// hours in all, and at most 8 h on one machine in one night.
func (d *deal) withinCapacity(entries []ledger.Entry, most match.Amount) {
	d.Helper()
	type night struct {
		unit int
		day  string
	}
	nights := map[night]match.Amount{}
	var sum match.Amount
	holds := 0
	for _, e := range entries {
		if e.Type != "hold.provisional" {
			require.NotEqual(d, "hold.released", e.Type, "nobody has left")
			continue
		}
		var payload struct {
			Body struct {
				Hold match.Hold `json:"hold"`
			} `json:"body"`
		}
		require.NoError(d, json.Unmarshal(e.Payload, &payload))
		holds++
		for _, s := range payload.Body.Hold.Slots {
			at := night{s.Unit, s.Start.In(world.Opening().Location()).Add(-2 * time.Hour).Format(time.DateOnly)}
			nights[at] += s.Amount
			sum += s.Amount
			require.LessOrEqual(d, nights[at], 8*match.Hour, "machine %d on %s", s.Unit, at.day)
		}
		require.LessOrEqual(d, sum, most)
	}
	require.NotZero(d, holds)
	require.LessOrEqual(d, len(nights), 46, "23 nights of two machines")
}

// shuffled is a source of chance for the pauses of a storm.
func shuffled(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
