package expr

import (
	"math"
	"slices"
	"strings"
)

// Columns hold the constants of many conditions side by side, leaf by leaf of a shape. So one frame is held against all of
// them at the speed of memory: a condition whose leaves are spread over the heap costs ten lines of the cache, here it
// costs a few bytes. They are immutable and safe for concurrent use.
type Columns struct {
	conds  []*Cond
	tables []*columnTable
	texts  map[string]uint32 // of all text constants, from 1
	lists  [][]string        // constant lists, each once
}

// columnTable is the conditions of one shape.
type columnTable struct {
	shape  *shape
	rows   []int32 // places in Columns.conds
	leaves []column
}

// column is one leaf of all rows. Its operation, slots and answer are the same in each of them.
type column struct {
	leaf instr // of the first row
	nums []int64
	ids  []uint32 // of texts or of lists
}

// NewColumns lays conditions side by side; nil is one that is always true. It costs about a microsecond each.
func NewColumns(conds []*Cond) *Columns {
	c := &Columns{conds: conds, texts: map[string]uint32{}}
	tables, lists := map[*shape]*columnTable{}, map[string]uint32{}
	for row, cond := range conds {
		if cond == nil {
			continue
		}
		t := tables[cond.shape]
		if t == nil || !t.takes(cond) {
			t = &columnTable{shape: cond.shape, leaves: make([]column, cond.shape.quick)}
			for k := range t.leaves {
				t.leaves[k].leaf = cond.ins[k]
			}
			tables[cond.shape] = t
			c.tables = append(c.tables, t)
		}
		t.rows = append(t.rows, int32(row))
		for k := range t.leaves {
			c.add(&t.leaves[k], cond, k, lists)
		}
	}
	return c
}

// takes reports whether the leaves of a condition do what the table's do.
func (t *columnTable) takes(c *Cond) bool {
	for k := range t.leaves {
		have, leaf := &t.leaves[k].leaf, &c.ins[k]
		if have.op != leaf.op || have.rel != leaf.rel || have.want != leaf.want || have.slot != leaf.slot || have.twoSlots() && have.num != leaf.num {
			return false
		}
	}
	return true
}

// add appends the constant of leaf k.
func (c *Columns) add(col *column, cond *Cond, k int, lists map[string]uint32) {
	switch i := &cond.ins[k]; i.op {
	case tNumEq, tNumNe, tNumLt, tNumLe, tNumGt, tNumGe, tDblRel:
		col.nums = append(col.nums, i.num)
	case tStrEq, tStrNe, tListHas:
		id, known := c.texts[i.str]
		if !known {
			id = uint32(len(c.texts) + 1)
			c.texts[i.str] = id
		}
		col.ids = append(col.ids, id)
	case tStrIn:
		list := cond.lists[i.num]
		key := strings.Join(list, "\x00")
		id, known := lists[key]
		if !known {
			id = uint32(len(c.lists))
			lists[key] = id
			c.lists = append(c.lists, list)
		}
		col.ids = append(col.ids, id)
	}
}

// Len returns the number of conditions.
func (c *Columns) Len() int { return len(c.conds) }

// Eval sets out[i] to what [Cond.Eval] returns of the i-th condition, for each of them. Out must have room for [Columns.Len].
// It costs a nanosecond or two for each comparison of a condition that is not false by an earlier one.
func (c *Columns) Eval(f *Frame, out []Truth) {
	e := columnEval{Columns: c, frame: f, out: out, in: make([]Truth, 0, 64)}
	for i, cond := range c.conds {
		out[i] = False
		if cond == nil {
			out[i] = True
		}
	}
	for _, t := range c.tables {
		e.table(t)
	}
}

// columnEval is one evaluation.
type columnEval struct {
	*Columns
	frame *Frame
	out   []Truth
	live  []int32 // rows of the table that are not false yet
	in    []Truth // whether the frame's text is in a list, of each list; Unknown: not looked at
	inAt  uint16  // place of the text that in is about
}

func (e *columnEval) table(t *columnTable) {
	e.live = e.live[:0]
	for row := range t.rows {
		e.live = append(e.live, int32(row))
	}
	m := machine{f: e.frame}
	state := True // of the leaves that cannot be read, the same in each row
	for k := range t.leaves {
		col := &t.leaves[k]
		if s := m.leafState(&col.leaf); s != True {
			state = And(state, s)
			continue
		}
		if e.filter(t, col, k); len(e.live) == 0 {
			return
		}
	}
	for _, row := range e.live {
		e.out[t.rows[row]] = e.rest(e.conds[t.rows[row]], state)
	}
}

// rest is the value of a condition of which no leaf is false: it has to look at the conjuncts that are no leaves.
func (e *columnEval) rest(c *Cond, leaves Truth) Truth {
	if len(c.shape.rest) == 0 {
		return leaves
	}
	m := machine{f: e.frame, c: c, s: c.shape}
	return m.conjunction(leaves, c.shape.rest)
}

// filter keeps the rows whose leaf k holds.
func (e *columnEval) filter(t *columnTable, col *column, k int) {
	f, i := e.frame, &col.leaf
	switch i.op {
	case tBool:
		if (f.nums[i.at] != 0) != i.want {
			e.live = e.live[:0]
		}
	case tNumEq, tNumNe, tNumLt, tNumLe, tNumGt, tNumGe:
		e.live = keepNumbers(e.live, col.nums, f.nums[i.at], i.op)
	case tDblRel:
		v := f.dbls[i.at]
		e.live = keepRows(e.live, func(row int32) bool {
			return i.rel.ofDoubles(v, math.Float64frombits(uint64(col.nums[row]))) == i.want
		})
	case tStrEq:
		id := e.texts[f.strs[i.at]] // 0, which no constant has, of other texts
		e.live = keepRows(e.live, func(row int32) bool { return col.ids[row] == id })
	case tStrNe:
		id := e.texts[f.strs[i.at]]
		e.live = keepRows(e.live, func(row int32) bool { return col.ids[row] != id })
	case tListHas:
		e.keepItems(col, f.lists[i.at])
	case tStrIn:
		e.look(i.at)
		e.live = keepRows(e.live, func(row int32) bool { return e.among(col.ids[row], f.strs[i.at]) == i.want })
	default:
		e.live = keepRows(e.live, func(row int32) bool {
			c := e.conds[t.rows[row]]
			return c.ins[k].holds(f, c)
		})
	}
}

// keepRows keeps the rows for which the test is true, in order and in place.
func keepRows(live []int32, test func(int32) bool) []int32 {
	n := 0
	for _, row := range live {
		if test(row) {
			live[n] = row
			n++
		}
	}
	return live[:n]
}

// keepNumbers keeps the rows for which number op constant holds.
func keepNumbers(live []int32, constants []int64, v int64, o op) []int32 {
	n := 0
	for _, row := range live {
		c, ok := constants[row], false
		switch o {
		case tNumEq:
			ok = v == c
		case tNumNe:
			ok = v != c
		case tNumLt:
			ok = v < c
		case tNumLe:
			ok = v <= c
		case tNumGt:
			ok = v > c
		case tNumGe:
			ok = v >= c
		}
		live[n] = row
		if ok {
			n++
		}
	}
	return live[:n]
}

// keepItems keeps the rows whose constant is an item of the list.
func (e *columnEval) keepItems(col *column, list []string) {
	var room [16]uint32
	ids := room[:0]
	for _, item := range list {
		if id := e.texts[item]; id > 0 {
			ids = append(ids, id)
		}
	}
	e.live = keepRows(e.live, func(row int32) bool { return slices.Contains(ids, col.ids[row]) == col.leaf.want })
}

// look begins to look for the text of a slot among lists.
func (e *columnEval) look(at uint16) {
	if len(e.in) > 0 && e.inAt == at {
		return
	}
	e.inAt, e.in = at, e.in[:0]
	for range e.lists {
		e.in = append(e.in, Unknown)
	}
}

func (e *columnEval) among(list uint32, text string) bool {
	if e.in[list] == Unknown {
		e.in[list] = Of(among(e.lists[list], text))
	}
	return e.in[list] == True
}
