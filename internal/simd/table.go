package simd

import (
	"iter"
	"slices"
	"unsafe"
)

// A Table holds rows of one width in chunks that never move, so that growing
// neither copies nor doubles memory and a row stays where it is. Rows begin at
// multiples of [Align] and what they do not fill is zero.
type Table struct {
	Rows
	size  int   // bytes of a row that are used
	blank *byte // the chunk of zeros, if there is one
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
		t.Chunks = append(t.Chunks, t.chunk())
	}
}

// chunk makes memory for a chunk. A large piece begins with a page in any case;
// only for a small one it takes more than the rows need.
func (t *Table) chunk() *byte {
	size := t.Stride << t.Shift
	p := unsafe.Pointer(unsafe.SliceData(make([]byte, size)))
	if uintptr(p)&(Align-1) != 0 {
		p = unsafe.Pointer(unsafe.SliceData(make([]byte, size+Align)))
		p = unsafe.Add(p, -uintptr(p)&(Align-1)) // keeps all of it
	}
	return (*byte)(p)
}

// Extend makes rows 0 to n-1 readable, without memory of their own: new ones
// share one chunk of zeros until they are held.
func (t *Table) Extend(n int) {
	for len(t.Chunks)<<t.Shift < n {
		if t.blank == nil {
			t.blank = t.chunk()
		}
		t.Chunks = append(t.Chunks, t.blank)
	}
}

// Hold gives row id memory of its own, and makes those below it readable. What
// others have of the table stays as it is.
func (t *Table) Hold(id uint32) {
	if t.Holds(id) {
		return
	}
	at := int(id >> t.Shift)
	t.Extend(at << t.Shift)
	if at == len(t.Chunks) {
		t.Chunks = append(t.Chunks, t.chunk())
		return
	}
	t.Chunks = slices.Clone(t.Chunks)
	t.Chunks[at] = t.chunk()
}

// Holds reports whether row id has memory of its own.
func (t *Table) Holds(id uint32) bool {
	i := int(id >> t.Shift)
	return i < len(t.Chunks) && t.Chunks[i] != t.blank
}

// Bytes is how much memory the table holds.
func (t *Table) Bytes() int {
	held := 0
	for _, c := range t.Chunks {
		if c != t.blank {
			held++
		}
	}
	return held * t.Stride << t.Shift
}

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

// Prefetch asks for the line at p and the next without waiting for them. It does
// not read: p may lead anywhere.
func Prefetch(p unsafe.Pointer) { prefetch(p) }

// Map makes rows 0 to n-1 exist over memory that holds some of them: those of
// each chunk that held names, one chunk after another. The table has no rows
// yet, b begins at a multiple of [Align] and is as long as [Table.Mapped] says.
// What is left of the last chunk gets memory of its own, since b ends with row
// n-1; so does what b does not hold, as with Extend. The table keeps b.
func (t *Table) Map(b []byte, n int, held func(chunk int) bool) {
	size := t.Stride << t.Shift
	for at := range t.ChunksOf(n) {
		rows := min(n-at<<t.Shift, 1<<t.Shift)
		switch {
		case !held(at):
			t.Extend((at + 1) << t.Shift)
			continue
		case rows == 1<<t.Shift:
			t.Chunks = append(t.Chunks, unsafe.SliceData(b[:size]))
		default:
			c := t.chunk()
			copy(unsafe.Slice(c, size), b[:rows*t.Stride])
			t.Chunks = append(t.Chunks, c)
		}
		b = b[rows*t.Stride:]
	}
}

// ChunksOf returns how many chunks n rows take.
func (t *Table) ChunksOf(n int) int { return (n + 1<<t.Shift - 1) >> t.Shift }

// Mapped returns how many bytes rows 0 to n-1 take of which some chunks are held.
func (t *Table) Mapped(n int, held func(chunk int) bool) (size int) {
	for at := range t.ChunksOf(n) {
		if held(at) {
			size += min(n-at<<t.Shift, 1<<t.Shift) * t.Stride
		}
	}
	return size
}

// Pieces yields the number of each chunk of rows 0 to n-1 that is held, and the
// bytes of its rows.
func (t *Table) Pieces(n int) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for at, c := range t.Chunks {
			rows := min(n-at<<t.Shift, 1<<t.Shift)
			if rows <= 0 {
				return
			}
			if c != t.blank && !yield(at, unsafe.Slice(c, rows*t.Stride)) {
				return
			}
		}
	}
}
