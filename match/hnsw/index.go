package hnsw

import (
	"slices"
	"sync"
)

// A Key names a row. Keys of integer kinds are cheapest.
type Key interface{ ~uint32 | ~uint64 | ~string }

// An Index holds one vector per key and finds the nearest to a query. Make
// one with [New]; see the package comment for its promises. All methods may
// be called from any number of goroutines.
type Index[K Key] struct {
	writer sync.Mutex   // held by a whole batch
	mu     sync.RWMutex // held for one row by writers, for one search by readers

	g     *graph
	slots map[K]uint32
	keys  []K // by slot; the zero K where the slot is free

	scratch sync.Pool // of *scratch[K]
	row     []float32 // the writer's
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
	x := &Index[K]{g: newGraph(dim, opt), slots: make(map[K]uint32), row: make([]float32, dim)}
	x.scratch.New = func() any { return &scratch[K]{row: make([]float32, x.g.rows.Stride/4)} }
	return x, nil
}

// Add adds one row, or replaces the one that its key has: [Index.AddBatch] for a
// single row.
func (x *Index[K]) Add(key K, vec []float32) error { return x.AddBatch([]K{key}, vec, nil) }

// AddBatch adds the rows of vecs, len(keys) rows of dim values one after
// another, under the given keys, replacing rows whose key is already there.
// Vectors are copied. The batch is checked before the first row is written:
// on an error nothing has changed. Searches may run meanwhile and see the
// rows appear one by one; each replacement is one step. A row equal to the
// one stored under its key costs a comparison.
//
// Linking a row costs a search with EfConstruction candidates and up to 2·M
// re-choices of a neighbour's list, about 0.5 to 1 ms among 60,000 rows of 784
// values; below Options.ExactBelow a row costs a copy.
//
// Errors: [*LengthError] if vecs is not len(keys)·dim long; [*RowError] with
// [ErrNotFinite], [ErrTooLong], [ErrZeroVector] or [ErrDuplicateKey];
// [*RangeError] if the index would pass 2^31-1 rows.
func (x *Index[K]) AddBatch(keys []K, vecs []float32, o *BatchOptions) error {
	x.writer.Lock()
	defer x.writer.Unlock()
	norms, err := x.checkBatch(keys, vecs)
	if err != nil {
		return err
	}
	dim := x.g.dim
	for i, key := range keys {
		x.put(key, vecs[i*dim:(i+1)*dim], norms[i])
		if o != nil && o.Progress != nil && ((i+1)%progressEvery == 0 || i+1 == len(keys)) {
			o.Progress(i + 1)
		}
	}
	return nil
}

// progressEvery is how many rows a batch adds between two calls of Progress.
const progressEvery = 256

// checkBatch refuses a batch before any of it is written, and returns the
// norms of its rows.
func (x *Index[K]) checkBatch(keys []K, vecs []float32) ([]float64, error) {
	dim := x.g.dim
	if len(vecs)%dim != 0 || len(vecs)/dim != len(keys) {
		return nil, &LengthError{What: "vecs", Got: len(vecs), Want: len(keys) * dim}
	}
	if err := inRange("rows", len(x.g.nodes)+len(keys), 0, maxRows); err != nil {
		return nil, err
	}
	norms := make([]float64, len(keys))
	batch := make(map[K]struct{}, len(keys))
	for i, key := range keys {
		if batch[key] = struct{}{}; len(batch) != i+1 {
			return nil, &RowError{Row: i, Component: -1, Err: ErrDuplicateKey}
		}
		norm, c, err := x.g.Metric.checkVector(vecs[i*dim : (i+1)*dim])
		if err != nil {
			return nil, &RowError{Row: i, Component: c, Err: err}
		}
		norms[i] = norm
	}
	return norms, nil
}

// put writes one checked row.
func (x *Index[K]) put(key K, v []float32, norm float64) {
	old, replace := x.slots[key]
	if replace {
		x.g.Metric.store(x.row, v, norm)
		if slices.Equal(x.row, x.g.row(old)) {
			return
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if replace {
		x.g.remove(old)
	}
	s := x.g.add(v, norm, hashKey(key))
	x.slots[key] = s
	if int(s) == len(x.keys) {
		x.keys = append(x.keys, key)
	}
	x.keys[s] = key
}

// Delete removes the rows of the given keys and returns how many there were.
// Unknown keys are passed over. Once it returns, no search finds the rows, and
// nothing of their vectors or keys is left in the index.
//
// Removing a linked row costs about as much as linking one. Removing the
// entry point may cost a look at every slot.
func (x *Index[K]) Delete(keys ...K) (removed int) {
	x.writer.Lock()
	defer x.writer.Unlock()
	for _, key := range keys {
		if s, ok := x.slots[key]; ok {
			x.drop(key, s)
			removed++
		}
	}
	return removed
}

func (x *Index[K]) drop(key K, s uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var none K
	x.g.remove(s)
	x.keys[s] = none
	delete(x.slots, key)
}

// Get appends the vector stored under key to dst, and reports whether there
// is one. Under [Cosine] that is the vector scaled to unit length; otherwise
// it is the vector as given.
func (x *Index[K]) Get(key K, dst []float32) ([]float32, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s, ok := x.slots[key]
	if !ok {
		return dst, false
	}
	return append(dst, x.g.row(s)...), true
}

// Len returns the number of rows.
func (x *Index[K]) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.g.live
}
