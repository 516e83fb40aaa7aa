package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// A segment file is a header and records (frame.go), then zeros up to the end of
// the file:
//
//	header  magic(16) ‖ first index(8) ‖ first group(8) ‖ salt(8) ‖ CRC-32C(4)
//
// The salt is random, so nobody can write a payload or a public attribute that
// would pass for a record.
const (
	segmentMagic = "csss/ledger/seg1"
	segmentHead  = len(segmentMagic) + 8 + 8 + 8 + 4

	minSegment = 64 << 20 // default size
	maxSegment = 1 << 30  // so that offsets have 31 bits, one batch above it included
	readAhead  = 1 << 20  // bytes of one read of a range
)

// segment is an open segment file. The first five fields do not change; the
// others are what is acknowledged, under the lock of the store.
type segment struct {
	name  string
	first uint64 // index of its first entry
	group uint64 // number of its first group
	salt  uint64
	f     vfs.File

	offsets []uint32 // of its entries
	end     int64    // behind its last group
}

// segmentName is the file of the segment that begins with an entry.
func segmentName(first uint64) string { return fmt.Sprintf("%020d.seg", first) }

func parseSegmentName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".seg")
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, ok && err == nil && segmentName(first) == name
}

func (s *segment) appendHead(b []byte) []byte {
	start := len(b)
	b = append(b, segmentMagic...)
	b = appendU64(b, s.first)
	b = appendU64(b, s.group)
	b = appendU64(b, s.salt)
	return appendU32(b, crc32.Checksum(b[start:], castagnoli))
}

// readHead fills in group and salt from the file. ok is false where the header
// does not hold.
func (s *segment) readHead() (ok bool, err error) {
	var b [segmentHead]byte
	if n, err := s.f.ReadAt(b[:], 0); n < len(b) {
		return false, eofIsFine(err)
	}
	r := reader{b: b[:]}
	magic, first := string(r.take(len(segmentMagic))), r.u64()
	s.group, s.salt = r.u64(), r.u64()
	sum := crc32.Checksum(b[:segmentHead-4], castagnoli)
	return magic == segmentMagic && first == s.first && s.group > 0 && r.u32() == sum, nil
}

// place is where entry index lies: from its first byte to that of the next
// entry, or to the end of its group and what follows it.
func (s *segment) place(index uint64) (from, to int64) {
	i := index - s.first
	from, to = int64(s.offsets[i]), s.end
	if i+1 < uint64(len(s.offsets)) {
		to = int64(s.offsets[i+1])
	}
	return from, to
}

func (s *segment) damage(index uint64, offset int64, what string) error {
	return &CorruptError{Index: int64(index), Segment: s.name, Offset: offset, What: what}
}

// window reads the records of a segment through one buffer.
type window struct {
	s     *segment
	buf   []byte
	start int64 // offset of buf[0] in the file
	have  int   // bytes of buf that are filled
}

// record reads the record at an offset into r. Its bytes are valid until the
// next call.
func (w *window) record(offset int64, r *record) (parsed, error) {
	if offset >= w.start && offset < w.start+int64(w.have) {
		p := r.parse(w.buf[offset-w.start:w.have], w.s.salt, offset)
		if p != parsedShort {
			return p, nil
		}
	} else {
		r.size = 0
	}
	for {
		before := r.size
		if err := w.fill(offset, r.size); err != nil {
			return parsedBad, err
		}
		p := r.parse(w.buf[:w.have], w.s.salt, offset)
		switch {
		case p != parsedShort:
			return p, nil
		case w.have < len(w.buf) && w.have == 0:
			return parsedEnd, nil // the file ends between two records
		case w.have < len(w.buf) || r.size <= before:
			return parsedBad, nil // or within one
		}
	}
}

// fill reads from offset on, at least n bytes if there are so many.
func (w *window) fill(offset int64, n int) error {
	if n = max(n, readAhead); cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	w.buf = w.buf[:cap(w.buf)]
	have, err := w.s.f.ReadAt(w.buf, offset)
	w.start, w.have = offset, have
	return eofIsFine(err)
}

// rest says of the bytes from offset on whether all are zeros, and which group
// was acknowledged by the newest trailer among them, wherever it stands; 0 if
// there is none.
func (w *window) rest(offset int64) (clean bool, acknowledged uint64, err error) {
	clean = true
	for {
		if err := w.fill(offset, 0); err != nil {
			return false, 0, err
		}
		b := w.buf[:w.have]
		if !allZero(b) {
			clean = false
			acknowledged = max(acknowledged, w.s.trailers(b, offset))
		}
		if w.have < len(w.buf) {
			return clean, acknowledged, nil
		}
		offset += int64(w.have - trailerRecord) // one may lie across the border
	}
}

// trailers looks for trailers in bytes that lie at an offset.
func (s *segment) trailers(b []byte, offset int64) (acknowledged uint64) {
	var r record
	for at := 1; at < len(b); at++ {
		i := bytes.Index(b[at:], []byte(trailerMagic))
		if i < 0 {
			break
		}
		at += i
		if r.parse(b[at-1:], s.salt, offset+int64(at)-1) == parsedWhole && r.kind == recordTrailer {
			acknowledged = max(acknowledged, r.trailer.acknowledged())
		}
	}
	return acknowledged
}

// mark is a border between two groups of a segment.
type mark struct {
	group uint64 // that ends here
	known uint64 // the newest group that was acknowledged when that one was written
	epoch uint64
	head  Head
	end   int64
}

// scan is what a walk over a segment found.
type scan struct {
	offsets []uint32
	secrets []secretPlace // their segment is not filled in
	marks   []mark        // the last ones, in their order; the first may be where the walk began
	clean   bool          // nothing but zeros follows
	wrong   bool          // the group of the remembered head has another one
	stop    uint64        // the entry at which a group that is not whole stops
	stopAt  int64
	later   uint64 // the newest group known to be acknowledged by what follows
}

// A walk keeps the ends of at least so many groups: two may be unacknowledged.
const keepMarks = 4

func (s *scan) last() *mark { return &s.marks[len(s.marks)-1] }

// scan walks over the groups of a segment from a mark on. Of the groups that are
// newer than the remembered head the contents are checked too: none of them can
// have been erased, since erasing begins with making the head durable.
func (s *segment) scan(from mark, remembered headSlot) (out scan, err error) {
	buf := chunks.Get().(*[]byte)
	w := &window{s: s, buf: *buf}
	defer func() {
		*buf = w.buf
		chunks.Put(buf)
	}()
	out.marks = append(make([]mark, 0, 2*keepMarks), from)
	var (
		r       record
		d       digest
		at      = from.end
		next    = from.head.Size
		entries int // of whole groups
		secrets int
	)
	for {
		last := out.last()
		p, err := w.record(at, &r)
		if err != nil {
			return out, err
		}
		fresh := last.group >= remembered.group
		if p != parsedWhole || fresh && r.kind != recordTrailer && !r.intact() {
			break
		}
		offset := uint32(at)
		at += int64(r.size)
		if r.kind != recordTrailer {
			d = d.add(r.sum)
			if r.kind == recordEntry {
				out.offsets = append(out.offsets, offset)
				next++
			} else if !r.destroyed() {
				out.secrets = append(out.secrets, secretPlace{id: secretIDOf(r.name), offset: offset})
			}
			continue
		}
		t := &r.trailer
		stale := t.epoch < last.epoch || fresh && t.epoch < remembered.epoch
		if t.group != last.group+1 || t.head.Size != next || t.digest != d.fold() || stale {
			break
		}
		if t.group == remembered.group && t.head != remembered.head {
			out.wrong = true
		}
		if len(out.marks) == cap(out.marks) {
			out.marks = append(out.marks[:0], out.marks[keepMarks:]...)
		}
		out.marks = append(out.marks, mark{group: t.group, known: t.acknowledged(), epoch: t.epoch, head: t.head, end: at})
		entries, secrets, d = len(out.offsets), len(out.secrets), 0
	}
	out.stop, out.stopAt = next, at
	out.offsets, out.secrets = out.offsets[:entries], out.secrets[:secrets]
	out.clean, out.later, err = w.rest(out.last().end)
	return out, err
}

// find reads the record at an offset, with one read where it is not longer than
// guess.
func (s *segment) find(offset int64, guess int) (r record, p parsed, err error) {
	b := make([]byte, max(guess, binary.MaxVarintLen64))
	for {
		n, err := s.f.ReadAt(b, offset)
		if err := eofIsFine(err); err != nil {
			return r, parsedBad, err
		}
		if p = r.parse(b[:n], s.salt, offset); p != parsedShort || n < len(b) || r.size <= len(b) {
			return r, p, nil
		}
		b = make([]byte, r.size)
	}
}

// eofIsFine tells a short file, which is damage, from a failing device.
func eofIsFine(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
