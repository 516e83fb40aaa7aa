package csss

import (
	"context"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
)

// Dispute says that a party does not agree with how a running engagement goes,
// once for a side. The other side reads that there is a dispute, and not why. It
// ends nothing by itself: the firms talk, and the dispute ends when whoever
// raised it says so, by [Exchange.EndDispute], or when both mark the same
// hours. An end of the engagement ends no dispute.
//
// Errors: as [Exchange.OptIn].
func (x *Exchange) Dispute(ctx context.Context, by By, h disclosure.Handle, reason string) (Receipt, error) {
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.Dispute, Reason: reason})
}

// EndDispute ends the dispute that the caller's own side raised. Both sides
// read that it is settled.
//
// Errors: ErrNotFound, also where the side has no open dispute, ErrNotYours for
// anybody of the firm but the party, ErrKeyReused, and the ledger's.
func (x *Exchange) EndDispute(ctx context.Context, by By, h disclosure.Handle) (Receipt, error) {
	ref, _, err := x.side(by, h)
	if err != nil {
		return Receipt{}, err
	}
	return x.command(ctx, by, "end_dispute", h, func(st *state, _ time.Time) ([]event, error) {
		ss := st.sessions[ref.session]
		if ss == nil || ss.state.Phase == 0 {
			return nil, ErrNotFound
		}
		party := ss.state.Proposal.Parties[ref.side]
		switch {
		case party.Actor != "" && party.Actor != by.Person:
			return nil, ErrNotYours
		case !ss.disputed(ref.side):
			return nil, ErrNotFound
		}
		return []event{{stream: "engagement/" + string(ref.session), subjects: []string{party.Firm},
			body: &disputeSettled{Session: ref.session, Side: ref.side}}}, nil
	})
}

// disputeSettled is the end of a dispute, told to both.
type disputeSettled struct {
	Session disclosure.SessionID `json:"session"`
	Side    disclosure.Side      `json:"side"`
}

func (*disputeSettled) kind() string { return "engagement.settled" }

func (ev *disputeSettled) fold(st *state, e ledger.Entry) {
	ss := st.sessions[ev.Session]
	if ss == nil {
		return
	}
	ss.settled[ev.Side] = true
	ss.steps = append(ss.steps, step{index: e.Index, name: ev.kind(), at: e.Claimed, side: ev.Side, both: true})
}

// disputed reports whether a side has a dispute that is open.
func (ss *sessionState) disputed(side disclosure.Side) bool {
	return ss.state.Sides[side].Disputed && !ss.settled[side] && ss.state.Phase != disclosure.Completed
}
