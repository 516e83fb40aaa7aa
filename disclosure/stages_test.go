package disclosure_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/disclosure"
)

// A schema says of each field what each stage shows.
func ExampleSchema() {
	schema := disclosure.Schema{
		{Name: "hours", Weight: 1, Stages: disclosure.Stages{disclosure.StageSummary: disclosure.Guarded, disclosure.StageIdentity: disclosure.Finest},
			Levels: []disclosure.Level{{Bounds: []float64{10, 20, 40, 80}, Format: "%s+ hours"}}},
		{Name: "legal_name", Class: disclosure.Direct, Stages: disclosure.Stages{disclosure.StageIdentity: disclosure.Plain}},
		{Name: "email", Class: disclosure.Direct, Stages: disclosure.Stages{disclosure.StageContact: disclosure.Plain}},
	}
	values := disclosure.Values{"hours": {"37"}, "legal_name": {"Corrway"}, "email": {"vance@corrway.example"}, "margin": {"31"}}
	for stage := disclosure.StageSummary; stage <= disclosure.StageContact; stage++ {
		fmt.Println(stage, schema.Open(stage, values))
	}

	_, err := disclosure.NewSummarizer(disclosure.Schema{
		{Name: "legal_name", Class: disclosure.Direct, Stages: disclosure.Stages{disclosure.StageSummary: disclosure.Plain}},
	}, nil)
	fmt.Println(err)
	// Output:
	// 1 map[]
	// 2 map[hours:[20+ hours] legal_name:[Corrway]]
	// 3 map[email:[vance@corrway.example] hours:[20+ hours] legal_name:[Corrway]]
	// disclosure: invalid schema: field 0: its class is not shown before stage 2
}

func TestSchemaRefusesStages(t *testing.T) {
	level := []disclosure.Level{{Depth: 1}}
	stages := func(s disclosure.Stage, d disclosure.Detail) disclosure.Stages { return disclosure.Stages{s: d} }
	for name, f := range map[string]disclosure.Field{
		"direct in the summary":           {Class: disclosure.Direct, Weight: 1, Levels: level},
		"direct in the summary, plain":    {Class: disclosure.Direct, Stages: stages(disclosure.StageSummary, disclosure.Plain)},
		"free text with the identity":     {Class: disclosure.FreeText, Stages: stages(disclosure.StageIdentity, disclosure.Plain)},
		"quasi plain before the reveal":   {Stages: stages(disclosure.StageSummary, disclosure.Plain)},
		"quasi finest before the reveal":  {Weight: 1, Levels: level, Stages: stages(disclosure.StageSummary, disclosure.Finest)},
		"less than the stage before":      {Weight: 1, Levels: level, Stages: disclosure.Stages{disclosure.StageIdentity: disclosure.Plain, disclosure.StageContact: disclosure.Finest}},
		"guarded without a level":         {Weight: 1, Stages: stages(disclosure.StageSummary, disclosure.Guarded)},
		"finest without a level":          {Stages: stages(disclosure.StageIdentity, disclosure.Finest)},
		"a stage before the first":        {Stages: stages(disclosure.StageNothing, disclosure.Plain)},
		"a stage after the last":          {Stages: stages(disclosure.StageEngagement+1, disclosure.Plain)},
		"an unknown detail":               {Stages: stages(disclosure.StageIdentity, disclosure.Plain+1)},
		"an unknown class":                {Class: disclosure.FreeText + 1, Stages: stages(disclosure.StageContact, disclosure.Plain)},
		"neither level nor stage":         {},
		"told in the summary, weightless": {Levels: level},
	} {
		f.Name = "field"
		_, err := disclosure.NewSummarizer(disclosure.Schema{f}, nil)
		assert.ErrorIs(t, err, disclosure.ErrSchema, name)
	}
	_, err := disclosure.NewSummarizer(disclosure.Schema{{Name: "hidden", Stages: disclosure.Stages{}}}, nil)
	assert.NoError(t, err, "a field may be hidden at every stage")
	_, err = disclosure.NewSummarizer(disclosure.DefaultSchema(), &disclosure.SummaryOptions{L: -1})
	assert.ErrorIs(t, err, disclosure.ErrInvalid)
}

// TestEachStageShowsNoLess holds for any schema that is accepted: a later stage
// opens all that an earlier one does, as fully or more so, and a stage nothing
// that its classes forbid.
func TestEachStageShowsNoLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var schema disclosure.Schema
		values := disclosure.Values{"unknown": {"x"}}
		for i := range rapid.IntRange(1, 6).Draw(t, "fields") {
			f := disclosure.Field{Name: fmt.Sprint("f", i), Weight: 1, Class: disclosure.Class(rapid.IntRange(0, 4).Draw(t, "class"))}
			if rapid.Bool().Draw(t, "levels") {
				f.Levels = []disclosure.Level{{Depth: 2}, {Depth: 1}}
			}
			if rapid.Bool().Draw(t, "stages") {
				f.Stages = disclosure.Stages(rapid.MapOfN(rapid.Map(rapid.IntRange(0, 5), func(n int) disclosure.Stage { return disclosure.Stage(n) }),
					rapid.Map(rapid.IntRange(0, 4), func(n int) disclosure.Detail { return disclosure.Detail(n) }), 0, 3).Draw(t, "map"))
			}
			schema = append(schema, f)
			values[f.Name] = []string{"a.b.c"}
		}
		if _, err := disclosure.NewSummarizer(schema, nil); err != nil {
			return
		}
		var before disclosure.Values
		for stage := disclosure.StageNothing; stage <= disclosure.StageEngagement; stage++ {
			now := schema.Open(stage, values)
			if stage < disclosure.StageIdentity && len(now) > 0 || len(now["unknown"]) > 0 {
				t.Fatal(stage, now)
			}
			for name, was := range before {
				if !slices.Equal(was, now[name]) && !slices.Equal(now[name], values[name]) {
					t.Fatal(name, was, now[name])
				}
			}
			for _, f := range schema {
				if f.Class == disclosure.FreeText && stage < disclosure.StageContact && now[f.Name] != nil {
					t.Fatal("free text", stage)
				}
			}
			before = now
		}
	})
}

// TestSummaryIsDiverse: where every firm that fits a text charges the same, the
// text would give the rate away; it is made coarser until L rates fit.
func TestSummaryIsDiverse(t *testing.T) {
	schema := append(disclosure.DefaultSchema(), disclosure.Field{Name: "rate", Class: disclosure.Sensitive,
		Stages: disclosure.Stages{disclosure.StageIdentity: disclosure.Plain}, Levels: []disclosure.Level{{Bounds: []float64{100, 150, 200}, Format: "%s"}}})
	with := func(l int) string {
		s, err := disclosure.NewSummarizer(schema, &disclosure.SummaryOptions{K: 3, L: l})
		require.NoError(t, err)
		for i, group := range []string{"a", "b", "c", "d"} {
			l := at("Hamilton", group, facts{"machine_type": {"5_axis"}, "credential": {"as9100d"}}, numbers{"rate": 110})
			if i == 3 { // the only other rate is without the credential
				l = at("Hamilton", group, facts{"machine_type": {"5_axis"}}, numbers{"rate": 160})
			}
			s.Put(l)
		}
		sum, _, err := s.Freeze("o-a", noon)
		if err != nil {
			return err.Error()
		}
		return sum.Text
	}
	assert.Equal(t, "five-axis, AS9100D", with(1))
	assert.Equal(t, "five-axis", with(2))
	assert.Contains(t, with(3), disclosure.ErrTooRare.Error())
}

// TestSummarizerModel plays any sequence of listings that come, change and go,
// of freezes and views, against what the rules say of a naive count.
func TestSummarizerModel(t *testing.T) {
	crowd := crowd(60, 11)
	rapid.Check(t, func(t *rapid.T) {
		const k = 3
		s, err := disclosure.NewSummarizer(disclosure.DefaultSchema(), &disclosure.SummaryOptions{K: k, KPeople: k})
		require.NoError(t, err)
		live := map[string]disclosure.Listing{}
		texts := map[string][]string{} // listing and revision → what was shown last
		pick := rapid.SampledFrom(crowd)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				l := pick.Draw(t, "listing")
				l.Revision = live[l.ID].Revision + rapid.IntRange(0, 1).Draw(t, "revision")
				s.Put(l)
				live[l.ID] = l
			},
			"remove": func(t *rapid.T) {
				l := pick.Draw(t, "listing")
				s.Remove(l.ID)
				delete(live, l.ID)
			},
			"look": func(t *rapid.T) {
				if len(live) == 0 {
					t.Skip()
				}
				l := live[rapid.SampledFrom(slices.Sorted(maps.Keys(live))).Draw(t, "id")]
				v := viewer("Guelph", rapid.SampledFrom([]string{"v", l.Group, "g1"}).Draw(t, "viewer"))
				sh, frozen, err := s.For(l.ID, v, noon)
				for _, f := range frozen {
					require.NoError(t, s.Install(f))
				}
				if err != nil {
					require.ErrorIs(t, err, disclosure.ErrTooRare)
					return
				}
				key := fmt.Sprint(l.ID, l.Revision)
				was, again := texts[key]
				if again && len(sh.Labels) > len(was) {
					t.Fatalf("%v came back as %v", was, sh.Labels)
				}
				texts[key] = sh.Labels
				s2, _, err := s.Freeze(l.ID, noon)
				require.NoError(t, err)
				require.Equal(t, s2.Labels, sh.Labels, "one text for all viewers")
				require.GreaterOrEqual(t, fitting(live, l, s2, v.Group), k)
			},
		})
	})
}

// fitting counts by reading the employers whose listings bear what a frozen
// text says, without the viewer's.
func fitting(live map[string]disclosure.Listing, l disclosure.Listing, s disclosure.Summary, viewer string) int {
	groups := map[string]bool{}
	for _, o := range live {
		if o.Person == l.Person && o.Group != viewer && bears(o, s.Frozen) {
			groups[o.Group] = true
		}
	}
	return len(groups)
}

func bears(o disclosure.Listing, f disclosure.Frozen) bool {
	schema := disclosure.DefaultSchema()
	for _, c := range f.Fields {
		field := schema[slices.IndexFunc(schema, func(x disclosure.Field) bool { return x.Name == c.Field })]
		values := slices.Clone(o.Facts[c.Field])
		if c.Field == "category" {
			values = []string{o.Category}
		}
		if n, ok := o.Numbers[c.Field]; ok {
			values = append(values, fmt.Sprint(n))
		}
		at := disclosure.Schema{{Name: c.Field, Levels: field.Levels[c.Level:], Stages: disclosure.Stages{disclosure.StageIdentity: disclosure.Finest}}}
		has := at.Open(disclosure.StageIdentity, disclosure.Values{c.Field: values})[c.Field]
		for _, label := range c.Labels {
			if !slices.Contains(has, label) {
				return false
			}
		}
	}
	return true
}
