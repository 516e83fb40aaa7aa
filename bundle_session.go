package csss

import (
	"context"
	"errors"
	"slices"

	"github.com/deeperpoint/csss/disclosure"
)

// ProposeBundle opens sessions with several candidates that are revealed and
// engaged together or not at all: the machine with its operator, the inspection
// after them. Each handle is of a candidate for a need of the caller's own, one
// need for each part; from then on every leg is a session like any other, with
// its own opt-ins, approvals, terms and hold, and no supplier's side can tell
// it from a session alone.
//
// Legs that are closed, or stale, are replaced by calling again with the
// handles of the legs that stay and those of new candidates. The requester and
// its employer then consent to every leg anew, because they buy another whole;
// the other suppliers are not asked again.
//
// Errors: those of Select; *InputError for fewer than 2 or more than 16 legs, for
// a handle twice, or for needs of several requesters; ErrUnavailable also for a
// leg that can no longer be kept, or that cannot be replaced yet.
func (x *Exchange) ProposeBundle(ctx context.Context, by By, legs []disclosure.Handle) (Receipt, error) {
	by = by.withDefaults()
	if n := len(legs); n < 2 || n > 16 || len(slices.Compact(slices.Sorted(slices.Values(legs)))) != n {
		return Receipt{}, &InputError{Field: "legs", Value: "", Limit: "must be 2 to 16 different candidates"}
	}
	x.mu.RLock()
	at, err := x.st.stamp(by.At)
	x.mu.RUnlock()
	if err != nil {
		return Receipt{}, err
	}
	b := disclosure.Bundle{ID: "bundle/" + by.key(), Revision: 1}
	var opened []disclosure.Proposal
	var kept []*disclosure.Bundle
	again := true
	for _, h := range legs {
		if old, id, ok := x.legOf(by, h); ok {
			b.Legs, kept = append(b.Legs, id), append(kept, old)
			continue
		}
		p, known, err := x.proposal(ctx, byLeg(by, h), h)
		if err != nil {
			return Receipt{}, err
		}
		defer x.proposed(p.Session)
		again = again && known
		b.Legs, opened = append(b.Legs, p.Session), append(opened, p)
	}
	if x.offersTwice(opened, b.Legs) {
		return Receipt{}, ErrUnavailable // as it is for whoever selects the two one after the other
	}
	for _, old := range kept {
		if old.ID != kept[0].ID || old.Revision != kept[0].Revision {
			return Receipt{}, ErrUnavailable
		}
		b.ID, b.Revision = old.ID, old.Revision+1
	}
	if len(opened) == 0 {
		return Receipt{}, ErrUnavailable
	}
	if again {
		return x.openedBundle(by, legs, true)
	}
	if err := x.engine.ProposeBundle(ctx, b, opened, at); err != nil {
		return Receipt{}, x.bundleError(err)
	}
	return x.openedBundle(by, legs, false)
}

// offersTwice reports whether two legs would be of one offer.
func (x *Exchange) offersTwice(opened []disclosure.Proposal, legs []disclosure.SessionID) bool {
	seen := map[string]bool{}
	for _, p := range opened {
		if seen[p.Offer] {
			return true
		}
		seen[p.Offer] = true
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, id := range legs {
		ss := x.st.sessions[id]
		if ss == nil || slices.ContainsFunc(opened, func(p disclosure.Proposal) bool { return p.Session == id }) {
			continue
		}
		if seen[ss.state.Proposal.Offer] {
			return true
		}
		seen[ss.state.Proposal.Offer] = true
	}
	return false
}

// byLeg is the command as that of one leg: each has a key of its own.
func byLeg(by By, h disclosure.Handle) By {
	by.ID += "/" + string(h)
	return by
}

// legOf finds the bundle of a leg that goes on: one that an earlier command of
// the same person opened.
func (x *Exchange) legOf(by By, h disclosure.Handle) (*disclosure.Bundle, disclosure.SessionID, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ref := x.st.handles[h]
	ss := x.st.sessions[ref.session]
	if ss == nil || ss.state.Bundle == nil || ref.side != disclosure.Demand {
		return nil, "", false
	}
	p := &ss.state.Proposal
	party := p.Parties[disclosure.Demand]
	if party.Firm != by.Firm || party.Actor != by.Person || p.ID == sessionKey(byLeg(by, h)) {
		return nil, "", false
	}
	return ss.state.Bundle, ref.session, true
}

// openedBundle answers with the instant that the first command gave.
func (x *Exchange) openedBundle(by By, legs []disclosure.Handle, again bool) (Receipt, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	at := by.At
	for _, h := range legs {
		ss := x.st.sessions[x.st.handles[h].session]
		if ss != nil && ss.state.Proposal.ID == sessionKey(byLeg(by, h)) {
			at = ss.deal.Said
		}
	}
	return Receipt{Command: by.ID, At: at, Duplicate: again}, nil
}

func (x *Exchange) bundleError(err error) error {
	var phase *disclosure.PhaseError
	switch {
	case errors.Is(err, disclosure.ErrPolicy), errors.Is(err, disclosure.ErrConflict), errors.Is(err, disclosure.ErrStale), errors.As(err, &phase):
		return ErrUnavailable
	case errors.Is(err, disclosure.ErrInvalid):
		return &InputError{Field: "legs", Value: "", Limit: "must be for needs of one requester, under one notice and hold"}
	}
	return x.sessionError(err)
}
