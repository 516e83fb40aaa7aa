package disclosure

import "time"

// timer is a [Timer] by number.
type timer uint8

const (
	tClose timer = iota
	tHardExpiry
	tDeadline
	tRevive
	tHold
	tEnd
	timerCount
)

// timerRows are the timers, and the phases they run in. Among equals the one
// that ends more comes first.
var timerRows = [timerCount]struct {
	phases []Phase
	event  EventType
	to     []Phase
	at     string
	cause  string
	reason string
}{
	tClose: {[]Phase{Proposed, Summarised, Stale}, SessionClosed, []Phase{Closed}, "the slot noted with a withdrawal or an abort", "",
		"before the reveal everything is published at a slot"},
	tHardExpiry: {[]Phase{Proposed, Summarised, Stale}, SessionClosed, []Phase{Closed}, "the slot after the hard expiry", "expired",
		"no session rests for ever"},
	tDeadline: {[]Phase{Proposed, Summarised}, SessionStaled, []Phase{Stale}, "the slot after the deadline", "",
		"silence, a refusal and a denial end alike"},
	tRevive: {[]Phase{Stale}, SessionRevived, []Phase{Proposed, Summarised}, "the slot noted with a wish to revive", "",
		"who revived is not told"},
	tHold: {[]Phase{Revealed}, SessionClosed, []Phase{Closed}, "the end of the provisional hold, or the hard expiry", "expired",
		"nothing is held for those who do not agree"},
	tEnd: {[]Phase{Engaged, Started}, EngagementTerminated, []Phase{Closed}, "the end of the engagement, where one was proposed", "ended",
		"an engagement ends when its terms do"},
}

func timers() (out []Timer) {
	for _, p := range Phases() {
		for i, t := range timerRows {
			for _, at := range t.phases {
				if at == p {
					out = append(out, Timer{Phase: p, Event: t.event, To: t.to, At: t.at, Reason: t.reason, timer: timer(i)})
				}
			}
		}
	}
	return out
}

// Due returns the events that the clock alone has brought about by now, in
// order; folding them gives the session as it stands at now. Each event bears
// the instant it fell due at, so whoever notices first writes the same.
//
// Before the reveal everything is published at a slot: the deadline makes a
// session stale at the slot that follows it, the hard expiry closes it
// likewise, a withdrawal or an abort at the slot noted with it. A provisional
// hold lapses on the instant, and the session with it. See [Clock].
func Due(s State, now time.Time) []Event { return due(nil, &s, now) }

// due appends what is due to out, and folds it into s.
func due(out []Event, s *State, now time.Time) []Event {
	for s.past(now) {
		t, at, ok := nextDue(s)
		if !ok || at.After(now) {
			return out
		}
		out = append(out, Event{Type: timerRows[t].event, At: at, Cause: timerRows[t].cause})
		s.evolve(&out[len(out)-1])
	}
	return out
}

// past reports whether an instant has come that a timer of the phase counts
// from. Most commands come before all of them, and no slot has to be worked out.
func (s *State) past(now time.Time) bool {
	switch s.Phase {
	case Proposed, Summarised:
		return came(&s.Deadline, now) || came(&s.HardExpiry, now) || came(&s.CloseAt, now)
	case Stale:
		return came(&s.HardExpiry, now) || came(&s.CloseAt, now) || came(&s.ReviveAt, now)
	case Revealed:
		return came(&s.HoldUntil, now) || came(&s.HardExpiry, now)
	case Engaged, Started:
		return came(&s.Proposal.End, now)
	}
	return false
}

// came reports whether an instant has come; zero never does.
func came(t *time.Time, now time.Time) bool { return !now.Before(*t) && !t.IsZero() }

// NextDue returns when the clock will next change the session, zero for never.
func NextDue(s State) time.Time {
	_, at, _ := nextDue(&s)
	return at
}

// nextDue returns the earliest timer of the session's own machine. A session
// of a machine that this build does not know stands still.
func nextDue(s *State) (next timer, at time.Time, ok bool) {
	m := machineOf(s.Machine)
	if m == nil {
		return 0, at, false
	}
	for i := range m.clock {
		if m.clock[i].Phase != s.Phase {
			continue
		}
		if t := s.timer(m.clock[i].timer); !t.IsZero() && (!ok || t.Before(at)) {
			next, at, ok = m.clock[i].timer, t, true
		}
	}
	return next, at, ok
}

// timer returns when a timer goes off, zero for never.
func (s *State) timer(t timer) time.Time {
	switch t {
	case tClose:
		return s.CloseAt
	case tHardExpiry:
		return ceilSlot(s.HardExpiry, s.Proposal.Slot)
	case tDeadline:
		return ceilSlot(s.Deadline, s.Proposal.Slot)
	case tRevive:
		return s.ReviveAt
	case tHold:
		return earlier(s.HoldUntil, s.HardExpiry)
	case tEnd:
		return s.Proposal.End
	}
	return time.Time{}
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
	for i := range events {
		s.evolve(&events[i])
	}
	return s
}
