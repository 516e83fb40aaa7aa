package explore

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// sessionsOf are the turns of a session that an invitation may meet, in order:
// both sides still choose, the buyer's is leaving, unseen until the slot, then
// revealed, engaged, and ended.
func sessionsOf() []disclosure.State {
	w := newWalker(disclosure.Present())
	play := func(from int, moves ...move) disclosure.State {
		n := start()
		n.now = begin.Add(told)
		for i, x := range append(ways[from][:len(ways[from]):len(ways[from])], moves...) {
			w.step(&n, x, fmt.Sprint(i))
		}
		return n.s
	}
	yes := disclosure.HoldGranted
	return []disclosure.State{play(0), play(0, move{1, disclosure.Withdraw, yes}),
		play(2), play(3), play(2, move{1, disclosure.Withdraw, yes})}
}

// after are the turns that can follow each.
var after = [][]int{{1, 2}, nil, {3, 4}, nil, nil}

// desk is an invitation, the turn its session has taken, what was said, and the
// clock.
type desk struct {
	f            disclosure.Facilitator
	at           int
	now          time.Duration
	party, voted [2]bool
	denied       [2]bool
	joined, gone bool
}

// told is when both sides know of the invitation, and the session takes turns.
const told = 40 * time.Minute

// deskInstants are before and after the slot that tells the other side, after
// the slot of a withdrawal, and before and after the slot of the lapse.
var deskInstants = []time.Duration{0, told, 2 * time.Hour, 12*time.Hour + 15*time.Minute, 13 * time.Hour}

func newDesk() desk {
	i := disclosure.Invitation{ID: "i", Session: "s", Number: 1, Actor: "party0", Firm: "college", Group: "college", Person: "dean", Role: "broker",
		At: begin, Until: begin.Add(12 * time.Hour)}
	return desk{f: disclosure.EvolveFacilitator(disclosure.Facilitator{}, disclosure.Event{Type: disclosure.FacilitatorNamed, At: begin, Invitation: &i})}
}

// ask is one command about a facilitator.
type ask struct {
	side disclosure.Side
	kind disclosure.Kind
	st   disclosure.Stage
}

func asks() (out []ask) {
	for _, k := range disclosure.FacilitatorKinds() {
		switch k {
		case disclosure.Look:
			for st := range disclosure.StageEngagement + 1 {
				out = append(out, ask{0, k, st})
			}
		case disclosure.Leave, disclosure.Lapse, disclosure.TryAdmit:
			out = append(out, ask{0, k, 0})
		default:
			out = append(out, ask{0, k, 0}, ask{1, k, 0})
		}
	}
	return out
}

func (d *desk) command(x ask, id string) disclosure.Command {
	c := disclosure.Command{ID: id, Session: "s", Side: x.side, Kind: x.kind, Stage: x.st, At: begin.Add(d.now),
		Bind: disclosure.Binding{Invitation: d.f.Invitation.Digest()}, Actor: [2]string{"party0", "party1"}[x.side]}
	switch x.kind {
	case disclosure.AdmitVote, disclosure.Dismiss:
		c.Actor = [2]string{"boss0", "boss1"}[x.side]
	case disclosure.AdmitDeny: // another approver: the vote of the first stands
		c.Actor = [2]string{"deputy0", "deputy1"}[x.side]
	case disclosure.Leave, disclosure.Look:
		c.Actor = "dean"
	}
	return c
}

func (d *desk) env(x ask, sessions []disclosure.State) disclosure.FacilitatorEnv {
	now := begin.Add(d.now)
	e := disclosure.FacilitatorEnv{Now: now, Session: sessions[d.at]}
	for _, ev := range disclosure.Due(e.Session, now) {
		e.Session = disclosure.Evolve(e.Session, ev)
	}
	for side := range e.Verdicts {
		cast := x.kind == disclosure.AdmitVote && int(x.side) == side || len(d.f.Sides[side].Votes) > 0
		e.Verdicts[side] = disclosure.Verdict{Allowed: true, Satisfied: cast, Version: 1}
	}
	return e
}

// step gives a command and checks what follows against what was said.
func (d *desk) step(w *walker, m *disclosure.FacilitatorMachine, x ask, sessions []disclosure.State) bool {
	c, env := d.command(x, "c"), d.env(x, sessions)
	events, err := m.Decide(d.f, c, env)
	if err != nil {
		w.Rejected++
		if len(events) > 0 {
			w.violate("S11: a rejected %s changes something", x.kind)
		}
		return false
	}
	w.Accepted++
	for _, e := range events {
		if e.Command != "" {
			d.note(x)
		}
		if broken := d.check(&e, &env, x); broken != "" {
			w.violate("%s: %s of %s", broken, x.kind, x.side)
		}
		d.f = disclosure.EvolveFacilitator(d.f, e)
	}
	if again, err := m.Decide(d.f, c, env); len(events) > 0 && c.Actor != "" && (err != nil || len(again) > 0) {
		w.violate("S7: %s given twice is not the same once", x.kind)
	}
	return true
}

func (d *desk) note(x ask) {
	switch x.kind {
	case disclosure.Admit, disclosure.AdmitRefuse:
		d.party[x.side] = x.kind == disclosure.Admit
	case disclosure.AdmitVote, disclosure.AdmitDeny:
		d.voted[x.side], d.denied[x.side] = d.voted[x.side] || x.kind == disclosure.AdmitVote, x.kind == disclosure.AdmitDeny
	}
}

// check says which promise an event breaks.
func (d *desk) check(e *disclosure.Event, env *disclosure.FacilitatorEnv, x ask) string {
	s := &env.Session
	open := !s.Phase.Final() && s.Sides[0].Leaving == "" && s.Sides[1].Leaving == ""
	switch {
	case d.gone:
		return "something follows the end"
	case e.Type == disclosure.FacilitatorJoined:
		if d.joined || !d.party[0] || !d.party[1] || !d.voted[0] || !d.voted[1] || d.denied[0] || d.denied[1] {
			return "admitted without the consent of all four"
		}
		if !open || d.now >= 12*time.Hour {
			return "admitted to what has ended"
		}
		d.joined = true
	case e.Type == disclosure.FacilitatorLooked:
		switch {
		case !d.joined:
			return "a look before the admission"
		case s.Phase.Final():
			return "a look at what has ended"
		case e.Stage > disclosure.StageSummary && s.RevealedAt.IsZero():
			return "S1: an identity is shown before the reveal"
		case e.Stage > disclosure.StageIdentity && s.EngagedAt.IsZero(), e.Stage == disclosure.StageSummary && !s.RevealedAt.IsZero(), e.Stage == 0:
			return "a look at another stage than the present"
		}
	case e.Type == disclosure.FacilitatorEnded:
		d.gone = true
		if !d.joined && e.Command == "" && s.EndedAt.IsZero() && !e.At.Equal(e.At.Truncate(time.Hour)) {
			return "S10: a lapse off a slot"
		}
	case d.joined && e.Type.Sealed():
		return "a consent after the admission"
	}
	return ""
}

func (d *desk) key() string {
	var b []byte
	for i := range d.f.Sides {
		d.f.Sides[i].Turns = min(d.f.Sides[i].Turns, 1)
		b = fmt.Append(b, d.f.Sides[i].Party, len(d.f.Sides[i].Votes), d.f.Sides[i].Denied)
	}
	d.f.Actors = disclosure.Actors{}
	return string(fmt.Append(b, d.f.Phase, d.f.Why, d.at, d.now, d.party, d.voted, d.denied, d.joined, d.gone))
}

// later returns the desks that time and the session alone lead to.
func (d desk) later() (out []desk) {
	for _, at := range after[d.at] {
		if d.now == told {
			next := d
			next.at = at
			out = append(out, next)
		}
	}
	for _, t := range deskInstants {
		if t > d.now {
			d.now = t
			return append(out, d)
		}
	}
	return out
}

// Facilitators walks every state that an invitation can reach.
func Facilitators(m *disclosure.FacilitatorMachine) Result {
	w := newWalker(disclosure.Present())
	sessions := sessionsOf()
	seen := map[string]bool{}
	var queue []desk
	push := func(d desk) {
		if k := d.key(); !seen[k] {
			seen[k] = true
			queue = append(queue, d)
		}
	}
	push(newDesk())
	for len(queue) > 0 && len(w.Violations) == 0 {
		d := queue[0]
		queue = queue[1:]
		for _, next := range d.later() {
			push(next)
		}
		for _, x := range asks() {
			next := d
			if next.step(w, m, x, sessions) {
				push(next)
			}
		}
	}
	w.Result.States = len(seen)
	return w.Result
}

// FacilitatorPairs runs two copies of an invitation that differ in what the
// other side has said to it. Until the admission a side must see the same, and
// so must who is invited, who sees nothing.
func FacilitatorPairs(m *disclosure.FacilitatorMachine) Result {
	w := newWalker(disclosure.Present())
	sessions := sessionsOf()
	for side := range disclosure.Side(2) {
		type two struct{ a, b desk }
		seen := map[string]bool{}
		var queue []two
		push := func(p two) {
			public := p.a.at != p.b.at && p.a.now > told // the withdrawal has met its slot
			if k := p.a.key() + p.b.key(); !public && !p.a.joined && !p.b.joined && !seen[k] {
				seen[k] = true
				queue = append(queue, p)
			}
		}
		push(two{newDesk(), newDesk()})
		for len(queue) > 0 && len(w.Violations) == 0 {
			p := queue[0]
			queue = queue[1:]
			w.Result.States++
			a, b := p.a.seen(side, sessions), p.b.seen(side, sessions)
			if !reflect.DeepEqual(a, b) {
				w.violate("S10: a status tells invitations apart: %+v and %+v", a, b)
			}
			if side == disclosure.Supply && p.a.now == told && p.a.at == 0 {
				left := p
				left.a.at = 1
				push(left)
			}
			if la, lb := p.a.later(), p.b.later(); len(la) == len(lb) {
				for i := range la {
					push(two{la[i], lb[i]})
				}
			}
			for _, x := range asks() {
				theirs := x.side != side
				facilitator := x.kind == disclosure.Leave || x.kind == disclosure.Look
				na, ra := p.a.reply(w, m, x, sessions)
				nb, rb := p.b.reply(w, m, x, sessions)
				if (facilitator || !theirs) && !na.joined && !nb.joined && ra != rb {
					w.violate("S10: %s tells invitations apart: %s and %s", x.kind, ra, rb)
				}
				if theirs && !facilitator {
					push(two{na, p.b})
					push(two{p.a, nb})
				} else {
					push(two{na, nb})
				}
			}
		}
	}
	return w.Result
}

func (d *desk) seen(side disclosure.Side, sessions []disclosure.State) disclosure.FacilitatorStatus {
	env := d.env(ask{}, sessions)
	st, _ := disclosure.FacilitatorStatusOf(d.f, env.Session, side, env.Verdicts[side], env.Now)
	return st
}

// reply plays a command and returns what its giver sees of it.
func (d desk) reply(w *walker, m *disclosure.FacilitatorMachine, x ask, sessions []disclosure.State) (desk, string) {
	c, env := d.command(x, "x"), d.env(x, sessions)
	events, err := m.Decide(d.f, c, env)
	if err != nil {
		w.Rejected++
		return d, fmt.Sprintf("%T %v", err, err)
	}
	w.Accepted++
	var out strings.Builder
	for _, e := range events {
		if e.Command != "" {
			d.note(x)
			data, _ := e.Encode()
			out.WriteString(string(data))
		}
		d.joined = d.joined || e.Type == disclosure.FacilitatorJoined
		d.f = disclosure.EvolveFacilitator(d.f, e)
	}
	return d, out.String()
}
