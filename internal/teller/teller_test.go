package teller_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/teller"
)

// A story stops at the first step that is not as told.
func TestTellStopsAtTheFirstStepNotAsTold(t *testing.T) {
	var out bytes.Buffer
	story := &teller.Teller{Ctx: t.Context(), Out: &out}
	err := story.Tell(csss.Config{},
		func() error { story.Head("Nothing yet."); return story.Ledger() },
		func() error { return teller.Told(2+2 == 5, "the sum is %d", 2+2) },
		func() error { return errors.New("went on") })
	require.ErrorIs(t, err, teller.ErrNotAsTold)
	assert.EqualError(t, err, "not as told: the sum is 4")
	assert.Equal(t, "\n2026-09-01 09:00  Nothing yet.\n  0 entries verify; replayed from the first, they give the same state.\n", out.String())
	_, err = story.X.RecordComparables(t.Context(), csss.By{}, "expertise", 10000)
	assert.ErrorContains(t, err, "closed")
}

func TestWords(t *testing.T) {
	assert.Equal(t, "2.5", teller.Hours(2500))
	assert.Equal(t, "CAD 1650.05", teller.Money(165005))
}
