package csss_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure/terms"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
)

// What a Config holds that cannot work is found when the exchange is opened,
// not in the middle of a session.
func TestOpenChecksItsConfig(t *testing.T) {
	for field, cfg := range map[string]csss.Config{
		"config.k":        {K: 2},
		"config.k_people": {KPeople: -1},
		"config.budget":   {Budget: -1},
		"config.window":   {Window: -time.Hour},
		"config.deadline": {Deadline: -1},
		"config.slot":     {Slot: -1},
		"config.grace":    {Grace: -1},
		"config.expiry":   {Expiry: time.Hour},
		"config.store":    {Dir: "anywhere", Store: ledger.NewMemoryStore()},
		"config.terms": {Terms: slices.DeleteFunc(terms.Standard(), func(t terms.Template) bool {
			return t.ID == "consult-v1"
		})},
	} {
		_, err := csss.Open(t.Context(), cfg)
		var bad *csss.InputError
		require.ErrorAs(t, err, &bad, field)
		assert.Equal(t, field, bad.Field)
	}
	x, err := csss.Open(t.Context(), csss.Config{K: 2, KPeople: 2, UnsafeK: true})
	require.NoError(t, err)
	require.NoError(t, x.Close())
}

// seller is a firm that may publish and match anything of one category.
func seller(id string) csss.Import {
	return csss.Import{
		Firms: []csss.Firm{{ID: id, LegalName: "Zephyrine " + id, Country: "Ontario",
			Sites:  []csss.Site{{ID: "site-" + id, City: "Hamilton", Region: "hamilton_niagara", Zone: world.Zone}},
			People: []csss.Person{{ID: "usr-" + id, Name: "A. Nyquist", Roles: []string{"owner"}}}}},
		Policies: []csss.PolicyText{{Firm: id, Name: id + ".yaml", Text: []byte(`
apiVersion: csss.policy/v1
employer: ` + id + `
version: 1
zone: America/Toronto
rules:
  - {id: all, effect: permit, actions: [publish, register, match], categories: [machine.capacity, demand.machining], approval: auto}
`)}},
	}
}

func sellersOffer() match.Offer {
	return match.Offer{ID: "offer", Resource: "lathe", Kind: match.MachineCapacity, Category: "machine.capacity", Text: "turning",
		Currency: "CAD", Quantity: match.Quantity{Unit: match.Hours, Value: match.Hour}}
}

// One exchange writes a ledger at a time: one that another has overtaken
// refuses every step from then on, and opened again it knows the other's.
func TestOvertakenExchangeRefuses(t *testing.T) {
	store := ledger.NewMemoryStore()
	first, err := csss.Open(t.Context(), csss.Config{Store: store})
	require.NoError(t, err)
	second, err := csss.Open(t.Context(), csss.Config{Store: store})
	require.NoError(t, err)
	in := seller("seller")
	_, err = first.RegisterFirm(t.Context(), csss.By{}, in.Firms[0])
	require.NoError(t, err)
	for range 2 {
		_, err = second.RegisterFirm(t.Context(), csss.By{}, seller("another").Firms[0])
		require.ErrorIs(t, err, ledger.ErrPoisoned)
	}
	again, err := csss.Open(t.Context(), csss.Config{Store: store})
	require.NoError(t, err)
	_, err = again.RegisterFirm(t.Context(), csss.By{}, in.Firms[0])
	require.ErrorIs(t, err, csss.ErrExists)
}

// An entry that this program cannot read is not skipped.
func TestOpenRefusesAnUnreadableEntry(t *testing.T) {
	store := ledger.NewMemoryStore()
	log, err := ledger.Open(t.Context(), store, nil)
	require.NoError(t, err)
	_, err = log.Append(t.Context(), ledger.Append{Stream: "firm/seller", Type: "firm.dissolved", Key: "k", Payload: []byte("{}"), Time: world.Opening()})
	require.NoError(t, err)
	_, err = csss.Open(t.Context(), csss.Config{Store: store})
	require.ErrorContains(t, err, "firm.dissolved")
}
