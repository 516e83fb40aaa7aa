package hnsw

import "slices"

// The spine is a spanning tree over the linked rows. Each row but the root
// has a parent whose level-0 list names it; pruning never drops such an edge.
// The diversity heuristic alone may orphan a row (usearch issue 735): with the
// spine every row is reachable from the root by construction.

// maxKids bounds how many places of its list a row gives to the spine. It is
// at least 2, or the tree would be a path.
func (g *graph) maxKids() int { return max(2, g.M/2) }

// adopt gives row s, which has no parent, the nearest parent with room. The
// candidates are sorted; those that are linked hang on the root.
func (g *graph) adopt(s uint32, near []entry) {
	below := g.root
	for i := len(near) - 1; i >= 0; i-- {
		if g.hasParent(near[i].slot) {
			below = near[i].slot
		}
	}
	for _, e := range near {
		if g.hasParent(e.slot) && int(g.nodes.at(e.slot).kids) < g.maxKids() {
			g.hang(s, e.slot)
			return
		}
	}
	g.hang(s, g.roomBelow(s, below))
}

// hasParent reports whether s hangs somewhere, or is the root: rows of one
// batch come to hang in order.
func (g *graph) hasParent(s uint32) bool { return s == g.root || g.nodes.at(s).parent != none }

// roomBelow returns a row with room for a child in the tree under p: it goes
// down to the child nearest to s, and ends at a leaf at the latest.
func (g *graph) roomBelow(s, p uint32) uint32 {
	for int(g.nodes.at(p).kids) >= g.maxKids() {
		best := entry{slot: none}
		for _, list := range [][]uint32{g.out(p, 0), g.joining} { // a parent may not yet name those
			for _, c := range list {
				if g.nodes.at(c).parent != p {
					continue
				}
				if e := (entry{g.between(s, c), c}); best.slot == none || e.before(best) {
					best = e
				}
			}
		}
		p = best.slot
	}
	return p
}

// hang makes p the parent of s. The edge itself is the caller's part.
func (g *graph) hang(s, p uint32) {
	g.nodes.at(s).parent = p
	g.nodes.at(p).kids++
}

// hangs reports whether s hangs on the root. It costs the depth of s.
func (g *graph) hangs(s uint32) bool {
	for g.nodes.at(s).parent != none {
		s = g.nodes.at(s).parent
	}
	return s == g.root
}

// rehang finds new parents for the rows whose parent, once the child of
// anchor, is gone. If anchor is none the root itself is gone and the first
// orphan takes its place.
func (g *graph) rehang(orphans []uint32, anchor uint32) {
	if anchor == none && len(orphans) > 0 {
		anchor, orphans = orphans[0], orphans[1:]
		g.root = anchor
	}
	for _, s := range orphans {
		p := g.foster(s)
		if p == none {
			p = g.roomBelow(s, anchor)
		}
		g.hang(s, p)
		g.offer(p, s)
	}
}

// fosterTries bounds how many neighbours an orphan asks, since each answer
// costs the depth of the tree.
const fosterTries = 8

// foster returns the nearest neighbour of the orphan s with room that hangs
// on the root, so not in the tree under s, or none.
func (g *graph) foster(s uint32) uint32 {
	near := g.c[:0]
	for _, list := range [][]uint32{g.out(s, 0), g.in(s, 0)} {
		for _, a := range list {
			if int(g.nodes.at(a).kids) < g.maxKids() {
				near = append(near, entry{g.between(s, a), a})
			}
		}
	}
	g.c = near
	slices.SortFunc(near, compareEntries)
	for _, e := range near[:min(len(near), fosterTries)] {
		if g.hangs(e.slot) {
			return e.slot
		}
	}
	return none
}
