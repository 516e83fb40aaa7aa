package match

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// A Hit is one row of a [VectorIndex] and its cosine similarity to the query.
type Hit struct {
	ID    uint32
	Score float32 // −1 … 1, higher is nearer
}

// A VectorIndex holds vectors of one length by row number and finds the
// nearest by cosine. It is the seam for implementers; it must be safe for
// concurrent use, and must not keep the slices it is given. match/matchtest
// asks an index for all of it. [Graph] and [Exact] are two; match/coderhnsw, a
// module of its own, is a third.
type VectorIndex interface {
	// Upsert adds or replaces vectors, all or none. It refuses vectors of
	// another length than the first, with numbers that are not finite, or
	// without a direction, and a batch that names a row twice. One that is
	// refused changes nothing, and fixes no length. Row numbers are counted from
	// 0 and used again: it may refuse one above 65,536 and four times as many
	// as there are.
	Upsert(ids []uint32, vecs [][]float32) error
	// Delete removes rows; those that are unknown are no error. A deleted row
	// is in no later result.
	Delete(ids ...uint32) error
	// Search appends to dst the k rows nearest to q among allow (nil = all),
	// best first, ties by ID. It applies allow during the search: the result
	// has fewer than k rows only if fewer are allowed and present. k < 1 finds
	// nothing; a query that Upsert would refuse is an error, except perhaps
	// before the first row. On an error it returns dst as it was.
	Search(q []float32, k int, allow *roaring.Bitmap, dst []Hit) ([]Hit, error)
}

// Exact is the [VectorIndex] that compares every allowed vector: the slow and
// obvious twin of a graph, and the right choice up to some thousand offers. A
// search costs O(n·dim). The zero value is ready; the first vector fixes the
// length.
type Exact struct {
	mu   sync.RWMutex
	dim  int
	rows map[uint32][]float32 // unit vectors
}

// NewExact returns an empty index.
func NewExact() *Exact { return &Exact{} }

// Upsert implements [VectorIndex]; its errors wrap [ErrEmbedding].
func (x *Exact) Upsert(ids []uint32, vecs [][]float32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(ids) != len(vecs) {
		return fmt.Errorf("%w: %d vectors for %d rows", ErrEmbedding, len(vecs), len(ids))
	}
	dim := x.dim
	units := make([][]float32, len(vecs))
	named := make(map[uint32]struct{}, len(ids))
	for i, v := range vecs {
		if named[ids[i]] = struct{}{}; len(named) != i+1 {
			return fmt.Errorf("%w: row repeated within the batch", ErrEmbedding)
		}
		if dim == 0 {
			dim = len(v)
		}
		u, err := unitVector(v, dim)
		if err != nil {
			return err
		}
		units[i] = u
	}
	if x.rows == nil {
		x.rows = make(map[uint32][]float32)
	}
	x.dim = dim
	for i, id := range ids {
		x.rows[id] = units[i]
	}
	return nil
}

// Delete implements [VectorIndex]; it returns no error.
func (x *Exact) Delete(ids ...uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		delete(x.rows, id)
	}
	return nil
}

// Search implements [VectorIndex]; its errors wrap [ErrEmbedding].
func (x *Exact) Search(q []float32, k int, allow *roaring.Bitmap, dst []Hit) ([]Hit, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.rows) == 0 || k <= 0 {
		return dst, nil
	}
	u, err := unitVector(q, x.dim)
	if err != nil {
		return dst, err
	}
	hits := make([]Hit, 0, len(x.rows))
	for id, v := range x.rows {
		if allow == nil || allow.Contains(id) {
			hits = append(hits, Hit{id, dot(u, v)})
		}
	}
	slices.SortFunc(hits, byScore)
	return append(dst, hits[:min(k, len(hits))]...), nil
}

func dot(a, b []float32) float32 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return float32(sum)
}

// unitVector returns v scaled to length 1.
func unitVector(v []float32, dim int) ([]float32, error) {
	if len(v) != dim || dim == 0 {
		return nil, fmt.Errorf("%w: length %d, want %d", ErrEmbedding, len(v), max(dim, 1))
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !finite(sum) || sum == 0 {
		return nil, fmt.Errorf("%w: a vector without length or with values that are not finite", ErrEmbedding)
	}
	norm := math.Sqrt(sum)
	u := make([]float32, len(v))
	for i, x := range v {
		u[i] = float32(float64(x) / norm)
	}
	return u, nil
}
