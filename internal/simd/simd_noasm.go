//go:build !amd64 || purego

package simd

const (
	vekFrom     = 1
	accelerated = false
)

func dotVek(x, y []float32) float32       { return dotGo(x, y) }
func squaredL2Vek(x, y []float32) float32 { return squaredL2Go(x, y) }
func normVek(x []float32) float32         { return normGo(x) }
