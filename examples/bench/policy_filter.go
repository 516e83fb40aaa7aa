package main

import (
	"fmt"
	"time"

	"github.com/deeperpoint/csss/examples/bench/rules"
	"github.com/deeperpoint/csss/policy"
)

// filterLine is the line of csss/filter.
type filterLine struct {
	Engine  string `json:"engine"`
	Rules   int    `json:"rules"`
	Filter  figure `json:"filter_us"`
	NS      figure `json:"ns_per_candidate"`
	Allocs  figure `json:"allocs"`
	Decide  figure `json:"ns_per_decision"`
	P50     figure `json:"p50_ns"`
	Kind    string `json:"kind"`
	Matched int    `json:"matched"`
	Allowed int    `json:"allowed"`
}

// searches is how many filters are made; candidates are held against the first.
const searches = 32

// open are the facts in which candidates differ; beside them those of the
// resource itself.
var open = []rules.Fact{rules.Distance, rules.Rate, rules.Amount}

// measureFilter makes filters of searches and holds candidates against one, and
// against the rules themselves.
func (b *policyBench) measureFilter(own *csss) error {
	names := make([]string, len(open))
	for i, f := range open {
		names[i] = rules.Facts[f].Name
	}
	var times []float64
	filters := make([]*policy.Filter, searches)
	for i := range filters {
		start := time.Now()
		filters[i] = own.set.Filter(own.queries[i], names...)
		times = append(times, float64(time.Since(start))/1e3)
	}
	found := &csss{set: own.set}
	if err := found.Prepare(candidates(b.workload.Requests)); err != nil {
		return err
	}
	match, decide := rules.Ready(&matching{found, filters[0]}), rules.Ready(found)
	for range b.slices {
		match.Run(b.slice() / 4)
		decide.Run(b.slice() / 4)
	}
	m, d := match.Report(), decide.Report()
	if err := lawful(filters[0].Kind(), m.Allowed, d.Allowed); err != nil {
		return err
	}
	l := filterLine{
		Engine: "csss/filter", Rules: b.rules, Filter: figure(rules.Quantile(times, 0.5)), NS: figure(m.NS), Allocs: figure(m.Allocs),
		Decide: figure(d.NS), P50: figure(m.P50), Kind: filters[0].Kind().String(), Matched: countTrue(m.Allowed), Allowed: countTrue(d.Allowed),
	}
	b.row("a filter: %v µs, %s; a candidate: %v ns, p50 %v ns (decided: %v ns)", l.Filter, l.Kind, l.NS, l.P50, l.Decide)
	return b.line(l)
}

// candidates are the resources of all requests, as the first one's search meets
// them: what it fixes is its own.
func candidates(list []rules.Request) []rules.Request {
	out := make([]rules.Request, len(list))
	for i := range list {
		out[i] = list[0]
		out[i].Employer, out[i].Category = list[i].Employer, list[i].Category
		for _, f := range append([]rules.Fact{rules.Resource, rules.Topics}, open...) {
			out[i].Values[f] = list[i].Values[f]
		}
	}
	return out
}

// matching holds candidates against a filter.
type matching struct {
	*csss
	filter *policy.Filter
}

func (e *matching) Allowed(i int) bool { return e.filter.Match(e.queries[i]) }

// lawful is an error if a filter hides what is allowed, or lets pass what is not
// although it is exact.
func lawful(kind policy.FilterKind, matched, allowed []bool) error {
	for i := range matched {
		if allowed[i] && !matched[i] || kind == policy.Exact && matched[i] && !allowed[i] {
			return fmt.Errorf("candidate %d: %s filter says %v, the rules say %v", i, kind, matched[i], allowed[i])
		}
	}
	return nil
}
