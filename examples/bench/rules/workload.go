package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Sizes of every workload.
const (
	Requests    = 512 // that a workload asks
	ClauseCount = 8   // of a rule
	PerEmployer = 10  // rules, one for each category
)

// Rule is one rule of a workload. All clauses must hold.
type Rule struct {
	ID                 int
	Employer, Category string
	Forbid             bool
	When               []Clause
}

// Request is one question.
type Request struct {
	Employer, Category string
	Values             [FactCount]Value
}

// Workload is rules and what they are asked.
type Workload struct {
	Rules    []Rule
	Requests []Request
}

// New makes n rules of at most so many shapes, and requests.
func New(n, shapes int, seed uint64) *Workload {
	w := &Workload{Rules: make([]Rule, n), Requests: make([]Request, Requests)}
	forms := newShapes(min(n, shapes), seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range w.Rules {
		w.Rules[i] = Rule{ID: i, Employer: fmt.Sprintf("employer-%d", i/PerEmployer), Category: fmt.Sprintf("work.c%d", i%PerEmployer),
			Forbid: i%10 == 9, When: forms[i%len(forms)].clauses(rng)}
	}
	for i := range w.Requests {
		w.Requests[i] = w.request(rng, i%2 == 0)
	}
	return w
}

// request asks what one rule is about, and satisfies it if it shall fit.
func (w *Workload) request(rng *rand.Rand, fits bool) Request {
	rule := &w.Rules[rng.IntN(len(w.Rules))]
	r := Request{Employer: rule.Employer, Category: rule.Category}
	for f := range Fact(FactCount) {
		r.Values[f] = draw(rng, f)
	}
	for _, c := range rule.When {
		for fits && !c.Holds(r.Values[c.Fact]) {
			r.Values[c.Fact] = draw(rng, c.Fact)
		}
	}
	return r
}

// Allowed is what the rules mean, read one by one.
func (w *Workload) Allowed(r *Request) bool {
	allowed := false
	for i := range w.Rules {
		rule := &w.Rules[i]
		if rule.Employer != r.Employer || rule.Category != r.Category || !rule.holds(r) {
			continue
		}
		if rule.Forbid {
			return false
		}
		allowed = true
	}
	return allowed
}

func (r *Rule) holds(q *Request) bool {
	return !slices.ContainsFunc(r.When, func(c Clause) bool { return !c.Holds(q.Values[c.Fact]) })
}

// draw returns a value of a fact.
func draw(rng *rand.Rand, f Fact) Value {
	row := &Facts[f]
	switch row.Kind {
	case Text:
		return Value{Text: row.texts[rng.IntN(len(row.texts))]}
	case Texts:
		first := rng.IntN(len(row.texts))
		return Value{Texts: row.texts[first:min(first+1+rng.IntN(3), len(row.texts))]}
	case Flag:
		return Value{Flag: rng.IntN(4) > 0}
	}
	n := row.lo + rng.Int64N((row.hi-row.lo)/row.step)*row.step
	if row.Kind == Duration {
		n *= int64(time.Hour)
	}
	return Value{Number: n}
}

// form is a clause without its constant.
type form struct {
	fact Fact
	op   Op
}

// forms are the ways in which clauses may read each fact.
var forms = [FactCount][]Op{
	Mode:           {Equal, NotEqual, OneOf},
	Currency:       {Equal, OneOf},
	Country:        {OneOf, NotEqual},
	Region:         {OneOf, NotEqual},
	Resource:       {OneOf, NotEqual},
	NAICS:          {NotEqual},
	Rate:           {AtLeast, MoreThan},
	Amount:         {AtMost, LessThan},
	Distance:       {AtMost, LessThan},
	Trust:          {AtLeast, MoreThan},
	Verified:       {IsTrue},
	Certifications: {Contains},
	Topics:         {Contains},
	PerWeek:        {AtMost, LessThan},
}

// shape is a rule without its constants: eight facts in an order.
type shape [ClauseCount]form

// newShapes returns n different shapes.
func newShapes(n int, seed uint64) []shape {
	rng := rand.New(rand.NewPCG(seed, 2))
	list, seen := make([]shape, 0, n), map[shape]bool{}
	for len(list) < n {
		var s shape
		for i, f := range rng.Perm(FactCount)[:ClauseCount] {
			s[i] = form{Fact(f), forms[f][rng.IntN(len(forms[f]))]}
		}
		if !seen[s] {
			seen[s] = true
			list = append(list, s)
		}
	}
	return list
}

// clauses gives a shape constants that most values of its facts satisfy.
func (s shape) clauses(rng *rand.Rand) []Clause {
	list := make([]Clause, len(s))
	for i, f := range s {
		list[i] = Clause{Fact: f.fact, Op: f.op, Value: constant(rng, f)}
	}
	return list
}

func constant(rng *rand.Rand, f form) Value {
	row := &Facts[f.fact]
	switch f.op {
	case Equal, NotEqual, Contains:
		return Value{Text: row.texts[rng.IntN(len(row.texts))]}
	case OneOf:
		texts := slices.Compact(slices.Sorted(slices.Values(row.texts)))
		out := rng.IntN(len(texts)) // all but one
		return Value{Texts: slices.Delete(texts, out, out+1)}
	case AtLeast, MoreThan:
		return scaled(row.Kind, row.lo+rng.Int64N((row.hi-row.lo)/3))
	case AtMost, LessThan:
		return scaled(row.Kind, row.hi-1-rng.Int64N((row.hi-row.lo)/3))
	}
	return Value{}
}

func scaled(k Kind, n int64) Value {
	if k == Duration {
		n *= int64(time.Hour)
	}
	return Value{Number: n}
}

// ByEmployer calls yield with the rules of each employer, in order.
func (w *Workload) ByEmployer(yield func([]Rule) bool) {
	for chunk := range slices.Chunk(w.Rules, PerEmployer) {
		if !yield(chunk) {
			return
		}
	}
}
