package hnsw

import (
	"math"
	"slices"

	"github.com/deeperpoint/csss/internal/simd"
)

// An entry is a row at its distance from the query. Entries are ordered by
// (d, slot), so that ties fall the same way on every path.
type entry struct {
	d    float32
	slot uint32
}

// done marks an entry of a walker's pool whose neighbours have been seen. It
// shares a word with the slot, which is below 2^31.
const done = 1 << 31

func (e entry) before(f entry) bool {
	if e.d != f.d {
		return e.d < f.d
	}
	return e.slot&^done < f.slot&^done
}

func compareEntries(a, b entry) int {
	switch {
	case a.before(b):
		return -1
	case b.before(a):
		return 1
	}
	return 0
}

// A pool is a sorted list of the nearest entries seen. One sorted array does
// the work of two heaps, and the final order is there for free.
type pool []entry

// insert adds e, evicting the last entry where the pool already holds limit.
// It returns the place of e, or -1 if e is beyond the last of a full pool.
func (p *pool) insert(e entry, limit int) int {
	q := *p
	if len(q) >= limit {
		if !e.before(q[len(q)-1]) {
			return -1
		}
		q = q[:len(q)-1]
	}
	lo, hi := 0, len(q)
	for lo < hi {
		if h := int(uint(lo+hi) >> 1); e.before(q[h]) {
			hi = h
		} else {
			lo = h + 1
		}
	}
	*p = slices.Insert(q, lo, e)
	return lo
}

// A frontier is a binary min-heap of entries.
type frontier []entry

func (h *frontier) push(e entry) {
	q := append(*h, e)
	for i := len(q) - 1; i > 0; {
		up := (i - 1) / 2
		if !q[i].before(q[up]) {
			break
		}
		q[i], q[up] = q[up], q[i]
		i = up
	}
	*h = q
}

// pop removes and returns the least entry of a heap that is not empty.
func (h *frontier) pop() entry {
	q := *h
	least, last := q[0], len(q)-1
	q[0], q = q[last], q[:last]
	for i := 0; ; {
		kid := 2*i + 1
		if kid >= last {
			break
		}
		if kid+1 < last && q[kid+1].before(q[kid]) {
			kid++
		}
		if !q[kid].before(q[i]) {
			break
		}
		q[i], q[kid] = q[kid], q[i]
		i = kid
	}
	*h = q
	return least
}

// A visited set is a bitmap over slots that is emptied at the cost of what it
// holds, not of what it could hold.
type visited struct {
	bits    []uint64
	touched []uint32 // words that may not be zero
}

// reset empties the set and makes room for slots below n.
func (v *visited) reset(n int) {
	for _, w := range v.touched {
		v.bits[w] = 0
	}
	v.touched = v.touched[:0]
	if words := (n + 63) / 64; len(v.bits) < words {
		v.bits = make([]uint64, words+words/4)
	}
}

// add reports whether s was not yet in the set, and puts it there.
func (v *visited) add(s uint32) bool {
	w, bit := s>>6, uint64(1)<<(s&63)
	old := v.bits[w]
	if old&bit != 0 {
		return false
	}
	if old == 0 {
		v.touched = append(v.touched, w)
	}
	v.bits[w] = old | bit
	return true
}

// A query is a row in the form in which rows are stored, and its code.
type query struct {
	row   []float32 // as long as a stride of the rows
	coder coder
	coded bool // compare codes
}

// A walker is the scratch of one search at a time.
type walker struct {
	seen   visited
	found  pool     // the result, nearest first
	ahead  frontier // filtered walks: rows to expand
	visits int      // distances computed
	hops   int      // rows expanded

	ids      [simd.Batch]uint32 // a batch of rows
	products [simd.Batch]int32  // of their codes with the query's
	near     [simd.Batch]float32
}

// measure leaves in w.near how far the first n rows of w.ids are from q.
func (g *graph) measure(w *walker, q *query, n int) {
	w.visits += n
	if !q.coded {
		g.exact(q.row, w.ids[:n], w.near[:])
		return
	}
	g.kernels.DotI8(w.products[:], q.coder.code, &g.codes.rows.Rows, w.ids[:n])
	for i, s := range w.ids[:n] {
		w.near[i] = q.coder.distance(w.products[i], g.codes.side[s])
	}
}

// exact writes to out the distances of the rows with the given slots, at most
// a batch, from q. Both slices have room for a multiple of four.
func (g *graph) exact(q []float32, slots []uint32, out []float32) {
	switch g.Metric {
	case Dot:
		g.kernels.DotF32(out, q, &g.rows.Rows, slots)
		for i := range slots {
			out[i] = -out[i]
		}
	case Cosine:
		g.kernels.SquaredF32(out, q, &g.rows.Rows, slots)
		for i := range slots {
			out[i] *= 0.5
		}
	default:
		g.kernels.SquaredF32(out, q, &g.rows.Rows, slots)
	}
}

// one is the distance of a single row.
func (g *graph) one(w *walker, q *query, s uint32) entry {
	w.ids[0] = s
	g.measure(w, q, 1)
	return entry{w.near[0], s}
}

// refine leaves in w.found the k nearest of the rows that a walk over codes has
// found, by exact distances. It looks no further than codes can be wrong: at
// rows that are by their codes beyond the k-th exact distance and a margin.
func (g *graph) refine(w *walker, q *query, k int) {
	margin := q.coder.margin
	kth := float32(math.Inf(1))
	n := 0
	for n < len(w.found) {
		size := min(len(w.found)-n, max(k-n, refineBatch), simd.Batch)
		if w.found[n].d > kth+margin {
			break
		}
		batch := w.found[n : n+size]
		for i, e := range batch {
			w.ids[i] = e.slot
		}
		g.exact(q.row, w.ids[:size], w.near[:])
		for i := range batch {
			batch[i].d = w.near[i]
		}
		if n += size; n >= k {
			slices.SortFunc(w.found[:n], compareEntries)
			kth = w.found[k-1].d
		}
	}
	w.found = w.found[:n]
	slices.SortFunc(w.found, compareEntries)
}

// refineBatch is how many rows are compared exactly at a time.
const refineBatch = 8

// acceptor says which slots a filtered walk may return.
type acceptor interface{ accept(slot uint32) bool }

// descend walks from the entry point down to level stop and returns the
// nearest row it met; g must hold a linked row.
func (g *graph) descend(w *walker, q *query, stop int) entry {
	best := g.one(w, q, g.entry)
	for l := int(g.nodes[g.entry].level); l > stop; l-- {
		best = g.greedy(w, q, best, l)
	}
	return best
}

// greedy moves to the nearest neighbour on level l until none is nearer.
func (g *graph) greedy(w *walker, q *query, best entry, l int) entry {
	for {
		at := best.slot
		w.hops++
		for list := g.out(at, l); len(list) > 0; {
			n := copy(w.ids[:], list)
			list = list[n:]
			g.measure(w, q, n)
			for i, s := range w.ids[:n] {
				if e := (entry{w.near[i], s}); e.before(best) {
					best = e
				}
			}
		}
		if best.slot == at {
			return best
		}
	}
}

// start empties w and puts the walk's first rows into its hands. On level 0
// the root of the spine is one of them: from it every row can be reached.
func (g *graph) start(w *walker, q *query, from entry, l int, see func(*walker, entry)) {
	w.seen.reset(len(g.nodes))
	w.found, w.ahead = w.found[:0], w.ahead[:0]
	w.seen.add(from.slot)
	see(w, from)
	if l == 0 && w.seen.add(g.root) {
		see(w, g.one(w, q, g.root))
	}
}

// gather puts the rows of a list that were not seen yet into w.ids, as many as
// make a batch, and returns the rest of the list.
func (w *walker) gather(list []uint32) (rest []uint32, n int) {
	part := list[:min(len(list), simd.Batch)]
	for _, s := range part {
		if w.seen.add(s) {
			w.ids[n] = s
			n++
		}
	}
	return list[len(part):], n
}

// walk collects in w.found the ef nearest rows of level l that a best-first
// walk from the given row meets. It ends when all ef have been expanded, the
// stopping rule of the paper's algorithm 2: anything evicted was worse than
// ef others.
func (g *graph) walk(w *walker, q *query, from entry, ef, l int) {
	g.start(w, q, from, l, func(w *walker, e entry) { w.found.insert(e, ef) })
	for cur := 0; cur < len(w.found); {
		if w.found[cur].slot&done != 0 {
			cur++
			continue
		}
		at := w.found[cur].slot
		w.found[cur].slot |= done
		w.hops++
		next := cur + 1
		if l == 0 && next < len(w.found) { // likely to be expanded next
			g.level0.Prefetch(w.found[next].slot &^ done)
		}
		for list := g.out(at, l); len(list) > 0; {
			n := 0
			list, n = w.gather(list)
			g.measure(w, q, n)
			for i, s := range w.ids[:n] {
				if len(w.found) == ef && w.near[i] > w.found[ef-1].d {
					continue
				}
				if at := w.found.insert(entry{w.near[i], s}, ef); at >= 0 && at < next {
					next = at
				}
			}
		}
		cur = next
	}
	for i := range w.found {
		w.found[i].slot &^= done
	}
}

// walkFiltered collects in w.found the ef nearest accepted rows of level 0.
// All rows steer, only accepted ones are kept, so the walk goes on through
// rows that do not match until ef that do are nearer than anything ahead. It
// gives up, and returns false, once it has computed limit distances.
func (g *graph) walkFiltered(w *walker, q *query, from entry, ef, limit int, ok acceptor) bool {
	see := func(w *walker, e entry) {
		if len(w.found) == ef && !e.before(w.found[ef-1]) {
			return
		}
		w.ahead.push(e)
		if ok.accept(e.slot) {
			w.found.insert(e, ef)
		}
	}
	g.start(w, q, from, 0, see)
	for len(w.ahead) > 0 {
		at := w.ahead.pop()
		if len(w.found) == ef && !at.before(w.found[ef-1]) {
			break
		}
		w.hops++
		for list := g.out(at.slot, 0); len(list) > 0; {
			n := 0
			list, n = w.gather(list)
			g.measure(w, q, n)
			for i, s := range w.ids[:n] {
				see(w, entry{w.near[i], s})
			}
		}
		if w.visits > limit {
			return false
		}
	}
	return true
}

// scan collects in w.found the k nearest of all rows, or of the accepted
// ones, by exact distances. It is the slow, obvious twin of the walks.
func (g *graph) scan(w *walker, q *query, k int, ok acceptor) {
	w.found = w.found[:0]
	n := 0
	for s := range g.nodes {
		if g.nodes[s].state != free && (ok == nil || ok.accept(uint32(s))) {
			n = g.consider(w, q, k, uint32(s), n)
		}
	}
	g.settle(w, q, k, n)
}

// manyResults is the k from which one sort at the end is cheaper than keeping
// the pool sorted.
const manyResults = 512

// consider offers one row to a scan for the k nearest, in whose batch there are
// n rows, and returns how many there are then; settle ends the scan.
func (g *graph) consider(w *walker, q *query, k int, s uint32, n int) int {
	w.ids[n] = s
	if n++; n == simd.Batch {
		g.keep(w, q, k, n)
		return 0
	}
	return n
}

// keep measures a batch and keeps what is near.
func (g *graph) keep(w *walker, q *query, k, n int) {
	w.visits += n
	g.exact(q.row, w.ids[:n], w.near[:])
	for i, s := range w.ids[:n] {
		e := entry{w.near[i], s}
		if k < manyResults {
			w.found.insert(e, k)
		} else {
			w.found = append(w.found, e)
		}
	}
}

func (g *graph) settle(w *walker, q *query, k, n int) {
	g.keep(w, q, k, n)
	if k >= manyResults {
		slices.SortFunc(w.found, compareEntries)
		w.found = w.found[:min(k, len(w.found))]
	}
}
