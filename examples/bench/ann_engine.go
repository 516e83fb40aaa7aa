package main

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/deeperpoint/csss/examples/bench/load"
	"github.com/deeperpoint/csss/examples/bench/vecset"
	"github.com/deeperpoint/csss/match/hnsw"
)

// annEngine is an index under measurement.
type annEngine interface {
	// build links the rows that it begins with.
	build(ctx context.Context) (annBuilt, error)
	// pass answers all queries once.
	pass(ctx context.Context, q annQuestion) (annPass, error)
	// replace deletes some rows and links others.
	replace(ctx context.Context, gone, fresh []uint32) (annBuilt, error)
	close() error
}

// annQuestion is what a pass asks.
type annQuestion struct {
	ef      int
	filters []*roaring.Bitmap // the rows that each query may find; nil means all
	rows    int               // of the set, where there are filters
}

// filter is that of a query, nil if there is none.
func (q annQuestion) filter(query int) hnsw.Filter[uint32] {
	if q.filters == nil {
		return nil
	}
	return hnsw.Bitmap[uint32](q.filters[query])
}

// annBuilt is what building took.
type annBuilt struct {
	version    string
	walks      string // what the index chose to compare, if it says so
	seconds    float64
	cpuSeconds float64
	bytes      int64 // of memory
}

// annPass is one pass over the queries.
type annPass struct {
	seconds    float64
	cpuSeconds float64
	ids        []int32 // k of each query, −1 where there were fewer
}

// annIndex is all that the benchmark needs of csss's index.
type annIndex interface {
	// add links rows of the set, whose keys are their numbers.
	add(rows []uint32) error
	// remove deletes rows.
	remove(rows []uint32) error
	// searcher returns a function for one goroutine that writes the rows nearest
	// to q, of those that the filter holds, into ids and returns how many.
	searcher() func(q []float32, ef int, f hnsw.Filter[uint32], ids []int32) (int, error)
	// trace tells what a search does.
	trace(q []float32, ef int, f hnsw.Filter[uint32]) (hnsw.Trace, error)
	// bytes are those that are held outside the heap.
	bytes() int64
	// held are the bytes for rows, codes and links.
	held() int
	version() string
	walks() string
}

// annOptions are the parameters of an index.
type annOptions struct {
	k, m, efc, threads int
	reuse              bool // rows that come take the places of those that went
}

// annModes open an index by its mode.
var annModes = map[string]func(*vecset.Set, annOptions) (annIndex, error){
	"auto":    openHNSW(hnsw.Int8), // whose codes check themselves
	"compact": openHNSW(hnsw.Compact),
	"int8":    openHNSW(hnsw.Int8),
	"float32": openHNSW(hnsw.Float32),
}

func annModeNames() []string { return slices.Sorted(maps.Keys(annModes)) }

// hnswIndex is package hnsw's.
type hnswIndex struct {
	*hnsw.Index[uint32]
	set *vecset.Set
	k   int
}

var hnswMetrics = map[vecset.Metric]hnsw.Metric{vecset.L2: hnsw.L2, vecset.Cosine: hnsw.Cosine, vecset.Dot: hnsw.Dot}

func openHNSW(mode hnsw.Mode) func(*vecset.Set, annOptions) (annIndex, error) {
	return func(s *vecset.Set, o annOptions) (annIndex, error) {
		x, err := hnsw.New[uint32](s.Base.Dim, &hnsw.Options{Metric: hnswMetrics[s.Metric],
			M: o.m, EfConstruction: o.efc, Mode: mode, RowNumbers: !o.reuse, ExactBelow: -1, // a graph, whatever the size
		})
		return &hnswIndex{x, s, o.k}, err
	}
}

func (x *hnswIndex) add(rows []uint32) error {
	return x.AddBatch(rows, gathered(x.set.Base, rows).Values, nil)
}

// gathered returns copies of some rows, one after another.
func gathered(t vecset.Table, rows []uint32) vecset.Table {
	out := vecset.Table{Dim: t.Dim, Values: make([]float32, 0, len(rows)*t.Dim)}
	for _, row := range rows {
		out.Values = append(out.Values, t.Row(int(row))...)
	}
	return out
}

func (x *hnswIndex) remove(rows []uint32) error {
	n, err := x.Delete(rows...)
	if err != nil {
		return err
	}
	if n != len(rows) {
		return fmt.Errorf("%d rows were deleted, not %d", n, len(rows))
	}
	return nil
}

func (x *hnswIndex) trace(q []float32, ef int, f hnsw.Filter[uint32]) (t hnsw.Trace, err error) {
	_, err = x.Search(q, x.k, &hnsw.SearchOptions[uint32]{Ef: ef, Filter: f, Trace: &t}, nil)
	return t, err
}

func (x *hnswIndex) searcher() func(q []float32, ef int, f hnsw.Filter[uint32], ids []int32) (int, error) {
	options := &hnsw.SearchOptions[uint32]{}
	var found []hnsw.Result[uint32]
	return func(q []float32, ef int, f hnsw.Filter[uint32], ids []int32) (n int, err error) {
		options.Ef, options.Filter = ef, f
		found, err = x.Search(q, x.k, options, found[:0])
		for i, f := range found {
			ids[i] = int32(f.Key)
		}
		return len(found), err
	}
}

func (x *hnswIndex) bytes() int64 { return 0 }

func (x *hnswIndex) held() int {
	s := x.Stats()
	return s.VectorBytes + s.CodeBytes + s.LinkBytes
}

func (x *hnswIndex) walks() string { return x.Stats().Walks }

// version is the module's, where the program knows it, and the kernels.
func (x *hnswIndex) version() string {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return v + " " + x.Stats().Kernels
}

// annOurs is csss's index as an engine.
type annOurs struct {
	set      *vecset.Set
	options  annOptions
	open     func(*vecset.Set, annOptions) (annIndex, error)
	rows     []uint32 // that are linked at first
	progress func(rows int)
	index    annIndex
}

func (o *annOurs) build(ctx context.Context) (annBuilt, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.options.threads))
	before := heapBytes()
	start, cpu := time.Now(), load.CPUSeconds()
	var err error
	if o.index, err = o.open(o.set, o.options); err != nil {
		return annBuilt{}, err
	}
	if err := o.add(ctx, o.rows); err != nil {
		return annBuilt{}, err
	}
	b := annBuilt{seconds: time.Since(start).Seconds(), cpuSeconds: load.CPUSeconds() - cpu}
	b.version, b.walks, b.bytes = o.index.version(), o.index.walks(), heapBytes()-before+o.index.bytes()
	return b, nil
}

// add links rows, a thousand at a time.
func (o *annOurs) add(ctx context.Context, rows []uint32) error {
	done := 0
	for some := range slices.Chunk(rows, 1000) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := o.index.add(some); err != nil {
			return err
		}
		done += len(some)
		o.progress(done)
	}
	return nil
}

func (o *annOurs) replace(ctx context.Context, gone, fresh []uint32) (annBuilt, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.options.threads))
	start, cpu := time.Now(), load.CPUSeconds()
	if err := o.index.remove(gone); err != nil {
		return annBuilt{}, err
	}
	err := o.add(ctx, fresh)
	return annBuilt{seconds: time.Since(start).Seconds(), cpuSeconds: load.CPUSeconds() - cpu}, err
}

// heapBytes is what the heap holds now.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC() // what pools kept over the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// pass hands the queries to as many goroutines as there are threads.
func (o *annOurs) pass(ctx context.Context, q annQuestion) (annPass, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.options.threads))
	p := annPass{ids: make([]int32, o.set.Queries.Rows()*o.options.k)}
	failed := make([]error, o.options.threads)
	var next atomic.Int64
	var all sync.WaitGroup
	runtime.GC()
	start, cpu := time.Now(), load.CPUSeconds()
	for t := range o.options.threads {
		all.Go(func() { failed[t] = o.answer(ctx, q, &next, p.ids) })
	}
	all.Wait()
	p.seconds, p.cpuSeconds = time.Since(start).Seconds(), load.CPUSeconds()-cpu
	for _, err := range failed {
		if err != nil {
			return p, err
		}
	}
	return p, ctx.Err()
}

// answer answers queries, some at a time, until none is left.
func (o *annOurs) answer(ctx context.Context, ask annQuestion, next *atomic.Int64, ids []int32) error {
	const some = 16
	search, k := o.index.searcher(), o.options.k
	for ctx.Err() == nil {
		first := int(next.Add(some)) - some
		if first >= o.set.Queries.Rows() {
			break
		}
		for q := first; q < min(first+some, o.set.Queries.Rows()); q++ {
			row := ids[q*k : (q+1)*k]
			n, err := search(o.set.Queries.Row(q), ask.ef, ask.filter(q), row)
			if err != nil {
				return err
			}
			for i := range row[n:] {
				row[n+i] = -1
			}
		}
	}
	return nil
}

func (o *annOurs) close() error { return nil }
