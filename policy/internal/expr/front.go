package expr

import (
	"fmt"
	"math"
	"regexp/syntax"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"
)

// Bounds of a condition.
const (
	maxChars   = 4096
	maxNodes   = 1000
	maxDepth   = 40
	maxCost    = 1_000_000 // units of cel-go's static estimate, about as many primitive steps
	maxErrors  = 10
	maxProgram = 1000 // instructions of a pattern

	maxPatternBytes = 256
	maxLoopNesting  = 2
)

// presence names the hidden variable that says whether an attribute is there. A document cannot spell it.
const presence = "@present."

// front parses and checks.
type front struct {
	table    *Table
	env      *cel.Env // plans programs; has no variables
	parser   *parser.Parser
	checker  *checker.Env
	language Language
}

// validators check what the types cannot, each where a text uses what it is about.
var validators = map[use][]cel.ASTValidator{
	useDuration:  {cel.ValidateDurationLiterals()},
	useTimestamp: {cel.ValidateTimestampLiterals()},
	usePattern:   {cel.ValidateRegexLiterals(), cel.ValidateRegexProgramSizeLimit(maxProgram)},
	useList:      {cel.ValidateHomogeneousAggregateLiterals()},
	useLoop:      {cel.ValidateComprehensionNestingLimit(maxLoopNesting)},
}

func newFront(t *Table, lang Language, extensions []cel.EnvOption) (*front, error) {
	f := &front{table: t, language: lang}
	var err error
	if f.env, err = cel.NewEnv(extensions...); err != nil {
		return nil, fmt.Errorf("expr: %w", err)
	}
	macros := append(f.env.Macros(), parser.NewGlobalMacro("present", 1, f.expandPresent))
	opts := []parser.Option{parser.EnablePrattParser(true), parser.Macros(macros...), parser.PopulateMacroCalls(true),
		parser.ErrorReportingLimit(maxErrors), parser.EnableHiddenAccumulatorName(true)}
	if lang == Documents {
		opts = append(opts, parser.MaxRecursionDepth(maxDepth), parser.ExpressionSizeCodePointLimit(maxChars), parser.MaxExpressionNodeCount(maxNodes))
	} else {
		opts = append(opts, parser.EnableOptionalSyntax(true), parser.EnableIdentEscapeSyntax(true))
	}
	f.parser, err = parser.NewParser(opts...)
	if err != nil {
		return nil, fmt.Errorf("expr: %w", err)
	}
	f.checker, err = checker.NewEnv(f.env.Container, f.env.CELTypeProvider(), checker.CrossTypeNumericComparisons(false))
	if err != nil {
		return nil, fmt.Errorf("expr: %w", err)
	}
	for _, fn := range f.env.Functions() {
		if err := f.checker.AddFunctions(fn); err != nil {
			return nil, fmt.Errorf("expr: %w", err)
		}
	}
	if err := f.checker.AddIdents(f.env.Variables()...); err != nil {
		return nil, fmt.Errorf("expr: %w", err)
	}
	for _, r := range t.rows {
		if err := f.checker.AddIdents(decls.NewVariable(r.Name, celType(r.Kind)), decls.NewVariable(presence+r.Name, types.BoolType)); err != nil {
			return nil, fmt.Errorf("expr: attribute %q: %w", r.Name, err)
		}
	}
	return f, nil
}

func celType(k Kind) *types.Type {
	switch k {
	case String:
		return types.StringType
	case Strings:
		return types.NewListType(types.StringType)
	case Int:
		return types.IntType
	case Duration:
		return types.DurationType
	case Time:
		return types.TimestampType
	case Bool:
		return types.BoolType
	}
	return types.DoubleType
}

// expandPresent rewrites present(a.b) to the hidden variable of a.b.
func (f *front) expandPresent(h parser.ExprHelper, _ ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
	name, ok := dotted(args[0])
	if !ok {
		return nil, h.NewError(args[0].ID(), "present() takes the name of an attribute")
	}
	if _, ok := f.table.slots[name]; !ok {
		return nil, h.NewError(args[0].ID(), f.table.UnknownAttribute(name))
	}
	return h.NewIdent(presence + name), nil
}

// parse reads a text without checking types.
func (f *front) parse(text string) (*ast.AST, []Problem) {
	limit := maxChars
	if f.language != Documents {
		limit = math.MaxInt32
	}
	src, err := common.NewTextSourceWithLimit(text, limit)
	if err != nil {
		return nil, []Problem{{1, 0, err.Error()}}
	}
	parsed, errs := f.parser.Parse(src)
	if problems := problemsOf(errs); problems != nil {
		return nil, problems
	}
	return parsed, nil
}

// check parses a text, refuses what is not offered, and types it.
func (f *front) check(text string) (*ast.AST, []Problem) {
	parsed, problems := f.parse(text)
	switch {
	case problems != nil:
		return nil, problems
	case f.language == UntypedCEL:
		return parsed, nil
	case f.language == CEL:
		checked, errs := checker.Check(parsed, common.NewTextSource(text), f.checker)
		return checked, problemsOf(errs)
	}
	l := linter{table: f.table, info: parsed.SourceInfo()}
	l.walk(parsed.Expr(), nil)
	if l.problems != nil {
		return nil, l.problems
	}
	return f.typed(text, parsed, l.uses)
}

// typed checks the types of a parsed text.
func (f *front) typed(text string, parsed *ast.AST, uses use) (*ast.AST, []Problem) {
	if n := ast.NodeCount(parsed); n > maxNodes {
		return nil, []Problem{{1, 0, fmt.Sprintf("has %d parts, at most %d", n, maxNodes)}}
	}
	checked, errs := checker.Check(parsed, common.NewTextSource(text), f.checker)
	if problems := problemsOf(errs); problems != nil {
		return nil, problems
	}
	iss := cel.NewIssuesWithSourceInfo(errs, checked.SourceInfo())
	for u := useDuration; u <= uses; u <<= 1 {
		if uses&u == 0 {
			continue
		}
		for _, v := range validators[u] {
			v.Validate(f.env, plainConfig{}, checked, iss)
		}
	}
	if problems := problemsOf(errs); problems != nil {
		return nil, problems
	}
	if t := checked.GetType(checked.Expr().ID()); !t.IsExactType(types.BoolType) {
		return nil, []Problem{{1, 0, fmt.Sprintf("a condition is true or false, this is %s", t)}}
	}
	return checked, nil
}

// plainConfig leaves validators at their defaults.
type plainConfig struct{}

func (plainConfig) GetOrDefault(_ string, value any) any { return value }

func problemsOf(errs *common.Errors) []Problem {
	var problems []Problem
	for _, e := range errs.GetErrors() {
		problems = append(problems, Problem{max(e.Location.Line(), 1), max(e.Location.Column(), 0), e.Message})
	}
	return problems
}

// estimate bounds the cost of a checked expression, given the limits on the values of a frame.
func (f *front) estimate(checked *ast.AST) (uint64, []Problem) {
	if !checked.IsChecked() {
		return math.MaxUint64, nil
	}
	est, err := cost.Cost(checked, sizes{})
	if err != nil {
		return 0, []Problem{{1, 0, "the cost cannot be bounded: " + err.Error()}}
	}
	return est.Max, nil
}

// sizes tells the estimate how large the values of a request can be.
type sizes struct{}

func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	switch {
	case len(n.Path()) == 0:
		return nil
	case n.Type().Kind() == types.ListKind:
		return &cost.SizeEstimate{Max: MaxListItems}
	case slices.Contains(n.Path(), "@items"):
		return &cost.SizeEstimate{Max: MaxItemBytes}
	case n.Type().Kind() == types.StringKind:
		return &cost.SizeEstimate{Max: MaxStringBytes}
	}
	return nil
}

// perStep is how many steps of a pattern's program cost as much as one of the estimate.
const perStep = 4

// EstimateCallCost charges a pattern for the size of its program at every byte of the text: that is what it may take,
// however short it is spelled.
func (s sizes) EstimateCallCost(function, _ string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	if function != "matches" || len(args) == 0 {
		return nil
	}
	text := args[0]
	if target != nil {
		text = *target
	}
	pattern, ok := literalText(args[len(args)-1].Expr())
	if !ok {
		return nil
	}
	worst := (s.longest(text) + 1) * programSize(pattern) / perStep
	return cost.NewCallEstimate(cost.Estimate{Max: worst}, nil)
}

// longest bounds the bytes of a text.
func (s sizes) longest(text cost.AstNode) uint64 {
	if size := text.ComputedSize(); size != nil {
		return size.Max
	}
	if size := s.EstimateSize(text); size != nil {
		return size.Max
	}
	return MaxStringBytes
}

// programSize is the number of instructions of a pattern; a pattern that does not compile is refused elsewhere.
func programSize(pattern string) uint64 {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0
	}
	return uint64(len(program.Inst))
}

// reads lists the attributes that a part of a checked expression reads, sorted, and whether one of them is tainted.
func (f *front) reads(whole *ast.AST, part ast.Expr) (slots []Slot, tainted bool) {
	refs := whole.ReferenceMap()
	ast.PreOrderVisit(part, ast.NewExprVisitor(func(e ast.Expr) {
		if r, ok := refs[e.ID()]; ok {
			if s, ok := f.table.Lookup(strings.TrimPrefix(r.Name, presence)); ok {
				slots = append(slots, s)
				tainted = tainted || f.table.rows[s].Tainted
			}
		}
	}))
	slices.Sort(slots)
	return slices.Compact(slots), tainted
}

// plan makes a program of a part of a checked expression.
func (f *front) plan(whole *ast.AST, part ast.Expr) (cel.Program, error) {
	if !whole.IsChecked() {
		return f.env.PlanProgram(ast.NewAST(part, whole.SourceInfo()), f.refuseNaN()...)
	}
	return f.env.PlanProgram(ast.NewCheckedAST(ast.NewAST(part, whole.SourceInfo()), whole.TypeMap(), whole.ReferenceMap()), f.refuseNaN()...)
}
