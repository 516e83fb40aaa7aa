package hnsw

import (
	"cmp"
	"fmt"
	"slices"
)

// A Result is one row found.
type Result[K Key] struct {
	Key      K       `json:"key"`
	Distance float32 `json:"distance"` // see [Metric] for its unit
}

// SearchOptions tune one search. Nil means all defaults.
type SearchOptions[K Key] struct {
	Ef     int       // candidates a walk keeps, at least 40 under a filter; raised to k, cut to the number of rows; 0 means 64 or 2·k, whichever is more
	Filter Filter[K] // the keys that may be returned; nil means all
	Exact  bool      // scan, whatever the size; default false
	Trace  *Trace    // if not nil, overwritten with what the search did; default nil
}

// A Path is the way a search took.
type Path uint8

// The paths.
const (
	PathNone          Path = iota // no rows, or an empty filter
	PathScan                      // every row was looked at
	PathList                      // the keys a filter lists were looked at
	PathGraph                     // a walk over the graph
	PathGraphFiltered             // a walk that kept only what the filter holds
	PathGraphHops                 // a walk from match to match
	PathGraphScan                 // a walk that was given up for a scan
)

// String returns the path's name, such as "graph" or "scan".
func (p Path) String() string {
	names := [...]string{"none", "scan", "list", "graph", "graph filtered", "graph hops", "graph, then scan"}
	if int(p) < len(names) {
		return names[p]
	}
	return "unknown"
}

// A Trace tells what one search did.
type Trace struct {
	Path   Path `json:"path"`
	Ef     int  `json:"ef"`     // as used
	Visits int  `json:"visits"` // distances computed
	Hops   int  `json:"hops"`   // rows whose neighbours were read
}

// scratch is what a search needs besides the caller's buffers.
type scratch[K Key] struct {
	walker
	row    []float32
	q      query
	stripe uint32
	accept accepted[K]
}

// accepted applies a filter of keys to the slots of a view.
type accepted[K Key] struct {
	*view[K]
	filter Filter[K]
}

// accept looks at the life of a row before its key, which may be another's.
func (a *accepted[K]) accept(s uint32) bool {
	return (a.has(s) || a.kept.holds(s)) && a.filter.Contains(a.key(s))
}

// Search appends to dst the min(k, matches) rows nearest to q, sorted by
// (distance, slot), and returns the extended slice. On an error it returns
// dst as it was. With a dst of enough capacity it allocates nothing, unless
// the filter does.
//
// A scan costs one distance per row, or per match of a filter that can list
// them; a walk about ef·M distances, two to three times as many under most
// filters: see the package comment for which is taken. Larger Ef finds more of
// the true neighbours and costs more. The recall of a walk is not guaranteed;
// that of a scan is 1. A scan of matches compares codes first, as long as they say
// enough of every row, and may miss a row whose code is wrong by more than four and
// a half deviations, one in 10^5 of those at the edge of the result; Exact does
// without codes.
//
// Errors: [*LengthError] if q is not dim long; [*RowError] with Row -1 for
// [ErrNotFinite], [ErrTooLong] or [ErrZeroVector]; [*RangeError] for k < 1 or
// Ef < 0; [ErrClosed].
func (x *Index[K]) Search(q []float32, k int, o *SearchOptions[K], dst []Result[K]) ([]Result[K], error) {
	var opt SearchOptions[K]
	if o != nil {
		opt = *o
	}
	norm, err := x.checkQuery(q, k, opt.Ef)
	if err != nil {
		return dst, err
	}
	w := x.scratch.Get().(*scratch[K])
	defer x.scratch.Put(w)
	in := x.readers.enter(w.stripe)
	defer in.Add(-1)
	v := x.now.Load()
	w.visits, w.hops = 0, 0
	v.Metric.store(w.row[:v.dim], q, norm)
	v.ask(&w.q, w.row)
	k = min(k, v.live)
	ef := min(max(cmp.Or(opt.Ef, max(defaultEf, 2*min(k, maxRows/2))), k), v.live)
	path := v.find(w, k, ef, &opt)
	for _, e := range w.found[:min(k, len(w.found))] {
		dst = append(dst, Result[K]{v.key(e.slot), e.d})
	}
	w.accept = accepted[K]{}
	if opt.Trace != nil {
		*opt.Trace = Trace{Path: path, Ef: ef, Visits: w.visits, Hops: w.hops}
	}
	return dst, nil
}

func (x *Index[K]) checkQuery(q []float32, k, ef int) (norm float64, err error) {
	const maxInt = int(^uint(0) >> 1)
	if x.closed.Load() {
		return 0, fmt.Errorf("hnsw: %w", ErrClosed)
	}
	if len(q) != x.g.dim {
		return 0, &LengthError{What: "query", Got: len(q), Want: x.g.dim}
	}
	if err := inRange("k", k, 1, maxInt); err != nil {
		return 0, err
	}
	if err := inRange("SearchOptions.Ef", ef, 0, maxInt); err != nil {
		return 0, err
	}
	norm, c, err := x.g.Metric.checkVector(q)
	if err != nil {
		return 0, &RowError{Row: -1, Component: c, Err: err}
	}
	return norm, nil
}

// wide reports whether a pool of ef entries is so large that a walk would see
// most of the n rows anyway, and spend its time on keeping the pool sorted.
func wide(ef, n int) bool { return ef > 1024 && ef > n/8 }

// find leaves the answer in w.found and returns the path taken.
func (v *view[K]) find(w *scratch[K], k, ef int, o *SearchOptions[K]) Path {
	w.found = w.found[:0]
	if v.live == 0 {
		return PathNone
	}
	if o.Filter != nil {
		return v.findFiltered(w, k, ef, o)
	}
	if o.Exact || !v.searchable() || wide(ef, v.live) {
		v.scanRows(w, k)
		return PathScan
	}
	v.walk(&w.walker, &w.q, v.descend(&w.walker, &w.q, 0), ef, 0)
	if v.settle(w, k, nil); len(w.found) >= k {
		return PathGraph
	}
	v.scanRows(w, k) // links were in motion
	return PathGraphScan
}

// settle leaves in w.found the k nearest of the rows that a walk has found, by
// exact distances and without rows of other versions.
func (v *view[K]) settle(w *scratch[K], k int, ok acceptor) {
	if v.dying || v.linking.Load() > v.version {
		w.found = slices.DeleteFunc(w.found, func(e entry) bool { return !v.has(e.slot) })
	}
	v.refine(&w.walker, &w.q, k)
	v.kept.offer(w, k, ok)
}

// scanRows compares all rows.
func (v *view[K]) scanRows(w *scratch[K], k int) {
	v.scanAll(w, k, nil, false)
	v.kept.offer(w, k, nil)
}
