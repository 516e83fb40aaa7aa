package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/deeperpoint/csss/disclosure"
)

const (
	magic         = "csss-envelope-1\n"
	shreddedMagic = "csss-shredded-1\n"
)

// MaxBytes is the length of the longest envelope, with three hybrid keys and
// a block of the last size.
const MaxBytes = len(magic) + digestSize + 3*(2+1168) + 65536 + sealOverhead

const digestSize = len(disclosure.Digest{})

// A Role says for whom a share is.
type Role uint8

// The roles.
const (
	Party    Role = 1 + iota // the firm's delegate, or the person who is offered
	Employer                 // of the party
	Operator                 // of the market
)

const roles = 3

func (r Role) valid() bool { return Party <= r && r <= Operator }

// String returns the role in lower case.
func (r Role) String() string {
	if !r.valid() {
		return "no role"
	}
	return [...]string{"party", "employer", "operator"}[r-Party]
}

// An Envelope is a sealed identity: ciphertext, safe to store and to print. The
// zero Envelope is none. Copies share memory; nothing but Shred changes it.
type Envelope struct {
	name    disclosure.Digest
	boxes   [roles]box
	payload []byte // none once shredded
}

// A box is a share sealed to one key.
type box struct {
	suite  Suite
	sealed []byte
}

func (b box) bytes() []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(b.suite)), b.sealed...)
}

// cutBox takes a box off the front of b.
func cutBox(b []byte) (front box, rest []byte, ok bool) {
	if len(b) < 2 {
		return box{}, nil, false
	}
	suite := Suite(binary.BigEndian.Uint16(b))
	size, rest := suite.sealedSize(), b[2:]
	if size == 0 || len(rest) < size {
		return box{}, nil, false
	}
	return box{suite, rest[:size]}, rest[size:], true
}

// Parse reads what [Envelope.Bytes] writes, of a shredded envelope too, and
// nothing else. It proves nothing about what is inside. It fails with
// [ErrEncoding]. It shares no memory with b, and costs one copy of at most
// [MaxBytes]; a longer b is not looked at.
func Parse(b []byte) (Envelope, error) {
	if len(b) > MaxBytes {
		return Envelope{}, ErrEncoding
	}
	if digest, ok := bytes.CutPrefix(b, []byte(shreddedMagic)); ok && len(digest) == digestSize {
		return named(digest)
	}
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok || len(rest) < digestSize {
		return Envelope{}, ErrEncoding
	}
	e, err := named(rest[:digestSize])
	if err != nil {
		return Envelope{}, err
	}
	rest = slices.Clone(rest[digestSize:])
	for i := range e.boxes {
		if e.boxes[i], rest, ok = cutBox(rest); !ok {
			return Envelope{}, ErrEncoding
		}
	}
	if !slices.Contains(blockSizes[:], len(rest)-sealOverhead) {
		return Envelope{}, ErrEncoding
	}
	e.payload = rest
	return e, nil
}

func named(digest []byte) (Envelope, error) {
	e := Envelope{name: disclosure.Digest(digest)}
	if e.name.IsZero() {
		return Envelope{}, ErrEncoding
	}
	return e, nil
}

// Bytes returns the canonical encoding, nil for the zero Envelope. The caller
// owns it.
func (e Envelope) Bytes() []byte {
	switch {
	case e.name.IsZero():
		return nil
	case e.payload == nil:
		return append([]byte(shreddedMagic), e.name[:]...)
	}
	b := append([]byte(magic), e.name[:]...)
	for _, x := range e.boxes {
		b = append(b, x.bytes()...)
	}
	return append(b, e.payload...)
}

// MarshalText implements [encoding.TextMarshaler]: the Bytes in base64url.
func (e Envelope) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, e.Bytes()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler] by [Parse]; no text is
// the zero Envelope. It fails with [ErrEncoding].
func (e *Envelope) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*e = Envelope{}
		return nil
	}
	if len(text) > base64.RawURLEncoding.EncodedLen(MaxBytes) || bytes.ContainsAny(text, "\r\n") {
		return ErrEncoding
	}
	b, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text)
	if err != nil {
		return ErrEncoding
	}
	read, err := Parse(b)
	if err == nil {
		*e = read
	}
	return err
}

// Digest names the envelope, and commits it to one scope and one identity
// without telling which. Rotation and shredding keep it. It is what belongs on a ledger.
func (e Envelope) Digest() disclosure.Digest { return e.name }

// IsZero reports whether e is no envelope.
func (e Envelope) IsZero() bool { return e.name.IsZero() }

// Shredded reports whether only the digest is left.
func (e Envelope) Shredded() bool { return !e.IsZero() && e.payload == nil }

// String returns "envelope" and the first eight digits of the digest.
func (e Envelope) String() string {
	return "envelope " + e.name.String()[:min(8, len(e.name.String()))]
}

// Shred overwrites the shares and the payload, here and in all copies of this
// value, and leaves a husk that has the digest and opens with [ErrShredded].
// Store its Bytes in place of the envelope's. Copies that were encoded before are
// not reached; see the package's comment.
func (e *Envelope) Shred() {
	for i := range e.boxes {
		clear(e.boxes[i].sealed)
	}
	clear(e.payload)
	*e = Envelope{name: e.name}
}
