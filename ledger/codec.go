package ledger

import (
	"encoding/binary"
	"math/bits"
)

// The binary records are in the style of the TLS presentation language (RFC
// 8446, section 3): fixed big-endian integers, and byte strings behind a length.
// Where every byte counts, in the sealed header, lengths and numbers are varints
// of the shortest form.

func appendU16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }
func appendU32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }
func appendU64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// appendStr16 writes a string of at most 65,535 bytes behind its length.
func appendStr16(b []byte, s string) []byte {
	return append(appendU16(b, uint16(len(s))), s...)
}

func appendUvarint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// appendVarint writes a signed number in zigzag form.
func appendVarint(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

// appendStr writes a string behind its length as a varint.
func appendStr(b []byte, s string) []byte {
	return append(appendUvarint(b, uint64(len(s))), s...)
}

func uvarintSize(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

func strSize(s string) int { return uvarintSize(uint64(len(s))) + len(s) }

func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

// reader takes fields off the front of a record. After the first field that is
// not there it yields zeros and bad stays true.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) || r.bad {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) hash() (h Hash) {
	copy(h[:], r.take(len(h)))
	return h
}

func (r *reader) str16() string { return string(r.bytes16()) }

// bytes16 is str16 without a copy.
func (r *reader) bytes16() []byte { return r.take(int(r.u16())) }

// uvarint takes a number in its shortest form only.
func (r *reader) uvarint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 && !r.bad {
		v := uint64(r.b[0])
		r.b = r.b[1:]
		return v
	}
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// bytes takes a string behind a varint, without a copy.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	return r.take(int(n))
}

// done reports whether the record was whole and nothing is left over.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }
