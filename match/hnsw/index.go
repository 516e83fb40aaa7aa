package hnsw

import (
	"sync"
	"sync/atomic"
)

// A Key names a row. Keys of integer kinds are cheapest.
type Key interface{ ~uint32 | ~uint64 | ~string }

// An Index holds one vector per key and finds the nearest to a query. Make
// one with [New]; see the package comment for its promises. All methods may
// be called from any number of goroutines.
type Index[K Key] struct {
	now     atomic.Pointer[view[K]] // what searches see
	linking atomic.Uint32           // the newest version whose rows may have been linked
	readers readers
	scratch sync.Pool // of *scratch[K]
	made    atomic.Uint32

	writer sync.Mutex // held by a whole batch; guards what follows
	g      *graph
	row    []float32 // as long as a stride
	keys   keys[K]

	closed     atomic.Bool
	unverified *parser      // of a file whose big sections were not looked at; nil for none
	release    func() error // of what is mapped; nil for nothing
	log        *changeLog   // nil for none
	path       string       // of the snapshot that it continues
}

// A view is a version of the index. It never changes; the chunks that it shares
// with others do, in ways that a search can tell.
type view[K Key] struct {
	frame
	names column[K]    // keys by slot, where they are not the slots
	kept  *replaced[K] // rows whose slots are being given to their successors; nil for none

	keys    *keys[K]
	linking *atomic.Uint32 // [Index]'s
}

// New returns an empty index for vectors of dim components. It keeps no
// reference to o.
//
// Errors: [*RangeError] for a dimension outside 1 to [MaxDim] or a field of o
// out of its bounds.
func New[K Key](dim int, o *Options) (*Index[K], error) {
	if err := inRange("dim", dim, 1, MaxDim); err != nil {
		return nil, err
	}
	opt, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	keys, err := newKeys[K](opt.RowNumbers)
	if err != nil {
		return nil, err
	}
	x := newIndex(newGraph(dim, opt), keys)
	x.publish(nil)
	return x, nil
}

func newIndex[K Key](g *graph, keys keys[K]) *Index[K] {
	x := &Index[K]{g: g, keys: keys}
	x.row = make([]float32, x.g.rows.Stride/4)
	x.scratch.New = func() any {
		return &scratch[K]{row: make([]float32, x.g.rows.Stride/4), stripe: x.made.Add(1)}
	}
	return x
}

// publish shows searches what the writer has done. Rows born in the version that
// follows the last, and rows that die in it, appear and vanish in one step.
func (x *Index[K]) publish(kept *replaced[K]) {
	x.g.version++
	v := &view[K]{frame: x.g.frame, names: x.keys.names, kept: kept, keys: &x.keys, linking: &x.linking}
	if kept != nil {
		v.live += len(kept.slots)
		v.ready += kept.linked
	}
	x.now.Store(v)
}

// mostVersions leaves room for those of one batch.
const mostVersions = 1 << 31

// restart counts versions from the beginning once there are too many: rows that
// live are made as old as can be, and searches by the old count are waited for.
func (x *Index[K]) restart() {
	if x.g.version < mostVersions {
		return
	}
	for s := range uint32(x.g.slots) {
		if life := x.g.lives.at(s); life.birth.Load() != 0 {
			life.birth.Store(1)
		}
	}
	x.g.version = 0
	x.linking.Store(0)
	x.publish(nil)
	x.readers.wait()
}

// Get appends the vector stored under key to dst, and reports whether there
// is one. Under [Cosine] that is the vector scaled to unit length; otherwise
// it is the vector as given. In mode [Compact] it is what its code says of it,
// once rows are not kept.
func (x *Index[K]) Get(key K, dst []float32) ([]float32, bool) {
	w := x.scratch.Get().(*scratch[K])
	defer x.scratch.Put(w)
	in := x.readers.enter(w.stripe)
	defer in.Add(-1)
	for {
		v := x.now.Load()
		s, ok := x.keys.slot(key)
		if ok && v.kept.holds(s) {
			return v.kept.appendRow(s, dst), true
		}
		if ok && v.has(s) {
			return v.appendRow(s, dst), true
		}
		if x.now.Load() == v {
			return dst, false
		}
	}
}

func (f *frame) appendRow(s uint32, dst []float32) []float32 {
	if !f.compact {
		return append(dst, f.row(s)...)
	}
	n := len(dst)
	dst = append(dst, f.codes.mean...)
	f.codes.decode(s, dst[n:])
	return dst
}

// Len returns the number of rows.
func (x *Index[K]) Len() int { return x.now.Load().live }
