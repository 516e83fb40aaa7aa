package world

import (
	"maps"
	"slices"
	"time"

	"github.com/deeperpoint/csss/match"
)

// SecondShift is the second story: two five-axis centres stand idle every
// night, and an integrator 37.8 km away needs fifty hours of them.
type SecondShift struct {
	World // its firms, rules, offers and comparables

	Vance     Who // operations director of the offering firm; publishes, opts in
	Owner     Who // its owner; may approve
	ShiftLead Who // somebody there without any authority

	Requester  Who // engineer of the integrator; registers, opts in
	Director   Who // its operations director; approves
	Proprietor Who // its owner; may approve instead

	Buyer         Who // engineer of the second buyer
	BuyerDirector Who // its operations director

	Offer   string      // id
	Capable match.Offer // the offer itself, 368 h
	Decoys  []Decoy     // D1 to D6
	Refused []Refused   // publications outside the grant

	Need    match.Need // 50 h, all or nothing
	Partial match.Need // the second buyer's 340 h, a part is welcome
}

// Refused is a publication that a firm's own grant does not cover. It has the
// id of the offer it would replace: publish it instead, or revise.
type Refused struct {
	Name  string // what is outside
	By    Who
	Offer match.Offer
}

// Registered is when both needs of the story are registered: the Friday before
// the first night.
func (*SecondShift) Registered() time.Time { return Local(2026, time.September, 11, 9, 0) }

const (
	shiftCategory = "machine.capacity.shift2"
	shiftText     = "Second shift of two identical five-axis machining centres stands idle: titanium and nickel alloys, " +
		"high-pressure coolant, aerospace quality system, operator included"
)

// nights are Monday to Thursday nights of the six weeks from 2026-09-14,
// without Thanksgiving.
func nights(start, end string, productive time.Duration) match.Window {
	return match.Window{Zone: Zone, Start: start, End: end, RRule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH;UNTIL=20261022",
		Except: []string{"2026-10-12"}, Productive: productive}
}

func secondShiftNights() match.Window {
	return nights("2026-09-14T16:00", "2026-09-15T00:30", 8*time.Hour)
}

// fiveAxis is what the offering firm of the second story can do: a pair of
// identical machines. Decoys and look-alikes change it in one place each.
func fiveAxis() match.Offer {
	return match.Offer{
		Kind: match.MachineCapacity, Instrument: "capacity_rental", Category: shiftCategory, Text: shiftText,
		Topics: []string{"five-axis-machining", "titanium"},
		Properties: map[string]match.Property{
			"machine_type":    match.Terms("5_axis_machining_center"),
			"material":        match.Terms("ti_6al_4v", "inconel_718"),
			"material_family": match.Terms("titanium", "nickel alloys"),
			"tolerance":       match.Range(0.005, 0.1, "mm"),
			"envelope_x":      match.Range(0, 500, "mm"),
			"envelope_y":      match.Range(0, 450, "mm"),
			"envelope_z":      match.Range(0, 400, "mm"),
			"shift":           match.Terms("second shift"),
		},
		Credentials: []match.Credential{as9100(Local(2024, time.June, 1, 0, 0), Local(2027, time.June, 1, 0, 0))},
		Mode:        match.OnSite,
		Windows:     []match.Window{secondShiftNights()},
		Units:       2,
		Quantity:    match.Quantity{Unit: match.Hours, MinLot: 4 * match.Hour},
		Floor:       match.NewBound(9500),
		Cost:        match.NewBound(4500),
	}
}

func as9100(from, to time.Time) match.Credential {
	return match.Credential{Scheme: "AS9100D", Issuer: "accredited registrar", Scope: "machining", From: from, To: to}
}

// with returns a copy of the offer whose properties may be changed.
func with(o match.Offer, change func(*match.Offer)) match.Offer {
	o.Properties = maps.Clone(o.Properties)
	o.Topics, o.Windows, o.Credentials = slices.Clone(o.Topics), slices.Clone(o.Windows), slices.Clone(o.Credentials)
	change(&o)
	return o
}

// Story2 returns the second story.
func Story2() *SecondShift {
	s := &SecondShift{}
	s.supply(numbersStory2)
	s.decoys(numbersStory2 + 1)
	s.demand(numbersStory2 + 10)
	for _, category := range []string{"machine.capacity", "machine.capacity.shift1", shiftCategory, "machine.capacity.shift3"} {
		s.compare(category, 11000, 11500, 12000, 12500, 13000)
	}
	return s
}

func (s *SecondShift) supply(number int) {
	e := newEmployer(number, "", "Steelcrest Precision", hamilton, "336410", "aerospace")
	s.Vance = e.hire("R. Vance", "operations_director")
	s.Owner = e.hire("K. Castellan", "owner")
	s.ShiftLead = e.hire("N. Hallworth", "shift_lead")
	m1 := e.install("Makino D500", "5_axis_machining_center")
	e.install("Makino D500", "5_axis_machining_center")
	s.join(e, rulesOf("steelcrest-precision", e.ID))
	o := fiveAxis()
	o.Resource = m1
	o = e.offer(1, o)
	s.publish(s.Vance, o)
	s.Offer, s.Capable = o.ID, o
	s.Refused = s.outsideTheGrant(o)
}

// outsideTheGrant varies the offer past each bound of the grant. The second
// shift could give 432 h in a seventh week, of which 410 h are offered.
func (s *SecondShift) outsideTheGrant(o match.Offer) []Refused {
	until := func(day string) []match.Window {
		w := secondShiftNights()
		w.RRule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH;UNTIL=" + day
		return []match.Window{w}
	}
	return []Refused{
		{"410 h", s.Vance, with(o, func(o *match.Offer) { o.Windows, o.Quantity.Value = until("20261029"), 410*match.Hour })},
		{"floor 9400", s.Vance, with(o, func(o *match.Offer) { o.Floor = match.NewBound(9400) })},
		{"window after 2026-12-31", s.Vance, with(o, func(o *match.Offer) {
			o.Windows, o.Quantity.Value = until("20270107"), 300*match.Hour
		})},
		{"first shift", s.Vance, with(o, func(o *match.Offer) { o.Category = "machine.capacity.shift1" })},
		{"another role", s.ShiftLead, o},
	}
}

// decoys are like the offer but for one thing each.
func (s *SecondShift) decoys(number int) {
	add := func(name, legal string, c city, person, gate string, change func(*match.Offer)) {
		e := newEmployer(number, "", legal, c, "332710", "aerospace")
		number++
		who := e.hire(person, "owner", "operations_director")
		o := with(fiveAxis(), change)
		o.Resource = e.install("machining centre", o.Properties["machine_type"].Terms...)
		o = e.offer(1, o)
		s.join(e, rulesOf("managed", e.ID))
		s.publish(who, o)
		s.Decoys = append(s.Decoys, Decoy{Name: name, Offer: o.ID, Owner: who, Gate: gate})
	}
	add("D1", "Lakeview CNC", kitchener, "F. Gorsky", "material", func(o *match.Offer) {
		o.Text = "Evening hours on five-axis centres for aluminium and steel parts, aerospace quality system"
		o.Topics = []string{"five-axis-machining", "aluminium"}
		o.Properties["material"] = match.Terms("aluminum_7075_t6", "carbon_steel")
		o.Properties["material_family"] = match.Terms("aluminium", "steel")
	})
	add("D2", "Halton Turning", burlington, "O. Vandermeer", "machine_type", func(o *match.Offer) {
		o.Text = "Two CNC lathes free in the second shift; titanium turned daily"
		o.Topics = []string{"turning", "titanium"}
		o.Properties["machine_type"] = match.Terms("cnc_lathe")
	})
	add("D3", "Rose City Machining", windsor, "I. Montcalm", "distance", func(*match.Offer) {})
	add("D4", "Grand River Aero", brantford, "S. Ferreira", "credential", func(o *match.Offer) {
		o.Credentials = []match.Credential{as9100(Local(2023, time.September, 1, 0, 0), Local(2026, time.September, 1, 0, 0))}
	})
	add("D5", "Speedvale Precision", guelph, "Y. Tanigawa", "window", func(o *match.Offer) {
		o.Category = "machine.capacity.shift1"
		o.Text = "Early-afternoon gaps on two five-axis centres cutting titanium and nickel alloys, aerospace quality system"
		o.Windows = []match.Window{nights("2026-09-14T13:00", "2026-09-14T15:00", 0)}
		o.Quantity.MinLot = 0
		o.Properties["shift"] = match.Terms("first shift")
	})
	add("D6", "Telephone City Tool", brantford, "Q. Abernethy", "price", func(o *match.Offer) { o.Floor = match.NewBound(16000) })
}

func (s *SecondShift) demand(number int) {
	grid := newEmployer(number, "", "Gridline Robotics", cambridge, "333990", "general_industrial")
	s.Requester = grid.hire("J. Haverkamp", "engineer")
	s.Director = grid.hire("P. Desrosiers", "operations_director")
	s.Proprietor = grid.hire("U. Eriksen", "owner")
	s.join(grid, rulesOf("gridline-robotics", grid.ID))
	s.Need = grid.need(1, s.Requester, toolingProgram())
	s.Need.Quantity.Value = 50 * match.Hour

	raven := newEmployer(number+1, "", "Ravenscar Aero", brantford, "336410", "aerospace")
	s.Buyer = raven.hire("V. Delacourt", "engineer")
	s.BuyerDirector = raven.hire("Z. Northcott", "operations_director", "owner")
	s.join(raven, rulesOf("managed", raven.ID))
	s.Partial = raven.need(1, s.Buyer, toolingProgram())
	s.Partial.Text = "titanium structural parts on a five-axis machine, large programme, any share of it helps"
	s.Partial.Quantity.Value, s.Partial.Partial = 340*match.Hour, true
}

func toolingProgram() match.Need {
	return match.Need{
		Kind: match.MachineCapacity, Category: "machine.capacity", Governance: "demand.machining",
		Text:   "five-axis titanium machining for a tooling program",
		Topics: []string{"five-axis-machining", "titanium"},
		Requires: []match.Requirement{
			{Property: "machine_type", Op: match.AnyOf, Terms: []string{"5_axis_machining_center"}},
			{Property: "material", Op: match.Includes, Terms: []string{"ti_6al_4v"}},
			{Property: "tolerance", Op: match.AtMost, Value: 0.01, Unit: "mm"},
			{Property: "envelope_x", Op: match.AtLeast, Value: 420, Unit: "mm"},
			{Property: "envelope_y", Op: match.AtLeast, Value: 300, Unit: "mm"},
			{Property: "envelope_z", Op: match.AtLeast, Value: 180, Unit: "mm"},
		},
		Credentials: []string{"AS9100D"},
		RadiusKM:    60, Mode: match.OnSite,
		From: Local(2026, time.September, 14, 0, 0), Until: Local(2026, time.October, 23, 0, 0),
		Quantity: match.Quantity{Unit: match.Hours}, MinBlock: 4 * match.Hour,
		Ceiling: match.NewBound(15000),
	}
}

// K3Story2 returns the second story as the whole market. The offering firm, D5
// and D6 share a summary, so k = 3 holds.
func K3Story2() *SecondShift { return Story2() }
