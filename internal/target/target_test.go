package target_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure/redteam"
	"github.com/deeperpoint/csss/internal/target"
)

// The attackers against the exchange at its defaults.
func TestExchangeHolds(t *testing.T) {
	probes := 3000
	if testing.Short() {
		probes = 800
	}
	for _, a := range redteam.Attackers() {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			o := &redteam.Options{Attackers: []redteam.Attacker{a}, Probes: probes}
			scores, err := redteam.Run(t.Context(), &target.Exchange{Firms: 30, Offers: 60}, o)
			require.NoError(t, err)
			t.Log(scores[0], scores[0].Seconds)
			for _, n := range scores[0].Notes {
				t.Log(n)
			}
			assert.Zero(t, scores[0].Violations)
		})
	}
}
