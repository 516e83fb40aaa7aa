package terms

import "fmt"

// A flaw is a field that is unusable, before it is known whose field it is.
type flaw struct{ field, want string }

const wantParamName = "1 to 64 lower-case letters, digits and _"

func isParamName(s string) bool { return len(s) <= maxName && only(s, lower+digits+"_") }

func isID(s string) bool { return len(s) <= maxName && isDotted(s) }

func isTitle(s string, limit int) bool {
	return s != "" && len(s) <= limit && isLine(s) && isTrimmed(s)
}

// checkHead checks what a template and a document have in common; id is the
// name of the field with the template's ID.
func checkHead(id, template, version, title string) *flaw {
	switch {
	case !isID(template):
		return &flaw{id, "1 to 64 lower-case letters, digits, _, - and dots"}
	case !isTitle(version, maxVersion):
		return &flaw{"version", fmt.Sprintf("one line of 1 to %d bytes", maxVersion)}
	case !isTitle(title, maxTitle):
		return &flaw{"title", fmt.Sprintf("one line of 1 to %d bytes", maxTitle)}
	}
	return nil
}

func checkClauses(clauses []Clause) *flaw {
	if len(clauses) == 0 || len(clauses) > MaxClauses {
		return &flaw{"clauses", fmt.Sprintf("1 to %d", MaxClauses)}
	}
	seen := make(map[string]bool, len(clauses))
	for i, c := range clauses {
		field := fmt.Sprintf("clauses[%d]", i)
		switch {
		case !isID(c.ID):
			return &flaw{field + ".id", "1 to 64 lower-case letters, digits, _, - and dots"}
		case seen[c.ID]:
			return &flaw{field + ".id", "an id used once"}
		case !isTitle(c.Title, maxTitle):
			return &flaw{field + ".title", fmt.Sprintf("one line of 1 to %d bytes", maxTitle)}
		case c.Text == "" || len(c.Text) > maxText || !isProse(c.Text) || !isTrimmed(c.Text):
			return &flaw{field + ".text", fmt.Sprintf("text of 1 to %d bytes without control characters", maxText)}
		}
		seen[c.ID] = true
	}
	return nil
}

// check refuses a document that Decode would refuse for its content.
func (d Document) check() *flaw {
	if err := checkHead("template", d.Template, d.Version, d.Title); err != nil {
		return err
	}
	if err := checkClauses(d.Clauses); err != nil {
		return err
	}
	if len(d.Params) > MaxParams {
		return &flaw{"params", fmt.Sprintf("at most %d", MaxParams)}
	}
	for _, name := range d.names() {
		switch v := d.Params[name]; {
		case !isParamName(name):
			return &flaw{"params", "names of " + wantParamName}
		case v == "" || len(v) > maxValue || !isLine(v) || !isTrimmed(v):
			return &flaw{"params." + name, fmt.Sprintf("one line of 1 to %d bytes", maxValue)}
		}
	}
	return nil
}
