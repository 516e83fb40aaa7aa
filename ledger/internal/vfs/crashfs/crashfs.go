// Package crashfs is a file system in memory that can lose power.
//
// [FS] implements [vfs.FS] and keeps a record of every operation that changes something. Of each file it knows which
// 512-byte sectors were written and not synced, and every version they had; of each directory, which entries were
// made, renamed or removed and not synced. So for every boundary between two operations, [FS.Points] tells what a
// crash there can leave, and [Point.Image] makes the disk that one such crash leaves:
//
//   - each unsynced sector is as it was last synced, or has any version written since, or is torn: a prefix of a
//     version followed by what was there before;
//   - a file's size is the synced one, or any it had since, or lies between on the border of a sector; sectors that
//     were not kept are zeros;
//   - the changes of a directory happened in order up to some point, independently of the files' data and of other
//     directories.
//
// That is weaker than what common file systems give, and about what POSIX promises: a file's sync does not make its name durable,
// data of one file and of one sector are not ordered, and a rename may be lost or may come before the data of the file. Not
// modelled: sectors that turn into garbage, hard links, renames between directories, and times and modes.
//
// A [Rule] makes operations fail: a full disk, failing syncs, short writes, a read-only mount. [FS.Kill] ends the process and keeps
// the cache, [FS.Evict] drops from the cache what a failed sync left there.
//
// Sectors and tables are shared copy-on-write between a file system, its points and their images, so an image costs a few
// microseconds; each of them may be used by its own goroutine. An FS may be used by several goroutines; operations
// happen one at a time, in the order the record has.
package crashfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
)

// FS is a file system in memory. It begins with an empty root directory; paths may begin with a slash or not.
type FS struct {
	mu    sync.Mutex
	base  func() disk // what the record starts from
	d     disk
	trace []record
	rule  Rule
	held  map[int]int // locked files, and by which life
	life  int         // handles of an earlier one are dead
	loose bool        // locks do not hold
	lost  map[int]loss
	pause time.Duration
}

// loss is the last failed sync of a file, which every file that was open then is told of, once.
type loss struct {
	number int
	err    error
}

var _ vfs.FS = (*FS)(nil)

// New returns an empty file system.
func New() *FS { return newFS(newDisk) }

func newFS(base func() disk) *FS { return &FS{base: base, d: base()} }

// SetRule lets a rule decide on every operation from now on; nil removes it.
func (f *FS) SetRule(r Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rule = r
}

// SetSyncTime lets each sync of a file take so long. What is written meanwhile is not covered by it. Default: 0.
func (f *FS) SetSyncTime(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pause = d
}

// LoseLocks lets every lock be given from now on, as some network file systems do.
func (f *FS) LoseLocks() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loose = true
}

// Ops counts the operations done so far that changed something or made it durable. It names the point after them.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.trace)
}

// Kill ends the process that uses the file system: its files are closed, its locks gone, and what it wrote stays in
// the cache. Calls on the old files answer os.ErrClosed.
func (f *FS) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.life++
	f.held = nil
}

// Evict drops from the cache what a failed sync left there, so that reads see what is on the disk.
func (f *FS) Evict() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do(record{kind: evict})
}

// Contains says which of the needles occur in a file that has a name, as it is seen now.
func (f *FS) Contains(needles ...[]byte) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []int
	f.d.walk(0, "", func(_ string, n *inode) { found = n.now.find(needles, found) })
	return found
}

// Residue says which of the needles occur anywhere on the disk, also in files that were removed or replaced: their space is
// free, and what is in it remains.
func (f *FS) Residue(needles ...[]byte) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []int
	for _, n := range f.d.inodes {
		found = n.disk.find(needles, found)
	}
	return found
}

// Files returns the paths of all files, sorted.
func (f *FS) Files() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	f.d.walk(0, "", func(path string, _ *inode) { out = append(out, path) })
	slices.Sort(out)
	return out
}

// ReadFile returns the bytes of a file; no rule is asked.
func (f *FS) ReadFile(path string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, err := f.find("open", path)
	if err != nil {
		return nil, err
	}
	n := f.d.inodes[id]
	b := make([]byte, n.now.size)
	n.now.read(b, 0)
	return b, nil
}

// Fork returns the file system as it was after an operation, for another process: what was not synced then is still not, files are
// closed and locks gone. It goes its own way, with the record up to there. Rules do not come along.
func (f *FS) Fork(op int) *FS {
	f.mu.Lock()
	trace := slices.Clone(f.trace[:op])
	f.mu.Unlock()
	fork := newFS(f.base)
	for _, r := range trace {
		fork.do(r)
	}
	return fork
}

// Clone returns a copy that goes its own way: a disk with all that was written, synced or not, and no record.
func (f *FS) Clone() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	clone := func() disk {
		var d disk
		for _, n := range f.d.inodes {
			content := n.now.share()
			d.inodes = append(d.inodes, &inode{folder: n.folder, now: content, disk: content, entries: n.entries, durable: n.entries})
		}
		return d
	}
	base := clone()
	return newFS(base.copy)
}

// copy gives an equal disk for a file system to change; every content of d must be shared.
func (d disk) copy() disk {
	out := disk{inodes: make([]*inode, len(d.inodes))}
	for i, n := range d.inodes {
		out.inodes[i] = new(*n)
	}
	return out
}

func (d disk) walk(id int, path string, visit func(string, *inode)) {
	n := d.inodes[id]
	if !n.folder {
		visit(path, n)
		return
	}
	for name, child := range n.entries {
		d.walk(child, strings.TrimPrefix(path+"/"+name, "/"), visit)
	}
}

// do records an operation and lets it happen.
func (f *FS) do(r record) {
	f.trace = append(f.trace, r)
	f.d.apply(r)
}

func (f *FS) ask(op Op) error {
	if f.rule == nil {
		return nil
	}
	return f.rule(op)
}

// used is the sum of the sizes of all files that have a name.
func (f *FS) used() (sum int64) {
	f.d.walk(0, "", func(_ string, n *inode) { sum += n.now.size })
	return sum
}

func fail(op, path string, err error) error { return &fs.PathError{Op: op, Path: path, Err: err} }

// find returns the inode of a path.
func (f *FS) find(op, name string) (int, error) {
	id := 0
	for part := range strings.SplitSeq(path.Clean(filepath.ToSlash(name)), "/") {
		if part == "" || part == "." {
			continue
		}
		n := f.d.inodes[id]
		if !n.folder {
			return 0, fail(op, name, syscall.ENOTDIR)
		}
		child, ok := n.entries[part]
		if !ok {
			return 0, fail(op, name, syscall.ENOENT)
		}
		id = child
	}
	return id, nil
}

// place returns the directory of a path and the name in it.
func (f *FS) place(op, name string) (int, string, error) {
	folder, base := path.Split(path.Clean(filepath.ToSlash(name)))
	id, err := f.find(op, folder)
	if err != nil {
		return 0, "", fail(op, name, syscall.ENOENT)
	}
	if !f.d.inodes[id].folder {
		return 0, "", fail(op, name, syscall.ENOTDIR)
	}
	return id, base, nil
}

// MkdirAll implements [vfs.FS].
func (f *FS) MkdirAll(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, id := "", 0
	for part := range strings.SplitSeq(path.Clean(filepath.ToSlash(name)), "/") {
		if part == "" || part == "." {
			continue
		}
		at = path.Join(at, part)
		child, ok := f.d.inodes[id].entries[part]
		if !ok {
			if err := f.ask(Op{Kind: Create, Path: at}); err != nil {
				return fail("mkdir", name, err)
			}
			child = len(f.d.inodes)
			f.do(record{kind: Create, id: id, change: change{name: part, id: child}, folder: true})
		}
		if !f.d.inodes[child].folder {
			return fail("mkdir", name, syscall.ENOTDIR)
		}
		id = child
	}
	return nil
}

// Open implements [vfs.FS].
func (f *FS) Open(name string, flag int) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.open(name, flag)
	if err != nil {
		return nil, err
	}
	return h, nil
}

func (f *FS) open(name string, flag int) (*file, error) {
	id, err := f.find("open", name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		folder, base, err := f.place("open", name)
		if err != nil {
			return nil, err
		}
		if err := f.ask(Op{Kind: Create, Path: name, Flag: flag}); err != nil {
			return nil, fail("open", name, err)
		}
		id = len(f.d.inodes)
		f.do(record{kind: Create, id: folder, change: change{name: base, id: id}})
	case err != nil:
		return nil, err
	case flag&os.O_EXCL != 0:
		return nil, fail("open", name, syscall.EEXIST)
	case f.d.inodes[id].folder:
		return nil, fail("open", name, syscall.EISDIR)
	default:
		if err := f.ask(Op{Kind: Open, Path: name, Flag: flag}); err != nil {
			return nil, fail("open", name, err)
		}
	}
	h := &file{fs: f, id: id, path: name, life: f.life, writes: flag&(os.O_WRONLY|os.O_RDWR) != 0, told: f.lost[id].number}
	if flag&os.O_TRUNC != 0 && f.d.inodes[id].now.size > 0 {
		return h, h.truncate(0)
	}
	return h, nil
}

// ReadDir implements [vfs.FS].
func (f *FS) ReadDir(name string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if !f.d.inodes[id].folder {
		return nil, fail("readdir", name, syscall.ENOTDIR)
	}
	if err := f.ask(Op{Kind: Read, Path: name}); err != nil {
		return nil, fail("readdir", name, err)
	}
	names := make([]string, 0, len(f.d.inodes[id].entries))
	for n := range f.d.inodes[id].entries {
		names = append(names, n)
	}
	slices.Sort(names)
	return names, nil
}

// Rename implements [vfs.FS], within one directory.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	folder, base, err := f.place("rename", from)
	if err != nil {
		return err
	}
	other, name, err := f.place("rename", to)
	switch {
	case err != nil:
		return err
	case other != folder:
		return fail("rename", to, syscall.EXDEV)
	}
	if _, ok := f.d.inodes[folder].entries[base]; !ok {
		return fail("rename", from, syscall.ENOENT)
	}
	if err := f.ask(Op{Kind: Rename, Path: from}); err != nil {
		return fail("rename", from, err)
	}
	if base != name {
		f.do(record{kind: Rename, id: folder, change: change{name: base, to: name}})
	}
	return nil
}

// Remove implements [vfs.FS].
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, err := f.find("remove", name)
	if err != nil {
		return err
	}
	if len(f.d.inodes[id].entries) > 0 {
		return fail("remove", name, syscall.ENOTEMPTY)
	}
	folder, base, err := f.place("remove", name)
	if err != nil {
		return err
	}
	if err := f.ask(Op{Kind: Remove, Path: name}); err != nil {
		return fail("remove", name, err)
	}
	f.do(record{kind: Remove, id: folder, change: change{name: base, id: -1}})
	return nil
}

// SyncDir implements [vfs.FS]: names in the directory are durable, not what they lead to.
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, err := f.find("open", name)
	if err != nil {
		return err
	}
	if !f.d.inodes[id].folder {
		return fail("syncdir", name, syscall.ENOTDIR)
	}
	switch err := f.ask(Op{Kind: SyncDir, Path: name}); {
	case errors.Is(err, ErrLie):
		return nil
	case err != nil:
		return fail("syncdir", name, err)
	}
	f.do(record{kind: SyncDir, id: id})
	return nil
}

// Lock implements [vfs.FS]. A lock that is held is refused with [vfs.ErrLocked].
func (f *FS) Lock(name string) (vfs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.open(name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if _, held := f.held[h.id]; held && !f.loose {
		return nil, fail("lock", name, vfs.ErrLocked)
	}
	if f.held == nil {
		f.held = map[int]int{}
	}
	f.held[h.id] = f.life
	h.locks = true
	return h, nil
}

// Map implements [vfs.FS], with a copy.
func (f *FS) Map(name string) ([]byte, func() error, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return nil, nil, err
	}
	n := f.d.inodes[h.id]
	b := make([]byte, n.now.size)
	n.now.read(b, 0)
	return b, func() error { return nil }, nil
}

// file is an open file.
type file struct {
	fs     *FS
	id     int
	path   string
	life   int
	writes bool
	locks  bool
	told   int // the newest failed sync it knows of
	closed bool
}

// enter locks the file system if the file is still open.
func (h *file) enter(op string) (*inode, error) {
	h.fs.mu.Lock()
	if h.closed || h.life != h.fs.life {
		h.fs.mu.Unlock()
		return nil, fail(op, h.path, os.ErrClosed)
	}
	return h.fs.d.inodes[h.id], nil
}

func (h *file) ReadAt(b []byte, offset int64) (int, error) {
	n, err := h.enter("read")
	if err != nil {
		return 0, err
	}
	defer h.fs.mu.Unlock()
	if offset < 0 {
		return 0, fail("read", h.path, syscall.EINVAL)
	}
	if err := h.fs.ask(Op{Kind: Read, Path: h.path, Offset: offset, Bytes: len(b), Size: n.now.size}); err != nil {
		return 0, fail("read", h.path, err)
	}
	read := n.now.read(b, offset)
	if read < len(b) {
		return read, io.EOF
	}
	return read, nil
}

func (h *file) WriteAt(b []byte, offset int64) (int, error) {
	n, err := h.enter("write")
	if err != nil {
		return 0, err
	}
	defer h.fs.mu.Unlock()
	switch {
	case offset < 0:
		return 0, fail("write", h.path, syscall.EINVAL)
	case !h.writes:
		return 0, fail("write", h.path, syscall.EBADF)
	case len(b) == 0:
		return 0, nil
	}
	op := Op{Kind: Write, Path: h.path, Offset: offset, Bytes: len(b), Size: n.now.size, Grows: max(0, offset+int64(len(b))-n.now.size)}
	if h.fs.rule != nil && op.Grows > 0 {
		op.Used = h.fs.used()
	}
	if err = h.fs.ask(op); err != nil {
		short, ok := errors.AsType[*Short](err)
		if !ok || short.Bytes <= 0 {
			return 0, fail("write", h.path, err)
		}
		b, err = b[:min(len(b), short.Bytes)], fail("write", h.path, short.Err)
	}
	first, sectors := n.now.overlay(b, offset)
	h.fs.do(record{kind: Write, id: h.id, first: first, sectors: sectors, size: max(n.now.size, offset+int64(len(b)))})
	return len(b), err
}

func (h *file) Size() (int64, error) {
	n, err := h.enter("stat")
	if err != nil {
		return 0, err
	}
	defer h.fs.mu.Unlock()
	return n.now.size, nil
}

func (h *file) Truncate(size int64) error {
	if _, err := h.enter("truncate"); err != nil {
		return err
	}
	defer h.fs.mu.Unlock()
	if size < 0 {
		return fail("truncate", h.path, syscall.EINVAL)
	}
	return h.truncate(size)
}

func (h *file) truncate(size int64) error {
	n := h.fs.d.inodes[h.id]
	op := Op{Kind: Truncate, Path: h.path, Size: n.now.size, Grows: size - n.now.size}
	if h.fs.rule != nil && op.Grows > 0 {
		op.Used = h.fs.used()
	}
	switch err := h.fs.ask(op); {
	case err != nil:
		return fail("truncate", h.path, err)
	case !h.writes:
		return fail("truncate", h.path, syscall.EINVAL)
	}
	h.fs.do(record{kind: Truncate, id: h.id, size: size})
	return nil
}

// Sync makes durable what was written before it began. A sync that failed is told to every file that is open on the same
// bytes, by its next sync.
func (h *file) Sync() error {
	if _, err := h.enter("sync"); err != nil {
		return err
	}
	err := h.fs.ask(Op{Kind: Sync, Path: h.path})
	if errors.Is(err, ErrLie) {
		err = nil
	} else {
		h.fs.do(record{kind: Sync, id: h.id, failed: err != nil})
		err = h.tell(err)
	}
	pause := h.fs.pause
	h.fs.mu.Unlock()
	if pause > 0 {
		time.Sleep(pause)
	}
	if err != nil {
		return fail("sync", h.path, err)
	}
	return nil
}

// tell returns the error of a sync, or that of another one.
func (h *file) tell(err error) error {
	last := h.fs.lost[h.id]
	switch {
	case err != nil:
		if h.fs.lost == nil {
			h.fs.lost = map[int]loss{}
		}
		last = loss{number: last.number + 1, err: err}
		h.fs.lost[h.id] = last
	case h.told < last.number:
		err = last.err
	}
	h.told = last.number
	return err
}

func (h *file) Close() error {
	if _, err := h.enter("close"); err != nil {
		return err
	}
	defer h.fs.mu.Unlock()
	h.closed = true
	if h.locks {
		delete(h.fs.held, h.id)
	}
	return nil
}
