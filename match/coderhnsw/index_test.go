package coderhnsw_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/coderhnsw"
)

// line returns n rows on a quarter of a circle, so that neighbours are near.
func line(n int) (ids []uint32, vecs [][]float32) {
	for i := range n {
		ids = append(ids, uint32(i))
		vecs = append(vecs, []float32{float32(n - i), float32(i + 1)})
	}
	return ids, vecs
}

func filled(t *testing.T, n int) *coderhnsw.Index {
	x := open(t, nil)
	x.AskAlways()
	require.NoError(t, x.Upsert(line(n)))
	return x
}

func TestOptionsAreChecked(t *testing.T) {
	for field, o := range map[string]coderhnsw.Options{"m": {M: 1}, "ef_search": {EfSearch: -1}} {
		_, err := coderhnsw.New(&o)
		e, ok := errors.AsType[*match.FieldError](err)
		require.True(t, ok, field)
		assert.Equal(t, field, e.Field)
	}
	for _, o := range []coderhnsw.Options{{M: 65}, {EfSearch: 4097}} {
		_, err := coderhnsw.New(&o)
		assert.Error(t, err)
	}
}

func TestRefusalsAreEmbeddingErrors(t *testing.T) {
	x := filled(t, 3)
	assert.ErrorIs(t, x.Upsert([]uint32{1}, nil), match.ErrEmbedding)
	assert.ErrorIs(t, x.Upsert([]uint32{1, 1}, [][]float32{{1, 2}, {1, 2}}), match.ErrEmbedding)
	assert.ErrorIs(t, x.Upsert([]uint32{1}, [][]float32{{1}}), match.ErrEmbedding)
	assert.ErrorIs(t, x.Upsert([]uint32{1}, [][]float32{{0, 0}}), match.ErrEmbedding)
	_, err := x.Search([]float32{1}, 1, nil, nil)
	assert.ErrorIs(t, err, match.ErrEmbedding)
	assert.Equal(t, 3, x.Len())
}

// A panic in a search is its error; the next one has a graph again.
func TestPanicInSearch(t *testing.T) {
	x := filled(t, 300)
	x.Break()
	given := []match.Hit{{ID: 5}}
	hits, err := x.Search([]float32{1, 0}, 3, nil, given)
	assert.ErrorIs(t, err, coderhnsw.ErrPanicked)
	assert.Equal(t, given, hits)
	p, ok := errors.AsType[*coderhnsw.PanicError](err)
	require.True(t, ok)
	assert.Equal(t, "search", p.Op)
	assert.Equal(t, "coderhnsw: search: coder/hnsw panicked: no nodes found", err.Error())

	hits, err = x.Search([]float32{1, 0}, 3, nil, nil)
	require.NoError(t, err)
	assert.Len(t, hits, 3)
}

// A batch that panics leaves what was there, and the next one is taken.
func TestPanicInUpsert(t *testing.T) {
	x := filled(t, 300)
	x.Break()
	more, vecs := []uint32{7, 1000}, [][]float32{{0, 1}, {0, 1}}
	err := x.Upsert(more, vecs)
	assert.ErrorIs(t, err, coderhnsw.ErrPanicked)
	assert.Equal(t, 300, x.Len())
	hits, err := x.Search([]float32{0, 1}, 300, nil, nil)
	require.NoError(t, err)
	require.Len(t, hits, 300)
	assert.NotEqual(t, uint32(1000), hits[0].ID)

	require.NoError(t, x.Upsert(more, vecs))
	assert.Equal(t, 301, x.Len())
}

// Rows that the peer panics on each time do so until they are gone.
func TestPanicThatStays(t *testing.T) {
	x := filled(t, 300)
	x.BreakForGood()
	for range 2 {
		_, err := x.Search([]float32{1, 0}, 3, nil, nil)
		assert.ErrorIs(t, err, coderhnsw.ErrPanicked)
		assert.ErrorIs(t, x.Upsert([]uint32{1}, [][]float32{{1, 0}}), coderhnsw.ErrPanicked)
	}
	require.NoError(t, x.Delete(7))
	hits, err := x.Search([]float32{1, 0}, 3, nil, nil)
	require.NoError(t, err)
	assert.Len(t, hits, 3)
	require.NoError(t, x.Upsert([]uint32{7}, [][]float32{{1, 0}}))
	assert.Equal(t, 300, x.Len())
}

// However often rows are replaced, the graph is at most twice as large as the
// index, and a little.
func TestGraphIsBuiltAnew(t *testing.T) {
	x := filled(t, 100)
	ids, vecs := line(100)
	for range 20 {
		require.NoError(t, x.Upsert(ids[:30], vecs[:30]))
		assert.LessOrEqual(t, x.Nodes(), 2*100+30)
	}
	require.NoError(t, x.Delete(ids...))
	assert.Zero(t, x.Len())
	require.NoError(t, x.Upsert(ids[:1], vecs[:1]))
	assert.Equal(t, 1, x.Nodes())
}
