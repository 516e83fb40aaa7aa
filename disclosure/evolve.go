package disclosure

import (
	"maps"
	"slices"
	"time"
)

// Evolve folds one event into a state. It is pure and total: the argument is
// not changed, and an event that means nothing in this state leaves it equal.
// It does not ask whether the event was allowed; [Decide] did.
func Evolve(s State, e Event) State {
	if e.Erased {
		s.Erased = true
		return s
	}
	if e.Type == SessionProposed {
		return proposed(s, e)
	}
	if s.Phase == 0 || e.Side > Demand {
		return s
	}
	s = recorded(s, e)
	own := &s.Sides[e.Side]
	switch e.Type {
	case SummaryAttached:
		s.Summaries[e.Side] = e.Bind.Summary
	case SummariesPublished:
		s.Phase = Summarised
	case ChoiceSealed:
		s.choose(own, e)
	case AuthorizationSealed:
		own.authorize(e)
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
	case SessionStaled:
		s.Phase, s.ReviveAt = Stale, time.Time{}
	case SessionRevived:
		s.revive(e)
	case SessionClosed, EngagementTerminated:
		s.Phase, s.EndedAt = Closed, e.At
		if e.Kind != "" {
			own.Leaving, own.Reason = e.Cause, e.Reason
		}
	}
	return s
}

func proposed(s State, e Event) State {
	if s.Phase != 0 || e.Proposal == nil {
		return s
	}
	p := *e.Proposal
	s.Proposal, s.Phase, s.Summaries = p, Proposed, p.Summaries
	s.HardExpiry = p.At.Add(p.HardExpiry)
	s.Deadline = earlier(p.At.Add(p.Deadline), s.HardExpiry)
	return s
}

// recorded keeps what makes a command idempotent: the actor's sequence, the
// receipt, and the digest of the command that earned it.
func recorded(s State, e Event) State {
	if e.Command == "" {
		return s
	}
	data, err := e.Encode()
	if err != nil {
		return s
	}
	a := s.Actors[e.Actor]
	a.Seq = max(a.Seq, e.Seq)
	a.Receipts, a.Digests = cloned(a.Receipts), cloned(a.Digests)
	a.Receipts[e.Command] = Receipt{Index: e.Seq, Event: DigestOf(data)}
	a.Digests[e.Command] = e.Digest
	s.Actors = cloned(s.Actors)
	s.Actors[e.Actor] = a
	return s
}

func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return make(map[K]V)
	}
	return maps.Clone(m)
}

func (s *State) choose(own *SideState, e Event) {
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
func (s *SideState) authorize(e Event) {
	s.Policy, s.Version = e.Policy, e.Version
	if e.Auto {
		s.Auto = true
		return
	}
	v := Vote{Actor: e.Actor, Roles: e.Roles, Under: e.Under, Requirement: e.Requirement, Deny: e.Kind == Deny,
		Policy: e.Bind.Policy, At: e.At, Expires: e.Until}
	s.Votes = slices.DeleteFunc(slices.Clone(s.Votes), func(w Vote) bool {
		loose := e.Kind != Authorize && (v.Requirement == "" || w.Requirement == "")
		return w.Actor == v.Actor && (w.Requirement == v.Requirement || loose)
	})
	s.Blocked = e.Kind != Authorize
	if e.Kind != RevokeAuth {
		s.Votes = append(s.Votes, v)
	}
}

func (s *State) revive(e Event) {
	s.Phase = Proposed
	if !s.Summaries[Supply].IsZero() && !s.Summaries[Demand].IsZero() {
		s.Phase = Summarised
	}
	s.Revivals++
	s.ReviveAt = time.Time{}
	s.Deadline = earlier(e.At.Add(s.Proposal.Deadline), s.HardExpiry)
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
