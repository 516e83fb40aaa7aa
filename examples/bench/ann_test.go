package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/curve"
	"github.com/deeperpoint/csss/examples/bench/vecfile"
	"github.com/deeperpoint/csss/examples/bench/vecset"
)

// annFiles writes a small set and returns the flags that name it.
func annFiles(t *testing.T) (dir string, flags []string) {
	t.Helper()
	dir = t.TempDir()
	r := rand.New(rand.NewPCG(1, 0))
	write := func(name string, rows int) string {
		v := vecset.Table{Dim: 8}
		for range rows * v.Dim {
			v.Values = append(v.Values, float32(r.NormFloat64()))
		}
		path := filepath.Join(dir, name)
		require.NoError(t, vecfile.Replace(path, func(w io.Writer) error { return vecfile.WriteFloats(w, v) }))
		return path
	}
	return dir, []string{"ann", "-json", "-cache", filepath.Join(dir, "cache"), "-base", write("small.fbin", 1200), "-query", write("q.fbin", 30)}
}

func TestANNWritesALineForEachModeAndEf(t *testing.T) {
	dir, flags := annFiles(t)
	plot := filepath.Join(dir, "out.svg")
	code, stdout, stderr := bench(t, append(flags, "-ef", "40,10", "-mode", "float32,int8", "-passes", "2", "-plot", plot, "-metric", "cosine")...)
	require.Zero(t, code, stderr)
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	require.Len(t, lines, 5)
	for i, line := range lines[:4] {
		assert.Equal(t, []string{"engine", "version", "set", "metric", "mode", "k", "ef", "recall", "qps", "build_s", "bytes_per_vector", "cpu_us_per_query"}, keys(t, line)[:12])
		var p annPoint
		require.NoError(t, json.Unmarshal([]byte(line), &p))
		assert.Equal(t, []string{"float32", "int8"}[i%2], p.Mode)
		assert.Equal(t, []int{10, 10, 40, 40}[i], p.Ef)
		assert.Equal(t, "csss small cosine", p.Engine+" "+p.Set+" "+p.Metric)
		assert.Greater(t, p.Recall, 0.8)
		assert.GreaterOrEqual(t, p.RecallTies, p.Recall)
		assert.Positive(t, p.QPS)
		assert.Positive(t, p.BuildS)
		assert.NotEmpty(t, p.Walks)
	}
	var s annSummary
	require.NoError(t, json.Unmarshal([]byte(lines[4]), &s))
	assert.Equal(t, "csss/summary", s.Engine)
	assert.InDelta(t, 0.95, s.At[0].Recall, 0)
	assert.Len(t, s.At[1].QPS, 2)
	picture, err := os.ReadFile(plot)
	require.NoError(t, err)
	assert.Contains(t, string(picture), "csss/float32")

	truth, err := filepath.Glob(filepath.Join(dir, "cache", "truth-*.ibin"))
	require.NoError(t, err)
	require.Len(t, truth, 1, "true neighbours are kept")
	code, stdout, stderr = bench(t, append(flags, "-ef", "40", "-metric", "cosine", "-gt", truth[0], "-threads", "2")...)
	require.Zero(t, code, stderr)
	again := strings.Split(stdout, "\n")
	var before, after annPoint
	require.NoError(t, json.Unmarshal([]byte(lines[3]), &before))
	require.NoError(t, json.Unmarshal([]byte(again[0]), &after))
	assert.InDelta(t, before.Recall, after.Recall, 0, "whoever found them, and however many answer")

	code, _, stderr = bench(t, append(flags, "-ef", "40", "-gt", truth[0], "-limit", "500")...)
	require.Zero(t, code, stderr)
	assert.Contains(t, stderr, "is of more rows than -limit")
}

func TestANNPrintsATableAndStopsWhereRecallIsEnough(t *testing.T) {
	_, flags := annFiles(t)
	code, stdout, stderr := bench(t, append(flags, "-json=false", "-peers", "opa")...)
	require.Zero(t, code, stderr)
	assert.NotContains(t, stdout, "{")
	assert.Contains(t, stdout, "at recall 0.99:\n  csss/int8 ")
	assert.Less(t, strings.Count(stdout, "\ncsss/int8 "), len(annEfs))
	assert.Contains(t, stderr, "SKIP opa: ")
}

func TestBadANNFlagsAreTheCallers(t *testing.T) {
	dir, flags := annFiles(t)
	torn := filepath.Join(dir, "torn.fbin")
	require.NoError(t, os.WriteFile(torn, []byte("abcdefghijkl"), 0o600))
	for _, args := range [][]string{
		{"ann", "-set", "mnist"}, {"ann", "-base", "x.fbin"}, {"ann", "-gt", "x.ibin"}, {"ann", "-k", "0"}, {"ann", "-M", "1"}, {"ann", "word"},
		{"ann", "-metric", "l1"}, {"ann", "-mode", "pq"}, {"ann", "-mode", ""}, {"ann", "-ef", "5"}, {"ann", "-threads", "2", "-peers", "faiss"},
		{"ann", "-limit", "-1"}, {"ann", "-set", "s384", "-base", "x.fbin", "-query", "x.fbin"},
		{"ann", "-base", torn, "-query", torn}, {"ann", "-base", "absent.fbin", "-query", torn},
		append(flags, "-gt", torn), append(flags, "-k", "1201"),
	} {
		code, stdout, stderr := bench(t, args...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout, args)
		assert.NotEmpty(t, stderr, args)
	}
	code, _, stderr := bench(t, "ann", "-h")
	assert.Zero(t, code)
	assert.Contains(t, stderr, "bytes_per_vector")
}

func TestRecallCountsAnAnswerOnce(t *testing.T) {
	b := &vectorBench{k: 2, set: &vecset.Set{
		Metric: vecset.L2, Base: vecset.Table{Dim: 1, Values: []float32{0, 1, -1, 5}}, Queries: vecset.Table{Dim: 1, Values: []float32{0}},
	}}
	truth := func(int) []int32 { return []int32{0, 1} }
	for _, c := range []struct {
		ids        []int32
		hits, ties float64
	}{{[]int32{0, 1}, 1, 1}, {[]int32{0, 2}, 0.5, 1}, {[]int32{0, 0}, 0.5, 0.5}, {[]int32{3, -1}, 0, 0}, {[]int32{2, 2}, 0, 0.5}} {
		hits, ties := b.recall(c.ids, truth)
		assert.InDelta(t, c.hits, hits, 0)
		assert.InDelta(t, c.ties, ties, 0)
	}
	good := annPass{seconds: 1, ids: []int32{0, 1}}
	assert.NoError(t, b.agrees(good, good))
	assert.ErrorContains(t, b.agrees(good, annPass{ids: []int32{1, 0}}), "two passes differ")
	assert.ErrorContains(t, b.agrees(annPass{seconds: 1, ids: []int32{0}}, annPass{}), "1 answers to 1 queries")
	assert.ErrorContains(t, b.agrees(annPass{seconds: 1, ids: []int32{0, 4}}, annPass{}), "not among the 4 rows")
	assert.ErrorContains(t, b.agrees(annPass{ids: good.ids}, annPass{}), "took 0 s")
	assert.InDelta(t, 1, better(annPass{3, 1, good.ids}, annPass{2, 4, good.ids}).cpuSeconds, 0)
}

func TestTheSummaryComparesWithTheBestPeer(t *testing.T) {
	engine := func(name, mode string, recall, qps float64) *annContestant {
		c := &annContestant{name: name, mode: mode}
		c.curve.Name = name + "/" + mode
		c.curve.Points = []curve.Point{{Recall: recall, QPS: qps}}
		return c
	}
	field := []*annContestant{
		engine("hnswlib", "float32", 0.97, 100), engine("usearch", "i8", 0.95, 200), engine("csss", "float32", 0.99, 150), engine("csss", "int8", 0.96, 400),
	}
	at := summarise(field, 0.95)
	assert.Equal(t, "usearch/i8", at.BestPeer)
	assert.Equal(t, "int8", at.Mode)
	assert.InDelta(t, 2, float64(at.ToBest), 1e-9)
	assert.InDelta(t, 4, float64(at.ToHNSWLib), 1e-9)
	assert.Equal(t, []string{"hnswlib/float32", "csss/float32", "csss/int8"}, at.AtLeast)
	at = summarise(field, 0.99)
	assert.Empty(t, at.BestPeer)
	assert.Zero(t, at.ToBest)

	seconds := func(a annBuilt) float64 { return a.seconds }
	field[0].built.seconds, field[2].built.seconds, field[3].built.seconds = 2, 3, 1
	assert.Equal(t, map[string]figure{"float32": 1.5, "int8": 0.5}, buildRatios(field, seconds))
	assert.Empty(t, buildRatios(field[1:], seconds))
}

// shellPeer starts a script that plays a peer.
func shellPeer(t *testing.T, script string) *peers[int, annAnswer] {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell to play a peer")
	}
	p := &peers[int, annAnswer]{errors: &bytes.Buffer{}}
	require.NoError(t, p.start(t.Context(), shell, "-c", script))
	return p
}

func TestAPeerAnswersInLines(t *testing.T) {
	start := func(script string) *annPeer { return &annPeer{peers: shellPeer(t, script)} }
	p := start(`read ef; echo '{"answer":{"version":"9","seconds":2,"cpu_s":1,"bytes":5}}'; read ef; echo '{"answer":{"seconds":3,"ids":['$ef']}}'`)
	built, err := p.build(t.Context())
	require.NoError(t, err)
	assert.Equal(t, annBuilt{version: "9", seconds: 2, cpuSeconds: 1, bytes: 5}, built)
	pass, err := p.pass(t.Context(), annQuestion{ef: 64})
	require.NoError(t, err)
	assert.Equal(t, []int32{64}, pass.ids)
	require.NoError(t, p.close())

	p = start(`echo out of memory >&2; exit 3`)
	_, err = p.build(t.Context())
	require.ErrorContains(t, err, "out of memory")
	require.NoError(t, p.close(), "what went wrong was told already")
}

func TestPeersThatCannotBeBuiltHereSayWhy(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := compileHNSWLib(t.Context(), "sources", t.TempDir())
	require.ErrorContains(t, err, "no C++ compiler")
	_, err = wheel("faiss", "faiss-cpu")(t.Context(), "sources", t.TempDir())
	require.ErrorContains(t, err, "no virtual environment")
	_, _, err = hnswlibHeaders(t.Context(), t.TempDir())
	require.ErrorContains(t, err, "neither PyPI's source release")
	assert.Equal(t, []string{"auto", "compact", "float32", "int8"}, slices.Clip(annModeNames()))
}
