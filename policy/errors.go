package policy

import (
	"fmt"
	"slices"
	"strings"
)

// maxErrors bounds how many errors one [Compile] reports.
const maxErrors = 100

// Error is one fault of a document, with its place.
type Error struct {
	File string `json:"file"`           // [Source.Name]
	Line int    `json:"line"`           // from 1; 0 when the whole document is meant
	Col  int    `json:"col"`            // from 1, in characters
	Rule string `json:"rule,omitempty"` // id of the rule, grant, quota, approval or test concerned, if known
	Text string `json:"text"`           // what is wrong
}

// Error returns "file:line:col: text".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Text)
}

// Errors is every fault found by one [Compile], sorted by document and place, at most 100 of them.
type Errors struct {
	List []*Error `json:"list"`
	More bool     `json:"more,omitempty"` // there were more than List holds
}

// Error returns one line per fault.
func (e *Errors) Error() string {
	var b strings.Builder
	b.WriteString("policy: ")
	for i, one := range e.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(one.Error())
	}
	if e.More {
		b.WriteString("\nand more")
	}
	return b.String()
}

// Unwrap returns the faults for [errors.As].
func (e *Errors) Unwrap() []error {
	list := make([]error, len(e.List))
	for i, one := range e.List {
		list[i] = one
	}
	return list
}

func (e *Errors) add(one *Error) {
	if len(e.List) >= maxErrors {
		e.More = true
		return
	}
	e.List = append(e.List, one)
}

func (e *Errors) merge(other *Errors) {
	for _, one := range other.List {
		e.add(one)
	}
	e.More = e.More || other.More
}

// orNil returns nil when there are no faults at all.
func (e *Errors) orNil() error {
	if len(e.List) == 0 {
		return nil
	}
	return e
}

func sortByPlace(list []*Error) {
	slices.SortStableFunc(list, func(a, b *Error) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
}

// RequestError says which field of a request could not be used. The request was denied because of it. It never quotes a
// value.
type RequestError struct {
	Field string `json:"field"` // "employer", "now", or the attribute's name
	Text  string `json:"text"`  // what is wrong with it
}

// Error returns "policy: request: field text".
func (e *RequestError) Error() string { return "policy: request: " + e.Field + " " + e.Text }

// EvalError says that a condition could not be evaluated for a reason other than an absent attribute, such as an
// overflow or a text that is no number. The rule then counted against the request. The evaluator's own words are left
// out: they quote values.
type EvalError struct {
	Rule string `json:"rule"` // id@version
}

// Error returns "policy: rule: its condition cannot be evaluated".
func (e *EvalError) Error() string {
	return "policy: " + e.Rule + ": its condition cannot be evaluated"
}
