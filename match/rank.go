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
	for _, r := range rel {
		out = append(out, Ranked{m.rows[r.row].offer.ID, m.rankScore(r, mode)})
	}
	slices.SortFunc(out, func(a, b Ranked) int { return cmp.Or(cmp.Compare(b.Score, a.Score), compareIDs(a.Offer, b.Offer)) })
	return out[:min(k, len(out))], nil
}

// relevance is how well the text of one row agrees with a query's.
type relevance struct {
	row     uint32
	dense   float64 // cosine
	lexical float64 // BM25 over the score that no document exceeds
	mass    float64 // share of the known query terms' idf that the row holds
}

func (m *Matcher) rankScore(r relevance, mode RankMode) float64 {
	switch {
	case mode == Dense:
		return r.dense
	case mode == BM25 || m.embedder == nil:
		return r.lexical
	}
	return m.fuse(r)
}

// fuse is the convex combination of the two scores, each over its theoretical
// range (Bruch et al., arXiv 2210.11934), in the proportion of their weights.
// Unlike a normalisation over what was retrieved it does not change with the
// other offers.
func (m *Matcher) fuse(r relevance) float64 {
	w := m.weights
	if w.Lexical+w.Semantic == 0 {
		return r.lexical + r.dense
	}
	return (w.Lexical*r.lexical + w.Semantic*r.dense) / (w.Lexical + w.Semantic)
}

// relevance retrieves among feasible offers; rows that changed since their
// gates ran are left out.
func (m *Matcher) relevance(text string, vec []float32, feasible []fit) ([]relevance, error) {
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
// depth. The result is in order of the rows.
func (m *Matcher) retrieve(text string, vec []float32, allow *roaring.Bitmap, depth int) ([]relevance, error) {
	t := m.tallies.Get().(*tally)
	defer m.tallies.Put(t)
	t.reset(m.lexicon.next)
	if allow == m.all {
		m.lexicon.search(countTerms(Tokens(text)), nil, t)
	} else {
		m.lexicon.search(countTerms(Tokens(text)), allow, t)
	}
	union := allow
	if int(allow.GetCardinality()) > depth {
		union = t.top(depth)
	}
	hits, err := m.nearest(vec, allow, union, depth)
	if err != nil {
		return nil, err
	}
	if union != allow {
		for _, h := range hits {
			union.Add(h.ID)
		}
	}
	rows := union.ToArray()
	out := make([]relevance, len(rows))
	for i, id := range rows {
		out[i].row = id
		if int(id) < len(t.score) && t.best > 0 {
			out[i].lexical, out[i].mass = t.score[id]/t.best, t.mass[id]
		}
	}
	for _, h := range hits {
		if i, ok := slices.BinarySearch(rows, h.ID); ok {
			out[i].dense = float64(h.Score)
		}
	}
	return out, nil
}

// nearest returns the depth nearest rows of allow, and those of also that are
// not among them.
func (m *Matcher) nearest(vec []float32, allow, also *roaring.Bitmap, depth int) ([]Hit, error) {
	if vec == nil {
		return nil, nil
	}
	hits, err := m.index.Search(vec, depth, allow, nil)
	if err != nil || also == allow {
		return hits, err
	}
	missing := also.Clone()
	for _, h := range hits {
		missing.Remove(h.ID)
	}
	if n := int(missing.GetCardinality()); n > 0 {
		return m.index.Search(vec, n, missing, hits)
	}
	return hits, nil
}

// top returns the n rows of the highest scores, ties by row.
func (t *tally) top(n int) *roaring.Bitmap {
	ids := slices.Clone(t.rows)
	slices.SortFunc(ids, func(a, b uint32) int { return cmp.Or(cmp.Compare(t.score[b], t.score[a]), cmp.Compare(a, b)) })
	return roaring.BitmapOf(ids[:min(n, len(ids))]...)
}
