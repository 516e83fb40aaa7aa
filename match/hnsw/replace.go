package hnsw

import (
	"slices"

	"github.com/deeperpoint/csss/internal/simd"
)

// replaced holds the rows of slots that are being given to their successors, so
// that searches find the old rows until the new ones are there.
type replaced[K Key] struct {
	frame           // of copies, in order
	slots  []uint32 // where each was
	linked int      // how many were in the graph
}

// copyOf returns copies of the rows in the given slots.
func (g *graph) copyOf(slots []uint32) frame {
	f := frame{Options: g.Options, dim: g.dim, kernels: g.kernels, compact: g.compact, slots: len(slots)}
	f.rows = *simd.NewTable(4 * g.dim)
	if !g.compact {
		f.rows.Reserve(len(slots))
	} else {
		f.codes = newCodes(g.dim, g.dim)
		f.codes.mean, f.codes.meanNorm = g.codes.mean, g.codes.meanNorm
		f.codes.reserve(len(slots))
	}
	for i, s := range slots {
		if !g.compact {
			copy(f.row(uint32(i)), g.row(s))
			continue
		}
		f.codes.rows.Hold(uint32(i))
		copy(f.codes.code(uint32(i)), g.codes.code(s))
		*f.codes.side(uint32(i)) = *g.codes.side(s)
	}
	return f
}

// holds reports whether slot s is one of them.
func (r *replaced[K]) holds(s uint32) bool { return r != nil && slices.Contains(r.slots, s) }

func (r *replaced[K]) appendRow(s uint32, dst []float32) []float32 {
	return r.frame.appendRow(uint32(slices.Index(r.slots, s)), dst)
}

// offer adds the rows that are accepted to w.found, the k nearest so far.
func (r *replaced[K]) offer(w *scratch[K], k int, ok acceptor) {
	if r == nil {
		return
	}
	for i, s := range r.slots {
		if ok != nil && !ok.accept(s) {
			continue
		}
		w.ids[0] = uint32(i)
		r.exact(&w.q.probe, w.ids[:1], w.near[:])
		w.found.insert(entry{w.near[0], s}, k)
	}
}
