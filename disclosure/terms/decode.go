package terms

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Decode reads the canonical form. It accepts exactly what [Document.Encode]
// writes for documents within the limits, so that encoding the result gives b
// again. The document shares no memory with b.
//
// It fails with a [*DecodeError]. It costs one pass over b; b longer than
// [MaxBytes] is not looked at, and a length in b is believed only as far as b
// has the bytes.
func Decode(b []byte) (Document, error) {
	if len(b) > MaxBytes {
		return Document{}, &DecodeError{Field: "encoding", Want: fmt.Sprintf("at most %d bytes", MaxBytes)}
	}
	rest, found := strings.CutPrefix(string(b), magic)
	if !found {
		return Document{}, &DecodeError{Field: "encoding", Want: fmt.Sprintf("the prefix %q", magic)}
	}
	r := reader{rest: rest}
	d := r.document()
	if r.err == nil && r.rest != "" {
		r.fail("encoding", "nothing after the parameters")
	}
	if r.err == nil {
		r.err = d.check()
	}
	if r.err != nil {
		return Document{}, &DecodeError{Field: r.err.field, Want: r.err.want}
	}
	return d, nil
}

// A reader takes fields off the front of rest. After the first flaw it returns
// zero values.
type reader struct {
	rest string
	err  *flaw
}

func (r *reader) document() Document {
	d := Document{
		Template: r.text("template", maxName),
		Version:  r.text("version", maxVersion),
		Title:    r.text("title", maxTitle),
	}
	for i := range r.length("clauses", MaxClauses) {
		if r.err != nil {
			break
		}
		field := fmt.Sprintf("clauses[%d]", i)
		d.Clauses = append(d.Clauses, Clause{
			ID:    r.text(field+".id", maxName),
			Title: r.text(field+".title", maxTitle),
			Text:  r.text(field+".text", maxText),
		})
	}
	d.Params = r.params()
	return d
}

func (r *reader) params() map[string]string {
	n := r.length("params", MaxParams)
	if n == 0 {
		return nil
	}
	params, last := make(map[string]string, n), ""
	for i := range n {
		field := fmt.Sprintf("params[%d]", i)
		name, value := r.text(field+".name", maxName), r.text(field+".value", maxValue)
		if name <= last {
			r.fail(field+".name", "ascending names")
		}
		params[name], last = value, name
	}
	return params
}

// length takes a number of at most limit.
func (r *reader) length(field string, limit int) int {
	if r.err != nil {
		return 0
	}
	if len(r.rest) < 4 {
		r.fail(field, "a length of 4 bytes")
		return 0
	}
	n := binary.BigEndian.Uint32([]byte(r.rest[:4]))
	if n > uint32(limit) {
		r.fail(field, fmt.Sprintf("at most %d", limit))
		return 0
	}
	r.rest = r.rest[4:]
	return int(n)
}

// text takes a string of at most limit bytes.
func (r *reader) text(field string, limit int) string {
	n := r.length(field, limit)
	if n > len(r.rest) {
		r.fail(field, "as many bytes as its length says")
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

// fail keeps the first flaw.
func (r *reader) fail(field, want string) {
	if r.err == nil {
		r.err = &flaw{field, want}
	}
}
