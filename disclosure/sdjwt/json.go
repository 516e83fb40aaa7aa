package sdjwt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deeply objects and arrays may be nested, through disclosures, too.
const MaxDepth = 16

var base64url = base64.RawURLEncoding.Strict()

// decodeText decodes base64url and nothing but: the library's decoder would skip line breaks.
func decodeText(text string) ([]byte, error) {
	data, err := base64url.DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodedLen(len(data)) != len(text) { // check: base64url is exact
		return nil, fmt.Errorf("%w: base64url", ErrMalformed)
	}
	return data, nil
}

func encodeText(data []byte) string { return base64url.EncodeToString(data) }

// decodeJSON reads one value into maps, slices, strings, [json.Number], booleans and nil. encoding/json would take
// the last of two members of one name, and a replacement character for what is no text; two parties could then read
// one signed text in two ways.
func decodeJSON(data []byte) (any, error) {
	if !utf8.Valid(data) { // check: JSON is UTF-8
		return nil, fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	if !json.Valid(data) { // without it the reader would run off the end
		return nil, fmt.Errorf("%w: not JSON", ErrMalformed)
	}
	r := reader{rest: data}
	return r.value(0)
}

func decodeObject(data []byte) (map[string]any, error) {
	v, err := decodeJSON(data)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: not an object", ErrMalformed)
	}
	return object, nil
}

// A reader reads text that is known to be JSON, so it looks for no syntax errors.
type reader struct{ rest []byte }

func (r *reader) value(depth int) (any, error) {
	r.space()
	switch r.rest[0] {
	case '{':
		return r.object(depth)
	case '[':
		return r.array(depth)
	case '"':
		return r.text()
	case 't':
		r.rest = r.rest[len("true"):]
		return true, nil
	case 'f':
		r.rest = r.rest[len("false"):]
		return false, nil
	case 'n':
		r.rest = r.rest[len("null"):]
		return nil, nil
	}
	return r.number(), nil
}

func (r *reader) space() { r.rest = bytes.TrimLeft(r.rest, " \t\r\n") }

// more steps over the opening bracket or a comma, and tells whether an item follows.
func (r *reader) more(end byte) bool {
	r.space()
	if r.rest[0] == end {
		r.rest = r.rest[1:]
		return false
	}
	if r.rest[0] == ',' {
		r.rest = r.rest[1:]
		r.space()
	}
	return true
}

func (r *reader) object(depth int) (map[string]any, error) {
	if depth >= MaxDepth { // check: JSON objects are not too deep
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrLimit, MaxDepth)
	}
	r.rest = r.rest[1:]
	object := map[string]any{}
	for r.more('}') {
		name, err := r.text()
		if err != nil {
			return nil, err
		}
		_, twice := object[name]
		if twice { // check: names occur once
			return nil, fmt.Errorf("%w: a name occurs twice", ErrMalformed)
		}
		r.space()
		r.rest = r.rest[1:] // the colon
		if object[name], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return object, nil
}

func (r *reader) array(depth int) ([]any, error) {
	if depth >= MaxDepth { // check: JSON arrays are not too deep
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrLimit, MaxDepth)
	}
	r.rest = r.rest[1:]
	array := []any{}
	for r.more(']') {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	return array, nil
}

func (r *reader) number() json.Number {
	end := bytes.IndexFunc(r.rest, func(c rune) bool { return !isNumeric(c) })
	if end < 0 {
		end = len(r.rest)
	}
	n := json.Number(r.rest[:end])
	r.rest = r.rest[end:]
	return n
}

func isNumeric(c rune) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

func (r *reader) text() (string, error) {
	r.rest = r.rest[1:]
	end := bytes.IndexByte(r.rest, '"')
	if bytes.IndexByte(r.rest[:end], '\\') < 0 { // as nearly always
		s := string(r.rest[:end])
		r.rest = r.rest[end+1:]
		return s, nil
	}
	var s []byte
	for {
		end = bytes.IndexAny(r.rest, `"\`)
		s = append(s, r.rest[:end]...)
		mark := r.rest[end]
		r.rest = r.rest[end+1:]
		if mark == '"' {
			return string(s), nil
		}
		c, err := r.escape()
		if err != nil {
			return "", err
		}
		s = utf8.AppendRune(s, c)
	}
}

// escape reads what follows a backslash.
func (r *reader) escape() (rune, error) {
	c := r.rest[0]
	r.rest = r.rest[1:]
	if i := bytes.IndexByte([]byte("bfnrt"), c); i >= 0 {
		return rune("\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return rune(c), nil
	}
	first := r.hex()
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	if !bytes.HasPrefix(r.rest, []byte(`\u`)) {
		return 0, fmt.Errorf("%w: half a character", ErrMalformed)
	}
	r.rest = r.rest[2:]
	pair := utf16.DecodeRune(first, r.hex())
	if pair == utf8.RuneError { // check: surrogates come in pairs
		return 0, fmt.Errorf("%w: half a character", ErrMalformed)
	}
	return pair, nil
}

func (r *reader) hex() rune {
	n, _ := strconv.ParseUint(string(r.rest[:4]), 16, 16) // valid JSON has four digits here
	r.rest = r.rest[4:]
	return rune(n)
}

// normalise turns any value that encoding/json takes into what decodeJSON returns. The result shares nothing with v.
func normalise(v any) (any, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("%w: not JSON", ErrClaims) // the error's own text may hold a value
	}
	return decodeJSON(text.Bytes())
}

// appendJSON encodes what decodeJSON returns: names in byte order, no space, escapes only where JSON needs them, so
// that one value has one text.
func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		return appendObject(dst, v)
	case []any:
		return appendArray(dst, v)
	case string:
		return appendString(dst, v)
	case json.Number:
		return append(dst, v...)
	case bool:
		return strconv.AppendBool(dst, v)
	}
	return append(dst, "null"...)
}

func appendObject(dst []byte, object map[string]any) []byte {
	dst = append(dst, '{')
	for i, name := range sortedNames(object) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, name), ':')
		dst = appendJSON(dst, object[name])
	}
	return append(dst, '}')
}

func appendArray(dst []byte, array []any) []byte {
	dst = append(dst, '[')
	for i, v := range array {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSON(dst, v)
	}
	return append(dst, ']')
}

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, c)
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return append(dst, '"')
}

func sortedNames(object map[string]any) []string { return slices.Sorted(maps.Keys(object)) }
