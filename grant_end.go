package csss

import (
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// endedGrants lists the running engagements whose offer rests on grants that
// end what runs under them, none of which is in force any more.
func (st *state) endedGrants(now time.Time) []disclosure.SessionID {
	var out []disclosure.SessionID
	for _, id := range st.sessionIDs() {
		s := &st.sessions[id].state
		o := st.offers[s.Proposal.Offer]
		if (s.Phase == disclosure.Engaged || s.Phase == disclosure.Started) && o != nil && st.grantEnded(&o.offer, now) {
			out = append(out, id)
		}
	}
	return out
}

func (st *state) grantEnded(o *match.Offer, now time.Time) bool {
	bound := false
	for _, g := range st.grantsOf(o.Firm) {
		if g.AtExpiry != "end" || !slices.ContainsFunc(g.Categories, func(c string) bool { return match.Covers(c, o.Category) }) ||
			!slices.Contains(g.May, string(policy.Engage)) {
			continue
		}
		if !now.Before(g.From) && now.Before(g.Until) {
			return false
		}
		bound = true
	}
	return bound
}

// nextGrantEnd is the earliest time after now at which a grant that ends
// engagements runs out; zero if there is none.
func (st *state) nextGrantEnd(now time.Time) time.Time {
	var next time.Time
	for firm := range st.firms {
		for _, g := range st.grantsOf(firm) {
			if g.AtExpiry == "end" && g.Until.After(now) && (next.IsZero() || g.Until.Before(next)) {
				next = g.Until
			}
		}
	}
	return next
}
