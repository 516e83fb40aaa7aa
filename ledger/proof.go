package ledger

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that a leaf is at an index of the tree of a size (RFC 6962,
// section 2.1.1). It says nothing unless Root comes from a checkpoint.
type Proof struct {
	Index  uint64 `json:"index"`
	Size   uint64 `json:"size"`
	Leaf   Hash   `json:"leaf"`
	Root   Hash   `json:"root"`
	Hashes []Hash `json:"hashes"` // at most 64, bottom up
}

// Verify checks the proof against a root the caller trusts for p.Size. It needs
// no log and costs about 150 ns per level. Error: [ErrProof].
func (p Proof) Verify(root Hash) error {
	if p.Size > math.MaxInt64 || p.Index >= p.Size {
		return fmt.Errorf("%w: index %d of size %d", ErrProof, p.Index, p.Size)
	}
	if err := tlog.CheckRecord(p.Hashes, int64(p.Size), root, int64(p.Index), p.Leaf); err != nil {
		return fmt.Errorf("%w: inclusion of index %d in size %d", ErrProof, p.Index, p.Size)
	}
	return nil
}

// ConsistencyProof shows that the tree of size To extends the tree of size From
// (RFC 6962, section 2.1.2).
type ConsistencyProof struct {
	From     uint64 `json:"from"`
	To       uint64 `json:"to"`
	FromRoot Hash   `json:"from_root"`
	ToRoot   Hash   `json:"to_root"`
	Hashes   []Hash `json:"hashes"`
}

// Verify checks the proof against the two roots the caller trusts or compares.
// Error: [ErrProof].
func (p ConsistencyProof) Verify(from, to Hash) error {
	if p.From > p.To || p.To > math.MaxInt64 {
		return fmt.Errorf("%w: sizes %d to %d", ErrProof, p.From, p.To)
	}
	ok := false
	if p.From == 0 { // the empty tree is the beginning of every log
		ok = len(p.Hashes) == 0 && from == emptyRoot() && (p.To > 0 || to == from)
	} else {
		ok = tlog.CheckTree(p.Hashes, int64(p.To), to, int64(p.From), from) == nil
	}
	if !ok {
		return fmt.Errorf("%w: consistency of sizes %d and %d", ErrProof, p.From, p.To)
	}
	return nil
}

// Prove returns the inclusion proof of an entry in the tree of a size, which is
// above index and at most [Log.Size]. It reads memory only: a few µs at a
// million entries. Errors: [RangeError], [ErrClosed], the context's.
func (l *Log) Prove(ctx context.Context, index, size uint64) (Proof, error) {
	nodes, have, err := l.snapshot()
	switch {
	case err != nil:
		return Proof{}, err
	case ctx.Err() != nil:
		return Proof{}, ctx.Err()
	case size > have:
		return Proof{}, &RangeError{Field: "size", Value: size, Limit: have}
	case index >= size:
		return Proof{}, &RangeError{Field: "index", Value: index, Limit: size}
	}
	hashes, err := tlog.ProveRecord(int64(size), int64(index), nodeReader(nodes))
	if err != nil {
		return Proof{}, err
	}
	root, err := rootAt(nodes, size)
	return Proof{Index: index, Size: size, Leaf: nodes[tlog.StoredHashIndex(0, int64(index))], Root: root, Hashes: hashes}, err
}

// ProveConsistency returns the proof that the tree of size b extends the tree
// of size a, for a ≤ b ≤ [Log.Size]. Cost and errors as for [Log.Prove].
func (l *Log) ProveConsistency(ctx context.Context, a, b uint64) (ConsistencyProof, error) {
	nodes, have, err := l.snapshot()
	switch {
	case err != nil:
		return ConsistencyProof{}, err
	case ctx.Err() != nil:
		return ConsistencyProof{}, ctx.Err()
	case b > have:
		return ConsistencyProof{}, &RangeError{Field: "size", Value: b, Limit: have}
	case a > b:
		return ConsistencyProof{}, &RangeError{Field: "earlier size", Value: a, Limit: b}
	}
	p := ConsistencyProof{From: a, To: b}
	if a > 0 {
		if p.Hashes, err = tlog.ProveTree(int64(b), int64(a), nodeReader(nodes)); err != nil {
			return ConsistencyProof{}, err
		}
	}
	if p.FromRoot, err = rootAt(nodes, a); err != nil {
		return ConsistencyProof{}, err
	}
	p.ToRoot, err = rootAt(nodes, b)
	return p, err
}
