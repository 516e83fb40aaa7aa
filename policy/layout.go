package policy

import (
	"slices"
	"sync"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// layout is the rules that a block of firms has for one action, side by side. Filters read all of them, and the index, which
// is made for one firm at a time, would cost them ten lines of the cache each. It is made with the first filter of an action.
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

// block is a stretch of the slots of a set's firms, with what filters need of it. Sets in which the firms of a stretch are
// the same share it, so that a new document costs the next filter no more than its neighbours.
type block struct {
	numbered sync.Once
	cells    []uint32 // first cell of a slot, beginning from 0
	bases    []int32  // first part of a slot, beginning from 0
	count    uint32   // of cells
	parts    int32

	layouts [actionCount]struct {
		once sync.Once
		layout
	}
}

// blockSlots is how long a block is. Longer ones make filters faster, and the first one after a change slower.
const blockSlots = 256

// allBlocks returns the set's.
func (s *Set) allBlocks() []*block {
	s.blocked.Do(func() {
		if s.blocks != nil {
			return
		}
		s.blocks = make([]*block, (len(s.firms.slots)+blockSlots-1)/blockSlots)
		for i := range s.blocks {
			s.blocks[i] = new(block)
		}
	})
	return s.blocks
}

// takeBlocks makes a set that nobody else has yet share the blocks of another, whose firms have the same slots, but for
// those that have changed.
func (s *Set) takeBlocks(of *Set, changed []int) {
	s.blocks = slices.Clone(of.allBlocks())
	for _, slot := range changed {
		s.blocks[slot/blockSlots] = new(block)
	}
}

// slotsOf returns the slots of block i.
func (s *Set) slotsOf(i int) []firmSlot {
	from := i * blockSlots
	return s.firms.slots[from:min(from+blockSlots, len(s.firms.slots))]
}

// number gives each firm its first cell and its first part.
func (s *Set) number() {
	s.cells, s.bases = make([]uint32, 0, len(s.firms.slots)), make([]int32, 0, len(s.firms.slots))
	for i, b := range s.allBlocks() {
		b.numbered.Do(func() { b.number(s.slotsOf(i)) })
		for k := range b.cells {
			s.cells, s.bases = append(s.cells, s.count+b.cells[k]), append(s.bases, s.parts+b.bases[k])
		}
		s.count, s.parts = s.count+b.count, s.parts+b.parts
	}
}

func (b *block) number(slots []firmSlot) {
	b.cells, b.bases = make([]uint32, len(slots)), make([]int32, len(slots))
	for i := range slots {
		b.cells[i], b.bases[i] = b.count, b.parts
		if firm := slots[i].firm; firm != nil {
			b.count += uint32(len(firm.cats))
			b.parts += firm.parts()
		}
	}
}

// layout returns that of an action. The block has been numbered.
func (b *block) layout(slots []firmSlot, action int) *layout {
	l := &b.layouts[action]
	l.once.Do(func() {
		for i := range slots {
			if firm := slots[i].firm; firm != nil {
				l.layFirm(firm, action, b.bases[i], b.cells[i])
			}
		}
		l.columns = expr.NewColumns(l.whens)
	})
	return &l.layout
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
