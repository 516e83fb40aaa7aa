package match

import (
	"math"
	"time"
)

// Kind says what sort of resource an offer shares or a need asks for.
type Kind string

// The resource kinds of the domain. A need of kind TechnicalQuery or
// Guidance is served by an offer of kind Expertise; see [Kind.Serves].
const (
	MachineCapacity Kind = "machine_capacity"
	Expertise       Kind = "expertise"
	Equipment       Kind = "equipment_loan"
	Space           Kind = "space"
	TechnicalQuery  Kind = "technical_query"
	Guidance        Kind = "certification_guidance"
)

// Serves reports whether an offer of kind k can answer a need of kind n.
func (k Kind) Serves(n Kind) bool {
	return k == n || k == Expertise && (n == TechnicalQuery || n == Guidance)
}

// Mode is the set of places where work may happen.
type Mode uint8

// A hybrid offer or need is Remote|OnSite.
const (
	Remote Mode = 1 << iota
	OnSite
)

// Amount is a quantity in thousandths of its unit: 2.5 h is 2500.
type Amount int64

// Units of an [Amount].
const (
	Hours        = "h"
	SquareMetres = "m2"
)

// Hour is one hour as an [Amount].
const Hour Amount = 1000

// milliHour is an Amount of 1 as a duration.
const milliHour = time.Hour / 1000

// Duration converts an amount of hours. What is beyond the range of a duration,
// 292 years, is cut to its ends.
func (a Amount) Duration() time.Duration {
	const most = Amount(math.MaxInt64 / milliHour)
	switch {
	case a > most:
		return math.MaxInt64
	case a < -most:
		return math.MinInt64
	}
	return time.Duration(a) * milliHour
}

// Plus is the sum of two amounts, cut to the ends of the range.
func (a Amount) Plus(b Amount) Amount {
	sum := a + b
	switch {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// AmountOf converts a duration to hours, rounding down to a thousandth.
func AmountOf(d time.Duration) Amount { return Amount(d / milliHour) }

// Quantity is a value with its unit and the way it may be divided.
type Quantity struct {
	Unit        string `json:"unit"`                  // Hours or SquareMetres
	Value       Amount `json:"value"`                 // total; 0 on an offer means: what the windows hold
	MinLot      Amount `json:"min_lot,omitempty"`     // smallest part worth letting; 0 = any
	Granularity Amount `json:"granularity,omitempty"` // parts are multiples of this; 0 = Amount(1)
	PerWeek     Amount `json:"per_week,omitempty"`    // offer: at most this per ISO week; need: this many each week
	Weeks       int    `json:"weeks,omitempty"`       // need: number of consecutive ISO weeks; 0 = once
}

// Point is a place in WGS 84 degrees.
type Point struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Property is what a resource is or can do: a set of vocabulary terms, or a
// closed numeric range. Exactly one of the two is used.
type Property struct {
	Terms []string `json:"terms,omitempty"`
	Min   *float64 `json:"min,omitempty"`
	Max   *float64 `json:"max,omitempty"`
	Unit  string   `json:"unit,omitempty"` // mm, rpm, kg, …; needs convert mm and in
}

// Terms makes a property of vocabulary terms.
func Terms(t ...string) Property { return Property{Terms: t} }

// Range makes a numeric property of what the resource reaches, lo to hi.
func Range(lo, hi float64, unit string) Property { return Property{Min: &lo, Max: &hi, Unit: unit} }

// Credential is a certificate held, with its validity: From ≤ t < To.
type Credential struct {
	Scheme string    `json:"scheme"` // upper case, e.g. AS9100D
	Issuer string    `json:"issuer,omitempty"`
	Scope  string    `json:"scope,omitempty"`
	From   time.Time `json:"from,omitzero"`
	To     time.Time `json:"to,omitzero"` // zero = does not expire
}

// Evidence is one solved case that supports an expertise offer.
type Evidence struct {
	Year  int      `json:"year"`
	Terms []string `json:"terms,omitempty"`
}

// Bound is a private price bound in cents per hour: an offer's floor or a
// need's ceiling. Printing, logging or marshalling a Bound yields "sealed";
// [Bound.Open] is for the matcher, the rules of its own firm and the store.
type Bound struct {
	cents int64
	set   bool
}

// Exclusion names counterparties that one side will not meet. A field that
// is empty excludes nobody; each field is checked on its own.
type Exclusion struct {
	NAICS   []string `json:"naics,omitempty"` // code prefixes of the counterparty
	Sectors []string `json:"sectors,omitempty"`
	Groups  []string `json:"groups,omitempty"`
}

// An Offer is a published surplus of one resource, or of Units identical
// ones. IDs are the host's; they are never shown across a border.
type Offer struct {
	ID          string              `json:"id"`
	Revision    int                 `json:"revision"` // rises with every change; set by the trunk
	Firm        string              `json:"firm"`
	Group       string              `json:"group"`            // employer group; equal groups are never matched
	Person      string              `json:"person,omitempty"` // the offered person; empty for things
	Resource    string              `json:"resource"`
	Kind        Kind                `json:"kind"`
	Instrument  string              `json:"instrument,omitempty"`
	Category    string              `json:"category"`
	Text        string              `json:"text"` // redacted by the trunk before it gets here
	Topics      []string            `json:"topics,omitempty"`
	Properties  map[string]Property `json:"properties,omitempty"`
	Credentials []Credential        `json:"credentials,omitempty"`
	Evidence    []Evidence          `json:"evidence,omitempty"`
	Years       int                 `json:"years,omitempty"` // of experience
	Site        Point               `json:"site"`
	Region      string              `json:"region,omitempty"`
	Mode        Mode                `json:"mode,omitempty"`      // 0 = OnSite
	RadiusKM    float64             `json:"radius_km,omitempty"` // how far on-site work may be; 0 = no limit of its own
	Zone        string              `json:"zone"`                // IANA; governs windows and ISO weeks
	Windows     []Window            `json:"windows,omitempty"`   // empty = any time from Available on
	Available   time.Time           `json:"available,omitzero"`
	Expires     time.Time           `json:"expires,omitzero"`
	Units       int                 `json:"units,omitempty"` // identical resources; 0 = 1
	Quantity    Quantity            `json:"quantity"`
	Currency    string              `json:"currency"` // ISO 4217
	Floor       Bound               `json:"floor"`    // least price, cents per hour; private
	Cost        Bound               `json:"cost"`     // variable cost, cents per hour; private, for the owner's contribution
	NAICS       string              `json:"naics,omitempty"`
	Sectors     []string            `json:"sectors,omitempty"` // of the owner, for the need's exclusions
	Exclude     Exclusion           `json:"exclude,omitzero"`
}
