package main

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/deeperpoint/csss/examples/bench/rules"
	"github.com/deeperpoint/csss/policy"
)

// measureModes writes the lines of package policy alone.
func (b *policyBench) measureModes(ctx context.Context) error {
	if !b.modes {
		return nil
	}
	own, err := b.compiled("")
	if err != nil {
		return err
	}
	for _, step := range []func(own *csss) error{b.measureUses, b.measureFilter, b.measureSwap, b.measureReaders, b.measureShapes} {
		if err := step(own); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// compiled loads the rules, with more for every permit, and prepares the
// requests.
func (b *policyBench) compiled(more string) (*csss, error) {
	set, err := policy.Compile(policy.BaseSchema(), documents(b.workload.Rules, 1, more)...)
	if err != nil {
		return nil, err
	}
	e := &csss{set: set}
	return e, e.Prepare(b.workload.Requests)
}

// useLine is the line of another use of a set.
type useLine struct {
	Engine      string  `json:"engine"`
	Rules       int     `json:"rules"`
	NS          figure  `json:"ns_per_decision"`
	Allocs      figure  `json:"allocs"`
	P50         figure  `json:"p50_ns"`
	P99         figure  `json:"p99_ns"`
	Allowed     int     `json:"allowed"`
	Obligations *figure `json:"obligations,omitempty"` // joint
}

// measureUses measures what else is asked of a set.
func (b *policyBench) measureUses(own *csss) error {
	obliged, err := b.compiled(", obligations: [" + duty + "]")
	if err != nil {
		return err
	}
	pairs := &joint{csss: obliged}
	for _, u := range []struct {
		name string
		use  rules.Engine
	}{
		{"csss/bind", &binding{csss: own}},
		{"csss/explain", explaining{own}},
		{"csss/joint", pairs},
	} {
		r := rules.Ready(u.use)
		for range b.slices {
			r.Run(b.slice() / 2)
		}
		shown := r.Report()
		l := useLine{Engine: u.name, Rules: b.rules, NS: figure(shown.NS), Allocs: figure(shown.Allocs),
			P50: figure(shown.P50), P99: figure(shown.P99), Allowed: countTrue(shown.Allowed)}
		if u.use == pairs {
			per := pairs.obligations()
			l.Obligations = &per
		}
		b.row("%-16s %8d %14v %14v %14v %9v", l.Engine, l.Rules, l.NS, l.P50, l.P99, l.Allocs)
		if err := b.line(l); err != nil {
			return err
		}
	}
	return nil
}

// binding makes each query ready again before it is decided.
type binding struct {
	*csss
	query policy.Query
}

func (e *binding) Allowed(i int) bool {
	if err := e.query.Reset(e.set.Schema(), e.requests[i]); err != nil {
		return false
	}
	d := e.set.Decide(&e.query)
	return d.Outcome == policy.Permit
}

// explaining asks for the reasons as well.
type explaining struct{ *csss }

func (e explaining) Allowed(i int) bool { return e.set.Explain(e.requests[i]).Outcome == policy.Permit }

// joint asks two employers at once, and what both are obliged to do.
type joint struct {
	*csss
	duties []policy.JointDuty
}

// Allowed pairs a request with the one half the list away.
func (e *joint) Allowed(i int) bool {
	j := e.set.DecideJoint(e.queries[i], e.queries[(i+rules.Requests/2)%rules.Requests])
	e.duties = j.Obligations(e.duties[:0])
	return j.Outcome == policy.Permit
}

// obligations returns how many a decision has, on average.
func (e *joint) obligations() figure {
	n := 0
	for i := range rules.Requests {
		e.Allowed(i)
		n += len(e.duties)
	}
	return figure(n) / rules.Requests
}

// swapLine is the line of csss/swap.
type swapLine struct {
	Engine string `json:"engine"`
	Rules  int    `json:"rules"`
	Swap   figure `json:"swap_ms"`
	P99    figure `json:"p99_ms"`
	Swaps  int    `json:"swaps"`
}

// swaps is how many documents are replaced.
const swaps = 200

// swapper replaces the documents of employers one by one, each with one that has
// other constants.
type swapper struct {
	engine    *policy.Engine
	fresh     []rules.Rule
	employers int
	done      int
}

func (b *policyBench) swapper(set *policy.Set) *swapper {
	return &swapper{
		engine: policy.NewEngine(set), fresh: rules.New(b.rules, b.shapes, b.seed+1).Rules,
		employers: (b.rules + rules.PerEmployer - 1) / rules.PerEmployer,
	}
}

// next replaces one document and returns the milliseconds it took.
func (s *swapper) next() (float64, error) {
	first := s.done % s.employers * rules.PerEmployer
	doc := document(s.fresh[first:min(first+rules.PerEmployer, len(s.fresh))], 2+s.done/s.employers, "")
	s.done++
	start := time.Now()
	err := s.engine.Update(doc)
	return float64(time.Since(start)) / 1e6, err
}

// measureSwap replaces documents while nobody asks.
func (b *policyBench) measureSwap(own *csss) error {
	s := b.swapper(own.set)
	var times []float64
	for range swaps {
		took, err := s.next()
		if err != nil {
			return err
		}
		times = append(times, took)
	}
	l := swapLine{"csss/swap", b.rules, figure(rules.Quantile(times, 0.5)), figure(rules.Quantile(times, 0.99)), len(times)}
	b.row("replacing one of %d documents: %v ms, p99 %v ms", s.employers, l.Swap, l.P99)
	return b.line(l)
}

// readersLine is the line of csss/readers.
type readersLine struct {
	Engine  string `json:"engine"`
	Rules   int    `json:"rules"`
	Readers int    `json:"readers"`
	NS      figure `json:"ns_per_decision"`
	P99     figure `json:"p99_ns"`
	PerS    figure `json:"decisions_per_s"`
	Swaps   figure `json:"swaps_per_s"`
}

// measureReaders lets a reader per processor ask while documents are replaced.
func (b *policyBench) measureReaders(own *csss) (err error) {
	s := b.swapper(own.set)
	readers := make([]*rules.Runner, runtime.GOMAXPROCS(0))
	for i := range readers {
		readers[i] = rules.Ready(&reading{own, s.engine})
	}
	d := time.Duration(b.slices) * b.slice() / 2
	var wg sync.WaitGroup
	for _, r := range readers {
		wg.Go(func() { r.Run(d) })
	}
	begun := time.Now()
	for err == nil && time.Since(begun) < d {
		time.Sleep(betweenSwaps)
		_, err = s.next()
	}
	took := time.Since(begun)
	wg.Wait()
	if err != nil {
		return err
	}
	l := readersLine{Engine: "csss/readers", Rules: b.rules, Readers: len(readers), Swaps: figure(float64(s.done) / took.Seconds())}
	for _, r := range readers {
		shown := r.Report()
		l.NS += figure(shown.NS / float64(len(readers)))
		l.P99 = max(l.P99, figure(shown.P99))
		l.PerS += figure(1e9 / shown.NS)
	}
	b.row("%d readers while %v documents a second are replaced: %v ns/decision, p99 %v ns, %v decisions/s", l.Readers, l.Swaps, l.NS, l.P99, l.PerS)
	return b.line(l)
}

// betweenSwaps is the pause of who replaces documents while others read.
const betweenSwaps = 10 * time.Millisecond

// reading asks whatever set is in force.
type reading struct {
	*csss
	engine *policy.Engine
}

func (e *reading) Allowed(i int) bool {
	d := e.engine.Decide(e.queries[i])
	return d.Outcome == policy.Permit
}

// shapesLine is the line of csss/shapes.
type shapesLine struct {
	Engine string `json:"engine"`
	Rules  int    `json:"rules"`
	Shapes int    `json:"shapes"`
	LoadMS figure `json:"load_ms"`
	KeptMB figure `json:"kept_mb"`
}

// measureShapes loads rules that share sentences, and rules that do not.
func (b *policyBench) measureShapes(*csss) error {
	for _, shapes := range []int{50, 10_000} {
		r, err := rules.Open(rules.New(b.rules, shapes, b.seed), loadCSSS)
		if err != nil {
			return err
		}
		shown := r.Report()
		l := shapesLine{"csss/shapes", b.rules, min(shapes, b.rules), figure(shown.LoadMS), figure(shown.KeptMB)}
		b.row("loading rules of %d shapes: %v ms, %v MB kept", l.Shapes, l.LoadMS, l.KeptMB)
		if err := b.line(l); err != nil {
			return err
		}
	}
	return nil
}
