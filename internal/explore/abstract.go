package explore

import (
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// abstract is what a state means at an instant: instants that lie behind or
// ahead alike are alike.
type abstract struct {
	phase                                      disclosure.Phase
	now                                        time.Time
	closing, reviving, late, revealed, engaged bool
	over                                       bool // the grace window
	sides                                      [2]abstractSide
}

type abstractSide struct {
	choice                                            disclosure.Choice
	leaving                                           string
	valid, yes, no, blocked, auto, asks, terms, rated bool
	started, done, disputed                           bool
}

func abstractOf(s *disclosure.State, now time.Time) abstract {
	a := abstract{phase: s.Phase, now: now, closing: !s.CloseAt.IsZero(), reviving: !s.ReviveAt.IsZero(),
		late: !now.Before(s.Deadline), revealed: !s.RevealedAt.IsZero(), engaged: !s.EngagedAt.IsZero(),
		over: s.Phase.Final() && !now.Before(s.EndedAt.Add(s.Proposal.Grace))}
	for i := range s.Sides {
		x := &s.Sides[i]
		b := abstractSide{choice: x.Choice, leaving: x.Leaving, valid: now.Before(x.Expires), blocked: x.Blocked, auto: x.Auto,
			asks: x.Reviving, terms: x.Terms, rated: x.Rating.Stars > 0, started: x.Started, done: x.Hours > 0, disputed: x.Disputed}
		for _, v := range x.Votes {
			b.yes = b.yes || !v.Deny && now.Before(v.Expires)
			b.no = b.no || v.Deny && now.Before(v.Expires)
		}
		a.sides[i] = b
	}
	return a
}

// forgetful drops what only counts: receipts, sequence numbers, flips.
func forgetful(s disclosure.State) disclosure.State {
	s.Actors, s.Revivals = disclosure.Actors{}, 0
	for i := range s.Sides {
		s.Sides[i].Flips = 0
	}
	return s
}
