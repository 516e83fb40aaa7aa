package hnsw

import (
	"math"
	"unsafe"

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

const codedBytes = 8

// codes are the codes of a frame's rows, taken from the mean of the rows: what
// they have in common says nothing about which is near. Where rows vary in few
// directions, they are taken along these.
type codes struct {
	rows  simd.Table
	apart column[coded] // where a code leaves no room behind it
	mean  []float32     // never written once it is here; nil without codes
	axes  *simd.Table   // of unit length, orthogonal, and never written either; nil for the components themselves
	width int           // of a code: how many components or axes

	meanNorm      float32 // ‖mean‖²
	scale, length float32 // of a row, on average
	rest          float32 // length of what axes leave of a row, on average
	astray        int     // rows of which axes leave too much, since the axes were taken
	good          bool    // codes rank rows well enough to walk by
}

func codesFor(dim int, m Mode) codes {
	if m == Float32 {
		return codes{}
	}
	return newCodes(dim, dim)
}

func newCodes(dim, width int) codes {
	size := width
	if padding(width) >= codedBytes {
		size = width + padding(width) // so that the table counts all of it as the row's
	}
	return codes{rows: *simd.NewTable(size), mean: make([]float32, dim), width: width}
}

// padding is how many bytes of a stride a code of so many bytes leaves.
func padding(width int) int { return -width & (simd.Align - 1) }

// reserve makes room for what stands apart from the codes of n slots.
func (c *codes) reserve(n int) {
	if padding(c.width) < codedBytes {
		c.apart.reserve(n)
	}
}

// code is the place of a row's code.
func (c *codes) code(s uint32) []byte { return c.rows.Row(s)[:c.width] }

// side is the place of what else there is to know of a row: behind its code, on
// a line that the comparison has just read, where there is room for it.
func (c *codes) side(s uint32) *coded {
	if len(c.apart.chunks) != 0 {
		return c.apart.at(s)
	}
	row := c.rows.Row(s)
	return (*coded)(unsafe.Pointer(&row[len(row)-codedBytes]))
}

// expect asks for what stands apart from codes that are about to be compared.
func (c *codes) expect(slots []uint32) {
	if len(c.apart.chunks) == 0 {
		return
	}
	for _, s := range slots {
		simd.Prefetch(unsafe.Pointer(c.apart.at(s)))
	}
}

func (c *codes) bytes() int { return c.rows.Bytes() + c.apart.bytes() }

// parts is scratch for what a code is made of.
type parts struct {
	from  []float32 // a row less the mean, then zeros up to the stride of axes
	along []float32 // the same along the axes
	ids   [simd.Batch]uint32
}

// take leaves a row less the mean in p.from, and returns what its code is to say.
func (c *codes) take(p *parts, row []float32, k *simd.RowKernels) []float32 {
	stride := (len(c.mean) + floatsAligned - 1) &^ (floatsAligned - 1)
	if len(p.from) != stride {
		p.from = make([]float32, stride)
	}
	from, mean := p.from[:len(row)], c.mean[:len(row)]
	for i, f := range row {
		from[i] = f - mean[i]
	}
	if c.axes == nil {
		return from
	}
	if room := (c.width + simd.Batch - 1) &^ (simd.Batch - 1); len(p.along) < room {
		p.along = make([]float32, room)
	}
	for first := 0; first < c.width; first += simd.Batch {
		n := min(simd.Batch, c.width-first)
		for i := range p.ids[:n] {
			p.ids[i] = uint32(first + i)
		}
		k.DotF32(p.along[first:], p.from, &c.axes.Rows, p.ids[:n])
	}
	return p.along[:c.width]
}

const floatsAligned = simd.Align / 4

// put writes the code of a row.
func (c *codes) put(slot uint32, row []float32, m Metric, p *parts, k *simd.RowKernels) {
	scale, _ := quantise(c.code(slot), c.take(p, row, k), 128)
	*c.side(slot) = coded{scale: scale, norm: c.ownShare(p.from[:len(row)], m)}
}

// across is the squared length of what axes leave of the row just taken.
func (c *codes) across(p *parts) float32 {
	if c.axes == nil {
		return 0
	}
	return max(squaredNorm(p.from)-squaredNorm(p.along[:c.width]), 0)
}

// leaves reports whether a row of which so much lies across the axes, squared, is
// one that codes say too little of: what is like it lies there too. What rounding
// takes from a code in any case is too little to matter.
func (c *codes) leaves(across float32) bool {
	return c.axes != nil && across > max(oddRest*c.rest*c.rest, 1e-4*c.length*c.length)
}

// ownShare is what a row, less the mean, adds to each distance by itself.
func (c *codes) ownShare(from []float32, m Metric) float32 {
	switch m {
	case L2:
		return squaredNorm(from)
	case Cosine:
		return squaredNorm(from) / 2
	default:
		return -dot64(c.mean, from)
	}
}

// clear empties the slot of a row.
func (c *codes) clear(slot uint32) {
	*c.side(slot) = coded{}
	clear(c.code(slot))
}

// decode writes to row what the code of a slot says of it.
func (c *codes) decode(slot uint32, row []float32) {
	scale := c.side(slot).scale
	for i, b := range c.code(slot) {
		row[i] = c.mean[i] + float32(scale*float32(int32(b)-128))
	}
}

// quantise writes each component as a whole multiple of the scale that it
// returns, with bias added; the scale of a row of zeros is 0.
func quantise[T byte | int8](code []T, row []float32, bias int32) (scale float32, sum int32) {
	most := largest(row)
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

// largest returns the largest magnitude in a row. Magnitudes are in the order of
// their bits, and whole numbers compare without a thought for NaN.
func largest(row []float32) float32 {
	const magnitude = 1<<31 - 1
	var a, b, c, d uint32
	for ; len(row) >= 4; row = row[4:] {
		a = max(a, math.Float32bits(row[0])&magnitude)
		b = max(b, math.Float32bits(row[1])&magnitude)
		c = max(c, math.Float32bits(row[2])&magnitude)
		d = max(d, math.Float32bits(row[3])&magnitude)
	}
	for _, f := range row {
		a = max(a, math.Float32bits(f)&magnitude)
	}
	return math.Float32frombits(max(a, b, c, d))
}

// Adding toWhole to a small number rounds it to the nearest whole one, half to
// even, and leaves that in the last bits.
const toWhole = 3 << 22

var wholeBits = math.Float32bits(toWhole)

func squaredNorm(row []float32) float32 { return dot64(row, row) }

// dot64 sums in four parts, so that none waits for the one before.
func dot64(x, y []float32) float32 {
	y = y[:len(x)]
	var a, b, c, d float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		x, y := x[i:i+4], y[i:i+4]
		a += float64(float64(x[0]) * float64(y[0]))
		b += float64(float64(x[1]) * float64(y[1]))
		c += float64(float64(x[2]) * float64(y[2]))
		d += float64(float64(x[3]) * float64(y[3]))
	}
	for ; i < len(x); i++ {
		a += float64(float64(x[i]) * float64(y[i]))
	}
	return float32((a + b) + (c + d))
}

// A coder compares a query with codes.
type coder struct {
	code   []int8 // of the query, as long as a stride
	parts  parts
	width  int     // of the code
	factor float32 // of scale·(code product)
	offset int32   // 128·Σ code: what the bias of the rows adds to each product
	base   float32
	across float32 // squared length of what axes leave of the query
	margin float32 // by which a distance is rarely wrong

	products [simd.Batch]int32 // scratch
}

// reserve makes room for a query of the codes.
func (c *coder) reserve(to *codes) {
	if len(c.code) != to.rows.Stride || c.width != to.width {
		c.code, c.width = make([]int8, to.rows.Stride), to.width // what is behind the width stays zero
	}
}

// set takes a query in the form in which rows are stored.
func (c *coder) set(q []float32, m Metric, to *codes, k *simd.RowKernels) {
	c.reserve(to)
	says := to.take(&c.parts, q, k)
	from := c.parts.from[:len(q)]
	length2 := squaredNorm(from)
	switch m {
	case L2:
		c.base = length2
	case Cosine:
		c.base = length2 / 2
	default:
		c.base = -dot64(to.mean, q)
	}
	scale, sum := quantise(c.code, says, 0)
	c.scaled(scale, sum, m)
	// Rounding moves a product of a row and the query by about the scale of the
	// one times the length of the other, over √12; three times that is rare.
	length := math.Sqrt(float64(length2))
	off := math.Hypot(float64(to.scale)*length, float64(scale)*float64(to.length)) / math.Sqrt(12)
	if c.across = to.across(&c.parts); to.axes != nil { // and what lies across the axes, in some direction
		off = math.Hypot(off, math.Sqrt(float64(c.across)/float64(len(q)-to.width))*float64(to.rest))
	}
	c.margin = float32(3 * off)
	if m == L2 {
		c.margin *= 2
	}
}

// marginOf is the margin for a row of this scale, which may be larger than usual.
func (c *coder) marginOf(row *coded, of *codes) float32 {
	switch {
	case row.scale <= of.scale:
		return c.margin
	case of.scale == 0:
		return float32(math.Inf(1))
	}
	return c.margin * (row.scale / of.scale)
}

// setRow takes a row by its code.
func (c *coder) setRow(s uint32, m Metric, from *codes) {
	c.reserve(from)
	var sum int32
	for i, b := range from.code(s) {
		v := int32(b) - 128
		c.code[i] = int8(v)
		sum += v
	}
	side := from.side(s)
	c.base = side.norm
	if m == Dot {
		c.base -= from.meanNorm
	}
	c.margin = 0
	c.scaled(side.scale, sum, m)
}

func (c *coder) scaled(scale float32, sum int32, m Metric) {
	c.offset, c.factor = 128*sum, -scale
	if m == L2 {
		c.factor *= 2
	}
}

// distance is near what the metric gives for the row.
func (c *coder) distance(product int32, of *coded) float32 {
	return c.base + of.norm + float32(float32(c.factor*of.scale)*float32(product-c.offset))
}
