package hnsw_test

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

var full = flag.Bool("hnsw.full", false, "run the Fashion-MNIST test over all 60,000 rows and the benchmark of Open over a million (minutes)")

// fashionFile returns the path of one file of Debian's Fashion-MNIST package,
// or skips the test.
func fashionFile(t *testing.T, suffix string) string {
	t.Helper()
	list, err := exec.Command("dpkg", "-L", "dataset-fashion-mnist").Output()
	if err != nil {
		t.Skipf("Fashion-MNIST is not installed (Debian package dataset-fashion-mnist): %v", err)
	}
	for path := range strings.Lines(string(list)) {
		if path = strings.TrimSpace(path); strings.HasSuffix(path, suffix) {
			return path
		}
	}
	t.Skipf("Debian package dataset-fashion-mnist has no %s", suffix)
	return ""
}

// readIDX reads at most limit images of a gzipped IDX file: a header of four
// big-endian words (magic 2051, count, height, width), then bytes.
func readIDX(t *testing.T, path string, limit int) (rows []float32, n, dim int) {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("Fashion-MNIST is listed but not there: %v", err)
	}
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var head [4]uint32
	require.NoError(t, binary.Read(z, binary.BigEndian, &head))
	require.EqualValues(t, 2051, head[0], "magic")
	n, dim = min(int(head[1]), limit), int(head[2]*head[3])
	pixels := make([]byte, n*dim)
	_, err = io.ReadFull(z, pixels)
	require.NoError(t, err)
	rows = make([]float32, len(pixels))
	for i, p := range pixels {
		rows[i] = float32(p)
	}
	return rows, n, dim
}

// TestFashionMNIST holds the graph to recall@10 >= 0.99 at ef 64 on real data,
// before and after half of the rows have been deleted and added again.
func TestFashionMNIST(t *testing.T) {
	t.Parallel()
	limit, nq := 10_000, 200
	if *full {
		limit = 60_000
	} else if testing.Short() {
		limit, nq = 1_000, 50
	}
	base, n, dim := readIDX(t, fashionFile(t, "train-images-idx3-ubyte.gz"), limit)
	queries, _, _ := readIDX(t, fashionFile(t, "t10k-images-idx3-ubyte.gz"), nq)

	x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 16, EfConstruction: 200, Seed: 1, ExactBelow: -1})
	keys := upTo(n)
	require.NoError(t, x.AddBatch(keys, base, nil))
	truth := exactKeys(t, x, queries, 10, nil)
	fresh := recallOf(t, x, queries, 10, 64, nil, truth)
	assert.GreaterOrEqual(t, fresh, 0.99, "fresh build")

	half := keys[:n/2]
	requireDeleted(t, len(half), x, half...)
	for q := range slices.Chunk(queries, dim) {
		hits, err := x.Search(q, 10, &hnsw.SearchOptions[uint32]{Ef: 64}, nil)
		require.NoError(t, err)
		require.Len(t, hits, 10)
		for _, h := range hits {
			require.GreaterOrEqual(t, h.Key, uint32(n/2), "a deleted key came back")
		}
	}
	left := exactKeys(t, x, queries, 10, nil)
	assert.GreaterOrEqual(t, recallOf(t, x, queries, 10, 64, nil, left), 0.99, "after deleting half")

	require.NoError(t, x.AddBatch(half, base[:n/2*dim], nil))
	again := recallOf(t, x, queries, 10, 64, nil, truth)
	assert.GreaterOrEqual(t, again, 0.99, "after adding it again")
	assert.GreaterOrEqual(t, again, fresh-0.005, "the same recall as before")
	require.NoError(t, x.Check())
	t.Logf("%d rows: recall@10 %.4f fresh, %.4f after churn", n, fresh, again)
}
