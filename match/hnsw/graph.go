package hnsw

import (
	"slices"

	"github.com/deeperpoint/csss/internal/simd"
)

// none is the slot that no row has.
const none = ^uint32(0)

// state is what a slot holds.
type state uint8

const (
	free    state = iota // nothing; no link leads here
	waiting              // a row that only scans can find
	linked               // a row of the graph
)

// A node is what the graph knows about a slot besides its row and its level-0
// list.
type node struct {
	state  state
	level  uint8    // highest level of the row
	kids   uint16   // rows whose parent is this one
	parent uint32   // towards the root of the spine; none for the root
	in     []uint32 // slots whose level-0 list names this one
	up     []links  // levels 1 to level
}

// links are the neighbours of a row on one upper level, both ways.
type links struct{ out, in []uint32 }

// A graph is the index without its keys: rows, links and the walks over them,
// all by slot. Methods that only read may run beside each other.
//
// Invariant, besides those of check: in-lists mirror out-lists exactly, so a
// row can be cut out of the graph without a search for who names it.
type graph struct {
	Options
	dim     int
	rows    *simd.Table
	codes   *codes // nil: walks compare the rows themselves
	kernels simd.RowKernels
	level0  *simd.Table // lists of up to 2·M slots, then none
	nodes   []node
	unused  []uint32 // free slots, last freed first used

	live   int    // waiting and linked rows
	ready  int    // linked rows
	cursor int    // where the search for waiting rows resumes
	entry  uint32 // a row of the highest level
	root   uint32 // of the spine

	w walker  // the writer's scratch
	q query   // the same
	c []entry // the same, for one list of candidates
}

func newGraph(dim int, o Options) *graph {
	return &graph{Options: o, dim: dim,
		rows: simd.NewTable(4 * dim), kernels: simd.BestRows(), codes: codesFor(dim, o.Mode),
		level0: simd.NewTable(4 * 2 * o.M),
		entry:  none, root: none}
}

// maxDegree is the longest list on level l.
func (g *graph) maxDegree(l int) int {
	if l == 0 {
		return 2 * g.M
	}
	return g.M
}

// between is the distance of two rows.
func (g *graph) between(a, b uint32) float32 {
	slots, out := [4]uint32{b}, [4]float32{}
	g.exact(g.rows.Floats(a), slots[:1], out[:])
	return out[0]
}

// row returns the row in a slot.
func (g *graph) row(s uint32) []float32 { return g.rows.Floats(s)[:g.dim] }

// out returns the neighbours of s on level l. The caller must not keep it
// across a change of s.
func (g *graph) out(s uint32, l int) []uint32 {
	if l > 0 {
		return g.nodes[s].up[l-1].out
	}
	list := g.level0.Words(s)
	return list[:lengthOf(list)]
}

// lengthOf is the length of a list that ends with its words or at none.
func lengthOf(list []uint32) int {
	n := len(list)
	for n > 0 && list[n-1] == none {
		n--
	}
	return n
}

// in returns the place of the list of slots that name s on level l.
func (g *graph) in(s uint32, l int) *[]uint32 {
	if l > 0 {
		return &g.nodes[s].up[l-1].in
	}
	return &g.nodes[s].in
}

// link adds the edge a -> b on level l; a's list has room and b is not in it.
func (g *graph) link(a, b uint32, l int) {
	if l > 0 {
		u := &g.nodes[a].up[l-1]
		u.out = append(u.out, b)
	} else {
		list := g.level0.Words(a)
		list[lengthOf(list)] = b
	}
	in := g.in(b, l)
	*in = append(*in, a)
}

// unlink removes the edge a -> b on level l, if there is one. The order of
// the remaining edges may change, always in the same way.
func (g *graph) unlink(a, b uint32, l int) {
	list := g.out(a, l)
	i := slices.Index(list, b)
	if i < 0 {
		return
	}
	last := len(list) - 1
	list[i] = list[last]
	if l > 0 {
		g.nodes[a].up[l-1].out = list[:last]
	} else {
		list[last] = none
	}
	in := g.in(b, l)
	j := slices.Index(*in, a)
	last = len(*in) - 1
	(*in)[j] = (*in)[last]
	*in = (*in)[:last]
}

// add puts a row into a slot, not yet linked, and returns the slot.
func (g *graph) add(v []float32, norm float64, hash uint64) uint32 {
	var s uint32
	if n := len(g.unused); n > 0 {
		s, g.unused = g.unused[n-1], g.unused[:n-1]
	} else {
		s = uint32(len(g.nodes))
		g.nodes = append(g.nodes, node{})
		g.rows.Reserve(len(g.nodes))
		if g.codes != nil {
			g.codes.reserve(len(g.nodes))
		}
		g.level0.Reserve(len(g.nodes))
		for i := range g.level0.Words(s) {
			g.level0.Words(s)[i] = none
		}
	}
	g.Metric.store(g.row(s), v, norm)
	if g.codes != nil {
		g.codes.put(s, g.row(s), g.Metric)
	}
	n := &g.nodes[s]
	n.state, n.parent = waiting, none
	n.level = uint8(levelOf(g.Seed, hash, g.M))
	g.live++
	g.catchUp(s)
	return s
}

// remove takes the row out of slot s and frees the slot.
func (g *graph) remove(s uint32) {
	n := &g.nodes[s]
	if n.state == linked {
		g.ready--
		g.cut(s)
	}
	g.live--
	clear(g.row(s))
	if g.codes != nil {
		g.codes.clear(s)
	}
	*n = node{in: n.in[:0], parent: none}
	g.unused = append(g.unused, s)
}

// catchUpRate is how many waiting rows each added row links besides itself.
// Crossing ExactBelow = N is thus paid off after N/8 further rows, each nine
// times as dear as usual.
const catchUpRate = 8

// catchUp links the new row s, and waiting ones, once there are enough rows
// for a graph. Work is counted in rows, never in time: it must be repeatable.
func (g *graph) catchUp(s uint32) {
	if g.live <= g.ExactBelow {
		return
	}
	if g.codes != nil && g.codes.due(g.live) {
		g.train()
	}
	g.join(s)
	for budget := catchUpRate; budget > 0 && g.ready < g.live; budget-- {
		for g.nodes[g.cursor].state != waiting {
			g.cursor = (g.cursor + 1) % len(g.nodes)
		}
		g.join(uint32(g.cursor))
	}
}

// searchable reports whether the graph holds every row and is worth walking.
func (g *graph) searchable() bool { return g.live > g.ExactBelow && g.ready == g.live }
