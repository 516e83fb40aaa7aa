package coderhnsw_test

import (
	"testing"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/coderhnsw"
	"github.com/deeperpoint/csss/match/matchtest"
)

func open(t testing.TB, o *coderhnsw.Options) *coderhnsw.Index {
	x, err := coderhnsw.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// What is known is the peer's recall, and nothing else.
func TestIndexConforms(t *testing.T) {
	matchtest.TestVectorIndex(t, func(t testing.TB) match.VectorIndex { return open(t, nil) }, &matchtest.Options{Known: map[string]string{
		"recall-gaussian":   "the peer's graph: recall@10 among 2,000 rows is 0.13 to 0.19 in eight runs, under a filter that allows a half 0.21 to 0.24; scans do the rest",
		"recall-clustered":  "the peer's graph: 0.76 to 0.80, 0.73 to 0.80",
		"recall-duplicates": "the peer's graph: 0.24 to 0.31, 0.34 to 0.39",
	}})
}

// Without the scans that a small index answers with, the peer's graph is asked
// every time, for as little as will do; the promises hold all the same.
func TestGraphConforms(t *testing.T) {
	matchtest.TestVectorIndex(t, func(t testing.TB) match.VectorIndex {
		x := open(t, &coderhnsw.Options{EfSearch: 10})
		x.AskAlways()
		return x
	}, &matchtest.Options{Known: map[string]string{
		"recall-gaussian":   "the peer's graph: recall@10 among 2,000 rows is 0.07 to 0.11",
		"recall-clustered":  "the peer's graph: 0.37 to 0.41",
		"recall-duplicates": "the peer's graph: 0.12 to 0.15",
		"churn":             "the peer's graph: 0.48 to 0.61 among 500 rows after the first change",
	}})
}
