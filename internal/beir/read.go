package beir

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MaxLine is the longest line, in bytes, that the readers accept.
const MaxLine = 16 << 20

// Reasons inside a [*ParseError], beside those of encoding/json and strconv.
var (
	// ErrNoID is a record without an id.
	ErrNoID = errors.New("beir: empty id")
	// ErrDuplicate is an id, or a pair of ids, that occurred before in the same file.
	ErrDuplicate = errors.New("beir: duplicate id")
	// ErrUnknown is a judgement about a query or document that the set does not hold.
	ErrUnknown = errors.New("beir: judgement about an unknown id")
	// ErrColumns is a line of qrels.tsv that has not three columns, or a header that is not the expected one.
	ErrColumns = errors.New("beir: want the columns query-id, corpus-id, score")
	// ErrTooLong is a line longer than MaxLine.
	ErrTooLong = errors.New("beir: line too long")
	// ErrEmpty is a file without a record.
	ErrEmpty = errors.New("beir: no record")
)

// ParseError says where a file is not what it should be.
type ParseError struct {
	File string // as it was named to the reader
	Line int    // from 1; 0 when the file as a whole is meant
	Err  error
}

// Error prints file:line: reason.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

// Unwrap returns the reason.
func (e *ParseError) Unwrap() error { return e.Err }

// Read reads the set in a folder. It holds everything in memory. A file that cannot be opened or read gives the
// operating system's error; one with a wrong record gives a [*ParseError]. Judgements must be about queries and
// documents of the set.
func Read(dir string) (*Set, error) {
	s := &Set{}
	var err error
	if s.Documents, err = readFile(dir, "corpus.jsonl", ReadCorpus); err != nil {
		return nil, err
	}
	if s.Queries, err = readFile(dir, "queries.jsonl", ReadQueries); err != nil {
		return nil, err
	}
	known := s.known()
	s.Qrels, err = readFile(dir, "qrels.tsv", func(name string, r io.Reader) (Qrels, error) {
		return ReadQrels(name, r, known)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// known returns a function that says whether the set holds a query and a document.
func (s *Set) known() func(query, document string) bool {
	queries, documents := map[string]bool{}, map[string]bool{}
	for _, q := range s.Queries {
		queries[q.ID] = true
	}
	for _, d := range s.Documents {
		documents[d.ID] = true
	}
	return func(query, document string) bool { return queries[query] && documents[document] }
}

func readFile[T any](dir, name string, read func(string, io.Reader) (T, error)) (T, error) {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if err != nil {
		var none T
		return none, fmt.Errorf("beir: %w", err)
	}
	defer f.Close()
	return read(path, f)
}

// ReadCorpus reads documents, one JSON object a line; name stands in errors. Empty lines are passed over and
// unknown keys ignored; an id that is empty or occurs twice is an error.
func ReadCorpus(name string, r io.Reader) ([]Document, error) {
	return readJSONL(name, r, func(d Document) string { return d.ID })
}

// ReadQueries reads queries as [ReadCorpus] reads documents.
func ReadQueries(name string, r io.Reader) ([]Query, error) {
	return readJSONL(name, r, func(q Query) string { return q.ID })
}

func readJSONL[T any](name string, r io.Reader, id func(T) string) ([]T, error) {
	var list []T
	seen := map[string]bool{}
	err := lines(name, r, func(line string) error {
		var item T
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			return err
		}
		switch id := id(item); {
		case id == "":
			return ErrNoID
		case seen[id]:
			return fmt.Errorf("%w %.40q", ErrDuplicate, id)
		default:
			seen[id] = true
		}
		list = append(list, item)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, &ParseError{File: name, Err: ErrEmpty}
	}
	return list, nil
}

// ReadQrels reads judgements: tab-separated, after a header line. known says whether a query and a document
// exist; nil accepts every pair.
func ReadQrels(name string, r io.Reader, known func(query, document string) bool) (Qrels, error) {
	qrels, header := Qrels{}, true
	err := lines(name, r, func(line string) error {
		columns := strings.Split(line, "\t")
		if len(columns) != 3 {
			return ErrColumns
		}
		query, document := columns[0], columns[1]
		if header {
			header = false
			if query != "query-id" || document != "corpus-id" || columns[2] != "score" {
				return ErrColumns
			}
			return nil
		}
		score, err := strconv.Atoi(columns[2])
		if err != nil {
			return err
		}
		return qrels.add(query, document, score, known)
	})
	if err != nil {
		return nil, err
	}
	if len(qrels) == 0 {
		return nil, &ParseError{File: name, Err: ErrEmpty}
	}
	return qrels, nil
}

func (q Qrels) add(query, document string, score int, known func(query, document string) bool) error {
	if query == "" || document == "" {
		return ErrNoID
	}
	if known != nil && !known(query, document) {
		return fmt.Errorf("%w: query %.40q, document %.40q", ErrUnknown, query, document)
	}
	if q[query] == nil {
		q[query] = map[string]int{}
	}
	if _, ok := q[query][document]; ok {
		return fmt.Errorf("%w: query %.40q, document %.40q", ErrDuplicate, query, document)
	}
	q[query][document] = score
	return nil
}

// lines calls each for every line that is not empty and puts file and line around what it returns.
func lines(name string, r io.Reader, each func(line string) error) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, MaxLine)
	number := 0
	for scanner.Scan() {
		number++
		line := strings.TrimSuffix(scanner.Text(), "\r")
		if line == "" {
			continue
		}
		if err := each(line); err != nil {
			return &ParseError{File: name, Line: number, Err: err}
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return &ParseError{File: name, Line: number + 1, Err: fmt.Errorf("%w, limit %d bytes", ErrTooLong, MaxLine)}
	}
	if err := scanner.Err(); err != nil {
		return fmt.Errorf("beir: %s: %w", name, err)
	}
	return nil
}
