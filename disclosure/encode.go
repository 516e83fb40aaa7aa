package disclosure

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Encode returns the payload of the event's record: JSON, padded with blanks
// to [SealedSize] if the type is sealed. The only error wraps [ErrInvalid]: a
// sealed event whose texts do not fit.
func (e Event) Encode() ([]byte, error) { return e.encode() }

func (e *Event) encode() ([]byte, error) {
	if !e.plain() {
		b, err := json.Marshal(e)
		if err != nil {
			return nil, &FieldError{Field: "plan", Want: "JSON"}
		}
		return e.padded(b)
	}
	size := 512
	if e.Type.Sealed() {
		size = SealedSize
	}
	return e.padded(e.appendJSON(make([]byte, 0, size)))
}

// padded fills a sealed payload up.
func (e *Event) padded(b []byte) ([]byte, error) {
	switch {
	case !e.Type.Sealed():
		return b, nil
	case len(b) > SealedSize:
		return nil, &FieldError{Field: "command", Want: fmt.Sprintf("at most %d bytes in all its texts", SealedSize)}
	}
	for len(b) < SealedSize {
		b = append(b, blanks[:min(len(blanks), SealedSize-len(b))]...)
	}
	return b, nil
}

var blanks = bytes.Repeat([]byte(" "), 256)

// plain reports whether appendJSON knows all that the event says: the steps of
// a session, which are most of a log. What opens or enlarges one goes through
// encoding/json.
func (e *Event) plain() bool {
	return e.Proposal == nil && e.Bundle == nil && e.Invitation == nil &&
		fourDigits(e.At) && fourDigits(e.Said) && fourDigits(e.Until) && fourDigits(e.Bind.Expires)
}

// fourDigits reports whether JSON can say the instant.
func fourDigits(t time.Time) bool {
	if s := t.Unix(); s >= yearOne && s < year9999 {
		return true // in any zone
	}
	return t.Year() >= 0 && t.Year() <= 9999
}

// The first seconds of two years, since 1970.
const (
	yearOne  = -62135596800
	year9999 = 253370764800
)

// appendJSON writes what encoding/json would, byte for byte.
func (e *Event) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"type":`...), string(e.Type))
	b = appendTime(append(b, `,"at":`...), e.At)
	b = fieldTime(b, `,"said":`, e.Said)
	b = fieldString(b, `,"kind":`, string(e.Kind))
	b = strconv.AppendUint(append(b, `,"side":`...), uint64(e.Side), 10)
	b = fieldString(b, `,"actor":`, e.Actor)
	b = fieldString(b, `,"command":`, e.Command)
	b = fieldDigest(b, `,"digest":`, &e.Digest)
	b = fieldInt(b, `,"seq":`, e.Seq)
	if e.Bind != (Binding{}) {
		b = e.Bind.appendJSON(append(b, `,"bind":`...))
	}
	b = fieldTime(b, `,"until":`, e.Until)
	b = fieldTrue(b, `,"auto":true`, e.Auto)
	b = fieldDigest(b, `,"policy":`, &e.Policy)
	b = fieldInt(b, `,"version":`, e.Version)
	if len(e.Roles) > 0 {
		b = append(b, `,"roles":`...)
		for i, r := range e.Roles {
			b = appendString(append(b, "[,"[min(i, 1)]), r)
		}
		b = append(b, ']')
	}
	b = fieldString(b, `,"under":`, e.Under)
	b = fieldString(b, `,"requirement":`, e.Requirement)
	b = fieldInt(b, `,"stage":`, e.Stage)
	b = fieldInt(b, `,"hours":`, e.Hours)
	if r := e.Rating; r != (Rating{}) {
		b = strconv.AppendInt(append(b, `,"rating":{"stars":`...), int64(r.Stars), 10)
		b = append(fieldTrue(b, `,"solved":true`, r.Solved), '}')
	}
	b = fieldString(b, `,"reason":`, e.Reason)
	b = fieldString(b, `,"cause":`, e.Cause)
	if e.Policies != ([2]Digest{}) {
		b = appendDigest(append(b, `,"policies":[`...), &e.Policies[0])
		b = append(appendDigest(append(b, ','), &e.Policies[1]), ']')
	}
	if e.Versions != ([2]int{}) {
		b = strconv.AppendInt(append(b, `,"versions":[`...), int64(e.Versions[0]), 10)
		b = append(strconv.AppendInt(append(b, ','), int64(e.Versions[1]), 10), ']')
	}
	b = fieldDigest(b, `,"machine":`, &e.Machine)
	b = fieldInt(b, `,"seat":`, e.Seat)
	if len(e.Share) > 0 {
		b = append(base64.StdEncoding.AppendEncode(append(b, `,"share":"`...), e.Share), '"')
	}
	b = fieldInt(b, `,"v":`, e.V)
	return append(b, '}')
}

func (x *Binding) appendJSON(b []byte) []byte {
	at := len(b)
	b = fieldDigest(b, `,"summary":`, &x.Summary)
	b = fieldDigest(b, `,"terms":`, &x.Terms)
	b = fieldDigest(b, `,"bundle":`, &x.Bundle)
	b = fieldDigest(b, `,"invitation":`, &x.Invitation)
	b = fieldDigest(b, `,"policy":`, &x.Policy)
	b = fieldTime(b, `,"expires":`, x.Expires)
	b[at] = '{' // in the place of the first comma
	return append(b, '}')
}

// The functions named field write nothing for a zero value.

func fieldString(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(append(b, name...), s)
}

func fieldInt[T ~int | ~int64 | ~uint64 | ~uint8](b []byte, name string, n T) []byte {
	switch {
	case n == 0:
		return b
	case n < 0:
		return strconv.AppendInt(append(b, name...), int64(n), 10)
	}
	return strconv.AppendUint(append(b, name...), uint64(n), 10)
}

func fieldTrue(b []byte, text string, on bool) []byte {
	if !on {
		return b
	}
	return append(b, text...)
}

func fieldDigest(b []byte, name string, d *Digest) []byte {
	if d.IsZero() {
		return b
	}
	return appendDigest(append(b, name...), d)
}

func fieldTime(b []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendTime(append(b, name...), t)
}

func appendDigest(b []byte, d *Digest) []byte {
	b = append(b, '"')
	if !d.IsZero() {
		b = hex.AppendEncode(b, d[:])
	}
	return append(b, '"')
}

func appendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

// appendString writes a text without escapes if it needs none.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a string always marshals
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// readBack returns the event as [DecodeEvent] would read it from its payload,
// so that a fold made while writing equals the fold of the log.
func (e *Event) readBack(r Record) (Event, error) {
	if e.Bundle != nil || e.Invitation != nil || !e.faithful() {
		return DecodeEvent(r)
	}
	back := *e
	if e.Proposal != nil {
		p := e.Proposal.readBack()
		back.Proposal = &p
	}
	back.At, back.Said, back.Until, back.Bind.Expires = instant(e.At), instant(e.Said), instant(e.Until), instant(e.Bind.Expires)
	if len(back.Roles) == 0 {
		back.Roles = nil
	}
	if len(back.Share) == 0 {
		back.Share = nil
	}
	back.sum = DigestOf(r.Data)
	return back, nil
}

// readBack returns the proposal as encoding/json would read it back.
func (p *Proposal) readBack() Proposal {
	back := *p
	back.At, back.End = instant(p.At), instant(p.End)
	if back.Plan = nil; len(p.Plan) > 0 {
		var compact, escaped bytes.Buffer
		_ = json.Compact(&compact, p.Plan) // it is JSON: it was just written
		json.HTMLEscape(&escaped, compact.Bytes())
		back.Plan = escaped.Bytes()
	}
	return back
}

// faithful reports whether every text of a proposal survives JSON as it is.
func (p *Proposal) faithful() bool {
	if p.Bundle != nil {
		return false
	}
	for _, x := range p.Parties {
		if !utf8.ValidString(x.Firm) || !utf8.ValidString(x.Group) || !utf8.ValidString(x.Actor) {
			return false
		}
	}
	return utf8.ValidString(p.ID) && utf8.ValidString(string(p.Session)) && utf8.ValidString(p.Offer) && utf8.ValidString(p.Need)
}

// faithful reports whether every text survives JSON as it is.
func (e *Event) faithful() bool {
	for _, s := range [...]string{string(e.Kind), e.Actor, e.Command, e.Under, e.Requirement, e.Reason, e.Cause} {
		if !utf8.ValidString(s) {
			return false
		}
	}
	if e.Proposal != nil && !e.Proposal.faithful() {
		return false
	}
	return e.Side <= Demand && e.V == versions[e.Type] && !slices.ContainsFunc(e.Roles, func(r string) bool { return !utf8.ValidString(r) })
}
