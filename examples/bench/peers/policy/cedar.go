package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"github.com/deeperpoint/csss/examples/bench/rules"
)

// loadCedar writes one document. Facts are the context, which is a flat record.
// Numbers with decimals are Cedar's decimals; durations are its whole numbers,
// which compare faster than its durations.
func loadCedar(w *rules.Workload) (func() (rules.Engine, error), error) {
	var b strings.Builder
	for _, r := range w.Rules {
		effect := "permit"
		if r.Forbid {
			effect = "forbid"
		}
		clauses := make([]string, len(r.When))
		for i, c := range r.When {
			clauses[i] = cedarClause(c)
		}
		fmt.Fprintf(&b, "%s (principal == Employer::%q, action == Action::\"match\", resource == Category::%q)\nwhen { %s };\n",
			effect, r.Employer, r.Category, strings.Join(clauses, " && "))
	}
	text := []byte(b.String())
	return func() (rules.Engine, error) {
		set, err := cedar.NewPolicySetFromBytes("rules.cedar", text)
		return &cedarEngine{set: set}, err
	}, nil
}

// decimals are the comparisons of Cedar's decimals.
var decimals = map[rules.Op]string{
	rules.AtLeast: "greaterThanOrEqual", rules.MoreThan: "greaterThan", rules.AtMost: "lessThanOrEqual", rules.LessThan: "lessThan",
}

func cedarClause(c rules.Clause) string {
	fact := "context." + flat(c.Name())
	switch {
	case c.Op == rules.IsTrue:
		return fact
	case c.Op == rules.Contains:
		return fmt.Sprintf("%s.contains(%q)", fact, c.Value.Text)
	case c.Op == rules.OneOf:
		return rules.List(c.Value.Texts) + ".contains(" + fact + ")"
	case c.Kind() == rules.Text:
		return fmt.Sprintf("%s %s %q", fact, c.Op.Symbol(), c.Value.Text)
	case c.Kind() == rules.Real:
		return fmt.Sprintf("%s.%s(decimal(%q))", fact, decimals[c.Op], strconv.FormatFloat(c.Value.Real(), 'f', 2, 64))
	}
	return fact + " " + c.Op.Symbol() + " " + strconv.FormatInt(c.Value.Number, 10)
}

type cedarEngine struct {
	set      *cedar.PolicySet
	requests []cedar.Request
}

// Prepare makes the requests as Cedar has them.
func (e *cedarEngine) Prepare(list []rules.Request) error {
	for i := range list {
		record := cedar.RecordMap{}
		for f, row := range rules.Facts {
			value, err := cedarValue(row.Kind, list[i].Values[f])
			if err != nil {
				return err
			}
			record[cedar.String(flat(row.Name))] = value
		}
		e.requests = append(e.requests, cedar.Request{
			Principal: cedar.NewEntityUID("Employer", cedar.String(list[i].Employer)),
			Action:    cedar.NewEntityUID("Action", "match"),
			Resource:  cedar.NewEntityUID("Category", cedar.String(list[i].Category)),
			Context:   cedar.NewRecord(record),
		})
	}
	return nil
}

func cedarValue(k rules.Kind, v rules.Value) (cedar.Value, error) {
	switch k {
	case rules.Text:
		return cedar.String(v.Text), nil
	case rules.Real:
		return cedar.NewDecimal(v.Number, -2)
	case rules.Flag:
		return cedar.Boolean(v.Flag), nil
	case rules.Texts:
		members := make([]cedar.Value, len(v.Texts))
		for i, t := range v.Texts {
			members[i] = cedar.String(t)
		}
		return cedar.NewSet(members...), nil
	}
	return cedar.Long(v.Number), nil
}

// Allowed authorises a request. Cedar skips a policy that fails; here none does.
func (e *cedarEngine) Allowed(i int) bool {
	decision, _ := cedar.Authorize(e.set, nil, e.requests[i])
	return decision == cedar.Allow
}
