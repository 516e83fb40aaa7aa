package tiles

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// VerifyOptions are the choices of [Folder.Verify]. A nil *VerifyOptions is the
// zero value.
type VerifyOptions struct {
	// Progress is told how many entries of how many are checked. Default: nobody.
	Progress func(done, total uint64)
}

// Verify checks every file of the folder that belongs to the signed tree: it
// hashes all entries, builds the tree again from them, compares each tile with it,
// and the root with the checkpoint. It goes from the first entry to the last and
// stops at the first that is not right, which the error names: exactly where an
// entry differs from its own hash, and as a range of entries where entries and
// hashes were changed together.
//
// It costs about 0.5 µs per entry and one bundle of memory, and returns on any
// input. Errors: [DamageError], the context's.
func (f *Folder) Verify(ctx context.Context, o *VerifyOptions) error {
	if o == nil {
		o = &VerifyOptions{}
	}
	a := &audit{f: f}
	for t := range added(-1, 0, f.head.Size) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.bundle(t); err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(t.to(), f.head.Size)
		}
	}
	if a.root() != f.head.Root {
		return &DamageError{Path: "checkpoint", To: f.head.Size, What: "entries and tiles agree, but their root is not the signed one"}
	}
	return nil
}

// audit builds the tree again.
type audit struct {
	f      *Folder
	levels []*column
}

// column is the tile of a level that is being built, beside the one in the folder.
type column struct {
	t     tile // that of the folder
	want  []byte
	have  []tlog.Hash
	whole uint64 // tiles of this level before it
}

// bundle checks the next bundle.
func (a *audit) bundle(t tile) error {
	entries, broken := a.f.readBundle(t)
	for i, entry := range entries {
		ok, err := a.add(0, tlog.RecordHash(entry))
		if err != nil {
			return err
		}
		if !ok {
			return damageAt(t, i, "entry and its hash in the tile differ")
		}
	}
	return broken
}

// add puts the next hash on a level and compares it with the folder's. A full
// tile puts its root on the level above.
func (a *audit) add(level int, h tlog.Hash) (ok bool, err error) {
	c, err := a.column(level)
	if err != nil {
		return false, err
	}
	at := len(c.have) * tlog.HashSize
	if !bytes.Equal(c.want[at:at+tlog.HashSize], h[:]) {
		if level == 0 {
			return false, nil
		}
		from := (c.t.n*Width + uint64(len(c.have))) << (height * level)
		return false, &DamageError{Path: c.t.path(), From: from, To: from + 1<<(height*level), What: fmt.Sprintf("hash %d is not that of the tile below", len(c.have))}
	}
	if c.have = append(c.have, h); len(c.have) < Width {
		return true, nil
	}
	root := treeOf(c.have)
	c.have, c.want, c.whole = c.have[:0], nil, c.whole+1
	return a.add(level+1, root)
}

// column returns the open tile of a level, with the folder's content.
func (a *audit) column(level int) (*column, error) {
	if level == len(a.levels) {
		a.levels = append(a.levels, &column{})
	}
	c := a.levels[level]
	if c.want != nil {
		return c, nil
	}
	count := a.f.head.Size >> (height * level)
	c.t = tile{level: level, n: c.whole, w: int(min(Width, count-c.whole*Width))}
	var err error
	c.want, err = a.f.readTile(c.t)
	return c, err
}

// root is the root of what was added.
func (a *audit) root() tlog.Hash {
	root, some := tlog.Hash{}, false
	for _, c := range a.levels {
		if len(c.have) == 0 {
			continue
		}
		left := treeOf(c.have)
		if some {
			root = joined(c.have, root)
		} else {
			root, some = left, true
		}
	}
	if !some {
		root = emptyRoot
	}
	return root
}

// treeOf is the RFC 6962 root over hashes.
func treeOf(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	split := 1 << (bits.Len(uint(len(hashes)-1)) - 1)
	return tlog.NodeHash(treeOf(hashes[:split]), treeOf(hashes[split:]))
}

// joined is the root over hashes of whole subtrees followed by a smaller one.
func joined(hashes []tlog.Hash, rest tlog.Hash) tlog.Hash {
	return treeOf(append(hashes[:len(hashes):len(hashes)], rest))
}
