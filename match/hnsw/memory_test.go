package hnsw_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

// TestCompactRowsTakeWhatStatsSay compares what Stats count with the heap. What
// they leave out, nodes and the scratch of the writer, is little.
func TestCompactRowsTakeWhatStatsSay(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector's own memory would be counted")
	}
	const n, dim = 40_000, 100
	keys, rows := upTo(n), gaussian(random(77), n, dim)
	before := heap()
	x, err := hnsw.New[uint32](dim, &hnsw.Options{Mode: hnsw.Compact, RowNumbers: true, EfConstruction: 16})
	require.NoError(t, err)
	require.NoError(t, x.AddBatch(keys, rows, nil))
	grown := heap() - before
	s := x.Stats()
	require.Equal(t, n, s.Linked)
	require.Zero(t, s.VectorBytes)
	told := s.CodeBytes + s.LinkBytes
	t.Logf("a row takes %d bytes, of which Stats tell %d", grown/n, told/n)
	require.GreaterOrEqual(t, grown, told*95/100)
	require.LessOrEqual(t, grown, told*115/100)
	require.LessOrEqual(t, grown/n, 290, "bytes for a row")
	runtime.KeepAlive(rows)
	runtime.KeepAlive(keys)
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
