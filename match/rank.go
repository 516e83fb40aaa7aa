package match

import (
	"cmp"
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// A RankMode chooses the part of the retrieval that [Matcher.Rank] shows.
type RankMode int

// The zero mode is Fused.
const (
	Fused RankMode = iota // dense and lexical together
	Dense                 // the embedder alone
	BM25                  // the words alone
)

// Ranked is one offer of a ranking.
type Ranked struct {
	Offer string  `json:"offer"`
	Score float64 `json:"score"`
}

// Rank returns the k offers whose text is nearest to text, best first, without
// gates, rules or holds: the retrieval half of a search, for benchmarks and
// tests. Its results are not candidates and must not be shown to a firm. Ties
// are broken as in [Matcher.Search].
//
// It returns a *[FieldError] for k < 1 or an unknown mode, or for Dense
// without an embedder, and the errors of embedder, index and ctx.
func (m *Matcher) Rank(ctx context.Context, text string, k int, mode RankMode) ([]Ranked, error) {
	if k < 1 {
		return nil, fieldErr("k", k, "1 or more")
	}
	if mode < Fused || mode > BM25 {
		return nil, fieldErr("mode", int(mode), "Fused, Dense or BM25")
	}
	if mode == Dense && m.embedder == nil {
		return nil, fieldErr("mode", "Dense", "an embedder")
	}
	var vec []float32
	if mode != BM25 {
		var err error
		if vec, err = m.embedQuery(ctx, text); err != nil {
			return nil, err
		}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	rel, err := m.retrieve(text, vec, m.all, max(m.depth, k))
	if err != nil {
		return nil, err
	}
	out := make([]Ranked, 0, len(rel))
	for id, r := range rel {
		out = append(out, Ranked{m.rows[id].offer.ID, r.score(mode)})
	}
	slices.SortFunc(out, func(a, b Ranked) int { return cmp.Or(cmp.Compare(b.Score, a.Score), compareIDs(a.Offer, b.Offer)) })
	return out[:min(k, len(out))], nil
}

// relevance is how well the text of one row agrees with a query's.
type relevance struct {
	dense float64 // cosine
	bm25  float64
	best  float64 // the bound of bm25 for this query
	mass  float64 // share of the query's idf that the row holds
}

func (r relevance) score(mode RankMode) float64 {
	switch mode {
	case Dense:
		return r.dense
	case BM25:
		return r.bm25
	}
	return r.fused()
}

// lexicalWeight is the lexical share of the fused score.
const lexicalWeight = 0.5

// fused is the convex combination of the two scores, each over its
// theoretical range (Bruch et al., arXiv 2210.11934): the cosine as it is,
// BM25 over the score that no document exceeds.
func (r relevance) fused() float64 {
	lexical := 0.0
	if r.best > 0 {
		lexical = r.bm25 / r.best
	}
	return lexicalWeight*lexical + (1-lexicalWeight)*r.dense
}

// relevance retrieves among feasible offers; rows that changed since their
// gates ran are left out.
func (m *Matcher) relevance(text string, vec []float32, feasible []fit) (map[uint32]relevance, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	allow := roaring.New()
	for _, f := range feasible {
		if m.rows[f.id] == f.row {
			allow.Add(f.id)
		}
	}
	return m.retrieve(text, vec, allow, m.depth)
}

// retrieve scores the union of the depth nearest and the depth lexically best
// rows of allow, both scores for each; all of allow if it has no more than
// depth.
func (m *Matcher) retrieve(text string, vec []float32, allow *roaring.Bitmap, depth int) (map[uint32]relevance, error) {
	scores, mass, best := m.lexicon.search(countTerms(Tokens(text)), allow)
	union := allow
	if int(allow.GetCardinality()) > depth {
		union = topRows(scores, depth)
	}
	var hits []Hit
	if vec != nil {
		var err error
		if hits, err = m.index.Search(vec, depth, allow, nil); err != nil {
			return nil, err
		}
		if union != allow {
			missing := union.Clone()
			for _, h := range hits {
				missing.Remove(h.ID)
				union.Add(h.ID)
			}
			if n := int(missing.GetCardinality()); n > 0 {
				if hits, err = m.index.Search(vec, n, missing, hits); err != nil {
					return nil, err
				}
			}
		}
	}
	out := make(map[uint32]relevance, union.GetCardinality())
	for _, id := range union.ToArray() {
		out[id] = relevance{bm25: scores[id], mass: mass[id], best: best}
	}
	for _, h := range hits {
		if r, ok := out[h.ID]; ok {
			r.dense = float64(h.Score)
			out[h.ID] = r
		}
	}
	return out, nil
}

// topRows returns the n rows of the highest scores, ties by row.
func topRows(scores map[uint32]float64, n int) *roaring.Bitmap {
	ids := make([]uint32, 0, len(scores))
	for id := range scores {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uint32) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
	return roaring.BitmapOf(ids[:min(n, len(ids))]...)
}
