package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of a document's form.
const (
	maxDocumentBytes = 1 << 20
	maxNesting       = 12
	maxNodes         = 50_000
)

// form is what a node of a document is.
type form uint8

const (
	formText   form = iota // quoted or plain text
	formInt                // a plain whole number
	formBool               // true or false
	formTime               // plain text that looks like a time
	formOther              // null, a fraction: never wanted
	formList               //
	formObject             //
)

var formNames = [...]string{"text", "a whole number", "true or false", "a time", "another value", "a list", "an object"}

// node is a place in a document after everything clever in YAML has been refused.
type node struct {
	place
	form   form
	text   string
	quoted bool // text starts one column after col
	block  bool // literal block: text starts on the next line
	keys   []*node
	items  []*node // values of keys, or items of a list
}

// place is where something stands in a document, from 1. Compiled documents keep places, never nodes, which would keep
// the whole text.
type place struct{ line, col int }

// placed is what a fault can point at.
type placed interface{ where() place }

func (p place) where() place { return p }

func (n *node) child(key string) *node {
	if i := n.indexOf(key); i >= 0 {
		return n.items[i]
	}
	return nil
}

// indexOf returns the place of a key, -1 if there is none.
func (n *node) indexOf(key string) int {
	return slices.IndexFunc(n.keys, func(k *node) bool { return k.text == key })
}

// fewKeys is up to how many keys an object is searched rather than hashed.
const fewKeys = 24

// tree reads one strict document: UTF-8, one document, no anchors, aliases, merges or tags, text keys without
// duplicates, bounded size and nesting.
type tree struct {
	file  string
	errs  *Errors
	nodes int
	block []node // not used yet
	arena *arena // where blocks come from; nil: new ones
}

// arena holds the nodes of one document after the other.
type arena struct {
	blocks [][]node
	used   int
}

const nodeBlock = 128

// next returns a block of nodes that are as good as new, but for room in their lists.
func (a *arena) next() []node {
	if a == nil {
		return make([]node, nodeBlock)
	}
	if a.used == len(a.blocks) {
		a.blocks = append(a.blocks, make([]node, nodeBlock))
	}
	block := a.blocks[a.used]
	a.used++
	for i := range block {
		block[i] = node{keys: block[i].keys[:0], items: block[i].items[:0]}
	}
	return block
}

func (t *tree) fail(line, col int, format string, args ...any) {
	t.errs.add(&Error{File: t.file, Line: line, Col: col, Text: fmt.Sprintf(format, args...)})
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

func (t *tree) parse(text []byte) *node {
	if len(text) > maxDocumentBytes {
		t.fail(1, 1, "the document has %d bytes, at most %d", len(text), maxDocumentBytes)
		return nil
	}
	if !utf8.Valid(text) {
		t.fail(1, 1, "the document is not UTF-8")
		return nil
	}
	if line, col := crowded(text); line > 0 {
		t.fail(line, col, "the document has more than %d lines, items or keys and values", maxNodes)
		return nil
	}
	root, err := decodeYAML(text)
	if err != nil {
		t.syntax(err)
		return nil
	}
	if root == nil || len(root.Content) != 1 {
		t.fail(1, 1, "the document is empty")
		return nil
	}
	return t.convert(root.Content[0], 0)
}

// crowded returns the place from which on a text has too many lines, commas or colons for a document within the limit of
// nodes; 0 if there is none. The parser would need many times as long to find out.
func crowded(text []byte) (line, col int) {
	line, col = 1, 1
	commas, colons := 0, 0
	for i, c := range text {
		switch {
		case c == '\n':
			line++
			col = 0
		case c == ',':
			commas++
		case c == ':' && (i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\n'):
			colons++
		}
		if line > maxNodes || commas > maxNodes || colons > maxNodes/2 {
			return line, max(col, 1)
		}
		col++
	}
	return 0, 0
}

func (t *tree) syntax(err error) {
	line, text := 1, err.Error()
	if m := yamlLine.FindStringSubmatchIndex(text); m != nil {
		line, _ = strconv.Atoi(text[m[2]:m[3]])
		text = text[m[1]:]
	}
	t.fail(max(line, 1), 1, "not YAML: %s", text)
}

var errSecondDocument = errors.New("more than one document in a file")

// decodeYAML reads exactly one document. A panic of the library on hostile text becomes an error.
func decodeYAML(text []byte) (root *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("unreadable: %v", r)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, next yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	switch err := dec.Decode(&next); {
	case errors.Is(err, io.EOF):
		return &doc, nil
	case err != nil:
		return nil, err
	}
	return nil, fmt.Errorf("line %d: %w", max(next.Line, 1), errSecondDocument)
}

func (t *tree) convert(y *yaml.Node, depth int) *node {
	if t.nodes++; t.nodes > maxNodes {
		if t.nodes == maxNodes+1 {
			t.fail(y.Line, y.Column, "the document has more than %d nodes", maxNodes)
		}
		return nil
	}
	switch {
	case depth > maxNesting:
		t.fail(y.Line, y.Column, "nested deeper than %d levels", maxNesting)
		return nil
	case y.Kind == yaml.AliasNode:
		t.fail(y.Line, y.Column, "aliases are not allowed")
		return nil
	case y.Anchor != "":
		t.fail(y.Line, y.Column, "anchors are not allowed")
		return nil
	case y.Style&yaml.TaggedStyle != 0:
		t.fail(y.Line, y.Column, "tags are not allowed")
		return nil
	}
	if fault := spellingFault(y.Value); fault != "" { // escapes are read by now
		t.fail(y.Line, y.Column, "the text %s", fault)
		return nil
	}
	n := t.node()
	n.place, n.text = place{y.Line, y.Column}, y.Value
	switch y.Kind {
	case yaml.ScalarNode:
		n.form = scalarForm(y)
		n.quoted = y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
		n.block = y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	case yaml.SequenceNode:
		n.form = formList
		for _, item := range y.Content {
			if c := t.convert(item, depth+1); c != nil {
				n.items = append(n.items, c)
			}
		}
	case yaml.MappingNode:
		n.form = formObject
		t.object(n, y, depth)
	}
	return n
}

// node takes a node from a block of them.
func (t *tree) node() *node {
	if len(t.block) == 0 {
		t.block = t.arena.next()
	}
	n := &t.block[0]
	t.block = t.block[1:]
	return n
}

func (t *tree) object(n *node, y *yaml.Node, depth int) {
	pairs := len(y.Content) / 2
	n.keys, n.items = make([]*node, 0, pairs), make([]*node, 0, pairs)
	var seen map[string]int // where there are many
	if pairs > fewKeys {
		seen = make(map[string]int, pairs)
	}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := t.convert(y.Content[i], depth+1)
		value := t.convert(y.Content[i+1], depth+1)
		if key == nil || value == nil {
			continue
		}
		if y.Content[i].Tag == "!!merge" {
			t.fail(key.line, key.col, "merging by '<<' is not allowed")
			continue
		}
		if key.form != formText {
			t.fail(key.line, key.col, "a key must be text")
			continue
		}
		line, dup := seen[key.text]
		if seen == nil {
			if at := n.indexOf(key.text); at >= 0 {
				line, dup = n.keys[at].line, true
			}
		}
		if dup {
			t.fail(key.line, key.col, "key '%s' is given twice, first on line %d", clip(key.text), line)
			continue
		}
		if seen != nil {
			seen[key.text] = key.line
		}
		n.keys = append(n.keys, key)
		n.items = append(n.items, value)
	}
}

func scalarForm(y *yaml.Node) form {
	switch y.ShortTag() {
	case "!!str", "!!merge":
		return formText
	case "!!int":
		return formInt
	case "!!bool":
		return formBool
	case "!!timestamp":
		return formTime
	}
	return formOther
}

// clip bounds a word of a document for an error message.
func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	cut := 64
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
