package csss_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// A ledger that is opened with another Window holds the same: an answer stands
// as long as it was given for.
func TestReopeningWithAnotherWindowRewritesNothing(t *testing.T) {
	for _, c := range []struct {
		first, second time.Duration
		candidates    int
	}{
		{30 * 24 * time.Hour, time.Hour, 0},
		{time.Hour, 30 * 24 * time.Hour, 1},
	} {
		cfg := csss.Config{Dir: t.TempDir(), Window: c.first}
		d := newDeal(t, cfg)
		d.must(d.loading()...)
		low := d.s.Need
		low.ID, low.Ceiling = low.ID+"-low", match.NewBound(1000)
		ask := func(n match.Need) int {
			_, err := d.x.Register(background, d.s.Requester.At(d.at), n)
			require.NoError(t, err)
			m, err := d.x.Match(background, d.s.Requester.At(d.at), n.ID)
			require.NoError(t, err)
			return len(m.Candidates)
		}
		require.Zero(t, ask(low), "the price gate says no")
		was := d.digest()
		require.NoError(t, d.x.Close())

		cfg.Window = c.second
		d.open(cfg)
		assert.Equal(t, was, d.digest())
		d.at = d.at.Add(2 * time.Hour)
		assert.Equal(t, c.candidates, ask(d.s.Need), "answered for %v, asked again after 2 h under %v", c.first, c.second)
		require.NoError(t, d.x.Close())
	}
}

// Rules that read an attribute of the host's are not dropped in silence when
// the schema lacks it.
func TestOpenReportsRulesThatDoNotCompile(t *testing.T) {
	wide, err := policy.NewSchema(policy.Attr("resource.hazard", policy.KindInt))
	require.NoError(t, err)
	cfg := csss.Config{Dir: t.TempDir(), Schema: wide}
	x, err := csss.Open(t.Context(), cfg)
	require.NoError(t, err)
	in := seller("seller")
	_, err = x.RegisterFirm(t.Context(), csss.By{}, in.Firms[0])
	require.NoError(t, err)
	set := func(version, when string) {
		t.Helper()
		_, err := x.SetPolicy(t.Context(), csss.By{}, "seller", "seller.yaml", []byte(`
apiVersion: csss.policy/v1
employer: seller
version: `+version+`
zone: America/Toronto
rules:
  - {id: all, effect: permit, actions: [publish], categories: [machine.capacity], approval: auto, when: '`+when+`'}
`))
		require.NoError(t, err)
	}
	set("1", "resource.hazard < 3")
	was := digestOf(t, x)
	require.NoError(t, x.Close())

	cfg.Schema = nil
	_, err = csss.Open(t.Context(), cfg)
	var broken *csss.RulesError
	require.ErrorAs(t, err, &broken)
	assert.Equal(t, "seller", broken.Firm)
	assert.Equal(t, 1, broken.Version)
	assert.NotContains(t, err.Error(), "seller")
	var why *policy.Errors
	assert.ErrorAs(t, err, &why)

	cfg.Schema = wide
	x, err = csss.Open(t.Context(), cfg)
	require.NoError(t, err)
	assert.Equal(t, was, digestOf(t, x))
	set("2", "true")
	require.NoError(t, x.Close())
	cfg.Schema = nil
	x, err = csss.Open(t.Context(), cfg)
	require.NoError(t, err, "only the rules in force count")
	require.NoError(t, x.Close())
}

func digestOf(t *testing.T, x *csss.Exchange) disclosure.Digest {
	t.Helper()
	d, err := x.Digest()
	require.NoError(t, err)
	return d
}
