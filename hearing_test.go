package csss_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
)

// A search asks the rules through filters, and decides as if it asked each.
func TestHearingDecidesAsEveryRuleAsked(t *testing.T) {
	p := inWorld(t)
	p.pickier(world.Build(world.Options{Stories: true}))
	needs, offers := 7, 9
	if testing.Short() {
		needs, offers = 15, 25
	}
	r := p.x.HearPairs(world.Opening(), needs, offers)
	t.Logf("%d pairs: %d permitted, %d refused, %d by the offer's own rules; %d exact filters", r.Pairs, r.Permitted, r.Refused, r.Own, r.Exact)
	assert.Empty(t, r.Differences)
	assert.Positive(t, r.Permitted)
	assert.Positive(t, r.Own)
	assert.Greater(t, r.Refused, r.Own, "some are refused by the asking side alone")
	assert.Positive(t, r.Exact)
	assert.Less(t, r.Exact, r.Filters, "some filters let through what must be decided")
}

// Where no rule asks for what a search does not know, its filters are exact, and
// nothing is decided at all.
func TestExactFiltersDecideAlone(t *testing.T) {
	w := plain(world.Build(world.Options{Firms: 80, Offers: 300}))
	p := open(t, csss.Config{K: 3, KPeople: 3}, nil)
	require.NoError(t, load(p.x, w))
	p.pickier(w)
	r := p.x.HearPairs(world.Opening(), 1, 3)
	t.Logf("%d pairs: %d permitted, %d refused", r.Pairs, r.Permitted, r.Refused)
	assert.Empty(t, r.Differences)
	assert.Positive(t, r.Permitted)
	assert.Positive(t, r.Own)
	assert.Greater(t, r.Refused, r.Own)
	assert.Equal(t, r.Filters, r.Exact)
}

// plain is the part of a world whose firms' rules read the request alone.
func plain(w *world.World) *world.World {
	beyond := map[string]bool{}
	for _, doc := range w.Policies {
		beyond[doc.Firm] = bytes.Contains(doc.Text, []byte("quotas:")) || bytes.Contains(doc.Text, []byte("walls:")) ||
			bytes.Contains(doc.Text, []byte("authority:"))
	}
	w.Firms = slices.DeleteFunc(w.Firms, func(f csss.Firm) bool { return beyond[f.ID] })
	w.Policies = slices.DeleteFunc(w.Policies, func(d csss.PolicyText) bool { return beyond[d.Firm] })
	w.Offers = slices.DeleteFunc(w.Offers, func(o csss.Publication) bool { return beyond[o.By.Firm] })
	w.Needs = slices.DeleteFunc(w.Needs, func(n csss.Registration) bool { return beyond[n.By.Firm] })
	w.Usage = slices.DeleteFunc(w.Usage, func(u world.UsageReport) bool { return beyond[u.By.Firm] })
	return w
}

// pickier gives every third firm of a world a rule more, of several kinds.
func (p *play) pickier(w *world.World) {
	p.Helper()
	rules := []string{
		`effect: forbid, actions: [match], when: 'request.distance_km > 300'`,
		`effect: forbid, actions: [summarise], when: 'price.rate > 12000'`,
		`effect: forbid, actions: [match, summarise], when: 'counterparty.trust < 0.6 && request.mode == "remote"'`,
		`effect: forbid, actions: [match], when: 'counterparty.region != "CA-ON"'`,
		`effect: forbid, actions: [match], when: 'counterparty.group == "none"'`,
	}
	for i, doc := range w.Policies {
		if i%3 != 0 {
			continue
		}
		var version int
		_, err := fmt.Sscanf(string(doc.Text[bytes.Index(doc.Text, []byte("version:")):]), "version: %d", &version)
		require.NoError(p, err)
		text := bytes.Replace(doc.Text, fmt.Appendf(nil, "version: %d", version), fmt.Appendf(nil, "version: %d", version+1), 1)
		text = bytes.Replace(text, []byte("\nrules:\n"), fmt.Appendf(nil, "\nrules:\n  - {id: pickier, categories: [machine, space, expertise, demand], %s}\n", rules[i/3%len(rules)]), 1)
		_, err = p.x.SetPolicy(p.Context(), csss.By{At: world.Opening()}, doc.Firm, doc.Name, text)
		require.NoError(p, err, string(text))
	}
}

// BenchmarkHearing asks about the offers of a search in the seeded world. What
// is asked in full pays for the filters too, which it does not use.
func BenchmarkHearing(b *testing.B) {
	s, err := storedWorld()
	require.NoError(b, err)
	x, err := csss.Open(b.Context(), csss.Config{Dir: s.dir})
	require.NoError(b, err)
	b.Cleanup(func() { _ = x.Close() })
	need := world.Build(world.Options{Stories: true}).Needs[0].Need.ID
	for _, n := range []int{0, 10, 100} {
		sieved, inFull, asked := x.HearingRun(need, n, world.Opening())
		b.Run(fmt.Sprintf("sieved=%d", asked), func(b *testing.B) {
			for b.Loop() {
				sieved()
			}
		})
		b.Run(fmt.Sprintf("in-full=%d", asked), func(b *testing.B) {
			for b.Loop() {
				inFull()
			}
		})
	}
}
