package expr_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

var evaluations = flag.Int("expr.evaluations", 200_000, "evaluations of generated conditions held against cel-go; a hundredth as many conditions")

func newCompiler(t testing.TB) *expr.Compiler {
	t.Helper()
	c, err := expr.NewCompiler(newTable(t), nil)
	require.NoError(t, err)
	return c
}

// show prints a frame for a message.
func show(f *expr.Frame) string {
	var out strings.Builder
	for i := range f.Table().Len() {
		s := expr.Slot(i)
		a := f.Table().Attr(s)
		var v any = "absent"
		switch {
		case f.Withheld(s):
			v = "withheld"
		case !f.Has(s):
		case a.Kind == expr.String:
			v, _ = f.String(s)
		case a.Kind == expr.Strings:
			v, _ = f.Strings(s)
		case a.Kind == expr.Int:
			v, _ = f.Int(s)
		case a.Kind == expr.Duration:
			v, _ = f.Duration(s)
		case a.Kind == expr.Time:
			v, _ = f.Time(s)
		case a.Kind == expr.Bool:
			v, _ = f.Bool(s)
		case a.Kind == expr.Double:
			v, _ = f.Double(s)
		}
		fmt.Fprintf(&out, "%s=%q ", a.Name, fmt.Sprint(v))
	}
	return out.String()
}

// Every generated condition has the value that cel-go gives it, in every generated frame.
func TestGeneratedConditionsAgreeWithCEL(t *testing.T) {
	n := *evaluations
	if testing.Short() {
		n = min(n, 20_000)
	}
	const frames = 100
	table := newTable(t)
	c, err := expr.NewCompiler(table, nil)
	require.NoError(t, err)
	g := newGen(rand.New(rand.NewPCG(1, 4)))
	f := table.NewFrame()
	var seen [4]int
	fallback, refused, differ := 0, 0, 0
	for range n / frames {
		text := g.truth(1 + g.pick(3))
		cond, problems := c.Compile(text)
		if problems != nil {
			refused++ // too long, too deep
			continue
		}
		if cond.Fallback() {
			fallback++
		}
		plainly := cond.PlainCEL()
		for range frames {
			g.frame(f)
			want := cond.Oracle(f)
			seen[want]++
			if got := cond.Eval(f); got != want {
				t.Fatalf("%s\nis %s, cel-go says %s\nin %s", text, got, want, show(f))
			}
			if plain := plainly(f); plain != want { // an operator came to NaN: that may lose a value, and changes none
				require.Contains(t, []expr.Truth{expr.Error, expr.Unknown}, want, "%s\nis %s without the rule on NaN\nin %s", text, plain, show(f))
				require.Regexp(t, `a\.x|a\.y|double|\d\.\d`, text)
				differ++
			}
		}
	}
	t.Logf("false %d, true %d, error %d, unknown %d; %d of %d conditions partly by cel-go, %d refused", seen[0], seen[1], seen[2], seen[3], fallback, n/frames, refused)
	for v, times := range seen {
		require.Greater(t, times, n/50, "too few are %s for a test", expr.Truth(v))
	}
	require.NotZero(t, differ)
	require.Less(t, differ, n/50, "only NaN may make a difference to CEL")
	require.Less(t, refused, n/frames/10)
	require.Less(t, fallback, n/frames/2)
}
