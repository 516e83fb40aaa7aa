package world

import (
	"time"

	"github.com/deeperpoint/csss/match"
)

// A plant is a firm whose offer shares a story's summary, so that the k-guard
// can show it, and which fails the story's needs for exactly one reason that
// the summary does not show.
type plant struct {
	at    city
	rules string // shape of its rule document
	busy  bool   // reports the week of the first story as promised elsewhere
	offer match.Offer
}

// Plants are the look-alikes of all three stories, enough for the default k of
// 5, and 11 for people, wherever a story's viewers stand.
func plants() []plant {
	return append(append(turners(), centres()...), guides()...)
}

// turners share the summary of E1: nickel alloys, turning, 30+ years, three
// solved cases. Their cities lie within 60 km of both Guelph and Oakville.
func turners() []plant {
	turner := func(at city, experience int, rules string, change func(*match.Offer)) plant {
		o := consultation(nickelTurner(experience, 14000+int64(experience%4)*500, turnerTexts[experience%len(turnerTexts)],
			2026-experience%7-1, 2020-experience%3, 2016-experience%5), Who{})
		change(&o)
		return plant{at: at, rules: rules, offer: o}
	}
	from := func(month time.Month, day int) func(*match.Offer) {
		return func(o *match.Offer) { o.Available = Local(2026, month, day, 0, 0) }
	}
	dear := func(floor int64) func(*match.Offer) {
		return func(o *match.Offer) { o.Floor = match.NewBound(floor) }
	}
	as := func(*match.Offer) {}
	exhausted := turner(mississauga, 32, "expert-week", as)
	exhausted.busy = true
	return []plant{
		turner(guelph, 30, "open", from(time.September, 28)),
		turner(burlington, 36, "managed", from(time.October, 12)),
		turner(hamilton, 33, "open", from(time.November, 2)),
		turner(oakville, 31, "open", dear(20500)),
		turner(cambridge, 38, "managed", dear(23000)),
		turner(brantford, 34, "open", func(o *match.Offer) { o.Exclude.NAICS = []string{"3336"} }),
		turner(mississauga, 35, "open", func(o *match.Offer) {
			o.Windows = []match.Window{{Zone: Zone, Start: "2026-09-05T09:00", End: "2026-09-05T13:00",
				RRule: "FREQ=WEEKLY;BYDAY=SA;UNTIL=20261219"}}
		}),
		turner(hamilton, 37, "open", func(o *match.Offer) { o.Quantity.PerWeek = 2 * match.Hour }),
		turner(guelph, 32, "managed", func(o *match.Offer) { o.Quantity.MinLot, o.Quantity.PerWeek = 8*match.Hour, 10*match.Hour }),
		turner(burlington, 30, "walled", as),
		turner(cambridge, 33, "walled", as),
		turner(oakville, 34, "quick-advice", as),
		exhausted,
		turner(hamilton, 31, "open", func(o *match.Offer) { o.Mode, o.RadiusKM = match.OnSite, 15 }),
	}
}

var turnerTexts = []string{
	"Three decades of turning nickel alloys; notch wear, ceramic inserts, coolant pressure",
	"Retired turning foreman advises on insert life in Inconel and other nickel alloys",
	"Advice on finish turning of heat-resistant alloys: edge preparation, chipping, depth-of-cut notching",
	"Turning specialist for nickel-based alloys, from roughing strategy to the last finishing pass",
}

// centres share the summary of the second shift: five-axis, titanium, AS9100D.
// Their cities lie within 40 km of Cambridge and 60 km of Hamilton. They name
// no second shift: with only the offering firm and D6 to share it, the word is
// suppressed.
func centres() []plant {
	centre := func(at city, i int, rules string, change func(*match.Offer)) plant {
		o := with(fiveAxis(), func(o *match.Offer) {
			o.Category, o.Text = "machine.capacity.shift1", centreTexts[i%len(centreTexts)]
			o.Properties["shift"] = match.Terms("first shift")
			o.Windows = []match.Window{nights("2026-09-14T07:00", "2026-09-14T15:00", 0)}
			o.Units, o.Floor, o.Cost = 1, match.NewBound(10000+int64(i)*300), match.NewBound(4600)
			change(o)
		})
		return plant{at: at, rules: rules, offer: o}
	}
	as := func(*match.Offer) {}
	return []plant{
		centre(kitchener, 0, "open", func(o *match.Offer) {
			o.Windows = []match.Window{{Zone: Zone, Start: "2026-11-02T07:00", End: "2026-11-02T15:00",
				RRule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH;UNTIL=20261217"}}
		}),
		centre(cambridge, 1, "managed", func(o *match.Offer) { o.Floor = match.NewBound(16500) }),
		centre(guelph, 2, "open", func(o *match.Offer) {
			o.Windows = []match.Window{nights("2026-09-14T11:30", "2026-09-14T14:30", 0)}
			o.Quantity.MinLot = 0
		}),
		centre(brantford, 3, "open", func(o *match.Offer) { o.Exclude.NAICS = []string{"3339", "3364"} }),
		centre(hamilton, 4, "managed", func(o *match.Offer) { o.RadiusKM = 12 }),
		centre(kitchener, 5, "small-jobs", as),
		centre(guelph, 6, "capped", as),
		centre(cambridge, 7, "open", func(o *match.Offer) { o.Properties["tolerance"] = match.Range(0.02, 0.2, "mm") }),
		centre(brantford, 8, "managed", func(o *match.Offer) { o.Properties["envelope_x"] = match.Range(0, 320, "mm") }),
	}
}

var centreTexts = []string{
	"Day hours on a five-axis centre set up for titanium, aerospace paperwork included",
	"Simultaneous five-axis capacity in grade 5 titanium, first-article reports on request",
	"5-axis mill with high-pressure coolant, titanium structural parts, certified for aerospace",
}

// guides share the summary of the third story: quality systems, IATF 16949,
// 10+ years, one solved case. Their cities lie within 60 km of London.
func guides() []plant {
	guide := func(at city, experience int, rules string, change func(*match.Offer)) plant {
		o := guide(experience, 12500+int64(experience)*100, guideTexts[experience%len(guideTexts)])
		change(&o)
		return plant{at: at, rules: rules, offer: o}
	}
	dear := func(floor int64) func(*match.Offer) {
		return func(o *match.Offer) { o.Floor = match.NewBound(floor) }
	}
	sold := func(o *match.Offer) { o.Quantity.Value = match.Hour }
	one := func(o *match.Offer) { o.Quantity.PerWeek = match.Hour }
	near := func(o *match.Offer) { o.Mode, o.RadiusKM = match.OnSite, 10 }
	later := func(o *match.Offer) {
		o.Available, o.Expires = Local(2028, time.January, 10, 0, 0), Local(2028, time.December, 31, 0, 0)
	}
	as := func(*match.Offer) {}
	return []plant{
		guide(london, 12, "open", sold),
		guide(stratford, 15, "open", one),
		guide(london, 11, "managed", dear(21000)),
		guide(stratford, 18, "open", dear(24000)),
		guide(london, 13, "open", one),
		guide(london, 17, "managed", near),
		guide(stratford, 10, "open", later),
		guide(london, 16, "quick-advice", as),
		guide(london, 19, "guidance-hour", as),
		guide(stratford, 14, "open", sold),
		guide(london, 15, "open", near),
		guide(london, 12, "managed", later),
		guide(stratford, 13, "open", dear(22500)),
	}
}

var guideTexts = []string{
	"Quality manager with a finished IATF 16949 programme behind her: core tools, audits, customer-specific requirements",
	"Guidance on automotive quality systems, from gap analysis to the certification audit",
	"Experienced with APQP and PPAP; led an automotive certification and helps others prepare theirs",
}
