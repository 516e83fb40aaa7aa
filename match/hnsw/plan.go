package hnsw

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// How a search under a filter finds its way. Costs are in distances of a walk.

const (
	// leastMatches is how many matches a walk keeps at least. The fewer, the less
	// surely it finds the nearest.
	leastMatches = 40

	// farShare is the part of the matches' share of all rows that they must have
	// around the query. Where it is less, the nearest matches lie in a shell about
	// a hole, and a walk sees one side of it.
	farShare = 1. / 3

	// hopShare and steerShare are the least and most share of all rows at which
	// walks go from match to match: below, two hops are too short to meet the
	// next; above, one is enough.
	hopShare, steerShare = 0.08, 0.45

	// What a way costs: a scan for each match, as it reads rows in order, or has
	// to find them by their keys first; hops for each of M·(matches kept).
	scanCost, listCost, hopCost = 0.5, 2, 2
)

// A way is how to look for matches.
type way uint8

const (
	scanned way = iota // compare all of them
	steered            // walk over all rows, keep those that match
	hopped             // walk from match to match
)

// sought is what there is to know of the matches before they are looked for.
type sought struct {
	share float64 // of all rows, that match
	scan  float64 // cost of comparing all of them
	step  float64 // cost of a walk on which every row matches
	flat  bool    // there are marks
	here  neighbourhood
}

// way chooses.
func (s *sought) way() way {
	h := s.here
	switch {
	case h.share == 0 || h.share < farShare*s.share:
		return scanned
	case s.flat && h.even && h.share < 2*s.share && s.share >= hopShare && s.share < steerShare:
		if hopCost*s.step < s.scan {
			return hopped
		}
	case s.steps() < s.scan:
		return steered
	}
	return scanned
}

// steps is what a walk over all rows costs: it meets 1/share of them for each
// match, and more where others crowd between the query and the matches.
func (s *sought) steps() float64 {
	crowd := 1.0
	if !s.here.even {
		crowd += 3 * (1 - s.here.share)
	}
	return crowd * s.step / s.here.share
}

// findFiltered leaves the answer in w.found and returns the path taken.
func (v *view[K]) findFiltered(w *scratch[K], k, ef int, o *SearchOptions[K]) Path {
	w.accept = accepted[K]{v, o.Filter}
	m := min(o.Filter.Len(), v.live)
	if m == 0 {
		return PathNone
	}
	keep := min(max(ef, leastMatches), v.live)
	s := sought{step: float64(keep * v.M), scan: v.scanCost(o.Filter, m)}
	if o.Exact || !v.searchable() || wide(ef, v.live) || s.scan <= s.step {
		return v.scanMatches(w, k, o)
	}
	from := v.descend(&w.walker, &w.q, 0)
	ok := v.lookAround(w, &s, from.slot, m, o.Filter)
	path, whole := PathGraphFiltered, false
	switch s.way() {
	case scanned:
		return v.scanMatches(w, k, o)
	case steered:
		whole = v.walkFiltered(&w.walker, &w.q, from, keep, int(s.scan), ok)
	case hopped:
		path, whole = PathGraphHops, v.walkMatches(&w.walker, &w.q, from, keep, int(s.scan), w.marks)
	}
	if whole {
		if v.settle(w, k, &w.accept); len(w.found) >= k {
			return path
		}
	}
	v.scanMatches(w, k, o)
	return PathGraphScan
}

// scanCost is what scanMatches costs for m matches, or an unknown number.
func (v *view[K]) scanCost(f Filter[K], m int) float64 {
	if v.numbers(f) != nil {
		return scanCost * float64(m)
	}
	if _, ok := f.(Lister[K]); ok && m >= 0 && m <= v.live/2 {
		return listCost * float64(m)
	}
	return scanCost * float64(v.live)
}

// lookAround completes what is sought from what lies around a row, and returns
// what tells matches.
func (v *view[K]) lookAround(w *scratch[K], s *sought, at uint32, m int, f Filter[K]) acceptor {
	var ok acceptor = &w.accept
	lists := fewLists
	if b := v.numbers(f); b != nil {
		w.marks.set(b, v.slots)
		ok, lists, s.flat = &w.marks, allLists, true
	}
	s.here = v.around(&w.walker, at, lists, ok)
	if s.share = float64(m) / float64(v.live); m < 0 {
		s.share = s.here.share
	}
	return ok
}

// scanMatches compares the matches, by codes first unless all is to be exact.
func (v *view[K]) scanMatches(w *scratch[K], k int, o *SearchOptions[K]) (path Path) {
	path = PathList
	l, lists := o.Filter.(Lister[K])
	switch b := v.numbers(o.Filter); {
	case b != nil:
		v.scanNumbers(w, k, b, !o.Exact)
	case lists && l.Len() <= v.live/2:
		v.scanKeys(w, k, l, !o.Exact)
	default:
		path = PathScan
		v.scanAll(w, k, &w.accept, !o.Exact)
	}
	v.kept.offer(w, k, &w.accept)
	return path
}

// numbers returns the row numbers that a filter is made of, or nil.
func (v *view[K]) numbers(f Filter[K]) *roaring.Bitmap {
	if b, ok := f.(numbered); ok && v.RowNumbers {
		return b.rowNumbers()
	}
	return nil
}

// scanNumbers compares the rows with the numbers in b.
func (v *view[K]) scanNumbers(w *scratch[K], k int, b *roaring.Bitmap, byCodes bool) {
	c := v.scan(&w.walker, &w.q, k, byCodes)
	w.many = slices.Grow(w.many[:0], numbersAtOnce)[:numbersAtOnce]
	w.numbers.Initialize(b)
	for n := w.numbers.NextMany(w.many); n > 0; n = w.numbers.NextMany(w.many) {
		for _, s := range w.many[:n] {
			if v.has(s) {
				c.add(s)
			}
		}
	}
	w.numbers = roaring.ManyIntIterator{} // keeps none of the caller's
	c.end()
}

const numbersAtOnce = 256

// scanKeys compares the rows of the keys that l lists.
func (v *view[K]) scanKeys(w *scratch[K], k int, l Lister[K], byCodes bool) {
	c := v.scan(&w.walker, &w.q, k, byCodes)
	w.seen.reset(v.slots) // a key named twice is found once
	for key := range l.All() {
		if s, ok := v.keys.slot(key); ok && v.has(s) && w.seen.add(s) {
			c.add(s)
		}
	}
	c.end()
}

// scanAll compares all rows, or those that are accepted.
func (v *view[K]) scanAll(w *scratch[K], k int, ok acceptor, byCodes bool) {
	c := v.scan(&w.walker, &w.q, k, byCodes)
	for s := range uint32(v.slots) {
		if v.has(s) && (ok == nil || ok.accept(s)) {
			c.add(s)
		}
	}
	c.end()
}
