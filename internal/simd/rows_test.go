package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// table lays n rows of size bytes out in chunks of 1<<shift.
func table(n, stride int, shift uint) (*Rows, [][]byte) {
	r := &Rows{Shift: shift, Stride: stride}
	var all [][]byte
	for i := 0; i < n; i += 1 << shift {
		chunk := make([]byte, stride<<shift)
		r.Chunks = append(r.Chunks, unsafe.SliceData(chunk))
		for j := range 1 << shift {
			all = append(all, chunk[j*stride:(j+1)*stride])
		}
	}
	return r, all[:n]
}

func TestRowKernelsAgree(t *testing.T) {
	const n = 37
	rng := rand.New(rand.NewPCG(1, 2))
	for _, d := range []int{1, 2, 15, 16, 17, 63, 64, 65, 100, 128, 384, 784, 1536} {
		codes, rows := table(n, (d+63)/64*64, 3)
		floats, frows := table(n, (4*d+63)/64*64, 2)
		q, fq := make([]int8, codes.Stride), make([]float32, floats.Stride/4)
		for j := range d {
			q[j], fq[j] = int8(rng.IntN(256)-128), float32(rng.NormFloat64())
		}
		for i := range n {
			f := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(frows[i]))), floats.Stride/4)
			for j := range d {
				rows[i][j], f[j] = byte(rng.IntN(256)), float32(rng.NormFloat64())
			}
			if i%5 == 0 { // the extremes
				for j := range d {
					rows[i][j] = 255
				}
			}
		}
		for _, k := range rowKernels() {
			t.Run(fmt.Sprintf("%s/%d", k.Name, d), func(t *testing.T) {
				for _, count := range []int{0, 1, 2, 3, 4, 5, 8, 31, 64} {
					ids := make([]uint32, count, count+3)
					for i := range ids {
						ids[i] = uint32(rng.IntN(n))
					}
					out, fout, sout := make([]int32, count+3), make([]float32, count+3), make([]float32, count+3)
					k.DotI8(out, q, codes, ids)
					k.DotF32(fout, fq, floats, ids)
					k.SquaredF32(sout, fq, floats, ids)
					want, fwant, swant := make([]int32, count), make([]float32, count), make([]float32, count)
					goRows.DotI8(want, q, codes, ids)
					goRows.DotF32(fwant, fq, floats, ids)
					goRows.SquaredF32(swant, fq, floats, ids)
					require.Equal(t, want, out[:count])
					require.Equal(t, fwant, fout[:count], "bit for bit")
					require.Equal(t, swant, sout[:count])
				}
			})
		}
		ids := []uint32{0, 5, 36}
		out, fout := make([]int32, 4), make([]float32, 4)
		goRows.DotI8(out, q, codes, ids)
		goRows.DotF32(fout, fq, floats, ids)
		for i, id := range ids {
			exact, sum, abs := int64(0), 0.0, 0.0
			f := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(frows[id]))), d)
			for j := range d {
				exact += int64(rows[id][j]) * int64(q[j])
				sum += float64(f[j]) * float64(fq[j])
				abs += math.Abs(float64(f[j]) * float64(fq[j]))
			}
			assert.EqualValues(t, exact, out[i])
			assert.InDelta(t, sum, float64(fout[i]), 4*float64(d+2)*abs/(1<<24))
		}
	}
}

// TestI8DoesNotSaturate: the largest sums there can be.
func TestI8DoesNotSaturate(t *testing.T) {
	r, rows := table(4, 65536, 2)
	q := make([]int8, 65536)
	for j := range q {
		q[j] = -127
		for i := range rows {
			rows[i][j] = 255
		}
	}
	for _, k := range rowKernels() {
		out := make([]int32, 4)
		k.DotI8(out, q, r, []uint32{0, 1, 2, 3})
		assert.EqualValues(t, -127*255*65536, out[0], k.Name)
	}
}
