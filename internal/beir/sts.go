package beir

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
)

// ErrPair is a line of an STS file with fewer than seven columns or a score outside 0 to 5.
var ErrPair = errors.New("beir: want a score of 0 to 5 in column 5 and sentences in columns 6 and 7")

// Pair is one judgement of semantic textual similarity.
type Pair struct {
	Score float64 // 0 (unrelated) to 5 (same meaning)
	A, B  string
}

// ReadSTS reads a file of the STS Benchmark: tab-separated, the score in column 5, the sentences in columns 6
// and 7. Errors are as for [Read].
func ReadSTS(path string) ([]Pair, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("beir: %w", err)
	}
	defer f.Close()
	return ReadPairs(path, f)
}

// ReadPairs is [ReadSTS] over a reader; name stands in errors.
func ReadPairs(name string, r io.Reader) ([]Pair, error) {
	var pairs []Pair
	err := lines(name, r, func(line string) error {
		columns := strings.Split(line, "\t")
		if len(columns) < 7 {
			return ErrPair
		}
		score, err := strconv.ParseFloat(columns[4], 64)
		if err != nil {
			return err
		}
		if !(score >= 0 && score <= 5) || math.IsNaN(score) {
			return fmt.Errorf("%w, have %v", ErrPair, score)
		}
		pairs = append(pairs, Pair{Score: score, A: columns[5], B: columns[6]})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(pairs) == 0 {
		return nil, &ParseError{File: name, Err: ErrEmpty}
	}
	return pairs, nil
}
