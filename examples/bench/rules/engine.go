package rules

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// Engine has loaded a workload's rules.
type Engine interface {
	// Prepare puts the requests into the form in which the engine decides
	// fastest. It is called once, and is not timed.
	Prepare(requests []Request) error
	// Allowed decides the request of an index. It is called by one goroutine.
	Allowed(i int) bool
}

// Loader writes the rules down in an engine's language and returns what reads
// that text. Only the returned function is timed; it is called several times
// and must begin anew each time.
type Loader func(w *Workload) (load func() (Engine, error), err error)

// Report is what one engine has shown.
type Report struct {
	LoadMS  float64 `json:"load_ms"`
	KeptMB  float64 `json:"kept_mb"`
	Allowed []bool  `json:"allowed"` // request by request

	NS     float64 `json:"ns"`     // per decision: the least mean of a slice, since neighbours only ever add
	P50    float64 `json:"p50"`    // of single decisions, in nanoseconds, without reading the clock
	P99    float64 `json:"p99"`    // the same
	Allocs float64 `json:"allocs"` // per decision
}

// Runner measures one engine.
type Runner struct {
	engine Engine
	report Report
	next   int // request
	block  int // decisions between two looks at the clock
	means  []float64
	single []float64
}

// Limits of a measurement.
const (
	loads     = 3               // that are timed, unless they take longer than
	longLoad  = 2 * time.Second // in all
	blockTime = 20 * time.Microsecond
	allocTime = 200 * time.Millisecond // of the decisions whose allocations are counted
	oneShot   = 5 * time.Microsecond   // decisions that take so long are timed one by one anyhow
	singles   = 1 << 13                // decisions of a slice that are timed one by one
)

// Open loads the rules and lets the engine decide each request once. The time
// to load is the median of three. What is kept is the heap after the load
// without what it was before the rules were written down.
func Open(w *Workload, l Loader) (*Runner, error) {
	r := &Runner{}
	before := heap()
	load, err := l(w)
	if err != nil {
		return nil, err
	}
	var times []float64
	for begun := time.Now(); len(times) < loads && (len(times) == 0 || time.Since(begun) < longLoad); {
		r.engine = nil
		runtime.GC()
		start := time.Now()
		if r.engine, err = load(); err != nil {
			return nil, err
		}
		times = append(times, float64(time.Since(start))/1e6)
	}
	load = nil // and with it the text
	r.report.LoadMS = Quantile(times, 0.5)
	r.report.KeptMB = max(0, (heap()-before)/1e6)
	if err := r.engine.Prepare(w.Requests); err != nil {
		return nil, err
	}
	r.decideAll()
	return r, nil
}

// Ready is a Runner of an engine that has been loaded and prepared. It decides
// each request once.
func Ready(e Engine) *Runner {
	r := &Runner{engine: e}
	r.decideAll()
	return r
}

// heap returns the bytes that are in use after a collection.
func heap() float64 {
	runtime.GC()
	runtime.GC() // what had a finalizer is gone now
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// decideAll decides each request once, counts the allocations, and derives from
// the time it took how often to look at the clock.
func (r *Runner) decideAll() {
	r.report.Allowed = make([]bool, Requests)
	for i := range Requests / 16 {
		r.engine.Allowed(i) // warms up
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	decisions := 0
	for {
		for i := range r.report.Allowed {
			r.report.Allowed[i] = r.engine.Allowed(i)
		}
		if decisions += Requests; time.Since(start) > allocTime {
			break
		}
	}
	each := time.Since(start) / time.Duration(decisions)
	runtime.ReadMemStats(&after)
	// a handful come from the runtime itself
	r.report.Allocs = float64(int64(float64(after.Mallocs-before.Mallocs)/float64(decisions)*100)) / 100
	r.block = min(max(1, int(blockTime/max(each, 1))), Requests)
	if each > oneShot {
		r.block = 1
	}
}

// Run decides requests, one after the other and again from the first, for a
// slice of time and at least once. It collects garbage first, so that nobody
// pays for what another engine left. Blocks of decisions, of which the mean is
// taken, and decisions timed one by one take turns.
func (r *Runner) Run(d time.Duration) {
	runtime.GC()
	clock, begun := clockNS(), time.Now()
	var total time.Duration
	n, kept := 0, len(r.single)
	for n == 0 || time.Since(begun) < d {
		took := r.timeBlock()
		total += took
		n += r.block
		switch {
		case r.block == 1:
			r.single = append(r.single, float64(took))
		case len(r.single)-kept < singles:
			r.timeEach(clock)
		}
	}
	r.means = append(r.means, float64(total)/float64(n))
}

func (r *Runner) decide() {
	r.engine.Allowed(r.next)
	if r.next++; r.next == Requests {
		r.next = 0
	}
}

func (r *Runner) timeBlock() time.Duration {
	start := time.Now()
	for range r.block {
		r.decide()
	}
	return time.Since(start)
}

// timeEach times the decisions of a block one by one, and takes off what
// looking at the clock costs.
func (r *Runner) timeEach(clock float64) {
	for range r.block {
		start := time.Now()
		r.decide()
		r.single = append(r.single, max(0, float64(time.Since(start))-clock))
	}
}

// clockNS returns what is between two looks at the clock.
func clockNS() float64 {
	var looks [256]float64
	for i := range looks {
		start := time.Now()
		looks[i] = float64(time.Since(start))
	}
	return Quantile(looks[:], 0.5)
}

// Report returns what has been measured so far.
func (r *Runner) Report() Report {
	out := r.report
	out.NS, out.P50, out.P99 = Quantile(r.means, 0), Quantile(r.single, 0.5), Quantile(r.single, 0.99)
	return out
}

// Quantile returns the value below which a share of the numbers lies, 0 of none.
func Quantile(numbers []float64, share float64) float64 {
	if len(numbers) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// Agreement returns the share of decisions that are the same.
func Agreement(a, b []bool) (float64, error) {
	if len(a) != len(b) || len(a) == 0 {
		return 0, fmt.Errorf("rules: %d decisions against %d", len(a), len(b))
	}
	same := 0
	for i := range a {
		if a[i] == b[i] {
			same++
		}
	}
	return float64(same) / float64(len(a)), nil
}
