package hnsw_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

// logged opens an index that keeps a log.
func logged(t testing.TB, path string) *hnsw.Index[string] {
	t.Helper()
	x, err := hnsw.Open[string](path, &hnsw.OpenOptions{Log: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = x.Close() })
	return x
}

// change makes some calls and returns the snapshots before the first and after
// each.
func change(t testing.TB, x *hnsw.Index[string], path string) (states [][]byte, ends []int64) {
	note := func() {
		states = append(states, saved(t, x))
		info, err := os.Stat(path + ".log")
		require.NoError(t, err)
		ends = append(ends, info.Size())
	}
	note()
	require.NoError(t, x.AddBatch([]string{"a", "b"}, []float32{7, 7, 8, 9}, nil))
	note()
	requireDeleted(t, 2, x, "a", "2")
	note()
	require.NoError(t, x.Add("1", []float32{5, 5}))
	note()
	return states, ends
}

// TestLogIsReplayed cuts the log off at each length, as a crash might: each call
// that was acknowledged is there, to the byte, and nothing of a later one.
func TestLogIsReplayed(t *testing.T) {
	path := stored(t, smallSnapshot(t))
	x := logged(t, path)
	states, ends := change(t, x, path)
	require.NoError(t, x.Close())
	log, err := os.ReadFile(path + ".log")
	require.NoError(t, err)
	done := 0
	for n := ends[0]; n <= int64(len(log)); n++ {
		if done+1 < len(ends) && n == ends[done+1] {
			done++
		}
		require.NoError(t, os.WriteFile(path+".log", log[:n], 0o600))
		y := logged(t, path)
		require.True(t, bytes.Equal(states[done], saved(t, y)), "%d bytes", n)
		require.NoError(t, y.Close())
		info, err := os.Stat(path + ".log")
		require.NoError(t, err)
		require.Equal(t, ends[done], info.Size(), "the rest is cut off")
	}
}

// TestDamagedLogIsRefused flips each bit of all calls but the last, which may
// be one that was never acknowledged.
func TestDamagedLogIsRefused(t *testing.T) {
	path := stored(t, smallSnapshot(t))
	x := logged(t, path)
	_, ends := change(t, x, path)
	require.NoError(t, x.Close())
	log, err := os.ReadFile(path + ".log")
	require.NoError(t, err)
	for i := range log[:ends[len(ends)-2]] {
		log[i] ^= 1 << (i % 8)
		require.NoError(t, os.WriteFile(path+".log", log, 0o600))
		_, err := hnsw.Open[string](path, &hnsw.OpenOptions{Log: true})
		require.ErrorIs(t, err, hnsw.ErrCorrupt, "byte %d", i)
		log[i] ^= 1 << (i % 8)
	}
}

// TestSaveBeginsTheLogAnew at the path that was opened, and nowhere else. A log
// that a crash left beside the next snapshot is of no use any more.
func TestSaveBeginsTheLogAnew(t *testing.T) {
	path := stored(t, smallSnapshot(t))
	x := logged(t, path)
	states, ends := change(t, x, path)
	last := states[len(states)-1]
	old, err := os.ReadFile(path + ".log")
	require.NoError(t, err)
	require.Len(t, old, int(ends[len(ends)-1]), "saved elsewhere")

	require.NoError(t, x.Save(filepath.Join(filepath.Dir(path), ".", "x")))
	info, err := os.Stat(path + ".log")
	require.NoError(t, err)
	require.Equal(t, ends[0], info.Size())
	require.NoError(t, x.Add("later", []float32{1, 1}))
	want := saved(t, x)
	require.NoError(t, x.Close())
	x = logged(t, path)
	require.True(t, bytes.Equal(want, saved(t, x)))
	require.NoError(t, x.Close())

	require.NoError(t, os.WriteFile(path+".log", old, 0o600)) // as if the process ended between the two
	x = logged(t, path)
	require.True(t, bytes.Equal(last, saved(t, x)))
}

// exampleLog is a log of the small snapshot.
func exampleLog(f *testing.F) []byte {
	path := stored(f, smallSnapshot(f))
	x := logged(f, path)
	_, _ = change(f, x, path)
	require.NoError(f, x.Close())
	log, err := os.ReadFile(path + ".log")
	require.NoError(f, err)
	return log
}

// requireOpenOrError opens the small snapshot with a log of any content.
func requireOpenOrError(t *testing.T, log []byte) {
	p := stored(t, smallSnapshot(t))
	require.NoError(t, os.WriteFile(p+".log", log, 0o600))
	x, err := hnsw.Open[string](p, &hnsw.OpenOptions{Log: true})
	if err != nil {
		return
	}
	require.NoError(t, x.Check())
	require.NoError(t, x.Close())
}

// FuzzLog opens logs of any content: an error, or an index that is whole.
func FuzzLog(f *testing.F) {
	f.Add(exampleLog(f))
	f.Fuzz(requireOpenOrError)
}

// FuzzCalls opens logs of any calls, whose checksums are right.
func FuzzCalls(f *testing.F) {
	log := exampleLog(f)
	calls := hnsw.CallsOf(log)
	require.Len(f, calls, 3)
	require.Equal(f, log, hnsw.LogOf(log, calls...))
	f.Add(calls[0], calls[1])
	f.Add(calls[2], calls[1])
	f.Add(calls[1], []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) { requireOpenOrError(t, hnsw.LogOf(log, a, b)) })
}
