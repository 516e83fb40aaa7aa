package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
	"github.com/deeperpoint/csss/policy/policytest"
)

var update = flag.Bool("update", false, "write what the program says into the golden files")

// ctl runs the program and returns what it says.
func ctl(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = program.Run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// A golden file is a session at a terminal: each command after "$ policyctl",
// then what it prints, on either stream, and "exit N" where it ends so.
func TestGolden(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			if testing.Short() && filepath.Base(name) == "story.txt" {
				t.Skip("opens the seeded market several times")
			}
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			var got strings.Builder
			for _, m := range regexp.MustCompile(`(?m)^\$ policyctl (.*)$`).FindAllStringSubmatch(string(text), -1) {
				code, stdout, stderr := ctl(t, strings.Fields(m[1])...)
				fmt.Fprintf(&got, "$ policyctl %s\n%s%s", m[1], stdout, stderr)
				if code != 0 {
					fmt.Fprintf(&got, "exit %d\n", code)
				}
				got.WriteByte('\n')
			}
			if *update {
				require.NoError(t, os.WriteFile(name, []byte(got.String()), 0o644))
			}
			assert.Equal(t, string(text), got.String())
		})
	}
}

func TestTheSentenceOfTheBrief(t *testing.T) {
	for lang, want := range map[string]string{
		"en": "Denied: your rule shift2-sell needs at least $95.00/h; this asks $94.00\n",
		"fr": "Refusé : votre règle shift2-sell exige au moins 95,00 $/h ; ceci demande 94,00 $\n",
	} {
		code, out, _ := ctl(t, "explain", "-lang", lang, "-rules", "rules/2-second-shift.yaml", "testdata/request.json")
		assert.Zero(t, code)
		assert.True(t, strings.HasPrefix(out, want), out)
	}
}

// Every document of the stories is without an error, a warning or a rule that
// no test shows, and its tests show every clause both true and not.
func TestTheStoriesRulesAreWhole(t *testing.T) {
	names, err := filepath.Glob("rules/*.yaml")
	require.NoError(t, err)
	require.Len(t, names, 9)
	for _, name := range names {
		code, out, errs := ctl(t, "lint", "-strict", name)
		assert.Zero(t, code, errs)
		assert.Equal(t, "1 document, no errors, 0 warnings\n", out)
		code, out, errs = ctl(t, "test", name)
		assert.Zero(t, code, errs)
		assert.NotContains(t, out, "never", name)
	}
}

// What the examples show is what the stories play.
func TestTheStoriesRulesAreThoseOfTheStories(t *testing.T) {
	for _, pair := range [][2]string{
		{"rules/1-technical-query.yaml", "holloway-tool"}, {"rules/2-second-shift.yaml", "steelcrest-precision"},
		{"rules/3-certification.yaml", "corrway-stamping"},
	} {
		own, err := load(nil, []string{pair[0]})
		require.NoError(t, err)
		story, err := load(nil, []string{"../../internal/world/policies/" + pair[1] + ".yaml"})
		require.NoError(t, err)
		assert.Equal(t, story.set.Digest(pair[1]), own.set.Digest(pair[1]), pair[0])
	}
}

func TestLanguagesSayTheSame(t *testing.T) {
	verbs := regexp.MustCompile(`%(\[\d\])?[sd]`)
	for key, text := range english.texts {
		other, ok := french.texts[key]
		assert.True(t, ok, "%s is missing in French", key)
		assert.Equal(t, verbs.FindAllString(text, -1), verbs.FindAllString(other, -1), key)
	}
	assert.Len(t, french.texts, len(english.texts))
	for key := range english.says {
		assert.Contains(t, french.says, key)
	}
	assert.Len(t, french.says, len(english.says))
	for _, a := range policy.BaseSchema().Attributes() {
		assert.Contains(t, english.nouns, a.Name)
		assert.Contains(t, french.nouns, a.Name)
	}
	assert.Len(t, french.nouns, len(english.nouns))
	for key, unit := range english.units {
		assert.Contains(t, french.units, key, unit)
	}
}

// Whatever the package says of the stories' tests is said in French too.
func TestNoReasonIsLeftInTheWordsOfThePackage(t *testing.T) {
	set, beside, err := policytest.Load(nil, os.DirFS("../../policy/testdata"), "*.yaml")
	require.NoError(t, err)
	said := 0
	speak := func(set *policy.Set, tests []*policy.Test) {
		for _, test := range tests {
			req := &test.Request
			s := thingSpeaker(&french, set, req.Employer, req.Action, req.Category)
			x := set.Explain(req)
			for _, r := range x.Reasons {
				line := s.reason(r, x.Reasons)
				assert.NotContains(t, line, "“")
				if r.Clause == "" && r.Rule != "default-deny" && x.Outcome == policy.Deny && !r.Tainted && line != "" {
					_, ok := s.translate(r.Text)
					assert.True(t, ok, "%s: %s", r.Rule, r.Text)
					said++
				}
			}
		}
	}
	speak(set, policytest.All(set, beside...))
	names, err := filepath.Glob("rules/*.yaml")
	require.NoError(t, err)
	for _, name := range names {
		f, err := load(nil, []string{name})
		require.NoError(t, err)
		speak(f.set, policytest.All(f.set))
	}
	assert.Greater(t, said, 5)
}

func TestPhrasesOfQuotasAndGrants(t *testing.T) {
	s := speaker{language: &english, zone: time.UTC}
	for text, want := range map[string]string{
		"asks 2h in 2026-W38, at most 1h":                                    "has 1 h left in week 38 of 2026; this asks 2 h",
		"asks 2h in 2026-09, at most 0s":                                     "has nothing left in September 2026; this asks 2 h",
		"asks 1h30m in 2026-W53, at least 2h":                                "asks for at least 2 h in week 53 of 2026; this asks 1 h 30 min",
		"asks 1, at most 3":                                                  "has 3 left; this asks 1",
		"asks 401h, at most 400h":                                            "has 400 h left; this asks 401 h",
		"resource.person is missing, which tells the accounts apart":         "needs to know the person offered, to tell accounts apart",
		"request.end is missing, and the grant ends at 2027-01-01T00:00:00Z": "needs to know the end of the work, because it ends on 1 January 2027",
		"request.end is after the grant ends, 2027-01-01T12:30:00Z":          "ends on 1 January 2027, 12:30, before the end of the work",
		"covers expertise, space only":                                       "covers expertise and space only",
		"valid from 2026-07-01T00:00:00Z":                                    "is valid only from 1 July 2026",
		"is given to role owner":                                             "is given to the role owner",
		"is given to a named person":                                         "is given to another person",
		"price.rate is not at least 9500":                                    "needs the price per hour to be at least 9500",
		"request.end is more than 530 weeks after the start":                 "looks 530 weeks ahead at most",
		"needs a grant, and none may publish":                                "needs a grant, and none of yours allows publish",
	} {
		got, ok := s.translate(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, got)
	}
}

func TestLongAndOddLinesArePointedAt(t *testing.T) {
	line := "\t" + strings.Repeat("x", 300) + "\x1b[31m!"
	f := files{docs: []policy.Source{{Name: "f", Text: []byte("a\n" + line + "\r\n")}}}
	for _, col := range []int{1, 2, 80, 81, 90, 120, 302, 500} {
		shown := strings.Split(f.pointAt("f", 2, col), "\n")
		require.Len(t, shown, 3, col)
		assert.NotContains(t, shown[0], "\x1b")
		assert.LessOrEqual(t, len(shown[0]), lineWidth+4)
		assert.Equal(t, 1, strings.Count(shown[1], "^"))
	}
	assert.Equal(t, "    \t"+strings.Repeat("x", lineWidth-1)+"\n    \t^\n", f.pointAt("f", 2, 2))
	assert.Empty(t, f.pointAt("f", 9, 1))
	assert.Empty(t, f.pointAt("g", 1, 1))
	assert.Empty(t, f.pointAt("f", 0, 0))
}

func TestBadCommandsAreTheCallers(t *testing.T) {
	for _, args := range [][]string{
		{}, {"fly"}, {"lint"}, {"lint", "-x"}, {"diff", "a"}, {"preview", "o"}, {"preview", "o", "-dir", "nowhere", "-firm", "f", "-person", "p"},
		{"preview", "o", "-dir", "nowhere"}, {"preview", "o", "-story", "-dir", "x"}, {"preview", "-story", "no-such-offer"},
		{"explain"}, {"explain", "-rules", "rules/1-technical-query.yaml", "-lang", "de"},
		{"explain", "-rules", "rules/1-technical-query.yaml"}, {"explain", "testdata/shop.yaml", "-rules", "rules/1-technical-query.yaml"},
		{"explain", "-rules", "rules/1-technical-query.yaml", "-action", "engage", "-category", "x", "-with", "a"},
		{"explain", "-rules", "rules/1-technical-query.yaml", "-action", "engage", "-category", "x", "-with", "price.rat=1"},
		{"explain", "-rules", "rules/1-technical-query.yaml", "-rules", "rules/9-bundle.yaml", "-action", "engage", "-category", "x"},
		{"diff", "rules/1-technical-query.yaml", "rules/2-second-shift.yaml"},
	} {
		code, out, errs := ctl(t, args...)
		assert.Equal(t, 2, code, "%v: %s%s", args, out, errs)
		assert.NotEmpty(t, errs, args)
	}
	for _, args := range [][]string{{"help"}, {"lint", "-h"}, {"explain", "-h"}, {"preview", "-help"}} {
		code, _, errs := ctl(t, args...)
		assert.Zero(t, code, args)
		assert.Contains(t, errs, "usage: policyctl")
	}
}

func TestMoneyAndTime(t *testing.T) {
	for _, row := range []struct{ got, want string }{
		{english.cents("123456789", "CAD"), "$1,234,567.89"}, {french.cents("123456789", "CAD"), "1 234 567,89 $"},
		{english.cents("-5", "USD"), "$-0.05"}, {english.cents("5", "EUR"), "0.05 EUR"}, {english.cents("9400", "JPY"), "9,400 JPY"}, {english.cents("9400", "KWD"), "9.400 KWD"},
		{english.cents("9400", "bread"), "94.00 bread"}, {english.cents("x", "CAD"), "“x”"},
		{english.span("2h30m"), "2 h 30 min"}, {french.span("1.5s"), "1,5 s"}, {english.span("0s"), "0 h"}, {english.span("1000h"), "1,000 h"},
	} {
		assert.Equal(t, row.want, row.got)
	}
}
