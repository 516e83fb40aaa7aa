// Package vecfile reads and writes the files in which nearest-neighbour
// benchmarks keep their vectors and the true neighbours of their queries:
//
//	.fbin           uint32 rows, uint32 dim, then float32 row by row
//	.ibin           uint32 rows, uint32 k, then int32 ids row by row; big-ann's files have as many float32 distances after them
//	.fvecs .ivecs   each row: int32 dim, then float32 or int32
//	.bvecs          each row: int32 dim, then bytes
//	idx             MNIST's: big-endian magic 00 00 08 axes, the length of each axis, then bytes
//
// All but idx are little-endian. A name that ends in .gz is decompressed.
//
// Files come from anywhere: what a header claims is checked against the limits
// of this package before it is believed, and memory grows with the bytes that
// are there, not with those that are promised.
package vecfile

import (
	"errors"
	"fmt"
	"strings"
)

// Limits that readers enforce.
const (
	MaxDim    = 1 << 16 // components of a row, or neighbours of a query
	MaxValues = 1 << 30 // components of all rows that are read
	MaxRows   = 1<<31 - 1
)

// ErrFormat is what every reader returns, wrapped, for a file that breaks its
// format or a limit. The text names the field.
var ErrFormat = errors.New("not a vector file of this kind")

// Table holds rows of equal length one after another.
type Table[T float32 | int32] struct {
	Dim    int // values of a row
	Values []T
}

// Rows returns how many there are.
func (t Table[T]) Rows() int {
	if t.Dim == 0 {
		return 0
	}
	return len(t.Values) / t.Dim
}

// Row returns row i, which shares memory with the table.
func (t Table[T]) Row(i int) []T { return t.Values[i*t.Dim : (i+1)*t.Dim : (i+1)*t.Dim] }

// Head returns the first n rows, or all if there are fewer.
func (t Table[T]) Head(n int) Table[T] {
	return Table[T]{t.Dim, t.Values[:min(n, t.Rows())*t.Dim]}
}

// Truth holds the nearest rows of each query, nearest first.
type Truth struct {
	IDs       Table[int32]
	Distances Table[float32] // of the same shape, or without rows where the file has none
}

// Format is one of the kinds of files.
type Format uint8

// The formats.
const (
	FBin Format = iota
	IBin
	FVecs
	IVecs
	BVecs
	IDX
)

var formatNames = [...]string{"fbin", "ibin", "fvecs", "ivecs", "bvecs", "idx"}

// String returns the ending of the format's files.
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// FormatOf returns the format that a file's name tells, and whether the file is
// compressed. A name of MNIST's kind, such as train-images-idx3-ubyte, is idx.
//
// Errors: ErrFormat for any other name.
func FormatOf(name string) (f Format, gzipped bool, err error) {
	name, gzipped = strings.CutSuffix(strings.ToLower(name), ".gz")
	for i, ending := range formatNames {
		if strings.HasSuffix(name, "."+ending) {
			return Format(i), gzipped, nil
		}
	}
	if strings.HasSuffix(name, "-ubyte") && strings.Contains(name, "-idx") {
		return IDX, gzipped, nil
	}
	return 0, false, badf("the name ends in none of .%s", strings.Join(formatNames[:], " ."))
}

func badf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
}

// within checks a number that a file claims.
func within(field string, n, least, most int64) error {
	if n < least || n > most {
		return badf("%s %d is not in [%d, %d]", field, n, least, most)
	}
	return nil
}
