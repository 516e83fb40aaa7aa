package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bench runs the program and returns what it says.
func bench(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// keys returns the names of a JSON object's keys in their order.
func keys(t *testing.T, line string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	var names []string
	depth, name := 0, true
	for {
		token, err := d.Token()
		if err != nil {
			return names
		}
		delim, isDelim := token.(json.Delim)
		switch {
		case isDelim && (delim == '{' || delim == '['):
			depth++
			name = depth == 1
		case isDelim:
			depth--
			name = true
		case depth == 1 && name:
			names = append(names, token.(string))
			name = false
		case depth == 1:
			name = true
		}
	}
}

// quick are flags for a run of a second.
func quick(t *testing.T, more ...string) []string {
	return append([]string{"ledger", "-json", "-dir", t.TempDir(), "-slices", "1", "-seconds", "0.005",
		"-writers", "1,3", "-batch", "1,7", "-proofs", "300", "-audit", "300"}, more...)
}

func TestLedgerWritesOneJSONObjectALine(t *testing.T) {
	args := quick(t, "-reopen", "300")
	code, stdout, stderr := bench(t, args...)
	require.Zero(t, code, stderr)
	var points, others []map[string]any
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	for _, line := range lines {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object), line)
		if object["writers"] == nil {
			others = append(others, object)
			continue
		}
		points = append(points, object)
		assert.Equal(t, []string{"engine", "writers", "batch", "entries_per_s", "p50_ms", "p99_ms", "cpu_us_per_entry", "ratio_to_raw"}, keys(t, line)[:8])
		assert.Positive(t, object["entries_per_s"])
		assert.Positive(t, object["p50_ms"])
		assert.GreaterOrEqual(t, object["p99_ms"], object["p50_ms"])
		assert.Positive(t, object["ratio_to_raw"])
		assert.InEpsilon(t, object["ratio_to_raw"], object["median_ratio_to_raw"], 0.01, "there is one turn")
	}
	require.Len(t, points, 8)
	for i, p := range points {
		assert.Equal(t, []string{"raw", "csss"}[i%2], p["engine"])
		assert.InDelta(t, []float64{1, 1, 3, 3}[i%4], p["writers"], 0)
		assert.InDelta(t, []float64{1, 1, 1, 1, 7, 7, 7, 7}[i], p["batch"], 0)
	}
	assert.Contains(t, lines[len(lines)-1], `{"engine":"csss",`, "the last line is the ledger's own")

	named := map[string]map[string]any{}
	for _, o := range others {
		named[o["engine"].(string)] = o
	}
	frames := named["csss/frames"]
	assert.InDelta(t, frames["frame_bytes"], frames["leaf_bytes"].(float64)+300+frames["overhead_bytes"].(float64), 0)
	assert.Positive(t, named["csss/primitives"]["sum_us"])
	assert.Positive(t, named["csss/proofs"]["prove_ns"])
	assert.GreaterOrEqual(t, named["csss/proofs"]["verify_ratio_to_sha"], 0.5)
	assert.InDelta(t, 34.13, named["csss/tiles"]["bytes_per_entry_above_leaf"], 2)
	assert.Positive(t, named["csss/audit"]["tree_per_core_s"])
	assert.Positive(t, named["csss/audit"]["commitments_per_core_s"])
	assert.Positive(t, named["csss/reopen"]["without_snapshot_s"])

	left, err := os.ReadDir(args[3])
	require.NoError(t, err)
	assert.Empty(t, left, "the run's folder is removed")
}

func TestWithoutJSONTheTableIsTheOutput(t *testing.T) {
	args := quick(t, "-proofs", "0", "-audit", "0", "-json=false")
	code, stdout, stderr := bench(t, args...)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, "to raw")
	assert.NotContains(t, stdout, "{")
	assert.Equal(t, 4, strings.Count(stdout, "\ncsss "))
}

func TestAnAbsentPeerIsSkipped(t *testing.T) {
	code, stdout, stderr := bench(t, quick(t, "-proofs", "0", "-audit", "0", "-peers", "opa")...)
	require.Zero(t, code, stderr)
	first, _, _ := strings.Cut(stdout, "\n")
	assert.Equal(t, []string{"engine", "skip"}, keys(t, first))
	assert.Contains(t, first, `"engine":"opa"`)
	assert.Contains(t, stderr, "SKIP opa: ")
}

func TestBadFlagsAreTheCallers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, args := range [][]string{
		{}, {"nothing"}, {"ledger", "-nothing"}, {"ledger", "word"},
		{"ledger", "-writers", "0"}, {"ledger", "-writers", "1,,2"}, {"ledger", "-writers", "100000"},
		{"ledger", "-batch", "x"}, {"ledger", "-batch", "100000"},
		{"ledger", "-seconds", "0"}, {"ledger", "-seconds", "NaN"}, {"ledger", "-slices", "0"},
		{"ledger", "-payload", "-1"}, {"ledger", "-proofs", "-1"}, {"ledger", "-dir", filepath.Join(file, "below")},
	} {
		code, stdout, stderr := bench(t, args...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout, args)
		assert.NotEmpty(t, stderr, args)
	}
	code, stdout, stderr := bench(t, "ledger", "-h")
	assert.Zero(t, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "ratio_to_raw")
}

func TestAFailureIsNoMeasurement(t *testing.T) {
	ctx := t.Context()
	b := &ledgerBench{report: newReport(true, &bytes.Buffer{}, &bytes.Buffer{}), dir: t.TempDir(), slices: 1, seconds: 0.001}
	require.NoError(t, b.measureFrames(ctx))
	require.NoError(t, os.Chmod(b.dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(b.dir, "point-1"), nil, 0o600))
	assert.ErrorIs(t, b.measurePoint(ctx, 1, 1), os.ErrExist)
}

func TestTheMedianLeavesOutASlowTurn(t *testing.T) {
	raw := &contestant{rates: []float64{100, 200, 100, 50}}
	assert.InDelta(t, 0.9, float64((&contestant{rates: []float64{90, 20, 90, 400}}).median(raw)), 1e-9)
	assert.InDelta(t, 0.5, float64((&contestant{rates: []float64{90, 100, 10}}).median(raw)), 1e-9)
}

func TestFiguresHaveFourDigits(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 1: "1", 12345.6: "12,350", 0.000123456: "0.0001235", 1234567: "1,235,000", -1234: "-1,234", 99.996: "100",
		math.NaN(): "0", math.Inf(1): "0",
	} {
		assert.Equal(t, want, figure(x).String())
		b, err := json.Marshal(figure(x))
		require.NoError(t, err)
		assert.Equal(t, strings.ReplaceAll(want, ",", ""), string(b))
	}
}

func TestWrittenBytesEndBeforeTheZeros(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, used := range []int{0, 1, 1000, 1<<20 - 1, 1 << 20, 1<<20 + 1} {
		data := make([]byte, 3<<20)
		for i := range used {
			data[i] = 1
		}
		require.NoError(t, os.WriteFile(path, data, 0o600))
		n, err := writtenBytes(path)
		require.NoError(t, err)
		assert.Equal(t, int64(used), n)
	}
}
