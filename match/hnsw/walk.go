package hnsw

import "github.com/deeperpoint/csss/internal/simd"

// acceptor says which slots a filtered walk may return.
type acceptor interface{ accept(slot uint32) bool }

// descend walks from the entry point down to level stop and returns the
// nearest row it met; f must hold a linked row.
func (f *frame) descend(w *walker, q *query, stop int) entry {
	w.seen.reset(f.slots)
	w.seen.add(f.entry)
	best := f.one(w, q, f.entry)
	for l := f.top; l > stop; l-- {
		best = f.greedy(w, q, best, l)
	}
	return best
}

// greedy moves to the nearest neighbour on level l until none is nearer.
func (f *frame) greedy(w *walker, q *query, best entry, l int) entry {
	for {
		at := best.slot
		w.hops++
		n := f.gather(w, f.list(at, l)) // a batch at the most: M is no more
		f.measure(w, q, n)
		for i, s := range w.ids[:n] {
			if e := (entry{w.near[i], s}); e.before(best) {
				best = e
			}
		}
		if best.slot == at {
			return best
		}
	}
}

// start empties w and puts the walk's first rows into its hands. On level 0
// the root of the spine is one of them: from it every row can be reached.
func (f *frame) start(w *walker, q *query, from entry, l int, see func(*walker, entry)) {
	w.seen.reset(f.slots)
	w.found, w.ahead = w.found[:0], w.ahead[:0]
	w.seen.add(from.slot)
	see(w, from)
	if l == 0 && w.seen.add(f.root) {
		see(w, f.one(w, q, f.root))
	}
}

// walk collects in w.found the ef nearest rows of level l that a best-first
// walk from the given row meets. It ends when all ef have been expanded, the
// stopping rule of the paper's algorithm 2: anything evicted was worse than
// ef others.
func (f *frame) walk(w *walker, q *query, from entry, ef, l int) {
	f.start(w, q, from, l, func(w *walker, e entry) { w.found.insert(e, ef) })
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
			f.level0.Prefetch(w.found[next].slot &^ done)
		}
		for list := f.list(at, l); len(list) > 0; {
			part := list[max(0, len(list)-simd.Batch):]
			list = list[:len(list)-len(part)]
			n := f.gather(w, part)
			f.measure(w, q, n)
			n = w.within(n, w.found.last(ef))
			if l == 0 {
				f.expectNext(w, n, next)
			}
			for i := n - 1; i >= 0; i-- {
				if at := w.found.insert(entry{w.near[i], w.ids[i]}, ef); at >= 0 && at < next {
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
func (f *frame) walkFiltered(w *walker, q *query, from entry, ef, limit int, ok acceptor) bool {
	see := func(w *walker, e entry) {
		if len(w.found) == ef && !e.before(w.found[ef-1]) {
			return
		}
		w.ahead.push(e)
		if ok.accept(e.slot) {
			w.found.insert(e, ef)
		}
	}
	f.start(w, q, from, 0, see)
	for len(w.ahead) > 0 {
		at := w.ahead.pop()
		if len(w.found) == ef && !at.before(w.found[ef-1]) {
			break
		}
		w.hops++
		for list := f.list(at.slot, 0); len(list) > 0; {
			part := list[max(0, len(list)-simd.Batch):]
			list = list[:len(list)-len(part)]
			n := f.gather(w, part)
			f.measure(w, q, n)
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

// expectNext asks for the list of the nearest of the n rows just measured, if it
// will be expanded before found[next].
func (f *frame) expectNext(w *walker, n, next int) {
	best := 0
	for i, d := range w.near[:n] {
		if d < w.near[best] {
			best = i
		}
	}
	if n > 0 && (next >= len(w.found) || w.near[best] < w.found[next].d) {
		f.level0.Prefetch(w.ids[best])
	}
}

// within keeps those of the n rows just measured that are not farther than d, and
// returns how many they are. It has no jumps, as sift has none.
func (w *walker) within(n int, d float32) (kept int) {
	for i, near := range w.near[:n] {
		w.ids[kept%len(w.ids)], w.near[kept%len(w.near)] = w.ids[i], near
		kept += one(!(near > d)) // what is not a number is not farther
	}
	return kept
}
