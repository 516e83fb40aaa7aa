package match

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"
)

// BM25 parameters (Robertson and Zaragoza 2009).
const (
	bm25K1 = 1.2
	bm25B  = 0.75
)

// Tokens splits text into the terms of the lexical index: maximal runs of
// a–z, 0–9 and à–ÿ after lower-casing. There is no stemming and no stop list.
func Tokens(text string) []string {
	return strings.FieldsFunc(strings.Map(lower, text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'à' && r <= 'ÿ')
	})
}

// lower is unicode.ToLower with a short way for ASCII; what does not decode
// becomes a separator.
func lower(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	case r < utf8.RuneSelf:
		return r
	case r == utf8.RuneError:
		return ' '
	}
	return unicode.ToLower(r)
}

// A posting is one row that holds a term, and how often.
type posting struct {
	row uint32
	tf  uint32
}

// A lexicon is an inverted index of rows, scored by BM25 with the idf of
// Lucene, ln(1 + (N − df + ½)/(df + ½)). It is not safe for concurrent use.
type lexicon struct {
	postings map[string][]posting // by row
	lengths  map[uint32]int
	total    int    // sum of lengths
	next     uint32 // above every row
}

func newLexicon() *lexicon {
	return &lexicon{postings: map[string][]posting{}, lengths: map[uint32]int{}}
}

// A termCount is a term of a document or a query and how often it occurs.
type termCount struct {
	term string
	n    int
}

// countTerms counts tokens and returns them in order of the term, so that
// sums of scores do not depend on the order of a map.
func countTerms(tokens []string) []termCount {
	tokens = slices.Clone(tokens)
	slices.Sort(tokens)
	var out []termCount
	for _, t := range tokens {
		if last := len(out) - 1; last >= 0 && out[last].term == t {
			out[last].n++
			continue
		}
		out = append(out, termCount{t, 1})
	}
	return out
}

func (l *lexicon) add(row uint32, tokens []string) {
	for _, t := range countTerms(tokens) {
		list := l.postings[t.term]
		i, _ := slices.BinarySearchFunc(list, row, func(p posting, row uint32) int { return cmp.Compare(p.row, row) })
		l.postings[t.term] = slices.Insert(list, i, posting{row, uint32(t.n)})
	}
	l.next = max(l.next, row+1)
	l.lengths[row] = len(tokens)
	l.total += len(tokens)
}

// remove takes the tokens that add was given.
func (l *lexicon) remove(row uint32, tokens []string) {
	for _, t := range countTerms(tokens) {
		list := l.postings[t.term]
		i, found := slices.BinarySearchFunc(list, row, func(p posting, row uint32) int { return cmp.Compare(p.row, row) })
		if !found {
			continue
		}
		if list = slices.Delete(list, i, i+1); len(list) == 0 {
			delete(l.postings, t.term)
		} else {
			l.postings[t.term] = list
		}
	}
	l.total -= l.lengths[row]
	delete(l.lengths, row)
}

func (l *lexicon) idf(df int) float64 {
	n := float64(len(l.lengths))
	return math.Log(1 + (n-float64(df)+0.5)/(float64(df)+0.5))
}

// A tally is what a lexical search found. It may be used again.
type tally struct {
	score []float64 // by row
	mass  []float64 // by row: share of the known query terms' idf that the row holds
	rows  []uint32  // that share a term with the query, unsorted
	best  float64   // what score approaches, but no document exceeds
}

func (t *tally) reset(rows uint32) {
	for _, r := range t.rows {
		t.score[r], t.mass[r] = 0, 0
	}
	t.rows, t.best = t.rows[:0], 0
	if n := int(rows) - len(t.score); n > 0 {
		t.score = append(t.score, make([]float64, n)...)
		t.mass = append(t.mass, make([]float64, n)...)
	}
}

// search scores the allowed rows (nil = all) that share a term with the query.
// Terms that no document holds say nothing and are left out.
func (l *lexicon) search(query []termCount, allow *roaring.Bitmap, t *tally) {
	if len(l.lengths) == 0 {
		return
	}
	mean := max(1, float64(l.total)/float64(len(l.lengths)))
	var known float64
	for _, q := range query {
		list := l.postings[q.term]
		if len(list) == 0 {
			continue
		}
		idf := l.idf(len(list))
		full := float64(q.n) * idf * (bm25K1 + 1)
		t.best += full
		known += idf
		for _, p := range list {
			if allow != nil && !allow.Contains(p.row) {
				continue
			}
			if t.mass[p.row] == 0 {
				t.rows = append(t.rows, p.row)
			}
			tf := float64(p.tf)
			norm := bm25K1 * (1 - bm25B + bm25B*float64(l.lengths[p.row])/mean)
			t.score[p.row] += full * tf / (tf + norm)
			t.mass[p.row] += idf
		}
	}
	for _, r := range t.rows {
		t.mass[r] /= known
	}
}
