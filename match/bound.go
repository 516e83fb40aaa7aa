package match

import (
	"fmt"
	"io"
	"log/slog"
)

const sealed = "sealed"

// NewBound makes a bound of cents per hour. The zero Bound means: no bound.
func NewBound(cents int64) Bound { return Bound{cents: cents, set: true} }

// Open returns the bound in cents per hour and whether there is one.
func (b Bound) Open() (cents int64, ok bool) { return b.cents, b.set }

// Format writes "sealed" for every verb.
func (b Bound) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, sealed) }

// LogValue returns "sealed".
func (b Bound) LogValue() slog.Value { return slog.StringValue(sealed) }

// MarshalText returns "sealed".
func (b Bound) MarshalText() ([]byte, error) { return []byte(sealed), nil }

// UnmarshalText accepts what MarshalText wrote and leaves the bound unset: a
// sealed bound does not come back from its printed form.
func (b *Bound) UnmarshalText([]byte) error { *b = Bound{}; return nil }
