package merkle

import (
	"fmt"
	"slices"
)

// TileWidth is the number of hashes in a full tile (c2sp.org/tlog-tiles).
const TileWidth = 256

// AppendTile appends a tile to dst and returns it: the bytes of the width hashes
// of tree level 8·level from n·256 on, as c2sp.org/tlog-tiles serves them at
// tile/<level>/<n> and tlog.ReadTileData makes them for a tile height of 8. It
// hashes nothing, and allocates only what dst needs to grow. The error wraps
// [ErrRange] where width is not 1…256 or the view does not have all these
// hashes; a full tile and one of as many hashes as the view has are the two that
// the format knows.
func (v View) AppendTile(dst []byte, level int, n uint64, width int) ([]byte, error) {
	if level < 0 || level > 7 || width < 1 || width > TileWidth {
		return dst, fmt.Errorf("%w: tile of level %d and width %d", ErrRange, level, width)
	}
	have := v.size >> (8 * level)
	if first := n * TileWidth; n > have/TileWidth || have-first < uint64(width) {
		return dst, fmt.Errorf("%w: tile %d of width %d where level %d has %d hashes", ErrRange, n, width, 8*level, have)
	}
	dst = slices.Grow(dst, width*HashSize)
	for i := range uint64(width) {
		dst = append(dst, v.store.node(8*level, n*TileWidth+i)[:]...)
	}
	return dst, nil
}
