package policy

import (
	"fmt"
	"strings"
)

// PlainTree spells the tree of a document that is plain.
func PlainTree(text string) (spelled string, ok bool) {
	errs := &Errors{}
	t := &tree{errs: errs}
	root := t.plain([]byte(text))
	return spellTree(root), root != nil
}

// LibraryTree spells the tree of a document as the YAML library reads it, and says whether it has no faults.
func LibraryTree(text string) (spelled string, ok bool) {
	errs := &Errors{}
	t := &tree{errs: errs}
	root := t.parseYAML([]byte(text))
	return spellTree(root), root != nil && len(errs.List) == 0
}

func spellTree(n *node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%d %s %q", n.line, n.col, formNames[n.form], n.text)
	if n.quoted {
		b.WriteString(" quoted")
	}
	if n.block {
		b.WriteString(" block")
	}
	for i, item := range n.items {
		b.WriteString("\n")
		if n.form == formObject {
			b.WriteString(spellTree(n.keys[i]) + ": ")
		}
		b.WriteString(spellTree(item))
	}
	return b.String() + "\n"
}

// IsWord and IsCategory are the forms of ids and of categories.
var (
	IsWord     = isWord
	IsCategory = isCategory
)
