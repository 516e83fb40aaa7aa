package explore_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/explore"
)

func TestFacilitatorTableIsTotal(t *testing.T) {
	rows := disclosure.Facilitators().Table()
	assert.Len(t, rows, len(disclosure.FacilitatorPhases())*len(disclosure.FacilitatorKinds()))
	for _, r := range rows {
		assert.NotEmpty(t, r.Reason, "%s %s", r.Phase, r.Kind)
		assert.NotEmpty(t, r.By, "%s %s", r.Phase, r.Kind)
		if r.Phase == disclosure.FacilitatorGone {
			assert.False(t, r.Allowed, "%s is final", r.Phase)
		}
	}
	for _, k := range disclosure.FacilitatorKinds() {
		assert.False(t, slices.Contains(disclosure.Kinds(), k), "%s names two commands", k)
	}
}

func TestEveryFacilitator(t *testing.T) {
	r := explore.Facilitators(disclosure.Facilitators())
	clean(t, r)
	t.Logf("%d states, %d commands accepted, %d rejected", r.States, r.Accepted, r.Rejected)
}

func TestFacilitatorsDoNotInterfere(t *testing.T) {
	r := explore.FacilitatorPairs(disclosure.Facilitators())
	clean(t, r)
	t.Logf("%d pairs, %d commands accepted, %d rejected", r.States, r.Accepted, r.Rejected)
}

// TestFacilitatorMutants: each guard that a promise rests on is missed. The
// others refuse what is malformed, or stand behind another guard: a vote lapses
// with the invitation, so "before-lapse" holds wherever "both-employers-consent"
// does.
func TestFacilitatorMutants(t *testing.T) {
	for _, id := range []string{"session-open", "present-stage", "both-parties-consent", "both-employers-consent", "nobody-denies"} {
		m := disclosure.Facilitators().Without(id)
		require.NotNil(t, m, id)
		r := explore.Facilitators(m)
		if assert.NotEmpty(t, r.Violations, "without %s nothing breaks", id) {
			t.Logf("%-24s %.70s", id, r.Violations[0])
		}
	}
	assert.Nil(t, disclosure.Facilitators().Without("no such guard"))
}
