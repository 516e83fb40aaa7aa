package celgo_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/celgo"
	"github.com/deeperpoint/csss/examples/bench/rules"
)

func TestBothDecideAsTheRulesMean(t *testing.T) {
	w := rules.New(60, 60, 1)
	for i := range w.Rules { // so that forbids meet permits
		if w.Rules[i].Forbid {
			w.Rules[i].Category = w.Rules[i-1].Category
			w.Rules[i].When = w.Rules[i].When[:2]
		}
	}
	want, denied := make([]bool, len(w.Requests)), 0
	for i := range w.Requests {
		want[i] = w.Allowed(&w.Requests[i])
		if !want[i] {
			denied++
		}
	}
	assert.Greater(t, denied, 50)
	assert.Less(t, denied, 450)
	for name, loader := range map[string]rules.Loader{"linear": celgo.Linear, "indexed": celgo.Indexed} {
		r, err := rules.Open(w, loader)
		require.NoError(t, err)
		assert.Equal(t, want, r.Report().Allowed, name)
		assert.Positive(t, r.Report().LoadMS)
		assert.Positive(t, r.Report().Allocs)
	}
}
