package merkle

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The form of a saved tree: a magic of 16 bytes, the size as a little-endian u64,
// zeros up to byte 64, then the stored hashes. Nothing follows.
const (
	magic      = "csss/merkle/v1\x00\x00"
	headerSize = 64
)

// Save writes the view in the form that [Load] reads: 64 bytes and then its
// 2·size − popcount(size) hashes. It may take its time: the tree can grow
// meanwhile. There is no checksum; package snapshot adds one. Errors are those of w.
func (v View) Save(w io.Writer) error {
	var header [headerSize]byte
	copy(header[:], magic)
	binary.LittleEndian.PutUint64(header[len(magic):], v.size)
	if _, err := w.Write(header[:]); err != nil {
		return err
	}
	rest := stored(v.size)
	if n := min(rest, v.store.based); n > 0 {
		if _, err := w.Write(v.store.base[:n*HashSize]); err != nil {
			return err
		}
		rest -= n
	}
	for i := 0; rest > 0; i++ {
		n := min(rest, chunkHashes)
		if _, err := w.Write(v.store.chunks[i][:n*HashSize]); err != nil {
			return err
		}
		rest -= n
	}
	return nil
}

// Load returns the tree that Save wrote to b, ready to grow. It uses b in place and
// reads no more of it than the right edge, so it takes the same microseconds for
// any size; b must not change, and must stay mapped while the tree or a view of it is
// used. The error wraps [ErrMalformed].
//
// Load checks the form, not the hashes: b comes with a checksum of its own, and its
// root is compared with one from elsewhere.
func Load(b []byte) (*Tree, error) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: no header", ErrMalformed)
	}
	size := binary.LittleEndian.Uint64(b[len(magic):])
	for _, x := range b[len(magic)+8 : headerSize] {
		if x != 0 {
			return nil, fmt.Errorf("%w: header has more than a size", ErrMalformed)
		}
	}
	b = b[headerSize:]
	if size > uint64(len(b)) || uint64(len(b)) != stored(size)*HashSize {
		return nil, fmt.Errorf("%w: %d bytes for %d leaves", ErrMalformed, len(b), size)
	}
	t := &Tree{store: hashes{base: b[:len(b):len(b)], based: stored(size)}, size: size}
	t.loadEdge()
	return t, nil
}
