package hnsw

import (
	"slices"

	"github.com/deeperpoint/csss/internal/simd"
)

// join links the waiting row s into the graph (the paper's algorithm 1).
func (g *graph) join(s uint32) {
	n := &g.nodes[s]
	n.state = linked
	n.up = make([]links, n.level)
	g.ready++
	if g.entry == none {
		g.entry, g.root = s, s
		return
	}
	q, level := &g.q, int(n.level)
	g.ask(q, g.rows.Floats(s))
	top := int(g.nodes[g.entry].level)
	at := g.descend(&g.w, q, level)
	for l := min(level, top); l >= 0; l-- {
		g.walk(&g.w, q, at, g.EfConstruction, l)
		at = g.w.found[0]
		if q.coded {
			g.refine(&g.w, q, g.EfConstruction)
		}
		g.connect(s, l)
	}
	if level > top {
		g.entry = s
	}
}

// connect links s on level l to a choice of the rows in g.w.found, both ways.
func (g *graph) connect(s uint32, l int) {
	if l == 0 {
		g.adopt(s, g.w.found)
	}
	g.c = g.choose(g.c[:0], g.w.found, g.M)
	for _, e := range g.c {
		g.link(s, e.slot, l)
	}
	for _, a := range slices.Clone(g.out(s, l)) {
		g.offer(a, s, l)
	}
	if p := g.nodes[s].parent; l == 0 {
		g.offer(p, s, l)
	}
}

// choose appends to dst at most m of the sorted candidates: the nearest, then
// each that is nearer to the base than to any chosen before (the paper's
// algorithm 4, without its extensions), so that links lead in all directions.
// A copy of a chosen row adds no direction, and is passed over.
func (g *graph) choose(dst, from []entry, m int) []entry {
	for _, e := range from {
		if len(dst) == m {
			break
		}
		if g.diverse(e, dst) {
			dst = append(dst, e)
		}
	}
	return dst
}

// diverse reports whether e leads in a direction that no chosen entry does.
func (g *graph) diverse(e entry, chosen []entry) bool {
	const block = 4 // of a kernel; most refusals come from the first
	for row := g.rows.Floats(e.slot); len(chosen) > 0; {
		var slots [block]uint32
		var out [block]float32
		n := min(len(chosen), block)
		for i, c := range chosen[:n] {
			slots[i] = c.slot
		}
		chosen = chosen[n:]
		g.exact(row, slots[:n], out[:])
		for _, d := range out[:n] {
			if d < e.d || d == 0 && g.Metric != Dot {
				return false
			}
		}
	}
	return true
}

// ask makes a row of the index, or a query stored like one, the query of walks.
func (g *graph) ask(q *query, row []float32) {
	q.row = row
	if q.coded = g.codes != nil && g.codes.good; q.coded {
		q.coder.set(row[:g.dim], g.Metric, g.codes)
	}
}

// fromRow appends to dst the slots with their distances from row a.
func (g *graph) fromRow(dst []entry, a uint32, slots []uint32) []entry {
	row := g.rows.Floats(a)
	for len(slots) > 0 {
		var batch [simd.Batch]uint32
		var out [simd.Batch]float32
		n := copy(batch[:], slots)
		slots = slots[n:]
		g.exact(row, batch[:n], out[:])
		for i, s := range batch[:n] {
			dst = append(dst, entry{out[i], s})
		}
	}
	return dst
}

// offer adds the edge a -> s on level l if a's list has room. Otherwise a
// chooses anew among its neighbours and s, and may drop any of them but the
// rows it is the parent of.
func (g *graph) offer(a, s uint32, l int) {
	out := g.out(a, l)
	if slices.Contains(out, s) {
		return
	}
	limit := g.maxDegree(l)
	if len(out) < limit {
		g.link(a, s, l)
		return
	}
	var buf [2*64 + 1]entry
	all := g.fromRow(buf[:0], a, out)
	all = append(all, entry{g.between(a, s), s})
	slices.SortFunc(all, compareEntries)
	g.prune(a, s, all, l)
}

// prune reduces the list of a on level l to a choice from all, the sorted
// neighbours of a and the newcomer s, and links s if it is among them.
func (g *graph) prune(a, s uint32, all []entry, l int) {
	limit := g.maxDegree(l)
	if l == 0 { // rows that hang on a keep their place
		limit -= int(g.nodes[a].kids)
	}
	var buf [2 * 64]entry
	kept := buf[:0]
	linkNew := false
	for _, e := range all {
		kid := l == 0 && g.nodes[e.slot].parent == a
		ok := kid || limit > 0 && g.diverse(e, kept)
		if ok && !kid {
			limit--
		}
		switch {
		case ok:
			kept = append(kept, e)
			linkNew = linkNew || e.slot == s
		case e.slot != s:
			g.unlink(a, e.slot, l)
		}
	}
	if linkNew {
		g.link(a, s, l)
	}
}
