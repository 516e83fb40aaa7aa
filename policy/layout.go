package policy

import "github.com/deeperpoint/csss/policy/internal/expr"

// layout is the rules that a set has for one action, side by side. Filters read all of them, and the index, which is made
// for one firm at a time, would cost them ten lines of the cache each. It is made with the first filter of an action.
type layout struct {
	columns *expr.Columns
	rules   []*rule
	whens   []*condition // of the rules
	narrow  []bool       // by rule: a permit that asks for what only a decision knows
	timed   []int32      // rules that are not always valid
	parts   []laid
	cells   []laidCell
	chain   []int32 // parts of the cells
}

// laid is where the rules of a part are: rules[from:mid] are its forbids, rules[mid:to] its permits.
type laid struct{ part, from, mid, to int32 }

// laidCell is an owner and a category with the parts that decide about it: chain[from:to].
type laidCell struct {
	cell     uint32
	from, to int32
	walled   bool
}

// layout returns that of an action.
func (s *Set) layout(action int) *layout {
	l := &s.layouts[action]
	l.once.Do(func() { l.lay(s, action) })
	return &l.layout
}

func (l *layout) lay(s *Set, action int) {
	s.numbered.Do(s.number)
	for i, slot := range s.firms.slots {
		if slot.firm != nil {
			l.layFirm(slot.firm, action, s.bases[i], s.cells[i])
		}
	}
	l.columns = expr.NewColumns(l.whens)
}

func (l *layout) layFirm(f *firm, action int, base int32, cell uint32) {
	for k := range f.cats {
		if at := f.cats[k].by[action]; !at.empty() {
			l.layCut(f, at, base)
		}
	}
	for k := range f.cats {
		if !f.cats[k].used {
			continue
		}
		c := laidCell{cell: cell + uint32(k), from: int32(len(l.chain)), walled: f.walled}
		for h := int32(k); h >= 0; h = f.cats[h].parent {
			if at := f.cats[h].by[action]; !at.empty() {
				l.chain = append(l.chain, base+f.part(at))
			}
		}
		if c.to = int32(len(l.chain)); c.to > c.from {
			l.cells = append(l.cells, c)
		}
	}
}

func (l *layout) layCut(f *firm, s cut, base int32) {
	p := laid{part: base + f.part(s), from: int32(len(l.rules))}
	if s.staged() {
		l.layGroup(f, &f.staged[s.at].forbids)
		p.mid = int32(len(l.rules))
		l.layGroup(f, &f.staged[s.at].permits)
	} else {
		l.layRules(f, f.forbids(s))
		p.mid = int32(len(l.rules))
		l.layRules(f, f.permits(s))
	}
	p.to = int32(len(l.rules))
	l.parts = append(l.parts, p)
}

func (l *layout) layGroup(f *firm, g *group) {
	l.layRules(f, g.plain)
	for i := range g.stages {
		l.layRules(f, g.stages[i].all)
	}
}

func (l *layout) layRules(f *firm, rules []hot) {
	for i := range rules {
		h, r := &rules[i], f.rules[rules[i].index]
		if h.timed {
			l.timed = append(l.timed, int32(len(l.rules)))
		}
		l.rules, l.whens = append(l.rules, r), append(l.whens, r.when)
		l.narrow = append(l.narrow, !h.simple && !onlyConsent(r))
	}
}
