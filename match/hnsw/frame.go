package hnsw

import (
	"sync/atomic"

	"github.com/deeperpoint/csss/internal/simd"
)

// none is the slot that no row has. It ends a list of neighbours.
const none = ^uint32(0)

// A frame is one version of an index, without its keys: rows, links and what a
// walk needs to begin. The writer changes its own frame; a search has a copy,
// which shares the chunks. What a chunk holds of another version is told apart
// by the lives of the rows, and links are single words that are read and
// written atomically: they may lead to rows that a version does not have.
type frame struct {
	Options
	dim     int
	kernels simd.RowKernels
	rows    simd.Table // empty where only codes are kept
	codes   codes
	level0  simd.Table     // lists of up to 2·M slots, then none
	upper   simd.Table     // lists of up to M slots, a row's one after another from level 1 on
	above   column[uint32] // the first of these, for rows above level 0
	lives   column[life]

	version uint32
	slots   int    // that any row has
	uppers  int    // lists in upper, unused ones included
	live    int    // rows
	ready   int    // linked rows
	entry   uint32 // a row of the highest level
	top     int    // that level
	root    uint32 // of the spine
	compact bool   // rows are not kept
	dying   bool   // rows of earlier versions may still be linked
}

// searchable reports whether the graph holds every row and is worth walking.
func (f *frame) searchable() bool {
	return f.entry != none && f.live > f.ExactBelow && f.ready == f.live
}

// has reports whether slot s holds a row in this version.
func (f *frame) has(s uint32) bool { return int(s) < f.slots && f.lives.at(s).in(f.version) }

// maxDegree is the longest list on level l.
func (f *frame) maxDegree(l int) int {
	if l == 0 {
		return 2 * f.M
	}
	return f.M
}

// row returns the row in a slot, where rows are kept.
func (f *frame) row(s uint32) []float32 { return f.rows.Floats(s)[:f.dim] }

// list is the place of the neighbours of s on level l: slots, then none. What a
// search reads there may change under it. A slot may also hold a row of a later
// version already, whose list above level 0 this version does not have: it is
// empty then.
func (f *frame) list(s uint32, l int) []uint32 {
	if l == 0 {
		return f.level0.Words(s)
	}
	at := *f.above.at(s) + uint32(l-1)
	if int(at) >= f.uppers {
		return nil
	}
	return f.upper.Words(at)
}

// out returns the neighbours of s on level l. Only the writer may call it, and
// must not keep it across a change of s.
func (f *frame) out(s uint32, l int) []uint32 {
	list := f.list(s, l)
	return list[:lengthOf(list)]
}

// lengthOf is the length of a list that ends with its words or at none.
func lengthOf(list []uint32) int {
	n := len(list)
	for n > 0 && list[n-1] == none {
		n--
	}
	return n
}

// put adds b to a list that has room for it.
func put(list []uint32, b uint32) { atomic.StoreUint32(&list[lengthOf(list)], b) }

// take removes b from a list and reports whether it was there. The last
// neighbour takes its place before its own is emptied, so that a search, which
// reads a list backwards, misses none of the others.
func take(list []uint32, b uint32) bool {
	n := lengthOf(list)
	for i, s := range list[:n] {
		if s == b {
			atomic.StoreUint32(&list[i], list[n-1])
			atomic.StoreUint32(&list[n-1], none)
			return true
		}
	}
	return false
}

// gather puts the rows of a list that were not seen yet into w.ids, and returns
// how many they are. The list is no longer than a batch.
func (f *frame) gather(w *walker, list []uint32) (n int) {
	return w.seen.sift(w.ids[:], list, uint32(f.slots))
}
