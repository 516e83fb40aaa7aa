package policy

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// maxConditionChars bounds a `when`, as expr does.
const maxConditionChars = 4096

// condition is a compiled `when`.
type condition = expr.Cond

// errNoSchema is of sets and schemas that nobody made.
var errNoSchema = errors.New("policy: schema is missing")

// made reports whether the schema is one of [NewSchema].
func (s *Schema) made() bool { return s != nil && s.table != nil }

// conditions returns the compiler of the schema's conditions.
func (s *Schema) conditions() (*expr.Compiler, error) {
	if !s.made() {
		return nil, errNoSchema
	}
	s.once.Do(func() { s.engine, s.err = expr.NewCompiler(s.table, &s.options) })
	return s.engine, s.err
}

// newTable numbers the attributes, in the order of their names.
func newTable(attrs []Attribute) (*expr.Table, error) {
	rows := make([]expr.Attr, len(attrs))
	for i, a := range attrs {
		rows[i] = expr.Attr{Name: a.Name, Kind: expr.Kind(a.Kind), Tainted: a.Tainted}
	}
	return expr.NewTable(rows)
}

// fill puts a request that was checked into a frame.
func (s *Schema) fill(f *expr.Frame, r *Request, withheld []string) {
	for name, v := range r.Attrs {
		if slot, ok := s.table.Lookup(name); ok {
			v.into(f, slot)
		}
	}
	f.SetTime(s.now, r.Now)
	f.SetString(s.category, r.Category)
	for _, name := range withheld {
		if slot, ok := s.table.Lookup(name); ok {
			f.Withhold(slot)
		}
	}
}

// into puts a value into its slot.
func (v *Value) into(f *expr.Frame, slot expr.Slot) {
	switch v.kind {
	case KindString:
		f.SetString(slot, v.str)
	case KindStrings:
		f.SetStrings(slot, v.list)
	case KindInt:
		f.SetInt(slot, v.num)
	case KindDuration:
		f.SetDuration(slot, time.Duration(v.num))
	case KindTime:
		f.SetTime(slot, v.at)
	case KindBool:
		f.SetBool(slot, v.num != 0)
	case KindDouble:
		f.SetDouble(slot, v.dbl)
	}
}

// missing lists the attributes a condition reads that are absent, not counting withheld ones.
func missing(c *condition, f *expr.Frame) []string {
	var names []string
	for _, slot := range c.Reads() {
		if !f.Has(slot) && !f.Withheld(slot) {
			names = append(names, f.Table().Attr(slot).Name)
		}
	}
	slices.Sort(names)
	return names
}

// broken reports whether a condition failed for another reason than an absent attribute.
func broken(c *condition, f *expr.Frame, value expr.Truth) bool {
	return value == expr.Error && len(missing(c, f)) == 0
}

// failure is one clause of a permit's or a grant's condition that does not hold.
type failure struct {
	text    string
	clause  string // its words; "" if it is tainted
	tainted bool
	broken  bool
}

// failures returns nothing if the condition is true, else the clauses that are not. A tainted clause is named by its
// owner alone, never by its words.
func failures(c *condition, f *expr.Frame, owner string) (list []failure) {
	value := c.Eval(f)
	if value == expr.True {
		return nil
	}
	for _, clause := range c.Clauses() {
		list = append(list, failures(clause, f, owner)...)
	}
	if len(list) > 0 {
		return list
	}
	text, words := why(c, value, f), c.Text()
	if c.Tainted() {
		text, words = "excluded by "+owner, ""
	}
	return []failure{{text: text, clause: words, tainted: c.Tainted(), broken: broken(c, f, value)}}
}

// why says in the document's words what an untrue condition lacks.
func why(c *condition, value expr.Truth, f *expr.Frame) string {
	switch missing := missing(c, f); {
	case value == expr.Unknown:
		return c.Text() + " needs what is not released yet"
	case value == expr.Error && len(missing) > 0:
		return c.Text() + " needs " + strings.Join(missing, ", ") + ", which is missing"
	case value == expr.Error:
		return c.Text() + " cannot be evaluated"
	}
	return c.Text() + " does not hold"
}

func (s *Schema) unknownAttribute(name string) string { return s.table.UnknownAttribute(name) }
