package match

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// kinds are the kinds an offer may have; a need may have any of them and
// those that expertise serves.
var (
	offerKinds = []Kind{MachineCapacity, Expertise, Equipment, Space}
	needKinds  = append(slices.Clone(offerKinds), TechnicalQuery, Guidance)
)

// MaxAmount is the largest quantity that an offer, a need or a slot may state:
// 10^9 units.
const MaxAmount Amount = 1e12

// maxAmount stands for no limit in sums, which it keeps far from overflow.
const maxAmount Amount = 1e15

// maxPlanYears bounds the time a need may cover, and with it the work of one
// plan.
const maxPlanYears = MaxYears

// Validate reports the first field that cannot be used, as a *[FieldError].
//
// Required are id, firm, kind, category and zone. The group defaults to the
// firm, the mode to [OnSite], units to 1. Refused are: coordinates that are
// not numbers or not on the globe; negative quantities, radii or bounds; a
// minimum lot above the value; a currency that is not three upper-case
// letters, or missing beside a floor; windows that [Window.Validate] refuses,
// that overlap each other, or that recur without end while the offer has no
// Expires; an Expires that is not after Available; properties that are both
// or neither of terms and a range; credentials that end before they begin.
func (o *Offer) Validate() error {
	_, err := compileOffer(o, loadZone)
	return err
}

// Validate reports the first field that cannot be used, as a *[FieldError].
//
// Required are id, firm, kind, category, zone, from and until, with until
// after from and at most ten years later, and a quantity: a value, or an
// amount per week with a number of weeks (if both are given they must agree).
// Otherwise it refuses what [Offer.Validate] refuses, and requirements that
// name no property, an unknown relation, or no operand.
func (n *Need) Validate() error {
	_, err := compileNeed(n)
	return err
}

func (o *Offer) check() error {
	checks := []error{
		checkIdentity(o.ID, o.Firm, o.Kind, offerKinds, o.Category),
		checkPlace(o.Site, o.RadiusKM, o.Mode),
		checkQuantity(o.Quantity),
		checkMoney("floor", o.Currency, o.Floor),
		checkMoney("cost", o.Currency, o.Cost),
		checkNumber("units", float64(o.Units), 0, 10_000),
		checkNumber("years", float64(o.Years), 0, 150),
		checkExclusion(o.Exclude),
		o.checkTimes(),
		o.checkProperties(),
		o.checkCredentials(),
	}
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *Need) check() error {
	checks := []error{
		checkIdentity(n.ID, n.Firm, n.Kind, needKinds, n.Category),
		checkPlace(n.Site, n.RadiusKM, n.Mode),
		checkQuantity(n.Quantity),
		checkMoney("ceiling", n.Currency, n.Ceiling),
		checkExclusion(n.Exclude),
		n.checkTimes(),
		n.checkAmounts(),
		n.checkRequires(),
	}
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkIdentity(id, firm string, k Kind, kinds []Kind, category string) error {
	switch {
	case id == "":
		return fieldErr("id", id, "an id")
	case firm == "":
		return fieldErr("firm", firm, "a firm")
	case !slices.Contains(kinds, k):
		return fieldErr("kind", string(k), fmt.Sprintf("one of %v", kinds))
	case !validCategory(category):
		return fieldErr("category", category, "dotted lower-case segments, e.g. machine.capacity.shift2")
	}
	return nil
}

// validCategory accepts segments of [a-z0-9_-] between dots.
func validCategory(c string) bool {
	if c == "" || len(c) > 200 {
		return false
	}
	for segment := range strings.SplitSeq(c, ".") {
		if segment == "" || strings.Trim(segment, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			return false
		}
	}
	return true
}

func checkPlace(p Point, radius float64, m Mode) error {
	if err := checkNumber("site.lat", p.Lat, -90, 90); err != nil {
		return err
	}
	if err := checkNumber("site.lon", p.Lon, -180, 180); err != nil {
		return err
	}
	if m&^(Remote|OnSite) != 0 {
		return fieldErr("mode", m, "a set of Remote (1) and OnSite (2)")
	}
	return checkNumber("radius_km", radius, 0, 50_000)
}

// checkNumber refuses NaN, too, since it compares as false.
func checkNumber(field string, v, lo, hi float64) error {
	if v >= lo && v <= hi {
		return nil
	}
	return fieldErr(field, v, fmt.Sprintf("a number from %g to %g", lo, hi))
}

func checkQuantity(q Quantity) error {
	if q.Unit != Hours && q.Unit != SquareMetres {
		return fieldErr("quantity.unit", q.Unit, "h or m2")
	}
	amounts := []struct {
		name string
		v    Amount
	}{{"value", q.Value}, {"min_lot", q.MinLot}, {"granularity", q.Granularity}, {"per_week", q.PerWeek}}
	for _, a := range amounts {
		if a.v < 0 || a.v > MaxAmount {
			return fieldErr("quantity."+a.name, int64(a.v), "an amount from 0 to 1e12 thousandths")
		}
	}
	if q.Value > 0 && q.MinLot > q.Value {
		return fieldErr("quantity.min_lot", int64(q.MinLot), "at most the value")
	}
	if q.PerWeek > 0 && q.MinLot > q.PerWeek && q.Value == 0 {
		return fieldErr("quantity.min_lot", int64(q.MinLot), "at most per_week")
	}
	if q.Weeks < 0 || q.Weeks > 53*maxPlanYears {
		return fieldErr("quantity.weeks", q.Weeks, "0 to 530")
	}
	return nil
}

func checkMoney(field, currency string, b Bound) error {
	cents, set := b.Open()
	switch {
	case currency == "" && !set:
		return nil
	case len(currency) != 3 || strings.Trim(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return fieldErr("currency", currency, "three upper-case letters")
	case set && (cents < 0 || cents > 1e12):
		return &FieldError{Field: field, Value: sealed, Limit: "0 to 1e12 cents per hour"}
	}
	return nil
}

func checkExclusion(e Exclusion) error {
	for i, code := range e.NAICS {
		if len(code) == 0 || len(code) > 6 || strings.Trim(code, "0123456789") != "" {
			return fieldErr(fmt.Sprintf("exclude.naics[%d]", i), code, "1 to 6 digits")
		}
	}
	return nil
}

func (o *Offer) checkTimes() error {
	if !o.Expires.IsZero() && !o.Expires.After(o.Available) {
		return fieldErr("expires", o.Expires.Format(time.RFC3339), "after available")
	}
	return nil
}

func (n *Need) checkTimes() error {
	switch {
	case n.From.IsZero():
		return fieldErr("from", "", "a time")
	case !n.Until.After(n.From):
		return fieldErr("until", n.Until.Format(time.RFC3339), "after from")
	case n.Until.After(n.From.AddDate(maxPlanYears, 0, 0)):
		return fieldErr("until", n.Until.Format(time.RFC3339), "at most 10 years after from")
	}
	return nil
}

func (n *Need) checkAmounts() error {
	q := n.Quantity
	weekly := q.PerWeek * Amount(q.Weeks)
	switch {
	case (q.PerWeek > 0) != (q.Weeks > 0):
		return fieldErr("quantity.weeks", q.Weeks, "weeks and per_week together")
	case q.Value == 0 && weekly == 0:
		return fieldErr("quantity.value", int64(q.Value), "an amount above 0")
	case q.Value > 0 && weekly > 0 && q.Value != weekly:
		return fieldErr("quantity.value", int64(q.Value), "per_week × weeks")
	case q.Unit == SquareMetres && weekly > 0:
		return fieldErr("quantity.per_week", int64(q.PerWeek), "0 for an area")
	case n.MinBlock < 0 || n.MinBlock > MaxAmount:
		return fieldErr("min_block", int64(n.MinBlock), "an amount from 0 to 1e12 thousandths")
	case n.MinBlock > max(q.Value, q.PerWeek) || weekly > 0 && n.MinBlock > q.PerWeek:
		return fieldErr("min_block", int64(n.MinBlock), "at most the quantity")
	}
	return nil
}

func (o *Offer) checkProperties() error {
	for name, p := range o.Properties {
		field := "properties." + name
		ranged := p.Min != nil || p.Max != nil
		switch {
		case name == "":
			return fieldErr("properties", name, "a name for each property")
		case ranged == (len(p.Terms) > 0):
			return fieldErr(field, len(p.Terms), "either terms or a range")
		case p.Min != nil && !finite(*p.Min):
			return fieldErr(field+".min", *p.Min, "a finite number")
		case p.Max != nil && !finite(*p.Max):
			return fieldErr(field+".max", *p.Max, "a finite number")
		case p.Min != nil && p.Max != nil && *p.Min > *p.Max:
			return fieldErr(field+".min", *p.Min, fmt.Sprintf("at most max %g", *p.Max))
		}
	}
	return nil
}

func (o *Offer) checkCredentials() error {
	for i, c := range o.Credentials {
		field := fmt.Sprintf("credentials[%d]", i)
		if c.Scheme == "" {
			return fieldErr(field+".scheme", c.Scheme, "a scheme")
		}
		if !c.To.IsZero() && !c.To.After(c.From) {
			return fieldErr(field+".to", c.To.Format(time.RFC3339), "after from")
		}
	}
	return nil
}

func (n *Need) checkRequires() error {
	for i, r := range n.Requires {
		field := fmt.Sprintf("requires[%d]", i)
		set := r.Op == Includes || r.Op == AnyOf
		number := r.Op == AtMost || r.Op == AtLeast || r.Op == Within
		switch {
		case r.Property == "":
			return fieldErr(field+".property", r.Property, "a property")
		case !set && !number:
			return fieldErr(field+".op", string(r.Op), "includes, any_of, at_most, at_least or within")
		case set && len(r.Terms) == 0:
			return fieldErr(field+".terms", len(r.Terms), "at least one term")
		case number && !finite(r.Value):
			return fieldErr(field+".value", r.Value, "a finite number")
		case r.Op == Within && (!finite(r.Min) || r.Min > r.Value):
			return fieldErr(field+".min", r.Min, fmt.Sprintf("at most %g", r.Value))
		}
	}
	for i, c := range n.Credentials {
		if c == "" {
			return fieldErr(fmt.Sprintf("credentials[%d]", i), c, "a scheme")
		}
	}
	return nil
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }
