package terms

import "fmt"

// A Problem says what is wrong with a parameter.
type Problem string

// The problems of a [ParamError].
const (
	Missing    Problem = "is missing"
	Undeclared Problem = "is not declared"
	Malformed  Problem = "is malformed"
)

// A ParamError says which parameter [Fill] cannot use, and what is allowed. It
// does not hold the value.
type ParamError struct {
	Template string  // ID of the template
	Param    string  // name of the parameter, cut after 64 bytes
	Problem  Problem // Missing, Undeclared or Malformed
	Want     string  // what is allowed
}

// Error returns "terms: param "rate" of consult-v1 is malformed, want …".
func (e *ParamError) Error() string {
	return fmt.Sprintf("terms: param %q of %s %s, want %s", e.Param, e.Template, e.Problem, e.Want)
}

// A TemplateError says which field of a template is unusable, and what would
// be accepted.
type TemplateError struct {
	Template string // ID of the template, cut after 64 bytes
	Field    string // path in JSON names, e.g. clauses[3].text
	Want     string // what is accepted
}

// Error returns "terms: template "consult-v1": clauses[3].text: want …".
func (e *TemplateError) Error() string {
	return fmt.Sprintf("terms: template %q: %s: want %s", e.Template, e.Field, e.Want)
}

// A DecodeError says which field of an encoded document is unusable, and what
// would be accepted. It does not hold the bytes.
type DecodeError struct {
	Field string // path in JSON names, e.g. clauses[3].text, or "encoding" for the whole
	Want  string // what is accepted
}

// Error returns "terms: decode clauses[3].text: want …".
func (e *DecodeError) Error() string {
	return fmt.Sprintf("terms: decode %s: want %s", e.Field, e.Want)
}

// cut shortens a name that is too long to show.
func cut(s string) string { return s[:min(len(s), maxName)] }
