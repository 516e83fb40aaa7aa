package hnsw

import (
	"math"
	"slices"
	"strconv"
)

// Metric says how far apart two vectors are. Smaller is nearer.
type Metric uint8

// The metrics. A stored row is compared as it was given, except under Cosine,
// where rows and queries are scaled to unit length first.
const (
	Cosine Metric = iota // 1 − cos(q, x), in 0…2; computed as half the squared distance of the unit vectors
	Dot                  // −⟨q, x⟩: the largest inner product is nearest, and a row need not be nearest to itself
	L2                   // ‖q − x‖², the squared Euclidean distance
)

// String returns "cosine", "dot" or "l2", or "Metric(n)" for another value.
func (m Metric) String() string {
	switch m {
	case Cosine:
		return "cosine"
	case Dot:
		return "dot"
	case L2:
		return "l2"
	}
	return "Metric(" + strconv.Itoa(int(m)) + ")"
}

// checkVector says why v cannot be stored or searched under m: the offending
// component, or -1 where the whole vector is at fault. It returns ‖v‖.
func (m Metric) checkVector(v []float32) (norm float64, component int, err error) {
	var a, b float64 // neither overflows: squares of float32 values are below 10^78
	for i := 1; i < len(v); i += 2 {
		x, y := float64(v[i-1]), float64(v[i])
		a += float64(x * x)
		b += float64(y * y)
	}
	if len(v)%2 == 1 {
		x := float64(v[len(v)-1])
		a += float64(x * x)
	}
	norm = math.Sqrt(a + b)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return 0, slices.IndexFunc(v, notFinite), ErrNotFinite
	}
	switch {
	case norm > MaxNorm:
		return norm, -1, ErrTooLong
	case norm == 0 && m == Cosine:
		return norm, -1, ErrZeroVector
	}
	return norm, -1, nil
}

func notFinite(f float32) bool { return f-f != 0 } // NaN, as ∞ - ∞ is

// store writes v to dst in the form m compares. norm is ‖v‖ and dst is as
// long as v.
func (m Metric) store(dst, v []float32, norm float64) {
	if m != Cosine {
		copy(dst, v)
		return
	}
	inverse := 1 / norm
	for i, f := range v {
		dst[i] = float32(float64(f) * inverse)
	}
}
