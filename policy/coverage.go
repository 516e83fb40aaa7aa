package policy

import (
	"cmp"
	"iter"
	"slices"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// RuleCoverage is what some requests did with one rule.
type RuleCoverage struct {
	Employer string           `json:"employer"`
	Rule     string           `json:"rule"`
	File     string           `json:"file"`
	Line     int              `json:"line"`
	Col      int              `json:"col"`
	Forbid   bool             `json:"forbid,omitempty"`
	Looked   int              `json:"looked"`            // requests that the rule was looked at for: action, category and time fit
	Applied  int              `json:"applied"`           // those among them that it permits, or denies
	Clauses  []ClauseCoverage `json:"clauses,omitempty"` // of its condition: each conjunct, or the whole if there is but one
}

// ClauseCoverage is what became of one clause in the requests that its rule was looked at for.
type ClauseCoverage struct {
	Text      string `json:"text"`
	True      int    `json:"true"`
	False     int    `json:"false"`
	Undefined int    `json:"undefined"` // an attribute was absent or withheld, or it failed
}

// Points returns how many of the things that tests should show of the rule were shown: that it applies,
// and each clause of its condition both true and not.
func (c RuleCoverage) Points() (shown, all int) {
	count := func(yes bool) {
		all++
		if yes {
			shown++
		}
	}
	count(c.Applied > 0)
	for _, k := range c.Clauses {
		count(k.True > 0)
		count(k.False+k.Undefined > 0)
	}
	return shown, all
}

// Cover tells what requests do with each rule of their employers, sorted by employer and place. Employers that no request
// asks are left out; requests that cannot be used cover nothing. It costs an explanation per request, and one evaluation
// per clause of each rule that is looked at.
func Cover(set *Set, requests iter.Seq[*Request]) []RuleCoverage {
	covers := map[*document][]RuleCoverage{}
	var q Query
	for r := range requests {
		if q.Reset(set.schema, r) != nil {
			continue
		}
		doc := set.document(r.Employer)
		if doc == nil {
			continue
		}
		if covers[doc] == nil {
			covers[doc] = uncovered(doc)
		}
		applied := set.Explain(r).Rules
		for i, rule := range doc.rules {
			if rule.heads(r.Action, r.Category, r.Now) {
				covers[doc][i].note(rule, q.frame, slices.Contains(applied, rule.id))
			}
		}
	}
	var list []RuleCoverage
	for _, of := range covers {
		list = append(list, of...)
	}
	slices.SortFunc(list, func(a, b RuleCoverage) int {
		return cmp.Or(cmp.Compare(a.Employer, b.Employer), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return list
}

// uncovered is the rules of a document before any request.
func uncovered(doc *document) []RuleCoverage {
	list := make([]RuleCoverage, len(doc.rules))
	for i, r := range doc.rules {
		c := RuleCoverage{Employer: doc.employer, Rule: r.id, File: doc.file, Line: r.at.line, Col: r.at.col, Forbid: r.effect == forbid}
		for _, clause := range clausesOf(r) {
			c.Clauses = append(c.Clauses, ClauseCoverage{Text: clause.Text()})
		}
		list[i] = c
	}
	return list
}

func clausesOf(r *rule) []*condition {
	if r.when == nil {
		return nil
	}
	if clauses := r.when.Clauses(); len(clauses) > 0 {
		return clauses
	}
	return []*condition{r.when}
}

func (c *RuleCoverage) note(r *rule, f *expr.Frame, applied bool) {
	c.Looked++
	if applied {
		c.Applied++
	}
	for i, clause := range clausesOf(r) {
		switch k := &c.Clauses[i]; clause.Eval(f) {
		case expr.True:
			k.True++
		case expr.False:
			k.False++
		default:
			k.Undefined++
		}
	}
}
