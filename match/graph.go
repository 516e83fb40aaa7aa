package match

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/deeperpoint/csss/match/hnsw"
)

// Graph is the default [VectorIndex]: match/hnsw under cosine. Up to 10,000
// rows it scans, and finds what [Exact] finds; beyond that a search walks a
// graph and costs little more for twice the rows, but may miss some of the
// nearest. The zero value is ready; the first batch fixes the length.
type Graph struct {
	options *hnsw.Options

	mu sync.RWMutex // guards x; the index has its own lock
	x  *hnsw.Index[uint32]
}

// NewGraph returns an empty index.
func NewGraph() *Graph { return &Graph{} }

// byNumber lets row numbers be slots, so that the rows a search is allowed need
// no translation.
func byNumber(o *hnsw.Options) *hnsw.Options {
	var p hnsw.Options
	if o != nil {
		p = *o
	}
	p.RowNumbers = true
	return &p
}

func (g *Graph) get() *hnsw.Index[uint32] {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.x
}

// Stats describe the index; they are zero before the first batch. They cost a
// look at every row.
func (g *Graph) Stats() hnsw.Stats {
	if x := g.get(); x != nil {
		return x.Stats()
	}
	return hnsw.Stats{}
}

// Upsert implements [VectorIndex]; its errors wrap [ErrEmbedding]. Searches
// that run meanwhile see the rows of a batch appear some at a time.
func (g *Graph) Upsert(ids []uint32, vecs [][]float32) error {
	if len(ids) != len(vecs) {
		return fmt.Errorf("%w: %d vectors for %d rows", ErrEmbedding, len(vecs), len(ids))
	}
	if len(ids) == 0 {
		return nil
	}
	dim := len(vecs[0])
	flat := make([]float32, 0, dim*len(vecs))
	for _, v := range vecs {
		if len(v) != dim {
			return fmt.Errorf("%w: length %d, want %d", ErrEmbedding, len(v), dim)
		}
		flat = append(flat, v...)
	}
	if err := g.add(ids, flat, dim); err != nil {
		return fmt.Errorf("%w: %w", ErrEmbedding, err)
	}
	return nil
}

// add gives the index a batch, and makes the index for the first batch that is
// taken: one that is refused fixes no length.
func (g *Graph) add(ids []uint32, flat []float32, dim int) error {
	if x := g.get(); x != nil {
		return x.AddBatch(ids, flat, nil)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.x != nil {
		return g.x.AddBatch(ids, flat, nil)
	}
	x, err := hnsw.New[uint32](dim, byNumber(g.options))
	if err != nil {
		return err
	}
	if err := x.AddBatch(ids, flat, nil); err != nil {
		return err
	}
	g.x = x
	return nil
}

// Delete implements [VectorIndex]; it returns no error.
func (g *Graph) Delete(ids ...uint32) error {
	if x := g.get(); x != nil {
		_, err := x.Delete(ids...)
		return err
	}
	return nil
}

// Search implements [VectorIndex]; its errors wrap [ErrEmbedding]. Of rows that
// are equally near, any may be left out where k cuts them off.
func (g *Graph) Search(q []float32, k int, allow *roaring.Bitmap, dst []Hit) ([]Hit, error) {
	x := g.get()
	if x == nil || k <= 0 {
		return dst, nil
	}
	var o hnsw.SearchOptions[uint32]
	if allow != nil {
		o.Filter = hnsw.Bitmap[uint32](allow)
	}
	found, err := x.Search(q, k, &o, nil)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrEmbedding, err)
	}
	before := len(dst)
	for _, r := range found {
		dst = append(dst, Hit{ID: r.Key, Score: 1 - r.Distance})
	}
	slices.SortFunc(dst[before:], byScore) // the index has ties in the order of its slots
	return dst, nil
}

// byScore orders hits best first, ties by ID.
func byScore(a, b Hit) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
}
