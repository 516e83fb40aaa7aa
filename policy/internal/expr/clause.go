package expr

import (
	"slices"
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Clause is a part of a condition in pieces, for whoever says it in other words.
type Clause struct {
	Text      string   // the part in CEL's own spelling
	Op        string   // "and", "or", "not", "present", "true", "==", "!=", "<", "<=", ">", ">=", "in", "has", "starts", "ends", "contains"; "": none of these
	Attribute string   // what is compared; "" with "and", "or", "not" and ""
	Kind      Kind     // of Attribute
	Other     string   // the attribute it is compared with; "": Want
	Want      []string // constants: several with "in" alone
	Parts     []Clause // of "and", "or" and "not"
}

// Clause returns a text that compiles in pieces, and false for any other. It costs about 20 µs and is not kept.
func (c *Compiler) Clause(text string) (Clause, bool) {
	parsed, problems := c.parse(text)
	if problems != nil {
		return Clause{}, false
	}
	m := clauseMaker{treeMaker{table: c.table, text: text, info: parsed.SourceInfo()}}
	return m.clause(parsed.Expr()), true
}

type clauseMaker struct{ treeMaker }

func (m *clauseMaker) clause(e ast.Expr) Clause {
	c := Clause{}
	switch e.Kind() {
	case ast.IdentKind, ast.SelectKind:
		c = m.name(e)
	case ast.CallKind:
		c = m.function(e.AsCall())
	}
	c.Text = m.words(e)
	return c
}

// name is a bool attribute, or the presence of one.
func (m *clauseMaker) name(e ast.Expr) Clause {
	name, _ := dotted(e)
	if attr, ok := presenceOf(name); ok {
		return Clause{Op: "present", Attribute: attr, Kind: m.kind(attr)}
	}
	if m.kind(name) == Bool {
		return Clause{Op: "true", Attribute: name, Kind: Bool}
	}
	return Clause{}
}

func presenceOf(name string) (attr string, ok bool) {
	if len(name) > len(presence) && name[:len(presence)] == presence {
		return name[len(presence):], true
	}
	return "", false
}

// spelled are the comparisons as a document spells them, and what each is from the other side.
var spelled = map[string][2]string{
	operators.Less: {"<", ">"}, operators.LessEquals: {"<=", ">="}, operators.Equals: {"==", "=="},
	operators.NotEquals: {"!=", "!="}, operators.GreaterEquals: {">=", "<="}, operators.Greater: {">", "<"},
}

var (
	joined = map[string]string{operators.LogicalAnd: "and", operators.LogicalOr: "or", operators.LogicalNot: "not"}
	within = map[string]string{"startsWith": "starts", "endsWith": "ends", "contains": "contains"}
)

func (m *clauseMaker) function(call ast.CallExpr) Clause {
	name, args := call.FunctionName(), call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	if op, ok := joined[name]; ok {
		c := Clause{Op: op}
		for _, arg := range m.operands(name, args) {
			c.Parts = append(c.Parts, m.clause(arg))
		}
		return c
	}
	if op, ok := spelled[name]; ok {
		return m.compared(op, args[0], args[1])
	}
	if op, ok := within[name]; ok && len(args) == 2 {
		return m.compared([2]string{op}, args[0], args[1])
	}
	if name == operators.In {
		return m.member(args[0], args[1])
	}
	return Clause{}
}

// compared is a comparison of an attribute with a constant or another attribute.
func (m *clauseMaker) compared(op [2]string, left, right ast.Expr) Clause {
	a, okA := m.operand(left)
	b, okB := m.operand(right)
	switch {
	case !okA || !okB:
		return Clause{}
	case a.slot != "" && b.slot != "":
		return Clause{Op: op[0], Attribute: a.slot, Kind: a.kind, Other: b.slot}
	case a.slot != "":
		return Clause{Op: op[0], Attribute: a.slot, Kind: a.kind, Want: []string{constant(right)}}
	case b.slot != "" && op[1] != "":
		return Clause{Op: op[1], Attribute: b.slot, Kind: b.kind, Want: []string{constant(left)}}
	}
	return Clause{}
}

// member is an attribute among constants, or a constant in a list.
func (m *clauseMaker) member(item, list ast.Expr) Clause {
	a, ok := m.operand(item)
	if !ok {
		return Clause{}
	}
	if l, ok := m.operand(list); ok && l.slot != "" && a.slot == "" {
		return Clause{Op: "has", Attribute: l.slot, Kind: l.kind, Want: []string{constant(item)}}
	}
	if a.slot == "" || list.Kind() != ast.ListKind {
		return Clause{}
	}
	c := Clause{Op: "in", Attribute: a.slot, Kind: a.kind}
	for _, x := range list.AsList().Elements() {
		if v, ok := m.operand(x); !ok || v.slot != "" {
			return Clause{}
		}
		c.Want = append(c.Want, constant(x))
	}
	slices.Sort(c.Want)
	return c
}

// constant spells a constant as documents do: text bare, a duration and a timestamp by their text.
func constant(e ast.Expr) string {
	if e.Kind() == ast.CallKind {
		s, _ := literalText(e.AsCall().Args()[0])
		return s
	}
	switch v := e.AsLiteral().(type) {
	case types.String:
		return string(v)
	case types.Int:
		return strconv.FormatInt(int64(v), 10)
	case types.Double:
		return strconv.FormatFloat(float64(v), 'g', -1, 64)
	case types.Bool:
		return strconv.FormatBool(bool(v))
	}
	return ""
}
