package envelope

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/deeperpoint/csss/disclosure"
)

const (
	scopeLabel   = "csss/disclosure/envelope/scope/v1"
	digestLabel  = "csss/disclosure/envelope/digest/v1"
	shareLabel   = "csss/disclosure/envelope/share/v1"
	handedLabel  = "csss/disclosure/envelope/handed/v1"
	payloadLabel = "csss/disclosure/envelope/payload/v1"
	checkLabel   = "csss/disclosure/envelope/check/v1"
)

const maxName = 256

// A Scope is what an envelope is sealed for. It is not in the envelope: who
// opens it must know what for.
type Scope struct {
	Listing string            `json:"listing"`           // id and revision; 1 to 256 bytes
	Schema  disclosure.Digest `json:"schema"`            // of the stages and their fields; required
	Policy  disclosure.Digest `json:"policy"`            // of the rules it may be opened under; required
	Session string            `json:"session,omitempty"` // up to 256 bytes; default "": sealed before there is a session
}

func (s Scope) check() error {
	switch {
	case s.Listing == "" || len(s.Listing) > maxName:
		return &disclosure.FieldError{Field: "scope.listing", Want: fmt.Sprintf("1 to %d bytes", maxName)}
	case s.Schema.IsZero():
		return &disclosure.FieldError{Field: "scope.schema", Want: "a digest"}
	case s.Policy.IsZero():
		return &disclosure.FieldError{Field: "scope.policy", Want: "a digest"}
	case len(s.Session) > maxName:
		return &disclosure.FieldError{Field: "scope.session", Want: fmt.Sprintf("at most %d bytes", maxName)}
	}
	return nil
}

func (s Scope) digest() disclosure.Digest {
	h := labelled(scopeLabel)
	writeString(h, s.Listing)
	h.Write(s.Schema[:])
	h.Write(s.Policy[:])
	writeString(h, s.Session)
	return disclosure.Digest(h.Sum(nil))
}

// name is what the envelope of block is known by.
func (s Scope) name(block []byte) disclosure.Digest {
	scope := s.digest()
	h := labelled(digestLabel)
	h.Write(scope[:])
	h.Write(block)
	return disclosure.Digest(h.Sum(nil))
}

// additional is what the payload is authenticated with.
func (s Scope) additional(name disclosure.Digest) []byte {
	scope := s.digest()
	aad := append([]byte(payloadLabel), 0)
	aad = append(aad, name[:]...)
	return append(aad, scope[:]...)
}

// labelled starts a hash that is used for one purpose only.
func labelled(label string) hash.Hash {
	h := sha256.New()
	h.Write([]byte(label))
	h.Write([]byte{0})
	return h
}

func writeString(h hash.Hash, s string) {
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
	h.Write([]byte(s))
}
