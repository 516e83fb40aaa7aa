package ledger

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"time"
)

const headerDomain = "csss/ledger/header/v1"

// header is what the holder of the tenant key may read of an entry for ever.
type header struct {
	stream   string
	version  uint64
	kind     string
	key      string
	claimed  time.Time
	subjects []string // sorted, unique
}

// append writes the header behind b: strings behind varint lengths, version,
// claimed time as seconds (zigzag) and nanoseconds, and the subjects.
func (h *header) append(b []byte) []byte {
	b = appendStr(b, h.stream)
	b = appendUvarint(b, h.version)
	b = appendStr(b, h.kind)
	b = appendStr(b, h.key)
	b = appendVarint(b, h.claimed.Unix())
	b = appendUvarint(b, uint64(h.claimed.Nanosecond()))
	b = appendUvarint(b, uint64(len(h.subjects)))
	for _, s := range h.subjects {
		b = appendStr(b, s)
	}
	return b
}

// size is how many bytes append writes.
func (h *header) size() int {
	n := strSize(h.stream) + uvarintSize(h.version) + strSize(h.kind) + strSize(h.key) +
		uvarintSize(zigzag(h.claimed.Unix())) + uvarintSize(uint64(h.claimed.Nanosecond())) + uvarintSize(uint64(len(h.subjects)))
	for _, s := range h.subjects {
		n += strSize(s)
	}
	return n
}

// rawHeader is a header whose strings still lie in the bytes it was read from.
type rawHeader struct {
	stream, kind, key []byte
	version           uint64
	seconds           int64
	nanos             uint64
	subjects          [][]byte
}

// parseHeader accepts exactly what header.append writes.
func parseHeader(b []byte) (h rawHeader, ok bool) {
	r := reader{b: b}
	h.stream, h.version, h.kind, h.key = r.bytes(), r.uvarint(), r.bytes(), r.bytes()
	h.seconds, h.nanos = r.varint(), r.uvarint()
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		return h, false
	}
	for range n {
		s := r.bytes()
		if i := len(h.subjects); i > 0 && bytes.Compare(h.subjects[i-1], s) >= 0 {
			return h, false
		}
		h.subjects = append(h.subjects, s)
	}
	return h, r.done() && h.nanos < 1e9
}

func (h *rawHeader) claimed() time.Time { return time.Unix(h.seconds, int64(h.nanos)).UTC() }

// header copies.
func (h *rawHeader) header() header {
	out := header{stream: string(h.stream), version: h.version, kind: string(h.kind), key: string(h.key), claimed: h.claimed()}
	for _, s := range h.subjects {
		out.subjects = append(out.subjects, string(s))
	}
	return out
}

// decodeHeader is parseHeader with a copy.
func decodeHeader(b []byte) (header, bool) {
	h, ok := parseHeader(b)
	if !ok {
		return header{}, false
	}
	return h.header(), true
}

// headerCommitment is SHA-256(domain ‖ salt ‖ length ‖ previous ‖ header), where
// previous is the leaf hash of the stream's entry before, zero for the first.
// So each stream is a hash chain of its own.
func (s *scratch) headerCommitment(salt, previous *Hash, header []byte) Hash {
	s.buf = append(appendCommitFront(s.buf[:0], salt, previous, len(header)), header...)
	return sha256.Sum256(s.buf)
}

// commitFront is how long what stands before the header is.
const commitFront = len(headerDomain) + 32 + 8 + 32

func appendCommitFront(b []byte, salt, previous *Hash, length int) []byte {
	b = append(b, headerDomain...)
	b = append(b, salt[:]...)
	b = appendU64(b, uint64(len(previous)+length))
	return append(b, previous[:]...)
}

// subjectSet returns the subjects sorted and without repetition.
func subjectSet(subjects []string) []string {
	if len(subjects) == 0 {
		return nil
	}
	s := slices.Sorted(slices.Values(subjects))
	return slices.Compact(s)
}
