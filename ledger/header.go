package ledger

import (
	"slices"
	"time"
)

// header is what the holder of the tenant key may read of an entry for ever.
type header struct {
	stream   string
	version  uint64
	previous Hash // leaf hash of the stream's previous entry; zero for the first
	kind     string
	key      string
	claimed  time.Time
	subjects []string // sorted, unique
}

func (h header) encode() []byte {
	b := appendStr16(nil, headerDomain)
	b = appendStr16(b, h.stream)
	b = appendU64(b, h.version)
	b = append(b, h.previous[:]...)
	b = appendStr16(b, h.kind)
	b = appendStr16(b, h.key)
	b = appendU64(b, uint64(h.claimed.Unix()))
	b = appendU32(b, uint32(h.claimed.Nanosecond()))
	b = appendU16(b, uint16(len(h.subjects)))
	for _, s := range h.subjects {
		b = appendStr16(b, s)
	}
	return b
}

// decodeHeader accepts exactly what encode writes.
func decodeHeader(b []byte) (header, bool) {
	r := reader{b: b}
	domain := r.str16()
	h := header{stream: r.str16(), version: r.u64(), previous: r.hash(), kind: r.str16(), key: r.str16()}
	sec, nsec := int64(r.u64()), r.u32()
	h.claimed = time.Unix(sec, int64(nsec)).UTC()
	for range r.u16() {
		if r.bad {
			break
		}
		s := r.str16()
		if n := len(h.subjects); n > 0 && h.subjects[n-1] >= s {
			return header{}, false
		}
		h.subjects = append(h.subjects, s)
	}
	// A time whose seconds overflow does not come back as it was written.
	canonical := nsec < 1e9 && h.claimed.Unix() == sec
	return h, r.done() && domain == headerDomain && canonical
}

// subjectSet returns the subjects sorted and without repetition.
func subjectSet(subjects []string) []string {
	if len(subjects) == 0 {
		return nil
	}
	s := slices.Sorted(slices.Values(subjects))
	return slices.Compact(s)
}
