package expr_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// What columns say of a frame, each condition says by itself.
func TestColumnsAgreeWithTheirConditions(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 2
	}
	table, c := newTable(t), newCompiler(t)
	f := table.NewFrame()
	var seen [4]int
	for seed := range rounds {
		conds := []*expr.Cond{nil}
		for i := range 300 {
			g := newGen(rand.New(rand.NewPCG(uint64(seed*1000+i/10), 1))) // ten texts in turn have one form
			text := g.truth(g.pick(3))
			if i%3 > 0 { // leaves, which generated conditions have few of
				text = strings.Join([]string{g.atom(0), g.atom(0), g.atom(0)}, " && ")
			}
			if cond, problems := c.Compile(reliteral(text, rand.New(rand.NewPCG(uint64(i), 2)))); problems == nil {
				conds = append(conds, cond)
			}
		}
		columns := expr.NewColumns(conds)
		require.Equal(t, len(conds), columns.Len())
		out := make([]expr.Truth, columns.Len())
		g := newGen(rand.New(rand.NewPCG(uint64(seed), 3)))
		for range 100 {
			g.frame(f)
			columns.Eval(f, out)
			require.Equal(t, expr.True, out[0])
			for i, cond := range conds[1:] {
				require.Equal(t, cond.Eval(f), out[i+1], "%s\nin %s", cond.Text(), show(f))
				seen[out[i+1]]++
			}
		}
	}
	for v, times := range seen {
		assert.Greater(t, times, rounds*100, "too few are %s for a test", expr.Truth(v))
	}
}
