package expr_test

import (
	"fmt"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

func ExampleCompiler_Compile() {
	table, _ := expr.NewTable([]expr.Attr{
		{Name: "request.mode", Kind: expr.String},
		{Name: "price.rate", Kind: expr.Int},
		{Name: "counterparty.naics", Kind: expr.String, Tainted: true},
	})
	compiler, _ := expr.NewCompiler(table, nil)
	cond, _ := compiler.Compile(`request.mode == "remote" && price.rate >= 9500`)

	frame := table.NewFrame()
	mode, _ := table.Lookup("request.mode")
	rate, _ := table.Lookup("price.rate")
	frame.SetString(mode, "remote")
	fmt.Println("no rate:", cond.Eval(frame))
	frame.SetInt(rate, 9400)
	fmt.Println("at 94.00:", cond.Eval(frame))
	frame.SetInt(rate, 9500)
	fmt.Println("at 95.00:", cond.Eval(frame))

	_, problems := compiler.Compile(`request.node == "remote"`)
	fmt.Printf("%d:%d: %s\n", problems[0].Line, problems[0].Col, problems[0].Text)
	// Output:
	// no rate: error
	// at 94.00: false
	// at 95.00: true
	// 1:0: unknown attribute 'request.node'; did you mean 'request.mode'?
}

func ExampleCond_Clauses() {
	table, _ := expr.NewTable([]expr.Attr{{Name: "price.rate", Kind: expr.Int}, {Name: "price.currency", Kind: expr.String}})
	compiler, _ := expr.NewCompiler(table, nil)
	cond, _ := compiler.Compile(`price.rate>=9500 && price.currency=="CAD"`)

	frame := table.NewFrame()
	rate, _ := table.Lookup("price.rate")
	frame.SetInt(rate, 9400)
	for _, clause := range cond.Clauses() {
		fmt.Println(clause.Text(), "is", clause.Eval(frame))
	}
	// Output:
	// price.rate >= 9500 is false
	// price.currency == "CAD" is error
}

func ExampleFrame() {
	table, _ := expr.NewTable([]expr.Attr{{Name: "a.trust", Kind: expr.Double}})
	trust, _ := table.Lookup("a.trust")

	frame := table.NewFrame()
	fmt.Println(frame.Has(trust), frame.Withheld(trust))
	frame.SetDouble(trust, 0)
	fmt.Println(frame.Has(trust), frame.Withheld(trust))
	frame.Withhold(trust)
	fmt.Println(frame.Has(trust), frame.Withheld(trust))
	// Output:
	// false false
	// true false
	// false true
}
