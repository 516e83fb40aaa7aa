package ledger

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash of the tree, of a leaf or of a commitment. It prints
// and marshals as base64.
type Hash = tlog.Hash

const (
	leafDomain = "csss/ledger/leaf/v1"
	leafFront  = "\x00\x13" + leafDomain            // the domain behind its length
	leafFixed  = 2 + len(leafDomain) + 8 + 4*32 + 2 // bytes of a leaf without public attributes

	leafHeaderAt = 2 + len(leafDomain) + 8 + 2*32 // where its header commitment stands
	maxLeaf      = 1024
)

// leaf is the record in the tree. But for public attributes, nothing in it links
// two entries to outsiders.
type leaf struct {
	time     int64 // engine time, nanoseconds since 1970, grows along the log
	position Hash  // HMAC(tags key, stream ‖ version)
	key      Hash  // HMAC(tags key, idempotency key)
	header   Hash  // salted commitment
	payload  Hash  // salted commitment
	public   map[string]string
}

func (l leaf) encode() []byte { return l.append(make([]byte, 0, leafFixed)) }

// append writes the leaf behind b.
func (l *leaf) append(b []byte) []byte {
	b = append(b, leafFront...)
	b = appendU64(b, uint64(l.time))
	b = append(b, l.position[:]...)
	b = append(b, l.key[:]...)
	b = append(b, l.header[:]...)
	b = append(b, l.payload[:]...)
	b = appendU16(b, uint16(len(l.public)))
	if len(l.public) == 0 {
		return b
	}
	for _, k := range slices.Sorted(maps.Keys(l.public)) {
		b = appendStr16(appendStr16(b, k), l.public[k])
	}
	return b
}

// decodeLeaf accepts exactly what encode writes.
func decodeLeaf(b []byte) (l leaf, ok bool) {
	ok = l.decode(b)
	return l, ok
}

func (l *leaf) decode(b []byte) bool {
	if len(b) < leafFixed || string(b[:len(leafFront)]) != leafFront {
		return false
	}
	b = b[len(leafFront):]
	t := binary.BigEndian.Uint64(b)
	l.time = int64(t)
	l.position, l.key, l.header, l.payload = Hash(b[8:]), Hash(b[40:]), Hash(b[72:]), Hash(b[104:])
	l.public = nil
	pairs := int(binary.BigEndian.Uint16(b[136:]))
	if pairs == 0 {
		return len(b) == 138 && t <= math.MaxInt64
	}
	return t <= math.MaxInt64 && l.decodePublic(b[138:], pairs)
}

func (l *leaf) decodePublic(b []byte, pairs int) bool {
	r := reader{b: b}
	l.public = make(map[string]string, min(pairs, MaxPublicPairs))
	for last, i := "", 0; i < pairs && !r.bad; i++ {
		k, v := r.str16(), r.str16()
		r.bad = r.bad || i > 0 && k <= last
		l.public[k], last = v, k
	}
	return r.done() && publicFault(l.public) == ""
}

// leafSize is how long the leaf with these attributes is.
func leafSize(public map[string]string) int { return leafFixed + 4*len(public) + publicSize(public) }

// timeOf returns an engine time.
func timeOf(t int64) time.Time { return time.Unix(0, t).UTC() }

// publicSize is what MaxPublic bounds.
func publicSize(public map[string]string) (n int) {
	for k, v := range public {
		n += len(k) + len(v)
	}
	return n
}

// publicFault says why attributes cannot stand in a leaf, or nothing.
func publicFault(public map[string]string) string {
	if len(public) > MaxPublicPairs || publicSize(public) > MaxPublic {
		return "above the limit"
	}
	for k, v := range public {
		if k == "" {
			return "an empty name"
		}
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return "not UTF-8"
		}
	}
	return ""
}
