package disclosure

import (
	"fmt"
	"io"
	"log/slog"
)

const sealedText = "sealed"

// Sealed carries a value that must not be printed. Every fmt verb, slog, JSON
// and text encoding yield the word "sealed"; decoding is refused with
// [ErrSealed], so a printed form cannot come back as a value. The zero Sealed
// holds the zero T. Copying is as safe as copying T.
type Sealed[T any] struct{ value T }

// Seal wraps v.
func Seal[T any](v T) Sealed[T] { return Sealed[T]{v} }

// Open returns the value. Call it only where a logged step has earned it.
func (s Sealed[T]) Open() T { return s.value }

// Format implements [fmt.Formatter] for every verb.
func (s Sealed[T]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, sealedText) }

// String returns "sealed".
func (s Sealed[T]) String() string { return sealedText }

// GoString returns "sealed".
func (s Sealed[T]) GoString() string { return sealedText }

// LogValue implements [slog.LogValuer].
func (s Sealed[T]) LogValue() slog.Value { return slog.StringValue(sealedText) }

// MarshalText implements [encoding.TextMarshaler].
func (s Sealed[T]) MarshalText() ([]byte, error) { return []byte(sealedText), nil }

// MarshalJSON implements [json.Marshaler].
func (s Sealed[T]) MarshalJSON() ([]byte, error) { return []byte(`"` + sealedText + `"`), nil }

// MarshalBinary refuses, which keeps encoding/gob out too.
func (s Sealed[T]) MarshalBinary() ([]byte, error) { return nil, ErrSealed }

// UnmarshalText refuses with [ErrSealed].
func (s *Sealed[T]) UnmarshalText([]byte) error { return ErrSealed }

// UnmarshalJSON refuses with [ErrSealed].
func (s *Sealed[T]) UnmarshalJSON([]byte) error { return ErrSealed }

// IdentityData is an opened [Identity]: plain, and printable.
type IdentityData struct {
	LegalName string `json:"legal_name"`
	Contact   string `json:"contact"` // person
	Email     string `json:"email"`
	Phone     string `json:"phone"`
	Street    string `json:"street"`
	City      string `json:"city"`
	Site      string `json:"site"` // site id
	// Proof shows where the fields are from: the SD-JWT in which they were
	// committed to, with the disclosures of what is shown (package sdjwt). Empty
	// if there is none.
	Proof string `json:"proof,omitempty"`
}

// An Identity is who a party really is. It exists in plain form only between
// a logged view after the reveal and the caller: printing, logging or
// marshalling an Identity yields the word "sealed". Call [Identity.Open] where
// a person has earned the right to see it, and nowhere else; that keeps the
// places to review few.
type Identity struct{ Sealed[IdentityData] }

// NewIdentity seals d.
func NewIdentity(d IdentityData) Identity { return Identity{Seal(d)} }
