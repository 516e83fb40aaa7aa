package redteam

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
)

// A Scanner finds tokens in bytes, whatever the case of their letters: as they
// are, reversed, squeezed to letters and digits, in hexadecimal and in base64 at
// each of its three alignments. Its cost is about a nanosecond a byte, however
// many the tokens. It may be used by any number of goroutines.
type Scanner struct {
	tokens   []string
	patterns []pattern
	first    map[uint32][]int32 // of the first four bytes, lower case
	maybe    []uint64           // a bit for each hash of a key of first
}

// pattern is one form of one token.
type pattern struct {
	token int
	form  string
	text  []byte
	exact bool // case matters
	word  bool // must stand alone
}

// A Hit is a token that was found.
type Hit struct {
	Token int    // index among the scanner's tokens
	Form  string // "plain", "reversed", "squeezed", "hex" or "base64"
	At    int    // offset
}

// Tokens shorter than shortest are not searched at all. Those shorter than long
// count only where they stand alone, and in no form but plain: random text holds
// any five letters sooner or later.
const (
	shortest = 4
	long     = 8
	mapBits  = 20
)

// NewScanner returns a scanner for tokens.
func NewScanner(tokens []string) *Scanner {
	s := &Scanner{tokens: tokens, first: map[uint32][]int32{}, maybe: make([]uint64, 1<<mapBits/64)}
	for i, t := range tokens {
		for _, p := range forms(t) {
			p.token = i
			s.add(p)
		}
	}
	return s
}

func (s *Scanner) add(p pattern) {
	if len(p.text) < shortest {
		return
	}
	low := lower(nil, p.text)
	if !p.exact {
		p.text = low
	}
	key := quad(low)
	s.first[key] = append(s.first[key], int32(len(s.patterns)))
	h := hashed(key)
	s.maybe[h/64] |= 1 << (h % 64)
	s.patterns = append(s.patterns, p)
}

func forms(token string) []pattern {
	if len(token) < long {
		return []pattern{{form: "plain", text: []byte(token), word: true}}
	}
	out := []pattern{{form: "plain", text: []byte(token)}}
	back := []rune(token)
	slices.Reverse(back)
	out = append(out, pattern{form: "reversed", text: []byte(string(back))})
	if s := squeezed(token); len(s) >= long && s != token {
		out = append(out, pattern{form: "squeezed", text: []byte(s)})
	}
	spellings := []string{token}
	if l := strings.ToLower(token); l != token {
		spellings = append(spellings, l)
	}
	for _, t := range spellings {
		out = append(out, pattern{form: "hex", text: []byte(hex.EncodeToString([]byte(t)))})
		for _, text := range inBase64(t) {
			out = append(out, pattern{form: "base64", text: text, exact: true})
		}
	}
	return out
}

func squeezed(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// inBase64 returns what of a token's encoding does not depend on its neighbours,
// at each alignment and in both alphabets.
func inBase64(token string) (out [][]byte) {
	for skip := range 3 {
		padded := append(make([]byte, skip), token...)
		from, until := (skip*8+5)/6, len(padded)*8/6
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := []byte(e.EncodeToString(padded))[from:until]
			if !slices.ContainsFunc(out, func(o []byte) bool { return bytes.Equal(o, text) }) {
				out = append(out, text)
			}
		}
	}
	return out
}

// Scan returns what text holds, in the order of the text.
func (s *Scanner) Scan(text []byte) []Hit {
	var hits []Hit
	if len(text) < shortest {
		return nil
	}
	key := uint32(fold(text[0]))<<8 | uint32(fold(text[1]))<<16 | uint32(fold(text[2]))<<24
	for i := 0; i+shortest <= len(text); i++ {
		key = key>>8 | uint32(fold(text[i+3]))<<24
		if h := hashed(key); s.maybe[h/64]>>(h%64)&1 == 0 {
			continue
		}
		for _, n := range s.first[key] {
			if p := &s.patterns[n]; p.at(text, i) {
				hits = append(hits, Hit{p.token, p.form, i})
			}
		}
	}
	return hits
}

func (p *pattern) at(text []byte, i int) bool {
	end := i + len(p.text)
	if end > len(text) {
		return false
	}
	if p.exact {
		return bytes.Equal(text[i:end], p.text)
	}
	for j, c := range p.text {
		if fold(text[i+j]) != c {
			return false
		}
	}
	return !p.word || (i == 0 || !wordly(text[i-1])) && (end == len(text) || !wordly(text[end]))
}

func wordly(c byte) bool {
	c = fold(c)
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
}

// fold is the lower case of an ASCII letter.
func fold(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

func lower(dst, text []byte) []byte {
	for _, c := range text {
		dst = append(dst, fold(c))
	}
	return dst
}

func quad(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func hashed(key uint32) uint32 { return key * 2654435761 >> (32 - mapBits) }
