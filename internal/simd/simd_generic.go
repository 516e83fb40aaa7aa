package simd

// The conversions float32(a*b) below are not idle: Go may fuse a product and
// a sum into one operation unless an explicit conversion stands between them
// (language specification, "Floating-point operators"). Eight accumulators
// hide the latency of the addition; their reduction order is fixed.

// dotGo is the reference of [Dot]; len(x) == len(y).
func dotGo(x, y []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(x) >= 8 && len(y) >= 8 {
		s0 += float32(x[0] * y[0])
		s1 += float32(x[1] * y[1])
		s2 += float32(x[2] * y[2])
		s3 += float32(x[3] * y[3])
		s4 += float32(x[4] * y[4])
		s5 += float32(x[5] * y[5])
		s6 += float32(x[6] * y[6])
		s7 += float32(x[7] * y[7])
		x, y = x[8:], y[8:]
	}
	s := ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
	for i, v := range x {
		s += float32(v * y[i])
	}
	return s
}

// squaredL2Go is the reference of [SquaredL2]; len(x) == len(y).
func squaredL2Go(x, y []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(x) >= 8 && len(y) >= 8 {
		d0, d1, d2, d3 := x[0]-y[0], x[1]-y[1], x[2]-y[2], x[3]-y[3]
		d4, d5, d6, d7 := x[4]-y[4], x[5]-y[5], x[6]-y[6], x[7]-y[7]
		s0 += float32(d0 * d0)
		s1 += float32(d1 * d1)
		s2 += float32(d2 * d2)
		s3 += float32(d3 * d3)
		s4 += float32(d4 * d4)
		s5 += float32(d5 * d5)
		s6 += float32(d6 * d6)
		s7 += float32(d7 * d7)
		x, y = x[8:], y[8:]
	}
	s := ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
	for i, v := range x {
		d := v - y[i]
		s += float32(d * d)
	}
	return s
}
