package coderhnsw_test

import (
	"fmt"

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
