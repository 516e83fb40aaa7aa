package csss_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// This file plays firms that ask to learn, not to meet: with rules written for
// the question, offers revised for it, needs that only sound out, and votes of
// people without a say. Most probes run twice, in two markets that differ in
// the secret alone, and must read the same in both.

// bazaar is a market of eight firms, each somewhere else and in an industry of
// its own. One buys and the others sell the same; only one's price fits.
type bazaar struct {
	*play
	shop, buyer    int
	versions       [8]int
	demand, supply disclosure.Handle          // of the session, once there is one
	known          map[disclosure.Handle]bool // invitations that were seen
}

const bazaarRules = `apiVersion: csss.policy/v1
employer: %s
version: %d
zone: America/Toronto
approvals:
  - {id: boss, seats: [boss], need: 1, expires: 72h, not: [requester]}
rules:
  - {id: publish, effect: permit, actions: [publish], categories: [machine], approval: auto}
  - {id: ask, effect: permit, actions: [register], categories: [demand], approval: auto}
  - {id: share, effect: permit, actions: [match, summarise], categories: [machine, demand], approval: auto}
  - {id: go, effect: permit, actions: [reveal, engage], categories: [machine, demand], approval: boss}
`

func bazaarFirm(i int) string { return fmt.Sprintf("firm-%d", i) }

// worker is somebody of a firm, named by the role.
func worker(i int, role string) world.Who {
	return world.Who{Firm: bazaarFirm(i), Person: bazaarFirm(i) + "-" + role}
}

func newBazaar(t *testing.T, cfg csss.Config, shop, buyer int, edits ...func(*csss.Import)) *bazaar {
	t.Helper()
	b := &bazaar{play: open(t, cfg, nil), shop: shop, buyer: buyer, known: map[disclosure.Handle]bool{}}
	b.now = world.Opening()
	in := csss.Import{Comparables: map[string][]int64{"machine.capacity": {11000, 11500, 12000, 12500, 13000}}}
	for i := range b.versions {
		b.versions[i] = 1
		f := csss.Firm{ID: bazaarFirm(i), LegalName: "Zephyrine " + string(rune('a'+i)), NAICS: fmt.Sprintf("33%04d", 2000+i), Country: "Ontario",
			Sites: []csss.Site{{ID: "site", City: "Hamilton", Region: "hamilton_niagara", Zone: world.Zone, At: bazaarSite(i)}}}
		for _, role := range []string{"owner", "boss", "engineer", "janitor"} {
			f.People = append(f.People, csss.Person{ID: worker(i, role).Person, Name: "A. Nyquist", Roles: []string{role}})
		}
		in.Firms = append(in.Firms, f)
		in.Policies = append(in.Policies, csss.PolicyText{Firm: f.ID, Name: "rules.yaml", Text: fmt.Appendf(nil, bazaarRules, f.ID, 1)})
		if i != buyer {
			w := worker(i, "engineer")
			in.Offers = append(in.Offers, csss.Publication{By: csss.By{Firm: w.Firm, Person: w.Person}, Offer: b.offer(i)})
		}
	}
	for _, edit := range edits {
		edit(&in)
	}
	_, err := b.x.Import(t.Context(), csss.By{At: b.now}, in)
	require.NoError(t, err)
	return b
}

// bazaarSite is about 12 km from the next one.
func bazaarSite(i int) match.Point { return match.Point{Lat: 43 + float64(i)*0.11, Lon: -79.5} }

func bazaarOffer(i int) string { return fmt.Sprintf("offer-%d", i) }

func (b *bazaar) offer(i int) match.Offer {
	o := match.Offer{ID: bazaarOffer(i), Resource: "res", Kind: match.MachineCapacity, Category: "machine.capacity", Text: "five axis titanium capacity",
		Properties:  map[string]match.Property{"machine_type": match.Terms("5_axis_machining_center")},
		Credentials: []match.Credential{{Scheme: "AS9100D", From: b.now.AddDate(-1, 0, 0)}},
		Available:   b.now, Expires: b.now.AddDate(0, 3, 0), Quantity: match.Quantity{Unit: match.Hours, Value: 100 * match.Hour},
		Currency: "CAD", Floor: match.NewBound(90000)}
	if i == b.shop {
		o.Floor = match.NewBound(9500)
	}
	return o
}

// asks registers a need of the buyer's and returns how many candidates it is shown.
func (b *bazaar) asks(id string, edit func(*match.Need)) int {
	b.Helper()
	m, err := b.asksFor(id, edit)
	require.NoError(b, err)
	return b.found(m)
}

// asksFor is asks with its whole answer.
func (b *bazaar) asksFor(id string, edit func(*match.Need)) (csss.Matches, error) {
	b.Helper()
	n := match.Need{ID: id, Kind: match.MachineCapacity, Category: "machine.capacity", Governance: "demand.machining", Text: "five axis titanium",
		From: b.now, Until: b.now.AddDate(0, 1, 0), Quantity: match.Quantity{Unit: match.Hours, Value: 20 * match.Hour},
		Currency: "CAD", Ceiling: match.NewBound(15000)}
	if edit != nil {
		edit(&n)
	}
	_, err := b.x.Register(b.Context(), b.as(worker(b.buyer, "engineer")), n)
	require.NoError(b, err)
	return b.x.Match(b.Context(), b.as(worker(b.buyer, "engineer")), id)
}

// matches runs a need and returns how many candidates it is shown.
func (b *bazaar) matches(need string) int {
	b.Helper()
	m, err := b.x.Match(b.Context(), b.as(worker(b.buyer, "engineer")), need)
	require.NoError(b, err)
	return b.found(m)
}

func (b *bazaar) found(m csss.Matches) int {
	if len(m.Candidates) > 0 {
		b.demand = m.Candidates[0].Handle
	}
	return len(m.Candidates)
}

// meets opens the session.
func (b *bazaar) meets(edit func(*match.Need)) *bazaar {
	b.Helper()
	require.Equal(b, 1, b.asks("need", edit))
	_, err := b.x.Select(b.Context(), b.as(worker(b.buyer, "engineer")), b.demand)
	require.NoError(b, err)
	tasks, err := b.x.Inbox(b.Context(), b.as(worker(b.shop, "engineer")))
	require.NoError(b, err)
	require.Len(b, tasks, 1)
	b.supply = tasks[0].Handle
	return b
}

// rules gives a firm its rules again, in the next version and with more of them.
func (b *bazaar) rules(i int, more ...string) {
	b.Helper()
	var text strings.Builder
	text.WriteString(fmt.Sprintf(bazaarRules, bazaarFirm(i), b.versions[i]+1))
	for _, m := range more {
		text.WriteString("  - " + m + "\n")
	}
	b.document(i, text.String())
}

// document gives a firm other rules altogether.
func (b *bazaar) document(i int, text string) {
	b.Helper()
	b.versions[i]++
	_, err := b.x.SetPolicy(b.Context(), b.as(worker(i, "owner")), bazaarFirm(i), "rules.yaml", []byte(text))
	require.NoError(b, err)
}

func (b *bazaar) optIn(i int, h disclosure.Handle) {
	b.Helper()
	_, err := b.x.OptIn(b.Context(), b.as(worker(i, "engineer")), h)
	require.NoError(b, err)
}

func (b *bazaar) approves(who world.Who, h disclosure.Handle, requirement string) {
	b.Helper()
	_, err := b.x.Approve(b.Context(), b.as(who), h, requirement)
	require.NoError(b, err)
}

// own is what a side reads of itself.
func (b *bazaar) own(i int, h disclosure.Handle) disclosure.OwnStatus {
	b.Helper()
	s, err := b.x.Status(b.Context(), b.as(worker(i, "engineer")), h)
	require.NoError(b, err)
	return s.Own
}

func (b *bazaar) revealed() bool {
	b.Helper()
	s, err := b.x.Status(b.Context(), b.as(worker(b.buyer, "engineer")), b.demand)
	require.NoError(b, err)
	return s.Phase >= disclosure.Revealed && s.Phase != disclosure.Closed && s.Phase != disclosure.Stale
}

// questions are conditions on what the other side would keep to itself, and on
// what is one's own.
func questions() []string {
	var q []string
	for i := range 8 {
		q = append(q, fmt.Sprintf(`counterparty.group == "%s"`, bazaarFirm(i)), fmt.Sprintf(`counterparty.naics == "33%04d"`, 2000+i),
			fmt.Sprintf(`request.requester == "%s"`, worker(i, "engineer").Person), fmt.Sprintf("request.distance_km <= %d", i*20))
	}
	for _, rate := range []int{9499, 9500, 9501, 11999, 12000, 12001, 14999, 15000, 15001} {
		q = append(q, fmt.Sprintf("price.rate >= %d", rate))
	}
	for _, total := range []string{"20h", "73h", "74h", "100h"} {
		q = append(q, fmt.Sprintf(`request.total <= duration("%s")`, total))
	}
	return append(q, `counterparty.trust < 0.5`, `"as9100d" in counterparty.certifications`, `request.start < timestamp("2026-09-20T00:00:00Z")`)
}

// Rules that a side writes while a session is open tell it nothing of the
// other side: not who, where or at which price, neither by a refusal nor by an
// approval that falls due.
func TestRulesWrittenInSessionAreNoOracle(t *testing.T) {
	for _, side := range []disclosure.Side{disclosure.Supply, disclosure.Demand} {
		var texts [2]string
		for secret := range texts {
			b := newBazaar(t, csss.Config{}, 1+2*secret, 0)
			if side == disclosure.Supply {
				b = newBazaar(t, csss.Config{}, 1, 7*secret)
			}
			if side == disclosure.Demand && secret == 1 { // the agreed price is 130.00 then, else 120.00
				o := b.offer(b.shop)
				o.Floor = match.NewBound(12600)
				_, err := b.x.Revise(t.Context(), b.as(worker(b.shop, "engineer")), o)
				require.NoError(t, err)
			}
			b.meets(func(n *match.Need) {
				if side == disclosure.Supply && secret == 1 { // 105.00
					n.Ceiling = match.NewBound(10700)
				}
			})
			i, h := b.buyer, b.demand
			if side == disclosure.Supply {
				i, h = b.shop, b.supply
			}
			for _, q := range questions() {
				for _, rule := range []string{"{id: q, effect: forbid, actions: [reveal, engage], when: '%s'}",
					"{id: q, effect: permit, actions: [reveal, engage], categories: [machine, demand], approval: boss, when: '%s'}"} {
					b.rules(i, fmt.Sprintf(rule, q))
					own, err := json.Marshal(b.own(i, h))
					require.NoError(t, err)
					texts[secret] += fmt.Sprintf("%s %s\n", q, own)
				}
			}
			b.rules(i)
			require.False(t, b.own(i, h).Suspended, "what was asked leaves no trace")
		}
		require.Contains(t, texts[0], `"suspended":true`)
		require.Contains(t, texts[0], `"suspended":false`)
		same(t, texts[0], texts[1], "%v reads", side)
	}
}

// Until the reveal no rule reads the other side's employer group, however old
// the rule is: one that asks for it denies everybody.
func TestRulesDoNotReadTheGroup(t *testing.T) {
	for _, side := range []disclosure.Side{disclosure.Supply, disclosure.Demand} {
		for _, other := range []int{3, 5} {
			shop, buyer := other, 0
			if side == disclosure.Supply {
				shop, buyer = 1, other
			}
			b := newBazaar(t, csss.Config{}, shop, buyer)
			asking := b.buyer
			if side == disclosure.Supply {
				asking = b.shop
			}
			b.rules(asking, `{id: q, effect: forbid, actions: [match], when: 'counterparty.group == "firm-3"'}`)
			assert.Zero(t, b.asks("need", nil), "%v asks for firm-3, the other is firm-%d", side, other)
		}
	}
}

// Nor do rules that a side writes between a match and the selection: neither a
// buyer that tries to select, nor the owner of a rare offer that looks into
// the inbox.
func TestRulesWrittenAfterTheMatchAreNoOracle(t *testing.T) {
	for _, q := range []string{`counterparty.naics == "332001"`, "request.distance_km <= 20", `counterparty.naics != "332001"`} {
		var texts [2]string
		for secret := range texts {
			b := newBazaar(t, csss.Config{}, 1+2*secret, 0)
			require.Equal(t, 1, b.asks("need", nil))
			b.rules(b.buyer, fmt.Sprintf("{id: q, effect: forbid, actions: [summarise], when: '%s'}", q))
			_, err := b.x.Select(t.Context(), b.as(worker(b.buyer, "engineer")), b.demand)
			texts[secret] = fmt.Sprint(err)

			b = newBazaar(t, csss.Config{K: 50, KPeople: 50}, 1, 7*secret)
			require.Zero(t, b.asks("need", nil))
			b.rules(b.shop, fmt.Sprintf("{id: q, effect: forbid, actions: [summarise], when: '%s'}", q))
			texts[secret] += fmt.Sprintf(" %d tasks", len(b.inbox(worker(b.shop, "engineer"), csss.RareOffer)))
		}
		require.Equal(t, texts[0], texts[1], q)
	}
	b := newBazaar(t, csss.Config{}, 1, 0)
	require.Equal(t, 1, b.asks("need", nil))
	b.rules(b.buyer, "{id: q, effect: forbid, actions: [summarise], when: 'price.rate > 20000'}")
	_, err := b.x.Select(t.Context(), b.as(worker(b.buyer, "engineer")), b.demand)
	require.NoError(t, err, "other rules are read as they are")
}

// Asking for the same need again under other rules of one's own is a question
// like another: after Config.Budget of them nothing is answered any more. What
// the answers tell until then is one bit each, per offer and window.
func TestRepeatedMatchSpendsBudget(t *testing.T) {
	const budget = 3
	b := newBazaar(t, csss.Config{Budget: budget}, 1, 0)
	require.Equal(t, 1, b.asks("need", nil))
	ask := func(naics int) int {
		b.rules(b.buyer, fmt.Sprintf(`{id: q, effect: forbid, actions: [match], when: 'counterparty.naics == "33%04d"'}`, 2000+naics))
		return b.matches("need")
	}
	assert.Zero(t, ask(1), "the second question")
	assert.Equal(t, 1, ask(2), "the third")
	for i := range 8 {
		assert.Zero(t, ask(i), "not answered")
	}
	b.rules(b.buyer)
	assert.Zero(t, b.matches("need"), "nor are rules that ask nothing")
	b.now = b.now.Add(30*24*time.Hour + time.Hour)
	b.rules(b.buyer)
	assert.Zero(t, b.matches("need"), "the need is over")
	assert.Equal(t, 1, b.asks("next month", nil), "another window")
	b.isFold()
}

// A question that the private gates answer with no counts like one they answer
// with yes: ceilings, dates and quantities cannot be bisected for free.
func TestMissedQuestionsCount(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(n *match.Need, i int)
	}{
		{"price", func(n *match.Need, i int) { n.Ceiling = match.NewBound(9400 + int64(i)) }},
		{"quantity", func(n *match.Need, i int) { n.Quantity.Value = match.Amount(500+i) * match.Hour }},
		{"dates", func(n *match.Need, i int) { n.From, n.Until = n.From.AddDate(2, 0, i), n.Until.AddDate(2, 0, i) }},
		{"tolerance", func(n *match.Need, i int) {
			n.Requires = []match.Requirement{{Property: "tolerance", Op: match.AtMost, Value: 0.01 * float64(1+i), Unit: "mm"}}
		}},
		{"radius", func(n *match.Need, i int) { n.RadiusKM = 1 + float64(i)*0.1 }},
	} {
		b := newBazaar(t, csss.Config{Budget: 4}, 1, 0)
		require.Equal(t, 1, b.asks("need", nil), c.name)
		require.Equal(t, 1, b.asks("again", nil), c.name)
		for i := range 2 {
			require.Zero(t, b.asks(fmt.Sprint("miss", i), func(n *match.Need) { c.edit(n, i) }), c.name)
		}
		assert.Zero(t, b.asks("the need itself", nil), "%s: four questions were asked", c.name)
	}
	b := newBazaar(t, csss.Config{Budget: 4}, 1, 0)
	require.Equal(t, 1, b.asks("need", nil))
	for i := range 8 {
		require.Zero(t, b.asks(fmt.Sprint("other", i), func(n *match.Need) {
			n.Requires = []match.Requirement{{Property: "machine_type", Op: match.AnyOf, Terms: []string{"wire_edm"}}}
		}))
	}
	assert.Equal(t, 1, b.asks("the need itself", nil), "what the summary says is no question")
	b = newBazaar(t, csss.Config{}, 1, 0)
	require.Zero(t, b.asks("low", func(n *match.Need) { n.Ceiling = match.NewBound(9000) }))
	assert.Zero(t, b.asks("high", nil), "the first answer stands")
}

// What a listing states is no question either: it lies at a site of the firm,
// its circle is a multiple of 5 km, and its list of refused employers changes
// once in a window.
func TestListingsSoundOutNobody(t *testing.T) {
	b := newBazaar(t, csss.Config{}, 1, 0)
	need := match.Need{ID: "need", Kind: match.MachineCapacity, Category: "machine.capacity", Governance: "demand.machining", Text: "five axis titanium",
		From: b.now, Until: b.now.AddDate(0, 1, 0), Quantity: match.Quantity{Unit: match.Hours, Value: 20 * match.Hour}, Currency: "CAD", Ceiling: match.NewBound(15000)}
	register := func(id string, edit func(*match.Need)) error {
		n := need
		n.ID = id
		edit(&n)
		_, err := b.x.Register(t.Context(), b.as(worker(0, "engineer")), n)
		return err
	}
	var bad *csss.InputError
	for i := range 8 {
		err := register(fmt.Sprint("near", i), func(n *match.Need) { n.Site = bazaarSite(i) })
		if i == 0 {
			require.NoError(t, err)
			continue
		}
		require.ErrorAs(t, err, &bad)
		require.Equal(t, "site", bad.Field)
	}
	for asked, want := range map[float64]float64{0: 0, 0.05: 5, 4.9: 5, 5: 5, 9.9: 5, 12.3: 10, 60: 60} {
		id := fmt.Sprint("circle", asked)
		require.NoError(t, register(id, func(n *match.Need) { n.RadiusKM = asked }))
		n, err := b.x.Need(b.as(worker(0, "engineer")), id)
		require.NoError(t, err)
		assert.InDelta(t, want, n.RadiusKM, 0, "%v km", asked)
	}
	without := func(firms ...int) func(*match.Need) {
		return func(n *match.Need) {
			for _, i := range firms {
				n.Exclude.Groups = append(n.Exclude.Groups, bazaarFirm(i))
			}
		}
	}
	require.NoError(t, register("without two", without(1, 2)))
	require.NoError(t, register("without the same two", without(2, 1)))
	for _, firms := range [][]int{{1}, {2}, {3}, {1, 2, 3}} {
		require.ErrorAs(t, register(fmt.Sprint(firms), without(firms...)), &bad)
		require.Equal(t, "exclude.groups", bad.Field)
	}
	b.now = b.now.Add(30 * 24 * time.Hour)
	need.Until = need.Until.AddDate(0, 1, 0)
	require.NoError(t, register("without another", without(3)))
	b.isFold()
}

// An offer's firm that was passed by reads the name of no rule that tells who
// asked or from where, and no word of what was asked for.
func TestNearMissesNameNobody(t *testing.T) {
	var texts [2]string
	for secret := range texts {
		tells := func(b *bazaar) string {
			b.Helper()
			var text strings.Builder
			for _, role := range []string{"engineer", "janitor"} {
				misses, err := b.x.NearMisses(t.Context(), b.as(worker(b.shop, role)), bazaarOffer(b.shop))
				text.WriteString(masked(misses, err))
			}
			return text.String()
		}
		for _, reads := range []string{`counterparty.group == "firm-%d"`, `counterparty.naics == "33200%d"`, `request.distance_km == %d * 20`, "price.rate < 10000 + %d"} {
			b := newBazaar(t, csss.Config{}, 1, 7*secret)
			var rules []string
			for i := range 8 {
				rules = append(rules, fmt.Sprintf("{id: q-%d, effect: forbid, actions: [match], when: '%s'}", i, fmt.Sprintf(reads, i)))
			}
			b.rules(b.shop, rules...)
			require.Zero(t, b.asks("need", nil), reads)
			texts[secret] += fmt.Sprintln(reads, tells(b))
		}
		require.Contains(t, texts[secret], `"reason":"q-0@`, "a rule that reads the own side alone is named")

		b := newBazaar(t, csss.Config{}, 1, 7*secret)
		words := []string{"zephyrine fixture, call A. Nyquist", "probe of firm " + bazaarFirm(b.buyer)}
		require.Zero(t, b.asks("telling", func(n *match.Need) {
			n.Requires = []match.Requirement{{Property: words[secret], Op: match.AtLeast, Value: 417.25 + float64(secret), Unit: "mm"}}
		}))
		texts[secret] += tells(b)
		require.Contains(t, texts[secret], `"gate":"property"`)
	}
	same(t, texts[0], texts[1], "an offer's firm reads")
}

// A revised offer is another offer. Its sessions are over, whatever it says
// now, so that its firm learns of no limit, place or name by revising; and
// consents that were given for the old one count for nothing.
func TestRevisedOfferEndsItsSessions(t *testing.T) {
	edits := map[string]func(*match.Offer){
		"nothing":    func(*match.Offer) {},
		"cheap":      func(o *match.Offer) { o.Floor = match.NewBound(1) },
		"dear":       func(o *match.Offer) { o.Floor = match.NewBound(15001) },
		"the price":  func(o *match.Offer) { o.Floor = match.NewBound(15000) },
		"a circle":   func(o *match.Offer) { o.RadiusKM = 5 },
		"without it": func(o *match.Offer) { o.Exclude.Groups = []string{bazaarFirm(0)} },
		"without another": func(o *match.Offer) {
			o.Exclude.Groups = []string{bazaarFirm(5)}
		},
		"something else": func(o *match.Offer) {
			o.Credentials, o.Text, o.Resource = nil, "scrap", "other"
			o.Properties = map[string]match.Property{"machine_type": match.Terms("manual_lathe")}
		},
	}
	for name, edit := range edits {
		b := newBazaar(t, csss.Config{}, 1, 0).meets(nil)
		b.optIn(b.buyer, b.demand)
		b.approves(worker(b.buyer, "boss"), b.demand, "")
		before := b.own(b.buyer, b.demand)
		for _, e := range []func(*match.Offer){edit, func(*match.Offer) {}} {
			o := b.offer(b.shop)
			e(&o)
			_, err := b.x.Revise(t.Context(), b.as(worker(b.shop, "engineer")), o)
			require.NoError(t, err, name)
			assert.True(t, b.own(b.shop, b.supply).Suspended, name)
		}
		_, err := b.x.OptIn(t.Context(), b.as(worker(b.shop, "engineer")), b.supply)
		require.ErrorIs(t, err, csss.ErrDenied, name)
		_, err = b.x.Approve(t.Context(), b.as(worker(b.shop, "boss")), b.supply, "")
		require.ErrorIs(t, err, csss.ErrDenied, name)
		assert.False(t, b.revealed(), name)
		assert.Equal(t, before, b.own(b.buyer, b.demand), "%s: the other side reads silence", name)
		b.isFold()
	}
}

// What the offer has left is not read by the buyer's rules.
func TestHoursLeftAreNotRead(t *testing.T) {
	var texts [2]string
	for secret := range texts {
		b := newBazaar(t, csss.Config{}, 1, 0)
		o := b.offer(1)
		o.Quantity.Value = match.Amount(73500 + 9000*secret)
		_, err := b.x.Revise(t.Context(), b.as(worker(1, "engineer")), o)
		require.NoError(t, err)
		b.meets(func(n *match.Need) { n.Quantity.Value, n.Partial = 400*match.Hour, true })
		for _, q := range []string{`request.total <= duration("74h")`, `request.per_week <= duration("74h")`, `request.total <= duration("400h")`,
			`price.amount <= 900000`, `request.end < timestamp("2026-10-01T00:00:00Z")`} {
			b.rules(0, fmt.Sprintf("{id: q, effect: forbid, actions: [reveal, engage], when: '%s'}", q))
			texts[secret] += fmt.Sprintln(q, b.own(0, b.demand).Suspended)
		}
		tasks, err := b.x.Inbox(t.Context(), b.as(worker(0, "boss")))
		texts[secret] += masked(tasks, err)
	}
	require.Contains(t, texts[0], "true")
	same(t, texts[0], texts[1], "the buyer reads")
}

const waving = `apiVersion: csss.policy/v1
employer: %s
version: %d
zone: America/Toronto
rules:
  - {id: all, effect: permit, actions: [publish, register, match, summarise, reveal, engage], categories: [machine, demand], approval: auto}
`

// Rules that ask for less than those a session opened under wave nothing
// through it: the approvals of both are due, and are given as before. Rules
// that forbid count at once.
func TestChangedRulesWaveNothingThrough(t *testing.T) {
	b := newBazaar(t, csss.Config{}, 1, 0).meets(nil)
	b.optIn(0, b.demand)
	b.optIn(1, b.supply)
	for _, i := range []int{0, 1} {
		b.versions[i]++
		_, err := b.x.SetPolicy(t.Context(), csss.By{At: b.now}, bazaarFirm(i), "rules.yaml", fmt.Appendf(nil, waving, bazaarFirm(i), b.versions[i]))
		require.NoError(t, err)
	}
	_, err := b.x.Tick(t.Context(), b.now.Add(time.Minute))
	require.NoError(t, err)
	require.False(t, b.revealed(), "no approval was given")
	due := b.own(0, b.demand).Due
	require.Len(t, due, 1)
	require.Equal(t, "boss", due[0].Name)
	require.Equal(t, 1, due[0].Need-due[0].Have)

	_, err = b.x.Approve(t.Context(), b.as(worker(0, "janitor")), b.demand, "boss")
	require.ErrorIs(t, err, csss.ErrNotYours)
	b.approves(worker(0, "boss"), b.demand, "boss")
	require.Empty(t, b.own(0, b.demand).Due)
	require.False(t, b.revealed())
	b.rules(1, "{id: stop, effect: forbid, actions: [reveal], when: 'true'}")
	_, err = b.x.Approve(t.Context(), b.as(worker(1, "boss")), b.supply, "boss")
	require.ErrorIs(t, err, csss.ErrDenied)
	b.document(1, fmt.Sprintf(waving, bazaarFirm(1), b.versions[1]+1))
	b.approves(worker(1, "boss"), b.supply, "")
	require.True(t, b.revealed())
	b.isFold()

	b = newBazaar(t, csss.Config{}, 1, 0)
	b.rules(0, "{id: dear, effect: forbid, actions: [reveal], when: 'price.rate > 10000'}")
	b.meets(nil)
	require.True(t, b.own(0, b.demand).Suspended)
	b.rules(0)
	require.True(t, b.own(0, b.demand).Suspended, "what the rules of then forbid stays forbidden in this session")
}

const twoSeats = `apiVersion: csss.policy/v1
employer: %s
version: %d
zone: America/Toronto
approvals:
  - {id: legal, seats: [janitor], need: 1, expires: 72h}
  - {id: money, seats: [janitor], need: 1, expires: 72h}
  - {id: boss, seats: [boss], need: 1, expires: 72h}
rules:
  - {id: all, effect: permit, actions: [publish, register, match, summarise], categories: [machine, demand], approval: auto}
  - {id: a, effect: permit, actions: [reveal, engage], categories: [machine, demand], approval: legal}
  - {id: b, effect: permit, actions: [reveal, engage], categories: [machine, demand], approval: money}
  - {id: c, effect: permit, actions: [reveal, engage], categories: [machine, demand], approval: boss}
`

// Who takes back a vote without saying which takes back all of them, and none
// comes back when somebody else votes.
func TestRevokeWithoutNameTakesEveryVote(t *testing.T) {
	b := newBazaar(t, csss.Config{}, 1, 0)
	b.document(1, fmt.Sprintf(twoSeats, bazaarFirm(1), 2))
	b.meets(nil)
	b.optIn(0, b.demand)
	b.approves(worker(0, "boss"), b.demand, "")
	b.optIn(1, b.supply)
	missing := func() (names []string) {
		for _, d := range b.own(1, b.supply).Due {
			if d.Have < d.Need {
				names = append(names, d.Name)
			}
		}
		slices.Sort(names)
		return names
	}
	b.approves(worker(1, "janitor"), b.supply, "legal")
	b.approves(worker(1, "janitor"), b.supply, "money")
	require.Equal(t, []string{"boss"}, missing())
	_, err := b.x.Revoke(t.Context(), b.as(worker(1, "janitor")), b.supply, "I take it back")
	require.NoError(t, err)
	require.Equal(t, []string{"boss", "legal", "money"}, missing())
	b.approves(worker(1, "boss"), b.supply, "boss")
	require.Equal(t, []string{"legal", "money"}, missing())
	require.False(t, b.revealed())
	b.approves(worker(1, "janitor"), b.supply, "")
	require.True(t, b.revealed())
	b.isFold()
}

// Rules are set by the operator, the owner or the operations director; an
// employer's no and its way out belong to them, to whoever can sit in an
// approval, and to whoever voted.
func TestWhoHasASay(t *testing.T) {
	b := newBazaar(t, csss.Config{}, 1, 0)
	for _, w := range []world.Who{worker(1, "janitor"), worker(1, "engineer"), worker(1, "boss"), worker(0, "owner"), {Firm: bazaarFirm(1)}} {
		size := b.x.Size()
		_, err := b.x.SetPolicy(t.Context(), b.as(w), bazaarFirm(1), "rules.yaml", fmt.Appendf(nil, waving, bazaarFirm(1), 2))
		require.ErrorIs(t, err, csss.ErrNotYours, "%v", w)
		require.Equal(t, size, b.x.Size())
	}
	b.rules(1)
	b.meets(nil)
	b.optIn(0, b.demand)
	b.approves(worker(0, "boss"), b.demand, "")
	b.optIn(1, b.supply)
	speak := map[string]func(w world.Who) error{
		"refuse": func(w world.Who) error { return failed(b.x.Refuse(t.Context(), b.as(w), b.supply, "no")) },
		"revoke": func(w world.Who) error { return failed(b.x.Revoke(t.Context(), b.as(w), b.supply, "no")) },
	}
	for name, say := range speak {
		for _, role := range []string{"janitor", "engineer"} {
			require.ErrorIs(t, say(worker(1, role)), csss.ErrNotYours, "%s by the %s", name, role)
		}
		for _, role := range []string{"owner", "boss"} {
			require.NoError(t, say(worker(1, role)), "%s by the %s", name, role)
		}
	}
	require.False(t, b.revealed())
	b.approves(worker(1, "boss"), b.supply, "")
	require.True(t, b.revealed())
	for name, say := range speak {
		require.ErrorIs(t, say(worker(1, "janitor")), csss.ErrNotYours, name)
	}
	require.True(t, b.revealed(), "nobody without a say ends it")
	require.NoError(t, speak["revoke"](worker(1, "boss")))
	require.False(t, b.revealed())
	b.isFold()
}

// Rules that keep the requester apart from approving keep apart, on the side
// that offers, whoever published.
func TestPublisherIsTheRequesterOfItsSide(t *testing.T) {
	b := newBazaar(t, csss.Config{}, 1, 0)
	boss := worker(1, "boss")
	_, err := b.x.Revise(t.Context(), b.as(boss), b.offer(1))
	require.NoError(t, err)
	require.Equal(t, 1, b.asks("need", nil))
	_, err = b.x.Select(t.Context(), b.as(worker(0, "engineer")), b.demand)
	require.NoError(t, err)
	invited := b.inbox(boss, csss.Invitation)
	require.Len(t, invited, 1)
	b.supply = invited[0].Handle
	b.optIn(0, b.demand)
	b.approves(worker(0, "boss"), b.demand, "")
	_, err = b.x.OptIn(t.Context(), b.as(boss), b.supply)
	require.NoError(t, err)
	_, err = b.x.Approve(t.Context(), b.as(boss), b.supply, "")
	require.ErrorIs(t, err, csss.ErrNotYours)
	require.False(t, b.revealed(), "one person is not two consents")
}

// How long a session may sleep is cut to a usual time, so that a firm's own odd
// deadline does not tell which firm it is.
func TestDeadlinesAreUsualOnes(t *testing.T) {
	b := newBazaar(t, csss.Config{}, 1, 0)
	text := fmt.Sprintf(bazaarRules, bazaarFirm(1), 2)
	b.document(1, "deal: {deadline: 17h13m7s, hard_expiry: 701h11m}\n"+text)
	b.meets(nil)
	s, err := b.x.Status(t.Context(), b.as(worker(0, "engineer")), b.demand)
	require.NoError(t, err)
	assert.Equal(t, 16*time.Hour, s.Deadline.Sub(b.now))
	assert.Equal(t, 504*time.Hour, s.HardExpiry.Sub(b.now))
}

// The first yes settles what a group may learn about an offer in a window: a
// need that asks for no more is answered, and any other reads "no match",
// whether it fits or not.
func TestFirstAnswerSettlesTheRest(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(n *match.Need)
		want int
	}{
		{"the same", func(*match.Need) {}, 1},
		{"pays more", func(n *match.Need) { n.Ceiling = match.NewBound(16000) }, 1},
		{"pays anything", func(n *match.Need) { n.Ceiling = match.Bound{} }, 1},
		{"a part is welcome", func(n *match.Need) { n.Partial = true }, 1},
		{"pays less", func(n *match.Need) { n.Ceiling = match.NewBound(14999) }, 0},
		{"more hours", func(n *match.Need) { n.Quantity.Value += match.Hour }, 0},
		{"fewer hours", func(n *match.Need) { n.Quantity.Value -= match.Hour }, 0},
		{"longer blocks", func(n *match.Need) { n.MinBlock = match.Hour }, 0},
		{"a day later", func(n *match.Need) { n.Until = n.Until.AddDate(0, 0, 1) }, 0},
		{"a circle", func(n *match.Need) { n.RadiusKM = 200 }, 0},
		{"a credential", func(n *match.Need) { n.Credentials = []string{"AS9100D"} }, 0},
		{"the machine", func(n *match.Need) {
			n.Requires = []match.Requirement{{Property: "machine_type", Op: match.AnyOf, Terms: []string{"5_axis_machining_center"}}}
		}, 1},
	} {
		b := newBazaar(t, csss.Config{}, 1, 0)
		require.Equal(t, 1, b.asks("need", nil), c.name)
		assert.Equal(t, c.want, b.asks("other", c.edit), c.name)
		assert.Equal(t, 1, b.matches("need"), "%s: the need itself", c.name)
		b.isFold()
	}
}
