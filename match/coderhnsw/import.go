package coderhnsw

import (
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/hnsw"
)

// ImportOptions say what [Import] accepts, and what it makes of it. Nil means
// all defaults.
type ImportOptions struct {
	Index      hnsw.Options      // of the new index; Metric is the file's, and one other than the zero value has to agree with it
	Batch      hnsw.BatchOptions // how the rows are linked, and who is told
	LooseEdges bool              // accept edges to keys that are not there, as coder/hnsw leaves them when rows are deleted or replaced; default false

	Dim      int   // components of each vector, and the only way to know them where there are no rows; at most hnsw.MaxDim; 0 means those of the first vector
	MaxDim   int   // most components of a vector; 1 to hnsw.MaxDim; 0 means hnsw.MaxDim
	MaxRows  int   // most rows; 1 to 2^31-1; 0 means 2^31-1
	MaxBytes int64 // most bytes of the file; 0 means any number
}

const mostRows = 1<<31 - 1

// withDefaults returns a copy of o with its zero fields filled in.
func (o *ImportOptions) withDefaults() (ImportOptions, error) {
	var r ImportOptions
	if o != nil {
		r = *o
	}
	r.MaxDim, r.MaxRows, r.MaxBytes = cmp.Or(r.MaxDim, hnsw.MaxDim), cmp.Or(r.MaxRows, mostRows), cmp.Or(r.MaxBytes, math.MaxInt64)
	if err := inRange("max_dim", r.MaxDim, 1, hnsw.MaxDim); err != nil {
		return r, err
	}
	if err := inRange("dim", r.Dim, 0, r.MaxDim); err != nil {
		return r, err
	}
	if r.MaxBytes < 0 {
		return r, &match.FieldError{Field: "max_bytes", Value: strconv.FormatInt(r.MaxBytes, 10), Limit: "0 or more"}
	}
	return r, inRange("max_rows", r.MaxRows, 1, mostRows)
}

// Import reads a graph that Graph.Export or SavedGraph.Save of coder/hnsw
// wrote with keys of type F, and makes an index of its rows. The file does not
// say of what type its keys are: with another than they were written with, it is
// an error or, rarely, a graph of other rows.
//
//	x, err := coderhnsw.Import[int, uint64](f, nil)
//
// The keys of the index are of type K: numbers stay what they are, strings too,
// and numbers become strings in decimal. Distances are those of the metric that
// the file names, cosine or euclidean, which is [hnsw.L2]; of that, the index
// returns the square, where coder/hnsw returns the root.
//
// Only rows are taken over. Edges are read and checked, then dropped, and so are
// layers, M, Ml and EfSearch: the graph of the new index has more links, a
// spanning tree that keeps each row reachable, and other levels. The rows
// are added in the order of their keys, in one batch: the same rows and options
// give an index that is the same to the byte, in whatever order the file has
// them.
//
// It costs one pass over r, which has to end where the graph does, and what
// [hnsw.Index.AddBatch] costs. It holds the rows of the file beside those of the
// index, and some 100 bytes and the key for each. No count in the file makes it
// take memory for bytes that have not come.
//
// Errors: *match.FieldError for a limit out of its bounds, *hnsw.RangeError or
// *hnsw.KeyTypeError for the fields of Index and Batch, before anything is
// read; [*ImportError] for what is read, or cannot be.
func Import[F SavedKey, K hnsw.Key](r io.Reader, o *ImportOptions) (*hnsw.Index[K], error) {
	opt, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := tryOptions[K](&opt); err != nil {
		return nil, err
	}
	form, err := formOf[F, K]()
	if err != nil {
		return nil, err
	}
	g := newSavedGraph(r, form, &opt)
	if err := g.read(); err != nil {
		return nil, err
	}
	return indexOf[K](g, &opt)
}

// tryOptions returns what would be wrong with the options once all is read.
func tryOptions[K hnsw.Key](o *ImportOptions) error {
	x, err := hnsw.New[K](1, &o.Index)
	if err != nil {
		return err
	}
	return x.AddBatch(nil, nil, &o.Batch)
}

// indexOf adds the rows of a graph to a new index.
func indexOf[K hnsw.Key](g *savedGraph, o *ImportOptions) (*hnsw.Index[K], error) {
	options := o.Index
	options.Metric = g.metric
	x, err := hnsw.New[K](g.dim, &options)
	if err != nil {
		return nil, err
	}
	keys, err := sortRows[K](g)
	if err != nil {
		return nil, err
	}
	g.names = names{} // the index has its own
	if err := x.AddBatch(keys, g.vecs, &o.Batch); err != nil {
		return nil, g.locate(err)
	}
	return x, nil
}

// sortRows brings the rows of a graph and their vectors into the order of their
// keys, and returns these.
func sortRows[K hnsw.Key](g *savedGraph) ([]K, error) {
	type keyed struct {
		key K
		row int
	}
	order := make([]keyed, len(g.rows))
	for i, r := range g.rows {
		key, ok := keyOf[K](&g.names, r.name)
		if !ok {
			return nil, &ImportError{"key", r.at, "does not fit the keys of the index", ErrKey}
		}
		order[i] = keyed{key, i}
	}
	slices.SortFunc(order, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	keys, from := make([]K, len(order)), make([]int, len(order))
	for i, k := range order {
		keys[i], from[i] = k.key, k.row
	}
	g.permute(from)
	return keys, nil
}

// locate says where in the file the row is that was refused.
func (g *savedGraph) locate(err error) error {
	e, ok := errors.AsType[*hnsw.RowError](err)
	if !ok {
		return err
	}
	row := g.rows[e.Row]
	if errors.Is(e, hnsw.ErrRowNumber) {
		return &ImportError{"key", row.at, "", e.Err}
	}
	return &ImportError{"vector", row.vector + 4*int64(max(e.Component, 0)), "", e.Err}
}
