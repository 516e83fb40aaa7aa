package disclosure_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

// TestCostliestFieldByHand counts, listing by listing and with facts instead of
// labels, how many employers fit the fullest text and each text with a field
// less.
func TestCostliestFieldByHand(t *testing.T) {
	fields := []string{"machine_type", "process", "credential", "shift"} // in the schema's order, one term a label
	terms := [][]string{{"5_axis", "cnc_lathe", "press_brake"}, {"turning", "milling", "edm"}, {"nadcap", "iso_9001"}, {"shift1", "shift2", "shift3"}}
	r := rand.New(rand.NewPCG(3, 3))
	ls := make([]disclosure.Listing, 150)
	for i := range ls {
		f := facts{}
		for j, name := range fields {
			f[name] = []string{terms[j][min(r.IntN(5), r.IntN(len(terms[j])))]}
		}
		ls[i] = at("Hamilton", fmt.Sprint("g", r.IntN(60)), f, nil)
		ls[i].ID = fmt.Sprint("o", i)
	}
	s := summarizer(t, 5, ls...)
	employers := func(l disclosure.Listing, without string) int {
		groups := map[string]bool{}
		for _, o := range ls {
			fits := true
			for _, name := range fields {
				fits = fits && (name == without || o.Facts[name][0] == l.Facts[name][0])
			}
			if fits {
				groups[o.Group] = true
			}
		}
		return len(groups)
	}
	for _, l := range ls {
		_, risk, err := s.Freeze(l.ID, noon)
		require.NoError(t, err)
		full := employers(l, "")
		best, costliest := full, ""
		for _, name := range fields {
			if n := employers(l, name); n > best {
				best, costliest = n, name
			}
		}
		require.Equal(t, full, risk.FullK, l.Facts)
		require.Equal(t, costliest, risk.Costliest, l.Facts)
	}
}
