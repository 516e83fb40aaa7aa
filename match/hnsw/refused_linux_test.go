package hnsw_test

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

// onItsOwn runs the calling test in a process that a limit may be set for without
// harm to others, and reports whether this is it.
func onItsOwn(t *testing.T) bool {
	t.Helper()
	const mark = "CSSS_TEST_ON_ITS_OWN"
	if os.Getenv(mark) != "" {
		signal.Ignore(syscall.SIGXFSZ)
		return true
	}
	args := []string{"-test.v", "-test.run=^" + t.Name() + "$"}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), mark+"=1")
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

// withFilesBelow calls do while no file may grow to more than n bytes, as on a
// disk that is full.
func withFilesBelow(t *testing.T, n int, do func()) {
	t.Helper()
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(n), Max: before.Max}))
	defer func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) }()
	do()
}

// TestSaveOnAFullDisk has the disk full at offsets all over the snapshot: what was
// there before stays, nothing else is left behind, and the index goes on.
func TestSaveOnAFullDisk(t *testing.T) {
	if !onItsOwn(t) {
		return
	}
	old := smallSnapshot(t)
	path := stored(t, old)
	x, err := hnsw.Load[string](path)
	require.NoError(t, err)
	require.NoError(t, x.Add("new", []float32{3, 9}))
	want := saved(t, x)
	step := 7
	if testing.Short() {
		step = 97
	}
	for n := len(want) - 1; n >= 0; n -= step { // the last byte missing, first
		withFilesBelow(t, n, func() { err = x.Save(path) })
		require.ErrorIs(t, err, syscall.EFBIG, "%d bytes", n)
		requireOnly(t, path)
	}
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, old, now)
	require.Equal(t, want, saved(t, x))
}

// TestSaveThatMayNotBeRenamed saves to the place of a folder.
func TestSaveThatMayNotBeRenamed(t *testing.T) {
	x, err := hnsw.Load[string](stored(t, smallSnapshot(t)))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "folder")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "full"), 0o700))
	require.Error(t, x.Save(path))
	requireOnly(t, path)
	require.Error(t, x.Save(filepath.Join(path, "nowhere", "x")))
	require.Equal(t, smallSnapshot(t), saved(t, x))
}

// TestLogOnAFullDisk has no room for a call: it is refused, and is not there
// after the next start, while those before are.
func TestLogOnAFullDisk(t *testing.T) {
	if !onItsOwn(t) {
		return
	}
	path := stored(t, smallSnapshot(t))
	x := logged(t, path)
	require.NoError(t, x.Add("kept", []float32{3, 9}))
	info, err := os.Stat(path + ".log")
	require.NoError(t, err)
	withFilesBelow(t, int(info.Size())+5, func() { err = x.Add("refused", []float32{4, 9}) })
	require.ErrorIs(t, err, syscall.EFBIG)
	require.NoError(t, x.Close())
	x = logged(t, path)
	_, ok := x.Get("kept", nil)
	require.True(t, ok)
	_, ok = x.Get("refused", nil)
	require.False(t, ok)
}

func requireOnly(t *testing.T, path string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, all, 1, "files are left over")
	require.Equal(t, filepath.Base(path), all[0].Name())
}

// TestNothingStaysOpen opens snapshots that are sound and that are not: neither
// files, nor what was mapped of them, nor goroutines are left.
func TestNothingStaysOpen(t *testing.T) {
	b := smallSnapshot(t)
	sound, damaged := stored(t, b), stored(t, append(append([]byte(nil), b[:len(b)-1]...), b[len(b)-1]^1))
	badLog := stored(t, b)
	require.NoError(t, os.Mkdir(badLog+".log", 0o700))
	runtime.GC() // what earlier tests forgot must not be closed between the counts
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	for range 20 {
		x, err := hnsw.Open[string](sound, &hnsw.OpenOptions{Log: true})
		require.NoError(t, err)
		require.NoError(t, x.Add("a", []float32{1, 2}))
		require.NoError(t, x.Save(sound))
		require.NoError(t, x.Close())
		_, err = hnsw.Open[string](damaged, nil)
		require.Error(t, err)
		_, err = hnsw.Load[string](damaged)
		require.Error(t, err)
		_, err = hnsw.Open[string](badLog, &hnsw.OpenOptions{Log: true})
		require.Error(t, err)
	}
	require.LessOrEqual(t, openFiles(t), files)
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	for _, path := range []string{sound, damaged, badLog} {
		require.False(t, strings.Contains(string(maps), path), "is still mapped")
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}
