package hnsw

import (
	"fmt"
	"math"
	"slices"
)

// Check verifies every invariant of the index: keys and slots are one to one;
// links lead to linked rows of at least their level, without loops or repeats
// and within the degree bounds; links have their mirror, where there is one; the spine is a
// spanning tree whose edges exist; every linked row is reachable from where
// walks start; the entry point is a row of the highest level; free slots are
// empty; rows are finite, and of unit length under [Cosine].
//
// It is for tests and for operators after an incident. It costs a few
// distances' time per row and writers wait meanwhile.
//
// Errors: one that wraps [ErrCorrupt] and names the first broken invariant and
// its slot; [ErrClosed].
func (x *Index[K]) Check() error {
	x.writer.Lock()
	defer x.writer.Unlock()
	if x.closed.Load() {
		return fmt.Errorf("hnsw: %w", ErrClosed)
	}
	return x.check()
}

func (x *Index[K]) check() error {
	if err := x.keys.check(x.g); err != nil {
		return err
	}
	return x.g.check()
}

func (k *keys[K]) check(g *graph) error {
	if k.numbers {
		return nil
	}
	var nothing K
	k.slot(nothing) // makes the map
	if len(k.slots) != g.live {
		return corrupt("%d keys for %d rows", len(k.slots), g.live)
	}
	for s := range uint32(g.slots) {
		key := *k.names.at(s)
		if g.nodes.at(s).state == free {
			if key != nothing {
				return corrupt("slot %d: free, but its key is left", s)
			}
			continue
		}
		if at, ok := k.slots[key]; !ok || at != s {
			return corrupt("slot %d: its key leads elsewhere", s)
		}
	}
	return nil
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("hnsw: %w: "+format, append([]any{ErrCorrupt}, args...)...)
}

func (g *graph) check() error {
	live, ready := 0, 0
	for s := range uint32(g.slots) {
		if err := g.checkSlot(s); err != nil {
			return err
		}
		if g.nodes.at(s).state != free {
			live++
		}
		if g.nodes.at(s).state == linked {
			ready++
		}
	}
	if live != g.live || ready != g.ready || !g.RowNumbers && live+len(g.unused) != g.slots {
		return corrupt("counted %d rows, %d linked, %d unused slots; kept %d, %d of %d", live, ready, len(g.unused), g.live, g.ready, g.slots)
	}
	if err := g.checkUnused(); err != nil {
		return err
	}
	if err := g.checkEntry(); err != nil {
		return err
	}
	return g.checkReach()
}

// checkUnused verifies that free slots are listed once; how many are, was counted.
func (g *graph) checkUnused() error {
	listed := make([]bool, g.slots)
	for _, s := range g.unused {
		if int(s) >= g.slots || listed[s] || g.nodes.at(s).state != free {
			return corrupt("slot %d: listed as free twice, or although it is not", s)
		}
		listed[s] = true
	}
	return nil
}

// checkSlot verifies what can be seen from one slot.
func (g *graph) checkSlot(s uint32) error {
	n := g.nodes.at(s)
	if g.has(s) != (n.state != free) {
		return corrupt("slot %d: searches and the writer disagree on whether it holds a row", s)
	}
	if n.state != linked {
		if len(g.out(s, 0)) != 0 || n.kids != 0 || n.parent != none {
			return corrupt("slot %d: links without being linked", s)
		}
		if n.state == free {
			return g.checkEmpty(s)
		}
		return g.checkRow(s)
	}
	for l := range int(n.level) + 1 {
		if err := g.checkList(s, l); err != nil {
			return err
		}
	}
	return g.checkRow(s)
}

func (g *graph) checkEmpty(s uint32) error {
	if g.rows.Holds(s) && slices.ContainsFunc(g.row(s), func(f float32) bool { return f != 0 }) ||
		g.codes.rows.Holds(s) && slices.ContainsFunc(g.codes.code(s), func(b byte) bool { return b != 0 }) {
		return corrupt("slot %d: free, but its row is left", s)
	}
	return nil
}

func (g *graph) checkRow(s uint32) error {
	if g.compact {
		if scale := float64(g.codes.side(s).scale); !(scale >= 0) || math.IsInf(scale, 0) {
			return corrupt("slot %d: scale %g", s, scale)
		}
		return nil
	}
	norm, _, err := g.Metric.checkVector(g.row(s))
	if err != nil {
		return corrupt("slot %d: %v", s, err)
	}
	if g.Metric == Cosine && math.Abs(norm-1) > 1e-5 {
		return corrupt("slot %d: norm %g under cosine", s, norm)
	}
	return nil
}

// checkList verifies the links of s on level l, and their mirror.
func (g *graph) checkList(s uint32, l int) error {
	p := g.place(s, l)
	if p.upper && int(p.at) >= g.uppers {
		return corrupt("slot %d, level %d: lists at %d of %d", s, l, p.at, g.uppers)
	}
	out := g.out(s, l)
	if len(out) > g.maxDegree(l) {
		return corrupt("slot %d, level %d: degree %d above %d", s, l, len(out), g.maxDegree(l))
	}
	for i, b := range out {
		switch {
		case int(b) >= g.slots:
			return corrupt("slot %d, level %d: link to slot %d of %d", s, l, b, g.slots)
		case b == s || slices.Contains(out[:i], b):
			return corrupt("slot %d, level %d: loop or repeated link to %d", s, l, b)
		case !g.reaches(b, l):
			return corrupt("slot %d, level %d: link to %d, which is not there", s, l, b)
		case g.mirror != nil && !slices.Contains(*g.mirror.of(g.place(b, l)), s):
			return corrupt("slot %d, level %d: link to %d without mirror", s, l, b)
		}
	}
	if g.mirror == nil {
		return nil
	}
	in := g.in(s, l)
	for i, a := range in {
		if int(a) >= g.slots || slices.Contains(in[:i], a) || !g.reaches(a, l) || !slices.Contains(g.out(a, l), s) {
			return corrupt("slot %d, level %d: mirror of no link from %d", s, l, a)
		}
	}
	return nil
}

// reaches reports whether slot s holds a linked row with lists on level l.
func (g *graph) reaches(s uint32, l int) bool {
	n := g.nodes.at(s)
	return n.state == linked && int(n.level) >= l && (l == 0 || int(*g.above.at(s))+l <= g.uppers)
}

func (g *graph) checkEntry() error {
	if g.ready == 0 {
		if g.entry != none || g.root != none {
			return corrupt("entry %d and root %d without a linked row", g.entry, g.root)
		}
		return nil
	}
	for _, s := range []uint32{g.entry, g.root} {
		if int(s) >= g.slots || g.nodes.at(s).state != linked {
			return corrupt("entry or root at slot %d, which is not linked", s)
		}
	}
	if g.top != int(g.nodes.at(g.entry).level) {
		return corrupt("entry point at level %d, kept %d", g.nodes.at(g.entry).level, g.top)
	}
	for s := range uint32(g.slots) {
		if n := g.nodes.at(s); n.state == linked && int(n.level) > g.top {
			return corrupt("slot %d is above the entry point", s)
		}
	}
	return nil
}

// checkReach follows the spine from the root. That its edges are links makes
// every row reachable; that all rows are met once makes it a spanning tree.
func (g *graph) checkReach() error {
	if g.ready == 0 {
		return nil
	}
	if g.nodes.at(g.root).parent != none {
		return corrupt("root %d has a parent", g.root)
	}
	met := 1
	for todo := []uint32{g.root}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		kids := 0
		for _, c := range g.out(p, 0) {
			if g.nodes.at(c).parent == p {
				todo = append(todo, c)
				kids++
			}
		}
		if kids != int(g.nodes.at(p).kids) || kids > g.maxKids() {
			return corrupt("slot %d: %d children, counted %d of at most %d", p, g.nodes.at(p).kids, kids, g.maxKids())
		}
		met += kids
	}
	if met != g.ready {
		return corrupt("%d of %d linked rows hang on the root", met, g.ready)
	}
	return nil
}
