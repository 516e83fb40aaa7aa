package merkle_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// record returns a record that no other number has.
func record(i uint64) []byte { return binary.BigEndian.AppendUint64([]byte("record "), i) }

// leaves returns the hashes of the records below n.
func leaves(n uint64) []merkle.Hash {
	out := make([]merkle.Hash, n)
	for i := range out {
		out[i] = merkle.LeafHash(record(uint64(i)))
	}
	return out
}

func grown(n uint64) *merkle.Tree {
	t := new(merkle.Tree)
	t.AppendAll(leaves(n))
	return t
}

// root is MTH of RFC 6962 §2.1, word for word.
func root(d []merkle.Hash) merkle.Hash {
	switch len(d) {
	case 0:
		return merkle.EmptyRoot()
	case 1:
		return d[0]
	}
	k := below(len(d))
	return tlog.NodeHash(root(d[:k]), root(d[k:]))
}

// below returns the largest power of two smaller than n.
func below(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

// path is PATH of RFC 6962 §2.1.1, word for word.
func path(m int, d []merkle.Hash) []merkle.Hash {
	if len(d) == 1 {
		return nil
	}
	if k := below(len(d)); m < k {
		return append(path(m, d[:k]), root(d[k:]))
	} else {
		return append(path(m-k, d[k:]), root(d[:k]))
	}
}

// subproof is SUBPROOF of RFC 6962 §2.1.2, word for word.
func subproof(m int, d []merkle.Hash, whole bool) []merkle.Hash {
	if m == len(d) {
		if whole {
			return nil
		}
		return []merkle.Hash{root(d)}
	}
	if k := below(len(d)); m <= k {
		return append(subproof(m, d[:k], whole), root(d[k:]))
	} else {
		return append(subproof(m-k, d[k:], false), root(d[:k]))
	}
}

func TestSmallTreesAreThoseOfTheRFC(t *testing.T) {
	limit := uint64(300)
	if testing.Short() {
		limit = 70
	}
	all := leaves(limit)
	view := grown(limit).View()
	tree := new(merkle.Tree)
	for n := range limit + 1 {
		d := all[:n]
		want := root(d)
		now := tree.View()
		at, err := view.RootAt(n)
		require.NoError(t, err)
		require.Equal(t, want, now.Root(), "root of %d", n)
		require.Equal(t, want, at, "root of %d seen from %d", n, limit)
		for _, i := range picks(n) {
			want := path(int(i), d)
			for _, v := range []merkle.View{now, view} {
				proof, err := v.Prove(i, n)
				require.NoError(t, err)
				require.Equal(t, want, proof, "leaf %d of %d seen from %d", i, n, v.Size())
			}
			require.True(t, merkle.VerifyInclusion(want, i, n, d[i], root(d)))
			require.NoError(t, tlog.CheckRecord(want, int64(n), root(d), int64(i), d[i]))
		}
		for _, a := range append(picks(n), n) {
			var want []merkle.Hash
			if a > 0 {
				want = subproof(int(a), d, true)
			}
			for _, v := range []merkle.View{now, view} {
				proof, err := v.ProveConsistency(a, n)
				require.NoError(t, err)
				require.Equal(t, want, proof, "size %d in %d seen from %d", a, n, v.Size())
			}
			require.True(t, merkle.VerifyConsistency(want, a, n, root(d[:a]), root(d)))
			if a > 0 {
				require.NoError(t, tlog.CheckTree(want, int64(n), root(d), int64(a), root(d[:a])))
			}
		}
		if n < limit {
			tree.Append(all[n])
		}
	}
}

// picks returns all indexes below n if they are few, and a spread of them that has
// both ends and the powers of two otherwise.
func picks(n uint64) []uint64 {
	var out []uint64
	for i := range n {
		if n <= 64 || i < 3 || i+3 >= n || i&(i-1) == 0 || i&(i+1) == 0 || i%37 == n%37 {
			out = append(out, i)
		}
	}
	return out
}

func TestTreesAreThoseOfTlog(t *testing.T) {
	limit := uint64(1<<13 + 1)
	if testing.Short() {
		limit = 1<<10 + 1
	}
	all := leaves(limit)
	view := grown(limit).View()
	for k := uint64(8); k < limit; k *= 2 {
		for _, n := range []uint64{k - 1, k, k + 1} {
			tree := new(merkle.Tree)
			tree.AppendAll(all[:n])
			now := tree.View()
			want, err := tlog.TreeHash(int64(n), now)
			require.NoError(t, err)
			assert.Equal(t, want, now.Root())
			assert.Equal(t, root(all[:n]), now.Root())
			for _, i := range picks(n) {
				want, err := tlog.ProveRecord(int64(n), int64(i), view)
				require.NoError(t, err)
				got, err := now.Prove(i, n)
				require.NoError(t, err)
				require.Equal(t, []merkle.Hash(want), got)
				got, err = view.Prove(i, n)
				require.NoError(t, err)
				require.Equal(t, []merkle.Hash(want), got)
				require.True(t, merkle.VerifyInclusion(got, i, n, all[i], now.Root()))
				if i == 0 {
					continue
				}
				wantTree, err := tlog.ProveTree(int64(n), int64(i), view)
				require.NoError(t, err)
				got, err = view.ProveConsistency(i, n)
				require.NoError(t, err)
				require.Equal(t, []merkle.Hash(wantTree), got)
				old, err := view.RootAt(i)
				require.NoError(t, err)
				require.True(t, merkle.VerifyConsistency(got, i, n, old, now.Root()))
			}
		}
	}
}

func TestStoredHashesAreThoseOfTlog(t *testing.T) {
	const size = 1000
	all := leaves(size)
	view := grown(size).View()
	var stored []merkle.Hash
	for i, leaf := range all {
		more, err := tlog.StoredHashesForRecordHash(int64(i), leaf, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
			var out []tlog.Hash
			for _, x := range indexes {
				out = append(out, stored[x])
			}
			return out, nil
		}))
		require.NoError(t, err)
		stored = append(stored, more...)
	}
	indexes := make([]int64, len(stored))
	for i := range indexes {
		indexes[i] = int64(i)
	}
	got, err := view.ReadHashes(indexes)
	require.NoError(t, err)
	require.Equal(t, stored, got)
	for i := range all {
		require.Equal(t, all[i], view.Leaf(uint64(i)))
	}
	for _, x := range []int64{-1, int64(len(stored)), 1 << 62} {
		_, err = view.ReadHashes([]int64{0, x})
		require.ErrorIs(t, err, merkle.ErrRange)
	}
}
