package merkle_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// A frontier has the root of the tree with the same leaves at every size, in
// whatever steps they come.
func TestFrontierFollowsTheTree(t *testing.T) {
	leaves := make([]merkle.Hash, 300)
	for i := range leaves {
		leaves[i] = merkle.LeafHash([]byte{byte(i), byte(i >> 8)})
	}
	for step := 1; step < len(leaves); step += 1 + step/3 {
		var tree merkle.Tree
		var edge merkle.Frontier
		require.Equal(t, tree.View().Root(), edge.Root())
		for at := 0; at < len(leaves); at += step {
			part := leaves[at:min(at+step, len(leaves))]
			tree.AppendAll(part)
			edge.AppendAll(part)
			require.Equal(t, tree.Size(), edge.Size())
			require.Equal(t, tree.View().Root(), edge.Root(), "at %d, in steps of %d", at, step)
		}
	}
}
