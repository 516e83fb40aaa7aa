package merkle

import "math/bits"

// VerifyInclusion reports whether proof shows that the tree of size leaves with
// this root has this leaf hash at index, by the algorithm of RFC 9162 §2.1.3.2. A
// proof of another length than the one that index and size call for, and an index
// that is not below size, are refused before anything is hashed. It hashes one
// node per hash of the proof and allocates nothing.
func VerifyInclusion(proof []Hash, index, size uint64, leaf, root Hash) bool {
	if index >= size {
		return false
	}
	inner, border := split(index, size)
	if len(proof) != inner+bits.OnesCount64(border) {
		return false
	}
	n, h := node{0: 1}, leaf
	for i := range proof {
		if i < inner && index>>i&1 == 0 {
			h = n.hash(&h, &proof[i])
		} else {
			h = n.hash(&proof[i], &h)
		}
	}
	return h == root
}

// VerifyConsistency reports whether proof shows that the tree of b leaves with
// root rootB begins with the tree of a leaves with root rootA, by the algorithm of
// RFC 9162 §2.1.4.2. Sizes that are equal must have equal roots, and size zero the
// root of the empty tree; both take the empty proof. An a above b and a proof of
// another length than a and b call for are refused before anything is hashed. It
// hashes one node per hash of the proof, two where the node lies in both trees,
// and allocates nothing.
func VerifyConsistency(proof []Hash, a, b uint64, rootA, rootB Hash) bool {
	switch {
	case a > b:
		return false
	case a == b:
		return len(proof) == 0 && rootA == rootB && (a != 0 || rootA == EmptyRoot())
	case a == 0:
		return len(proof) == 0 && rootA == EmptyRoot()
	}
	low := bits.TrailingZeros64(a)
	inner, border := split(a-1, b)
	oldH := rootA // where a is a power of two, the whole old tree is the first node
	if a != 1<<low {
		if len(proof) == 0 {
			return false
		}
		oldH, proof = proof[0], proof[1:]
	}
	if len(proof) != inner-low+bits.OnesCount64(border) {
		return false
	}
	n, newH := node{0: 1}, oldH
	for i := range proof {
		if i < inner-low && (a-1)>>(low+i)&1 == 0 {
			newH = n.hash(&newH, &proof[i]) // of leaves that the old tree does not have
			continue
		}
		oldH = n.hash(&proof[i], &oldH)
		newH = n.hash(&proof[i], &newH)
	}
	return oldH == rootA && newH == rootB
}
