package expr

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// Problem is a fault of a condition at a place of its text.
type Problem struct {
	Line, Col int // line from 1, column from 0, in characters
	Text      string
}

// maxProblems bounds how many faults of one condition are told.
const maxProblems = 10

// allowed is the closed list of functions, each with why it is harmless.
var allowed = map[string]string{
	operators.LogicalAnd: "logic", operators.LogicalOr: "logic", operators.LogicalNot: "logic", operators.Conditional: "logic",
	operators.NotStrictlyFalse: "inside all and exists",
	operators.Equals:           "typed", operators.NotEquals: "typed",
	operators.Less: "typed", operators.LessEquals: "typed", operators.Greater: "typed", operators.GreaterEquals: "typed",
	operators.Add: "checked for overflow", operators.Subtract: "checked", operators.Multiply: "checked",
	operators.Divide: "checked", operators.Modulo: "checked", operators.Negate: "checked",
	operators.In: "linear", operators.Index: "constant",
	"size": "linear", "contains": "linear", "startsWith": "linear", "endsWith": "linear",
	"matches":  "RE2, constant patterns only",
	"duration": "constant", "timestamp": "constant", "int": "constant", "double": "constant",
	"getFullYear": "named or UTC", "getMonth": "named or UTC", "getDate": "named or UTC", "getDayOfMonth": "named or UTC",
	"getDayOfWeek": "named or UTC", "getDayOfYear": "named or UTC", "getHours": "named or UTC", "getMinutes": "named or UTC",
	"getSeconds": "named or UTC", "getMilliseconds": "named or UTC",
}

// linter refuses, before the type check, what the language has and documents may not use, and unknown attributes.
type linter struct {
	table    *Table
	info     *ast.SourceInfo
	uses     use
	problems []Problem
}

// use is a set of things that a text uses and that validators are about.
type use uint8

const (
	useDuration use = 1 << iota
	useTimestamp
	usePattern
	useList
	useLoop
)

// usedBy are the functions that validators are about.
var usedBy = map[string]use{"duration": useDuration, "timestamp": useTimestamp, "matches": usePattern}

func (l *linter) fail(e ast.Expr, format string, args ...any) {
	if len(l.problems) >= maxProblems {
		return
	}
	at := l.info.GetStartLocation(e.ID())
	l.problems = append(l.problems, Problem{max(at.Line(), 1), max(at.Column(), 0), fmt.Sprintf(format, args...)})
}

// walk visits an expression; locals are the variables of the loops around it.
func (l *linter) walk(e ast.Expr, locals []string) {
	switch e.Kind() {
	case ast.IdentKind, ast.SelectKind:
		l.name(e, locals)
	case ast.CallKind:
		l.call(e, locals)
	case ast.ListKind:
		l.uses |= useList
		for _, item := range e.AsList().Elements() {
			l.walk(item, locals)
		}
	case ast.ComprehensionKind:
		l.loop(e, locals)
	case ast.MapKind, ast.StructKind:
		l.fail(e, "maps and objects are not offered")
	case ast.LiteralKind:
	default:
		l.fail(e, "this expression is not offered")
	}
}

func (l *linter) name(e ast.Expr, locals []string) {
	name, ok := dotted(e)
	switch {
	case !ok && e.AsSelect().IsTestOnly():
		l.fail(e, "has() is not offered; use present()")
	case !ok:
		l.fail(e, "selecting '%s' of a value is not offered", clip(e.AsSelect().FieldName()))
	case slices.Contains(locals, name), strings.HasPrefix(name, presence):
	default:
		if _, ok := l.table.slots[name]; !ok {
			l.fail(root(e), "%s", l.table.UnknownAttribute(name))
		}
	}
}

// dotted returns the name that a chain of selections spells.
func dotted(e ast.Expr) (string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent(), true
	case ast.SelectKind:
		if sel := e.AsSelect(); !sel.IsTestOnly() {
			if head, ok := dotted(sel.Operand()); ok {
				return head + "." + sel.FieldName(), true
			}
		}
	}
	return "", false
}

// root is the leftmost identifier of a chain of selections.
func root(e ast.Expr) ast.Expr {
	for e.Kind() == ast.SelectKind {
		e = e.AsSelect().Operand()
	}
	return e
}

func (l *linter) call(e ast.Expr, locals []string) {
	call := e.AsCall()
	name, args := call.FunctionName(), call.Args()
	l.uses |= usedBy[name]
	switch _, ok := allowed[name]; {
	case !ok:
		l.fail(e, "function '%s' is not offered", clip(name))
	case name == "matches":
		l.pattern(e, call)
	case strings.HasPrefix(name, "get") && len(args) > 0:
		l.zone(e, name, args)
	case (name == "duration" || name == "timestamp") && !(len(args) == 1 && args[0].Kind() == ast.LiteralKind):
		l.fail(e, "'%s' takes a constant", name)
	case name == "double" && isNaN(args):
		l.fail(e, "NaN is not a number")
	}
	if call.IsMemberFunction() {
		l.walk(call.Target(), locals)
	}
	for _, arg := range args {
		l.walk(arg, locals)
	}
}

// isNaN reports whether the argument of a conversion spells NaN.
func isNaN(args []ast.Expr) bool {
	if len(args) != 1 {
		return false
	}
	s, ok := literalText(args[0])
	return ok && strings.EqualFold(strings.TrimLeft(s, "+-"), "nan")
}

// zone insists on one constant zone that there is.
func (l *linter) zone(e ast.Expr, name string, args []ast.Expr) {
	zone, ok := literalText(args[0])
	if len(args) > 1 || !ok {
		l.fail(e, "'%s' takes the name of a zone in quotes, such as \"America/Toronto\"", name)
		return
	}
	if _, ok := loadZone(zone); !ok {
		l.fail(args[0], "'%s' is not a zone of the IANA database", clip(zone))
	}
}

// pattern insists on a constant, short regular expression.
func (l *linter) pattern(e ast.Expr, call ast.CallExpr) {
	args := call.Args()
	if len(args) == 0 || args[len(args)-1].Kind() != ast.LiteralKind {
		l.fail(e, "'matches' takes a constant pattern")
		return
	}
	if s, ok := args[len(args)-1].AsLiteral().Value().(string); ok && len(s) > maxPatternBytes {
		l.fail(e, "the pattern has %d bytes, at most %d", len(s), maxPatternBytes)
	}
}

func (l *linter) loop(e ast.Expr, locals []string) {
	l.uses |= useLoop
	c := e.AsComprehension()
	l.walk(c.IterRange(), locals)
	inner := append(slices.Clone(locals), c.IterVar(), c.AccuVar())
	if c.HasIterVar2() {
		inner = append(inner, c.IterVar2())
	}
	for _, part := range []ast.Expr{c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
		l.walk(part, inner)
	}
}
