package terms_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/disclosure/terms"
)

func clauseIDs(d terms.Document) []string {
	var ids []string
	for _, c := range d.Clauses {
		ids = append(ids, c.ID)
	}
	return ids
}

func TestOptionalParametersBringTheirClauses(t *testing.T) {
	for _, tmpl := range terms.Standard() {
		without := clauseIDs(fill(t, tmpl, fiftyHours()))
		with := clauseIDs(fill(t, tmpl, eightWeeks()))
		added := slices.DeleteFunc(slices.Clone(with), func(id string) bool { return slices.Contains(without, id) })
		assert.Equal(t, []string{"weeks", "weekly-cap"}, added, tmpl.ID)
		assert.Len(t, with, len(without)+2)
	}

	onlyWeeks := eightWeeks()
	delete(onlyWeeks, "per_week")
	ids := clauseIDs(fill(t, standard("guidance-v1"), onlyWeeks))
	assert.Contains(t, ids, "weeks")
	assert.NotContains(t, ids, "weekly-cap")
}

func TestFillRefusesParameters(t *testing.T) {
	cases := []struct {
		name    string
		change  func(map[string]string)
		param   string
		problem terms.Problem
		want    string // in the message
	}{
		{"missing", func(p map[string]string) { delete(p, "rate") }, "rate", terms.Missing, "2 decimals"},
		{"first missing is reported", func(p map[string]string) { clear(p) }, "category", terms.Missing, "machine.capacity"},
		{"unknown", func(p map[string]string) { p["discount"] = "5" }, "discount", terms.Undeclared, "one of category, kind, mode, hours, rate, currency, weeks, per_week, nonce"},
		{"unknown by another case", func(p map[string]string) { p["Hours"] = "5 h" }, "Hours", terms.Undeclared, "hours"},
		{"long unknown name is cut", func(p map[string]string) { p[strings.Repeat("x", 1000)] = "" }, strings.Repeat("x", 64), terms.Undeclared, "one of"},
		{"empty", func(p map[string]string) { p["mode"] = "" }, "mode", terms.Malformed, "1 to 200 bytes"},
		{"empty optional", func(p map[string]string) { p["weeks"] = "" }, "weeks", terms.Malformed, "1 to 200 bytes"},
		{"too long", func(p map[string]string) { p["category"] = strings.Repeat("a", 201) }, "category", terms.Malformed, "1 to 200 bytes"},
		{"control character", func(p map[string]string) { p["category"] = "a\x00b" }, "category", terms.Malformed, "without control characters"},
		{"line feed", func(p map[string]string) { p["mode"] = "remote\n" }, "mode", terms.Malformed, "without control characters"},
		{"bad UTF-8", func(p map[string]string) { p["kind"] = "a\xff" }, "kind", terms.Malformed, "UTF-8"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			params := fiftyHours()
			c.change(params)
			_, err := terms.Fill(standard("capacity-v1"), params)
			p, ok := errors.AsType[*terms.ParamError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, "capacity-v1", p.Template)
			assert.Equal(t, c.param, p.Param)
			assert.Equal(t, c.problem, p.Problem)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}

func TestKindsAllowOneSpelling(t *testing.T) {
	cases := map[terms.Kind]struct{ yes, no []string }{
		terms.Name: {
			yes: []string{"a", "machine.capacity.shift2", "on_site", "five-axis", strings.Repeat("a", 200)},
			no:  []string{"A", "a..b", ".a", "a.", "a b", "é", "{{hours}}", "a{b"},
		},
		terms.Quantity: {
			yes: []string{"50 h", "2.5 h", "0.001 h", "120 m2", "1000000000000 h", "3 h/week"},
			no:  []string{"50", "50h", "50  h", " 50 h", "50 h ", "0 h", "0.0 h", "0.000 h", "2.50 h", "2. h", ".5 h", "1.2345 h", "01 h", "-1 h", "+1 h", "1e3 h", "NaN h", "1,5 h", "5 h a week", "5 m²", "5 " + strings.Repeat("h", 17), "1234567890123456 h"},
		},
		terms.Money: {
			yes: []string{"0.00", "0.05", "120.00", "10000000000.00"},
			no:  []string{"120", "120.0", "120.000", "0120.00", "-1.00", "1,200.00", "120.00 CAD", ".50", "00.50", "1.-5"},
		},
		terms.Currency: {yes: []string{"CAD", "USD"}, no: []string{"cad", "CA", "CADX", "C$D", "ÇAD", "C D"}},
		terms.Count:    {yes: []string{"1", "8", "530"}, no: []string{"0", "08", "-8", "8.0", "eight", "1234567890123456"}},
		terms.Nonce: {
			yes: []string{strings.Repeat("0f", 16), strings.Repeat("9", 32)},
			no:  []string{strings.Repeat("0F", 16), strings.Repeat("0", 31), strings.Repeat("0", 33), strings.Repeat("0g", 16)},
		},
		terms.Text: {
			yes: []string{"Two shifts, à la carte: {{hours}}", "日本", "\ufffd", "a  b"},
			no:  []string{" a", "a ", "a\tb", "a\u202eb", "a\u200bb", "a\u2028b", "a\u0085b", "\u00a0a", "a\x7f", "\ufeffa"},
		},
	}
	for kind, c := range cases {
		tmpl := terms.Template{
			ID: "t-v1", Version: "1", Title: "T",
			Clauses: []terms.Clause{{ID: "c", Title: "C", Text: "[{{p}}]"}},
			Params:  []terms.Param{{Name: "p", Kind: kind, Required: true}},
		}
		for _, v := range c.yes {
			d, err := terms.Fill(tmpl, map[string]string{"p": v})
			if assert.NoError(t, err, "%s %q", kind, v) {
				assert.Equal(t, "["+v+"]", d.Clauses[0].Text)
			}
		}
		for _, v := range c.no {
			_, err := terms.Fill(tmpl, map[string]string{"p": v})
			p, ok := errors.AsType[*terms.ParamError](err)
			if assert.True(t, ok, "%s %q: %v", kind, v, err) {
				assert.Equal(t, terms.Malformed, p.Problem)
				assert.NotEmpty(t, p.Want)
			}
		}
	}
}

// The value may be anything, even an identity that was put in by mistake.
func TestErrorsDoNotRepeatTheValue(t *testing.T) {
	for name := range eightWeeks() {
		params := eightWeeks()
		params[name] = "Steelcrest Robotics Inc."
		_, err := terms.Fill(standard("capacity-v1"), params)
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "Steelcrest")
	}
}

func TestAValueIsNotReadAsAPlaceholder(t *testing.T) {
	tmpl := terms.Template{
		ID: "t-v1", Version: "1", Title: "T",
		Clauses: []terms.Clause{{ID: "c", Title: "C", Text: "{{a}}, {{b}}, {{a}}"}},
		Params:  []terms.Param{{Name: "a", Kind: terms.Text, Required: true}, {Name: "b", Kind: terms.Text, Required: true}},
	}
	d := fill(t, tmpl, map[string]string{"a": "{{b}}", "b": "x"})
	assert.Equal(t, "{{b}}, x, {{b}}", d.Clauses[0].Text)
}

func TestFillSharesNothing(t *testing.T) {
	tmpl, params := standard("consult-v1"), eightWeeks()
	d := fill(t, tmpl, params)
	before := d.Digest()
	params["hours"] = "99 h"
	for i := range tmpl.Clauses {
		tmpl.Clauses[i].Text = "spoilt"
	}
	assert.Equal(t, before, d.Digest())
}

func TestTemplatesThatCannotBeUsed(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	cases := []struct {
		name   string
		change func(*terms.Template)
		field  string
	}{
		{"no id", func(t *terms.Template) { t.ID = "" }, "id"},
		{"id in capitals", func(t *terms.Template) { t.ID = "Consult" }, "id"},
		{"long id", func(t *terms.Template) { t.ID = long(65) }, "id"},
		{"no version", func(t *terms.Template) { t.Version = "" }, "version"},
		{"long version", func(t *terms.Template) { t.Version = long(33) }, "version"},
		{"no title", func(t *terms.Template) { t.Title = "" }, "title"},
		{"title of two lines", func(t *terms.Template) { t.Title = "a\nb" }, "title"},
		{"no clauses", func(t *terms.Template) { t.Clauses = nil }, "clauses"},
		{"65 clauses", func(t *terms.Template) { t.Clauses = make([]terms.Clause, 65) }, "clauses"},
		{"clause twice", func(t *terms.Template) { t.Clauses[1].ID = t.Clauses[0].ID }, "clauses[1].id"},
		{"clause without id", func(t *terms.Template) { t.Clauses[1].ID = "" }, "clauses[1].id"},
		{"clause without title", func(t *terms.Template) { t.Clauses[1].Title = "" }, "clauses[1].title"},
		{"clause without text", func(t *terms.Template) { t.Clauses[1].Text = "" }, "clauses[1].text"},
		{"long text", func(t *terms.Template) { t.Clauses[1].Text = long(8193) }, "clauses[1].text"},
		{"text that reorders", func(t *terms.Template) { t.Clauses[1].Text = "a\u202eb" }, "clauses[1].text"},
		{"open placeholder", func(t *terms.Template) { t.Clauses[1].Text = "{{rate" }, "clauses[1].text"},
		{"closed placeholder", func(t *terms.Template) { t.Clauses[1].Text = "rate}} {{rate}}" }, "clauses[1].text"},
		{"closed at the end", func(t *terms.Template) { t.Clauses[1].Text = "{{rate}} }}" }, "clauses[1].text"},
		{"placeholder with a space", func(t *terms.Template) { t.Clauses[1].Text = "{{ rate }}" }, "clauses[1].text"},
		{"empty placeholder", func(t *terms.Template) { t.Clauses[1].Text = "{{}}" }, "clauses[1].text"},
		{"placeholder in a placeholder", func(t *terms.Template) { t.Clauses[1].Text = "{{ra{{te}}}}" }, "clauses[1].text"},
		{"undeclared placeholder", func(t *terms.Template) { t.Clauses[1].Text = "{{provider}}" }, "clauses[1].text"},
		{"parameter twice", func(t *terms.Template) { t.Params[1].Name = t.Params[0].Name }, "params[1].name"},
		{"parameter in capitals", func(t *terms.Template) { t.Params[0].Name = "Category" }, "params[0].name"},
		{"unknown kind", func(t *terms.Template) { t.Params[0].Kind = "date" }, "params[0].kind"},
		{"65 parameters", func(t *terms.Template) { t.Params = make([]terms.Param, 65) }, "params"},
		{"nothing that lasts", func(t *terms.Template) {
			t.Clauses = []terms.Clause{{ID: "c", Title: "C", Text: "{{weeks}}"}}
		}, "clauses"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tmpl := standard("consult-v1")
			c.change(&tmpl)
			_, err := terms.Fill(tmpl, fiftyHours())
			e, ok := errors.AsType[*terms.TemplateError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, c.field, e.Field)
			assert.Equal(t, tmpl.Validate(), err)
			assert.LessOrEqual(t, len(e.Template), 64)
		})
	}
}

// Values make a text longer: the template is within the limits, the document is not.
func TestFillRefusesWhatGrowsBeyondTheLimits(t *testing.T) {
	tmpl := terms.Template{ID: "t-v1", Version: "1", Title: "T", Params: []terms.Param{{Name: "p", Kind: terms.Text, Required: true}}}
	tmpl.Clauses = []terms.Clause{{ID: "c", Title: "C", Text: strings.Repeat("{{p}}", 41)}}
	_, err := terms.Fill(tmpl, map[string]string{"p": strings.Repeat("x", 199)})
	require.NoError(t, err)
	_, err = terms.Fill(tmpl, map[string]string{"p": strings.Repeat("x", 200)})
	e, ok := errors.AsType[*terms.TemplateError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "clauses[0].text", e.Field)

	tmpl.Clauses = nil
	for i := range 9 {
		tmpl.Clauses = append(tmpl.Clauses, terms.Clause{ID: string(rune('a' + i)), Title: "C", Text: strings.Repeat("{{p}}", 40)})
	}
	_, err = terms.Fill(tmpl, map[string]string{"p": strings.Repeat("x", 100)})
	require.NoError(t, err)
	_, err = terms.Fill(tmpl, map[string]string{"p": strings.Repeat("x", 200)})
	e, ok = errors.AsType[*terms.TemplateError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "clauses", e.Field)
}

// Whatever Fill accepts can be decoded again and has the digest of exactly its
// template and parameters.
func TestFilledDocumentsDecode(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "B", "é", "{{p}}", "{{q}}", "{{r}}", "{", "}", "\n", " ", "{{", "z{{s}}"})
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 1, 8).Draw(t, "pieces"), "") })
	filled := 0
	rapid.Check(t, func(t *rapid.T) {
		tmpl := terms.Template{ID: "t-v1", Version: "1", Title: "T", Params: []terms.Param{
			{Name: "p", Kind: terms.Text, Required: true}, {Name: "q", Kind: terms.Text}, {Name: "r", Kind: terms.Count},
		}}
		tmpl.Clauses = []terms.Clause{{ID: "first", Title: "First", Text: "Always."}}
		for i, s := range rapid.SliceOfN(text, 0, 4).Draw(t, "texts") {
			tmpl.Clauses = append(tmpl.Clauses, terms.Clause{ID: string(rune('a' + i)), Title: "C", Text: s})
		}
		params := rapid.MapOfN(rapid.SampledFrom([]string{"p", "q", "r"}), rapid.OneOf(rapid.Just("7"), rapid.StringN(0, 8, 32)), 0, 3).Draw(t, "params")
		d, err := terms.Fill(tmpl, params)
		if err != nil {
			_, isParam := errors.AsType[*terms.ParamError](err)
			_, isTemplate := errors.AsType[*terms.TemplateError](err)
			require.True(t, isParam != isTemplate, "%v", err)
			return
		}
		filled++
		got, err := terms.Decode(d.Encode())
		require.NoError(t, err)
		require.Equal(t, d, got)
		require.True(t, maps.Equal(params, got.Params))
	})
	if !testing.Short() { // among few, none may be good
		assert.Positive(t, filled)
	}
}
