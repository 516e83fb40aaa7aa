package expr

import (
	"bytes"
	"slices"
	"strings"
)

// part is an operand of the && of a text, compiled by itself. Conditions are many and their operands few: what is new is
// mostly a new row of known operands, and joining those is a hundred times faster than parsing and checking the whole.
type part struct {
	built
	end mark
}

// maxJoined bounds the nodes of what is joined. It is far below the limit, so that no joined text is beyond that.
const maxJoined = maxNodes / 2

// join makes the condition of a text out of its operands, just as [Compiler.build] would make it from the whole; nil if it
// cannot. Faults are left to build.
func (c *Compiler) join(text string, l *lexed) *Cond {
	if len(l.cuts) < 2 || c.language != Documents || slices.ContainsFunc(l.tokens, tooLong) {
		return nil
	}
	parts := make([]*part, len(l.cuts))
	nodes, cost := 0, uint64(0)
	for k := range parts {
		p := c.part(l.operand(text, k))
		if p == nil {
			return nil
		}
		parts[k] = p
		nodes += p.nodes + 1
		cost += p.cond.shape.cost
	}
	if nodes > maxJoined || cost > maxCost {
		return nil
	}
	j := newJoiner(parts)
	for k, p := range parts {
		j.add(p, int32(l.cuts[k].token))
	}
	cond := j.cond(text)
	cond.shape.compiler, cond.shape.cost = c, cost
	if !cond.bindAll(cond.shape.binds, l.tokens) {
		return nil
	}
	return cond
}

// tooLong is true of literals that no shape takes.
func tooLong(t token) bool { return t.kind == 's' && len(t.text) > maxShared }

// operand returns the text and the key of an operand.
func (l *lexed) operand(text string, k int) (string, []byte) {
	from, key := l.cuts[k], l.key
	key = key[from.key:]
	text = text[from.text:]
	if k+1 < len(l.cuts) {
		next := l.cuts[k+1]
		key = key[:next.key-from.key-len("&&")]
		text = text[:next.text-from.text-len("&&")]
	}
	return text, bytes.Trim(key, " ")
}

// part returns an operand, compiled once; nil if it is none that can be joined.
func (c *Compiler) part(text string, key []byte) *part {
	c.mu.RLock()
	p, known := c.parts[string(key)]
	c.mu.RUnlock()
	if known {
		return p
	}
	text = strings.Clone(strings.TrimSpace(text)) // it outlives its document
	l, ok := lex(text, lexed{})
	if !ok || !bytes.Equal(l.key, key) {
		return nil
	}
	b, problems := c.build(text, l.tokens, true)
	if problems != nil {
		return nil // perhaps for its literals alone
	}
	if b.cond.shape.shared {
		p = &part{built: b, end: b.cond.reach()}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	keep(c.parts, string(key), p)
	return p
}

// reach returns how far the lists of a condition reach.
func (c *Cond) reach() mark {
	s := c.shape
	return mark{listIns: int32(len(c.ins)), listTexts: int32(len(c.lists)), listNumbers: int32(len(c.numbers)),
		listInstants: int32(len(c.instants)), listKids: int32(len(s.kids)), listBinds: int32(len(s.binds)),
		listRegexps: int32(len(s.regexps)), listPrograms: int32(len(s.programs))}
}

// joiner puts parts together: first the leaves of all of them, then the rest of all of them.
type joiner struct {
	code
	shape shape
	leaf  mark // where the leaves of the next part go
	other mark // where the rest of it goes
}

func newJoiner(parts []*part) *joiner {
	j := &joiner{}
	var end mark
	words := 0
	for _, p := range parts {
		for list := range end {
			j.other[list] += p.first[list]
			end[list] += p.end[list]
		}
		j.shape.quick += p.cond.shape.quick
		words = max(words, len(p.cond.shape.need))
	}
	j.ins = room[instr](end[listIns])
	j.lists = room[[]string](end[listTexts])
	j.numbers = room[[]int64](end[listNumbers])
	j.instants = room[instant](end[listInstants])
	j.shape.kids = room[int32](end[listKids])
	j.shape.binds = room[bind](end[listBinds])
	j.shape.regexps = slices.Grow(j.shape.regexps, int(end[listRegexps]))[:end[listRegexps]]
	j.shape.programs = slices.Grow(j.shape.programs, int(end[listPrograms]))[:end[listPrograms]]
	j.shape.need = room[uint64](int32(words))
	j.shape.shared = true
	return j
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
	s := &shift{p.first, j.leaf, j.other}
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
		j.leaf[list] += p.first[list]
		j.other[list] += p.end[list] - p.first[list]
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
	for w, mask := range from.need {
		j.shape.need[w] |= mask
	}
	j.shape.reads = append(j.shape.reads, from.reads...)
	j.shape.tainted = j.shape.tainted || from.tainted
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

// cond returns the whole.
func (j *joiner) cond(text string) *Cond {
	slices.Sort(j.shape.reads)
	j.shape.reads = slices.Clip(slices.Compact(j.shape.reads))
	shape := j.shape // a copy, since a pointer into j would keep all of it
	return &Cond{text: text, shape: &shape, code: j.code}
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
