package explore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

// replicas is how many engines share a log in a history.
const replicas = 4

// call is one command of a history: who gave it, when in the order of all
// beginnings and ends, and how it was answered.
type call struct {
	command     disclosure.Command
	begun, done int64
	receipt     disclosure.Receipt
	err         error
}

// Histories runs so many short histories of engines that share a log with
// faults, and checks each for linearizability. The log's order is the only
// order of accepted commands there can be, so no search is needed: every
// acknowledged command is in the log once; one that was answered before another
// was given lies before it; each was allowed where it lies; and each refusal is
// right at some point between its beginning and its end.
func Histories(n int, seed uint64) Result {
	var r Result
	for i := range n {
		h := newConcourse(seed + uint64(i))
		h.run()
		h.judge(&r)
		r.Sequences++
		if len(r.Violations) == 10 {
			break
		}
	}
	return r
}

// concourse is one run: the engines, the log, and the calls in any order.
type concourse struct {
	rng     *rand.Rand
	log     *disclosuretest.Log
	engines []*disclosure.Engine
	clock   int64
	mu      sync.Mutex
	calls   []call
}

func newConcourse(seed uint64) *concourse {
	h := &concourse{rng: rand.New(rand.NewPCG(seed, 4)), log: &disclosuretest.Log{}}
	faults := rand.New(rand.NewPCG(seed, 5))
	h.log.Inject = func(int) disclosuretest.Fault { // called under the log's lock
		if faults.IntN(4) > 0 {
			return disclosuretest.None
		}
		return []disclosuretest.Fault{disclosuretest.Fail, disclosuretest.Conflict, disclosuretest.Lost, disclosuretest.Landed}[faults.IntN(4)]
	}
	for range replicas {
		e, err := disclosure.New(h.log, voted{}, open{}, nil)
		if err == nil {
			h.engines = append(h.engines, e)
		}
	}
	return h
}

// voted wants one standing vote of each employer.
type voted struct{}

func (voted) Authorize(_ context.Context, r disclosure.AuthRequest) (disclosure.Verdict, error) {
	v := disclosure.Verdict{Allowed: true, Policy: rules, Version: 1}
	for _, vote := range r.Votes {
		v.Satisfied = v.Satisfied || !vote.Deny
	}
	return v, nil
}

// open always has room.
type open struct{}

func (open) Reserve(_ context.Context, s disclosure.State, _ time.Time) (disclosure.Record, error) {
	return disclosure.Record{Stream: "hold/" + string(s.ID()), Type: "hold.provisional"}, nil
}

func (open) Firm(_ context.Context, s disclosure.State) (disclosure.Record, error) {
	return disclosure.Record{Stream: "hold/" + string(s.ID()), Type: "hold.firmed"}, nil
}

func (open) Release(_ context.Context, s disclosure.State, _ string) (disclosure.Record, error) {
	return disclosure.Record{Stream: "hold/" + string(s.ID()), Type: "hold.released"}, nil
}

// said are the commands that histories and crashes draw from.
var said = []disclosure.Kind{disclosure.OptIn, disclosure.OptIn, disclosure.OptIn, disclosure.OptOut, disclosure.Authorize, disclosure.Authorize,
	disclosure.Deny, disclosure.View, disclosure.AcceptTerms, disclosure.AcceptTerms, disclosure.Withdraw, disclosure.Start, disclosure.MarkDone}

// script draws the commands of one actor.
func script(rng *rand.Rand, s *disclosure.State, actor, n int) (out []disclosure.Command) {
	for i := range n {
		m := move{side: disclosure.Side(actor % 2), kind: said[rng.IntN(len(said))]}
		c := m.command(s, fmt.Sprint("a", actor, "c", i), begin)
		c.Bind.Expires = time.Time{}
		if rng.IntN(4) == 0 && i > 0 {
			c.ID = fmt.Sprint("a", actor, "c", i-1) // an id again, for the same or for something else
		}
		out = append(out, c)
	}
	return out
}

// run lets every actor give commands through an engine of its own choice, some
// of them twice.
func (h *concourse) run() {
	ctx := context.Background()
	for range 20 { // the log may refuse at first
		p := opened().Proposal
		if h.engines[0].Propose(ctx, p) == nil {
			break
		}
	}
	s, err := h.engines[0].State(ctx, "s")
	if err != nil {
		return
	}
	var actors sync.WaitGroup
	for actor := range replicas {
		commands := script(h.rng, &s, actor, 4)
		through := h.rng.Perm(replicas)
		actors.Go(func() {
			for i, c := range commands {
				h.give(h.engines[through[i%replicas]], c)
			}
		})
	}
	actors.Wait()
}

func (h *concourse) now() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

func (h *concourse) give(e *disclosure.Engine, c disclosure.Command) {
	one := call{command: c, begun: h.now()}
	one.receipt, one.err = e.Do(context.Background(), c)
	one.done = h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, one)
}

// judge reads the log and compares.
func (h *concourse) judge(r *Result) {
	h.log.Inject = nil
	states := []disclosure.State{{}} // after each version
	at := map[string]int{}           // actor and command id → version
	s := disclosure.State{}
	for rec, err := range h.log.Read(context.Background(), disclosure.StreamOf("s"), 0) {
		if err != nil {
			r.violate("the log: %v", err)
			return
		}
		ev, err := disclosure.DecodeEvent(rec)
		if err != nil {
			r.violate("the log: %v", err)
			return
		}
		s = disclosure.Evolve(s, ev)
		states = append(states, s)
		if ev.Command == "" {
			continue
		}
		key := ev.Actor + "/" + ev.Command
		if at[key] > 0 {
			r.violate("S7: %s is in the log twice", key)
		}
		at[key] = len(states) - 1
	}
	for _, e := range h.engines {
		if got, err := e.State(context.Background(), "s"); len(states) > 1 && (err != nil || !same(got, s)) {
			r.violate("S6: an engine holds another state than the log")
		}
	}
	for i := range h.calls {
		h.accepted(r, &h.calls[i], at, states)
	}
	h.ordered(r, at)
}

// accepted checks one answer against the log.
func (h *concourse) accepted(r *Result, c *call, at map[string]int, states []disclosure.State) {
	key := c.command.Actor + "/" + c.command.ID
	version := at[key]
	switch {
	case c.err == nil && c.command.Actor != "" && version == 0:
		r.Accepted++
		r.violate("S8: %s was acknowledged and is not in the log", key)
	case c.err == nil:
		r.Accepted++
		if got, _ := states[len(states)-1].Actors.Receipt(c.command.Actor, c.command.ID); got != c.receipt {
			r.violate("S7: %s has two receipts", key)
		}
	case errors.Is(c.err, disclosure.ErrConflict), errors.Is(c.err, disclosure.ErrUnknownOutcome), errors.Is(c.err, disclosuretest.ErrInjected):
		// nothing was promised
	default:
		r.Rejected++
		if !refusable(&c.command, states) {
			r.violate("%s of %s was refused (%v) and no state on the log refuses it", c.command.Kind, key, c.err)
		}
	}
}

// refusable reports whether some state of the log refuses a command.
func refusable(c *disclosure.Command, states []disclosure.State) bool {
	for i := range states[1:] {
		m := move{side: c.Side, kind: c.Kind, hold: disclosure.HoldGranted}
		env := m.env(&states[i+1], c.At)
		if _, err := disclosure.Decide(states[i+1], *c, env); err != nil {
			return true
		}
	}
	return len(states) == 1
}

// ordered checks that the log keeps the order in which answers preceded
// questions.
func (h *concourse) ordered(r *Result, at map[string]int) {
	for i := range h.calls {
		for j := range h.calls {
			a, b := &h.calls[i], &h.calls[j]
			va, vb := at[a.command.Actor+"/"+a.command.ID], at[b.command.Actor+"/"+b.command.ID]
			if a.err == nil && b.err == nil && a.done < b.begun && va > vb && vb > 0 && h.first(b) {
				r.violate("S8: %s was answered before %s was given, and lies after it", a.command.ID, b.command.ID)
			}
		}
	}
}

// first reports whether a call is the first with its actor and id: a repetition
// is answered from an earlier place.
func (h *concourse) first(c *call) bool {
	for i := range h.calls {
		o := &h.calls[i]
		if o.command.Actor == c.command.Actor && o.command.ID == c.command.ID && o.begun < c.begun {
			return false
		}
	}
	return true
}
