package terms

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fill writes the parameters of one engagement into a template. The document
// shares nothing with the arguments, and [Decode] accepts its encoding.
// A parameter that is not given has its default. One without, if it is not
// required, may be left out, and with it the clauses that mention it; an empty
// value is not the same as none and is refused.
//
// Fill fails with a [*ParamError] for a parameter that the template does not
// declare, a required one that is missing, and a value that its kind does not
// allow; with a [*TemplateError] where [Template.Validate] fails or the filled
// document is beyond the limits. The first parameter in error is the same on
// every call. It costs one pass over the text.
func Fill(t Template, params map[string]string) (Document, error) {
	if err := t.Validate(); err != nil {
		return Document{}, err
	}
	params = t.withDefaults(params)
	if err := t.accepts(params); err != nil {
		return Document{}, err
	}
	d := Document{Template: t.ID, Version: t.Version, Title: t.Title}
	if len(params) > 0 {
		d.Params = params
	}
	for _, c := range t.Clauses {
		if text, ok := write(c.Text, params); ok {
			d.Clauses = append(d.Clauses, Clause{ID: c.ID, Title: c.Title, Text: text})
		}
	}
	if err := d.check(); err != nil {
		return Document{}, &TemplateError{Template: t.ID, Field: err.field, Want: err.want + ", when filled"}
	}
	if len(d.Encode()) > MaxBytes {
		return Document{}, &TemplateError{Template: t.ID, Field: "clauses", Want: fmt.Sprintf("at most %d bytes, when filled", MaxBytes)}
	}
	return d, nil
}

// withDefaults returns the parameters and, for those not given, the defaults.
func (t Template) withDefaults(params map[string]string) map[string]string {
	all := make(map[string]string, len(params))
	for _, p := range t.Params {
		if p.Default != "" {
			all[p.Name] = p.Default
		}
	}
	maps.Copy(all, params)
	return all
}

// accepts checks the parameters: first the undeclared ones by name, then the
// declared ones in their order.
func (t Template) accepts(params map[string]string) error {
	declared := make([]string, len(t.Params))
	for i, p := range t.Params {
		declared[i] = p.Name
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !slices.Contains(declared, name) {
			return &ParamError{Template: t.ID, Param: cut(name), Problem: Undeclared, Want: wantOneOf(declared)}
		}
	}
	for _, p := range t.Params {
		v, given := params[p.Name]
		want, ok := p.allows(v)
		switch {
		case !given && p.Required:
			return &ParamError{Template: t.ID, Param: p.Name, Problem: Missing, Want: want}
		case given && !ok:
			return &ParamError{Template: t.ID, Param: p.Name, Problem: Malformed, Want: want}
		}
	}
	return nil
}

func wantOneOf(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return "one of " + strings.Join(names, ", ")
}

// write replaces the placeholders of a text, once and from left to right, and
// reports whether all of them were given.
func write(text string, params map[string]string) (string, bool) {
	parts, _ := split(text)
	var b strings.Builder
	for _, p := range parts {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		v, given := params[p.name]
		if !given {
			return "", false
		}
		b.WriteString(v)
	}
	return b.String(), true
}
