package table

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// columnChunk is the number of values in a chunk, 16 KiB of them.
const columnChunk = 1 << 12

// Column is a sequence of numbers that grows, such as the previous entry of each
// entry's stream. The zero Column is empty and ready.
//
// One goroutine may append at a time, and none may read meanwhile. A [ColumnView]
// may be read beside the writer.
type Column struct{ v ColumnView }

// ColumnView is a column as it was at one time. It is a value, does not change, and
// any number of goroutines may use it. The zero ColumnView is empty.
type ColumnView struct {
	base   []byte // little-endian, read-only, perhaps mapped
	chunks []*[columnChunk]uint32
	based  uint64 // values in base
	n      uint64 // values in all
}

// Append adds a value at the end.
func (c *Column) Append(x uint32) {
	i := c.v.n - c.v.based
	if i/columnChunk == uint64(len(c.v.chunks)) {
		c.v.chunks = append(c.v.chunks, new([columnChunk]uint32))
	}
	c.v.chunks[i/columnChunk][i%columnChunk] = x
	c.v.n++
}

// At returns the value with an index. It panics, as a slice does, where the index
// is not below Len.
func (c *Column) At(i uint64) uint32 { return c.v.At(i) }

// Len returns the number of values.
func (c *Column) Len() uint64 { return c.v.n }

// View returns the column as it is now. It costs nothing.
func (c *Column) View() ColumnView { return c.v }

// Save is [ColumnView.Save]. The column must not be written meanwhile.
func (c *Column) Save(w io.Writer) error { return c.v.Save(w) }

// At is [Column.At].
func (v ColumnView) At(i uint64) uint32 {
	if i < v.based {
		return binary.LittleEndian.Uint32(v.base[4*i:])
	}
	if i >= v.n {
		panic(fmt.Sprintf("table: value %d of a column of %d", i, v.n))
	}
	i -= v.based
	return v.chunks[i/columnChunk][i%columnChunk]
}

// Len is [Column.Len].
func (v ColumnView) Len() uint64 { return v.n }

// The form of a saved column: a magic of 16 bytes, the number of values as a
// little-endian u64, zeros up to byte 64, then the values, little-endian.
const columnMagic = "csss/column/v1\x00\x00"

// Save writes the column in the form that [LoadColumn] reads, 64 bytes and 4 per
// value. There is no checksum; package snapshot adds one. Errors are those of w.
func (v ColumnView) Save(w io.Writer) error {
	out := bufio.NewWriterSize(w, 4*columnChunk)
	var header [headerSize]byte
	copy(header[:], columnMagic)
	binary.LittleEndian.PutUint64(header[16:], v.n)
	_, _ = out.Write(header[:]) // a bufio.Writer keeps its first error for Flush
	_, _ = out.Write(v.base)
	buf := make([]byte, 0, 4*columnChunk)
	for i, rest := 0, v.n-v.based; rest > 0; i++ {
		n := min(rest, columnChunk)
		buf = buf[:0]
		for _, x := range v.chunks[i][:n] {
			buf = binary.LittleEndian.AppendUint32(buf, x)
		}
		if _, err := out.Write(buf); err != nil {
			return err
		}
		rest -= n
	}
	return out.Flush()
}

// LoadColumn returns the column that Save wrote to b, ready to grow. It uses b in
// place, in no time; b must not change, and must stay mapped while the column or a
// view of it is used. The error wraps [ErrMalformed].
func LoadColumn(b []byte) (*Column, error) {
	if len(b) < headerSize || string(b[:16]) != columnMagic || [40]byte(b[24:headerSize]) != [40]byte{} {
		return nil, fmt.Errorf("%w: no header of a column", ErrMalformed)
	}
	n := binary.LittleEndian.Uint64(b[16:])
	b = b[headerSize:]
	if n > uint64(len(b)) || uint64(len(b)) != 4*n {
		return nil, fmt.Errorf("%w: %d bytes for %d values", ErrMalformed, len(b), n)
	}
	return &Column{ColumnView{base: b[:len(b):len(b)], based: n, n: n}}, nil
}
