package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/policy"
)

func TestHintsAreGuessesWhereTheyHelp(t *testing.T) {
	for _, row := range []struct{ text, line, hint string }{
		{"Syntax error: unexpected token", "a.b and c.d", "; write && for and"},
		{"Syntax error: unexpected token", "a.b android", ""},
		{"unknown attribute 'CAD'", "a.b == CAD", "; a text stands in quotation marks, such as \"CAD\""},
		{"unknown attribute 'CAD'; did you mean 'a.b'?", "a.b == CAD", ""},
		{"found no matching overload for '_>_' applied to '(int, double)'", "price.rate > 9.5", "; money is in cents, such as 9500 for $95.00"},
		{"found no matching overload for '_>_' applied to '(int, double)'", "request.distance_km > 9.5", ""},
		{"found no matching overload for '_+_' applied to '(int, double)'", "price.rate + 9.5", ""},
	} {
		assert.Equal(t, row.hint, english.hint(&policy.Error{Text: row.text, Col: 5}, row.line), row.line)
	}
	for _, col := range []int{-1, 0, 1, 7, 900} {
		assert.Empty(t, french.hint(&policy.Error{Text: "Syntax error: x", Col: col}, "é ü"))
	}
}
