package simd

import "unsafe"

// Rows is where a row kernel finds its rows: chunks of equally many rows, so
// that a table can grow without moving. Row id lies in chunk id>>Shift, at byte
// (id mod 1<<Shift)·Stride. What a row does not fill of its stride is zero, in
// the table and in the query.
type Rows struct {
	Chunks []*byte // each of 1<<Shift rows
	Shift  uint
	Stride int // bytes; a multiple of [Align]
}

const (
	Align = 64 // of a stride, and worth having for the chunks
	Batch = 64 // most ids of one call: assembly cannot be interrupted, and stays under ten microseconds
)

// RowKernels are the kernels that compare one query with up to [Batch] rows.
//
// out has room for the ids rounded up to a multiple of four, and so has the
// slice of ids: what lies beyond len(ids) is written over. The ids are the
// caller's to check: one that has no row reads foreign memory.
type RowKernels struct {
	Name string // as [Level] names it

	// DotI8 sums products of the rows' unsigned bytes and the query's signed ones.
	// It is exact up to a stride of 65,536.
	DotI8 func(out []int32, q []int8, r *Rows, ids []uint32)
	// DotF32 and SquaredF32 sum products and squared differences of float32
	// values in one fixed order, so that all implementations give the same bits:
	// sixteen sums side by side, lane i+8 onto i, i+4 onto i, then (0+1)+(2+3).
	DotF32, SquaredF32 func(out []float32, q []float32, r *Rows, ids []uint32)
}

func (r *Rows) row(id uint32) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(r.Chunks[id>>r.Shift]), int(id&(1<<r.Shift-1))*r.Stride)
}

func dotI8Go(out []int32, q []int8, r *Rows, ids []uint32) {
	for i, id := range ids {
		row := unsafe.Slice((*uint8)(r.row(id)), r.Stride)
		var s0, s1, s2, s3 int32
		for j := 0; j+4 <= len(q) && j+4 <= len(row); j += 4 {
			s0 += int32(row[j]) * int32(q[j])
			s1 += int32(row[j+1]) * int32(q[j+1])
			s2 += int32(row[j+2]) * int32(q[j+2])
			s3 += int32(row[j+3]) * int32(q[j+3])
		}
		out[i] = s0 + s1 + s2 + s3
	}
}

func dotF32Go(out []float32, q []float32, r *Rows, ids []uint32) {
	for i, id := range ids {
		row := unsafe.Slice((*float32)(r.row(id)), r.Stride/4)
		var s [16]float32
		for j := 0; j+16 <= len(q) && j+16 <= len(row); j += 16 {
			x, y := q[j:j+16], row[j:j+16]
			for k := range s {
				s[k] += float32(x[k] * y[k])
			}
		}
		out[i] = folded(&s)
	}
}

func squaredF32Go(out []float32, q []float32, r *Rows, ids []uint32) {
	for i, id := range ids {
		row := unsafe.Slice((*float32)(r.row(id)), r.Stride/4)
		var s [16]float32
		for j := 0; j+16 <= len(q) && j+16 <= len(row); j += 16 {
			x, y := q[j:j+16], row[j:j+16]
			for k := range s {
				d := x[k] - y[k]
				s[k] += float32(d * d)
			}
		}
		out[i] = folded(&s)
	}
}

func folded(s *[16]float32) float32 {
	for k := range 8 {
		s[k] += s[k+8]
	}
	for k := range 4 {
		s[k] += s[k+4]
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// goRows is the reference.
var goRows = RowKernels{Name: "go", DotI8: dotI8Go, DotF32: dotF32Go, SquaredF32: squaredF32Go}

// AllRows returns every implementation that this processor and build can run,
// the reference first and the quickest last, for tests to run all of them.
func AllRows() []RowKernels { return rowKernels() }

// BestRows returns the quickest row kernels that this processor and build can
// run. All implementations give the same bits.
func BestRows() RowKernels {
	all := rowKernels()
	return all[len(all)-1]
}
