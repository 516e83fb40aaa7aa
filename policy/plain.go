package policy

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Most documents are plain: objects and lists by indentation or in brackets, words and texts on one line, comments. They
// are read here, several times as fast as the YAML library does it. Whatever is not plain, a fault above all, is left to
// the library: what is read here, it reads as the same tree.
type plainReader struct {
	tree  *tree
	text  string
	pos   int
	line  int
	start int // of the line
	wide  int // bytes of the line so far that are no characters of their own
}

// maxPlainKey bounds a key; the library has its limit where a longer one would count.
const maxPlainKey = 128

// plain reads a document, nil if it is not plain. It reports no faults.
func (t *tree) plain(text []byte) *node {
	if !plainBytes(text) {
		return nil
	}
	r := &plainReader{tree: t, text: string(text), line: 1}
	var root *node
	if r.blanks(); r.at('{') {
		root = r.braces(0)
		if root == nil || !r.lineEnd() {
			return nil
		}
	} else {
		root = r.object(0, 0)
	}
	if root == nil || r.pos < len(r.text) {
		return nil
	}
	return root
}

// plainBytes is false of texts with tabs, other line breaks than \n, and what is no printable character of the common
// languages.
func plainBytes(text []byte) bool {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\n' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError || r < 0xa0 || r >= 0xd800 || r == 0x2028 || r == 0x2029 {
			return false
		}
		i += size
	}
	return true
}

func (r *plainReader) at(c byte) bool { return r.pos < len(r.text) && r.text[r.pos] == c }

// atLineEnd reports whether a byte's place is the end of its line or of the text.
func (r *plainReader) atLineEnd(i int) bool { return i >= len(r.text) || r.text[i] == '\n' }

// atBlank reports whether a space or the end of the line is at a byte's place.
func (r *plainReader) atBlank(i int) bool { return r.atLineEnd(i) || r.text[i] == ' ' }

// move goes to a later byte of the line.
func (r *plainReader) move(to int) {
	for ; r.pos < to; r.pos++ {
		if r.text[r.pos]&0xc0 == 0x80 {
			r.wide++
		}
	}
}

// col is the column of the next character, from 0.
func (r *plainReader) col() int { return r.pos - r.start - r.wide }

func (r *plainReader) spaces() {
	for r.at(' ') {
		r.pos++
	}
}

// blanks goes to what comes next, past spaces, comments and ends of lines.
func (r *plainReader) blanks() {
	for {
		r.spaces()
		if r.at('#') && (r.pos == r.start || r.text[r.pos-1] == ' ') {
			r.comment()
		}
		if !r.at('\n') {
			return
		}
		r.pos++
		r.line, r.start, r.wide = r.line+1, r.pos, 0
	}
}

func (r *plainReader) comment() {
	end := strings.IndexByte(r.text[r.pos:], '\n')
	if end < 0 {
		end = len(r.text) - r.pos
	}
	r.pos += end // nobody asks for a column from here on
}

// lineEnd goes to what comes after the end of the line, and is false if something stands before that.
func (r *plainReader) lineEnd() bool {
	line := r.line
	r.blanks()
	return r.line > line || r.pos == len(r.text)
}

// node is a new node at the next character; nil if there are too many, or if it lies too deep.
func (r *plainReader) node(f form, depth int) *node {
	if r.tree.nodes++; r.tree.nodes > maxNodes || depth > maxNesting {
		return nil
	}
	n := r.tree.node()
	n.place, n.form = place{r.line, r.col() + 1}, f
	return n
}

// object reads the keys that begin in a column.
func (r *plainReader) object(col, depth int) *node {
	n := r.node(formObject, depth)
	if n == nil {
		return nil
	}
	for r.pos < len(r.text) && r.col() == col {
		key := r.key(depth + 1)
		if key == nil {
			return nil
		}
		value := r.value(col, depth+1)
		if value == nil || !n.put(key, value) {
			return nil
		}
	}
	if len(n.keys) == 0 || r.pos < len(r.text) && r.col() > col {
		return nil
	}
	return n
}

// put adds a key, unless it is there, or there are so many that finding out takes long.
func (n *node) put(key, value *node) bool {
	if len(n.keys) >= fewKeys || n.indexOf(key.text) >= 0 {
		return false
	}
	n.keys, n.items = append(n.keys, key), append(n.items, value)
	return true
}

// keyEnd returns where a key ends that begins at the next character, 0 if none does. Its colon has a blank after it.
func (r *plainReader) keyEnd() int {
	end := r.pos
	for end < len(r.text) && isKeyByte(r.text[end]) {
		end++
	}
	if end == r.pos || end-r.pos > maxPlainKey || !isWordByte(r.text[r.pos]) || end == len(r.text) || r.text[end] != ':' || !r.atBlank(end+1) {
		return 0
	}
	return end
}

func isKeyByte(c byte) bool { return isWordByte(c) || c == '.' || c == '-' }

// key reads a key and its colon.
func (r *plainReader) key(depth int) *node {
	end := r.keyEnd()
	if end == 0 {
		return nil
	}
	key := r.node(formText, depth)
	if key == nil {
		return nil
	}
	spelled := r.text[r.pos:end]
	if key.form = plainForm(spelled); key.form != formText {
		return nil
	}
	key.text = keyText(spelled)
	r.pos = end + len(":")
	return key
}

// keyTexts are the keys of most documents, so that each need not have its own copy.
var keyTexts = func() map[string]string {
	known := map[string]string{}
	for key := range strings.FieldsSeq("apiVersion employer version zone deal quotas approvals grants walls rules tests templates " +
		"id effect actions categories when use with valid authority approval overrides obligations advice requires " +
		"from until per unit min max key seats need expires not order to role person may discharges depth at_expiry name action category expect outcome") {
		known[key] = key
	}
	return known
}()

func keyText(spelled string) string {
	if known, ok := keyTexts[spelled]; ok {
		return known
	}
	return strings.Clone(spelled)
}

// value reads what belongs to a key of an object in a column.
func (r *plainReader) value(col, depth int) *node {
	line := r.line
	if r.blanks(); r.pos == len(r.text) {
		return nil
	}
	if r.line == line {
		return r.inline(depth)
	}
	switch at := r.col(); {
	case r.atItem() && at >= col:
		return r.list(at, depth)
	case at <= col:
		return nil
	case r.keyEnd() > 0:
		return r.object(at, depth)
	}
	return r.inline(depth)
}

// inline reads a value that begins on the line of what it belongs to, and the end of its line.
func (r *plainReader) inline(depth int) *node {
	n := r.bracketed(depth, false)
	if n == nil || !r.lineEnd() {
		return nil
	}
	return n
}

// atItem reports whether an item of a list begins here.
func (r *plainReader) atItem() bool {
	return r.at('-') && r.pos+1 < len(r.text) && r.text[r.pos+1] == ' '
}

// list reads the items that begin in a column.
func (r *plainReader) list(col, depth int) *node {
	n := r.node(formList, depth)
	if n == nil {
		return nil
	}
	for r.pos < len(r.text) && r.col() == col && r.atItem() {
		r.pos++
		r.spaces()
		item := r.item(depth + 1)
		if item == nil {
			return nil
		}
		n.items = append(n.items, item)
	}
	if r.pos < len(r.text) && r.col() > col {
		return nil
	}
	return n
}

func (r *plainReader) item(depth int) *node {
	switch {
	case r.atItem():
		return r.list(r.col(), depth)
	case r.keyEnd() > 0:
		return r.object(r.col(), depth)
	}
	return r.inline(depth)
}

// bracketed reads a text, a word, or an object or a list in brackets. Inside brackets, words end at signs.
func (r *plainReader) bracketed(depth int, inside bool) *node {
	if r.pos == len(r.text) {
		return nil
	}
	switch c := r.text[r.pos]; {
	case c == '{':
		return r.braces(depth)
	case c == '[':
		return r.brackets(depth)
	case c == '"' || c == '\'':
		return r.quoted(c, depth)
	case isWordByte(c), c >= utf8.RuneSelf, (c == '-' || c == '+') && r.pos+1 < len(r.text) && isWordByte(r.text[r.pos+1]):
		return r.word(depth, inside)
	}
	return nil
}

func (r *plainReader) braces(depth int) *node {
	n := r.node(formObject, depth)
	if n == nil {
		return nil
	}
	r.pos++
	r.blanks()
	for more := !r.at('}'); more; more = r.comma() {
		key := r.key(depth + 1)
		if key == nil {
			return nil
		}
		r.blanks()
		value := r.bracketed(depth+1, true)
		if value == nil || !n.put(key, value) {
			return nil
		}
	}
	return r.closed(n, '}')
}

func (r *plainReader) brackets(depth int) *node {
	n := r.node(formList, depth)
	if n == nil {
		return nil
	}
	r.pos++
	r.blanks()
	for more := !r.at(']'); more; more = r.comma() {
		item := r.bracketed(depth+1, true)
		if item == nil {
			return nil
		}
		n.items = append(n.items, item)
	}
	return r.closed(n, ']')
}

// comma goes to the next element, and is false if there is none.
func (r *plainReader) comma() bool {
	if r.blanks(); !r.at(',') {
		return false
	}
	r.pos++
	r.blanks()
	return true
}

func (r *plainReader) closed(n *node, bracket byte) *node {
	if !r.at(bracket) {
		return nil
	}
	r.pos++
	return n
}

// quoted reads a text in quotes, with no other escapes than those of quotes and backslashes.
func (r *plainReader) quoted(quote byte, depth int) *node {
	n := r.node(formText, depth)
	if n == nil {
		return nil
	}
	n.quoted = true
	escaped := false
	end := r.pos + 1
	for ; end < len(r.text) && r.text[end] != '\n'; end++ {
		c := r.text[end]
		next := byte(0)
		if end+1 < len(r.text) {
			next = r.text[end+1]
		}
		switch {
		case c == quote && quote == '\'' && next == quote, c == '\\' && quote == '"' && (next == '"' || next == '\\'):
			escaped = true
			end++
			continue
		case c == '\\' && quote == '"':
			return nil
		case c == quote:
			n.text = unquote(r.text[r.pos+1:end], quote, escaped)
			r.move(end + 1)
			return n
		}
	}
	return nil
}

func unquote(s string, quote byte, escaped bool) string {
	switch {
	case !escaped:
		return strings.Clone(s)
	case quote == '\'':
		return strings.ReplaceAll(s, "''", "'")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// word reads what stands without quotes.
func (r *plainReader) word(depth int, inside bool) *node {
	n := r.node(formText, depth)
	if n == nil {
		return nil
	}
	end := r.pos
	for ; !r.atLineEnd(end); end++ {
		c := r.text[end]
		if c == '#' && r.text[end-1] == ' ' || inside && (c == ',' || c == ']' || c == '}') {
			break
		}
		switch {
		case c == ':' && (r.atBlank(end+1) || inside && !isWordByte(r.text[end+1])):
			return nil
		case inside && (c == '[' || c == '{' || c == '?'):
			return nil
		}
	}
	s := strings.TrimRight(r.text[r.pos:end], " ")
	n.form, n.text = plainForm(s), strings.Clone(s)
	r.move(r.pos + len(s))
	return n
}

// plainForm tells what the library takes a word for.
func plainForm(s string) form {
	switch c := s[0]; {
	case c >= '0' && c <= '9', strings.IndexByte("+-.yYnNtTfFoO~<", c) >= 0:
		return scalarForm(&yaml.Node{Kind: yaml.ScalarNode, Value: s})
	}
	return formText
}
