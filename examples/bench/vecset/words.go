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
	wordWindow = 12 // words after a word that count as near it
	wordLimit  = 1_000_000
	textLimit  = 1 << 28 // bytes
)

// Words makes vectors of the words in Debian's list of packages, in the form
// that "apt-cache dumpavail" and "dpkg-query -s" print: those of the fields
// Package and Description. A vector is a row of the best approximation of rank
// 100 to the matrix of positive pointwise mutual information between words at
// most 12 apart, each side of it having the square root of the eigenvalues. Every
// so manyth word is a query and not in the base. Names of dependencies would make
// more vectors and easier ones, in clusters; words that occur once stay in,
// because it is among them that an index loses its way.
//
// Most of its time goes into that approximation: some 5 s for 50,000 words.
//
// Errors: ErrSet for a text with too few words or too many; those of r and the
// context.
func Words(ctx context.Context, r io.Reader, queries int) (*Set, error) {
	words, near, err := occurrences(r)
	if err != nil {
		return nil, err
	}
	if words < 4*wordDim || words <= queries {
		return nil, badf("%d words are too few for %d queries and rank %d", words, queries, wordDim)
	}
	vectors, err := mutualInformation(words, near).approximate(ctx, wordDim)
	if err != nil {
		return nil, err
	}
	return apart(vectors, queries), nil
}

// apart takes evenly spread rows out as queries, and leaves zero rows out: words
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

// pair are two words, the lower number first.
type pair struct{ a, b int32 }

// occurrences numbers words in the order they appear first, and counts how often
// two are near each other.
func occurrences(r io.Reader) (words int, near map[pair]int, err error) {
	number := map[string]int32{}
	near = map[pair]int{}
	var line []int32
	for text, err := range stanzas(r) {
		if err != nil {
			return 0, nil, err
		}
		line = line[:0]
		for _, word := range text {
			n, known := number[word]
			if !known {
				if len(number) == wordLimit {
					return 0, nil, badf("above %d words", wordLimit)
				}
				n = int32(len(number))
				number[word] = n
			}
			line = append(line, n)
		}
		countNear(near, line)
	}
	return len(number), near, nil
}

func countNear(near map[pair]int, line []int32) {
	for i, a := range line {
		for _, b := range line[i+1 : min(i+1+wordWindow, len(line))] {
			if a != b {
				near[pair{min(a, b), max(a, b)}]++
			}
		}
	}
}

// stanzas yields the words of each paragraph of a control file.
func stanzas(r io.Reader) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<20) // a field can be long; a longer line is an error
		var words []string
		field, size := "", 0
		for lines.Scan() {
			line := lines.Text()
			if size += len(line) + 1; size > textLimit {
				yield(nil, badf("text above %d bytes", textLimit))
				return
			}
			if line == "" {
				if !yield(words, nil) {
					return
				}
				words, field = words[:0], ""
				continue
			}
			if name, rest, ok := strings.Cut(line, ":"); ok && line[0] != ' ' && line[0] != '\t' {
				field, line = name, rest
			}
			words = appendWords(words, field, line)
		}
		if err := lines.Err(); err != nil {
			yield(nil, err)
			return
		}
		yield(words, nil)
	}
}

// appendWords appends the words of a line of a field.
func appendWords(words []string, field, line string) []string {
	switch field {
	case "Package", "Description", "Description-en":
		return append(words, strings.FieldsFunc(strings.ToLower(line), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })...)
	}
	return words
}

// mutualInformation returns the matrix whose entries are the positive pointwise
// mutual information of words.
func mutualInformation(words int, near map[pair]int) *sparse {
	sums := make([]float64, words)
	var total float64
	for p, n := range near {
		sums[p.a] += float64(n) // whole numbers: the order does not matter
		sums[p.b] += float64(n)
		total += 2 * float64(n)
	}
	pairs := slices.SortedFunc(maps.Keys(near), func(x, y pair) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	m := &sparse{rows: make([][]entry, words)}
	for _, p := range pairs {
		if x := math.Log(float64(near[p]) * total / (sums[p.a] * sums[p.b])); x > 0 {
			m.rows[p.a] = append(m.rows[p.a], entry{p.b, float32(x)})
			m.rows[p.b] = append(m.rows[p.b], entry{p.a, float32(x)})
		}
	}
	return m
}
