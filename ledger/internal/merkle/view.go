package merkle

import (
	"fmt"
	"math/bits"
)

// View is a tree of one size that does not change. The zero View is the empty
// tree. It may be copied, and used by any number of goroutines, for as long as the
// mapping given to [Load] is there.
type View struct {
	store hashes
	size  uint64
	tails []Hash // tails[i] folds the i+1 smallest complete subtrees of the right edge; the last is the root
}

// Size returns the number of leaves.
func (v View) Size() uint64 { return v.size }

// Leaf returns the hash of leaf i, as it was appended. It panics, as a slice
// does, where i is not below Size.
func (v View) Leaf(i uint64) Hash {
	if i >= v.size {
		panic(fmt.Sprintf("merkle: leaf %d of a tree of %d", i, v.size))
	}
	return *v.store.node(0, i)
}

// Root returns the root of the view. It hashes nothing unless the view is empty.
func (v View) Root() Hash {
	if v.size == 0 {
		return EmptyRoot()
	}
	return v.tails[len(v.tails)-1]
}

// RootAt returns the root of the tree of the first n leaves. It hashes
// popcount(n) − 1 nodes unless n is Size. The error wraps [ErrRange] where n is
// above Size.
func (v View) RootAt(n uint64) (Hash, error) {
	switch {
	case n > v.size:
		return Hash{}, fmt.Errorf("%w: size %d of %d", ErrRange, n, v.size)
	case n == 0:
		return EmptyRoot(), nil
	}
	return v.tail(n, 64), nil
}

// tail folds the complete subtrees of a tree of n leaves that are smaller than
// 2^level leaves. There is at least one.
func (v *View) tail(n uint64, level int) Hash {
	rest := n & (1<<level - 1)
	if n == v.size {
		return v.tails[bits.OnesCount64(rest)-1]
	}
	k := bits.TrailingZeros64(rest)
	buf, h := node{0: 1}, *v.store.node(k, n>>k-1)
	for rest &= rest - 1; rest != 0; rest &= rest - 1 {
		k = bits.TrailingZeros64(rest)
		h = buf.hash(v.store.node(k, n>>k-1), &h)
	}
	return h
}

// last returns the last node of a level in a tree of n leaves, complete or not.
func (v *View) last(n uint64, level int) Hash {
	if n&(1<<level-1) == 0 {
		return *v.store.node(level, n>>level-1)
	}
	return v.tail(n, level)
}

// ReadHashes makes a View a tlog.HashReader: it returns the hashes with these
// storage indexes, as tlog.StoredHashIndex counts them. The error wraps
// [ErrRange] where an index does not belong to the view.
func (v View) ReadHashes(indexes []int64) ([]Hash, error) {
	count := stored(v.size)
	out := make([]Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || uint64(x) >= count {
			return nil, fmt.Errorf("%w: stored hash %d of %d", ErrRange, x, count)
		}
		out[i] = *v.store.at(uint64(x))
	}
	return out, nil
}
