package hnsw

import (
	"math"
	"slices"
	"sync"

	"github.com/deeperpoint/csss/internal/simd"
)

// A training says when the mean of the codes has to be taken again.
type training struct {
	next int // rows at which it is due
	odd  int // rows since the last that lie far from the mean
}

// due reports whether the mean has to be taken, or taken again: because there
// are many more rows, or because an eighth of them came to lie elsewhere.
func (t *training) due(live int) bool {
	return live >= max(t.next, firstTraining) || t.odd > max(oddRows, live/8)
}

// A row lies elsewhere if its scale is oddScale times the usual.
const (
	oddScale = 1.5
	oddRows  = 32
)

// firstTraining is how many rows the mean is taken of at first, and what they
// are checked by; then each time the rows have doubled.
const firstTraining = 256

// leastCompact is how many rows the mean is taken of before mode Compact forgets
// the rows themselves, and the mean can be taken no more.
const leastCompact = 4096

// train takes the mean of all rows, codes them anew and checks the codes. It
// depends on nothing but the rows and their slots. Searches go on with the
// codes that they have.
func (g *graph) train(workers int) {
	g.training = training{next: 2 * g.live}
	c := newCodes(g.dim)
	c.reserve(g.slots)
	taken := g.taken()
	for _, s := range taken {
		c.rows.Hold(s)
	}
	c.rows.Extend(g.slots)
	sum := make([]float64, g.dim)
	for _, s := range taken {
		for i, f := range g.row(s) {
			sum[i] += float64(f)
		}
	}
	for i := range c.mean {
		c.mean[i] = float32(sum[i] / float64(len(taken)))
	}
	c.meanNorm = squaredNorm(c.mean)
	g.codeAll(&c, taken, workers)
	var scale, length float64
	for _, s := range taken {
		scale += float64(c.side(s).scale)
	}
	for _, s := range taken[:min(len(taken), checkedRows)] {
		length += math.Sqrt(lengthSquared(g.row(s), c.mean))
	}
	c.scale = float32(scale / float64(len(taken)))
	c.length = float32(length / float64(min(len(taken), checkedRows)))
	g.codes = c
	g.codes.good = g.ranks(taken)
	if g.Mode == Compact && g.codes.good && len(taken) >= max(leastCompact, g.ExactBelow) {
		g.forgetRows()
	}
}

// forgetRows leaves nothing but codes.
func (g *graph) forgetRows() {
	g.compact = true
	g.rows = *simd.NewTable(4 * g.dim)
	g.training.next = math.MaxInt
	for _, w := range g.linkers { // scratch may still hold some
		w.row, w.rival.row = nil, nil
	}
}

// taken returns the slots that hold rows.
func (g *graph) taken() []uint32 {
	slots := make([]uint32, 0, g.live)
	for s := range uint32(g.slots) {
		if g.nodes.at(s).state != free {
			slots = append(slots, s)
		}
	}
	return slots
}

// codeAll writes the codes of the given rows.
func (g *graph) codeAll(c *codes, slots []uint32, workers int) {
	var wg sync.WaitGroup
	for part := range slices.Chunk(slots, max(1, (len(slots)+workers-1)/workers)) {
		wg.Go(func() {
			from := make([]float32, g.dim)
			for _, s := range part {
				c.put(s, g.row(s), g.Metric, from)
			}
		})
	}
	wg.Wait()
}

func lengthSquared(row, mean []float32) float64 {
	var sum float64
	for i, f := range row {
		d := float64(f - mean[i])
		sum += float64(d * d)
	}
	return sum
}

// What a check of the codes looks at, and what it asks of them: of the nearest
// rows in truth, how many are among twice as many by their codes.
const (
	checkedRows    = 2048
	checkedQueries = 32
	checkedNearest = 10
	leastKept      = 0.99
)

// ranks reports whether codes rank a sample of the given rows nearly as the
// rows themselves do.
func (g *graph) ranks(slots []uint32) bool {
	var sample []uint32
	for i := 0; i < len(slots) && len(sample) < checkedRows; i += max(1, len(slots)/checkedRows) {
		sample = append(sample, slots[i])
	}
	kept, asked := 0, 0
	var w walker
	var q query
	for i := 0; i < len(sample); i += max(1, len(sample)/checkedQueries) {
		q.probe = probe{row: g.rows.Floats(sample[i]), coder: q.coder}
		q.coded = false
		truth := g.nearestOf(&w, &q, sample, checkedNearest)
		q.coder.set(g.row(sample[i]), g.Metric, &g.codes)
		q.coded = true
		codes := g.nearestOf(&w, &q, sample, 2*checkedNearest)
		for _, e := range truth {
			asked++
			if slices.ContainsFunc(codes, func(f entry) bool { return f.slot == e.slot }) {
				kept++
			}
		}
	}
	return float64(kept) >= leastKept*float64(asked)
}

// nearestOf returns the k nearest of the given rows.
func (f *frame) nearestOf(w *walker, q *query, slots []uint32, k int) []entry {
	w.found = w.found[:0]
	for len(slots) > 0 {
		n := copy(w.ids[:], slots)
		slots = slots[n:]
		f.measure(w, q, n)
		for i, s := range w.ids[:n] {
			w.found.insert(entry{w.near[i], s}, k)
		}
	}
	return slices.Clone(w.found)
}
