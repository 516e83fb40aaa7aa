package expr

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// errOutside says that the instructions cannot express something; cel-go evaluates it then.
var errOutside = errors.New("expr: outside the instructions")

// lowerer turns a checked expression into instructions.
type lowerer struct {
	compiler *Compiler
	whole    *ast.AST
	locals   []string // variables of the loops around, outermost first

	code
	kids     []int32
	shape    shape
	binds    []bind
	literals []int64 // nodes of the literals that binds are about

	first mark // how far the leaves reach
}

// lowered is what became of a checked expression. It holds nothing of the expression itself.
type lowered struct {
	shape    *shape
	code     code
	binds    []bind
	literals []int64
	first    mark
}

// lower returns the code of a checked expression.
func (c *Compiler) lower(whole *ast.AST) (lowered, error) {
	l := &lowerer{compiler: c, whole: whole}
	conjuncts := conjunctsOf(whole.Expr(), nil)
	at := make([]int32, len(conjuncts))
	byCEL := make([]bool, len(conjuncts))
	leaves := l.leaves(conjuncts, at)
	l.first = l.save()
	l.shape.quick = int32(len(l.ins))
	l.shape.need = make([]uint64, (c.table.Len()+63)/64)
	for _, i := range l.ins {
		l.need(&i)
	}
	l.shape.need = slices.Clip(trimZeros(l.shape.need))
	for k, e := range conjuncts {
		if leaves[k] {
			continue
		}
		programs := len(l.shape.programs)
		root, err := l.truth(e)
		if err != nil {
			return lowered{}, err
		}
		at[k], byCEL[k] = root, len(l.shape.programs) > programs
		l.shape.rest = append(l.shape.rest, root)
	}
	for k, e := range conjuncts {
		reads, tainted := c.reads(whole, e)
		l.shape.conjuncts = append(l.shape.conjuncts, conjunct{at: at[k], reads: reads, tainted: tainted, cel: byCEL[k]})
		l.shape.reads = append(l.shape.reads, reads...)
		l.shape.tainted = l.shape.tainted || tainted
	}
	slices.Sort(l.shape.reads)
	l.shape.reads = slices.Clip(slices.Compact(l.shape.reads))
	l.shape.compiler, l.shape.kids = c, l.kids
	l.shape.utc = l.readsUTC()
	shape := l.shape // a copy, since a pointer into l would keep all of it
	return lowered{&shape, l.code, l.binds, l.literals, l.first}, nil
}

// trimZeros drops the zeros at the end; nothing left is nil.
func trimZeros(words []uint64) []uint64 {
	for len(words) > 0 && words[len(words)-1] == 0 {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		return nil
	}
	return words
}

// leaves emits the conjuncts that are single leaves, one after the other, and says which they are.
func (l *lowerer) leaves(conjuncts []ast.Expr, at []int32) []bool {
	is := make([]bool, len(conjuncts))
	for k, e := range conjuncts {
		if !leafLike(e) {
			continue
		}
		saved := l.save()
		root, err := l.bare(e)
		if err == nil && len(l.ins) == int(saved[listIns])+1 && l.ins[root].isLeaf() {
			is[k], at[k] = true, root
			continue
		}
		l.restore(saved)
	}
	return is
}

// leafLike is quickly false of most of what is no leaf.
func leafLike(e ast.Expr) bool {
	if e.Kind() != ast.CallKind {
		return e.Kind() == ast.IdentKind
	}
	switch e.AsCall().FunctionName() {
	case operators.LogicalOr, operators.Conditional:
		return false
	}
	return true
}

// need marks the slots of a leaf.
func (l *lowerer) need(i *instr) {
	l.shape.need[i.slot>>6] |= 1 << (i.slot & 63)
	if i.twoSlots() {
		l.shape.need[i.slot2()>>6] |= 1 << (i.slot2() & 63)
	}
}

// A mark is how far the lists reach that a condition consists of.
type mark [lists]int32

const (
	listIns = iota
	listTexts
	listNumbers
	listInstants
	listKids
	listBinds
	listRegexps
	listPrograms
	lists
)

// save is where to go back to if what is emitted next is in vain.
func (l *lowerer) save() mark {
	return mark{listIns: int32(len(l.ins)), listTexts: int32(len(l.lists)), listNumbers: int32(len(l.numbers)),
		listInstants: int32(len(l.instants)), listKids: int32(len(l.kids)), listBinds: int32(len(l.binds)),
		listRegexps: int32(len(l.shape.regexps)), listPrograms: int32(len(l.shape.programs))}
}

func (l *lowerer) restore(m mark) {
	l.ins, l.lists, l.numbers = l.ins[:m[listIns]], l.lists[:m[listTexts]], l.numbers[:m[listNumbers]]
	l.instants, l.kids = l.instants[:m[listInstants]], l.kids[:m[listKids]]
	l.binds, l.literals = l.binds[:m[listBinds]], l.literals[:m[listBinds]]
	l.shape.regexps, l.shape.programs = l.shape.regexps[:m[listRegexps]], l.shape.programs[:m[listPrograms]]
}

// literal notes where the literal of a node goes.
func (l *lowerer) literal(node int64, b bind) {
	l.binds, l.literals = append(l.binds, b), append(l.literals, node)
}

func (l *lowerer) emit(i instr) int32 {
	l.ins = append(l.ins, i)
	return int32(len(l.ins) - 1)
}

// family emits an instruction with a list of operands.
func (l *lowerer) family(o op, kids []int32) int32 {
	start := int32(len(l.kids))
	l.kids = append(l.kids, kids...)
	return l.emit(instr{op: o, num: pair(start, int32(len(kids)))})
}

// truth lowers an expression of type bool. What is outside goes to cel-go, unless it stands in a loop: then the whole
// loop does.
func (l *lowerer) truth(e ast.Expr) (int32, error) {
	saved := l.save()
	if !l.compiler.celOnly {
		at, err := l.bare(e)
		if !errors.Is(err, errOutside) || len(l.locals) > 0 {
			return at, err
		}
	}
	l.restore(saved)
	program, err := l.compiler.plan(l.whole, e)
	if err != nil {
		return 0, err
	}
	l.shape.programs = append(l.shape.programs, program)
	return l.emit(instr{op: tCel, num: int64(len(l.shape.programs) - 1)}), nil
}

// bare lowers an expression of type bool whose root is not for cel-go.
func (l *lowerer) bare(e ast.Expr) (int32, error) {
	if l.compiler.celOnly {
		return 0, errOutside
	}
	switch e.Kind() {
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return l.emit(instr{op: tConst, num: int64(Of(bool(b)))}), nil
		}
	case ast.IdentKind:
		return l.flag(e.AsIdent())
	case ast.CallKind:
		return l.call(e)
	case ast.ComprehensionKind:
		return l.loop(e)
	}
	return 0, errOutside
}

// flag lowers a bool attribute or the presence of one.
func (l *lowerer) flag(name string) (int32, error) {
	if attr, ok := strings.CutPrefix(name, presence); ok {
		if s, ok := l.compiler.table.Lookup(attr); ok {
			return l.emit(instr{op: tPresent, want: true, slot: s}), nil
		}
	}
	if r, s, ok := l.row(name); ok && r.Kind == Bool {
		return l.emit(instr{op: tBool, want: true, slot: s, at: r.at}), nil
	}
	return 0, errOutside
}

func (l *lowerer) row(name string) (*row, Slot, bool) {
	s, ok := l.compiler.table.Lookup(name)
	if !ok || slices.Contains(l.locals, name) || !l.whole.IsChecked() { // only the checker knows what a name means
		return nil, 0, false
	}
	return &l.compiler.table.rows[s], s, true
}

func (l *lowerer) call(e ast.Expr) (int32, error) {
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd:
		return l.connect(tAnd, conjunctsOf(e, nil))
	case operators.LogicalOr:
		return l.connect(tOr, operandsOf(operators.LogicalOr, e, nil))
	case operators.LogicalNot:
		return l.not(args[0])
	case operators.Conditional:
		return l.ternary(tIf, args, l.truth)
	case operators.Equals:
		return l.compare(equal, args[0], args[1])
	case operators.NotEquals:
		return l.compare(less|greater, args[0], args[1])
	case operators.Less:
		return l.compare(less, args[0], args[1])
	case operators.LessEquals:
		return l.compare(less|equal, args[0], args[1])
	case operators.Greater:
		return l.compare(greater, args[0], args[1])
	case operators.GreaterEquals:
		return l.compare(greater|equal, args[0], args[1])
	case operators.In:
		return l.in(args[0], args[1])
	case "contains", "startsWith", "endsWith", "matches":
		return l.wordTest(name, operandsOfCall(call))
	}
	return 0, errOutside
}

// operandsOfCall are target and arguments, whichever way the call is written.
func operandsOfCall(call ast.CallExpr) []ast.Expr {
	if call.IsMemberFunction() {
		return append([]ast.Expr{call.Target()}, call.Args()...)
	}
	return call.Args()
}

func conjunctsOf(e ast.Expr, list []ast.Expr) []ast.Expr {
	return operandsOf(operators.LogicalAnd, e, list)
}

// operandsOf are the operands of a chain of one connective.
func operandsOf(name string, e ast.Expr, list []ast.Expr) []ast.Expr {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == name {
		for _, arg := range e.AsCall().Args() {
			list = operandsOf(name, arg, list)
		}
		return list
	}
	return append(list, e)
}

func (l *lowerer) connect(o op, operands []ast.Expr) (int32, error) {
	kids := make([]int32, len(operands))
	for i, e := range operands {
		at, err := l.truth(e)
		if err != nil {
			return 0, err
		}
		kids[i] = at
	}
	return l.family(o, kids), nil
}

// not lowers a negation; a single instruction is turned round instead.
func (l *lowerer) not(e ast.Expr) (int32, error) {
	at, err := l.truth(e)
	if err != nil {
		return 0, err
	}
	switch i := &l.ins[at]; i.op {
	case tBool, tPresent, tStrIn, tStrHas, tStrPrefix, tStrSuffix, tStrMatch, tListHas, tListSlot, tNumIn, tDblRel,
		tIn, tInNum, tHas, tPrefix, tSuffix, tMatch:
		i.want = !i.want
	case tStrEq, tStrNe, tStrRel, tNumEq, tNumNe, tNumLt, tNumLe, tNumGt, tNumGe, tTimeRel, tStrSlots, tNumSlots, tTimeSlots,
		tNum, tStr, tTime, tTruth: // not tDbl, since NaN has no order
		i.rel ^= less | equal | greater
		if o, ok := opposite[i.op]; ok {
			i.op = o
		}
	case tNot: // it is the last instruction
		l.ins = l.ins[:at]
		return i.left(), nil
	default:
		return l.emit(instr{op: tNot, num: pair(at, 0)}), nil
	}
	return at, nil
}

// opposite are the leaves whose relation is in their name.
var opposite = map[op]op{tStrEq: tStrNe, tStrNe: tStrEq, tNumEq: tNumNe, tNumNe: tNumEq, tNumLt: tNumGe, tNumGe: tNumLt, tNumLe: tNumGt, tNumGt: tNumLe}

func (l *lowerer) ternary(o op, args []ast.Expr, branch func(ast.Expr) (int32, error)) (int32, error) {
	cond, err := l.truth(args[0])
	if err != nil {
		return 0, err
	}
	yes, err := branch(args[1])
	if err != nil {
		return 0, err
	}
	no, err := branch(args[2])
	if err != nil {
		return 0, err
	}
	return l.family(o, []int32{cond, yes, no}), nil
}

// kind tells the type of a checked expression, None if the instructions have no such type.
func (l *lowerer) kind(e ast.Expr) Kind {
	t := l.whole.GetType(e.ID())
	switch t.Kind() {
	case types.StringKind:
		return String
	case types.IntKind:
		return Int
	case types.DurationKind:
		return Duration
	case types.TimestampKind:
		return Time
	case types.BoolKind:
		return Bool
	case types.DoubleKind:
		return Double
	case types.ListKind:
		if p := t.Parameters(); len(p) == 1 && p[0].Kind() == types.StringKind {
			return Strings
		}
	}
	return None
}

// compare lowers a comparison: to a leaf where an attribute meets a constant or another attribute.
func (l *lowerer) compare(r rel, a, b ast.Expr) (int32, error) {
	kind := l.kind(a)
	if kind != l.kind(b) {
		return 0, errOutside
	}
	switch kind {
	case String:
		return l.compareBy(tStr, r, a, b, l.text)
	case Int, Duration:
		return l.compareBy(tNum, r, a, b, l.number)
	case Time:
		return l.compareBy(tTime, r, a, b, l.instant)
	case Double:
		return l.compareBy(tDbl, r, a, b, l.double)
	case Bool:
		if r.symmetric() {
			return l.compareBy(tTruth, r, a, b, l.truth)
		}
	}
	return 0, errOutside
}

func (l *lowerer) compareBy(o op, r rel, a, b ast.Expr, operand func(ast.Expr) (int32, error)) (int32, error) {
	left, err := operand(a)
	if err != nil {
		return 0, err
	}
	right, err := operand(b)
	if err != nil {
		return 0, err
	}
	if leaf, ok := fuse(r, l.ins[left], l.ins[right]); ok && left == right-1 && int(right) == len(l.ins)-1 {
		return l.replace(left, leaf), nil
	}
	return l.emit(instr{op: o, rel: r, num: pair(left, right)}), nil
}

// replace puts a leaf in the place of its two operands. Literals bound to either are bound to the leaf.
func (l *lowerer) replace(left int32, leaf instr) int32 {
	l.ins = append(l.ins[:left], leaf)
	for k := range l.binds {
		if b := &l.binds[k]; b.ins == left || b.ins == left+1 {
			b.ins = left
		}
	}
	return left
}

// place is what an instruction that reads a slot is as the second of a leaf.
func (i *instr) place() int64 { return pair(int32(i.at), int32(i.slot)) }

func isConst(o op) bool { return o == sConst || o == nConst || o == dConst || o == iConst }

// fuse makes a leaf of a comparison of two slots, or of a slot and a constant.
func fuse(r rel, a, b instr) (instr, bool) {
	if isConst(a.op) {
		a, b, r = b, a, r.flip()
	}
	leaf := instr{rel: r, slot: a.slot, at: a.at, num: b.num, str: b.str}
	switch {
	case a.op == sSlot && b.op == sConst:
		leaf.op = [8]op{equal: tStrEq, less | greater: tStrNe, less: tStrRel, less | equal: tStrRel, greater: tStrRel, greater | equal: tStrRel}[r]
	case a.op == nSlot && b.op == nConst:
		leaf.op = [8]op{equal: tNumEq, less | greater: tNumNe, less: tNumLt, less | equal: tNumLe, greater: tNumGt, greater | equal: tNumGe}[r]
	case a.op == iSlot && b.op == iConst:
		leaf.op = tTimeRel
	case a.op == dSlot && b.op == dConst:
		leaf.op, leaf.want = tDblRel, true
	case a.op == sSlot && b.op == sSlot:
		leaf.op, leaf.num = tStrSlots, b.place()
	case a.op == nSlot && b.op == nSlot:
		leaf.op, leaf.num = tNumSlots, b.place()
	case a.op == iSlot && b.op == iSlot:
		leaf.op, leaf.num = tTimeSlots, b.place()
	default:
		return instr{}, false
	}
	return leaf, true
}

// in lowers membership in a list.
func (l *lowerer) in(item, list ast.Expr) (int32, error) {
	switch l.kind(item) {
	case String:
		return l.inTexts(item, list)
	case Int, Duration:
		return l.inNumbers(item, list)
	}
	return 0, errOutside
}

func (l *lowerer) inTexts(item, list ast.Expr) (int32, error) {
	left, err := l.text(item)
	if err != nil {
		return 0, err
	}
	right, err := l.list(list)
	if err != nil {
		return 0, err
	}
	a, b := l.ins[left], l.ins[right]
	if b.op == lConst {
		l.sortWhenBound(int32(b.num))
	}
	leaf := instr{want: true, slot: a.slot, at: a.at}
	switch {
	case a.op == sSlot && b.op == lConst:
		leaf.op, leaf.num = tStrIn, b.num
	case a.op == sConst && b.op == lSlot:
		leaf.op, leaf.slot, leaf.at, leaf.str = tListHas, b.slot, b.at, a.str
	case a.op == sSlot && b.op == lSlot:
		leaf.op, leaf.num = tListSlot, b.place()
	default:
		return l.emit(instr{op: tIn, want: true, num: pair(left, right)}), nil
	}
	return l.replace(left, leaf), nil
}

// sortWhenBound sorts a long list of constants that only `in` reads. Binding literals to it does so too.
func (l *lowerer) sortWhenBound(list int32) {
	if texts := l.lists[list]; len(texts) >= longList {
		slices.Sort(texts)
	}
	for k := range l.binds {
		if b := &l.binds[k]; b.how == bindListText && b.list == list {
			b.sort = len(l.lists[list]) >= longList
		}
	}
}

func (l *lowerer) inNumbers(item, list ast.Expr) (int32, error) {
	if list.Kind() != ast.ListKind || len(list.AsList().OptionalIndices()) > 0 {
		return 0, errOutside
	}
	left, err := l.number(item)
	if err != nil {
		return 0, err
	}
	index := len(l.numbers)
	numbers := make([]int64, 0, list.AsList().Size())
	for k, e := range list.AsList().Elements() {
		v, node, b, ok := l.numberConst(e)
		if !ok {
			return 0, errOutside
		}
		if b.how == bindNumber {
			b.how = bindListNumber
		} else {
			b.how = bindListDuration
		}
		b.list, b.item = int32(index), int32(k)
		l.literal(node, b)
		numbers = append(numbers, v)
	}
	l.numbers = append(l.numbers, numbers)
	if a := l.ins[left]; a.op == nSlot {
		return l.replace(left, instr{op: tNumIn, want: true, slot: a.slot, at: a.at, num: int64(index)}), nil
	}
	return l.emit(instr{op: tInNum, want: true, num: pair(left, int32(index))}), nil
}

// wordTest lowers contains, startsWith, endsWith and matches.
func (l *lowerer) wordTest(name string, args []ast.Expr) (int32, error) {
	if len(args) != 2 || l.kind(args[0]) != String || l.kind(args[1]) != String {
		return 0, errOutside
	}
	left, err := l.text(args[0])
	if err != nil {
		return 0, err
	}
	if name == "matches" {
		return l.pattern(left, args[1])
	}
	right, err := l.text(args[1])
	if err != nil {
		return 0, err
	}
	if a, b := l.ins[left], l.ins[right]; a.op == sSlot && b.op == sConst {
		o := map[string]op{"contains": tStrHas, "startsWith": tStrPrefix, "endsWith": tStrSuffix}[name]
		return l.replace(left, instr{op: o, want: true, slot: a.slot, at: a.at, str: b.str}), nil
	}
	o := map[string]op{"contains": tHas, "startsWith": tPrefix, "endsWith": tSuffix}[name]
	return l.emit(instr{op: o, want: true, num: pair(left, right)}), nil
}

// pattern compiles a constant pattern once; conditions of one shape share it.
func (l *lowerer) pattern(left int32, e ast.Expr) (int32, error) {
	if e.Kind() != ast.LiteralKind {
		return 0, errOutside
	}
	s, ok := e.AsLiteral().(types.String)
	if !ok {
		return 0, errOutside
	}
	re, err := regexp.Compile(string(s))
	if err != nil {
		return 0, errOutside
	}
	l.shape.regexps = append(l.shape.regexps, re)
	index := int32(len(l.shape.regexps) - 1)
	if a := l.ins[left]; a.op == sSlot {
		return l.replace(left, instr{op: tStrMatch, want: true, slot: a.slot, at: a.at, num: int64(index)}), nil
	}
	return l.emit(instr{op: tMatch, want: true, num: pair(left, index)}), nil
}

// loop lowers all, exists and exists_one over lists of texts.
func (l *lowerer) loop(e ast.Expr) (int32, error) {
	c := e.AsComprehension()
	macro, ok := l.whole.SourceInfo().GetMacroCall(e.ID())
	if !ok || macro.Kind() != ast.CallKind || c.HasIterVar2() || l.kind(c.IterRange()) != Strings || len(l.locals) >= maxLoopNesting {
		return 0, errOutside
	}
	step := c.LoopStep()
	if step.Kind() != ast.CallKind {
		return 0, errOutside
	}
	o, predicate := tAll, step.AsCall().Args()
	switch macro.AsCall().FunctionName() {
	case operators.All:
		predicate = predicate[1:]
	case operators.Exists:
		o, predicate = tExists, predicate[1:]
	case operators.ExistsOne, "existsOne":
		o = tOne
	default:
		return 0, errOutside
	}
	list, err := l.list(c.IterRange())
	if err != nil {
		return 0, err
	}
	depth := len(l.locals)
	l.locals = append(l.locals, c.IterVar())
	body, err := l.truth(predicate[0])
	l.locals = l.locals[:depth]
	if err != nil {
		return 0, err
	}
	return l.emit(instr{op: o, at: uint16(depth), num: pair(list, body)}), nil
}

// list lowers a list of texts: an attribute or constants.
func (l *lowerer) list(e ast.Expr) (int32, error) {
	switch e.Kind() {
	case ast.IdentKind:
		if r, s, ok := l.row(e.AsIdent()); ok && r.Kind == Strings {
			return l.emit(instr{op: lSlot, slot: s, at: r.at}), nil
		}
	case ast.ListKind:
		return l.constants(e.AsList())
	}
	return 0, errOutside
}

func (l *lowerer) constants(list ast.ListExpr) (int32, error) {
	if len(list.OptionalIndices()) > 0 {
		return 0, errOutside
	}
	index := int32(len(l.lists))
	texts := make([]string, 0, list.Size())
	for k, e := range list.Elements() {
		s, ok := literalText(e)
		if !ok {
			return 0, errOutside
		}
		texts = append(texts, s)
		l.literal(e.ID(), bind{how: bindListText, list: index, item: int32(k)})
	}
	l.lists = append(l.lists, texts)
	return l.emit(instr{op: lConst, num: int64(index)}), nil
}

func literalText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// text lowers an expression of type string.
func (l *lowerer) text(e ast.Expr) (int32, error) {
	switch e.Kind() {
	case ast.LiteralKind:
		if s, ok := literalText(e); ok {
			return l.constant(instr{op: sConst, str: s}, e.ID(), bind{how: bindText}), nil
		}
	case ast.IdentKind:
		if depth := lastIndex(l.locals, e.AsIdent()); depth >= 0 {
			return l.emit(instr{op: sLocal, at: uint16(depth)}), nil
		}
		if r, s, ok := l.row(e.AsIdent()); ok && r.Kind == String {
			return l.emit(instr{op: sSlot, slot: s, at: r.at}), nil
		}
	case ast.CallKind:
		if e.AsCall().FunctionName() == operators.Conditional {
			return l.ternary(sIf, e.AsCall().Args(), l.text)
		}
	}
	return 0, errOutside
}

func lastIndex(names []string, name string) int {
	for i := len(names) - 1; i >= 0; i-- {
		if names[i] == name {
			return i
		}
	}
	return -1
}

// constant emits a constant and notes where a literal of the text goes.
func (l *lowerer) constant(i instr, node int64, b bind) int32 {
	b.ins = l.emit(i)
	l.literal(node, b)
	return b.ins
}

// double lowers an expression of type double.
func (l *lowerer) double(e ast.Expr) (int32, error) {
	switch e.Kind() {
	case ast.LiteralKind:
		if d, ok := e.AsLiteral().(types.Double); ok {
			return l.constant(instr{op: dConst, num: int64(math.Float64bits(float64(d)))}, e.ID(), bind{how: bindDouble}), nil
		}
	case ast.IdentKind:
		if r, s, ok := l.row(e.AsIdent()); ok && r.Kind == Double {
			return l.emit(instr{op: dSlot, slot: s, at: r.at}), nil
		}
	case ast.CallKind:
		return l.doubleCall(e.AsCall())
	}
	return 0, errOutside
}

func (l *lowerer) doubleCall(call ast.CallExpr) (int32, error) {
	args := call.Args()
	switch call.FunctionName() {
	case operators.Conditional:
		return l.ternary(dIf, args, l.double)
	case operators.Negate:
		return l.unary(dNeg, args[0], l.double)
	case operators.Add:
		return l.binary(dAdd, args, l.double, l.double)
	case operators.Subtract:
		return l.binary(dSub, args, l.double, l.double)
	case operators.Multiply:
		return l.binary(dMul, args, l.double, l.double)
	case operators.Divide:
		return l.binary(dDiv, args, l.double, l.double)
	case "double":
		switch l.kind(args[0]) {
		case Int:
			return l.unary(dInt, args[0], l.number)
		case Double:
			return l.double(args[0])
		}
	}
	return 0, errOutside
}

func (l *lowerer) unary(o op, e ast.Expr, operand func(ast.Expr) (int32, error)) (int32, error) {
	at, err := operand(e)
	if err != nil {
		return 0, err
	}
	return l.emit(instr{op: o, num: pair(at, 0)}), nil
}

func (l *lowerer) binary(o op, args []ast.Expr, a, b func(ast.Expr) (int32, error)) (int32, error) {
	left, err := a(args[0])
	if err != nil {
		return 0, err
	}
	right, err := b(args[1])
	if err != nil {
		return 0, err
	}
	return l.emit(instr{op: o, num: pair(left, right)}), nil
}

// instant lowers an expression of type timestamp.
func (l *lowerer) instant(e ast.Expr) (int32, error) {
	switch e.Kind() {
	case ast.IdentKind:
		if r, s, ok := l.row(e.AsIdent()); ok && r.Kind == Time {
			return l.emit(instr{op: iSlot, slot: s, at: r.at}), nil
		}
	case ast.CallKind:
		return l.instantCall(e.AsCall())
	}
	return 0, errOutside
}

func (l *lowerer) instantCall(call ast.CallExpr) (int32, error) {
	args := call.Args()
	switch call.FunctionName() {
	case operators.Conditional:
		return l.ternary(iIf, args, l.instant)
	case operators.Add:
		if l.kind(args[0]) == Duration {
			return l.binary(iAddTo, args, l.number, l.instant)
		}
		return l.binary(iAdd, args, l.instant, l.number)
	case operators.Subtract:
		return l.binary(iSub, args, l.instant, l.number)
	case "timestamp":
		s, ok := literalText(args[0])
		if !ok {
			return 0, errOutside
		}
		t, ok := parseInstant(s)
		if !ok {
			return 0, errOutside
		}
		l.instants = append(l.instants, t)
		return l.constant(instr{op: iConst, num: int64(len(l.instants) - 1)}, args[0].ID(), bind{how: bindInstant}), nil
	}
	return 0, errOutside
}

// parseInstant reads RFC 3339 as cel-go does.
func parseInstant(s string) (instant, bool) {
	t, ok := types.String(s).ConvertToType(types.TimestampType).(types.Timestamp)
	return instantOf(t.Time), ok
}

// parseDuration reads a duration as cel-go does.
func parseDuration(s string) (int64, bool) {
	d, ok := types.String(s).ConvertToType(types.DurationType).(types.Duration)
	return int64(d.Duration), ok
}

// numberConst recognises a constant int or duration, and its literal.
func (l *lowerer) numberConst(e ast.Expr) (v, node int64, b bind, ok bool) {
	switch e.Kind() {
	case ast.LiteralKind:
		if n, ok := e.AsLiteral().(types.Int); ok {
			return int64(n), e.ID(), bind{how: bindNumber}, true
		}
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == "duration" && len(call.Args()) == 1 {
			if s, ok := literalText(call.Args()[0]); ok {
				v, ok = parseDuration(s)
				return v, call.Args()[0].ID(), bind{how: bindDuration}, ok
			}
		}
	}
	return 0, 0, bind{}, false
}

// number lowers an expression of type int or duration.
func (l *lowerer) number(e ast.Expr) (int32, error) {
	if v, node, b, ok := l.numberConst(e); ok {
		return l.constant(instr{op: nConst, num: v}, node, b), nil
	}
	switch e.Kind() {
	case ast.IdentKind:
		if r, s, ok := l.row(e.AsIdent()); ok && (r.Kind == Int || r.Kind == Duration) {
			return l.emit(instr{op: nSlot, slot: s, at: r.at}), nil
		}
	case ast.CallKind:
		return l.numberCall(e.AsCall())
	}
	return 0, errOutside
}

func (l *lowerer) numberCall(call ast.CallExpr) (int32, error) {
	args := operandsOfCall(call)
	switch name := call.FunctionName(); name {
	case operators.Conditional:
		return l.ternary(nIf, args, l.number)
	case operators.Negate:
		return l.unary(nNeg, args[0], l.number)
	case operators.Add:
		return l.binary(nAdd, args, l.number, l.number)
	case operators.Subtract:
		if l.kind(args[0]) == Time {
			return l.binary(nSince, args, l.instant, l.instant)
		}
		return l.binary(nSub, args, l.number, l.number)
	case operators.Multiply:
		return l.binary(nMul, args, l.number, l.number)
	case operators.Divide:
		return l.binary(nDiv, args, l.number, l.number)
	case operators.Modulo:
		return l.binary(nMod, args, l.number, l.number)
	case "size":
		return l.size(args)
	case "int":
		return l.integer(args[0])
	default:
		return l.accessor(name, args)
	}
}

func (l *lowerer) size(args []ast.Expr) (int32, error) {
	switch l.kind(args[0]) {
	case String:
		return l.unary(nSize, args[0], l.text)
	case Strings:
		return l.unary(nLen, args[0], l.list)
	}
	return 0, errOutside
}

func (l *lowerer) integer(e ast.Expr) (int32, error) {
	switch l.kind(e) {
	case Int, Duration:
		return l.number(e)
	case Double:
		return l.unary(nTrunc, e, l.double)
	case Time:
		return l.unary(nUnix, e, l.instant)
	}
	return 0, errOutside
}

// accessor lowers getHours and its like.
func (l *lowerer) accessor(name string, args []ast.Expr) (int32, error) {
	zone, ok := l.zone(args[1:])
	if !ok {
		return 0, errOutside
	}
	o, names, operand := nField, fieldNames(), l.instant
	if l.kind(args[0]) == Duration {
		o, names, operand = nPart, partNames(), l.number
	}
	which := slices.Index(names, name)
	if which < 0 {
		return 0, errOutside
	}
	of, err := operand(args[0])
	if err != nil {
		return 0, err
	}
	return l.emit(instr{op: o, at: uint16(which), num: pair(of, int32(zone))}), nil
}

func fieldNames() (names []string) {
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

func partNames() (names []string) {
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}
