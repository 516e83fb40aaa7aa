package main

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vectorCommand are the flags of annFiles for another command.
func vectorCommand(t *testing.T, name string, more ...string) []string {
	t.Helper()
	_, flags := annFiles(t)
	return slices.Concat([]string{name}, flags[1:], more)
}

// decoded returns the lines of an output, all but the last, and the last.
func decoded[T, S any](t *testing.T, stdout string) (points []T, summary S, raw []string) {
	t.Helper()
	raw = strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	last := len(raw) - 1
	for _, line := range raw[:last] {
		var p T
		require.NoError(t, json.Unmarshal([]byte(line), &p), line)
		points = append(points, p)
	}
	require.NoError(t, json.Unmarshal([]byte(raw[last]), &summary))
	return points, summary, raw
}

func TestFilterWritesALineForEachCell(t *testing.T) {
	code, stdout, stderr := bench(t, vectorCommand(t, "filter", "-mode", "float32,int8", "-ef", "64,200", "-passes", "1", "-share", "0.5,0.1,0.001")...)
	require.Zero(t, code, stderr)
	points, s, raw := decoded[filterPoint, filterSummary](t, stdout)
	require.Len(t, points, 2*4*3*2, "ef, kind, share, mode")
	for i, p := range points {
		assert.Equal(t, []string{"engine", "version", "set", "metric", "mode", "k", "ef", "share", "kind", "recall", "qps", "path", "unfiltered_qps", "cpu_us_per_query"}, keys(t, raw[i])[:14])
		assert.Equal(t, []string{"float32", "int8"}[i%2], p.Mode)
		assert.Equal(t, filterKinds[i/6%4], p.Kind)
		assert.InDelta(t, []float64{0.5, 0.1, 0.001}[i/2%3], p.Share, 0)
		assert.Equal(t, []int{600, 120, 1}[i/2%3], p.Matches)
		assert.Equal(t, []int{64, 200}[i/24], p.Ef)
		assert.GreaterOrEqual(t, p.Recall, 0.99, raw[i])
		assert.GreaterOrEqual(t, p.RecallTies, p.Recall)
		assert.Greater(t, p.UnfilteredGood, 0.9)
		assert.Positive(t, p.QPS)
		assert.InEpsilon(t, float64(p.QPS/p.Unfiltered), float64(p.Ratio), 0.01)
		searches := 0
		for _, n := range p.Paths {
			searches += n
		}
		assert.Equal(t, 30, searches)
		assert.NotZero(t, p.Paths[p.Path])
	}
	assert.Equal(t, "csss/summary", s.Engine)
	require.Len(t, s.Modes, 4, "mode, ef")
	assert.GreaterOrEqual(t, float64(s.Modes[3].Recall.Value), 0.99)
	assert.NotContains(t, raw[len(raw)-1], "hnswlib")
}

func TestFiltersHoldWhatTheirKindSays(t *testing.T) {
	_, flags := annFiles(t)
	b := &filterBench{shares: fractions{0.1, 0.01}, kinds: filterKinds}
	f := newFlags("filter")
	b.vectorBench = newVectorBench(f, vectorDefaults{queries: 10, efs: counts{64}})
	var out strings.Builder
	require.NoError(t, b.parse(f, flags[1:], filterText, &out, &out))
	require.NoError(t, b.loadSet(t.Context()))
	all, cells, err := b.makeCells(t.Context())
	require.NoError(t, err)
	require.Len(t, cells, 8)
	of := map[string]*filterCell{}
	for _, c := range cells[:] {
		if c.share == 0.1 {
			of[c.kind] = c
		}
		for q, f := range c.filters {
			assert.Equal(t, uint64(c.matches), f.GetCardinality())
			farthest := 0.0
			for _, row := range c.truth[q] {
				assert.True(t, f.Contains(uint32(row)))
				d := b.set.Distance(q, int(row))
				assert.GreaterOrEqual(t, d, farthest)
				farthest = d
			}
			require.Len(t, c.truth[q], min(b.k, c.matches))
			nearer := 0
			f.Iterate(func(row uint32) bool {
				if b.set.Distance(q, int(row)) < farthest {
					nearer++
				}
				return true
			})
			assert.Less(t, nearer, len(c.truth[q]), "no match is nearer")
		}
	}
	nearest := func(q int, f *roaring.Bitmap) (least, most float64) {
		least = math.Inf(1)
		f.Iterate(func(row uint32) bool {
			d := b.set.Distance(q, int(row))
			least, most = min(least, d), max(most, d)
			return true
		})
		return least, most
	}
	for q := range all {
		assert.Equal(t, all[q], of["correlated"].truth[q])
		rest := roaring.Flip(of["anti"].filters[q], 0, uint64(b.set.Base.Rows()))
		inside, _ := nearest(q, of["anti"].filters[q])
		_, outside := nearest(q, rest)
		assert.GreaterOrEqual(t, inside, outside, "the farthest rows")
	}
	assert.NotEqual(t, of["random"].filters[0].ToArray(), of["random"].filters[1].ToArray())
	assert.NotEqual(t, of["centre"].filters[0].ToArray(), of["correlated"].filters[0].ToArray())
}

func TestFiltersGoToPeersAsBits(t *testing.T) {
	q := annQuestion{rows: 11, filters: []*roaring.Bitmap{roaring.BitmapOf(0, 9), roaring.BitmapOf(), roaring.BitmapOf(7, 10)}}
	assert.Equal(t, []byte{1, 2, 0, 0, 0x80, 4}, q.bits())
}

func TestTheFilterSummaryNamesTheWorstCells(t *testing.T) {
	points := []filterPoint{
		{Engine: "hnswlib", Mode: "float32", Ef: 64, Kind: "anti", Share: 0.5, QPS: 100},
		{Engine: "csss", Mode: "int8", Ef: 64, Kind: "anti", Share: 0.5, QPS: 200, Recall: 0.99, Ratio: 0.4},
		{Engine: "hnswlib", Mode: "float32", Ef: 64, Kind: "anti", Share: 0.01, QPS: 10},
		{Engine: "csss", Mode: "int8", Ef: 64, Kind: "anti", Share: 0.01, QPS: 300, Recall: 1, Ratio: 2},
		{Engine: "csss", Mode: "float32", Ef: 64, Kind: "anti", Share: 0.01, QPS: 1, Ratio: 0.1},
	}
	m := worst(points, "int8", 64)
	assert.Equal(t, filterMode{"int8", 64, filterAt{0.99, "anti", 0.5}, filterAt{0.4, "anti", 0.5}, filterAt{2, "anti", 0.5}, filterAt{30, "anti", 0.01}}, m)
}

func TestBadFilterFlagsAreTheCallers(t *testing.T) {
	for _, args := range [][]string{
		{"-share", "0"}, {"-share", "1.1"}, {"-share", "NaN"}, {"-share", ""}, {"-kind", "near"}, {"-kind", ""}, {"-gt", "x.ibin"}, {"-k", "0"}, {"-set", "mnist"},
	} {
		code, stdout, stderr := bench(t, append([]string{"filter"}, args...)...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout, args)
		assert.NotEmpty(t, stderr, args)
	}
	code, stdout, stderr := bench(t, vectorCommand(t, "filter", "-peers", "faiss", "-share", "0.5", "-kind", "random", "-json=false")...)
	require.Zero(t, code, stderr)
	assert.Contains(t, stderr, "SKIP faiss: not a peer of this benchmark: it has hnswlib")
	assert.Contains(t, stdout, "least recall")
	code, _, stderr = bench(t, "filter", "-h")
	assert.Zero(t, code)
	assert.Contains(t, stderr, "unfiltered_qps")
}
