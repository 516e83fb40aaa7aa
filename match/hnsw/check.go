package hnsw

import (
	"fmt"
	"math"
	"slices"
)

// Check verifies every invariant of the index: keys and slots are one to one;
// links lead to linked rows of at least their level, without loops or repeats
// and within the degree bounds; every link has its mirror; the spine is a
// spanning tree whose edges exist; every linked row is reachable from where
// walks start; the entry point is a row of the highest level; free slots are
// empty; rows are finite, and of unit length under [Cosine].
//
// It is for tests and for operators after an incident. It costs a few
// distances' time per row and blocks writers meanwhile.
//
// Errors: one that wraps [ErrCorrupt] and names the first broken invariant and
// its slot.
func (x *Index[K]) Check() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.keys) != len(x.g.nodes) || len(x.slots) != x.g.live {
		return corrupt("%d keys for %d slots, %d mapped for %d rows", len(x.keys), len(x.g.nodes), len(x.slots), x.g.live)
	}
	for s, key := range x.keys {
		if at, ok := x.slots[key]; x.g.nodes[s].state != free && (!ok || int(at) != s) {
			return corrupt("slot %d: its key leads elsewhere", s)
		}
	}
	return x.g.check()
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("hnsw: %w: "+format, append([]any{ErrCorrupt}, args...)...)
}

func (g *graph) check() error {
	live, ready := 0, 0
	for s := range uint32(len(g.nodes)) {
		if err := g.checkSlot(s); err != nil {
			return err
		}
		if g.nodes[s].state != free {
			live++
		}
		if g.nodes[s].state == linked {
			ready++
		}
	}
	if live != g.live || ready != g.ready || live+len(g.unused) != len(g.nodes) {
		return corrupt("counted %d rows, %d linked, %d unused slots; kept %d, %d of %d", live, ready, len(g.unused), g.live, g.ready, len(g.nodes))
	}
	if err := g.checkEntry(); err != nil {
		return err
	}
	return g.checkReach()
}

// checkSlot verifies what can be seen from one slot.
func (g *graph) checkSlot(s uint32) error {
	n := &g.nodes[s]
	if n.state != linked {
		if len(g.out(s, 0)) != 0 || len(n.in) != 0 || len(n.up) != 0 || n.kids != 0 || n.parent != none {
			return corrupt("slot %d: links without being linked", s)
		}
		if n.state == free {
			return g.checkEmpty(s)
		}
		return g.checkRow(s)
	}
	if len(n.up) != int(n.level) {
		return corrupt("slot %d: level %d with %d upper lists", s, n.level, len(n.up))
	}
	for l := range int(n.level) + 1 {
		if err := g.checkList(s, l); err != nil {
			return err
		}
	}
	return g.checkRow(s)
}

func (g *graph) checkEmpty(s uint32) error {
	if slices.ContainsFunc(g.row(s), func(f float32) bool { return f != 0 }) {
		return corrupt("slot %d: free, but its row is left", s)
	}
	if !slices.Contains(g.unused, s) {
		return corrupt("slot %d: free, but not listed", s)
	}
	return nil
}

func (g *graph) checkRow(s uint32) error {
	norm, _, err := g.Metric.checkVector(g.row(s))
	if err != nil {
		return corrupt("slot %d: %v", s, err)
	}
	if g.Metric == Cosine && math.Abs(norm-1) > 1e-5 {
		return corrupt("slot %d: norm %g under cosine", s, norm)
	}
	return nil
}

// checkList verifies the links of s on level l, both ways.
func (g *graph) checkList(s uint32, l int) error {
	out, in := g.out(s, l), *g.in(s, l)
	if len(out) > g.maxDegree(l) {
		return corrupt("slot %d, level %d: degree %d above %d", s, l, len(out), g.maxDegree(l))
	}
	for i, b := range out {
		switch {
		case int(b) >= len(g.nodes):
			return corrupt("slot %d, level %d: link to slot %d of %d", s, l, b, len(g.nodes))
		case b == s || slices.Contains(out[:i], b):
			return corrupt("slot %d, level %d: loop or repeated link to %d", s, l, b)
		case !g.reaches(b, l):
			return corrupt("slot %d, level %d: link to %d, which is not there", s, l, b)
		case !slices.Contains(*g.in(b, l), s):
			return corrupt("slot %d, level %d: link to %d without mirror", s, l, b)
		}
	}
	for i, a := range in {
		if int(a) >= len(g.nodes) || slices.Contains(in[:i], a) || !g.reaches(a, l) || !slices.Contains(g.out(a, l), s) {
			return corrupt("slot %d, level %d: mirror of no link from %d", s, l, a)
		}
	}
	return nil
}

// reaches reports whether slot s holds a linked row with lists on level l.
func (g *graph) reaches(s uint32, l int) bool {
	return g.nodes[s].state == linked && len(g.nodes[s].up) >= l
}

func (g *graph) checkEntry() error {
	if g.ready == 0 {
		if g.entry != none || g.root != none {
			return corrupt("entry %d and root %d without a linked row", g.entry, g.root)
		}
		return nil
	}
	for _, s := range []uint32{g.entry, g.root} {
		if int(s) >= len(g.nodes) || g.nodes[s].state != linked {
			return corrupt("entry or root at slot %d, which is not linked", s)
		}
	}
	for s, n := range g.nodes {
		if n.state == linked && n.level > g.nodes[g.entry].level {
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
	if g.nodes[g.root].parent != none {
		return corrupt("root %d has a parent", g.root)
	}
	met := 1
	for todo := []uint32{g.root}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		kids := 0
		for _, c := range g.out(p, 0) {
			if g.nodes[c].parent == p {
				todo = append(todo, c)
				kids++
			}
		}
		if kids != int(g.nodes[p].kids) || kids > g.maxKids() {
			return corrupt("slot %d: %d children, counted %d of at most %d", p, g.nodes[p].kids, kids, g.maxKids())
		}
		met += kids
	}
	if met != g.ready {
		return corrupt("%d of %d linked rows hang on the root", met, g.ready)
	}
	return nil
}
