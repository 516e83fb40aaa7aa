package hnsw_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

func BenchmarkSearch(b *testing.B) {
	const n, dim = 5_000, 128
	rows := clustered(random(61), n, dim, 100, 0.5)
	x := newIndex(b, dim, hnsw.Cosine, &hnsw.Options{ExactBelow: -1})
	require.NoError(b, x.AddBatch(upTo(n), rows, nil))
	even := hnsw.FilterFunc[uint32](func(key uint32) bool { return key%2 == 0 })
	for _, o := range []hnsw.SearchOptions[uint32]{{Ef: 32}, {Ef: 128}, {Ef: 32, Filter: even}, {Exact: true}} {
		b.Run(fmt.Sprintf("ef=%d/filtered=%t/exact=%t", o.Ef, o.Filter != nil, o.Exact), func(b *testing.B) {
			var dst []hnsw.Result[uint32]
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				dst, _ = x.Search(rows[i*dim:(i+1)*dim], 10, &o, dst[:0])
				i = (i + 1) % n
			}
		})
	}
}

func BenchmarkReplace(b *testing.B) {
	const n, dim = 5_000, 128
	rows := clustered(random(62), 2*n, dim, 100, 0.5)
	x := newIndex(b, dim, hnsw.Cosine, &hnsw.Options{ExactBelow: -1})
	require.NoError(b, x.AddBatch(upTo(n), rows[:n*dim], nil))
	i := 0
	for b.Loop() {
		at := (i + n) % (2 * n) * dim
		if err := x.AddBatch([]uint32{uint32(i % n)}, rows[at:at+dim], nil); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
