package sdjwt

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const (
	nameDigests = "_sd"
	nameElement = "..."
	nameHash    = "_sd_alg"
	hashName    = "sha-256"
	saltBytes   = 16
	sealedText  = "sealed"
)

// A Disclosure is one claim that can be shown or withheld. Printing it yields the word "sealed".
type Disclosure struct {
	text    string // as it travels
	digest  string
	path    string // empty before the digest has been found
	name    string
	value   any
	element bool // of an array, so without a name
}

// Path tells where the claim belongs; see [Path]. The elements of an array are counted as the signed token has them,
// decoys included.
func (d Disclosure) Path() string { return d.path }

// Digest is the base64url of the SHA-256 digest that the signed token carries in the claim's place.
func (d Disclosure) Digest() string { return d.digest }

// String returns "sealed".
func (d Disclosure) String() string { return sealedText }

// Format implements [fmt.Formatter] for every verb.
func (d Disclosure) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, sealedText) }

// LogValue implements [slog.LogValuer].
func (d Disclosure) LogValue() slog.Value { return slog.StringValue(sealedText) }

// MarshalText implements [encoding.TextMarshaler].
func (d Disclosure) MarshalText() ([]byte, error) { return []byte(sealedText), nil }

// Path joins names to the path of a claim: a JSON Pointer, RFC 6901. Elements of arrays are named by their index, or
// all together by *. Path("address", "city") is /address/city.
func Path(names ...string) string {
	var path string
	for _, name := range names {
		path = join(path, name)
	}
	return path
}

var pointer = strings.NewReplacer("~", "~0", "/", "~1")

func join(path, name string) string { return path + "/" + pointer.Replace(name) }

// digestOf hashes a disclosure as it travels: not what it encodes, so that nobody needs a canonical form of JSON.
func digestOf(text string) string {
	hash := sha256.Sum256([]byte(text))
	return encodeText(hash[:])
}

func newDisclosure(path, text string, content []any) Disclosure {
	d := Disclosure{text: text, digest: digestOf(text), path: path, value: content[len(content)-1]}
	if d.element = len(content) == 2; !d.element {
		d.name, _ = content[1].(string)
	}
	return d
}

func parseDisclosure(text string) (Disclosure, error) {
	data, err := decodeText(text)
	if err != nil {
		return Disclosure{}, err
	}
	v, err := decodeJSON(data)
	if err != nil {
		return Disclosure{}, err
	}
	content, _ := v.([]any)
	if len(content) != 2 && len(content) != 3 { // check: a disclosure has two or three parts
		return Disclosure{}, fmt.Errorf("%w: want two or three parts", ErrDisclosure)
	}
	if _, ok := content[0].(string); !ok { // check: a salt is text
		return Disclosure{}, fmt.Errorf("%w: salt is no string", ErrDisclosure)
	}
	if len(content) == 3 {
		if _, ok := content[1].(string); !ok { // check: a name is text
			return Disclosure{}, fmt.Errorf("%w: name is no string", ErrDisclosure)
		}
	}
	return newDisclosure("", text, content), nil
}
