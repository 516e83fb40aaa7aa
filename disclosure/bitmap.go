package disclosure

import "math/bits"

// bitmap is a set of listing slots. A missing tail reads as zeros.
type bitmap []uint64

func (b bitmap) with(i int) bitmap {
	for len(b) <= i/64 {
		b = append(b, 0)
	}
	b[i/64] |= 1 << (i % 64)
	return b
}

func (b bitmap) without(i int) {
	if i/64 < len(b) {
		b[i/64] &^= 1 << (i % 64)
	}
}

func (b bitmap) has(i int) bool { return i/64 < len(b) && b[i/64]>>(i%64)&1 == 1 }

// and puts a ∩ c into dst, whose memory it reuses.
func and(dst, a, c bitmap) bitmap {
	n := min(len(a), len(c))
	dst = append(dst[:0], a[:n]...)
	for i, w := range c[:n] {
		dst[i] &= w
	}
	return dst
}

// cleared returns an empty set with room for so many words, in b's memory.
func (b bitmap) cleared(words int) bitmap {
	if cap(b) < words {
		return make(bitmap, words)
	}
	b = b[:words]
	clear(b)
	return b
}

// or adds c to dst, which is long enough.
func or(dst, c bitmap) {
	dst = dst[:len(c)]
	for i, w := range c {
		dst[i] |= w
	}
}

func (b bitmap) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls f for every member, in order, until f returns false.
func (b bitmap) each(f func(int) bool) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if !f(i*64 + bits.TrailingZeros64(w)) {
				return
			}
		}
	}
}
