package lexical

import (
	"cmp"
	"math"
	"slices"
	"unicode/utf8"
)

// sums is the working memory of one call: one integer per dimension, so that a sum does not depend on the order
// of its terms.
type sums struct {
	dims  []int64
	words words
	order []word  // sorted by hash, to count repetitions
	runes []int32 // where the runes of one word start, and where it ends
}

// feature adds one feature. Dimension 0 is left to texts that have none.
func (s *sums) feature(h uint64, weight int64) {
	h = mix(h)
	dim := 1 + (h>>32)*uint64(len(s.dims)-1)>>32
	s.dims[dim] += weight * (int64(h&1)<<1 - 1)
}

// add replaces the sums by those of the words' features.
func (s *sums) add(ws *words) {
	clear(s.dims)
	s.order = append(s.order[:0], ws.list...)
	slices.SortFunc(s.order, func(a, b word) int { return cmp.Compare(a.hash, b.hash) })
	for rest := s.order; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].hash == rest[0].hash {
			n++
		}
		importance := ws.importance(rest[0]) * math.Sqrt(float64(n))
		s.feature(rest[0].hash, fixed(importance*wordShare))
		s.grams(ws.padded(rest[0]), importance*gramShare)
		rest = rest[n:]
	}
	s.pairs(ws)
}

// grams adds the character n-grams of a word between its two boundary spaces.
func (s *sums) grams(text []byte, share float64) {
	s.runes = s.runes[:0]
	for i := 0; i < len(text); {
		s.runes = append(s.runes, int32(i))
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(text[i:])
		i += size
	}
	s.runes = append(s.runes, int32(len(text)))
	runes := len(s.runes) - 1
	count := max(runes-2, 0) + max(runes-3, 0) // never 0: a word has a rune and two spaces
	each := fixed(share / math.Sqrt(float64(count)))
	for i := range runes - 2 {
		h := fnv(seedGram, text[s.runes[i]:s.runes[i+3]])
		s.feature(h, each)
		if i+4 <= runes {
			s.feature(fnv(h, text[s.runes[i+3]:s.runes[i+4]]), each)
		}
	}
}

// pairs adds each pair of neighbours. No gap is hashed, so that "iatf 16949" and "iatf16949" share their pair.
func (s *sums) pairs(ws *words) {
	for i := 1; i < len(ws.list); i++ {
		a, b := ws.list[i-1], ws.list[i]
		share := codeShare
		if !b.joined || a.number == b.number {
			share = pairShare * math.Sqrt(ws.importance(a)*ws.importance(b))
		}
		s.feature(fnv(fnv(seedPair, ws.of(a)), ws.of(b)), fixed(share))
	}
}

// write turns the sums into a unit vector.
func (s *sums) write(row []float32) {
	var square float64
	for _, x := range s.dims {
		square += float64(float64(x) * float64(x)) // the conversion keeps a compiler from fusing the two
	}
	if square == 0 {
		clear(row)
		row[0] = 1
		return
	}
	scale := 1 / math.Sqrt(square)
	for i, x := range s.dims {
		row[i] = float32(float64(x) * scale)
	}
}
