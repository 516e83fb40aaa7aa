package expr

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Constants are what a condition spells out, for whoever looks for slips in it.
type Constants struct {
	Texts   []string           // in the order of the condition; no patterns, times and lengths of time
	Numbers map[string][]int64 // whole numbers by the attribute that they are compared with
}

// Constants returns the constants of a text that compiles; of any other text none. It costs about 20 µs.
func (c *Compiler) Constants(text string) (list Constants) {
	parsed, problems := c.parse(text)
	if problems != nil {
		return list
	}
	list.Numbers = map[string][]int64{}
	spelled := map[int64]bool{} // texts that are no texts
	ast.PreOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.LiteralKind:
			if s, ok := literalText(e); ok && !spelled[e.ID()] {
				list.Texts = append(list.Texts, s)
			}
		case ast.CallKind:
			list.call(e.AsCall(), spelled)
		}
	}))
	return list
}

func (list *Constants) call(call ast.CallExpr, spelled map[int64]bool) {
	switch name := call.FunctionName(); {
	case usedBy[name] != 0:
		for _, arg := range call.Args() {
			spelled[arg.ID()] = true
		}
	case orders[name] != 0:
		list.compared(call.Args()[0], call.Args()[1:])
		list.compared(call.Args()[1], call.Args()[:1])
	case name == operators.In && call.Args()[1].Kind() == ast.ListKind:
		list.compared(call.Args()[0], call.Args()[1].AsList().Elements())
	}
}

// compared notes the whole numbers among some values that a part is compared with.
func (list *Constants) compared(with ast.Expr, values []ast.Expr) {
	attr, ok := dotted(with)
	if !ok {
		return
	}
	for _, v := range values {
		if v.Kind() != ast.LiteralKind {
			continue
		}
		if i, ok := v.AsLiteral().(types.Int); ok && !slices.Contains(list.Numbers[attr], int64(i)) {
			list.Numbers[attr] = append(list.Numbers[attr], int64(i))
		}
	}
}
