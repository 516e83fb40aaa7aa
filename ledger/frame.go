package ledger

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/bits"
)

// A segment holds records, one behind the other. Numbers are big-endian, lengths
// uvarints of the shortest form:
//
//	record   length of what follows ‖ body; a length of 0 ends the log
//	entry    leaf length ‖ header length ‖ leaf ‖ header ‖ sum(4) ‖ check(4) ‖ payload
//	secret   0 ‖ 1 ‖ name length(1) ‖ name ‖ sum(4) ‖ check(4) ‖ value
//	trailer  0 ‖ 2 ‖ "tail" ‖ group(8) ‖ size(8) ‖ behind(1) ‖ epoch(8) ‖ root(32) ‖ digest(4) ‖ sum(4)
//
// A batch is written as one group: its secrets, its entries, one trailer. Groups
// are numbered from 1 along the log. An entry has no index of its own: it is
// counted.
//
// The sum is a CRC-32C over all bytes of the record before it, beginning with a
// value drawn from the segment's salt and the record's offset, so that stale and
// relocated bytes do not hold. Payloads and the values of secrets lie behind the
// sum and have a check of their own, a CRC-32C that begins with the sum. So they
// can be destroyed in place: check and content become zeros, and the rest of the
// record holds as before. The two highest bits of a check are always set; its
// first byte is what says that the content is gone, at once and before the other
// zeros are there.
//
// The digest of a trailer is drawn from the sums of the records of its group, so
// that no record of an earlier attempt at the same place is taken for one of
// this group. Behind is how many groups before this one were not yet synced when
// it was written; so a trailer also says up to which group the log was
// acknowledged then.
const (
	trailerMagic  = "\x00\x02tail"
	trailerLength = len(trailerMagic) + 8 + 8 + 1 + 8 + sizeHash + 4 + 4
	trailerRecord = 1 + trailerLength
	sizeHash      = 32

	maxHeader = 64 << 10 // bytes of a sealed header
	maxSecret = 64 << 10 // bytes of a secret's value
	maxRecord = 4 + 2 + 3 + maxLeaf + maxHeader + 8 + MaxPayload + tagSize
)

type recordKind uint8

const (
	recordEntry recordKind = iota
	recordSecret
	recordTrailer
)

// trailer ends a group.
type trailer struct {
	group  uint64
	head   Head
	behind uint8
	epoch  uint64
	digest uint32
}

// acknowledged is the newest group known to be durable when t was written.
func (t *trailer) acknowledged() uint64 { return t.group - 1 - uint64(t.behind) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const golden = 0x9e3779b97f4a7c15 // 2⁶⁴ divided by the golden ratio

// sumAt is the sum of a record's bytes at their place.
func sumAt(salt uint64, offset int64, b []byte) uint32 {
	seed := (salt ^ uint64(offset)) * golden
	return crc32.Update(uint32(seed>>32), castagnoli, b)
}

// checkOf is the check of a payload or a secret's value.
func checkOf(sum uint32, content []byte) uint32 {
	return crc32.Update(sum, castagnoli, content) | 3<<30
}

// digest gathers the sums of a group.
type digest uint64

func (d digest) add(sum uint32) digest {
	return digest(bits.RotateLeft64(uint64(d)^uint64(sum), 29) * golden)
}

func (d digest) fold() uint32 { return uint32(d >> 32) }

// uvarintLen is the length of v as a uvarint.
func uvarintLen(v int) int { return (bits.Len64(uint64(v)|1) + 6) / 7 }

// entrySize is the length of the record of a frame.
func entrySize(f *Frame) int {
	n := uvarintLen(len(f.Leaf)) + uvarintLen(len(f.Header)) + len(f.Leaf) + len(f.Header) + 8 + len(f.Payload)
	return uvarintLen(n) + n
}

// appendEntry writes the record of a frame that will lie at offset.
func appendEntry(b []byte, salt uint64, offset int64, f *Frame) ([]byte, uint32) {
	start := len(b)
	n := uvarintLen(len(f.Leaf)) + uvarintLen(len(f.Header)) + len(f.Leaf) + len(f.Header) + 8 + len(f.Payload)
	b = binary.AppendUvarint(b, uint64(n))
	b = binary.AppendUvarint(b, uint64(len(f.Leaf)))
	b = binary.AppendUvarint(b, uint64(len(f.Header)))
	b = append(b, f.Leaf...)
	b = append(b, f.Header...)
	sum := sumAt(salt, offset, b[start:])
	b = appendU32(b, sum)
	b = appendU32(b, checkOf(sum, f.Payload))
	return append(b, f.Payload...), sum
}

// secretSize is the length of the record of a secret.
func secretSize(s *Secret) int {
	n := 3 + len(s.Name) + 8 + len(s.Value)
	return uvarintLen(n) + n
}

func appendSecret(b []byte, salt uint64, offset int64, s *Secret) ([]byte, uint32) {
	start := len(b)
	b = binary.AppendUvarint(b, uint64(3+len(s.Name)+8+len(s.Value)))
	b = append(b, 0, byte(recordSecret), byte(len(s.Name)))
	b = append(b, s.Name...)
	sum := sumAt(salt, offset, b[start:])
	b = appendU32(b, sum)
	b = appendU32(b, checkOf(sum, s.Value))
	return append(b, s.Value...), sum
}

func appendTrailer(b []byte, salt uint64, offset int64, t *trailer) []byte {
	start := len(b)
	b = append(b, byte(trailerLength))
	b = append(b, trailerMagic...)
	b = appendU64(b, t.group)
	b = appendU64(b, t.head.Size)
	b = append(b, t.behind)
	b = appendU64(b, t.epoch)
	b = append(b, t.head.Root[:]...)
	b = appendU32(b, t.digest)
	return appendU32(b, sumAt(salt, offset, b[start:]))
}

// record is a record as it lies in a buffer.
type record struct {
	kind recordKind
	size int    // bytes of the record, length included
	sum  uint32 // holds

	leaf, header []byte // of an entry
	name         []byte // of a secret
	content      []byte // payload or value
	check        uint32 // of the content; not yet compared
	trailer      trailer
}

// parsed is what came of parsing.
type parsed uint8

const (
	parsedWhole parsed = iota
	parsedEnd          // a length of 0
	parsedShort        // the buffer ends before the record; size is what it has to hold, at least
	parsedBad
)

// parse reads the record at the beginning of b, which lies at offset of a
// segment. The record shares the memory of b.
func (r *record) parse(b []byte, salt uint64, offset int64) parsed {
	n, k := shortUvarint(b)
	switch {
	case k == 0:
		r.size = len(b) + 1
		return parsedShort
	case n == 0:
		return parsedEnd
	case k < 0 || n > maxRecord:
		return parsedBad
	}
	r.size = k + int(n)
	if len(b) < r.size {
		return parsedShort
	}
	b = b[:r.size:r.size]
	var sumAtByte int
	if b[k] != 0 {
		sumAtByte = r.splitEntry(b, k)
	} else {
		sumAtByte = r.splitControl(b, k)
	}
	if sumAtByte < 0 {
		return parsedBad
	}
	r.sum = binary.BigEndian.Uint32(b[sumAtByte:])
	if sumAt(salt, offset, b[:sumAtByte]) != r.sum {
		return parsedBad
	}
	if r.kind != recordTrailer {
		r.check = binary.BigEndian.Uint32(b[sumAtByte+4:])
		r.content = b[sumAtByte+8:]
	}
	return parsedWhole
}

// splitEntry finds leaf and header behind byte k and returns where the sum is.
func (r *record) splitEntry(b []byte, k int) int {
	r.kind = recordEntry
	leaf, n := shortUvarint(b[k:])
	if n <= 0 || leaf > maxLeaf {
		return -1
	}
	k += n
	header, n := shortUvarint(b[k:])
	if n <= 0 || header > maxHeader {
		return -1
	}
	k += n
	sum := k + int(leaf+header)
	if sum+8 > len(b) {
		return -1
	}
	r.leaf = b[k : k+int(leaf) : k+int(leaf)]
	r.header = b[k+int(leaf) : sum : sum]
	return sum
}

func (r *record) splitControl(b []byte, k int) int {
	if len(b) < k+3 {
		return -1
	}
	r.kind = recordKind(b[k+1])
	switch r.kind {
	case recordSecret:
		sum := k + 3 + int(b[k+2])
		if b[k+2] == 0 || sum+8 > len(b) {
			return -1
		}
		r.name = b[k+3 : sum : sum]
		return sum
	case recordTrailer:
		if len(b) != trailerRecord || string(b[k:k+len(trailerMagic)]) != trailerMagic {
			return -1
		}
		return len(b) - 4 - r.trailer.decode(b[k+len(trailerMagic):])
	case recordEntry: // begins with a length, never with this
	}
	return -1
}

// decode reads the fields of a trailer; it returns len(b) for values no trailer
// has, so that they lead nowhere.
func (t *trailer) decode(b []byte) int {
	f := reader{b: b}
	t.group = f.u64()
	t.head.Size = f.u64()
	t.behind = f.u8()
	t.epoch = f.u64()
	t.head.Root = f.hash()
	t.digest = f.u32()
	if t.group <= uint64(t.behind) || t.head.Size > math.MaxInt64 {
		return trailerRecord
	}
	return 0
}

// gone reports whether the content was destroyed, or is being destroyed.
func (r *record) gone() bool { return r.check>>24 == 0 }

// destroyed reports whether nothing of the content is left.
func (r *record) destroyed() bool { return r.check == 0 && allZero(r.content) }

// intact reports whether the content is as it was written.
func (r *record) intact() bool { return r.check == checkOf(r.sum, r.content) }

// frame returns an entry as its store yields it, or what is wrong. A content
// whose destruction was cut short is neither there nor erased.
func (r *record) frame(index uint64) (f Frame, what string) {
	f = Frame{Index: index, Leaf: r.leaf, Header: r.header}
	switch {
	case r.intact():
		f.Payload = r.content
	case !r.gone():
		return Frame{}, "payload"
	case r.destroyed():
		f.Erased = true
	}
	return f, ""
}

// shortUvarint reads a uvarint of the shortest form. The count is 0 where b ends
// too early, and negative where it is another form.
func shortUvarint(b []byte) (v uint64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	v, n = binary.Uvarint(b)
	if n > 1 && b[n-1] == 0 {
		return 0, -n
	}
	return v, n
}

// zeros is what is written ahead and over what must go.
var zeros [64 << 10]byte

func allZero(b []byte) bool {
	const part = 16 << 10 // that stays in the cache
	for len(b) > part {
		if !bytes.Equal(b[:part], zeros[:part]) {
			return false
		}
		b = b[part:]
	}
	return bytes.Equal(b, zeros[:len(b)])
}
