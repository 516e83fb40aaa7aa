package csss

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
)

// Helper is a third party whom a side would let into a session.
type Helper struct {
	Firm   string    `json:"firm"`   // known to the exchange, of another group than the own
	Person string    `json:"person"` // of that firm: who may look
	Role   string    `json:"role"`   // what for, e.g. "inspector"; 1 to 128 bytes
	Until  time.Time `json:"until"`  // lapses then, admitted or not
}

const facilitatorPrefix = "facilitator/"

func isFacilitator(stream string) bool { return strings.HasPrefix(stream, facilitatorPrefix) }

// helping is an invitation as the state keeps it.
type helping struct {
	disclosure.Facilitator
	session disclosure.SessionID
	number  int
	handle  disclosure.Handle // the facilitator's own
}

// helpingOf makes an entry for a stream, nil where the name is none of ours.
func helpingOf(stream string) *helping {
	id, number, ok := cutLast(strings.TrimPrefix(stream, facilitatorPrefix))
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return nil
	}
	h := sha256.Sum256([]byte("csss/facilitator/handle/" + stream))
	return &helping{session: disclosure.SessionID(id), number: n, handle: disclosure.Handle("f-" + hex.EncodeToString(h[:10]))}
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// applyFacilitator folds one entry of an invitation's stream.
func (st *state) applyFacilitator(e ledger.Entry) error {
	ev, err := disclosure.DecodeEvent(disclosure.Record{Stream: e.Stream, Type: e.Type, Data: e.Payload, Expect: e.StreamVersion})
	if err != nil {
		return err
	}
	h := st.helpers[e.Stream]
	if h == nil {
		if h = helpingOf(e.Stream); h == nil {
			return fmt.Errorf("csss: entry %d is in no invitation's stream", e.Index)
		}
		st.helpers[e.Stream] = h
	}
	h.Facilitator = disclosure.EvolveFacilitator(h.Facilitator, ev)
	return nil
}

// facilitation asks a side's rules about a third party: no rule speaks of one,
// so the firm must still allow what the session is at, and a vote is asked for
// besides, whatever the rules do without one.
func (st *state) facilitation(r disclosure.AuthRequest) (disclosure.Verdict, error) {
	cast := r.Cast
	r.Action, r.Cast, r.Votes = disclosure.ActReveal, nil, standingVotes(&r.Session, r.Side, r.Now)
	if !r.Session.RevealedAt.IsZero() {
		r.Action = disclosure.ActEngage
	}
	v, err := st.verdict(&r)
	if err == nil && cast != nil && !st.employs(r.Session.Proposal.Parties[r.Side].Firm, cast.Actor) {
		err = disclosure.ErrPolicy
	}
	v.Satisfied, v.Auto, v.Due = v.Allowed, false, nil
	return v, err
}

func standingVotes(s *disclosure.State, side disclosure.Side, now time.Time) []disclosure.Vote {
	return slices.DeleteFunc(slices.Clone(s.Sides[side].Votes), func(v disclosure.Vote) bool { return !now.Before(v.Expires) })
}

// admittable decides once more, at the log, whether both firms allow a third
// party.
func (st *state) admittable(s *disclosure.State, now time.Time) bool {
	for side := range disclosure.Side(2) {
		v, err := st.facilitation(disclosure.AuthRequest{Session: *s, Side: side, Action: disclosure.ActFacilitate, Now: now})
		if err != nil || !v.Allowed {
			return false
		}
	}
	return true
}

// InviteFacilitator asks all four of a session to let a third party in: a
// broker, a college, an inspector. It returns the number by which both sides
// name the invitation. The own side sees it at once, the other from the next
// publication slot on; who invited is not told, and the third party learns
// nothing before the last of the four consents.
//
// A firm of the other side's own group is taken like any other and never let
// in, since a refusal would tell that the guess was right.
//
// Errors: ErrNotFound, ErrNotYours, *InputError, ErrKeyReused, *disclosure.PhaseError once the
// session has ended, disclosure.ErrBudget after eight of a side, and the ledger's.
func (x *Exchange) InviteFacilitator(ctx context.Context, by By, h disclosure.Handle, who Helper) (number int, err error) {
	by = by.withDefaults()
	x.mu.RLock()
	ref, ss, at, err := x.st.side(by, h)
	if err != nil {
		x.mu.RUnlock()
		return 0, err
	}
	party := ss.state.Proposal.Parties[ref.side]
	f, known := x.st.firms[who.Firm], x.st.employs(who.Firm, who.Person)
	x.mu.RUnlock()
	switch {
	case party.Actor != by.Person:
		return 0, ErrNotYours
	case f == nil || !known:
		return 0, &InputError{Field: "helper", Limit: "must be a firm of the exchange and one of its people"}
	}
	number, err = x.engine.Invite(ctx, disclosure.Invitation{ID: "invite/" + by.key(), Session: ref.session, Side: ref.side, Actor: by.Person,
		Firm: who.Firm, Group: f.firm.Group, Person: who.Person, Role: who.Role, Until: who.Until, At: at})
	if field := (*disclosure.FieldError)(nil); errors.As(err, &field) {
		return 0, &InputError{Field: "helper." + field.Field, Limit: "must be " + field.Want}
	}
	if errors.Is(err, disclosure.ErrStale) {
		return 0, ErrKeyReused
	}
	return number, x.sessionError(err)
}

// AdmitFacilitator is a party's sealed yes to a third party.
//
// Errors: ErrNotFound, ErrNotYours, ErrKeyReused, those of
// disclosure.Engine.Facilitate, and the ledger's.
func (x *Exchange) AdmitFacilitator(ctx context.Context, by By, h disclosure.Handle, number int) (Receipt, error) {
	return x.facilitate(ctx, by, h, number, disclosure.Command{Kind: disclosure.Admit})
}

// ApproveFacilitator is an employer's sealed yes, by a person who has a say in
// its approvals. It is needed though the rules ask for no vote on the session.
//
// Errors: as [Exchange.AdmitFacilitator], and *DeniedError when the firm's own
// rules stop the session.
func (x *Exchange) ApproveFacilitator(ctx context.Context, by By, h disclosure.Handle, number int) (Receipt, error) {
	if err := x.hasSay(by, h); err != nil {
		return Receipt{}, err
	}
	return x.facilitate(ctx, by, h, number, disclosure.Command{Kind: disclosure.AdmitVote})
}

// RefuseFacilitator takes a consent back, or denies it: the party's own, or the
// employer's. To everybody else it is silence.
//
// Errors: as [Exchange.AdmitFacilitator].
func (x *Exchange) RefuseFacilitator(ctx context.Context, by By, h disclosure.Handle, number int) (Receipt, error) {
	kind := disclosure.AdmitRefuse
	if !x.isParty(by, h) {
		kind = disclosure.AdmitDeny
		if err := x.hasSay(by, h); err != nil {
			return Receipt{}, err
		}
	}
	return x.facilitate(ctx, by, h, number, disclosure.Command{Kind: kind})
}

// DismissFacilitator sends an admitted third party away, at once: either party
// may, and either employer.
//
// Errors: as [Exchange.AdmitFacilitator].
func (x *Exchange) DismissFacilitator(ctx context.Context, by By, h disclosure.Handle, number int) (Receipt, error) {
	if !x.isParty(by, h) {
		if err := x.hasSay(by, h); err != nil {
			return Receipt{}, err
		}
	}
	return x.facilitate(ctx, by, h, number, disclosure.Command{Kind: disclosure.Dismiss})
}

// Facilitators says what a side may know of the third parties of a session.
//
// Errors: ErrNotFound, and the ledger's.
func (x *Exchange) Facilitators(ctx context.Context, by By, h disclosure.Handle) ([]disclosure.FacilitatorStatus, error) {
	by = by.withDefaults()
	ref, at, err := x.side(by, h)
	if err != nil {
		return nil, err
	}
	out, err := x.engine.FacilitatorStatus(looking(ctx), ref.session, ref.side, at)
	return out, x.sessionError(err)
}

func (x *Exchange) isParty(by By, h disclosure.Handle) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ref := x.st.handles[h]
	ss := x.st.sessions[ref.session]
	return ss != nil && ss.state.Proposal.Parties[ref.side].Actor == by.Person
}

// facilitate runs one command of a side about a third party.
func (x *Exchange) facilitate(ctx context.Context, by By, h disclosure.Handle, number int, c disclosure.Command) (Receipt, error) {
	by = by.withDefaults()
	ref, at, err := x.side(by, h)
	if err != nil {
		return Receipt{}, err
	}
	c.ID, c.Session, c.Side, c.Firm, c.Actor, c.At, c.Said = by.ID, ref.session, ref.side, by.Firm, by.Person, at, by.At
	x.mu.RLock()
	c.Roles = x.st.roles(by.Firm, by.Person)
	again := false
	if f := x.st.helpers[disclosure.FacilitatorStream(ref.session, number)]; f != nil {
		_, again = f.Actors.Receipt(by.Person, by.ID)
		c.Bind.Invitation = f.Invitation.Digest()
	}
	x.mu.RUnlock()
	_, err = x.engine.Facilitate(ctx, number, c)
	switch {
	case again && errors.Is(err, disclosure.ErrStale):
		return Receipt{}, ErrKeyReused
	case err != nil:
		return Receipt{}, x.sessionError(err)
	}
	return Receipt{Command: by.ID, At: by.At, Duplicate: again}, nil
}

// Helping returns the handles of the sessions that a facilitator is in at
// present, sorted.
func (x *Exchange) Helping(by By) []disclosure.Handle {
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := []disclosure.Handle{}
	for _, f := range x.st.helpers {
		if f.isFor(by) && f.Phase == disclosure.FacilitatorAdmitted {
			out = append(out, f.handle)
		}
	}
	slices.Sort(out)
	return out
}

func (f *helping) isFor(by By) bool {
	return f.Invitation.Person == by.Person && f.Invitation.Firm == by.Firm
}

// helper resolves a facilitator's handle.
func (x *Exchange) helper(by By, h disclosure.Handle) (session disclosure.SessionID, number int, at time.Time, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	at, err = x.st.stamp(by.At)
	if err != nil {
		return "", 0, at, err
	}
	for _, f := range x.st.helpers {
		if f.handle == h && f.isFor(by) && x.st.employs(by.Firm, by.Person) {
			return f.session, f.number, at, nil
		}
	}
	return "", 0, at, ErrNotFound
}

// Assistance is what a facilitator sees: the present stage, of both sides.
type Assistance struct {
	Stage    disclosure.Stage       `json:"stage"`
	Role     string                 `json:"role"`
	Until    time.Time              `json:"until"`
	Summary  [2][]string            `json:"summary"`        // of the offer, and of the need; as the other side is shown it
	Identity [2]disclosure.Identity `json:"identity"`       // of the offer's side and of the need's; empty before StageIdentity
	Deal     *Deal                  `json:"deal,omitempty"` // nil before StageIdentity; without what one side alone may see
}

// Assist shows an admitted facilitator the stage that the session has reached,
// and nothing of how it came there. The look is logged before anything is
// returned.
//
// Errors: ErrNotFound, also before the admission; ErrErased;
// *disclosure.PhaseError once it was dismissed or the session has ended; and
// the ledger's.
func (x *Exchange) Assist(ctx context.Context, by By, h disclosure.Handle) (Assistance, error) {
	by = by.withDefaults()
	session, number, at, err := x.helper(by, h)
	if err != nil {
		return Assistance{}, err
	}
	v, err := x.engine.Look(ctx, number, disclosure.Command{ID: by.ID, Session: session, Firm: by.Firm, Actor: by.Person, At: at, Said: by.At})
	if err != nil {
		return Assistance{}, x.sessionError(err)
	}
	x.mu.RLock()
	ss := x.st.sessions[session]
	if ss == nil {
		x.mu.RUnlock()
		return Assistance{}, ErrErased // meanwhile
	}
	out := Assistance{Stage: v.Stage, Role: v.Role, Until: v.Until}
	for side := range disclosure.Side(2) {
		out.Summary[side] = slices.Clone(ss.deal.Shown[side.Other()].Labels)
	}
	if v.Stage < disclosure.StageIdentity {
		x.mu.RUnlock()
		return out, nil
	}
	out.Deal, err = x.st.dealFor(ss, disclosure.Demand)
	x.mu.RUnlock()
	for side := range disclosure.Side(2) {
		o, failed := x.who(ctx, session, side, v.Stage)
		if err = cmp.Or(err, failed); err != nil {
			return Assistance{}, err
		}
		o.identity.Proof = "" // it is made out to the other side
		out.Identity[side] = disclosure.NewIdentity(o.identity)
	}
	return out, nil
}
