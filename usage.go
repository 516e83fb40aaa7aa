package csss

import (
	"strconv"
	"sync"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// This file tells a firm's rules what is booked: quotas count it, and walls
// remember for whom.

// usage answers how much of a quota is spoken for, from holds and from what
// the firm reported about work outside the exchange.
type usage struct {
	st          *state
	publish     bool   // count what is offered instead of what is held
	exceptOffer string // the offer being published again
	exceptHold  string // the hold of the session being judged

	mu    sync.Mutex
	books policy.Books // folded when first asked for
}

// Used implements policy.Usage.
func (u *usage) Used(employer string, q policy.Quota, key []string, period string) time.Duration {
	if u.publish {
		return u.offered(employer, q, key)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, folded := u.books[q.ID]; !folded {
		if u.books == nil {
			u.books = policy.Books{}
		}
		u.books[q.ID] = policy.FoldUsage(q, u.st.zoneOf(employer), u.events(employer), u.st.now)
	}
	return u.books.Used(employer, q, key, period)
}

// zoneOf is the zone of a firm's rules.
func (st *state) zoneOf(firm string) *time.Location {
	if f := st.firms[firm]; f != nil && f.rules != nil {
		return f.rules.Location(firm)
	}
	return time.UTC
}

// events are the firm's holds and what it reported, which is worked and runs
// no more.
func (u *usage) events(employer string) []policy.UsageEvent {
	var list []policy.UsageEvent
	for _, id := range u.st.offerIDs() {
		o := &u.st.offers[id].offer
		if o.Firm != employer {
			continue
		}
		for _, h := range u.st.book.Holds(id) {
			if h.ID == u.exceptHold {
				continue
			}
			list = append(list, policy.UsageEvent{ID: h.ID, Kind: policy.HoldPlaced, Hold: h.ID, Attrs: keyWords(o), Weeks: weeksOf(h.Slots, o.Zone)})
			if s := u.st.sessions[disclosure.SessionID(h.Session)]; s != nil && !s.state.EndedAt.IsZero() {
				list = append(list, worked(h.ID)) // the book gave back what was not
			}
		}
	}
	return append(list, u.st.reported(employer)...)
}

func (st *state) reported(employer string) []policy.UsageEvent {
	var list []policy.UsageEvent
	for i, r := range st.reports[employer] {
		id := "report/" + strconv.Itoa(i)
		list = append(list, policy.UsageEvent{ID: id, Kind: policy.HoldPlaced, Hold: id,
			Attrs: keyWords(&match.Offer{Person: r.Person, Category: r.Category}),
			Weeks: []policy.WeekAmount{{Week: r.Week, Hours: r.Hours.Duration()}}}, worked(id))
	}
	return list
}

// worked ends a hold that stays in the books.
func worked(hold string) policy.UsageEvent {
	never := time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)
	return policy.UsageEvent{ID: hold + "/worked", Kind: policy.HoldReleased, Hold: hold, From: never}
}

// weeksOf are the slots by ISO week of the offer's zone, which was checked when
// it was published: what a request asks is told apart in the same way.
func weeksOf(slots []match.Slot, zone string) []policy.WeekAmount {
	weeks, _ := match.HoursByWeek(slots, zone)
	list := make([]policy.WeekAmount, len(weeks))
	for i, w := range weeks {
		list[i] = policy.WeekAmount{Week: w.Week, Hours: w.Amount.Duration()}
	}
	return list
}

// keyWords are an offer's attributes that may be the key of a quota or a wall.
func keyWords(o *match.Offer) map[string]string {
	return map[string]string{"resource.person": o.Person, "resource.category": o.Category, "resource.id": o.Resource, "resource.kind": string(o.Kind)}
}

// offered is how much the firm offers in the account. Offers engage nobody.
func (u *usage) offered(employer string, q policy.Quota, key []string) time.Duration {
	var sum match.Amount
	count := func(o *match.Offer) {
		if o.Firm != employer || o.ID == u.exceptOffer || q.Unit != "" || !inAccount(q, key, o) {
			return
		}
		if total, err := match.NewBook().Remaining(o); err == nil {
			sum = sum.Plus(total)
		}
	}
	for _, o := range u.st.offers {
		if o.live {
			count(&o.offer)
		}
	}
	for _, o := range u.st.pending {
		count(o)
	}
	return sum.Duration()
}

// inAccount reports whether an offer falls under the key of a quota.
func inAccount(q policy.Quota, key []string, o *match.Offer) bool {
	words := keyWords(o)
	for i, attr := range q.Key {
		if i >= len(key) || key[i] != words[attr] {
			return false
		}
	}
	return true
}

// history tells a firm's walls for whom it works and has worked, if it has
// any. The counterparty is told apart by its group, which no condition reads
// before the reveal, and which no log of the request names.
func (st *state) history(r *policy.Request, counterparty string) {
	f, other := st.firms[r.Employer], st.firms[counterparty]
	if f == nil || f.rules == nil || other == nil || len(f.rules.Walls(r.Employer)) == 0 {
		return
	}
	var list []policy.UsageEvent
	names := newStrangers()
	for _, id := range st.sessionIDs() {
		s := &st.sessions[id].state
		for _, side := range []disclosure.Side{disclosure.Supply, disclosure.Demand} {
			if s.Proposal.Parties[side].Firm == r.Employer && !s.EngagedAt.IsZero() {
				list = append(list, st.served(s, side, names)...)
			}
		}
	}
	r.Member, r.Served = names.name(other.firm.Group), f.rules.FoldWalls(r.Employer, list, r.Now)
}

// served is one engagement as a side's walls see it.
func (st *state) served(s *disclosure.State, side disclosure.Side, names strangers) []policy.UsageEvent {
	id, partner := string(s.ID()), s.Proposal.Parties[side.Other()]
	words := map[string]string{}
	if o := st.offers[s.Proposal.Offer]; o != nil {
		words = keyWords(&o.offer)
	}
	if f := st.firms[partner.Firm]; f != nil {
		words["counterparty.naics"], words["counterparty.country"] = f.firm.NAICS, f.firm.Country
		words["counterparty.region"], words["counterparty.group"] = f.firm.Sites[0].Region, f.firm.Group
	}
	list := []policy.UsageEvent{
		{ID: id, Kind: policy.HoldPlaced, Hold: id, At: s.EngagedAt, Attrs: words, Member: names.name(partner.Group)},
		{ID: id + "/engaged", Kind: policy.HoldEngaged, Hold: id, At: s.EngagedAt}}
	if !s.EndedAt.IsZero() {
		list = append(list, policy.UsageEvent{ID: id + "/end", Kind: policy.HoldReleased, Hold: id, At: s.EndedAt})
	}
	return list
}
