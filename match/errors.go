package match

import (
	"errors"
	"fmt"
)

// Answers to yes/no questions.
var (
	// ErrNoCapacity means that an offer cannot give the quantity: it is held,
	// outside the windows, or in pieces too small to be of use.
	ErrNoCapacity = errors.New("match: no capacity")
	// ErrUnbounded means that an offer states neither a total nor an end, so
	// that what remains of it is not a number.
	ErrUnbounded = errors.New("match: capacity has no bound")
	// ErrHoldExists means that a hold with this ID was placed before.
	ErrHoldExists = errors.New("match: hold exists")
	// ErrEmbedding means that the embedder returned vectors of the wrong
	// number, length or content.
	ErrEmbedding = errors.New("match: bad embedding")
)

// A FieldError says which field of the input is unusable and what would be
// accepted. Value is "sealed" for private bounds; it is never an identity.
type FieldError struct {
	Field string // path in JSON names, e.g. windows[0].end
	Value string // the offending value
	Limit string // what is accepted
}

// Error returns "match: field is value, want limit".
func (e *FieldError) Error() string {
	return "match: " + e.Field + " is " + e.Value + ", want " + e.Limit
}

// fieldErr makes a *FieldError and cuts values that are too long to show.
func fieldErr(field string, value any, limit string) *FieldError {
	v := fmt.Sprint(value)
	if s, ok := value.(string); ok {
		v = fmt.Sprintf("%q", s)
	}
	if r := []rune(v); len(r) > 80 {
		v = string(r[:80]) + "…"
	}
	return &FieldError{Field: field, Value: v, Limit: limit}
}

// under prefixes the field of a *FieldError with the path that holds it.
func under(path string, err error) error {
	if f, ok := errors.AsType[*FieldError](err); ok {
		return &FieldError{Field: path + "." + f.Field, Value: f.Value, Limit: f.Limit}
	}
	return err
}
