package match_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/match"
)

func TestAmountsAreCutAtTheEndsOfTheRange(t *testing.T) {
	most := match.Amount(math.MaxInt64)
	assert.Equal(t, 90*time.Minute, match.Amount(1500).Duration())
	assert.Equal(t, -90*time.Minute, match.Amount(-1500).Duration())
	last := match.AmountOf(math.MaxInt64)
	assert.Equal(t, last, match.AmountOf(last.Duration()))
	for _, a := range []match.Amount{last + 1, match.MaxAmount, 1 << 62, most} {
		assert.Equal(t, time.Duration(math.MaxInt64), a.Duration(), "%d", a)
		assert.Equal(t, time.Duration(math.MinInt64), (-a).Duration(), "%d", -a)
	}
	assert.Equal(t, match.Amount(5), match.Amount(7).Plus(-2))
	assert.Equal(t, most, most.Plus(1))
	assert.Equal(t, most, match.Amount(1<<62).Plus(1<<62))
	assert.Equal(t, match.Amount(math.MinInt64), (-most).Plus(-2))
	assert.Equal(t, match.Amount(-1), most.Plus(math.MinInt64))
}
