package main

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// pair is one sentence about a document, as package policy says it and in
// another language. There %d is a number, %k the name of a kind, and %s a text:
// a word of the document where it is quoted.
type pair struct{ said, other string }

// faults are the sentences of one language, ready to be looked up.
type faults struct {
	pairs []pair
	forms func() []*regexp.Regexp
	words map[string]string // parts that are words of a language, not of a document
	mean  string            // for "did you mean"
}

func newFaults(pairs []pair, words map[string]string, mean string) *faults {
	return &faults{pairs, sync.OnceValue(func() []*regexp.Regexp {
		var list []*regexp.Regexp
		for _, p := range pairs {
			form := regexp.QuoteMeta(p.said)
			form = strings.NewReplacer("%s", "(.+?)", "%k", "(.+?)", "%d", `(\d+)`).Replace(form)
			list = append(list, regexp.MustCompile("(?s)^"+form+"$"))
		}
		return list
	}), words, mean}
}

var meant = regexp.MustCompile(`(?s)^(.*); did you mean '(.+)'\?$`)

// fault says a sentence about a document in the language: as it stands where it
// is not known.
func (l *language) fault(text string) string {
	if m := meant.FindStringSubmatch(text); m != nil {
		return l.fault(m[1]) + fmt.Sprintf(l.faults.mean, m[2])
	}
	for i, form := range l.faults.forms() {
		if m := form.FindStringSubmatch(text); m != nil {
			return fmt.Sprintf(l.faults.pairs[i].other, l.faults.parts(l.faults.pairs[i].said, m[1:])...)
		}
	}
	return text
}

// parts are what stands for the verbs of a sentence, in the words of the language
// where they are not the document's own.
func (f *faults) parts(said string, found []string) []any {
	var parts []any
	between := strings.Split(said, "%")
	for i, part := range found {
		quoted := strings.HasSuffix(between[i], "'") || strings.HasSuffix(between[i], `"`)
		if word, ok := f.words[part]; ok && (!quoted || between[i+1][0] == 'k') {
			part = word
		}
		parts = append(parts, part)
	}
	return parts
}
