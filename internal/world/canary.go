package world

import (
	"cmp"
	"slices"
	"strings"

	csss "github.com/deeperpoint/csss"
)

// A Canary is one token that gives a firm or one of its people away. Search
// for it without regard to case. No two firms share a canary.
type Canary struct {
	Token string
	Firm  string // id of the firm it belongs to
}

// Canaries lists every identity token of every firm: its id and employer
// group, legal name, site, street, postal code; names, addresses and ids of
// its people; ids and serial numbers of its resources; ids of its offers and
// needs; and each word of at least five letters in a firm's or person's name
// that names nothing else. It is sorted and costs one pass over the world.
func (w *World) Canaries() []Canary {
	var all []Canary
	groups := map[string]bool{}
	for i := range w.Firms {
		f := &w.Firms[i]
		for _, token := range firmTokens(f) {
			all = append(all, Canary{token, f.ID})
		}
		if f.Group != "" && f.Group != f.ID && !groups[f.Group] {
			groups[f.Group] = true
			all = append(all, Canary{f.Group, f.ID})
		}
	}
	for _, p := range w.Offers {
		all = append(all, Canary{p.Offer.ID, p.Offer.Firm})
	}
	for _, r := range w.Needs {
		all = append(all, Canary{r.Need.ID, r.Need.Firm})
	}
	slices.SortFunc(all, func(a, b Canary) int {
		return cmp.Or(strings.Compare(a.Token, b.Token), strings.Compare(a.Firm, b.Firm))
	})
	return slices.Compact(all)
}

func firmTokens(f *csss.Firm) []string {
	out := append([]string{f.ID, f.LegalName}, tellingWords(f.LegalName)...)
	for _, s := range f.Sites {
		out = append(out, s.ID, s.Street, s.PostalCode)
	}
	for _, p := range f.People {
		out = append(out, p.ID, p.Name, p.Email, p.Phone)
		out = append(out, tellingWords(p.Name)...)
	}
	for _, r := range f.Resources {
		out = append(out, r.ID, r.Serial)
	}
	return out
}

// common are words of firm names that name nothing by themselves: words of the
// trade, and English words that occur in other words and texts.
var common = wordSet(`additive aero border brackets city cnc components controls dynamics fabricating gear grand implant industries
	joining machine machining manufacturing maple medical metal metals micro mould plastics precision process products
	river robotics rose speed stamping surgical systems telephone thermal tool tooling turning valley
	waterloo works`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		set[w] = true
	}
	return set
}

func tellingWords(name string) []string {
	var out []string
	for w := range strings.FieldsSeq(name) {
		if len(w) >= 5 && !common[strings.ToLower(w)] {
			out = append(out, w)
		}
	}
	return out
}
