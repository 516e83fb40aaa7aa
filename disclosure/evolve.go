package disclosure

import (
	"slices"
	"time"
)

// Evolve folds one event into a state. It is pure and total: the argument is
// not changed, and an event that means nothing in this state leaves it equal.
// It does not ask whether the event was allowed; [Decide] did.
//
// The receipts of a state are those of events read back with [DecodeEvent],
// which knows the payload that they name; an event that has not been on a log
// earns a receipt without its digest.
func Evolve(s State, e Event) State {
	s.evolve(&e)
	return s
}

func (s *State) evolve(e *Event) {
	if e.Command == "" {
		s.apply(e, nil)
		return
	}
	s.earn(e, s.Actors.Seq(e.Actor))
}

// earn folds an event and the receipt that its command earns. The receipt, and
// a first vote, are one piece of memory. The actor's sequence number was last.
func (s *State) earn(e *Event, last uint64) {
	if e.Type == AuthorizationSealed {
		x := new(struct {
			accepted
			vote [1]Vote
		})
		if s.apply(e, x.vote[:0]) {
			s.Actors = s.Actors.put(&x.accepted, e, last)
		}
		return
	}
	if s.apply(e, nil) {
		s.Actors = s.Actors.put(new(accepted), e, last)
	}
}

// apply folds what an event means, without its receipt, and reports whether
// it means anything here. The votes of a side are written to room, if they fit.
func (s *State) apply(e *Event, room []Vote) bool {
	if e.Erased {
		s.Erased = true
		return false
	}
	if e.Type == SessionProposed {
		s.propose(e)
		return false
	}
	if s.Phase == 0 || e.Side > Demand {
		return false
	}
	own := &s.Sides[e.Side]
	switch e.Type {
	case SummaryAttached:
		s.Summaries[e.Side] = e.Bind.Summary
	case SummariesPublished:
		s.Phase = Summarised
	case ChoiceSealed:
		s.choose(own, e)
	case AuthorizationSealed:
		own.authorize(e, room)
	case IdentitiesRevealed:
		s.Phase, s.RevealedAt, s.HoldUntil = Revealed, e.At, e.Until
		s.Policies, s.Versions = e.Policies, e.Versions
	case TermsAccepted:
		own.Terms = true
	case EngagementAgreed:
		s.Phase, s.EngagedAt = Engaged, e.At
		s.Sides[Supply].Terms, s.Sides[Demand].Terms = true, true
	case EngagementStarted:
		if s.Phase == Engaged {
			s.Phase, s.StartedAt = Started, e.At
		}
		own.Started = true
	case EngagementMarked:
		own.Hours = e.Hours
	case EngagementCompleted:
		s.Phase, s.EndedAt, s.Hours = Completed, e.At, e.Hours
	case EngagementDisputed:
		own.Disputed, own.Reason = true, e.Reason
	case OutcomeRated:
		own.Rating = e.Rating
	case BundleRevised:
		s.rebundle(e.Bundle)
	case SessionStaled:
		s.Phase, s.ReviveAt = Stale, time.Time{}
	case SessionRevived:
		s.revive(e.At)
	case SessionClosed, EngagementTerminated:
		s.Phase, s.EndedAt = Closed, e.At
		if e.Kind != "" {
			own.Leaving, own.Reason = e.Cause, e.Reason
		}
	}
	return true
}

func (s *State) propose(e *Event) {
	p := e.Proposal
	if s.Phase != 0 || p == nil {
		return
	}
	s.Proposal, s.Phase, s.Summaries, s.Machine = *p, Proposed, p.Summaries, e.Machine
	s.HardExpiry = p.At.Add(p.HardExpiry)
	s.Deadline = earlier(p.At.Add(p.Deadline), s.HardExpiry)
	if s.Bundle = p.Bundle; s.Bundle != nil {
		s.Deadline, s.HardExpiry = s.Bundle.Deadline, s.Bundle.HardExpiry
	}
}

func (s *State) choose(own *SideState, e *Event) {
	switch e.Kind {
	case OptIn:
		own.Choice, own.Expires = ChoiceIn, e.Until
		own.Flips++
	case OptOut:
		own.Choice, own.Expires = ChoiceOut, time.Time{}
		own.Flips++
	case Withdraw, Abort:
		own.Choice, own.Expires = ChoiceOut, time.Time{}
		own.Leaving, own.Reason = e.Cause, e.Reason
		s.CloseAt = sooner(s.CloseAt, e.Until)
	case Revive:
		own.Reviving = true
		s.ReviveAt = sooner(s.ReviveAt, e.Until)
	}
}

// authorize replaces the actor's vote. A denial or a revocation that names no
// requirement takes back every vote of the actor, one that names a requirement
// also a vote that was given for any. It blocks the side until somebody
// authorises anew.
func (s *SideState) authorize(e *Event, room []Vote) {
	s.Policy, s.Version = e.Policy, e.Version
	if e.Auto {
		s.Auto = true
		return
	}
	v := Vote{Actor: e.Actor, Roles: e.Roles, Under: e.Under, Requirement: e.Requirement, Deny: e.Kind == Deny,
		Policy: e.Bind.Policy, At: e.At, Expires: e.Until}
	votes := slices.Grow(room, len(s.Votes)+1) // other states share the old ones
	for _, w := range s.Votes {
		loose := e.Kind != Authorize && (v.Requirement == "" || w.Requirement == "")
		if w.Actor != v.Actor || w.Requirement != v.Requirement && !loose {
			votes = append(votes, w)
		}
	}
	s.Votes = votes
	s.Blocked = e.Kind != Authorize
	if e.Kind != RevokeAuth {
		s.Votes = append(s.Votes, v)
	}
}

func (s *State) revive(at time.Time) {
	s.Phase = Proposed
	if !s.Summaries[Supply].IsZero() && !s.Summaries[Demand].IsZero() {
		s.Phase = Summarised
	}
	s.Revivals++
	s.ReviveAt = time.Time{}
	s.Deadline = earlier(at.Add(s.Proposal.Deadline), s.HardExpiry)
	for i := range s.Sides {
		s.Sides[i].Reviving, s.Sides[i].Auto = false, false
	}
}

// sooner returns the earlier of two instants, of which zero means never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
