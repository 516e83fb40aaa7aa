package simd

import "runtime"

// An Implementation is one set of kernels, as a row of [Implementations].
// Its functions keep the contract of [Dot], [SquaredL2] and [Norm].
type Implementation struct {
	Name      string // as [Level] names it
	Available bool   // false: this processor or build cannot run it
	Why       string // the reason where Available is false; otherwise empty

	Dot       func(x, y []float32) float32 // nil where not available
	SquaredL2 func(x, y []float32) float32
	Norm      func(x []float32) float32
}

// Implementations returns every implementation this package knows, the
// reference first, also those that this process cannot run, so that a test
// can name what it did not test.
func Implementations() []Implementation {
	table := []Implementation{{Name: "go", Available: true,
		Dot:       func(x, y []float32) float32 { n := min(len(x), len(y)); return dotGo(x[:n], y[:n]) },
		SquaredL2: func(x, y []float32) float32 { n := min(len(x), len(y)); return squaredL2Go(x[:n], y[:n]) },
		Norm:      normGo,
	}}
	if !accelerated {
		why := "processor without AVX2 and FMA, or build tag purego"
		if runtime.GOARCH != "amd64" {
			why = "not amd64"
		}
		return append(table, Implementation{Name: "avx2", Why: why})
	}
	return append(table, Implementation{Name: "avx2", Available: true, Dot: Dot, SquaredL2: SquaredL2, Norm: Norm})
}
