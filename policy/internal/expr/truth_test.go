package expr_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

const (
	tt = expr.True
	ff = expr.False
	ee = expr.Error
	uu = expr.Unknown
)

var truths = []expr.Truth{tt, ff, ee, uu}

// The tables of the package comment.
func TestTruthTables(t *testing.T) {
	and := [4][4]expr.Truth{{tt, ff, ee, uu}, {ff, ff, ff, ff}, {ee, ff, ee, uu}, {uu, ff, uu, uu}}
	or := [4][4]expr.Truth{{tt, tt, tt, tt}, {tt, ff, ee, uu}, {tt, ee, ee, uu}, {tt, uu, uu, uu}}
	not := [4]expr.Truth{ff, tt, ee, uu}
	for i, a := range truths {
		assert.Equal(t, not[i], expr.Not(a), "!%s", a)
		for j, b := range truths {
			assert.Equal(t, and[i][j], expr.And(a, b), "%s && %s", a, b)
			assert.Equal(t, or[i][j], expr.Or(a, b), "%s || %s", a, b)
		}
	}
}

func TestTruthIsLogic(t *testing.T) {
	for _, a := range truths {
		assert.Equal(t, a, expr.Not(expr.Not(a)))
		for _, b := range truths {
			assert.Equal(t, expr.And(a, b), expr.And(b, a))
			assert.Equal(t, expr.Or(a, b), expr.Or(b, a))
			assert.Equal(t, expr.Not(expr.And(a, b)), expr.Or(expr.Not(a), expr.Not(b)))
			for _, c := range truths {
				assert.Equal(t, expr.And(expr.And(a, b), c), expr.And(a, expr.And(b, c)))
				assert.Equal(t, expr.Or(expr.Or(a, b), c), expr.Or(a, expr.Or(b, c)))
			}
		}
	}
	assert.Equal(t, []string{"false", "true", "error", "unknown"},
		[]string{ff.String(), tt.String(), ee.String(), uu.String()})
	assert.Equal(t, tt, expr.Of(true))
	assert.Equal(t, ff, expr.Of(false))
}
