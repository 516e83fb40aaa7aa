package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// DirOptions are the choices of [OpenDirStore]. A nil *DirOptions is the zero
// value.
type DirOptions struct {
	// SegmentBytes is the size from which on a new segment file is begun; a
	// batch is never split. Default: 64 MiB.
	SegmentBytes int64
}

const (
	lockName     = "lock"
	headName     = "head"
	segmentsName = "segments"
	secretsName  = "secrets"
)

// dirStore keeps a log in a directory:
//
//	lock                           held while the store is open
//	head                           the last acknowledged size and root
//	segments/<first index>.seg     frames, only ever appended to, or rewritten by Erase
//	secrets/<name>                 keys and the newest checkpoint, mode 0600
type dirStore struct {
	path    string
	limit   int64
	secrets secretDir
	lock    *os.File
	sync    *syncer

	mu       sync.RWMutex
	closed   bool
	broken   bool // a write or sync failed: no more commits
	head     headFile
	size     uint64
	segments []segment
	frames   []place // by index
}

// segment is an open segment file.
type segment struct {
	first uint64
	f     *os.File
	end   int64
}

// OpenDirStore returns the store in a directory, which it creates (mode 0700)
// and locks until Close. Errors: [ErrLocked], [ErrInvalid] for options, and
// those of the file system.
func OpenDirStore(dir string, o *DirOptions) (Store, error) {
	d := &dirStore{path: dir, limit: 64 << 20, sync: &syncer{file: (*os.File).Sync, folder: syncDir}}
	d.secrets = secretDir{path: filepath.Join(dir, secretsName), sync: d.sync}
	if o != nil && o.SegmentBytes < 0 {
		return nil, &InvalidError{Entry: -1, Field: "SegmentBytes", Why: fmt.Sprintf("%d, below 0", o.SegmentBytes)}
	}
	if o != nil && o.SegmentBytes > 0 {
		d.limit = o.SegmentBytes
	}
	for _, path := range []string{dir, filepath.Join(dir, segmentsName), d.secrets.path} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, err
		}
	}
	var err error
	if d.lock, err = lockFile(filepath.Join(dir, lockName)); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *dirStore) segmentPath(first uint64) string {
	return filepath.Join(d.path, segmentsName, segmentName(first))
}

func (d *dirStore) Recover(ctx context.Context) (Head, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return Head{}, ErrClosed
	}
	if err := d.secrets.clean(); err != nil {
		return Head{}, err
	}
	firsts, err := d.listSegments()
	if err != nil {
		return Head{}, err
	}
	remembered, err := d.openHead(len(firsts) > 0)
	if err != nil {
		return Head{}, err
	}
	if len(firsts) == 0 {
		if remembered.Size > 0 {
			return Head{}, corrupt("no segment is left")
		}
		if err := d.begin(); err != nil {
			return Head{}, err
		}
	} else {
		for _, first := range firsts {
			f, err := os.OpenFile(d.segmentPath(first), os.O_RDWR, 0)
			if err != nil {
				return Head{}, err
			}
			d.segments = append(d.segments, segment{first: first, f: f})
		}
	}
	head, err := d.recoverSegments(ctx, remembered)
	if err != nil {
		return Head{}, err
	}
	d.size = head.Size
	if head == remembered {
		return head, nil
	}
	return head, d.head.reset(head, d.sync.file)
}

// begin makes the folder itself durable and adds the first segment.
func (d *dirStore) begin() error {
	for _, path := range []string{d.path, filepath.Dir(filepath.Clean(d.path))} {
		if err := d.sync.folder(path); err != nil {
			return err
		}
	}
	return d.addSegment(0)
}

// listSegments returns the first indexes of the segment files, in order, and
// removes what an interrupted rewrite left.
func (d *dirStore) listSegments() ([]uint64, error) {
	folder := filepath.Join(d.path, segmentsName)
	files, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var firsts []uint64
	for _, f := range files {
		if strings.HasSuffix(f.Name(), temporary) {
			if err := os.Remove(filepath.Join(folder, f.Name())); err != nil {
				return nil, err
			}
			continue
		}
		first, ok := parseSegmentName(f.Name())
		if !ok {
			return nil, &CorruptError{Index: -1, Segment: f.Name(), What: "not a segment of this log"}
		}
		firsts = append(firsts, first)
	}
	slices.Sort(firsts)
	return firsts, nil
}

// openHead opens the head file; a new one is made only beside an empty log.
func (d *dirStore) openHead(used bool) (Head, error) {
	flags := os.O_RDWR | os.O_CREATE
	if used {
		flags = os.O_RDWR
	}
	f, err := os.OpenFile(filepath.Join(d.path, headName), flags, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return Head{}, corrupt("head file is missing")
	}
	if err != nil {
		return Head{}, err
	}
	d.head = headFile{f: f}
	head, ok, err := d.head.read()
	switch {
	case err != nil:
		return Head{}, err
	case ok:
		return head, nil
	case used:
		return Head{}, &CorruptError{Index: -1, Segment: headName, What: "no slot is whole"}
	}
	head = Head{Root: emptyRoot()}
	if err := d.head.reset(head, d.sync.file); err != nil {
		return Head{}, err
	}
	return head, d.sync.folder(d.path)
}

// recoverSegments scans all segments, cuts a torn batch off the last one, and
// holds what is left against the remembered head.
func (d *dirStore) recoverSegments(ctx context.Context, remembered Head) (Head, error) {
	head := Head{Root: emptyRoot()}
	met := remembered.Size == 0
	for i := range d.segments {
		if err := ctx.Err(); err != nil {
			return Head{}, err
		}
		s, err := d.scan(i, head.Size)
		if err != nil {
			return Head{}, err
		}
		for _, h := range s.heads {
			if h.Size == remembered.Size {
				met = h.Root == remembered.Root
			}
			head = h
		}
		last := i == len(d.segments)-1
		if s.damaged && (!last || s.lost || head.Size < remembered.Size) {
			return Head{}, &CorruptError{
				Index: int64(head.Size), Segment: segmentName(d.segments[i].first), Offset: s.end,
				What: "damaged batch that is not the torn end of the log",
			}
		}
		if s.damaged {
			if err := d.segments[i].f.Truncate(s.end); err != nil {
				return Head{}, err
			}
		}
		if last && head != remembered {
			// A batch that was written but not acknowledged stays: it is made
			// durable before anyone may build on it.
			if err := d.sync.file(d.segments[i].f); err != nil {
				return Head{}, err
			}
		}
		d.segments[i].end = s.end
	}
	if head.Size < remembered.Size {
		return Head{}, corrupt(fmt.Sprintf("%d entries are left of %d acknowledged ones", head.Size, remembered.Size))
	}
	if !met {
		return Head{}, corrupt("batches do not lead to the remembered head")
	}
	return head, nil
}

// scan reads segment i, which must begin with entry next.
func (d *dirStore) scan(i int, next uint64) (scan, error) {
	seg := d.segments[i]
	name := segmentName(seg.first)
	if seg.first != next {
		return scan{}, &CorruptError{Index: int64(next), Segment: name, What: "segment does not follow the one before"}
	}
	b, err := io.ReadAll(io.NewSectionReader(seg.f, 0, 1<<62))
	if err != nil {
		return scan{}, err
	}
	if !checkSegmentHead(b, seg.first) {
		return scan{}, &CorruptError{Index: -1, Segment: name, What: "segment header"}
	}
	s := scanSegment(b, seg.first)
	for _, p := range s.frames {
		p.segment = i
		d.frames = append(d.frames, p)
	}
	return s, nil
}

// addSegment creates the segment that begins with entry first.
func (d *dirStore) addSegment(first uint64) error {
	path := d.segmentPath(first)
	if err := d.sync.writeFile(path, appendSegmentHead(nil, first)); err != nil {
		return err
	}
	if err := d.sync.folder(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	d.segments = append(d.segments, segment{first: first, f: f, end: int64(segmentHead)})
	return nil
}

func (d *dirStore) Commit(ctx context.Context, b Batch) error {
	d.mu.RLock()
	closed, broken, size := d.closed, d.broken, d.size
	d.mu.RUnlock()
	switch {
	case closed:
		return ErrClosed
	case broken:
		return ErrPoisoned
	case b.First != size:
		return ErrFenced
	}
	if len(b.Secrets) > 0 {
		secrets := map[string][]byte{}
		for _, s := range b.Secrets {
			secrets[s.Name] = s.Value
		}
		if err := d.PutSecrets(ctx, secrets); err != nil {
			return err
		}
	}
	places, end, err := d.write(b)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		// Never sync again: the kernel may have dropped the dirty pages and
		// would report success (Rebello et al., "Can Applications Recover from
		// fsync Failures?", USENIX ATC 2020).
		d.broken = true
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	d.frames = append(d.frames, places...)
	d.segments[len(d.segments)-1].end = end
	d.size = b.Head.Size
	return nil
}

// write puts the batch behind the last one, with one write and one sync, beside
// readers. Only the writer changes what it looks at.
func (d *dirStore) write(b Batch) ([]place, int64, error) {
	if seg := d.segments[len(d.segments)-1]; seg.end >= d.limit && b.First > seg.first {
		d.mu.Lock()
		err := d.addSegment(b.First)
		d.mu.Unlock()
		if err != nil {
			return nil, 0, err
		}
	}
	i := len(d.segments) - 1
	seg := d.segments[i]
	var buf []byte
	places := make([]place, 0, len(b.Frames))
	for _, f := range b.Frames {
		offset := seg.end + int64(len(buf))
		buf = appendFrame(buf, seg.first, offset, encodeEntry(f))
		places = append(places, place{segment: i, offset: offset, length: int(seg.end + int64(len(buf)) - offset)})
	}
	buf = appendFrame(buf, seg.first, seg.end+int64(len(buf)), encodeTrailer(b.First, b.Head))
	if _, err := seg.f.WriteAt(buf, seg.end); err != nil {
		return nil, 0, err
	}
	if err := d.sync.file(seg.f); err != nil {
		return nil, 0, err
	}
	return places, seg.end + int64(len(buf)), d.head.write(b.Head)
}

func (d *dirStore) Read(ctx context.Context, from, to uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		for i := from; i < to; i++ {
			f, err := d.frame(ctx, i)
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// frame reads one frame from its file and checks it.
func (d *dirStore) frame(ctx context.Context, index uint64) (Frame, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return Frame{}, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return Frame{}, err
	}
	if n := uint64(len(d.frames)); index >= n {
		return Frame{}, &RangeError{Field: "index", Value: index, Limit: n}
	}
	_, f, err := d.body(index)
	return f, err
}

func (d *dirStore) body(index uint64) ([]byte, Frame, error) {
	p := d.frames[index]
	seg := d.segments[p.segment]
	damage := &CorruptError{Index: int64(index), Segment: segmentName(seg.first), Offset: p.offset, What: "frame"}
	b := make([]byte, p.length)
	if n, err := seg.f.ReadAt(b, p.offset); n < len(b) {
		if err = eofIsFine(err); err == nil {
			err = damage
		}
		return nil, Frame{}, err
	}
	body, ok := cutFrame(b, seg.first, p.offset)
	if !ok {
		return nil, Frame{}, damage
	}
	f, ok := decodeEntry(body)
	if !ok || f.Index != index || frameHead+len(body) != p.length {
		return nil, Frame{}, damage
	}
	return body, f, nil
}

// Erase rewrites each segment concerned into a new file and swaps it in by
// rename, so a crash leaves the old or the new one, whole.
func (d *dirStore) Erase(ctx context.Context, indexes []uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	bySegment := map[int][]uint64{}
	for _, index := range indexes {
		if n := uint64(len(d.frames)); index >= n {
			return &RangeError{Field: "index", Value: index, Limit: n}
		}
		i := d.frames[index].segment
		bySegment[i] = append(bySegment[i], index)
	}
	for i, indexes := range bySegment {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.eraseIn(i, indexes); err != nil {
			return err
		}
	}
	return nil
}

func (d *dirStore) eraseIn(i int, indexes []uint64) error {
	seg := d.segments[i]
	b := make([]byte, seg.end)
	if _, err := seg.f.ReadAt(b, 0); err != nil {
		return err
	}
	changed := false
	for _, index := range indexes {
		body, f, err := d.body(index)
		if err != nil {
			return err
		}
		if f.Erased {
			continue
		}
		eraseEntry(body, f)
		p := d.frames[index]
		copy(b[p.offset:], appendFrame(nil, seg.first, p.offset, body))
		changed = true
	}
	if !changed {
		return nil
	}
	return d.swap(i, b)
}

// swap replaces a segment file. If the new file cannot be opened or made
// durable, no commit may go to the old one any more.
func (d *dirStore) swap(i int, b []byte) error {
	path := d.segmentPath(d.segments[i].first)
	if err := d.sync.writeFile(path, b); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		d.broken = true
		return err
	}
	old := d.segments[i].f
	d.segments[i].f = f
	if err := d.sync.folder(filepath.Dir(path)); err != nil {
		d.broken = true
		return errors.Join(err, old.Close())
	}
	return old.Close()
}

func (d *dirStore) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	var errs []error
	for _, seg := range d.segments {
		errs = append(errs, seg.f.Close())
	}
	if d.head.f != nil {
		errs = append(errs, d.sync.file(d.head.f), d.head.f.Close())
	}
	return errors.Join(append(errs, unlockFile(d.lock))...)
}

// eofIsFine tells a short file, which is damage, from a failing device.
func eofIsFine(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
