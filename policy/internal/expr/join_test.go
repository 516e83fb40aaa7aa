package expr_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// A condition that is joined from known operands is the same as one compiled from its whole text, and so are its faults.
func TestJoinedConditionsCannotBeToldFromWholeOnes(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 600
	}
	r := rand.New(rand.NewPCG(5, 6))
	var pool []string
	g := newGen(r)
	for range 80 {
		pool = append(pool, g.truth(r.IntN(4)))
	}
	pool = append(pool, "a.b", "!a.b", "a.l.exists(x, x == a.s && x != 'y')", "(a.b && a.i > -3)", "a.i in [1, -2, 3]", "true", "a.nowhere", "a.i", "5 == ", ")", "a.b ? a.b : a.b", "a.b || a.b",
		`a.s in ["`+strings.Join(strings.Fields("z y x w v u t s r q p o n m l k"), `", "`)+`"]`, `a.s == "`+strings.Repeat("long", 20)+`"`)
	c := newCompiler(t)
	good := 0
	for range n {
		parts := make([]string, 1+r.IntN(6))
		for k := range parts {
			parts[k] = pool[r.IntN(len(pool))]
			if r.IntN(3) == 0 {
				parts[k] = reliteral(parts[k], r)
			}
		}
		text := strings.Join(parts, [...]string{" && ", "&&", " &&\n  ", " || ", "||"}[r.IntN(5)])
		switch r.IntN(6) {
		case 0:
			text = "(" + text + ") && " + pool[r.IntN(len(pool))]
		case 1:
			text = pool[r.IntN(len(pool))] + " || ((" + text + "))"
		case 2:
			text = "(" + text + ")"
		case 3:
			text = "(" + text + ") || " + pool[r.IntN(len(pool))] + " && " + pool[r.IntN(len(pool))]
		}
		got, problems := c.Compile(text)
		own, fresh := c.Fresh(text)
		require.Equal(t, fresh, problems, text)
		if problems == nil {
			require.True(t, expr.Same(own, got), text)
			good++
		}
	}
	assert.Greater(t, good, n/3)
	assert.Greater(t, c.Parts(), 40)
}

// New rows of known operands need no parser.
func TestNewRowsOfKnownOperandsAllocateLittle(t *testing.T) {
	c := newCompiler(t)
	texts := []string{`a.s == "x" && a.i <= 5 && a.b`, `a.b && a.s == "x" && a.i <= 5`, `a.i <= 5 && a.b && a.s == "x"`, `a.b || a.i <= 7 && a.s == "x"`, `(a.i <= 2 || a.b) && a.s == "z"`}
	_, problems := c.Compile(texts[0])
	require.Empty(t, problems)
	next := 0
	assert.LessOrEqual(t, testing.AllocsPerRun(3, func() { next++; c.Compile(texts[next]) }), 70.0)
	assert.Equal(t, 5, c.Parts(), "the three, and one of && and one of ||")
}

// What each operand may say, many of them together may not.
func TestJoinedConditionsKeepTheLimitsOfTheWhole(t *testing.T) {
	costly := `a.l.all(x, a.l.exists(y, true))`
	deep := strings.Repeat("(", 38) + "a.b" + strings.Repeat(")", 38)
	for text, ok := range map[string]bool{
		strings.Repeat("a.b && ", 300) + "a.b":                  true,
		strings.Repeat("a.b && ", 334) + "a.b":                  false,
		strings.Repeat("a.i in [1, 2, 3] && ", 100) + "a.b":     true,
		strings.Repeat("a.i in [1, 2, 3] && ", 160) + "a.b":     false,
		strings.Repeat("present(a.b) && ", 200) + "a.b":         true,
		costly + " && a.b":                                      true,
		strings.Repeat(costly+" && ", 9) + "a.b":                false,
		deep + " && " + deep:                                    true,
		deep + " && (((" + deep + ")))":                         false,
		`a.s == "` + strings.Repeat("x", 64) + `" && a.b`:       true,
		`a.s == "` + strings.Repeat("x", 65) + `" && a.b`:       true,
		`a.d <= duration("6x") && a.b`:                          false,
		`a.b && a.s.matches("(")`:                               false,
		`a.b && a.now < timestamp("x") && a.nowhere && a.i + 1`: false,
	} {
		c := newCompiler(t)
		for range 2 { // once the operands are known
			got, problems := c.Compile(text)
			own, fresh := c.Fresh(text)
			require.Equal(t, fresh, problems, text)
			assert.Equal(t, ok, problems == nil, "%.60s… %v", text, problems)
			if problems == nil {
				assert.True(t, expr.Same(own, got), text)
			}
		}
	}
}

// One text teaches a few operands only, so that one which is refused in the end costs little more than by itself.
func TestOneTextTeachesFewOperands(t *testing.T) {
	c := newCompiler(t)
	text := `a.b && !a.b && a.i < 1 && a.i > 1 && a.j < 1 && a.j > 1 && a.s == "x" && a.s != "x" && a.d < duration("1s")`
	for learnt := range 3 {
		_, problems := c.Compile(text + strings.Repeat(" || a.b", learnt))
		require.Empty(t, problems)
		assert.LessOrEqual(t, c.Parts(), 5*(learnt+1))
	}
	assert.Greater(t, c.Parts(), 8)
}
