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
		"recall-gaussian":   "the peer's graph: recall@10 among 2,000 rows is 0.15 to 0.18, under a filter that allows a half 0.22 to 0.25; scans do the rest",
		"recall-clustered":  "the peer's graph: 0.77 to 0.79 without a filter and under a half",
		"recall-duplicates": "the peer's graph: 0.27 to 0.30 and 0.35 to 0.36",
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
		"recall-gaussian":   "the peer's graph: recall@10 among 2,000 rows is 0.08 to 0.10",
		"recall-clustered":  "the peer's graph: 0.36 to 0.42",
		"recall-duplicates": "the peer's graph: 0.11 to 0.15",
		"churn":             "the peer's graph: 0.1 to 0.6 among 500 rows, as more and more of it is out of date",
	}})
}
