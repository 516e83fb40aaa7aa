package policy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Who is who rests on the spelling of ids: a vote counts once per person, and nobody who is kept apart may vote. Texts
// that look alike and are not would undo that, so an id that a host would have had to clean first is no id.

// CheckName reports why nothing can be decided about somebody of a name: it is empty, not UTF-8 or not in Unicode's normal
// form C, begins or ends with a space, or has a character that cannot be seen. What else may be spelled in two ways, such
// as letters that look alike, capitals and widths, is told apart: who gives out the names sees to that.
//
// The error is a [*RequestError] of the given field and never quotes the name. It costs some 10 ns.
func CheckName(field, name string) error {
	if why := nameFault(name); why != "" {
		return &RequestError{Field: field, Text: why}
	}
	return nil
}

// nameFault says why a text cannot be the name of somebody, or nothing. It never quotes it.
func nameFault(s string) string {
	if fault := spellingFault(s); fault != "" {
		return fault
	}
	switch {
	case s == "":
		return "is empty"
	case strings.TrimSpace(s) != s:
		return "begins or ends with a space"
	case strings.ContainsFunc(s, isInvisible):
		return "has a character that cannot be seen"
	}
	return ""
}

func isName(s string) bool { return nameFault(s) == "" }

// spellingFault says why a text cannot be compared with others by its bytes, or nothing.
func spellingFault(s string) string {
	switch {
	case isASCII(s):
		return ""
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case !norm.NFC.IsNormalString(s):
		return "is not in Unicode's normal form C"
	}
	return ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isInvisible is true of control and format characters and of others that show nothing.
func isInvisible(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
