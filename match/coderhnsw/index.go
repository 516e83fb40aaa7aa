package coderhnsw

import (
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/coder/hnsw"

	"github.com/deeperpoint/csss/match"
)

// An Index is a match.VectorIndex over a graph of coder/hnsw. It holds the
// rows itself and gives the graph keys that are never used twice, so that the
// graph sees neither updates nor deletes; [Index.Search] drops what is out of
// date. All methods may be called from any number of goroutines; they take one
// lock, so that searches go one at a time.
type Index struct {
	o     Options
	share int // the graph is asked for at most one in so many rows

	mu   sync.Mutex
	dim  int             // 0 before the first row
	rows map[uint32]row  // what the index holds
	have *roaring.Bitmap // the keys of rows

	graph *hnsw.Graph[int] // nil where it has to be built from rows
	owner []uint32         // the row for which a node of the graph was added, by the node's key
}

// A row is a unit vector and the key of its node.
type row struct {
	vec  []float32
	node int
}

var _ match.VectorIndex = (*Index)(nil)

// New returns an empty index; the first batch fixes the length of the vectors.
//
// Errors: *match.FieldError for an option out of its bounds.
func New(o *Options) (*Index, error) {
	opt, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Index{o: opt, share: 8, rows: map[uint32]row{}, have: roaring.New()}, nil
}

// Len returns the number of rows.
func (x *Index) Len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.rows)
}

// Upsert implements match.VectorIndex. Each row costs a search of the graph
// and up to 2·M changes of links; a batch that finds more nodes out of date
// than in use builds the graph anew, which costs that for every row.
//
// Errors: one wrapping match.ErrEmbedding for a batch that the seam refuses;
// [*PanicError] if the peer panics, after which the index holds what it held.
func (x *Index) Upsert(ids []uint32, vecs [][]float32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	units, err := x.checkBatch(ids, vecs)
	if err != nil || len(ids) == 0 {
		return err
	}
	if err := x.ready(); err != nil {
		return err
	}
	first := len(x.owner)
	if err := x.link(ids, units); err != nil {
		return err
	}
	x.dim = len(units[0])
	for i, id := range ids {
		x.rows[id] = row{units[i], first + i}
	}
	x.have.AddMany(ids)
	return nil
}

// checkBatch refuses a batch before any of it is added, and returns its rows
// as unit vectors.
func (x *Index) checkBatch(ids []uint32, vecs [][]float32) ([][]float32, error) {
	if len(ids) != len(vecs) {
		return nil, fmt.Errorf("%w: %d vectors for %d rows", match.ErrEmbedding, len(vecs), len(ids))
	}
	dim, units := x.dim, make([][]float32, len(vecs))
	named := make(map[uint32]struct{}, len(ids))
	for i, v := range vecs {
		if named[ids[i]] = struct{}{}; len(named) != i+1 {
			return nil, fmt.Errorf("%w: row repeated within the batch", match.ErrEmbedding)
		}
		u, err := unit(v, dim)
		if err != nil {
			return nil, err
		}
		dim, units[i] = len(u), u
	}
	return units, nil
}

// Delete implements match.VectorIndex; it returns no error, and costs what it
// names. The graph keeps the vector of a deleted or replaced row in memory until
// it is built anew.
func (x *Index) Delete(ids ...uint32) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range ids {
		delete(x.rows, id)
		x.have.Remove(id)
	}
	return nil
}

// spare is how many nodes may be out of date before they count.
const spare = 64

// ready makes sure that there is a graph, and not more out of date than in
// use.
func (x *Index) ready() error {
	if stale := len(x.owner) - len(x.rows); x.graph != nil && stale <= max(spare, len(x.rows)) {
		return nil
	}
	x.graph = hnsw.NewGraph[int]()
	x.graph.M, x.graph.EfSearch = x.o.M, x.o.EfSearch
	x.graph.Rng = rand.New(rand.NewSource(1)) // of the levels; the peer would take the time
	x.owner = x.owner[:0]
	ids := x.have.ToArray()
	units := make([][]float32, len(ids))
	for i, id := range ids {
		units[i] = x.rows[id].vec
	}
	if err := x.link(ids, units); err != nil {
		return err
	}
	for i, id := range ids {
		x.rows[id] = row{units[i], i}
	}
	return nil
}

// link adds nodes to the graph. After a panic there is no graph.
func (x *Index) link(ids []uint32, units [][]float32) error {
	err := guarded("add", func() {
		for i, u := range units {
			x.owner = append(x.owner, ids[i])
			x.graph.Add(hnsw.MakeNode(len(x.owner)-1, u))
		}
	})
	if err != nil {
		x.graph, x.owner = nil, x.owner[:0]
	}
	return err
}

// Search implements match.VectorIndex. It asks the graph for as many results
// as will do if the allowed rows lie like all others, at least
// [Options.EfSearch], and drops what is out of date or not allowed. Where that
// would be more than an eighth of the rows, or too few are left, it compares all
// allowed rows instead, at dim multiplications each. A scan finds the nearest;
// the recall of the graph is the peer's. A search after a panic, or when more
// nodes are out of date than in use, builds the graph anew.
//
// Errors: one wrapping match.ErrEmbedding for a query that the seam refuses;
// [*PanicError] if the peer panics.
func (x *Index) Search(q []float32, k int, allow *roaring.Bitmap, dst []match.Hit) ([]match.Hit, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.rows) == 0 || k <= 0 {
		return dst, nil
	}
	u, err := unit(q, x.dim)
	if err != nil {
		return dst, err
	}
	matches := len(x.rows)
	if allow != nil {
		matches = int(allow.AndCardinality(x.have))
	}
	if k = min(k, matches); k == 0 {
		return dst, nil
	}
	hits, err := x.near(u, k, matches, allow)
	if err != nil {
		return dst, err
	}
	if len(hits) < k {
		hits = x.scan(u, allow)
	}
	slices.SortFunc(hits, func(a, b match.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return append(dst, hits[:k]...), nil
}

// near asks the graph, or returns nothing where a scan is cheaper.
func (x *Index) near(q []float32, k, matches int, allow *roaring.Bitmap) ([]match.Hit, error) {
	wanted := max(k, x.o.EfSearch) * len(x.rows) / matches
	if wanted > len(x.rows)/x.share {
		return nil, nil
	}
	if err := x.ready(); err != nil {
		return nil, err
	}
	wanted = wanted * len(x.owner) / len(x.rows) // some of it out of date
	var found []hnsw.Node[int]
	if err := guarded("search", func() { found = x.graph.Search(q, wanted) }); err != nil {
		x.graph = nil
		return nil, err
	}
	hits := make([]match.Hit, 0, len(found))
	for _, n := range found {
		id := x.owner[n.Key]
		r, live := x.rows[id]
		if live && r.node == n.Key && (allow == nil || allow.Contains(id)) {
			hits = append(hits, match.Hit{ID: id, Score: cosine(q, r.vec)})
		}
	}
	return hits, nil
}

// scan compares all allowed rows.
func (x *Index) scan(q []float32, allow *roaring.Bitmap) []match.Hit {
	ids := x.have
	if allow != nil {
		ids = roaring.And(allow, x.have)
	}
	hits := make([]match.Hit, 0, ids.GetCardinality())
	for id := range roaring.Values(ids) {
		hits = append(hits, match.Hit{ID: id, Score: cosine(q, x.rows[id].vec)})
	}
	return hits
}
