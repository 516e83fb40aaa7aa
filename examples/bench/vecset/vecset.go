// Package vecset holds the sets of vectors that indexes are compared on, and
// finds the true neighbours of their queries.
//
//	fashion-mnist  60,000 pictures of 784 bytes, squared L2, from Debian's package dataset-fashion-mnist; its test
//	               pictures are the queries
//	s384           200,000 unit vectors of 384 components in clusters, made from a seed
//	w100           words of package descriptions, 100 components, cosine: vectors of what they occur with
//
// The same seed and the same source give the same bits on one architecture.
package vecset

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/deeperpoint/csss/examples/bench/vecfile"
)

// Metric says how far apart two vectors are.
type Metric string

// The metrics.
const (
	L2     Metric = "l2"     // squared Euclidean distance
	Cosine Metric = "cosine" // 1 − cosine
	Dot    Metric = "dot"    // minus the inner product
)

// Metrics are all of them.
var Metrics = []Metric{L2, Cosine, Dot}

// Table is what sets are made of.
type Table = vecfile.Table[float32]

// Set is a base, queries that are not in it, and the metric they are meant for.
type Set struct {
	Name          string
	Metric        Metric
	Base, Queries Table
}

// ErrSet is what this package returns, wrapped, for vectors that make no set.
var ErrSet = errors.New("not a set of vectors")

func badf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrSet}, args...)...)
}

// Check verifies that base and queries fit together and the metric can compare
// them.
//
// Errors: ErrSet.
func (s *Set) Check() error {
	switch {
	case !slices.Contains(Metrics, s.Metric):
		return badf("metric %q is none of l2, cosine, dot", s.Metric)
	case s.Base.Rows() == 0 || s.Queries.Rows() == 0:
		return badf("%d rows and %d queries", s.Base.Rows(), s.Queries.Rows())
	case s.Base.Dim != s.Queries.Dim:
		return badf("dim %d of the base is not %d of the queries", s.Base.Dim, s.Queries.Dim)
	}
	return nil
}

// Unit scales all vectors to length 1 under Cosine, which then orders as the
// inner product and the squared distance do. It writes into them.
//
// Errors: ErrSet for a zero vector.
func (s *Set) Unit() error {
	if s.Metric != Cosine {
		return nil
	}
	for _, t := range []Table{s.Base, s.Queries} {
		for i := range t.Rows() {
			if !scaleToUnit(t.Row(i)) {
				return badf("row %d is zero, and cosine cannot place it", i)
			}
		}
	}
	return nil
}

// scaleToUnit reports false for a vector without a direction.
func scaleToUnit(v []float32) bool {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return false
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return true
}

// inParallel calls do for the parts 0 to n−1 on all processors, and stops
// handing them out once the context ends.
func inParallel(ctx context.Context, n int, do func(part int)) error {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for ctx.Err() == nil {
				part := int(next.Add(1)) - 1
				if part >= n {
					return
				}
				do(part)
			}
		})
	}
	all.Wait()
	return ctx.Err()
}
