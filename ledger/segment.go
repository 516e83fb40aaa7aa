package ledger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
)

// A segment file is a header and frames, one behind the other:
//
//	header  magic(16) ‖ first index(8) ‖ CRC-32C(4)
//	frame   length(4) ‖ CRC-32C(4) ‖ body
//	entry   1 ‖ index(8) ‖ leaf16 ‖ header32 ‖ erased(1) ‖ payload32
//	trailer 2 ‖ first(8) ‖ size(8) ‖ root(32)
//
// with big-endian integers. A trailer ends each batch. The CRC of a frame also
// covers the segment's first index and the frame's offset, so that a stale or a
// moved frame fails. Where a payload was erased, its bytes are zeros and its
// length stays, so offsets stay.
const (
	segmentMagic  = "csss/ledger/seg1"
	segmentHead   = len(segmentMagic) + 8 + 4
	frameHead     = 8
	kindEntry     = 1
	kindTrailer   = 2
	trailerLength = 1 + 8 + 8 + 32
	maxFrame      = MaxPayload + 256<<10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segmentName is the file of the segment that begins with an entry.
func segmentName(first uint64) string { return fmt.Sprintf("%020d.seg", first) }

func parseSegmentName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".seg")
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, ok && err == nil && segmentName(first) == name
}

func appendSegmentHead(b []byte, first uint64) []byte {
	start := len(b)
	b = append(b, segmentMagic...)
	b = appendU64(b, first)
	return appendU32(b, crc32.Checksum(b[start:], castagnoli))
}

func checkSegmentHead(b []byte, first uint64) bool {
	return len(b) >= segmentHead && string(b[:segmentHead]) == string(appendSegmentHead(nil, first))
}

// frameSum is the CRC of a frame at its place.
func frameSum(first uint64, offset int64, length, body []byte) uint32 {
	var place [16]byte
	binary.BigEndian.PutUint64(place[:8], first)
	binary.BigEndian.PutUint64(place[8:], uint64(offset))
	sum := crc32.Update(0, castagnoli, place[:])
	sum = crc32.Update(sum, castagnoli, length)
	return crc32.Update(sum, castagnoli, body)
}

// appendFrame writes a body as the frame that will lie at offset.
func appendFrame(b []byte, first uint64, offset int64, body []byte) []byte {
	length := appendU32(nil, uint32(len(body)))
	b = append(b, length...)
	b = appendU32(b, frameSum(first, offset, length, body))
	return append(b, body...)
}

// cutFrame returns the body of the frame at offset, which begins b.
func cutFrame(b []byte, first uint64, offset int64) (body []byte, ok bool) {
	r := reader{b: b}
	length := r.take(4)
	sum := r.u32()
	if r.bad {
		return nil, false
	}
	body = r.take(int(binary.BigEndian.Uint32(length)))
	if r.bad || len(body) == 0 || len(body) > maxFrame {
		return nil, false
	}
	return body, frameSum(first, offset, length, body) == sum
}

func encodeEntry(f Frame) []byte {
	b := make([]byte, 0, 1+8+2+4+1+4+len(f.Leaf)+len(f.Header)+len(f.Payload))
	b = append(b, kindEntry)
	b = appendU64(b, f.Index)
	b = append(appendU16(b, uint16(len(f.Leaf))), f.Leaf...)
	b = append(appendU32(b, uint32(len(f.Header))), f.Header...)
	b = append(b, 0)
	return append(appendU32(b, uint32(len(f.Payload))), f.Payload...)
}

// decodeEntry accepts what encodeEntry and eraseEntry write. The frame shares
// the memory of the body.
func decodeEntry(body []byte) (f Frame, ok bool) {
	r := reader{b: body}
	if r.u8() != kindEntry {
		return Frame{}, false
	}
	f.Index = r.u64()
	f.Leaf = r.take(int(r.u16()))
	f.Header = r.take(int(r.u32()))
	erased := r.u8()
	f.Payload = r.take(int(r.u32()))
	if erased > 1 || !r.done() {
		return Frame{}, false
	}
	if f.Erased = erased == 1; f.Erased {
		for _, c := range f.Payload {
			ok = ok || c != 0
		}
		f.Payload = nil
		return f, !ok
	}
	return f, true
}

// eraseEntry turns the body of an entry into that of its erased twin, in place.
func eraseEntry(body []byte, f Frame) {
	n := len(f.Payload)
	clear(body[len(body)-n:])
	body[len(body)-n-5] = 1
}

func encodeTrailer(first uint64, h Head) []byte {
	b := make([]byte, 0, trailerLength)
	b = append(b, kindTrailer)
	b = appendU64(b, first)
	b = appendU64(b, h.Size)
	return append(b, h.Root[:]...)
}

func decodeTrailer(body []byte) (first uint64, h Head, ok bool) {
	r := reader{b: body}
	kind := r.u8()
	first, h.Size, h.Root = r.u64(), r.u64(), r.hash()
	return first, h, r.done() && kind == kindTrailer && first <= h.Size && h.Size <= math.MaxInt64
}

// scan is what a walk over a segment found.
type scan struct {
	frames  []place // of whole batches
	heads   []Head  // of their trailers
	end     int64   // behind the last trailer
	damaged bool    // something that is no whole batch follows
	lost    bool    // and it cannot be one torn batch: whole ones lie behind it
}

// place is where a frame lies.
type place struct {
	segment int
	offset  int64
	length  int // of header and body
}

// scanSegment walks over the bytes of a segment that begins with entry first.
func scanSegment(b []byte, first uint64) scan {
	s := scan{end: int64(segmentHead)}
	next, offset := first, s.end
	var open []place
	for offset < int64(len(b)) {
		body, ok := cutFrame(b[offset:], first, offset)
		if !ok {
			break
		}
		length := frameHead + len(body)
		if from, head, isTrailer := decodeTrailer(body); isTrailer {
			if from != next-uint64(len(open)) || head.Size != next {
				break
			}
			s.frames = append(s.frames, open...)
			s.heads = append(s.heads, head)
			open = nil
			s.end = offset + int64(length)
		} else {
			f, isEntry := decodeEntry(body)
			if !isEntry || f.Index != next {
				break
			}
			open = append(open, place{offset: offset, length: length})
			next++
		}
		offset += int64(length)
	}
	s.damaged = s.end < int64(len(b))
	s.lost = s.damaged && trailersBehind(b, first, s.end) > 1
	return s
}

// trailersBehind counts the trailers at or behind an offset, wherever they
// stand. One may belong to a torn batch whose middle never reached the disk; a
// second one means that an acknowledged batch was damaged afterwards, since a
// batch is synced before the next one is written.
func trailersBehind(b []byte, first uint64, offset int64) (n int) {
	for at := offset; at+frameHead+trailerLength <= int64(len(b)); at++ {
		if binary.BigEndian.Uint32(b[at:]) != trailerLength {
			continue
		}
		body, ok := cutFrame(b[at:], first, at)
		if !ok {
			continue
		}
		if _, _, ok := decodeTrailer(body); ok {
			n++
		}
	}
	return n
}
