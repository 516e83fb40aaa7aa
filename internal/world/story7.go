package world

import (
	"fmt"
	"time"

	csss "github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/match"
)

// Probing is the seventh story: a firm that asks for metal parts in order to
// learn who prints them, and six firms with printers.
type Probing struct {
	World // its firms, rules, offers and comparables

	Pry, PryBoss Who // the prober, in Hamilton; its second site lies in Windsor
	West         Who // of a firm of the same group, in Kitchener
	Plain        Who // of a firm in Hamilton that means to buy

	Rare, Waterloo, DonValley, Border, Micro, Speed Printer

	Need match.Need // of Pry: fits the five that print metal, but for distance
}

// A Printer is one of the six.
type Printer struct {
	Offer  string // id
	Seller Who    // publishes and opts in
	Owner  Who    // approves
}

// Registered is when the prober begins to ask.
func (*Probing) Registered() time.Time { return Local(2026, time.September, 14, 9, 0) }

const (
	printing     = "machine.capacity.additive"
	metalPrinter = "metal_powder_bed_fusion"
	medical      = "ISO 13485"
)

// Story7 returns the seventh story. No other world has its category.
func Story7() *Probing {
	s := &Probing{}
	number := numbersStory7
	printer := func(legal string, c city, seller, owner, process, scheme string, part float64) Printer {
		e := newEmployer(number, "", legal, c, "333517", "medical")
		number++
		p := Printer{Seller: e.hire(seller, "operations_director"), Owner: e.hire(owner, "owner")}
		o := match.Offer{
			Kind: match.MachineCapacity, Category: printing, Text: "laser powder printer with hours to spare",
			Properties:  map[string]match.Property{"process": match.Terms(process), "max_part_mm": match.Range(1, part, "mm")},
			Credentials: []match.Credential{{Scheme: scheme, From: Local(2025, time.March, 3, 0, 0)}},
			Resource:    e.install("laser printer", process),
			Available:   Opening(), Expires: Local(2027, time.March, 1, 0, 0),
			Quantity: match.Quantity{Unit: match.Hours, Value: 400 * match.Hour}, Floor: match.NewBound(9000),
		}
		o = e.offer(1, o)
		p.Offer = o.ID
		s.join(e, rulesOf("managed", e.ID))
		s.publish(p.Seller, o)
		return p
	}
	s.Rare = printer("Rare Additive", hamilton, "I. Quillfeather", "B. Ashgrove", metalPrinter, medical, 250)
	s.Waterloo = printer("Waterloo Metal AM", kitchener, "W. Ostrander", "C. Pemberton", metalPrinter, medical, 280)
	s.DonValley = printer("Don Valley Additive", toronto, "H. Marchetti", "S. Oyelaran", metalPrinter, medical, 250)
	s.Border = printer("Border AM", windsor, "L. Thibodeau", "J. Krasinski", metalPrinter, "ISO 9001", 250)
	s.Micro = printer("Micro Implant", burlington, "E. Haldane", "P. Vasquez", metalPrinter, medical, 100)
	s.Speed = printer("Speed SLS", guelph, "D. Nakagawa", "R. Tremblay", "polymer_powder_bed_fusion", "ISO 9001", 300)

	buyer := func(legal, group string, c city, asker, boss string, more ...city) (*employer, Who, Who) {
		e := newEmployer(number, "", legal, c, "339110", "medical")
		number++
		if group != "" {
			e.Group = group
		}
		for i, c := range more {
			at := e.Sites[0]
			at.ID, at.City, at.Region, at.At = fmt.Sprintf("site-%s-%d", e.slug, i+2), c.name, c.region, c.at
			e.Sites = append(e.Sites, at)
		}
		who, head := e.hire(asker, "engineer"), e.hire(boss, "owner", "operations_director")
		s.join(e, rulesOf("managed", e.ID))
		return e, who, head
	}
	e, who, boss := buyer("Pry Industries", "", hamilton, "X. Lockhart", "F. Drummond", windsor)
	s.Pry, s.PryBoss = who, boss
	s.Need = e.need(1, who, printed())
	_, s.West, _ = buyer("Pryston Works", e.Group, kitchener, "N. Carmody", "T. Whitlock")
	_, s.Plain, _ = buyer("Albion Surgical", "", hamilton, "M. Ferncastle", "A. Rosedale")
	s.compare(printing, 11000, 11500, 12000, 12500, 13000)
	return s
}

// printed asks for forty hours of a printer for metal within two months.
func printed() match.Need {
	return match.Need{
		Kind: match.MachineCapacity, Category: printing, Governance: "demand.machining",
		Text:     "titanium implants printed by laser",
		Requires: []match.Requirement{{Property: "process", Op: match.AnyOf, Terms: []string{metalPrinter}}},
		Mode:     match.OnSite, RadiusKM: 300,
		From: Local(2026, time.September, 14, 0, 0), Until: Local(2026, time.December, 14, 0, 0),
		Quantity: match.Quantity{Unit: match.Hours, Value: 40 * match.Hour}, Ceiling: match.NewBound(15000),
	}
}

// Sister returns what one more printer for metal imports: a firm in Hamilton
// with so many offers like Rare's, in an employer group of its own or in
// another's.
func (s *Probing) Sister(number int, legal, group string, offers int) (csss.Import, []Canary) {
	e := newEmployer(numbersStory7+10+number, "", legal, hamilton, "333517", "medical")
	if group != "" {
		e.Group = group
	}
	who := e.hire("G. Sorrell", "operations_director")
	var w World
	w.join(e, rulesOf("managed", e.ID))
	for i := range offers {
		o := s.offerOf(s.Rare.Offer)
		o.Resource = e.install("laser printer", metalPrinter)
		w.publish(who, e.offer(i+1, o))
	}
	w.Firms[0] = e.Firm // with what was installed
	return w.Import(), w.Canaries()
}

func (s *Probing) offerOf(id string) match.Offer {
	for _, p := range s.Offers {
		if p.Offer.ID == id {
			return p.Offer
		}
	}
	return match.Offer{}
}
