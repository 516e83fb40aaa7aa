package match

import (
	"fmt"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/deeperpoint/csss/match/hnsw"
)

// graphIndex is the default [VectorIndex]: match/hnsw under cosine. The first
// vector fixes the length.
type graphIndex struct {
	mu sync.RWMutex // guards x; the index has its own lock
	x  *hnsw.Index[uint32]
}

// open returns the index, made for vectors of dim values if there is none.
func (g *graphIndex) open(dim int) (*hnsw.Index[uint32], error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.x != nil {
		return g.x, nil
	}
	x, err := hnsw.New[uint32](dim, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEmbedding, err)
	}
	g.x = x
	return x, nil
}

func (g *graphIndex) get() *hnsw.Index[uint32] {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.x
}

func (g *graphIndex) Upsert(ids []uint32, vecs [][]float32) error {
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
	x, err := g.open(dim)
	if err != nil {
		return err
	}
	if err := x.AddBatch(ids, flat, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrEmbedding, err)
	}
	return nil
}

func (g *graphIndex) Delete(ids ...uint32) error {
	if x := g.get(); x != nil {
		x.Delete(ids...)
	}
	return nil
}

func (g *graphIndex) Search(q []float32, k int, allow *roaring.Bitmap, dst []Hit) ([]Hit, error) {
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
	for _, r := range found {
		dst = append(dst, Hit{ID: r.Key, Score: 1 - r.Distance})
	}
	return dst, nil
}
