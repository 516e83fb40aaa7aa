package disclosure_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

type place struct {
	lat, lon float64
	region   string
}

var cities = map[string]place{
	"Hamilton":    {43.2557, -79.8711, "Hamilton–Niagara"},
	"Kitchener":   {43.4516, -80.4925, "Kitchener–Waterloo–Barrie"},
	"Cambridge":   {43.3616, -80.3144, "Kitchener–Waterloo–Barrie"},
	"Mississauga": {43.5890, -79.6441, "Toronto"},
	"London":      {42.9849, -81.2453, "London"},
	"Brantford":   {43.1394, -80.2644, "Hamilton–Niagara"},
	"Guelph":      {43.5448, -80.2482, "Kitchener–Waterloo–Barrie"},
	"Oakville":    {43.4675, -79.6877, "Toronto"},
	"Burlington":  {43.3255, -79.7990, "Hamilton–Niagara"},
	"Toronto":     {43.6532, -79.3832, "Toronto"},
	"Windsor":     {42.3149, -83.0364, "Windsor–Sarnia"},
}

type facts = map[string][]string
type numbers = map[string]float64

func at(city, group string, f facts, n numbers) disclosure.Listing {
	p := cities[city]
	return disclosure.Listing{ID: "o-" + group, Revision: 1, Group: group, Category: "machine.capacity", Facts: f, Numbers: n,
		Lat: p.lat, Lon: p.lon, Region: p.region, Country: "Ontario"}
}

func viewer(city, group string) disclosure.Viewer {
	return disclosure.Viewer{Group: group, Lat: cities[city].lat, Lon: cities[city].lon}
}

func summarizer(t testing.TB, k int, ls ...disclosure.Listing) *disclosure.Summarizer {
	t.Helper()
	s, err := disclosure.NewSummarizer(disclosure.DefaultSchema(),
		&disclosure.SummaryOptions{K: k, KPeople: k, AllowUnsafe: true})
	require.NoError(t, err)
	for _, l := range ls {
		s.Put(l)
	}
	return s
}

var noon = time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)

// freeze freezes and installs, like a host that has logged in between.
func freeze(t testing.TB, s *disclosure.Summarizer, id string) (disclosure.Summary, disclosure.Risk, error) {
	t.Helper()
	sum, risk, err := s.Freeze(id, noon)
	if sum.News {
		require.NoError(t, s.Install(sum.Frozen))
	}
	return sum, risk, err
}

// look is For for a host that logs and installs.
func look(t testing.TB, s *disclosure.Summarizer, id string, v disclosure.Viewer) (disclosure.Shown, error) {
	t.Helper()
	shown, fresh, err := s.For(id, v, noon)
	for _, f := range fresh {
		require.NoError(t, s.Install(f))
	}
	return shown, err
}

func makino(city, group, shift string, more ...string) disclosure.Listing {
	return at(city, group, facts{"machine_type": {"5_axis_machining_center"}, "material_family": append([]string{"ti_6al_4v"}, more...),
		"credential": {"AS9100D"}, "shift": {shift}}, nil)
}

func secondShift() []disclosure.Listing {
	d1 := at("Kitchener", "Lakeview", facts{"machine_type": {"5_axis_machining_center"}, "material_family": {"aluminum_6061", "carbon_steel"}, "credential": {"AS9100D"}, "shift": {"shift2"}}, nil)
	d2 := at("Burlington", "Halton", facts{"machine_type": {"cnc_lathe"}, "material_family": {"ti_6al_4v"}, "credential": {"AS9100D"}, "shift": {"shift2"}}, nil)
	d4 := makino("Brantford", "GrandRiver", "shift2", "inconel_718")
	delete(d4.Facts, "credential")
	return []disclosure.Listing{
		makino("Hamilton", "Steelcrest", "shift2", "inconel_718"), d1, d2,
		makino("Windsor", "RoseCity", "shift2", "inconel_718"), d4,
		makino("Guelph", "Speedvale", "shift1", "inconel_718"),
		makino("Brantford", "Telephone", "shift2", "inconel_718"),
	}
}

func experts() []disclosure.Listing {
	expert := func(city, group string, years, solved float64, f facts) disclosure.Listing {
		l := at(city, group, f, numbers{"years": years, "solved": solved})
		l.Person, l.Remote, l.Category = true, true, "expertise.machining"
		return l
	}
	nickel := facts{"material_family": {"inconel_718", "inconel_625"}, "process": {"turning"}}
	return []disclosure.Listing{
		expert("Oakville", "Holloway", 31, 3, nickel),
		expert("Kitchener", "Brightline", 22, 4, facts{"material_family": {"aluminum_6061"}, "process": {"high_speed_milling"}}),
		expert("Hamilton", "Maple", 25, 5, facts{"material_family": {"inconel_718"}, "process": {"welding"}}),
		expert("Burlington", "Arden", 33, 3, nickel),
		expert("Cambridge", "Fenwick", 30, 1, nickel),
		expert("Mississauga", "Talbot", 34, 3, nickel),
	}
}

func additive() []disclosure.Listing {
	pbf := func(city, group, process, cred string, size float64) disclosure.Listing {
		return at(city, group, facts{"process": {process}, "credential": {cred}}, numbers{"max_part_mm": size})
	}
	return []disclosure.Listing{
		pbf("Hamilton", "Rare", "metal_powder_bed_fusion", "ISO 13485", 250),
		pbf("Kitchener", "WaterlooAM", "metal_powder_bed_fusion", "iso_13485", 280),
		pbf("Toronto", "DonValley", "metal_powder_bed_fusion", "ISO 13485", 250),
		pbf("Windsor", "Border", "metal_powder_bed_fusion", "ISO 9001", 250),
		pbf("Burlington", "Micro", "metal_powder_bed_fusion", "ISO 13485", 100),
		pbf("Guelph", "SpeedSLS", "polymer_sls", "", 300),
	}
}

func TestSummariesOfTheStories(t *testing.T) {
	for _, c := range []struct {
		name, id, text, place string
		k                     int
		listings              []disclosure.Listing
		v                     disclosure.Viewer
	}{
		{"second shift", "o-Steelcrest", "five-axis, titanium, AS9100D", "≤ 40 km", 3, secondShift(), viewer("Cambridge", "Gridline")},
		{"specialist", "o-Holloway", "30+ years, 3 comparable problems solved, nickel alloys, turning", "≤ 60 km or remote", 3, experts(), viewer("Guelph", "Northgate")},
		{"probing at 3", "o-Rare", "metal powder-bed fusion, ≥ 250 mm, ISO 13485", "≤ 60 km", 3, additive(), viewer("Hamilton", "Pry")},
		{"probing at 5", "o-Rare", "metal powder-bed fusion", "Ontario", 5, additive(), viewer("Hamilton", "Pry")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := summarizer(t, c.k, c.listings...)
			sum, risk, err := freeze(t, s, c.id)
			require.NoError(t, err)
			assert.Equal(t, c.text, sum.Text)
			assert.GreaterOrEqual(t, risk.K, c.k)
			got, err := look(t, s, c.id, c.v)
			require.NoError(t, err)
			assert.Equal(t, c.text, got.Text)
			assert.Equal(t, c.place, got.Place)
			assert.False(t, got.Digest.IsZero())
		})
	}
}

func TestRiskNamesWhatIsLeftOut(t *testing.T) {
	s := summarizer(t, 3, secondShift()...)
	_, risk, err := freeze(t, s, "o-Steelcrest")
	require.NoError(t, err)
	assert.Equal(t, []string{"shift"}, risk.Suppressed)
	assert.Equal(t, 3, risk.FullK) // Steelcrest, Telephone, and Rose City far away
	assert.Equal(t, 4, risk.K)
}

func TestOneFirmCountsOnce(t *testing.T) {
	var ls []disclosure.Listing
	for i := range 5 {
		l := makino("Hamilton", "Steelcrest", "shift2")
		l.ID = fmt.Sprint("o-", i)
		ls = append(ls, l)
	}
	s := summarizer(t, 3, ls...)
	_, risk, err := freeze(t, s, "o-0")
	require.ErrorIs(t, err, disclosure.ErrTooRare)
	var rare *disclosure.TooRareError
	require.ErrorAs(t, err, &rare)
	assert.Equal(t, 1, rare.K)
	assert.Equal(t, 3, rare.Need)
	assert.Equal(t, 1, risk.FullK)
}

func TestViewersOwnGroupIsLeftOut(t *testing.T) {
	s := summarizer(t, 3, additive()...)
	_, _, err := freeze(t, s, "o-Rare")
	require.NoError(t, err)
	_, err = look(t, s, "o-Rare", viewer("Kitchener", "WaterlooAM")) // leaves two
	assert.Equal(t, disclosure.ErrTooRare, err)
	_, err = look(t, s, "o-Rare", viewer("Hamilton", "Rare"))
	assert.Equal(t, disclosure.ErrTooRare, err)
	_, err = look(t, s, "o-nobody", viewer("Hamilton", "Pry"))
	assert.ErrorIs(t, err, disclosure.ErrNotFound)
}

func TestRatchet(t *testing.T) {
	s := summarizer(t, 3, additive()...)
	first, _, err := freeze(t, s, "o-Rare")
	require.NoError(t, err)

	s.Remove("o-DonValley") // two are left with the full text
	seen, err := look(t, s, "o-Rare", viewer("Hamilton", "Pry"))
	require.NoError(t, err)
	second, _, err := freeze(t, s, "o-Rare")
	require.NoError(t, err)
	assert.Equal(t, second.Text, seen.Text, "one text for all")
	assert.NotEqual(t, first.Text, second.Text)
	for _, label := range second.Labels {
		assert.Contains(t, first.Labels, label)
	}

	for _, l := range additive() {
		s.Put(l) // the class is whole again: the text does not come back
	}
	third, _, err := freeze(t, s, "o-Rare")
	require.NoError(t, err)
	assert.Equal(t, second.Text, third.Text)

	for _, id := range []string{"o-WaterlooAM", "o-DonValley", "o-Border", "o-Micro"} {
		s.Remove(id)
	}
	_, _, err = freeze(t, s, "o-Rare")
	require.ErrorIs(t, err, disclosure.ErrTooRare)
	for _, l := range additive() {
		s.Put(l)
	}
	_, _, err = freeze(t, s, "o-Rare")
	require.ErrorIs(t, err, disclosure.ErrTooRare, "withdrawn for good")
	next := additive()[0]
	next.Revision = 2
	s.Put(next)
	again, _, err := freeze(t, s, "o-Rare")
	require.NoError(t, err)
	assert.Equal(t, first.Text, again.Text, "a new revision is frozen anew")
}

func TestMovingTheCircle(t *testing.T) {
	s := summarizer(t, 3, additive()...)
	_, _, err := freeze(t, s, "o-Rare")
	require.NoError(t, err)
	first, err := look(t, s, "o-Rare", viewer("Hamilton", "Pry"))
	require.NoError(t, err)
	for city := range cities {
		got, err := look(t, s, "o-Rare", viewer(city, "Pry"))
		require.NoError(t, err)
		assert.Equal(t, first, got, city)
	}
	// One of the three goes, one like it comes far away: the band must widen
	// beyond what was shown, or vanish; it may not turn into the region.
	s.Remove("o-DonValley")
	far := additive()[2]
	far.ID, far.Group, far.Lat, far.Lon = "o-far", "Far", cities["Windsor"].lat, cities["Windsor"].lon
	s.Put(far)
	got, err := look(t, s, "o-Rare", viewer("Hamilton", "Pry"))
	require.NoError(t, err)
	assert.Equal(t, first.Text, got.Text)
	assert.Empty(t, got.Place)
	s.Put(additive()[2])
	got, err = look(t, s, "o-Rare", viewer("Hamilton", "Pry"))
	require.NoError(t, err)
	assert.Empty(t, got.Place, "never finer again")

	// A new revision is looked at from where the first one was.
	s = summarizer(t, 3, additive()...)
	_, _, err = freeze(t, s, "o-Rare")
	require.NoError(t, err)
	first, err = look(t, s, "o-Rare", viewer("Hamilton", "Pry"))
	require.NoError(t, err)
	next := additive()[0]
	next.Revision = 2
	s.Put(next)
	_, _, err = freeze(t, s, "o-Rare")
	require.NoError(t, err)
	other, err := look(t, s, "o-Rare", viewer("Toronto", "Other"))
	require.NoError(t, err)
	got, err = look(t, s, "o-Rare", viewer("Toronto", "Pry"))
	require.NoError(t, err)
	assert.Equal(t, first, got)
	assert.NotEqual(t, first.Place, other.Place)
}

func TestFrozenSurvivesRestart(t *testing.T) {
	s := summarizer(t, 3, additive()...)
	sum, _, err := freeze(t, s, "o-Rare")
	require.NoError(t, err)
	want, err := look(t, s, "o-Rare", viewer("Hamilton", "Pry"))
	require.NoError(t, err)
	place, ok := s.Frozen("o-Rare", "Pry")
	require.True(t, ok)

	restarted := summarizer(t, 3, additive()...)
	for _, f := range []disclosure.Frozen{sum.Frozen, place} {
		data, err := json.Marshal(f)
		require.NoError(t, err)
		var back disclosure.Frozen
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, f, back)
		require.NoError(t, restarted.Install(back))
	}
	got, err := look(t, restarted, "o-Rare", viewer("Toronto", "Pry"))
	require.NoError(t, err)
	assert.Equal(t, want, got)
	require.ErrorIs(t, restarted.Install(disclosure.Frozen{Listing: "x", Fields: []disclosure.FieldChoice{{Field: "salary", Labels: []string{"a"}}}}), disclosure.ErrInvalid)
}

func TestLadder(t *testing.T) {
	only := at("Hamilton", "Lone", facts{"process": {"edm"}}, nil)
	only.Category = "machine.capacity"
	ls := append(secondShift(), only)
	s := summarizer(t, 4, ls...)
	_, _, err := freeze(t, s, "o-Lone")
	require.ErrorIs(t, err, disclosure.ErrTooRare)
	got, err := s.Ladder("o-Lone", viewer("London", "Buyer"), noon)
	require.NoError(t, err)
	require.Equal(t, disclosure.StepFit, got.Step) // Steelcrest, Halton, Grand River, Telephone, Lone
	assert.Equal(t, &disclosure.FitExists{Category: "machine.capacity", Region: "Hamilton–Niagara"}, got.Fit)
	assert.Nil(t, got.Shown)

	only.Category = "machine.capacity.edm"
	s.Put(only)
	got, err = s.Ladder("o-Lone", viewer("London", "Buyer"), noon)
	require.NoError(t, err)
	assert.Equal(t, disclosure.Ladder{Step: disclosure.StepAskOwner}, got)
	_, err = s.Ladder("o-nobody", viewer("London", "Buyer"), noon)
	assert.ErrorIs(t, err, disclosure.ErrNotFound)
}

func TestConsentedSummary(t *testing.T) {
	s := summarizer(t, 5, additive()...)
	v := viewer("Hamilton", "Pry")
	_, err := s.ConsentedSummary("o-Rare", v, 1, "entry-1", noon)
	require.ErrorIs(t, err, disclosure.ErrInvalid)
	sh, err := s.ConsentedSummary("o-Rare", v, 3, "entry-1", noon)
	require.NoError(t, err)
	assert.Equal(t, "metal powder-bed fusion, ≥ 250 mm, ISO 13485, ≤ 60 km", sh.Shown.String())
	_, ok := s.Consented("entry-1")
	require.False(t, ok, "asked, and not yet logged")
	require.NoError(t, s.Install(sh))
	same, err := s.ConsentedSummary("o-Rare", v, 3, "entry-1", noon)
	require.NoError(t, err)
	assert.Equal(t, sh, same)
	_, err = s.ConsentedSummary("o-Rare", viewer("Hamilton", "Other"), 3, "entry-1", noon)
	assert.ErrorIs(t, err, disclosure.ErrStale, "a consent is for one counterparty")
	_, err = s.ConsentedSummary("o-Micro", v, 3, "entry-1", noon)
	assert.ErrorIs(t, err, disclosure.ErrStale)

	frozen, _, err := freeze(t, s, "o-Rare")
	require.NoError(t, err)
	assert.Equal(t, "metal powder-bed fusion", frozen.Text, "the consented text is no base for others")

	f, ok := s.Consented("entry-1")
	require.True(t, ok)
	restarted := summarizer(t, 5, additive()...)
	require.NoError(t, restarted.Install(f))
	back, err := restarted.ConsentedSummary("o-Rare", v, 3, "entry-1", noon)
	require.NoError(t, err)
	assert.Equal(t, sh, back)

	strict, err := disclosure.NewSummarizer(disclosure.DefaultSchema(), nil)
	require.NoError(t, err)
	strict.Put(additive()[0])
	_, err = strict.ConsentedSummary("o-Rare", v, 2, "entry-2", noon)
	assert.ErrorIs(t, err, disclosure.ErrInvalid, "2 only with the unsafe option")
	_, err = strict.ConsentedSummary("o-Rare", v, 3, "entry-2", noon)
	assert.ErrorIs(t, err, disclosure.ErrTooRare)
}

func TestSummarizerRefusesUnsafeSettings(t *testing.T) {
	for _, o := range []disclosure.SummaryOptions{{K: 1, AllowUnsafe: true}, {K: 2}, {KPeople: 2}, {K: -5}, {LocalKM: -1}} {
		_, err := disclosure.NewSummarizer(disclosure.DefaultSchema(), &o)
		assert.ErrorIs(t, err, disclosure.ErrInvalid, o)
	}
	level := []disclosure.Level{{Depth: 1}}
	for name, schema := range map[string]disclosure.Schema{
		"direct identifier": {{Name: "legal_name", Class: disclosure.Direct, Weight: 1, Levels: level}},
		"free text":         {{Name: "notes", Class: disclosure.FreeText, Weight: 1, Levels: level}},
		"no level":          {{Name: "a", Weight: 1}},
		"no weight":         {{Name: "a", Levels: level}},
		"twice":             {{Name: "a", Weight: 1, Levels: level}, {Name: "a", Weight: 1, Levels: level}},
		"finer later":       {{Name: "a", Weight: 1, Levels: []disclosure.Level{{Depth: 1}, {Depth: 2}}}},
		"bounds not nested": {{Name: "a", Weight: 1, Levels: []disclosure.Level{{Bounds: []float64{1, 5}, Format: "%s"}, {Bounds: []float64{3}, Format: "%s"}}}},
		"split family":      {{Name: "a", Weight: 1, Levels: []disclosure.Level{{Terms: map[string]string{"x": "l", "y": "l"}}, {Terms: map[string]string{"x": "m", "y": "n"}}}}},
	} {
		_, err := disclosure.NewSummarizer(schema, nil)
		assert.ErrorIs(t, err, disclosure.ErrSchema, name)
	}
}

// TestNothingOutsideTheVocabulary puts canaries into every place a host could
// misuse and looks for them in everything a viewer gets.
func TestNothingOutsideTheVocabulary(t *testing.T) {
	var ls []disclosure.Listing
	for _, g := range []string{"a", "b", "c", "d"} {
		l := at("Hamilton", g, facts{"machine_type": {"5_axis_machining_center", "CANARY"}, "notes": {"CANARY"}, "process": {"CANARY turning"}, "material_family": {"CANARY"}}, numbers{"serial": 4711, "solved": 0})
		l.Category = "machine.capacity"
		ls = append(ls, l)
	}
	s := summarizer(t, 3, ls...)
	sum, _, err := freeze(t, s, "o-a")
	require.NoError(t, err)
	assert.Equal(t, "five-axis", sum.Text)
	sh, err := look(t, s, "o-a", viewer("Guelph", "v"))
	require.NoError(t, err)
	data, err := json.Marshal(sh)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "CANARY")
	assert.NotContains(t, string(data), "4711")
}

// crowd returns n random listings of about n/2 groups.
func crowd(n int, seed uint64) []disclosure.Listing {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	names := strings.Fields("Hamilton Kitchener Cambridge Mississauga London Brantford Guelph Oakville Burlington Toronto Windsor")
	ls := make([]disclosure.Listing, n)
	for i := range ls {
		l := at(names[r.IntN(len(names))], fmt.Sprint("g", r.IntN(n/2+1)), facts{
			"machine_type":    {pick("cnc_lathe", "5_axis_machining_center", "4_axis_mill", "laser_cutting", "press_brake")},
			"material_family": {pick("ti_6al_4v", "inconel_718", "carbon_steel", "plastic"), pick("aluminum_6061", "brass")},
			"process":         {pick("turning", "edm", "deburring"), pick("coating", "grinding")},
			"credential":      {pick("as9100d", "iso_9001", "nadcap"), pick("iso_13485", "cwb")},
			"shift":           {pick("shift1", "shift2", "shift3")},
		}, numbers{"max_part_mm": float64(50 + r.IntN(1500)), "years": float64(r.IntN(40))})
		l.ID, l.Person = fmt.Sprint("o", i), r.IntN(10) == 0
		ls[i] = l
	}
	return ls
}

// TestEveryFrozenSummaryHasKGroups counts by brute force, with the printed
// labels alone, that at least k employers fit, and that no cheaper text of
// one more field would have had them.
func TestEveryFrozenSummaryHasKGroups(t *testing.T) {
	n := 800
	if testing.Short() {
		n = 200
	}
	ls := crowd(n, 7)
	s := summarizer(t, 5, ls...)
	full := map[string]map[string]bool{} // listing → labels at any level
	for _, l := range ls {
		full[l.ID] = map[string]bool{}
		lone := summarizer(t, 2, l)
		twin := l
		twin.ID, twin.Group = "twin", "twin"
		lone.Put(twin)
		sum, _, err := freeze(t, lone, l.ID)
		require.NoError(t, err)
		for _, label := range sum.Labels {
			full[l.ID][label] = true
		}
	}
	shown, rare := 0, 0
	for _, l := range ls {
		sum, risk, err := freeze(t, s, l.ID)
		if err != nil {
			require.ErrorIs(t, err, disclosure.ErrTooRare)
			rare++
			continue
		}
		shown++
		require.GreaterOrEqual(t, risk.K, 5)
		if len(risk.Coarsened) > 0 {
			continue // counted by finest labels below
		}
		groups := map[string]bool{}
		for _, o := range ls {
			fits := o.Person == l.Person
			for _, label := range sum.Labels {
				fits = fits && full[o.ID][label]
			}
			if fits {
				groups[o.Group] = true
			}
		}
		require.GreaterOrEqual(t, len(groups), 5, sum.Text)
	}
	t.Logf("%d shown, %d too rare", shown, rare)
	assert.Greater(t, shown, n/2)
}

func TestFreezeAndForAreQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("timing")
	}
	ls := crowd(3000, 3)
	s := summarizer(t, 5, ls...)
	start := time.Now()
	for _, l := range ls[:300] {
		if _, _, err := freeze(t, s, l.ID); err == nil {
			_, _ = look(t, s, l.ID, viewer("Guelph", "v"))
		}
	}
	t.Logf("%v for a freeze and a view", time.Since(start)/300)
}

func BenchmarkFreeze(b *testing.B) {
	ls := crowd(3000, 3)
	s := summarizer(b, 5, ls...)
	i := 0
	for b.Loop() {
		l := ls[i%len(ls)]
		l.Revision = i // a new revision is frozen anew
		s.Put(l)
		_, _, _ = s.Freeze(l.ID, noon)
		i++
	}
}
