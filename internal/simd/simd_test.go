package simd_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/internal/simd"
)

// each runs a test under every implementation and names those it cannot run.
func each(t *testing.T, test func(t *testing.T, k simd.Implementation)) {
	for _, k := range simd.Implementations() {
		t.Run(k.Name, func(t *testing.T) {
			if !k.Available {
				t.Skipf("%s is not available: %s", k.Name, k.Why)
			}
			test(t, k)
		})
	}
}

const eps = 1.0 / (1 << 24)

var tiny = math.Ldexp(1, -149)

// exact computes in float64 what the kernels approximate, and Σ|x·y|.
func exact(x, y []float32) (dot, abs, l2 float64) {
	for i := range x {
		a, b := float64(x[i]), float64(y[i])
		dot += a * b
		abs += math.Abs(a * b)
		l2 += (a - b) * (a - b)
	}
	return dot, abs, l2
}

// slack is the bound of the package comment for n elements.
func slack(n int, sum float64) float64 { return 4*float64(n+2)*eps*sum + float64(n)*tiny }

func within(t *testing.T, k simd.Implementation, x, y []float32) {
	t.Helper()
	n := len(x)
	dot, abs, l2 := exact(x, y)
	_, xx, _ := exact(x, x)
	require.InDelta(t, dot, k.Dot(x, y), slack(n, abs), "dot of %d", n)
	require.InDelta(t, l2, k.SquaredL2(x, y), slack(n, l2), "squared distance of %d", n)
	require.InDelta(t, math.Sqrt(xx), k.Norm(x), slack(n, math.Sqrt(xx))+math.Sqrt(float64(n)*tiny), "norm of %d", n)
}

// generators of one component, each a class of numbers.
var generators = map[string]func(r *rand.Rand) float32{
	"normal":    func(r *rand.Rand) float32 { return float32(r.NormFloat64()) },
	"bytes":     func(r *rand.Rand) float32 { return float32(r.IntN(256)) },
	"wide":      func(r *rand.Rand) float32 { return float32(math.Ldexp(r.Float64()-0.5, r.IntN(80)-40)) },
	"sparse":    func(r *rand.Rand) float32 { return float32(r.IntN(2)*r.IntN(2)) * r.Float32() },
	"denormal":  func(r *rand.Rand) float32 { return math.Float32frombits(r.Uint32N(1 << 23)) },
	"underflow": func(r *rand.Rand) float32 { return float32(math.Ldexp(r.Float64()-0.5, -74)) },
	"small":     func(r *rand.Rand) float32 { return float32(math.Ldexp(r.Float64()-0.5, -68)) }, // sums are denormal
	"same":      func(*rand.Rand) float32 { return 1e6 },
}

func TestKernelsStayWithinTheirBound(t *testing.T) {
	each(t, func(t *testing.T, k simd.Implementation) {
		for name, generate := range generators {
			r := rand.New(rand.NewPCG(1, 2))
			buf, other := make([]float32, 400), make([]float32, 400)
			for n := range 261 {
				for i := range buf {
					buf[i], other[i] = generate(r), generate(r)
				}
				ox, oy := r.IntN(64), r.IntN(64) // unaligned, and differently so
				require.NotPanics(t, func() { within(t, k, buf[ox:ox+n], other[oy:oy+n]) }, name)
			}
		}
	})
}

func TestKernelsAtEveryOffset(t *testing.T) {
	each(t, func(t *testing.T, k simd.Implementation) {
		r := rand.New(rand.NewPCG(3, 4))
		buf := make([]float32, 256)
		for i := range buf {
			buf[i] = float32(r.NormFloat64())
		}
		for off := range 64 {
			within(t, k, buf[off:off+67], buf[1:68]) // overlapping reads
		}
	})
}

// TestKernelsReadOnlyTheCommonPrefix surrounds the slices with NaN: one read
// too many shows.
func TestKernelsReadOnlyTheCommonPrefix(t *testing.T) {
	nan := float32(math.NaN())
	each(t, func(t *testing.T, k simd.Implementation) {
		for n := range 70 {
			buf := make([]float32, n+32)
			for i := range buf {
				buf[i] = nan
			}
			x := buf[16 : 16+n]
			for i := range x {
				x[i] = 2
			}
			long := make([]float32, n+9)
			for i := range long {
				long[i] = 3
			}
			assert.Equal(t, float32(6*n), k.Dot(x, long))
			assert.Equal(t, float32(6*n), k.Dot(long, x))
			assert.InEpsilon(t, float64(n+1), k.SquaredL2(long, x)+1, 1e-6)
			assert.InDelta(t, 2*math.Sqrt(float64(n)), k.Norm(x), 1e-5)
			assert.Zero(t, k.Dot(x, nil))
			assert.Zero(t, k.SquaredL2(nil, x))
		}
		assert.Zero(t, k.Norm(nil))
	})
}

func class(f float32) string {
	switch {
	case f != f:
		return "nan"
	case math.IsInf(float64(f), 0):
		return fmt.Sprint(f)
	}
	return "finite"
}

// TestSpecialValuesKeepTheirClass puts NaN and infinities at every place and
// compares each implementation with what float64 makes of them.
func TestSpecialValuesKeepTheirClass(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	pairs := [][2]float32{{nan, 1}, {1, nan}, {inf, 1}, {1, -inf}, {-inf, 1}, {inf, 0}, {0, inf}, {inf, inf}, {inf, -inf}, {nan, inf}}
	each(t, func(t *testing.T, k simd.Implementation) {
		for _, p := range pairs {
			for n := 1; n < 70; n += 3 {
				for at := range n {
					x, y := make([]float32, n), make([]float32, n)
					for i := range n {
						x[i], y[i] = 1, 2
					}
					x[at], y[at] = p[0], p[1]
					dot, _, l2 := exact(x, y)
					require.Equal(t, class(float32(dot)), class(k.Dot(x, y)), "dot %v n=%d at %d", p, n, at)
					require.Equal(t, class(float32(l2)), class(k.SquaredL2(x, y)), "distance %v n=%d at %d", p, n, at)
					_, xx, _ := exact(x, x)
					require.Equal(t, class(float32(math.Sqrt(xx))), class(k.Norm(x)), "norm %v n=%d at %d", p, n, at)
				}
			}
		}
	})
}

// TestOverflowIsInfinite: sums beyond the largest float32 are +Inf, not NaN,
// whatever the order of summation.
func TestOverflowIsInfinite(t *testing.T) {
	each(t, func(t *testing.T, k simd.Implementation) {
		for n := 1; n < 70; n++ {
			x, y := make([]float32, n), make([]float32, n)
			for i := range x {
				x[i], y[i] = 3e19, -3e19
			}
			require.True(t, math.IsInf(float64(k.Dot(x, x)), 1), "dot of %d", n)
			require.True(t, math.IsInf(float64(k.SquaredL2(x, y)), 1), "distance of %d", n)
			require.True(t, math.IsInf(float64(k.Norm(x)), 1), "norm of %d", n)
		}
	})
}

func TestEqualRowsAreAtDistanceZero(t *testing.T) {
	each(t, func(t *testing.T, k simd.Implementation) {
		r := rand.New(rand.NewPCG(5, 6))
		for n := range 100 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(math.Ldexp(r.NormFloat64(), 60))
			}
			require.Zero(t, k.SquaredL2(x, x))
		}
	})
}

// TestExportedKernelsAreTheNamedImplementation guards the dispatch: the bits
// of the functions must be those of the implementation that Level names.
func TestExportedKernelsAreTheNamedImplementation(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	named := false
	for _, k := range simd.Implementations() {
		if k.Name != simd.Level() {
			continue
		}
		named = true
		require.True(t, k.Available)
		for n := range 200 {
			x, y := make([]float32, n), make([]float32, n)
			for i := range x {
				x[i], y[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
			}
			require.Equal(t, k.Dot(x, y), simd.Dot(x, y))
			require.Equal(t, k.SquaredL2(x, y), simd.SquaredL2(x, y))
			require.Equal(t, k.Norm(x), simd.Norm(x))
		}
	}
	require.True(t, named, "Level %q is in the table", simd.Level())
}

func ExampleDot() {
	fmt.Println(simd.Dot([]float32{1, 2, 3}, []float32{4, 5, 6}))
	// Output: 32
}

func ExampleSquaredL2() {
	fmt.Println(simd.SquaredL2([]float32{0, 3}, []float32{4, 0}))
	// Output: 25
}

func ExampleNorm() {
	fmt.Println(simd.Norm([]float32{3, 4}))
	// Output: 5
}

func BenchmarkKernels(b *testing.B) {
	for _, k := range simd.Implementations() {
		if !k.Available {
			continue
		}
		for _, n := range []int{100, 384, 784} {
			x, y := make([]float32, n), make([]float32, n)
			var sink float32
			b.Run(fmt.Sprintf("dot/%s/%d", k.Name, n), func(b *testing.B) {
				for b.Loop() {
					sink += k.Dot(x, y)
				}
			})
			b.Run(fmt.Sprintf("l2/%s/%d", k.Name, n), func(b *testing.B) {
				for b.Loop() {
					sink += k.SquaredL2(x, y)
				}
			})
			_ = sink
		}
	}
}
