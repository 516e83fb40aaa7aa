package ledger

import (
	"context"
	"fmt"
	"math"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
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
	if !merkle.VerifyInclusion(p.Hashes, p.Index, p.Size, p.Leaf, root) {
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
	if !merkle.VerifyConsistency(p.Hashes, p.From, p.To, from, to) {
		return fmt.Errorf("%w: consistency of sizes %d and %d", ErrProof, p.From, p.To)
	}
	return nil
}

// Prove returns the inclusion proof of an entry in the tree of a size, which is
// above index and at most [Log.Size]. It reads memory only, and for the newest
// size hashes nothing: below 1 µs at a million entries. Errors: [RangeError],
// [ErrClosed], the context's.
func (l *Log) Prove(ctx context.Context, index, size uint64) (Proof, error) {
	if err := ctx.Err(); err != nil {
		return Proof{}, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	v := &l.state.view
	switch {
	case l.closed:
		return Proof{}, ErrClosed
	case size > v.Size():
		return Proof{}, &RangeError{Field: "size", Value: size, Limit: v.Size()}
	case index >= size:
		return Proof{}, &RangeError{Field: "index", Value: index, Limit: size}
	}
	hashes, err := v.Prove(index, size)
	if err != nil {
		return Proof{}, err
	}
	root, err := v.RootAt(size)
	return Proof{Index: index, Size: size, Leaf: v.Leaf(index), Root: root, Hashes: hashes}, err
}

// ProveConsistency returns the proof that the tree of size b extends the tree
// of size a, for a ≤ b ≤ [Log.Size]. Cost and errors as for [Log.Prove].
func (l *Log) ProveConsistency(ctx context.Context, a, b uint64) (ConsistencyProof, error) {
	if err := ctx.Err(); err != nil {
		return ConsistencyProof{}, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	v := &l.state.view
	switch {
	case l.closed:
		return ConsistencyProof{}, ErrClosed
	case b > v.Size():
		return ConsistencyProof{}, &RangeError{Field: "size", Value: b, Limit: v.Size()}
	case a > b:
		return ConsistencyProof{}, &RangeError{Field: "earlier size", Value: a, Limit: b}
	}
	p := ConsistencyProof{From: a, To: b}
	var err error
	if p.Hashes, err = v.ProveConsistency(a, b); err != nil {
		return ConsistencyProof{}, err
	}
	if p.FromRoot, err = v.RootAt(a); err != nil {
		return ConsistencyProof{}, err
	}
	p.ToRoot, err = v.RootAt(b)
	return p, err
}
