package tiles

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

func TestPaths(t *testing.T) {
	for want, c := range map[string]tile{
		"tile/0/x001/x234/067":     {0, 1234067, 256},
		"tile/0/x001/x234/067.p/8": {0, 1234067, 8},
		"tile/3/000":               {3, 0, 256},
		"tile/entries/999":         {-1, 999, 256},
		"tile/entries/x001/000":    {-1, 1000, 256},
		"tile/entries/273.p/112":   {-1, 273, 112},
		"tile/5/x123/x456/789.p/1": {5, 123456789, 1},
	} {
		assert.Equal(t, want, c.path())
		got, ok := parsePath(want)
		assert.True(t, ok, want)
		assert.Equal(t, c, got)
		if c.level >= 0 { // as the package that invented the scheme writes it
			assert.Equal(t, tlog.Tile{H: 8, L: c.level, N: int64(c.n), W: c.w}.Path(), "tile/8/"+strings.TrimPrefix(want, "tile/"))
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"tile/0/x001/x234/067.p/8", "tile/entries/000", "tile/63/999", "tile/0/x001/x234", "tile/0/000.p/", "checkpoint", "tile/0/x18446744/073/709/551/616"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if c, ok := parsePath(p); ok {
			require.Equal(t, p, c.path())
			require.True(t, c.w >= 1 && c.w <= Width && c.level >= -1 && c.level <= 63)
			c.within(MaxSize) // must not panic, whatever the level
		}
	})
}

// The files a tree has, counted one by one.
func TestAddedFiles(t *testing.T) {
	for _, size := range []uint64{0, 1, 255, 256, 257, 70_000} {
		for level := -1; level < 4; level++ {
			count := size
			for range max(level, 0) {
				count /= 256
			}
			var hashes uint64
			for c := range added(level, 0, size) {
				assert.Equal(t, hashes/256, c.n)
				hashes += uint64(c.w)
				assert.True(t, c.within(size))
				assert.False(t, c.within(c.to()-1))
			}
			assert.Equal(t, count, hashes, "size %d level %d", size, level)
		}
	}
	for a := range uint64(600) {
		b := a + 300
		first := true
		for c := range added(0, a, b) {
			if first {
				assert.Equal(t, a/256, c.n)
			}
			first = false
		}
	}
}
