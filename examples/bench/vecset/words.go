package vecset

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"
)

// What the word vectors are made of.
const (
	wordDim    = 100
	wordWindow = 12 // terms after a term that count as near it
	wordLeast  = 2  // times a term occurs
	wordLimit  = 400_000
	textLimit  = 1 << 28 // bytes
)

// Words makes vectors of the terms that Debian's list of packages consists of,
// in the form that "apt-cache dumpavail" and "dpkg-query -s" print: words of the
// names and descriptions, and the names in the fields Depends, Recommends,
// Suggests and Tag. Terms that occur once are left out. A vector is a row of the
// best approximation of rank 100 to the matrix of positive pointwise mutual
// information between terms at most 12 apart, each side of it having the square
// root of the eigenvalues. Every so manyth term is a query and not in the base.
//
// Most of its time goes into that approximation: some 10 s for 70,000 terms.
//
// Errors: ErrSet for a text with too few terms; those of r and the context.
func Words(ctx context.Context, r io.Reader, queries int) (*Set, error) {
	counts, near, err := occurrences(r)
	if err != nil {
		return nil, err
	}
	if len(counts) < 4*wordDim || len(counts) <= queries {
		return nil, badf("%d terms occur twice: too few for %d queries and rank %d", len(counts), queries, wordDim)
	}
	vectors, err := mutualInformation(counts, near).approximate(ctx, wordDim)
	if err != nil {
		return nil, err
	}
	return apart(vectors, queries), nil
}

// apart takes evenly spread rows out as queries, and leaves zero rows out: terms
// that occur with nothing more often than by chance have no direction.
func apart(all Table, queries int) *Set {
	s := &Set{Name: "w100", Metric: Cosine, Base: Table{Dim: all.Dim}, Queries: Table{Dim: all.Dim}}
	every := all.Rows() / queries
	for i := range all.Rows() {
		to := &s.Base
		if i%every == 0 && s.Queries.Rows() < queries {
			to = &s.Queries
		}
		if row := all.Row(i); slices.ContainsFunc(row, func(x float32) bool { return x != 0 }) {
			to.Values = append(to.Values, row...)
		}
	}
	return s
}

// pair are two terms, the lower number first.
type pair struct{ a, b int32 }

// occurrences counts terms, which are numbered in the order they appear first,
// and how often two are near each other.
func occurrences(r io.Reader) (counts []int, near map[pair]int, err error) {
	var text [][]int32
	number := map[string]int32{}
	var all []int
	for terms, err := range stanzas(r) {
		if err != nil {
			return nil, nil, err
		}
		line := make([]int32, 0, len(terms))
		for _, term := range terms {
			n, known := number[term]
			if !known {
				if len(number) == 10*wordLimit {
					return nil, nil, badf("above %d terms", 10*wordLimit)
				}
				n = int32(len(number))
				number[term], all = n, append(all, 0)
			}
			all[n]++
			line = append(line, n)
		}
		text = append(text, line)
	}
	renumber := make([]int32, len(all))
	for old, n := range all {
		if renumber[old] = -1; n >= wordLeast && len(counts) < wordLimit {
			renumber[old] = int32(len(counts))
			counts = append(counts, n)
		}
	}
	return counts, nearPairs(text, renumber), nil
}

func nearPairs(text [][]int32, renumber []int32) map[pair]int {
	near := map[pair]int{}
	for _, line := range text {
		kept := line[:0]
		for _, old := range line {
			if n := renumber[old]; n >= 0 {
				kept = append(kept, n)
			}
		}
		for i, a := range kept {
			for _, b := range kept[i+1 : min(i+1+wordWindow, len(kept))] {
				if a != b {
					near[pair{min(a, b), max(a, b)}]++
				}
			}
		}
	}
	return near
}

// stanzas yields the terms of each paragraph of a control file.
func stanzas(r io.Reader) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20) // a field can be long; a longer line is an error
		var terms []string
		field, size := "", 0
		for lines.Scan() {
			line := lines.Text()
			if size += len(line) + 1; size > textLimit {
				yield(nil, badf("text above %d bytes", textLimit))
				return
			}
			if line == "" {
				if !yield(terms, nil) {
					return
				}
				terms, field = terms[:0], ""
				continue
			}
			if name, rest, ok := strings.Cut(line, ":"); ok && line[0] != ' ' && line[0] != '\t' {
				field, line = name, rest
			}
			terms = appendTerms(terms, field, line)
		}
		if err := lines.Err(); err != nil {
			yield(nil, err)
			return
		}
		yield(terms, nil)
	}
}

// appendTerms appends the terms of a line of a field.
func appendTerms(terms []string, field, line string) []string {
	switch field {
	case "Package", "Description", "Description-en":
		line = strings.ToLower(line)
		terms = append(terms, strings.FieldsFunc(line, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	case "Depends", "Recommends", "Suggests", "Tag":
		for name := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == '|' }) {
			name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
			if name != "" {
				terms = append(terms, name)
			}
		}
	}
	return terms
}

// mutualInformation returns the matrix whose entries are the positive pointwise
// mutual information of terms.
func mutualInformation(counts []int, near map[pair]int) *sparse {
	sums := make([]float64, len(counts))
	var total float64
	for p, n := range near {
		sums[p.a] += float64(n) // whole numbers: the order does not matter
		sums[p.b] += float64(n)
		total += 2 * float64(n)
	}
	pairs := slices.SortedFunc(maps.Keys(near), func(x, y pair) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	m := &sparse{rows: make([][]entry, len(counts))}
	for _, p := range pairs {
		if x := math.Log(float64(near[p]) * total / (sums[p.a] * sums[p.b])); x > 0 {
			m.rows[p.a] = append(m.rows[p.a], entry{p.b, float32(x)})
			m.rows[p.b] = append(m.rows[p.b], entry{p.a, float32(x)})
		}
	}
	return m
}
