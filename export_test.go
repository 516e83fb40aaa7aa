package csss

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// HearingReport is what [Exchange.HearPairs] saw.
type HearingReport struct {
	Pairs, Permitted, Refused, Own, Exact, Filters int
	Differences                                    []string
}

// HearPairs puts every nth need together with every nth offer of its kind, in
// every way of working, and compares what a search would do with the answers of
// every rule in full.
func (x *Exchange) HearPairs(at time.Time, needs, offers int) (r HearingReport) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, id := range slices.Sorted(maps.Keys(x.st.needs)) {
		if i%needs != 0 {
			continue
		}
		need := &x.st.needs[id].need
		h := x.st.hearing(need, at)
		for _, s := range slices.Concat(h.supply[:], h.demand[:]) {
			r.Filters++
			if s.filter.Kind() == policy.Exact {
				r.Exact++
			}
		}
		for k, offer := range x.st.order {
			o := &x.st.offers[offer].offer
			if k%offers != i%offers || !o.Kind.Serves(need.Kind) {
				continue
			}
			plan, err := x.st.book.Plan(o, need, at)
			if err != nil {
				plan = match.Plan{Amount: needHours(need)}
			}
			for _, mode := range []match.Mode{match.Remote, match.OnSite, match.Remote | match.OnSite} {
				r.hear(h, &fit{need: need, off: o, plan: &plan, mode: mode})
			}
		}
	}
	return r
}

func (r *HearingReport) hear(h *hearing, f *fit) {
	r.Pairs++
	ok, own := h.permitted(f)
	wantOK, wantOwn := h.inFull(f)
	if wantOK {
		r.Permitted++
	} else {
		r.Refused++
	}
	if wantOwn != nil {
		r.Own++
	}
	if ok != wantOK || !reflect.DeepEqual(own, wantOwn) {
		r.Differences = append(r.Differences, fmt.Sprintf("%s for %s, %s: %v %v, in full %v %v",
			f.off.ID, f.need.ID, modeName(f.mode), ok, own, wantOK, wantOwn))
	}
}

// inFull is what permitted must come to: every rule asked, one by one.
func (h *hearing) inFull(f *fit) (bool, *policy.Reason) {
	ok := true
	var own *policy.Reason
	for _, action := range searched {
		supply := h.st.decide(h.st.supplyRequest(action, f, h.at))
		demand := h.st.decide(h.st.demandRequest(action, f.need, f, h.at))
		ok = ok && supply.Outcome != policy.Deny && demand.Outcome != policy.Deny
		if supply.Outcome == policy.Deny && own == nil {
			own = firstReason(supply.Reasons)
		}
	}
	return ok, own
}

// HearingRun returns a search's questions about one need and up to n offers of
// its kind, to be asked through filters or in full, and how many there are.
func (x *Exchange) HearingRun(need string, n int, at time.Time) (sieved, inFull func(), asked int) {
	var fits []*fit
	nd := &x.st.needs[need].need
	for _, id := range x.st.order {
		o := &x.st.offers[id].offer
		if plan, err := x.st.book.Plan(o, nd, at); err == nil && len(fits) < n && o.Kind.Serves(nd.Kind) {
			fits = append(fits, &fit{need: nd, off: o, plan: &plan, mode: match.OnSite})
		}
	}
	run := func(ask func(*hearing, *fit) (bool, *policy.Reason)) func() {
		return func() {
			h := x.st.hearing(nd, at)
			for _, f := range fits {
				fresh := *f
				ask(h, &fresh)
			}
		}
	}
	return run((*hearing).permitted), run((*hearing).inFull), len(fits)
}

// PledgeChange is what [Tamper] changes.
type PledgeChange struct{ Commitment, Envelope, Share, Bit bool }

// Tamper changes what the other side of a session has pledged, as somebody who
// writes to the storage could, and returns how to undo it.
func Tamper(x *Exchange, h disclosure.Handle, c PledgeChange) (undo func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	ref := x.st.handles[h]
	ss, side := x.st.sessions[ref.session], ref.side.Other()
	deal, shares := ss.deal, ss.shares
	g := &ss.deal.Pledges[side]
	switch {
	case c.Commitment:
		ss.deal.Shown[ref.side].Commitment = ss.deal.Shown[side].Commitment
	case c.Envelope:
		g.Envelope = ss.deal.Pledges[ref.side].Envelope
	case c.Share:
		ss.shares[side][0] = ss.shares[ref.side][0]
	case c.Bit:
		g.Envelope = slices.Clone(g.Envelope)
		g.Envelope[len(g.Envelope)-20] ^= 1
	}
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		ss.deal, ss.shares = deal, shares
	}
}

// Repeat puts a firm's first hand-over and grant so many times more into the
// state.
func Repeat(x *Exchange, firm string, times int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range times {
		h, g := x.st.handOvers[firm][0], x.st.grants[firm][0]
		h.ID, g.Grant.ID = fmt.Sprint(h.ID, "+", i), fmt.Sprint(g.Grant.ID, "+", i)
		x.st.handOvers[firm], x.st.grants[firm] = append(x.st.handOvers[firm], h), append(x.st.grants[firm], g)
	}
}
