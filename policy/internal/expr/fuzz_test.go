package expr_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// FuzzAgreement draws a condition and a frame from bytes; the condition has the value that cel-go gives it, and so has
// the one that takes its shape.
func FuzzAgreement(f *testing.F) {
	for _, seed := range []string{"", "0", "condition", "\x01\x05\x03\x02\x09\x20\x60\x40\x11", "\x00\x02\x01\x0b\x07\x19\x33\x5a\x44\x02\x2f"} {
		f.Add([]byte(seed))
	}
	table := newTable(f)
	c := newCompilerFor(f, table)
	f.Fuzz(func(t *testing.T, data []byte) {
		g := genFromBytes(data)
		text := g.truth(1 + g.pick(3))
		cond, problems := c.Compile(text)
		if problems != nil {
			return
		}
		own, _ := c.Fresh(text)
		require.True(t, expr.Same(own, cond), text)
		frame := table.NewFrame()
		for range 4 {
			g.frame(frame)
			require.Equal(t, cond.Oracle(frame), cond.Eval(frame), "%s\nin %s", text, show(frame))
		}
	})
}

// FuzzCompile never panics, and what compiles agrees with cel-go in frames of all three kinds.
func FuzzCompile(f *testing.F) {
	for _, list := range forms {
		for _, text := range list {
			f.Add(text)
		}
	}
	for _, text := range []string{`a.l.exists_one(x, x in ["a", 'b'] && !(x.matches("^a")))`, `present(a.s) ? a.d + a.e > duration("1h") : a.now - a.end < a.d`,
		`a.x * 2.5 - -1.0 >= double(a.i % 7) && timestamp("2026-09-01T00:00:00Z").getHours() == 0`, "a.b && (", `has(a.s)`, `{"a": 1}`, "a.l.map(x, x + 'y').size() == 0"} {
		f.Add(text)
	}
	table := newTable(f)
	c := newCompilerFor(f, table)
	f.Fuzz(func(t *testing.T, text string) {
		cond, problems := c.Compile(text)
		if cond == nil {
			require.NotEmpty(t, problems)
			return
		}
		require.Empty(t, problems)
		own, _ := c.Fresh(text)
		require.True(t, expr.Same(own, cond), text)
		g := genFromBytes([]byte(text))
		frame := table.NewFrame()
		for range 3 {
			require.Equal(t, cond.Oracle(frame), cond.Eval(frame), "%s\nin %s", text, show(frame))
			g.frame(frame)
		}
		for _, clause := range cond.Clauses() {
			require.Equal(t, clause.Oracle(frame), clause.Eval(frame), clause.Text())
		}
	})
}
