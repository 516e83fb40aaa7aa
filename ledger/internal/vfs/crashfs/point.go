package crashfs

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Point is the disk at the boundary between two operations: what is durable, and what may or may not be. It does not
// change and may be used by any number of goroutines.
type Point struct {
	// Op is the number of operations done, from 0 to [FS.Ops].
	Op int

	nodes []*inode // by id; nil for what no crash here can lead to. Contents are shared, disk is all that counts
	names []string
	units []unit
}

// unit is one thing that a crash decides for itself.
type unit struct {
	id       int
	sector   int       // of a file's sector
	versions []*sector // of a file's sector, else nil
	sizes    []int64   // of a file's size, else nil
	changes  int       // of a directory, else 0
}

// ways is the number of outcomes.
func (u unit) ways() int { return 1 + max(len(u.versions), len(u.sizes), u.changes) }

// Choice is the outcome of one crash: for each undecided thing of a point how many of its steps have happened, and which of these were torn.
type Choice struct {
	kept []int
	torn map[int]int // unit -> where; the kept version is not whole
}

// Points yields all boundaries from number from on, up to the present one, in order. The operations are done again
// on the way, so the walk costs as much as they did.
func (f *FS) Points(from int) iter.Seq[*Point] {
	f.mu.Lock()
	trace := slices.Clone(f.trace)
	f.mu.Unlock()
	return func(yield func(*Point) bool) {
		d := f.base()
		for op := 0; op <= len(trace); op++ {
			if op >= from && !yield(d.point(op)) {
				return
			}
			if op < len(trace) {
				d.apply(trace[op])
			}
		}
	}
}

func (d *disk) point(op int) *Point {
	p := &Point{Op: op, nodes: make([]*inode, len(d.inodes)), names: make([]string, len(d.inodes))}
	d.gather(p, 0, "")
	return p
}

// gather adds what may be reached from inode id after a crash.
func (d *disk) gather(p *Point, id int, name string) {
	if p.nodes[id] != nil {
		return
	}
	n := d.inodes[id]
	p.names[id] = name
	if !n.folder {
		p.nodes[id] = &inode{disk: n.disk.share()}
		p.addFile(id, n)
		return
	}
	p.nodes[id] = &inode{folder: true, durable: n.durable, queue: slices.Clone(n.queue)}
	if len(n.queue) > 0 {
		p.units = append(p.units, unit{id: id, changes: len(n.queue)})
	}
	for _, base := range slices.Sorted(maps.Keys(n.durable)) {
		d.gather(p, n.durable[base], strings.TrimPrefix(name+"/"+base, "/"))
	}
	for _, c := range n.queue {
		if c.to == "" && c.id >= 0 {
			d.gather(p, c.id, strings.TrimPrefix(name+"/"+c.name, "/"))
		}
	}
}

func (p *Point) addFile(id int, n *inode) {
	if len(n.sizes) > 0 {
		p.units = append(p.units, unit{id: id, sizes: slices.Clone(n.sizes)})
	}
	for _, i := range slices.Sorted(maps.Keys(n.dirty)) {
		p.units = append(p.units, unit{id: id, sector: i, versions: slices.Clone(n.dirty[i].versions)})
	}
}

// Combinations is the number of untorn outcomes, at most math.MaxInt.
func (p *Point) Combinations() int {
	n := 1
	for _, u := range p.units {
		if n > math.MaxInt/u.ways() {
			return math.MaxInt
		}
		n *= u.ways()
	}
	return n
}

// Choices yields at most about limit outcomes. Where all untorn ones are no more than that, they all come, and then torn ones,
// each sector alone: with everything else kept, and with everything else lost. Else come nothing lost, all lost, one lost, one
// kept, one torn, and then random ones, torn and whole.
func (p *Point) Choices(limit int, random *rand.Rand) iter.Seq[Choice] {
	if p.Combinations() <= limit {
		return p.all(limit, random)
	}
	return p.sampled(limit, random)
}

func (p *Point) all(limit int, random *rand.Rand) iter.Seq[Choice] {
	return func(yield func(Choice) bool) {
		done := 0
		kept := make([]int, len(p.units))
		for more := true; more; done++ {
			if !yield(Choice{kept: slices.Clone(kept)}) {
				return
			}
			more = false
			for i, u := range p.units {
				if kept[i]++; kept[i] < u.ways() {
					more = true
					break
				}
				kept[i] = 0
			}
		}
		for _, rest := range []bool{false, true} {
			for i := range p.units {
				if done >= limit || !p.units[i].canTear() {
					continue
				}
				done++
				if !yield(p.tear(p.extreme(rest), i, random)) {
					return
				}
			}
		}
	}
}

func (p *Point) sampled(limit int, random *rand.Rand) iter.Seq[Choice] {
	return func(yield func(Choice) bool) {
		done := 0
		give := func(c Choice) bool {
			done++
			return yield(c) && done < limit
		}
		if !give(p.extreme(true)) || !give(p.extreme(false)) {
			return
		}
		for _, i := range random.Perm(len(p.units)) {
			lost, kept := p.extreme(true), p.extreme(false)
			lost.kept[i], kept.kept[i] = 0, p.units[i].ways()-1
			if !give(lost) || !give(kept) {
				return
			}
			if p.units[i].canTear() && (!give(p.tear(p.extreme(true), i, random)) || !give(p.tear(p.extreme(false), i, random))) {
				return
			}
		}
		for give(p.random(random)) {
		}
	}
}

// Keep is the outcome that loses nothing.
func (p *Point) Keep() Choice { return p.extreme(true) }

// extreme keeps all or nothing.
func (p *Point) extreme(all bool) Choice {
	c := Choice{kept: make([]int, len(p.units))}
	for i, u := range p.units {
		if all {
			c.kept[i] = u.ways() - 1
		}
	}
	return c
}

func (p *Point) random(random *rand.Rand) Choice {
	c := Choice{kept: make([]int, len(p.units))}
	bias := random.Float64()
	for i, u := range p.units {
		switch {
		case random.Float64() < bias:
			c.kept[i] = u.ways() - 1
		default:
			c.kept[i] = random.IntN(u.ways())
		}
	}
	if random.IntN(2) == 0 {
		for range 1 + random.IntN(2) {
			if i := random.IntN(len(p.units)); p.units[i].canTear() {
				c = p.tear(c, i, random)
			}
		}
	}
	return c
}

func (u unit) canTear() bool { return u.changes == 0 }

// tear lets the newest version of unit i be written in part.
func (p *Point) tear(c Choice, i int, random *rand.Rand) Choice {
	u := p.units[i]
	c.kept[i] = u.ways() - 1
	if c.torn == nil {
		c.torn = map[int]int{}
	}
	if u.versions != nil {
		c.torn[i] = 1 + random.IntN(SectorSize-1)
		return c
	}
	c.torn[i] = random.IntN(1 << 20)
	return c
}

// Image makes the disk that a crash with this outcome leaves. It is a file system of its own, with an empty record.
func (p *Point) Image(c Choice) *FS {
	return newFS(func() disk { return p.disk(c) })
}

func (p *Point) disk(c Choice) disk {
	d := disk{inodes: make([]*inode, len(p.nodes))}
	for id, n := range p.nodes {
		if n == nil {
			d.inodes[id] = &inode{} // has no name
			continue
		}
		d.inodes[id] = &inode{folder: n.folder, disk: n.disk, durable: n.durable}
	}
	for i, u := range p.units {
		n := d.inodes[u.id]
		kept := c.kept[i]
		if kept == 0 {
			continue
		}
		cut, torn := c.torn[i]
		switch {
		case u.changes > 0:
			n.durable = p.nodes[u.id].after(kept)
		case u.sizes != nil:
			n.disk.size = between(n.disk.size, u.sizes[kept-1], cut, torn)
		case torn:
			n.disk.set(u.sector, cutSector(u.versions[kept-1], n.disk.at(u.sector), cut))
		default:
			n.disk.set(u.sector, u.versions[kept-1])
		}
	}
	for _, n := range d.inodes {
		if size := n.disk.size; !n.folder { // what was kept of behind the end is gone
			n.disk.size = math.MaxInt64
			n.disk.resize(size)
		}
		n.now, n.entries = n.disk.share(), n.durable
	}
	return d
}

// between is the size of a file that was growing or shrinking.
func between(from, to int64, cut int, torn bool) int64 {
	a, b := min(from, to)/SectorSize+1, max(from, to)/SectorSize
	if !torn || a > b {
		return to
	}
	return (a + int64(cut)%(b-a+1)) * SectorSize
}

// after is what a directory holds once so many changes have happened.
func (n *inode) after(changes int) map[string]int {
	entries := maps.Clone(n.durable)
	if entries == nil {
		entries = map[string]int{}
	}
	for _, c := range n.queue[:changes] {
		c.apply(entries)
	}
	return entries
}

// Describe tells an outcome, for a failing test.
func (p *Point) Describe(c Choice) string {
	var b strings.Builder
	fmt.Fprintf(&b, "crash after operation %d:", p.Op)
	for i, u := range p.units {
		what := fmt.Sprintf("sector %d", u.sector)
		switch {
		case u.changes > 0:
			what = "changes"
		case u.sizes != nil:
			what = fmt.Sprintf("size %v", u.sizes)
		}
		fmt.Fprintf(&b, "\n\t%s: %s: %d of %d kept", p.names[u.id], what, c.kept[i], u.ways()-1)
		if cut, torn := c.torn[i]; torn {
			fmt.Fprintf(&b, ", torn at %d", cut)
		}
	}
	return b.String()
}

// History tells operations from up to, not including, to, for a failing test.
func (f *FS) History(from, to int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for i := max(0, from); i < min(to, len(f.trace)); i++ {
		r := f.trace[i]
		fmt.Fprintf(&b, "%d %v inode %d", i, r.kind, r.id)
		switch r.kind {
		case Create, Rename, Remove:
			fmt.Fprintf(&b, " %s %s -> inode %d", r.change.name, r.change.to, r.change.id)
		case Write:
			fmt.Fprintf(&b, " sectors %d to %d, size %d", r.first, r.first+len(r.sectors)-1, r.size)
		case Truncate:
			fmt.Fprintf(&b, " to %d", r.size)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
