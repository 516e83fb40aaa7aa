package policy

// IsWord and IsCategory are the forms of ids and of categories.
var (
	IsWord     = isWord
	IsCategory = isCategory
)

// SharedBlocks returns how many blocks of firms two sets have, and how many of them are the same.
func SharedBlocks(a, b *Set) (all, shared int) {
	for i, block := range a.allBlocks() {
		if block == b.allBlocks()[i] {
			shared++
		}
	}
	return len(a.blocks), shared
}
