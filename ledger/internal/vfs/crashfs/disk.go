package crashfs

import (
	"bytes"
	"maps"
	"slices"
)

// SectorSize is the unit in which data reaches the disk or does not, in bytes.
const SectorSize = 512

// sector is never changed once it is part of a content; nil stands for zeros.
type sector = [SectorSize]byte

var zeros sector

func zero(b []byte) bool { return string(b) == string(zeros[:len(b)]) }

func sameSector(a, b *sector) bool {
	switch {
	case a == b:
		return true
	case a == nil:
		return *b == zeros
	case b == nil:
		return *a == zeros
	}
	return *a == *b
}

// content is the bytes of a file. Copies share sectors and, while shared is set, the table too.
type content struct {
	sectors []*sector // may be shorter or longer than the size asks for
	size    int64
	shared  bool
}

func (c *content) share() content {
	c.shared = true
	return *c
}

func (c *content) at(i int) *sector {
	if i < len(c.sectors) {
		return c.sectors[i]
	}
	return nil
}

func (c *content) set(i int, s *sector) {
	if c.at(i) == s {
		return
	}
	if c.shared {
		c.sectors, c.shared = slices.Clone(c.sectors), false
	}
	for len(c.sectors) <= i {
		c.sectors = append(c.sectors, make([]*sector, i+1-len(c.sectors))...)
	}
	c.sectors[i] = s
}

// resize sets the size and zeroes what lies behind it.
func (c *content) resize(size int64) {
	if size < c.size {
		if part := int(size % SectorSize); part > 0 {
			if old := c.at(int(size / SectorSize)); old != nil && !zero(old[part:]) {
				c.set(int(size/SectorSize), cutSector(old, nil, part))
			}
		}
		for i := sectorsOf(size); i < len(c.sectors); i++ {
			if c.sectors[i] != nil {
				c.set(i, nil)
			}
		}
	}
	c.size = size
}

func sectorsOf(size int64) int { return int((size + SectorSize - 1) / SectorSize) }

// cutSector is the first bytes of one sector followed by the rest of another.
func cutSector(head, tail *sector, cut int) *sector {
	s := new(sector)
	if head != nil {
		copy(s[:cut], head[:cut])
	}
	if tail != nil {
		copy(s[cut:], tail[cut:])
	}
	return s
}

// read copies from offset and returns how much there was.
func (c *content) read(b []byte, offset int64) int {
	if offset >= c.size {
		return 0
	}
	b = b[:min(int64(len(b)), c.size-offset)]
	for done := 0; done < len(b); {
		i, part := int((offset+int64(done))/SectorSize), int((offset+int64(done))%SectorSize)
		n := min(len(b)-done, SectorSize-part)
		if s := c.at(i); s != nil {
			copy(b[done:done+n], s[part:])
		} else {
			clear(b[done : done+n])
		}
		done += n
	}
	return len(b)
}

// find adds to found which of the needles occur.
func (c *content) find(needles [][]byte, found []int) []int {
	var scratch []byte
	for from := 0; from < len(c.sectors); from++ {
		scratch = scratch[:0]
		for ; from < len(c.sectors) && c.sectors[from] != nil; from++ {
			scratch = append(scratch, c.sectors[from][:]...)
		}
		for i, needle := range needles {
			if !slices.Contains(found, i) && bytes.Contains(scratch, needle) {
				found = append(found, i)
			}
		}
	}
	return found
}

// overlay returns the sectors that a write makes, whole as the kernel's cache holds them.
func (c *content) overlay(b []byte, offset int64) (first int, sectors []*sector) {
	first = int(offset / SectorSize)
	sectors = make([]*sector, 0, sectorsOf(offset+int64(len(b)))-first)
	for part := int(offset % SectorSize); len(b) > 0; part = 0 {
		n := min(len(b), SectorSize-part)
		old := c.at(first + len(sectors))
		var s *sector
		switch {
		case zero(b[:n]) && (old == nil || n == SectorSize):
		case old != nil && n < SectorSize:
			s = new(*old)
			copy(s[part:], b[:n])
		default:
			s = new(sector)
			copy(s[part:], b[:n])
		}
		sectors, b = append(sectors, s), b[n:]
	}
	return first, sectors
}

// unsynced is one sector that was written since it last was made durable.
type unsynced struct {
	versions []*sector // in the order of the writes, each different from the one before
	lost     bool      // a sync failed since: the cache takes it for clean
}

// change is one step of a directory that is not durable yet.
type change struct {
	name, to string // to is the new name of a renamed file
	id       int    // what name is from now on; -1 where it is gone
}

func (c change) apply(entries map[string]int) {
	switch {
	case c.to != "":
		entries[c.to] = entries[c.name]
		delete(entries, c.name)
	case c.id < 0:
		delete(entries, c.name)
	default:
		entries[c.name] = c.id
	}
}

// inode is a file or a directory: what is seen now, what is certainly on the disk, and what lies between.
type inode struct {
	folder bool

	now, disk content
	dirty     map[int]*unsynced
	sizes     []int64 // since the last sync
	sizeLost  bool

	entries, durable map[string]int // never changed in place
	queue            []change
}

// disk is a whole file system; inode 0 is its root.
type disk struct{ inodes []*inode }

func newDisk() disk { return disk{inodes: []*inode{{folder: true}}} }

// record is one operation that changed something, as it is replayed.
type record struct {
	kind    Kind
	failed  bool // a sync that dropped what it should have written
	id      int  // the file, or the directory of a change
	first   int
	sectors []*sector
	size    int64
	change  change
	folder  bool // what a create makes
}

func (d *disk) apply(r record) {
	switch r.kind {
	case Create:
		d.inodes = append(d.inodes, &inode{folder: r.folder})
		d.inodes[r.id].turn(r.change)
	case Rename, Remove:
		d.inodes[r.id].turn(r.change)
	case Write:
		d.inodes[r.id].write(r.first, r.sectors, r.size)
	case Truncate:
		d.inodes[r.id].truncate(r.size)
	case Sync:
		d.inodes[r.id].sync(r.failed)
	case SyncDir:
		n := d.inodes[r.id]
		n.durable, n.queue = n.entries, nil
	case evict:
		for _, n := range d.inodes {
			n.evict()
		}
	}
}

func (n *inode) turn(c change) {
	entries := maps.Clone(n.entries)
	if entries == nil {
		entries = map[string]int{}
	}
	c.apply(entries)
	n.entries, n.queue = entries, append(n.queue, c)
}

func (n *inode) write(first int, sectors []*sector, size int64) {
	for i, s := range sectors {
		n.put(first+i, s)
	}
	n.grow(size)
}

// put lets sector i be s, in the cache.
func (n *inode) put(i int, s *sector) {
	u := n.dirty[i]
	if u == nil {
		if sameSector(s, n.disk.at(i)) {
			n.now.set(i, s)
			return
		}
		if n.dirty == nil {
			n.dirty = map[int]*unsynced{}
		}
		n.dirty[i] = &unsynced{versions: []*sector{s}}
		n.now.set(i, s)
		return
	}
	u.lost = false
	if !sameSector(s, u.versions[len(u.versions)-1]) {
		u.versions = append(u.versions, s)
	}
	n.now.set(i, s)
}

func (n *inode) grow(size int64) {
	if size != n.now.size {
		n.now.size = size
		n.sizes, n.sizeLost = append(n.sizes, size), false
	}
}

func (n *inode) truncate(size int64) {
	if size < n.now.size {
		if part := int(size % SectorSize); part > 0 {
			if old := n.now.at(int(size / SectorSize)); old != nil {
				n.put(int(size/SectorSize), cutSector(old, nil, part))
			}
		}
		for i := sectorsOf(size); i < len(n.now.sectors); i++ {
			if n.now.sectors[i] != nil {
				n.put(i, nil)
			}
		}
	}
	n.grow(size)
}

func (n *inode) sync(failed bool) {
	end := int64(0) // of what is made durable
	for i, u := range n.dirty {
		if failed {
			u.lost = true
		}
		if !u.lost {
			n.disk.set(i, u.versions[len(u.versions)-1])
			delete(n.dirty, i)
			end = max(end, int64(i+1)*SectorSize)
		}
	}
	switch {
	case len(n.sizes) == 0:
	case failed:
		n.sizeLost = true
	case !n.sizeLost:
		n.disk.size, n.sizes = n.now.size, nil
	default: // what was written again can be read again
		if n.disk.size = max(n.disk.size, min(end, n.now.size)); n.disk.size == n.now.size {
			n.sizes = nil
		}
	}
}

// evict forgets what a failed sync left in the cache alone.
func (n *inode) evict() {
	for i, u := range n.dirty {
		if u.lost {
			n.now.set(i, n.disk.at(i))
			delete(n.dirty, i)
		}
	}
}
