package disclosure

import (
	"slices"
	"time"
)

func (b *Bundle) check() error {
	switch {
	case b.ID == "" || len(b.ID) > maxID:
		return &FieldError{Field: "bundle.id", Want: "1 to 128 bytes"}
	case b.Revision < 1:
		return &FieldError{Field: "bundle.revision", Want: "1 or more"}
	case len(b.Legs) < 2 || len(b.Legs) > maxLegs || len(slices.Compact(slices.Clone(b.Legs))) != len(b.Legs):
		return &FieldError{Field: "bundle.legs", Want: "2 to 16 different sessions"}
	}
	return nil
}

// open returns the events that open the bundle's new legs, and move those kept
// to this revision; done where the log already holds it.
func (b *Bundle) open(g *group, kept []SessionID, proposals []Proposal, now time.Time) (events [][]Event, done bool, err error) {
	if b.opened(g, proposals) {
		return nil, true, nil
	}
	next := *b
	next.Deadline, next.HardExpiry = time.Time{}, time.Time{}
	fresh, err := b.fresh(proposals)
	if err != nil {
		return nil, false, err
	}
	if err := next.dates(g, kept, fresh, now); err != nil {
		return nil, false, err
	}
	events = make([][]Event, len(g.all))
	for i, sess := range g.all {
		switch {
		case !slices.Contains(b.Legs, sess.id):
			events[i], err = leaveOut(sess.state, now)
		case slices.Contains(kept, sess.id):
			events[i], err = Revise(sess.state, next, now)
		case sess.version > 0:
			err = ErrConflict
		default:
			p := *fresh[sess.id][0].Proposal
			p.Bundle = &next
			events[i], err = Open(p)
		}
		if err != nil {
			return nil, false, err
		}
	}
	return events, false, nil
}

// opened reports whether the legs stand in this revision, by these proposals.
func (b *Bundle) opened(g *group, proposals []Proposal) bool {
	for _, sess := range g.all {
		s := &sess.state
		if slices.Contains(b.Legs, sess.id) && (s.Bundle == nil || s.Bundle.Digest() != b.Digest()) {
			return false
		}
		for _, p := range proposals {
			if p.Session == sess.id && p.ID != s.Proposal.ID {
				return false
			}
		}
	}
	return true
}

// fresh opens the proposals each by itself, which checks them.
func (b *Bundle) fresh(proposals []Proposal) (map[SessionID][]Event, error) {
	out := map[SessionID][]Event{}
	for _, p := range proposals {
		p.Bundle = nil
		events, err := Open(p)
		if err != nil {
			return nil, err
		}
		out[p.Session] = events
	}
	return out, nil
}

// dates finds the deadlines of the legs, which must be alike in all that the
// instants of their common steps depend on.
func (b *Bundle) dates(g *group, kept []SessionID, fresh map[SessionID][]Event, now time.Time) error {
	var first *State
	for _, sess := range g.all {
		s := sess.state
		old := slices.Contains(kept, sess.id)
		if events := fresh[sess.id]; events != nil {
			s = fold(State{}, events)
		} else if !old {
			continue
		}
		if first == nil {
			first = &s
		}
		p, q := &s.Proposal, &first.Proposal
		if p.Parties[Demand] != q.Parties[Demand] || p.Slot != q.Slot || p.Hold != q.Hold {
			return &FieldError{Field: "proposals", Want: "of one demand party, with the same slot and hold"}
		}
		if s = fold(s, Due(s, now)); s.Phase != Stale {
			b.Deadline = sooner(b.Deadline, s.Deadline)
		}
		if !old && len(kept) > 0 {
			continue // what goes on keeps its end
		}
		b.HardExpiry = sooner(b.HardExpiry, s.HardExpiry)
	}
	if b.Deadline.IsZero() || b.Deadline.After(b.HardExpiry) {
		b.Deadline = b.HardExpiry
	}
	if (b.Revision > 1) != (len(kept) > 0) {
		return ErrStale
	}
	return nil
}

// leaveOut refuses to replace a leg that is not over for all to see, and puts on
// the log what is due in it.
func leaveOut(s State, now time.Time) ([]Event, error) {
	events := Due(s, now)
	s = fold(s, events)
	if s.Phase == Closed || s.Phase == Stale {
		return events, nil
	}
	return nil, &PhaseError{Phase: s.Phase, Kind: Settle, Reason: "a leg is replaced once it is closed or stale"}
}
