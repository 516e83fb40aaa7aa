package hnsw

import (
	"math"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/deeperpoint/csss/internal/simd"
)

// A probe is what rows are compared with as exactly as the index can: by the
// row itself, or by its code where rows are not kept.
type probe struct {
	row   []float32 // as long as a stride of the rows
	coder coder
}

// A query is the probe of a search or of a row that is being linked.
type query struct {
	probe
	coded bool // walks compare codes
}

// A walker is the scratch of one search at a time.
type walker struct {
	seen   visited
	found  pool     // the result, nearest first
	ahead  frontier // filtered walks: rows to expand
	visits int      // distances computed
	hops   int      // rows expanded

	ids  [simd.Batch]uint32 // a batch of rows
	near [simd.Batch]float32

	// Of filtered walks.
	marks   marks
	many    []uint32 // rows to compare
	between []uint32 // rows to look beyond
	numbers roaring.ManyIntIterator
}

// ask makes q a query of a row in the form in which rows are stored, as long as
// a stride of the rows. It compares codes where they are good, and for a row whose
// likes they say enough of.
func (f *frame) ask(q *query, row []float32) {
	q.row = row
	if q.coded = f.codes.good; q.coded {
		q.coder.set(row[:f.dim], f.Metric, &f.codes, &f.kernels)
		q.coded = !f.codes.leaves(q.coder.across)
	}
}

// askRow makes q a query of the row in slot s.
func (f *frame) askRow(q *query, s uint32) {
	if !f.compact {
		f.ask(q, f.rows.Floats(s))
		return
	}
	q.coded = true
	f.aim(&q.probe, s)
}

// aim makes p a probe of the row in slot s.
func (f *frame) aim(p *probe, s uint32) {
	if f.compact {
		p.coder.setRow(s, f.Metric, &f.codes)
	} else {
		p.row = f.rows.Floats(s)
	}
}

// measure leaves in w.near how far the first n rows of w.ids are from q.
func (f *frame) measure(w *walker, q *query, n int) {
	w.visits += n
	if q.coded {
		f.byCode(&q.coder, w.ids[:n], w.near[:])
	} else {
		f.exact(&q.probe, w.ids[:n], w.near[:])
	}
}

// byCode writes to out the distances of rows by their codes.
func (f *frame) byCode(c *coder, slots []uint32, out []float32) {
	f.codes.expect(slots)
	products := c.products[:]
	f.kernels.DotI8(products, c.code, &f.codes.rows.Rows, slots)
	out, products = out[:len(slots)], products[:len(slots)]
	for i, s := range slots {
		out[i] = c.distance(products[i], f.codes.side(s))
	}
}

// exact writes to out the distances of the rows with the given slots, at most
// a batch, from p. Both slices have room for a multiple of four.
func (f *frame) exact(p *probe, slots []uint32, out []float32) {
	if f.compact {
		f.byCode(&p.coder, slots, out)
		return
	}
	switch f.Metric {
	case Dot:
		f.kernels.DotF32(out, p.row, &f.rows.Rows, slots)
		for i := range slots {
			out[i] = -out[i]
		}
	case Cosine:
		f.kernels.SquaredF32(out, p.row, &f.rows.Rows, slots)
		for i := range slots {
			out[i] *= 0.5
		}
	default:
		f.kernels.SquaredF32(out, p.row, &f.rows.Rows, slots)
	}
}

// one is the distance of a single row.
func (f *frame) one(w *walker, q *query, s uint32) entry {
	w.ids[0] = s
	f.measure(w, q, 1)
	return entry{w.near[0], s}
}

// refine leaves in w.found the k nearest of the rows that a walk over codes has
// found, by exact distances. It looks no further than codes can be wrong: not at
// rows that are by their codes beyond the k-th exact distance and a margin.
func (f *frame) refine(w *walker, q *query, k int) {
	if !q.coded || f.compact {
		return
	}
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
		f.exact(&q.probe, w.ids[:size], w.near[:])
		for i := range batch {
			batch[i].d = w.near[i]
		}
		if n += size; n >= k {
			arrange(w.found[:n])
			kth = w.found[k-1].d
		}
	}
	w.found = w.found[:n]
	arrange(w.found)
}

// refineBatch is how many rows are compared exactly at a time.
const refineBatch = 8
