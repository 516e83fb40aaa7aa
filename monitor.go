package csss

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/terms"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// This file watches engagements that run while rules and facts change. Every
// Tick compares each with what it was agreed under. What has changed is an
// entry of the ledger that the side's own people read; what its terms then say,
// notice or an end, both sides are told.

// watch is how one side of an engagement stands: by the rules that were asked
// last, beginning with those it was agreed under.
type watch struct {
	Suspension
	Denied bool `json:"denied,omitempty"` // by those rules
	Lapsed bool `json:"lapsed,omitempty"` // a credential that was asked for
}

// engagementMonitored says that one side of a running engagement could not
// enter it any more, or that it could again. It is that side's own.
type engagementMonitored struct {
	Session disclosure.SessionID `json:"session"`
	Side    disclosure.Side      `json:"side"`
	Watch   watch                `json:"watch"`
}

// engagementNoticed tells both sides what comes of it by the terms.
type engagementNoticed struct {
	Session    disclosure.SessionID `json:"session"`
	Side       disclosure.Side      `json:"side"` // who gives the notice, or takes it back
	Until      time.Time            `json:"until,omitzero"`
	Credential bool                 `json:"credential,omitempty"` // no notice: a credential has lapsed
}

func (*engagementMonitored) kind() string { return "engagement.monitored" }
func (*engagementNoticed) kind() string   { return "engagement.noticed" }

func (ev *engagementMonitored) fold(st *state, e ledger.Entry) {
	ss := st.sessions[ev.Session]
	if ss == nil {
		return
	}
	ss.watches[ev.Side] = ev.Watch
	at := step{index: e.Index, name: ev.kind(), at: e.Claimed, side: ev.Side}
	at.rules[ev.Side] = ruling{ev.Watch.Rules, ev.Watch.Version}
	ss.steps = append(ss.steps, at)
}

func (ev *engagementNoticed) fold(st *state, e ledger.Entry) {
	ss := st.sessions[ev.Session]
	if ss == nil {
		return
	}
	if !ev.Credential {
		ss.notices[ev.Side] = ev.Until
	}
	ss.steps = append(ss.steps, step{index: e.Index, name: ev.kind(), at: e.Claimed, side: ev.Side, both: true})
}

// watched begins the watch on an engagement: under the rules of now.
func (st *state) watched(ss *sessionState) {
	for side, party := range ss.state.Proposal.Parties {
		if f := st.firms[party.Firm]; f != nil {
			ss.watches[side] = watch{Suspension: Suspension{Rules: f.current(), Version: f.version}}
		}
	}
}

// ends is when a running engagement ends by notice, zero for never, and whose
// notice that is.
func (ss *sessionState) ends() (until time.Time, by disclosure.Side) {
	by = disclosure.Supply
	if until = sooner(ss.notices[disclosure.Supply], ss.notices[disclosure.Demand]); until != ss.notices[disclosure.Supply] {
		by = disclosure.Demand
	}
	return until, by
}

// runs reports whether a session is an engagement that has not ended.
func (ss *sessionState) runs() bool {
	return ss.state.Phase == disclosure.Engaged || ss.state.Phase == disclosure.Started
}

// standsNow is how a side of a running engagement stands now, if otherwise than
// it was noted. Rules are asked again when they or the facts are others than
// before: the same once allowed it, and what time alone does is no reason. Of
// facts it asks what the work itself rests on, the person offered and the
// credentials; a listing that has left the market since ends no engagement.
func (st *state) standsNow(ss *sessionState, side disclosure.Side, at time.Time) (watch, bool) {
	f, ok := st.sessionFit(&ss.state)
	if !ok || ss.state.Erased {
		return watch{}, false
	}
	was := ss.watches[side]
	now := watch{Denied: was.Denied, Suspension: Suspension{Rules: was.Rules, Version: was.Version}}
	if was.By == ByPolicy {
		now.Reasons = was.Reasons
	}
	p := ss.state.Proposal.Parties[side]
	now.Lapsed = side == disclosure.Supply && st.uncertified(f, at)
	if rules := st.inForce(p.Firm); rules != was.Rules || now.Lapsed != was.Lapsed {
		q, _ := st.nextStep(ss.state.ID(), side, at)
		d := st.decide(q.req)
		now.Denied, now.Rules, now.Version, now.Reasons = d.Outcome == policy.Deny, rules, st.rules.Version(p.Firm), nil
		if now.Denied {
			now.Reasons = d.Reasons
		}
	}
	switch {
	case p.Person && !st.employs(p.Firm, p.Actor):
		now.By = ByPerson
	case now.Denied:
		now.By = ByPolicy
	case now.Lapsed:
		now.By = ByCredential
	}
	return now, now.By != was.By || now.Rules != was.Rules || now.Lapsed != was.Lapsed
}

// uncertified reports whether a credential that was asked for is gone.
func (st *state) uncertified(f *fit, at time.Time) bool {
	return slices.ContainsFunc(match.CheckGates(f.need, f.off, &match.GateEnv{Now: at, Median: st.median}),
		func(g match.GateResult) bool { return g.Gate == "credential" && !g.Passed })
}

// noteChange is what the ledger says of a change: the entry of the side's own,
// and what both are told.
func (st *state) noteChange(ss *sessionState, side disclosure.Side, now watch, at time.Time) []event {
	id, firm := ss.state.ID(), ss.state.Proposal.Parties[side].Firm
	entry := func(b body) event {
		return event{stream: "engagement/" + string(id), subjects: []string{firm}, body: b}
	}
	evs := []event{entry(&engagementMonitored{Session: id, Side: side, Watch: now})}
	evs[0].expect = ledger.Exactly(st.versions[evs[0].stream])
	if evs[0].fresh = st.versions[evs[0].stream] == 0; evs[0].fresh {
		evs[0].expect = 0
	}
	if now.Lapsed && !ss.watches[side].Lapsed {
		evs = append(evs, entry(&engagementNoticed{Session: id, Side: side, Credential: true}))
	}
	if until := st.noticeFor(ss, side, now, at); !until.Equal(ss.notices[side]) {
		evs = append(evs, entry(&engagementNoticed{Session: id, Side: side, Until: until}))
	}
	return evs
}

// noticeFor is when an engagement ends by its terms, as a side stands now; zero
// if it goes on. A notice that was given stands while its ground does, and is
// not given again.
func (st *state) noticeFor(ss *sessionState, side disclosure.Side, now watch, at time.Time) time.Time {
	doc, err := terms.Decode(ss.deal.Terms)
	if err != nil {
		return time.Time{} // impossible: the exchange has written it
	}
	ending := doc.Ending()
	if now.By == ByPerson && ending.Person {
		return at
	}
	if given := ss.notices[side]; !given.IsZero() && now.Denied {
		return given
	}
	if !now.Denied || ending.Finish {
		return time.Time{}
	}
	zone := time.UTC
	if o := st.offers[ss.state.Proposal.Offer]; o != nil {
		if z, err := time.LoadLocation(o.offer.Zone); err == nil {
			zone = z
		}
	}
	return ending.Until(at.In(zone)).UTC()
}

// monitored is a side of an engagement.
type monitored struct {
	session disclosure.SessionID
	side    disclosure.Side
}

// monitor notes every change at the running engagements, and ends those whose
// notice has run out. It returns when the next one does.
func (x *Exchange) monitor(ctx context.Context, now time.Time) (next time.Time, err error) {
	var errs []error
	for _, m := range x.changedEngagements(now) {
		errs = append(errs, x.noteEngagement(ctx, m, now))
	}
	for _, end := range x.endingEngagements(now, &next) {
		errs = append(errs, x.abort(ctx, end.session, end.side, "notice/"+end.side.String(), "ended: "+end.why.cause(), end.why.Rules, now))
	}
	return next, errors.Join(errs...)
}

func (x *Exchange) changedEngagements(now time.Time) (out []monitored) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, id := range x.st.openSessions() {
		for _, side := range []disclosure.Side{disclosure.Supply, disclosure.Demand} {
			ss := x.st.sessions[id]
			if !ss.runs() {
				continue
			}
			if _, changed := x.st.standsNow(ss, side, now); changed {
				out = append(out, monitored{id, side})
			}
		}
	}
	return out
}

// errNothing ends a command that has nothing to do any more.
var errNothing = errors.New("csss: nothing to do")

func (x *Exchange) noteEngagement(ctx context.Context, m monitored, now time.Time) error {
	_, err := x.command(ctx, By{At: now}, "monitor", m.session, func(st *state, at time.Time) ([]event, error) {
		ss := st.sessions[m.session]
		if ss == nil || !ss.runs() {
			return nil, errNothing
		}
		stands, changed := st.standsNow(ss, m.side, at)
		if !changed {
			return nil, errNothing
		}
		return st.noteChange(ss, m.side, stands, at), nil
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// endingEngagements lists those whose notice has run out, and notes when the
// next one does.
func (x *Exchange) endingEngagements(now time.Time, next *time.Time) (out []suspended) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, id := range x.st.openSessions() {
		ss := x.st.sessions[id]
		until, side := ss.ends()
		switch {
		case !ss.runs() || until.IsZero():
		case until.After(now):
			*next = sooner(*next, until)
		default:
			out = append(out, suspended{id, side, ss.watches[side].Suspension})
		}
	}
	return slices.Clip(out)
}
