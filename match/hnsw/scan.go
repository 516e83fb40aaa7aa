package hnsw

import (
	"math"
	"slices"

	"github.com/deeperpoint/csss/internal/simd"
)

// A scan collects in w.found the k nearest of the rows that it is given, a
// batch at a time, by distances as exact as the index has them. It is the slow,
// obvious twin of the walks.
type scan struct {
	*frame
	w *walker
	q *query
	k int
	n int // rows in the batch

	coded bool // compare codes, then what may be near by them
}

// scan begins a scan. By codes it compares exactly only what they cannot tell
// apart, unless many results are asked for.
func (f *frame) scan(w *walker, q *query, k int, byCodes bool) scan {
	w.found, w.ahead = w.found[:0], w.ahead[:0]
	return scan{frame: f, w: w, q: q, k: k, coded: byCodes && q.coded && !f.compact && k < manyResults/4}
}

// add offers one row.
func (c *scan) add(s uint32) {
	c.w.ids[c.n] = s
	if c.n++; c.n == simd.Batch {
		c.keep()
	}
}

// manyResults is the k from which one sort at the end is cheaper than keeping
// the pool sorted.
const manyResults = 512

// keep measures a batch and keeps what is near.
func (c *scan) keep() {
	w := c.w
	w.visits += c.n
	if c.coded {
		c.byCode(&c.q.coder, w.ids[:c.n], w.near[:])
	} else {
		c.exact(&c.q.probe, w.ids[:c.n], w.near[:])
	}
	for i, s := range w.ids[:c.n] {
		e := entry{w.near[i], s}
		switch {
		case c.coded:
			c.keepNear(e)
		case c.k < manyResults:
			w.found.insert(e, c.k)
		default:
			w.found = append(w.found, e)
		}
	}
	c.n = 0
}

// keepNear keeps in w.found the k nearest by their codes, and in w.ahead all
// that may be as near as those.
func (c *scan) keepNear(e entry) {
	w := c.w
	if e.d <= c.reach() {
		w.ahead = append(w.ahead, e)
		w.found.insert(e, c.k)
	}
}

// reach is how far a row may be by its code and still be one of the k nearest:
// its distance and that of the k-th may each be off by a margin.
func (c *scan) reach() float32 {
	if len(c.w.found) < c.k {
		return float32(math.Inf(1))
	}
	return c.w.found[c.k-1].d + 2*c.q.coder.margin
}

// end leaves the result.
func (c *scan) end() {
	c.keep()
	w := c.w
	if c.coded {
		c.recheck()
	} else if c.k >= manyResults {
		slices.SortFunc(w.found, compareEntries)
		w.found = w.found[:min(c.k, len(w.found))]
	}
}

// recheck takes what is still within reach and compares it exactly.
func (c *scan) recheck() {
	w, reach := c.w, c.reach()
	w.found = w.found[:0]
	for _, e := range w.ahead {
		if e.d <= reach {
			w.found = append(w.found, e)
		}
	}
	slices.SortFunc(w.found, compareEntries)
	c.refine(w, c.q, c.k, 1.5*c.q.coder.margin) // a scan is to find all: one in 10^5 is off by more
}
