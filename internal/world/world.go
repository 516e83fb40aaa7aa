package world

import (
	"maps"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // the fixtures' zone must exist on every host

	csss "github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/match"
)

// Zone is the IANA name of the time zone in which everything plays.
const Zone = "America/Toronto"

// Currency is the currency of every bound and rate, in cents.
const Currency = "CAD"

// Options say which world to build. Equal Options build equal worlds.
type Options struct {
	Seed    uint64 // of everything that is drawn; default 0, a seed like any other
	Firms   int    // firms in all, those of the stories included, which are never left out; default 300
	Offers  int    // offers in all, likewise; default 1000
	Stories bool   // plant the three stories and the firms that share their summaries; default false
}

func (o Options) withDefaults() Options {
	if o.Firms <= 0 {
		o.Firms = 300
	}
	if o.Offers <= 0 {
		o.Offers = 1000
	}
	return o
}

// A World is a market at its opening: what an exchange imports, and what the
// firms report afterwards about work outside it. The caller owns it.
type World struct {
	Firms       []csss.Firm
	Policies    []csss.PolicyText // one document for each firm, in the order of Firms
	Offers      []csss.Publication
	Needs       []csss.Registration
	Comparables map[string][]int64 // cents per hour by category
	Usage       []UsageReport      // hours promised elsewhere; not part of the import
}

// UsageReport is what one firm tells the exchange about hours that a person
// has promised outside it, as the arguments of [csss.Exchange.ReportUsage].
type UsageReport struct {
	By       Who
	Person   string
	Category string
	Week     string // ISO week of the firm's zone, e.g. 2026-W38
	Hours    match.Amount
}

// Who is a person of a firm: the actor of a command.
type Who struct {
	Firm   string
	Person string
}

// At returns the actor of a command given at t, under a random command id.
func (w Who) At(t time.Time) csss.By { return csss.By{Firm: w.Firm, Person: w.Person, At: t} }

// Local returns a wall-clock time of [Zone].
func Local(year int, month time.Month, day, hour, minute int) time.Time {
	return time.Date(year, month, day, hour, minute, 0, 0, zone())
}

// Opening is when the world's firms publish what they offer: Tuesday
// 2026-09-01 09:00, two weeks before the stories begin.
func Opening() time.Time { return Local(2026, time.September, 1, 9, 0) }

// zone reads the time-zone database once.
var zone = sync.OnceValue(func() *time.Location {
	loc, err := time.LoadLocation(Zone)
	if err != nil {
		panic(err) // impossible: the database is linked in
	}
	return loc
})

// Build makes the world of the options. It costs some ten milliseconds for a
// thousand offers and grows in proportion.
func Build(o Options) *World {
	o = o.withDefaults()
	b := newBuilder(o.Seed)
	if o.Stories {
		for _, s := range []*World{&Story1().World, &Story2().World, &Story3().World} {
			b.w.add(s)
		}
		b.plant(plants())
	}
	b.fill(o)
	return b.w
}

// Import returns everything an exchange loads at [Opening].
func (w *World) Import() csss.Import {
	return csss.Import{Firms: w.Firms, Policies: w.Policies, Comparables: w.Comparables, Offers: w.Offers, Needs: w.Needs}
}

// add appends another market. Comparables of a category that both know stay
// those of w.
func (w *World) add(v *World) {
	w.Firms = append(w.Firms, v.Firms...)
	w.Policies = append(w.Policies, v.Policies...)
	w.Offers = append(w.Offers, v.Offers...)
	w.Needs = append(w.Needs, v.Needs...)
	w.Usage = append(w.Usage, v.Usage...)
	for _, category := range slices.Sorted(maps.Keys(v.Comparables)) {
		w.compare(category, v.Comparables[category]...)
	}
}

func (w *World) compare(category string, rates ...int64) {
	if w.Comparables == nil {
		w.Comparables = map[string][]int64{}
	}
	if w.Comparables[category] == nil {
		w.Comparables[category] = slices.Clone(rates)
	}
}

// join adds a firm with its rules.
func (w *World) join(e *employer, rules []byte) {
	w.Firms = append(w.Firms, e.Firm)
	w.Policies = append(w.Policies, csss.PolicyText{Firm: e.ID, Name: e.ID + ".yaml", Text: rules})
}

func (w *World) publish(by Who, o match.Offer) {
	w.Offers = append(w.Offers, csss.Publication{By: by.At(Opening()), Offer: o})
}
