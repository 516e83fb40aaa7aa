package match_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/deeperpoint/csss/match"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzPair reads an offer and a need from JSON: whatever they say, gates and
// plans answer without a panic, agree with each other, and what is planned can
// be held.
func FuzzPair(f *testing.F) {
	add := func(o match.Offer, n match.Need) {
		oj, err := json.Marshal(o)
		if err != nil {
			f.Fatal(err)
		}
		nj, err := json.Marshal(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(oj, nj)
	}
	add(steelcrest(), gridline())
	add(guidance(), client("Stratford", "2026-09-28", 3))
	add(annex(), floorspace("n", 120_003, "2026-10-05", "2026-12-14"))
	add(experts()[0], ceramics())
	f.Fuzz(func(t *testing.T, oj, nj []byte) {
		var o match.Offer
		var n match.Need
		if json.Unmarshal(oj, &o) != nil || json.Unmarshal(nj, &n) != nil || o.Units > 20 {
			return
		}
		results := match.CheckGates(&n, &o, env())
		if o.Validate() != nil || n.Validate() != nil {
			if got := failed(results); len(got) != 1 || got[0] != "valid" {
				t.Fatalf("invalid input gave %v", got)
			}
			return
		}
		b := match.NewBook()
		p, err := b.Plan(&o, &n, autumn)
		passed := map[string]bool{}
		for _, r := range results {
			passed[r.Gate] = r.Passed
		}
		fits := passed["window"] && passed["quantity"]
		if fits != (err == nil) {
			t.Fatalf("gates say %v, the plan %v", fits, err)
		}
		if err != nil {
			if !errors.Is(err, match.ErrNoCapacity) {
				t.Fatal(err)
			}
			return
		}
		if err := b.Place(&o, hold("h", &o, p)); err != nil {
			t.Fatalf("%+v cannot be held: %v", p, err)
		}
	})
}

func TestHorizon(t *testing.T) {
	o := steelcrest()
	start, end, ok := o.Horizon()
	require.True(t, ok)
	assert.Equal(t, local("2026-09-14T16:00").UTC(), start.UTC())
	assert.Equal(t, local("2026-10-23T00:30").UTC(), end.UTC())
	o = guidance()
	_, _, ok = o.Horizon()
	assert.False(t, ok)
	o.Expires = local("2027-07-01T00:00")
	_, end, ok = o.Horizon()
	assert.True(t, ok)
	assert.Equal(t, o.Expires, end)
	o.Zone = ""
	_, _, ok = o.Horizon()
	assert.False(t, ok)
}
