package hnsw_test

import (
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/deeperpoint/csss/match/hnsw"
)

func Example() {
	x, err := hnsw.New[string](3, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = x.AddBatch([]string{"milling", "turning", "welding"}, []float32{
		1, 0.2, 0,
		0.8, 0.6, 0,
		0, 0, 1,
	}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	hits, err := x.Search([]float32{1, 0, 0}, 2, nil, nil)
	for _, h := range hits {
		fmt.Printf("%s %.3f\n", h.Key, h.Distance)
	}
	fmt.Println(err)
	// Output:
	// milling 0.019
	// turning 0.200
	// <nil>
}

// A filter is applied during the search: the answer is full although the
// nearest rows do not match.
func ExampleBitmap() {
	x, _ := hnsw.New[uint32](1, &hnsw.Options{Metric: hnsw.L2})
	_ = x.AddBatch([]uint32{1, 2, 3, 4, 5}, []float32{1, 2, 3, 4, 5}, nil)
	inRegion := roaring.BitmapOf(4, 5, 77)

	var trace hnsw.Trace
	hits, _ := x.Search([]float32{0}, 2, &hnsw.SearchOptions[uint32]{
		Filter: hnsw.Bitmap[uint32](inRegion),
		Trace:  &trace,
	}, nil)
	fmt.Println(hits, trace.Path)
	// Output: [{4 16} {5 25}] scan
}

func ExampleKeys() {
	x, _ := hnsw.New[uint32](1, &hnsw.Options{Metric: hnsw.L2})
	_ = x.AddBatch([]uint32{1, 2, 3, 4, 5}, []float32{1, 2, 3, 4, 5}, nil)
	hits, _ := x.Search([]float32{0}, 10, &hnsw.SearchOptions[uint32]{Filter: hnsw.Keys[uint32](5, 3)}, nil)
	fmt.Println(hits)
	// Output: [{3 9} {5 25}]
}

func ExampleFilterFunc() {
	x, _ := hnsw.New[string](1, &hnsw.Options{Metric: hnsw.L2})
	_ = x.AddBatch([]string{"a1", "b1", "b2"}, []float32{1, 2, 3}, nil)
	b := hnsw.FilterFunc[string](func(key string) bool { return key[0] == 'b' })
	hits, _ := x.Search([]float32{0}, 10, &hnsw.SearchOptions[string]{Filter: b}, nil)
	fmt.Println(hits)
	// Output: [{b1 4} {b2 9}]
}

// Replacing and deleting take effect at once; slots are used again.
func ExampleIndex_Delete() {
	x, _ := hnsw.New[uint64](1, &hnsw.Options{Metric: hnsw.L2})
	_ = x.AddBatch([]uint64{10, 11, 12}, []float32{1, 2, 3}, nil)
	_ = x.AddBatch([]uint64{12}, []float32{0.5}, nil)
	removed, err := x.Delete(10, 99)
	fmt.Println(removed, err, x.Len())
	hits, _ := x.Search([]float32{0}, 3, nil, nil)
	fmt.Println(hits, x.Check())
	// Output:
	// 1 <nil> 2
	// [{12 0.25} {11 4}] <nil>
}

// An error says what to correct, and the index is as it was.
func ExampleRowError() {
	x, _ := hnsw.New[uint32](2, nil)
	err := x.AddBatch([]uint32{1, 2}, []float32{1, 1, 0, 0}, nil)
	fmt.Println(err)
	if e, ok := errors.AsType[*hnsw.RowError](err); ok {
		fmt.Println(e.Row, errors.Is(err, hnsw.ErrZeroVector), x.Len())
	}
	// Output:
	// hnsw: row 1: zero vector under cosine
	// 1 true 0
}

func ExampleIndex_Get() {
	x, _ := hnsw.New[uint32](2, nil)
	_ = x.AddBatch([]uint32{1}, []float32{3, 4}, nil)
	v, ok := x.Get(1, nil)
	fmt.Println(v, ok)
	// Output: [0.6 0.8] true
}

func ExampleIndex_Stats() {
	x, _ := hnsw.New[uint32](2, &hnsw.Options{Metric: hnsw.L2, ExactBelow: -1})
	_ = x.AddBatch([]uint32{1, 2, 3}, []float32{0, 0, 0, 1, 1, 0}, nil)
	s := x.Stats()
	fmt.Println(s.Rows, s.Linked, s.Metric)
	// Output: 3 3 l2
}

func ExampleMetric_String() {
	fmt.Println(hnsw.Cosine, hnsw.Dot, hnsw.L2, hnsw.Metric(9))
	// Output: cosine dot l2 Metric(9)
}

func ExamplePath_String() {
	fmt.Println(hnsw.PathNone, hnsw.PathList, hnsw.PathGraphScan)
	// Output: none list graph, then scan
}

// A long batch tells how far it is.
func ExampleIndex_AddBatch() {
	x, _ := hnsw.New[uint32](1, &hnsw.Options{Metric: hnsw.L2})
	rows := make([]float32, 600)
	keys := make([]uint32, len(rows))
	for i := range keys {
		keys[i], rows[i] = uint32(i), float32(i)
	}
	err := x.AddBatch(keys, rows, &hnsw.BatchOptions{Progress: func(rows int) { fmt.Println(rows, "of", len(keys)) }})
	fmt.Println(x.Len(), err, x.Add(600, []float32{600}), x.Len())
	// Output:
	// 256 of 600
	// 512 of 600
	// 600 of 600
	// 600 <nil> <nil> 601
}
