package merkle_test

import (
	"fmt"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// A view is taken when the leaves it has are to be seen, and proves what it holds
// while the tree grows on.
func Example() {
	var tree merkle.Tree
	for _, record := range []string{"offer", "need", "match"} {
		tree.Append(merkle.LeafHash([]byte(record)))
	}
	then := tree.View()
	tree.Append(merkle.LeafHash([]byte("reveal")))
	now := tree.View()

	inclusion, _ := then.Prove(1, 3)
	fmt.Println(merkle.VerifyInclusion(inclusion, 1, 3, merkle.LeafHash([]byte("need")), then.Root()))
	consistency, _ := now.ProveConsistency(3, 4)
	fmt.Println(merkle.VerifyConsistency(consistency, 3, 4, then.Root(), now.Root()))
	fmt.Println(merkle.VerifyInclusion(inclusion, 1, 4, merkle.LeafHash([]byte("need")), now.Root()))
	// Output:
	// true
	// true
	// false
}
