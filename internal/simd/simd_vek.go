//go:build amd64 && !purego

package simd

import (
	"math"

	"github.com/viterin/vek"
	"github.com/viterin/vek/vek32"
)

// vekFrom is the shortest prefix worth handing to vek: below one AVX2
// register it runs its scalar tail. It is at least 1, because vek panics on
// empty slices; equal lengths are the callers' part.
const vekFrom = 8

// accelerated is vek's own verdict: AVX2 and FMA present, enabled by the
// system, and not darwin. Without it vek falls back to one accumulator, which
// is slower than our twin.
var accelerated = vek.Info().Acceleration

func dotVek(x, y []float32) float32 { return vek32.Dot(x, y) }

// squaredL2Vek undoes vek's square root. vek takes that root from the
// processor's reciprocal estimate (VRSQRTSS) and one Newton step, so it is a
// few units in the last place off, gives NaN where the sum is infinite and 0
// where it is denormal. The first is inside the bound; for the others, and for
// NaN itself, the twin decides. Every comparison with NaN is false.
func squaredL2Vek(x, y []float32) float32 {
	d := vek32.Distance(x, y)
	if s := d * d; s > 1e-30 && s < 1e38 {
		return s
	}
	return squaredL2Go(x, y)
}

// normVek takes its root itself, for the same reason.
func normVek(x []float32) float32 { return float32(math.Sqrt(float64(vek32.Dot(x, x)))) }
