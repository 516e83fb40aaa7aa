// Package celgo decides a benchmark's rules with cel-go alone, in the two ways
// in which programs use it: every rule after the other, and behind a hash index
// by employer and category. Variables are typed and flat, values lie in a map by
// name, as in cel-go's own examples; activations are made before the clock runs.
//
// A rule whose evaluation fails counts against the request: a forbid denies, a
// permit does not apply.
package celgo

import (
	"fmt"

	"cel.dev/cel-go/cel"

	"github.com/deeperpoint/csss/examples/bench/rules"
)

// Variables beside the facts.
const (
	employer = "employer"
	category = "category"
)

// Linear evaluates all rules, their heads as their first two conditions, until a
// forbid denies.
func Linear(w *rules.Workload) (func() (rules.Engine, error), error) {
	texts := make([]string, len(w.Rules))
	for i, r := range w.Rules {
		texts[i] = fmt.Sprintf("%s == %q && %s == %q && %s", employer, r.Employer, category, r.Category, rules.CEL(r.When))
	}
	list := w.Rules
	return func() (rules.Engine, error) {
		programs, err := compile(texts)
		if err != nil {
			return nil, err
		}
		e := &linear{rules: make([]rule, len(list))}
		for i, p := range programs {
			e.rules[i] = rule{p, list[i].Forbid}
		}
		return e, nil
	}, nil
}

// Indexed finds the rules of an employer and category by hash, and evaluates
// what else they say.
func Indexed(w *rules.Workload) (func() (rules.Engine, error), error) {
	texts := make([]string, len(w.Rules))
	for i, r := range w.Rules {
		texts[i] = rules.CEL(r.When)
	}
	list := w.Rules
	return func() (rules.Engine, error) {
		programs, err := compile(texts)
		if err != nil {
			return nil, err
		}
		e := &indexed{rules: map[head][]rule{}}
		for i, p := range programs {
			h := head{list[i].Employer, list[i].Category}
			e.rules[h] = append(e.rules[h], rule{p, list[i].Forbid})
		}
		return e, nil
	}, nil
}

type rule struct {
	program cel.Program
	forbid  bool
}

type head struct{ employer, category string }

// decide is the one way in which both engines read rules.
func decide(list []rule, a cel.Activation) bool {
	allowed := false
	for i := range list {
		out, _, err := list[i].program.Eval(a)
		holds := err == nil && out.Value() == true
		switch {
		case list[i].forbid && (holds || err != nil):
			return false
		case holds:
			allowed = true
		}
	}
	return allowed
}

type linear struct {
	rules    []rule
	requests []cel.Activation
}

func (e *linear) Prepare(list []rules.Request) (err error) {
	e.requests, err = activations(list)
	return err
}

func (e *linear) Allowed(i int) bool { return decide(e.rules, e.requests[i]) }

type indexed struct {
	rules    map[head][]rule
	heads    []head
	requests []cel.Activation
}

func (e *indexed) Prepare(list []rules.Request) (err error) {
	for i := range list {
		e.heads = append(e.heads, head{list[i].Employer, list[i].Category})
	}
	e.requests, err = activations(list)
	return err
}

func (e *indexed) Allowed(i int) bool { return decide(e.rules[e.heads[i]], e.requests[i]) }

// types are those of the kinds of facts.
var types = map[rules.Kind]*cel.Type{
	rules.Text: cel.StringType, rules.Number: cel.IntType, rules.Real: cel.DoubleType, rules.Flag: cel.BoolType,
	rules.Texts: cel.ListType(cel.StringType), rules.Duration: cel.DurationType,
}

// compile parses, checks and plans each text in one environment.
func compile(texts []string) ([]cel.Program, error) {
	options := []cel.EnvOption{cel.Variable(employer, cel.StringType), cel.Variable(category, cel.StringType)}
	for _, f := range rules.Facts {
		options = append(options, cel.Variable(f.Name, types[f.Kind]))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, err
	}
	list := make([]cel.Program, len(texts))
	for i, text := range texts {
		ast, issues := env.Compile(text)
		if err := issues.Err(); err != nil {
			return nil, err
		}
		if list[i], err = env.Program(ast, cel.EvalOptions(cel.OptOptimize)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func activations(list []rules.Request) ([]cel.Activation, error) {
	out := make([]cel.Activation, len(list))
	for i := range list {
		values := map[string]any{employer: list[i].Employer, category: list[i].Category}
		for f, row := range rules.Facts {
			values[row.Name] = native(row.Kind, list[i].Values[f])
		}
		a, err := cel.NewActivation(values)
		if err != nil {
			return nil, err
		}
		out[i] = a
	}
	return out, nil
}

func native(k rules.Kind, v rules.Value) any {
	switch k {
	case rules.Text:
		return v.Text
	case rules.Real:
		return v.Real()
	case rules.Flag:
		return v.Flag
	case rules.Texts:
		return v.Texts
	case rules.Duration:
		return v.Duration()
	}
	return v.Number
}
