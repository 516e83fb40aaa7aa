package csss_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
)

// TestEachStageOpensItsFields: who it is with the reveal, how to reach them after
// the terms, and what the schema does not name never.
func TestEachStageOpensItsFields(t *testing.T) {
	s := world.K3Story2()
	p := inSmall(t, &s.World)
	p.run(secondShift(s), "")
	p.revealed(s.Vance.Firm, s.Requester.Firm)
	read := func(stage disclosure.Stage) disclosure.IdentityData {
		v, err := p.x.View(t.Context(), p.as(s.Requester), p.handles["demand"], stage)
		require.NoError(t, err)
		return v.Identity.Open()
	}
	who := read(disclosure.StageIdentity)
	assert.Equal(t, "Steelcrest Precision", who.LegalName)
	assert.Equal(t, "R. Vance", who.Contact)
	assert.NotEmpty(t, who.Street)
	assert.Empty(t, who.Email, "not before the terms")
	assert.Empty(t, who.Phone)
	engageSecondShift(p, s)
	who = read(disclosure.StageContact)
	assert.Equal(t, "vance@steelcrest-precision.example", who.Email)
	assert.NotEmpty(t, who.Phone)
	assert.Equal(t, "Steelcrest Precision", who.LegalName, "a later stage shows no less")
}
