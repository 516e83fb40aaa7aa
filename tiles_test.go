package csss_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/ledger/tiles"
)

// TestTilesTellNothing exports the ledger of a whole market: a stranger's reader accepts it, and no firm's,
// person's or offer's word is in any file.
func TestTilesTellNothing(t *testing.T) {
	p := inWorld(t)
	early, err := p.x.Checkpoint(t.Context())
	require.NoError(t, err)
	before := p.x.Size()
	_, err = p.x.RecordComparables(t.Context(), csss.By{At: time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC)}, "expertise", 10000)
	require.NoError(t, err)

	dir := t.TempDir()
	require.NoError(t, tiles.Export(t.Context(), p.x.Tiles(), dir, &tiles.ExportOptions{Checkpoint: early, Unsynced: true}))
	folder, err := tiles.Open(os.DirFS(dir), p.x.VerifierKey())
	require.NoError(t, err)
	require.NoError(t, folder.Verify(t.Context(), nil))
	assert.Equal(t, before, folder.Size(), "an earlier head shows nothing beyond itself")

	require.NoError(t, tiles.Export(t.Context(), p.x.Tiles(), dir, &tiles.ExportOptions{Unsynced: true}))
	var all bytes.Buffer
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	}))
	require.Greater(t, all.Len(), 100*int(before))
	text := strings.ToLower(all.String())
	for _, c := range p.canaries {
		if len(c.Token) < 5 {
			continue // four bytes occur in hashes by chance
		}
		assert.False(t, strings.Contains(text, strings.ToLower(c.Token)), "a word of a firm is in the public folder")
	}
}
