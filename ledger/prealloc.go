package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// A segment is zero-filled ahead of the writer, so that a sync finds blocks that
// are allocated and written and has no metadata to commit: worth a factor of
// four at 64 KiB and more. The zeros come in steps that double; a goroutine
// writes and syncs them while the writer goes on, and the writer waits for it,
// or helps itself, only when it has come up to the end of the zeros. It writes
// them around the cache: they cost no copy there, and are not among what the
// writer's next sync has to wait for.
const (
	firstStep = 256 << 10
	lastStep  = 16 << 20
	pageSize  = vfs.Align
)

// runway is the zeros ahead of the writer in the segment it writes.
type runway struct {
	fs     vfs.FS
	inline bool // no goroutine: zeros are written when they are needed

	path  string
	f     vfs.File // of the writer
	limit int64    // no zeros are written ahead beyond it
	step  int64
	ready atomic.Int64 // where the zeros end

	running sync.WaitGroup
	busy    atomic.Bool
	full    atomic.Bool           // the last step found no room
	failed  atomic.Pointer[error] // why the goroutine gave up otherwise
}

// enter makes a segment the one that is written; its file has been written up to
// ready.
func (r *runway) enter(path string, f vfs.File, ready, limit int64) {
	r.join()
	r.path, r.f, r.limit = path, f, limit
	r.ready.Store(ready)
	r.full.Store(false)
	r.step = max(r.step, firstStep)
}

// join waits for the goroutine.
func (r *runway) join() { r.running.Wait() }

// reserve returns once the file has room up to end: ErrFull if there is none.
func (r *runway) reserve(end int64) error {
	if end <= r.ready.Load() {
		return nil
	}
	r.join()
	if err := r.failure(); err != nil {
		return err
	}
	from := r.ready.Load()
	if end <= from {
		return nil
	}
	target := roundUp(end)
	if r.inline {
		target = max(target, min(from+r.next(), r.limit))
	}
	err := fillZeros(r.f, from, target)
	if vfs.Full(err) && target > end {
		target = end
		err = fillZeros(r.f, from, target)
	}
	if vfs.Full(err) {
		return errors.Join(ErrFull, err, r.f.Truncate(from))
	}
	if err != nil {
		return err
	}
	r.full.Store(false)
	r.ready.Store(target)
	return nil
}

// failure is why the goroutine gave up, but for want of room.
func (r *runway) failure() error {
	if err := r.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// next returns the step and doubles it.
func (r *runway) next() int64 {
	n := r.step
	r.step = min(2*n, lastStep)
	return n
}

// ahead writes more zeros in the background if the writer at an offset is less
// than a step from their end.
func (r *runway) ahead(at int64) {
	from := r.ready.Load()
	if r.inline || from-at >= r.step || from >= r.limit || r.full.Load() || !r.busy.CompareAndSwap(false, true) {
		return
	}
	target, path := min(from+r.next(), r.limit), r.path
	r.running.Go(func() {
		defer r.busy.Store(false)
		err := r.lay(path, from, target)
		switch {
		case err == nil:
			r.ready.Store(target)
		case vfs.Full(err):
			r.full.Store(true)
		default:
			r.failed.Store(&err)
		}
	})
}

// lay writes zeros and syncs them, around the cache where the file takes that.
func (r *runway) lay(path string, from, to int64) error {
	if direct := aligned(); direct != nil && from%pageSize == 0 && to%pageSize == 0 {
		if err := r.layWith(direct, path, os.O_RDWR|vfs.Direct, from, to); !vfs.Misaligned(err) {
			return err
		}
	}
	return r.layWith(zeros[:], path, os.O_RDWR, from, to)
}

// layWith uses a handle of its own: a sync that fails is then told to the
// writer's too.
func (r *runway) layWith(zeros []byte, path string, flag int, from, to int64) error {
	f, err := r.fs.Open(path, flag)
	if err != nil {
		return err
	}
	err = fillWith(zeros, f, from, to)
	if vfs.Full(err) {
		err = errors.Join(err, f.Truncate(from))
	} else if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// roundUp returns where the page ends that an offset lies in.
func roundUp(at int64) int64 { return (at + pageSize - 1) / pageSize * pageSize }

// aligned are zeros that a direct write takes, nil where there are none.
var aligned = sync.OnceValue(func() []byte { return vfs.AlignedZeros(256 << 10) })

// fillZeros writes zeros from one offset up to another.
func fillZeros(f vfs.File, from, to int64) error { return fillWith(zeros[:], f, from, to) }

func fillWith(zeros []byte, f vfs.File, from, to int64) error {
	for from < to {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), to-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}

// newSegment creates the file of a segment, with room for its header and need
// bytes. Nothing of it is durable yet.
func (d *dirStore) newSegment(need int64) (*segment, error) {
	s := &segment{name: segmentName(d.tail.head.Size), first: d.tail.head.Size, group: d.tail.group + 1, salt: randomU64()}
	path := filepath.Join(d.folder(segmentsName), s.name)
	f, err := d.fs.Open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil, ErrFenced // somebody else came so far
	case vfs.Full(err):
		return nil, errors.Join(ErrFull, err)
	case err != nil:
		return nil, err
	}
	s.f = f
	ready := roundUp(int64(segmentHead) + need)
	if err := fillZeros(f, 0, ready); err != nil {
		if undo := errors.Join(f.Close(), d.fs.Remove(path)); undo != nil || !vfs.Full(err) {
			return nil, errors.Join(err, undo)
		}
		return nil, errors.Join(ErrFull, err)
	}
	d.room.enter(path, f, ready, d.limit)
	return s, nil
}
