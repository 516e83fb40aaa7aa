package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/load"
	"github.com/deeperpoint/csss/ledger"
)

// A store that lost an ability by being counted would be measured as another.
func TestACountedStoreKeepsItsAbilities(t *testing.T) {
	store, err := ledger.OpenDirStore(t.TempDir(), nil)
	require.NoError(t, err)
	counted, count := countGroups(store)
	require.NotNil(t, count, "the file engine can be counted")
	_, pipelines := store.(ledger.Pipeliner)
	_, caches := store.(ledger.Cacher)
	_, stillPipelines := counted.(ledger.Pipeliner)
	_, stillCaches := counted.(ledger.Cacher)
	assert.Equal(t, pipelines, stillPipelines)
	assert.Equal(t, caches, stillCaches)

	log, err := ledger.Open(t.Context(), counted, nil)
	require.NoError(t, err)
	defer log.Close()
	writer := load.NewSource(1, 10, false).Writers(1)[0]
	for range 5 {
		require.NoError(t, appendBatch(t.Context(), log, writer, 3))
	}
	assert.EqualValues(t, 5, count.groups.Load())
	assert.EqualValues(t, 15, log.Size())
}
