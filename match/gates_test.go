package match_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/deeperpoint/csss/match"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func env() *match.GateEnv {
	return &match.GateEnv{Now: autumn, Median: median(12000)}
}

func TestSecondShiftFitsAndEachDecoyFailsItsGate(t *testing.T) {
	n, o := gridline(), steelcrest()
	assert.Empty(t, failed(match.CheckGates(&n, &o, env())))
	for gate, d := range decoys() {
		assert.Equal(t, []string{gate}, failed(match.CheckGates(&n, &d, env())), gate)
	}
}

// Each row breaks one relation from one side; only that gate may fail.
func TestGatesBothWays(t *testing.T) {
	type change = func(*match.Need, *match.Offer)
	for _, c := range []struct {
		name   string
		change change
		want   string // "" = all pass
	}{
		{"kind: expertise serves guidance only for expertise", func(n *match.Need, _ *match.Offer) { n.Kind = match.Guidance }, "kind"},
		{"kind: other offer", func(_ *match.Need, o *match.Offer) { o.Kind = match.Equipment }, "kind"},
		{"category: narrower need", func(n *match.Need, _ *match.Offer) { n.Category = "machine.capacity.shift2.night" }, "category"},
		{"category: sibling", func(n *match.Need, _ *match.Offer) { n.Category = "machine.capacity.shift1" }, "category"},
		{"category: half a segment", func(n *match.Need, _ *match.Offer) { n.Category = "machine.cap" }, "category"},
		{"category: root", func(n *match.Need, _ *match.Offer) { n.Category = "machine" }, ""},
		{"group: named", func(n *match.Need, o *match.Offer) { n.Group, o.Group = "g", "g" }, "group"},
		{"group: the same firm", func(n *match.Need, o *match.Offer) { n.Firm = o.Firm }, "group"},
		{"group: a firm as the other's group", func(n *match.Need, o *match.Offer) { n.Group = o.Firm }, "group"},
		{"exclusion: offer, industry", func(n *match.Need, o *match.Offer) { o.Exclude.NAICS, n.NAICS = []string{"3363"}, "336370" }, "exclusion"},
		{"exclusion: offer, other industry", func(n *match.Need, o *match.Offer) { o.Exclude.NAICS, n.NAICS = []string{"3363"}, "333517" }, ""},
		{"exclusion: offer, unknown industry", func(_ *match.Need, o *match.Offer) { o.Exclude.NAICS = []string{"3363"} }, "exclusion"},
		{"exclusion: offer, coarse industry", func(n *match.Need, o *match.Offer) { o.Exclude.NAICS, n.NAICS = []string{"336370"}, "336" }, "exclusion"},
		{"exclusion: need, industry", func(n *match.Need, o *match.Offer) { n.Exclude.NAICS, o.NAICS = []string{"332710"}, "332710" }, "exclusion"},
		{"exclusion: offer, sector", func(n *match.Need, o *match.Offer) {
			o.Exclude.Sectors, n.Sectors = []string{"defense"}, []string{"medical", "defense"}
		}, "exclusion"},
		{"exclusion: need, sector", func(n *match.Need, o *match.Offer) {
			n.Exclude.Sectors, o.Sectors = []string{"defense"}, []string{"defense"}
		}, "exclusion"},
		{"exclusion: offer, group", func(n *match.Need, o *match.Offer) { o.Exclude.Groups, n.Group = []string{"g"}, "g" }, "exclusion"},
		{"exclusion: need, group is the firm", func(n *match.Need, o *match.Offer) { n.Exclude.Groups = []string{o.Firm} }, "exclusion"},
		{"mode: remote asked, on site offered", func(n *match.Need, _ *match.Offer) { n.Mode = match.Remote }, "mode"},
		{"mode: on site asked, remote offered", func(_ *match.Need, o *match.Offer) { o.Mode = match.Remote }, "mode"},
		{"mode: both can both", func(n *match.Need, o *match.Offer) { n.Mode, o.Mode = 3, 3 }, ""},
		{"distance: need's radius", func(n *match.Need, _ *match.Offer) { n.RadiusKM = 37 }, "distance"},
		{"distance: offer's radius", func(_ *match.Need, o *match.Offer) { o.RadiusKM = 37 }, "distance"},
		{"distance: no radius", func(n *match.Need, o *match.Offer) { n.RadiusKM, o.Site = 0, towns["Windsor"] }, ""},
		{"distance: unknown site", func(_ *match.Need, o *match.Offer) { o.Site = match.Point{} }, "distance"},
		{"distance: remote", func(n *match.Need, o *match.Offer) { n.Mode, o.Mode, n.RadiusKM = match.Remote, 3, 1 }, ""},
		{"credential: none", func(_ *match.Need, o *match.Offer) { o.Credentials = nil }, "credential"},
		{"credential: begins late", func(_ *match.Need, o *match.Offer) { o.Credentials[0].From = local("2026-09-15T00:00") }, "credential"},
		{"credential: ends with the work", func(n *match.Need, o *match.Offer) { o.Credentials[0].To = n.Until }, ""},
		{"credential: ends a minute early", func(n *match.Need, o *match.Offer) { o.Credentials[0].To = n.Until.Add(-60e9) }, "credential"},
		{"credential: one of two", func(n *match.Need, _ *match.Offer) { n.Credentials = []string{"as9100d", "ISO13485"} }, "credential"},
		{"credential: more than asked", func(_ *match.Need, o *match.Offer) {
			o.Credentials = append(o.Credentials, match.Credential{Scheme: "ISO9001"})
		}, ""},
		{"property: too coarse", func(n *match.Need, _ *match.Offer) { n.Requires[2].Value = 0.004 }, "tolerance"},
		{"property: in inches", func(n *match.Need, _ *match.Offer) { n.Requires[2].Value, n.Requires[2].Unit = 0.005/25.4, "in" }, ""},
		{"property: other dimension", func(n *match.Need, _ *match.Offer) { n.Requires[2].Unit = "kg" }, "tolerance"},
		{"property: too long", func(n *match.Need, _ *match.Offer) { n.Requires[3].Value = 501 }, "envelope_x"},
		{"property: not stated", func(_ *match.Need, o *match.Offer) { delete(o.Properties, "envelope_z") }, "envelope_z"},
		{"property: terms for a number", func(_ *match.Need, o *match.Offer) { o.Properties["tolerance"] = match.Terms("tight") }, "tolerance"},
		{"property: number for terms", func(_ *match.Need, o *match.Offer) { o.Properties["material"] = match.Range(1, 2, "") }, "material"},
		{"window: too late", func(n *match.Need, _ *match.Offer) {
			n.From, n.Until = local("2026-10-21T00:00"), local("2026-10-31T00:00")
		}, "window"},
		{"window: blocks too long", func(n *match.Need, _ *match.Offer) { n.MinBlock = hours(9) }, "window"},
		{"window: other times of day", func(n *match.Need, _ *match.Offer) {
			n.Windows = []match.Window{{Zone: toronto, Start: "2026-09-14T08:00", End: "2026-09-14T16:00", RRule: "FREQ=DAILY;COUNT=40"}}
		}, "window"},
		{"quantity: beyond the offer's total", func(_ *match.Need, o *match.Offer) { o.Quantity.Value = hours(49) }, "quantity"},
		{"quantity: exactly the total", func(_ *match.Need, o *match.Offer) { o.Quantity.Value = hours(50) }, ""},
		{"quantity: below the lot", func(_ *match.Need, o *match.Offer) { o.Quantity.MinLot = hours(51) }, "quantity"},
		{"quantity: weekly limit", func(_ *match.Need, o *match.Offer) { o.Quantity.PerWeek = hours(8) }, "quantity"},
		{"quantity: a part is welcome", func(n *match.Need, o *match.Offer) { n.Partial, o.Quantity.Value = true, hours(49) }, ""},
		{"price: crossed", func(n *match.Need, _ *match.Offer) { n.Ceiling = match.NewBound(9499) }, "price"},
		{"price: no grid point between", func(n *match.Need, o *match.Offer) {
			o.Floor, n.Ceiling = match.NewBound(9501), match.NewBound(9999)
		}, "price"},
		{"price: other currency", func(n *match.Need, _ *match.Offer) { n.Currency = "USD" }, "price"},
		{"price: no bounds", func(n *match.Need, o *match.Offer) { o.Floor, n.Ceiling = match.Bound{}, match.Bound{} }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, o := gridline(), steelcrest()
			c.change(&n, &o)
			got := strings.Join(failed(match.CheckGates(&n, &o, env())), " ")
			assert.Equal(t, c.want, got)
		})
	}
}

func TestPriceWithoutComparablesNeedsOnlyTheBounds(t *testing.T) {
	n, o := gridline(), steelcrest()
	o.Floor, n.Ceiling = match.NewBound(9501), match.NewBound(9999)
	assert.Empty(t, failed(match.CheckGates(&n, &o, &match.GateEnv{Now: autumn})))
	o.Floor = match.NewBound(10000)
	assert.Equal(t, []string{"price"}, failed(match.CheckGates(&n, &o, &match.GateEnv{Now: autumn})))
}

func TestWithinCoversTheRangeAskedFor(t *testing.T) {
	n, o := gridline(), steelcrest()
	o.Properties["speed"] = match.Range(500, 18000, "rpm")
	for _, c := range []struct {
		lo, hi float64
		fits   bool
	}{{500, 18000, true}, {499, 1000, false}, {1000, 18001, false}, {600, 600, true}} {
		n.Requires = []match.Requirement{{Property: "speed", Op: match.Within, Min: c.lo, Value: c.hi, Unit: "rpm"}}
		assert.Equal(t, c.fits, len(failed(match.CheckGates(&n, &o, env()))) == 0, "%v", c)
	}
	n.Requires = []match.Requirement{{Property: "material", Op: match.AnyOf, Terms: []string{"gold", "inconel_718"}}}
	assert.Empty(t, failed(match.CheckGates(&n, &o, env())))
	n.Requires[0].Op = match.Includes
	assert.Equal(t, []string{"material"}, failed(match.CheckGates(&n, &o, env())))
}

func TestGatesDoNotStopEarly(t *testing.T) {
	n, o := gridline(), steelcrest()
	o.Kind, o.Category, o.Firm, o.Mode = match.Equipment, "tool", n.Firm, match.Remote
	o.Properties, o.Credentials, o.Windows[0].RRule = nil, nil, ""
	o.Floor, o.Quantity.Value, o.Exclude.Groups = match.NewBound(16000), hours(1), []string{n.Firm}
	o.Site = towns["Windsor"]
	got := failed(match.CheckGates(&n, &o, env()))
	assert.Equal(t, []string{"kind", "category", "group", "exclusion", "mode", "distance", "credential",
		"machine_type", "material", "tolerance", "envelope_x", "envelope_y", "envelope_z", "window", "quantity", "price"}, got)
}

func TestInvalidInputFailsTheGates(t *testing.T) {
	n, o := gridline(), steelcrest()
	o.Zone = "nowhere"
	assert.Equal(t, []string{"valid"}, failed(match.CheckGates(&n, &o, nil)))
}

func TestGateTable(t *testing.T) {
	public := map[string]bool{}
	for _, g := range match.Gates() {
		assert.NotEmpty(t, g.Relates, g.Name)
		_, seen := public[g.Name]
		assert.False(t, seen, "%s twice", g.Name)
		public[g.Name] = g.Public
	}
	assert.Equal(t, map[string]bool{"kind": true, "category": true, "mode": true, "credential": true, "property": true, "window": true,
		"group": false, "exclusion": false, "distance": false, "quantity": false, "price": false}, public)
	n, o := gridline(), steelcrest()
	for _, r := range match.CheckGates(&n, &o, env()) {
		want, ok := public[r.Gate]
		assert.Equal(t, want || !ok, r.Public, r.Gate)
	}
}

// A reason of a private gate must be the same whatever the other side's value.
func TestPrivateReasonsDoNotDependOnTheOtherSide(t *testing.T) {
	reasons := func(change func(*match.Need, *match.Offer)) map[string]match.GateResult {
		n, o := gridline(), steelcrest()
		change(&n, &o)
		out := map[string]match.GateResult{}
		for _, r := range match.CheckGates(&n, &o, env()) {
			if !r.Passed && !r.Public {
				out[r.Gate] = r
			}
		}
		return out
	}
	for _, c := range []struct {
		a, b func(*match.Need, *match.Offer)
	}{
		{func(_ *match.Need, o *match.Offer) { o.Floor = match.NewBound(16000) }, func(_ *match.Need, o *match.Offer) { o.Floor = match.NewBound(99000) }},
		{func(n *match.Need, _ *match.Offer) { n.Ceiling = match.NewBound(1) }, func(n *match.Need, _ *match.Offer) { n.Ceiling = match.NewBound(9000) }},
		{func(_ *match.Need, o *match.Offer) { o.Site = towns["Windsor"] }, func(_ *match.Need, o *match.Offer) { o.Site = towns["London"] }},
		{func(_ *match.Need, o *match.Offer) { o.Quantity.Value = hours(3) }, func(_ *match.Need, o *match.Offer) { o.Quantity.Value = hours(30) }},
		{func(n *match.Need, o *match.Offer) { o.Exclude.NAICS, n.NAICS = []string{"33"}, "331111" },
			func(n *match.Need, o *match.Offer) { o.Exclude.Groups = []string{n.Firm} }},
	} {
		a, b := reasons(c.a), reasons(c.b)
		require.Len(t, a, 1)
		assert.Equal(t, a, b)
		for _, r := range a {
			assert.NotEmpty(t, r.OfferReason)
			assert.NotEmpty(t, r.NeedReason)
			assert.False(t, strings.ContainsAny(r.OfferReason+r.NeedReason, "0123456789"), "%+v", r)
		}
	}
}

func TestDistances(t *testing.T) {
	for _, c := range []struct {
		a, b string
		km   float64
	}{{"Hamilton", "Cambridge", 37.8}, {"London", "Kitchener", 80.1}, {"London", "Stratford", 47.8}, {"Mississauga", "London", 146.0},
		{"Toronto", "Windsor", 332.3}, {"Guelph", "Oakville", 46.0}, {"Brantford", "Guelph", 45.1}, {"Hamilton", "Hamilton", 0}} {
		got := towns[c.a].DistanceKM(towns[c.b])
		assert.InDelta(t, c.km, got, 0.05, "%s–%s", c.a, c.b)
		assert.InDelta(t, got, towns[c.b].DistanceKM(towns[c.a]), 1e-9)
	}
	pole := match.Point{Lat: 90}
	assert.InDelta(t, math.Pi*match.EarthRadiusKM, pole.DistanceKM(match.Point{Lat: -90, Lon: 77}), 1e-6)
}

func TestOnSiteAtEightyKilometres(t *testing.T) {
	o := guidance()
	near, far := client("Stratford", "2026-09-28", 3), client("Kitchener", "2026-09-28", 3)
	assert.True(t, match.OnSiteReach(&near, &o))
	assert.False(t, match.OnSiteReach(&far, &o), "80.1 > 80")
	assert.Empty(t, failed(match.CheckGates(&far, &o, env())), "remote work remains")
	far.Mode = match.OnSite
	assert.Equal(t, []string{"distance"}, failed(match.CheckGates(&far, &o, env())))
	near.NAICS = "336370"
	assert.Equal(t, []string{"exclusion"}, failed(match.CheckGates(&near, &o, env())))
}

func TestConvert(t *testing.T) {
	for _, c := range []struct {
		v        float64
		from, to string
		want     float64
		ok       bool
	}{{1, "in", "mm", 25.4, true}, {25.4, "mm", "in", 1, true}, {5, "t/m2", "kg/m2", 5000, true}, {1, "um", "mm", 0.001, true},
		{7, "rpm", "rpm", 7, true}, {7, "rpm", "mm", 0, false}, {7, "", "mm", 0, false}, {1291.7, "ft2", "m2", 120.003, true}} {
		got, ok := match.Convert(c.v, c.from, c.to)
		assert.Equal(t, c.ok, ok, "%v", c)
		assert.InDelta(t, c.want, got, 1e-3*max(1, math.Abs(c.want))/100, "%v", c)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		field  string
		change func(*match.Offer)
	}{
		{"id", func(o *match.Offer) { o.ID = "" }},
		{"firm", func(o *match.Offer) { o.Firm = "" }},
		{"kind", func(o *match.Offer) { o.Kind = match.Guidance }},
		{"category", func(o *match.Offer) { o.Category = "machine..capacity" }},
		{"category", func(o *match.Offer) { o.Category = "Machine" }},
		{"zone", func(o *match.Offer) { o.Zone = "Europe/Gotham" }},
		{"site.lat", func(o *match.Offer) { o.Site.Lat = nan }},
		{"site.lon", func(o *match.Offer) { o.Site.Lon = 180.1 }},
		{"site.lat", func(o *match.Offer) { o.Site.Lat = math.Inf(-1) }},
		{"radius_km", func(o *match.Offer) { o.RadiusKM = -1 }},
		{"radius_km", func(o *match.Offer) { o.RadiusKM = nan }},
		{"mode", func(o *match.Offer) { o.Mode = 4 }},
		{"quantity.unit", func(o *match.Offer) { o.Quantity.Unit = "days" }},
		{"quantity.value", func(o *match.Offer) { o.Quantity.Value = -1 }},
		{"quantity.min_lot", func(o *match.Offer) { o.Quantity.Value, o.Quantity.MinLot = 10, 11 }},
		{"quantity.granularity", func(o *match.Offer) { o.Quantity.Granularity = math.MinInt64 }},
		{"quantity.per_week", func(o *match.Offer) { o.Quantity.PerWeek = math.MaxInt64 }},
		{"quantity.weeks", func(o *match.Offer) { o.Quantity.Weeks = -1 }},
		{"currency", func(o *match.Offer) { o.Currency = "cad" }},
		{"currency", func(o *match.Offer) { o.Currency = "" }},
		{"floor", func(o *match.Offer) { o.Floor = match.NewBound(-1) }},
		{"cost", func(o *match.Offer) { o.Cost = match.NewBound(math.MaxInt64) }},
		{"units", func(o *match.Offer) { o.Units = -1 }},
		{"years", func(o *match.Offer) { o.Years = 200 }},
		{"exclude.naics[0]", func(o *match.Offer) { o.Exclude.NAICS = []string{"33-44"} }},
		{"expires", func(o *match.Offer) { o.Available, o.Expires = autumn, autumn }},
		{"windows[0].end", func(o *match.Offer) { o.Windows[0].End = "2026-09-14T15:00" }},
		{"windows[0].rrule", func(o *match.Offer) { o.Windows[0].RRule = "FREQ=DAILY" }},
		{"windows", func(o *match.Offer) { o.Windows = append(o.Windows, o.Windows[0]) }},
		{"properties.a", func(o *match.Offer) { o.Properties["a"] = match.Property{} }},
		{"properties.a.min", func(o *match.Offer) { o.Properties["a"] = match.Range(2, 1, "") }},
		{"properties.a.max", func(o *match.Offer) { o.Properties["a"] = match.Range(2, nan, "") }},
		{"credentials[0].scheme", func(o *match.Offer) { o.Credentials[0].Scheme = "" }},
		{"credentials[0].to", func(o *match.Offer) { o.Credentials[0].From = local("2028-01-01T00:00") }},
	} {
		o := steelcrest()
		c.change(&o)
		assertField(t, c.field, o.Validate())
	}
	for _, c := range []struct {
		field  string
		change func(*match.Need)
	}{
		{"kind", func(n *match.Need) { n.Kind = "wish" }},
		{"from", func(n *match.Need) { n.From = time.Time{} }},
		{"until", func(n *match.Need) { n.Until = n.From }},
		{"until", func(n *match.Need) { n.Until = n.From.AddDate(10, 0, 1) }},
		{"quantity.value", func(n *match.Need) { n.Quantity.Value = 0 }},
		{"quantity.value", func(n *match.Need) { n.Quantity.PerWeek, n.Quantity.Weeks = hours(3), 8 }},
		{"quantity.weeks", func(n *match.Need) { n.Quantity.PerWeek = hours(3) }},
		{"min_block", func(n *match.Need) { n.MinBlock = -1 }},
		{"min_block", func(n *match.Need) { n.MinBlock = hours(51) }},
		{"ceiling", func(n *match.Need) { n.Ceiling = match.NewBound(-5) }},
		{"windows[0].zone", func(n *match.Need) { n.Windows = []match.Window{{Start: "2026-09-14T08:00", End: "2026-09-14T16:00"}} }},
		{"requires[0].property", func(n *match.Need) { n.Requires[0].Property = "" }},
		{"requires[0].terms", func(n *match.Need) { n.Requires[0].Terms = nil }},
		{"requires[2].op", func(n *match.Need) { n.Requires[2].Op = "about" }},
		{"requires[2].value", func(n *match.Need) { n.Requires[2].Value = nan }},
		{"requires[2].min", func(n *match.Need) { n.Requires[2].Op, n.Requires[2].Min = match.Within, 1 }},
		{"credentials[0]", func(n *match.Need) { n.Credentials = []string{""} }},
	} {
		n := gridline()
		c.change(&n)
		assertField(t, c.field, n.Validate())
	}
}

func assertField(t *testing.T, field string, err error) {
	t.Helper()
	f, ok := errors.AsType[*match.FieldError](err)
	if !assert.True(t, ok, "%s: %v", field, err) {
		return
	}
	assert.Equal(t, field, f.Field)
	assert.NotEmpty(t, f.Limit)
	for _, secret := range []string{"firm-steelcrest", "firm-gridline", "steelcrest", "gridline", "9500", "15000"} {
		assert.NotContains(t, err.Error(), secret)
	}
}

func TestSealedValuesStaySealed(t *testing.T) {
	n, o := gridline(), steelcrest()
	m := newMatcher(t, nil, o)
	res, err := m.Search(t.Context(), &match.Query{Need: &n, Now: autumn, Median: median(12000)})
	require.NoError(t, err)
	require.Len(t, res.Candidates, 1)
	c := res.Candidates[0]
	cents, ok := c.Price.Open()
	assert.True(t, ok)
	assert.Equal(t, int64(12000), cents)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "candidate", c, "price", c.Price, "floor", o.Floor)
	js, err := json.Marshal(struct {
		match.Candidate
		Offer match.Offer
		Need  match.Need
	}{c, o, n})
	require.NoError(t, err)
	for _, out := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %d %x", c, c, c.Price, c.Price), fmt.Sprintf("%v %+v %#v", o, n, o.Floor), string(js), log.String()} {
		for _, secret := range []string{"12000", "9500", "15000", "2ee0", "251c"} {
			assert.NotContains(t, out, secret)
		}
	}
	var back match.Candidate
	require.NoError(t, json.Unmarshal([]byte(`{"price":"sealed"}`), &back))
	_, ok = back.Price.Open()
	assert.False(t, ok)
}

func ExampleCheckGates() {
	offer, need := steelcrest(), gridline()
	offer.Properties["material"] = match.Terms("carbon_steel")
	for _, g := range match.CheckGates(&need, &offer, nil) {
		if !g.Passed {
			fmt.Println(g.Gate+",", "public:", g.Public)
			fmt.Println(g.OfferReason)
			fmt.Println(g.NeedReason)
		}
	}
	// Output:
	// material, public: true
	// the need asks for material ti_6al_4v, which this offer does not state
	// the offer does not state material ti_6al_4v
}

func ExampleCovers() {
	fmt.Println(match.Covers("machine.capacity", "machine.capacity.shift2"))
	fmt.Println(match.Covers("machine.capacity.shift2", "machine.capacity"))
	fmt.Println(match.Covers("machine.cap", "machine.capacity"))
	// Output:
	// true
	// false
	// false
}

func ExamplePoint_DistanceKM() {
	hamilton, cambridge := match.Point{Lat: 43.2557, Lon: -79.8711}, match.Point{Lat: 43.3616, Lon: -80.3144}
	fmt.Printf("%.1f km\n", hamilton.DistanceKM(cambridge))
	// Output: 37.8 km
}

func ExampleOffer_Validate() {
	o := steelcrest()
	o.Site.Lat = 91
	fmt.Println(o.Validate())
	// Output: match: site.lat is 91, want a number from -90 to 90
}

func ExampleBound() {
	b := match.NewBound(9500)
	cents, ok := b.Open()
	fmt.Println(b, cents, ok)
	// Output: sealed 9500 true
}
