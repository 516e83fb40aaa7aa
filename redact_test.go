package csss_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// sellerMarket is an exchange in memory with one firm that has a machine and a
// street.
func sellerMarket(t *testing.T) (*csss.Exchange, csss.By) {
	t.Helper()
	x, err := csss.Open(t.Context(), csss.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = x.Close() })
	in := seller("seller")
	in.Firms[0].Sites[0].Street = "1200 Quarry Industrial Parkway"
	in.Firms[0].Resources = []csss.Resource{{ID: "res-seller-7", Serial: "SN-4477-B"}, {ID: "lathe", Serial: "88123"}, {ID: "mill", Serial: "718"}}
	_, err = x.Import(t.Context(), csss.By{At: world.Opening()}, in)
	require.NoError(t, err)
	return x, csss.By{Firm: "seller", Person: "usr-seller", At: world.Opening()}
}

// named holds each thing that names a firm once: its name, a person's, a
// street of the register and another, ids and serials.
const named = `turning at Zephyrine, ask Nyquist, 1200 quarry industrial PARKWAY or 14 Old Mill Road, machine res-seller-7 of
	site-seller, sn 4477/b and 88123`

var names = []string{"zephyrine", "nyquist", "quarry", "old mill", "res-seller-7", "site-seller", "4477", "88123"}

func assertUnnamed(t *testing.T, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	for _, name := range names {
		assert.NotContains(t, strings.ToLower(string(text)), name)
	}
}

func TestRedactionKnowsTheRegister(t *testing.T) {
	x, by := sellerMarket(t)
	o := sellersOffer()
	o.Text = named
	_, err := x.Publish(t.Context(), by, o)
	require.NoError(t, err)
	got, err := x.Offer(by, o.ID)
	require.NoError(t, err)
	assertUnnamed(t, got.Text)
	assert.Equal(t, "turning at , ask , or , machine of , sn and", got.Text)
}

// Words of the trade, single words that happen to be an id, and numbers of
// three digits stay.
func TestRedactionKeepsWhatNamesNobody(t *testing.T) {
	x, by := sellerMarket(t)
	o := sellersOffer()
	o.Text = "lathe and mill, Inconel 718, 5 axis parkway lights, quarry machines, 50 hours of 6061"
	_, err := x.Publish(t.Context(), by, o)
	require.NoError(t, err)
	got, err := x.Offer(by, o.ID)
	require.NoError(t, err)
	assert.Equal(t, o.Text, got.Text)
}

// Terms are matched, and some are shown, by the word: one that holds a name is
// left out whole, and the caller's own value is not touched.
func TestRedactionOfTerms(t *testing.T) {
	x, by := sellerMarket(t)
	o := sellersOffer()
	o.Topics = []string{"turning", "zephyrine_turning"}
	o.Properties = map[string]match.Property{"process": match.Terms("turning", "88123"), "material": match.Terms("zephyrine alloy")}
	o.Evidence = []match.Evidence{{Year: 2024, Terms: []string{"nyquist's problem", "chatter"}}}
	_, err := x.Publish(t.Context(), by, o)
	require.NoError(t, err)
	got, err := x.Offer(by, o.ID)
	require.NoError(t, err)
	assertUnnamed(t, got.Topics)
	assertUnnamed(t, got.Properties)
	assertUnnamed(t, got.Evidence)
	assert.Equal(t, []string{"turning"}, got.Topics)
	assert.Equal(t, map[string]match.Property{"process": match.Terms("turning")}, got.Properties)
	assert.Equal(t, []string{"chatter"}, got.Evidence[0].Terms)
	assert.Len(t, o.Properties, 2)
	assert.Equal(t, []string{"nyquist's problem", "chatter"}, o.Evidence[0].Terms)

	n := match.Need{ID: "need", Kind: match.MachineCapacity, Category: "machine.capacity", Governance: "demand.machining", Currency: "CAD",
		Text: named, Topics: []string{"turning", "ask zephyrine"}, From: by.At, Until: by.At.AddDate(0, 1, 0),
		Quantity: match.Quantity{Unit: match.Hours, Value: match.Hour},
		Requires: []match.Requirement{{Property: "process", Op: match.AnyOf, Terms: []string{"turning", "res-seller-7"}},
			{Property: "material", Op: match.Includes, Terms: []string{"zephyrine"}}, {Property: "spindle_speed", Op: match.AtLeast, Value: 1, Unit: "rpm"}}}
	_, err = x.Register(t.Context(), by, n)
	require.NoError(t, err)
	need, err := x.Need(by, n.ID)
	require.NoError(t, err)
	assertUnnamed(t, []any{need.Text, need.Topics, need.Requires})
	assert.Len(t, need.Requires, 2)
	assert.Equal(t, []string{"turning"}, need.Requires[0].Terms)
}
