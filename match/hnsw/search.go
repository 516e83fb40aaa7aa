package hnsw

import "cmp"

// A Result is one row found.
type Result[K Key] struct {
	Key      K       `json:"key"`
	Distance float32 `json:"distance"` // see [Metric] for its unit
}

// SearchOptions tune one search. Nil means all defaults.
type SearchOptions[K Key] struct {
	Ef     int       // candidates a walk keeps, twice as many under a filter; raised to k, cut to the number of rows; 0 means 64 or 2·k, whichever is more
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
	PathGraphScan                 // a walk that was given up for a scan
)

// String returns the path's name, such as "graph" or "scan".
func (p Path) String() string {
	names := [...]string{"none", "scan", "list", "graph", "graph filtered", "graph, then scan"}
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
	accept byKey[K]
}

// byKey applies a filter of keys to slots.
type byKey[K Key] struct {
	keys   []K
	filter Filter[K]
}

func (b *byKey[K]) accept(slot uint32) bool { return b.filter.Contains(b.keys[slot]) }

// Search appends to dst the min(k, matches) rows nearest to q, sorted by
// (distance, slot), and returns the extended slice. On an error it returns
// dst as it was. With a dst of enough capacity it allocates nothing, unless
// the filter does.
//
// A scan costs one distance per row, or per key of a small filter; a walk
// about 2·ef·M distances, more under a filter: see the package comment for
// which is taken. Larger Ef finds more of the true neighbours and costs more.
// The recall of a walk is not guaranteed; that of a scan is 1.
//
// Errors: [*LengthError] if q is not dim long; [*RowError] with Row -1 for
// [ErrNotFinite], [ErrTooLong] or [ErrZeroVector]; [*RangeError] for k < 1 or
// Ef < 0.
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
	w.visits, w.hops = 0, 0
	x.g.Metric.store(w.row[:x.g.dim], q, norm)

	x.mu.RLock()
	defer x.mu.RUnlock()
	x.g.ask(&w.q, w.row)
	k = min(k, x.g.live)
	ef := min(max(cmp.Or(opt.Ef, max(defaultEf, 2*min(k, maxRows/2))), k), x.g.live)
	path := x.find(w, k, ef, opt)
	for _, e := range w.found[:min(k, len(w.found))] {
		dst = append(dst, Result[K]{x.keys[e.slot], e.d})
	}
	w.accept = byKey[K]{}
	if opt.Trace != nil {
		*opt.Trace = Trace{Path: path, Ef: ef, Visits: w.visits, Hops: w.hops}
	}
	return dst, nil
}

func (x *Index[K]) checkQuery(q []float32, k, ef int) (norm float64, err error) {
	const maxInt = int(^uint(0) >> 1)
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

// scanFactor c sets where a scan of m matches beats a walk: m <= c·ef·M.
// Measured crossovers lie at c = 4 to 40, and a scan finds everything.
const scanFactor = 8

// wide reports whether a pool of ef entries is so large that a walk would see
// most of the n rows anyway, and spend its time on keeping the pool sorted.
func wide(ef, n int) bool { return ef > 1024 && ef > n/8 }

// widen is how many times ef a filtered walk keeps. Where the filter rejects
// the rows around the query, the matches lie in a shell about it, and a walk
// that has found ef of them on one side would stop too early.
const widen = 2

// scanIsCheaper reports whether m of n rows are better scanned than walked
// to. A walk that keeps e rows expands about e·n/m, each of which has up to M
// neighbours not seen before.
func scanIsCheaper(n, m, ef, degree float64) bool {
	return m <= scanFactor*ef*degree || m*m <= widen*ef*degree*n
}

// find leaves the answer in w.found and returns the path taken.
func (x *Index[K]) find(w *scratch[K], k, ef int, o SearchOptions[K]) Path {
	w.found = w.found[:0]
	if x.g.live == 0 {
		return PathNone
	}
	if o.Filter == nil {
		if o.Exact || !x.g.searchable() || wide(ef, x.g.live) {
			x.g.scan(&w.walker, &w.q, k, nil)
			return PathScan
		}
		x.g.walk(&w.walker, &w.q, x.g.descend(&w.walker, &w.q, 0), ef, 0)
		x.refine(w, k)
		return PathGraph
	}
	return x.findFiltered(w, k, ef, o)
}

func (x *Index[K]) findFiltered(w *scratch[K], k, ef int, o SearchOptions[K]) Path {
	w.accept = byKey[K]{x.keys, o.Filter}
	m := o.Filter.Len()
	known := m >= 0
	if m == 0 {
		return PathNone
	}
	if !known || m > x.g.live {
		m = x.g.live
	}
	scan := o.Exact || !x.g.searchable() || wide(ef, x.g.live) || known && scanIsCheaper(float64(x.g.live), float64(m), float64(ef), float64(x.g.M))
	if l, ok := o.Filter.(Lister[K]); ok && scan && m <= x.g.live/2 {
		x.list(w, k, l)
		return PathList
	}
	if scan {
		x.g.scan(&w.walker, &w.q, k, &w.accept)
		return PathScan
	}
	from := x.g.descend(&w.walker, &w.q, 0)
	whole := x.g.walkFiltered(&w.walker, &w.q, from, min(widen*ef, x.g.live), m, &w.accept)
	if whole && len(w.found) >= k {
		x.refine(w, k)
		return PathGraphFiltered
	}
	x.g.scan(&w.walker, &w.q, k, &w.accept)
	return PathGraphScan
}

// list scans the keys that a filter names.
func (x *Index[K]) list(w *scratch[K], k int, l Lister[K]) {
	w.seen.reset(len(x.keys)) // a key named twice is found once
	n := 0
	for key := range l.All() {
		if s, ok := x.slots[key]; ok && w.seen.add(s) {
			n = x.g.consider(&w.walker, &w.q, k, s, n)
		}
	}
	x.g.settle(&w.walker, &w.q, k, n)
}

// refine compares exactly what a walk over codes has found.
func (x *Index[K]) refine(w *scratch[K], k int) {
	if w.q.coded {
		x.g.refine(&w.walker, &w.q, k)
	}
}
