package expr_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// eight is one rule of eight conditions, all true in eightFrame.
const eight = `a.s == "machine" && a.t in ["remote", "hybrid"] && a.i >= 9500 && a.j <= 60 && a.d <= duration("6h") && "as9100d" in a.l && a.u == "CAD" && a.b`

func eightFrame(t testing.TB, table *expr.Table) *expr.Frame {
	f := table.NewFrame()
	f.SetString(slot(t, table, "a.s"), "machine")
	f.SetString(slot(t, table, "a.t"), "hybrid")
	f.SetInt(slot(t, table, "a.i"), 12000)
	f.SetInt(slot(t, table, "a.j"), 46)
	f.SetDuration(slot(t, table, "a.d"), 5*time.Hour)
	f.SetStrings(slot(t, table, "a.l"), []string{"iso9001", "as9100d"})
	f.SetString(slot(t, table, "a.u"), "CAD")
	f.SetBool(slot(t, table, "a.b"), true)
	return f
}

func BenchmarkEightConditions(b *testing.B) {
	table := newTable(b)
	c := newCompilerFor(b, table)
	f := eightFrame(b, table)
	cond, problems := c.Compile(eight)
	require.Empty(b, problems)
	require.Equal(b, tt, cond.Eval(f))
	b.Run("csss", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			cond.Eval(f)
		}
	})
	b.Run("cel-go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			cond.Oracle(f)
		}
	})
	type request struct {
		s, t, u string
		i, j    int64
		d       time.Duration
		l       []string
		b       bool
	}
	r := &request{"machine", "hybrid", "CAD", 12000, 46, 5 * time.Hour, []string{"iso9001", "as9100d"}, true}
	b.Run("by hand", func(b *testing.B) {
		for b.Loop() {
			if !(r.s == "machine" && (r.t == "remote" || r.t == "hybrid") && r.i >= 9500 && r.j <= 60 && r.d <= 6*time.Hour &&
				slices.Contains(r.l, "as9100d") && r.u == "CAD" && r.b) {
				b.Fatal("false")
			}
		}
	})
}

func BenchmarkForms(b *testing.B) {
	table := newTable(b)
	c := newCompilerFor(b, table)
	f := eightFrame(b, table)
	for name, text := range map[string]string{
		"first false": `a.s == "person" && a.i > 3 && a.j < 5`,
		"disjunction": `a.t == "remote" || (a.t == "hybrid" && a.j <= 80)`,
		"arithmetic":  `a.i * 40 + a.j <= 1000000`,
		"loop":        `a.l.all(x, x.startsWith("as") || x.startsWith("iso"))`,
		"pattern":     `a.s.matches("^mach")`,
		"fallback":    `a.s + "s" == "machines"`,
		"present":     `present(a.s) && !present(a.now)`,
		"absent":      `a.i > 3 && a.k > 3`,
	} {
		cond, problems := c.Compile(text)
		require.Empty(b, problems)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cond.Eval(f)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	c := newCompiler(b)
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Fresh(eight)
		}
	})
	_, problems := c.Compile(eight)
	require.Empty(b, problems)
	texts := make([]string, 64)
	for i := range texts {
		texts[i] = fmt.Sprintf(`a.s == "machine%d" && a.t in ["remote", "hybrid"] && a.i >= %d && a.j <= 60 && a.d <= duration("6h") && "as9100d" in a.l && a.u == "CAD" && a.b`, i, 9000+i)
	}
	b.Run("shared", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			c.Compile(texts[i%64])
		}
	})
}
