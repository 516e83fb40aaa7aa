package terms

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
)

// A Document is a filled agreement: what both sides accept, by its
// [Document.Digest].
type Document struct {
	Template string            `json:"template"` // ID of the template
	Version  string            `json:"version"`
	Title    string            `json:"title"`
	Clauses  []Clause          `json:"clauses"`
	Params   map[string]string `json:"params,omitempty"` // what was filled in
}

const (
	magic  = "csss-terms-1\n"
	domain = "csss/disclosure/terms/v1\x00"
)

// Encode returns the canonical form, as the package comment lays it out. Two
// documents have the same form only if they are equal, where no parameters and
// an empty map of them are the same. [Decode] returns an equal document for
// every document that came from [Fill] or Decode; one that was put together
// otherwise may be beyond the limits, which Decode refuses.
func (d Document) Encode() []byte {
	b := []byte(magic)
	for _, s := range []string{d.Template, d.Version, d.Title} {
		b = appendString(b, s)
	}
	b = appendLen(b, len(d.Clauses))
	for _, c := range d.Clauses {
		b = appendString(b, c.ID)
		b = appendString(b, c.Title)
		b = appendString(b, c.Text)
	}
	b = appendLen(b, len(d.Params))
	for _, name := range d.names() {
		b = appendString(b, name)
		b = appendString(b, d.Params[name])
	}
	return b
}

// Digest returns the hash that both sides accept: SHA-256 over a domain string
// and [Document.Encode]. Documents that differ in any field have different
// digests.
func (d Document) Digest() [32]byte {
	return sha256.Sum256(append([]byte(domain), d.Encode()...))
}

// names returns the names of the parameters in their canonical order.
func (d Document) names() []string { return slices.Sorted(maps.Keys(d.Params)) }

func appendLen(b []byte, n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func appendString(b []byte, s string) []byte { return append(appendLen(b, len(s)), s...) }
