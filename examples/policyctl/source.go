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

// load reads files and compiles them. The files are returned beside an
// *policy.Errors too.
func load(names []string) (*files, error) {
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
	if f.set, err = policy.Compile(nil, f.docs...); err != nil {
		return f, err
	}
	f.tests, err = f.set.ParseTests(f.beside...)
	return f, err
}

// mustLoad is load for commands that need good documents: it prints what is
// wrong with them.
func (c *call) mustLoad(names []string) (*files, error) {
	f, err := load(names)
	if bad, ok := errors.AsType[*policy.Errors](err); ok {
		return nil, errors.Join(c.faults(f, bad), cli.ErrShown)
	}
	return f, err
}

// faults prints every error of documents with its line and a caret.
func (c *call) faults(f *files, bad *policy.Errors) error {
	for _, e := range bad.List {
		if c.JSON {
			if err := c.object(fault{Severity: "error", Error: e}); err != nil {
				return err
			}
			continue
		}
		c.printf("%s\n%s", e, f.pointAt(e.File, e.Line, e.Col))
	}
	if bad.More && !c.JSON {
		c.printf("and more\n")
	}
	return nil
}

// fault is one line of lint -json.
type fault struct {
	Severity string `json:"severity"` // "error"
	*policy.Error
}

// lineWidth is how much of a line is shown around a place.
const lineWidth = 110

// pointAt shows a line of a file and a caret below its column; nothing where
// the whole file is meant.
func (f *files) pointAt(file string, line, col int) string {
	for _, src := range append(f.docs, f.beside...) {
		if src.Name != file || line < 1 {
			continue
		}
		lines := strings.Split(string(src.Text), "\n")
		if line > len(lines) {
			return ""
		}
		text := []rune(strings.TrimRight(lines[line-1], "\r"))
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
	return ""
}
