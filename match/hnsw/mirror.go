package hnsw

import "slices"

// A mirror says which rows name a row in their lists, so that the row can be
// cut out of the graph without a search for them. It mirrors lists exactly, in
// an order that means nothing. An index that never deletes needs none, and none
// is kept in mode Compact: there it is made for each call that cuts out rows.
type mirror struct {
	level0, upper [][]uint32 // by slot, and by place in upper
}

// A place is where a row's list on one level is.
type place struct {
	upper bool
	at    uint32
}

func (g *graph) place(s uint32, l int) place {
	if l == 0 {
		return place{at: s}
	}
	return place{upper: true, at: *g.above.at(s) + uint32(l-1)}
}

func (m *mirror) of(p place) *[]uint32 {
	side := &m.level0
	if p.upper {
		side = &m.upper
	}
	if n := int(p.at) + 1; n > len(*side) {
		*side = slices.Grow(*side, n-len(*side))[:n]
	}
	return &(*side)[p.at]
}

func (m *mirror) add(to place, from uint32) {
	in := m.of(to)
	*in = append(*in, from)
}

func (m *mirror) remove(to place, from uint32) {
	in := m.of(to)
	i, last := slices.Index(*in, from), len(*in)-1
	(*in)[i] = (*in)[last]
	*in = (*in)[:last]
}

// reflect makes the mirror, if there is none. It costs a look at every link.
func (g *graph) reflect() {
	if g.mirror != nil {
		return
	}
	g.mirror = &mirror{level0: make([][]uint32, g.slots), upper: make([][]uint32, g.uppers)}
	for s := range uint32(g.slots) {
		n := g.nodes.at(s)
		if n.state != linked && n.state != leaving {
			continue
		}
		for l := range int(n.level) + 1 {
			for _, b := range g.out(s, l) {
				g.mirror.add(g.place(b, l), s)
			}
		}
	}
}

// in returns the rows that name s on level l, by slot.
func (g *graph) in(s uint32, l int) []uint32 {
	in := slices.Clone(*g.mirror.of(g.place(s, l)))
	slices.Sort(in)
	return in
}
