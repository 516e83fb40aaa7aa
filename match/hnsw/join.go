package hnsw

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/deeperpoint/csss/internal/simd"
)

// Rows are linked in batches, so that several processors can work at them and
// the result does not depend on how many do (prefix doubling, as in ParlayANN,
// arXiv 2305.04359):
//
//  1. each row of the batch looks for its neighbours in the graph as it was
//     before, and among the batch, and chooses;
//  2. the rows get their lists and their places on the spine, in order;
//  3. each row that one of them chose considers those that did, all at once.
//
// Steps 1 and 3 change nothing that another worker reads.

// A joining row is one of a batch.
type joining struct {
	slot  uint32
	lists [][]entry // chosen, by level
	near  []entry   // its nearest rows on level 0
}

// An offer is a link to s that a row has to consider.
type offer struct {
	l    int
	a, s uint32
}

// A linker is the scratch of one worker.
type linker struct {
	walker
	query
	rival  probe // of a row that others are compared with
	others [simd.Batch]uint32
	apart  [simd.Batch]float32
	parts  parts
	code   []byte
	fresh  []uint32
	edits  []edit
}

// An edit is a change of the mirror.
type edit struct {
	offer
	gone bool
}

// mostJoining is the largest batch. Each of its rows looks at all others, so a
// batch must cost little beside the walks.
const mostJoining = 256

// join links waiting rows.
func (g *graph) join(slots []uint32, workers int) {
	workers = g.workers(workers)
	for len(slots) > 0 {
		n := min(len(slots), mostJoining, g.ready/4+1)
		g.joinBatch(slots[:n], workers)
		slots = slots[n:]
	}
}

func (g *graph) joinBatch(slots []uint32, workers int) {
	for len(g.batch) < len(slots) {
		g.batch = append(g.batch, joining{})
	}
	batch := g.batch[:len(slots)]
	for i, s := range slots {
		batch[i].slot = s
		g.height(s)
	}
	g.each(workers, len(batch), 1, func(w *linker, i int) { g.choices(w, &batch[i], slots) })
	g.offers, g.joining = g.offers[:0], slots
	for i := range batch {
		g.settle(&batch[i])
	}
	g.raise(slots)
	groups := g.grouped()
	g.each(workers, len(groups), 8, func(w *linker, i int) { g.consider(w, groups[i]) })
	g.reflectEdits()
	g.joining = nil
}

// each calls do for 0 to n-1, some at a time for each worker.
func (g *graph) each(workers, n, some int, do func(*linker, int)) {
	if workers = min(workers, (n+some-1)/some); workers <= 1 {
		for i := range n {
			do(g.w(), i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, w := range g.linkers[:workers] {
		wg.Go(func() {
			for {
				last := int(next.Add(int64(some)))
				for i := last - some; i < min(last, n); i++ {
					do(w, i)
				}
				if last >= n {
					return
				}
			}
		})
	}
	wg.Wait()
}

// nearKept is how many of its nearest rows a joining row remembers, to find a
// parent among them.
const nearKept = 32

// choices finds the neighbours of a joining row (the paper's algorithm 1).
func (g *graph) choices(w *linker, j *joining, batch []uint32) {
	level := int(g.nodes.at(j.slot).level)
	for len(j.lists) <= level {
		j.lists = append(j.lists, nil)
	}
	g.askRow(&w.query, j.slot)
	at := entry{slot: none}
	if g.entry != none {
		at = g.descend(&w.walker, &w.query, level)
	}
	for l := level; l >= 0; l-- {
		w.found = w.found[:0]
		if at.slot != none && l <= g.top {
			g.walk(&w.walker, &w.query, at, g.EfConstruction, l)
			at = w.found[0]
		}
		g.mates(w, j.slot, batch, l)
		g.refine(&w.walker, &w.query, g.EfConstruction)
		if l == 0 {
			j.near = append(j.near[:0], w.found[:min(len(w.found), nearKept)]...)
		}
		j.lists[l] = g.choose(w, j.lists[l][:0], w.found, g.M)
	}
}

// mates adds to w.found the other rows of the batch on level l.
func (g *graph) mates(w *linker, s uint32, batch []uint32, l int) {
	n := 0
	measure := func() {
		g.measure(&w.walker, &w.query, n)
		for i, s := range w.ids[:n] {
			w.found.insert(entry{w.near[i], s}, g.EfConstruction)
		}
		n = 0
	}
	for _, b := range batch {
		if b == s || int(g.nodes.at(b).level) < l {
			continue
		}
		w.ids[n] = b
		if n++; n == len(w.ids) {
			measure()
		}
	}
	measure()
}

// settle writes the lists of a joining row, hangs it on the spine and offers it
// to those that it chose.
func (g *graph) settle(j *joining) {
	n := g.nodes.at(j.slot)
	n.state = linked
	g.ready++
	for l, chosen := range j.lists[:n.level+1] {
		for _, e := range chosen {
			g.link(j.slot, e.slot, l)
			g.offers = append(g.offers, offer{l, e.slot, j.slot})
		}
	}
	if g.root == none {
		g.root = j.slot
		return
	}
	g.adopt(j.slot, j.near)
	g.offers = append(g.offers, offer{0, n.parent, j.slot})
}

// raise makes the highest row the entry point.
func (g *graph) raise(slots []uint32) {
	for _, s := range slots {
		if level := int(g.nodes.at(s).level); g.entry == none || level > g.top {
			g.entry, g.top = s, level
		}
	}
}

// grouped sorts the offers and returns those to the same list together.
func (g *graph) grouped() (groups [][]offer) {
	slices.SortStableFunc(g.offers, func(a, b offer) int { return cmp.Or(cmp.Compare(a.l, b.l), cmp.Compare(a.a, b.a)) })
	for first := 0; first < len(g.offers); {
		next := first + 1
		for next < len(g.offers) && g.offers[next].l == g.offers[first].l && g.offers[next].a == g.offers[first].a {
			next++
		}
		groups = append(groups, g.offers[first:next])
		first = next
	}
	return groups
}

// consider adds to the list of a row the links that it is offered, as far as
// there is room. Otherwise the row chooses anew among all of them.
func (g *graph) consider(w *linker, offers []offer) {
	a, l := offers[0].a, offers[0].l
	list := g.list(a, l)
	old := list[:lengthOf(list)]
	w.fresh = w.fresh[:0]
	for _, o := range offers {
		if !slices.Contains(old, o.s) && !slices.Contains(w.fresh, o.s) {
			w.fresh = append(w.fresh, o.s)
		}
	}
	if len(old)+len(w.fresh) <= g.maxDegree(l) {
		for _, s := range w.fresh {
			g.edit(w, offer{l, a, s}, false)
		}
		return
	}
	all := g.fromRow(w, w.found[:0], a, old)
	all = g.fromRow(w, all, a, w.fresh)
	w.found = all
	slices.SortFunc(all, compareEntries)
	g.prune(w, a, all, l)
}

// prune reduces the list of a on level l to a choice from all, its neighbours
// and the newcomers w.fresh, sorted. Rows that hang on a keep their place.
func (g *graph) prune(w *linker, a uint32, all []entry, l int) {
	room := g.maxDegree(l)
	if l == 0 {
		room -= int(g.nodes.at(a).kids)
	}
	var buf [2 * 64]entry
	kept := buf[:0]
	for _, e := range all {
		kid := l == 0 && g.nodes.at(e.slot).parent == a
		ok := kid || room > 0 && g.diverse(w, e, kept)
		if ok && !kid {
			room--
		}
		if ok {
			kept = append(kept, e)
		} else if i := slices.Index(w.fresh, e.slot); i >= 0 {
			w.fresh = slices.Delete(w.fresh, i, i+1)
		} else {
			g.edit(w, offer{l, a, e.slot}, true)
		}
	}
	for _, s := range w.fresh {
		g.edit(w, offer{l, a, s}, false)
	}
}

// edit changes the list of a row, which one worker does, and notes what the
// mirror has to be told.
func (g *graph) edit(w *linker, o offer, gone bool) {
	if gone {
		take(g.list(o.a, o.l), o.s)
	} else {
		put(g.list(o.a, o.l), o.s)
	}
	if g.mirror != nil {
		w.edits = append(w.edits, edit{o, gone})
	}
}

// reflectEdits tells the mirror.
func (g *graph) reflectEdits() {
	for _, w := range g.linkers {
		for _, e := range w.edits {
			if to := g.place(e.s, e.l); e.gone {
				g.mirror.remove(to, e.a)
			} else {
				g.mirror.add(to, e.a)
			}
		}
		w.edits = w.edits[:0]
	}
}

// offer has row a consider a link to s on level 0.
func (g *graph) offer(a, s uint32) {
	one := [1]offer{{0, a, s}}
	g.consider(g.w(), one[:])
	g.reflectEdits()
}
