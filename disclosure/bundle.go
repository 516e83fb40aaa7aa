package disclosure

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// maxLegs bounds a bundle.
const maxLegs = 16

// Bundle says which sessions are revealed together or not at all: what one
// party needs, met by several offers. Each leg is a session of its own, between
// that firm and one supplier, with its own summaries, terms and four consents.
//
// All legs are revealed, with all holds, in one batch or none is; they engage
// likewise; and a leg that ends between the two ends all, with their holds.
// Until the reveal a supplier's side sees what it would see of a session that
// waits for its other side: no id, no number, no move of another leg, and no
// instant of one. Grace, ratings and, once engaged, ends are each leg's own.
type Bundle struct {
	ID         string      `json:"id"`
	Revision   int         `json:"revision"`    // from 1, one more each time legs are replaced
	Legs       []SessionID `json:"legs"`        // sorted, 2 to 16
	Deadline   time.Time   `json:"deadline"`    // of every leg: the earliest
	HardExpiry time.Time   `json:"hard_expiry"` // likewise
}

// Digest names the bundle in this revision: its id, its number and its legs.
// The demand side's consents are bound to it, because it buys the whole; the
// suppliers' are bound to their own leg alone. So a revision takes the demand
// side's opt-ins and votes of every leg back, and no supplier's: to ask a
// supplier again would tell it that there is another.
func (b *Bundle) Digest() Digest {
	buf := text([]byte("csss/disclosure/bundle/1"), b.ID)
	buf = binary.LittleEndian.AppendUint64(buf, uint64(b.Revision))
	for _, id := range b.Legs {
		buf = text(buf, string(id))
	}
	return sha256.Sum256(buf)
}

// LegsAnswer is what the other legs of a bundle allow.
type LegsAnswer uint8

// The zero answer keeps the door shut. A session of no bundle asks for none.
const (
	LegsWaiting LegsAnswer = iota // one of them is not ready
	LegsReady                     // each would take the same step, were it not for the others
	LegsEnded                     // one has ended after the reveal
)

// Leg is one session of a bundle, and what is known for a decision in it. Its
// Env.Legs is not read: [Together] finds it out.
type Leg struct {
	State State
	Env   Env
	room  []Event // for what is decided, where the caller has some
}

// Together decides a command in the leg at of a bundle and returns the events of
// every leg, which belong on the log in one batch. It is pure; the leg's own
// machine decides, see [Decide]. The legs are those of the bundle, in its order; a leg whose
// State is not known, or of another revision, is not ready.
//
// Where the command, with every other leg ready, would reveal or engage the
// leg, the others are decided too, as if by [Settle]; unless each of them takes
// the same step, only the leg itself moves, as with the hold refused. Where it
// ends a leg that was revealed and not engaged, it ends all. The errors are
// those of [Decide] for the leg itself: they do not depend on the others.
func Together(legs []Leg, at int, c Command) ([][]Event, error) {
	m := machineOf(legs[at].State.Machine)
	if m == nil {
		return nil, ErrMachine
	}
	return m.Together(legs, at, c)
}

// Together is [Together] by this machine, whichever the sessions began with.
func (m *Machine) Together(legs []Leg, at int, c Command) ([][]Event, error) {
	out := make([][]Event, len(legs))
	own := &legs[at].State
	events, err := m.decideLeg(&legs[at], c, LegsReady)
	if err != nil {
		return out, err
	}
	step := jointStep(own, events)
	if own.Bundle == nil {
		step = "" // it goes with nobody
	}
	switch step {
	case IdentitiesRevealed, EngagementAgreed:
		if m.without != gLegsReady && !m.follow(out, legs, at, step) {
			clear(out)
			events, err = m.decideLeg(&legs[at], c, LegsWaiting)
		}
	case SessionClosed:
		m.fail(out, legs, at, legs[at].Env.Now)
	}
	out[at] = events
	return out, err
}

// follow decides the other legs and reports whether each takes the step.
func (m *Machine) follow(out [][]Event, legs []Leg, at int, step EventType) bool {
	if !whole(legs) {
		return false
	}
	for i := range legs {
		if i == at {
			continue
		}
		var err error
		if out[i], err = m.decideLeg(&legs[i], settle(&legs[i]), LegsReady); err != nil || jointStep(&legs[i].State, out[i]) != step {
			return false
		}
	}
	return true
}

// fail ends the other legs that were revealed and not engaged.
func (m *Machine) fail(out [][]Event, legs []Leg, at int, now time.Time) {
	for i := range legs {
		if i == at || legs[i].State.Phase != Revealed {
			continue
		}
		l := legs[i]
		if out[i] = Due(l.State, now); jointStep(&l.State, out[i]) == "" {
			l.Env.Now = now
			out[i], _ = m.decideLeg(&l, settle(&l), LegsEnded)
		}
	}
}

// DueTogether returns what the clock alone has brought about by now in the leg
// at: [Due] for it, and where that ends a revealed leg, the end of all.
func DueTogether(legs []Leg, at int, now time.Time) [][]Event {
	out := make([][]Event, len(legs))
	out[at] = Due(legs[at].State, now)
	if m := machineOf(legs[at].State.Machine); m != nil && jointStep(&legs[at].State, out[at]) == SessionClosed {
		m.fail(out, legs, at, now)
	}
	return out
}

func (m *Machine) decideLeg(l *Leg, c Command, answer LegsAnswer) ([]Event, error) {
	env := l.Env
	env.Legs = answer
	return m.Append(l.room[:0], &l.State, &c, &env)
}

func settle(l *Leg) Command {
	return Command{ID: "settle/bundle", Session: l.State.ID(), Side: Demand, Kind: Settle, At: l.Env.Now}
}

// whole reports whether the legs are those of one bundle in one revision.
func whole(legs []Leg) bool {
	b := legs[0].State.Bundle
	if b == nil || len(b.Legs) != len(legs) {
		return false
	}
	for i := range legs {
		s := &legs[i].State
		if s.ID() != b.Legs[i] || s.Bundle == nil || s.Bundle.Digest() != b.Digest() {
			return false
		}
	}
	return true
}

// jointStep returns which of the steps that legs take together the events are,
// "" for none. An end counts from the reveal until the engagement.
func jointStep(s *State, events []Event) EventType {
	revealed := s.Phase == Revealed
	for i := range events {
		switch t := events[i].Type; t {
		case IdentitiesRevealed, EngagementAgreed:
			return t
		case SessionClosed:
			if revealed {
				return t
			}
		}
	}
	return ""
}

// waits reports whether both sides have done what the next step needs of them,
// and nothing but employers, holds and other legs stand before it.
func (s *State) waits(now time.Time) bool {
	return s.consented(now) || s.Phase == Revealed && s.Sides[Supply].Terms && s.Sides[Demand].Terms
}

// Revise returns the events by which a session goes on as a leg of the next
// revision of its bundle: what is due by now, and [BundleRevised]. The demand
// side's opt-in and votes are to be given anew; the supplier's stand. The
// errors are [ErrStale] for what is not the next revision of its bundle, and a
// [*PhaseError] from the reveal on.
func Revise(s State, b Bundle, now time.Time) ([]Event, error) {
	events := Due(s, now)
	s = fold(s, events)
	if s.Bundle == nil || b.ID != s.Bundle.ID || b.Revision != s.Bundle.Revision+1 || !slices.Contains(b.Legs, s.ID()) {
		return nil, ErrStale
	}
	switch {
	case s.Phase > Stale:
		return nil, &PhaseError{Phase: s.Phase, Kind: Settle, Reason: "a leg is replaced before the reveal"}
	case !s.CloseAt.IsZero(), !s.HardExpiry.Equal(b.HardExpiry):
		return nil, ErrStale
	}
	return append(events, Event{Type: BundleRevised, At: instant(now), Side: Demand, Bundle: &b}), nil
}

// rebundle folds a revision: what the demand side agreed to was another whole.
func (s *State) rebundle(b *Bundle) {
	s.Bundle = b
	d := &s.Sides[Demand]
	if d.Choice == ChoiceIn {
		d.Choice, d.Expires = ChoiceNone, time.Time{}
	}
	d.Flips, d.Auto = 0, false
	d.Votes = slices.DeleteFunc(slices.Clone(d.Votes), func(v Vote) bool { return !v.Deny })
}
