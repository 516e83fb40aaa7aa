package attack_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/redteam"
	"github.com/deeperpoint/csss/internal/attack"
	"github.com/deeperpoint/csss/internal/world"
)

// seeded is read, and changed by nobody. Short tests look for whom an eighth of
// the needs could meet; what is listed and who looks is the same.
var seeded = sync.OnceValue(func() redteam.Directory {
	w := world.Build(world.Options{Seed: 1, Stories: true})
	if testing.Short() {
		w.Needs = w.Needs[:len(w.Needs)/8]
	}
	return attack.Of(w, world.Opening())
})

func TestWhatTheGuardCosts(t *testing.T) {
	m := seeded()
	require.Greater(t, len(m.Feasible), 100)
	for _, o := range []*disclosure.SummaryOptions{{K: 3, KPeople: 3}, nil, {K: 11, KPeople: 11}} {
		loss, err := redteam.Lose(m, o)
		require.NoError(t, err)
		t.Logf("%+v: %.3f lost without the ladder, %.3f with", loss, loss.Without(), loss.With())
		assert.Equal(t, loss.Feasible, loss.Text+loss.Fit+loss.Willing+loss.Hidden)
		if o == nil {
			assert.LessOrEqual(t, loss.Without(), 0.10)
			assert.LessOrEqual(t, loss.With(), 0.10)
		}
	}
}

func TestInformedReader(t *testing.T) {
	m := seeded()
	sessions := 10_000
	ks := []int{2, 3, 5, 11, 20}
	if testing.Short() {
		sessions, ks = 2000, []int{5, 11}
	}
	for _, k := range ks {
		got, err := redteam.Identify(m, &disclosure.SummaryOptions{K: k, KPeople: k, AllowUnsafe: true}, sessions, 1)
		require.NoError(t, err)
		t.Logf("%+v", got)
		assert.GreaterOrEqual(t, got.LeastFit, k, "every session fits k employers, the viewer left out")
		assert.LessOrEqual(t, got.Fit, got.Bound)
		assert.GreaterOrEqual(t, got.Kept, 0.95)
	}
}
