package simd

import "unsafe"

// A Table holds rows of one width in chunks that never move, so that growing
// neither copies nor doubles memory and a row stays where it is. Rows begin at
// multiples of [Align] and what they do not fill is zero.
type Table struct {
	Rows
	size int // bytes of a row that are used
}

// Chunks are at most about a mebibyte, of 64 to 1,024 rows.
const (
	chunkBytes          = 1 << 20
	minShift, mostShift = 6, 10
)

// NewTable returns a table without rows, for rows of size bytes.
func NewTable(size int) *Table {
	stride := (max(size, 1) + Align - 1) &^ (Align - 1)
	shift := uint(minShift)
	for shift < mostShift && stride<<(shift+1) <= chunkBytes {
		shift++
	}
	return &Table{Rows: Rows{Shift: shift, Stride: stride}, size: size}
}

// Reserve makes rows 0 to n-1 exist; new ones hold zeros.
func (t *Table) Reserve(n int) {
	for len(t.Chunks)<<t.Shift < n {
		b := make([]byte, t.Stride<<t.Shift+Align)
		p := unsafe.Pointer(unsafe.SliceData(b))
		t.Chunks = append(t.Chunks, (*byte)(unsafe.Add(p, -uintptr(p)&(Align-1)))) // keeps all of b
	}
}

// Bytes is how much memory the table holds.
func (t *Table) Bytes() int { return len(t.Chunks) * (t.Stride<<t.Shift + Align) }

// Row returns the bytes of row id, which must have been reserved.
func (t *Table) Row(id uint32) []byte {
	_ = t.Chunks[id>>t.Shift]
	return unsafe.Slice((*byte)(t.row(id)), t.size)
}

// Floats returns row id as float32 values, with the zeros behind them up to the
// stride: what a query over the table has to be as long as.
func (t *Table) Floats(id uint32) []float32 {
	_ = t.Chunks[id>>t.Shift]
	return unsafe.Slice((*float32)(t.row(id)), t.Stride/4)
}

// Words returns row id as words.
func (t *Table) Words(id uint32) []uint32 {
	_ = t.Chunks[id>>t.Shift]
	return unsafe.Slice((*uint32)(t.row(id)), t.size/4)
}

// Prefetch asks for the first two lines of row id, which must have been
// reserved, without waiting for them.
func (t *Table) Prefetch(id uint32) {
	_ = t.Chunks[id>>t.Shift]
	prefetch(t.row(id))
}
