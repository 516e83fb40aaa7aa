package csss_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
)

// Whoever reads the ledger sees which rules replaced which, as one chain per
// firm.
func TestRuleChangesAreChained(t *testing.T) {
	dir := t.TempDir()
	x, err := csss.Open(t.Context(), csss.Config{Dir: dir})
	require.NoError(t, err)
	in := seller("seller")
	_, err = x.RegisterFirm(t.Context(), csss.By{}, in.Firms[0])
	require.NoError(t, err)
	for _, version := range []int{1, 4, 9} {
		_, err := x.SetPolicy(t.Context(), csss.By{}, "seller", "seller.yaml", fmt.Appendf(nil,
			"apiVersion: csss.policy/v1\nemployer: seller\nversion: %d\nrules: []\n", version))
		require.NoError(t, err)
	}
	for _, version := range []int{9, 4} {
		_, err := x.SetPolicy(t.Context(), csss.By{}, "seller", "seller.yaml", fmt.Appendf(nil,
			"apiVersion: csss.policy/v1\nemployer: seller\nversion: %d\nrules: []\n", version))
		require.Error(t, err, "a version does not come back")
	}
	require.NoError(t, x.Close())

	type change struct {
		Version    int    `json:"version"`
		Digest     string `json:"digest"`
		OldVersion int    `json:"old_version"`
		OldDigest  string `json:"old_digest"`
	}
	var chain []change
	for _, e := range entriesOf(t, dir) {
		if e.Type != "policy.changed" {
			continue
		}
		var payload struct {
			Body change `json:"body"`
		}
		require.NoError(t, json.Unmarshal(e.Payload, &payload))
		chain = append(chain, payload.Body)
	}
	require.Len(t, chain, 3)
	was := change{}
	for i, version := range []int{1, 4, 9} {
		assert.Equal(t, version, chain[i].Version)
		assert.Len(t, chain[i].Digest, 64)
		assert.Equal(t, was.Version, chain[i].OldVersion)
		assert.Equal(t, was.Digest, chain[i].OldDigest)
		was = chain[i]
	}
}
