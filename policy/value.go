package policy

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Kind is the type of an attribute.
type Kind uint8

// The kinds of attributes. KindNone is the zero value and no attribute has it.
const (
	KindNone     Kind = iota
	KindString        // UTF-8 text of at most 4096 bytes
	KindStrings       // a list of at most 256 texts of at most 256 bytes each
	KindInt           // a signed 64-bit whole number; money is in cents
	KindDuration      // an exact length of time
	KindTime          // an instant
	KindBool          // true or false
	KindDouble        // a finite floating point number
)

// Limits of the values of a request. They make the static cost estimate of a condition sound.
const (
	maxStringBytes = 4096
	maxListItems   = 256
	maxItemBytes   = 256
)

var kindNames = [...]string{"none", "string", "list of strings", "int", "duration", "time", "bool", "double"}

// String returns the kind's name as used in error messages.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "none"
}

// Value is one attribute's value. The zero Value has no kind and is refused where an attribute is expected: absent is
// said by leaving the attribute out, never by a zero. Values may hold private bounds, so printing or marshalling one
// yields only its kind. A Value is immutable and safe for concurrent use.
type Value struct {
	kind Kind
	num  int64
	dbl  float64
	str  string
	list []string
	at   time.Time
}

// Attrs maps attribute names of the schema to values. An attribute that is not in the map is absent.
type Attrs map[string]Value

// String returns a text value.
func String(s string) Value { return Value{kind: KindString, str: s} }

// Strings returns a list value. It copies its arguments; no arguments make an empty, present list.
func Strings(list ...string) Value { return Value{kind: KindStrings, list: slices.Clone(list)} }

// Int returns a whole number, such as cents or kilometres.
func Int(i int64) Value { return Value{kind: KindInt, num: i} }

// Duration returns a length of time.
func Duration(d time.Duration) Value { return Value{kind: KindDuration, num: int64(d)} }

// Time returns an instant. The zero time is refused when the request is decided.
func Time(t time.Time) Value { return Value{kind: KindTime, at: t} }

// Bool returns a truth value.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}

// Double returns a floating point number. NaN and the infinities are refused when the request is decided: every
// comparison with NaN is false, so a forbid on it would not fire.
func Double(f float64) Value { return Value{kind: KindDouble, dbl: f} }

// Kind returns the value's kind.
func (v Value) Kind() Kind { return v.kind }

// Format implements [fmt.Formatter] and prints the kind, never the content.
func (v Value) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "sealed %s", v.kind) }

// MarshalJSON returns the word "sealed", never the content.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"sealed"`), nil }

// fault says why the value must not be used, or nothing. It never quotes the value.
func (v Value) fault() string {
	switch v.kind {
	case KindNone:
		return "has no value"
	case KindString:
		return textFault(v.str, maxStringBytes)
	case KindStrings:
		if len(v.list) > maxListItems {
			return fmt.Sprintf("has %d items, at most %d", len(v.list), maxListItems)
		}
		for _, s := range v.list {
			if fault := textFault(s, maxItemBytes); fault != "" {
				return "has an item that " + fault
			}
		}
	case KindTime:
		if v.at.IsZero() {
			return "is the zero time"
		}
		if y := v.at.UTC().Year(); y < 1 || y > 9999 {
			return fmt.Sprintf("is in the year %d, outside 1 to 9999", y)
		}
	case KindDouble:
		if math.IsNaN(v.dbl) || math.IsInf(v.dbl, 0) {
			return "is not a finite number"
		}
	}
	return ""
}

func textFault(s string, limit int) string {
	if len(s) > limit {
		return fmt.Sprintf("has %d bytes, at most %d", len(s), limit)
	}
	return spellingFault(s)
}
