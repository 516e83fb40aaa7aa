package hnsw

import (
	"slices"
	"sync/atomic"
)

// walkMatches collects in w.found the ef nearest matching rows that a walk meets
// which goes from match to match, over at most one row that does not match
// (ACORN-1, arXiv 2403.04871). What does not match is not compared. Where
// matches are many and lie among the other rows by lot, it finds what a walk
// over a graph of matches alone would find.
//
// It gives up, and returns false, where no match is near, or once it has
// computed limit distances.
func (f *frame) walkMatches(w *walker, q *query, from entry, ef, limit int, match marks) bool {
	w.seen.reset(f.slots)
	w.found = w.found[:0]
	w.seen.add(from.slot)
	if match.has(from.slot) {
		w.found.insert(from, ef)
	} else {
		f.hop(w, from.slot, match)
		f.offer(w, q, ef, 0)
	}
	met := len(w.found) > 0
	for cur := 0; cur < len(w.found); {
		if w.found[cur].slot&done != 0 {
			cur++
			continue
		}
		at := w.found[cur].slot
		w.found[cur].slot |= done
		w.hops++
		if cur+1 < len(w.found) { // likely to be expanded next
			f.level0.Prefetch(w.found[cur+1].slot &^ done)
		}
		f.hop(w, at, match)
		if cur = f.offer(w, q, ef, cur+1); w.visits > limit {
			w.found = w.found[:0] // with the marks of what was expanded
			return false
		}
	}
	for i := range w.found {
		w.found[i].slot &^= done
	}
	return met
}

// hop leaves in w.many the matches that were not seen yet among the neighbours
// of a row and, until they are one and a half times M, among the neighbours of
// those that do not match. More would be compared for little.
func (f *frame) hop(w *walker, at uint32, match marks) {
	w.many = w.many[:0]
	w.between = f.unseen(w.between[:0], w, at)
	n := 0
	for _, s := range w.between {
		if match.has(s) {
			w.many = append(w.many, s)
			continue
		}
		f.level0.Prefetch(s)
		w.between[n] = s
		n++
	}
	slots := uint32(f.slots)
	for _, s := range w.between[:n] {
		if len(w.many) >= f.M+f.M/2 {
			break
		}
		list := f.list(s, 0)
		for i := len(list) - 1; i >= 0; i-- {
			if t := atomic.LoadUint32(&list[i]); t < slots && match.has(t) && w.seen.add(t) {
				w.many = append(w.many, t)
			}
		}
	}
}

// offer measures the rows of w.many and keeps the ef nearest in w.found. It
// returns the place of the first that is new, or next if that comes before.
func (f *frame) offer(w *walker, q *query, ef, next int) int {
	for ids := w.many; len(ids) > 0; {
		n := copy(w.ids[:], ids)
		ids = ids[n:]
		f.measure(w, q, n)
		n = w.within(n, w.found.last(ef))
		for i, s := range w.ids[:n] {
			if at := w.found.insert(entry{w.near[i], s}, ef); at >= 0 && at < next {
				next = at
			}
		}
	}
	return next
}

// unseen appends to ids the neighbours of s on level 0 that were not seen yet.
func (f *frame) unseen(ids []uint32, w *walker, s uint32) []uint32 {
	list := f.list(s, 0)
	ids = slices.Grow(ids, len(list))
	n := w.seen.sift(ids[len(ids):cap(ids)], list, uint32(f.slots))
	return ids[:len(ids)+n]
}
