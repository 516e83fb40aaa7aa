package ledger

import (
	"crypto/sha256"
	"encoding/binary"
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

// decodeHeader accepts exactly what append writes.
func decodeHeader(b []byte) (h header, ok bool) {
	r := reader{b: b}
	h.stream = string(r.bytes())
	h.version = r.uvarint()
	h.kind = string(r.bytes())
	h.key = string(r.bytes())
	sec, nsec := r.varint(), r.uvarint()
	h.claimed = time.Unix(sec, int64(min(nsec, 1e9))).UTC()
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		return header{}, false
	}
	for range n {
		s := string(r.bytes())
		if i := len(h.subjects); i > 0 && h.subjects[i-1] >= s {
			return header{}, false
		}
		h.subjects = append(h.subjects, s)
	}
	// A time whose seconds overflow does not come back as it was written.
	canonical := nsec < 1e9 && h.claimed.Unix() == sec
	return h, r.done() && canonical
}

// headerCommitment is SHA-256(domain ‖ salt ‖ length ‖ previous ‖ header), where
// previous is the leaf hash of the stream's entry before, zero for the first.
// So each stream is a hash chain of its own.
func headerCommitment(salt *Hash, previous Hash, header []byte) Hash {
	var buf [512]byte
	b := append(buf[:0], headerDomain...)
	b = append(b, salt[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(previous)+len(header)))
	b = append(b, previous[:]...)
	b = append(b, header...)
	return sha256.Sum256(b)
}

// subjectSet returns the subjects sorted and without repetition.
func subjectSet(subjects []string) []string {
	if len(subjects) == 0 {
		return nil
	}
	s := slices.Sorted(slices.Values(subjects))
	return slices.Compact(s)
}
