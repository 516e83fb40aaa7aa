package merkle

import (
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
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

// at returns the i-th hash, which nobody writes.
func (s *hashes) at(i uint64) *Hash {
	if i < s.based {
		return (*Hash)(s.base[i*HashSize:])
	}
	i -= s.based
	return (*Hash)(s.chunks[i/chunkHashes][i%chunkHashes*HashSize:])
}

// node returns the hash of a complete subtree, which nobody writes.
func (s *hashes) node(level int, n uint64) *Hash { return s.at(place(level, n)) }

// put stores the i-th hash, where room is reserved for it.
func (s *hashes) put(i uint64, h *Hash) {
	i -= s.based
	*(*Hash)(s.chunks[i/chunkHashes][i%chunkHashes*HashSize:]) = *h
}

// reserve makes room for n hashes in all.
func (s *hashes) reserve(n uint64) {
	for s.based+uint64(len(s.chunks))*chunkHashes < n {
		s.chunks = append(s.chunks, new(chunk))
	}
}

// fill stores leaves and the nodes they complete from place at on, in a subtree
// that has size leaves already and the given edge.
func (s *hashes) fill(at uint64, edge *[64]Hash, size uint64, leaves []Hash) {
	n := node{0: 1}
	for i := range leaves {
		h, level := leaves[i], 0
		s.put(at, &h)
		at++
		for ; size>>level&1 != 0; level++ {
			h = n.hash(&edge[level], &h)
			s.put(at, &h)
			at++
		}
		edge[level] = h
		size++
	}
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
	t.tails = nil
	t.store.reserve(stored(t.size + 1))
	t.fill([]Hash{leaf})
}

// AppendAll adds leaves in order; the slice stays the caller's. It costs as much as
// appending them one by one. Of 8,192 leaves and more, whole subtrees of 4,096 are
// hashed on GOMAXPROCS goroutines, which have ended when it returns.
func (t *Tree) AppendAll(leaves []Hash) {
	if len(leaves) == 0 {
		return
	}
	t.tails = nil
	t.store.reserve(stored(t.size + uint64(len(leaves))))
	if len(leaves) >= 2*blockLeaves && runtime.GOMAXPROCS(0) > 1 {
		head := -t.size % blockLeaves
		t.fill(leaves[:head])
		whole := (uint64(len(leaves)) - head) / blockLeaves * blockLeaves
		t.fillBlocks(leaves[head : head+whole])
		leaves = leaves[head+whole:]
	}
	t.fill(leaves)
}

func (t *Tree) fill(leaves []Hash) {
	t.store.fill(stored(t.size), &t.edge, t.size, leaves)
	t.size += uint64(len(leaves))
}

// A block is a subtree that one goroutine fills. Its hashes lie together.
const (
	blockLevel  = 12
	blockLeaves = 1 << blockLevel
)

// fillBlocks adds whole blocks to a tree of whole blocks: first all of them at once,
// then, in order, the nodes above.
func (t *Tree) fillBlocks(leaves []Hash) {
	roots := make([]Hash, len(leaves)/blockLeaves)
	var taken atomic.Int64
	work := func() {
		var edge [64]Hash
		for i := int(taken.Add(1)) - 1; i < len(roots); i = int(taken.Add(1)) - 1 {
			at := stored(t.size + uint64(i)*blockLeaves)
			t.store.fill(at, &edge, 0, leaves[i*blockLeaves:][:blockLeaves])
			roots[i] = edge[blockLevel]
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(roots)) {
		wg.Go(work)
	}
	wg.Wait()
	n := node{0: 1}
	for _, h := range roots {
		at, level := stored(t.size)+2*blockLeaves-1, blockLevel
		for ; t.size>>level&1 != 0; level++ {
			h = n.hash(&t.edge[level], &h)
			t.store.put(at, &h)
			at++
		}
		t.edge[level] = h
		t.size += blockLeaves
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
		t.edge[level] = *t.store.node(level, t.size>>level-1)
	}
}

// View returns the tree as it is now. It hashes popcount(size) − 1 nodes and
// makes one allocation of 32·popcount(size) bytes; asked again at the same size it
// does neither.
func (t *Tree) View() View {
	if t.tails == nil && t.size != 0 {
		t.tails = make([]Hash, bits.OnesCount64(t.size))
		n, rest := node{0: 1}, t.size
		t.tails[0] = t.edge[bits.TrailingZeros64(rest)]
		for i := range t.tails[1:] {
			rest &= rest - 1
			t.tails[i+1] = n.hash(&t.edge[bits.TrailingZeros64(rest)], &t.tails[i])
		}
	}
	return View{store: t.store, size: t.size, tails: t.tails}
}
