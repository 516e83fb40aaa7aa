package coderhnsw

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/deeperpoint/csss/match/hnsw"
)

// Bounds of what is read for its own sake.
const (
	savedVersion = 1
	mostLayers   = 1 << 16 // coder/hnsw makes some ten
	longestName  = 64      // of a distance function
)

// A savedGraph is a graph of coder/hnsw as it is being read: the rows of its base
// layer, without their edges.
type savedGraph struct {
	in     input
	names  names
	loose  bool
	wanted hnsw.Metric // of the index, unless it is the zero value
	rows   []savedRow
	vecs   []float32 // row-major

	metric         hnsw.Metric
	dim            int // 0 before the first vector, unless it is asked for
	maxDim, maxRow int

	layer  uint32    // being read; the base is 1
	size   int64     // how many nodes it has
	absent int       // how many keys its edges have named that it does not have so far
	vec    []float32 // of a node above the base
}

// A savedRow is a row of the base layer.
type savedRow struct {
	name       uint32
	at, vector int64 // where in the file its key is, and the components of its vector
}

func newSavedGraph(r io.Reader, form keyForm, o *ImportOptions) *savedGraph {
	return &savedGraph{
		in: newInput(r, o.MaxBytes), names: newNames(form), loose: o.LooseEdges, wanted: o.Index.Metric,
		dim: o.Dim, maxDim: o.MaxDim, maxRow: o.MaxRows,
	}
}

// read reads the file from its first byte to its last.
func (g *savedGraph) read() error {
	if err := g.readParameters(); err != nil {
		return err
	}
	layers, err := g.in.number("layers", 0, mostLayers)
	if err != nil {
		return err
	}
	g.size = int64(g.maxRow)
	for range layers {
		if err := g.readLayer(); err != nil {
			return err
		}
	}
	if err := g.in.end(); err != nil {
		return err
	}
	if g.dim == 0 {
		return g.in.fail(hnsw.ErrRange, "no rows, and ImportOptions.Dim does not say how long a vector is")
	}
	return nil
}

// readParameters reads what comes before the layers. Of M, Ml and EfSearch
// nothing depends, so any value will do.
func (g *savedGraph) readParameters() error {
	version, err := g.in.number("version", math.MinInt64, math.MaxInt64)
	if err != nil {
		return err
	}
	if version != savedVersion {
		return g.in.fail(hnsw.ErrVersion, fmt.Sprintf("%d, want %d", version, savedVersion))
	}
	if _, err := g.in.number("M", math.MinInt64, math.MaxInt64); err != nil {
		return err
	}
	g.in.begin("Ml")
	if _, err := g.in.take(8); err != nil {
		return err
	}
	if _, err := g.in.number("EfSearch", math.MinInt64, math.MaxInt64); err != nil {
		return err
	}
	return g.readDistance()
}

// readDistance reads the name of the distance function.
func (g *savedGraph) readDistance() error {
	n, err := g.in.number("distance", 0, longestName)
	if err != nil {
		return err
	}
	name, err := g.in.take(int(n))
	if err != nil {
		return err
	}
	switch string(name) {
	case "cosine":
		g.metric = hnsw.Cosine
	case "euclidean":
		g.metric = hnsw.L2
	default:
		return g.in.fail(ErrDistance, fmt.Sprintf("%q, want cosine or euclidean", name))
	}
	if g.wanted != 0 && g.wanted != g.metric {
		return g.in.fail(ErrDistance, fmt.Sprintf("%s, and ImportOptions.Index.Metric is %s", name, g.wanted))
	}
	return nil
}

// readLayer reads one layer. Each but the base has no more nodes than the one below.
func (g *savedGraph) readLayer() (err error) {
	g.layer++
	field := "nodes"
	if g.layer == 1 {
		field = "rows"
	}
	if g.size, err = g.in.number(field, 0, g.size); err != nil {
		return err
	}
	for range g.size {
		if err := g.readNode(); err != nil {
			return err
		}
	}
	if g.absent > 0 {
		return &ImportError{"edge", g.names.firstAbsent(g.layer), absentWhy, ErrDangling}
	}
	return nil
}

const absentWhy = "its key is not on the layer; see ImportOptions.LooseEdges"

func (g *savedGraph) readNode() error {
	at := g.in.at
	id, err := g.readKey()
	if err != nil {
		return err
	}
	if g.layer == 1 {
		err = g.readRow(id, at)
	} else {
		err = g.readUpper(id)
	}
	if err != nil {
		return err
	}
	edges, err := g.in.number("edges", 0, math.MaxInt64)
	if err != nil {
		return err
	}
	for range edges {
		if err := g.readEdge(); err != nil {
			return err
		}
	}
	return nil
}

// readKey reads the key of a node, which has to be on the layer below and is not
// to come twice.
func (g *savedGraph) readKey() (id uint32, err error) {
	k, err := g.in.key("key", g.names.form)
	if err != nil {
		return 0, err
	}
	id, known := g.names.find(k)
	if !known {
		id = g.names.add(k)
	}
	n := &g.names.list[id]
	switch n.layer {
	case g.layer:
		return 0, g.in.fail(ErrDamaged, "repeated on its layer")
	case g.layer - 1:
		n.layer = g.layer
	default:
		return 0, g.in.fail(ErrDamaged, "not on the layer below")
	}
	if n.named == g.layer {
		g.absent--
	}
	return id, nil
}

// readRow reads the vector of a node of the base.
func (g *savedGraph) readRow(id uint32, at int64) error {
	if err := g.readLength(); err != nil {
		return err
	}
	g.names.list[id].row = uint32(len(g.rows))
	g.rows = append(g.rows, savedRow{id, at, g.in.at})
	var err error
	g.vecs, err = g.in.floats(g.vecs, g.dim)
	return err
}

// readUpper reads the vector of a node that has one already.
func (g *savedGraph) readUpper(id uint32) (err error) {
	if err := g.readLength(); err != nil {
		return err
	}
	if g.vec, err = g.in.floats(g.vec[:0], g.dim); err != nil {
		return err
	}
	first := int(g.names.list[id].row) * g.dim
	if !slices.EqualFunc(g.vec, g.vecs[first:first+g.dim], sameBits) {
		return g.in.fail(ErrDamaged, "not the one on the layer below")
	}
	return nil
}

func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

// readLength reads how long a vector is.
func (g *savedGraph) readLength() error {
	lo, hi := int64(g.dim), int64(g.dim)
	if g.dim == 0 {
		lo, hi = 1, int64(g.maxDim)
	}
	n, err := g.in.number("vector", lo, hi)
	g.dim = int(n)
	return err
}

// readEdge reads where an edge leads, which may be a node that is yet to come.
func (g *savedGraph) readEdge() error {
	k, err := g.in.key("edge", g.names.form)
	if err != nil || g.loose {
		return err
	}
	id, known := g.names.find(k)
	if !known {
		// Where there are as many keys as nodes, one of them has no node.
		if int64(len(g.names.list)) >= g.size {
			return g.in.fail(ErrDangling, absentWhy)
		}
		id = g.names.add(k)
	}
	if n := &g.names.list[id]; n.layer != g.layer && n.named != g.layer {
		n.named, n.namedAt = g.layer, g.in.from
		g.absent++
	}
	return nil
}

// permute brings rows into an order: what comes to i was at from[i]. It leaves
// from as nonsense.
func (g *savedGraph) permute(from []int) {
	at := func(i int) []float32 { return g.vecs[i*g.dim : (i+1)*g.dim] }
	for start := range from {
		row := g.rows[start]
		g.vec = append(g.vec[:0], at(start)...)
		to := start
		for from[to] != start {
			next := from[to]
			g.rows[to], from[to] = g.rows[next], to
			copy(at(to), at(next))
			to = next
		}
		g.rows[to], from[to] = row, to
		copy(at(to), g.vec)
	}
}
