package expr

import (
	"slices"
	"sync/atomic"

	"cel.dev/cel-go/cel"
)

// Cond is a compiled condition. It is immutable, apart from what it remembers of its own words, and safe for concurrent
// use.
type Cond struct {
	text  string
	shape *shape
	code

	clauses atomic.Pointer[[]*Cond]
	oracle  atomic.Pointer[cel.Program]
}

// Text returns the condition in the words of its document; of a clause, in CEL's own spelling.
func (c *Cond) Text() string { return c.text }

// Reads returns the slots the condition reads, ascending, those of present() included. The caller must not change it.
func (c *Cond) Reads() []Slot { return c.shape.reads }

// Tainted reports whether the condition reads an attribute of the counterparty.
func (c *Cond) Tainted() bool { return c.shape.tainted }

// ReadsUTC reports whether the condition reads a field of an instant, such as the hour, without naming a zone.
func (c *Cond) ReadsUTC() bool { return c.shape.utc }

// Cost bounds the steps of one evaluation, at most 1,000,000.
func (c *Cond) Cost() uint64 { return c.shape.cost }

// Fallback reports whether a part of the condition is evaluated by cel-go.
func (c *Cond) Fallback() bool {
	return slices.ContainsFunc(c.shape.conjuncts, func(j conjunct) bool { return j.cel })
}

// Clauses returns the top-level conjuncts in the order of the text, or nothing if there are fewer than two. The first call
// parses the text once more, about 20 µs; the caller must not change the slice.
func (c *Cond) Clauses() []*Cond {
	s := c.shape
	if len(s.conjuncts) < 2 {
		return nil
	}
	if list := c.clauses.Load(); list != nil {
		return *list
	}
	texts, err := s.compiler.conjunctTexts(c.text)
	if err != nil || len(texts) != len(s.conjuncts) {
		return nil // impossible: the text has compiled to these conjuncts
	}
	list := make([]*Cond, len(texts))
	for i, j := range s.conjuncts {
		part := &shape{compiler: s.compiler, rest: []int32{j.at}, kids: s.kids, regexps: s.regexps, programs: s.programs,
			conjuncts: []conjunct{j}, reads: j.reads, tainted: j.tainted, cost: s.cost}
		list[i] = &Cond{text: texts[i], shape: part, code: c.code}
	}
	c.clauses.CompareAndSwap(nil, &list)
	return *c.clauses.Load()
}

// Equality is a conjunct that demands a slot to have one of a few constant values. Where the slot has another value, the
// condition is false. Where it is absent or withheld, nothing is known.
type Equality struct {
	Slot    Slot
	Texts   []string // of a slot of kind String
	Numbers []int64  // of one of kind Int or Duration, or Bool as 0 and 1
}

// Equalities returns the top-level conjuncts of the form slot == constant, slot in [constants], slot or !slot.
func (c *Cond) Equalities() []Equality {
	var list []Equality
	for _, j := range c.shape.conjuncts {
		switch i := &c.ins[j.at]; {
		case i.op == tStrEq:
			list = append(list, Equality{Slot: i.slot, Texts: []string{i.str}})
		case i.op == tStrIn && i.want:
			list = append(list, Equality{Slot: i.slot, Texts: slices.Clone(c.lists[i.num])})
		case i.op == tNumEq:
			list = append(list, Equality{Slot: i.slot, Numbers: []int64{i.num}})
		case i.op == tNumIn && i.want:
			list = append(list, Equality{Slot: i.slot, Numbers: slices.Clone(c.numbers[i.num])})
		case i.op == tBool:
			n := int64(0)
			if i.want {
				n = 1
			}
			list = append(list, Equality{Slot: i.slot, Numbers: []int64{n}})
		}
	}
	return list
}

// Oracle returns the condition's value as cel-go computes it from the text. The first call compiles it, about 0.1 ms; the
// next ones cost about a microsecond.
func (c *Cond) Oracle(f *Frame) Truth {
	p := c.oracle.Load()
	if p == nil {
		program, ok := c.shape.compiler.program(c.text)
		if !ok {
			return Error // impossible: the text has compiled
		}
		p = &program
		c.oracle.Store(p)
	}
	return run(*p, f)
}
