package policy

import "errors"

// ErrSchemas says that sets of different schemas cannot be joined.
var ErrSchemas = errors.New("policy: join: sets of different schemas")

// Join returns a set with the documents of all the sets; of an employer that
// several have, that of the last. It costs a copy of the first set's table of
// employers, 32 bytes each, and the documents of the others. Without sets it
// returns the zero Set.
//
// Errors: [ErrSchemas] where one was compiled under another schema.
func Join(sets ...*Set) (*Set, error) {
	if len(sets) == 0 {
		return &Set{}, nil
	}
	for _, s := range sets[1:] {
		if s.schema != sets[0].schema {
			return nil, ErrSchemas
		}
	}
	return sets[0].with(sets[1:]), nil
}
