package match_test

import (
	"fmt"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/hnsw"
	"github.com/deeperpoint/csss/match/matchtest"
)

func conform(t *testing.T, recall float64, open func() match.VectorIndex) {
	o := &matchtest.Options{Recall: recall}
	if testing.Short() {
		o.Rows = 500
	}
	matchtest.TestVectorIndex(t, func(testing.TB) match.VectorIndex { return open() }, o)
}

func TestExactConforms(t *testing.T) {
	conform(t, 1, func() match.VectorIndex { return match.NewExact() })
}

func TestGraphConforms(t *testing.T) {
	conform(t, 1, func() match.VectorIndex { return match.NewGraph() })
}

// Linked from the first row on, so that every search walks.
func TestLinkedGraphConforms(t *testing.T) {
	modes := []hnsw.Mode{hnsw.Int8, hnsw.Float32}
	if testing.Short() {
		modes = modes[:1] // the one that graphs of a market have
	}
	for _, mode := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			conform(t, 0.97, func() match.VectorIndex { return match.NewGraphWith(&hnsw.Options{ExactBelow: -1, Mode: mode}) })
		})
	}
}

func ExampleNewGraph() {
	g := match.NewGraph()
	err := g.Upsert([]uint32{1, 2, 3}, [][]float32{{1, 0}, {0.8, 0.6}, {0, 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	hits, err := g.Search([]float32{2, 0}, 2, roaring.BitmapOf(2, 3), nil)
	for _, h := range hits {
		fmt.Printf("row %d: %.2f\n", h.ID, h.Score)
	}
	fmt.Println(err)
	// Output:
	// row 2: 0.80
	// row 3: 0.00
	// <nil>
}
