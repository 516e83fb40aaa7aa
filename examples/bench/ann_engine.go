package main

import (
	"context"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
	"github.com/deeperpoint/csss/examples/bench/vecset"
	"github.com/deeperpoint/csss/match/hnsw"
)

// annEngine is an index under measurement.
type annEngine interface {
	// build links all rows.
	build(ctx context.Context) (annBuilt, error)
	// pass answers all queries once.
	pass(ctx context.Context, ef int) (annPass, error)
	close() error
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
	// add links rows first to last−1, whose keys are their numbers.
	add(first, last int) error
	// searcher returns a function for one goroutine that writes the rows nearest
	// to q into ids and returns how many.
	searcher() func(q []float32, ef int, ids []int32) (int, error)
	// bytes are those that are held outside the heap.
	bytes() int64
	version() string
	walks() string
}

// annOptions are the parameters of an index.
type annOptions struct{ k, m, efc, threads int }

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
			M: o.m, EfConstruction: o.efc, Mode: mode, RowNumbers: true, ExactBelow: -1, // a graph, whatever the size
		})
		return &hnswIndex{x, s, o.k}, err
	}
}

func (x *hnswIndex) add(first, last int) error {
	keys := make([]uint32, last-first)
	for i := range keys {
		keys[i] = uint32(first + i)
	}
	return x.AddBatch(keys, x.set.Base.Values[first*x.set.Base.Dim:last*x.set.Base.Dim], nil)
}

func (x *hnswIndex) searcher() func(q []float32, ef int, ids []int32) (int, error) {
	options := &hnsw.SearchOptions[uint32]{}
	var found []hnsw.Result[uint32]
	return func(q []float32, ef int, ids []int32) (n int, err error) {
		options.Ef = ef
		found, err = x.Search(q, x.k, options, found[:0])
		for i, f := range found {
			ids[i] = int32(f.Key)
		}
		return len(found), err
	}
}

func (x *hnswIndex) bytes() int64 { return 0 }

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
	rows := o.set.Base.Rows()
	for first := 0; first < rows; first += 1000 {
		if err := ctx.Err(); err != nil {
			return annBuilt{}, err
		}
		last := min(first+1000, rows)
		if err := o.index.add(first, last); err != nil {
			return annBuilt{}, err
		}
		o.progress(last)
	}
	b := annBuilt{seconds: time.Since(start).Seconds(), cpuSeconds: load.CPUSeconds() - cpu}
	b.version, b.walks, b.bytes = o.index.version(), o.index.walks(), heapBytes()-before+o.index.bytes()
	return b, nil
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
func (o *annOurs) pass(ctx context.Context, ef int) (annPass, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.options.threads))
	p := annPass{ids: make([]int32, o.set.Queries.Rows()*o.options.k)}
	failed := make([]error, o.options.threads)
	var next atomic.Int64
	var all sync.WaitGroup
	runtime.GC()
	start, cpu := time.Now(), load.CPUSeconds()
	for t := range o.options.threads {
		all.Go(func() { failed[t] = o.answer(ctx, ef, &next, p.ids) })
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
func (o *annOurs) answer(ctx context.Context, ef int, next *atomic.Int64, ids []int32) error {
	const some = 16
	search, k := o.index.searcher(), o.options.k
	for ctx.Err() == nil {
		first := int(next.Add(some)) - some
		if first >= o.set.Queries.Rows() {
			break
		}
		for q := first; q < min(first+some, o.set.Queries.Rows()); q++ {
			row := ids[q*k : (q+1)*k]
			n, err := search(o.set.Queries.Row(q), ef, row)
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
