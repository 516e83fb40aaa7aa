package world

import (
	"slices"
	"time"

	"github.com/deeperpoint/csss/match"
)

// A Decoy is an offer that is near to a story's need, and why it is not the
// answer.
type Decoy struct {
	Name  string // as the scenario calls it, e.g. D4
	Offer string // id
	Owner Who    // who published it
	Gate  string // the one thing that stands in the way: a gate of package match, "rules", or "" for nothing
}

// TechnicalQuery is the first story: a gear maker needs a few hours of somebody
// who has seen notch wear in Inconel before.
type TechnicalQuery struct {
	World // its firms, rules, offers, comparables and usage

	Petrov  Who // engineer of the asking firm; registers and opts in
	Brandt  Who // its engineering manager; approves
	Expert  Who // of E1; publishes, opts in, solves
	Partner Who // owner of E1's firm, who cannot consent for the expert

	E1, E2, E3, E4, E5, E6 Decoy

	Need      match.Need // registered Tuesday 2026-09-15 09:00
	NeedNamed match.Need // the same text with names and a part number in it
	NeedPlain match.Need // the same without the topic that E4's employer denies; E4 fits this one
}

// Registered is when the story's need is registered.
func (*TechnicalQuery) Registered() time.Time { return Local(2026, time.September, 15, 9, 0) }

// queryTopics are what the need of the first story is about.
var queryTopics = []string{"notch-wear", "nickel-alloys", "turning", "aerospace-turning"}

const (
	queryText = "Ceramic insert notch wear and chipping after ~4 minutes finish-turning Inconel 718 at 240 m/min, " +
		"0.15 mm/rev, 70 bar coolant; wear at depth-of-cut line"
	queryCategory = "expertise.machining"
)

// Story1 returns the first story. Its need has no hard requirement but the
// category, so that E2 and E3 stay candidates and rank below E1. Ids and
// people do not depend on any seed.
func Story1() *TechnicalQuery {
	s := &TechnicalQuery{}
	late := nickelTurner(34, 14500, "Veteran of nickel-alloy turning: notch wear at the depth-of-cut line, insert choice, "+
		"high-pressure coolant", 2017, 2021, 2025)
	late.Available = Local(2026, time.October, 5, 0, 0)
	experts := []struct {
		to                                      *Decoy
		name, id, legal, rules, expert, partner string
		at                                      city
		offer                                   match.Offer
		gate                                    string
	}{
		{&s.E1, "E1", "", "Holloway Tool", "holloway-tool", "W. Ashdown", "A. Kilbride", oakville, nickelTurner(31, 14000,
			"Semi-retired process specialist: notch wear and chipping of ceramic inserts in nickel alloys, "+
				"finish turning of Inconel 718 and 625", 2019, 2022, 2024), ""},
		{&s.E2, "E2", "", "Brightline Mould", "open", "T. Oyelaran", "M. Szabolcs", kitchener, aluminiumMiller(), ""},
		{&s.E3, "E3", "", "Maple Joining", "open", "C. Marchetti", "R. Whitcombe", hamilton, nickelWelder(), ""},
		{&s.E4, "E4", "decoy-e4", "Arden Aero", "decoy-e4", "J. Fairbairn", "S. Okonkwo", burlington, nickelTurner(33, 15000,
			"Specialist for insert wear in nickel alloys: depth-of-cut notching, ceramic grades, finish turning of Inconel",
			2018, 2020, 2023), "rules"},
		{&s.E5, "E5", "", "Fenwick Machine", "expert-week", "P. Lindqvist", "B. Thorvald", cambridge, nickelTurner(30, 13500,
			"Turning of nickel alloys with ceramic and whisker inserts; notch wear, coolant, edge preparation", 2021), "rules"},
		{&s.E6, "E6", "", "Talbot Process", "open", "H. Dubrovsky", "E. Beaumaris", mississauga, late, "window"},
	}
	for i, x := range experts {
		e := newEmployer(numbersStory1+i, x.id, x.legal, x.at, "332710", "general_industrial")
		who := e.hire(x.expert, "process_specialist")
		partner := e.hire(x.partner, "owner", "operations_director")
		s.join(e, rulesOf(x.rules, e.ID))
		o := e.offer(1, consultation(x.offer, who))
		s.publish(who, o)
		*x.to = Decoy{Name: x.name, Offer: o.ID, Owner: who, Gate: x.gate}
		if x.to == &s.E1 {
			s.Expert, s.Partner = who, partner
		}
	}
	s.Usage = append(s.Usage, busy(s.E5.Owner))
	s.ask(numbersStory1 + len(experts))
	s.compare(queryCategory, 15000, 16000, 16500, 17000, 18500)
	return s
}

// consultation makes an offer of remote advice by one person, at most six
// hours a week until the end of 2026.
func consultation(o match.Offer, who Who) match.Offer {
	o.Person, o.Kind, o.Category, o.Instrument = who.Person, match.Expertise, queryCategory, "technical_consultation"
	o.Mode = match.Remote
	o.Quantity = match.Quantity{Unit: match.Hours, PerWeek: 6 * match.Hour}
	if o.Available.IsZero() {
		o.Available = Opening()
	}
	o.Expires = Local(2027, time.January, 1, 0, 0)
	return o
}

// busy reports that a person has promised the whole week of the first story's
// need elsewhere.
func busy(who Who) UsageReport {
	return UsageReport{By: who, Person: who.Person, Category: queryCategory, Week: "2026-W38", Hours: 6 * match.Hour}
}

func (s *TechnicalQuery) ask(number int) {
	e := newEmployer(number, "", "Northgate Gear", guelph, "333619", "power_generation")
	s.Petrov = e.hire("D. Petrov", "engineer")
	s.Brandt = e.hire("L. Brandt", "engineering_manager")
	s.join(e, rulesOf("northgate-gear", e.ID))
	n := match.Need{
		Kind: match.TechnicalQuery, Category: queryCategory, Governance: "demand.consultation",
		Text: queryText, Topics: queryTopics,
		RadiusKM: 60, Mode: match.Remote | match.OnSite,
		From: s.Registered(), Until: s.Registered().AddDate(0, 0, 2),
		Quantity: match.Quantity{Unit: match.Hours, Value: 4 * match.Hour},
		Ceiling:  match.NewBound(20000),
	}
	s.Need = e.need(1, s.Petrov, n)
	n.Text = queryText + "; call D. Petrov at Northgate, part 7741-B"
	s.NeedNamed = e.need(2, s.Petrov, n)
	n.Text, n.Topics = queryText, queryTopics[:3]
	s.NeedPlain = e.need(3, s.Petrov, n)
}

// nickelTurner is an expert of the kind the first story looks for, with one
// solved case in each of the years.
func nickelTurner(experience int, floor int64, text string, solved ...int) match.Offer {
	return person(experience, floor, text, queryTopics[:3], map[string]match.Property{
		"material":        match.Terms("inconel_718", "inconel_625"),
		"material_family": match.Terms("nickel alloys"),
		"process":         match.Terms("turning"),
	}, solved...)
}

func aluminiumMiller() match.Offer {
	return person(22, 13000, "High-speed milling of aluminium 6061 and 7075: thin walls, toolpaths, surface finish",
		[]string{"high-speed-milling", "aluminium", "surface-finish"}, map[string]match.Property{
			"material":        match.Terms("aluminum_6061", "aluminum_7075_t6"),
			"material_family": match.Terms("aluminium"),
			"process":         match.Terms("high-speed milling", "milling"),
		}, 2016, 2019, 2021, 2024)
}

func nickelWelder() match.Offer {
	return person(25, 12000, "TIG welding of Inconel 718: procedures, hot cracking, distortion",
		[]string{"tig", "nickel-alloys", "weld-procedures"}, map[string]match.Property{
			"material":        match.Terms("inconel_718"),
			"material_family": match.Terms("nickel alloys"),
			"process":         match.Terms("welding"),
		}, 2015, 2018, 2020, 2022, 2025)
}

// person makes the part of an expertise offer that says what somebody can do.
// Each solved case carries the offer's topics.
func person(experience int, floor int64, text string, topics []string, props map[string]match.Property,
	solved ...int) match.Offer {
	o := match.Offer{Text: text, Topics: slices.Clone(topics), Properties: props, Years: experience, Floor: match.NewBound(floor)}
	for _, year := range solved {
		o.Evidence = append(o.Evidence, match.Evidence{Year: year, Terms: slices.Clone(topics)})
	}
	return o
}

// K3Story1 returns the first story as the whole market. E1, E4 and E6 share a
// summary, so k = 3 holds.
func K3Story1() *TechnicalQuery { return Story1() }
