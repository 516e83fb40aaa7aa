package hnsw_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

// saved returns the bytes of a snapshot.
func saved[K hnsw.Key](t testing.TB, x *hnsw.Index[K]) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	require.NoError(t, x.Save(path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// stored returns the path of a file with the given bytes.
func stored(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

// life adds and deletes rows; each part goes on where the one before ended.
type life[K hnsw.Key] struct {
	dim  int
	rows []float32
	key  func(int) K
}

func (l life[K]) keys(from, to int) (keys []K) {
	for i := from; i < to; i++ {
		keys = append(keys, l.key(i))
	}
	return keys
}

func (l life[K]) part(t testing.TB, x *hnsw.Index[K], part, workers int) {
	t.Helper()
	const n = 300
	from := part * n
	o := &hnsw.BatchOptions{Workers: workers}
	require.NoError(t, x.AddBatch(l.keys(from, from+n), l.rows[from*l.dim:(from+n)*l.dim], o))
	x.Delete(l.keys(from+10, from+80)...)
	require.NoError(t, x.AddBatch(l.keys(from+70, from+120), l.rows[:50*l.dim], o))
	if part > 0 {
		x.Delete(l.keys(from-50, from+5)...)
	}
}

// testSnapshots takes every fifth case in short tests, so that each value of
// each option comes up, with row numbers in other cases than without.
func testSnapshots[K hnsw.Key](t *testing.T, key func(int) K, numbers bool) {
	n := 0
	if numbers {
		n = 2
	}
	for _, mode := range []hnsw.Mode{hnsw.Int8, hnsw.Float32, hnsw.Compact} {
		for _, metric := range []hnsw.Metric{hnsw.Cosine, hnsw.Dot, hnsw.L2} {
			for _, dim := range []int{7, 62} { // a code leaves room for its scale, or does not
				for _, below := range []int{-1, 700} { // linked; scanned, then catching up
					if n++; testing.Short() && n%5 != 0 {
						continue
					}
					t.Run(fmt.Sprint(mode, metric, dim, below), func(t *testing.T) {
						o := &hnsw.Options{M: 5, EfConstruction: 30, Metric: metric, Mode: mode, RowNumbers: numbers, ExactBelow: below}
						l := life[K]{dim, gaussian(random(71), 900, dim), key}
						straight, detour := fresh[K](t, dim, o), fresh[K](t, dim, o)
						for part := range 3 {
							l.part(t, straight, part, 1)
							l.part(t, detour, part, 2)
							want, path := saved(t, straight), filepath.Join(t.TempDir(), "x")
							require.True(t, bytes.Equal(want, saved(t, detour)), "part %d", part)
							require.NoError(t, os.WriteFile(path, want, 0o600))
							var err error
							detour, err = hnsw.Load[K](path)
							require.NoError(t, err)
							require.True(t, bytes.Equal(want, saved(t, detour)), "part %d, loaded", part)
							requireSameAnswers(t, straight, detour, l.rows[:20*dim])
						}
					})
				}
			}
		}
	}
}

func fresh[K hnsw.Key](t testing.TB, dim int, o *hnsw.Options) *hnsw.Index[K] {
	t.Helper()
	x, err := hnsw.New[K](dim, o)
	require.NoError(t, err)
	return x
}

func requireSameAnswers[K hnsw.Key](t *testing.T, a, b *hnsw.Index[K], queries []float32) {
	t.Helper()
	dim := a.Stats().Dim
	for i := range len(queries) / dim {
		q := queries[i*dim : (i+1)*dim]
		want, err := a.Search(q, 7, nil, nil)
		require.NoError(t, err)
		got, err := b.Search(q, 7, nil, nil)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// TestSnapshotsContinue saves and loads between changes: the index comes to be
// the same, to the byte, as one that was never saved.
func TestSnapshotsContinue(t *testing.T) {
	t.Run("uint32", func(t *testing.T) { testSnapshots(t, func(i int) uint32 { return uint32(i * 977) }, false) })
	t.Run("row numbers", func(t *testing.T) { testSnapshots(t, func(i int) uint32 { return uint32(i) }, true) })
	if testing.Short() { // the kinds differ in how keys are stored, and in nothing else
		return
	}
	t.Run("uint64", func(t *testing.T) { testSnapshots(t, func(i int) uint64 { return uint64(i) << 33 }, false) })
	t.Run("string", func(t *testing.T) { testSnapshots(t, func(i int) string { return fmt.Sprint("key ", i) }, false) })
}

// TestCompactSnapshot is of an index that keeps codes alone.
func TestCompactSnapshot(t *testing.T) {
	const n, dim = 4_200, 16
	x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 4, EfConstruction: 10, Mode: hnsw.Compact, ExactBelow: -1})
	require.NoError(t, x.AddBatch(upTo(n), gaussian(random(72), n, dim), nil))
	require.Zero(t, x.Stats().VectorBytes)
	b := saved(t, x)
	y, err := hnsw.Load[uint32](stored(t, b))
	require.NoError(t, err)
	require.Zero(t, y.Stats().VectorBytes)
	x.Delete(upTo(20)...)
	y.Delete(upTo(20)...)
	require.True(t, bytes.Equal(saved(t, x), saved(t, y)))
}

func TestEmptySnapshot(t *testing.T) {
	x := fresh[string](t, 3, nil)
	y, err := hnsw.Load[string](stored(t, saved(t, x)))
	require.NoError(t, err)
	require.Zero(t, y.Len())
	require.NoError(t, y.Add("a", []float32{1, 2, 3}))
}

// smallSnapshot is of a few linked rows, on several levels, with a free slot.
func smallSnapshot(t testing.TB) []byte {
	x := fresh[string](t, 2, &hnsw.Options{M: 2, ExactBelow: -1, Metric: hnsw.L2})
	for i := range 12 {
		require.NoError(t, x.Add(fmt.Sprint(i), []float32{float32(i % 4), float32(i)}))
	}
	x.Delete("3", "7")
	return saved(t, x)
}

// TestEveryBitCounts flips each bit of a snapshot.
func TestEveryBitCounts(t *testing.T) {
	b := smallSnapshot(t)
	path := stored(t, b)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	for i := range b {
		if testing.Short() && i%7 != 0 {
			continue
		}
		for bit := range 8 {
			_, err := f.WriteAt([]byte{b[i] ^ 1<<bit}, int64(i))
			require.NoError(t, err)
			_, err = hnsw.Load[string](path)
			require.Error(t, err, "byte %d, bit %d", i, bit)
		}
		_, err := f.WriteAt(b[i:i+1], int64(i))
		require.NoError(t, err)
	}
}

func TestTruncatedSnapshots(t *testing.T) {
	b := smallSnapshot(t)
	path := stored(t, b)
	for n := len(b) - 1; n >= 0; n-- {
		require.NoError(t, os.Truncate(path, int64(n)))
		_, err := hnsw.Load[string](path)
		require.ErrorIs(t, err, hnsw.ErrCorrupt, "%d bytes", n)
	}
	_, err := hnsw.Load[string](stored(t, append(b, 0)))
	require.ErrorIs(t, err, hnsw.ErrCorrupt)
}

func TestForeignSnapshots(t *testing.T) {
	path := stored(t, smallSnapshot(t))
	_, err := hnsw.Load[uint64](path)
	require.ErrorIs(t, err, hnsw.ErrForeign)
	_, err = hnsw.Load[string](filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	x := fresh[string](t, 2, nil)
	require.ErrorIs(t, x.Save(filepath.Join(t.TempDir(), "none", "x")), os.ErrNotExist)
}

// TestSaveLeavesNothing besides the snapshot, and what was there if it fails.
func TestSaveLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	x := fresh[string](t, 2, nil)
	require.NoError(t, x.Save(filepath.Join(dir, "x")))
	require.NoError(t, x.Save(filepath.Join(dir, "x")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "d", "full"), 0o700))
	require.Error(t, x.Save(filepath.Join(dir, "d")), "a directory is there")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, files, 2)
}

// TestSearchesGoOnWhileSaving looks for rows while others are added and saved.
func TestSearchesGoOnWhileSaving(t *testing.T) {
	const n, dim = 600, 6
	rows := gaussian(random(73), n, dim)
	x := newIndex(t, dim, hnsw.L2, &hnsw.Options{M: 4, EfConstruction: 16, ExactBelow: -1})
	require.NoError(t, x.AddBatch(upTo(n/2), rows[:n/2*dim], nil))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i = (i + 1) % (n / 2) {
			select {
			case <-stop:
				return
			default:
			}
			hits, err := x.Search(rows[i*dim:(i+1)*dim], 1, nil, nil)
			assert.NoError(t, err)
			assert.Len(t, hits, 1)
		}
	})
	wg.Go(func() {
		for i := n / 2; i < n; i++ {
			assert.NoError(t, x.Add(uint32(i), rows[i*dim:(i+1)*dim]))
		}
	})
	path := filepath.Join(t.TempDir(), "x")
	for range 5 {
		require.NoError(t, x.Save(path))
		y, err := hnsw.Load[uint32](path)
		require.NoError(t, err)
		require.GreaterOrEqual(t, y.Len(), n/2)
	}
	close(stop)
	wg.Wait()
}

func Example_save() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "parts.hnsw")

	x, _ := hnsw.New[string](2, nil)
	_ = x.AddBatch([]string{"bolt", "nut"}, []float32{1, 0, 0, 1}, nil)
	fmt.Println(x.Save(path))

	y, err := hnsw.Load[string](path)
	hits, _ := y.Search([]float32{2, 1}, 1, nil, nil)
	fmt.Println(y.Len(), hits[0].Key, err)
	// Output:
	// <nil>
	// 2 bolt <nil>
}

// FuzzLoad repairs the checksums of what it is given, so that what lies behind
// them is met. Nothing may panic, be it loaded or used.
func FuzzLoad(f *testing.F) {
	b := smallSnapshot(f)
	f.Add(0, []byte{1})
	f.Add(300, []byte("damage"))
	f.Fuzz(func(t *testing.T, at int, damage []byte) {
		c := bytes.Clone(b)
		if at < 0 || at > len(c) {
			return
		}
		copy(c[at:], damage)
		x, err := hnsw.Load[string](stored(t, hnsw.Repair(c)))
		if err != nil {
			return
		}
		_, err = x.Search([]float32{1, 2}, 3, nil, nil)
		require.NoError(t, err)
		require.NoError(t, x.Add("new", []float32{3, 4}))
		x.Delete("1", "2", "new")
	})
}
