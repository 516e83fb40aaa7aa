package coderhnsw_test

import (
	"cmp"
	"slices"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/coder/hnsw"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/matchtest"
)

// bare is the peer as its README has it used: what it promises is left to it.
// Around it are the seam's types, a sort, since it promises no order, and a
// lock, without which the runtime would end the program.
type bare struct {
	mu sync.Mutex
	g  *hnsw.Graph[uint32]
}

func (b *bare) Upsert(ids []uint32, vecs [][]float32) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, id := range ids {
		b.g.Add(hnsw.MakeNode(id, vecs[i]))
	}
	return nil
}

func (b *bare) Delete(ids ...uint32) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		b.g.Delete(id)
	}
	return nil
}

func (b *bare) Search(q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(dst)
	for _, n := range b.g.SearchWithDistance(q, k) {
		if allow == nil || allow.Contains(n.Key) {
			dst = append(dst, match.Hit{ID: n.Key, Score: 1 - n.Distance})
		}
	}
	slices.SortFunc(dst[before:], func(a, b match.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return dst, nil
}

// TestPeer states what coder/hnsw fails by itself. An entry that it stops to fail
// fails this test: strike it, and what [coderhnsw.Index] does about it.
func TestPeer(t *testing.T) {
	const (
		unchecked = "another length panics; NaN, infinite and zero vectors are taken and spoil what is near them"
		halves    = "a batch is added node by node until one panics"
		updates   = "a key that exists is deleted and added while the add is under way: rows are lost or keep their old vector, or the add panics"
		ghosts    = "deleted nodes stay linked one way: they are found, or a search that steps on them panics"
		recall    = "the worst of the results is taken for the last slot of a heap that has the best first"
	)
	known := map[string]string{
		"bad-vectors": unchecked, "bad-queries": unchecked, "bad-first-batch": unchecked, "all-or-none": halves,
		"twice-in-a-batch": updates, "replace": updates, "ties": updates,
		"delete": ghosts, "delete-all": ghosts, "delete-unknown": ghosts, "concurrent-use": ghosts, "churn": ghosts,
		"odd-k":           "k = 0 finds a row, k < 0 panics",
		"filter":          "there is none; dropping what is not allowed leaves too few",
		"far-filter":      "there is none; dropping what is not allowed leaves nothing",
		"lengths":         "the cosine of long vectors overflows: distances are NaN or infinite",
		"slices-not-kept": "vectors are kept, not copied",
		"recall-gaussian": recall + ": recall@10 among 2,000 rows is 0.09 to 0.12", "recall-clustered": recall + ": 0.35 to 0.41",
		"recall-duplicates": recall + ": 0.11 to 0.17",
	}
	matchtest.TestVectorIndex(t, func(testing.TB) match.VectorIndex { return &bare{g: hnsw.NewGraph[uint32]()} },
		&matchtest.Options{Known: known})
}
