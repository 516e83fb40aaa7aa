package beir_test

import (
	"cmp"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/internal/beir"
)

// Values worked out by hand: 1/log2(2) = 1, 1/log2(3) = 0.6309, 1/log2(4) = 0.5.
func TestMeasuresByHand(t *testing.T) {
	judged := map[string]int{"a": 3, "b": 1, "c": 0, "d": -1}
	ideal := 3 + 1/math.Log2(3)
	for _, c := range []struct {
		ranking      string
		k            int
		ndcg, recall float64
	}{
		{"a b c", 10, 1, 1},
		{"b a", 10, (1 + 3/math.Log2(3)) / ideal, 1},
		{"c d a", 10, 3 * 0.5 / ideal, 0.5}, // nothing for scores of 0 and below
		{"x y z", 10, 0, 0},
		{"x a b", 2, 3 / math.Log2(3) / ideal, 0.5}, // cut at 2
		{"a", 1, 1, 0.5},                            // the ideal is cut at k too
		{"b b a", 10, (1 + 3*0.5) / ideal, 1},       // a repeated document counts once, and takes its place
		{"", 10, 0, 0},
		{"a b", 0, 0, 0},
		{"a b", -1, 0, 0},
	} {
		ranking := strings.Fields(c.ranking)
		assert.InDelta(t, c.ndcg, beir.NDCG(ranking, judged, c.k), 1e-12, "nDCG@%d of %q", c.k, c.ranking)
		assert.InDelta(t, c.recall, beir.Recall(ranking, judged, max(c.k, 0)), 1e-12, "recall@%d of %q", c.k, c.ranking)
	}
	assert.Zero(t, beir.NDCG([]string{"a"}, nil, 10))
	assert.Zero(t, beir.Recall([]string{"a"}, map[string]int{"a": 0}, 10))
}

func TestSpearmanAveragesTies(t *testing.T) {
	assert.InDelta(t, 1, beir.Spearman([]float64{1, 2, 30}, []float64{-5, 0, 1e9}), 1e-12)
	assert.InDelta(t, -1, beir.Spearman([]float64{1, 2, 3}, []float64{3, 2, 1}), 1e-12)
	// Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: cov 4.5, variances 4.5 and 5.
	assert.InDelta(t, 4.5/math.Sqrt(4.5*5), beir.Spearman([]float64{1, 2, 2, 3}, []float64{1, 2, 3, 4}), 1e-12)
	for _, bad := range [][2][]float64{
		{{1}, {1}}, {{1, 2}, {1}}, {{1, math.NaN()}, {1, 2}}, {{1, 2}, {7, 7}}, {nil, nil},
	} {
		assert.True(t, math.IsNaN(beir.Spearman(bad[0], bad[1])), "%v", bad)
	}
}

// The obvious twin of Top is Sort and a cut.
func TestTopIsSortAndCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) beir.Hit {
			return beir.Hit{ID: rapid.StringMatching("[a-c]{1,3}").Draw(t, "id"), Score: float64(rapid.IntRange(0, 3).Draw(t, "score"))}
		}), 0, 30).Draw(t, "hits")
		k := rapid.IntRange(-1, 32).Draw(t, "k")
		sorted := slices.Clone(hits)
		beir.Sort(sorted)
		before := slices.Clone(sorted)
		require.Equal(t, beir.IDs(sorted[:min(max(k, 0), len(sorted))]), beir.IDs(beir.Top(hits, k)))
		beir.Sort(hits)
		require.Equal(t, before, hits, "no hit is lost or doubled")
	})
	hits := []beir.Hit{{"n", math.NaN()}, {"b", 1}, {"a", 1}, {"c", 2}}
	beir.Sort(hits)
	assert.Equal(t, []string{"c", "a", "b", "n"}, beir.IDs(hits))
}

const (
	corpus  = `{"_id":"d1","title":"Milling","text":"of metal"}` + "\n" + `{"_id":"d2","text":"Baking"}` + "\n"
	queries = `{"_id":"q1","text":"mill"}` + "\r\n\n" + `{"_id":"q2","text":"bread","hard":true}` + "\n" + `{"_id":"q3","text":"none"}`
	qrels   = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\nq3\td1\t0\n"
)

func folder(t *testing.T, corpus, queries, qrels string) string {
	dir := t.TempDir()
	for name, text := range map[string]string{"corpus.jsonl": corpus, "queries.jsonl": queries, "qrels.tsv": qrels} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestReadAndEvaluate(t *testing.T) {
	set, err := beir.Read(folder(t, corpus, queries, qrels))
	require.NoError(t, err)
	assert.Equal(t, []string{"Milling of metal", "Baking"}, []string{set.Documents[0].Content(), set.Documents[1].Content()})
	assert.Len(t, set.Queries, 3)
	assert.Len(t, set.Judged(), 2, "a query without a relevant document is left out")

	got := beir.Evaluate(set, func(beir.Query) []string { return []string{"d1", "d2"} })
	assert.Equal(t, 2, got.All.Queries)
	assert.InDelta(t, (1+1/math.Log2(3))/2, got.All.NDCG10, 1e-12)
	assert.Equal(t, beir.Means{Queries: 1, NDCG10: 1 / math.Log2(3), Recall10: 1}, got.Hard)
}

func TestReadSaysWhichLineIsWrong(t *testing.T) {
	for _, c := range []struct {
		corpus, queries, qrels string
		where                  string
		why                    error
	}{
		{"", queries, qrels, "corpus.jsonl: ", beir.ErrEmpty},
		{corpus + "{", queries, qrels, "corpus.jsonl:3: ", nil},
		{corpus + `{"_id":"d1"}`, queries, qrels, "corpus.jsonl:3: ", beir.ErrDuplicate},
		{corpus, `{"_id":"q1","text":7}`, qrels, "queries.jsonl:1: ", nil},
		{corpus, `{"text":"mill"}`, qrels, "queries.jsonl:1: ", beir.ErrNoID},
		{corpus, queries, "q1\td1\t1\n", "qrels.tsv:1: ", beir.ErrColumns},
		{corpus, queries, qrels + "q1\td2\n", "qrels.tsv:5: ", beir.ErrColumns},
		{corpus, queries, qrels + "q1\td2\tone\n", "qrels.tsv:5: ", nil},
		{corpus, queries, qrels + "q1\td1\t1\n", "qrels.tsv:5: ", beir.ErrDuplicate},
		{corpus, queries, qrels + "q1\td9\t1\n", "qrels.tsv:5: ", beir.ErrUnknown},
		{corpus, queries, qrels + "\td1\t1\n", "qrels.tsv:5: ", beir.ErrNoID},
		{corpus, queries, "query-id\tcorpus-id\tscore\n", "qrels.tsv: ", beir.ErrEmpty},
	} {
		_, err := beir.Read(folder(t, c.corpus, c.queries, c.qrels))
		_, ok := errors.AsType[*beir.ParseError](err)
		require.True(t, ok, "%v", err)
		assert.ErrorContains(t, err, c.where)
		if c.why != nil {
			require.ErrorIs(t, err, c.why)
		}
	}
	_, err := beir.Read(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = beir.ReadCorpus("long", strings.NewReader("\n"+strings.Repeat("x", beir.MaxLine+1)))
	require.EqualError(t, err, "long:2: beir: line too long, limit 16777216 bytes")
}

func TestReadPairs(t *testing.T) {
	pairs, err := beir.ReadPairs("sts", strings.NewReader("g\tf\ty\t1\t2.500\tA man.\tA \"boy\".\textra\n"))
	require.NoError(t, err)
	assert.Equal(t, []beir.Pair{{Score: 2.5, A: "A man.", B: `A "boy".`}}, pairs)
	for _, bad := range []string{"g\tf\ty\t1\t2.5\tA", "g\tf\ty\t1\t5.1\tA\tB", "g\tf\ty\t1\tNaN\tA\tB"} {
		_, err := beir.ReadPairs("sts", strings.NewReader(bad))
		require.ErrorIs(t, err, beir.ErrPair)
		assert.ErrorContains(t, err, "sts:1: ")
	}
	_, err = beir.ReadPairs("sts", strings.NewReader(""))
	require.ErrorIs(t, err, beir.ErrEmpty)
}

// FNV-1a-32 of "d1" is 2283607014, of "d2" 2266829395, by an independent computation.
func TestSplitFollowsTheDocument(t *testing.T) {
	assert.True(t, beir.Held("d1"), "bucket 14")
	assert.False(t, beir.Held("d2"), "bucket 95")
	set := &beir.Set{
		Queries: []beir.Query{{ID: "q1"}, {ID: "q2"}, {ID: "q3"}, {ID: "q4"}},
		Qrels:   beir.Qrels{"q1": {"d2": 1}, "q2": {"d1": 1, "d2": 1}, "q3": {"d2": 0}, "q4": {"d1": 0, "d2": 1}},
	}
	train, held := set.Split()
	assert.Equal(t, []beir.Query{{ID: "q1"}, {ID: "q4"}}, train.Queries)
	assert.Equal(t, []beir.Query{{ID: "q2"}}, held.Queries, "one held-out document holds the query out")
}

var data = flag.String("beir.data", "", "folder with naics/ and esco/; without it the test of the measures on them is skipped")

// The numbers that BM25 (k1 1.2, b 0.75, no stemming, title and text) must give on the shared sets if reading,
// ranking and measuring are right.
func TestBM25GivesTheKnownNumbers(t *testing.T) {
	if *data == "" {
		t.Skip("SKIP: no -beir.data folder")
	}
	for _, want := range []struct {
		set                     string
		all, hard               float64
		documents, queries, few int
		held, heldHard          int
	}{
		{"esco", 0.573, 0.114, 2570, 25799, 5488, 4219, 871},
		{"naics", 0.594, 0.321, 896, 15682, 1966, 2422, 295},
	} {
		set, err := beir.Read(filepath.Join(*data, want.set))
		require.NoError(t, err)
		index := newBM25(set.Documents)
		got := beir.Evaluate(set, func(q beir.Query) []string { return beir.IDs(beir.Top(index.score(q.Text), 10)) })
		t.Logf("%s: %+v", want.set, got)
		assert.Equal(t, []int{want.documents, want.queries, want.few}, []int{len(set.Documents), got.All.Queries, got.Hard.Queries})
		assert.InDelta(t, want.all, got.All.NDCG10, 0.002, want.set)
		assert.InDelta(t, want.hard, got.Hard.NDCG10, 0.002, want.set)
		_, held := set.Split()
		hard := 0
		for _, q := range held.Queries {
			if q.Hard {
				hard++
			}
		}
		assert.Equal(t, []int{want.held, want.heldHard}, []int{len(held.Queries), hard}, want.set)
	}
}

// bm25 is the smallest BM25 that is one, to test the measures with.
type bm25 struct {
	ids      []string
	length   []float64
	mean     float64
	postings map[string][]posting
}

type posting struct {
	doc int
	tf  float64
}

var token = regexp.MustCompile(`[a-z0-9à-ÿ]+`)

func tokens(text string) []string { return token.FindAllString(strings.ToLower(text), -1) }

func newBM25(documents []beir.Document) *bm25 {
	x := &bm25{postings: map[string][]posting{}}
	for i, d := range documents {
		words, counts := tokens(d.Content()), map[string]float64{}
		for _, w := range words {
			counts[w]++
		}
		for w, tf := range counts {
			x.postings[w] = append(x.postings[w], posting{i, tf})
		}
		x.ids, x.length = append(x.ids, d.ID), append(x.length, float64(len(words)))
		x.mean += float64(len(words)) / float64(len(documents))
	}
	return x
}

func (x *bm25) score(query string) []beir.Hit {
	const k1, b = 1.2, 0.75
	scores := map[int]float64{}
	for _, w := range tokens(query) {
		list := x.postings[w]
		idf := math.Log(1 + (float64(len(x.ids)-len(list))+0.5)/(float64(len(list))+0.5))
		for _, p := range list {
			scores[p.doc] += idf * p.tf * (k1 + 1) / (p.tf + k1*(1-b+b*x.length[p.doc]/x.mean))
		}
	}
	hits := make([]beir.Hit, 0, len(scores))
	for doc, score := range scores {
		hits = append(hits, beir.Hit{ID: x.ids[doc], Score: score})
	}
	slices.SortFunc(hits, func(a, b beir.Hit) int { return cmp.Compare(a.ID, b.ID) })
	return hits
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{corpus, queries, qrels, "a\tb\tc\td\t1\te\tf\n", "{}", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		documents, err := beir.ReadCorpus("f", strings.NewReader(text))
		require.Equal(t, err == nil, len(documents) > 0)
		judged, err := beir.ReadQrels("f", strings.NewReader(text), nil)
		require.Equal(t, err == nil, len(judged) > 0)
		pairs, err := beir.ReadPairs("f", strings.NewReader(text))
		require.Equal(t, err == nil, len(pairs) > 0)
		for _, p := range pairs {
			require.True(t, p.Score >= 0 && p.Score <= 5)
		}
	})
}
