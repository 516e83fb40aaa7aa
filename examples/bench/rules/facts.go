package rules

import "time"

// Fact names what a request tells.
type Fact uint8

// The facts.
const (
	Mode Fact = iota
	Currency
	Country
	Region
	Resource
	NAICS
	Rate
	Amount
	Distance
	Trust
	Verified
	Certifications
	Topics
	PerWeek
	FactCount int = iota
)

// Kind is the type of a fact.
type Kind uint8

// The kinds.
const (
	Text     Kind = iota // a string
	Number               // an integer
	Real                 // a number with two decimals
	Flag                 // true or false
	Texts                // a list of strings
	Duration             // nanoseconds
)

// Facts is the table of facts: their dotted names, in package policy's base
// schema too, their kinds, and the values they are drawn from.
var Facts = [FactCount]struct {
	Name   string
	Kind   Kind
	texts  []string // Text: one of them; Texts: some of them
	lo, hi int64    // numbers in [lo, hi); hundredths of Real, hours of Duration
	step   int64
}{
	Mode:           {Name: "request.mode", Kind: Text, texts: []string{"remote", "on_site", "hybrid"}},
	Currency:       {Name: "price.currency", Kind: Text, texts: []string{"CAD", "CAD", "CAD", "USD"}},
	Country:        {Name: "counterparty.country", Kind: Text, texts: []string{"CA", "CA", "US", "MX"}},
	Region:         {Name: "counterparty.region", Kind: Text, texts: []string{"ON-south-west", "ON-golden-horseshoe", "ON-north", "QC-montreal", "MI-detroit"}},
	Resource:       {Name: "resource.kind", Kind: Text, texts: []string{"machine", "expert", "space"}},
	NAICS:          {Name: "counterparty.naics", Kind: Text, texts: []string{"332710", "333517", "336370", "339110"}},
	Rate:           {Name: "price.rate", Kind: Number, lo: 4000, hi: 16000, step: 250},
	Amount:         {Name: "price.amount", Kind: Number, lo: 20_000, hi: 900_000, step: 1000},
	Distance:       {Name: "request.distance_km", Kind: Number, lo: 1, hi: 200, step: 1},
	Trust:          {Name: "counterparty.trust", Kind: Real, lo: 30, hi: 100, step: 1},
	Verified:       {Name: "counterparty.verified", Kind: Flag},
	Certifications: {Name: "counterparty.certifications", Kind: Texts, texts: []string{"iso9001", "as9100d", "iatf16949", "iso13485"}},
	Topics:         {Name: "resource.topics", Kind: Texts, texts: []string{"titanium-turning", "five-axis", "gear-hobbing", "metrology"}},
	PerWeek:        {Name: "request.per_week", Kind: Duration, lo: 1, hi: 12, step: 1},
}

// Value is one fact's value; which field counts depends on its kind.
type Value struct {
	Text   string
	Number int64 // Number; Duration in nanoseconds; hundredths of Real
	Flag   bool
	Texts  []string
}

// Real is the value of a fact of that kind.
func (v Value) Real() float64 { return float64(v.Number) / 100 }

// Duration is the value of a fact of that kind.
func (v Value) Duration() time.Duration { return time.Duration(v.Number) }
