package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/internal/simd"
)

func TestKernelsWritesALineForEachImplementation(t *testing.T) {
	code, stdout, stderr := bench(t, "kernels", "-json", "-dim", "20,100", "-rows", "64,1000", "-slices", "2", "-seconds", "0.0001")
	require.Zero(t, code, stderr)
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	vek := 0
	if simd.Level() != "go" {
		vek = 2
	}
	require.Len(t, lines, 2*2*(3*(1+len(simd.AllRows()))+vek), "dims, rows, kernels, implementations")
	for _, line := range lines {
		assert.Equal(t, []string{"engine", "kernel", "dim", "rows", "ns_per_row", "gb_per_s"}, keys(t, line)[:6])
		var p kernelPoint
		require.NoError(t, json.Unmarshal([]byte(line), &p))
		assert.Positive(t, p.PerRow)
		assert.Positive(t, p.GBPerS)
		if p.Engine == "csss/go" {
			assert.InDelta(t, 1, float64(p.ToGo), 0)
		}
		if p.Engine != "stream" {
			assert.Positive(t, p.ToStream)
		}
	}
	assert.Contains(t, lines[len(lines)-1], `{"engine":"csss/`+simd.BestRows().Name+`"`)
}

func TestAStreamReadsAllOfATable(t *testing.T) {
	for _, dim := range []int{1, 20, 784} {
		for _, table := range kernelTables(dim, 130) {
			require.NoError(t, table.agree())
			assert.Len(t, table.ids, 3)
		}
	}
	codes := simd.NewTable(20)
	codes.Reserve(130)
	s := stream(codes, 130)
	s.run(make([]uint32, 64))
	for i := range uint32(130) {
		assert.NotContains(t, codes.Row(i), byte(byteAbsent))
	}
}

func TestAWrongKernelIsFound(t *testing.T) {
	table := kernelTables(20, 64)[1]
	last := table.kernels[len(table.kernels)-1]
	right := last.run
	for _, exact := range []bool{false, true} {
		table.kernels = append(table.kernels[:len(table.kernels):len(table.kernels)], kernel{engine: "csss/wrong", exact: exact, run: func(ids []uint32) {
			right(append(ids[1:len(ids):len(ids)], ids[0]))
		}})
		require.ErrorContains(t, table.agree(), "dot_f32 of csss/wrong")
	}
}

func TestBadKernelFlagsAreTheCallers(t *testing.T) {
	for _, args := range [][]string{
		{"-dim", "0"}, {"-dim", "65537"}, {"-rows", "63"}, {"-rows", "2000000000"}, {"-slices", "0"}, {"-seconds", "0"}, {"-seconds", "NaN"}, {"more"},
	} {
		code, stdout, stderr := bench(t, append([]string{"kernels"}, args...)...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout, args)
		assert.NotEmpty(t, stderr, args)
	}
	code, _, stderr := bench(t, "kernels", "-h")
	assert.Zero(t, code)
	assert.Contains(t, stderr, "ratio_to_stream")
}
