package match

import "github.com/deeperpoint/csss/match/hnsw"

// NewGraphWith returns a graph with other options, for tests that want it
// linked from its first row on.
func NewGraphWith(o *hnsw.Options) *Graph { return &Graph{options: o} }
