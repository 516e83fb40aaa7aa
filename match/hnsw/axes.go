package hnsw

import (
	"math"
	"math/rand/v2"

	"github.com/deeperpoint/csss/internal/simd"
)

// Vectors of many components often vary in few directions. Codes along these are
// shorter: fewer bytes to read for each row that a walk meets, and that is where
// its time goes. What the directions leave out is in the distance by its length;
// only its product with the query is missing (as in LeanVec, arXiv 2312.16335,
// and principal component analysis before it).

const (
	// leastAlong is how many rows axes are taken of at least, sampledAlong at most.
	leastAlong   = 2048
	sampledAlong = 1024

	// alongStep is by how much codes along axes may grow: a line of the cache,
	// less what stands behind the code.
	alongStep = simd.Align

	// leftOut is the share of the rows' variance that axes may leave out, before
	// it is worth a check of how codes along them rank rows. rankLoss is by how
	// much fewer of the ten nearest may be the ten nearest by these: walks keep more
	// than they return. It is seven deviations of a check by so many queries.
	leftOut      = 0.03
	rankLoss     = 0.02
	alongQueries = 128

	rounds = 4 // of the power method: the space settles long before its axes do
)

// narrowed returns codes along so few axes that they take half the lines at most,
// if those rank the sample as well as c does; else c.
func (g *graph) narrowed(c codes, sample []uint32, workers int) codes {
	lines := (g.dim + codedBytes + simd.Align - 1) / simd.Align
	whole := -1.0
	for n := 1; n <= lines/2; n *= 2 {
		along := c
		along.width = n*alongStep - codedBytes
		var left float64
		if along.axes, left = g.principal(&c, some(sample, sampledAlong), along.width, workers); !(left <= leftOut) { // or not a number, where squares overflow
			continue
		}
		if whole < 0 {
			whole = g.rankedBy(c, sample, workers)
		}
		if g.rankedBy(along, sample, workers) >= whole-rankLoss {
			return along
		}
	}
	return c
}

// rankedBy returns how many of the nearest rows of the sample are the nearest by
// their codes.
func (g *graph) rankedBy(c codes, sample []uint32, workers int) float64 {
	now := g.codes
	defer func() { g.codes = now }()
	g.codes = g.code(c, sample, int(sample[len(sample)-1])+1, workers)
	return g.ranks(sample, alongQueries, checkedNearest)
}

// principal returns about so many directions in which the given rows vary most,
// and the share of their variance that these leave out: by the power method on a
// space (subspace iteration), from a space drawn by lot.
func (g *graph) principal(c *codes, rows []uint32, width, workers int) (axes *simd.Table, left float64) {
	var p parts
	from := simd.NewTable(4 * g.dim)
	from.Reserve(len(rows))
	var all float64
	for i, s := range rows {
		copy(from.Floats(uint32(i)), c.take(&p, g.row(s), &g.kernels))
		all += float64(squaredNorm(p.from))
	}
	axes = simd.NewTable(4 * g.dim)
	axes.Reserve(width)
	draw := rand.New(rand.NewPCG(uint64(g.dim), uint64(width)))
	for a := range uint32(width) {
		for i := range g.dim {
			axes.Floats(a)[i] = float32(draw.Float64() - 0.5)
		}
	}
	space := codes{mean: make([]float32, g.dim), axes: axes, width: width}
	products := make([]float32, len(rows)*width)
	for round := range rounds {
		orthonormalise(axes, width)
		var along float64
		for i := range rows {
			t := space.take(&p, from.Floats(uint32(i))[:g.dim], &g.kernels)
			along += float64(squaredNorm(t))
			copy(products[i*width:], t)
		}
		left = 1 - along/max(all, math.SmallestNonzeroFloat64)
		if round == rounds-1 || round > 0 && left > 2*leftOut {
			break
		}
		axes = combined(from, products, g.dim, width, workers)
		space.axes = axes
	}
	return axes, left
}

// combined returns so many sums of rows, each with factors of its own: for each
// row there are width of them. Workers take some sums each, whole ones, so that
// these do not depend on how many workers there are.
func combined(rows *simd.Table, factors []float32, dim, width, workers int) *simd.Table {
	sums := simd.NewTable(4 * dim)
	sums.Reserve(width)
	byWorkers(width, workers, func(first, end int) {
		for i := range len(factors) / width {
			row := rows.Floats(uint32(i))
			for a := first; a < end; a++ {
				addTimes(sums.Floats(uint32(a)), factors[i*width+a], row)
			}
		}
	})
	return sums
}

// addTimes adds f·row to sum.
func addTimes(sum []float32, f float32, row []float32) {
	row = row[:len(sum)]
	for i, x := range row {
		sum[i] += float32(f * x)
	}
}

// orthonormalise makes the first n rows of a table orthogonal and of unit length
// (modified Gram and Schmidt, twice, so that rounding leaves nothing); a row that
// the others span becomes zero.
func orthonormalise(t *simd.Table, n int) {
	for a := range uint32(n) {
		row := t.Floats(a)
		before := squaredNorm(row)
		for range 2 {
			for b := range a {
				addTimes(row, -dot64(row, t.Floats(b)), t.Floats(b))
			}
		}
		length := squaredNorm(row)
		if length <= 1e-10*before { // nothing but rounding
			clear(row)
			continue
		}
		inverse := float32(1 / math.Sqrt(float64(length)))
		for i := range row {
			row[i] *= inverse
		}
	}
}
