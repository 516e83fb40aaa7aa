package main

import (
	"bytes"
	"math"
	"math/rand/v2"

	"github.com/deeperpoint/csss/internal/simd"
)

// kernel compares the query of a table with rows.
type kernel struct {
	engine        string
	run           func(ids []uint32) // up to simd.Batch of them
	counted, read int                // bytes of a row
	exact         bool               // agrees with the twin to the bit
}

// kernelTable is a table of rows, a query, and what compares the two.
type kernelTable struct {
	name      string
	dim, rows int
	ids       [][]uint32          // batches, in random order, at least all rows' number of ids
	result    func(i int) float64 // of the last run
	kernels   []kernel            // the twin among them as csss/go
}

// once runs a kernel over all batches and returns how many rows that were.
func (t *kernelTable) once(k kernel) int {
	for _, ids := range t.ids {
		k.run(ids)
	}
	return len(t.ids) * simd.Batch
}

// agree compares all kernels with the twin on the first batch.
func (t *kernelTable) agree() error {
	want := make([]float64, simd.Batch)
	for _, k := range t.kernels {
		if k.engine == "csss/go" {
			k.run(t.ids[0])
			for i := range want {
				want[i] = t.result(i)
			}
		}
	}
	for _, k := range t.kernels {
		if k.engine == "stream" {
			continue
		}
		k.run(t.ids[0])
		for i, w := range want {
			if got := t.result(i); k.exact && got != w || !(math.Abs(got-w) <= 1e-4*float64(t.dim)) {
				return disagreement(t, k, got, w)
			}
		}
	}
	return nil
}

// byteAbsent is in no row, so that looking for it reads all of them.
const byteAbsent = 0xff

// kernelTables returns the tables of all kernels, filled with what has no byte
// byteAbsent.
func kernelTables(dim, rows int) []*kernelTable {
	r := rand.New(rand.NewPCG(1, uint64(dim)))
	floats, codes := simd.NewTable(4*dim), simd.NewTable(dim)
	floats.Reserve(rows)
	codes.Reserve(rows)
	value := func() float32 { return (1 + float32(r.IntN(127))/128) * float32(1-2*r.IntN(2)) } // three bytes at most, none of ones
	for i := range uint32(rows) {
		for j := range dim {
			floats.Floats(i)[j] = value()
			codes.Row(i)[j] = byte(r.IntN(byteAbsent))
		}
	}
	q, small := make([]float32, floats.Stride/4), make([]int8, codes.Stride)
	for j := range dim {
		q[j], small[j] = value(), int8(r.IntN(255)-127)
	}
	ids := make([][]uint32, (rows+simd.Batch-1)/simd.Batch)
	for i := range ids {
		ids[i] = make([]uint32, simd.Batch)
		for j := range ids[i] {
			ids[i][j] = uint32(r.IntN(rows))
		}
	}
	return []*kernelTable{
		overCodes(dim, rows, codes, small, ids),
		overFloats("dot_f32", dim, rows, floats, q, ids, func(k simd.RowKernels) rowsF32 { return k.DotF32 }, simd.Dot),
		overFloats("squared_f32", dim, rows, floats, q, ids, func(k simd.RowKernels) rowsF32 { return k.SquaredF32 }, simd.SquaredL2),
	}
}

// overCodes are the kernels of bytes. The products of vek32 are of floats.
func overCodes(dim, rows int, table *simd.Table, q []int8, ids [][]uint32) *kernelTable {
	out := make([]int32, simd.Batch)
	t := &kernelTable{"dot_i8", dim, rows, ids, func(i int) float64 { return float64(out[i]) }, []kernel{stream(table, rows)}}
	for _, k := range simd.AllRows() {
		run := func(ids []uint32) { k.DotI8(out, q, &table.Rows, ids) }
		t.kernels = append(t.kernels, kernel{"csss/" + k.Name, run, dim, table.Stride, true})
	}
	return t
}

// rowsF32 is a row kernel over float32 values.
type rowsF32 = func(out []float32, q []float32, r *simd.Rows, ids []uint32)

func overFloats(name string, dim, rows int, table *simd.Table, q []float32, ids [][]uint32, of func(simd.RowKernels) rowsF32, single func(x, y []float32) float32) *kernelTable {
	out := make([]float32, simd.Batch)
	t := &kernelTable{name, dim, rows, ids, func(i int) float64 { return float64(out[i]) }, []kernel{stream(table, rows)}}
	if simd.Level() != "go" { // then the exported functions are vek's
		t.kernels = append(t.kernels, kernel{"vek32", func(ids []uint32) {
			for i, id := range ids {
				out[i] = single(q[:dim], table.Floats(id)[:dim])
			}
		}, 4 * dim, 4 * dim, false})
	}
	for _, k := range simd.AllRows() {
		kernel := kernel{"csss/" + k.Name, nil, 4 * dim, table.Stride, true}
		rows := of(k)
		kernel.run = func(ids []uint32) { rows(out, q, &table.Rows, ids) }
		t.kernels = append(t.kernels, kernel)
	}
	return t
}

// stream reads as many bytes of a table as rows have that many ids, from its
// beginning to its end and again.
func stream(table *simd.Table, rows int) kernel {
	var pieces [][]byte
	for _, piece := range table.Pieces(rows) {
		for len(piece) > simd.Batch*table.Stride {
			pieces = append(pieces, piece[:simd.Batch*table.Stride])
			piece = piece[simd.Batch*table.Stride:]
		}
		pieces = append(pieces, piece)
	}
	next := 0
	return kernel{"stream", func(ids []uint32) {
		for left := len(ids) * table.Stride; left > 0; {
			piece := pieces[next]
			piece = piece[:min(len(piece), left)]
			if bytes.IndexByte(piece, byteAbsent) >= 0 {
				return // never
			}
			left -= len(piece)
			if next++; next == len(pieces) {
				next = 0
			}
		}
	}, table.Stride, table.Stride, false}
}
