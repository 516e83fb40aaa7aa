//go:build !race

package lexical_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/embed"
)

// Under the race detector a sync.Pool drops a quarter of what it is given, so there is nothing to measure.
func TestNothingIsAllocatedForKeptRows(t *testing.T) {
	e := embedder(t, 0)
	texts := []string{golden[2], golden[3], golden[4]}
	kept := rows(t, e, texts...)
	allocs := testing.AllocsPerRun(100, func() { kept, _ = e.Embed(context.Background(), embed.Document, texts, kept) })
	assert.Less(t, allocs, 1.0, "a garbage collection may take the working memory now and then")
}
