package explore

import (
	"fmt"
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// Result is what a walk saw.
type Result struct {
	States      int // distinct, or pairs of states; of sequences, those after each number of commands
	Accepted    int // commands, each with the events it brought
	Rejected    int
	Sequences   int      // of commands that the walk covers
	Commands    int      // of the tree of those sequences, which ends at a rejected one; the walk gives many of them as one
	Violations  []string // at most ten, each with the commands that led there
	Phases      map[disclosure.Phase]bool
	Interrupted bool // the limit came first
}

func (r *Result) violate(format string, args ...any) {
	if len(r.Violations) < 10 {
		r.Violations = append(r.Violations, fmt.Sprintf(format, args...))
	}
}

// walker plays moves by one machine and lets the oracle see each.
type walker struct {
	m      *disclosure.Machine
	all    []move
	events []disclosure.Event
	again  bool // each command is given again, and each side tries to read
	Result
}

func newWalker(m *disclosure.Machine) *walker {
	return &walker{m: m, all: moves(), Result: Result{Phases: map[disclosure.Phase]bool{}}}
}

// node is a state, what happened until then, and the clock.
type node struct {
	s    disclosure.State
	h    history
	now  time.Time
	path string
}

func start() node {
	s := opened()
	return node{s: s, h: history{deadline: s.Deadline}, now: begin}
}

// step plays one move and reports whether it was accepted.
func (w *walker) step(n *node, x move, id string) bool {
	c := x.command(&n.s, id, n.now)
	env := x.env(&n.s, n.now)
	events, err := w.m.Append(w.events[:0], &n.s, &c, &env)
	w.events = events[:0]
	if err != nil {
		w.Rejected++
		if len(events) > 0 {
			w.violate("S11: a rejected %s changes something", x.kind)
		}
		return false
	}
	w.Accepted++
	noted := false
	for i := range events {
		e := &events[i]
		if e.Command != "" { // what the clock brought came first
			n.h.command(&c, &n.s)
			noted = true
		}
		if broken := n.h.event(e, x.hold); broken != "" {
			w.violate("%s: %s by %s of %s", broken, n.path, x.kind, x.side)
		}
		n.s = disclosure.Evolve(n.s, *e)
	}
	if w.again {
		w.repeated(n, c, env, noted)
		w.readers(n)
	}
	return true
}

// repeated gives the command again, as a client does that lost its answer.
func (w *walker) repeated(n *node, c disclosure.Command, env disclosure.Env, noted bool) {
	if !noted {
		return
	}
	again, err := w.m.Append(w.events[:0], &n.s, &c, &env)
	if err != nil || len(again) > 0 {
		w.violate("S7: %s given twice is not the same once", c.Kind)
	}
	c.ID, c.Seq = "late", 1
	if late, err := w.m.Append(w.events[:0], &n.s, &c, &env); c.Actor != "" && (err == nil || len(late) > 0) {
		w.violate("S4: a %s with an old number is accepted", c.Kind)
	}
}

// readers checks that either side can read the other or neither (S5).
func (w *walker) readers(n *node) {
	if !n.h.revealed {
		return
	}
	var can [2]bool
	for side := range disclosure.Side(2) {
		x := move{side: side, kind: disclosure.View}
		c := x.command(&n.s, "look", n.now)
		env := x.env(&n.s, n.now)
		_, err := w.m.Append(w.events[:0], &n.s, &c, &env)
		can[side] = err == nil
	}
	if can[0] != can[1] {
		w.violate("S5: one side reads and the other cannot: %s", n.path)
	}
}

// States walks every state the machine can reach, up to limit; 0 means all.
func States(m *disclosure.Machine, limit int) Result {
	w := newWalker(m)
	w.again = true
	type key struct {
		a abstract
		h history
	}
	first := start()
	seen := map[key]bool{}
	var queue []node
	push := func(n node) {
		n.s = forgetful(n.s)
		k := key{abstractOf(&n.s, n.now), forgetTimes(n.h)}
		if !seen[k] {
			seen[k] = true
			queue = append(queue, n)
		}
	}
	push(first)
	for i := 0; i < len(queue); i++ {
		if w.Interrupted = limit > 0 && i >= limit || len(w.Violations) == 10; w.Interrupted {
			break
		}
		n := queue[i]
		queue[i].s = disclosure.State{} // done with
		w.Phases[n.s.Phase] = true
		if later, ok := nextInstant(n.now); ok {
			next := n
			next.now = later
			push(next)
		}
		for _, x := range w.all {
			next := n
			if w.step(&next, x, "c") {
				push(next)
			}
		}
	}
	w.Result.States = len(seen)
	return w.Result
}

func nextInstant(now time.Time) (time.Time, bool) {
	for _, at := range instants {
		if t := begin.Add(at); t.After(now) {
			return t, true
		}
	}
	return now, false
}

// forgetTimes drops from a history what abstractOf drops from a state.
func forgetTimes(h history) history {
	h.lapse, h.vote, h.deadline, h.endedAt = [2]time.Time{}, [2]time.Time{}, time.Time{}, time.Time{}
	return h
}
