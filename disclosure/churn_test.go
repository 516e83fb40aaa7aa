package disclosure_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

// TestChurnLeavesNoTrace compares a summarizer that saw listings come, change,
// go and come back, and time pass both ways, with one that got them at once.
func TestChurnLeavesNoTrace(t *testing.T) {
	ls := province(600, 120, 5)
	r := rand.New(rand.NewPCG(5, 5))
	old := summarizer(t, 5)
	live := map[string]disclosure.Listing{}
	for range 4000 {
		l := ls[r.IntN(len(ls))]
		switch r.IntN(4) {
		case 0:
			old.Remove(l.ID)
			delete(live, l.ID)
		case 1:
			other := ls[r.IntN(len(ls))]
			other.ID = l.ID // moved, sold, refitted
			l = other
			fallthrough
		default:
			old.Put(l)
			live[l.ID] = l
		}
		if r.IntN(20) == 0 {
			_, _, _ = old.Freeze(l.ID, noon.Add(time.Duration(r.IntN(2*365*24))*time.Hour))
		}
	}
	for _, at := range []time.Time{noon.AddDate(1, 0, 0), noon, noon.AddDate(2, 0, 0)} {
		fresh := summarizer(t, 5)
		for _, l := range live {
			fresh.Put(l)
		}
		for id := range live {
			want, risk, err := fresh.Freeze(id, at)
			got, gotRisk, gotErr := old.Freeze(id, at)
			require.Equal(t, err, gotErr)
			require.Equal(t, want, got)
			require.Equal(t, risk, gotRisk)
			shown, _, err := fresh.For(id, viewer("Guelph", "v"), at)
			gotShown, _, gotErr := old.For(id, viewer("Guelph", "v"), at)
			require.Equal(t, err, gotErr)
			require.Equal(t, shown, gotShown)
		}
	}
}

// TestRemoteIsCounted: an expert who alone works remotely is not given away.
func TestRemoteIsCounted(t *testing.T) {
	ls := experts()
	s := summarizer(t, 3, ls...)
	seen, err := look(t, s, "o-Holloway", viewer("Guelph", "Northgate"))
	require.NoError(t, err)
	require.Equal(t, "≤ 60 km or remote", seen.Place)
	for _, l := range ls[1:] {
		l.Remote = false
		s.Put(l)
	}
	for range 2 {
		seen, err = look(t, s, "o-Holloway", viewer("Guelph", "Northgate"))
		require.NoError(t, err)
		assert.Equal(t, "≤ 60 km", seen.Place)
		for _, l := range ls {
			s.Put(l) // all remote again: once unsaid, it stays unsaid
		}
	}
}
