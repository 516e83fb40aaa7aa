package csss_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/match"
)

// The trail's words tell a revision from a publication, and a hold that time
// has ended from one that somebody gave back.
func TestTrailTellsRevisionsAndLapses(t *testing.T) {
	var kinds []string
	d := newDeal(t, csss.Config{Events: func(kind string) { kinds = append(kinds, kind) }})
	d.must(d.loading()...)
	o, err := d.x.Offer(d.s.Vance.At(d.at), d.s.Offer)
	require.NoError(t, err)
	kinds = nil
	_, err = d.x.Revise(background, d.s.Vance.At(d.at), o)
	require.NoError(t, err)
	assert.Equal(t, []string{"offer.revised"}, kinds)

	d.must(d.meeting()...)
	d.must(d.consents()...)
	steps := func() (names []string) {
		tr, err := d.x.Trail(background, d.s.Vance.At(d.at), d.supply)
		require.NoError(t, err)
		for _, s := range tr.Steps {
			names = append(names, s.Name)
		}
		return names
	}
	require.Contains(t, steps(), "hold.provisional")
	_, err = d.x.Tick(background, d.at.Add(90*24*time.Hour))
	require.NoError(t, err)
	assert.Contains(t, steps(), "hold.expired")
	assert.NotContains(t, steps(), "hold.released")
	left, err := d.x.Remaining(d.s.Vance.At(d.at), d.s.Offer)
	require.NoError(t, err)
	assert.Greater(t, left, match.Amount(0))

	live, err := d.x.Digest()
	require.NoError(t, err)
	again, err := d.x.Replay(background)
	require.NoError(t, err)
	assert.Equal(t, live, again)
	assert.False(t, slices.Contains(kinds, "offer.published"), "nothing was published since")
}
