package disclosure

import "time"

// Due returns the events that the clock alone has brought about by now, in
// order; folding them gives the session as it stands at now. Each event bears
// the instant it fell due at, so whoever notices first writes the same.
//
// Before the reveal everything is published at a slot: the deadline makes a
// session stale at the slot that follows it, the hard expiry closes it
// likewise, a withdrawal or an abort at the slot noted with it. A provisional
// hold lapses on the instant, and the session with it.
func Due(s State, now time.Time) []Event {
	var out []Event
	for {
		e, ok := nextDue(s)
		if !ok || e.At.After(now) {
			return out
		}
		out = append(out, e)
		s = Evolve(s, e)
	}
}

// NextDue returns when the clock will next change the session, zero for never.
func NextDue(s State) time.Time {
	e, _ := nextDue(s)
	return e.At
}

// nextDue returns the earliest event that time alone will cause. Among equals
// the one that ends more comes first.
func nextDue(s State) (next Event, ok bool) {
	consider := func(t EventType, at time.Time, cause string) {
		if !at.IsZero() && (!ok || at.Before(next.At)) {
			next, ok = Event{Type: t, At: at, Cause: cause}, true
		}
	}
	slot := s.Proposal.Slot
	switch s.Phase {
	case Proposed, Summarised:
		consider(SessionClosed, s.CloseAt, "")
		consider(SessionClosed, ceilSlot(s.HardExpiry, slot), "expired")
		consider(SessionStaled, ceilSlot(s.Deadline, slot), "")
	case Stale:
		consider(SessionClosed, s.CloseAt, "")
		consider(SessionClosed, ceilSlot(s.HardExpiry, slot), "expired")
		consider(SessionRevived, s.ReviveAt, "")
	case Revealed:
		consider(SessionClosed, earlier(s.HoldUntil, s.HardExpiry), "expired")
	case Engaged, Started:
		consider(EngagementTerminated, s.Proposal.End, "ended")
	}
	return next, ok
}

// ceilSlot rounds up to a publication slot.
func ceilSlot(t time.Time, slot time.Duration) time.Time {
	if d := t.Truncate(slot); !d.Equal(t) {
		return d.Add(slot)
	}
	return t
}

// nextSlot returns the first publication slot after t.
func nextSlot(t time.Time, slot time.Duration) time.Time { return t.Truncate(slot).Add(slot) }

func fold(s State, events []Event) State {
	for _, e := range events {
		s = Evolve(s, e)
	}
	return s
}
