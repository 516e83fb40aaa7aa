package csss

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Redaction keeps names, addresses and order numbers out of everything that is
// stored, embedded, indexed or summarised. It is a lint on top of the real
// protection, which is that free text is never shown to another firm at all.

var (
	emailPattern = regexp.MustCompile(`[[:alnum:]._%+-]+@[[:alnum:].-]+`)
	urlPattern   = regexp.MustCompile(`(?i)\b(?:https?://|www\.)\S+`)
	phonePattern = regexp.MustCompile(`\+?\d{0,2}[ .-]?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b`)
	postPattern  = regexp.MustCompile(`(?i)\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b`)
	// A number that names an order, a part or a machine: the word, then the token.
	numberPattern = regexp.MustCompile(`(?i)\b(part|p/n|pn|drawing|dwg|order|po|job|serial|s/n|sn|item|lot|invoice|quote|rfq)(?:\s+(?:no|number|nr))?[\s.:#-]+([A-Z0-9][A-Z0-9./_-]*\d[A-Z0-9./_-]*)`)
	initialName   = regexp.MustCompile(`\b(?:[A-Z]\.\s?){1,2}([A-Z][\pL'-]+)`)
)

// trade holds words of firm names that are also words of the trade; alone they
// name nobody.
var trade = wordSet(`precision machine machining machinery machinists tool tools tooling gear gears robotics aero aerospace
	mould mold joining process turning cnc metal metals additive medical devices metrology controls fabricating stamping
	brackets thermal steel city heat treating staffing works industries manufacturing systems technologies solutions
	services engineering design group inc ltd corp company limited welding casting forging plastics automation
	composites electric electronics hydraulics dynamics motion fluid power industrial components products parts the and of
	five axis grinding coating coatings finishing tube wire spring springs die dies mill milling laser waterjet`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		set[w] = true
	}
	return set
}

func fold(s string) string { return cases.Lower(language.Und).String(s) }

// nameTokens returns the words of a firm's or person's name that tell it
// apart: not the words of the trade, not single letters.
func nameTokens(name string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(name, notWord) {
		if w = fold(w); len([]rune(w)) > 2 && !trade[w] {
			out = append(out, w)
		}
	}
	return out
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' }

// redact removes from a text what could name somebody: addresses, numbers of
// orders and parts, and every distinctive word of a registered firm's or
// person's name.
func (st *state) redact(text string) string {
	text = strings.ToValidUTF8(text, " ")
	for _, p := range []*regexp.Regexp{emailPattern, urlPattern, phonePattern, postPattern} {
		text = p.ReplaceAllString(text, " ")
	}
	text = numberPattern.ReplaceAllString(text, "$1 ")
	text = initialName.ReplaceAllString(text, " ")
	return strings.Join(strings.Fields(st.dropNames(text)), " ")
}

// dropNames leaves out each word that stands in the register of names.
func (st *state) dropNames(text string) string {
	var b strings.Builder
	word := 0 // start of the current word
	for i, r := range text {
		if !notWord(r) {
			continue
		}
		st.keep(&b, text[word:i])
		b.WriteRune(r)
		word = i + utf8.RuneLen(r)
	}
	st.keep(&b, text[word:])
	return b.String()
}

func (st *state) keep(b *strings.Builder, word string) {
	if st.names[fold(word)] == 0 {
		b.WriteString(word)
	}
}
