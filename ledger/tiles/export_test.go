package tiles_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger/tiles"
)

// sizes are where files begin, fill up and spill into the next level.
func sizes() []int {
	if testing.Short() {
		return []int{0, 1, 2, 255, 256, 257, 512, 600}
	}
	return []int{0, 1, 2, 255, 256, 257, 511, 512, 513, 600, 65535, 65536, 65537, 65536 + 256}
}

func TestExportReadsBackWhole(t *testing.T) {
	log := newLog(t, 0)
	for _, size := range sizes() {
		x := open(t, log, export(t, log, size))
		require.Equal(t, uint64(size), x.Size())
		require.Equal(t, log.root(t, size), x.Root())
		require.Equal(t, "example.org/log", x.Origin())
		require.NoError(t, x.Verify(t.Context(), nil), "size %d", size)
		i := 0
		for leaf, err := range x.Leaves(t.Context(), 0, uint64(size)) {
			require.NoError(t, err)
			require.Equal(t, string(log.leaves[i]), string(leaf))
			i++
		}
		require.Equal(t, size, i)
	}
}

// The example of c2sp.org/tlog-tiles, section "Partial Tiles".
func TestExportWritesTheFilesOfTheSpecification(t *testing.T) {
	if testing.Short() {
		t.Skip("70,000 entries")
	}
	log := newLog(t, 0)
	list := files(t, export(t, log, 70_000))
	count := map[string]int{}
	for name, data := range list {
		parts := strings.Split(name, "/")
		switch {
		case name == "checkpoint":
			continue
		case strings.Contains(name, ".p/"):
			count[strings.Join(parts[:2], "/")+" partial "+parts[len(parts)-1]]++
		default:
			count[strings.Join(parts[:2], "/")]++
			if parts[1] != "entries" {
				assert.Len(t, data, 8192, name)
			}
		}
	}
	assert.Equal(t, map[string]int{
		"tile/entries": 273, "tile/entries partial 112": 1,
		"tile/0": 273, "tile/0 partial 112": 1,
		"tile/1": 1, "tile/1 partial 17": 1,
		"tile/2 partial 1": 1,
	}, count)
	assert.Contains(t, names(list), "tile/0/272")
	assert.Contains(t, names(list), "tile/0/273.p/112")
}

// A full tile is written once; what a checkpoint covered stays as it was; a
// partial file goes when the full one is published.
func TestExportAddsOnlyWhatIsNew(t *testing.T) {
	log := newLog(t, 0)
	dir := t.TempDir()
	steps := []int{0, 1, 3, 3, 255, 256, 300, 511, 512, 513, 1200}
	for i, size := range steps {
		before, stamps := files(t, dir), map[string]os.FileInfo{}
		for name := range before {
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			stamps[name] = info
		}
		exportInto(t, log, size, dir)
		after := files(t, dir)
		for name, data := range before {
			if name == "checkpoint" {
				continue
			}
			if full, _, partial := strings.Cut(name, ".p/"); partial {
				if _, there := after[full]; there {
					assert.NotContains(t, names(after), name, "partial file beside its full one")
					continue
				}
			}
			require.Equal(t, data, after[name], "%s at size %d", name, size)
			info, err := os.Stat(filepath.Join(dir, name))
			require.NoError(t, err)
			assert.True(t, os.SameFile(stamps[name], info), "%s was written again at size %d", name, size)
		}
		require.NoError(t, open(t, log, dir).Verify(t.Context(), nil))
		if i > 0 && steps[i-1]/256 == size/256 && steps[i-1]%256 > 0 { // the earlier checkpoint's partial files are still served
			assert.Contains(t, names(after), fmt.Sprintf("tile/0/%03d.p/%d", size/256, steps[i-1]%256), "size %d", size)
		}
	}
	once := files(t, export(t, log, 1200))
	for name, data := range once {
		assert.Equal(t, data, files(t, dir)[name], name)
	}
}

// Whoever reads meanwhile sees the old log, and the next export finishes.
func TestInterruptedExportIsFinished(t *testing.T) {
	log := newLog(t, 900)
	dir := t.TempDir()
	exportInto(t, log, 300, dir)
	log.broken = 700
	err := tiles.Export(t.Context(), log, dir, nil)
	require.ErrorIs(t, err, errBroken)
	x := open(t, log, dir)
	require.Equal(t, uint64(300), x.Size())
	require.NoError(t, x.Verify(t.Context(), nil))

	ctx, cancel := context.WithCancel(t.Context())
	log.broken = 0
	err = tiles.Export(ctx, log, dir, &tiles.ExportOptions{Progress: func(done, total uint64) {
		assert.Equal(t, uint64(600), total)
		if done > 200 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, uint64(300), open(t, log, dir).Size())

	// A file that a power cut left empty is written again.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tile/0/002"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tile/0/.new-001"), []byte("left over"), 0o600))
	last := uint64(0)
	require.NoError(t, tiles.Export(t.Context(), log, dir, &tiles.ExportOptions{Progress: func(done, _ uint64) { last = done }}))
	assert.Equal(t, uint64(600), last)
	x = open(t, log, dir)
	require.Equal(t, uint64(900), x.Size())
	require.NoError(t, x.Verify(t.Context(), nil))
	assert.NotContains(t, names(files(t, dir)), "tile/0/.new-001")
}

func TestExportRefusesAFolderItDoesNotExtend(t *testing.T) {
	log := newLog(t, 400)
	dir := export(t, log, 300)
	old := files(t, dir)
	other := newLog(t, 400)
	other.name = "example.org/other"
	for what, c := range map[string]struct {
		log  *fakeLog
		size int
		want error
	}{
		"fork":             {log.fork(t, 299, 400), 400, tiles.ErrFork},
		"rollback":         {log, 299, tiles.ErrFork},
		"fork, same size":  {log.fork(t, 299, 300), 300, tiles.ErrFork},
		"of another log":   {other, 400, tiles.ErrFork},
		"not of this tree": {log, -1, tiles.ErrCheckpoint},
	} {
		signed := log.fork(t, 5, 400).at(t, 400)
		if c.size >= 0 {
			signed = c.log.at(t, c.size)
		}
		err := tiles.Export(t.Context(), c.log, dir, &tiles.ExportOptions{Checkpoint: signed})
		require.ErrorIs(t, err, c.want, what)
		require.Equal(t, old, files(t, dir), what)
	}
	err := tiles.Export(t.Context(), log, dir, &tiles.ExportOptions{Checkpoint: []byte("no checkpoint")})
	require.ErrorIs(t, err, tiles.ErrCheckpoint)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte("damaged"), 0o600))
	require.ErrorIs(t, tiles.Export(t.Context(), log, dir, nil), tiles.ErrCheckpoint)
}

func TestEntriesOfEverySizeThatFits(t *testing.T) {
	log := newLog(t, 0)
	log.add(t, make([]byte, tiles.MaxEntry))
	log.add(t, nil)
	log.add(t, []byte("small"))
	dir := t.TempDir()
	require.NoError(t, tiles.Export(t.Context(), log, dir, nil))
	x := open(t, log, dir)
	require.NoError(t, x.Verify(t.Context(), nil))
	i := 0
	for leaf, err := range x.Leaves(t.Context(), 0, 3) {
		require.NoError(t, err)
		require.Equal(t, len(log.leaves[i]), len(leaf))
		i++
	}
	log.add(t, make([]byte, tiles.MaxEntry+1))
	require.ErrorIs(t, tiles.Export(t.Context(), log, dir, nil), tiles.ErrEntry)
	require.Equal(t, uint64(3), open(t, log, dir).Size(), "nothing of it was published")
}

// The goal of the format: at most 48 bytes per entry above the leaf record.
func TestFolderIsSmall(t *testing.T) {
	size := 40_000
	if testing.Short() {
		size = 2_560
	}
	log := newLog(t, size)
	payload, total := 0, 0
	for _, leaf := range log.leaves {
		payload += len(leaf)
	}
	for _, data := range files(t, export(t, log, size)) {
		total += len(data)
	}
	above := float64(total-payload) / float64(size)
	assert.Less(t, above, 48.0)
	assert.InDelta(t, 34.13, above, 0.3, "as the package comment says")
}

func TestExportOfAFolderIsTheSameFolder(t *testing.T) {
	log := newLog(t, 0)
	dir := export(t, log, 777)
	again := t.TempDir()
	require.NoError(t, tiles.Export(t.Context(), open(t, log, dir), again, nil))
	assert.Equal(t, files(t, dir), files(t, again))
}
