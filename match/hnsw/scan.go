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
// apart, unless many results are asked for, or codes say too little of some rows.
func (f *frame) scan(w *walker, q *query, k int, byCodes bool) scan {
	w.found, w.ahead = w.found[:0], w.ahead[:0]
	coded := byCodes && q.coded && !f.compact && f.codes.astray == 0 && k < manyResults/4
	return scan{frame: f, w: w, q: q, k: k, coded: coded}
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

// certainty is how many margins, of three deviations each, a row is taken to be
// nearer than its code says before it is passed over.
const certainty = 1.5

// keepNear keeps in w.found how far the k nearest rows are at most, and in w.ahead
// how near all are at least that may be among them.
func (c *scan) keepNear(e entry) {
	w, margin := c.w, c.q.coder.marginOf(c.codes.side(e.slot), &c.codes)
	if least := e.d - certainty*margin; least <= c.reach() {
		w.ahead = append(w.ahead, entry{least, e.slot})
		w.found.insert(entry{e.d + margin, e.slot}, c.k)
	}
}

// reach is how far a row may be and still be one of the k nearest.
func (c *scan) reach() float32 {
	if len(c.w.found) < c.k {
		return float32(math.Inf(1))
	}
	return c.w.found[c.k-1].d
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

// recheck compares exactly what is still within reach, until nothing that is left
// can be nearer than the k found.
func (c *scan) recheck() {
	w, reach := c.w, c.reach()
	left := slices.DeleteFunc(w.ahead, func(e entry) bool { return e.d > reach })
	slices.SortFunc(left, compareEntries)
	for w.found = w.found[:0]; len(left) > 0 && left[0].d <= c.reach(); {
		n := min(len(left), refineBatch)
		for i, e := range left[:n] {
			w.ids[i] = e.slot
		}
		left = left[n:]
		c.exact(&c.q.probe, w.ids[:n], w.near[:])
		for i, s := range w.ids[:n] {
			w.found.insert(entry{w.near[i], s}, c.k)
		}
	}
}
