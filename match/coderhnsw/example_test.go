package coderhnsw_test

import (
	"bytes"
	"fmt"

	peer "github.com/coder/hnsw"

	"github.com/deeperpoint/csss/match/coderhnsw"
)

func ExampleNew() {
	x, err := coderhnsw.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := x.Upsert([]uint32{1, 2}, [][]float32{{1, 0}, {0.8, 0.6}}); err != nil {
		fmt.Println(err)
		return
	}
	hits, err := x.Search([]float32{1, 0}, 2, nil, nil)
	for _, h := range hits {
		fmt.Printf("row %d: %.2f\n", h.ID, h.Score)
	}
	fmt.Println(err)
	// Output:
	// row 1: 1.00
	// row 2: 0.80
	// <nil>
}

func ExampleImport() {
	g := peer.NewGraph[int]()
	g.Add(peer.MakeNode(7, []float32{1, 0}), peer.MakeNode(8, []float32{0.8, 0.6}), peer.MakeNode(9, []float32{0, 1}))
	var file bytes.Buffer
	if err := g.Export(&file); err != nil {
		fmt.Println(err)
		return
	}

	x, err := coderhnsw.Import[int, uint64](&file, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	hits, err := x.Search([]float32{1, 0}, 2, nil, nil)
	for _, h := range hits {
		fmt.Printf("key %d: %.2f\n", h.Key, h.Distance)
	}
	fmt.Println(err)
	// Output:
	// key 7: 0.00
	// key 8: 0.20
	// <nil>
}
