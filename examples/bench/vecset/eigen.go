package vecset

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
)

// entry is a value that is not zero, in a column.
type entry struct {
	column int32
	value  float32
}

// sparse is a symmetric matrix.
type sparse struct{ rows [][]entry }

// Parameters of the approximation.
const (
	oversampled = 20 // columns beyond the rank
	powers      = 4
	parts       = 64 // of the rows; sums are over parts in order, whoever computes them
)

// dense is a matrix of few columns, row by row.
type dense struct {
	columns int
	values  []float64
}

func (d *dense) row(i int) []float64 { return d.values[i*d.columns : (i+1)*d.columns] }

// approximate returns the rows of Q·V·√|Λ|, where Q spans what the matrix
// stretches most (randomised subspace iteration, Halko et al., arXiv 0909.4061)
// and V, Λ are the eigenvectors and eigenvalues of QᵀMQ with the largest
// absolute values.
//
// Errors: that of the context.
func (m *sparse) approximate(ctx context.Context, rank int) (Table, error) {
	n := len(m.rows)
	q := &dense{rank + oversampled, normals(rand.New(rand.NewPCG(1, 0)), n*(rank+oversampled), 1)}
	for range powers {
		var err error
		if q, err = m.times(ctx, q); err != nil {
			return Table{}, err
		}
		for range 2 { // the second time makes up for what rounding left over
			if err := q.orthonormalise(ctx); err != nil {
				return Table{}, err
			}
		}
	}
	mq, err := m.times(ctx, q)
	if err != nil {
		return Table{}, err
	}
	small, err := gram(ctx, q, mq)
	if err != nil {
		return Table{}, err
	}
	values, vectors := eigen(small, q.columns)
	order := make([]int, q.columns)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(math.Abs(values[j]), math.Abs(values[i])) })
	weights := &dense{rank, make([]float64, q.columns*rank)}
	for i := range q.columns {
		for j, of := range order[:rank] {
			weights.row(i)[j] = vectors[i*q.columns+of] * math.Sqrt(math.Abs(values[of]))
		}
	}
	out := blank(n, rank)
	return out, inParallel(ctx, parts, func(part int) {
		sums := make([]float64, rank)
		for i := part * n / parts; i < (part+1)*n/parts; i++ {
			clear(sums)
			for j, x := range q.row(i) {
				addTo(sums, weights.row(j), x)
			}
			for j, x := range sums {
				out.Row(i)[j] = float32(x)
			}
		}
	})
}

// addTo adds x·v to sums.
func addTo(sums, v []float64, x float64) {
	for j, y := range v[:len(sums)] {
		sums[j] += float64(x * y)
	}
}

// times returns the product with d.
func (m *sparse) times(ctx context.Context, d *dense) (*dense, error) {
	n := len(m.rows)
	out := &dense{d.columns, make([]float64, len(d.values))}
	return out, inParallel(ctx, parts, func(part int) {
		for i := part * n / parts; i < (part+1)*n/parts; i++ {
			for _, e := range m.rows[i] {
				addTo(out.row(i), d.row(int(e.column)), float64(e.value))
			}
		}
	})
}

// gram returns aᵀb.
func gram(ctx context.Context, a, b *dense) ([]float64, error) {
	c, n := a.columns, len(a.values)/a.columns
	of := make([][]float64, parts)
	err := inParallel(ctx, parts, func(part int) {
		of[part] = make([]float64, c*c)
		for i := part * n / parts; i < (part+1)*n/parts; i++ {
			for j, x := range a.row(i) {
				addTo(of[part][j*c:(j+1)*c], b.row(i), x)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	sum := make([]float64, c*c)
	for _, part := range of {
		addTo(sum, part, 1)
	}
	return sum, nil
}

// orthonormalise replaces the columns by orthonormal ones that span the same,
// through the Cholesky factor of their products. A column that depends on
// earlier ones becomes zero.
func (d *dense) orthonormalise(ctx context.Context) error {
	g, err := gram(ctx, d, d)
	if err != nil {
		return err
	}
	c, n := d.columns, len(d.values)/d.columns
	l := cholesky(g, c)
	return inParallel(ctx, parts, func(part int) {
		for i := part * n / parts; i < (part+1)*n/parts; i++ {
			row := d.row(i)
			for j := range c { // forward substitution: L·x = row
				sum := row[j]
				for k, x := range l[j*c : j*c+j] {
					sum -= float64(x * row[k])
				}
				if row[j] = 0; l[j*c+j] > 0 {
					row[j] = sum / l[j*c+j]
				}
			}
		}
	})
}

// cholesky returns the lower triangle L with L·Lᵀ = g.
func cholesky(g []float64, c int) []float64 {
	l := make([]float64, c*c)
	for i := range c {
		for j := range i + 1 {
			sum := g[i*c+j]
			for k := range j {
				sum -= float64(l[i*c+k] * l[j*c+k])
			}
			switch {
			case i == j && sum > 1e-12*g[i*c+i]:
				l[i*c+i] = math.Sqrt(sum)
			case i != j && l[j*c+j] > 0:
				l[i*c+j] = sum / l[j*c+j]
			}
		}
	}
	return l
}

// eigen returns the eigenvalues of a symmetric matrix and its eigenvectors as
// columns, by Jacobi's rotations. It overwrites a.
func eigen(a []float64, n int) (values, vectors []float64) {
	vectors = make([]float64, n*n)
	for i := range n {
		vectors[i*n+i] = 1
	}
	for range 60 { // quadratic convergence: ten are plenty
		if !sweep(a, vectors, n) {
			break
		}
	}
	for i := range n {
		values = append(values, a[i*n+i])
	}
	return values, vectors
}

// sweep rotates every pair of axes once, and reports whether that mattered.
func sweep(a, vectors []float64, n int) bool {
	rotated := false
	for p := range n {
		for q := p + 1; q < n; q++ {
			off := (a[p*n+q] + a[q*n+p]) / 2
			if math.Abs(off) <= 1e-14*math.Sqrt(math.Abs(a[p*n+p]*a[q*n+q])) {
				continue
			}
			rotated = true
			theta := (a[q*n+q] - a[p*n+p]) / (2 * off)
			t := 1 / (math.Abs(theta) + math.Hypot(theta, 1))
			if theta < 0 {
				t = -t
			}
			cos := 1 / math.Hypot(t, 1)
			sin := t * cos
			for i := range n {
				a[i*n+p], a[i*n+q] = turn(a[i*n+p], a[i*n+q], cos, sin)
				vectors[i*n+p], vectors[i*n+q] = turn(vectors[i*n+p], vectors[i*n+q], cos, sin)
			}
			for i := range n {
				a[p*n+i], a[q*n+i] = turn(a[p*n+i], a[q*n+i], cos, sin)
			}
		}
	}
	return rotated
}

func turn(x, y, cos, sin float64) (float64, float64) {
	return float64(cos*x) - float64(sin*y), float64(sin*x) + float64(cos*y)
}
