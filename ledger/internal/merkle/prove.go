package merkle

import (
	"fmt"
	"math/bits"
)

// Prove returns the inclusion proof of the leaf with an index in the tree of the
// first size leaves: the audit path of RFC 6962 §2.1.1, from the leaf up. It is
// checked by [VerifyInclusion]. Prove makes one allocation, the result, or none
// where the path is empty. Where size is the view's it only reads; else it hashes at
// most popcount(size) − 2 nodes. The error wraps [ErrRange] where index is not below
// size or size is above Size.
func (v View) Prove(index, size uint64) ([]Hash, error) {
	if size > v.size || index >= size {
		return nil, fmt.Errorf("%w: leaf %d in size %d of %d", ErrRange, index, size, v.size)
	}
	var w way
	v.climb(&w, index, size, 0)
	return w.proof(), nil
}

// split takes an audit path apart. Its first inner steps go up from the leaf
// until the next node also has the last leaf of the tree below it; all but the
// last of them lie in complete subtrees, and the last is the right edge. Above,
// the path itself is the right edge, and has a sibling, on its left, for each bit of
// border.
func split(index, size uint64) (inner int, border uint64) {
	inner = bits.Len64(index ^ (size - 1))
	return inner, index >> inner
}

// ProveConsistency returns the proof that the tree of the first b leaves begins
// with the tree of the first a (RFC 6962 §2.1.2). It is checked by
// [VerifyConsistency], and empty where a is zero or b. Cost and errors are those
// of [View.Prove], ErrRange being for an a above b and a b above Size.
func (v View) ProveConsistency(a, b uint64) ([]Hash, error) {
	if a > b || b > v.size {
		return nil, fmt.Errorf("%w: size %d in size %d of %d", ErrRange, a, b, v.size)
	}
	if a == 0 || a == b {
		return nil, nil
	}
	// SUBPROOF descends to the end of the old tree and stops at the last of its
	// complete subtrees. So the proof is the audit path of that subtree, which
	// comes first itself unless it is the whole old tree.
	low := bits.TrailingZeros64(a)
	var w way
	if a != 1<<low {
		w.add(v.store.node(low, a>>low-1))
	}
	v.climb(&w, a-1, b, low)
	return w.proof(), nil
}

// way is where the hashes of a proof lie. They are found first and read
// afterwards, in a loop so short that the processor waits for all of them at once:
// in a large tree most are not in its caches.
type way struct {
	at   [64]*Hash // nil for edge; a tree that fits into memory is less high
	n    int
	edge Hash // the one hash that may not be stored
}

func (w *way) add(h *Hash) {
	w.at[w.n&63] = h
	w.n++
}

func (w *way) proof() []Hash {
	if w.n == 0 {
		return nil
	}
	proof := make([]Hash, w.n)
	for i := range proof {
		h := w.at[i&63]
		if h == nil {
			h = &w.edge
		}
		proof[i] = *h
	}
	return proof
}

// climb adds the siblings on the way from the node of a level above a leaf to the
// root of the tree of size leaves. In ProveConsistency it lies
// below the first leaf that is new, so inner is above level.
func (v *View) climb(w *way, leaf, size uint64, level int) {
	inner, border := split(leaf, size)
	for ; level < inner-1; level++ {
		w.add(v.store.node(level, leaf>>level^1))
	}
	if inner > 0 {
		w.edge = v.last(size, inner-1)
		w.add(nil)
	}
	for ; border != 0; border &= border - 1 {
		level := inner + bits.TrailingZeros64(border)
		w.add(v.store.node(level, leaf>>level-1))
	}
}
