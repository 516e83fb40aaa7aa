package terms_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure/terms"
)

// What a program acts on is what the text says.
func TestEndingIsWhatTheStandardTermsSay(t *testing.T) {
	for _, tmpl := range terms.Standard() {
		d := fill(t, tmpl, fiftyHours())
		e := d.Ending()
		assert.False(t, e.Finish, tmpl.ID)
		for _, c := range d.Clauses {
			if c.ID != "termination" {
				continue
			}
			if e.Notice == 0 {
				assert.Contains(t, c.Text, "at any time", tmpl.ID)
				assert.Contains(t, c.Text, "The same holds where the rules of either employer no longer allow the engagement", tmpl.ID)
			} else {
				assert.Contains(t, c.Text, strconv.Itoa(e.Notice)+" working days' notice", tmpl.ID)
				assert.Contains(t, c.Text, "The same notice holds where the rules of either employer no longer allow the engagement", tmpl.ID)
			}
			assert.Contains(t, c.Text, "pays for the time worked until then", tmpl.ID)
			if strings.Contains(c.Text, "leaves the Provider") {
				assert.True(t, e.Person, tmpl.ID)
			}
		}
	}
}

// A template of one's own says it by its parameters; one that says nothing is
// finished.
func TestEndingOfOtherTerms(t *testing.T) {
	tmpl := terms.Template{ID: "loan-v1", Version: "1", Title: "T",
		Clauses: []terms.Clause{{ID: "termination", Title: "C", Text: "Notice: {{notice_days}} working days; where the rules change: {{on_rules}}."}},
		Params: []terms.Param{{Name: terms.NoticeDays, Kind: terms.Count, Required: true, Default: "3"},
			{Name: terms.OnRules, Kind: terms.Name, Required: true, Default: "end"}, {Name: terms.OnLeaving, Kind: terms.Name}}}
	d := fill(t, tmpl, nil)
	assert.Equal(t, terms.Ending{Notice: 3}, d.Ending())
	assert.Equal(t, "Notice: 3 working days; where the rules change: end.", d.Clauses[0].Text)
	back, err := terms.Decode(d.Encode())
	require.NoError(t, err)
	assert.Equal(t, terms.Ending{Notice: 3}, back.Ending())
	assert.Equal(t, terms.Ending{Notice: 10, Finish: true, Person: true},
		fill(t, tmpl, map[string]string{terms.NoticeDays: "10", terms.OnRules: "finish", terms.OnLeaving: "end"}).Ending())

	plain := terms.Template{ID: "plain-v1", Version: "1", Title: "T", Clauses: []terms.Clause{{ID: "c", Title: "C", Text: "x"}}}
	assert.Equal(t, terms.Ending{Finish: true}, fill(t, plain, nil).Ending())

	tmpl.Params[0].Default = "three"
	var bad *terms.TemplateError
	require.ErrorAs(t, tmpl.Validate(), &bad)
	assert.Equal(t, "params[0].default", bad.Field)
}

func TestNoticeCountsWorkingDays(t *testing.T) {
	toronto, err := time.LoadLocation("America/Toronto")
	require.NoError(t, err)
	at := func(day, hour int) time.Time { return time.Date(2026, time.September, day, hour, 0, 0, 0, toronto) }
	for _, c := range []struct {
		days     int
		from, to time.Time
	}{
		{0, at(16, 10), at(16, 10)}, {2, at(16, 10), at(18, 10)}, {2, at(17, 10), at(21, 10)}, {2, at(18, 10), at(22, 10)},
		{2, at(19, 10), at(22, 10)}, {5, at(16, 10), at(23, 10)},
	} {
		assert.Equal(t, c.to, terms.Ending{Notice: c.days}.Until(c.from), "%d days from %v", c.days, c.from)
	}
}
