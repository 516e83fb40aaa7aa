package expr_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
	"github.com/deeperpoint/csss/policy/internal/solve"
)

func treeCompiler(t testing.TB) *expr.Compiler {
	t.Helper()
	table, err := expr.NewTable([]expr.Attr{{Name: "a.i", Kind: expr.Int}, {Name: "a.j", Kind: expr.Int}, {Name: "a.s", Kind: expr.String},
		{Name: "a.l", Kind: expr.Strings}, {Name: "a.d", Kind: expr.Duration}, {Name: "a.t", Kind: expr.Time}, {Name: "a.b", Kind: expr.Bool},
		{Name: "a.f", Kind: expr.Double}})
	require.NoError(t, err)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	return c
}

func TestTreeRulesOutWhatCannotBe(t *testing.T) {
	c := treeCompiler(t)
	for text, want := range map[string]string{ // the values that are possible
		"true": "T", "false": "F", "1 < 2": "T", "'a' == 'b'": "F", "!(1 != 1)": "T",
		"a.i > 3 && a.i < 4": "F", "a.i > 3 && a.i < 5": "TF", "a.i >= 3 || 3 > a.i": "T", "a.i == 3 && 3 != a.i": "F",
		"a.i in [1, 2] && a.i > 2": "F", "!(a.i in [1, 2]) && a.i in [2]": "F",
		"a.i < a.j && a.j < a.i": "F", "a.i < a.j && a.i > 4 && a.j < 4": "F", "a.i == a.i": "T", "a.i <= a.j || a.j < a.i": "T",
		"a.f > 1.0 && a.f <= 1.0": "F", "a.f > 1.0 && a.f < 1.5": "TF",
		"a.d > duration('1h') && a.d < duration('30m')": "F", "a.d >= duration('60m') && a.d <= duration('1h')": "TF",
		"a.t < timestamp('2026-01-01T00:00:00Z') && a.t >= timestamp('2026-01-01T02:00:00+02:00')": "F",
		"a.s == 'x' && a.s == 'y'": "F", "a.s in ['x', 'y'] && a.s != 'x' && a.s != 'y'": "F", "a.s == 'x' && a.s in ['x', 'y']": "TF",
		"a.s.startsWith('ab') && !a.s.startsWith('a')": "F", "a.s == 'xy' && a.s.endsWith('x')": "F", "a.s == 'xy' && a.s.contains('y')": "TF",
		"a.s.matches('^[0-9]+$') && a.s == 'x1'": "F", "a.s.matches('1') && a.s == 'x1'": "TF",
		"'x' in a.l && !('x' in a.l)": "F", "'x' in a.l && !('y' in a.l)": "TF",
		"a.b && !a.b": "F", "a.b == true && a.b == false": "F", "a.b || a.b != true": "T", "a.b ? a.i > 1 : a.i > 1": "TF", "a.b ? a.b : !a.b": "T",
		"present(a.i) && !present(a.i)": "F", "a.i > 3 && !present(a.i)": "F", "present(a.i) || !present(a.i)": "T",
		"size(a.l) > 2 && !(size(a.l) > 2)": "F", "size(a.l) > 2 && size(a.l) < 2": "TF", // opaque: known by its words alone
		"a.l.exists(x, x == 'q') && !a.l.exists(x, x == 'q')": "F", "a.i + 1 > 2 && !present(a.i)": "F",
		"a.l.all(x, x != 'q') && !present(a.i)": "TF", "a.s < 'b' && a.s > 'c'": "TF",
	} {
		t.Run(text, func(t *testing.T) {
			_, problems := c.Compile(text)
			require.Empty(t, problems)
			n := c.Tree(text)
			var got strings.Builder
			for i, w := range []solve.Want{solve.True, solve.False} {
				if budget := solve.Budget(10_000); solve.Possible(&budget, solve.Goal{Node: n, Want: w}) {
					got.WriteString("TF"[i : i+1])
				}
			}
			assert.Equal(t, want, got.String())
		})
	}
}

func TestTreeOfNoConditionIsNil(t *testing.T) {
	assert.Nil(t, treeCompiler(t).Tree("a.i >"))
}

func TestTreeSpellsItsParts(t *testing.T) {
	n := treeCompiler(t).Tree("a.i>1&&( a.b||a.s=='x' )  && true")
	require.Len(t, n.Kids, 3, "nested conjunctions are one")
	assert.Equal(t, []string{"a.i > 1", `a.b || a.s == "x"`, "true"}, []string{n.Kids[0].Text, n.Kids[1].Text, n.Kids[2].Text})
}

// treeAtoms collide on the slots of treeFrames.
var treeAtoms = []string{"a.i > 0", "a.i == 1", "a.i != a.j", "1 >= a.i", "a.i in [0, 2]", "a.j < a.i", "a.s == 'x'", "a.s != 'y'", "a.s in ['x', 'z']",
	"a.s.startsWith('x')", "a.s.contains('z')", "'x' in a.l", "a.b", "a.b == false", "present(a.i)", "present(a.s)", "size(a.l) == 1", "a.i + a.j > 1",
	"a.l.exists(v, v == a.s)", "a.d < duration('2h')", "a.i / a.j > 0", "(a.b ? a.i > 0 : a.s == 'x')"}

// treeFrames is every combination of a few values, absent and withheld included.
func treeFrames(c *expr.Compiler) []*expr.Frame {
	table := c.Table()
	slot := func(name string) expr.Slot { s, _ := table.Lookup(name); return s }
	list := []*expr.Frame{table.NewFrame()}
	spread := func(name string, sets ...func(*expr.Frame, expr.Slot)) {
		var out []*expr.Frame
		for _, f := range list {
			for _, set := range append(sets, func(*expr.Frame, expr.Slot) {}, func(f *expr.Frame, s expr.Slot) { f.Withhold(s) }) {
				g := table.NewFrame()
				g.CopyFrom(f)
				set(g, slot(name))
				out = append(out, g)
			}
		}
		list = out
	}
	num := func(v int64) func(*expr.Frame, expr.Slot) {
		return func(f *expr.Frame, s expr.Slot) { f.SetInt(s, v) }
	}
	text := func(v string) func(*expr.Frame, expr.Slot) {
		return func(f *expr.Frame, s expr.Slot) { f.SetString(s, v) }
	}
	words := func(v ...string) func(*expr.Frame, expr.Slot) {
		return func(f *expr.Frame, s expr.Slot) { f.SetStrings(s, v) }
	}
	flag := func(v bool) func(*expr.Frame, expr.Slot) {
		return func(f *expr.Frame, s expr.Slot) { f.SetBool(s, v) }
	}
	spread("a.i", num(0), num(1), num(2))
	spread("a.j", num(0), num(1))
	spread("a.s", text("x"), text("y"), text("xz"))
	spread("a.l", words(), words("x"))
	spread("a.b", flag(true), flag(false))
	return list
}

var wantedTruths = map[solve.Want][]expr.Truth{solve.True: {expr.True}, solve.False: {expr.False},
	solve.NotTrue: {expr.False, expr.Error, expr.Unknown}, solve.NotFalse: {expr.True, expr.Error, expr.Unknown}}

// TestTreeNeverRulesOutWhatIs evaluates pairs of conditions on every frame: whatever two values they take together, the
// proofs must call possible.
func TestTreeNeverRulesOutWhatIs(t *testing.T) {
	c := treeCompiler(t)
	frames := treeFrames(c)
	var texts []string
	for i, a := range treeAtoms {
		b := treeAtoms[(i*7+3)%len(treeAtoms)]
		texts = append(texts, a, a+" && "+b, a+" || !("+b+")", "!("+a+" && !("+b+"))")
	}
	values := make([][]expr.Truth, len(texts))
	for i, text := range texts {
		cond, problems := c.Compile(text)
		require.Empty(t, problems, text)
		for _, f := range frames {
			values[i] = append(values[i], cond.Eval(f))
		}
	}
	proofs := 0
	for i := range texts {
		for j := i; j < len(texts); j += 1 + i%3 {
			seen := map[[2]expr.Truth]bool{}
			for k := range frames {
				seen[[2]expr.Truth{values[i][k], values[j][k]}] = true
			}
			for a, as := range wantedTruths {
				for b, bs := range wantedTruths {
					budget := solve.Budget(2000)
					if solve.Possible(&budget, solve.Goal{Node: c.Tree(texts[i]), Want: a}, solve.Goal{Node: c.Tree(texts[j]), Want: b}) {
						continue
					}
					proofs++
					for got := range seen {
						if slices.Contains(as, got[0]) && slices.Contains(bs, got[1]) {
							t.Fatalf("ruled out %s being %v and %s being %v", texts[i], got[0], texts[j], got[1])
						}
					}
				}
			}
		}
	}
	assert.Greater(t, proofs, 1000)
}
