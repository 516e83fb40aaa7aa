package attack

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/redteam"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// Of returns the directory of a world at a time. A pair is feasible if every gate
// passes; employers' rules are not asked.
func Of(w *world.World, at time.Time) redteam.Directory {
	m := redteam.Directory{At: at}
	country := map[string]string{}
	for _, f := range w.Firms {
		country[f.ID] = f.Country
		site := f.Sites[0].At
		m.Viewers = append(m.Viewers, disclosure.Viewer{Group: cmp.Or(f.Group, f.ID), Lat: site.Lat, Lon: site.Lon})
	}
	for _, p := range w.Offers {
		l := listing(&p.Offer)
		l.Country = country[p.Offer.Firm]
		m.Listings = append(m.Listings, l)
	}
	env := &match.GateEnv{Now: at, Median: median(w)}
	for i := range w.Needs {
		n := &w.Needs[i].Need
		for j := range w.Offers {
			if o := &w.Offers[j].Offer; o.Group != n.Group && passes(n, o, env) {
				m.Feasible = append(m.Feasible, redteam.Meeting{Listing: j, Viewer: disclosure.Viewer{Group: n.Group, Lat: n.Site.Lat, Lon: n.Site.Lon}})
			}
		}
	}
	return m
}

func passes(n *match.Need, o *match.Offer, env *match.GateEnv) bool {
	if !o.Kind.Serves(n.Kind) || !match.Covers(n.Category, o.Category) {
		return false // the first two gates, which most pairs fail; all are evaluated together and plan hours
	}
	for _, g := range match.CheckGates(n, o, env) {
		if !g.Passed {
			return false
		}
	}
	return true
}

// median prices a category by the middle of three comparables or more.
func median(w *world.World) func(string) (int64, bool) {
	return func(category string) (int64, bool) {
		rates := w.Comparables[category]
		if len(rates) < 3 {
			return 0, false
		}
		return slices.Sorted(slices.Values(rates))[len(rates)/2], true
	}
}

// listing says of an offer what an exchange says of it to its summarizer.
func listing(o *match.Offer) disclosure.Listing {
	l := disclosure.Listing{ID: o.ID, Revision: 1, Group: o.Group, Person: o.Person != "", Category: o.Category,
		Facts: map[string][]string{}, Numbers: map[string]float64{}, Lat: o.Site.Lat, Lon: o.Site.Lon,
		Region: o.Region, Remote: o.Mode&match.Remote != 0}
	for name, p := range o.Properties {
		switch {
		case len(p.Terms) > 0:
			l.Facts[name] = p.Terms
		case p.Max != nil:
			l.Numbers[name] = *p.Max
		}
	}
	for _, c := range o.Credentials {
		l.Dated = append(l.Dated, disclosure.Dated{Field: "credential", Term: strings.ToLower(c.Scheme), From: c.From, Until: c.To})
	}
	if o.Years > 0 {
		l.Numbers["years"] = float64(o.Years)
	}
	if n := len(o.Evidence); n > 0 {
		l.Numbers["solved"] = float64(n)
	}
	return l
}
