package expr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"github.com/deeperpoint/csss/policy/internal/solve"
)

// Tree returns a text that compiles as a tree for proofs, in which attributes go by their names; for any other text nil.
// What the proofs do not understand is opaque in it. The Text of each node is its part in a canonical spelling. It costs
// about 20 µs and is not kept.
func (c *Compiler) Tree(text string) *solve.Node {
	parsed, problems := c.parse(text)
	if problems != nil {
		return nil
	}
	t := treeMaker{table: c.table, text: text, info: parsed.SourceInfo()}
	return t.truth(parsed.Expr())
}

// treeMaker makes the tree of one text.
type treeMaker struct {
	table *Table
	text  string
	info  *ast.SourceInfo
}

// truth makes the node of a part that is true or false.
func (t *treeMaker) truth(e ast.Expr) *solve.Node {
	n := t.logic(e)
	if n == nil {
		n = &solve.Node{Op: solve.Opaque}
		n.Reads, n.Strict = t.reads(e)
	}
	n.Text = t.words(e)
	return n
}

// words spells a part; where that fails, its place in the text serves as its identity.
func (t *treeMaker) words(e ast.Expr) string {
	if s, err := parser.Unparse(e, t.info); err == nil {
		return s
	}
	return fmt.Sprintf("part %d of %s", e.ID(), t.text)
}

// reads lists the attributes of a part, and whether it is undefined as soon as one of them is: logic, loops and present()
// may be defined all the same.
func (t *treeMaker) reads(e ast.Expr) (names []string, strict bool) {
	strict = true
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.ComprehensionKind:
			strict = false
		case ast.CallKind:
			switch x.AsCall().FunctionName() {
			case operators.LogicalAnd, operators.LogicalOr, operators.Conditional:
				strict = false
			}
		}
		name, ok := dotted(x)
		if attr, hidden := strings.CutPrefix(name, presence); hidden {
			name, strict = attr, false
		}
		if _, known := t.table.Lookup(name); ok && known {
			names = append(names, name)
		}
	}))
	slices.Sort(names)
	return slices.Compact(names), strict
}

// logic makes the node of a part that is understood, and nil for any other.
func (t *treeMaker) logic(e ast.Expr) *solve.Node {
	switch e.Kind() {
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return &solve.Node{Op: solve.Const, Yes: bool(b)}
		}
	case ast.IdentKind, ast.SelectKind:
		name, _ := dotted(e)
		if attr, ok := strings.CutPrefix(name, presence); ok {
			return &solve.Node{Op: solve.Present, Slot: attr}
		}
		if t.kind(name) == Bool {
			return &solve.Node{Op: solve.Truth, Slot: name}
		}
	case ast.CallKind:
		return t.call(e)
	}
	return nil
}

func (t *treeMaker) kind(name string) Kind {
	if s, ok := t.table.Lookup(name); ok {
		return t.table.Attr(s).Kind
	}
	return None
}

// connectives are the functions whose operands are conditions themselves.
var connectives = map[string]solve.Op{
	operators.LogicalAnd: solve.And, operators.LogicalOr: solve.Or, operators.LogicalNot: solve.Not, operators.Conditional: solve.If,
}

// orders are the comparisons, as sets of orders.
var orders = map[string]uint8{
	operators.Less: solve.Less, operators.LessEquals: solve.Less | solve.Equal, operators.Equals: solve.Equal,
	operators.NotEquals: solve.Less | solve.Greater, operators.GreaterEquals: solve.Greater | solve.Equal, operators.Greater: solve.Greater,
}

// wordTests are the functions that look into a text.
var wordTests = map[string]solve.TestKind{"startsWith": solve.Prefix, "endsWith": solve.Suffix, "contains": solve.Contains, "matches": solve.Property}

func (t *treeMaker) call(e ast.Expr) *solve.Node {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	if op, ok := connectives[name]; ok {
		n := &solve.Node{Op: op}
		for _, arg := range t.operands(name, args) {
			n.Kids = append(n.Kids, t.truth(arg))
		}
		return n
	}
	if order, ok := orders[name]; ok {
		return t.compare(order, args[0], args[1])
	}
	if kind, ok := wordTests[name]; ok && len(args) == 2 {
		return t.look(kind, args[0], args[1])
	}
	if name == operators.In {
		return t.in(args[0], args[1])
	}
	return nil
}

// operands flattens && and ||, which the parser nests.
func (t *treeMaker) operands(name string, args []ast.Expr) []ast.Expr {
	if name != operators.LogicalAnd && name != operators.LogicalOr {
		return args
	}
	var list []ast.Expr
	for _, arg := range args {
		list = operandsOf(name, arg, list)
	}
	return list
}

// operand is one side of a comparison: an attribute or a constant.
type operand struct {
	slot   string
	kind   Kind
	number solve.Number
	text   string
	truth  bool
}

func (t *treeMaker) operand(e ast.Expr) (o operand, ok bool) {
	switch e.Kind() {
	case ast.IdentKind, ast.SelectKind:
		name, _ := dotted(e)
		o.slot, o.kind = name, t.kind(name)
	case ast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.String:
			o.kind, o.text = String, string(v)
		case types.Int:
			o.kind, o.number = Int, solve.Int(int64(v))
		case types.Double:
			o.kind, o.number = Double, solve.Double(float64(v))
		case types.Bool:
			o.kind, o.truth = Bool, bool(v)
		}
	case ast.CallKind:
		o = t.moment(e.AsCall())
	}
	return o, o.kind != None
}

// moment reads the constants duration("6h") and timestamp("2026-09-01T00:00:00Z").
func (t *treeMaker) moment(call ast.CallExpr) (o operand) {
	if len(call.Args()) != 1 || call.IsMemberFunction() {
		return o
	}
	s, ok := literalText(call.Args()[0])
	if !ok {
		return o
	}
	switch call.FunctionName() {
	case "duration":
		if d, ok := parseDuration(s); ok {
			return operand{kind: Duration, number: solve.Int(d)}
		}
	case "timestamp":
		if at, ok := parseInstant(s); ok {
			return operand{kind: Time, number: solve.Time(at.time())}
		}
	}
	return o
}

// scale returns the order that numbers of a kind lie in, and false for kinds that are no numbers.
func scale(k Kind) (solve.Scale, bool) {
	switch k {
	case Int, Duration, Double:
		return solve.Whole, true
	case Time:
		return solve.Instant, true
	}
	return 0, false
}

func (t *treeMaker) compare(order uint8, left, right ast.Expr) *solve.Node {
	a, okA := t.operand(left)
	b, okB := t.operand(right)
	if !okA || !okB || a.kind != b.kind {
		return nil
	}
	if a.slot == "" {
		a, b = b, a
		order = order&solve.Equal | order&solve.Less<<2 | order&solve.Greater>>2
	}
	scale, numeric := scale(a.kind)
	equality := order == solve.Equal || order == solve.Less|solve.Greater
	switch {
	case a.slot == "":
		return folded(order, numeric, a, b)
	case b.slot != "" && (numeric || a.kind == String):
		return &solve.Node{Op: solve.Compare, Slot: a.slot, Other: b.slot, Order: order}
	case b.slot != "" || !numeric && !equality:
		return nil
	case numeric:
		return &solve.Node{Op: solve.Between, Slot: a.slot, Scale: scale, Ranges: solve.Ordered(scale, order, b.number)}
	case a.kind == String:
		return negated(order, &solve.Node{Op: solve.Among, Slot: a.slot, Words: []string{b.text}})
	case a.kind == Bool && b.truth:
		return negated(order, &solve.Node{Op: solve.Truth, Slot: a.slot})
	case a.kind == Bool:
		return negated((solve.Less|solve.Equal|solve.Greater)&^order, &solve.Node{Op: solve.Truth, Slot: a.slot})
	}
	return nil
}

// negated is an equality, or its negation for an order that is not one.
func negated(order uint8, n *solve.Node) *solve.Node {
	if order == solve.Equal {
		return n
	}
	return &solve.Node{Op: solve.Not, Kids: []*solve.Node{n}}
}

// folded compares two constants.
func folded(order uint8, numeric bool, a, b operand) *solve.Node {
	if !numeric && a.kind != String {
		return nil
	}
	c := a.number.Compare(b.number)
	if !numeric {
		c = strings.Compare(a.text, b.text)
	}
	is := [...]uint8{solve.Less, solve.Equal, solve.Greater}[c+1]
	return &solve.Node{Op: solve.Const, Yes: order&is != 0}
}

// look makes the node of a test of a text attribute against a constant.
func (t *treeMaker) look(kind solve.TestKind, of, arg ast.Expr) *solve.Node {
	a, ok := t.operand(of)
	word, constant := literalText(arg)
	if !ok || !constant || a.slot == "" || a.kind != String {
		return nil
	}
	test := solve.Test{Kind: kind, Arg: word}
	if kind == solve.Property {
		re, err := regexp.Compile(word)
		if err != nil {
			return nil
		}
		test.Func = re.MatchString
	}
	return &solve.Node{Op: solve.Text, Slot: a.slot, Test: test}
}

// in makes the node of membership in a list of constants, or of a constant in a list attribute.
func (t *treeMaker) in(item, list ast.Expr) *solve.Node {
	a, ok := t.operand(item)
	if !ok {
		return nil
	}
	if l, isSlot := t.operand(list); isSlot && a.slot == "" && a.kind == String && l.slot != "" && l.kind == Strings {
		return &solve.Node{Op: solve.Holds, Slot: l.slot, Words: []string{a.text}}
	}
	if a.slot == "" || list.Kind() != ast.ListKind {
		return nil
	}
	n := &solve.Node{Op: solve.Among, Slot: a.slot}
	scale, numeric := scale(a.kind)
	if numeric {
		n.Op, n.Scale = solve.Between, scale
	} else if a.kind != String {
		return nil
	}
	for _, x := range list.AsList().Elements() {
		v, ok := t.operand(x)
		if !ok || v.slot != "" || v.kind != a.kind {
			return nil
		}
		n.Words = append(n.Words, v.text)
		n.Ranges = append(n.Ranges, solve.Range{Min: v.number, Max: v.number})
	}
	slices.Sort(n.Words)
	n.Words = slices.Compact(n.Words)
	slices.SortFunc(n.Ranges, func(a, b solve.Range) int { return a.Min.Compare(b.Min) })
	n.Ranges = slices.Compact(n.Ranges)
	return n
}
