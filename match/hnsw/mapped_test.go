package hnsw_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

// TestMappedIndexContinues opens and changes an index: the file stays as it is,
// and the index comes to be the same, to the byte, as one that was never saved.
func TestMappedIndexContinues(t *testing.T) {
	const dim = 20
	for _, mode := range []hnsw.Mode{hnsw.Int8, hnsw.Float32, hnsw.Compact} {
		t.Run(mode.String(), func(t *testing.T) {
			o := &hnsw.Options{M: 5, EfConstruction: 30, Metric: hnsw.L2, Mode: mode, ExactBelow: -1}
			l := life[string]{dim, gaussian(random(75), 900, dim), func(i int) string { return fmt.Sprint("key ", i) }}
			straight, mapped := fresh[string](t, dim, o), fresh[string](t, dim, o)
			for part := range 3 {
				l.part(t, straight, part, 1)
				l.part(t, mapped, part, 2)
				want, path := saved(t, straight), filepath.Join(t.TempDir(), "x")
				require.NoError(t, mapped.Save(path))
				require.NoError(t, mapped.Close())
				var err error
				mapped, err = hnsw.Open[string](path, nil)
				require.NoError(t, err)
				requireSameAnswers(t, straight, mapped, l.rows[:20*dim])
				require.NoError(t, mapped.Add("passing", l.rows[:dim]))
				requireDeleted(t, 1, mapped, "passing")
				require.NoError(t, mapped.Close())
				b, err := os.ReadFile(path)
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, b), "changes reach the file")
				mapped, err = hnsw.Open[string](path, &hnsw.OpenOptions{Verify: true})
				require.NoError(t, err)
			}
			require.NoError(t, mapped.Close())
		})
	}
}

// TestOpenRefusesDamage flips a bit of each byte, and cuts the file.
func TestOpenRefusesDamage(t *testing.T) {
	b := smallSnapshot(t)
	path := stored(t, b)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	for i := range b {
		if testing.Short() && i%7 != 0 {
			continue
		}
		_, err := f.WriteAt([]byte{b[i] ^ 1<<(i%8)}, int64(i))
		require.NoError(t, err)
		_, err = hnsw.Open[string](path, nil)
		require.Error(t, err, "byte %d", i)
		_, err = f.WriteAt(b[i:i+1], int64(i))
		require.NoError(t, err)
	}
	for n := int64(599); n >= 0; n-- {
		require.NoError(t, f.Truncate(n))
		_, err := hnsw.Open[string](path, nil)
		require.ErrorIs(t, err, hnsw.ErrCorrupt, "%d bytes", n)
	}
}

// TestClosedIndexRefuses closes an index under searches.
func TestClosedIndexRefuses(t *testing.T) {
	x, err := hnsw.Open[string](stored(t, smallSnapshot(t)), nil)
	require.NoError(t, err)
	q := []float32{1, 2}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				hits, err := x.Search(q, 3, nil, nil)
				if err != nil {
					assert.ErrorIs(t, err, hnsw.ErrClosed)
					return
				}
				assert.Contains(t, []int{0, 3}, len(hits))
			}
		})
	}
	require.NoError(t, x.Close())
	wg.Wait()
	require.NoError(t, x.Close(), "twice")
	require.ErrorIs(t, x.Add("a", q), hnsw.ErrClosed)
	require.ErrorIs(t, x.Check(), hnsw.ErrClosed)
	require.ErrorIs(t, x.Verify(), hnsw.ErrClosed)
	require.ErrorIs(t, x.Save(filepath.Join(t.TempDir(), "x")), hnsw.ErrClosed)
	_, err = x.Delete("1")
	require.ErrorIs(t, err, hnsw.ErrClosed)
	require.Zero(t, x.Len())
	require.Zero(t, x.Stats().Rows)
	_, ok := x.Get("1", nil)
	require.False(t, ok)
}

func ExampleOpen() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "parts.hnsw")
	x, _ := hnsw.New[string](2, nil)
	_ = x.AddBatch([]string{"bolt", "nut"}, []float32{1, 0, 0, 1}, nil)
	_ = x.Save(path)

	y, err := hnsw.Open[string](path, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	hits, _ := y.Search([]float32{2, 1}, 1, nil, nil)
	fmt.Println(hits[0].Key, y.Close())
	_, err = y.Search([]float32{2, 1}, 1, nil, nil)
	fmt.Println(err)
	// Output:
	// bolt <nil>
	// hnsw: index is closed
}

// BenchmarkOpen is of 100,000 linked rows of 384 values, or a million.
func BenchmarkOpen(b *testing.B) {
	const dim, step = 384, 1000
	n := 100_000
	if *full {
		n = 1_000_000
	}
	x := newIndex(b, dim, hnsw.Cosine, &hnsw.Options{M: 16, EfConstruction: 16, RowNumbers: true, ExactBelow: -1})
	r := random(76)
	rows := make([]float32, step*dim)
	keys := upTo(n)
	for first := 0; first < n; first += step {
		for i := range step {
			copy(rows[i*dim:], gaussian(r, 1, 8))
		}
		require.NoError(b, x.AddBatch(keys[first:first+step], rows, nil))
	}
	path := filepath.Join(b.TempDir(), "x")
	require.NoError(b, x.Save(path))
	x = nil
	runtime.GC() // of what lies in memory, a program that opens an index has nothing
	for b.Loop() {
		y, err := hnsw.Open[uint32](path, nil)
		require.NoError(b, err)
		require.NoError(b, y.Close())
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/open")
}
