package ledger

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// LoadCache implements [Cacher].
func (d *dirStore) LoadCache(name string) (b []byte, release func() error, ok bool, err error) {
	if err := checkSecretName(name); err != nil {
		return nil, nil, false, err
	}
	if d.state.Load() == dirClosed {
		return nil, nil, false, ErrClosed
	}
	b, release, err = d.fs.Map(filepath.Join(d.folder(cacheName), name))
	if isNotExist(err) {
		return nil, nil, false, nil
	}
	return b, release, err == nil, err
}

// SaveCache implements [Cacher]. It saves the offsets of the entries too, if
// there are more than the last time. Errors: [ErrReadOnly], [ErrFull],
// [ErrClosed], those of write and of the file system.
func (d *dirStore) SaveCache(name string, write func(io.Writer) error) error {
	if err := checkSecretName(name); err != nil {
		return err
	}
	d.files.RLock()
	defer d.files.RUnlock()
	switch {
	case d.state.Load() != dirOpen:
		return ErrClosed
	case d.readOnly:
		return ErrReadOnly
	}
	d.caches.Lock()
	defer d.caches.Unlock()
	if err := d.saveBlob(name, write); err != nil {
		return err
	}
	return d.saveIndex()
}

// saveBlob writes a file of the cache and puts it in place by rename.
func (d *dirStore) saveBlob(name string, write func(io.Writer) error) error {
	if err := d.fs.MkdirAll(d.folder(cacheName)); err != nil {
		return roomLess(err)
	}
	path := filepath.Join(d.folder(cacheName), name)
	f, err := d.fs.Open(path+temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return roomLess(err)
	}
	w := bufio.NewWriterSize(io.NewOffsetWriter(f, 0), 256<<10)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(roomLess(err), d.fs.Remove(path+temporary))
	}
	return d.fs.Rename(path+temporary, path)
}

// The index of offsets is the store's own cache, so that an opening reads only
// the groups that came after it:
//
//	magic(16) ‖ group(8) ‖ epoch(8) ‖ size(8) ‖ root(32) ‖ segments(4) ‖ secrets(8)
//	per segment  first(8) ‖ group(8) ‖ salt(8) ‖ end(8) ‖ entries(4)
//	per entry    offset(4)
//	per secret   id(16) ‖ segment(4) ‖ offset(4)
//	CRC-32C(4)
//
// It is written when the store closes and with every cache. It is not synced; it
// counts if its CRC holds, if it describes the segments that are there, and if
// the trailer in front of its end says the same.
const (
	indexName  = "_offsets" // no name that a caller may choose
	indexMagic = "csss/ledger/idx1"
	indexHead  = len(indexMagic) + 8 + 8 + 8 + sizeHash + 4 + 8
)

// saveIndex writes the index of what is acknowledged now.
func (d *dirStore) saveIndex() error {
	d.mu.RLock()
	last, segments := d.last, make([]segment, len(d.segments))
	for i, s := range d.segments {
		segments[i] = segment{first: s.first, group: s.group, salt: s.salt, offsets: s.offsets, end: s.end}
	}
	covered := d.bytes()
	var secrets []secretPlace
	if covered != d.indexed {
		secrets = d.secrets.list()
	}
	d.mu.RUnlock()
	if covered == d.indexed {
		return nil
	}
	err := d.saveBlob(indexName, func(w io.Writer) error {
		return writeIndex(w, last, segments, secrets)
	})
	if err == nil {
		d.indexed = covered
	}
	return err
}

// list returns all places, those of one name in their order.
func (t *secretTable) list() []secretPlace {
	out := make([]secretPlace, 0, len(t.records))
	for id, at := range t.records {
		for _, old := range t.older[id] {
			out = append(out, placeOf(id, old))
		}
		out = append(out, placeOf(id, at))
	}
	return out
}

func writeIndex(w io.Writer, last mark, segments []segment, secrets []secretPlace) error {
	out := &summed{w: w, sum: crc32.New(castagnoli)}
	b := append(make([]byte, 0, 64<<10), indexMagic...)
	b = appendU64(b, last.group)
	b = appendU64(b, last.epoch)
	b = appendU64(b, last.head.Size)
	b = append(b, last.head.Root[:]...)
	b = appendU32(b, uint32(len(segments)))
	b = appendU64(b, uint64(len(secrets)))
	for _, s := range segments {
		b = appendU64(b, s.first)
		b = appendU64(b, s.group)
		b = appendU64(b, s.salt)
		b = appendU64(b, uint64(s.end))
		b = out.spill(appendU32(b, uint32(len(s.offsets))))
	}
	for _, s := range segments {
		for _, offset := range s.offsets {
			b = out.spill(appendU32(b, offset))
		}
	}
	for _, p := range secrets {
		b = append(b, p.id[:]...)
		b = out.spill(appendU32(appendU32(b, p.segment), p.offset))
	}
	out.flush(b)
	out.flush(out.sum.Sum(nil))
	return out.err
}

// summed writes and sums.
type summed struct {
	w   io.Writer
	sum hash.Hash32
	err error
}

// spill writes b once there is enough of it, and returns what is left.
func (s *summed) spill(b []byte) []byte {
	if len(b) < 32<<10 {
		return b
	}
	s.flush(b)
	return b[:0]
}

func (s *summed) flush(b []byte) {
	s.sum.Write(b)
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

// offsetIndex is an index that was read.
type offsetIndex struct {
	last     mark
	segments []segment // without name and file
	secrets  []secretPlace
}

// decodeIndex accepts exactly what writeIndex writes.
func decodeIndex(b []byte) (x offsetIndex, ok bool) {
	if len(b) < indexHead+4 || string(b[:len(indexMagic)]) != indexMagic {
		return x, false
	}
	body := b[:len(b)-4]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[len(body):]) {
		return x, false
	}
	r := reader{b: body[len(indexMagic):]}
	x.last.group, x.last.epoch, x.last.head.Size, x.last.head.Root = r.u64(), r.u64(), r.u64(), r.hash()
	segments, secrets := r.u32(), r.u64()
	if uint64(segments) > uint64(len(r.b))/36 || secrets > uint64(len(r.b))/24 {
		return x, false
	}
	x.segments = make([]segment, segments)
	counts := make([]uint32, segments)
	for i := range x.segments {
		s := &x.segments[i]
		s.first, s.group, s.salt, s.end = r.u64(), r.u64(), r.u64(), int64(r.u64())
		counts[i] = r.u32()
	}
	for i, n := range counts {
		x.segments[i].offsets = decodeOffsets(r.take(4 * int(n)))
	}
	x.secrets = make([]secretPlace, secrets)
	for i := range x.secrets {
		p := &x.secrets[i]
		copy(p.id[:], r.take(len(p.id)))
		p.segment, p.offset = r.u32(), r.u32()
		r.bad = r.bad || p.segment >= segments
	}
	return x, r.done()
}

func decodeOffsets(b []byte) []uint32 {
	out := make([]uint32, len(b)/4)
	for i := range out {
		out[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	return out
}

// loadIndex returns the index if it fits the segments: those it names are the
// first ones, and the log was acknowledged beyond its end.
func (d *dirStore) loadIndex(segments []*segment, remembered headSlot) (x offsetIndex, ok bool) {
	b, unmap, err := d.fs.Map(filepath.Join(d.folder(cacheName), indexName))
	if err != nil {
		return x, false
	}
	x, ok = decodeIndex(b)
	ok = unmap() == nil && ok && x.fits(segments, remembered)
	return x, ok
}

func (x *offsetIndex) fits(segments []*segment, remembered headSlot) bool {
	n := len(x.segments)
	if n == 0 || n > len(segments) || x.last.group > remembered.group {
		return false
	}
	if x.last.group == remembered.group && x.last.head != remembered.head {
		return false
	}
	next := uint64(0)
	for i := range x.segments {
		have, s := &x.segments[i], segments[i]
		if have.first != next || s.first != next || s.group != have.group || s.salt != have.salt {
			return false
		}
		next += uint64(len(have.offsets))
	}
	s, end := segments[n-1], x.segments[n-1].end
	if next != x.last.head.Size || end < int64(segmentHead+trailerRecord) {
		return false
	}
	x.last.end = end
	r, p, err := s.find(end-int64(trailerRecord), trailerRecord)
	if err != nil || p != parsedWhole || r.kind != recordTrailer {
		return false
	}
	x.last.known = r.trailer.acknowledged()
	return r.trailer.group == x.last.group && r.trailer.head == x.last.head && r.trailer.epoch == x.last.epoch
}
