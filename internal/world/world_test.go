package world_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	csss "github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

func build(seed uint64) *world.World {
	return world.Build(world.Options{Seed: seed, Stories: true})
}

// seeds are the worlds that properties of all worlds are tested on.
func seeds() []uint64 {
	if testing.Short() {
		return []uint64{1}
	}
	return []uint64{1, 2, 3}
}

func TestSameOptionsBuildTheSameBytes(t *testing.T) {
	text := func(seed uint64) string {
		w := build(seed)
		b, err := json.Marshal(w)
		require.NoError(t, err)
		for _, p := range w.Offers { // bounds marshal as sealed
			f, _ := p.Offer.Floor.Open()
			c, _ := p.Offer.Cost.Open()
			b = fmt.Appendf(b, "%d %d ", f, c)
		}
		for _, r := range w.Needs {
			c, _ := r.Need.Ceiling.Open()
			b = fmt.Appendf(b, "%d ", c)
		}
		return string(b)
	}
	one := text(1)
	assert.Equal(t, one, text(1))
	assert.NotEqual(t, one, text(2))
}

func TestWorldHasTheNumbersAskedFor(t *testing.T) {
	for _, o := range []world.Options{
		{}, {Stories: true}, {Seed: 9, Firms: 120, Offers: 300}, {Seed: 9, Firms: 120, Offers: 300, Stories: true},
	} {
		w := world.Build(o)
		firms, offers := 300, 1000
		if o.Firms > 0 {
			firms, offers = o.Firms, o.Offers
		}
		assert.Len(t, w.Firms, firms)
		assert.Len(t, w.Policies, firms)
		assert.Len(t, w.Offers, offers)
		assert.Len(t, w.Needs, offers/5)
	}
	few := world.Build(world.Options{Firms: 1, Offers: 1, Stories: true})
	assert.Greater(t, len(few.Firms), 50, "stories are never left out")
}

func TestFirmsLieWhereTheSharesSay(t *testing.T) {
	w := world.Build(world.Options{Seed: 4, Firms: 4000, Offers: 1})
	share := map[string]float64{}
	for _, f := range w.Firms {
		share[f.Sites[0].Region] += 100.0 / 4000
		assert.Equal(t, "Ontario", f.Country)
	}
	assert.InDelta(t, 33.4, share["toronto"], 2.5)
	assert.InDelta(t, 22.6, share["kitchener_waterloo_barrie"], 2.5)
	assert.InDelta(t, 12.3, share["windsor_sarnia"], 2)
	assert.Len(t, share, 6)
}

func TestRecordsAreValid(t *testing.T) {
	w := build(1)
	firms := map[string]map[string]bool{}
	for _, f := range w.Firms {
		require.NotContains(t, firms, f.ID)
		firms[f.ID] = map[string]bool{}
		for _, p := range f.People {
			assert.NotEmpty(t, p.Roles)
			assert.False(t, firms[f.ID][p.ID])
			firms[f.ID][p.ID] = true
		}
	}
	ids := map[string]bool{}
	for _, p := range w.Offers {
		o := p.Offer
		require.NoError(t, o.Validate(), "%s %s", o.ID, o.Text)
		require.True(t, firms[p.By.Firm][p.By.Person], "publisher of %s", o.ID)
		if o.Person != "" {
			require.True(t, firms[o.Firm][o.Person], "person of %s", o.ID)
		}
		_, err := match.NewBook().Remaining(&o)
		require.NoError(t, err, o.ID)
		require.False(t, ids[o.ID], o.ID)
		ids[o.ID] = true
	}
	for _, r := range w.Needs {
		require.NoError(t, r.Need.Validate())
		require.True(t, firms[r.By.Firm][r.By.Person])
		require.False(t, ids[r.Need.ID])
		ids[r.Need.ID] = true
	}
	for _, n := range storyNeeds() {
		require.NoError(t, n.need.Validate(), n.name)
	}
	for _, r := range world.Story2().Refused {
		require.NoError(t, r.Offer.Validate(), r.Name)
	}
}

func TestTextsVary(t *testing.T) {
	w := build(1)
	texts := map[string]int{}
	for _, p := range w.Offers {
		texts[p.Offer.Text]++
	}
	assert.Greater(t, len(texts), 800)
}

func TestEachCanaryBelongsToOneFirm(t *testing.T) {
	w := build(1)
	owner := map[string]string{}
	words := map[string]bool{}
	for _, c := range w.Canaries() {
		key := strings.ToLower(c.Token)
		if was, ok := owner[key]; ok && was != c.Firm {
			t.Errorf("%q belongs to two firms", c.Token)
		}
		owner[key] = c.Firm
		assert.GreaterOrEqual(t, len(c.Token), 5, c.Token)
		if strings.Trim(key, "abcdefghijklmnopqrstuvwxyz") == "" {
			words[key] = true
		}
	}
	for _, token := range []string{"steelcrest", "petrov", "usr-corrway-stamping-01", "holloway tool", "decoy-e4",
		"vance@steelcrest-precision.example", "site-holloway-tool-1", "sn-steelcrest-precision-0001", "+1-905-555-0100"} {
		assert.Contains(t, owner, token)
	}
	assert.Greater(t, len(owner), 10*len(w.Firms))
	list := slices.Sorted(maps.Keys(words))
	for _, a := range list {
		for _, b := range list {
			if a != b && strings.Contains(b, a) && owner[a] != owner[b] {
				t.Errorf("word %q of one firm is part of %q of another", a, b)
			}
		}
	}
}

func TestNothingPublishedHoldsACanary(t *testing.T) {
	w := build(1)
	var words []string
	for _, c := range w.Canaries() {
		words = append(words, strings.ToLower(c.Token))
	}
	seen := map[string]bool{}
	check := func(text string) {
		if seen[text] {
			return
		}
		seen[text] = true
		low := strings.ToLower(text)
		for _, c := range words {
			if strings.Contains(low, c) {
				t.Errorf("%q contains canary %q", text, c)
			}
		}
	}
	for _, p := range w.Offers {
		o := p.Offer
		check(o.Text)
		check(o.Category)
		check(strings.Join(o.Topics, " "))
		for name, prop := range o.Properties {
			check(name + " " + strings.Join(prop.Terms, " "))
		}
		for _, c := range o.Credentials {
			check(c.Scheme + " " + c.Issuer + " " + c.Scope)
		}
	}
	for _, r := range w.Needs {
		check(r.Need.Text)
		check(strings.Join(r.Need.Topics, " "))
	}
	s := world.Story1()
	check(s.Need.Text)
	assert.Contains(t, s.NeedNamed.Text, "D. Petrov at Northgate, part 7741-B")
}

func TestRulesCompileFromFewShapes(t *testing.T) {
	w := build(1)
	rules := compile(t, w)
	whens := map[string]bool{}
	for _, p := range w.Policies {
		for line := range strings.Lines(string(p.Text)) {
			if _, when, ok := strings.Cut(line, "when: "); ok {
				whens[when] = true
			}
		}
		assert.NotContains(t, string(p.Text), "EMPLOYER")
		assert.Equal(t, []string{p.Firm}, rules[p.Firm].Employers())
	}
	assert.Less(t, len(whens), 25)
	s := world.Story3()
	set, err := policy.Compile(nil, policy.Source{Name: s.Renewed.Name, Text: s.Renewed.Text})
	require.NoError(t, err)
	assert.Equal(t, 2, set.Version(s.Renewed.Firm))
	assert.True(t, set.Grants(s.Renewed.Firm)[0].Until.Equal(world.Local(2028, time.January, 1, 0, 0)))
}

func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		build(1)
	}
}

func TestSecondShiftNumbers(t *testing.T) {
	s := world.Story2()
	hours, err := match.NewBook().Remaining(&s.Capable)
	require.NoError(t, err)
	assert.Equal(t, 368*match.Hour, hours)
	for _, d := range s.Decoys {
		if d.Name == "D5" {
			o := offers(&s.World)[d.Offer]
			hours, err := match.NewBook().Remaining(&o)
			require.NoError(t, err)
			assert.Equal(t, 92*match.Hour, hours)
		}
	}
	for i, want := range []match.Amount{410, 368, 300, 368, 368} {
		hours, err := match.NewBook().Remaining(&s.Refused[i].Offer)
		require.NoError(t, err)
		assert.Equal(t, want*match.Hour, hours, s.Refused[i].Name)
		assert.Equal(t, s.Offer, s.Refused[i].Offer.ID)
	}
}

func TestDistancesAreThoseOfTheScenarios(t *testing.T) {
	all := offers(build(1))
	s1, s2, s3 := world.Story1(), world.Story2(), world.Story3()
	for _, c := range []struct {
		n     match.Need
		offer string
		km    float64
	}{
		{s1.Need, s1.E1.Offer, 46.0}, {s1.Need, s1.E4.Offer, 43.7}, {s1.Need, s1.E6.Offer, 48.9},
		{s2.Need, s2.Offer, 37.8}, {s2.Need, s2.Decoys[2].Offer, 250.6},
		{s3.Need1, s3.Offer, 47.8}, {s3.Need2, s3.Offer, 80.1},
	} {
		assert.InDelta(t, c.km, c.n.Site.DistanceKM(all[c.offer].Site), 0.05)
	}
}

// offers indexes a world's offers by id.
func offers(w *world.World) map[string]match.Offer {
	all := map[string]match.Offer{}
	for _, p := range w.Offers {
		all[p.Offer.ID] = p.Offer
	}
	return all
}

func compile(t *testing.T, w *world.World) map[string]*policy.Set {
	t.Helper()
	schema := policy.BaseSchema()
	rules := map[string]*policy.Set{}
	for _, p := range w.Policies {
		set, err := policy.Compile(schema, policy.Source{Name: p.Name, Text: p.Text})
		require.NoError(t, err, p.Firm)
		rules[p.Firm] = set
	}
	return rules
}

type namedNeed struct {
	name string
	need match.Need
	at   time.Time
	want []string // offers that meet it, by id
}

func storyNeeds() []namedNeed {
	s1, s2, s3 := world.Story1(), world.Story2(), world.Story3()
	experts := []string{s1.E1.Offer, s1.E2.Offer, s1.E3.Offer}
	return []namedNeed{
		{"S1", s1.Need, s1.Registered(), experts},
		{"S1 with names", s1.NeedNamed, s1.Registered(), experts},
		{"S1 without the topic", s1.NeedPlain, s1.Registered(), append(slices.Clone(experts), s1.E4.Offer)},
		{"S2", s2.Need, s2.Registered(), []string{s2.Offer}},
		{"S2 second buyer", s2.Partial, s2.Registered(), []string{s2.Offer}},
		{"S3 client 1", s3.Need1, s3.Registered(), []string{s3.Offer}},
		{"S3 client 2 alone", s3.Need2, s3.Registered(), []string{s3.Offer}},
		{"S3 client 2 on site", s3.Need2OnSite, s3.Registered(), nil},
		{"S3 client 2 later", s3.Need2Later, s3.Registered(), []string{s3.Offer}},
		{"S3 greedy", s3.NeedGreedy, s3.Registered(), nil},
		{"S3 competitor", s3.NeedCompetitor, s3.Registered(), nil},
		{"S3 after expiry", s3.NeedAfterExpiry, world.Local(2027, time.July, 1, 9, 0), nil},
		{"S3 running", s3.NeedRunning, world.Local(2027, time.May, 31, 9, 0), nil},
		{"S3 running in part", s3.NeedRunningPart, world.Local(2027, time.May, 31, 9, 0), []string{s3.Offer}},
	}
}

// A market judges needs by brute force: every offer, every gate, both firms'
// rules, asked here independently of the exchange.
type market struct {
	w     *world.World
	rules map[string]*policy.Set
}

// obstacles lists what stands between a need and an offer: failed gates, and
// "rules" if either firm's rules deny every way of working.
func (m *market) obstacles(t *testing.T, n *match.Need, o *match.Offer, now time.Time) []string {
	t.Helper()
	env := &match.GateEnv{Now: now, Median: m.median}
	var out []string
	for _, g := range match.CheckGates(n, o, env) {
		if !g.Passed {
			out = append(out, g.Gate)
		}
	}
	plan, err := match.NewBook().Plan(o, n, now)
	if err != nil {
		if len(out) == 0 {
			t.Errorf("gates pass but there is no plan for %s", o.ID)
		}
		return out
	}
	if ways := ways(n, o); len(ways) > 0 && !m.permitted(n, o, &plan, ways, now) {
		out = append(out, "rules")
	}
	return out
}

// ways are the places of work that both sides accept and can reach.
func ways(n *match.Need, o *match.Offer) []match.Mode {
	km := n.Site.DistanceKM(o.Site)
	both := mode(n.Mode) & mode(o.Mode)
	var out []match.Mode
	for _, way := range []match.Mode{match.OnSite, match.Remote} {
		beyond := n.RadiusKM > 0 && km > n.RadiusKM || o.RadiusKM > 0 && km > o.RadiusKM
		if both&way != 0 && (way == match.Remote || !beyond) {
			out = append(out, way)
		}
	}
	return out
}

func (m *market) permitted(n *match.Need, o *match.Offer, p *match.Plan, ways []match.Mode, now time.Time) bool {
	for _, way := range ways {
		if m.allow(n.Firm, n.Governance, n.Requester, m.request(n, o, p, way, now, n.Ceiling, o.Firm)) &&
			m.allow(o.Firm, o.Category, m.publisher(o.ID), m.request(n, o, p, way, now, o.Floor, n.Firm)) {
			return true
		}
	}
	return false
}

func mode(m match.Mode) match.Mode {
	if m == 0 {
		return match.OnSite
	}
	return m
}

// roles are those of a person of a firm.
func (m *market) roles(firm, person string) []string {
	for _, f := range m.w.Firms {
		for _, p := range f.People {
			if f.ID == firm && p.ID == person {
				return p.Roles
			}
		}
	}
	return nil
}

// publisher is who published an offer.
func (m *market) publisher(offer string) string {
	for _, p := range m.w.Offers {
		if p.Offer.ID == offer {
			return p.By.Person
		}
	}
	return ""
}

func (m *market) allow(firm, category, by string, r policy.Request) bool {
	for _, a := range []policy.Action{policy.Match, policy.Summarise} {
		r.Employer, r.Category, r.Action = firm, category, a
		r.Attrs["actor.person"] = policy.String(by)
		r.Attrs["actor.roles"] = policy.Strings(m.roles(firm, by)...)
		if m.rules[firm].Explain(&r).Outcome == policy.Deny {
			return false
		}
	}
	return true
}

func (m *market) request(n *match.Need, o *match.Offer, p *match.Plan, way match.Mode, now time.Time,
	price match.Bound, other string) policy.Request {
	r := policy.Request{Now: now, Total: p.Amount.Duration(), Usage: m, Attrs: policy.Attrs{
		"request.mode":        policy.String(map[match.Mode]string{match.Remote: "remote", match.OnSite: "on_site"}[way]),
		"request.topics":      policy.Strings(n.Topics...),
		"request.requester":   policy.String(n.Requester),
		"request.total":       policy.Duration(p.Amount.Duration()),
		"request.distance_km": policy.Int(int64(math.Ceil(n.Site.DistanceKM(o.Site)))),
		"request.start":       policy.Time(p.Slots[0].Start),
		"request.end":         policy.Time(p.Slots[len(p.Slots)-1].End),
		"resource.topics":     policy.Strings(o.Topics...),
		"price.currency":      policy.String(n.Currency),
	}}
	cents, _ := price.Open()
	r.Attrs["price.rate"] = policy.Int(cents)
	r.Attrs["price.amount"] = policy.Int(cents * int64(p.Amount) / int64(match.Hour))
	if o.Person != "" {
		r.Attrs["resource.person"] = policy.String(o.Person)
	}
	var until time.Time
	var held []string
	for _, c := range o.Credentials {
		if now.Before(c.To) {
			until, held = c.To, append(held, strings.ToLower(c.Scheme))
		}
	}
	if !until.IsZero() {
		r.Attrs["resource.certified_until"] = policy.Time(until)
	}
	var most time.Duration
	weeks, _ := match.HoursByWeek(p.Slots, o.Zone)
	for _, w := range weeks {
		r.Weeks = append(r.Weeks, policy.WeekAmount{Week: w.Week, Hours: w.Amount.Duration()})
		most = max(most, w.Amount.Duration())
	}
	r.Attrs["request.per_week"] = policy.Duration(most)
	for _, f := range m.w.Firms {
		if f.ID == other {
			r.Attrs["counterparty.naics"] = policy.String(f.NAICS)
			r.Attrs["counterparty.certifications"] = policy.Strings(held...)
		}
	}
	return r
}

// Used implements policy.Usage with what firms report.
func (m *market) Used(employer string, q policy.Quota, key []string, period string) time.Duration {
	var sum match.Amount
	for _, u := range m.w.Usage {
		if u.By.Firm == employer && period == u.Week && slices.Contains(key, u.Person) {
			sum += u.Hours
		}
	}
	return sum.Duration()
}

func (m *market) median(category string) (int64, bool) {
	rates := m.w.Comparables[category]
	if len(rates) < 3 {
		return 0, false
	}
	return slices.Sorted(slices.Values(rates))[len(rates)/2], true
}

func TestOnlyTheStoriesOffersMeetTheStoriesNeeds(t *testing.T) {
	for _, seed := range seeds() {
		w := build(seed)
		m := &market{w: w, rules: compile(t, w)}
		for _, n := range storyNeeds() {
			var fits []string
			for _, p := range w.Offers {
				if !p.Offer.Kind.Serves(n.need.Kind) || !match.Covers(n.need.Category, p.Offer.Category) {
					continue // two gates fail; the others are not worth their time
				}
				if len(m.obstacles(t, &n.need, &p.Offer, n.at)) == 0 {
					fits = append(fits, p.Offer.ID)
				}
			}
			slices.Sort(fits)
			want := slices.Sorted(slices.Values(n.want))
			assert.Equal(t, want, fits, "%s, seed %d", n.name, seed)
		}
	}
}

func TestDecoysFailTheirOneGate(t *testing.T) {
	w := build(1)
	m := &market{w: w, rules: compile(t, w)}
	s1, s2 := world.Story1(), world.Story2()
	all := offers(w)
	check := func(n match.Need, at time.Time, decoys ...world.Decoy) {
		for _, d := range decoys {
			o := all[d.Offer]
			var want []string
			if d.Gate != "" {
				want = []string{d.Gate}
			}
			assert.Equal(t, want, m.obstacles(t, &n, &o, at), d.Name)
		}
	}
	check(s1.Need, s1.Registered(), s1.E1, s1.E2, s1.E3, s1.E4, s1.E5, s1.E6)
	check(s2.Need, s2.Registered(), s2.Decoys...)
}

// A class is what a story's summary says, as a set of facts.
type class struct {
	name     string
	property map[string]string
	scheme   string
	years    int
	solved   int
	k        int
	need     match.Need
	at       time.Time
	km       float64 // band around the viewer
	offer    string
}

func classes() []class {
	s1, s2, s3 := world.Story1(), world.Story2(), world.Story3()
	return []class{
		{"S1", map[string]string{"material_family": "nickel alloys", "process": "turning"}, "", 30, 3, 11,
			s1.Need, s1.Registered(), 60, s1.E1.Offer},
		{"S2", map[string]string{"machine_type": "5_axis_machining_center", "material_family": "titanium"}, "AS9100D", 0, 0, 5,
			s2.Need, s2.Registered(), 40, s2.Offer},
		{"S3", map[string]string{"process": "quality systems"}, "IATF16949", 10, 1, 11,
			s3.Need1, s3.Registered(), 60, s3.Offer},
	}
}

func (c *class) holds(o *match.Offer, at time.Time) bool {
	for name, term := range c.property {
		if !slices.Contains(o.Properties[name].Terms, term) {
			return false
		}
	}
	valid := func(cr match.Credential) bool { return cr.Scheme == c.scheme && at.Before(cr.To) }
	if c.scheme != "" && !slices.ContainsFunc(o.Credentials, valid) {
		return false
	}
	return o.Years >= c.years && (c.solved == 0 || len(o.Evidence) == c.solved)
}

func TestEnoughEmployersShareEachSummary(t *testing.T) {
	w := build(1)
	m := &market{w: w, rules: compile(t, w)}
	all := offers(w)
	for _, c := range classes() {
		home := all[c.offer]
		require.True(t, c.holds(&home, c.at), c.name)
		atHome, atViewer := map[string]bool{}, map[string]bool{}
		for _, p := range w.Offers {
			o := p.Offer
			if !c.holds(&o, c.at) {
				continue
			}
			if home.Site.DistanceKM(o.Site) <= 60 {
				atHome[o.Group] = true
			}
			if c.need.Site.DistanceKM(o.Site) <= c.km && o.Group != c.need.Group {
				atViewer[o.Group] = true
			}
			if strings.HasPrefix(o.Firm, "firm-") && o.ID != c.offer {
				obstacles := m.obstacles(t, &c.need, &o, c.at)
				assert.Len(t, obstacles, 1, "%s: %s", c.name, o.Text)
				for _, shown := range []string{"kind", "category", "machine_type", "material", "credential"} {
					assert.NotContains(t, obstacles, shown, c.name)
				}
			}
		}
		assert.GreaterOrEqual(t, len(atHome), c.k, "%s: within 60 km of the offer", c.name)
		assert.GreaterOrEqual(t, len(atViewer), c.k, "%s: within the viewer's band", c.name)
	}
}

// summarizer counts a market as the exchange does at the given time.
func summarizer(t *testing.T, w *world.World, k, people int, at time.Time) *disclosure.Summarizer {
	t.Helper()
	s, err := disclosure.NewSummarizer(disclosure.DefaultSchema(), &disclosure.SummaryOptions{K: k, KPeople: people})
	require.NoError(t, err)
	for _, p := range w.Offers {
		o := p.Offer
		l := disclosure.Listing{ID: o.ID, Revision: 1, Group: o.Group, Person: o.Person != "", Category: o.Category,
			Facts: map[string][]string{}, Numbers: map[string]float64{"years": float64(o.Years), "solved": float64(len(o.Evidence))},
			Lat: o.Site.Lat, Lon: o.Site.Lon, Region: o.Region, Country: "Ontario", Remote: o.Mode&match.Remote != 0}
		for name, p := range o.Properties {
			l.Facts[name] = p.Terms
		}
		for _, c := range o.Credentials {
			if at.Before(c.To) {
				l.Facts["credential"] = append(l.Facts["credential"], c.Scheme)
			}
		}
		s.Put(l)
	}
	return s
}

func TestSummariesReadAsTheStoriesSay(t *testing.T) {
	text := []string{
		"30+ years, 3 comparable problems solved, nickel alloys, turning, ≤ 60 km or remote",
		"five-axis, titanium, AS9100D, ≤ 40 km",
		"10+ years, 1 comparable problem solved, quality systems, IATF 16949, ≤ 60 km or remote",
	}
	k3 := []*world.World{&world.K3Story1().World, &world.K3Story2().World, &world.K3Story3().World}
	for i, c := range classes() {
		check := func(name string, w *world.World, k, people int) {
			s := summarizer(t, w, k, people, c.at)
			_, _, err := s.Freeze(c.offer, c.at)
			require.NoError(t, err, "%s %s", name, c.name)
			shown, _, err := s.For(c.offer, disclosure.Viewer{Group: c.need.Group, Lat: c.need.Site.Lat, Lon: c.need.Site.Lon}, c.at)
			require.NoError(t, err, "%s %s", name, c.name)
			assert.Equal(t, text[i], shown.String(), "%s %s", name, c.name)
		}
		for _, seed := range seeds() {
			check(fmt.Sprint("seed ", seed), build(seed), 5, 11)
		}
		check("k = 3", k3[i], 3, 3)
	}
}

func TestTheLesserExpertsHaveSummariesToo(t *testing.T) {
	s1 := world.Story1()
	for _, seed := range seeds() {
		s := summarizer(t, build(seed), 5, 11, s1.Registered())
		for _, d := range []world.Decoy{s1.E2, s1.E3} {
			_, _, err := s.Freeze(d.Offer, s1.Registered())
			require.NoError(t, err, d.Name)
			site := s1.Need.Site
			_, _, err = s.For(d.Offer, disclosure.Viewer{Group: s1.Need.Group, Lat: site.Lat, Lon: site.Lon}, s1.Registered())
			require.NoError(t, err, d.Name)
		}
	}
}

func TestSecondShiftIsTooRareToName(t *testing.T) {
	c := classes()[1]
	groups := map[string]bool{}
	for _, p := range build(1).Offers {
		if c.holds(&p.Offer, c.at) && slices.Contains(p.Offer.Properties["shift"].Terms, "second shift") {
			groups[p.Offer.Group] = true
		}
	}
	assert.Less(t, len(groups), c.k)
}

func TestSmallMarketsHoldThree(t *testing.T) {
	k3 := []*world.World{&world.K3Story1().World, &world.K3Story2().World, &world.K3Story3().World}
	for i, c := range classes() {
		groups := map[string]bool{}
		for _, p := range k3[i].Offers {
			if c.holds(&p.Offer, c.at) {
				groups[p.Offer.Group] = true
			}
		}
		assert.GreaterOrEqual(t, len(groups), 3, c.name)
		compile(t, k3[i])
	}
}

func TestExchangeTakesTheWorldAndRefusesWhatTheGrantDoes(t *testing.T) {
	w := world.Build(world.Options{Seed: 1, Firms: 80, Offers: 120, Stories: true})
	x, err := csss.Open(t.Context(), csss.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, x.Close()) }()
	at := world.Opening()
	_, err = x.Import(t.Context(), csss.By{At: at}, w.Import())
	require.NoError(t, err)
	for _, u := range w.Usage {
		_, err = x.ReportUsage(t.Context(), u.By.At(at), u.Person, u.Category, u.Week, u.Hours)
		require.NoError(t, err)
	}
	s2, s3 := world.Story2(), world.Story3()
	for _, r := range s2.Refused {
		_, err = x.Revise(t.Context(), r.By.At(at), r.Offer)
		require.ErrorIs(t, err, csss.ErrDenied, r.Name)
	}
	_, err = x.Revise(t.Context(), s2.Vance.At(at), s2.Capable)
	require.NoError(t, err, "the same person, inside the grant")
	_, err = x.Revise(t.Context(), s3.Ruiz.At(at), s3.Extended)
	require.ErrorIs(t, err, csss.ErrDenied, "the first grant ends sooner")
	_, err = x.SetPolicy(t.Context(), csss.By{At: at}, s3.Renewed.Firm, s3.Renewed.Name, s3.Renewed.Text)
	require.NoError(t, err)
	_, err = x.Revise(t.Context(), s3.Ruiz.At(at), s3.Extended)
	require.NoError(t, err)
	_, err = x.SetPolicy(t.Context(), csss.By{At: at}, s3.CutShort.Firm, s3.CutShort.Name, s3.CutShort.Text)
	require.NoError(t, err)
}

func TestExtendedOfferHoldsTheRunningNeed(t *testing.T) {
	s := world.Story3()
	now := world.Local(2027, time.May, 31, 9, 0)
	plan, err := match.NewBook().Plan(&s.Extended, &s.NeedRunning, now)
	require.NoError(t, err)
	assert.Equal(t, 24*match.Hour, plan.Amount)
	first := offers(&s.World)[s.Offer]
	plan, err = match.NewBook().Plan(&first, &s.NeedRunningPart, now)
	require.NoError(t, err)
	assert.Equal(t, 12*match.Hour, plan.Amount)
}
