package coderhnsw

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/deeperpoint/csss/match/hnsw"
)

// An input reads the parts of a file, and knows where it is. All its errors are
// *ImportError.
type input struct {
	r     *bufio.Reader
	at    int64 // bytes read
	limit int64

	field string // being read
	from  int64  // where it begins
	text  []byte // of the last key that was a string
}

// pieceBytes is how much is read, and memory taken, at once.
const pieceBytes = 4096

func newInput(r io.Reader, limit int64) input {
	return input{r: bufio.NewReaderSize(r, 16*pieceBytes), limit: limit}
}

// begin says what is read next.
func (in *input) begin(field string) { in.field, in.from = field, in.at }

// fail returns the error of the field that is being read.
func (in *input) fail(err error, why string) error {
	return &ImportError{in.field, in.from, why, err}
}

// take returns the next n bytes, at most pieceBytes; they stay until more is read.
func (in *input) take(n int) ([]byte, error) {
	if int64(n) > in.limit-in.at {
		return nil, in.fail(hnsw.ErrRange, fmt.Sprintf("more than %d bytes", in.limit))
	}
	b, err := in.r.Peek(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, in.fail(err, "")
	}
	in.at += int64(n)
	_, _ = in.r.Discard(n) // just seen
	return b, nil
}

// ReadByte is for binary.ReadVarint.
func (in *input) ReadByte() (byte, error) {
	b, err := in.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// varint reads an integer as coder/hnsw writes an int.
func (in *input) varint() (int64, error) {
	v, err := binary.ReadVarint(in)
	if _, ours := errors.AsType[*ImportError](err); err != nil && !ours {
		return 0, in.fail(ErrDamaged, "an integer of more than 64 bits")
	}
	return v, err
}

// number reads a field that is an integer from lo to hi.
func (in *input) number(field string, lo, hi int64) (int64, error) {
	in.begin(field)
	v, err := in.varint()
	if err == nil && (v < lo || v > hi) {
		err = in.fail(hnsw.ErrRange, fmt.Sprintf("%d, want %d to %d", v, lo, hi))
	}
	return v, err
}

// floats appends the next n values to dst. It takes memory for what has come.
func (in *input) floats(dst []float32, n int) ([]float32, error) {
	for n > 0 {
		piece := min(n, pieceBytes/4)
		b, err := in.take(4 * piece)
		if err != nil {
			return dst, err
		}
		for i := range piece {
			dst = append(dst, math.Float32frombits(word(b, i)))
		}
		n -= piece
	}
	return dst, nil
}

// bytes reads n bytes, which stay until it is called again.
func (in *input) bytes(n int64) ([]byte, error) {
	in.text = in.text[:0]
	for n > 0 {
		b, err := in.take(int(min(n, pieceBytes)))
		if err != nil {
			return nil, err
		}
		in.text = append(in.text, b...)
		n -= int64(len(b))
	}
	return in.text, nil
}

// key reads a key.
func (in *input) key(field string, form keyForm) (key, error) {
	switch form.width {
	case varintKeys:
		in.begin(field)
		v, err := in.varint()
		return key{number: uint64(v)}, err
	case textKeys:
		n, err := in.number(field, 0, math.MaxInt64)
		if err != nil {
			return key{}, err
		}
		text, err := in.bytes(n)
		return key{text: text}, err
	}
	in.begin(field)
	b, err := in.take(form.width)
	if err != nil {
		return key{}, err
	}
	var v [8]byte
	copy(v[:], b)
	n := binary.LittleEndian.Uint64(v[:])
	if form.signed { // the highest bit there is fills those above
		unused := 64 - 8*form.width
		n = uint64(int64(n<<unused) >> unused)
	}
	return key{number: n}, nil
}

// end makes sure that there is nothing more.
func (in *input) end() error {
	in.begin("end")
	switch _, err := in.r.ReadByte(); err {
	case nil:
		return in.fail(ErrDamaged, "more than the layers that were announced")
	case io.EOF:
		return nil
	default:
		return in.fail(err, "")
	}
}

// word returns the i-th 32 bits of b.
func word(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }
