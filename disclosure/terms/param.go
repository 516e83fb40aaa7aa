package terms

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Kind says what may be written for a parameter, in one spelling only.
type Kind string

// The kinds of parameters. Every value has 1 to 200 bytes.
const (
	Name     Kind = "name"     // lower-case letters, digits, "_", "-", in parts between dots: machine.capacity
	Quantity Kind = "quantity" // number above 0 with at most 3 decimals, a space, a unit: 2.5 h
	Money    Kind = "money"    // amount in units of the currency with exactly 2 decimals: 120.00
	Currency Kind = "currency" // three upper-case letters, ISO 4217: CAD
	Count    Kind = "count"    // whole number above 0: 8
	Nonce    Kind = "nonce"    // 32 lower-case hexadecimal digits: 128 random bits
	Text     Kind = "text"     // one line of text, without spaces at its ends
)

// A Param declares a parameter of a template.
type Param struct {
	Name     string `json:"name"`              // lower-case letters, digits and "_"; 1 to 64 bytes
	Kind     Kind   `json:"kind"`              // what may be written
	Required bool   `json:"required"`          // must be given
	Default  string `json:"default,omitempty"` // what [Fill] writes where it is not given; empty: none
}

const maxValue = 200 // bytes of a parameter's value

// A rule of a kind: what is allowed, in words and as a test. The test sees
// only single lines of 1 to 200 bytes.
type rule struct {
	want string
	ok   func(string) bool
}

// ruleOf returns the rule of a kind and whether the kind exists.
func ruleOf(k Kind) (rule, bool) {
	switch k {
	case Name:
		return rule{"lower-case letters, digits, _ and - in parts between dots, such as machine.capacity", isDotted}, true
	case Quantity:
		return rule{"a number above 0 with at most 3 decimals, a space and a unit, such as 2.5 h", isQuantity}, true
	case Money:
		return rule{"an amount with exactly 2 decimals, such as 120.00", isMoney}, true
	case Currency:
		return rule{"three upper-case letters, such as CAD", isCurrency}, true
	case Count:
		return rule{"a whole number above 0, such as 8", isCount}, true
	case Nonce:
		return rule{"32 lower-case hexadecimal digits", isNonce}, true
	case Text:
		return rule{"one line of text without spaces at its ends", isTrimmed}, true
	}
	return rule{}, false
}

// allows returns whether v may be written for the parameter, and if not, what may.
func (p Param) allows(v string) (want string, ok bool) {
	r, known := ruleOf(p.Kind)
	switch {
	case !known:
		return "a known kind", false
	case v == "" || len(v) > maxValue:
		return fmt.Sprintf("1 to %d bytes: %s", maxValue, r.want), false
	case !isLine(v):
		return "UTF-8 without control characters: " + r.want, false
	}
	return r.want, r.ok(v)
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

// only reports whether s is one or more of the characters in set, all ASCII.
func only(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

func isDotted(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !only(part, lower+digits+"_-") {
			return false
		}
	}
	return true
}

func isQuantity(s string) bool {
	number, unit, found := strings.Cut(s, " ")
	whole, fraction, decimals := strings.Cut(number, ".")
	switch {
	case !found || !only(unit, lower+upper+digits+"/") || len(unit) > 16:
		return false
	case !isWhole(whole):
		return false
	case decimals:
		return only(fraction, digits) && len(fraction) <= 3 && !strings.HasSuffix(fraction, "0")
	}
	return whole != "0"
}

func isMoney(s string) bool {
	whole, fraction, found := strings.Cut(s, ".")
	return found && isWhole(whole) && only(fraction, digits) && len(fraction) == 2
}

func isCurrency(s string) bool { return len(s) == 3 && only(s, upper) }

func isCount(s string) bool { return isWhole(s) && s != "0" }

// isWhole accepts 1 to 15 digits without a leading zero.
func isWhole(s string) bool {
	return only(s, digits) && len(s) <= 15 && (s == "0" || s[0] != '0')
}

func isNonce(s string) bool { return len(s) == 32 && only(s, digits+"abcdef") }

func isTrimmed(s string) bool { return strings.TrimSpace(s) == s }

// isLine reports whether s can be read in one way only: UTF-8 without control
// characters, line breaks, and the invisible characters that reorder text
// (Unicode Technical Report 36, section 2.5).
func isLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
	})
}

// isProse is isLine for text of several lines.
func isProse(s string) bool { return isLine(strings.ReplaceAll(s, "\n", "")) }
