package coderhnsw

import (
	"fmt"
	"math"

	"github.com/deeperpoint/csss/match"
)

// unit returns v scaled to length 1, or why the seam refuses it. A dim of 0
// stands for any length.
func unit(v []float32, dim int) ([]float32, error) {
	if len(v) == 0 || dim != 0 && len(v) != dim {
		return nil, fmt.Errorf("%w: length %d, want %d", match.ErrEmbedding, len(v), max(dim, 1))
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) || sum == 0 {
		return nil, fmt.Errorf("%w: a vector without length or with values that are not finite", match.ErrEmbedding)
	}
	norm := math.Sqrt(sum)
	u := make([]float32, len(v))
	for i, x := range v {
		u[i] = float32(float64(x) / norm)
	}
	return u, nil
}

// cosine returns the inner product of unit vectors.
func cosine(a, b []float32) float32 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return float32(sum)
}
