package match

import (
	"fmt"
	"io"
	"log/slog"
	"math"

	"github.com/deeperpoint/csss/match/market"
)

// An AgreedPrice is the price both private bounds allow, in cents per hour.
// Printing, logging or marshalling it yields "sealed": it is shown with the
// reveal and not before. The zero value means that there are too few
// comparables, so that the price must be set by hand.
type AgreedPrice struct {
	cents int64
	set   bool
}

// Open returns the price in cents per hour and whether there is one.
func (p AgreedPrice) Open() (cents int64, ok bool) { return p.cents, p.set }

// Format writes "sealed" for every verb.
func (p AgreedPrice) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, sealed) }

// LogValue returns "sealed".
func (p AgreedPrice) LogValue() slog.Value { return slog.StringValue(sealed) }

// MarshalText returns "sealed".
func (p AgreedPrice) MarshalText() ([]byte, error) { return []byte(sealed), nil }

// UnmarshalText accepts what MarshalText wrote and leaves the price unset.
func (p *AgreedPrice) UnmarshalText([]byte) error { *p = AgreedPrice{}; return nil }

// agree returns the agreed price and whether the bounds allow one. Without
// comparables only the bounds are compared and the price stays unset.
func agree(n *Need, o *Offer, median func(string) (int64, bool)) (AgreedPrice, bool) {
	floor, ceiling := bounds(n, o)
	if n.Currency != "" && o.Currency != "" && n.Currency != o.Currency {
		return AgreedPrice{}, false
	}
	m, ok := medianOf(n, o, median)
	if !ok {
		return AgreedPrice{}, floor <= ceiling
	}
	cents, ok := market.Agree(m, floor, ceiling)
	return AgreedPrice{cents: cents, set: ok}, ok
}

func bounds(n *Need, o *Offer) (floor, ceiling int64) {
	floor, _ = o.Floor.Open()
	ceiling, ok := n.Ceiling.Open()
	if !ok {
		ceiling = math.MaxInt64
	}
	return floor, ceiling
}

// medianOf asks for the comparables of what is offered, then of what is asked.
func medianOf(n *Need, o *Offer, median func(string) (int64, bool)) (int64, bool) {
	if median == nil {
		return 0, false
	}
	if m, ok := median(o.Category); ok {
		return m, true
	}
	return median(n.Category)
}
