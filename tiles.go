package csss

import (
	"context"
	"iter"

	"github.com/deeperpoint/csss/ledger"
)

// TileSource is the public face of an exchange's ledger: signed heads, leaf
// records and tree hashes, and nothing that was said. Package ledger/tiles
// exports it as a folder of static files and serves it over HTTP, in the form
// that transparency clients read (c2sp.org/tlog-tiles).
//
// A leaf shows when something happened, not what, or to whom. So outsiders get
// a head that is at least one publication slot (Config.Slot) old: keep what
// Checkpoint returned a slot ago, and give that to the export.
type TileSource struct{ log *ledger.Log }

// Tiles returns the source; it is valid until Close.
func (x *Exchange) Tiles() TileSource { return TileSource{x.log} }

// Checkpoint is [Exchange.Checkpoint].
func (s TileSource) Checkpoint(ctx context.Context) ([]byte, error) { return s.log.Checkpoint(ctx) }

// Leaves yields the leaf records of a range of entries. Errors: the ledger's and
// ctx's.
func (s TileSource) Leaves(ctx context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	return s.log.Leaves(ctx, from, to)
}

// ReadHashes returns hashes of the tree by tlog.StoredHashIndex. Errors: the
// ledger's.
func (s TileSource) ReadHashes(indexes []int64) ([]ledger.Hash, error) {
	return s.log.ReadHashes(indexes)
}
