package tiles_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	tlogformat "github.com/transparency-dev/formats/log"

	"github.com/deeperpoint/csss/ledger/tiles"
)

func get(t testing.TB, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+path, nil))
	return w
}

// What is served is what is exported, byte by byte.
func TestHandlerServesWhatExportWrites(t *testing.T) {
	log := newLog(t, 0)
	for _, size := range sizes() {
		list := files(t, export(t, log, size))
		signed := log.at(t, size)
		h := tiles.Handler(log, &tiles.HandlerOptions{Checkpoint: func(context.Context) ([]byte, error) { return signed, nil }})
		step := max(1, len(list)/60)
		for i, name := range names(list) {
			if name != "checkpoint" && i%step != 0 && !strings.Contains(name, ".p/") {
				continue
			}
			w := get(t, h, name)
			require.Equal(t, http.StatusOK, w.Code, "%s at size %d", name, size)
			require.Equal(t, string(list[name]), w.Body.String(), "%s at size %d", name, size)
			require.Equal(t, fmt.Sprint(len(list[name])), w.Header().Get("Content-Length"))
		}
	}
}

func TestHandlerHeaders(t *testing.T) {
	log := newLog(t, 300)
	h := tiles.Handler(log, nil)
	for path, want := range map[string][2]string{
		"checkpoint":            {"text/plain; charset=utf-8", "no-store"},
		"tile/0/000":            {"application/octet-stream", "public, max-age=31536000, immutable"},
		"tile/entries/000":      {"application/octet-stream", "public, max-age=31536000, immutable"},
		"tile/0/001.p/44":       {"application/octet-stream", "public, max-age=3600"},
		"tile/entries/001.p/44": {"application/octet-stream", "public, max-age=3600"},
	} {
		w := get(t, h, path)
		assert.Equal(t, http.StatusOK, w.Code, path)
		assert.Equal(t, want, [2]string{w.Header().Get("Content-Type"), w.Header().Get("Cache-Control")}, path)
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/checkpoint", nil))
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	}
	server := httptest.NewServer(h)
	defer server.Close()
	resp, err := server.Client().Head(server.URL + "/tile/0/000")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, int64(8192), resp.ContentLength)
}

// Nothing beyond the published checkpoint, whatever the log holds.
func TestHandlerLags(t *testing.T) {
	log := newLog(t, 1000)
	size := 300
	var failing error
	h := tiles.Handler(log, &tiles.HandlerOptions{Checkpoint: func(context.Context) ([]byte, error) { return log.at(t, size), failing }})
	code := func(path string) int { return get(t, h, path).Code }
	for path, want := range map[string]int{
		"tile/0/000": 200, "tile/entries/000": 200,
		"tile/0/001.p/44": 200, "tile/entries/001.p/44": 200,
		"tile/0/001.p/1": 200, "tile/entries/001.p/43": 200, // clients with an older checkpoint
		"tile/0/000.p/255": 200,
		"tile/0/001.p/45":  404, "tile/entries/001.p/45": 404,
		"tile/0/001": 404, "tile/entries/001": 404, "tile/0/002": 404, "tile/0/002.p/1": 404,
		"tile/1/000.p/1": 200, "tile/1/000.p/2": 404, "tile/1/000": 404, "tile/2/000.p/1": 404, "tile/63/000.p/1": 404,
		"": 404, "tile": 404, "tile/": 404, "tile/0": 404, "tile/0/": 404, "tile/0/0": 404, "tile/0/0000": 404, "tile/00/000": 404,
		"tile/0/x000/000": 404, "tile/0/000.p/0": 404, "tile/0/000.p/256": 404, "tile/0/000.p/01": 404, "tile/-1/000": 404,
		"tile/64/000": 404, "tile/entries/+00": 404, "tile/0/000/": 404, "//tile/0/000": 404, "tile/0/../0/000": 404,
		"tile/8/0/000": 404, "tile/data/000": 404, "secrets": 404, "checkpoint/": 404,
		"tile/0/x999/x999/x999/x999/x999/x999/x999/999": 404,
	} {
		assert.Equal(t, want, code(path), path)
	}
	size = 1000
	assert.Equal(t, 200, code("tile/0/002"), "the published checkpoint has moved on")
	size = 300
	assert.Equal(t, 404, code("tile/0/004"), "which asks again")
	assert.Equal(t, 200, code("tile/0/002"), "what was public stays so")
	failing = errors.New("secret reason")
	w := get(t, h, "checkpoint")
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.NotContains(t, w.Body.String(), "secret")
	assert.Equal(t, http.StatusInternalServerError, code("tile/0/900"))
	assert.Equal(t, 200, code("tile/0/000"))
	log.broken = 3
	w = get(t, h, "tile/entries/000")
	assert.Equal(t, http.StatusInternalServerError, w.Code)
	assert.NotContains(t, w.Body.String(), "broken")
}

// tlogReader is a tlog.TileReader over the paths of tlog-tiles, as other people
// write it.
type tlogReader struct {
	read func(path string) ([]byte, error)
}

func (tlogReader) Height() int                     { return 8 }
func (tlogReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r tlogReader) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range list {
		data, err := r.read(strings.Replace(t.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

// golang.org/x/mod/sumdb/tlog reads the folder and the handler: every proof it
// makes from their tiles verifies.
func TestStandardReaderAcceptsFolderAndHandler(t *testing.T) {
	log := newLog(t, 0)
	v, err := note.NewVerifier(log.vkey)
	require.NoError(t, err)
	for _, size := range sizes() {
		dir := export(t, log, size)
		signed := log.at(t, size)
		server := httptest.NewServer(tiles.Handler(log, &tiles.HandlerOptions{Checkpoint: func(context.Context) ([]byte, error) { return signed, nil }}))
		for what, read := range map[string]func(string) ([]byte, error){
			"folder":  func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, path)) },
			"handler": func(path string) ([]byte, error) { return fetch(server, path) },
		} {
			t.Run(fmt.Sprint(what, size), func(t *testing.T) {
				raw, err := read("checkpoint")
				require.NoError(t, err)
				c, _, _, err := tlogformat.ParseCheckpoint(raw, log.name, v)
				require.NoError(t, err)
				require.Equal(t, uint64(size), c.Size)
				if size == 0 {
					return
				}
				tree := tlog.Tree{N: int64(c.Size), Hash: tlog.Hash(c.Hash)}
				reader := tlog.TileHashReader(tree, tlogReader{read})
				for _, i := range []int{0, size / 3, size - 1} {
					p, err := tlog.ProveRecord(tree.N, int64(i), reader)
					require.NoError(t, err)
					require.NoError(t, tlog.CheckRecord(p, tree.N, tree.Hash, int64(i), tlog.RecordHash(log.leaves[i])))
				}
				for _, old := range []int{1, size/2 + 1, size} {
					p, err := tlog.ProveTree(tree.N, int64(old), reader)
					require.NoError(t, err)
					require.NoError(t, tlog.CheckTree(p, tree.N, tree.Hash, int64(old), log.root(t, old)))
				}
			})
		}
		server.Close()
	}
}

func fetch(server *httptest.Server, path string) ([]byte, error) {
	resp, err := server.Client().Get(server.URL + "/" + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

func TestHandlerServesAFolder(t *testing.T) {
	log := newLog(t, 0)
	dir := export(t, log, 600)
	list := files(t, dir)
	h := tiles.Handler(open(t, log, dir), nil)
	for name, data := range list {
		w := get(t, h, name)
		require.Equal(t, 200, w.Code, name)
		require.Equal(t, string(data), w.Body.String(), name)
	}
}
