// Package simd holds the vector kernels under the index: dot product, squared
// Euclidean distance and Euclidean norm of float32 slices.
//
// # Contract
//
// Every function reads the common prefix of its arguments, len = min(len(x),
// len(y)), writes nothing, keeps no reference and never panics; an empty
// prefix gives 0. Whoever holds rows of one dimension checks that dimension
// once, where rows enter, and may then rely on the prefix being the row. All
// functions may be called from any number of goroutines.
//
// # Implementations
//
// Each kernel has a twin in plain Go that is always compiled and is the
// reference: eight accumulators, every product rounded to float32 before it
// is added, so that no compiler fuses the two and the bits are the same on
// every architecture. On amd64 processors with AVX2 and FMA the exported
// functions call github.com/viterin/vek instead; the build tag purego turns
// that off. The two differ by rounding alone. Against exact arithmetic both
// stay, for n elements and eps = 2^-24, within
//
//	Dot:       4(n+2)·eps·Σ|x[i]·y[i]| + n·2^-149
//	SquaredL2: 4(n+2)·eps·Σ(x[i]-y[i])² + n·2^-149
//	Norm:      4(n+2)·eps·‖x‖ (plus what a denormal Σx² loses: √n·2^-74)
//
// as long as the sums stay below the largest float32. A NaN, or an infinity
// of either sign, among the inputs gives the same class of result (NaN, +Inf,
// -Inf, finite) under every implementation.
//
// The twin gives the same bits everywhere. Under vek the last bits of
// SquaredL2 also depend on the make of the processor, because vek's square
// root starts from its reciprocal estimate. So graphs built under different
// implementations or makes may differ where near-ties fall the other way.
package simd

import "math"

// Dot returns Σ x[i]·y[i].
//
// It costs about 20 ns for 384 elements with vek and 110 ns without.
func Dot(x, y []float32) float32 {
	n := min(len(x), len(y))
	if n < vekFrom || !accelerated {
		return dotGo(x[:n], y[:n])
	}
	return dotVek(x[:n], y[:n])
}

// SquaredL2 returns Σ (x[i]-y[i])². It is 0 exactly where the prefixes are
// equal, however large the components.
//
// It costs about as much as [Dot].
func SquaredL2(x, y []float32) float32 {
	n := min(len(x), len(y))
	if n < vekFrom || !accelerated {
		return squaredL2Go(x[:n], y[:n])
	}
	return squaredL2Vek(x[:n], y[:n])
}

// Norm returns √Σ x[i]². It is +Inf once the sum of squares passes the
// largest float32, and 0 where every square is below the smallest: a caller
// that must tell a tiny vector from none computes in float64.
func Norm(x []float32) float32 {
	if len(x) < vekFrom || !accelerated {
		return normGo(x)
	}
	return normVek(x)
}

// Level names the implementation that this process uses: "avx2" (vek) or "go".
// Benchmarks and bug reports should state it.
func Level() string {
	if accelerated {
		return "avx2"
	}
	return "go"
}

func normGo(x []float32) float32 { return float32(math.Sqrt(float64(dotGo(x, x)))) }
