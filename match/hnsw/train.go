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

// A row lies elsewhere if its scale is oddScale times the usual, or what axes
// leave of it is √oddRest times as long.
const (
	oddScale = 1.5
	oddRest  = 4
	oddRows  = 32
)

// firstTraining is how many rows the mean is taken of at first, and what they
// are checked by; then each time the rows have doubled.
const firstTraining = 256

// leastCompact is how many rows the mean is taken of before mode Compact forgets
// the rows themselves, and the mean can be taken no more.
const leastCompact = 4096

// train takes the mean of all rows, looks for the directions in which they vary,
// codes them anew and checks the codes. It depends on nothing but the rows and
// their slots. Searches go on with the codes that they have.
func (g *graph) train(workers int) {
	g.training = training{next: 2 * g.live}
	taken := g.taken()
	c := newCodes(g.dim, g.dim)
	g.average(&c, taken)
	if g.Mode == Int8 && len(taken) >= leastAlong {
		c = g.narrowed(c, some(taken, checkedRows), workers)
	}
	g.codes = g.code(c, taken, g.slots, workers)
	g.codes.good = g.ranks(some(taken, checkedRows), checkedQueries, 2*checkedNearest) >= leastKept
	if g.Mode == Compact && g.codes.good && len(taken) >= max(leastCompact, g.ExactBelow) {
		g.forgetRows()
	}
}

// average takes the mean of the given rows.
func (g *graph) average(c *codes, rows []uint32) {
	sum := make([]float64, g.dim)
	for _, s := range rows {
		for i, f := range g.row(s) {
			sum[i] += float64(f)
		}
	}
	for i := range c.mean {
		c.mean[i] = float32(sum[i] / float64(len(rows)))
	}
	c.meanNorm = squaredNorm(c.mean)
}

// code returns codes for the given rows that differ from c in nothing else, with
// room for n slots.
func (g *graph) code(c codes, rows []uint32, n, workers int) codes {
	all := newCodes(g.dim, c.width)
	all.mean, all.meanNorm, all.axes = c.mean, c.meanNorm, c.axes
	all.reserve(n)
	for _, s := range rows {
		all.rows.Hold(s)
	}
	all.rows.Extend(n)
	across := g.codeAll(&all, rows, workers)
	var scale, length, rest float64
	for i, s := range rows {
		scale += float64(all.side(s).scale)
		rest += math.Sqrt(float64(across[i]))
	}
	measured := rows[:min(len(rows), checkedRows)]
	for _, s := range measured {
		length += math.Sqrt(lengthSquared(g.row(s), c.mean))
	}
	all.scale = float32(scale / float64(len(rows)))
	all.rest = float32(rest / float64(len(rows)))
	all.length = float32(length / float64(len(measured)))
	for _, a := range across {
		if all.leaves(a) {
			all.astray++
		}
	}
	return all
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

// codeAll writes the codes of the given rows, and returns the squared length of
// what axes leave of each.
func (g *graph) codeAll(c *codes, slots []uint32, workers int) (across []float32) {
	across = make([]float32, len(slots))
	byWorkers(len(slots), workers, func(first, end int) {
		var p parts
		for i := first; i < end; i++ {
			c.put(slots[i], g.row(slots[i]), g.Metric, &p, &g.kernels)
			across[i] = c.across(&p)
		}
	})
	return across
}

// byWorkers calls do for as many parts of 0 to n-1 as there are workers, at a time.
func byWorkers(n, workers int, do func(first, end int)) {
	size := max(1, (n+workers-1)/workers)
	var wg sync.WaitGroup
	for first := 0; first < n; first += size {
		wg.Go(func() { do(first, min(first+size, n)) })
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

// some returns at most about n of the slots, evenly spread.
func some(slots []uint32, n int) (few []uint32) {
	for i := 0; i < len(slots) && len(few) < n; i += max(1, len(slots)/n) {
		few = append(few, slots[i])
	}
	return few
}

// What a check of the codes looks at, and what it asks of them: of the nearest
// rows in truth, how many are among twice as many by their codes.
const (
	checkedRows    = 2048
	checkedQueries = 32
	checkedNearest = 10
	leastKept      = 0.99
)

// ranks returns the share of the rows nearest to so many of the sample that are
// among the first so many by their codes.
func (g *graph) ranks(sample []uint32, queries, first int) float64 {
	kept, asked := 0, 0
	var w walker
	var q query
	for i := 0; i < len(sample); i += max(1, len(sample)/queries) {
		q.probe = probe{row: g.rows.Floats(sample[i]), coder: q.coder}
		q.coded = false
		truth := g.nearestOf(&w, &q, sample, checkedNearest)
		q.coder.set(g.row(sample[i]), g.Metric, &g.codes, &g.kernels)
		q.coded = true
		codes := g.nearestOf(&w, &q, sample, first)
		for _, e := range truth {
			asked++
			if slices.ContainsFunc(codes, func(f entry) bool { return f.slot == e.slot }) {
				kept++
			}
		}
	}
	return float64(kept) / float64(max(asked, 1))
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
