package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkRows is a batch of rows, out of a small table (hot) and out of one
// that no cache holds.
func BenchmarkRows(b *testing.B) {
	for _, d := range []int{100, 384, 784} {
		for _, n := range []int{64, 400_000} {
			codes, floats := NewTable(d), NewTable(4*d)
			codes.Reserve(n)
			floats.Reserve(min(n, 100_000))
			q, fq := make([]int8, codes.Stride), make([]float32, floats.Stride/4)
			out, fout := make([]int32, Batch), make([]float32, Batch)
			ids := make([]uint32, Batch)
			rng := rand.New(rand.NewPCG(1, 2))
			run := func(name string, rows int, f func(ids []uint32)) {
				b.Run(fmt.Sprintf("%s/d=%d/rows=%d", name, d, rows), func(b *testing.B) {
					for b.Loop() {
						for i := range ids {
							ids[i] = uint32(rng.IntN(rows))
						}
						f(ids)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*Batch), "ns/row")
				})
			}
			for _, k := range rowKernels() {
				run(k.Name+"/i8", n, func(ids []uint32) { k.DotI8(out, q, &codes.Rows, ids) })
				run(k.Name+"/f32", min(n, 100_000), func(ids []uint32) { k.SquaredF32(fout, fq, &floats.Rows, ids) })
			}
		}
	}
}
