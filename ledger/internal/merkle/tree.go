package merkle

import (
	"fmt"
	"math/bits"
	"slices"
)

// chunkHashes is the number of hashes in a chunk, 32 KiB of them.
const chunkHashes = 1 << 10

type chunk [chunkHashes * HashSize]byte

// Tree is a Merkle tree that grows. The zero Tree is empty and ready.
//
// A Tree has one writer at a time: none of its methods may run concurrently.
// Readers use a [View], which the caller hands them in a way that orders memory,
// such as a mutex or an atomic pointer.
type Tree struct {
	store hashes
	size  uint64
	edge  [64]Hash // edge[k] is the complete subtree of 2^k leaves that bit k of size stands for
	tails []Hash   // of the newest view, shared with it; nil when the tree has changed since
}

// hashes is the sequence of stored hashes. Copies of the struct share all memory,
// and what a copy could read does not change any more.
type hashes struct {
	base   []byte   // read-only, perhaps mapped
	based  uint64   // hashes in base
	chunks []*chunk // the hashes after base
}

// at returns the i-th hash.
func (s *hashes) at(i uint64) Hash {
	if i < s.based {
		return Hash(s.base[i*HashSize:])
	}
	i -= s.based
	return Hash(s.chunks[i/chunkHashes][i%chunkHashes*HashSize:])
}

// node returns the hash of a complete subtree.
func (s *hashes) node(level int, n uint64) Hash { return s.at(place(level, n)) }

// put stores the i-th hash, where all before it are stored.
func (s *hashes) put(i uint64, h Hash) {
	i -= s.based
	if i/chunkHashes == uint64(len(s.chunks)) {
		s.chunks = append(s.chunks, new(chunk))
	}
	copy(s.chunks[i/chunkHashes][i%chunkHashes*HashSize:], h[:])
}

// cut drops all but the first n hashes, and copies what would be overwritten
// later while a view reads it.
func (s *hashes) cut(n uint64) {
	if n <= s.based {
		s.base, s.based, s.chunks = s.base[:n*HashSize:n*HashSize], n, nil
		return
	}
	n -= s.based
	s.chunks = slices.Clone(s.chunks[:(n+chunkHashes-1)/chunkHashes])
	if n%chunkHashes != 0 {
		last := *s.chunks[len(s.chunks)-1]
		s.chunks[len(s.chunks)-1] = &last
	}
}

// Size returns the number of leaves.
func (t *Tree) Size() uint64 { return t.size }

// Append adds one leaf. It hashes a node for each trailing one bit of the size,
// one on average, and allocates 32 KiB for each 512 leaves.
func (t *Tree) Append(leaf Hash) {
	at, level := stored(t.size), 0
	t.store.put(at, leaf)
	for ; t.size>>level&1 != 0; level++ {
		leaf = NodeHash(t.edge[level], leaf)
		at++
		t.store.put(at, leaf)
	}
	t.edge[level] = leaf
	t.size++
	t.tails = nil
}

// AppendAll adds leaves in order. The tree does not keep the slice.
func (t *Tree) AppendAll(leaves []Hash) {
	for _, leaf := range leaves {
		t.Append(leaf)
	}
}

// Truncate drops all leaves but the first n. Views taken before stay valid. It
// copies up to 32 KiB and 8 bytes per 512 leaves. The error wraps [ErrRange] when
// the tree has less than n leaves.
func (t *Tree) Truncate(n uint64) error {
	if n > t.size {
		return fmt.Errorf("%w: %d leaves wanted of %d", ErrRange, n, t.size)
	}
	if n == t.size {
		return nil
	}
	t.store.cut(stored(n))
	t.size, t.tails = n, nil
	t.loadEdge()
	return nil
}

// loadEdge reads the edge of the tree's size from the stored hashes.
func (t *Tree) loadEdge() {
	for rest := t.size; rest != 0; rest &= rest - 1 {
		level := bits.TrailingZeros64(rest)
		t.edge[level] = t.store.node(level, t.size>>level-1)
	}
}

// View returns the tree as it is now. It hashes popcount(size) − 1 nodes and
// makes one allocation of 32·popcount(size) bytes; asked again at the same size it
// does neither.
func (t *Tree) View() View {
	if t.tails == nil && t.size != 0 {
		t.tails = make([]Hash, 0, bits.OnesCount64(t.size))
		for rest := t.size; rest != 0; rest &= rest - 1 {
			h := t.edge[bits.TrailingZeros64(rest)]
			if n := len(t.tails); n > 0 {
				h = NodeHash(h, t.tails[n-1])
			}
			t.tails = append(t.tails, h)
		}
	}
	return View{store: t.store, size: t.size, tails: t.tails}
}
