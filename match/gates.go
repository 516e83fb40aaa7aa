package match

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A GateInfo describes one row of the gate table.
type GateInfo struct {
	Name    string // "property" stands for one gate per [Requirement], named after its property
	Relates string // the relation that must hold
	Public  bool   // the operand of either side is in its public summary, so a failure may be named to the own side
}

// A GateResult is the outcome of one gate for one need and one offer. The
// reasons are empty if the gate passed. OfferReason is for the offer's own
// side and NeedReason for the need's; of a private gate neither contains a
// value of the other side, and even that it failed must stay in totals.
type GateResult struct {
	Gate        string `json:"gate"`
	Passed      bool   `json:"passed"`
	Public      bool   `json:"public"`
	OfferReason string `json:"offer_reason,omitempty"`
	NeedReason  string `json:"need_reason,omitempty"`
}

// A GateEnv is what gates know beside the need and the offer. The zero value,
// or nil, has no holds and no comparables; Now is then the zero time.
type GateEnv struct {
	Now    time.Time                                    // nothing is planned before it
	Book   *Book                                        // current holds; nil = none
	Median func(category string) (cents int64, ok bool) // comparables; nil = none
}

// Gates returns the gate table, in the order in which [CheckGates] reports.
func Gates() []GateInfo {
	out := make([]GateInfo, len(gates))
	for i, g := range gates {
		out[i] = g.GateInfo
	}
	return out
}

// CheckGates evaluates every gate for n and o, in both directions, and returns
// one result per gate of the table, with one per requirement in place of the
// row "property". It never stops early, so each own side can learn all its
// reasons. A gate that cannot be evaluated fails; if n or o is invalid the
// only result is a failed gate "valid".
//
// It costs about one [Book.Plan]. It is safe for concurrent use while the book
// is not changed.
func CheckGates(n *Need, o *Offer, env *GateEnv) []GateResult {
	p, err := newPair(n, o, env)
	if err != nil {
		return []GateResult{{Gate: "valid", OfferReason: "need or offer is invalid", NeedReason: "need or offer is invalid"}}
	}
	return p.check()
}

// A pair is what the gates look at.
type pair struct {
	n   *Need
	d   *demand
	o   *Offer
	c   *calendar
	env GateEnv

	fits    *bool // the windows alone hold the quantity; nil = not yet known
	planned *Plan // with all holds; nil = not yet known
	planErr error
}

func newPair(n *Need, o *Offer, env *GateEnv) (*pair, error) {
	d, err := compileNeed(n)
	if err != nil {
		return nil, err
	}
	c, err := compileOffer(o, loadZone)
	if err != nil {
		return nil, err
	}
	p := &pair{n: n, d: d, o: o, c: c}
	if env != nil {
		p.env = *env
	}
	if p.env.Book == nil {
		p.env.Book = NewBook()
	}
	return p, nil
}

func (p *pair) check() []GateResult {
	out := make([]GateResult, 0, len(gates)+len(p.n.Requires))
	for _, g := range gates {
		if g.check == nil {
			out = append(out, p.properties()...)
			continue
		}
		out = append(out, result(g.Name, g.Public, g.check(p)))
	}
	return out
}

// A verdict is nil if a gate passed, else both sides' reasons.
type verdict *struct{ offer, need string }

func refuse(offer, need string) verdict { return &struct{ offer, need string }{offer, need} }

// both refuses with one text that is true and harmless on either side.
func both(reason string) verdict { return refuse(reason, reason) }

func result(name string, public bool, v verdict) GateResult {
	if v == nil {
		return GateResult{Gate: name, Passed: true, Public: public}
	}
	return GateResult{Gate: name, Public: public, OfferReason: v.offer, NeedReason: v.need}
}

type gate struct {
	GateInfo
	check func(*pair) verdict // nil: see pair.properties
}

// gates is the gate table. Public rows are those whose operands both sides'
// summaries show; everything else could be bisected and is private.
var gates = []gate{
	{GateInfo{"kind", "the offer's kind serves the need's", true}, gateKind},
	{GateInfo{"category", "the need's category is the offer's or an ancestor of it", true}, gateCategory},
	{GateInfo{"group", "the employer groups differ: a match inside one would imply the identity", false}, gateGroup},
	{GateInfo{"exclusion", "neither side excludes the other's industry, sector or group", false}, gateExclusion},
	{GateInfo{"mode", "the sides share a place of work: remote or on site", true}, gateMode},
	{GateInfo{"distance", "remote work is possible, or the sites are within both radii", false}, gateDistance},
	{GateInfo{"credential", "each credential asked for is valid from the start to the end of the need's time", true}, gateCredential},
	{GateInfo{"property", "the offer's property meets the requirement", true}, nil},
	{GateInfo{"window", "the windows alone, in blocks long enough, hold the quantity", true}, gateWindow},
	{GateInfo{"quantity", "what is left after all holds, limits and lots covers the quantity", false}, gateQuantity},
	{GateInfo{"price", "one currency, floor ≤ ceiling, and the agreed price exists", false}, gatePrice},
}

func gateKind(p *pair) verdict {
	if p.o.Kind.Serves(p.n.Kind) {
		return nil
	}
	return refuse("the need asks for another kind of resource", "the offer is another kind of resource")
}

func gateCategory(p *pair) verdict {
	if Covers(p.n.Category, p.o.Category) {
		return nil
	}
	return refuse("the need asks for another category", "the offer is in another category")
}

// Covers reports whether category want is have or an ancestor of it, segment
// by segment: machine.capacity covers machine.capacity.shift2, but not
// machine.capacity2.
func Covers(want, have string) bool {
	rest, ok := strings.CutPrefix(have, want)
	return ok && want != "" && (rest == "" || rest[0] == '.')
}

func gateGroup(p *pair) verdict {
	if groupOf(p.o.Group, p.o.Firm) != groupOf(p.n.Group, p.n.Firm) && p.o.Firm != p.n.Firm {
		return nil
	}
	return both("both sides belong to one employer group")
}

func groupOf(group, firm string) string {
	if group != "" {
		return group
	}
	return firm
}

func gateExclusion(p *pair) verdict {
	byOffer := p.o.Exclude.meets(p.n.NAICS, p.n.Sectors, groupOf(p.n.Group, p.n.Firm))
	byNeed := p.n.Exclude.meets(p.o.NAICS, p.o.Sectors, groupOf(p.o.Group, p.o.Firm))
	switch {
	case byOffer && byNeed:
		return both("this side's exclusions rule the other side out")
	case byOffer:
		return refuse("this side's exclusions rule the other side out", "the two sides do not fit")
	case byNeed:
		return refuse("the two sides do not fit", "this side's exclusions rule the other side out")
	}
	return nil
}

// meets reports whether e excludes a counterparty. An industry code that is
// missing, or shorter than an excluded one that it begins, cannot be told from
// an excluded industry and is excluded.
func (e Exclusion) meets(naics string, sectors []string, group string) bool {
	for _, code := range e.NAICS {
		if strings.HasPrefix(naics, code) || strings.HasPrefix(code, naics) {
			return true
		}
	}
	for _, s := range sectors {
		if slices.Contains(e.Sectors, s) {
			return true
		}
	}
	return slices.Contains(e.Groups, group)
}

func gateMode(p *pair) verdict {
	if p.common() != 0 {
		return nil
	}
	return refuse("the need asks for another place of work", "the offer is for another place of work")
}

// common returns the places of work both sides accept.
func (p *pair) common() Mode { return modeOf(p.o.Mode) & modeOf(p.n.Mode) }

func modeOf(m Mode) Mode {
	if m == 0 {
		return OnSite
	}
	return m
}

func gateDistance(p *pair) verdict {
	common := p.common()
	if common == 0 { // gate mode refuses; judge the distance all the same
		common = OnSite
	}
	if common&Remote != 0 || p.reachable() {
		return nil
	}
	return both("the sites are farther apart than a radius allows")
}

// reachable reports whether work on site is within both radii. With a radius
// an unknown site, the zero point, is out of reach.
func (p *pair) reachable() bool {
	km := p.distance()
	for _, radius := range []float64{p.n.RadiusKM, p.o.RadiusKM} {
		if radius > 0 && !(km <= radius) {
			return false
		}
	}
	return true
}

// distance returns the kilometres between the sites, +Inf if one is unknown.
func (p *pair) distance() float64 {
	if p.n.Site == (Point{}) || p.o.Site == (Point{}) {
		return math.Inf(1)
	}
	return p.n.Site.DistanceKM(p.o.Site)
}

// OnSiteReach reports whether work on site is within both sides' radii,
// whatever places of work they accept. A side with a radius and no site, or
// facing none, is out of reach.
func OnSiteReach(n *Need, o *Offer) bool { return (&pair{n: n, o: o}).reachable() }

// mode returns how the work can be done.
func (p *pair) mode() Mode {
	m := p.common()
	if !p.reachable() {
		m &^= OnSite
	}
	return m
}

func gateCredential(p *pair) verdict {
	var missing []string
	for _, scheme := range p.n.Credentials {
		if !slices.ContainsFunc(p.o.Credentials, func(c Credential) bool { return c.covers(scheme, p.n.From, p.n.Until) }) {
			missing = append(missing, scheme)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	list := strings.Join(missing, ", ")
	return refuse("not valid through the work: "+list, "the offer has no valid "+list+" through the work")
}

func (c Credential) covers(scheme string, from, until time.Time) bool {
	return strings.EqualFold(c.Scheme, scheme) && !c.From.After(from) && (c.To.IsZero() || !c.To.Before(until))
}

func (p *pair) properties() []GateResult {
	out := make([]GateResult, 0, len(p.n.Requires))
	for _, r := range p.n.Requires {
		var v verdict
		if have, ok := p.o.Properties[r.Property]; !ok || !have.meets(r) {
			v = refuse("the need asks for "+r.String()+", which this offer does not state",
				"the offer does not state "+r.String())
		}
		out = append(out, result(r.Property, true, v))
	}
	return out
}

// String returns the requirement as a phrase of its public terms, e.g.
// "tolerance at most 0.01 mm".
func (r Requirement) String() string {
	unit := ""
	if r.Unit != "" {
		unit = " " + r.Unit
	}
	switch r.Op {
	case AtMost:
		return fmt.Sprintf("%s at most %g%s", r.Property, r.Value, unit)
	case AtLeast:
		return fmt.Sprintf("%s at least %g%s", r.Property, r.Value, unit)
	case Within:
		return fmt.Sprintf("%s %g to %g%s", r.Property, r.Min, r.Value, unit)
	case AnyOf:
		return r.Property + " " + strings.Join(r.Terms, " or ")
	default:
		return r.Property + " " + strings.Join(r.Terms, ", ")
	}
}

// meets reports whether the property satisfies r. What cannot be compared, a
// range with terms or units of different dimensions, does not.
func (p Property) meets(r Requirement) bool {
	switch r.Op {
	case Includes:
		return len(r.Terms) > 0 && !slices.ContainsFunc(r.Terms, func(t string) bool { return !p.has(t) })
	case AnyOf:
		return slices.ContainsFunc(r.Terms, p.has)
	case AtMost:
		return p.reaches(r, func(lo, hi, v float64) bool { return lo <= v+slack(v) })
	case AtLeast:
		return p.reaches(r, func(lo, hi, v float64) bool { return hi >= v-slack(v) })
	case Within:
		low, ok := Convert(r.Min, r.Unit, p.Unit)
		return ok && p.reaches(r, func(lo, hi, v float64) bool { return lo <= low+slack(low) && hi >= v-slack(v) })
	}
	return false
}

func (p Property) has(term string) bool {
	return slices.ContainsFunc(p.Terms, func(t string) bool { return strings.EqualFold(t, term) })
}

// reaches converts r's value to the property's unit and compares. Of a range
// with one end the other end is that end: no more is claimed than stated.
func (p Property) reaches(r Requirement, holds func(lo, hi, v float64) bool) bool {
	v, ok := Convert(r.Value, r.Unit, p.Unit)
	if !ok || p.Min == nil && p.Max == nil {
		return false
	}
	lo, hi := p.Min, p.Max
	if lo == nil {
		lo = hi
	}
	if hi == nil {
		hi = lo
	}
	return holds(*lo, *hi, v)
}

// slack forgives the rounding of a unit conversion.
func slack(v float64) float64 { return 1e-9 * math.Abs(v) }

func gateWindow(p *pair) verdict {
	if p.windowsFit() {
		return nil
	}
	return refuse("the windows do not hold what the need asks for, in blocks as long as it asks for",
		"the offer's windows do not hold the quantity, in blocks as long as asked for")
}

func (p *pair) windowsFit() bool {
	if p.fits == nil {
		_, err := unlimited(p.o, p.c, p.n, p.d, p.env.Now).timeOnly().plan()
		p.fits = new(err == nil)
	}
	return *p.fits
}

// timeOnly drops what is no matter of time: units that differ, areas, lots.
func (p *planner) timeOnly() *planner {
	if p.o.Quantity.Unit == p.n.Quantity.Unit && p.o.Quantity.Unit == Hours {
		return p
	}
	o := *p.o
	o.Quantity = Quantity{Unit: p.n.Quantity.Unit}
	p.o = &o
	return p
}

// gateQuantity plans with all holds. Where the windows alone refuse, gate
// window says so, and this gate judges only the amount that is left.
func gateQuantity(p *pair) verdict {
	v := both("what is left does not cover the quantity")
	if p.o.Quantity.Unit != p.n.Quantity.Unit {
		return v
	}
	if p.windowsFit() {
		if _, err := p.plan(); err != nil {
			return v
		}
		return nil
	}
	left, err := p.env.Book.remaining(p.o, p.c)
	switch {
	case err != nil: // no bound
		return nil
	case left >= p.d.total, p.n.Partial && left > 0 && left >= max(p.o.Quantity.MinLot, p.n.Quantity.MinLot):
		return nil
	}
	return v
}

// plan is the plan with all holds.
func (p *pair) plan() (Plan, error) {
	if p.planned == nil {
		plan, err := p.env.Book.planner(p.o, p.c, p.n, p.d, p.env.Now).plan()
		p.planned, p.planErr = &plan, err
	}
	return *p.planned, p.planErr
}

func gatePrice(p *pair) verdict {
	if _, ok := agree(p.n, p.o, p.env.Median); ok {
		return nil
	}
	return both("no price lies within both sides' bounds")
}
