package main

import (
	"regexp"
	"strings"

	"github.com/deeperpoint/csss/policy"
)

// slips are what people write who do not know the rule language, and what they
// mean: a text that stands at the place of a syntax error, or ends before it.
var slips = []struct{ at, before, mean string }{
	{at: "and ", mean: "&&"}, {at: "or ", mean: "||"}, {before: "not", mean: "!"},
	{at: "=>", mean: ">="}, {at: "=<", mean: "<="}, {before: "<", at: ">", mean: "!="}, {at: "=", mean: "=="},
}

// bareWord is an unknown attribute that can be none: those have dots.
var bareWord = regexp.MustCompile(`^unknown attribute '([^.']+)'$`)

// hint says what the author of a line may have meant, where an error alone does
// not help whoever writes rules and no programs; empty where there is no guess.
func (l *language) hint(e *policy.Error, line string) string {
	text := []rune(line)
	col := min(max(e.Col-1, 0), len(text))
	before, at := strings.TrimSpace(string(text[:col])), string(text[col:])
	switch {
	case strings.HasPrefix(e.Text, "Syntax error"):
		for _, s := range slips {
			if strings.HasPrefix(at, s.at) && strings.HasSuffix(before, s.before) {
				return l.text("hint.slip", s.mean, strings.TrimSpace(s.before+s.at))
			}
		}
	case e.Text == "tags are not allowed" && strings.HasPrefix(at, "!"):
		return l.text("hint.tag")
	case bareWord.MatchString(e.Text):
		return l.text("hint.bare", bareWord.FindStringSubmatch(e.Text)[1])
	}
	if m := overload.FindStringSubmatch(e.Text); m != nil && (m[1] != "int, double" || strings.Contains(line, "price.")) {
		return l.texts[hints[m[1]]]
	}
	return ""
}

// overload is what the type checker says of a comparison.
var overload = regexp.MustCompile(`^found no matching overload for '_(?:==|!=|<|<=|>|>=)_' applied to '\((.+)\)'$`)

// hints are the keys of what helps against types that do not go together.
var hints = map[string]string{
	"int, double": "hint.cents", "double, int": "hint.fraction", "int, string": "hint.number", "string, int": "hint.quotes",
	"duration, string": "hint.duration", "timestamp, string": "hint.timestamp", "list(string), string": "hint.list",
}
