package merkle

import "math/bits"

// Frontier is the right edge of a tree that grows: enough to know its roots, in
// 2 KiB for any size. It hashes as a [Tree] does and stores nothing. The zero
// Frontier is that of the empty tree. It has one user at a time.
type Frontier struct {
	size uint64
	edge [64]Hash // as in Tree
}

// Size returns the number of leaves.
func (f *Frontier) Size() uint64 { return f.size }

// AppendAll adds leaves in order. It hashes one node per leaf on average and
// allocates nothing.
func (f *Frontier) AppendAll(leaves []Hash) {
	n := node{0: 1}
	for i := range leaves {
		h, level := leaves[i], 0
		for ; f.size>>level&1 != 0; level++ {
			h = n.hash(&f.edge[level], &h)
		}
		f.edge[level] = h
		f.size++
	}
}

// Root returns the root of the leaves that were added. It hashes
// popcount(size) − 1 nodes.
func (f *Frontier) Root() Hash {
	if f.size == 0 {
		return EmptyRoot()
	}
	n, rest := node{0: 1}, f.size
	h := f.edge[bits.TrailingZeros64(rest)]
	for rest &= rest - 1; rest != 0; rest &= rest - 1 {
		h = n.hash(&f.edge[bits.TrailingZeros64(rest)], &h)
	}
	return h
}
