package redteam

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// A Reply is a way of answering how similar a query is to a secret.
type Reply struct {
	Name  string
	Of    func(cosine float64, d int) float64
	Noise float64 // share of the replies' variance that the cosine does not explain
}

// Replies are those of the measurement behind the budget, from the most telling
// to the least.
func Replies() []Reply {
	round := func(step float64) func(float64, int) float64 {
		return func(x float64, _ int) float64 { return math.Round(x/step) * step }
	}
	return []Reply{
		{"exact score", func(x float64, _ int) float64 { return x }, 0},
		{"rounded to 0.01", round(0.01), 0.002},
		{"rounded to 0.05", round(0.05), 0.05},
		{"3 bands", func(x float64, d int) float64 {
			edge := 0.43 / math.Sqrt(float64(d)) // a third of all queries in each
			return float64(b2i(x > edge) - b2i(x < -edge))
		}, 0.2},
		{"sign only", func(x float64, _ int) float64 { return float64(2*b2i(x > 0) - 1) }, 0.36},
		{"only in the top 2 %", func(x float64, d int) float64 { return float64(b2i(x > 2.054/math.Sqrt(float64(d)))) }, 0.85},
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Simulate is the measurement behind the budget: d-dimensional unit vectors,
// isotropic, n random queries about one secret, solved by least squares. It
// returns the mean cosine between what was recovered and the secret. Real
// embeddings are not isotropic, so the figure flatters the defender.
//
// Cost: trials × n × d × the steps of the solver, which are at most 2n.
func Simulate(r Reply, d, n, trials int, seed uint64) float64 {
	rng := rand.New(rand.NewPCG(seed, uint64(d)))
	sum := 0.0
	for range trials {
		secret := unit(rng, d)
		rows, right := make([][]float64, n), make([]float64, n)
		for i := range rows {
			rows[i] = unit(rng, d)
			right[i] = r.Of(dot(rows[i], secret), d)
		}
		sum += Cosine(Recover(rows, right, r.Noise), secret)
	}
	return sum / float64(trials)
}

func unit(rng *rand.Rand, d int) []float64 {
	v := make([]float64, d)
	for i := range v {
		v[i] = rng.NormFloat64()
	}
	scale(v, 1/math.Sqrt(dot(v, v)))
	return v
}

// Recover solves for the vector whose products with the rows are the right-hand
// sides, in the sense of least squares, of smallest norm: conjugate gradients on
// the normal equations. What is left over of the right-hand sides once it is
// less than the share noise is not explained any further: it would be fitted to
// roundings. Recover returns nil for no rows.
func Recover(rows [][]float64, right []float64, noise float64) []float64 {
	if len(rows) == 0 {
		return nil
	}
	x := make([]float64, len(rows[0]))
	residual := slices.Clone(right) // b − A·x
	gradient := transposed(rows, residual)
	direction := slices.Clone(gradient)
	norm := dot(gradient, gradient)
	first := norm
	for range 2 * max(len(rows), 1) {
		if norm <= 1e-18*first || norm == 0 || dot(residual, residual) <= noise*dot(right, right) {
			break
		}
		image := times(rows, direction)
		step := norm / dot(image, image)
		add(x, step, direction)
		add(residual, -step, image)
		gradient = transposed(rows, residual)
		next := dot(gradient, gradient)
		scale(direction, next/norm)
		add(direction, 1, gradient)
		norm = next
	}
	return x
}

// Cosine is the cosine of the angle between two vectors, and 0 if one of them
// has no length.
func Cosine(a, b []float64) float64 {
	if len(a) != len(b) {
		return 0
	}
	n := math.Sqrt(dot(a, a) * dot(b, b))
	if n == 0 {
		return 0
	}
	return dot(a, b) / n
}

func times(rows [][]float64, v []float64) []float64 {
	out := make([]float64, len(rows))
	for i, row := range rows {
		out[i] = dot(row, v)
	}
	return out
}

func transposed(rows [][]float64, v []float64) []float64 {
	out := make([]float64, len(rows[0]))
	for i, row := range rows {
		add(out, v[i], row)
	}
	return out
}

func add(dst []float64, factor float64, v []float64) {
	for i := range dst {
		dst[i] += factor * v[i]
	}
}

func scale(v []float64, factor float64) {
	for i := range v {
		v[i] *= factor
	}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// Row is one line of the table in the design note: a reply, and the cosine after
// so many queries.
func Row(r Reply, d int, queries []int, trials int, seed uint64) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%-20s", r.Name)
	for _, n := range queries {
		fmt.Fprintf(&out, " %5.2f", Simulate(r, d, n, trials, seed))
	}
	return out.String()
}
