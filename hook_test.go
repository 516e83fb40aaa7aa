package csss_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
)

// A hook that panics, in a host that recovers, leaves the exchange whole: the
// batch is durable and folded, and the next step goes on from there.
func TestPanickingHookLeavesNothingHalfDone(t *testing.T) {
	s := world.K3Story2()
	bad := false
	p := open(t, csss.Config{K: 3, KPeople: 3, Events: func(string) {
		if bad {
			bad = false
			panic("the host's own")
		}
	}}, nil)
	bad = true
	assert.Panics(t, func() { _ = load(p.x, &s.World) })
	p.isFold()
	require.NoError(t, load(p.x, &s.World), "the import goes on where it stopped")
	p.isFold()
}
