package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChurnWritesALineForEachRound(t *testing.T) {
	code, stdout, stderr := bench(t, vectorCommand(t, "churn", "-mode", "float32,int8", "-ef", "16,100", "-passes", "1", "-rounds", "3", "-fresh", "2", "-seconds", "0.02", "-threads", "2")...)
	require.Zero(t, code, stderr)
	points, s, raw := decoded[churnPoint, churnSummary](t, stdout)
	require.Len(t, points, 4*2*2+2*2, "rounds, modes, efs; then beside a writer")
	for i, p := range points[:16] {
		assert.Equal(t, []string{"engine", "version", "set", "metric", "mode", "k", "ef", "round", "replaced", "recall", "qps"}, keys(t, raw[i])[:11])
		assert.Equal(t, i/4, p.Round)
		assert.Equal(t, 120*p.Round, p.Replaced)
		assert.Equal(t, []string{"float32", "int8"}[i/2%2], p.Mode)
		assert.Equal(t, []int{16, 100}[i%2], p.Ef)
		if p.Ef == 100 {
			assert.GreaterOrEqual(t, p.Recall, 0.99, raw[i])
		}
		assert.Positive(t, p.QPS)
		assert.Positive(t, p.ReplaceS)
		assert.Positive(t, p.BytesPerVector)
		assert.Equal(t, 600, p.Live)
		if p.Round == 1 {
			assert.Zero(t, p.FreshQPS, "a fresh index every other round")
			continue
		}
		assert.Positive(t, p.FreshQPS)
		assert.InDelta(t, p.FreshRecall, p.Recall, 0.05)
		assert.InEpsilon(t, float64(p.FreshBytes), float64(p.BytesPerVector), 0.15, "slots are used again")
	}
	for _, line := range raw[16:20] {
		var w writerPoint
		require.NoError(t, json.Unmarshal([]byte(line), &w))
		assert.Equal(t, "writer", w.Check)
		assert.GreaterOrEqual(t, w.P99, w.P50)
		assert.GreaterOrEqual(t, w.AloneP99, w.AloneP50)
		assert.Positive(t, w.AloneP50)
		assert.Positive(t, w.WritesPerS)
		assert.GreaterOrEqual(t, w.Searches, writerTurns)
	}
	assert.Equal(t, "csss/summary", s.Engine)
	require.Len(t, s.Modes, 4)
	for _, m := range s.Modes {
		assert.Less(t, m.RecallLoss, 0.05)
		assert.Positive(t, m.Ratio)
		assert.Contains(t, []int{2, 3}, m.Round)
	}
}

func TestATideKeepsEveryRowInOnePlace(t *testing.T) {
	tide := newTide(100, 60, 0.2)
	before := slices.Clone(tide.in)
	for range 30 {
		gone, fresh := tide.turn()
		require.Len(t, gone, 12)
		require.Len(t, fresh, 12)
		for _, row := range gone {
			assert.Contains(t, before, row)
			assert.NotContains(t, tide.in, row)
		}
		for _, row := range fresh {
			assert.NotContains(t, before, row)
			assert.Contains(t, tide.in, row)
		}
		require.Len(t, tide.in, 60)
		assert.Equal(t, numbered(100), slices.Sorted(slices.Values(slices.Concat(tide.in, tide.out))))
		before = slices.Clone(tide.in)
	}
	gone, fresh := tide.singly().turn()
	assert.Len(t, slices.Concat(gone, fresh), 2)
	assert.Equal(t, before, tide.in, "a tide of its own")
}

func TestAPeerIsToldTheRowsThatGo(t *testing.T) {
	p := &annPeer{file: filepath.Join(t.TempDir(), "changes")}
	p.peers = shellPeer(t, `read q; echo '{"answer":{"seconds":'$(wc -c <`+p.file+`)'}}'`)
	built, err := p.replace(t.Context(), []uint32{7}, []uint32{8, 256})
	require.NoError(t, err)
	assert.InDelta(t, 20, built.seconds, 0)
	content, err := os.ReadFile(p.file)
	require.NoError(t, err)
	assert.Equal(t, []byte{1, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 1, 0, 0}, content)
	require.NoError(t, p.close())
}

func TestTheChurnSummaryNamesTheWorstRound(t *testing.T) {
	point := func(round int, recall float64, qps, bytes figure) churnPoint {
		return churnPoint{Engine: "csss", Mode: "int8", Ef: 16, Round: round, Recall: recall, QPS: qps, FreshRecall: 0.99, FreshQPS: 100,
			CPUPerQuery: 2, FreshCPU: 1, BytesPerVector: bytes, FreshBytes: 100}
	}
	absent := point(3, 0.5, 1, 900)
	absent.FreshQPS = 0
	m := mostWorn([]churnPoint{point(0, 0.1, 1, 900), point(1, 0.995, 90, 110), point(2, 0.98, 95, 100), absent}, "int8", 16)
	assert.Equal(t, churnMode{"int8", 16, 0.01, 2, 0.9, 0.5, 1.1}, m)
	assert.InDelta(t, 50, float64(percentile([]float64{10, 50, 90}, 50)), 0)
	assert.InDelta(t, 10, float64(percentile([]float64{10}, 99)), 0)
}

func TestBadChurnFlagsAreTheCallers(t *testing.T) {
	for _, args := range [][]string{
		{"-rounds", "0"}, {"-share", "0"}, {"-share", "0.6"}, {"-live", "-1"}, {"-live", "5"}, {"-live", "1200"}, {"-live", "2000"}, {"-fresh", "0"}, {"-seconds", "-1"},
		{"-seconds", "NaN"}, {"-share", "0.0001"}, {"-gt", "x"},
	} {
		code, stdout, stderr := bench(t, vectorCommand(t, "churn", args...)...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout, args)
		assert.NotEmpty(t, stderr, args)
	}
	code, stdout, stderr := bench(t, vectorCommand(t, "churn", "-json=false", "-rounds", "1", "-seconds", "0", "-ef", "16")...)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, "points below a fresh build (round 1)")
	assert.NotContains(t, stdout, "writer")
	assert.NotContains(t, stdout, "{")
	code, _, stderr = bench(t, "churn", "-h")
	assert.Zero(t, code)
	assert.True(t, strings.Contains(stderr, "fresh_recall") && strings.Contains(stderr, "alone_p99_us"))
}
