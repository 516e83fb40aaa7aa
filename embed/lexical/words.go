package lexical

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// word is one word of a normalised text.
type word struct {
	hash       uint64 // of its bytes
	start, end int32  // where it lies in the buffer; the bytes before and after it are spaces
	number     bool   // of digits
	joined     bool   // nothing but a hyphen, a dot or a slash stands between it and the word before, or nothing
}

// words is a text cut into words: buf is " w1 w2 … ", list says where each lies.
type words struct {
	buf  []byte
	list []word
}

// of returns the bytes of a word.
func (ws *words) of(w word) []byte { return ws.buf[w.start:w.end] }

// padded returns the bytes of a word between its two spaces.
func (ws *words) padded(w word) []byte { return ws.buf[w.start-1 : w.end+1] }

// class is what a rune is to the cutter.
type class uint8

const (
	gap    class = iota // ends a word
	joiner              // ends a word, but what follows belongs to it
	skip                // as if it were not there
	letter
	digit
)

// classOf sorts runes into classes. Combining accents that NFKD splits off are skipped, so "façon" and "facon"
// are one word; so are format characters (zero-width spaces, soft hyphens, direction marks). All other marks
// belong to their letters, since in many scripts they are vowels.
func classOf(r rune) class {
	switch {
	case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
		return letter
	case '0' <= r && r <= '9':
		return digit
	case r == '-' || r == '.' || r == '/' || r == '\u2010' || r == '\u2011':
		return joiner
	case r < utf8.RuneSelf:
		return gap
	case 0x300 <= r && r <= 0x36f || unicode.Is(unicode.Cf, r):
		return skip
	case unicode.IsLetter(r) || unicode.IsMark(r):
		return letter
	case unicode.IsNumber(r):
		return digit
	}
	return gap
}

// split cuts a text, replacing what ws held. A change between letters and digits ends a word as well.
func (ws *words) split(text string) {
	ws.buf, ws.list = append(ws.buf[:0], ' '), ws.list[:0]
	text = clip(text, MaxBytes)
	if !ascii(text) {
		text = fold(text)
	}
	ws.scan(text)
	ws.buf = append(ws.buf, ' ')
}

// scan appends the words of a text in its one form, up to MaxTokens.
func (ws *words) scan(text string) {
	before := gap  // class of the rune before, skipped ones aside
	tight := false // nothing but one joiner, or nothing, stands between the last word and here
	for _, r := range text {
		c := classOf(r)
		if c == skip {
			continue
		}
		switch {
		case c == before && c >= letter:
			ws.extend(r)
		case c >= letter:
			if len(ws.list) == MaxTokens {
				return
			}
			ws.begin(c == digit, tight || before >= letter)
			ws.extend(r)
		default:
			tight = c == joiner && before >= letter
		}
		before = c
	}
}

// begin opens a word; extend adds to it.
func (ws *words) begin(number, joined bool) {
	if len(ws.list) > 0 {
		ws.buf = append(ws.buf, ' ')
	}
	at := int32(len(ws.buf))
	ws.list = append(ws.list, word{hash: seedWord, start: at, end: at, number: number, joined: joined})
}

func (ws *words) extend(r rune) {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	w := &ws.list[len(ws.list)-1]
	ws.buf = utf8.AppendRune(ws.buf, r)
	w.hash = fnv(w.hash, ws.buf[w.end:])
	w.end = int32(len(ws.buf))
}

// clip returns the text up to limit bytes, without cutting a rune.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for back := range utf8.UTFMax {
		if utf8.RuneStart(text[limit-back]) {
			return text[:limit-back]
		}
	}
	return text[:limit]
}

// ascii reports whether a text needs no folding.
func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fold brings a text to one form: NFKC and Unicode case folding, then decomposed so that accents can be skipped.
func fold(text string) string {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	return norm.NFKD.String(cases.Fold().String(norm.NFKC.String(text)))
}
