package coderhnsw_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	peer "github.com/coder/hnsw"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/coderhnsw"
	"github.com/deeperpoint/csss/match/hnsw"
)

// A space is a distance function of the peer and the metric it becomes.
type space struct {
	distance peer.DistanceFunc
	metric   hnsw.Metric
}

var spaces = []space{{peer.CosineDistance, hnsw.Cosine}, {peer.EuclideanDistance, hnsw.L2}}

// grown returns a graph of the peer with n rows of normally distributed values.
func grown[F cmp.Ordered](s space, n, dim int, key func(int) F) *peer.Graph[F] {
	g := peer.NewGraph[F]()
	g.Distance, g.Rng = s.distance, rand.New(rand.NewSource(1))
	r := rand.New(rand.NewSource(2))
	for i := range n {
		g.Add(peer.MakeNode(key(i), normal(r, dim)))
	}
	return g
}

func normal(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func exported[F cmp.Ordered](t testing.TB, g *peer.Graph[F]) []byte {
	var b bytes.Buffer
	require.NoError(t, g.Export(&b))
	return b.Bytes()
}

func imported[F coderhnsw.SavedKey, K hnsw.Key](t testing.TB, file []byte, o *coderhnsw.ImportOptions) *hnsw.Index[K] {
	x, err := coderhnsw.Import[F, K](bytes.NewReader(file), o)
	require.NoError(t, err)
	require.NoError(t, x.Check())
	return x
}

func itself[K any](k K) K { return k }

func TestImportTakesWhatWasSaved(t *testing.T) {
	for _, s := range spaces {
		t.Run(s.metric.String(), func(t *testing.T) {
			t.Run("int to uint64", func(t *testing.T) {
				testRoundTrip(t, s, func(i int) int { return 1 << i >> 1 }, func(k int) uint64 { return uint64(k) })
			})
			t.Run("int to string", func(t *testing.T) {
				testRoundTrip(t, s, func(i int) int { return (i - 20) * 1000 }, strconv.Itoa)
			})
			t.Run("string", func(t *testing.T) {
				testRoundTrip(t, s, func(i int) string { return fmt.Sprintf("%*s", i, "row") + strconv.Itoa(i) }, itself)
			})
			t.Run("uint32", func(t *testing.T) {
				testRoundTrip(t, s, func(i int) uint32 { return math.MaxUint32 - uint32(i) }, itself)
			})
			t.Run("uint64", func(t *testing.T) {
				testRoundTrip(t, s, func(i int) uint64 { return bits.Reverse64(uint64(i)) }, itself)
			})
			t.Run("uint64 to string", func(t *testing.T) {
				testRoundTrip(t, s, func(i int) uint64 { return math.MaxUint64 - uint64(i) }, func(k uint64) string { return fmt.Sprint(k) })
			})
			t.Run("int16 to string", func(t *testing.T) {
				testRoundTrip(t, s, func(i int) int16 { return int16(math.MinInt16 + 1000*i) }, func(k int16) string { return fmt.Sprint(k) })
			})
			t.Run("types with names", func(t *testing.T) {
				testRoundTrip(t, s, func(i int) part { return part(i) }, func(k part) drawer { return drawer(k) })
			})
		})
	}
}

type (
	part   int8
	drawer uint32
)

// testRoundTrip compares an imported index with the graph that was saved, and
// what it finds with a scan of that graph's rows.
func testRoundTrip[F coderhnsw.SavedKey, K hnsw.Key](t *testing.T, s space, key func(int) F, as func(F) K) {
	const n, dim, k = 60, 7, 10
	g := grown(s, n, dim, key)
	x := imported[F, K](t, exported(t, g), nil)
	require.Equal(t, n, x.Len())
	for i := range n {
		want, _ := g.Lookup(key(i))
		got, ok := x.Get(as(key(i)), nil)
		require.True(t, ok)
		assert.InDeltaSlice(t, scaled(s, want), got, 1e-6)
	}
	r := rand.New(rand.NewSource(3))
	for range 20 {
		q := normal(r, dim)
		hits, err := x.Search(q, k, nil, nil)
		require.NoError(t, err)
		want := nearest(s, g, n, key, q)[:k]
		for i, h := range hits {
			require.Equal(t, as(want[i]), h.Key)
		}
		require.Len(t, hits, k)
	}
}

// scaled returns a row as an index holds it.
func scaled(s space, v []float32) []float32 {
	norm := 1.0
	if s.metric == hnsw.Cosine {
		norm = math.Sqrt(inner(v, v))
	}
	u := make([]float32, len(v))
	for i := range v {
		u[i] = float32(float64(v[i]) / norm)
	}
	return u
}

func inner(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// nearest sorts the keys of a graph by how far their rows are from q.
func nearest[F cmp.Ordered](s space, g *peer.Graph[F], n int, key func(int) F, q []float32) []F {
	apart, keys := map[F]float64{}, make([]F, n)
	for i := range keys {
		v, _ := g.Lookup(key(i))
		keys[i] = key(i)
		apart[keys[i]] = inner(v, v) - 2*inner(q, v)
		if s.metric == hnsw.Cosine {
			apart[keys[i]] = -inner(q, v) / math.Sqrt(inner(v, v))
		}
	}
	slices.SortFunc(keys, func(a, b F) int { return cmp.Compare(apart[a], apart[b]) })
	return keys
}

// The links are the index's own, and so is the recall.
func TestImportBuildsItsOwnGraph(t *testing.T) {
	const n, dim, k, queries = 2000, 16, 10, 100
	for _, s := range spaces {
		g := grown(s, n, dim, itself[int])
		x := imported[int, uint32](t, exported(t, g), &coderhnsw.ImportOptions{Index: hnsw.Options{ExactBelow: -1}})
		r, found := rand.New(rand.NewSource(3)), 0
		for range queries {
			q := normal(r, dim)
			var trace hnsw.Trace
			hits, err := x.Search(q, k, &hnsw.SearchOptions[uint32]{Trace: &trace}, nil)
			require.NoError(t, err)
			require.Equal(t, hnsw.PathGraph, trace.Path)
			want := nearest(s, g, n, itself, q)[:k]
			for _, h := range hits {
				if slices.Contains(want, int(h.Key)) {
					found++
				}
			}
		}
		assert.GreaterOrEqual(t, float64(found)/(k*queries), 0.95, s.metric)
	}
}

// The peer writes nodes in the order of a map; what is made of them has none of it.
func TestImportGivesTheSameBytes(t *testing.T) {
	g := grown(spaces[0], 400, 8, strconv.Itoa)
	first, o := exported(t, g), coderhnsw.ImportOptions{Index: hnsw.Options{ExactBelow: -1, Seed: 7}}
	o.Batch.Workers = 1
	want := snapshot(t, imported[string, string](t, first, &o))
	o.Batch.Workers = 4
	for range 3 {
		again := exported(t, g)
		require.NotEqual(t, first, again)
		assert.Equal(t, want, snapshot(t, imported[string, string](t, again, &o)))
	}
	o.Index.Seed++
	assert.NotEqual(t, want, snapshot(t, imported[string, string](t, first, &o)))
}

func snapshot[K hnsw.Key](t *testing.T, x *hnsw.Index[K]) []byte {
	path := filepath.Join(t.TempDir(), "index")
	require.NoError(t, x.Save(path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

func TestImportOfASavedGraph(t *testing.T) {
	path := filepath.Join(t.TempDir(), "graph")
	g := peer.SavedGraph[string]{Graph: grown(spaces[1], 300, 4, strconv.Itoa), Path: path}
	require.NoError(t, g.Save())
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	x, err := coderhnsw.Import[string, string](f, nil)
	require.NoError(t, err)
	assert.Equal(t, 300, x.Len())
}

// Deletes leave edges behind, on which the peer panics once it has read its own
// file. The rows are what they were.
func TestImportAfterDeletes(t *testing.T) {
	const n = 300
	g := grown(spaces[0], n, 4, itself[int])
	for k := range n / 10 {
		g.Delete(10 * k)
	}
	file := exported(t, g)
	_, err := coderhnsw.Import[int, uint32](bytes.NewReader(file), nil)
	require.ErrorIs(t, err, coderhnsw.ErrDangling)

	x := imported[int, uint32](t, file, &coderhnsw.ImportOptions{LooseEdges: true})
	require.Equal(t, n-n/10, x.Len())
	for k := range n {
		want, there := g.Lookup(k)
		got, ok := x.Get(uint32(k), nil)
		require.Equal(t, there, ok)
		if there {
			assert.InDeltaSlice(t, scaled(spaces[0], want), got, 1e-6)
		}
	}
}

func TestImportOfAGraphWithoutRows(t *testing.T) {
	emptied := grown(spaces[1], 1, 3, itself[int])
	emptied.Delete(0)
	for _, g := range []*peer.Graph[int]{peer.NewGraph[int](), emptied} {
		file := exported(t, g)
		_, err := coderhnsw.Import[int, uint32](bytes.NewReader(file), nil)
		require.ErrorIs(t, err, hnsw.ErrRange)
		assert.ErrorContains(t, err, "end at byte")

		x := imported[int, uint32](t, file, &coderhnsw.ImportOptions{Dim: 3})
		require.NoError(t, x.Add(1, []float32{1, 2, 3}))
	}
}

func TestImportHandsOptionsOn(t *testing.T) {
	file := exported(t, grown(spaces[1], 20, 3, itself[int]))
	told := 0
	o := coderhnsw.ImportOptions{Index: hnsw.Options{Metric: hnsw.L2, RowNumbers: true, ExactBelow: -1}}
	o.Batch.Progress = func(rows int) { told = rows }
	x := imported[int, uint32](t, file, &o)
	assert.Equal(t, 20, told)
	var trace hnsw.Trace
	_, err := x.Search([]float32{1, 2, 3}, 1, &hnsw.SearchOptions[uint32]{Trace: &trace}, nil)
	require.NoError(t, err)
	assert.Equal(t, hnsw.PathGraph, trace.Path)
}
