package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/deeperpoint/csss/examples/bench/rules"
)

// regoHead is what decides: a permit and no forbid.
const regoHead = `package rules

default allow := false

allow if {
	permit
	not forbid
}

default permit := false

default forbid := false

`

// loadOPA writes one module. Facts are flat, which is less work for OPA than
// nested objects, and durations are numbers, since Rego has no type for them.
func loadOPA(w *rules.Workload) (func() (rules.Engine, error), error) {
	var b strings.Builder
	b.WriteString(regoHead)
	for _, r := range w.Rules {
		effect := "permit"
		if r.Forbid {
			effect = "forbid"
		}
		fmt.Fprintf(&b, "%s if {\n\tinput.employer == %q\n\tinput.category == %q\n", effect, r.Employer, r.Category)
		for _, c := range r.When {
			fmt.Fprintf(&b, "\t%s\n", regoClause(c))
		}
		b.WriteString("}\n\n")
	}
	text := b.String()
	return func() (rules.Engine, error) {
		query, err := rego.New(rego.Query("data.rules.allow"), rego.Module("rules.rego", text)).PrepareForEval(context.Background())
		return &opa{query: query}, err
	}, nil
}

// flat is a fact's name as one word.
func flat(name string) string { return strings.ReplaceAll(name, ".", "_") }

func regoClause(c rules.Clause) string {
	fact := "input." + flat(c.Name())
	switch c.Op {
	case rules.IsTrue:
		return fact
	case rules.Contains:
		return fmt.Sprintf("%q in %s", c.Value.Text, fact)
	case rules.OneOf:
		list := rules.List(c.Value.Texts)
		return fact + " in {" + list[1:len(list)-1] + "}"
	}
	return fact + " " + c.Op.Symbol() + " " + regoConstant(c)
}

func regoConstant(c rules.Clause) string {
	switch c.Kind() {
	case rules.Text:
		return strconv.Quote(c.Value.Text)
	case rules.Real:
		return strconv.FormatFloat(c.Value.Real(), 'f', 2, 64)
	}
	return strconv.FormatInt(c.Value.Number, 10)
}

type opa struct {
	query  rego.PreparedEvalQuery
	inputs []rego.EvalOption
}

// Prepare parses the requests to the values that OPA evaluates.
func (e *opa) Prepare(list []rules.Request) error {
	for i := range list {
		object := map[string]any{"employer": list[i].Employer, "category": list[i].Category}
		for f, row := range rules.Facts {
			object[flat(row.Name)] = regoValue(row.Kind, list[i].Values[f])
		}
		value, err := ast.InterfaceToValue(object)
		if err != nil {
			return err
		}
		e.inputs = append(e.inputs, rego.EvalParsedInput(value))
	}
	return nil
}

func regoValue(k rules.Kind, v rules.Value) any {
	switch k {
	case rules.Text:
		return v.Text
	case rules.Real:
		return v.Real()
	case rules.Flag:
		return v.Flag
	case rules.Texts:
		return v.Texts
	}
	return v.Number
}

// Allowed reports whether allow is true; it counts a query that fails as denied.
func (e *opa) Allowed(i int) bool {
	result, err := e.query.Eval(context.Background(), e.inputs[i])
	return err == nil && result.Allowed()
}
