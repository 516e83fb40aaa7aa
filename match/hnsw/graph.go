package hnsw

import (
	"runtime"
	"slices"

	"github.com/deeperpoint/csss/internal/simd"
)

// state is what a slot holds.
type state uint8

const (
	free    state = iota // nothing; no link leads here
	waiting              // a row that only scans can find
	linked               // a row of the graph
	leaving              // a row of the graph that is about to be cut out
)

// A node is what the writer alone knows about a slot.
type node struct {
	parent uint32 // towards the root of the spine; none for the root
	state  state
	level  uint8 // highest level of the row
	kids   uint8 // rows whose parent is this one
}

// A graph is what the writer holds: the newest frame, and what no search needs.
type graph struct {
	frame
	nodes    column[node]
	unused   []uint32               // free slots, last freed first used; none where keys are slots
	spare    [maxLevel + 1][]uint32 // free places in upper, by how many lists there is room for
	cursor   int                    // where the search for waiting rows resumes
	training training
	mirror   *mirror // nil until a row has to be cut out

	linkers []*linker // scratch, one for each worker
	batch   []joining
	joining []uint32 // slots of the batch that is being linked
	offers  []offer
	c       []entry // scratch for one list of candidates
}

func newGraph(dim int, o Options) *graph {
	return &graph{frame: frame{Options: o, dim: dim,
		rows: *simd.NewTable(4 * dim), kernels: simd.BestRows(), codes: codesFor(dim, o.Mode),
		level0: *simd.NewTable(4 * 2 * o.M), upper: *simd.NewTable(4 * o.M),
		entry: none, root: none},
		linkers: []*linker{{}}}
}

// w is the scratch of the writer's own goroutine.
func (g *graph) w() *linker { return g.linkers[0] }

// workers makes scratch for n workers, or for as many as there are processors.
func (g *graph) workers(n int) int {
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	for len(g.linkers) < n {
		g.linkers = append(g.linkers, &linker{})
	}
	return n
}

// between is the distance of two rows.
func (g *graph) between(a, b uint32) float32 {
	w := g.w()
	g.aim(&w.rival, a)
	w.others[0] = b
	g.exact(&w.rival, w.others[:1], w.apart[:])
	return w.apart[0]
}

// link adds the edge a -> b on level l; a's list has room and b is not in it.
func (g *graph) link(a, b uint32, l int) {
	put(g.list(a, l), b)
	if g.mirror != nil {
		g.mirror.add(g.place(b, l), a)
	}
}

// unlink removes the edge a -> b on level l, if there is one. The order of
// the remaining edges may change, always in the same way.
func (g *graph) unlink(a, b uint32, l int) {
	if take(g.list(a, l), b) && g.mirror != nil {
		g.mirror.remove(g.place(b, l), a)
	}
}

// reserve makes n slots, without memory for rows.
func (g *graph) reserve(n int) {
	if g.codes.mean != nil {
		g.codes.reserve(n)
	}
	g.nodes.reserve(n)
	g.lives.reserve(n)
	g.above.reserve(n)
	g.level0.Reserve(n)
	for ; g.slots < n; g.slots++ {
		empty(g.level0.Words(uint32(g.slots)))
		g.nodes.at(uint32(g.slots)).parent = none
	}
}

func empty(list []uint32) {
	for i := range list {
		list[i] = none
	}
}

// allocate returns a free slot.
func (g *graph) allocate() uint32 {
	if n := len(g.unused); n > 0 {
		s := g.unused[n-1]
		g.unused = g.unused[:n-1]
		return s
	}
	g.reserve(g.slots + 1)
	return uint32(g.slots - 1)
}

// fill puts a row, as it is stored, into a slot that no search can see, not yet
// linked. The row belongs to the next version. Where rows are kept, their codes are
// written later, by putCodes.
func (g *graph) fill(s uint32, row []float32, hash uint64) {
	if !g.compact {
		g.rows.Hold(s)
		copy(g.row(s), row)
	}
	if g.codes.mean != nil {
		g.codes.rows.Hold(s)
	}
	if g.compact {
		g.noteCode(s, g.putCode(g.w(), s, row))
	}
	n := g.nodes.at(s)
	n.state, n.parent = waiting, none
	n.level = uint8(levelOf(g.Seed, hash, g.M))
	g.live++
	life := g.lives.at(s)
	life.birth.Store(g.version + 1)
	life.death.Store(0)
}

// putCode writes the code of a row, and reports whether axes leave too much of it.
func (g *graph) putCode(w *linker, s uint32, row []float32) (away bool) {
	g.codes.put(s, row, g.Metric, &w.parts, &g.kernels)
	return g.codes.leaves(g.codes.across(&w.parts))
}

// noteCode counts the rows of which codes say little.
func (g *graph) noteCode(s uint32, away bool) {
	if away {
		g.codes.astray++
	}
	if g.codes.good && (away || g.codes.side(s).scale > oddScale*g.codes.scale) {
		g.training.odd++
	}
}

// putCodes writes the codes of rows that were just filled in, if rows are kept:
// along many axes that is much of the work.
func (g *graph) putCodes(slots []uint32, workers int) {
	if g.codes.mean == nil || g.compact {
		return
	}
	away := make([]bool, len(slots))
	g.each(g.workers(workers), len(slots), 8, func(w *linker, i int) { away[i] = g.putCode(w, slots[i], g.row(slots[i])) })
	for i, s := range slots {
		g.noteCode(s, away[i])
	}
}

// holds reports whether slot s holds just this row.
func (g *graph) holds(s uint32, row []float32) bool {
	if !g.compact {
		return slices.Equal(g.row(s), row)
	}
	w := g.w()
	if len(w.code) != g.dim {
		w.code = make([]byte, g.dim)
	}
	from := g.codes.take(&w.parts, row, &g.kernels)
	scale, _ := quantise(w.code, from, 128)
	return *g.codes.side(s) == coded{scale, g.codes.ownShare(from, g.Metric)} && slices.Equal(w.code, g.codes.code(s))
}

// erase overwrites the row in a slot that no search can see.
func (g *graph) erase(s uint32) {
	if !g.compact {
		clear(g.row(s))
	}
	if g.codes.mean != nil {
		g.codes.clear(s)
	}
	n := g.nodes.at(s)
	if n.level > 0 && n.state == leaving {
		g.spare[n.level] = append(g.spare[n.level], *g.above.at(s))
	}
	*n = node{parent: none}
	life := g.lives.at(s)
	life.birth.Store(0)
	life.death.Store(0)
}

// height makes the lists of a row above level 0.
func (g *graph) height(s uint32) {
	level := int(g.nodes.at(s).level)
	if level == 0 {
		return
	}
	first := uint32(g.uppers)
	if n := len(g.spare[level]); n > 0 { // its lists are empty
		first, g.spare[level] = g.spare[level][n-1], g.spare[level][:n-1]
	} else {
		g.uppers += level
		g.upper.Reserve(g.uppers)
		for l := range level {
			empty(g.upper.Words(first + uint32(l)))
		}
	}
	*g.above.at(s) = first
}

// catchUpRate is how many waiting rows each added row links besides itself.
// Crossing ExactBelow = N is thus paid off after N/8 further rows, each nine
// times as dear as usual.
const catchUpRate = 8

// catchUp links the new rows, and waiting ones, once there are enough rows for
// a graph. Work is counted in rows, never in time: it must be repeatable.
func (g *graph) catchUp(fresh []uint32, workers int) {
	if g.live <= g.ExactBelow {
		return
	}
	if g.codes.mean != nil && !g.compact && g.training.due(g.live) {
		g.train(workers)
	}
	join := slices.Clone(fresh)
	for budget := catchUpRate * len(fresh); budget > 0 && g.ready+len(join) < g.live; g.cursor = (g.cursor + 1) % g.slots {
		s := uint32(g.cursor)
		if g.nodes.at(s).state == waiting && !slices.Contains(fresh, s) {
			join = append(join, s)
			budget--
		}
	}
	g.join(join, workers)
}
