package expr

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
)

// part is an operand of a && or a ||, compiled by itself. Conditions are many and their operands few: what is new is
// mostly a new row of known operands, and joining those is a hundred times faster than parsing and checking the whole.
type part struct {
	built
	end  mark
	open bool // see opened
}

// maxJoined bounds the nodes of what is joined. It is far below the limit, so that no joined text is beyond that.
const maxJoined = maxNodes / 2

// Bounds of what is done for one text before it is left to build: how deep it is taken apart, and how many new operands are
// compiled. What is learnt serves the next text.
const (
	maxTakenApart = 3
	maxLearnt     = 4
)

// taking is a text being taken apart.
type taking struct {
	*Compiler
	left int // new operands that may be compiled
}

// join makes the condition of a text out of its operands, just as [Compiler.build] would make it from the whole; nil if it
// cannot. Faults are left to build.
func (c *Compiler) join(text string, l *lexed) *Cond {
	if c.language != Documents || slices.ContainsFunc(l.tokens, tooLong) {
		return nil
	}
	t := &taking{c, maxLearnt}
	return t.joined(text, l, maxTakenApart).cond
}

// joined takes a text apart and what it finds in it, so deep at most.
func (t *taking) joined(text string, l *lexed, deep int) built {
	switch {
	case deep == 0:
		return built{}
	case len(l.cuts) > 1:
		return t.both(text, l, deep-1)
	}
	return t.either(text, l, deep-1)
}

// both makes the condition of a text that is a &&.
func (t *taking) both(text string, l *lexed, deep int) built {
	o, ok := t.operands(text, l, l.cuts, deep)
	if !ok {
		return built{}
	}
	j := newJoiner(o, false)
	first := j.other
	for k, p := range o.parts {
		j.add(p, int32(l.cuts[k].token))
	}
	return built{cond: j.cond(t.Compiler, text, o, l.tokens), first: first, nodes: o.nodes}
}

// either makes the condition of a text that is a ||, and none of any other.
func (t *taking) either(text string, l *lexed, deep int) built {
	inside := text
	if l.wrapped {
		inside = strings.TrimSpace(text)
		inside = inside[1 : len(inside)-1]
		inner, ok := lex(inside, lexed{})
		if !ok {
			return built{}
		}
		l = &inner
	}
	if len(l.bars) < 2 || t.celOnly {
		return built{}
	}
	o, ok := t.operands(inside, l, l.bars, deep)
	if !ok || slices.ContainsFunc(o.parts, (*part).tangled) {
		return built{}
	}
	for k, p := range o.parts {
		o.parts[k] = p.opened()
	}
	j := newJoiner(o, true)
	var roots []int32
	for k, p := range o.parts {
		j.add(p, int32(l.bars[k].token))
		roots = append(roots, j.roots(p)...)
	}
	j.whole(j.family(tOr, roots))
	return built{cond: j.cond(t.Compiler, text, o, l.tokens), nodes: o.nodes}
}

// tangled is true of parts whose code is another one inside of ||, since leaves stand before the rest at the top alone.
func (p *part) tangled() bool {
	s := p.cond.shape
	return len(s.conjuncts) > 1 && len(s.rest) > 0
}

// opened returns a part that is a || without that, since a || in a || is one: its operands stand in the place of its
// conjuncts. Any other part is returned as it is.
func (p *part) opened() *part {
	ins, from := p.cond.ins, p.cond.shape
	last := len(ins) - 1
	if len(from.conjuncts) > 1 || ins[last].op != tOr || int(from.conjuncts[0].at) != last {
		return p
	}
	start, n := ins[last].left(), ins[last].right()
	shape := *from
	shape.kids, shape.conjuncts = from.kids[:start], make([]conjunct, n)
	for i, kid := range from.kids[start:][:n] {
		shape.conjuncts[i] = conjunct{at: kid, cel: from.conjuncts[0].cel}
	}
	q := &part{built: p.built, end: p.end, open: true}
	q.cond = &Cond{shape: &shape, code: p.cond.code}
	q.cond.ins = ins[:last]
	q.end[listIns]--
	q.end[listKids] -= n
	return q
}

// operands are the parts of a text.
type operands struct {
	parts []*part
	nodes int
	cost  uint64
}

func (t *taking) operands(text string, l *lexed, cuts []cut, deep int) (o operands, ok bool) {
	o.parts = make([]*part, len(cuts))
	for k := range cuts {
		one, key := l.operand(text, cuts, k)
		p := t.part(one, key, deep)
		if p == nil {
			return o, false
		}
		o.parts[k] = p
		o.nodes += p.nodes + 1
		if o.cost += p.cond.shape.cost; o.nodes > maxJoined || o.cost > maxCost {
			return o, false
		}
	}
	return o, true
}

// tooLong is true of literals that no shape takes.
func tooLong(t token) bool { return t.kind == 's' && len(t.text) > maxShared }

// operand returns the text and the key of an operand.
func (l *lexed) operand(text string, cuts []cut, k int) (string, []byte) {
	from, key := cuts[k], l.key
	key = key[from.key:]
	text = text[from.text:]
	if k+1 < len(cuts) {
		next := cuts[k+1]
		key = key[:next.key-from.key-len("&&")]
		text = text[:next.text-from.text-len("&&")]
	}
	return text, bytes.Trim(key, " ")
}

// part returns an operand, compiled once; nil if it is none that can be joined.
func (t *taking) part(text string, key []byte, deep int) *part {
	t.mu.RLock()
	p, known := t.parts[string(key)]
	t.mu.RUnlock()
	if known {
		return p
	}
	text = strings.Clone(strings.TrimSpace(text)) // it outlives its document
	l, ok := lex(text, lexed{})
	if !ok || !bytes.Equal(l.key, key) {
		return nil
	}
	b := t.joined(text, &l, deep)
	if b.cond == nil {
		if t.left--; t.left < 0 {
			return nil
		}
		var problems []Problem
		if b, problems = t.build(text, l.tokens, true); problems != nil {
			return nil // perhaps for its literals alone
		}
	}
	if b.cond.shape.shared {
		p = &part{built: b, end: b.cond.reach()}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	keep(t.parts, string(key), p)
	return p
}

// reach returns how far the lists of a condition reach.
func (c *Cond) reach() mark {
	s := c.shape
	return mark{listIns: int32(len(c.ins)), listTexts: int32(len(c.lists)), listNumbers: int32(len(c.numbers)),
		listInstants: int32(len(c.instants)), listKids: int32(len(s.kids)), listBinds: int32(len(s.binds)),
		listRegexps: int32(len(s.regexps)), listPrograms: int32(len(s.programs))}
}

// joiner puts parts together: first the leaves of all of them, then the rest of all of them; or, if it is flat, one part
// after the other.
type joiner struct {
	code
	shape shape
	flat  bool
	leaf  mark // where the leaves of the next part go
	other mark // where the rest of it goes
}

func newJoiner(o operands, flat bool) *joiner {
	j := &joiner{flat: flat}
	var end mark
	words := 0
	for _, p := range o.parts {
		for list := range end {
			j.other[list] += j.first(p)[list]
			end[list] += p.end[list]
		}
		if !flat {
			j.shape.quick += p.cond.shape.quick
			words = max(words, len(p.cond.shape.need))
		}
	}
	if flat { // the connectives
		for _, p := range o.parts {
			n := int32(len(p.cond.shape.conjuncts))
			end[listKids] += n
			if n > 1 && !p.open {
				end[listIns]++
				end[listKids]++
			}
		}
		end[listIns]++
	}
	j.ins = room[instr](end[listIns])
	j.lists = room[[]string](end[listTexts])
	j.numbers = room[[]int64](end[listNumbers])
	j.instants = room[instant](end[listInstants])
	j.shape.kids = room[int32](end[listKids])
	j.shape.binds = room[bind](end[listBinds])
	j.shape.regexps = room[*regexp.Regexp](end[listRegexps])
	j.shape.programs = room[cel.Program](end[listPrograms])
	j.shape.need = room[uint64](int32(words))
	j.shape.shared = true
	return j
}

// first is how far the leaves of a part reach that go before the rest of all parts.
func (j *joiner) first(p *part) mark {
	if j.flat {
		return mark{}
	}
	return p.built.first
}

// roots returns the operands that the part which was just added is.
func (j *joiner) roots(p *part) []int32 {
	n := len(p.cond.shape.conjuncts)
	added := j.shape.conjuncts[len(j.shape.conjuncts)-n:]
	roots := make([]int32, n)
	for i, one := range added {
		roots[i] = one.at
	}
	if n > 1 && !p.open {
		return []int32{j.family(tAnd, roots)}
	}
	return roots
}

// family adds an instruction with a list of operands.
func (j *joiner) family(o op, kids []int32) int32 {
	at, start := j.other[listIns], j.other[listKids]
	copy(j.shape.kids[start:], kids)
	j.ins[at] = instr{op: o, num: pair(start, int32(len(kids)))}
	j.other[listIns]++
	j.other[listKids] += int32(len(kids))
	return at
}

// whole makes a single conjunct of all that was added.
func (j *joiner) whole(root int32) {
	one := conjunct{at: root, tainted: j.shape.tainted}
	for _, part := range j.shape.conjuncts {
		one.cel = one.cel || part.cel
	}
	j.sortReads()
	one.reads = j.shape.reads
	j.shape.rest, j.shape.conjuncts = []int32{root}, []conjunct{one}
}

// room is a list of n elements, nil of none.
func room[T any](n int32) []T {
	if n == 0 {
		return nil
	}
	return make([]T, n)
}

// shift says where the elements of a part's lists go.
type shift struct{ first, leaf, other mark }

func (s *shift) to(list int, i int32) int32 {
	if i < s.first[list] {
		return s.leaf[list] + i
	}
	return s.other[list] + i - s.first[list]
}

// place copies a part's list to where it goes.
func place[T any](s *shift, list int, to, from []T) {
	for i, v := range from {
		to[s.to(list, int32(i))] = v
	}
}

// add puts a part in its places; its literals begin with the given one of the whole text.
func (j *joiner) add(p *part, token int32) {
	s := &shift{j.first(p), j.leaf, j.other}
	c, from := p.cond, p.cond.shape
	for i, in := range c.ins {
		j.ins[s.to(listIns, int32(i))] = s.instr(in)
	}
	for i, texts := range c.lists {
		j.lists[s.to(listTexts, int32(i))] = slices.Clone(texts)
	}
	for i, numbers := range c.numbers {
		j.numbers[s.to(listNumbers, int32(i))] = slices.Clone(numbers)
	}
	place(s, listInstants, j.instants, c.instants)
	place(s, listRegexps, j.shape.regexps, from.regexps)
	place(s, listPrograms, j.shape.programs, from.programs)
	for i, kid := range from.kids {
		j.shape.kids[s.to(listKids, int32(i))] = s.to(listIns, kid)
	}
	for i, b := range from.binds {
		j.shape.binds[s.to(listBinds, int32(i))] = s.bind(b, token)
	}
	j.head(from, s)
	for list := range p.end {
		j.leaf[list] += s.first[list]
		j.other[list] += p.end[list] - s.first[list]
	}
}

// head joins what a shape says of itself.
func (j *joiner) head(from *shape, s *shift) {
	for _, root := range from.rest {
		j.shape.rest = append(j.shape.rest, s.to(listIns, root))
	}
	for _, one := range from.conjuncts {
		one.at = s.to(listIns, one.at)
		j.shape.conjuncts = append(j.shape.conjuncts, one)
	}
	for w := range j.shape.need[:min(len(j.shape.need), len(from.need))] {
		j.shape.need[w] |= from.need[w]
	}
	j.shape.reads = append(j.shape.reads, from.reads...)
	j.shape.tainted = j.shape.tainted || from.tainted
	j.shape.utc = j.shape.utc || from.utc
}

func (s *shift) bind(b bind, token int32) bind {
	b.token += token
	switch b.how {
	case bindListText:
		b.list = s.to(listTexts, b.list)
	case bindListNumber, bindListDuration:
		b.list = s.to(listNumbers, b.list)
	default:
		b.ins = s.to(listIns, b.ins)
	}
	return b
}

// cond returns the condition of a text with these literals, nil if they do not fit.
func (j *joiner) cond(c *Compiler, text string, o operands, tokens []token) *Cond {
	j.sortReads()
	shape := j.shape // a copy, since a pointer into j would keep all of it
	shape.compiler, shape.cost = c, o.cost
	cond := &Cond{text: text, shape: &shape, code: j.code}
	if !cond.bindAll(shape.binds, tokens) {
		return nil
	}
	return cond
}

func (j *joiner) sortReads() {
	slices.Sort(j.shape.reads)
	j.shape.reads = slices.Clip(slices.Compact(j.shape.reads))
}

// refers says what the number of an instruction is about.
type refers uint8

const (
	toNothing refers = iota // a value, or a place in the frame
	toTexts                 // one index
	toNumbers
	toInstants
	toRegexps
	toPrograms
	toOne          // the left index is an instruction
	toTwo          // both are
	toOneAndNumber // the right one is a list of numbers
	toOneAndRegexp
	toKids // the left one is a place in kids
)

// reference of the instructions that refer to something.
var reference = [...]refers{
	tStrIn: toTexts, tStrMatch: toRegexps, tNumIn: toNumbers, tTimeRel: toInstants,
	tAnd: toKids, tOr: toKids, tNot: toOne, tIf: toKids, tNum: toTwo, tStr: toTwo, tDbl: toTwo, tTime: toTwo, tTruth: toTwo,
	tIn: toTwo, tInNum: toOneAndNumber, tHas: toTwo, tPrefix: toTwo, tSuffix: toTwo, tMatch: toOneAndRegexp,
	tAll: toTwo, tExists: toTwo, tOne: toTwo, tCel: toPrograms,
	nAdd: toTwo, nSub: toTwo, nMul: toTwo, nDiv: toTwo, nMod: toTwo, nNeg: toOne, nIf: toKids, nSize: toOne, nLen: toOne,
	nField: toOne, nPart: toOne, nSince: toTwo, nTrunc: toOne, nUnix: toOne,
	sIf:  toKids,
	dAdd: toTwo, dSub: toTwo, dMul: toTwo, dDiv: toTwo, dNeg: toOne, dIf: toKids, dInt: toOne,
	iConst: toInstants, iAdd: toTwo, iAddTo: toTwo, iSub: toTwo, iIf: toKids,
	lConst: toTexts, lSlot: toNothing,
}

// instr is an instruction of a part with its references moved.
func (s *shift) instr(i instr) instr {
	left, right := i.left(), i.right()
	one := func(list int) int64 { return int64(s.to(list, int32(i.num))) }
	switch reference[i.op] {
	case toTexts:
		i.num = one(listTexts)
	case toNumbers:
		i.num = one(listNumbers)
	case toInstants:
		i.num = one(listInstants)
	case toRegexps:
		i.num = one(listRegexps)
	case toPrograms:
		i.num = one(listPrograms)
	case toOne:
		i.num = pair(s.to(listIns, left), right)
	case toTwo:
		i.num = pair(s.to(listIns, left), s.to(listIns, right))
	case toOneAndNumber:
		i.num = pair(s.to(listIns, left), s.to(listNumbers, right))
	case toOneAndRegexp:
		i.num = pair(s.to(listIns, left), s.to(listRegexps, right))
	case toKids:
		i.num = pair(s.to(listKids, left), right)
	}
	return i
}
