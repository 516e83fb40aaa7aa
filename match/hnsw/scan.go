package hnsw

import (
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

	coded bool // compare codes, then what they find
	limit int  // rows kept
}

func (f *frame) scan(w *walker, q *query, k int) scan {
	w.found = w.found[:0]
	return scan{frame: f, w: w, q: q, k: k, limit: k}
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

// byCodes has the scan compare codes, and only what it finds exactly, unless
// many results are asked for.
func (c *scan) byCodes() {
	if c.coded = c.q.coded && c.k < manyResults/4; c.coded {
		c.limit = 4*c.k + 32
	}
}

// keep measures a batch and keeps what is near.
func (c *scan) keep() {
	w := c.w
	if c.coded {
		c.measure(w, c.q, c.n)
	} else {
		w.visits += c.n
		c.exact(&c.q.probe, w.ids[:c.n], w.near[:])
	}
	for i, s := range w.ids[:c.n] {
		e := entry{w.near[i], s}
		if c.limit < manyResults {
			w.found.insert(e, c.limit)
		} else {
			w.found = append(w.found, e)
		}
	}
	c.n = 0
}

// end leaves the result.
func (c *scan) end() {
	c.keep()
	if c.limit >= manyResults {
		slices.SortFunc(c.w.found, compareEntries)
		c.w.found = c.w.found[:min(c.k, len(c.w.found))]
	}
	if c.coded {
		c.refine(c.w, c.q, c.k)
	}
}
