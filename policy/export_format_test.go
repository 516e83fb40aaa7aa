package policy

import "fmt"

// Bounds are limits of documents as their description states them.
var Bounds = []string{
	fmt.Sprintf("At most\n%d MiB, %d levels of nesting and %d,%03d values", maxDocumentBytes>>20, maxNesting, maxNodes/1000, maxNodes%1000),
	fmt.Sprintf("list of at most %d rules", maxRules),
	fmt.Sprintf("list of at most %d tests", maxRules),
	fmt.Sprintf("distinct items, unless stated | %d items", maxListed),
	fmt.Sprintf("list of at most %d roles", maxSeats),
	fmt.Sprintf("as they are written | %d bytes", maxTextSize),
	fmt.Sprintf("| %d years |", maxDuration/(365*24*3600e9)),
	fmt.Sprintf("number, 1 to %d: how many hands", maxDepth),
	fmt.Sprintf("object of at most %d lower-case names", maxParams),
	fmt.Sprintf("at most %d characters", maxConditionChars),
}
