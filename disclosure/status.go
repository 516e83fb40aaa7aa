package disclosure

import (
	"context"
	"time"
)

// Status is what one side may know of a session. Until the reveal it depends
// on that side's own moves and on the published phase only.
type Status struct {
	Session    SessionID    `json:"session"`
	Side       Side         `json:"side"`
	Handle     Handle       `json:"handle"` // the other side's pseudonym
	Phase      Phase        `json:"phase"`  // as published
	Deadline   time.Time    `json:"deadline"`
	HardExpiry time.Time    `json:"hard_expiry"`
	Bind       Binding      `json:"bind"` // what a consent must be bound to
	Own        OwnStatus    `json:"own"`
	Theirs     *TheirStatus `json:"theirs,omitempty"` // from the reveal on
	Price      int64        `json:"price,omitempty"`  // from the reveal on
	Amount     int64        `json:"amount,omitempty"` // from the reveal on
	HoldUntil  time.Time    `json:"hold_until,omitzero"`
	Readable   time.Time    `json:"readable,omitzero"` // after an end: until when the identity package is
	Hours      int64        `json:"hours,omitempty"`   // agreed at completion, thousandths of an hour
}

// OwnStatus is a side's own moves.
type OwnStatus struct {
	Choice     Choice        `json:"choice,omitempty"`
	Expires    time.Time     `json:"expires,omitzero"` // of the opt-in
	Authorized bool          `json:"authorized"`       // by the own employer, at the present stage
	Waiting    bool          `json:"waiting"`          // both own consents are in place; more is not told
	Suspended  bool          `json:"suspended"`        // the own rules no longer allow it
	Version    int           `json:"version,omitempty"`
	Due        []Requirement `json:"due,omitempty"`     // approvals of the own employer still due
	Leaving    string        `json:"leaving,omitempty"` // class of the own reason to end: withdrawn, revoked, aborted, policy
	Reason     string        `json:"reason,omitempty"`
	Reviving   bool          `json:"reviving,omitempty"`
	Terms      bool          `json:"terms,omitempty"`
	Started    bool          `json:"started,omitempty"`
	Hours      int64         `json:"hours,omitempty"`
	Disputed   bool          `json:"disputed,omitempty"`
	Rating     Rating        `json:"rating,omitzero"`
}

// TheirStatus is what the other side has done since the reveal.
type TheirStatus struct {
	Terms    bool  `json:"terms,omitempty"`
	Started  bool  `json:"started,omitempty"`
	Hours    int64 `json:"hours,omitempty"`
	Disputed bool  `json:"disputed,omitempty"`
}

// StatusOf projects a state to one side at now; v is the verdict of that
// side's own employer at the present stage. It is pure.
func StatusOf(s State, side Side, v Verdict, now time.Time) Status {
	s = fold(s, Due(s, now))
	st := Status{
		Session: s.ID(), Side: side, Handle: HandleOf(s.ID(), side.Other()),
		Phase: s.published(side), Deadline: s.Deadline, HardExpiry: s.HardExpiry,
		Bind: s.Binding(side), Own: ownStatus(s.Sides[side], v, now),
	}
	st.Own.Waiting = st.Phase == Summarised && st.Own.Choice == ChoiceIn && st.Own.Authorized
	if s.RevealedAt.IsZero() {
		return st
	}
	their := s.Sides[side.Other()]
	st.Theirs = &TheirStatus{Terms: their.Terms, Started: their.Started, Hours: their.Hours, Disputed: their.Disputed}
	st.Price, st.Amount, st.Hours = s.Proposal.Price, s.Proposal.Amount, s.Hours
	if s.Phase == Revealed {
		st.HoldUntil = s.HoldUntil
	}
	if s.Phase.Final() {
		st.Readable = s.EndedAt.Add(s.Proposal.Grace)
	}
	return st
}

func ownStatus(x SideState, v Verdict, now time.Time) OwnStatus {
	own := OwnStatus{
		Choice: x.Choice, Expires: x.Expires, Authorized: v.Allowed && v.Satisfied && !x.Blocked,
		Suspended: !v.Allowed, Version: v.Version, Due: v.Due,
		Leaving: x.Leaving, Reason: x.Reason, Reviving: x.Reviving,
		Terms: x.Terms, Started: x.Started, Hours: x.Hours, Disputed: x.Disputed, Rating: x.Rating,
	}
	if own.Choice == ChoiceIn && !now.Before(x.Expires) { // lapsed
		own.Choice, own.Expires = ChoiceNone, time.Time{}
	}
	return own
}

// Status returns what the side may know at now. It appends nothing. It asks
// the authorizer for the side's own verdict. The errors are [ErrNotFound],
// the log's, the authorizer's and ctx's.
func (e *Engine) Status(ctx context.Context, id SessionID, side Side, now time.Time) (Status, error) {
	if side > Demand {
		return Status{}, ErrNotFound
	}
	now = instant(now)
	sess, err := e.enter(ctx, id)
	if err != nil {
		return Status{}, err
	}
	s := sess.state
	sess.leave()
	s = fold(s, Due(s, now))
	verdict := Verdict{Allowed: true, Satisfied: true} // past the stage where a verdict matters
	if action, ok := actionOf(s.published(side)); ok {
		if verdict, err = e.auth.Authorize(ctx, authRequest(&s, side, action, nil, now)); err != nil {
			return Status{}, err
		}
	}
	return StatusOf(s, side, verdict, now), nil
}

// actionOf returns what the employers are asked in a phase.
func actionOf(p Phase) (Action, bool) {
	switch p {
	case Proposed, Summarised, Stale:
		return ActReveal, true
	case Revealed:
		return ActEngage, true
	}
	return "", false
}
