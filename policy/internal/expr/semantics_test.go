package expr_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// forms are four ways to write an operand of each value: by a slot, by a comparison, by arithmetic, and by cel-go.
var forms = map[expr.Truth][]string{
	tt: {"a.b", `a.s == "v"`, "a.i + 1 == 2", `a.s + "w" == "vw"`},
	ff: {"a.c", `a.s == "w"`, "a.i + 1 == 3", `a.s + "w" == "v"`},
	ee: {"a.j > 1", `a.t == "v"`, "a.i / 0 == 1", `a.t + "w" == "vw"`},
	uu: {"a.k > 1", `a.u == "v"`, "a.k + 1 == 2", `a.u + "w" == "vw"`},
}

// formFrame is the frame in which forms have their values.
func formFrame(t testing.TB, table *expr.Table) *expr.Frame {
	f := table.NewFrame()
	f.SetBool(slot(t, table, "a.b"), true)
	f.SetBool(slot(t, table, "a.c"), false)
	f.SetString(slot(t, table, "a.s"), "v")
	f.SetInt(slot(t, table, "a.i"), 1)
	f.Withhold(slot(t, table, "a.k"))
	f.Withhold(slot(t, table, "a.u"))
	f.SetStrings(slot(t, table, "a.l"), []string{"v", "w", "x"})
	return f
}

// Pairs and triples of the four values under every connective are what the tables say, and what cel-go says.
func TestConnectivesOverAllValues(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	f := formFrame(t, table)
	check := func(want expr.Truth, text string) {
		t.Helper()
		cond, problems := c.Compile(text)
		require.Empty(t, problems, text)
		require.Equal(t, want, cond.Eval(f), text)
		require.Equal(t, want, cond.Oracle(f), "cel-go: %s", text)
	}
	for _, a := range truths {
		for k := range 4 {
			check(a, forms[a][k])
			check(expr.Not(a), "!("+forms[a][k]+")")
		}
		for _, b := range truths {
			for k := range 16 {
				x, y := "("+forms[a][k%4]+")", "("+forms[b][k/4]+")"
				check(expr.And(a, b), x+" && "+y)
				check(expr.Or(a, b), x+" || "+y)
			}
			for i, d := range truths {
				x, y, z := "("+forms[a][i]+")", "("+forms[b][(i+1)%4]+")", "("+forms[d][(i+2)%4]+")"
				check(expr.If(a, b, d), x+" ? "+y+" : "+z)
				check(expr.And(expr.And(a, b), d), x+" && "+y+" && "+z)
				check(expr.Or(expr.Or(a, b), d), x+" || "+y+" || "+z)
				check(expr.And(a, expr.Or(b, d)), x+" && ("+y+" || "+z+")")
				check(expr.Or(a, expr.And(b, d)), x+" || "+y+" && "+z)
				check(expr.Not(expr.And(a, expr.Not(expr.Or(b, d)))), "!("+x+" && !("+y+" || "+z+"))")
			}
		}
	}
}

// A loop over three items, whose predicate takes every triple of values, is what cel-go says; all is the conjunction and
// exists the disjunction of the three.
func TestLoopsOverAllValues(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	f := formFrame(t, table)
	for _, a := range truths {
		for _, b := range truths {
			for _, d := range truths {
				body := fmt.Sprintf(`(x, x == "v" ? %s : x == "w" ? %s : %s)`, forms[a][0], forms[b][1], forms[d][2])
				for macro, want := range map[string]expr.Truth{
					"all": expr.And(expr.And(a, b), d), "exists": expr.Or(expr.Or(a, b), d), "exists_one": 99,
				} {
					cond, problems := c.Compile("a.l." + macro + body)
					require.Empty(t, problems)
					assert.False(t, cond.Fallback())
					require.Equal(t, cond.Oracle(f), cond.Eval(f), cond.Text())
					if want != 99 {
						require.Equal(t, want, cond.Eval(f), cond.Text())
					}
				}
			}
		}
	}
}

// Both operands of == are looked at and an error beats an unknown; all other operators stop at the first.
func TestOperandsWithoutValues(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	f := formFrame(t, table) // a.j, a.t are absent, a.k, a.u are withheld
	f.Withhold(slot(t, table, "a.now"))
	f.Withhold(slot(t, table, "a.d"))
	f.Withhold(slot(t, table, "a.m"))
	f.Withhold(slot(t, table, "a.x"))
	for text, want := range map[string]expr.Truth{
		"a.j == a.k": ee, "a.k == a.j": ee, "a.k != a.j": ee, "a.j < a.k": ee, "a.k < a.j": uu, "a.k == a.i": uu,
		"a.t == a.u": ee, "a.u == a.t": ee, "a.t < a.u": ee, "a.u < a.t": uu, "a.u.contains(a.t)": uu, "a.t.contains(a.u)": ee,
		"a.u in a.m": uu, "a.t in a.m": ee, "a.s in a.m": uu, "a.now == a.end": ee, "a.end < a.now": ee, "a.now < a.end": uu,
		"a.k + a.j == 1": uu, "a.j + a.k == 1": ee, "a.now + a.e < a.end": uu, "a.e + a.now < a.end": ee, "a.end - a.now == a.d": ee,
		"a.x == a.y": ee, "a.x < a.y": uu, "a.b == (a.j == 1)": ee, "(a.k == 1) == (a.j == 1)": ee, "(a.k == 1) != a.b": uu,
		"present(a.k)": uu, "present(a.j)": ff, "!present(a.j)": tt, "present(a.i)": tt, "!present(a.k)": uu,
		"size(a.m) == 0": uu, "a.m.all(x, x == a.t)": uu, "-(a.k) == a.j": ee,
	} {
		cond, problems := c.Compile(text)
		require.Empty(t, problems, text)
		assert.Equal(t, want.String(), cond.Oracle(f).String(), "cel-go: %s", text)
		assert.Equal(t, want.String(), cond.Eval(f).String(), text)
	}
}

// Checked arithmetic at its bounds.
func TestArithmeticAtItsBounds(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	f := table.NewFrame()
	edge := []int64{math.MinInt64, math.MinInt64 + 1, -3037000500, -2, -1, 0, 1, 2, 3037000500, math.MaxInt64 - 1, math.MaxInt64}
	for _, text := range []string{"a.i + a.j == a.k", "a.i - a.j == a.k", "a.i * a.j == a.k", "a.i / a.j == a.k", "a.i % a.j == a.k", "-a.i == a.j",
		"double(a.i) < a.x", "int(a.x) == a.i"} {
		cond, problems := c.Compile(text)
		require.Empty(t, problems)
		require.False(t, cond.Fallback(), text)
		for _, a := range edge {
			for _, b := range edge {
				f.SetInt(slot(t, table, "a.i"), a)
				f.SetInt(slot(t, table, "a.j"), b)
				f.SetInt(slot(t, table, "a.k"), a+b)
				f.SetDouble(slot(t, table, "a.x"), float64(b))
				require.Equal(t, cond.Oracle(f), cond.Eval(f), "%s for %d, %d", text, a, b)
			}
		}
	}
}

// Instants and durations at the bounds of the years 1 to 9999, before 1970 and at parts of a second.
func TestTimesAtTheirBounds(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	f := table.NewFrame()
	times := []time.Time{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC),
		time.Unix(0, 0), time.Date(2024, 2, 29, 23, 59, 59, 5e8, time.FixedZone("", 3600)), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)}
	durations := []time.Duration{math.MinInt64, math.MinInt64 + 1, -time.Hour, -1, 0, 1, 999999999, time.Second, math.MaxInt64}
	for _, text := range []string{"a.now + a.d == a.end", "a.d + a.now < a.end", "a.now - a.d > a.end", "a.now - a.end < a.d", "a.d + a.d == a.e", "a.d - a.e == a.d",
		"(a.now - a.d).getFullYear() == 1969", "a.now.getMonth() == 1", "a.now.getDate() == 29", "a.now.getDayOfMonth() == 28", "a.now.getDayOfWeek() == 4",
		"a.now.getDayOfYear() == 59", "a.now.getHours() == 22", "a.now.getMinutes() == 59", "a.now.getSeconds() == 59", "a.now.getMilliseconds() == 500",
		"a.d.getHours() == -1", "a.d.getMinutes() == 1", "a.d.getSeconds() > 0", "a.d.getMilliseconds() == 999", "int(a.now) == 0"} {
		cond, problems := c.Compile(text)
		require.Empty(t, problems)
		require.False(t, cond.Fallback(), text)
		for _, a := range times {
			for _, b := range times {
				for _, d := range durations {
					f.SetTime(slot(t, table, "a.now"), a)
					f.SetTime(slot(t, table, "a.end"), b)
					f.SetDuration(slot(t, table, "a.d"), d)
					f.SetDuration(slot(t, table, "a.e"), -d)
					require.Equal(t, cond.Oracle(f), cond.Eval(f), "%s for %s, %s, %s", text, a, b, d)
				}
			}
		}
	}
}

// Clauses are the top-level conjuncts, in CEL's spelling, each with its own reads, taint and value.
func TestClauses(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	f := formFrame(t, table)
	for range 2 { // the second text has the first one's shape
		for _, number := range []int{1, 2} {
			n := strconv.Itoa(number)
			cond, problems := c.Compile(`(a.i==` + n + `  && (a.b||a.c)) && far.s == 'x' && a.s + "w" == "vw"`)
			require.Empty(t, problems)
			var texts []string
			var values []expr.Truth
			for _, clause := range cond.Clauses() {
				texts = append(texts, clause.Text())
				values = append(values, clause.Eval(f))
				assert.Equal(t, clause.Oracle(f), clause.Eval(f))
				assert.Empty(t, clause.Clauses())
			}
			assert.Equal(t, []string{"a.i == " + n, "a.b || a.c", `far.s == "x"`, `a.s + "w" == "vw"`}, texts)
			assert.Equal(t, []expr.Truth{expr.Of(number == 1), tt, ee, tt}, values)
			assert.Equal(t, []bool{false, false, true, false}, []bool{cond.Clauses()[0].Tainted(), cond.Clauses()[1].Tainted(), cond.Clauses()[2].Tainted(), cond.Clauses()[3].Tainted()})
			assert.Equal(t, []expr.Slot{slot(t, table, "a.b"), slot(t, table, "a.c")}, cond.Clauses()[1].Reads())
			assert.True(t, cond.Tainted() && cond.Fallback() && cond.Clauses()[3].Fallback() && !cond.Clauses()[0].Fallback())
		}
	}
	cond, problems := c.Compile("a.b")
	require.Empty(t, problems)
	assert.Nil(t, cond.Clauses())
	assert.False(t, cond.Tainted() || cond.Fallback())
}

// Where a slot is there and has none of an equality's values, the condition is false.
func TestEqualities(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	s := func(name string) expr.Slot { return slot(t, table, name) }
	for text, want := range map[string][]expr.Equality{
		`a.s == "x"`:                              {{Slot: s("a.s"), Texts: []string{"x"}}},
		`"x" == a.s && a.i == 3`:                  {{Slot: s("a.s"), Texts: []string{"x"}}, {Slot: s("a.i"), Numbers: []int64{3}}},
		`a.s in ["x", "y"] && a.i in [1, -2]`:     {{Slot: s("a.s"), Texts: []string{"x", "y"}}, {Slot: s("a.i"), Numbers: []int64{1, -2}}},
		`a.b && !a.c && a.d == duration("1s")`:    {{Slot: s("a.b"), Numbers: []int64{1}}, {Slot: s("a.c"), Numbers: []int64{0}}, {Slot: s("a.d"), Numbers: []int64{1e9}}},
		`a.d in [duration("1s"), duration("2s")]`: {{Slot: s("a.d"), Numbers: []int64{1e9, 2e9}}},
		`a.s == "x" || a.i == 3`:                  nil,
		`a.s != "x" && !(a.t in ["x"])`:           nil,
		`"x" in a.l && a.s == a.t && a.i > 3`:     nil,
	} {
		cond, problems := c.Compile(text)
		require.Empty(t, problems, text)
		assert.Equal(t, want, cond.Equalities(), text)
	}
}

// A compiler may be told to leave everything to cel-go; nothing else changes.
func TestCELOnly(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, &expr.Options{CELOnly: true})
	require.NoError(t, err)
	f := formFrame(t, table)
	for v, texts := range forms {
		for _, text := range texts {
			cond, problems := c.Compile(text + " && a.b")
			require.Empty(t, problems)
			assert.True(t, cond.Fallback())
			assert.Equal(t, v, cond.Eval(f), text)
			require.Len(t, cond.Clauses(), 2)
			assert.Equal(t, v, cond.Clauses()[0].Eval(f), text)
		}
	}
}

// Inside the instructions nothing is allocated, whatever the value.
func TestEvalAllocatesNothing(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	cond, problems := c.Compile(`a.s in ["v", "w"] && a.i + 2 * a.i >= 3 && (a.b || a.j > 3) && a.l.exists(x, x.startsWith("w") && a.l.all(y, y != "")) &&
		a.s.matches("^[a-z]+$") && size(a.s) == 1 && present(a.l) && (a.b ? "p" : a.t) != "q" && timestamp("2026-09-01T00:00:00Z").getHours() == 0 && a.now + a.d > a.end && a.x < 1.5`)
	require.Empty(t, problems)
	require.False(t, cond.Fallback())
	f := formFrame(t, table)
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	f.SetTime(slot(t, table, "a.now"), now)
	f.SetTime(slot(t, table, "a.end"), now)
	f.SetDuration(slot(t, table, "a.d"), time.Second)
	f.SetDouble(slot(t, table, "a.x"), 1)
	require.Equal(t, tt, cond.Eval(f))
	assert.Zero(t, testing.AllocsPerRun(100, func() { cond.Eval(f) }))
	f.Withhold(slot(t, table, "a.s"))
	require.Equal(t, uu, cond.Eval(f))
	assert.Zero(t, testing.AllocsPerRun(100, func() { cond.Eval(f) }))
}

// Conditions and a frame that nobody changes are shared by goroutines, the words of clauses included.
func TestConcurrentUse(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	f := formFrame(t, table)
	shared, problems := c.Compile(`a.s + "w" == "vw" && a.i == 1`)
	require.Empty(t, problems)
	done := make(chan bool)
	for w := range 4 {
		go func() {
			ok := true
			for i := range 200 {
				cond, problems := c.Compile(fmt.Sprintf(`a.i == %d && a.s == "v" && present(a.l) == (%d > 5)`, i%3, w))
				ok = ok && problems == nil && cond.Eval(f) == cond.Oracle(f) && len(cond.Clauses()) == 3
				ok = ok && shared.Eval(f) == tt && shared.Oracle(f) == tt && shared.Clauses()[1].Text() == "a.i == 1"
			}
			done <- ok
		}()
	}
	for range 4 {
		assert.True(t, <-done)
	}
}
