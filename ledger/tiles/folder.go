package tiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// DamageError says where a folder does not hold what its checkpoint signs. It
// unwraps to [ErrDamaged].
type DamageError struct {
	Path string // the file at fault, or the one where it shows

	// From and To bound the fault: it touches the entries from From up to, not
	// including, To, or the hashes above them. One entry, where To = From + 1.
	From, To uint64

	What string // what does not hold
	Err  error  // the file system's error, if it was one
}

func (e *DamageError) Error() string {
	s := fmt.Sprintf("tiles: damaged %s, entry %d", e.Path, e.From)
	if e.To > e.From+1 {
		s = fmt.Sprintf("tiles: damaged %s, entries %d to %d", e.Path, e.From, e.To-1)
	}
	return s + ": " + e.What
}

// Unwrap returns [ErrDamaged] and the file system's error.
func (e *DamageError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrDamaged}
	}
	return []error{ErrDamaged, e.Err}
}

// damage is the error of a whole file.
func damage(t tile, what string, err error) *DamageError {
	return &DamageError{Path: t.path(), From: t.from(), To: t.to(), What: what, Err: err}
}

// Folder is an exported log that was opened. It may be used by any number of
// goroutines. All it returns has been held against the checkpoint, so it is a
// [Source] that can be trusted as much as the checkpoint's keys, wherever its
// files come from.
type Folder struct {
	fsys   fs.FS
	signed []byte
	head   checkpoint.Checkpoint
	hashes tlog.HashReader
}

// Open opens an exported log with the public keys of the log (vkeys of
// c2sp.org/signed-note), of which any one must have signed the checkpoint. It
// checks the checkpoint and the tiles at the right edge of the tree, which hash
// to its root. The file system is read from as long as the Folder is used; its
// files may be damaged or forged, and of any size.
//
// Errors: [ErrCheckpoint] with the reason, [DamageError].
func Open(fsys fs.FS, vkeys ...string) (*Folder, error) {
	var known []note.Verifier
	for _, vkey := range vkeys {
		v, err := checkpoint.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
		}
		known = append(known, v)
	}
	signed, err := readLimited(fsys, "checkpoint", checkpoint.MaxNote)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	head, n, err := checkpoint.Open(signed, known...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	for _, s := range n.Sigs { // only keys that bear the name of a log speak for it
		if s.Name != head.Origin {
			return nil, fmt.Errorf("%w: %w", ErrCheckpoint, checkpoint.ErrOrigin)
		}
	}
	f := &Folder{fsys: fsys, signed: signed, head: head}
	f.hashes = tlog.TileHashReader(tlog.Tree{N: int64(head.Size), Hash: head.Root}, &tileReader{f: f, kept: map[tile][]byte{}})
	if err := f.edge(); err != nil {
		return nil, err
	}
	return f, nil
}

// edge checks the root.
func (f *Folder) edge() error {
	if f.head.Size > 0 {
		_, err := f.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(f.head.Size)-1)})
		return err
	}
	if f.head.Root != checkpoint.EmptyRoot() {
		return &DamageError{Path: "checkpoint", What: "root of an empty tree is another"}
	}
	return nil
}

// Size returns the number of entries.
func (f *Folder) Size() uint64 { return f.head.Size }

// Root returns the signed root.
func (f *Folder) Root() tlog.Hash { return f.head.Root }

// Origin returns the name of the log.
func (f *Folder) Origin() string { return f.head.Origin }

// Checkpoint returns the signed checkpoint as it stands in the folder. It never
// fails.
func (f *Folder) Checkpoint(context.Context) ([]byte, error) { return bytes.Clone(f.signed), nil }

// ReadHashes returns tree hashes, each of which leads to the root
// (tlog.HashReader, so that tlog.ProveRecord and tlog.ProveTree make proofs from
// a folder). Upper tiles are kept in memory, about 1/256 of the level below them.
// Errors: [ErrRange], [DamageError].
func (f *Folder) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	for _, x := range indexes {
		if x < 0 || x >= tlog.StoredHashIndex(0, int64(f.head.Size)) {
			return nil, fmt.Errorf("%w: tree hash %d at size %d", ErrRange, x, f.head.Size)
		}
	}
	if len(indexes) == 0 {
		return nil, nil
	}
	hashes, err := f.hashes.ReadHashes(indexes)
	if err != nil && !errors.Is(err, ErrDamaged) {
		level, n := tlog.SplitStoredHashIndex(indexes[0])
		err = &DamageError{Path: "tile", From: uint64(n) << level, To: min(uint64(n+1)<<level, f.head.Size), What: "tiles do not lead to the signed root; Verify names the file"}
	}
	return hashes, err
}

// Leaves yields the entries from index from up to, not including, index to, each
// held against the root before. It reads and hashes whole bundles: about 0.5 µs
// per entry of them. Errors: [ErrRange], [DamageError], the context's; one error
// is yielded, once.
func (f *Folder) Leaves(ctx context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if from > to || to > f.head.Size {
			yield(nil, fmt.Errorf("%w: entries %d to %d at size %d", ErrRange, from, to, f.head.Size))
			return
		}
		for from < to {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			n := from / Width
			t := tile{level: -1, n: n, w: int(min(Width, f.head.Size-n*Width))}
			entries, err := f.bundle(t)
			if err != nil {
				yield(nil, err)
				return
			}
			for ; from < min(to, t.to()); from++ {
				if !yield(entries[from-t.from()], nil) {
					return
				}
			}
		}
	}
}

// bundle reads a bundle and holds each entry against its hash in the tree.
func (f *Folder) bundle(t tile) ([][]byte, error) {
	hashes, err := hashesOf(f, tile{level: 0, n: t.n, w: t.w})
	if err != nil {
		return nil, err
	}
	entries, err := f.readBundle(t)
	for i, entry := range entries {
		if tlog.RecordHash(entry) != hashes[i] {
			return nil, damageAt(t, i, "entry is not the one in the tree")
		}
	}
	return entries, err
}

// damageAt is the error of one entry of a bundle, or of its hash.
func damageAt(t tile, i int, what string) *DamageError {
	from := t.from() + uint64(i)
	return &DamageError{Path: t.path(), From: from, To: from + 1, What: what}
}

// readBundle reads and parses a bundle, unchecked. With an error it returns the
// entries before, of which one may be wrong already.
func (f *Folder) readBundle(t tile) ([][]byte, error) {
	data, err := f.read(t, t.w*(2+MaxEntry))
	if err != nil {
		return nil, err
	}
	entries := make([][]byte, 0, t.w)
	for i := range t.w {
		entry, rest, ok := nextEntry(data)
		if !ok {
			return entries, damageAt(t, i, "bundle ends too early")
		}
		entries, data = append(entries, entry), rest
	}
	if len(data) > 0 {
		return entries, damageAt(t, t.w-1, "bundle goes on behind its last entry")
	}
	return entries, nil
}

// read reads a file. Where a partial one is missing, the full one serves: the
// folder may have grown since its checkpoint was read.
func (f *Folder) read(t tile, limit int) ([]byte, error) {
	data, err := readLimited(f.fsys, t.path(), limit)
	if err == nil || t.w == Width || !errors.Is(err, fs.ErrNotExist) {
		return data, unreadable(t, err)
	}
	full := t
	full.w = Width
	if data, err = readLimited(f.fsys, full.path(), limit/t.w*Width); err != nil {
		return nil, unreadable(t, err)
	}
	return cut(t, data), nil
}

// cut takes the front of a full file as the partial one.
func cut(t tile, data []byte) []byte {
	if t.level >= 0 {
		return data[:min(len(data), t.w*tlog.HashSize)]
	}
	rest := data
	for range t.w {
		_, after, ok := nextEntry(rest)
		if !ok {
			return data
		}
		rest = after
	}
	return data[:len(data)-len(rest)]
}

func unreadable(t tile, err error) error {
	if err == nil {
		return nil
	}
	what := "file cannot be read"
	if errors.Is(err, fs.ErrNotExist) {
		what = "file is missing"
	}
	return damage(t, what, err)
}

// readTile reads a tile, unchecked but for its length.
func (f *Folder) readTile(t tile) ([]byte, error) {
	data, err := f.read(t, t.w*tlog.HashSize)
	if err == nil && len(data) != t.w*tlog.HashSize {
		return nil, damage(t, fmt.Sprintf("file has %d bytes, want %d", len(data), t.w*tlog.HashSize), nil)
	}
	return data, err
}

// readLimited reads a file of at most limit bytes.
func readLimited(fsys fs.FS, name string, limit int) (data []byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return data, err
}

// tileReader brings the files to tlog, which checks them. It keeps checked tiles
// of the upper levels, and the last one of level 0.
type tileReader struct {
	f    *Folder
	mu   sync.Mutex
	kept map[tile][]byte
	last tile
}

func (r *tileReader) Height() int { return height }

func (r *tileReader) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	for i, t := range list {
		mine := tile{level: t.L, n: uint64(t.N), w: t.W}
		r.mu.Lock()
		data, ok := r.kept[mine]
		r.mu.Unlock()
		if !ok {
			var err error
			if data, err = r.f.readTile(mine); err != nil {
				return nil, err
			}
		}
		out[i] = data
	}
	return out, nil
}

func (r *tileReader) SaveTiles(list []tlog.Tile, data [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, t := range list {
		mine := tile{level: t.L, n: uint64(t.N), w: t.W}
		if mine.level == 0 && mine.w == Width {
			if mine == r.last {
				continue
			}
			delete(r.kept, r.last)
			r.last = mine
		}
		r.kept[mine] = data[i]
	}
}
