package hnsw

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/deeperpoint/csss/internal/simd"
)

// Load reads a file that [Index.Save] wrote, and verifies all of it: each
// checksum, and what [Index.Check] verifies. It costs the reading of the file,
// a few distances' time per row and as much memory as the file is long.
//
// Errors: those of the file system; [*SnapshotError], or another that wraps
// [ErrCorrupt], for a file that is not as it was written; [ErrVersion] for one
// of another version or byte order; [ErrForeign] if its keys are of another
// kind than K.
func Load[K Key](path string) (*Index[K], error) {
	image, err := readImage(path)
	if err != nil {
		return nil, err
	}
	return parse[K](image, true)
}

// readImage reads a file to where tables can lie.
func readImage(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("hnsw: load: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("hnsw: load: %w", err)
	}
	if info.Size() < headerBytes || info.Size() > math.MaxInt-simd.Align {
		return nil, &SnapshotError{"header", 0, "the file is too short or too long for a snapshot"}
	}
	b := make([]byte, int(info.Size())+simd.Align)
	b = b[-uintptr(unsafe.Pointer(unsafe.SliceData(b)))&(simd.Align-1):][:info.Size()]
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("hnsw: load: %w", err)
	}
	return b, nil
}

// parse makes an index whose tables lie in the image of a snapshot. It verifies
// what memory safety and plain searches depend on, and everything if asked to.
func parse[K Key](image []byte, verify bool) (*Index[K], error) {
	h, err := readHeader(image)
	if err != nil {
		return nil, err
	}
	if h.keys != keyKind[K]() {
		return nil, fmt.Errorf("hnsw: %w", ErrForeign)
	}
	keys, err := newKeys[K](h.options.RowNumbers)
	if err != nil {
		return nil, err
	}
	p := parser{header: h, image: image, g: h.blank()}
	if err := p.parse(verify); err != nil {
		return nil, err
	}
	if err := decodeKeys(&keys, &p); err != nil {
		return nil, err
	}
	x := newIndex(p.g, keys)
	x.publish(nil)
	if verify {
		return x, x.Check()
	}
	return x, nil
}

// readHeader returns the header of an image, with sections that lie in it.
func readHeader(image []byte) (h header, err error) {
	if len(image) < headerBytes || string(image[:len(magic)]) != magic {
		return h, &SnapshotError{"header", 0, "not a snapshot of an index"}
	}
	if checksum(image[:headerBytes-4]) != binary.LittleEndian.Uint32(image[headerBytes-4:]) {
		return h, &SnapshotError{"header", 0, "checksum"}
	}
	f := fields{b: image[len(magic):headerBytes]}
	var version uint32
	if field32(&f, &version); version != snapshotVersion || !littleEndian() {
		return h, fmt.Errorf("hnsw: %w: version %d", ErrVersion, version)
	}
	h.each(&f)
	return h, h.check(len(image))
}

// check verifies that the numbers are in range and the sections where they belong.
func (h *header) check(length int) error {
	if h.compact && (!h.good || h.options.Mode != Compact) || h.good && h.options.Mode == Float32 {
		return &SnapshotError{"header", 0, "codes of another mode"}
	}
	for _, n := range []struct {
		what      string
		v, lo, hi int
	}{
		{"dim", h.dim, 1, MaxDim},
		{"M", h.options.M, 2, 64}, {"EfConstruction", h.options.EfConstruction, h.options.M, 4096},
		{"Metric", int(h.options.Metric), 0, int(L2)}, {"Mode", int(h.options.Mode), 0, int(Compact)},
		{"ExactBelow", h.options.ExactBelow, 0, maxRows},
		{"slots", h.slots, 0, maxRows}, {"live", h.live, 0, h.slots}, {"ready", h.ready, 0, h.live},
		{"uppers", h.uppers, 0, maxRows}, {"cursor", h.cursor, 0, max(h.slots-1, 0)}, {"top", h.top, 0, maxLevel},
		{"next training", h.training.next, 0, math.MaxInt}, {"odd rows", h.training.odd, 0, math.MaxInt}, {"rows astray", h.astray, 0, math.MaxInt},
	} {
		if n.v < n.lo || n.v > n.hi {
			return &SnapshotError{"header", 0, n.what + " out of range"}
		}
	}
	for i, size := range h.size {
		if size < 0 || size > length {
			return &SnapshotError{sectionNames[i], 0, "longer than the file"}
		}
	}
	if coded := h.options.Mode != Float32; coded && (h.width < 1 || h.width > h.dim) || !coded && h.width != 0 || h.along() && h.options.Mode != Int8 {
		return &SnapshotError{"header", 0, "codes of another width"}
	}
	laid := *h
	if laid.place(); laid != *h || h.end != length {
		return &SnapshotError{"header", 0, "sections are not where they belong"}
	}
	return nil
}

// A parser reads one image.
type parser struct {
	header
	image []byte
	g     *graph
}

func (p *parser) section(i int) []byte { return p.image[p.at[i]:][:p.size[i]] }

func (p *parser) wrong(section int, why string) error {
	return &SnapshotError{sectionNames[section], p.at[section], why}
}

func (p *parser) parse(verify bool) error {
	if checksum(p.image[p.sums:]) != p.sumsCRC {
		return &SnapshotError{"sums", p.sums, "checksum"}
	}
	if err := p.sum(func(i int) bool { return verify || !big(i) }); err != nil {
		return err
	}
	g := p.g
	g.slots, g.live, g.ready, g.uppers, g.cursor = p.slots, p.live, p.ready, p.uppers, p.cursor
	g.entry, g.root, g.top, g.training, g.compact = p.entry, p.root, p.top, p.training, p.compact
	for _, read := range []func() error{p.nodes, p.spine, p.free, p.mean, p.tables, p.upper} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// sum verifies the checksums of some sections.
func (p *parser) sum(which func(section int) bool) error {
	sums := p.image[p.sums:]
	for i := range sections {
		for at := p.at[i]; at < p.until(i); at += blockBytes {
			if which(i) && checksum(p.image[at:min(at+blockBytes, p.until(i))]) != binary.LittleEndian.Uint32(sums) {
				return &SnapshotError{sectionNames[i], at, "checksum"}
			}
			sums = sums[4:]
		}
	}
	return nil
}

// nodes reads what the writer knows of each slot, and makes the lives of rows.
func (p *parser) nodes() error {
	b, g := p.section(nodeSection), p.g
	if len(b) != nodeBytes*p.slots {
		return p.wrong(nodeSection, "not as many as slots")
	}
	g.nodes.reserve(p.slots)
	g.lives.reserve(p.slots)
	g.above.reserve(p.slots)
	var live, ready atomic.Int64
	err := inParts(p.slots, func(first, last uint32) error {
		l, r, err := p.nodesOf(b[nodeBytes*int(first):], first, last)
		live.Add(l)
		ready.Add(r)
		return err
	})
	if err != nil {
		return err
	}
	if int(live.Load()) != p.live || int(ready.Load()) != p.ready {
		return p.wrong(nodeSection, "not as many rows as counted")
	}
	return nil
}

// nodesOf reads the nodes of some slots, and counts rows.
func (p *parser) nodesOf(b []byte, first, last uint32) (live, ready int64, err error) {
	g := p.g
	for s := first; s < last; s++ {
		n := g.nodes.at(s)
		*n = node{parent: word(b, 0), state: state(b[8]), level: b[9], kids: b[10]}
		*g.above.at(s) = word(b, 1)
		b = b[nodeBytes:]
		switch {
		case n.state > linked, n.level > maxLevel, n.state == free && n.level != 0,
			n.state != linked && (n.parent != none || n.kids != 0),
			n.parent != none && int(n.parent) >= p.slots:
			return live, ready, p.wrong(nodeSection, "a slot that cannot be")
		}
		if n.state != free {
			live++
			g.lives.at(s).birth.Store(1)
		}
		if n.state == linked {
			ready++
		}
	}
	return live, ready, nil
}

// inParts has do look at slots 0 to n-1, a part on each processor, and returns
// the error of the first part that has one.
func inParts(n int, do func(first, last uint32) error) error {
	parts := min(runtime.GOMAXPROCS(0), n>>columnShift+1)
	errs := make([]error, parts)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { errs[i] = do(partOf(n, i, parts), partOf(n, i+1, parts)) })
	}
	wg.Wait()
	return cmp.Or(errs...)
}

// partOf is where part i of so many begins.
func partOf(n, i, parts int) uint32 { return uint32(int64(n) * int64(i) / int64(parts)) }

func word(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }

// spine verifies the ends of the walks and that children are counted right.
func (p *parser) spine() error {
	if err := p.g.checkEntry(); err != nil {
		return p.wrong(nodeSection, err.Error())
	}
	kids := make([]uint32, p.slots)
	for s := range uint32(p.slots) {
		if n := p.g.nodes.at(s); n.parent != none {
			kids[n.parent]++
		} else if n.state == linked && s != p.root {
			return p.wrong(nodeSection, "a row without a parent")
		}
	}
	for s, n := range kids {
		if n != uint32(p.g.nodes.at(uint32(s)).kids) {
			return p.wrong(nodeSection, "children counted wrong")
		}
	}
	return nil
}

// free reads the slots and places without a row.
func (p *parser) free() error {
	b := p.section(unusedSection)
	want := 4 * (p.slots - p.live)
	if p.options.RowNumbers {
		want = 0
	}
	if len(b) != want {
		return p.wrong(unusedSection, "not as many as there are")
	}
	p.g.unused = words(b)
	if err := p.g.checkUnused(); err != nil {
		return p.wrong(unusedSection, err.Error())
	}
	b = p.section(spareSection)
	for level := range p.g.spare {
		if len(b) < 4 || uint64(word(b, 0)) > uint64(len(b)-4)/4 {
			return p.wrong(spareSection, "too short")
		}
		n := 4 * int(word(b, 0))
		p.g.spare[level], b = words(b[4:4+n]), b[4+n:]
	}
	if len(b) != 0 || len(p.g.spare[0]) != 0 {
		return p.wrong(spareSection, "too long")
	}
	return nil
}

func words(b []byte) []uint32 {
	if len(b) == 0 {
		return nil
	}
	w := make([]uint32, len(b)/4)
	for i := range w {
		w[i] = word(b, i)
	}
	return w
}

// mean reads what the codes are taken from.
func (p *parser) mean() error {
	c, b := &p.g.codes, p.section(meanSection)
	if len(b) != 4*len(c.mean) {
		return p.wrong(meanSection, "not of the dimension")
	}
	readFloats(c.mean, b)
	if c.mean != nil {
		c.meanNorm, c.scale, c.length, c.rest, c.astray, c.good = p.meanNorm, p.scale, p.length, p.rest, p.astray, p.good
		c.reserve(p.slots)
	}
	if err := p.axes(c); err != nil {
		return err
	}
	b = p.section(apartSection)
	if apart := len(c.apart.chunks) != 0; !apart && len(b) != 0 || apart && len(b) != codedBytes*p.slots {
		return p.wrong(apartSection, "not as many as slots")
	}
	for s := range uint32(len(b) / codedBytes) {
		*c.apart.at(s) = coded{math.Float32frombits(word(b, 0)), math.Float32frombits(word(b, 1))}
		b = b[codedBytes:]
	}
	return nil
}

// axes reads what codes are taken along.
func (p *parser) axes(c *codes) error {
	b, n := p.section(axesSection), 0
	if p.along() {
		n = p.width
	}
	if len(b) != 4*n*p.dim {
		return p.wrong(axesSection, "not as many as codes are wide")
	}
	if n == 0 {
		return nil
	}
	c.axes = simd.NewTable(4 * p.dim)
	c.axes.Reserve(n)
	for a := range uint32(n) {
		readFloats(c.axes.Floats(a)[:p.dim], b)
		b = b[4*p.dim:]
	}
	return nil
}

func readFloats(to []float32, b []byte) {
	for i := range to {
		to[i] = math.Float32frombits(word(b, i))
	}
}

// tables lays the tables over their sections.
func (p *parser) tables() error {
	g, held := p.g, p.section(heldSection)
	rows, codes := g.heldBytes(p.slots)
	if len(held) != rows+codes {
		return p.wrong(heldSection, "not as many as chunks")
	}
	everything := func(int) bool { return true }
	if err := p.lay(&g.level0, level0Section, p.slots, everything); err != nil {
		return err
	}
	if err := p.lay(&g.upper, upperSection, p.uppers, everything); err != nil {
		return err
	}
	if rows > 0 {
		if err := p.lay(&g.rows, rowSection, p.slots, bits(held[:rows])); err != nil {
			return err
		}
	} else if p.size[rowSection] != 0 {
		return p.wrong(rowSection, "too long")
	}
	if codes > 0 {
		if err := p.lay(&g.codes.rows, codeSection, p.slots, bits(held[rows:])); err != nil {
			return err
		}
	} else if p.size[codeSection] != 0 {
		return p.wrong(codeSection, "too long")
	}
	for s := range uint32(p.slots) {
		if g.nodes.at(s).state != free && (rows > 0 && !g.rows.Holds(s) || codes > 0 && !g.codes.rows.Holds(s)) {
			return p.wrong(heldSection, "a row without memory")
		}
	}
	return nil
}

func bits(b []byte) func(int) bool { return func(i int) bool { return b[i/8]>>(i%8)&1 != 0 } }

func (p *parser) lay(t *simd.Table, section, n int, held func(int) bool) error {
	b := p.section(section)
	if len(b) != t.Mapped(n, held) {
		return p.wrong(section, "not as many as slots")
	}
	t.Map(b, n, held)
	return nil
}

// upper verifies the lists above level 0, which walks follow without a look at
// what the rows they lead to have, and that each is some row's or spare.
func (p *parser) upper() error {
	g := p.g
	taken := make([]bool, p.uppers)
	take := func(first, n int) bool {
		if first > p.uppers-n {
			return false
		}
		for i := range n {
			if taken[first+i] {
				return false
			}
			taken[first+i] = true
		}
		return true
	}
	left := p.uppers
	for s := range uint32(p.slots) {
		n := g.nodes.at(s)
		if n.state != linked || n.level == 0 {
			continue
		}
		left -= int(n.level)
		if !take(int(*g.above.at(s)), int(n.level)) {
			return p.wrong(upperSection, "lists that overlap")
		}
	}
	for level, places := range g.spare {
		for _, first := range places {
			left -= level
			if !take(int(first), level) {
				return p.wrong(upperSection, "spare lists that overlap")
			}
			for l := range uint32(level) {
				if lengthOf(g.upper.Words(first+l)) != 0 {
					return p.wrong(upperSection, "a spare list that is not empty")
				}
			}
		}
	}
	if left != 0 {
		return p.wrong(upperSection, "lists of no row")
	}
	return p.links()
}

func (p *parser) links() error {
	g := p.g
	return inParts(p.slots, func(first, last uint32) error {
		for s := first; s < last; s++ {
			n := g.nodes.at(s)
			if n.state != linked {
				continue
			}
			for l := 1; l <= int(n.level); l++ {
				for _, b := range g.out(s, l) {
					if int(b) >= p.slots || !g.reaches(b, l) {
						return p.wrong(upperSection, "a link that leads nowhere")
					}
				}
			}
		}
		return nil
	})
}

// decodeKeys reads the keys of the slots. The map from keys to slots is made
// when it is first asked.
func decodeKeys[K Key](k *keys[K], p *parser) error {
	b := p.section(keySection)
	kind, n := keyKind[K](), p.slots
	width := 8
	if kind == uint32Keys {
		width = 4
	}
	if k.numbers {
		n = 0
	}
	if len(b) < width*n || kind != stringKeys && len(b) != width*n {
		return p.wrong(keySection, "not as many as slots")
	}
	k.names.reserve(n)
	text, begin := string(b[width*n:]), uint64(0)
	for s := range uint32(n) {
		name := unsafe.Pointer(k.names.at(s))
		switch kind {
		case uint32Keys:
			*(*uint32)(name) = word(b, int(s))
		case uint64Keys:
			*(*uint64)(name) = binary.LittleEndian.Uint64(b[8*s:])
		default:
			end := binary.LittleEndian.Uint64(b[8*int(s):])
			if end < begin || end > uint64(len(text)) {
				return p.wrong(keySection, "strings out of order")
			}
			*(*string)(name) = text[begin:end]
			begin = end
		}
	}
	if kind == stringKeys && begin != uint64(len(text)) {
		return p.wrong(keySection, "more text than keys")
	}
	if !k.numbers {
		g := p.g
		k.slots, k.taken = nil, g.taken
	}
	return nil
}
