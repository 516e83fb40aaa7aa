package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// naiveRoot is the Merkle tree hash as RFC 6962, section 2.1, defines it.
func naiveRoot(leaves [][]byte) ledger.Hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		l, r := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
		return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
	}
}

// naivePath is the audit path of leaf m (section 2.1.1).
func naivePath(m int, leaves [][]byte) []ledger.Hash {
	n := len(leaves)
	if n == 1 {
		return nil
	}
	k := 1
	for k*2 < n {
		k *= 2
	}
	if m < k {
		return append(naivePath(m, leaves[:k]), naiveRoot(leaves[k:]))
	}
	return append(naivePath(m-k, leaves[k:]), naiveRoot(leaves[:k]))
}

// naiveConsistency is SUBPROOF(m, D[n], whole) (section 2.1.2).
func naiveConsistency(m int, leaves [][]byte, whole bool) []ledger.Hash {
	n := len(leaves)
	if m == n {
		if whole {
			return nil
		}
		return []ledger.Hash{naiveRoot(leaves)}
	}
	k := 1
	for k*2 < n {
		k *= 2
	}
	if m <= k {
		return append(naiveConsistency(m, leaves[:k], whole), naiveRoot(leaves[k:]))
	}
	return append(naiveConsistency(m-k, leaves[k:], false), naiveRoot(leaves[:k]))
}

func TestTreeIsThatOfRFC6962(t *testing.T) {
	store := ledger.NewMemoryStore()
	l, err := ledger.Open(t.Context(), store, nil)
	require.NoError(t, err)
	defer l.Close()
	const n = 70
	for i := range n {
		_, err := l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	var leaves [][]byte
	for f, err := range store.Read(t.Context(), 0, n) {
		require.NoError(t, err)
		assert.Less(t, len(f.Leaf), 1024)
		leaves = append(leaves, bytes.Clone(f.Leaf))
	}
	for size := 1; size <= n; size++ {
		for i := range size {
			p, err := l.Prove(t.Context(), uint64(i), uint64(size))
			require.NoError(t, err)
			require.Equal(t, naiveRoot(leaves[:size]), p.Root)
			require.Equal(t, naivePath(i, leaves[:size]), nonEmpty(p.Hashes))
			c, err := l.ProveConsistency(t.Context(), uint64(i), uint64(size))
			require.NoError(t, err)
			require.Equal(t, naiveRoot(leaves[:i]), c.FromRoot)
			if i > 0 {
				require.Equal(t, naiveConsistency(i, leaves[:size], true), nonEmpty(c.Hashes))
			}
		}
	}
}

func nonEmpty(h []ledger.Hash) []ledger.Hash {
	if len(h) == 0 {
		return nil
	}
	return h
}

func TestProofWithOneBitChangedFails(t *testing.T) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(t, err)
	defer l.Close()
	for i := range 11 {
		_, err := l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	p, err := l.Prove(t.Context(), 6, 11)
	require.NoError(t, err)
	require.NoError(t, p.Verify(p.Root))
	for i := range p.Hashes {
		p.Hashes[i][31] ^= 1
		assert.ErrorIs(t, p.Verify(p.Root), ledger.ErrProof)
		p.Hashes[i][31] ^= 1
	}
	for _, bad := range []ledger.Proof{
		{Index: 5, Size: p.Size, Leaf: p.Leaf, Hashes: p.Hashes},
		{Index: p.Index, Size: 12, Leaf: p.Leaf, Hashes: p.Hashes[1:]},
		{Index: p.Index, Size: p.Size, Leaf: p.Root, Hashes: p.Hashes},
		{Index: p.Size, Size: p.Size, Leaf: p.Leaf, Hashes: p.Hashes},
		{Index: p.Index, Size: 1 << 63, Leaf: p.Leaf, Hashes: p.Hashes},
		{},
	} {
		assert.ErrorIs(t, bad.Verify(p.Root), ledger.ErrProof)
	}
	c, err := l.ProveConsistency(t.Context(), 5, 11)
	require.NoError(t, err)
	for i := range c.Hashes {
		c.Hashes[i][0] ^= 1
		assert.ErrorIs(t, c.Verify(c.FromRoot, c.ToRoot), ledger.ErrProof)
		c.Hashes[i][0] ^= 1
	}
	assert.ErrorIs(t, ledger.ConsistencyProof{From: 2, To: 1}.Verify(c.FromRoot, c.ToRoot), ledger.ErrProof)
	assert.ErrorIs(t, ledger.ConsistencyProof{To: 1, Hashes: c.Hashes}.Verify(c.FromRoot, c.ToRoot), ledger.ErrProof)
}
