//go:build race

package ledger_test

// raced says that the race detector is on, which takes ten times as long and has
// nothing to say about what one goroutine does again and again.
const raced = true
