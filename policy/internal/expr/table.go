package expr

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Kind is the type of an attribute.
type Kind uint8

// The kinds of attributes. None is the zero value and no attribute has it.
const (
	None     Kind = iota
	String        // UTF-8 text of at most [MaxStringBytes]
	Strings       // a list of at most [MaxListItems] texts of at most [MaxItemBytes] each
	Int           // a signed 64-bit whole number
	Duration      // an exact length of time, in nanoseconds
	Time          // an instant of the years 1 to 9999
	Bool          // true or false
	Double        // a finite floating point number
	kindCount
)

// Limits of the values in a frame. They make the static bound on the cost of a condition sound; whoever fills a frame from
// outside keeps them.
const (
	MaxStringBytes = 4096
	MaxListItems   = 256
	MaxItemBytes   = 256
)

// maxAttrs bounds the table, so that a slot fits in 16 bits with room to spare.
const maxAttrs = 4096

// Slot is the dense number of an attribute in its [Table], from 0.
type Slot uint16

// Attr is one attribute.
type Attr struct {
	Name    string // dotted words
	Kind    Kind
	Tainted bool // says something about the counterparty
}

// Table numbers typed attributes. It is immutable and safe for concurrent use.
type Table struct {
	rows  []row
	slots map[string]Slot
	names []string // sorted
	sizes [kindCount]int
}

// row is an attribute and where frames keep it.
type row struct {
	Attr
	at uint16 // index in the array of its storage
}

// NewTable returns the table of attributes; the slot of each is its index. It returns an error if there are more than
// 4096, a name stands twice, is empty or has no kind.
func NewTable(attrs []Attr) (*Table, error) {
	if len(attrs) > maxAttrs {
		return nil, fmt.Errorf("expr: %d attributes, at most %d", len(attrs), maxAttrs)
	}
	t := &Table{slots: make(map[string]Slot, len(attrs))}
	for i, a := range attrs {
		if _, dup := t.slots[a.Name]; dup || a.Name == "" {
			return nil, fmt.Errorf("expr: attribute %q is empty or declared twice", a.Name)
		}
		if a.Kind == None || a.Kind >= kindCount {
			return nil, fmt.Errorf("expr: attribute %q has no kind", a.Name)
		}
		where := storage[a.Kind]
		t.rows = append(t.rows, row{a, uint16(t.sizes[where])})
		t.sizes[where]++
		t.slots[a.Name] = Slot(i)
		t.names = append(t.names, a.Name)
	}
	slices.Sort(t.names)
	return t, nil
}

// storage names the array in which a frame keeps values of a kind: durations and bools live with the ints.
var storage = [kindCount]Kind{String: String, Strings: Strings, Int: Int, Duration: Int, Bool: Int, Time: Time, Double: Double}

// Len returns the number of attributes.
func (t *Table) Len() int { return len(t.rows) }

// Lookup returns the slot of a name.
func (t *Table) Lookup(name string) (Slot, bool) {
	s, ok := t.slots[name]
	return s, ok
}

// Attr returns the attribute of a slot. It panics if there is none.
func (t *Table) Attr(s Slot) Attr { return t.rows[s].Attr }

// Names returns the names, sorted. The caller must not change the slice.
func (t *Table) Names() []string { return t.names }

// UnknownAttribute returns the message for a name that the table does not have: "unknown attribute 'x'", and the nearest
// name if one is near.
func (t *Table) UnknownAttribute(name string) string {
	return fmt.Sprintf("unknown attribute '%s'%s", clip(name), Suggest(name, t.names))
}

// clip shortens a word from a document for a message.
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
