//go:build amd64 && !purego

package simd

import (
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

// squaredL2Vek undoes vek's square root: two roundings, inside the bound.
func squaredL2Vek(x, y []float32) float32 {
	d := vek32.Distance(x, y)
	return d * d
}

func normVek(x []float32) float32 { return vek32.Norm(x) }
