package vecfile

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// OpenFloats reads the vectors of a file whose name tells its format, at most
// limit rows if limit is positive.
//
// Errors: those of the file, and ErrFormat; both name the file.
func OpenFloats(path string, limit int) (t Table[float32], err error) {
	err = open(path, func(f Format, r io.Reader, size int64) error {
		t, err = readFloats(f, r, limit, size)
		return err
	})
	return t, err
}

// OpenTruth reads the true neighbours from a file whose name tells its format.
//
// Errors: those of the file, and ErrFormat; both name the file.
func OpenTruth(path string) (t Truth, err error) {
	err = open(path, func(f Format, r io.Reader, size int64) error {
		t, err = readTruth(f, r, size)
		return err
	})
	return t, err
}

// ReadFloats reads vectors of format FBin, FVecs, BVecs or IDX, at most limit
// rows if limit is positive. What follows those rows is not looked at. It reads
// beyond them as it pleases.
//
// Errors: ErrFormat for a claim above a limit of this package, rows that differ
// in length, an end within a row, and components that are not finite; otherwise
// those of r.
func ReadFloats(f Format, r io.Reader, limit int) (Table[float32], error) {
	return readFloats(f, r, limit, 0)
}

// ReadTruth reads neighbours of format IBin, with distances or without, or
// IVecs.
//
// Errors: as of [ReadFloats]; and ErrFormat for a negative id, and for bytes
// after the last value.
func ReadTruth(f Format, r io.Reader) (Truth, error) { return readTruth(f, r, 0) }

// open hands a file's content to read, and its size where that bounds how many
// values it can hold.
func open(path string, read func(f Format, r io.Reader, size int64) error) error {
	format, gzipped, err := FormatOf(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var r io.Reader = file
	var size int64
	if gzipped {
		z, err := gzip.NewReader(bufio.NewReader(file))
		if err != nil {
			return fmt.Errorf("%s: %w: %w", path, ErrFormat, err)
		}
		r = z
	} else if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	if err := read(format, r, size); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readFloats is ReadFloats where at most size bytes are known to follow; 0
// means that nothing is known.
func readFloats(f Format, r io.Reader, limit int, size int64) (t Table[float32], err error) {
	in := &source{r: bufio.NewReaderSize(r, chunk), known: size}
	switch f {
	case FBin:
		t, err = readBin(in, limit, floats)
	case FVecs:
		t, err = readVecs(in, limit, floats)
	case BVecs:
		t, err = readVecs(in, limit, bytes)
	case IDX:
		t, err = readIDX(in, limit)
	default:
		return t, badf("%v files hold no vectors", f)
	}
	if err != nil {
		return Table[float32]{}, err
	}
	for i, x := range t.Values {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return Table[float32]{}, badf("row %d, component %d is not finite", i/t.Dim, i%t.Dim)
		}
	}
	return t, nil
}

// readTruth is ReadTruth where at most size bytes are known to follow.
func readTruth(f Format, r io.Reader, size int64) (t Truth, err error) {
	in := &source{r: bufio.NewReaderSize(r, chunk), known: size}
	switch f {
	case IBin:
		t, err = readBigANN(in)
	case IVecs:
		t.IDs, err = readVecs(in, 0, ints)
	default:
		return t, badf("%v files hold no neighbours", f)
	}
	if err != nil {
		return Truth{}, err
	}
	for i, id := range t.IDs.Values {
		if id < 0 {
			return Truth{}, badf("query %d, neighbour %d: id %d is negative", i/t.IDs.Dim, i%t.IDs.Dim, id)
		}
	}
	return t, nil
}

// readBin reads the header of a .bin file and its rows.
func readBin[T float32 | int32](in *source, limit int, as decoder[T]) (Table[T], error) {
	var head [2]uint32
	if err := in.header(head[:], binary.LittleEndian); err != nil {
		return Table[T]{}, err
	}
	rows, dim := int64(head[0]), int64(head[1])
	return readRows(in, rows, dim, limit, as)
}

// readIDX reads MNIST's kind: the first axis counts rows, the others are one
// row together.
func readIDX(in *source, limit int) (Table[float32], error) {
	var head [1]uint32
	if err := in.header(head[:], binary.BigEndian); err != nil {
		return Table[float32]{}, err
	}
	if head[0]>>8 != 8 {
		return Table[float32]{}, badf("magic %08x is not 000008 and a number of axes", head[0])
	}
	axes := int64(head[0] & 0xff)
	if err := within("axes", axes, 2, 4); err != nil {
		return Table[float32]{}, err
	}
	lengths := make([]uint32, axes)
	if err := in.header(lengths, binary.BigEndian); err != nil {
		return Table[float32]{}, err
	}
	dim := int64(1)
	for _, n := range lengths[1:] {
		if err := within("axis", int64(n), 1, MaxDim); err != nil {
			return Table[float32]{}, err
		}
		dim *= int64(n) // at most MaxDim³, which is 2^48
	}
	return readRows(in, int64(lengths[0]), dim, limit, bytes)
}

// readRows reads rows whose number and length a header claims.
func readRows[T float32 | int32](in *source, rows, dim int64, limit int, as decoder[T]) (Table[T], error) {
	if err := errors.Join(within("rows", rows, 1, MaxRows), within("dim", dim, 1, MaxDim)); err != nil {
		return Table[T]{}, err
	}
	if limit > 0 {
		rows = min(rows, int64(limit))
	}
	if rows*dim > MaxValues {
		return Table[T]{}, badf("rows × dim = %d × %d is above %d values: read fewer rows", rows, dim, MaxValues)
	}
	values, err := readValues(in, nil, rows*dim, as)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = badf("it ends after %d of rows × dim = %d × %d values", len(values), rows, dim)
	}
	return Table[T]{int(dim), values}, err
}

// readBigANN reads ids, and as many distances if anything follows.
func readBigANN(in *source) (t Truth, err error) {
	if t.IDs, err = readBin(in, 0, ints); err != nil {
		return t, err
	}
	if _, err := in.r.Peek(1); errors.Is(err, io.EOF) {
		return t, nil
	}
	values, err := readValues(in, nil, int64(len(t.IDs.Values)), floats)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return t, badf("it ends after %d of %d distances", len(values), len(t.IDs.Values))
	} else if err != nil {
		return t, err
	}
	if _, err := in.r.Peek(1); !errors.Is(err, io.EOF) {
		return t, badf("bytes follow the last distance")
	}
	t.Distances = Table[float32]{t.IDs.Dim, values}
	return t, nil
}

// readVecs reads rows that each begin with their length.
func readVecs[T float32 | int32](in *source, limit int, as decoder[T]) (t Table[T], err error) {
	for row := 0; limit <= 0 || row < limit; row++ {
		if _, err := in.r.Peek(1); errors.Is(err, io.EOF) {
			break
		}
		var head [1]uint32
		if err := in.header(head[:], binary.LittleEndian); err != nil {
			return t, err
		}
		dim := int64(head[0])
		if err := within(fmt.Sprintf("row %d: dim", row), dim, 1, MaxDim); err != nil {
			return t, err
		}
		if row > 0 && dim != int64(t.Dim) {
			return t, badf("row %d: dim %d is not the first row's %d", row, dim, t.Dim)
		}
		if t.Dim = int(dim); int64(len(t.Values))+dim > MaxValues {
			return t, badf("rows × dim is above %d values: read fewer than %d rows", MaxValues, row)
		}
		t.Values, err = readValues(in, t.Values, dim, as)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return t, badf("it ends within row %d", row)
		} else if err != nil {
			return t, err
		}
	}
	if t.Dim == 0 {
		return t, badf("it has no rows")
	}
	return t, nil
}

// chunk is how many bytes are read at a time, and so what a false claim costs.
const chunk = 1 << 18

// source is a file that is being read.
type source struct {
	r      *bufio.Reader
	known  int64 // bytes of the whole file, 0 if nobody knows
	buffer []byte
}

// header reads numbers of four bytes.
func (in *source) header(dst []uint32, order binary.ByteOrder) error {
	err := binary.Read(in.r, order, dst)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badf("it ends within a header")
	}
	return err
}

// decoder says how values lie in a file.
type decoder[T float32 | int32] struct {
	size  int // bytes of one
	value func([]byte) T
}

var (
	floats = decoder[float32]{4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }}
	ints   = decoder[int32]{4, func(b []byte) int32 { return int32(binary.LittleEndian.Uint32(b)) }}
	bytes  = decoder[float32]{1, func(b []byte) float32 { return float32(b[0]) }}
)

// readValues appends n values to dst. Room is made at once for as many as the
// file can hold, and otherwise as they come.
func readValues[T float32 | int32](in *source, dst []T, n int64, as decoder[T]) ([]T, error) {
	if in.buffer == nil {
		in.buffer = make([]byte, chunk)
	}
	if fits := min(n, in.known/int64(as.size)); dst == nil && fits > 0 {
		dst = make([]T, 0, fits)
	}
	for n > 0 {
		part := in.buffer[:min(n*int64(as.size), chunk)]
		got, err := io.ReadFull(in.r, part)
		whole := got / as.size
		for i := range whole {
			dst = append(dst, as.value(part[i*as.size:]))
		}
		if n -= int64(whole); errors.Is(err, io.EOF) {
			return dst, io.ErrUnexpectedEOF
		} else if err != nil {
			return dst, err
		}
	}
	return dst, nil
}
