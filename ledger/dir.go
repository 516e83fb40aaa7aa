package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// DirOptions are the choices of [OpenDirStore]. A nil *DirOptions is the zero
// value.
type DirOptions struct {
	// SegmentBytes is the size that a segment file does not pass, unless a
	// single batch does; at most 1 GiB. Default: 64 MiB.
	SegmentBytes int64

	// ReadOnly opens the log as it is on the disk, beside a writer or none:
	// without the lock, without changing a byte, and without repairing what a
	// crash left. It shows what was acknowledged when it was opened; commits
	// answer [ErrReadOnly]. Default: false.
	ReadOnly bool

	inline bool  // for tests: zeros are written by the commit that needs them, not by a goroutine
	index  int64 // for tests: bytes that are worth an index of offsets; 0: 4 MiB
}

const (
	lockName     = "lock"
	headName     = "head"
	segmentsName = "segments"
	secretsName  = "secrets"
	cacheName    = "cache"
)

// dirStore keeps a log in a directory:
//
//	lock                        locked while a writer has the store; the writer's epoch (lock.go)
//	head                        what was acknowledged (head.go)
//	segments/<first index>.seg  the groups (segment.go, frame.go)
//	secrets/<name>              secrets that were not part of a batch (secrets.go)
//	cache/<name>                what can be rebuilt (cache.go)
//
// A batch is one group: one write into zeros that were laid ahead (prealloc.go),
// one sync, then the head. Files are only reached through a [vfs.FS].
//
// One goroutine at a time writes; it owns tail. What is acknowledged is under
// mu. Who reads a file holds files for reading; who destroys bytes that may be
// read, or closes a file, holds it for writing.
type dirStore struct {
	fs       vfs.FS
	path     string
	limit    int64
	readOnly bool
	worth    int64 // DirOptions.index

	state  atomic.Int32
	broken atomic.Bool // a write or sync failed: no more commits
	fenced atomic.Bool // another writer has begun

	fence fence
	head  headFile
	room  runway

	writer sync.Mutex
	tail   tail

	files sync.RWMutex

	mu       sync.RWMutex
	segments []*segment
	last     mark // of the acknowledged groups
	secrets  secretTable
	caches   sync.Mutex
	indexed  int64 // bytes of the segments that an index of offsets covers
}

// The states of a store.
const (
	dirNew int32 = iota
	dirOpen
	dirClosed
)

// mostBehind is how many batches may be begun and not yet durable.
const mostBehind = 8

// tail is where the next group goes: behind all groups that were begun.
type tail struct {
	seg     *segment // nil before the first group
	offsets []uint32 // of its entries
	end     int64
	group   uint64
	head    Head
	buf     []byte
}

// dirGroup is a batch on its way.
type dirGroup struct {
	mark
	seg     *segment
	fresh   bool // it is the first of its segment
	offsets []uint32
	secrets []secretPlace
}

// OpenDirStore returns the store in a directory, which it creates (mode 0700)
// and locks until Close. It is a [Pipeliner] and a [Cacher]. Errors:
// [ErrLocked], [ErrInvalid] for options, and those of the file system.
//
// A commit costs one write and one sync of a file whose blocks are there
// already; 256 KiB to 16 MiB of zeros lie ahead of the last entry while the
// store is open. The offset of every entry is in memory, 4 bytes each.
func OpenDirStore(dir string, o *DirOptions) (Store, error) {
	d, err := openDirStore(vfs.OS{}, dir, o)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func openDirStore(disk vfs.FS, dir string, o *DirOptions) (*dirStore, error) {
	if o == nil {
		o = &DirOptions{}
	}
	if o.SegmentBytes < 0 || o.SegmentBytes > maxSegment {
		return nil, &InvalidError{Entry: -1, Field: "SegmentBytes", Why: fmt.Sprintf("%d, not within 0 and %d", o.SegmentBytes, maxSegment)}
	}
	d := &dirStore{fs: disk, path: dir, limit: minSegment, readOnly: o.ReadOnly, worth: 4 << 20}
	if o.SegmentBytes > 0 {
		d.limit = o.SegmentBytes
	}
	if o.index > 0 {
		d.worth = o.index
	}
	d.room = runway{fs: disk, inline: o.inline}
	if d.readOnly {
		return d, nil
	}
	for _, path := range []string{dir, d.folder(segmentsName), d.folder(secretsName)} {
		if err := disk.MkdirAll(path); err != nil {
			return nil, err
		}
	}
	var err error
	if d.fence.f, err = d.lockFile(lockName); err != nil {
		return nil, err
	}
	return d, nil
}

// lockFile opens a file and locks it; ErrLocked if another writer has it.
func (d *dirStore) lockFile(name string) (vfs.File, error) {
	f, err := d.fs.Lock(d.folder(name))
	if errors.Is(err, vfs.ErrLocked) {
		return nil, ErrLocked
	}
	return f, err
}

func (d *dirStore) folder(name string) string { return filepath.Join(d.path, name) }

// refusal is why the store does not write.
func (d *dirStore) refusal() error {
	switch {
	case d.state.Load() != dirOpen:
		return ErrClosed
	case d.readOnly:
		return ErrReadOnly
	case d.fenced.Load():
		return ErrFenced
	case d.broken.Load():
		return ErrPoisoned
	}
	return nil
}

// Commit implements [Store].
func (d *dirStore) Commit(ctx context.Context, b Batch) error {
	wait, err := d.Begin(ctx, b)
	if err != nil {
		return err
	}
	return wait()
}

// Begin implements [Pipeliner].
func (d *dirStore) Begin(ctx context.Context, b Batch) (wait func() error, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.writer.Lock()
	defer d.writer.Unlock()
	g, err := d.put(&b)
	if err != nil {
		return nil, err
	}
	return func() error { return d.finish(g) }, nil
}

// put writes a batch behind the last one.
func (d *dirStore) put(b *Batch) (*dirGroup, error) {
	if err := d.refusal(); err != nil {
		return nil, err
	}
	if b.First != d.tail.head.Size {
		return nil, ErrFenced
	}
	d.mu.RLock()
	known := d.last.group
	d.mu.RUnlock()
	if d.tail.group-known > mostBehind {
		return nil, &InvalidError{Entry: -1, Field: "Begin", Why: "called too often before the waits"}
	}
	need, err := groupSize(b)
	if err != nil {
		return nil, err
	}
	if err := d.overtaken(); err != nil {
		return nil, err
	}
	g := &dirGroup{seg: d.tail.seg, mark: mark{group: d.tail.group + 1, known: known, epoch: d.fence.epoch, head: b.Head}}
	switch err := d.makeRoom(g, need); {
	case err == nil:
	case errors.Is(err, ErrFull) || errors.Is(err, ErrFenced):
		return nil, err
	default:
		d.broken.Store(true)
		return nil, fmt.Errorf("%w: %w", ErrPoisoned, err)
	}
	at := d.encode(g, b)
	d.fillPage(g.end)
	if _, err := g.seg.f.WriteAt(d.tail.buf, at); err != nil {
		// What is written is torn, so nothing may follow it.
		d.broken.Store(true)
		return nil, fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	d.tail = tail{seg: g.seg, offsets: g.offsets, end: g.end, group: g.group, head: g.head, buf: d.tail.buf}
	d.room.ahead(g.end)
	return g, nil
}

// groupSize is the length of the group of a batch, which it checks.
func groupSize(b *Batch) (int64, error) {
	if b.Head.Size != b.First+uint64(len(b.Frames)) || b.Head.Size > math.MaxInt64 {
		return 0, &InvalidError{Entry: -1, Field: "Head.Size", Why: fmt.Sprintf("%d, not that of %d and %d entries", b.Head.Size, b.First, len(b.Frames))}
	}
	n := int64(trailerRecord)
	for i := range b.Secrets {
		s := &b.Secrets[i]
		if err := checkSecret(s.Name, s.Value); err != nil {
			return 0, err
		}
		n += int64(secretSize(s))
	}
	for i := range b.Frames {
		f := &b.Frames[i]
		switch {
		case f.Index != b.First+uint64(i):
			return 0, &InvalidError{Entry: i, Field: "Index", Why: fmt.Sprintf("%d, not %d", f.Index, b.First+uint64(i))}
		case len(f.Leaf) == 0:
			return 0, &InvalidError{Entry: i, Field: "Leaf", Why: "empty"}
		case len(f.Leaf) > maxLeaf:
			return 0, &TooLargeError{Entry: i, Field: "Leaf", Size: len(f.Leaf), Limit: maxLeaf}
		case len(f.Header) > maxHeader:
			return 0, &TooLargeError{Entry: i, Field: "Header", Size: len(f.Header), Limit: maxHeader}
		case len(f.Payload) > MaxPayload+tagSize:
			return 0, &TooLargeError{Entry: i, Field: "Payload", Size: len(f.Payload), Limit: MaxPayload + tagSize}
		}
		n += int64(entrySize(f))
	}
	if n > maxSegment {
		return 0, &TooLargeError{Entry: -1, Field: "batch bytes", Size: int(n), Limit: maxSegment}
	}
	return n, nil
}

// overtaken asks the lock file whether another writer has begun.
func (d *dirStore) overtaken() error {
	err := d.fence.holds()
	switch {
	case err == nil:
	case errors.Is(err, ErrFenced):
		d.fenced.Store(true)
	default:
		d.broken.Store(true)
		err = fmt.Errorf("%w: %w", ErrPoisoned, err)
	}
	return err
}

// makeRoom finds the segment of a group, and zeros to write it over.
func (d *dirStore) makeRoom(g *dirGroup, need int64) error {
	if g.seg != nil && (d.tail.end+need <= d.limit || len(d.tail.offsets) == 0) {
		if d.tail.end+need > math.MaxInt32 {
			return errors.Join(ErrFull, &TooLargeError{Entry: -1, Field: "segment of secrets", Size: math.MaxInt32, Limit: math.MaxInt32})
		}
		return d.room.reserve(d.tail.end + need)
	}
	s, err := d.newSegment(need)
	if err != nil {
		return err
	}
	g.seg, g.fresh = s, true
	return nil
}

// encode writes the group into the buffer and returns the offset where it goes.
func (d *dirStore) encode(g *dirGroup, b *Batch) (at int64) {
	at, g.offsets = d.tail.end, d.tail.offsets
	buf := d.tail.buf[:0]
	if g.fresh {
		at, g.offsets = 0, nil
		buf = g.seg.appendHead(buf)
	}
	var (
		sum  uint32
		sums digest
		salt = g.seg.salt
	)
	for i := range b.Secrets {
		s, offset := &b.Secrets[i], at+int64(len(buf))
		buf, sum = appendSecret(buf, salt, offset, s)
		sums = sums.add(sum)
		g.secrets = append(g.secrets, secretPlace{id: secretIDOf([]byte(s.Name)), offset: uint32(offset)})
	}
	for i := range b.Frames {
		offset := at + int64(len(buf))
		buf, sum = appendEntry(buf, salt, offset, &b.Frames[i])
		sums = sums.add(sum)
		g.offsets = append(g.offsets, uint32(offset))
	}
	t := trailer{group: g.group, head: g.head, behind: uint8(g.group - 1 - g.known), epoch: g.epoch, digest: sums.fold()}
	d.tail.buf = appendTrailer(buf, salt, at+int64(len(buf)), &t)
	g.end = at + int64(len(d.tail.buf))
	return at
}

// fillPage adds zeros to the group up to the end of a page: what was laid there is
// zeros too, but not in the cache, and a part of a page would be read first.
func (d *dirStore) fillPage(end int64) {
	n := min(d.room.ready.Load(), roundUp(end)) - end
	d.tail.buf = append(d.tail.buf, zeros[:max(0, n)]...)
}

// finish makes a group durable and lets readers see it.
func (d *dirStore) finish(g *dirGroup) error {
	if err := d.settle(g); err != nil {
		// Never sync again: the kernel may have dropped the dirty pages and
		// would report success.
		d.broken.Store(true)
		return fmt.Errorf("%w: %w", ErrUnknownOutcome, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.fresh {
		d.segments = append(d.segments, g.seg)
	}
	g.seg.offsets, g.seg.end = g.offsets, g.end
	for _, p := range g.secrets {
		p.segment = uint32(len(d.segments) - 1)
		d.secrets.add(p)
	}
	d.last = g.mark
	return nil
}

// settle syncs a group, if those before it are acknowledged, and remembers it.
func (d *dirStore) settle(g *dirGroup) error {
	if err := d.refusal(); err != nil {
		return err
	}
	d.mu.RLock()
	turn := d.last.group + 1
	d.mu.RUnlock()
	if g.group != turn {
		return fmt.Errorf("ledger: group %d is waited for before group %d", g.group, turn)
	}
	if err := g.seg.f.Sync(); err != nil {
		return err
	}
	if g.fresh {
		if err := d.fs.SyncDir(d.folder(segmentsName)); err != nil {
			return err
		}
	}
	if err := d.room.failure(); err != nil {
		return err
	}
	if d.broken.Load() {
		return ErrPoisoned
	}
	if err := d.overtaken(); err != nil {
		return err
	}
	return d.head.write(headSlot{epoch: g.epoch, group: g.group, head: g.head})
}

// Close implements [Store]. A store that was not harmed leaves nothing behind
// its last entry.
func (d *dirStore) Close() error {
	d.writer.Lock()
	defer d.writer.Unlock()
	was := d.state.Swap(dirClosed)
	if was == dirClosed {
		return nil
	}
	d.room.join()
	d.files.Lock()
	defer d.files.Unlock()
	var errs []error
	if was == dirOpen && !d.readOnly && !d.broken.Load() && d.overtaken() == nil {
		errs = append(errs, d.tidy())
	}
	errs = append(errs, d.closeSegments())
	if d.head.f != nil {
		errs = append(errs, d.head.f.Close())
	}
	if d.fence.f != nil {
		errs = append(errs, d.fence.f.Close())
	}
	return errors.Join(errs...)
}

// tidy leaves the directory as the next opening likes it.
func (d *dirStore) tidy() error {
	if d.bytes()-d.indexed >= d.worth {
		_ = d.saveIndex() // costs the next opening a longer walk
	}
	var err error
	if s := d.tail.seg; s != nil && d.room.ready.Load() > d.tail.end {
		err = s.f.Truncate(d.tail.end)
	}
	return errors.Join(err, d.head.sync())
}

func (d *dirStore) closeSegments() (err error) {
	for _, s := range d.segments {
		err = errors.Join(err, s.f.Close())
	}
	if s := d.tail.seg; s != nil && (len(d.segments) == 0 || d.segments[len(d.segments)-1] != s) {
		err = errors.Join(err, s.f.Close()) // begun and never waited for
	}
	d.segments, d.tail.seg = nil, nil
	return err
}

// bytes is the length of the acknowledged groups.
func (d *dirStore) bytes() (n int64) {
	for _, s := range d.segments {
		n += s.end
	}
	return n
}

var _ interface {
	Pipeliner
	Cacher
} = (*dirStore)(nil)

// isNotExist is errors.Is for files that are not there.
func isNotExist(err error) bool { return errors.Is(err, os.ErrNotExist) }
