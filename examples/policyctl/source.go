package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/policy"
	"github.com/deeperpoint/csss/policy/policytest"
)

// files are documents, the tests beside them, and their text for whoever points
// at a line.
type files struct {
	docs, beside []policy.Source
	set          *policy.Set
	tests        []*policy.Test // beside the documents
}

// load reads files and compiles them under a schema, nil for the base schema.
// The files are returned beside an *policy.Errors too.
func load(schema *policy.Schema, names []string) (*files, error) {
	f := &files{}
	for _, name := range names {
		text, err := cli.Read(name, maxFile)
		if err != nil {
			return nil, err
		}
		if src := (policy.Source{Name: name, Text: text}); strings.HasSuffix(name, policytest.TestsSuffix) {
			f.beside = append(f.beside, src)
		} else {
			f.docs = append(f.docs, src)
		}
	}
	if f.docs == nil {
		return nil, cli.Usagef("no document among the files")
	}
	var err error
	if f.set, err = policy.Compile(schema, f.docs...); err != nil {
		return f, err
	}
	f.tests, err = f.set.ParseTests(f.beside...)
	return f, err
}

// schemaFlag declares the flag of a schema, and langFlag that of the language.
func schemaFlag(c *call) {
	c.StringVar(&c.schemaFile, "schema", "", "`file` that declares attributes beyond those that every exchange has")
}

// schema is what documents may read: nil is the base schema. What is wrong with
// its file is printed.
func (c *call) schema() (*policy.Schema, error) {
	if c.schemaFile == "" {
		return nil, nil
	}
	text, err := cli.Read(c.schemaFile, maxFile)
	if err != nil {
		return nil, err
	}
	src := policy.Source{Name: c.schemaFile, Text: text}
	schema, err := policy.ParseSchema(src)
	if bad, ok := errors.AsType[*policy.Errors](err); ok {
		return nil, c.faulty(&files{docs: []policy.Source{src}}, bad)
	}
	return schema, cli.Usage(err)
}

// load reads documents and the tests beside them; it prints what is wrong with
// them.
func (c *call) load(names []string) (*files, error) {
	schema, err := c.schema()
	if err != nil {
		return nil, err
	}
	f, err := load(schema, names)
	if bad, ok := errors.AsType[*policy.Errors](err); ok {
		return nil, c.faulty(f, bad)
	}
	return f, err
}

// faulty is what a command prints with -json of documents that cannot be used.
type faulty struct {
	OK     bool            `json:"ok"` // false
	Errors []*policy.Error `json:"errors"`
	More   bool            `json:"more,omitempty"` // there were more
}

// faulty prints every error of documents with its line and a caret, and returns
// cli.ErrShown.
func (c *call) faulty(f *files, bad *policy.Errors) error {
	said := faulty{More: bad.More}
	for _, e := range bad.List {
		one := *e
		one.Text = c.words().fault(e.Text) + c.words().hint(e, f.line(e.File, e.Line))
		said.Errors = append(said.Errors, &one)
	}
	if c.JSON {
		return errors.Join(c.object(said), cli.ErrShown)
	}
	for _, e := range said.Errors {
		c.printf("%s\n%s", e, f.pointAt(e.File, e.Line, e.Col))
	}
	if said.More {
		c.printf("%s\n", c.words().text("and.more"))
	}
	return cli.ErrShown
}

// lineWidth is how much of a line is shown around a place.
const lineWidth = 110

// pointAt shows a line of a file and a caret below its column; nothing where
// the whole file is meant.
func (f *files) pointAt(file string, line, col int) string {
	text := []rune(f.line(file, line))
	if len(text) == 0 {
		return ""
	}
	from := 0
	if at := col - 1; at > lineWidth*3/4 {
		from = min(at-lineWidth/2, len(text))
	}
	text = text[from:min(len(text), from+lineWidth)]
	pad := make([]rune, max(min(col-1-from, len(text)), 0))
	for i, r := range text {
		if r != '\t' && !unicode.IsPrint(r) {
			text[i] = '?' // it would disturb a terminal
		}
		if i < len(pad) {
			pad[i] = ' '
			if r == '\t' {
				pad[i] = '\t'
			}
		}
	}
	return fmt.Sprintf("    %s\n    %s^\n", string(text), string(pad))
}

// line is a line of a file; empty where there is none.
func (f *files) line(file string, line int) string {
	for _, src := range append(f.docs, f.beside...) {
		if lines := strings.Split(string(src.Text), "\n"); src.Name == file && line >= 1 && line <= len(lines) {
			return strings.TrimRight(lines[line-1], "\r")
		}
	}
	return ""
}
