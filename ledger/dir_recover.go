package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Recovery walks over the segments behind the index of offsets, all at once, and
// keeps the groups that are whole and follow each other from the first on.
//
// What lies behind them may be one of two things. A crash may have torn the last
// groups, at most the two that were under way; nobody was told of them, and they
// are cut off. Or an acknowledged group was damaged; then the log is refused and
// left as it is. It was acknowledged if the head file remembers a later group,
// or if any trailer behind it, wherever it stands, was written when a later
// group had been synced.
//
// Whole groups that were perhaps not synced are kept: they are written again and
// synced. Writing again matters after a sync that failed: the bytes may be in
// the cache and nowhere else, and a sync alone would not look at them.

// Recover implements [Store].
func (d *dirStore) Recover(ctx context.Context) (Head, error) {
	d.writer.Lock()
	defer d.writer.Unlock()
	switch d.state.Load() {
	case dirOpen:
		return Head{}, &InvalidError{Entry: -1, Field: "Recover", Why: "called twice"}
	case dirClosed:
		return Head{}, ErrClosed
	}
	// Beside a writer, what is read is not of one moment; a second look helps.
	for attempts := 3; ; attempts-- {
		err := d.recover(ctx)
		if err == nil {
			d.state.Store(dirOpen)
			return d.last.head, nil
		}
		err = errors.Join(err, d.closeSegments(), d.closeHead())
		if !d.readOnly || attempts == 1 || !errors.Is(err, ErrCorrupt) {
			return Head{}, err
		}
	}
}

func (d *dirStore) closeHead() error {
	if d.head.f == nil {
		return nil
	}
	err := d.head.f.Close()
	d.head = headFile{}
	return err
}

func (d *dirStore) recover(ctx context.Context) error {
	names, err := d.listSegments()
	if err != nil {
		return err
	}
	remembered, err := d.openHead(len(names) > 0)
	if err != nil {
		return err
	}
	if len(names) == 0 && remembered.group > 0 {
		return corrupt("no segment is left")
	}
	if !d.readOnly {
		// A secret that is seen may have been renamed by a process that came no
		// further, and what follows will rely on it.
		err := errors.Join(d.wipeTemporary(), d.fs.SyncDir(d.folder(secretsName)), d.fence.raise(remembered.epoch))
		if err != nil {
			return err
		}
	}
	if err := d.listSecrets(); err != nil {
		return err
	}
	w := walk{d: d, remembered: remembered}
	if err := w.open(names); err != nil {
		return err
	}
	if err := w.scan(ctx); err != nil {
		return err
	}
	if err := w.keep(); err != nil {
		return err
	}
	if d.readOnly {
		err = w.confirm()
	} else {
		err = w.repair()
	}
	if err != nil {
		return err
	}
	return w.adopt()
}

// listSegments returns the first indexes of the segment files, in order.
func (d *dirStore) listSegments() ([]uint64, error) {
	files, err := d.fs.ReadDir(d.folder(segmentsName))
	if err != nil {
		return nil, err
	}
	var firsts []uint64
	for _, name := range files {
		first, ok := parseSegmentName(name)
		if !ok {
			return nil, &CorruptError{Index: -1, Segment: name, What: "not a segment of this log"}
		}
		firsts = append(firsts, first)
	}
	slices.Sort(firsts)
	return firsts, nil
}

// openHead opens the head file; a new one is made only beside an empty log.
func (d *dirStore) openHead(used bool) (headSlot, error) {
	nothing := headSlot{head: Head{Root: emptyRoot()}}
	flag := os.O_RDWR
	if d.readOnly {
		flag = os.O_RDONLY
	}
	f, err := d.fs.Open(d.folder(headName), flag)
	switch missing := isNotExist(err); {
	case missing && used:
		return nothing, corrupt("head file is missing")
	case missing && d.readOnly:
		return nothing, nil
	case missing:
		f, err = d.lockFile(headName)
	case err == nil && !d.readOnly:
		if err = f.Close(); err == nil {
			f, err = d.lockFile(headName)
		}
	}
	if err != nil {
		return nothing, err
	}
	d.head = headFile{f: f}
	slot, ok, err := d.head.read()
	switch {
	case err != nil:
		return nothing, err
	case ok && !used && !d.readOnly: // who made the file may not have come further
		return slot, d.syncNames()
	case ok:
		return slot, nil
	case used:
		return nothing, &CorruptError{Index: -1, Segment: headName, What: "no slot is whole"}
	case d.readOnly:
		return nothing, nil
	}
	if err := d.head.create(nothing); err != nil {
		return nothing, roomLess(err)
	}
	return nothing, d.syncNames()
}

// syncNames makes the folders themselves durable. Those above the log's own are
// tried only: they may belong to somebody else.
func (d *dirStore) syncNames() error {
	path := filepath.Clean(d.path)
	for depth := 0; ; depth++ {
		if err := d.fs.SyncDir(path); err != nil && depth < 2 {
			return err
		}
		up := filepath.Dir(path)
		if up == path {
			return nil
		}
		path = up
	}
}

// walk is one recovery.
type walk struct {
	d          *dirStore
	remembered headSlot
	segments   []*segment // group 0 where the header does not hold
	index      offsetIndex
	scans      []scan // of the segments
	kept       int    // segments with whole groups
	last       mark   // of the whole groups
	known      uint64 // the newest group known to have been acknowledged
	durable    uint64 // the newest whole group known to be durable
}

// open opens the segment files and reads their headers.
func (w *walk) open(firsts []uint64) error {
	flag := os.O_RDWR
	if w.d.readOnly {
		flag = os.O_RDONLY
	}
	for _, first := range firsts {
		s := &segment{name: segmentName(first), first: first}
		var err error
		if s.f, err = w.d.fs.Open(filepath.Join(w.d.folder(segmentsName), s.name), flag); err != nil {
			return err
		}
		w.segments = append(w.segments, s)
		w.d.segments = w.segments // so that they are closed whatever happens
		ok, err := s.readHead()
		if err != nil {
			return err
		}
		if !ok {
			s.group = 0
		}
	}
	return nil
}

// scan walks over what the index does not cover, on all processors.
func (w *walk) scan(ctx context.Context) error {
	if x, ok := w.d.loadIndex(w.segments, w.remembered); ok {
		w.index = x
	}
	w.scans = make([]scan, len(w.segments))
	covered := len(w.index.segments)
	errs := make([]error, len(w.segments))
	var next atomic.Int64
	next.Store(int64(max(covered-1, 0)))
	var wg sync.WaitGroup
	for range min(len(w.segments), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(w.segments) || ctx.Err() != nil {
					return
				}
				w.scans[i], errs[i] = w.scanOne(i)
			}
		})
	}
	wg.Wait()
	for i := range covered {
		x, out := &w.index.segments[i], &w.scans[i]
		if i < covered-1 {
			last := mark{group: w.index.segments[i+1].group - 1, head: Head{Size: w.index.segments[i+1].first}, end: x.end}
			*out = scan{marks: []mark{last}, clean: true}
		}
		out.offsets = append(x.offsets, out.offsets...)
	}
	return errors.Join(append(errs, ctx.Err())...)
}

func (w *walk) scanOne(i int) (scan, error) {
	s := w.segments[i]
	if s.group == 0 {
		return scan{marks: []mark{{}}}, nil
	}
	from := mark{group: s.group - 1, head: Head{Size: s.first}, end: int64(segmentHead)}
	if i == len(w.index.segments)-1 {
		from = w.index.last
	}
	out, err := s.scan(from, w.remembered)
	if err == nil && out.wrong {
		err = corrupt("batches do not lead to the remembered head")
	}
	return out, err
}

// keep finds the groups that follow each other from the first on, and refuses a
// log of which acknowledged ones do not.
func (w *walk) keep() error {
	w.last.head.Root = emptyRoot()
	w.known = w.remembered.group
	for i, s := range w.segments {
		out := &w.scans[i]
		at := out.last()
		w.known = max(w.known, out.later, at.known)
		follows := s.group == w.last.group+1 && s.first == w.last.head.Size && (at.epoch == 0 || at.epoch >= w.last.epoch)
		if w.kept == i && follows && at.group >= s.group && (i == 0 || w.scans[i-1].clean) {
			w.kept, w.last = i+1, *at
		}
	}
	if w.known > w.last.group {
		return w.damage()
	}
	w.durable = max(w.remembered.group, w.last.known)
	return nil
}

// damage names the first entry that should be there and is not whole.
func (w *walk) damage() error {
	e := &CorruptError{Index: int64(w.last.head.Size), What: "damaged batch that is not the torn end of the log"}
	if w.kept > 0 && !w.scans[w.kept-1].clean {
		out := &w.scans[w.kept-1]
		e.Segment, e.Offset = w.segments[w.kept-1].name, out.stopAt
		e.Index = int64(out.stop)
	} else if w.kept < len(w.segments) {
		s := w.segments[w.kept]
		e.Segment, e.What = s.name, "segment header"
		switch {
		case s.first != w.last.head.Size:
			e.What = "segment does not follow the one before"
		case s.group > 0:
			e.Offset, e.What = w.scans[w.kept].stopAt, "damaged batch that is not the torn end of the log"
			e.Index = int64(w.scans[w.kept].stop)
		}
	}
	if size := int64(w.remembered.head.Size); w.known == w.remembered.group && size > 0 {
		e.Index = min(e.Index, size-1) // a damaged trailer is its last entry's
	}
	if e.Segment == "" {
		e.What = fmt.Sprintf("%d entries are left of %d acknowledged ones", w.last.head.Size, w.remembered.head.Size)
	}
	return e
}

// repair cuts off what is torn and makes durable what is kept.
func (w *walk) repair() error {
	folder := w.d.folder(segmentsName)
	names := false
	for _, s := range w.segments[w.kept:] {
		if err := errors.Join(s.f.Close(), w.d.fs.Remove(filepath.Join(folder, s.name))); err != nil {
			return err
		}
		names = true
	}
	w.segments, w.scans = w.segments[:w.kept], w.scans[:w.kept]
	w.d.segments = w.segments
	if w.kept == 0 {
		return w.syncSegments(names)
	}
	s, out := w.segments[w.kept-1], &w.scans[w.kept-1]
	if !out.clean {
		if err := s.f.Truncate(out.last().end); err != nil {
			return err
		}
		if err := s.f.Sync(); err != nil {
			return err
		}
	}
	for i := w.kept - 1; i >= 0 && w.scans[i].last().group > w.durable; i-- {
		if err := w.rewrite(i); err != nil {
			return err
		}
		names = names || w.segments[i].group > w.durable
	}
	return w.syncSegments(names)
}

func (w *walk) syncSegments(needed bool) error {
	if !needed {
		return nil
	}
	return w.d.fs.SyncDir(w.d.folder(segmentsName))
}

// rewrite writes the groups of a segment that may not be durable again, over
// themselves, and syncs them.
func (w *walk) rewrite(i int) error {
	s, out := w.segments[i], &w.scans[i]
	from := int64(0)
	for _, m := range out.marks {
		if m.group >= s.group && m.group <= w.durable {
			from = m.end
		}
	}
	to := out.last().end
	buf := make([]byte, max(0, min(readAhead, to-from)))
	for from < to {
		b := buf[:min(int64(len(buf)), to-from)]
		if _, err := s.f.ReadAt(b, from); err != nil {
			return err
		}
		if _, err := s.f.WriteAt(b, from); err != nil {
			return err
		}
		from += int64(len(b))
	}
	return s.f.Sync()
}

// confirm makes whole groups durable with a sync alone, which changes nothing.
// Where that cannot be, it leaves them out.
func (w *walk) confirm() error {
	var gone []*segment
	w.segments, gone = w.segments[:w.kept], w.segments[w.kept:]
	w.d.segments = w.segments
	var err error
	for _, s := range gone {
		err = errors.Join(err, s.f.Close())
	}
	synced := true
	for i := w.kept - 1; i >= 0 && w.scans[i].last().group > w.durable; i-- {
		synced = synced && w.segments[i].f.Sync() == nil && w.syncSegments(w.segments[i].group > w.durable) == nil
	}
	for !synced && w.kept > 0 && w.last.group > w.durable {
		err = errors.Join(err, w.cut(w.kept-1))
	}
	return err
}

// cut leaves out the groups of the last segment that are not known to be durable.
func (w *walk) cut(i int) error {
	s, out := w.segments[i], &w.scans[i]
	for len(out.marks) > 1 && out.last().group > w.durable {
		out.marks = out.marks[:len(out.marks)-1]
	}
	at := out.last()
	if at.group < s.group {
		w.kept, w.segments = i, w.segments[:i]
		w.d.segments = w.segments
		if w.last = (mark{head: Head{Root: emptyRoot()}}); i > 0 {
			w.last = *w.scans[i-1].last()
		}
		return s.f.Close()
	}
	w.last = *at
	out.offsets = out.offsets[:at.head.Size-s.first]
	out.secrets = slices.DeleteFunc(out.secrets, func(p secretPlace) bool { return int64(p.offset) >= at.end })
	return nil
}

// adopt fills the tables of the store and begins to remember under its epoch.
func (w *walk) adopt() error {
	d := w.d
	for _, p := range w.index.secrets {
		d.secrets.add(p)
	}
	for i, s := range w.segments {
		s.offsets, s.end = w.scans[i].offsets, w.scans[i].last().end
		for _, p := range w.scans[i].secrets {
			p.segment = uint32(i)
			d.secrets.add(p)
		}
	}
	d.segments, d.last, d.indexed = w.segments, w.last, 0
	for _, s := range w.index.segments {
		d.indexed += s.end
	}
	if d.readOnly {
		return nil
	}
	if d.fence.epoch <= w.last.epoch { // the lock file was lost
		if err := d.fence.raise(w.last.epoch); err != nil {
			return err
		}
	}
	d.tail = tail{group: w.last.group, head: w.last.head}
	if w.kept > 0 {
		s := w.segments[w.kept-1]
		ready, err := s.f.Size()
		if err != nil {
			return err
		}
		d.tail.seg, d.tail.offsets, d.tail.end = s, s.offsets, s.end
		d.room.enter(filepath.Join(d.folder(segmentsName), s.name), s.f, ready, d.limit)
	}
	return d.head.adopt(headSlot{epoch: d.fence.epoch, group: w.last.group, head: w.last.head})
}
