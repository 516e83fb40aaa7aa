package expr

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Eval returns the condition's value. It costs some 2 ns per comparison, about as many for each further operator, and
// allocates nothing unless [Cond.Fallback]. The frame must be of the compiler's table. Eval may be called concurrently,
// also on one frame.
func (c *Cond) Eval(f *Frame) Truth {
	q := c.Quick()
	return q.Eval(f)
}

// Quick is what an evaluation reads of a condition first, for who keeps it at hand: a condition is three references away
// from its first comparison. The zero Quick is no condition and always true.
type Quick struct {
	cond  *Cond
	shape *shape
	ins   []instr // the leaf conjuncts
	lists [][]string
}

// Quick returns that of a condition; the zero one of nil.
func (c *Cond) Quick() Quick {
	if c == nil {
		return Quick{}
	}
	return Quick{c, c.shape, c.ins[:c.shape.quick:c.shape.quick], c.lists}
}

// Cond returns the condition, nil for none.
func (q *Quick) Cond() *Cond { return q.cond }

// Eval returns what [Cond.Eval] does.
func (q *Quick) Eval(f *Frame) Truth {
	c, s, ins := q.cond, q.shape, q.ins
	if c == nil {
		return True
	}
	for w, mask := range s.need {
		if f.have[w]&mask != mask {
			return c.evalAbsent(f)
		}
	}
	for k := range ins { // the most frequent leaves are spelled out here: a call costs as much as they do
		i, ok := &ins[k], false
		switch i.op {
		case tStrEq:
			ok = f.strs[i.at] == i.str
		case tNumLe:
			ok = f.nums[i.at] <= i.num
		case tNumGe:
			ok = f.nums[i.at] >= i.num
		case tNumEq:
			ok = f.nums[i.at] == i.num
		case tBool:
			ok = (f.nums[i.at] != 0) == i.want
		case tStrIn:
			ok = among(q.lists[i.num], f.strs[i.at]) == i.want
		case tDblRel:
			ok = i.rel.ofDoubles(f.dbls[i.at], math.Float64frombits(uint64(i.num))) == i.want
		case tListHas:
			ok = contains(f.lists[i.at], i.str) == i.want
		default:
			ok = i.holds(f, c)
		}
		if !ok {
			return False
		}
	}
	if len(s.rest) == 0 {
		return True
	}
	m := machine{f: f, c: c, s: s}
	return m.conjunction(True, s.rest)
}

// evalAbsent is for frames in which a slot of a leaf is absent or withheld.
func (c *Cond) evalAbsent(f *Frame) Truth {
	m := machine{f: f, c: c, s: c.shape}
	out := True
	for i := range m.s.quick {
		if out = And(out, m.leaf(&c.ins[i])); out == False {
			return False
		}
	}
	return m.conjunction(out, m.s.rest)
}

// holds evaluates a leaf whose slots are there.
func (i *instr) holds(f *Frame, c *Cond) bool {
	switch i.op {
	case tStrEq:
		return f.strs[i.at] == i.str
	case tNumEq:
		return f.nums[i.at] == i.num
	case tNumLe:
		return f.nums[i.at] <= i.num
	case tNumGe:
		return f.nums[i.at] >= i.num
	case tNumLt:
		return f.nums[i.at] < i.num
	case tNumGt:
		return f.nums[i.at] > i.num
	case tStrIn:
		return among(c.lists[i.num], f.strs[i.at]) == i.want
	case tListHas:
		return contains(f.lists[i.at], i.str) == i.want
	case tBool:
		return (f.nums[i.at] != 0) == i.want
	case tStrNe:
		return f.strs[i.at] != i.str
	case tNumNe:
		return f.nums[i.at] != i.num
	case tNumIn:
		return slices.Contains(c.numbers[i.num], f.nums[i.at]) == i.want
	case tTimeRel:
		return i.rel.of(f.times[i.at].compare(c.instants[i.num]))
	case tDblRel:
		return i.rel.ofDoubles(f.dbls[i.at], math.Float64frombits(uint64(i.num))) == i.want
	case tTimeSlots:
		return i.rel.of(f.times[i.at].compare(f.times[i.left()]))
	case tNumSlots:
		return i.rel.of(cmp.Compare(f.nums[i.at], f.nums[i.left()]))
	case tStrRel:
		return i.rel.of(strings.Compare(f.strs[i.at], i.str))
	case tStrSlots:
		return i.rel.of(strings.Compare(f.strs[i.at], f.strs[i.left()]))
	case tStrPrefix:
		return strings.HasPrefix(f.strs[i.at], i.str) == i.want
	case tStrSuffix:
		return strings.HasSuffix(f.strs[i.at], i.str) == i.want
	case tStrHas:
		return strings.Contains(f.strs[i.at], i.str) == i.want
	case tListSlot:
		return contains(f.lists[i.left()], f.strs[i.at]) == i.want
	case tStrMatch:
		return c.shape.regexps[i.num].MatchString(f.strs[i.at]) == i.want
	}
	return false
}

// longList is from how many items on a constant list is kept sorted and searched.
const longList = 16

func among(list []string, s string) bool {
	if len(list) >= longList {
		_, ok := slices.BinarySearch(list, s)
		return ok
	}
	return contains(list, s)
}

// contains looks at the first byte before it compares texts of one length.
func contains(list []string, s string) bool {
	if len(s) == 0 {
		return slices.Contains(list, s)
	}
	for _, t := range list {
		if len(t) == len(s) && t[0] == s[0] && t == s {
			return true
		}
	}
	return false
}

// machine is one evaluation.
type machine struct {
	f      *Frame
	c      *Cond
	s      *shape
	locals [maxLoopNesting]string
}

func (m *machine) conjunction(out Truth, kids []int32) Truth {
	for _, k := range kids {
		if out = And(out, m.truth(k)); out == False {
			return False
		}
	}
	return out
}

func (m *machine) disjunction(kids []int32) Truth {
	out := False
	for _, k := range kids {
		if out = Or(out, m.truth(k)); out == True {
			return True
		}
	}
	return out
}

// have returns True if a slot can be read, else the value that reading it gives.
func (m *machine) have(s Slot) Truth {
	switch {
	case m.f.Has(s):
		return True
	case m.f.Withheld(s):
		return Unknown
	}
	return Error
}

// leaf evaluates a leaf whatever its slots are.
func (m *machine) leaf(i *instr) Truth {
	if state := m.leafState(i); state != True {
		return state
	}
	return Of(i.holds(m.f, m.c))
}

// leafState returns True if a leaf's slots can be read, else its value.
func (m *machine) leafState(i *instr) Truth {
	state := m.have(i.slot)
	if i.twoSlots() {
		state = m.both(i, state, m.have(i.slot2()))
	}
	return state
}

// both joins the states of two operands: == and != look at both and prefer the error, all else stops at the first.
func (m *machine) both(i *instr, left, right Truth) Truth {
	if left == Error || left == Unknown && !(i.rel.symmetric() && right == Error) {
		return left
	}
	return right
}

// symmetric is true of == and !=.
func (r rel) symmetric() bool { return r == equal || r == less|greater }

// truth evaluates the instruction at k, whose result is a truth.
func (m *machine) truth(k int32) Truth {
	i := &m.c.ins[k]
	if i.isLeaf() {
		return m.leaf(i)
	}
	switch i.op {
	case tConst:
		return Truth(i.num)
	case tPresent:
		if m.f.Withheld(i.slot) {
			return Unknown
		}
		return Of(m.f.Has(i.slot) == i.want)
	case tAnd:
		return m.conjunction(True, m.kids(i))
	case tOr:
		return m.disjunction(m.kids(i))
	case tNot:
		return Not(m.truth(i.left()))
	case tIf:
		next, state := m.choose(i)
		if state != True {
			return state
		}
		return m.truth(next)
	case tAll, tExists, tOne:
		return m.loop(i)
	case tCel:
		return run(m.s.programs[i.num], m.f)
	}
	return m.compound(i)
}

// compound evaluates operators with operands that are not truths.
func (m *machine) compound(i *instr) Truth {
	switch i.op {
	case tTruth:
		a, b := m.truth(i.left()), m.truth(i.right())
		if state := m.both(i, definite(a), definite(b)); state != True {
			return state
		}
		return Of((a == b) == (i.rel == equal))
	case tNum:
		a, left := m.number(i.left())
		if left == Error {
			return Error
		}
		b, right := m.number(i.right())
		if state := m.both(i, left, right); state != True {
			return state
		}
		return Of(i.rel.of(cmp.Compare(a, b)))
	case tStr:
		a, left := m.text(i.left())
		b, right := m.text(i.right())
		if state := m.both(i, left, right); state != True {
			return state
		}
		return Of(i.rel.of(strings.Compare(a, b)))
	case tTime:
		a, left := m.instant(i.left())
		b, right := m.instant(i.right())
		if state := m.both(i, left, right); state != True {
			return state
		}
		return Of(i.rel.of(a.compare(b)))
	case tDbl:
		return m.doubles(i)
	case tInNum:
		a, state := m.number(i.left())
		if state != True {
			return state
		}
		return Of(slices.Contains(m.c.numbers[i.right()], a) == i.want)
	case tMatch:
		a, state := m.text(i.left())
		if state != True {
			return state
		}
		return Of(m.s.regexps[i.right()].MatchString(a) == i.want)
	}
	return m.words(i)
}

// words evaluates operators on two texts, or a text and a list.
func (m *machine) words(i *instr) Truth {
	a, left := m.text(i.left())
	if left != True {
		return left
	}
	if i.op == tIn {
		list, state := m.list(i.right())
		if state != True {
			return state
		}
		if m.c.ins[i.right()].op == lConst {
			return Of(among(list, a) == i.want)
		}
		return Of(slices.Contains(list, a) == i.want)
	}
	b, right := m.text(i.right())
	if right != True {
		return right
	}
	switch i.op {
	case tHas:
		return Of(strings.Contains(a, b) == i.want)
	case tPrefix:
		return Of(strings.HasPrefix(a, b) == i.want)
	case tSuffix:
		return Of(strings.HasSuffix(a, b) == i.want)
	}
	return Error
}

// doubles compares two doubles.
func (m *machine) doubles(i *instr) Truth {
	a, left := m.double(i.left())
	b, right := m.double(i.right())
	if state := m.both(i, left, right); state != True {
		return state
	}
	return Of(i.rel.ofDoubles(a, b))
}

// definite maps True and False to True.
func definite(t Truth) Truth {
	if t == False {
		return True
	}
	return t
}

// kids are the operands of an instruction that has a list of them.
func (m *machine) kids(i *instr) []int32 { return m.s.kids[i.left() : i.left()+i.right()] }

// choose evaluates the condition of a ternary and returns which operand it takes.
func (m *machine) choose(i *instr) (next int32, state Truth) {
	kids := m.kids(i)
	switch t := m.truth(kids[0]); t {
	case True:
		return kids[1], True
	case False:
		return kids[2], True
	default:
		return 0, t
	}
}

// loop evaluates all, exists and exists_one. The last one keeps the latest error or unknown, as cel-go does.
func (m *machine) loop(i *instr) Truth {
	list, state := m.list(i.left())
	if state != True {
		return state
	}
	all, exists, one, found := True, False, True, 0
	for _, item := range list {
		m.locals[i.at] = item
		t := m.truth(i.right())
		switch i.op {
		case tAll:
			if all = And(all, t); all == False {
				return False
			}
		case tExists:
			if exists = Or(exists, t); exists == True {
				return True
			}
		default:
			if t == True {
				found++
			} else if t != False {
				one = t
			}
		}
	}
	switch {
	case i.op == tAll:
		return all
	case i.op == tExists:
		return exists
	case one != True:
		return one
	}
	return Of(found == 1)
}

// text evaluates the instruction at k, whose result is a text. The state is True, Error or Unknown.
func (m *machine) text(k int32) (v string, state Truth) {
	i := &m.c.ins[k]
	switch i.op {
	case sConst:
		return i.str, True
	case sLocal:
		return m.locals[i.at], True
	case sSlot:
		if state = m.have(i.slot); state != True {
			return "", state
		}
		return m.f.strs[i.at], True
	case sIf:
		next, state := m.choose(i)
		if state != True {
			return "", state
		}
		return m.text(next)
	}
	return "", Error
}

// list evaluates the instruction at k, whose result is a list of texts.
func (m *machine) list(k int32) (v []string, state Truth) {
	i := &m.c.ins[k]
	if i.op == lConst {
		return m.c.lists[i.num], True
	}
	if state = m.have(i.slot); state != True {
		return nil, state
	}
	return m.f.lists[i.at], True
}

// double evaluates the instruction at k, whose result is a double.
func (m *machine) double(k int32) (v float64, state Truth) {
	i := &m.c.ins[k]
	switch i.op {
	case dConst:
		return math.Float64frombits(uint64(i.num)), True
	case dSlot:
		if state = m.have(i.slot); state != True {
			return 0, state
		}
		return m.f.dbls[i.at], True
	case dInt:
		n, state := m.number(i.left())
		return float64(n), state
	case dIf:
		next, state := m.choose(i)
		if state != True {
			return 0, state
		}
		return m.double(next)
	case dNeg:
		if v, state = m.double(i.left()); state != True {
			return 0, state
		}
		return m.orNaN(-v)
	}
	a, state := m.double(i.left())
	if state != True {
		return 0, state
	}
	b, state := m.double(i.right())
	if state != True {
		return 0, state
	}
	switch i.op {
	case dAdd:
		return m.orNaN(a + b)
	case dSub:
		return m.orNaN(a - b)
	case dMul:
		return m.orNaN(a * b)
	case dDiv:
		return m.orNaN(a / b)
	}
	return 0, Error
}

// instant evaluates the instruction at k, whose result is an instant.
func (m *machine) instant(k int32) (v instant, state Truth) {
	i := &m.c.ins[k]
	switch i.op {
	case iConst:
		return m.c.instants[i.num], True
	case iSlot:
		if state = m.have(i.slot); state != True {
			return instant{}, state
		}
		return m.f.times[i.at], True
	case iIf:
		next, state := m.choose(i)
		if state != True {
			return instant{}, state
		}
		return m.instant(next)
	}
	return m.shifted(i)
}

// shifted adds a duration to an instant, in the order of the text.
func (m *machine) shifted(i *instr) (v instant, state Truth) {
	at, by := i.left(), i.right()
	if i.op == iAddTo {
		if _, state = m.number(at); state != True {
			return instant{}, state
		}
		at, by = by, at
	}
	v, state = m.instant(at)
	if state != True {
		return instant{}, state
	}
	d, state := m.number(by)
	if state != True {
		return instant{}, state
	}
	if i.op == iSub {
		if d == math.MinInt64 {
			return instant{}, Error
		}
		d = -d
	}
	return v.add(d)
}

// Bounds of the years 1 to 9999, in seconds since 1970.
const (
	minUnix = -62135596800
	maxUnix = 253402300799
)

// add returns the instant d nanoseconds later, or Error outside the years 1 to 9999.
func (i instant) add(d int64) (instant, Truth) {
	const second = int64(time.Second)
	sec, nsec := i.sec+d/second, int64(i.nsec)+d%second
	if nsec < 0 {
		sec, nsec = sec-1, nsec+second
	} else if nsec >= second {
		sec, nsec = sec+1, nsec-second
	}
	if sec < minUnix || sec > maxUnix {
		return instant{}, Error
	}
	return instant{sec, int32(nsec)}, True
}

// number evaluates the instruction at k, whose result is an int or a duration.
func (m *machine) number(k int32) (v int64, state Truth) {
	i := &m.c.ins[k]
	switch i.op {
	case nConst:
		return i.num, True
	case nSlot:
		if state = m.have(i.slot); state != True {
			return 0, state
		}
		return m.f.nums[i.at], True
	case nIf:
		next, state := m.choose(i)
		if state != True {
			return 0, state
		}
		return m.number(next)
	case nNeg:
		v, state = m.number(i.left())
		if state == True && v == math.MinInt64 {
			return 0, Error
		}
		return -v, state
	case nAdd, nSub, nMul, nDiv, nMod:
		a, state := m.number(i.left())
		if state != True {
			return 0, state
		}
		b, state := m.number(i.right())
		if state != True {
			return 0, state
		}
		return arithmetic(i.op, a, b)
	}
	return m.measure(i)
}

// measure evaluates numbers that are made of other things than numbers.
func (m *machine) measure(i *instr) (v int64, state Truth) {
	switch i.op {
	case nSize:
		s, state := m.text(i.left())
		return int64(utf8.RuneCountInString(s)), state
	case nLen:
		l, state := m.list(i.left())
		return int64(len(l)), state
	case nField:
		t, state := m.instant(i.left())
		if state != True {
			return 0, state
		}
		return fields[i.at].of(t.time().In(m.s.compiler.zones.at(Slot(i.right())))), True
	case nPart:
		d, state := m.number(i.left())
		return parts[i.at].of(time.Duration(d)), state
	case nUnix:
		t, state := m.instant(i.left())
		return t.sec, state
	case nTrunc:
		d, state := m.double(i.left())
		if state != True {
			return 0, state
		}
		if math.IsNaN(d) || d <= math.MinInt64 || d >= math.MaxInt64 {
			return 0, Error
		}
		return int64(d), True
	case nSince:
		a, state := m.instant(i.left())
		if state != True {
			return 0, state
		}
		b, state := m.instant(i.right())
		if state != True {
			return 0, state
		}
		sec, state := arithmetic(nMul, a.sec-b.sec, int64(time.Second))
		if state != True {
			return 0, state
		}
		return arithmetic(nAdd, sec, int64(a.nsec)-int64(b.nsec))
	}
	return 0, Error
}

// arithmetic computes on whole numbers. Overflow and division by zero are errors.
func arithmetic(o op, a, b int64) (int64, Truth) {
	switch o {
	case nAdd:
		if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
			return 0, Error
		}
		return a + b, True
	case nSub:
		if b < 0 && a > math.MaxInt64+b || b > 0 && a < math.MinInt64+b {
			return 0, Error
		}
		return a - b, True
	case nMul:
		if a == 0 || b == 0 {
			return 0, True
		}
		p := a * b
		if p/b != a || a == -1 && b == math.MinInt64 || b == -1 && a == math.MinInt64 {
			return 0, Error
		}
		return p, True
	}
	if b == 0 || a == math.MinInt64 && b == -1 {
		return 0, Error
	}
	if o == nMod {
		return a % b, True
	}
	return a / b, True
}

// fields are the accessors of timestamps, in the zone of the time.
var fields = []struct {
	name string
	of   func(time.Time) int64
}{
	{"getFullYear", func(t time.Time) int64 { return int64(t.Year()) }},
	{"getMonth", func(t time.Time) int64 { return int64(t.Month()) - 1 }},
	{"getDate", func(t time.Time) int64 { return int64(t.Day()) }},
	{"getDayOfMonth", func(t time.Time) int64 { return int64(t.Day()) - 1 }},
	{"getDayOfWeek", func(t time.Time) int64 { return int64(t.Weekday()) }},
	{"getDayOfYear", func(t time.Time) int64 { return int64(t.YearDay()) - 1 }},
	{"getHours", func(t time.Time) int64 { return int64(t.Hour()) }},
	{"getMinutes", func(t time.Time) int64 { return int64(t.Minute()) }},
	{"getSeconds", func(t time.Time) int64 { return int64(t.Second()) }},
	{"getMilliseconds", func(t time.Time) int64 { return int64(t.Nanosecond() / 1e6) }},
}

// parts are the accessors of durations. They go through floating point, as cel-go's do.
var parts = []struct {
	name string
	of   func(time.Duration) int64
}{
	{"getHours", func(d time.Duration) int64 { return int64(d.Hours()) }},
	{"getMinutes", func(d time.Duration) int64 { return int64(d.Minutes()) }},
	{"getSeconds", func(d time.Duration) int64 { return int64(d.Seconds()) }},
	{"getMilliseconds", func(d time.Duration) int64 { return d.Milliseconds() }},
}
