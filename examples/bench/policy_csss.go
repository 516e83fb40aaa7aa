package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/deeperpoint/csss/examples/bench/rules"
	"github.com/deeperpoint/csss/policy"
)

// askedAt is the time of all requests.
var askedAt = time.Date(2026, 9, 14, 9, 30, 0, 0, time.UTC)

// duty is the obligation in the rules of csss/joint.
const duty = "report_hours"

// documents writes the rules as package policy reads them, a document for each
// employer. More is added to every permit and begins with a comma.
func documents(list []rules.Rule, version int, more string) (docs []policy.Source) {
	for first := 0; first < len(list); first += rules.PerEmployer {
		docs = append(docs, document(list[first:min(first+rules.PerEmployer, len(list))], version, more))
	}
	return docs
}

func document(list []rules.Rule, version int, more string) policy.Source {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: csss.policy/v1\nemployer: %s\nversion: %d\nrules:\n", list[0].Employer, version)
	for _, r := range list {
		effect, rest := "permit", ", approval: auto"+more
		if r.Forbid {
			effect, rest = "forbid", ""
		}
		fmt.Fprintf(&b, "  - {id: rule-%d, effect: %s, actions: [match], categories: [%s]%s,\n     when: '%s'}\n", r.ID, effect, r.Category, rest, rules.CEL(r.When))
	}
	return policy.Source{Name: list[0].Employer + ".yaml", Text: []byte(b.String())}
}

// request is a request as package policy has it.
func request(q *rules.Request) *policy.Request {
	attrs := policy.Attrs{}
	for f, row := range rules.Facts {
		attrs[row.Name] = value(row.Kind, q.Values[f])
	}
	return &policy.Request{Employer: q.Employer, Action: policy.Match, Category: q.Category, Now: askedAt, Attrs: attrs, Knows: []string{duty}}
}

func value(k rules.Kind, v rules.Value) policy.Value {
	switch k {
	case rules.Text:
		return policy.String(v.Text)
	case rules.Real:
		return policy.Double(v.Real())
	case rules.Flag:
		return policy.Bool(v.Flag)
	case rules.Texts:
		return policy.Strings(v.Texts...)
	case rules.Duration:
		return policy.Duration(v.Duration())
	}
	return policy.Int(v.Number)
}

// csss is package policy with a workload's rules.
type csss struct {
	set      *policy.Set
	requests []*policy.Request
	queries  []*policy.Query
}

// loadCSSS compiles under a schema of its own each time, since a schema knows
// the conditions it has seen.
func loadCSSS(w *rules.Workload) (func() (rules.Engine, error), error) {
	docs := documents(w.Rules, 1, "")
	return func() (rules.Engine, error) {
		set, err := policy.Compile(policy.BaseSchema(), docs...)
		return &csss{set: set}, err
	}, nil
}

// Prepare binds the requests.
func (e *csss) Prepare(list []rules.Request) error {
	schema := e.set.Schema()
	for i := range list {
		r := request(&list[i])
		q, err := schema.Bind(r)
		if err != nil {
			return err
		}
		e.requests, e.queries = append(e.requests, r), append(e.queries, q)
	}
	return nil
}

// Allowed reports whether a request is permitted; no rule asks for an approval.
func (e *csss) Allowed(i int) bool {
	d := e.set.Decide(e.queries[i])
	return d.Outcome == policy.Permit
}
