package match

import "time"

// Op is the relation of a [Requirement], always read from the offer to the
// need: the offer's property … the value.
type Op string

// One-sided relations: more than was asked for never lowers a fit.
const (
	Includes Op = "includes" // the offer's terms contain every term asked for
	AnyOf    Op = "any_of"   // the offer's terms contain at least one
	AtMost   Op = "at_most"  // the offer reaches a value ≤ the number (tolerance)
	AtLeast  Op = "at_least" // the offer reaches a value ≥ the number (envelope, load)
	Within   Op = "within"   // [Min, Max] asked for lies inside the offer's range
)

// Requirement is one hard fact a need asks of an offer's property. An offer
// without that property fails it.
type Requirement struct {
	Property string   `json:"property"`
	Op       Op       `json:"op"`
	Terms    []string `json:"terms,omitempty"`
	Min      float64  `json:"min,omitempty"` // Within only
	Value    float64  `json:"value,omitempty"`
	Unit     string   `json:"unit,omitempty"`
}

// A Need is a registered deficit.
type Need struct {
	ID          string        `json:"id"`
	Revision    int           `json:"revision"`
	Firm        string        `json:"firm"`
	Group       string        `json:"group"`
	Requester   string        `json:"requester"` // person id
	Kind        Kind          `json:"kind"`
	Category    string        `json:"category"`   // what is wanted; covers its descendants
	Governance  string        `json:"governance"` // the demand side's own policy category, e.g. demand.machining
	Text        string        `json:"text"`       // redacted by the trunk
	Topics      []string      `json:"topics,omitempty"`
	Requires    []Requirement `json:"requires,omitempty"`
	Credentials []string      `json:"credentials,omitempty"` // schemes valid through the whole window
	Site        Point         `json:"site"`
	Region      string        `json:"region,omitempty"`
	RadiusKM    float64       `json:"radius_km,omitempty"` // 0 = no limit
	Mode        Mode          `json:"mode,omitempty"`      // acceptable places; 0 = OnSite
	Zone        string        `json:"zone"`
	From        time.Time     `json:"from"` // the work lies in From ≤ t < Until
	Until       time.Time     `json:"until"`
	Windows     []Window      `json:"windows,omitempty"` // further limits; empty = any time in between
	Quantity    Quantity      `json:"quantity"`
	MinBlock    Amount        `json:"min_block,omitempty"` // shortest uninterrupted block; 0 = any
	Partial     bool          `json:"partial,omitempty"`   // a part of the quantity is welcome
	Currency    string        `json:"currency"`
	Ceiling     Bound         `json:"ceiling"` // most that is paid, cents per hour; private
	NAICS       string        `json:"naics,omitempty"`
	Sectors     []string      `json:"sectors,omitempty"`
	Exclude     Exclusion     `json:"exclude,omitzero"`
}
