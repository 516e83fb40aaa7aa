package disclosure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

// What looking settles is returned and not kept: nothing counts before it is
// installed, and asking again gives the same.
func TestLookingChangesNothing(t *testing.T) {
	s := summarizer(t, 3, additive()...)
	pry := viewer("Hamilton", "Pry")
	for range 2 {
		sum, _, err := s.Freeze("o-Rare", noon)
		require.NoError(t, err)
		assert.True(t, sum.News)
		_, fresh, err := s.For("o-Rare", pry, noon)
		require.NoError(t, err)
		assert.Len(t, fresh, 2, "the text and the place")
		ladder, err := s.Ladder("o-Rare", pry, noon)
		require.NoError(t, err)
		assert.Equal(t, fresh, ladder.Fresh)
		_, err = s.ConsentedSummary("o-Rare", pry, 3, "entry-1", noon)
		require.NoError(t, err)
		assert.Empty(t, s.Memory())
	}
	first, err := look(t, s, "o-Rare", pry)
	require.NoError(t, err)
	_, fresh, err := s.For("o-Rare", pry, noon)
	require.NoError(t, err)
	assert.Empty(t, fresh, "no news any more")
	assert.Len(t, s.Memory(), 2)

	for _, id := range []string{"o-WaterlooAM", "o-DonValley", "o-Border", "o-Micro"} {
		s.Remove(id)
	}
	gone, _, err := s.Freeze("o-Rare", noon)
	require.ErrorIs(t, err, disclosure.ErrTooRare)
	assert.True(t, gone.News && gone.Frozen.Withdrawn)
	ladder, err := s.Ladder("o-Rare", pry, noon)
	require.NoError(t, err)
	require.Equal(t, []disclosure.Frozen{gone.Frozen}, ladder.Fresh, "a withdrawal is to be logged whatever is shown")
	for _, l := range additive() {
		s.Put(l)
	}
	again, err := look(t, s, "o-Rare", pry)
	require.NoError(t, err)
	assert.Equal(t, first, again, "the withdrawal was never installed")
	require.NoError(t, s.Install(gone.Frozen))
	_, err = look(t, s, "o-Rare", pry)
	assert.ErrorIs(t, err, disclosure.ErrTooRare, "now it was")
}

// A credential is said and counted only while it is in force, whichever way the
// time is asked about.
func TestDatedFacts(t *testing.T) {
	const day = 24 * time.Hour
	certified := func(group string, from, until time.Time) disclosure.Listing {
		l := makino("Hamilton", group, "")
		delete(l.Facts, "credential")
		l.Dated = []disclosure.Dated{{Field: "credential", Term: "as9100d", From: from, Until: until}}
		return l
	}
	s := summarizer(t, 3, certified("a", time.Time{}, time.Time{}), certified("b", noon, noon.Add(10*day)),
		certified("c", noon.Add(-day), noon.Add(20*day)), certified("d", noon.Add(15*day), time.Time{}))
	text := func(id string, days int) string {
		sum, _, err := s.Freeze(id, noon.Add(time.Duration(days)*day))
		require.NoError(t, err)
		return sum.Text
	}
	const with, without = "five-axis, titanium, AS9100D", "five-axis, titanium"
	for _, days := range []int{0, 15, -1, 9, 10, 19, 14, 20, 0, 30, 0} {
		inForce := days >= 0 && days < 10 || days >= 15 && days < 20 // a, c and one of b and d
		want := without
		if inForce {
			want = with
		}
		assert.Equal(t, want, text("o-a", days), "a on day %d", days)
		if days >= 10 {
			assert.Equal(t, without, text("o-b", days), "b's is over on day %d", days)
		}
	}

	// An installed text goes when it stops being true, although others keep its class.
	_, _, err := freeze(t, s, "o-b")
	require.NoError(t, err)
	s.Put(certified("e", time.Time{}, time.Time{}))
	assert.Equal(t, with, text("o-a", 12))
	sum, _, err := s.Freeze("o-b", noon.Add(12*day))
	require.NoError(t, err)
	assert.Equal(t, without, sum.Text)
	require.True(t, sum.News)
	require.NoError(t, s.Install(sum.Frozen))
	assert.Equal(t, without, text("o-b", 0), "never finer again")

	s.Remove("o-c")
	s.Put(certified("c", noon.Add(100*day), time.Time{})) // put anew at another time
	assert.Equal(t, without, text("o-d", 14))
	assert.Equal(t, with, text("o-d", 16))
}
