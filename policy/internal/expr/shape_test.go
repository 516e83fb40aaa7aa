package expr_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// A condition that takes over a shape is the same as one compiled from its own text: code, reads, cost and all.
func TestSharedShapesCannotBeToldFromOwnOnes(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 500
	}
	c := newCompiler(t)
	for i := range n {
		seed := uint64(i / 3) // three texts in turn have the same form, since only the literals draw from literals
		g := newGen(rand.New(rand.NewPCG(seed, 1)))
		literals := rand.New(rand.NewPCG(uint64(i), 2))
		text := reliteral(g.truth(1+g.pick(3)), literals)
		got, problems := c.Compile(text)
		own, fresh := c.Fresh(text)
		require.Equal(t, fresh, problems, text)
		if problems == nil {
			require.True(t, expr.Same(own, got), text)
			require.Equal(t, len(own.Clauses()), len(got.Clauses()))
			for k, clause := range own.Clauses() {
				require.Equal(t, clause.Text(), got.Clauses()[k].Text())
			}
		}
	}
	shapes, texts := c.Shapes()
	t.Logf("%d texts have %d shapes and %d of their own", n, shapes, texts)
	assert.Less(t, shapes+texts, n*2/3)
}

// reliteral replaces numbers and texts between the delimiters of a generated condition, here and there by strange ones.
func reliteral(text string, r *rand.Rand) string {
	var out strings.Builder
	for len(text) > 0 {
		c := text[0]
		switch {
		case strings.HasPrefix(text, ".matches("):
			end := strings.IndexByte(text, ')') + 1
			out.WriteString(text[:end])
			text = text[end:]
		case strings.HasPrefix(text, `timestamp("`), strings.HasPrefix(text, `duration("`):
			end := strings.IndexByte(text, ')') + 1
			if text[0] == 'd' && r.IntN(2) == 0 {
				out.WriteString(`duration("` + strconv.Itoa(r.IntN(100)) + `h")`)
			} else {
				out.WriteString(text[:end])
			}
			text = text[end:]
		case c == '"' || c == '\'':
			end := 1
			for text[end] != c {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			words := []string{"x", "é", "", "long " + strings.Repeat("y", 40), "too long " + strings.Repeat("z", 60), `'`, "tab\t", `\`}
			out.WriteString(strconv.Quote(words[r.IntN(len(words))]))
			text = text[end+1:]
		case c >= '0' && c <= '9' && out.Len() > 0 && strings.ContainsRune(" (,[-", rune(out.String()[out.Len()-1])):
			end := 0
			for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.') {
				end++
			}
			v := strconv.Itoa(r.IntN(1000))
			if strings.Contains(text[:end], ".") {
				v += ".25"
			}
			out.WriteString(v)
			text = text[end:]
		default:
			out.WriteByte(c)
			text = text[1:]
		}
	}
	return out.String()
}

// Ten thousand firms with their own numbers share one shape, and each keeps its own values.
func TestOneShapeServesManyTexts(t *testing.T) {
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	f := table.NewFrame()
	f.SetString(slot(t, table, "a.s"), "CAD")
	f.SetInt(slot(t, table, "a.i"), 500)
	for i := range 1000 {
		cond, problems := c.Compile(`a.s in ["CAD", "firm` + strconv.Itoa(i) + `"] && a.i >= ` + strconv.Itoa(i) + ` && a.i != -` + strconv.Itoa(i))
		require.Empty(t, problems)
		require.Equal(t, expr.Of(500 >= i), cond.Eval(f))
		require.Equal(t, []expr.Equality{{Slot: slot(t, table, "a.s"), Texts: []string{"CAD", "firm" + strconv.Itoa(i)}}}, cond.Equalities())
	}
	shapes, texts := c.Shapes()
	assert.Equal(t, []int{1, 0}, []int{shapes, texts})
}

// What a literal says can make a text an error although its form is known. The error is then the text's own.
func TestErrorsComeFromTheTextItself(t *testing.T) {
	c := newCompiler(t)
	for _, text := range []string{`a.d <= duration("6h")`, `a.now < timestamp("2026-09-01T00:00:00Z")`, `a.i == 5`, `a.s.matches("a")`, `a.s == "x"`} {
		_, problems := c.Compile(text)
		require.Empty(t, problems, text)
	}
	for text, want := range map[string]expr.Problem{
		`a.d <= duration("6x")`:                           {Line: 1, Col: 16, Text: "invalid duration argument"},
		`a.now < timestamp("2026-09-01")`:                 {Line: 1, Col: 18, Text: "invalid timestamp argument"},
		`a.i == 99999999999999999999`:                     {Line: 1, Col: 7, Text: "Syntax error: invalid int literal"},
		`a.s.matches("(")`:                                {Line: 1, Col: 12, Text: "invalid matches argument"},
		`a.s == "` + strings.Repeat("x", 4096) + `"`:      {Line: 1, Col: 0, Text: "has more than 4096 characters"},
		`a.s.matches("` + strings.Repeat("x", 257) + `")`: {Line: 1, Col: 11, Text: "the pattern has 257 bytes, at most 256"},
	} {
		_, problems := c.Compile(text)
		require.Len(t, problems, 1, text)
		if len(text) < 4096 { // what is too long is not looked at
			_, fresh := c.Fresh(text)
			assert.Equal(t, fresh, problems)
		}
		assert.Equal(t, [2]int{want.Line, want.Col}, [2]int{problems[0].Line, problems[0].Col}, problems[0].Text)
		if want.Text != "" {
			assert.Contains(t, problems[0].Text, want.Text)
		}
	}
}

// Texts whose literals are spelled in unusual ways, or are no values, are compiled one by one.
func TestUnusualTextsHaveNoShape(t *testing.T) {
	for _, text := range []string{
		`a.s == r"x"`, `a.s == """x"""`, `a.s == "\x41"`, `a.i == 0x10`, `a.x == 1e3`, `a.s == "x" // why`, `a.l[0] == "x"`,
		`a.x == .5`, `a.b // why`, `matches(a.s, "x")`, `a.s + "x" == "yx"`, "a.s == '''\nx'''", `a.i == -9223372036854775808`, `1.0 < a.x || 5u == 5u`,
	} {
		c := newCompiler(t)
		_, problems := c.Compile(text)
		require.Empty(t, problems, text)
		shapes, texts := c.Shapes()
		assert.Equal(t, []int{0, 1}, []int{shapes, texts}, text)
	}
}

// The estimate of a shape holds for the longest literals that may take its places.
func TestCostHoldsForEveryTextOfAShape(t *testing.T) {
	c := newCompiler(t)
	short, problems := c.Compile(`"x".contains(a.s)`)
	require.Empty(t, problems)
	long, problems := c.Compile(`"` + strings.Repeat("x", 64) + `".contains(a.s)`)
	require.Empty(t, problems)
	assert.Equal(t, short.Cost(), long.Cost())
	longer, problems := c.Compile(`"` + strings.Repeat("x", 640) + `".contains(a.s)`)
	require.Empty(t, problems)
	assert.Greater(t, longer.Cost(), long.Cost())
}

// A shape is looked for in about a microsecond and without the parser.
func TestKnownShapeAllocatesLittle(t *testing.T) {
	c := newCompiler(t)
	_, problems := c.Compile(`a.s == "x" && a.i <= 5`)
	require.Empty(t, problems)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { c.Compile(`a.s == "y" && a.i <= 6`) }), 6.0)
}
