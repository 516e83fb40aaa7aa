package interop

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"

	"filippo.io/torchwood"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/tiles"
)

// sizes are where files begin, fill up and spill into the next level.
func sizes() []int {
	s := []int{0, 1, 2, 255, 256, 257, 511, 512, 513, 700}
	if !testing.Short() {
		s = append(s, 65535, 65536, 65537, 66_000)
	}
	return s
}

// sampled are indexes worth a look in a tree of a size.
func sampled(size int) (out []int64) {
	for _, i := range []int{0, 1, 254, 255, 256, 257, size / 2, 65535, 65536, size - 1} {
		if i >= 0 && i < size {
			out = append(out, int64(i))
		}
	}
	return out
}

// world is one log as a folder and behind a server.
type world struct {
	*treeLog
	size   int
	dir    string
	server *httptest.Server
}

// each runs a test over every size of one log, exported step by step into one
// folder.
func each(t *testing.T, test func(t *testing.T, w world)) {
	all := sizes()
	l := newTreeLog(t, all[len(all)-1])
	dir := t.TempDir()
	for _, size := range all {
		l.published = size
		require.NoError(t, tiles.Export(t.Context(), l, dir, &tiles.ExportOptions{Unsynced: true}))
		server := httptest.NewServer(tiles.Handler(l, nil))
		t.Run(fmt.Sprint(size), func(t *testing.T) { test(t, world{l, size, dir, server}) })
		server.Close()
	}
}

// filippo.io/torchwood reads entries, each with its inclusion checked, and the
// proofs it makes verify.
func TestTorchwood(t *testing.T) {
	each(t, func(t *testing.T, w world) {
		folder, err := torchwood.NewTileFS(os.DirFS(w.dir))
		require.NoError(t, err)
		fetcher, err := torchwood.NewTileFetcher(w.server.URL, torchwood.WithHTTPClient(w.server.Client()),
			torchwood.WithTileFetcherLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
		require.NoError(t, err)
		policy, err := torchwood.ParsePolicy([]byte("log " + w.vkey + "\nquorum none\n"))
		require.NoError(t, err)
		for _, r := range []interface {
			torchwood.TileReader
			ReadEndpoint(context.Context, string) ([]byte, error)
		}{folder, fetcher} {
			raw, err := r.ReadEndpoint(t.Context(), "checkpoint")
			require.NoError(t, err)
			c, _, err := torchwood.VerifyCheckpoint(raw, policy)
			require.NoError(t, err)
			require.Equal(t, int64(w.size), c.N)
			if w.size == 0 {
				continue
			}
			tc, err := torchwood.NewClient(r)
			require.NoError(t, err)
			for _, i := range sampled(w.size) {
				entry, proof, err := tc.Entry(t.Context(), c.Tree, i)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprintf("entry number %d", i), string(entry))
				require.NoError(t, tlog.CheckRecord(proof, c.N, c.Hash, i, tlog.RecordHash(entry)))
			}
			next := max(0, int64(w.size)-600)
			for i, entry := range tc.AllEntries(t.Context(), c.Tree, next) {
				require.Equal(t, next, i)
				require.Equal(t, fmt.Sprintf("entry number %d", i), string(entry))
				next++
			}
			require.NoError(t, tc.Err())
			require.Equal(t, int64(w.size), next)
		}
	})
}

// Tessera's client builds inclusion and consistency proofs, which it checks
// itself, and streams the bundles.
func TestTessera(t *testing.T) {
	var older []byte
	each(t, func(t *testing.T, w world) {
		root, err := url.Parse(w.server.URL + "/")
		require.NoError(t, err)
		remote, err := client.NewHTTPFetcher(root, w.server.Client())
		require.NoError(t, err)
		v, err := note.NewVerifier(w.vkey)
		require.NoError(t, err)
		for what, f := range map[string]struct {
			checkpoint client.CheckpointFetcherFunc
			tile       client.TileFetcherFunc
			bundle     client.EntryBundleFetcherFunc
		}{
			"folder":  {client.FileFetcher{Root: w.dir}.ReadCheckpoint, client.FileFetcher{Root: w.dir}.ReadTile, client.FileFetcher{Root: w.dir}.ReadEntryBundle},
			"handler": {remote.ReadCheckpoint, remote.ReadTile, remote.ReadEntryBundle},
		} {
			c, raw, _, err := client.FetchCheckpoint(t.Context(), f.checkpoint, v, w.name)
			require.NoError(t, err, what)
			require.Equal(t, uint64(w.size), c.Size)
			if older != nil { // the state tracker checks consistency with what it saw before
				tracker, err := client.NewLogStateTracker(t.Context(), f.tile, older, v, w.name, client.UnilateralConsensus(f.checkpoint))
				require.NoError(t, err)
				_, _, _, err = tracker.Update(t.Context())
				require.NoError(t, err)
				require.Equal(t, uint64(w.size), tracker.Latest().Size)
			}
			if w.size == 0 {
				continue
			}
			if what == "handler" {
				older = raw
			}
			pb, err := client.NewProofBuilder(t.Context(), c.Size, f.tile)
			require.NoError(t, err)
			for _, i := range sampled(w.size) {
				p, err := pb.InclusionProof(t.Context(), uint64(i))
				require.NoError(t, err)
				var hashes tlog.RecordProof
				for _, h := range p {
					hashes = append(hashes, tlog.Hash(h))
				}
				leaf := tlog.RecordHash(fmt.Appendf(nil, "entry number %d", i))
				require.NoError(t, tlog.CheckRecord(hashes, int64(c.Size), tlog.Hash(c.Hash), i, leaf))
			}
			from := max(0, w.size-600)
			size := func(context.Context) (uint64, error) { return c.Size, nil }
			bundles := client.EntryBundles(t.Context(), 2, size, f.bundle, uint64(from), c.Size-uint64(from))
			for e, err := range client.Entries(bundles, func(raw []byte) ([][]byte, error) {
				var b api.EntryBundle
				err := b.UnmarshalText(raw)
				return b.Entries, err
			}) {
				require.NoError(t, err)
				require.Equal(t, uint64(from), e.Index)
				require.Equal(t, fmt.Sprintf("entry number %d", from), string(e.Entry))
				from++
			}
			require.Equal(t, w.size, from)
		}
	})
}
