package policy

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// A template is a condition with typed parameters, written param.NAME. A rule or a grant that uses it says their values, and
// means exactly what it would mean with the values written in their places: it has the same digest and the same reasons. Many
// rules on one template share what is compiled.
type template struct {
	id     string
	at     place
	params []param
	pieces []piece
	when   *node
	broken bool
}

// param is a parameter of a template.
type param struct {
	name string
	kind Kind
	at   place
	used bool
}

// piece is a stretch of a template's text, followed by a parameter unless it is the last one.
type piece struct {
	text  string
	param int // index; -1: none
}

const maxParams = 32

// paramKinds are the words for the kinds of parameters.
var paramKinds = map[string]Kind{"string": KindString, "strings": KindStrings, "int": KindInt, "duration": KindDuration,
	"time": KindTime, "bool": KindBool, "double": KindDouble}

// sampleLiterals stand for the parameters while a template itself is checked.
var sampleLiterals = map[Kind]string{KindString: `"x"`, KindStrings: `["x"]`, KindInt: "1", KindDuration: `duration("1s")`,
	KindTime: `timestamp("2026-01-01T00:00:00Z")`, KindBool: "true", KindDouble: "1.0"}

func (d *decoder) template(n *node) {
	t := &template{at: n.place}
	d.named(n, func() {
		d.object(n, "template",
			field{"id", true, func(n *node) { t.id = d.word(n, "id") }},
			field{"params", false, func(n *node) { d.params(n, t) }},
			field{"when", true, func(n *node) { t.when = n }})
		before := len(d.errs.List)
		if t.when != nil {
			d.pieces(t)
		}
		t.broken = len(d.errs.List) > before
	})
	d.templates = append(d.templates, t)
}

func (d *decoder) params(n *node, t *template) {
	if n.form != formObject {
		d.fail(n, "params: want an object, got %s", formNames[n.form])
		return
	}
	if len(n.keys) > maxParams {
		d.fail(n, "params: %d items, at most %d", len(n.keys), maxParams)
		return
	}
	for i, key := range n.keys {
		kind := d.oneOf(n.items[i], "params", "string", "strings", "int", "duration", "time", "bool", "double")
		if !isParamName(key.text) {
			d.fail(key, "params: '%s' is not a lower-case word", clip(key.text))
		}
		t.params = append(t.params, param{name: key.text, kind: paramKinds[kind], at: key.place})
	}
}

func isParamName(s string) bool {
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// pieces cuts the text of a template at its parameters and checks it with samples in their places.
func (d *decoder) pieces(t *template) {
	n := t.when
	if n.form != formText {
		d.fail(n, "when: want a condition as text, got %s", formNames[n.form])
		return
	}
	if utf8.RuneCountInString(n.text) > maxConditionChars {
		d.fail(n, "when: more than %d characters", maxConditionChars)
		return
	}
	before := len(d.errs.List)
	start := 0
	for at, name := range paramsIn(n.text) {
		i := slices.IndexFunc(t.params, func(p param) bool { return p.name == name })
		if i < 0 {
			names := make([]string, len(t.params))
			for k, p := range t.params {
				names[k] = p.name
			}
			d.fail(d.spot(n, problemAt(n.text, at, "")), "the template has no parameter '%s'%s", clip(name), expr.Suggest(name, names))
			continue
		}
		t.params[i].used = true
		t.pieces = append(t.pieces, piece{n.text[start:at], i})
		start = at + len(paramHead) + len(name)
	}
	t.pieces = append(t.pieces, piece{n.text[start:], -1})
	for _, p := range t.params {
		if !p.used {
			d.fail(p.at, "params: '%s' is not used", clip(p.name))
		}
	}
	if len(d.errs.List) > before || d.errs.More {
		return
	}
	samples := make([]string, len(t.params))
	for i, p := range t.params {
		samples[i] = sampleLiterals[p.kind]
	}
	text, origins := t.fill(samples)
	_, problems := d.engine.Compile(text)
	for _, p := range problems {
		d.fail(d.spot(n, problemAt(n.text, originOf(origins, offsetOf(text, p)), p.Text)), "%s", p.Text)
	}
}

// origin says that from offset in the filled text on, text was copied from offset from of the template.
type origin struct{ offset, from int }

// fill puts literals in the places of parameters.
func (t *template) fill(literals []string) (text string, origins []origin) {
	var b strings.Builder
	from := 0
	for _, p := range t.pieces {
		origins = append(origins, origin{b.Len(), from})
		b.WriteString(p.text)
		from += len(p.text)
		if p.param >= 0 {
			origins = append(origins, origin{b.Len(), -from - 1}) // all of the literal is the parameter's place
			b.WriteString(literals[p.param])
			from += len(paramHead) + len(t.params[p.param].name)
		}
	}
	return b.String(), origins
}

func originOf(origins []origin, offset int) int {
	i, found := slices.BinarySearchFunc(origins, offset, func(o origin, at int) int { return o.offset - at })
	if !found {
		i--
	}
	for i+1 < len(origins) && origins[i+1].offset == offset {
		i++
	}
	if o := origins[i]; o.from < 0 {
		return -o.from - 1
	} else {
		return o.from + offset - o.offset
	}
}

// offsetOf is the place of a problem in bytes.
func offsetOf(text string, p expr.Problem) int {
	offset := 0
	for range p.Line - 1 {
		next := strings.IndexByte(text[offset:], '\n')
		if next < 0 {
			return len(text)
		}
		offset += next + 1
	}
	for range p.Col {
		if offset == len(text) || text[offset] == '\n' {
			break
		}
		_, size := utf8.DecodeRuneInString(text[offset:])
		offset += size
	}
	return offset
}

// problemAt is a problem at a place in bytes.
func problemAt(text string, offset int, what string) expr.Problem {
	head := text[:min(offset, len(text))]
	last := strings.LastIndexByte(head, '\n') + 1
	return expr.Problem{Line: 1 + strings.Count(head, "\n"), Col: utf8.RuneCountInString(head[last:]), Text: what}
}

// paramHead begins the name of a parameter. No schema has an attribute of that head.
const paramHead = "param."

// paramsIn yields the place and the name of every parameter in a condition's text, outside of its texts and comments.
func paramsIn(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		for i := 0; i < len(text); {
			switch c := text[i]; {
			case c == '"' || c == '\'':
				raw := i > 0 && (text[i-1] == 'r' || text[i-1] == 'R') || i > 1 && (text[i-2] == 'r' || text[i-2] == 'R') && (text[i-1] == 'b' || text[i-1] == 'B')
				i = endOfText(text, i, raw)
			case c == '/' && strings.HasPrefix(text[i:], "//"):
				if next := strings.IndexByte(text[i:], '\n'); next >= 0 {
					i += next
				} else {
					return
				}
			case isWordByte(c):
				end := i
				for end < len(text) && (isWordByte(text[end]) || text[end] == '.') {
					end++
				}
				if word := text[i:end]; strings.HasPrefix(word, paramHead) {
					name, _, _ := strings.Cut(word[len(paramHead):], ".")
					if !yield(i, name) {
						return
					}
				}
				i = end
			default:
				i++
			}
		}
	}
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// endOfText is the place after the text literal that begins at i.
func endOfText(text string, i int, raw bool) int {
	quote := text[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(text[i:], triple) {
		quote = triple
	}
	for i += len(quote); i < len(text); i++ {
		switch {
		case !raw && text[i] == '\\':
			i++
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote)
		}
	}
	return len(text)
}

// used is the condition that a rule or a grant takes from a template; nil if it takes none, or there is a fault.
func (d *decoder) used(n *node, what string, use, with *node) *condition {
	switch {
	case use != nil && n.child("when") != nil:
		d.fail(use, "%s: 'use' stands beside 'when'; one of them is the condition", what)
	case use != nil:
		return d.use(use, with)
	case with != nil:
		d.fail(with, "%s: 'with' stands without 'use'", what)
	}
	return nil
}

// use compiles a condition from a template and the values of its parameters.
func (d *decoder) use(n, with *node) *condition {
	id := d.word(n, "use")
	i := slices.IndexFunc(d.templates, func(t *template) bool { return t.id == id })
	if i < 0 {
		names := make([]string, len(d.templates))
		for k, t := range d.templates {
			names[k] = t.id
		}
		d.fail(n, "use: no template is called '%s'%s", clip(id), expr.Suggest(id, names))
		return nil
	}
	t := d.templates[i]
	if t.broken {
		return nil
	}
	before := len(d.errs.List)
	literals := make([]string, len(t.params))
	fields := make([]field, len(t.params))
	for i, p := range t.params {
		fields[i] = field{p.name, true, func(n *node) { literals[i] = d.literal(n, p) }}
	}
	switch {
	case with != nil:
		d.object(with, "with", fields...)
	case len(fields) > 0:
		d.fail(n, "use: 'with' is missing, which gives the template's parameters")
	}
	if len(d.errs.List) > before || d.errs.More {
		return nil
	}
	text, _ := t.fill(literals)
	if utf8.RuneCountInString(text) > maxConditionChars {
		d.fail(n, "use: with its values the condition has more than %d characters", maxConditionChars)
		return nil
	}
	c, problems := d.engine.Compile(text)
	for _, p := range problems {
		d.fail(n, "use: with its values: %s", p.Text)
	}
	return c
}

// literal reads the value of a parameter and spells it as conditions do.
func (d *decoder) literal(n *node, p param) string {
	switch p.kind {
	case KindString:
		return strconv.Quote(d.text(n, p.name))
	case KindStrings:
		var list []string
		d.list(n, p.name, maxListed, func(n *node) { list = append(list, strconv.Quote(d.text(n, p.name))) })
		if n.form == formList && len(list) == 0 {
			d.fail(n, "%s: is empty", p.name)
		}
		return "[" + strings.Join(list, ", ") + "]"
	case KindInt:
		return strconv.FormatInt(d.integer(n, p.name, -1<<63, 1<<63-1), 10)
	case KindDuration:
		return `duration("` + short(d.duration(n, p.name, 0)) + `")`
	case KindTime:
		return `timestamp("` + d.time(n, p.name).Format(time.RFC3339Nano) + `")`
	case KindBool:
		return strconv.FormatBool(d.boolean(n, p.name))
	}
	s := strconv.FormatFloat(d.double(n, p.name), 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}
