package disclosure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxFacilitators bounds the invitations of one side of a session.
const maxFacilitators = 8

// numberOf is the number of a side's nth invitation, from 0. Each side counts
// its own, or a number would tell how often the other has invited.
func numberOf(side Side, n int) int { return 2*n + int(side) + 1 }

// FacilitatorStream returns the log stream of an invitation.
func FacilitatorStream(id SessionID, number int) string {
	return fmt.Sprint("facilitator/", id, "/", number)
}

// seat is an invitation as read for one command, with its session's turn held.
type seat struct {
	g       *group
	f       Facilitator
	number  int
	version uint64
}

func (s *seat) session(now time.Time) State {
	state := s.g.own().state
	return fold(state, Due(state, now))
}

// enterSeat claims the session and reads the invitation.
func (e *Engine) enterSeat(ctx context.Context, id SessionID, number int) (*seat, error) {
	g, err := e.enterAll(ctx, id)
	if err != nil {
		return nil, err
	}
	s := &seat{g: g, number: number}
	if err := e.refreshSeat(ctx, s); err != nil {
		g.leave()
		return nil, err
	}
	return s, nil
}

func (e *Engine) refreshSeat(ctx context.Context, s *seat) error {
	for r, err := range e.log.Read(ctx, FacilitatorStream(s.g.own().id, s.number), s.version) {
		if err != nil {
			return err
		}
		ev, err := DecodeEvent(r)
		if err != nil {
			return err
		}
		if r.Expect != s.version+1 {
			return fmt.Errorf("disclosure: log skipped a version")
		}
		s.f, s.version = EvolveFacilitator(s.f, ev), r.Expect
	}
	return nil
}

// Invite asks all four of a session to let a third party in, and returns the
// number of the invitation, by which commands name it. The inviting side sees
// it at once, the other from the next publication slot on, and neither is told
// who invited. A session has at most eight. Repeating a call does nothing.
//
// The errors: [*FieldError]; [ErrNotFound], also for a stranger to the session;
// [*PhaseError] once the session has ended; [ErrBudget] after the eighth;
// [ErrConflict]; [ErrUnknownOutcome]; the log's and ctx's.
func (e *Engine) Invite(ctx context.Context, i Invitation) (number int, err error) {
	if i, err = i.normal(); err != nil {
		return 0, err
	}
	if i.Side > Demand {
		return 0, ErrNotFound
	}
	for n := range maxFacilitators {
		s, err := e.enterSeat(ctx, i.Session, numberOf(i.Side, n))
		if err != nil {
			return 0, err
		}
		number, err = e.invite(ctx, s, i)
		s.g.leave()
		if number > 0 || err != nil {
			return number, err
		}
	}
	return 0, ErrBudget
}

// invite takes a number, unless it is taken; 0 without an error if it is.
func (e *Engine) invite(ctx context.Context, s *seat, i Invitation) (int, error) {
	i.Number = s.number
	for range e.retries + 1 {
		switch {
		case s.f.Invitation.ID == i.ID && !s.f.Invitation.asks(&i):
			return 0, ErrStale
		case s.f.Invitation.ID == i.ID:
			return s.number, nil
		case s.version > 0:
			return 0, nil
		}
		state := s.session(i.At)
		if err := i.fits(&state); err != nil {
			return 0, err
		}
		err := e.commitSeat(ctx, s, key("invite", string(i.Session), i.ID), []Event{{Type: FacilitatorNamed, At: i.At, Side: i.Side, Invitation: &i}}, i.At)
		if errors.Is(err, ErrConflict) {
			err = errors.Join(e.refreshAll(ctx, s.g), e.refreshSeat(ctx, s))
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, ErrConflict
}

// asks reports whether two invitations under one id ask for the same.
func (i *Invitation) asks(other *Invitation) bool {
	return i.Side == other.Side && i.Actor == other.Actor && i.Firm == other.Firm && i.Group == other.Group &&
		i.Person == other.Person && i.Role == other.Role && i.Until.Equal(other.Until)
}

func (i Invitation) normal() (Invitation, error) {
	i.At, i.Until, i.Number = instant(i.At), instant(i.Until), 0
	if i.Group == "" {
		i.Group = i.Firm
	}
	for _, t := range [...]string{i.ID, i.Actor, i.Firm, i.Group, i.Person, i.Role} {
		if t == "" || len(t) > maxID {
			return i, &FieldError{Field: "invitation", Want: "texts of 1 to 128 bytes"}
		}
	}
	if i.At.IsZero() || !i.Until.After(i.At) {
		return i, &FieldError{Field: "until", Want: "after now"}
	}
	return i, nil
}

// fits reports whether the inviter speaks for the side, and whom it may invite.
func (i *Invitation) fits(s *State) error {
	if i.Side > Demand {
		return ErrNotFound
	}
	if p := &s.Proposal.Parties[i.Side]; p.Actor != "" && p.Actor != i.Actor {
		return ErrNotFound
	}
	if p := s.published(i.Side); p.Final() {
		return &PhaseError{Phase: p, Kind: Admit, Reason: "the session has ended"}
	}
	if p := &s.Proposal.Parties[i.Side]; p.Group == i.Group || p.Firm == i.Firm {
		return &FieldError{Field: "firm", Want: "of another group than the party's"}
	}
	return nil
}

// Facilitate decides and appends one command about an invitation; see
// [FacilitatorKinds]. Like [Engine.Do] it answers once the step is durable, and
// a repetition repeats its receipt. A [Look] that returns a receipt is logged,
// and the host may then show the facilitator what the present stage shows, and
// nothing of how the session came there. An admission, a look and an end are
// written into the session's stream in the same batch, so that none follows
// from a session that has moved on meanwhile.
//
// The errors are those of [DecideFacilitator], and of [Engine.Do].
func (e *Engine) Facilitate(ctx context.Context, number int, c Command) (Receipt, error) {
	if err := c.checkFacilitator(); err != nil {
		return Receipt{}, err
	}
	c.At, c.Said, c.Bind.Expires = instant(c.At), instant(c.Said), instant(c.Bind.Expires)
	if facilitatorGivers[c.Kind] == BySystem {
		c.Actor = ""
	}
	s, err := e.enterSeat(ctx, c.Session, number)
	if err != nil {
		return Receipt{}, err
	}
	defer s.g.leave()
	for range e.retries + 1 {
		events, err := e.decideSeat(ctx, s, c)
		if err != nil {
			return Receipt{}, err
		}
		if len(events) > 0 {
			err = e.commitSeat(ctx, s, key("facilitate", string(c.Session), fmt.Sprint(number), c.Actor, c.ID), events, c.At)
		}
		if err == nil {
			r, _ := s.f.Actors.Receipt(c.Actor, c.ID)
			return r, nil
		}
		if !errors.Is(err, ErrConflict) {
			return Receipt{}, err
		}
		if err = errors.Join(e.refreshAll(ctx, s.g), e.refreshSeat(ctx, s)); err != nil {
			return Receipt{}, err
		}
	}
	return Receipt{}, ErrConflict
}

func (c Command) checkFacilitator() error {
	by, known := facilitatorGivers[c.Kind]
	if !known {
		return &FieldError{Field: "kind", Want: "a command about a facilitator"}
	}
	if by != BySystem && c.Actor == "" {
		return &FieldError{Field: "actor", Want: "1 to 128 bytes of UTF-8"}
	}
	return c.check()
}

func (e *Engine) decideSeat(ctx context.Context, s *seat, c Command) ([]Event, error) {
	env := FacilitatorEnv{Now: c.At, Session: s.session(c.At)}
	switch c.Kind {
	case Admit, AdmitVote, TryAdmit:
		for _, side := range []Side{Supply, Demand} {
			v, err := e.auth.Authorize(ctx, s.f.request(env.Session, side, c))
			if err != nil && (side == c.Side || c.Kind == TryAdmit) {
				return nil, err
			}
			if err != nil { // not this side's business
				v = Verdict{Allowed: true}
			}
			env.Verdicts[side] = v
		}
	}
	return DecideFacilitator(s.f, c, env)
}

// request asks a side's employer about the admission.
func (f *Facilitator) request(s State, side Side, c Command) AuthRequest {
	r := AuthRequest{Session: s, Side: side, Action: ActFacilitate, Votes: standing(f.Sides[side].Votes, c.At), Now: c.At, Invitation: &f.Invitation}
	if c.Kind == AdmitVote && side == c.Side {
		r.Cast = &Vote{Actor: c.Actor, Roles: slices.Clone(c.Roles), Under: c.Under, Requirement: c.Requirement, At: c.At, Expires: f.Invitation.Until}
		r.Votes = append(slices.DeleteFunc(r.Votes, func(v Vote) bool {
			return v.Actor == c.Actor && v.Requirement == c.Requirement
		}), *r.Cast)
	}
	return r
}

// commitSeat appends events of an invitation, and to the session's stream what
// is due there and whatever is no secret between the sides.
func (e *Engine) commitSeat(ctx context.Context, s *seat, key string, events []Event, now time.Time) error {
	sess, public := s.g.own(), s.f.public(events)
	if len(public) > 0 {
		if err := e.applyDue(ctx, s.g, now); err != nil {
			return err
		}
	}
	batch, err := record(nil, FacilitatorStream(sess.id, s.number), s.version, events)
	if err == nil {
		batch, err = record(batch, sess.stream, sess.version, public)
	}
	if err != nil {
		return err
	}
	dup, err := e.append(ctx, key, batch)
	if err != nil {
		return err
	}
	if dup {
		return errors.Join(e.refreshAll(ctx, s.g), e.refreshSeat(ctx, s))
	}
	for _, ev := range events {
		s.f = EvolveFacilitator(s.f, ev)
	}
	s.version += uint64(len(events))
	sess.state, sess.version = fold(sess.state, public), sess.version+uint64(len(public))
	return nil
}

// public is what the session's stream says of events of the invitation, to both
// sides: an admission, and looks and an end after it. Without an admission it
// says nothing, since one side may not know that there was an invitation.
func (f *Facilitator) public(events []Event) (out []Event) {
	then := *f
	for _, ev := range events {
		then = EvolveFacilitator(then, ev)
		switch ev.Type {
		case FacilitatorJoined, FacilitatorLooked, FacilitatorEnded:
			if !then.AdmittedAt.IsZero() {
				out = append(out, Event{Type: ev.Type, At: ev.At, Stage: ev.Stage, Cause: ev.Cause, Seat: f.Invitation.Number})
			}
		}
	}
	return out
}

// FacilitatorOf returns an invitation as the log holds it; it is for the host.
// The errors are [ErrNotFound], the log's and ctx's.
func (e *Engine) FacilitatorOf(ctx context.Context, id SessionID, number int) (Facilitator, error) {
	s, err := e.enterSeat(ctx, id, number)
	if err != nil {
		return Facilitator{}, err
	}
	defer s.g.leave()
	if s.f.Phase == 0 {
		return Facilitator{}, ErrNotFound
	}
	return s.f, nil
}

// FacilitatorStatus returns what a side may know of the invitations of a
// session at now, those that it is told of. It appends nothing. The errors are
// those of [Engine.Status].
func (e *Engine) FacilitatorStatus(ctx context.Context, id SessionID, side Side, now time.Time) ([]FacilitatorStatus, error) {
	if side > Demand {
		return nil, ErrNotFound
	}
	now = instant(now)
	var out []FacilitatorStatus
	for n := 1; n <= numberOf(Demand, maxFacilitators-1); n++ {
		s, err := e.enterSeat(ctx, id, n)
		if err != nil {
			return nil, err
		}
		state := s.session(now)
		s.g.leave()
		if s.version == 0 {
			continue
		}
		var v Verdict
		if s.f.Phase == FacilitatorInvited {
			if v, err = e.auth.Authorize(ctx, s.f.request(state, side, Command{At: now})); err != nil {
				return nil, err
			}
		}
		if st, told := FacilitatorStatusOf(s.f, state, side, v, now); told {
			out = append(out, st)
		}
	}
	return out, nil
}

// FacilitatorView is what an admitted facilitator may know: the stage that the
// session has reached and nothing else.
type FacilitatorView struct {
	Session SessionID `json:"session"`
	Number  int       `json:"number"`
	Role    string    `json:"role"`
	Stage   Stage     `json:"stage"`
	Until   time.Time `json:"until"`
}

// Look logs that the facilitator is about to be shown the present stage, and
// says which that is. c.Kind and c.Stage are filled in. The errors are those of
// [Engine.Facilitate]; [ErrStale] also where a repeated command was logged for a
// stage that the session has left: look anew.
func (e *Engine) Look(ctx context.Context, number int, c Command) (FacilitatorView, error) {
	c.Kind, c.Stage = Look, StageNothing
	if _, err := e.Facilitate(ctx, number, c); err != nil {
		return FacilitatorView{}, err
	}
	s, err := e.enterSeat(ctx, c.Session, number)
	if err != nil {
		return FacilitatorView{}, err
	}
	defer s.g.leave()
	state := s.session(instant(c.At))
	if len(FacilitatorDue(s.f, state, c.At)) > 0 || s.f.Phase != FacilitatorAdmitted || s.f.Stage != state.reached() {
		return FacilitatorView{}, ErrStale
	}
	i := &s.f.Invitation
	return FacilitatorView{Session: c.Session, Number: number, Role: i.Role, Stage: s.f.Stage, Until: i.Until}, nil
}
