package explore

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// legInstants of a walk through bundles: in the session, after the lapse of a
// supplier's opt-in, stale, and after the lapse of a hold.
var legInstants = []time.Duration{0, 2 * time.Hour, 25 * time.Hour, 99 * time.Hour}

// legMoves are the commands that bear on whether legs go together; of more than
// two legs, those that a leg can hold the others up or end them by.
func legMoves(n int) (out []move) {
	if n > 2 {
		yes := disclosure.HoldGranted
		return []move{{0, disclosure.OptIn, yes}, {1, disclosure.OptIn, yes}, {0, disclosure.Withdraw, yes}, {1, disclosure.RevokeAuth, yes},
			{0, disclosure.AcceptTerms, yes}, {1, disclosure.AcceptTerms, yes}, {0, disclosure.OptIn, disclosure.HoldRefused}, {1, disclosure.Settle, yes}}
	}
	for side := range disclosure.Side(2) {
		for _, kind := range []disclosure.Kind{disclosure.OptIn, disclosure.Withdraw, disclosure.AcceptTerms} {
			out = append(out, move{side, kind, disclosure.HoldGranted})
		}
	}
	return append(out, move{0, disclosure.OptOut, disclosure.HoldRefused}, move{1, disclosure.RevokeAuth, disclosure.HoldRefused},
		move{0, disclosure.OptIn, disclosure.HoldRefused}, move{0, disclosure.AcceptTerms, disclosure.HoldRefused},
		move{1, disclosure.Settle, disclosure.HoldGranted})
}

// legs are the sessions of a bundle, what happened in each, and the clock.
type legs struct {
	s   []disclosure.State
	h   []history
	now time.Time
}

// bundleOf opens a bundle of n legs; the suppliers' employers want no vote.
func bundleOf(n int) legs {
	l := legs{now: begin}
	b := disclosure.Bundle{ID: "b", Revision: 1, Deadline: begin.Add(24 * time.Hour), HardExpiry: begin.Add(30 * 24 * time.Hour)}
	for i := range n {
		b.Legs = append(b.Legs, disclosure.SessionID(fmt.Sprint("s", i)))
	}
	for i := range n {
		s := opened()
		p := s.Proposal
		p.Session, p.Bundle = b.Legs[i], &b
		s = disclosure.Evolve(disclosure.State{}, disclosure.Event{Type: disclosure.SessionProposed, Machine: disclosure.MachineVersion(), At: begin, Proposal: &p})
		s = disclosure.Evolve(s, disclosure.Event{Type: disclosure.SummariesPublished, At: begin})
		l.s, l.h = append(l.s, s), append(l.h, history{deadline: s.Deadline})
	}
	return l
}

// legEnv: employers allow without a vote unless they have denied.
func legEnv(now time.Time, hold disclosure.HoldAnswer) disclosure.Env {
	v := disclosure.Verdict{Allowed: true, Satisfied: true, Auto: true, Policy: rules, Version: 1}
	return disclosure.Env{Now: now, Hold: hold, Verdicts: [2]disclosure.Verdict{v, v}}
}

// Legs walks the bundles of n legs that the machine can reach, up to limit; 0
// means all. Every leg is revealed and engaged with all others or not at all,
// on four valid consents of its own and a hold; what ends between the two ends
// together, and only when one of them was ended.
func Legs(m *disclosure.Machine, n, limit int) Result {
	w := newWalker(m)
	w.all = legMoves(n)
	clock := legInstants
	if n > 2 {
		clock = legInstants[2:]
	}
	seen := map[string]bool{}
	var queue []legs
	push := func(l legs) {
		var keys []string
		over := 0
		for i := range l.s {
			l.s[i] = forgetful(l.s[i])
			keys = append(keys, fmt.Sprint(abstractOf(&l.s[i], l.now), l.h[i].in, l.h[i].left, l.h[i].revealed))
			if p := l.s[i].Phase; p == disclosure.Engaged || p == disclosure.Closed {
				over++
			}
		}
		slices.Sort(keys) // legs are alike
		if key := strings.Join(keys, ";"); !seen[key] {
			seen[key] = true
			w.Phases[l.s[0].Phase] = true
			if over < len(l.s) { // else each leg is on its own, and States has walked it
				queue = append(queue, l)
			}
		}
	}
	push(bundleOf(n))
	for i := 0; i < len(queue); i++ {
		if w.Interrupted = limit > 0 && i >= limit || len(w.Violations) == 10; w.Interrupted {
			break
		}
		l := queue[i]
		queue[i] = legs{}
		for _, at := range clock {
			if t := begin.Add(at); t.After(l.now) {
				push(w.tick(l, t))
				break
			}
		}
		for at := range l.s {
			for _, x := range w.all {
				if next, ok := w.legStep(l, at, x); ok {
					push(next)
				}
			}
		}
	}
	w.Result.States = len(seen)
	return w.Result
}

func (l legs) clone() legs {
	l.s = append([]disclosure.State(nil), l.s...)
	l.h = append([]history(nil), l.h...)
	return l
}

func (l *legs) all(hold disclosure.HoldAnswer) []disclosure.Leg {
	out := make([]disclosure.Leg, len(l.s))
	for i := range out {
		out[i] = disclosure.Leg{State: l.s[i], Env: legEnv(l.now, hold)}
	}
	return out
}

// tick lets the clock act in every leg.
func (w *walker) tick(l legs, now time.Time) legs {
	l = l.clone()
	l.now = now
	for at := range l.s {
		for i, events := range disclosure.DueTogether(l.all(disclosure.HoldRefused), at, now) {
			w.fold(&l, i, events, disclosure.HoldRefused)
		}
	}
	w.wholeness(&l)
	return l
}

func (w *walker) legStep(l legs, at int, x move) (legs, bool) {
	c := x.command(&l.s[at], "c", l.now)
	c.Session = l.s[at].ID()
	out, err := w.m.Together(l.all(x.hold), at, c)
	if err != nil {
		w.Rejected++
		for _, events := range out {
			if len(events) > 0 {
				w.violate("S11: a rejected %s changes something", x.kind)
			}
		}
		return l, false
	}
	w.Accepted++
	l = l.clone()
	noted := false
	for _, e := range out[at] {
		if e.Command != "" && !noted {
			noted = true
			l.h[at].command(&c, &l.s[at])
		}
	}
	var closed, ended int
	for i, events := range out {
		for _, e := range events {
			if l.s[i].Phase == disclosure.Revealed && e.Type == disclosure.SessionClosed {
				closed++
				if e.Cause != "bundle" {
					ended++
				}
			}
		}
		w.fold(&l, i, events, x.hold)
	}
	if closed > 0 && ended == 0 {
		w.violate("a bundle ends though none of its legs did: %s of %s in leg %d", x.kind, x.side, at)
	}
	w.wholeness(&l)
	return l, true
}

// fold folds what happens in a leg. The employers here consent without a vote,
// unless they denied; the history knows it by their votes.
func (w *walker) fold(l *legs, i int, events []disclosure.Event, hold disclosure.HoldAnswer) {
	for _, e := range events {
		h := &l.h[i]
		for side := range h.yes {
			h.yes[side], h.vote[side] = !l.s[i].Sides[side].Blocked, e.At.Add(time.Hour)
		}
		if broken := h.event(&e, hold); broken != "" {
			w.violate("%s in leg %d", broken, i)
		}
		l.s[i] = disclosure.Evolve(l.s[i], e)
	}
}

// wholeness checks that legs stand together.
func (w *walker) wholeness(l *legs) {
	var revealed, engaged, waiting int
	for i := range l.s {
		s := &l.s[i]
		if !s.RevealedAt.IsZero() {
			revealed++
		}
		if !s.EngagedAt.IsZero() {
			engaged++
		}
		if s.Phase == disclosure.Revealed {
			waiting++
		}
	}
	for what, n := range map[string]int{"revealed": revealed, "engaged": engaged, "between reveal and engagement": waiting} {
		if n != 0 && n != len(l.s) {
			w.violate("%d of %d legs are %s", n, len(l.s), what)
		}
	}
}
