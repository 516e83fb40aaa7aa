package expr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// These are pitfalls of cel-go, each of which was run, and what becomes of it here. The numbers are those of the list of
// pitfalls in the design of the rule engine.

// refused compiles a text that must be refused, and returns the first message.
func refused(t *testing.T, text string) string {
	t.Helper()
	_, problems := newCompiler(t).Compile(text)
	require.NotEmpty(t, problems, text)
	return problems[0].Text
}

// 1 and 5: an attribute has one type, and comparisons across types do not compile.
func TestPitfallTypesDoNotMix(t *testing.T) {
	for _, text := range []string{`a.i == "40"`, `a.i != "40"`, `a.i < "50"`, `a.i == 40.0`, `a.i < a.x`, `a.i + 1.5 == a.x`, `a.i == 1u`,
		`a.d > 3600`, `a.now == "2026-09-01T00:00:00Z"`, `a.s in ["x", 1]`, `a.i in ["1"]`, `dyn(a.i) == "40"`} {
		refused(t, text)
	}
}

// 2: an absent attribute is an error that a false conjunct or a true disjunct absorbs, in any order.
func TestPitfallAbsentIsAnErrorThatIsAbsorbed(t *testing.T) {
	table := newTable(t)
	f := formFrame(t, table)
	c := newCompilerFor(t, table)
	for text, want := range map[string]expr.Truth{
		"a.j == 3": ee, "!(a.j == 3)": ee, "a.j == 3 && a.c": ff, "a.c && a.j == 3": ff, "a.j == 3 || a.b": tt, "a.b || a.j == 3": tt,
		"a.j == 3 && a.b": ee, "a.b && a.j == 3": ee,
	} {
		assert.Equal(t, want, eval(t, c, f, text), text)
	}
}

// Arithmetic that comes to no number is an error and not a comparison that is false, whoever evaluates it.
func TestPitfallNaNIsAnError(t *testing.T) {
	table := newTable(t)
	f := formFrame(t, table)
	zero, _ := table.Lookup("a.x")
	f.SetDouble(zero, 0)
	for _, celOnly := range []bool{false, true} {
		c, err := expr.NewCompiler(table, &expr.Options{CELOnly: celOnly})
		require.NoError(t, err)
		for text, want := range map[string]expr.Truth{
			"a.x / a.x < 10.0": ee, "a.x / 0.0 != 1.0": ee, "!(a.x / a.x < 10.0)": ee, "1.0 / a.x - 1.0 / a.x < 0.5": ee,
			"1.0 / a.x * a.x >= 0.0": ee, "1.0 / a.x + -1.0 / a.x == 0.0": ee, "1.0 / a.x > 10.0": tt, "-(a.x / a.x) < 1.0": ee,
			"a.x / a.x < 10.0 || a.b": tt, "a.x / a.x < 10.0 && a.c": ff, `double("nan" + "") < 1.0`: ee, `[a.x / a.x, 1.0].exists(v, v < 0.5)`: ee,
		} {
			assert.Equal(t, want, eval(t, c, f, text), text)
		}
	}
	for _, text := range []string{`a.x < double("NaN")`, `double('nan') != a.x`, `a.x == double("+NaN")`} {
		assert.Equal(t, "NaN is not a number", refused(t, text))
	}
}

func newCompilerFor(t testing.TB, table *expr.Table) *expr.Compiler {
	t.Helper()
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	return c
}

func eval(t *testing.T, c *expr.Compiler, f *expr.Frame, text string) expr.Truth {
	t.Helper()
	cond, problems := c.Compile(text)
	require.Empty(t, problems, text)
	require.Equal(t, cond.Oracle(f), cond.Eval(f), text)
	return cond.Eval(f)
}

// 3: absent is not zero, and zero is not absent.
func TestPitfallAbsentIsNotZero(t *testing.T) {
	table := newTable(t)
	c, f := newCompilerFor(t, table), table.NewFrame()
	for _, text := range []string{"a.i == 0", "a.i <= 40", `a.s == ""`, "size(a.l) == 0", "a.x < 0.3", "!a.b", `a.d <= duration("1h")`} {
		assert.Equal(t, ee, eval(t, c, f, text), text)
	}
	f.SetInt(slot(t, table, "a.i"), 0)
	assert.Equal(t, tt, eval(t, c, f, "a.i <= 40 && present(a.i)"))
	assert.Equal(t, ff, eval(t, c, f, "present(a.s)"))
}

// 5: overflow and division by zero are errors.
func TestPitfallOverflowIsAnError(t *testing.T) {
	table := newTable(t)
	c, f := newCompilerFor(t, table), formFrame(t, table)
	for _, text := range []string{"9223372036854775807 + a.i > 0", "a.i / 0 == 1", "a.i % 0 == 1", "9223372036854775807 * 2 > a.i",
		`duration("2562047h") + duration("2562047h") > duration("1h")`} {
		assert.Equal(t, ee, eval(t, c, f, text), text)
	}
}

// 6: there are no maps.
func TestPitfallNoMaps(t *testing.T) {
	assert.Contains(t, refused(t, `{"a": 1}.exists(k, k == "a")`), "maps")
	assert.Contains(t, refused(t, `{"a": 1}["a"] == 1`), "maps")
	assert.Contains(t, refused(t, `Thing{a: 1} == Thing{a: 1}`), "objects")
}

// 7: patterns are constant, short, valid and small.
func TestPitfallPatterns(t *testing.T) {
	assert.Contains(t, refused(t, "a.s.matches(a.t)"), "constant pattern")
	assert.Contains(t, refused(t, `a.s.matches("a" + "b")`), "constant pattern")
	assert.Contains(t, refused(t, `a.s.matches("[")`), "invalid matches argument")
	assert.Contains(t, refused(t, `a.s.matches("a{900}b{900}")`), "size")
	assert.Contains(t, refused(t, `a.s.matches("`+strings.Repeat("a", 300)+`")`), "at most 256")
}

// 8: there is no clock, zones are constants that are there, and timestamps are strict RFC 3339.
func TestPitfallZonesAndClock(t *testing.T) {
	assert.Equal(t, "'America/Torronto' is not a zone of the IANA database", refused(t, `a.now.getHours("America/Torronto") < 8`))
	for _, arg := range []string{"a.s", `"America/" + a.s`, `""`, `"Local"`, `"-05:00"`, `"../UTC"`, `"UTC", "UTC"`, "5"} {
		assert.Contains(t, refused(t, "a.now.getHours("+arg+") < 8"), "zone", arg)
	}
	refused(t, `a.d.getHours("UTC") < 8`)
	assert.Contains(t, refused(t, `now() > a.now`), "not offered")
	for _, s := range []string{"2026-09-01", "2026-09-01T00:00:00", "2026-09-01T00:00:00,5Z", "2026-9-1T00:00:00Z", "2026-13-01T00:00:00Z", "2026-09-01 00:00:00Z"} {
		refused(t, `a.now < timestamp("`+s+`")`)
	}
	table := newTable(t)
	c, f := newCompilerFor(t, table), table.NewFrame()
	f.SetTime(slot(t, table, "a.now"), time.Date(2026, 9, 1, 1, 0, 0, 0, time.FixedZone("", -4*3600)))
	assert.Equal(t, tt, eval(t, c, f, "a.now.getHours() == 5"), "UTC, whatever the zone of the value")
	for text, want := range map[string]expr.Truth{`a.now.getHours("America/Toronto") == 1`: tt, `a.now.getHours('Asia/Kathmandu') == 10 && a.now.getMinutes("Asia/Kathmandu") == 45`: tt,
		`a.now.getHours("UTC") == 5`: tt, `a.now.getDayOfWeek("America/Toronto") == a.now.getDayOfWeek()`: tt} {
		assert.Equal(t, want, eval(t, c, f, text), text)
		cond, _ := c.Compile(text)
		assert.False(t, cond.Fallback(), text)
		assert.Equal(t, strings.Contains(text, "()"), cond.ReadsUTC(), text)
	}
	for text, utc := range map[string]bool{"a.d.getHours() > 1": false, "a.now < a.end": false, "a.b || (a.c && a.now.getDate() == 1)": true,
		`a.l.exists(x, x == "a" && a.now.getMonth() == 1)`: true} {
		cond, _ := c.Compile(text)
		assert.Equal(t, utc, cond.ReadsUTC(), text)
	}
	assert.Equal(t, tt, eval(t, c, f, `a.now == timestamp("2026-09-01T01:00:00-04:00")`))
}

// 9 and 11: what may cost too much is refused before it runs, and nothing counts at run time.
func TestPitfallCost(t *testing.T) {
	assert.Contains(t, refused(t, `a.l.all(x, a.m.all(y, x.contains(y)))`), "steps")
	assert.Contains(t, refused(t, `a.l.exists(x, x.matches("(a?){100}a{100}b$"))`), "steps")
	assert.Contains(t, refused(t, `a.l.exists(x, matches(x, "(a?){100}a{100}b$"))`), "steps")
	refused(t, `a.l.all(x, a.l.all(y, a.l.all(z, x == y && y == z)))`)
	refused(t, `a.l.map(a, a.l.map(b, a.l.map(c, a + b + c)))[0] == "x"`)
	c := newCompiler(t)
	cond, problems := c.Compile(`a.l.all(x, x != "")`)
	require.Empty(t, problems)
	assert.Positive(t, cond.Cost())
	for _, text := range []string{`a.l.exists(x, x.matches("^medical-[a-z]+$"))`, `a.s.matches("(a?){100}a{100}b$")`} {
		_, problems := c.Compile(text)
		assert.Empty(t, problems, text)
	}
}

// 12: a condition is a bool, not something that may be one.
func TestPitfallResultIsBool(t *testing.T) {
	assert.Contains(t, refused(t, "a.i + 1"), "a condition is true or false, this is int")
	refused(t, "dyn(a.b)")
	refused(t, "a.b ? dyn(true) : dyn(1)")
	refused(t, "[true][0] ? a.i : a.j")
}

// Names are told with what was perhaps meant, and with their places.
func TestUnknownNames(t *testing.T) {
	_, problems := newCompiler(t).Compile("a.b &&\n  a.noww > a.end && hours(a.d) == 1")
	require.Len(t, problems, 2)
	assert.Equal(t, expr.Problem{Line: 2, Col: 2, Text: "unknown attribute 'a.noww'; did you mean 'a.now'?"}, problems[0])
	assert.Equal(t, "function 'hours' is not offered", problems[1].Text)
	assert.Equal(t, "unknown attribute 'a.ss'; did you mean 'a.s'?", refused(t, "present(a.ss)"))
	assert.Equal(t, "has() is not offered; use present()", refused(t, "has(a.s)"))
	refused(t, "@present.a == true") // the hidden names cannot be spelled
}

// Chains of signs are folded by the parser.
func TestChainsOfSigns(t *testing.T) {
	table := newTable(t)
	c, f := newCompilerFor(t, table), formFrame(t, table)
	assert.Equal(t, tt, eval(t, c, f, strings.Repeat("!", 3000)+"a.b"))
	assert.Equal(t, ff, eval(t, c, f, strings.Repeat("!", 3001)+"a.b"))
	assert.Equal(t, tt, eval(t, c, f, strings.Repeat("-", 3000)+"a.i == 1"))
}

// Hostile texts are refused within a tenth of a second.
func TestHostileTextsAreRefusedSoon(t *testing.T) {
	deep := func(open, in, closing string, n int) string {
		return strings.Repeat(open, n) + in + strings.Repeat(closing, n)
	}
	macro := `a.s == "x"`
	for i := range 12 {
		macro = "a.l." + []string{"all", "exists", "map", "filter"}[i%4] + "(x, " + macro + ")"
	}
	wide := "a.i" + strings.Repeat(" + a.i", 2000) + " == 1"
	for name, text := range map[string]string{
		"parentheses":     deep("(", "a.b", ")", 2000),
		"negations":       deep("!(", "a.b", ")", 300),
		"lists":           deep("[", "1", "]", 300) + " == []",
		"ternaries":       strings.Repeat("a.b ? a.b : ", 300) + "a.b",
		"calls":           deep("size(", "a.s", ")", 300) + " == 1",
		"selections":      "a" + strings.Repeat(".b", 2000),
		"macros":          macro,
		"wide sum":        wide,
		"wide and":        strings.Repeat("a.b && ", 500) + "a.b",
		"long":            strings.Repeat(" ", 10_000_000) + "a.b",
		"long text":       `a.s == "` + strings.Repeat("x", 10_000_000) + `"`,
		"pattern":         `a.s.matches("` + strings.Repeat("(a{1000}){1000}", 10) + `")`,
		"nested pattern":  `a.s.matches("` + deep("(", "a", ")*", 100) + `")`,
		"open text":       `a.s == "` + strings.Repeat(`\`, 3000),
		"open brackets":   strings.Repeat("[{(", 1000),
		"faults":          strings.Repeat("a.zz == 1 && ", 200) + "a.b",
		"garbage":         strings.Repeat("\x00\xff$", 1300),
		"empty":           "",
		"cross products":  "a.l.all(x, a.m.all(y, a.l.exists(z, z == x && y == x)))",
		"duplicate index": "a.l[0][0][0][0] == ''",
	} {
		c := newCompiler(t)
		var problems []expr.Problem
		took := time.Hour
		for range 3 { // the machine may have other things to do
			start := time.Now()
			_, problems = c.Compile(text)
			took = min(took, time.Since(start))
		}
		assert.NotEmpty(t, problems, name)
		assert.LessOrEqual(t, len(problems), 12, name)
		assert.Less(t, took, 100*time.Millisecond, name)
		for _, p := range problems {
			assert.Positive(t, p.Line, name)
			assert.GreaterOrEqual(t, p.Col, 0, name)
			assert.Less(t, len(p.Text), 1000, name)
		}
	}
}
