package csss_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/embed/lexical"
	"github.com/deeperpoint/csss/internal/world"
)

const mayLeave = `rules:
  - {id: out, effect: permit, actions: [process_externally], categories: [demand, equipment, expertise, machine, space],
     when: 'context.destination == "vectors.example"', approval: auto}`

// TestTextLeavesOnlyWhereRulesPermit: with an embedder elsewhere a listing is
// refused, unheard, unless its firm's rules permit that very service; and what
// the rules stop permitting is not sent again.
func TestTextLeavesOnlyWhereRulesPermit(t *testing.T) {
	s := world.K3Story1()
	words, err := lexical.New(nil)
	require.NoError(t, err)
	heard := &listener{Embedder: words}
	elsewhere := csss.Config{K: 3, KPeople: 3, Embedder: heard, External: "vectors.example"}

	var denied *csss.DeniedError
	require.ErrorAs(t, load(open(t, elsewhere, s.Canaries()).x, &s.World), &denied, "no rule says that text may leave")
	assert.Equal(t, "default-deny", denied.Reasons[0].Rule)
	assert.Empty(t, heard.texts())

	for i := range s.Policies {
		s.Policies[i].Text = []byte(strings.Replace(string(s.Policies[i].Text), "rules:", mayLeave, 1))
	}
	other := elsewhere
	other.External = "elsewhere.example"
	require.ErrorAs(t, load(open(t, other, s.Canaries()).x, &s.World), &denied, "the rules name another service")
	assert.Empty(t, heard.texts())

	dir := t.TempDir()
	elsewhere.Dir = dir
	p := open(t, elsewhere, s.Canaries())
	require.NoError(t, load(p.x, &s.World))
	p.now = s.Registered()
	require.Len(t, p.ask(s.Petrov, s.Need), 1)
	offer, err := p.x.Offer(p.as(s.Expert), s.E1.Offer)
	require.NoError(t, err)
	sent := func() bool {
		return slices.ContainsFunc(heard.texts(), func(text string) bool { return strings.HasPrefix(text, offer.Text) })
	}
	require.True(t, sent())

	_, err = p.newRules(s, s.Expert, `"vectors.example"`, `"elsewhere.example"`, "version: 3", "version: 4")
	require.NoError(t, err)
	require.NoError(t, p.x.Close())
	heard.forget()
	open(t, elsewhere, s.Canaries())
	assert.NotEmpty(t, heard.texts(), "other firms' offers are indexed again")
	assert.False(t, sent(), "this firm's are not")
}

func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = nil
}
