package ledger

import (
	"context"
	"encoding/binary"
	"io"
	"maps"
	"slices"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// OpenDirOn opens a directory store on a file system; it lays its zeros inline,
// so that what it does is the same every time.
func OpenDirOn(disk vfs.FS, dir string, o *DirOptions) (Store, error) {
	var c DirOptions
	if o != nil {
		c = *o
	}
	c.inline = true
	d, err := openDirStore(disk, dir, &c)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// OpenDirAhead opens a directory store on a file system; a goroutine lays its
// zeros.
func OpenDirAhead(disk vfs.FS, dir string, o *DirOptions) (Store, error) {
	d, err := openDirStore(disk, dir, o)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// WithIndex makes so many bytes worth an index of offsets.
func WithIndex(o DirOptions, bytes int64) *DirOptions {
	o.index = bytes
	return &o
}

// AllSecrets lists what a directory store keeps.
func AllSecrets(ctx context.Context, s Store) (map[string][]byte, error) {
	d, out := s.(*dirStore), map[string][]byte{}
	names := slices.Collect(maps.Keys(d.secrets.files))
	for _, at := range d.secrets.records {
		r, err := readSecret(d.segments, at)
		if err != nil {
			return nil, err
		}
		names = append(names, string(r.name))
	}
	for _, name := range names {
		v, ok, err := d.Secret(ctx, name)
		if err != nil {
			return nil, err
		}
		if ok {
			out[name] = v
		}
	}
	return out, nil
}

// Record is what ParseRecord found.
type Record struct {
	Frame   Frame // of an entry
	Entry   bool
	Trailer bool
	Size    int
	Acked   uint64
	Head    Head
}

// ParseRecord parses a record as it lies at an offset of a segment; ok is false
// for anything else.
func ParseRecord(b []byte, salt uint64, offset int64) (out Record, ok bool) {
	var r record
	if r.parse(b, salt, offset) != parsedWhole {
		return out, false
	}
	out.Size = r.size
	switch r.kind {
	case recordEntry:
		f, what := r.frame(0)
		out.Frame, out.Entry = f, true
		return out, what == ""
	case recordTrailer:
		out.Trailer, out.Acked, out.Head = true, r.trailer.acknowledged(), r.trailer.head
	}
	return out, true
}

// EncodeRecord is ParseRecord the other way round, for what was parsed.
func EncodeRecord(b []byte, salt uint64, offset int64) []byte {
	var r record
	if r.parse(b, salt, offset) != parsedWhole {
		return nil
	}
	switch r.kind {
	case recordEntry:
		b, _ = appendEntry(nil, salt, offset, &Frame{Leaf: r.leaf, Header: r.header, Payload: r.content})
	case recordSecret:
		b, _ = appendSecret(nil, salt, offset, &Secret{Name: string(r.name), Value: r.content})
	case recordTrailer:
		return appendTrailer(nil, salt, offset, &r.trailer)
	}
	binary.BigEndian.PutUint32(b[len(b)-len(r.content)-4:], r.check)
	return b
}

// AppendEntry, AppendSecret and AppendTrailer write records.
func AppendEntry(b []byte, salt uint64, offset int64, f Frame) []byte {
	b, _ = appendEntry(b, salt, offset, &f)
	return b
}

func AppendSecret(b []byte, salt uint64, offset int64, s Secret) []byte {
	b, _ = appendSecret(b, salt, offset, &s)
	return b
}

func AppendTrailer(b []byte, salt uint64, offset int64, group uint64, behind uint8, h Head) []byte {
	return appendTrailer(b, salt, offset, &trailer{group: group, behind: behind, head: h, epoch: 1})
}

// SlotRoundTrip, SecretRoundTrip and IndexRoundTrip decode and encode again.
func SlotRoundTrip(b []byte) ([]byte, bool) {
	s, ok := decodeSlot(b)
	return s.append(nil), ok
}

func SecretRoundTrip(name string, b []byte) ([]byte, bool) {
	f, ok := decodeSecret(name, b)
	return f.appendTo(nil, name), ok
}

func EncodeSlot(turn uint64, h Head) []byte {
	return (&headSlot{turn: turn, epoch: 3, group: 4, head: h}).append(nil)
}

func EncodeSecret(name string, value []byte) []byte {
	return (&secretFile{first: 1, offset: 2, value: value}).appendTo(nil, name)
}

// IndexRoundTrip leaves the places of secrets out of the comparison of bytes:
// their order is free.
func IndexRoundTrip(b []byte) (again []byte, ok bool) {
	x, ok := decodeIndex(b)
	if !ok {
		return nil, false
	}
	w := &sliceWriter{}
	if err := writeIndex(w, x.last, x.segments, x.secrets); err != nil {
		return nil, false
	}
	return w.b, true
}

type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(b []byte) (int, error) {
	w.b = append(w.b, b...)
	return len(b), nil
}

// EncodeIndex is an index of one segment with two entries and a secret.
func EncodeIndex() []byte {
	w := &sliceWriter{}
	last := mark{group: 2, epoch: 1, head: Head{Size: 2}}
	_ = writeIndex(w, last, []segment{{group: 1, salt: 7, end: 500, offsets: []uint32{44, 200}}}, []secretPlace{{offset: 100}})
	return w.b
}

// ScanBytes walks over the bytes of a segment that begins with entry 0.
func ScanBytes(b []byte, remembered uint64) (entries, secrets int, end int64, clean bool, later uint64, err error) {
	s := &segment{name: "s", group: 1, f: byteFile(b)}
	ok, err := s.readHead()
	if err != nil || !ok {
		return 0, 0, 0, false, 0, err
	}
	out, err := s.scan(mark{group: s.group - 1, head: Head{Size: s.first}, end: int64(segmentHead)}, headSlot{group: remembered})
	return len(out.offsets), len(out.secrets), out.last().end, out.clean, out.later, err
}

// AppendSegmentHead writes the header of the segment that begins with entry 0.
func AppendSegmentHead(b []byte, salt uint64) []byte {
	return (&segment{group: 1, salt: salt}).appendHead(b)
}

// Digests gives a trailer the digest of the records before it, which begin at
// byte from of a segment.
func Digests(segment []byte, salt uint64, from int) uint32 {
	var d digest
	for from < len(segment) {
		var r record
		if r.parse(segment[from:], salt, int64(from)) != parsedWhole {
			break
		}
		d = d.add(r.sum)
		from += r.size
	}
	return d.fold()
}

// AppendGroupEnd writes the trailer of the group that begins at byte from.
func AppendGroupEnd(segment []byte, salt uint64, from int, group uint64, behind uint8, h Head) []byte {
	t := trailer{group: group, behind: behind, head: h, epoch: 1, digest: Digests(segment, salt, from)}
	return appendTrailer(segment, salt, int64(len(segment)), &t)
}

// byteFile is a file that is read.
type byteFile []byte

func (b byteFile) ReadAt(to []byte, offset int64) (int, error) {
	if offset >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(to, b[offset:])
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}

func (b byteFile) WriteAt([]byte, int64) (int, error) { return 0, io.ErrShortWrite }
func (b byteFile) Size() (int64, error)               { return int64(len(b)), nil }
func (b byteFile) Truncate(int64) error               { return io.ErrShortWrite }
func (b byteFile) Sync() error                        { return nil }
func (b byteFile) Close() error                       { return nil }
