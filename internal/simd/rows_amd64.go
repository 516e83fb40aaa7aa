//go:build amd64 && !purego

package simd

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:noescape
func dotI8AVX512(out, q unsafe.Pointer, chunks **byte, shift, stride uint64, ids *uint32, n uint64)

//go:noescape
func dotI8AVX2(out, q unsafe.Pointer, chunks **byte, shift, stride uint64, ids *uint32, n uint64)

//go:noescape
func dotF32AVX512(out, q unsafe.Pointer, chunks **byte, shift, stride uint64, ids *uint32, n uint64)

//go:noescape
func dotF32AVX2(out, q unsafe.Pointer, chunks **byte, shift, stride uint64, ids *uint32, n uint64)

//go:noescape
func squaredF32AVX512(out, q unsafe.Pointer, chunks **byte, shift, stride uint64, ids *uint32, n uint64)

//go:noescape
func squaredF32AVX2(out, q unsafe.Pointer, chunks **byte, shift, stride uint64, ids *uint32, n uint64)

//go:noescape
func prefetch(p unsafe.Pointer)

var (
	hasAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasBMI2
	hasAVX512 = hasAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL
	hasVNNI   = hasAVX512 && cpu.X86.HasAVX512VNNI
)

type assembly = func(out, q unsafe.Pointer, chunks **byte, shift, stride uint64, ids *uint32, n uint64)

// overRows makes a kernel of a function in assembly, which takes ids by fours.
func overRows[Out, In any](f assembly) func([]Out, []In, *Rows, []uint32) {
	return func(out []Out, q []In, r *Rows, ids []uint32) {
		n := len(ids)
		if n == 0 {
			return
		}
		fours := (n + 3) &^ 3
		ids = ids[:fours]
		for i := n; i < fours; i++ {
			ids[i] = ids[n-1]
		}
		_ = out[:fours]
		_ = q[:r.Stride/int(unsafe.Sizeof(q[0]))]
		f(unsafe.Pointer(unsafe.SliceData(out)), unsafe.Pointer(unsafe.SliceData(q)), unsafe.SliceData(r.Chunks), uint64(r.Shift), uint64(r.Stride), unsafe.SliceData(ids), uint64(fours))
	}
}

// rowKernels lists the implementations of this processor, the best last.
func rowKernels() []RowKernels {
	all := []RowKernels{goRows}
	if hasAVX2 {
		all = append(all, RowKernels{"avx2", overRows[int32, int8](dotI8AVX2), overRows[float32, float32](dotF32AVX2), overRows[float32, float32](squaredF32AVX2)})
	}
	if hasVNNI {
		all = append(all, RowKernels{"avx512vnni", overRows[int32, int8](dotI8AVX512), overRows[float32, float32](dotF32AVX512), overRows[float32, float32](squaredF32AVX512)})
	}
	return all
}
