package csss

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// This file ends the sessions that a side's own rules or facts no longer carry.
// Before the reveal the side reads why and the other one that the session was
// closed, at a publication slot; after it both read the close at once.

// Why a side of a session is suspended.
const (
	ByPolicy     = "policy"     // its rules no longer allow it
	ByCredential = "credential" // a credential that was asked for is no longer in force
	ByPerson     = "person"     // who was offered, published or asked has left the firm
	ByOffer      = "offer"      // its offer was withdrawn or revised
	ByNeed       = "need"       // its need was withdrawn
	ByFacts      = "facts"      // something else that it rests on does not hold any more
)

// Suspension is why a side's session cannot go on, or its engagement could not
// be entered any more. It is for that side alone; the zero Suspension is none.
type Suspension struct {
	By      string            `json:"by,omitempty"`      // ByPolicy, ByCredential, …
	Rules   disclosure.Digest `json:"rules,omitzero"`    // of the own firm, in force when it was decided
	Version int               `json:"version,omitempty"` // of those rules
	Reasons []policy.Reason   `json:"reasons,omitempty"` // ByPolicy: without those that tell of the other side
}

// String says it in a line, such as "suspended: policy v8"; "" for none.
func (s Suspension) String() string {
	if s.By == "" {
		return ""
	}
	return "suspended: " + s.cause()
}

func (s Suspension) cause() string {
	if s.By == ByPolicy {
		return fmt.Sprintf("%s v%d", s.By, s.Version)
	}
	return s.By
}

// fallen names what a side brought into a session and does not stand any more:
// its party works there, its offer or need is live, the offer is the one that
// was consented to, and it passes every gate but capacity, which the reserver
// settles; "" if all stands. An offer that its owner revised is another offer,
// whatever it says now: both consents were given for the old one, and its owner
// could learn what still fits.
func (st *state) fallen(f *fit, side disclosure.Side, parties [2]disclosure.Party, edits int, now time.Time) string {
	if p := parties[side]; p.Actor != "" && !st.employs(p.Firm, p.Actor) {
		return ByPerson
	}
	if side == disclosure.Demand {
		if !st.needs[f.need.ID].live {
			return ByNeed
		}
		return ""
	}
	if o := st.offers[f.off.ID]; !o.live || o.edits != edits {
		return ByOffer
	}
	for _, g := range match.CheckGates(f.need, f.off, &match.GateEnv{Now: now, Median: st.median}) {
		switch {
		case g.Passed || g.Gate == "quantity" || g.Gate == "window":
		case g.Gate == "credential":
			return ByCredential
		default:
			return ByFacts
		}
	}
	return ""
}

// suspension decides whether a side of a session that is not engaged yet still
// stands by its own facts and rules; if changed, by rules only that are others
// than it came here under. An erased session has none: nothing can come of it.
func (st *state) suspension(ss *sessionState, side disclosure.Side, at time.Time, changed bool) Suspension {
	f, ok := st.sessionFit(&ss.state)
	if !ok || ss.state.Erased {
		return Suspension{}
	}
	firm := ss.state.Proposal.Parties[side].Firm
	own := Suspension{Rules: st.inForce(firm), Version: st.rules.Version(firm)}
	if own.By = st.fallen(f, side, ss.state.Proposal.Parties, ss.deal.Edits, at); own.By != "" || changed && own.Rules == ss.judgedBy(side) {
		return own
	}
	q, ok := st.nextStep(ss.state.ID(), side, at)
	if !ok {
		return Suspension{}
	}
	d := st.decideSince(q.req, q.opened)
	if d.Outcome != policy.Deny {
		return Suspension{}
	}
	own.By, own.Reasons = ByPolicy, d.Untainted().Reasons
	return own
}

// suspended is one side that has to leave its session.
type suspended struct {
	session disclosure.SessionID
	side    disclosure.Side
	why     Suspension
}

// suspensions lists the sides whose facts have fallen, or whose rules have
// changed and refuse. Rules that refuse though they are the same, because a
// quota is used up for now, end nothing by themselves: the session stays
// suspended until a step needs them, or its deadline.
func (st *state) suspensions(at time.Time) (out []suspended) {
	for _, id := range st.openSessions() {
		ss := st.sessions[id]
		if ss.state.Phase == 0 || !ss.state.EngagedAt.IsZero() {
			continue
		}
		for _, side := range []disclosure.Side{disclosure.Supply, disclosure.Demand} {
			if ss.state.Sides[side].Leaving != "" {
				continue
			}
			if why := st.suspension(ss, side, at, true); why.By != "" {
				out = append(out, suspended{id, side, why})
			}
		}
	}
	return out
}

// judgedBy names the rules that a side's session has come to its phase under.
func (ss *sessionState) judgedBy(side disclosure.Side) disclosure.Digest {
	if !ss.state.RevealedAt.IsZero() {
		return ss.state.Policies[side]
	}
	return ss.deal.Rules[side]
}

// suspend makes the sides leave that are suspended now.
func (x *Exchange) suspend(ctx context.Context, now time.Time) error {
	x.mu.RLock()
	list := x.st.suspensions(now) // only looks
	var err error
	if len(list) > 0 {
		err = x.deciding(ctx, func(st *state) error { list = st.suspensions(now); return nil })
	}
	x.mu.RUnlock()
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range list {
		err := x.abort(ctx, s.session, s.side, "suspended/"+s.side.String(), s.why.String(), s.why.Rules, now)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// abort ends a session for one of its sides, under its rules; a session that
// has ended meanwhile, or that the side has left, is as it should be.
func (x *Exchange) abort(ctx context.Context, id disclosure.SessionID, side disclosure.Side, command, reason string,
	rules disclosure.Digest, now time.Time) error {
	_, err := x.engine.Do(ctx, disclosure.Command{ID: command, Session: id, Side: side, Kind: disclosure.Abort, At: now,
		Reason: reason, Bind: disclosure.Binding{Policy: rules}})
	if err == nil || errors.Is(err, disclosure.ErrClosed) || errors.Is(err, disclosure.ErrNotAllowed) {
		return nil
	}
	return x.sessionError(err)
}

// ownSuspension is what the people of a side read of it.
func (st *state) ownSuspension(ref handleRef, s *disclosure.Status, at time.Time) Suspension {
	ss := st.sessions[ref.session]
	switch {
	case ss == nil:
		return Suspension{}
	case s.Own.Suspended:
		return st.suspension(ss, ref.side, at, false)
	case !s.Phase.Final() && !ss.state.EngagedAt.IsZero():
		w := ss.watches[ref.side]
		if w.By == "" {
			return Suspension{}
		}
		w.Reasons = slices.Clone(w.Reasons)
		return w.Suspension
	default:
		return Suspension{}
	}
}
