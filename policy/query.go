package policy

import (
	"errors"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// Query is a request made ready to be decided: every field checked, its attributes in slots, its names hashed. It knows
// no rules, so that any [Set] of the same [Schema] may be asked, as often as wanted and by several goroutines at once. It
// keeps the request's lists and maps: do not change them before the next [Query.Reset].
//
// The zero Query is denied by every set.
type Query struct {
	schema *Schema // nil: not usable
	frame  *expr.Frame
	firm   uint64 // hash of the employer
	action int    // index in actionList
	folds  bool   // somebody has voted or was asked, or authority was handed on
	path   path
	req    Request
}

// Bind makes a request ready. It costs about a microsecond, mostly for the map of attributes; reuse a Query by
// [Query.Reset] where that matters.
//
// Any fault makes the request unusable: the error joins a [*RequestError] per field. The employer's name is not one of
// them, since a Query knows no rules.
func (s *Schema) Bind(r *Request) (*Query, error) {
	q := new(Query)
	return q, q.Reset(s, r)
}

// Reset makes the query one of another request, and reuses its memory. Nobody else may use it meanwhile. After an error
// the query is denied by every set. The errors are those of [Schema.Bind].
func (q *Query) Reset(s *Schema, r *Request) error {
	return errors.Join(q.bind(s, r)...)
}

func (q *Query) bind(s *Schema, r *Request) []error {
	q.schema, q.req = nil, Request{}
	if r == nil {
		return []error{&RequestError{Field: "request", Text: "is nil"}}
	}
	if !s.made() { // of the zero Set
		return []error{&RequestError{Field: "schema", Text: "is missing"}}
	}
	if errs := s.check(r); errs != nil {
		return errs
	}
	q.schema, q.req = s, *r
	q.action = actionIndex(r.Action)
	q.folds = len(r.Votes) > 0 || len(r.Approvals) > 0 || len(r.Grants) > 0 || !r.Requested.IsZero()
	if q.frame == nil || q.frame.Table() != s.table {
		q.frame = s.table.NewFrame()
	} else {
		q.frame.Reset()
	}
	s.fill(q.frame, r, s.withheld(r, q.action))
	q.firm = s.hash(r.Employer)
	q.path.reset(s.seed, r.Category)
	return nil
}

func actionIndex(a Action) int {
	for i, known := range actionList {
		if a == known {
			return i
		}
	}
	return -1
}
