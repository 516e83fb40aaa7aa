package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Op is how a clause compares.
type Op uint8

// The comparisons.
const (
	Equal    Op  = iota // Text
	NotEqual            // Text
	OneOf               // Text: one of Texts
	AtLeast             // numbers
	MoreThan            // numbers
	AtMost              // numbers
	LessThan            // numbers
	IsTrue              // Flag
	Contains            // Texts
	opCount  int = iota
)

// symbols of the comparisons that have one, the same in every language here.
var symbols = [opCount]string{Equal: "==", NotEqual: "!=", AtLeast: ">=", MoreThan: ">", AtMost: "<=", LessThan: "<"}

// Symbol returns the operator of a comparison of two values, such as ">=".
func (o Op) Symbol() string { return symbols[o] }

// Clause is one condition of a rule: a fact, a comparison and a constant.
type Clause struct {
	Fact  Fact
	Op    Op
	Value Value // OneOf: Texts; otherwise of the fact's kind, and Text for Contains
}

// Name is the name of the clause's fact.
func (c Clause) Name() string { return Facts[c.Fact].Name }

// Kind is the kind of the clause's fact.
func (c Clause) Kind() Kind { return Facts[c.Fact].Kind }

// Holds is what the clause means.
func (c Clause) Holds(v Value) bool {
	switch c.Op {
	case Equal:
		return v.Text == c.Value.Text
	case NotEqual:
		return v.Text != c.Value.Text
	case OneOf:
		return slices.Contains(c.Value.Texts, v.Text)
	case AtLeast:
		return v.Number >= c.Value.Number
	case MoreThan:
		return v.Number > c.Value.Number
	case AtMost:
		return v.Number <= c.Value.Number
	case LessThan:
		return v.Number < c.Value.Number
	case IsTrue:
		return v.Flag
	case Contains:
		return slices.Contains(v.Texts, c.Value.Text)
	}
	return false
}

// CEL writes the clause in the Common Expression Language.
func (c Clause) CEL() string {
	switch c.Op {
	case IsTrue:
		return c.Name()
	case Contains:
		return fmt.Sprintf("%q in %s", c.Value.Text, c.Name())
	case OneOf:
		return c.Name() + " in " + List(c.Value.Texts)
	}
	return c.Name() + " " + c.Op.Symbol() + " " + c.celConstant()
}

func (c Clause) celConstant() string {
	switch c.Kind() {
	case Text:
		return strconv.Quote(c.Value.Text)
	case Real:
		return strconv.FormatFloat(c.Value.Real(), 'f', 2, 64)
	case Duration:
		return fmt.Sprintf(`duration("%dh")`, c.Value.Number/int64(time.Hour))
	}
	return strconv.FormatInt(c.Value.Number, 10)
}

// List writes strings as a list in brackets, as CEL, Rego and Cedar do.
func List(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = strconv.Quote(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// CEL joins clauses to one expression.
func CEL(clauses []Clause) string {
	words := make([]string, len(clauses))
	for i, c := range clauses {
		words[i] = c.CEL()
	}
	return strings.Join(words, " && ")
}
