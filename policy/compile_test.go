package policy_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// faults compiles one document and returns its errors, one line each, without the file's name.
func faults(t testing.TB, doc string) []string {
	t.Helper()
	_, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(doc)})
	if err == nil {
		return nil
	}
	errs, ok := errors.AsType[*policy.Errors](err)
	require.True(t, ok, "%T", err)
	var lines []string
	for _, e := range errs.List {
		assert.Positive(t, e.Line, e.Text)
		assert.Positive(t, e.Col, e.Text)
		lines = append(lines, strings.TrimPrefix(e.Error(), "shop.yaml:"))
	}
	return lines
}

const rulesHead = head + "rules:\n"

func TestErrorsHavePlaces(t *testing.T) {
	cases := map[string]struct{ body, want string }{
		"attribute": {"rules:\n  - id: x\n    effect: forbid\n    when: >-\n      price.rate > 1\n  - {id: y, effect: forbid,\n     when: '\"a\" in resource.topic'}\n",
			"11:20: unknown attribute 'resource.topic'; did you mean 'resource.topics'?"},
		"plain condition":          {"rules:\n  - {id: y, effect: forbid, when: price.rat > 1}\n", "6:35: unknown attribute 'price.rat'; did you mean 'price.rate'?"},
		"literal block":            {"rules:\n  - id: y\n    effect: forbid\n    when: |\n      price.rate > 1 &&\n      price.rat > 1\n", "10:7: unknown attribute 'price.rat'; did you mean 'price.rate'?"},
		"syntax":                   {"rules:\n  - {id: y, effect: forbid, when: 'price.rate >'}\n", "6:48: Syntax error"},
		"types":                    {"rules:\n  - {id: y, effect: forbid, when: 'price.rate > \"9\"'}\n", "6:47: found no matching overload for '_>_' applied to '(int, string)'"},
		"int and double":           {"rules:\n  - {id: y, effect: forbid, when: price.rate > 9.5}\n", "6:46: found no matching overload for '_>_' applied to '(int, double)'"},
		"not a truth":              {"rules:\n  - {id: y, effect: forbid, when: price.rate + 1}\n", "6:35: a condition is true or false, this is int"},
		"function":                 {"rules:\n  - {id: y, effect: forbid, when: dyn(price.rate) == 1}\n", "6:38: function 'dyn' is not offered"},
		"has":                      {"rules:\n  - {id: y, effect: forbid, when: has(price.rate)}\n", "has() is not offered; use present()"},
		"zone":                     {"rules:\n  - {id: y, effect: forbid, when: 'context.now.getHours(\"Mars/Base\") > 1'}\n", "is not a zone of the IANA database"},
		"dynamic pattern":          {"rules:\n  - {id: y, effect: forbid, when: request.mode.matches(resource.kind)}\n", "'matches' takes a constant pattern"},
		"bad pattern":              {"rules:\n  - {id: y, effect: forbid, when: 'request.mode.matches(\"(\")'}\n", "invalid matches argument"},
		"long pattern":             {"rules:\n  - {id: y, effect: forbid, when: 'request.mode.matches(\"" + strings.Repeat("a", 257) + "\")'}\n", "the pattern has 257 bytes, at most 256"},
		"heavy pattern":            {"rules:\n  - {id: y, effect: forbid, when: 'request.mode.matches(\"(ab{30}){31}(ab{30}){31}\")'}\n", "regex"},
		"maps":                     {"rules:\n  - {id: y, effect: forbid, when: '{1: 2}.all(k, k > 0)'}\n", "maps and objects are not offered"},
		"present of what":          {"rules:\n  - {id: y, effect: forbid, when: present(1)}\n", "present() takes the name of an attribute"},
		"present of whom":          {"rules:\n  - {id: y, effect: forbid, when: present(price.floor)}\n", "unknown attribute 'price.floor'"},
		"three loops":              {"rules:\n  - {id: y, effect: forbid, when: 'request.topics.all(a, request.topics.all(b, request.topics.all(c, a == b && b == c)))'}\n", "nesting"},
		"costly":                   {"rules:\n  - {id: y, effect: forbid, when: 'request.topics.all(a, request.topics.all(b, (a + b + a + b).contains(b + a)))'}\n", "steps, at most 1000000"},
		"deep":                     {"rules:\n  - {id: y, effect: forbid, when: '" + strings.Repeat("(", 60) + "true" + strings.Repeat(")", 60) + "'}\n", "6:"},
		"long":                     {"rules:\n  - {id: y, effect: forbid, when: '" + strings.Repeat("true || ", 600) + "true'}\n", "more than 4096 characters"},
		"unknown key":              {"rules:\n  - {id: y, efect: forbid}\n", "6:13: rule: unknown key 'efect'; did you mean 'effect'?"},
		"duplicate key":            {"rules: []\nrules: []\n", "6:1: key 'rules' is given twice, first on line 5"},
		"merge key":                {"rules:\n  - {<<: {id: y}, effect: forbid}\n", "merging by '<<' is not allowed"},
		"anchor":                   {"rules: &a []\n", "5:8: anchors are not allowed"},
		"alias":                    {"rules: &a []\ntests: *a\n", "aliases are not allowed"},
		"tag":                      {"rules: !!seq []\n", "5:8: tags are not allowed"},
		"second document":          {"rules: []\n---\nrules: []\n", "more than one document"},
		"not YAML":                 {"rules: [\n", "not YAML"},
		"number for text":          {"rules:\n  - {id: 7, effect: forbid}\n", "6:10: id: want text, got a whole number"},
		"permit in silence":        {"rules:\n  - {id: y, effect: permit, actions: [match], categories: [a]}\n", "6:5: rule: a permit must say its 'approval'"},
		"forbid with more":         {"rules:\n  - {id: y, effect: forbid, approval: auto}\n", "6:39: rule: a forbid has no 'approval'"},
		"action":                   {"rules:\n  - {id: y, effect: forbid, actions: [macth]}\n", "did you mean 'match'?"},
		"category":                 {"rules:\n  - {id: y, effect: forbid, categories: [A.b]}\n", "is not lower-case words"},
		"no such approval":         {"rules:\n  - {id: y, effect: permit, actions: [match], categories: [a], approval: bos}\napprovals: [{id: boss, seats: [owner], need: 1, expires: 1h}]\n", "no approval is called 'bos'; did you mean 'boss'?"},
		"unreachable need":         {"rules: []\napprovals: [{id: boss, seats: [owner], need: 2, expires: 1h}]\n", "need 2 of 1 seats can never be reached"},
		"no such quota":            {"rules:\n  - {id: y, effect: permit, actions: [match], categories: [a], approval: auto, quotas: [q]}\n", "no quota is called 'q'"},
		"min over max":             {"rules: []\nquotas: [{id: q, per: total, unit: duration, min: 3h, max: 2h}]\n", "min 3h is more than max 2h"},
		"key of a list":            {"rules: []\nquotas: [{id: q, per: total, unit: duration, max: 2h, key: [resource.tags]}]\n", "'resource.tags' is list of strings, want string"},
		"days":                     {"rules: []\ndeal: {deadline: 1d}\n", "is not a duration of h, m and s"},
		"time without zone":        {"rules:\n  - {id: y, effect: forbid, valid: {from: 2026-09-01}}\n", "is not an RFC 3339 time with an offset"},
		"backwards":                {"rules:\n  - {id: y, effect: forbid, valid: {from: 2026-09-02T00:00:00Z, until: 2026-09-01T00:00:00Z}}\n", "from is not before until"},
		"grantless rule":           {"rules:\n  - {id: y, effect: permit, actions: [match], categories: [a], approval: auto, authority: grant}\n", "no grant may do any of its actions"},
		"two rules":                {"rules:\n  - {id: y, effect: forbid}\n  - {id: y, effect: forbid}\n", "7:5: rule 'y' is defined twice, first on line 6"},
		"ring of overrides":        {"rules:\n  - {id: x, effect: permit, actions: [match], categories: [a], approval: auto, overrides: [y]}\n  - {id: y, effect: permit, actions: [match], categories: [a], approval: auto, overrides: [x]}\n", "overrides this rule in turn"},
		"own override":             {"rules:\n  - {id: x, effect: permit, actions: [match], categories: [a], approval: auto, overrides: [x]}\n", "overrides this rule in turn"},
		"override a forbid":        {"rules:\n  - {id: x, effect: permit, actions: [match], categories: [a], approval: auto, overrides: [y]}\n  - {id: y, effect: forbid}\n", "'y' is a forbid, which always wins"},
		"other consent":            {"rules:\n  - {id: x, effect: permit, actions: [match], categories: [a], approval: auto, requires: [person_concent]}\n", "did you mean 'person_consent'?"},
		"wall without a class":     {"rules: []\nwalls: [{id: w, cooling_off: 1h}]\n", "'class' is missing"},
		"wall without cooling-off": {"rules: []\nwalls: [{id: w, class: counterparty.naics}]\n", "'cooling_off' is missing"},
		"wall of an unknown class": {"rules: []\nwalls: [{id: w, class: counterparty.naic, cooling_off: 1h}]\n", "6:24: class: unknown attribute 'counterparty.naic'"},
		"wall of a number":         {"rules: []\nwalls: [{id: w, class: counterparty.trust, cooling_off: 1h}]\n", "'counterparty.trust' is double, want string"},
		"wall by a list":           {"rules: []\nwalls: [{id: w, key: [resource.tags], class: counterparty.naics, cooling_off: 1h}]\n", "'resource.tags' is list of strings, want string"},
		"wall for nobody":          {"rules: []\nwalls: [{id: w, class: counterparty.naics, distinct: 0, cooling_off: 1h}]\n", "distinct: 0 is outside 1 to 256"},
		"wall with a typo":         {"rules: []\nwalls: [{id: w, class: counterparty.naics, cooling_of: 1h}]\n", "did you mean 'cooling_off'?"},
		"two walls":                {"rules: []\nwalls:\n  - {id: w, class: counterparty.naics, cooling_off: 1h}\n  - {id: w, class: counterparty.group, cooling_off: 1h}\n", "wall 'w' is defined twice, first on line 7"},
		"escalation to nobody":     {"rules: []\napprovals: [{id: a, seats: [x], need: 1, expires: 1h, escalate: {after: 1h, seats: []}}]\n", "seats: is empty"},
		"escalation at once":       {"rules: []\napprovals: [{id: a, seats: [x], need: 1, expires: 1h, escalate: {after: 0s, seats: [y]}}]\n", "after: 0s is outside 1s"},
		"escalation without time":  {"rules: []\napprovals: [{id: a, seats: [x], need: 1, expires: 1h, escalate: {seats: [y]}}]\n", "escalate: 'after' is missing"},
		"escalation in sequence":   {"rules: []\napprovals: [{id: a, seats: [x], need: 1, expires: 1h, order: sequence, escalate: {after: 1h, seats: [y]}}]\n", "escalate stands beside order: sequence"},
		"delegation without depth": {"rules: []\napprovals: [{id: a, seats: [x], need: 1, expires: 1h, delegation: {within: 1h}}]\n", "delegation: 'depth' is missing"},
		"delegation too deep":      {"rules: []\napprovals: [{id: a, seats: [x], need: 1, expires: 1h, delegation: {depth: 9}}]\n", "depth: 9 is outside 1 to 8"},
		"count with a duration":    {"rules: []\nquotas: [{id: q, per: concurrent, unit: count, max: 2h}]\n", "max: want a whole number, got text"},
		"count with a min":         {"rules: []\nquotas: [{id: q, per: iso_week, unit: count, max: 2, min: 1h}]\n", "a count has no min"},
		"concurrent hours":         {"rules: []\nquotas: [{id: q, per: concurrent, unit: duration, max: 2h}]\n", "per concurrent needs unit count"},
		"count of one":             {"rules: []\nquotas: [{id: q, per: engagement, unit: count, max: 2}]\n", "an engagement counts one of itself"},
		"test's attribute":         {"rules: []\ntests: [{name: n, action: match, category: a, with: {price.rate: cheap}, expect: {outcome: deny}}]\n", "price.rate: want a whole number, got text"},
	}
	for name, c := range cases {
		lines := faults(t, head+c.body)
		require.NotEmpty(t, lines, name)
		assert.Contains(t, strings.Join(lines, "\n"), c.want, name)
	}
}

func TestEveryErrorIsReported(t *testing.T) {
	lines := faults(t, rulesHead+"  - {id: a, effect: forbid, when: price.x > 1}\n  - {id: b, effect: allow}\n  - {effect: forbid}\n")
	assert.Equal(t, []string{
		"6:35: unknown attribute 'price.x'",
		"7:21: effect: 'allow' is none of permit, forbid",
		"8:5: rule: 'id' is missing",
	}, lines)
}

func TestDocumentHeads(t *testing.T) {
	assert.Equal(t, []string{"1:1: the document is empty"}, faults(t, ""))
	assert.Contains(t, strings.Join(faults(t, "rules: []\n"), "\n"), "'apiVersion' is missing")
	assert.Contains(t, strings.Join(faults(t, "[]"), "\n"), "want an object, got a list")
	assert.Contains(t, strings.Join(faults(t, "\xff\xfe"), "\n"), "not UTF-8")
	assert.Contains(t, strings.Join(faults(t, strings.Replace(head, "America/Toronto", "Mars/Base", 1)+"rules: []\n"), "\n"), "not a zone")
	noZone := strings.Replace(head, "zone: America/Toronto\n", "", 1) + "rules: []\nquotas: [{id: q, per: iso_week, unit: duration, max: 1h}]\n"
	assert.Contains(t, strings.Join(faults(t, noZone), "\n"), "needs the document's zone")
	_, err := policy.Compile(nil, policy.Source{Name: "a", Text: []byte(rulesHead + "  []\n")}, policy.Source{Name: "b", Text: []byte(rulesHead + "  []\n")})
	assert.EqualError(t, err, "policy: b:2:11: this employer already has a document, a:2")
}

func TestHostileDocumentsEndSoon(t *testing.T) {
	var keys, rules strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	for i := range 3000 {
		fmt.Fprintf(&rules, "  - {id: r%d, effect: forbid, when: price.rate%d > 1}\n", i, i)
	}
	var bomb strings.Builder
	bomb.WriteString("a: &a [x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c < 'j'; c++ {
		fmt.Fprintf(&bomb, "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	cases := map[string]string{
		"size":    head + "rules: []\n#" + strings.Repeat("x", 1<<20),
		"flow":    head + "rules: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"indents": head + "rules:\n" + strings.Repeat("- ", 5000),
		"keys":    head + keys.String(),
		"rules":   rulesHead + rules.String(),
		"bomb":    bomb.String(),
		"cost":    rulesHead + "  - {id: y, effect: forbid, when: '" + strings.Repeat("[1, ", 300) + "1" + strings.Repeat("]", 300) + " == []'}\n",
	}
	for name, doc := range cases {
		start := time.Now()
		lines := faults(t, doc)
		assert.NotEmpty(t, lines, name)
		assert.LessOrEqual(t, len(lines), 100, name)
		assert.Less(t, time.Since(start), 5*time.Second, name)
	}
}

func TestDigestIsOfTheMeaning(t *testing.T) {
	const one = head + `quotas: [{id: q, per: total, unit: duration, max: 2h}, {id: p, per: total, unit: duration, max: 60m}]
rules:
  - {id: a, effect: permit, actions: [match, engage], categories: [x], approval: auto, quotas: [q, p]}
  - {id: b, effect: forbid, when: price.rate < 5, valid: {until: 2027-01-01T00:00:00-05:00}}
`
	const same = `# a comment
{"version": 1, "employer": "shop", "apiVersion": "csss.policy/v1", "zone": "America/Toronto",
 "rules": [
  {"id": "b", "effect": "forbid", "when": "price.rate < 5", "valid": {"until": "2027-01-01T05:00:00Z"}},
  {"id": "a", "effect": "permit", "categories": ["x"], "actions": ["engage", "match"], "approval": "auto", "quotas": ["p", "q"]}],
 "quotas": [{"id": "p", "per": "total", "unit": "duration", "max": "1h"}, {"id": "q", "per": "total", "unit": "duration", "max": "120m"}],
 "deal": {"deadline": "24h"},
 "tests": [{"name": "t", "action": "match", "category": "x", "expect": {"outcome": "deny"}}]}
`
	digest := func(doc string) [32]byte {
		set, err := policy.Compile(nil, policy.Source{Text: []byte(doc)})
		require.NoError(t, err)
		return set.Digest("shop")
	}
	want := digest(one)
	assert.Equal(t, want, digest(same))
	for _, change := range [][2]string{{"version: 1", "version: 2"}, {"60m", "61m"}, {"< 5", "< 6"}, {"engage]", "reveal]"}, {"quotas: [q, p]", "quotas: [q]"},
		{"categories: [x]", "categories: [y]"}, {"until: 2027-01-01T00:00:00-05:00", "until: 2027-01-01T00:00:01-05:00"}, {"Toronto", "Montreal"}} {
		changed := strings.Replace(one, change[0], change[1], 1)
		require.NotEqual(t, one, changed)
		assert.NotEqual(t, want, digest(changed), change[1])
	}
}

func TestSetSpeaksOfItsDocuments(t *testing.T) {
	set := load(t, "steelcrest-precision", "holloway-tool")
	assert.Equal(t, []string{"holloway-tool", "steelcrest-precision"}, set.Employers())
	assert.Equal(t, 7, set.Version("steelcrest-precision"))
	assert.Equal(t, "America/Toronto", set.Zone("holloway-tool"))
	assert.Equal(t, policy.Deal{Deadline: 24 * time.Hour, HardExpiry: 720 * time.Hour, Grace: 72 * time.Hour}, set.Deal("holloway-tool"))
	assert.Equal(t, []policy.Quota{{ID: "shift2-total", Per: "total", Max: 400 * time.Hour, Key: []string{"resource.category"}}}, set.Quotas("steelcrest-precision"))
	grants := set.Grants("steelcrest-precision")
	require.Len(t, grants, 1)
	assert.Equal(t, "operations_director", grants[0].Role)
	assert.True(t, grants[0].Until.Equal(time.Date(2027, 1, 1, 5, 0, 0, 0, time.UTC)))
	assert.Equal(t, "finish", grants[0].AtExpiry)
	grants[0].May[0] = "changed"
	assert.Equal(t, "approve:shift2-release", set.Grants("steelcrest-precision")[0].May[0])
	assert.Zero(t, set.Version("nobody"))
	assert.Zero(t, set.Digest("nobody"))
	assert.Empty(t, set.Zone("nobody"))
	assert.Empty(t, set.Grants("nobody"))
}

func TestSchemaRefusesBadRows(t *testing.T) {
	for _, a := range []policy.Attribute{
		policy.Attr("", policy.KindInt), policy.Attr("one", policy.KindInt), policy.Attr("a.B", policy.KindInt), policy.Attr("a..b", policy.KindInt),
		policy.Attr("price.rate", policy.KindInt), policy.Attr("price.rate.net", policy.KindInt), policy.Attr("test.a", policy.KindNone),
		policy.Attr("@present.price", policy.KindBool), policy.Attr("a.b.c.d.e", policy.KindInt), policy.Attr("test.a", 99),
	} {
		_, err := policy.NewSchema(a)
		assert.Error(t, err, a.Name)
	}
	s, err := policy.NewSchema(policy.Attr("counterparty.size", policy.KindInt))
	require.NoError(t, err)
	for _, a := range s.Attributes() {
		assert.Equal(t, strings.HasPrefix(a.Name, "counterparty.") || a.Name == "request.distance_km", a.Tainted, a.Name)
	}
}

func TestThreeHundredFirmsShareTheirConditions(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "steelcrest-precision.yaml"))
	require.NoError(t, err)
	var docs []policy.Source
	for i := range 300 {
		name := fmt.Sprintf("firm-%d", i)
		docs = append(docs, policy.Source{Name: name, Text: bytes.Replace(text, []byte("steelcrest-precision"), []byte(name), 1)})
	}
	start := time.Now()
	set, err := policy.Compile(nil, docs...)
	require.NoError(t, err)
	t.Logf("300 firms in %s", time.Since(start))
	assert.Len(t, set.Employers(), 300)
	assert.NotEqual(t, set.Digest("firm-1"), set.Digest("firm-2"))
}

func TestMinimalProgramIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	out := filepath.Join(t.TempDir(), "minimal")
	build, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", out, "./testdata/minimal").CombinedOutput()
	require.NoError(t, err, "%s", build)
	info, err := os.Stat(out)
	require.NoError(t, err)
	t.Logf("%.1f MB", float64(info.Size())/1e6)
	assert.LessOrEqual(t, info.Size(), int64(14_000_000), "the expression language alone makes a program of 11.6 MB")
}

func FuzzCompile(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text)
	}
	for _, seed := range []string{head + foldKeys, head + wallRules, head + delegationRules, head + countRules, eventful, "", "a: &a [*a]", "? {a: b}\n: c", "%TAG ! tag:x,2000:\n---\n!a b", rulesHead + "  - {id: x, effect: forbid, when: \"\\x00\"}\n",
		rulesHead + "  - {id: x, effect: forbid, when: |\n      a.b.c.d(\n }\n"} {
		f.Add([]byte(seed))
	}
	schema := policy.BaseSchema()
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := policy.Compile(schema, policy.Source{Name: "f", Text: text})
		if err != nil {
			errs, ok := errors.AsType[*policy.Errors](err)
			if !ok || len(errs.List) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + bytes.Count(text, []byte("\u0085")) + bytes.Count(text, []byte("\u2028")) + bytes.Count(text, []byte("\u2029")) + 2
			for _, e := range errs.List {
				if e.Line < 1 || e.Col < 1 || e.Line > lines {
					t.Fatalf("no place: %v", e)
				}
			}
			return
		}
		for _, employer := range set.Employers() {
			for _, test := range set.Tests(employer) {
				d := set.Explain(&test.Request)
				if d.Digest != set.Digest(employer) || len(d.Reasons) == 0 {
					t.Fatalf("%+v", d)
				}
			}
			set.Explain(&policy.Request{Employer: employer, Action: policy.Match, Category: "machine", Now: noon})
		}
	})
}
