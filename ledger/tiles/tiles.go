// Package tiles shows a log to the world as c2sp.org/tlog-tiles: a folder of
// static files, or an HTTP handler over the same paths, and reads such a folder
// back with every byte checked.
//
//	checkpoint                  the newest signed note (c2sp.org/tlog-checkpoint)
//	tile/<L>/<N>                256 hashes of level L, 8,192 bytes
//	tile/<L>/<N>.p/<W>          the first W of them, while there are no more
//	tile/entries/<N>            256 entries, each behind its length as uint16
//	tile/entries/<N>.p/<W>      the first W of them
//
// N is written in groups of three digits, all but the last behind an x:
// x001/x234/067. A hash of level L+1 is the root of a full tile of level L, all
// by RFC 6962, so any client of that format can compute any proof from the files
// it needs and check it against the checkpoint.
//
// The entries are the leaf records of the log and nothing else: no header and no
// payload is ever asked of it. Nothing beyond the published checkpoint is shown,
// and which one is published can be the caller's choice, so that what outsiders
// see lags behind ([HandlerOptions.Checkpoint], [ExportOptions.Checkpoint]).
//
// [Export] writes the folder, and what is new into a folder it wrote before;
// [Handler] serves it straight from the log; [Open] reads it back and is itself
// a [Source], so a folder can be served, copied and compared. The folder takes
// 34.13 bytes per entry above the leaf records: 2 for the length, 32 for the leaf
// hash and 32/255 for the levels above.
//
// The package knows logs by their public formats only; it imports no store and
// opens no connection.
package tiles

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// Width is the number of hashes in a full tile and of entries in a full bundle.
const Width = 256

// MaxEntry is the largest entry a bundle can hold, in bytes.
const MaxEntry = 1<<16 - 1

// MaxSize is the largest tree this package works on, in entries.
const MaxSize = checkpoint.MaxSize

const (
	height   = 8         // of a tile: 2⁸ hashes
	fullTile = 256 * 32  // bytes
	checked  = "tile/"   // all paths but the checkpoint begin so
	bundles  = "entries" // stands where the level stands
)

// Source is a log that can be shown: *ledger.Log is one, and so is [Folder].
type Source interface {
	// Checkpoint returns a signed checkpoint of the log.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Leaves yields the entries from index from up to, not including, index to.
	// A slice is read before the next one is asked for.
	Leaves(ctx context.Context, from, to uint64) iter.Seq2[[]byte, error]

	// ReadHashes returns tree hashes by tlog.StoredHashIndex.
	ReadHashes(indexes []int64) ([]tlog.Hash, error)
}

// The yes/no questions. Typed errors of this package unwrap to one of them.
var (
	// ErrCheckpoint: a checkpoint does not parse, or is not signed by the log.
	ErrCheckpoint = errors.New("tiles: checkpoint does not verify")
	// ErrDamaged: a file is missing, damaged, or not of the signed tree.
	ErrDamaged = errors.New("tiles: damaged")
	// ErrFork: two checkpoints of one log contradict each other.
	ErrFork = errors.New("tiles: two views of the log differ")
	// ErrRange: an index or a size lies outside the published tree.
	ErrRange = errors.New("tiles: outside the published tree")
	// ErrEntry: an entry is larger than MaxEntry.
	ErrEntry = errors.New("tiles: entry does not fit a bundle")
)

// tile names one file: a tile or, with level -1, an entry bundle.
type tile struct {
	level int    // 0 to 5; -1 for entries
	n     uint64 // within the level
	w     int    // 1 to Width
}

// path is the file's name.
func (t tile) path() string {
	level := bundles
	if t.level >= 0 {
		level = strconv.Itoa(t.level)
	}
	p := checked + level + "/" + number(t.n)
	if t.w < Width {
		p += ".p/" + strconv.Itoa(t.w)
	}
	return p
}

// number writes a tile's number in groups of three digits.
func number(n uint64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

// parsePath reads what path writes, and nothing else.
func parsePath(p string) (tile, bool) {
	rest, ok := strings.CutPrefix(p, checked)
	if !ok || len(p) > 64 {
		return tile{}, false
	}
	level, rest, _ := strings.Cut(rest, "/")
	t := tile{level: -1, w: Width}
	if level != bundles {
		var err error
		if t.level, err = strconv.Atoi(level); err != nil || t.level < 0 || t.level > 63 {
			return tile{}, false
		}
	}
	if head, w, partial := strings.Cut(rest, ".p/"); partial {
		var err error
		if t.w, err = strconv.Atoi(w); err != nil || t.w < 1 || t.w >= Width {
			return tile{}, false
		}
		rest = head
	}
	for group := range strings.SplitSeq(rest, "/") {
		d, err := strconv.ParseUint(strings.TrimPrefix(group, "x"), 10, 64)
		if err != nil || d > 999 || t.n > MaxSize {
			return tile{}, false
		}
		t.n = t.n*1000 + d
	}
	return t, t.path() == p
}

// hashLevel is the level whose hashes a file goes with: a bundle with level 0.
func (t tile) hashLevel() int { return max(t.level, 0) }

// within reports whether a tree of this size has all of the file's hashes.
func (t tile) within(size uint64) bool {
	have := size >> min(63, height*t.hashLevel())
	return t.n <= have/Width && t.n*Width+uint64(t.w) <= have
}

// from is the first entry below the file, to the one after the last.
func (t tile) from() uint64 { return t.n * Width << (height * t.hashLevel()) }
func (t tile) to() uint64   { return (t.n*Width + uint64(t.w)) << (height * t.hashLevel()) }

// added yields the files of a level that a tree of size after has and that of
// size before has not.
func added(level int, before, after uint64) iter.Seq[tile] {
	shift := min(63, height*max(level, 0))
	old, now := before>>shift, after>>shift
	return func(yield func(tile) bool) {
		if old == now {
			return
		}
		for n := old / Width; n <= (now-1)/Width; n++ {
			if !yield(tile{level: level, n: n, w: int(min(Width, now-n*Width))}) {
				return
			}
		}
	}
}

// levels is the number of levels of tiles a tree has.
func levels(size uint64) int {
	n := 0
	for ; size > 0; size >>= height {
		n++
	}
	return n
}

// hashesOf reads a tile's hashes, w of them.
func hashesOf(r tlog.HashReader, t tile) ([]tlog.Hash, error) {
	indexes := make([]int64, t.w)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(height*t.level, int64(t.n)*Width+int64(i))
	}
	hashes, err := r.ReadHashes(indexes)
	if err == nil && len(hashes) != len(indexes) {
		err = fmt.Errorf("tiles: source answers %d tree hashes with %d", len(indexes), len(hashes))
	}
	return hashes, err
}

// tileData is the content of a tile.
func tileData(r tlog.HashReader, t tile) ([]byte, error) {
	hashes, err := hashesOf(r, t)
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		data = append(data, h[:]...)
	}
	return data, nil
}

// appendEntry adds an entry to a bundle.
func appendEntry(bundle, entry []byte) ([]byte, error) {
	if len(entry) > MaxEntry {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrEntry, len(entry), MaxEntry)
	}
	bundle = append(bundle, byte(len(entry)>>8), byte(len(entry)))
	return append(bundle, entry...), nil
}

// nextEntry takes the first entry off a bundle.
func nextEntry(bundle []byte) (entry, rest []byte, ok bool) {
	if len(bundle) < 2 {
		return nil, nil, false
	}
	n := 2 + int(bundle[0])<<8 + int(bundle[1])
	if len(bundle) < n {
		return nil, nil, false
	}
	return bundle[2:n:n], bundle[n:], true
}

// bundleData is the content of an entry bundle.
func bundleData(ctx context.Context, s Source, t tile) ([]byte, error) {
	var data []byte
	have := 0
	for entry, err := range s.Leaves(ctx, t.from(), t.to()) {
		if err != nil {
			return nil, err
		}
		if data == nil {
			data = make([]byte, 0, t.w*(2+len(entry)))
		}
		if data, err = appendEntry(data, entry); err != nil {
			return nil, err
		}
		have++
	}
	if have != t.w {
		return nil, fmt.Errorf("tiles: source yields %d entries for %d", have, t.w)
	}
	return data, nil
}

// rootOf is the root of a tree that a hash reader has.
func rootOf(r tlog.HashReader, size uint64) (tlog.Hash, error) {
	if size == 0 {
		return checkpoint.EmptyRoot(), nil
	}
	return tlog.TreeHash(int64(size), r)
}
