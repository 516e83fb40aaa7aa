package explore

import (
	"fmt"
	"reflect"
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// pair is two sessions that one side must not be able to tell apart.
type pair struct {
	a, b disclosure.State
	now  time.Time
}

// Pairs runs two copies of the machine in which one side makes the same moves
// and the other side different sealed ones, up to limit pairs for each side
// and clock; 0 means all. As long as neither has revealed, the first side must
// see the same: by status, reply, error, receipt, notices and the bytes of its
// own events; by the types and instants of what is published; and the other side's
// events by nothing but that they are sealed and of one size. The open way out
// is sealed too, until its slot.
func Pairs(m *disclosure.Machine, limit int) Result {
	sealed := []disclosure.Kind{disclosure.OptIn, disclosure.OptOut, disclosure.Authorize, disclosure.Deny, disclosure.RevokeAuth, disclosure.Revive}
	leaving := append(sealed[:len(sealed):len(sealed)], disclosure.Withdraw, disclosure.Abort)
	w := newWalker(m)
	for side := range disclosure.Side(2) {
		w.pairs(side, sealed, []time.Duration{0, 25 * time.Hour, 26 * time.Hour}, limit)
		w.pairs(side, leaving, []time.Duration{0, 10 * time.Minute, 29 * time.Minute}, limit)
	}
	return w.Result
}

func (w *walker) pairs(side disclosure.Side, sealed []disclosure.Kind, clock []time.Duration, limit int) {
	first := forgetful(opened())
	seen := map[[2]abstract]bool{}
	var queue []pair
	push := func(p pair) {
		if !p.a.RevealedAt.IsZero() || !p.b.RevealedAt.IsZero() {
			return // what is told here is what the session is for
		}
		p.a, p.b = forgetful(p.a), forgetful(p.b)
		k := [2]abstract{abstractOf(&p.a, p.now), abstractOf(&p.b, p.now)}
		if !seen[k] {
			seen[k], seen[[2]abstract{k[1], k[0]}] = true, true // a pair is as good as its mirror image
			queue = append(queue, p)
		}
	}
	push(pair{first, first, begin})
	for i := 0; i < len(queue) && (limit == 0 || i < limit) && len(w.Violations) == 0; i++ {
		p := queue[i]
		queue[i] = pair{}
		w.Result.States++
		if !together(&p) {
			continue
		}
		w.compare("status", p, observed(&p.a, side, p.now), observed(&p.b, side, p.now))
		for _, at := range clock {
			if t := begin.Add(at); t.After(p.now) {
				push(pair{p.a, p.b, t})
				break
			}
		}
		for _, kind := range sealed {
			x := move{side.Other(), kind, disclosure.HoldGranted}
			na, ra := w.play(p.a, x, p.now)
			nb, rb := w.play(p.b, x, p.now)
			if na.RevealedAt.IsZero() && nb.RevealedAt.IsZero() {
				w.compare("what "+string(kind)+" publishes", p, ra.public, rb.public)
				w.compare("what is told of "+string(kind), p, ra.notices[side], rb.notices[side])
			}
			push(pair{na, p.b, p.now})
			push(pair{p.a, nb, p.now})
		}
		for _, kind := range disclosure.Kinds() {
			if kind == disclosure.Publish || kind == disclosure.Settle || kind == disclosure.Abort {
				continue // the host's
			}
			x := move{side, kind, disclosure.HoldGranted}
			na, ra := w.play(p.a, x, p.now)
			nb, rb := w.play(p.b, x, p.now)
			if na.RevealedAt.IsZero() && nb.RevealedAt.IsZero() {
				ra.notices[side.Other()], rb.notices[side.Other()] = "", "" // not this side's to read
				w.compare(string(kind), p, ra, rb)
			}
			push(pair{na, nb, p.now})
		}
	}
}

func (w *walker) compare(what string, p pair, a, b any) {
	if !reflect.DeepEqual(a, b) {
		w.violate("S10: %s tells %v from %v: %+v and %+v", what, p.a.Sides, p.b.Sides, a, b)
	}
}

// together reports whether both have the same published clock: a revival asked
// for by the other side is public from its slot on.
func together(p *pair) bool {
	revived := func(s *disclosure.State) bool { return !s.ReviveAt.IsZero() && !s.ReviveAt.After(p.now) }
	return revived(&p.a) == revived(&p.b) && p.a.Phase == p.b.Phase && p.a.Deadline.Equal(p.b.Deadline)
}

// observed is what a side reads of a session.
func observed(s *disclosure.State, side disclosure.Side, now time.Time) disclosure.Status {
	return disclosure.StatusOf(*s, side, verdict(s, side, false, now), now)
}

// reply is what a command's giver gets to see of it.
type reply struct {
	err     string
	receipt disclosure.Receipt
	own     string    // bytes of the own events
	public  string    // what everybody is told
	notices [2]string // what each side is told, by its names
}

func (w *walker) play(s disclosure.State, x move, now time.Time) (disclosure.State, reply) {
	var r reply
	c := x.command(&s, "x", now)
	if x.kind == disclosure.View {
		c.Stage = disclosure.StageSummary
	}
	env := x.env(&s, now)
	events, err := w.m.Append(w.events[:0], &s, &c, &env)
	w.events = events[:0]
	if err != nil {
		w.Rejected++
		r.err = fmt.Sprintf("%T %v", err, err)
		return s, r
	}
	w.Accepted++
	for _, e := range events {
		for _, n := range disclosure.Notices(s.ID(), e) {
			r.notices[n.Side] += string(n.ID[:]) // which stands for all that the notice says
		}
		data, err := e.Encode()
		if err != nil {
			w.violate("an event does not fit: %v", err)
			return s, r
		}
		switch {
		case e.Command != "":
			r.own = string(data)
		case !e.Type.Sealed():
			r.public += fmt.Sprintln(e.Type, e.At)
		}
		if e.Type.Sealed() && len(data) != disclosure.SealedSize {
			w.violate("S10: a sealed event of %d bytes", len(data))
		}
		if e, err = disclosure.DecodeEvent(disclosure.Record{Type: string(e.Type), Data: data}); err != nil {
			w.violate("S6: an event does not read back: %v", err)
		}
		s = disclosure.Evolve(s, e)
	}
	r.receipt, _ = s.Actors.Receipt(c.Actor, c.ID)
	return s, r
}
