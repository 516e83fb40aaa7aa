package csss

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
)

// listing is what the summarizer may know of an offer: facts and numbers from
// its schema, never its text.
func (st *state) listing(o *match.Offer) disclosure.Listing {
	l := disclosure.Listing{
		ID: o.ID, Revision: o.Revision, Group: o.Group, Person: o.Person != "", Category: o.Category,
		Facts: map[string][]string{}, Numbers: map[string]float64{},
		Lat: o.Site.Lat, Lon: o.Site.Lon, Region: o.Region, Remote: modeOr(o.Mode)&match.Remote != 0,
	}
	if f := st.firms[o.Firm]; f != nil {
		l.Country = f.firm.Country
	}
	for name, p := range o.Properties {
		switch {
		case derived[name]:
		case len(p.Terms) > 0:
			l.Facts[name] = p.Terms
		case p.Max != nil:
			l.Numbers[name] = *p.Max
		}
	}
	for _, c := range o.Credentials {
		l.Dated = append(l.Dated, disclosure.Dated{Field: "credential", Term: strings.ToLower(c.Scheme), From: c.From, Until: c.To})
	}
	slices.SortFunc(l.Dated, func(a, b disclosure.Dated) int { return cmp.Compare(a.Term, b.Term) })
	if o.Years > 0 {
		l.Numbers["years"] = float64(o.Years)
	}
	if n := len(o.Evidence); n > 0 {
		l.Numbers["solved"] = float64(n)
	}
	return l
}

// derived are the fields of a summary that have a source of their own: an offer
// cannot claim a credential by writing it down as a property.
var derived = map[string]bool{"credential": true, "years": true, "solved": true}

// asks is the frozen summary of a need: what is asked for and how much, in
// buckets; a topic only if offers of enough employers use it; a region only if
// enough employers are registered there. A need is not a thing that others
// could recognise, so its class is the employers that could have asked: those
// registered in the place. It is frozen when the need is first proposed to
// anybody, without regard to who looks.
type asks struct {
	Labels  []string `json:"labels"`
	Topics  []string `json:"topics,omitempty"`
	Region  string   `json:"region,omitempty"`
	Country string   `json:"country,omitempty"`
}

// needKey is one revision of a need.
type needKey struct {
	need     string
	revision int
}

// needViewer is one employer group's view of a need.
type needViewer struct {
	needKey
	group string
}

// freezeNeed settles a need's summary for a number of employers.
func (st *state) freezeNeed(n *match.Need, k int) asks {
	a := asks{Labels: []string{strings.ReplaceAll(string(n.Kind), "_", " "), n.Category, hoursLabel(n)}}
	for _, topic := range n.Topics {
		if st.topicGroups(topic, n.Group) >= k {
			a.Topics = append(a.Topics, topic)
		}
	}
	home := st.firms[n.Firm].firm
	if region := home.Sites[0].Region; st.regionGroups(region, "") >= k {
		a.Region = region
	}
	if st.countryGroups(home.Country, "") >= k {
		a.Country = home.Country
	}
	return a
}

// seenBy is a need's frozen summary as one employer group reads it. What fewer
// than k employers share once the viewer's own is left out is not shown to it,
// nor what it was not shown before.
func (st *state) seenBy(a *asks, n *match.Need, viewer string, k int, was *shownFor) shownFor {
	s := shownFor{Labels: slices.Clone(a.Labels)}
	for _, topic := range a.Topics {
		if st.topicGroups(topic, n.Group, viewer) >= k && (was == nil || slices.Contains(was.Labels, topic)) {
			s.Labels = append(s.Labels, topic)
		}
	}
	switch {
	case a.Region != "" && (was == nil || was.Place == a.Region) && st.regionGroups(a.Region, viewer) >= k:
		s.Place = a.Region
	case a.Country != "" && (was == nil || was.Place != "") && st.countryGroups(a.Country, viewer) >= k:
		s.Place = a.Country
	}
	return s
}

func (st *state) regionGroups(region, without string) int {
	return st.firmsIn(func(f *Firm) bool { return f.Sites[0].Region == region }, without)
}

func (st *state) countryGroups(country, without string) int {
	return st.firmsIn(func(f *Firm) bool { return f.Country == country }, without)
}

// firmsIn counts the employer groups of the matching firms, but for one.
func (st *state) firmsIn(in func(*Firm) bool, without string) int {
	groups := map[string]bool{}
	for _, f := range st.firms {
		if f.firm.Group != without && in(&f.firm) {
			groups[f.firm.Group] = true
		}
	}
	return len(groups)
}

// topicGroups counts the employer groups whose offers use a topic, but for some.
func (st *state) topicGroups(topic string, without ...string) int {
	groups := map[string]bool{}
	for _, o := range st.offers {
		if o.live && !slices.Contains(without, o.offer.Group) && slices.Contains(o.offer.Topics, topic) {
			groups[o.offer.Group] = true
		}
	}
	return len(groups)
}

// hourSteps are the buckets of a quantity, upper ends in hours or weeks.
var hourSteps = []match.Amount{2, 4, 8, 16, 25, 50, 100, 200, 400}

func hoursLabel(n *match.Need) string {
	unit := n.Quantity.Unit
	if n.Quantity.Weeks > 0 {
		return fmt.Sprintf("%s %s a week, %s weeks", bucket(n.Quantity.PerWeek), unit, bucket(match.Amount(n.Quantity.Weeks)*match.Hour))
	}
	return bucket(n.Quantity.Value) + " " + unit
}

func bucket(a match.Amount) string {
	for _, s := range hourSteps {
		if a <= s*match.Hour {
			return fmt.Sprintf("≤ %d", s)
		}
	}
	return fmt.Sprintf("> %d", hourSteps[len(hourSteps)-1])
}

// Preview is what the owner of an offer is told about it: the text a stranger
// would see, how many employers share it, and which field costs most; and what
// an approver and a partner would read.
type Preview struct {
	Labels     []string `json:"labels,omitempty"`
	K          int      `json:"k"`
	Suppressed []string `json:"suppressed,omitempty"`
	Costliest  string   `json:"costliest,omitempty"`
	TooRare    bool     `json:"too_rare,omitempty"`

	Approver Brief               `json:"approver"` // what whoever approves on the other side would decide on; hours and amounts are those of its need
	Partner  disclosure.Identity `json:"partner"`  // what a partner would read from the reveal on; prints as sealed, see Identity.Open
}

// Preview shows an offer's owner what strangers would see of it now. It settles
// nothing: the text is frozen when the offer is first found for a need. Cost:
// one pass over the offers like it, under a millisecond for some thousands.
//
// Errors: ErrNotFound, also for another firm's offer.
func (x *Exchange) Preview(by By, offer string) (Preview, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	o := x.st.offers[offer]
	if o == nil || !o.live || o.offer.Firm != by.Firm || !x.st.employs(by.Firm, by.Person) {
		return Preview{}, ErrNotFound
	}
	p, err := x.st.preview(offer, x.st.clamp(by.At))
	if err != nil {
		return Preview{}, err
	}
	p.Approver = Brief{Category: o.offer.Category, Currency: o.offer.Currency, Template: templateOf(o.offer.Kind), Counterparty: slices.Clone(p.Labels)}
	p.Approver.Estimate, _ = x.st.median(o.offer.Category)
	supply := x.st.parties(&fit{off: &o.offer, need: &match.Need{}}, o.publisher)[disclosure.Supply]
	if data, ok := x.st.identity(supply); ok {
		p.Partner = disclosure.NewIdentity(data)
	}
	return p, nil
}

// preview asks the summarizer what would be shown, and what it costs.
func (st *state) preview(offer string, at time.Time) (Preview, error) {
	s, risk, err := st.summaries.Freeze(offer, at)
	if rare, ok := errors.AsType[*disclosure.TooRareError](err); ok {
		return Preview{K: rare.K, Costliest: rare.Field, TooRare: true}, nil
	}
	if err != nil {
		return Preview{}, fmt.Errorf("csss: summary: %w", err)
	}
	return Preview{Labels: s.Labels, K: risk.K, Suppressed: risk.Suppressed, Costliest: risk.Costliest}, nil
}
