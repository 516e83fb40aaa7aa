package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	celref "cel.dev/cel-go/common/types/ref"
)

// This file is the only one that knows the expression language's implementation.

// Bounds of a condition.
const (
	maxConditionChars = 4096
	maxConditionNodes = 1000
	maxConditionDepth = 40
	maxConditionCost  = 1_000_000 // units of cel-go's static estimate, about as many primitive steps
	maxPatternBytes   = 256
	maxPatternProgram = 1000
	maxLoopNesting    = 2
	maxCached         = 8192
)

// presence names the hidden variable that says whether an attribute is there. A document cannot spell it.
const presence = "@present."

// truth is the value of a condition.
type truth uint8

const (
	isFalse   truth = iota
	isTrue          //
	isError         // an attribute is absent, or the evaluation failed
	isUnknown       // an attribute is withheld
)

// condition is a compiled `when`. It is immutable and safe for concurrent use.
type condition struct {
	text    string
	reads   []string // attributes, sorted
	tainted bool
	program cel.Program
	clauses []*condition // the top-level conjuncts, if there are two or more
}

// problem is a fault of a condition at a place of its text.
type problem struct {
	line, col int // line from 1, column from 0, in characters
	text      string
}

// engine compiles conditions for one schema and keeps them by text.
type engine struct {
	schema *Schema
	env    *cel.Env

	mu    sync.RWMutex
	cache map[string]*condition
}

func (s *Schema) conditions() (*engine, error) {
	s.once.Do(func() { s.engine, s.err = newEngine(s) })
	return s.engine, s.err
}

func newEngine(s *Schema) (*engine, error) {
	opts := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(maxConditionChars),
		cel.ParserRecursionLimit(maxConditionDepth),
		cel.ExpressionNodeLimit(maxConditionNodes),
		cel.RegexProgramSizeLimit(maxPatternProgram),
		cel.EnableMacroCallTracking(),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(), cel.ValidateComprehensionNestingLimit(maxLoopNesting)),
		cel.Macros(cel.GlobalMacro("present", 1, s.expandPresent)),
	}
	for name, a := range s.attrs {
		opts = append(opts, cel.Variable(name, celType(a.Kind)), cel.Variable(presence+name, cel.BoolType))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("policy: schema: %w", err)
	}
	return &engine{schema: s, env: env, cache: map[string]*condition{}}, nil
}

func celType(k Kind) *cel.Type {
	switch k {
	case KindString:
		return cel.StringType
	case KindStrings:
		return cel.ListType(cel.StringType)
	case KindInt:
		return cel.IntType
	case KindDuration:
		return cel.DurationType
	case KindTime:
		return cel.TimestampType
	case KindBool:
		return cel.BoolType
	}
	return cel.DoubleType
}

// expandPresent rewrites present(a.b) to the hidden variable of a.b.
func (s *Schema) expandPresent(h cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
	name, ok := dotted(args[0])
	if !ok {
		return nil, h.NewError(args[0].ID(), "present() takes the name of an attribute")
	}
	if _, ok := s.attrs[name]; !ok {
		return nil, h.NewError(args[0].ID(), s.unknownAttribute(name))
	}
	return h.NewIdent(presence + name), nil
}

func (s *Schema) unknownAttribute(name string) string {
	return fmt.Sprintf("unknown attribute '%s'%s", clip(name), suggest(name, s.names()))
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

// compile returns the condition of a text, from the cache if it is known.
func (e *engine) compile(text string) (*condition, []problem) {
	e.mu.RLock()
	c := e.cache[text]
	e.mu.RUnlock()
	if c != nil {
		return c, nil
	}
	c, problems := e.build(text)
	if len(problems) > 0 {
		return nil, problems
	}
	e.mu.Lock()
	if len(e.cache) >= maxCached {
		clear(e.cache)
	}
	e.cache[text] = c
	e.mu.Unlock()
	return c, nil
}

func (e *engine) build(text string) (*condition, []problem) {
	parsed, iss := e.env.Parse(text)
	if problems := issues(iss); problems != nil {
		return nil, problems
	}
	l := linter{schema: e.schema, info: parsed.NativeRep().SourceInfo()}
	l.walk(parsed.NativeRep().Expr(), nil)
	if l.problems != nil {
		return nil, l.problems
	}
	checked, iss := e.env.Check(parsed)
	if problems := issues(iss); problems != nil {
		return nil, problems
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, []problem{{1, 0, fmt.Sprintf("a condition is true or false, this is %s", checked.OutputType())}}
	}
	if p := e.tooCostly(checked); p != nil {
		return nil, p
	}
	c, err := e.plan(checked.NativeRep(), checked.NativeRep().Expr(), text)
	if err != nil {
		return nil, []problem{{1, 0, err.Error()}}
	}
	return c, nil
}

func issues(iss *cel.Issues) []problem {
	if iss.Err() == nil {
		return nil
	}
	var problems []problem
	for _, e := range iss.Errors() {
		problems = append(problems, problem{max(e.Location.Line(), 1), max(e.Location.Column(), 0), e.Message})
	}
	if problems == nil {
		problems = []problem{{1, 0, iss.Err().Error()}}
	}
	return problems
}

// tooCostly refuses a condition whose worst case is too dear, given the limits on the values of a request.
func (e *engine) tooCostly(checked *cel.Ast) []problem {
	est, err := e.env.EstimateCost(checked, sizes{})
	if err != nil {
		return []problem{{1, 0, "the cost cannot be bounded: " + err.Error()}}
	}
	if est.Max > maxConditionCost {
		return []problem{{1, 0, fmt.Sprintf("may cost %d steps, at most %d", est.Max, maxConditionCost)}}
	}
	return nil
}

// sizes tells the estimate how large the values of a request can be.
type sizes struct{}

func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	switch {
	case len(n.Path()) == 0:
		return nil
	case n.Type().Kind() == types.ListKind:
		return &cost.SizeEstimate{Max: maxListItems}
	case slices.Contains(n.Path(), "@items"):
		return &cost.SizeEstimate{Max: maxItemBytes}
	case n.Type().Kind() == types.StringKind:
		return &cost.SizeEstimate{Max: maxStringBytes}
	}
	return nil
}

func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// plan makes a condition of a checked expression or of a part of it.
func (e *engine) plan(whole *ast.AST, expr ast.Expr, text string) (*condition, error) {
	part := ast.NewCheckedAST(ast.NewAST(expr, whole.SourceInfo()), whole.TypeMap(), whole.ReferenceMap())
	program, err := e.env.PlanProgram(part)
	if err != nil {
		return nil, err
	}
	c := &condition{text: text, program: program}
	c.reads, c.tainted = e.reads(whole, expr)
	conjuncts := conjunctsOf(expr, nil)
	if len(conjuncts) < 2 {
		return c, nil
	}
	for _, one := range conjuncts {
		text, err := cel.ExprToString(one, whole.SourceInfo())
		if err != nil {
			return nil, err
		}
		clause, err := e.plan(whole, one, text)
		if err != nil {
			return nil, err
		}
		c.clauses = append(c.clauses, clause)
	}
	return c, nil
}

func conjunctsOf(e ast.Expr, list []ast.Expr) []ast.Expr {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.LogicalAnd {
		for _, arg := range e.AsCall().Args() {
			list = conjunctsOf(arg, list)
		}
		return list
	}
	return append(list, e)
}

// reads lists the attributes an expression reads, sorted, and whether one of them is tainted.
func (e *engine) reads(whole *ast.AST, expr ast.Expr) (names []string, tainted bool) {
	refs := whole.ReferenceMap()
	ast.PreOrderVisit(expr, ast.NewExprVisitor(func(x ast.Expr) {
		if r, ok := refs[x.ID()]; ok {
			name := strings.TrimPrefix(r.Name, presence)
			if a, ok := e.schema.attrs[name]; ok {
				names = append(names, name)
				tainted = tainted || a.Tainted
			}
		}
	}))
	slices.Sort(names)
	return slices.Compact(names), tainted
}

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
	"getFullYear": "UTC only", "getMonth": "UTC only", "getDate": "UTC only", "getDayOfMonth": "UTC only",
	"getDayOfWeek": "UTC only", "getDayOfYear": "UTC only", "getHours": "UTC only", "getMinutes": "UTC only",
	"getSeconds": "UTC only", "getMilliseconds": "UTC only",
}

// linter refuses, before the type check, what the language has and documents may not use, and unknown attributes.
type linter struct {
	schema   *Schema
	info     *ast.SourceInfo
	problems []problem
}

// maxProblems bounds how many faults of one condition are told.
const maxProblems = 10

func (l *linter) fail(e ast.Expr, format string, args ...any) {
	if len(l.problems) >= maxProblems {
		return
	}
	at := l.info.GetStartLocation(e.ID())
	l.problems = append(l.problems, problem{max(at.Line(), 1), max(at.Column(), 0), fmt.Sprintf(format, args...)})
}

// walk visits an expression; locals are the variables of the loops around it.
func (l *linter) walk(e ast.Expr, locals []string) {
	switch e.Kind() {
	case ast.IdentKind, ast.SelectKind:
		l.name(e, locals)
	case ast.CallKind:
		l.call(e, locals)
	case ast.ListKind:
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
		if _, ok := l.schema.attrs[name]; !ok {
			l.fail(root(e), "%s", l.schema.unknownAttribute(name))
		}
	}
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
	switch _, ok := allowed[name]; {
	case !ok:
		l.fail(e, "function '%s' is not offered", clip(name))
	case name == "matches":
		l.pattern(e, call)
	case strings.HasPrefix(name, "get") && len(args) > 0:
		l.fail(e, "'%s' takes no zone; named zones are not offered in conditions", name)
	case (name == "duration" || name == "timestamp") && !(len(args) == 1 && args[0].Kind() == ast.LiteralKind):
		l.fail(e, "'%s' takes a constant", name)
	}
	if call.IsMemberFunction() {
		l.walk(call.Target(), locals)
	}
	for _, arg := range args {
		l.walk(arg, locals)
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

// errAbsent is what reading an absent attribute yields. Its node id is not zero, so that cel-go does not label it: it is
// shared by all goroutines.
var errAbsent = types.NewErrWithNodeID(1, "absent")

// withheldValue is what reading a withheld attribute yields.
var withheldValue = types.NewUnknown(1, types.NewAttributeTrail("withheld"))

// frame lets a program read a request. It is made per decision and not shared.
type frame struct {
	schema   *Schema
	attrs    Attrs
	withheld []string
	now      time.Time
	category string
}

// ResolveName implements cel.Activation.
func (f *frame) ResolveName(name string) (any, bool) {
	if attr, ok := strings.CutPrefix(name, presence); ok {
		if slices.Contains(f.withheld, attr) {
			return withheldValue, true
		}
		_, there := f.value(attr)
		return types.Bool(there), true
	}
	if slices.Contains(f.withheld, name) {
		return withheldValue, true
	}
	if v, ok := f.value(name); ok {
		return celValue(v), true
	}
	if _, ok := f.schema.attrs[name]; ok {
		return errAbsent, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (f *frame) Parent() cel.Activation { return nil }

func celValue(v Value) celref.Val {
	switch v.kind {
	case KindString:
		return types.String(v.str)
	case KindStrings:
		return types.NewStringList(types.DefaultTypeAdapter, v.list)
	case KindInt:
		return types.Int(v.num)
	case KindDuration:
		return types.Duration{Duration: time.Duration(v.num)}
	case KindTime:
		return types.Timestamp{Time: v.at}
	case KindBool:
		return types.Bool(v.num != 0)
	}
	return types.Double(v.dbl)
}

// eval returns the condition's value. The error says what failed if that was not an absent attribute.
func (c *condition) eval(f *frame) (truth, error) {
	out, _, err := c.program.Eval(f)
	switch {
	case err != nil:
		if len(c.missing(f)) > 0 {
			return isError, nil
		}
		return isError, err
	case types.IsUnknown(out):
		return isUnknown, nil
	case out == types.True:
		return isTrue, nil
	case out == types.False:
		return isFalse, nil
	}
	return isError, errors.New("the condition has no truth value")
}

// missing lists the attributes the condition reads that are absent, not counting withheld ones.
func (c *condition) missing(f *frame) []string {
	var names []string
	for _, name := range c.reads {
		if _, ok := f.value(name); !ok && !slices.Contains(f.withheld, name) {
			names = append(names, name)
		}
	}
	return names
}
