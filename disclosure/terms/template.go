package terms

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Template is an agreement with blanks, for one kind of engagement.
type Template struct {
	ID      string   `json:"id"`      // lower-case letters, digits, "-", "_", "."; ends in the version of the meaning: consult-v1
	Version string   `json:"version"` // of the wording, e.g. 1.0.0; up to 32 bytes
	Title   string   `json:"title"`   // one line, up to 200 bytes
	Clauses []Clause `json:"clauses"` // 1 to 64, in the order of the document
	Params  []Param  `json:"params"`  // up to 64
}

// A Clause is one numbered paragraph of an agreement. In a template its text
// holds placeholders {{name}}; in a document they are filled in.
type Clause struct {
	ID    string `json:"id"`    // unique in its template, e.g. liability
	Title string `json:"title"` // one line, up to 200 bytes
	Text  string `json:"text"`  // up to 8192 bytes
}

// Limits of a document.
const (
	MaxBytes   = 64 << 10 // canonical form
	MaxClauses = 64
	MaxParams  = 64

	maxName    = 64
	maxVersion = 32
	maxTitle   = 200
	maxText    = 8 << 10
)

// Validate refuses with a [*TemplateError] a template that [Fill] cannot use:
// beyond the limits of the package comment, two clauses or parameters of one
// name, an unknown kind, a placeholder that is not closed or not declared, or
// no clause that is there whatever optional parameters are given. It costs one
// pass over the text.
func (t Template) Validate() error {
	if err := t.validate(); err != nil {
		return &TemplateError{Template: cut(t.ID), Field: err.field, Want: err.want}
	}
	return nil
}

func (t Template) validate() *flaw {
	if err := checkHead("id", t.ID, t.Version, t.Title); err != nil {
		return err
	}
	if err := checkParams(t.Params); err != nil {
		return err
	}
	if err := checkClauses(t.Clauses); err != nil {
		return err
	}
	return t.checkPlaceholders()
}

func checkParams(params []Param) *flaw {
	if len(params) > MaxParams {
		return &flaw{"params", fmt.Sprintf("at most %d", MaxParams)}
	}
	seen := make(map[string]bool, len(params))
	for i, p := range params {
		field := fmt.Sprintf("params[%d]", i)
		switch _, known := ruleOf(p.Kind); {
		case !isParamName(p.Name):
			return &flaw{field + ".name", wantParamName}
		case seen[p.Name]:
			return &flaw{field + ".name", "a name used once"}
		case !known:
			return &flaw{field + ".kind", "one of name, quantity, money, currency, count, nonce, text"}
		}
		if want, ok := p.allows(p.Default); p.Default != "" && !ok {
			return &flaw{field + ".default", want}
		}
		seen[p.Name] = true
	}
	return nil
}

// checkPlaceholders wants every placeholder declared, and one clause at least
// that no optional parameter can remove.
func (t Template) checkPlaceholders() *flaw {
	required := make(map[string]bool, len(t.Params))
	for _, p := range t.Params {
		required[p.Name] = p.Required
	}
	lasting := false
	for i, c := range t.Clauses {
		field := fmt.Sprintf("clauses[%d].text", i)
		parts, ok := split(c.Text)
		if !ok {
			return &flaw{field, "placeholders of the form {{name}}, and {{ and }} nowhere else"}
		}
		stays := true
		for _, part := range parts {
			need, declared := required[part.name]
			if part.name != "" && !declared {
				return &flaw{field, "placeholders of declared parameters: " + strings.Join(slices.Sorted(maps.Keys(required)), ", ")}
			}
			stays = stays && (part.name == "" || need)
		}
		lasting = lasting || stays
	}
	if !lasting {
		return &flaw{"clauses", "a clause without optional parameters"}
	}
	return nil
}

// A part of a text is literal, or the name of a placeholder.
type part struct{ literal, name string }

// split cuts a text into its parts, and reports whether each placeholder has
// the form {{name}}.
func split(text string) ([]part, bool) {
	var parts []part
	for {
		before, rest, found := strings.Cut(text, "{{")
		if strings.Contains(before, "}}") {
			return nil, false
		}
		if before != "" {
			parts = append(parts, part{literal: before})
		}
		if !found {
			return parts, true
		}
		name, after, closed := strings.Cut(rest, "}}")
		if !closed || !isParamName(name) {
			return nil, false
		}
		parts, text = append(parts, part{name: name}), after
	}
}
