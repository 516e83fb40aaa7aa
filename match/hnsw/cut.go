package hnsw

import "slices"

// cut takes rows out of the graph. Their slots keep them until erase. Each call
// may cost a look at every link, if there is no mirror yet.
func (g *graph) cut(slots []uint32) {
	for _, s := range slots {
		if n := g.nodes.at(s); n.state == linked {
			n.state = leaving
			g.reflect()
		}
	}
	for _, s := range slots {
		if n := g.nodes.at(s); n.state == leaving {
			g.cutOne(s)
		}
	}
	if g.Mode == Compact {
		g.mirror = nil
	}
}

// cutOne takes s out of every list, mends the lists that named it and hangs its
// children elsewhere.
func (g *graph) cutOne(s uint32) {
	heir := g.heir(s)
	var orphans []uint32
	for l := int(g.nodes.at(s).level); l >= 0; l-- {
		outs, ins := slices.Clone(g.out(s, l)), g.in(s, l)
		for _, b := range outs {
			g.unlink(s, b, l)
		}
		for _, a := range ins {
			g.unlink(a, s, l)
		}
		for _, a := range ins {
			g.mend(a, outs, l)
		}
		if l == 0 {
			orphans = slices.DeleteFunc(outs, func(b uint32) bool { return g.nodes.at(b).parent != s })
		}
	}
	if g.entry == s {
		g.entry, g.top = heir, 0
		if heir != none {
			g.top = int(g.nodes.at(heir).level)
		}
	}
	g.release(s, orphans)
}

// release takes s out of the spine.
func (g *graph) release(s uint32, orphans []uint32) {
	p := g.nodes.at(s).parent
	if p != none {
		g.nodes.at(p).kids--
	}
	for _, c := range orphans {
		g.nodes.at(c).parent = none
	}
	g.nodes.at(s).kids = 0
	if g.root == s {
		g.root = none
	}
	g.rehang(orphans, p)
}

// heir returns the entry point for when s is gone: a neighbour on its highest
// level if s is the entry point, else any row of the highest level there is,
// which costs a look at every slot.
func (g *graph) heir(s uint32) uint32 {
	if g.entry != s {
		return g.entry
	}
	if g.top > 0 {
		for _, b := range g.out(s, g.top) {
			if g.nodes.at(b).state == linked {
				return b
			}
		}
	}
	best := none
	for b := range uint32(g.slots) {
		if g.nodes.at(b).state != linked {
			continue
		}
		if best == none || g.nodes.at(b).level > g.nodes.at(best).level {
			best = b
		}
	}
	return best
}

// mendLinks is how many new links a row may get for one that was cut: the
// constant c of in-place deletion in IP-DiskANN (arXiv 2502.13826).
const mendLinks = 3

// mend gives a, which lost a neighbour on level l, links to the nearest of
// that neighbour's own neighbours: the first as it is, more if they lead in
// directions a does not have yet.
func (g *graph) mend(a uint32, lost []uint32, l int) {
	if g.nodes.at(a).state == leaving {
		return
	}
	fresh := slices.DeleteFunc(slices.Clone(lost), func(b uint32) bool {
		return b == a || g.nodes.at(b).state == leaving || slices.Contains(g.out(a, l), b)
	})
	near := g.fromRow(g.w(), g.c[:0], a, fresh)
	g.c = near
	slices.SortFunc(near, compareEntries)
	added := 0
	for _, e := range near {
		if added == mendLinks || len(g.out(a, l)) == g.maxDegree(l) {
			return
		}
		if added == 0 || g.adds(a, e, l) {
			g.link(a, e.slot, l)
			added++
		}
	}
}

// adds reports whether e leads from a in a direction its list does not have.
func (g *graph) adds(a uint32, e entry, l int) bool {
	var buf [2 * 64]entry
	for _, c := range g.fromRow(g.w(), buf[:0], e.slot, g.out(a, l)) {
		if c.d < e.d || c.d == 0 && g.Metric != Dot {
			return false
		}
	}
	return true
}
