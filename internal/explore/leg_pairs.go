package explore

import (
	"fmt"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// legPair is two bundles that somebody must not be able to tell apart.
type legPair struct {
	a, b legs
}

// LegPairs runs two copies of a bundle of two legs. The supplier's side of the
// first makes the same moves in both; in one copy at a time the buyer makes
// sealed moves in that leg, and in the other leg anybody makes any, or the leg
// is left behind by a revision that replaces it. Until a reveal the supplier
// must see the same, see [Pairs].
func LegPairs(m *disclosure.Machine, limit int) Result {
	w := newWalker(m)
	seen := map[string]bool{}
	var queue []legPair
	push := func(p legPair) {
		for _, l := range []legs{p.a, p.b} {
			for i := range l.s {
				if !l.s[i].RevealedAt.IsZero() {
					return
				}
				l.s[i] = forgetful(l.s[i])
			}
		}
		ka, kb := p.a.key(), p.b.key()
		if !seen[ka+kb] {
			seen[ka+kb], seen[kb+ka] = true, true
			queue = append(queue, p)
		}
	}
	first := bundleOf(2)
	push(legPair{first, first})
	buyer := []disclosure.Kind{disclosure.OptIn, disclosure.OptOut, disclosure.Deny}
	anybody := []disclosure.Kind{disclosure.OptIn, disclosure.OptOut, disclosure.Withdraw, disclosure.Deny}
	for i := 0; i < len(queue) && (limit == 0 || i < limit) && len(w.Violations) == 0; i++ {
		p := queue[i]
		queue[i] = legPair{}
		w.Result.States++
		if x, y := observed(&p.a.s[0], disclosure.Supply, p.a.now), observed(&p.b.s[0], disclosure.Supply, p.b.now); x.Phase != y.Phase || !x.Deadline.Equal(y.Deadline) {
			w.violate("S10: a supplier tells bundles apart by phase: %+v and %+v", x, y)
		} else {
			w.compareLegs("status", p, x, y)
		}
		for _, at := range []time.Duration{45 * time.Minute, 25 * time.Hour} {
			if t := begin.Add(at); t.After(p.a.now) {
				push(legPair{w.tick(p.a, t), w.tick(p.b, t)})
				break
			}
		}
		alone := func(at int, x move) {
			na, ra := w.playLeg(p.a, at, x)
			nb, rb := w.playLeg(p.b, at, x)
			if !na.revealed() && !nb.revealed() {
				w.compareLegs("what "+string(x.kind)+" publishes", p, ra.public, rb.public)
			}
			push(legPair{na, p.b})
			push(legPair{p.a, nb})
		}
		for _, k := range buyer {
			alone(0, move{disclosure.Demand, k, disclosure.HoldGranted})
		}
		for _, k := range anybody {
			for side := range disclosure.Side(2) {
				alone(1, move{side, k, disclosure.HoldGranted})
			}
		}
		push(legPair{p.a.revise(), p.b})
		push(legPair{p.a, p.b.revise()})
		for _, k := range []disclosure.Kind{disclosure.OptIn, disclosure.OptOut, disclosure.Authorize, disclosure.Deny, disclosure.RevokeAuth, disclosure.View, disclosure.AcceptTerms, disclosure.Withdraw, disclosure.Revive} {
			x := move{disclosure.Supply, k, disclosure.HoldGranted}
			na, ra := w.playLeg(p.a, 0, x)
			nb, rb := w.playLeg(p.b, 0, x)
			if !na.revealed() && !nb.revealed() {
				w.compareLegs(string(k), p, ra, rb)
			}
			push(legPair{na, nb})
		}
	}
	return w.Result
}

func (w *walker) compareLegs(what string, p legPair, a, b any) {
	w.compare(what+" in a bundle", pair{a: p.a.s[0], b: p.b.s[0], now: p.a.now}, a, b)
}

func (l *legs) revealed() bool {
	return slices.ContainsFunc(l.s, func(s disclosure.State) bool { return !s.RevealedAt.IsZero() })
}

func (l *legs) key() string {
	var key []byte
	for i := range l.s {
		key = fmt.Append(key, abstractOf(&l.s[i], l.now), l.s[i].Bundle.Revision, ";")
	}
	return string(key)
}

// revise replaces the second leg by a new one, once.
func (l legs) revise() legs {
	b := *l.s[0].Bundle
	if b.Revision > 1 {
		return l
	}
	b.Revision, b.Legs = 2, []disclosure.SessionID{b.Legs[0], "s2"}
	events, err := disclosure.Revise(l.s[0], b, l.now)
	if err != nil {
		return l
	}
	l = l.clone()
	for _, e := range events {
		l.s[0] = disclosure.Evolve(l.s[0], e)
	}
	p := l.s[1].Proposal
	p.Session, p.Bundle = "s2", &b
	l.s[1] = disclosure.State{}
	for _, e := range []disclosure.Event{{Type: disclosure.SessionProposed, Machine: disclosure.MachineVersion(), At: l.now, Proposal: &p}, {Type: disclosure.SummariesPublished, At: l.now}} {
		l.s[1] = disclosure.Evolve(l.s[1], e)
	}
	return l
}

func (w *walker) playLeg(l legs, at int, x move) (legs, reply) {
	var r reply
	c := x.command(&l.s[at], "x", l.now)
	c.Session = l.s[at].ID()
	if x.kind == disclosure.View {
		c.Stage = disclosure.StageSummary
	}
	out, err := w.m.Together(l.all(x.hold), at, c)
	if err != nil {
		w.Rejected++
		r.err = fmt.Sprintf("%T %v", err, err)
		return l, r
	}
	w.Accepted++
	l = l.clone()
	for i, events := range out {
		for _, e := range events {
			data, err := e.Encode()
			if err != nil {
				w.violate("an event does not fit: %v", err)
			}
			switch {
			case i == 0 && e.Command != "":
				r.own = string(data)
			case i == 0 && !e.Type.Sealed():
				r.public += fmt.Sprintln(e.Type, e.At)
			}
			if e, err = disclosure.DecodeEvent(disclosure.Record{Type: string(e.Type), Data: data}); err != nil {
				w.violate("S6: an event does not read back: %v", err)
			}
			l.s[i] = disclosure.Evolve(l.s[i], e)
		}
	}
	r.receipt, _ = l.s[at].Actors.Receipt(c.Actor, c.ID)
	return l, r
}
