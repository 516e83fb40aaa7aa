package merkle_test

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

func TestHashesAreThoseOfTheRFC(t *testing.T) {
	// The root of the empty tree and the hash of the empty leaf are in RFC 6962's test vectors.
	assert.Equal(t, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", merkle.EmptyRoot().String())
	assert.Equal(t, "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=", merkle.LeafHash(nil).String())
	assert.Equal(t, merkle.EmptyRoot(), merkle.View{}.Root())
	record := make([]byte, 3000)
	for i := range record {
		record[i] = byte(i * i >> 3)
	}
	for _, n := range []int{0, 1, 159, 254, 255, 256, 257, 1023, 1024, 1025, 3000} {
		assert.Equal(t, tlogLeaf(record[:n]), merkle.LeafHash(record[:n]), "record of %d bytes", n)
	}
}

func TestHashingAndVerifyingAllocateNothing(t *testing.T) {
	const size = 5000
	view := grown(size).View()
	proof, err := view.Prove(1234, size)
	require.NoError(t, err)
	consistency, err := view.ProveConsistency(1234, size)
	require.NoError(t, err)
	old, err := view.RootAt(1234)
	require.NoError(t, err)
	record, leaf, root := make([]byte, 1024), view.Leaf(1234), view.Root()
	tile := make([]byte, 0, merkle.TileWidth*merkle.HashSize)
	for name, f := range map[string]func(){
		"leaf":        func() { merkle.LeafHash(record) },
		"node":        func() { merkle.NodeHash(leaf, root) },
		"inclusion":   func() { merkle.VerifyInclusion(proof, 1234, size, leaf, root) },
		"consistency": func() { merkle.VerifyConsistency(consistency, 1234, size, old, root) },
		"root":        func() { _, _ = view.RootAt(4321) },
		"tile":        func() { _, _ = view.AppendTile(tile, 0, 3, merkle.TileWidth) },
	} {
		assert.Zero(t, testing.AllocsPerRun(100, f), name)
	}
	for _, n := range []uint64{size, size - 1, 4096, 3} {
		assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() { _, _ = view.Prove(2, n) }), "proof in size %d", n)
		assert.EqualValues(t, 1, testing.AllocsPerRun(100, func() { _, _ = view.ProveConsistency(2, n) }), "consistency with %d", n)
	}
	tree := grown(size)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { tree.Append(leaf); tree.View() }), 1.0, "append and view")
}

func TestWhatATreeDoesNotHaveIsRefused(t *testing.T) {
	view := grown(10).View()
	for _, c := range [][2]uint64{{10, 10}, {0, 11}, {0, 0}, {11, 5}, {1 << 63, 10}, {0, 1<<64 - 1}} {
		_, err := view.Prove(c[0], c[1])
		assert.ErrorIs(t, err, merkle.ErrRange, "leaf %d of %d", c[0], c[1])
	}
	for _, c := range [][2]uint64{{5, 4}, {0, 11}, {11, 11}, {1<<64 - 1, 1<<64 - 1}} {
		_, err := view.ProveConsistency(c[0], c[1])
		assert.ErrorIs(t, err, merkle.ErrRange, "size %d in %d", c[0], c[1])
	}
	_, err := view.RootAt(11)
	assert.ErrorIs(t, err, merkle.ErrRange)
	assert.Panics(t, func() { view.Leaf(10) })
	assert.ErrorIs(t, new(merkle.Tree).Truncate(1), merkle.ErrRange)
}

func TestViewsOutliveWhatBecomesOfTheTree(t *testing.T) {
	const size = 6000
	all := leaves(size)
	other := merkle.LeafHash([]byte("another branch"))
	for _, loaded := range []uint64{0, 1, 1000, 3000} {
		tree := reload(t, all[:loaded])
		views := map[uint64]merkle.View{}
		rnd := rand.New(rand.NewPCG(1, loaded))
		for tree.Size() < size {
			tree.AppendAll(all[tree.Size():min(size, tree.Size()+rnd.Uint64N(700))])
			views[tree.Size()] = tree.View()
		}
		want := views[size]
		for _, n := range []uint64{5999, 4097, 4096, 3001, 3000, 2999, 1024, 1000, 7, 1, 0} {
			require.NoError(t, tree.Truncate(n))
			require.Equal(t, n, tree.Size())
			at, err := want.RootAt(n)
			require.NoError(t, err)
			require.Equal(t, at, tree.View().Root(), "cut to %d after loading %d", n, loaded)
			for range 1500 {
				tree.Append(other)
			}
			for size, v := range views {
				if n < size {
					require.Equal(t, all[n], v.Leaf(n), "view of %d after a cut to %d", size, n)
				}
			}
			require.NoError(t, tree.Truncate(n))
			tree.AppendAll(all[n:min(size, n+1500)])
			at, err = want.RootAt(tree.Size())
			require.NoError(t, err)
			require.Equal(t, at, tree.View().Root(), "regrown from %d after loading %d", n, loaded)
			require.NoError(t, tree.Truncate(n))
		}
		for n, v := range views {
			require.Equal(t, root(all[:n]), v.Root())
			for i := uint64(0); i < n; i += 97 {
				require.Equal(t, all[i], v.Leaf(i))
				proof, err := v.Prove(i, n)
				require.NoError(t, err)
				require.True(t, merkle.VerifyInclusion(proof, i, n, all[i], v.Root()))
			}
		}
	}
}

// reload returns a tree of these leaves that lies in saved bytes.
func reload(t *testing.T, leaves []merkle.Hash) *merkle.Tree {
	tree := new(merkle.Tree)
	tree.AppendAll(leaves)
	var b bytes.Buffer
	require.NoError(t, tree.View().Save(&b))
	tree, err := merkle.Load(b.Bytes())
	require.NoError(t, err)
	return tree
}

func TestReadersNeedNoLockBesideTheWriter(t *testing.T) {
	const size = 20_000
	all := leaves(size)
	views := make(chan merkle.View, 16)
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, 0))
			for v := range views {
				i := rnd.Uint64N(v.Size())
				n := i + 1 + rnd.Uint64N(v.Size()-i)
				proof, err := v.Prove(i, n)
				root, rootErr := v.RootAt(n)
				if err != nil || rootErr != nil || !merkle.VerifyInclusion(proof, i, n, all[i], root) {
					t.Errorf("leaf %d of %d in a view of %d", i, n, v.Size())
				}
			}
		})
	}
	tree := reload(t, all[:100])
	for i, leaf := range all[100:] {
		tree.Append(leaf)
		if i%7 == 0 {
			views <- tree.View()
		}
		if i%5000 == 4999 {
			assert.NoError(t, tree.Truncate(tree.Size()-1))
			tree.Append(leaf)
		}
	}
	close(views)
	wg.Wait()
}

func TestAppendingAtOnceOrOneByOneIsTheSame(t *testing.T) {
	size := uint64(70_000)
	if testing.Short() {
		size = 30_000
	}
	all := leaves(size)
	one := new(merkle.Tree)
	for _, leaf := range all {
		one.Append(leaf)
	}
	var want bytes.Buffer
	require.NoError(t, one.View().Save(&want))
	for _, parts := range [][]uint64{{0}, {1}, {255, 256}, {1000}, {4096, 16384}, {9999, 3, 4}} {
		tree, at := new(merkle.Tree), uint64(0)
		for _, n := range parts {
			tree.AppendAll(all[at : at+n])
			at += n
		}
		tree.AppendAll(all[at:])
		var got bytes.Buffer
		require.NoError(t, tree.View().Save(&got))
		require.True(t, bytes.Equal(want.Bytes(), got.Bytes()), "parts %v", parts)
		require.Equal(t, one.View().Root(), tree.View().Root())
	}
}
