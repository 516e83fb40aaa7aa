package hnsw

import (
	"math"
	"slices"

	"github.com/deeperpoint/csss/internal/simd"
)

// A row's code is the row in bytes: each component as a whole multiple, from
// -127 to 127, of the row's own scale, with 128 added because the kernels take
// rows without sign. A walk that reads codes moves a quarter of the bytes, and
// that is where its time goes; what it finds is then compared exactly.

// A coded is what a walk has to know of a row besides its code.
type coded struct {
	scale float32
	norm  float32 // what the row alone adds to its distance
}

// codes holds the codes of a graph's rows, taken from the mean of the rows: what
// they have in common says nothing about which is near.
type codes struct {
	rows          *simd.Table
	side          []coded
	mean          []float32
	scale, length float32 // of a row, on average

	good bool // codes rank rows well enough to walk by
	next int  // rows at which the mean is taken again
	odd  int  // rows since then that lie far from the mean
	from []float32
}

func newCodes(dim int) *codes {
	return &codes{rows: simd.NewTable(dim), mean: make([]float32, dim), from: make([]float32, dim), next: firstTraining}
}

// due reports whether the mean has to be taken, or taken again: because there
// are many more rows, or because an eighth of them came to lie elsewhere.
func (c *codes) due(live int) bool {
	return live >= c.next || c.odd > max(oddRows, live/8)
}

// A row lies elsewhere if its scale is oddScale times the usual.
const (
	oddScale = 1.5
	oddRows  = 32
)

// firstTraining is how many rows the mean is taken of at first, and what they
// are checked by; then each time the rows have doubled.
const firstTraining = 256

func (c *codes) reserve(n int) {
	c.rows.Reserve(n)
	for len(c.side) < n {
		c.side = append(c.side, coded{})
	}
}

// put writes the code of a row.
func (c *codes) put(slot uint32, row []float32, m Metric) {
	code := c.rows.Row(slot)
	for i, f := range row {
		c.from[i] = f - c.mean[i]
	}
	scale, _ := quantise(code, c.from, 128)
	c.side[slot] = coded{scale: scale, norm: m.ownShare(c.from)}
	if c.good && scale > oddScale*c.scale {
		c.odd++
	}
}

// ownShare is what a row taken from the mean adds to each distance.
func (m Metric) ownShare(row []float32) float32 {
	switch m {
	case L2:
		return squaredNorm(row)
	case Cosine:
		return squaredNorm(row) / 2
	default:
		return 0
	}
}

// clear empties the slot of a row.
func (c *codes) clear(slot uint32) {
	clear(c.rows.Row(slot))
	c.side[slot] = coded{}
}

// quantise writes each component as a whole multiple of the scale that it
// returns, with bias added; the scale of a row of zeros is 0.
func quantise[T byte | int8](code []T, row []float32, bias int32) (scale float32, sum int32) {
	var most float32
	for _, f := range row {
		most = max(most, f, -f)
	}
	inverse := 127 / most
	if scale = most / 127; scale == 0 || math.IsInf(float64(inverse), 0) { // zeros, or all but
		scale, inverse = 0, 0
	}
	code = code[:len(row)]
	for i, f := range row {
		v := int32(math.Float32bits(float32(f*inverse)+toWhole)) - int32(wholeBits)
		code[i] = T(v + bias)
		sum += v
	}
	return scale, sum
}

// Adding toWhole to a small number rounds it to the nearest whole one, half to
// even, and leaves that in the last bits.
const toWhole = 3 << 22

var wholeBits = math.Float32bits(toWhole)

func squaredNorm(row []float32) float32 {
	var sum float64
	for _, f := range row {
		sum += float64(float64(f) * float64(f))
	}
	return float32(sum)
}

// A coder compares a query with codes.
type coder struct {
	code   []int8 // of the query, as long as a stride
	from   []float32
	factor float32 // of scale·(code product)
	offset int32   // 128·Σ code: what the bias of the rows adds to each product
	base   float32
	margin float32 // by which a distance is rarely wrong
}

// set takes a query in the form in which rows are stored.
func (c *coder) set(q []float32, m Metric, to *codes) {
	if len(c.code) != to.rows.Stride || len(c.from) != len(q) {
		c.code, c.from = make([]int8, to.rows.Stride), make([]float32, len(q))
	}
	copy(c.from, q)
	c.base = 0
	if m == Dot {
		for i, f := range q {
			c.base -= float32(f * to.mean[i])
		}
	} else {
		for i, f := range q {
			c.from[i] = f - to.mean[i]
		}
		c.base = m.ownShare(c.from)
	}
	scale, sum := quantise(c.code, c.from, 0)
	c.offset, c.factor = 128*sum, -scale
	// Rounding moves a product of a row and the query by about the scale of the
	// one times the length of the other, over √12; three times that is rare.
	length := math.Sqrt(float64(squaredNorm(c.from)))
	c.margin = float32(3 / math.Sqrt(12) * math.Hypot(float64(to.scale)*length, float64(scale)*float64(to.length)))
	if m == L2 {
		c.factor *= 2
		c.margin *= 2
	}
}

// distance is near what the metric gives for the row.
func (c *coder) distance(product int32, of coded) float32 {
	return c.base + of.norm + float32(float32(c.factor*of.scale)*float32(product-c.offset))
}

// train takes the mean of all rows, codes them anew and checks the codes. It
// depends on nothing but the rows and their slots.
func (g *graph) train() {
	c := g.codes
	c.next, c.odd = max(firstTraining, 2*g.live), 0
	sum := make([]float64, g.dim)
	for s := range g.nodes {
		if g.nodes[s].state == free {
			continue
		}
		for i, f := range g.row(uint32(s)) {
			sum[i] += float64(f)
		}
	}
	for i := range c.mean {
		c.mean[i] = float32(sum[i] / float64(g.live))
	}
	var scale, length float64
	for s := range g.nodes {
		if g.nodes[s].state == free {
			continue
		}
		c.put(uint32(s), g.row(uint32(s)), g.Metric)
		scale += float64(c.side[s].scale)
		length += math.Sqrt(float64(squaredNorm(c.from)))
	}
	c.scale, c.length = float32(scale/float64(g.live)), float32(length/float64(g.live))
	c.odd = 0
	c.good = g.ranks()
}

// What a check of the codes looks at, and what it asks of them: of the nearest
// rows in truth, how many are among twice as many by their codes.
const (
	checkedRows    = 2048
	checkedQueries = 32
	checkedNearest = 10
	leastKept      = 0.99
)

// ranks reports whether codes rank a sample of the rows nearly as the rows
// themselves do.
func (g *graph) ranks() bool {
	var sample []uint32
	step := max(1, g.live/checkedRows)
	n := 0
	for s := range g.nodes {
		if g.nodes[s].state == free {
			continue
		}
		if n++; n%step == 0 && len(sample) < checkedRows {
			sample = append(sample, uint32(s))
		}
	}
	kept, asked := 0, 0
	var w walker
	var q query
	for i := 0; i < len(sample); i += max(1, len(sample)/checkedQueries) {
		g.ask(&q, g.rows.Floats(sample[i]))
		q.coded = false
		truth := g.nearestOf(&w, &q, sample, checkedNearest)
		q.coder.set(g.row(sample[i]), g.Metric, g.codes)
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
func (g *graph) nearestOf(w *walker, q *query, slots []uint32, k int) []entry {
	w.found = w.found[:0]
	for len(slots) > 0 {
		n := copy(w.ids[:], slots)
		slots = slots[n:]
		g.measure(w, q, n)
		for i, s := range w.ids[:n] {
			w.found.insert(entry{w.near[i], s}, k)
		}
	}
	return slices.Clone(w.found)
}
