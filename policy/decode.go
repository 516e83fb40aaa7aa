package policy

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// Bounds of a document's content.
const (
	maxRules    = 2000
	maxListed   = 256 // items of any other list
	maxSeats    = 16
	maxTextSize = 200 // bytes of a name, a person, a test's title
	maxDuration = 100 * 365 * 24 * time.Hour
)

// decoder turns the nodes of one document into its types, and collects every fault on the way.
type decoder struct {
	tree
	schema *Schema
	engine *expr.Compiler
	source []byte
	lines  []string // of text, once a fault needs them
	doc    *document
	rows   []*testRow

	templates []*template
	inside    string // id of the thing being read, for Error.Rule
}

// field is one key that an object may have.
type field struct {
	name string
	must bool
	read func(*node)
}

func (d *decoder) fail(at placed, format string, args ...any) {
	p := at.where()
	d.errs.add(&Error{File: d.file, Line: p.line, Col: p.col, Rule: d.inside, Text: fmt.Sprintf(format, args...)})
}

// object reads the keys of an object: no other key, and each one that must be there.
func (d *decoder) object(n *node, what string, fields ...field) bool {
	if n.form != formObject {
		d.fail(n, "%s: want an object, got %s", what, formNames[n.form])
		return false
	}
	for i, key := range n.keys {
		if d.errs.More {
			return false
		}
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == key.text })
		if at < 0 {
			d.fail(key, "%s: unknown key '%s'%s", what, clip(key.text), expr.Suggest(key.text, fieldNames(fields)))
			continue
		}
		fields[at].read(n.items[i])
	}
	for _, f := range fields {
		if f.must && n.child(f.name) == nil {
			d.fail(n, "%s: '%s' is missing", what, f.name)
		}
	}
	return true
}

func fieldNames(fields []field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

func (d *decoder) list(n *node, what string, limit int, read func(*node)) {
	if n.form != formList {
		d.fail(n, "%s: want a list, got %s", what, formNames[n.form])
		return
	}
	if len(n.items) > limit {
		d.fail(n, "%s: %d items, at most %d", what, len(n.items), limit)
		return
	}
	for _, item := range n.items {
		if d.errs.More {
			return
		}
		read(item)
	}
}

func (d *decoder) text(n *node, what string) string {
	switch {
	case n.form != formText:
		d.fail(n, "%s: want text, got %s", what, formNames[n.form])
		return ""
	case n.text == "":
		d.fail(n, "%s: is empty", what)
	case len(n.text) > maxTextSize:
		d.fail(n, "%s: %d bytes, at most %d", what, len(n.text), maxTextSize)
	}
	return n.text
}

var (
	wholeForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

	fractionForm = regexp.MustCompile(`^-?[0-9]+\.[0-9]*$`)
	timeForm     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`)
	weekForm     = regexp.MustCompile(`^[0-9]{4}-W[0-9]{2}$`)
)

// isWord is true of up to 128 letters, digits, '_', '-' and '.' that begin with none of the latter two.
func isWord(s string) bool {
	if s == "" || len(s) > 128 || !isWordByte(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isKeyByte(s[i]) {
			return false
		}
	}
	return true
}

func isKeyByte(c byte) bool { return isWordByte(c) || c == '.' || c == '-' }

// isCategory is true of words of lower-case letters, digits, '_' and '-' that are joined by single dots.
func isCategory(s string) bool {
	dot := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && dot, c >= 'A' && c <= 'Z', !isKeyByte(c):
			return false
		default:
			dot = c == '.'
		}
	}
	return !dot
}

// word reads an id, a role or an employer.
func (d *decoder) word(n *node, what string) string {
	s := d.text(n, what)
	if s != "" && !isWord(s) {
		d.fail(n, "%s: '%s' is not a word of letters, digits, '_', '-' and '.'", what, clip(s))
	}
	return s
}

func (d *decoder) oneOf(n *node, what string, choices ...string) string {
	s := d.text(n, what)
	if s != "" && !slices.Contains(choices, s) {
		d.fail(n, "%s: '%s' is none of %s%s", what, clip(s), strings.Join(choices, ", "), expr.Suggest(s, choices))
	}
	return s
}

func (d *decoder) integer(n *node, what string, low, high int64) int64 {
	switch {
	case n.form == formOther && fractionForm.MatchString(n.text):
		d.fraction(n, what)
		return low
	case n.form != formInt:
		d.fail(n, "%s: want a whole number, got %s", what, formNames[n.form])
		return low
	case !wholeForm.MatchString(n.text):
		d.fail(n, "%s: '%s' is not a decimal number without leading zeros and signs between its digits", what, clip(n.text))
		return low
	}
	i, err := strconv.ParseInt(n.text, 10, 64)
	if err != nil || i < low || i > high {
		d.fail(n, "%s: %s is outside %d to %d", what, clip(n.text), low, high)
		return low
	}
	return i
}

// fraction says of a fraction that it is none of the whole numbers; an amount of money then is not in cents.
func (d *decoder) fraction(n *node, what string) {
	if strings.HasPrefix(what, "price.") {
		d.fail(n, "%s: '%s' is not a whole number; money is in cents", what, clip(n.text))
	} else {
		d.fail(n, "%s: '%s' is not a whole number", what, clip(n.text))
	}
}

func (d *decoder) boolean(n *node, what string) bool {
	if n.form != formBool || n.text != "true" && n.text != "false" {
		d.fail(n, "%s: want true or false, got %s", what, formNames[n.form])
	}
	return n.text == "true"
}

// double reads a decimal number; the form of a whole number is one, too.
func (d *decoder) double(n *node, what string) float64 {
	v, err := strconv.ParseFloat(n.text, 64)
	if errors.Is(err, strconv.ErrRange) && !n.quoted {
		d.fail(n, "%s: '%s' is too large a number", what, clip(n.text))
		return 0
	}
	if n.quoted || n.form != formInt && n.form != formOther || err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		d.fail(n, "%s: want a number, got %s", what, formNames[n.form])
		return 0
	}
	return v
}

// duration reads h, m, s; a civil day has 23 to 25 hours, so there is no d.
func (d *decoder) duration(n *node, what string, low time.Duration) time.Duration {
	s := d.text(n, what)
	v, err := time.ParseDuration(s)
	switch {
	case s == "":
	case err != nil || strings.TrimLeft(s, "0123456789.hms") != "":
		d.fail(n, "%s: '%s' is not a duration of h, m and s, such as 2h30m", what, clip(s))
	case v < low || v > maxDuration:
		d.fail(n, "%s: %s is outside %s to %s", what, clip(s), short(low), short(maxDuration))
	}
	return v
}

func (d *decoder) time(n *node, what string) time.Time {
	if n.form != formTime && n.form != formText {
		d.fail(n, "%s: want a time, got %s", what, formNames[n.form])
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, n.text)
	if err != nil && timeForm.MatchString(n.text) {
		d.fail(n, "%s: there is no such time as '%s'", what, clip(n.text))
		return time.Time{}
	}
	if err != nil || t.IsZero() {
		d.fail(n, "%s: '%s' is not an RFC 3339 time with an offset, such as 2026-09-01T00:00:00-04:00", what, clip(n.text))
		return time.Time{}
	}
	return t
}

// words reads a list of distinct words.
func (d *decoder) words(n *node, what string, limit int) []string {
	var list []string
	d.list(n, what, limit, func(item *node) {
		w := d.word(item, what)
		if slices.Contains(list, w) {
			d.fail(item, "%s: '%s' stands twice", what, clip(w))
		}
		list = append(list, w)
	})
	if n.form == formList && len(n.items) == 0 {
		d.fail(n, "%s: is empty", what)
	}
	return list
}

// sorted reads a list of distinct words whose order means nothing.
func (d *decoder) sorted(n *node, what string) []string {
	list := d.words(n, what, maxListed)
	slices.Sort(list)
	return list
}

func (d *decoder) refs(n *node, what string) []ref {
	var list []ref
	d.list(n, what, maxListed, func(item *node) {
		id := d.word(item, what)
		if slices.ContainsFunc(list, func(r ref) bool { return r.id == id }) {
			d.fail(item, "%s: '%s' stands twice", what, clip(id))
		}
		list = append(list, ref{id, item.place})
	})
	return list
}

func (d *decoder) category(n *node) string {
	s := d.text(n, "category")
	if s != "" && !isCategory(s) {
		d.fail(n, "category: '%s' is not lower-case words joined by dots", clip(s))
	}
	return d.engine.Intern(s)
}

func (d *decoder) categories(n *node) []string {
	var list []string
	d.list(n, "categories", maxListed, func(item *node) { list = append(list, d.category(item)) })
	if n.form == formList && len(n.items) == 0 {
		d.fail(n, "categories: is empty")
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (d *decoder) action(n *node) Action {
	if i := actionIndex(Action(n.text)); i >= 0 && n.form == formText {
		return actionList[i]
	}
	return Action(d.oneOf(n, "action", stringsOf(actionList[:])...))
}

func (d *decoder) actions(n *node) []Action {
	var list []Action
	d.list(n, "actions", maxListed, func(item *node) { list = append(list, d.action(item)) })
	if n.form == formList && len(n.items) == 0 {
		d.fail(n, "actions: is empty")
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (d *decoder) validity(n *node, must bool) (v validity) {
	d.object(n, "valid",
		field{"from", must, func(n *node) { v.from = d.time(n, "from") }},
		field{"until", must, func(n *node) { v.until = d.time(n, "until") }})
	if !v.from.IsZero() && !v.until.IsZero() && !v.from.Before(v.until) {
		d.fail(n, "valid: from is not before until")
	}
	return v
}

// condition compiles a `when`; faults are placed inside the text where the document spells it in one piece.
func (d *decoder) condition(n *node) *condition {
	if n.form != formText {
		d.fail(n, "when: want a condition as text, got %s", formNames[n.form])
		return nil
	}
	if utf8.RuneCountInString(n.text) > maxConditionChars {
		d.fail(n, "when: more than %d characters", maxConditionChars)
		return nil
	}
	c, problems := d.engine.Compile(n.text)
	for _, p := range problems {
		d.fail(d.spot(n, p), "%s", p.Text)
	}
	return c
}

// spot maps a place in a condition to the document. Where escapes or folding make that impossible it is the node's own.
func (d *decoder) spot(n *node, p expr.Problem) place {
	if d.lines == nil {
		d.lines = strings.Split(strings.ReplaceAll(string(d.source), "\r\n", "\n"), "\n")
	}
	own := n.place
	line, col := n.line+p.Line-1, n.col
	switch {
	case n.block:
		line = n.line + p.Line
		if line > len(d.lines) {
			return own
		}
		col = 1 + len(d.lines[line-1]) - len(strings.TrimLeft(d.lines[line-1], " "))
	case p.Line > 1:
		return own
	case n.quoted:
		col++
	}
	spelled := strings.Split(n.text, "\n")
	if line < 1 || line > len(d.lines) || p.Line > len(spelled) {
		return own
	}
	raw, want := []rune(d.lines[line-1]), []rune(spelled[p.Line-1])
	want = want[:min(p.Col, len(want))]
	if col-1+len(want) > len(raw) || string(raw[col-1:col-1+len(want)]) != string(want) {
		return own
	}
	return place{line, col + len(want)}
}

// short prints a duration without zero parts: 410h, 2h30m.
func short(v time.Duration) string {
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
