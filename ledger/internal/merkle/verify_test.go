package merkle_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

func tlogLeaf(record []byte) merkle.Hash { return tlog.RecordHash(record) }

// tampered yields every proof that differs from proof by one flipped bit of a hash, one
// hash more, less, twice or in another place.
func tampered(proof []merkle.Hash, yield func(what string, proof []merkle.Hash)) {
	for i := range proof {
		p := slices.Clone(proof)
		p[i][i%merkle.HashSize] ^= 1
		yield("flipped", p)
		yield("shorter", slices.Delete(slices.Clone(proof), i, i+1))
		yield("doubled", slices.Insert(slices.Clone(proof), i, proof[i]))
		if i > 0 && proof[i] != proof[i-1] {
			p := slices.Clone(proof)
			p[i], p[i-1] = p[i-1], p[i]
			yield("swapped", p)
		}
	}
	yield("longer", append(slices.Clone(proof), merkle.Hash{}))
	yield("longer", slices.Insert(slices.Clone(proof), 0, merkle.Hash{}))
	if len(proof) > 0 {
		yield("empty", nil)
	}
}

func TestInclusionIsOnlyOfWhatWasProved(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 6, 7, 8, 9, 21, 64, 65} {
		all := leaves(n)
		view := grown(n).View()
		for i := range n {
			proof, err := view.Prove(i, n)
			require.NoError(t, err)
			require.True(t, merkle.VerifyInclusion(proof, i, n, all[i], view.Root()))
			tampered(proof, func(what string, p []merkle.Hash) {
				require.False(t, merkle.VerifyInclusion(p, i, n, all[i], view.Root()), "%s proof of leaf %d of %d", what, i, n)
			})
			require.False(t, merkle.VerifyInclusion(proof, i, n, merkle.Hash{}, view.Root()))
			require.False(t, merkle.VerifyInclusion(proof, i, n, all[i], merkle.Hash{}))
			require.False(t, merkle.VerifyInclusion(proof, i, 0, all[i], view.Root()))
			for j := range n + 3 {
				if j != i {
					require.False(t, merkle.VerifyInclusion(proof, j, n, all[i], view.Root()), "leaf %d of %d as %d", i, n, j)
				}
			}
			for j := range uint64(64) {
				require.False(t, merkle.VerifyInclusion(proof, i|1<<j&^(n-1)|n, n, all[i], view.Root()))
			}
		}
	}
}

// TestProofsOfTheNextSizeAreRefused: the arithmetic of both algorithms goes on beyond
// the end of a tree and would be satisfied.
func TestProofsOfTheNextSizeAreRefused(t *testing.T) {
	two := grown(2).View()
	proof, err := two.Prove(1, 2)
	require.NoError(t, err)
	require.True(t, merkle.VerifyInclusion(proof, 1, 2, two.Leaf(1), two.Root()))
	require.False(t, merkle.VerifyInclusion(proof, 1, 1, two.Leaf(1), two.Root()))
	require.False(t, merkle.VerifyConsistency(nil, 2, 1, two.Root(), two.Root()))
}

// TestProofsOfOtherLengthsAreRefused though all hashes fit: with a length of one's own
// choice a node passes for a leaf, and any tree for a part of another.
func TestProofsOfOtherLengthsAreRefused(t *testing.T) {
	x := merkle.LeafHash([]byte("x"))
	five := grown(5).View()
	proof, err := five.Prove(4, 5)
	require.NoError(t, err)
	require.True(t, merkle.VerifyInclusion(proof, 4, 5, five.Leaf(4), five.Root()))
	require.False(t, merkle.VerifyInclusion(nil, 4, 5, five.Root(), five.Root()))
	require.False(t, merkle.VerifyInclusion(append(proof, x), 4, 5, five.Leaf(4), merkle.NodeHash(x, five.Root())))

	seven := grown(7).View()
	old, err := seven.RootAt(6)
	require.NoError(t, err)
	proof, err = seven.ProveConsistency(6, 7)
	require.NoError(t, err)
	require.True(t, merkle.VerifyConsistency(proof, 6, 7, old, seven.Root()))
	require.False(t, merkle.VerifyConsistency([]merkle.Hash{old, x}, 6, 7, old, merkle.NodeHash(old, x)))
	require.False(t, merkle.VerifyConsistency(append(proof, x), 6, 7, merkle.NodeHash(x, old), merkle.NodeHash(x, seven.Root())))
}

func TestConsistencyIsOnlyOfWhatWasProved(t *testing.T) {
	for _, b := range []uint64{1, 2, 3, 6, 7, 8, 9, 21, 64, 65} {
		view := grown(b).View()
		for a := range b + 1 {
			proof, err := view.ProveConsistency(a, b)
			require.NoError(t, err)
			old, err := view.RootAt(a)
			require.NoError(t, err)
			require.True(t, merkle.VerifyConsistency(proof, a, b, old, view.Root()), "%d in %d", a, b)
			tampered(proof, func(what string, p []merkle.Hash) {
				require.False(t, merkle.VerifyConsistency(p, a, b, old, view.Root()), "%s proof of %d in %d", what, a, b)
			})
			require.False(t, merkle.VerifyConsistency(proof, a, b, merkle.Hash{}, view.Root()))
			require.Equal(t, a == 0, merkle.VerifyConsistency(proof, a, b, old, merkle.Hash{}), "the empty tree begins every tree")
			require.Equal(t, a == b, merkle.VerifyConsistency(proof, b, a, view.Root(), old), "sizes exchanged")
			if a > 0 {
				require.False(t, merkle.VerifyConsistency(proof, 0, b, old, view.Root()))
			}
		}
	}
	empty := merkle.EmptyRoot()
	require.True(t, merkle.VerifyConsistency(nil, 0, 0, empty, empty))
	require.False(t, merkle.VerifyConsistency(nil, 0, 0, merkle.Hash{}, merkle.Hash{}))
}

// hashesOf cuts bytes into hashes.
func hashesOf(b []byte) []merkle.Hash {
	var out []merkle.Hash
	for h := range slices.Chunk(b, merkle.HashSize) {
		if len(h) == merkle.HashSize {
			out = append(out, merkle.Hash(h))
		}
	}
	return out
}

func bytesOf(hashes []merkle.Hash) []byte {
	var out []byte
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}

func FuzzVerifyInclusion(f *testing.F) {
	for _, c := range [][2]uint64{{0, 1}, {0, 2}, {2, 3}, {5, 7}, {6, 7}, {8, 9}, {100, 1000}} {
		view := grown(c[1]).View()
		proof, err := view.Prove(c[0], c[1])
		require.NoError(f, err)
		leaf, root := view.Leaf(c[0]), view.Root()
		f.Add(bytesOf(proof), c[0], c[1], leaf[:], root[:])
	}
	f.Fuzz(func(t *testing.T, proof []byte, index, size uint64, leaf, root []byte) {
		if len(leaf) < merkle.HashSize || len(root) < merkle.HashSize {
			return
		}
		p, leafHash, rootHash := hashesOf(proof), merkle.Hash(leaf), merkle.Hash(root)
		ok := merkle.VerifyInclusion(p, index, size, leafHash, rootHash)
		if size > 1<<62 || index >= size {
			return // beyond what tlog counts
		}
		if want := tlog.CheckRecord(p, int64(size), rootHash, int64(index), leafHash) == nil; ok != want {
			t.Fatalf("verified %v, tlog says %v", ok, want)
		}
	})
}

func FuzzVerifyConsistency(f *testing.F) {
	for _, c := range [][2]uint64{{0, 1}, {1, 1}, {1, 2}, {2, 3}, {3, 7}, {4, 7}, {6, 8}, {8, 9}, {100, 1000}} {
		view := grown(c[1]).View()
		proof, err := view.ProveConsistency(c[0], c[1])
		require.NoError(f, err)
		old, err := view.RootAt(c[0])
		require.NoError(f, err)
		root := view.Root()
		f.Add(bytesOf(proof), c[0], c[1], old[:], root[:])
	}
	f.Fuzz(func(t *testing.T, proof []byte, a, b uint64, rootA, rootB []byte) {
		if len(rootA) < merkle.HashSize || len(rootB) < merkle.HashSize {
			return
		}
		p, oldRoot, newRoot := hashesOf(proof), merkle.Hash(rootA), merkle.Hash(rootB)
		ok := merkle.VerifyConsistency(p, a, b, oldRoot, newRoot)
		if b > 1<<62 || a > b || a == 0 {
			return // tlog knows no empty tree
		}
		if want := tlog.CheckTree(p, int64(b), newRoot, int64(a), oldRoot) == nil; ok != want {
			t.Fatalf("verified %v, tlog says %v", ok, want)
		}
	})
}
