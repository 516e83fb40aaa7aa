package csss

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"github.com/deeperpoint/csss/match"
)

// Redaction keeps names, addresses and order numbers out of the texts and terms
// of offers and needs before they are stored, embedded, indexed or summarised.
// It knows patterns and what was registered by then: the distinctive words of
// the names of firms and people, streets, and the ids and serials of sites and
// resources. It is a lint on top of the real protection, which is that free
// text is never shown to another firm at all.

var (
	emailPattern = regexp.MustCompile(`[[:alnum:]._%+-]+@[[:alnum:].-]+`)
	urlPattern   = regexp.MustCompile(`(?i)\b(?:https?://|www\.)\S+`)
	phonePattern = regexp.MustCompile(`\+?\d{0,2}[ .-]?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b`)
	postPattern  = regexp.MustCompile(`(?i)\b[A-Z]\d[A-Z] ?\d[A-Z]\d\b`)
	// A house number, capitalised words, and a kind of street.
	streetPattern = regexp.MustCompile(`\b\d{1,5}[A-Za-z]?(?:\s+[A-Z][\pL'.-]*){1,4}\s+(?:Street|St|Road|Rd|Avenue|Ave|Boulevard|Blvd|Parkway|Pkwy|Crescent|Cres|Highway|Hwy|Drive|Dr)\b`)
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
		if w = strings.TrimSuffix(fold(w), "'s"); len([]rune(w)) > 2 && !trade[w] {
			out = append(out, w)
		}
	}
	return out
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' }

// register is what redaction knows of names: folded words with blanks between
// them. True is a name, false the beginning of a longer one.
type register map[string]bool

func (r register) add(words ...string) {
	for i := range words {
		start := strings.Join(words[:i+1], " ")
		r[start] = r[start] || i+1 == len(words)
	}
}

// addName enters each distinctive word of a firm's or person's name.
func (r register) addName(name string) {
	for _, w := range nameTokens(name) {
		r.add(w)
	}
}

// addWhole enters a street, an id or a serial, which names somebody only as a
// whole; a single word only with a digit in it and from five letters on.
func (r register) addWhole(text string) {
	words := strings.FieldsFunc(fold(text), notWord)
	if len(words) == 1 && (len(words[0]) < 5 || !strings.ContainsAny(words[0], "0123456789")) {
		return
	}
	r.add(words...)
}

func (r register) addFirm(f *Firm) {
	r.addName(f.LegalName)
	for _, s := range f.Sites {
		r.addWhole(s.ID)
		r.addWhole(s.Street)
	}
	for _, res := range f.Resources {
		r.addWhole(res.ID)
		r.addWhole(res.Serial)
	}
}

// redact removes from a text what could name somebody: addresses, numbers of
// orders and parts, and every registered name.
func (r register) redact(text string) string {
	text = strings.ToValidUTF8(text, " ")
	for _, p := range []*regexp.Regexp{emailPattern, urlPattern, phonePattern, postPattern, streetPattern} {
		text = p.ReplaceAllString(text, " ")
	}
	text = numberPattern.ReplaceAllString(text, "$1 ")
	text = initialName.ReplaceAllString(text, " ")
	return strings.Join(strings.Fields(r.dropNames(text)), " ")
}

// redactTerms leaves out each term that holds a registered name.
func (r register) redactTerms(terms []string) []string {
	return slices.DeleteFunc(slices.Clone(terms), func(t string) bool { return r.dropNames(t) != t })
}

// redactOffer shares nothing that it changes with the caller's offer.
func (r register) redactOffer(o *match.Offer) {
	o.Text, o.Topics = r.redact(o.Text), r.redactTerms(o.Topics)
	o.Properties = maps.Clone(o.Properties)
	for name, p := range o.Properties {
		if len(p.Terms) == 0 {
			continue
		}
		if p.Terms = r.redactTerms(p.Terms); len(p.Terms) > 0 {
			o.Properties[name] = p
		} else {
			delete(o.Properties, name)
		}
	}
	o.Evidence = slices.Clone(o.Evidence)
	for i := range o.Evidence {
		o.Evidence[i].Terms = r.redactTerms(o.Evidence[i].Terms)
	}
}

// redactNeed does the same for a need. A requirement of nothing but names is
// left out.
func (r register) redactNeed(n *match.Need) {
	n.Text, n.Topics = r.redact(n.Text), r.redactTerms(n.Topics)
	var requires []match.Requirement
	for _, q := range n.Requires {
		terms := r.redactTerms(q.Terms)
		if len(q.Terms) > 0 && len(terms) == 0 {
			continue
		}
		q.Terms = terms
		requires = append(requires, q)
	}
	n.Requires = requires
}

// dropNames leaves out each name that stands in the register.
func (r register) dropNames(text string) string {
	words := wordsIn(text)
	var b strings.Builder
	kept := 0 // end of the name that was left out last
	for i := 0; i < len(words); i++ {
		if n := r.nameAt(words[i:]); n > 0 {
			b.WriteString(text[kept:words[i].at])
			i += n - 1
			kept = words[i].at + words[i].size
		}
	}
	b.WriteString(text[kept:])
	return b.String()
}

// nameAt is how many words the longest name has that the words begin with.
func (r register) nameAt(words []word) (longest int) {
	var start strings.Builder
	for i, w := range words {
		if i > 0 {
			start.WriteString(" ")
		}
		start.WriteString(w.folded)
		whole, known := r[start.String()]
		if !known {
			break
		}
		if whole {
			longest = i + 1
		}
	}
	return longest
}

// word is one word of a text, and where it stands.
type word struct {
	folded   string
	at, size int // bytes
}

func wordsIn(text string) []word {
	var out []word
	start := -1
	end := func(i int) {
		if start >= 0 {
			out = append(out, word{strings.TrimSuffix(fold(text[start:i]), "'s"), start, i - start})
		}
		start = -1
	}
	for i, c := range text {
		switch {
		case notWord(c):
			end(i)
		case start < 0:
			start = i
		}
	}
	end(len(text))
	return out
}
