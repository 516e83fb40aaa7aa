package beir

import (
	"cmp"
	"math"
	"slices"
)

// Hit is one document of a ranking with the score it got; higher is better.
type Hit struct {
	ID    string
	Score float64
}

// Sort orders hits best first. Equal scores are ordered by id, ascending, so that a ranking never depends on
// the order in which the documents were scored; NaN comes last.
func Sort(hits []Hit) {
	slices.SortFunc(hits, compare)
}

func compare(a, b Hit) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
}

// Top returns the k best of the hits in order, as [Sort] orders them, and reorders hits in doing so. It costs
// one pass and the sorting of what beat the k best so far. A negative k counts as 0.
func Top(hits []Hit, k int) []Hit {
	k = min(max(k, 0), len(hits))
	top := hits[:k]
	slices.SortFunc(top, compare)
	if k == 0 {
		return top
	}
	for i := k; i < len(hits); i++ {
		if compare(hits[i], top[k-1]) >= 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, hits[i], compare)
		out := top[k-1]
		best := hits[i]
		copy(top[at+1:], top[at:k-1])
		top[at], hits[i] = best, out
	}
	return top
}

// NDCG returns the normalised discounted cumulative gain at k of a ranking (document ids, best first): the gain
// is the score itself (linear), the discount log2(rank+1), and the ideal ranking is that of all judged
// documents. Scores below 0 count as 0, and a document that occurs twice counts once. Without a relevant
// document it is 0.
func NDCG(ranking []string, judged map[string]int, k int) float64 {
	var gains []int
	for _, score := range judged {
		if score > 0 {
			gains = append(gains, score)
		}
	}
	slices.SortFunc(gains, func(a, b int) int { return cmp.Compare(b, a) })
	ideal := 0.0
	for i, gain := range gains[:min(max(k, 0), len(gains))] {
		ideal += float64(gain) / math.Log2(float64(i)+2)
	}
	if ideal == 0 {
		return 0
	}
	got := 0.0
	for i, id := range cut(ranking, k) {
		if score := judged[id]; score > 0 && !slices.Contains(ranking[:i], id) {
			got += float64(score) / math.Log2(float64(i)+2)
		}
	}
	return got / ideal
}

// Recall returns the share of the relevant documents (score above 0) that are among the first k of a ranking.
// Without a relevant document it is 0.
func Recall(ranking []string, judged map[string]int, k int) float64 {
	relevant := 0
	for _, score := range judged {
		if score > 0 {
			relevant++
		}
	}
	if relevant == 0 {
		return 0
	}
	found := 0
	for i, id := range cut(ranking, k) {
		if judged[id] > 0 && !slices.Contains(ranking[:i], id) {
			found++
		}
	}
	return float64(found) / float64(relevant)
}

func cut(ranking []string, k int) []string { return ranking[:min(max(k, 0), len(ranking))] }

// Means are the measures at depth 10, averaged over queries.
type Means struct {
	Queries  int     `json:"queries"`
	NDCG10   float64 `json:"ndcg10"`
	Recall10 float64 `json:"recall10"`
}

// Result holds the means over all judged queries and over the hard ones alone.
type Result struct {
	All  Means `json:"all"`
	Hard Means `json:"hard"`
}

// Evaluate asks rank for the documents of each judged query of the set, best first (10 suffice), and returns the
// means. It calls rank once per query, in the order of the file, on the caller's goroutine.
func Evaluate(s *Set, rank func(Query) []string) Result {
	var r Result
	for _, q := range s.Judged() {
		ranking := rank(q)
		ndcg, recall := NDCG(ranking, s.Qrels[q.ID], 10), Recall(ranking, s.Qrels[q.ID], 10)
		r.All.add(ndcg, recall)
		if q.Hard {
			r.Hard.add(ndcg, recall)
		}
	}
	r.All.finish()
	r.Hard.finish()
	return r
}

func (m *Means) add(ndcg, recall float64) {
	m.Queries++
	m.NDCG10 += ndcg
	m.Recall10 += recall
}

func (m *Means) finish() {
	if m.Queries > 0 {
		m.NDCG10 /= float64(m.Queries)
		m.Recall10 /= float64(m.Queries)
	}
}

// IDs returns the ids of hits in their order.
func IDs(hits []Hit) []string {
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	return ids
}

// Spearman returns Spearman's rank correlation of two lists of the same length: Pearson's correlation of their
// ranks, equal values sharing the average of their ranks. It is NaN if the lengths differ, if there are fewer
// than two values, or if one list holds a NaN or only one value.
func Spearman(x, y []float64) float64 {
	if len(x) != len(y) || len(x) < 2 || slices.ContainsFunc(x, math.IsNaN) || slices.ContainsFunc(y, math.IsNaN) {
		return math.NaN()
	}
	return pearson(ranks(x), ranks(y))
}

// ranks returns the rank of each value from 1, ties averaged.
func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	r := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			r[k] = float64(i+j+1) / 2
		}
		i = j
	}
	return r
}

func pearson(x, y []float64) float64 {
	var mx, my float64
	for i := range x {
		mx += x[i]
		my += y[i]
	}
	mx, my = mx/float64(len(x)), my/float64(len(y))
	var xy, xx, yy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xy += dx * dy
		xx += dx * dx
		yy += dy * dy
	}
	return xy / math.Sqrt(xx*yy)
}
