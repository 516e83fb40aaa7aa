package coderhnsw

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/deeperpoint/csss/match"
)

// Options of an [Index]. Nil means all defaults.
type Options struct {
	M        int // links per row; 2 to 64; 0 means 16
	EfSearch int // candidates of a search, and how many results the graph is asked for at least; 1 to 4096; 0 means 64
}

// withDefaults returns a copy of o with its zero fields filled in.
func (o *Options) withDefaults() (Options, error) {
	var r Options
	if o != nil {
		r = *o
	}
	r.M, r.EfSearch = cmp.Or(r.M, 16), cmp.Or(r.EfSearch, 64)
	if err := inRange("m", r.M, 2, 64); err != nil {
		return r, err
	}
	return r, inRange("ef_search", r.EfSearch, 1, 4096)
}

func inRange(field string, v, lo, hi int) error {
	if v < lo || v > hi {
		return &match.FieldError{Field: field, Value: strconv.Itoa(v), Limit: fmt.Sprintf("%d to %d", lo, hi)}
	}
	return nil
}
