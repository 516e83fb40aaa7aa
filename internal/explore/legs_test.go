package explore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/explore"
)

// TestEveryBundle: no leg is revealed, engaged or ended without the others.
func TestEveryBundle(t *testing.T) {
	for _, legs := range []int{2, 3} {
		limit := 0
		if testing.Short() {
			limit = 3000
		}
		r := explore.Legs(disclosure.Present(), legs, limit)
		clean(t, r)
		t.Logf("%d legs: %d states, %d commands accepted, %d rejected, all: %t", legs, r.States, r.Accepted, r.Rejected, !r.Interrupted)
		if !testing.Short() {
			assert.True(t, r.Phases[disclosure.Engaged])
			assert.False(t, r.Interrupted)
		}
	}
}

// TestBundleMutants: each guard that a bundle rests on is missed.
func TestBundleMutants(t *testing.T) {
	for _, id := range []string{"every-leg-ready", "another-leg-ended", "opt-ins-valid", "no-denial-stands", "hold-granted", "terms-by-both"} {
		m := disclosure.Present().Without(id)
		require.NotNil(t, m, id)
		r := explore.Legs(m, 2, 5000)
		if assert.NotEmpty(t, r.Violations, "without %s nothing breaks", id) {
			t.Logf("%-20s %.80s", id, r.Violations[0])
		}
	}
}

// TestLegsDoNotInterfere: a supplier cannot tell one bundle from another.
func TestLegsDoNotInterfere(t *testing.T) {
	limit := 3000
	if testing.Short() {
		limit = 500
	}
	r := explore.LegPairs(disclosure.Present(), limit)
	clean(t, r)
	t.Logf("%d pairs, %d commands accepted, %d rejected", r.States, r.Accepted, r.Rejected)
	assert.Equal(t, limit, r.States)
	assert.NotEmpty(t, explore.LegPairs(disclosure.Present().Without("at-a-slot"), 2000).Violations, "the pairs have teeth")
}
