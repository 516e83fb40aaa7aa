package ledger

import "encoding/binary"

// The binary records are in the style of the TLS presentation language (RFC
// 8446, section 3): fixed big-endian integers, and byte strings behind a length.

func appendU16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }
func appendU32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }
func appendU64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// appendStr16 writes a string of at most 65,535 bytes behind its length.
func appendStr16(b []byte, s string) []byte {
	return append(appendU16(b, uint16(len(s))), s...)
}

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

func (r *reader) str16() string { return string(r.take(int(r.u16()))) }

// done reports whether the record was whole and nothing is left over.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }
