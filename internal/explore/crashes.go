package explore

import (
	"context"
	"encoding/json"
	"math/rand/v2"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

// Crashes plays so many scenarios, each once to its end and then stopped at each
// append, before and after the log has it. What was stopped begins again with a new
// engine, and gives from the interrupted command on all commands again, as a host does
// that lost its answer. Then no acknowledgement may be lost, nothing have
// happened twice, and the state be that of the run that was never stopped.
func Crashes(scenarios int, seed uint64) Result {
	var r Result
	for i := range scenarios {
		s := opened()
		commands := script(rand.New(rand.NewPCG(seed+uint64(i), 6)), &s, i%2, 5)
		for n, more := range script(rand.New(rand.NewPCG(seed+uint64(i), 7)), &s, 1-i%2, 5) {
			commands = append(commands[:2*n+1], append([]disclosure.Command{more}, commands[2*n+1:]...)...)
		}
		whole := &crash{commands: commands}
		whole.play()
		want := whole.state()
		for at := 1; at <= whole.log.Appends(); at++ {
			for _, fault := range []disclosuretest.Fault{disclosuretest.Fail, disclosuretest.Landed} {
				c := &crash{commands: commands, at: at, fault: fault}
				c.play()
				c.judge(&r, want)
				r.Sequences++
			}
		}
		if len(r.Violations) == 10 {
			break
		}
	}
	return r
}

// crash is one run of a scenario; at 0 it is never stopped.
type crash struct {
	commands []disclosure.Command
	at       int
	fault    disclosuretest.Fault
	log      disclosuretest.Log
	acked    []int // commands that were answered before the stop
	receipts []disclosure.Receipt
}

// dead is a log whose process has stopped: nothing is answered any more.
type dead struct {
	*disclosuretest.Log
	stopped *bool
}

func (d dead) Append(ctx context.Context, key string, recs ...disclosure.Record) (bool, error) {
	if *d.stopped {
		return false, context.Canceled
	}
	return d.Log.Append(ctx, key, recs...)
}

func (d dead) ByKey(ctx context.Context, key string) (bool, error) {
	if *d.stopped {
		return false, context.Canceled
	}
	return d.Log.ByKey(ctx, key)
}

func (c *crash) play() {
	ctx, stopped := context.Background(), false
	c.log.Inject = func(n int) disclosuretest.Fault {
		if n != c.at {
			return disclosuretest.None
		}
		stopped = true
		return c.fault
	}
	e, err := disclosure.New(dead{&c.log, &stopped}, voted{}, open{}, nil)
	if err != nil {
		return
	}
	proposal := opened().Proposal
	_ = e.Propose(ctx, proposal)
	next := 0
	for ; next < len(c.commands) && !stopped; next++ {
		r, err := e.Do(ctx, c.commands[next])
		if stopped {
			break
		}
		if err == nil {
			c.acked, c.receipts = append(c.acked, next), append(c.receipts, r)
		}
	}
	if !stopped {
		return
	}
	stopped = false
	c.log.Inject = nil
	if e, err = disclosure.New(&c.log, voted{}, open{}, nil); err != nil {
		return
	}
	_ = e.Propose(ctx, proposal)
	for ; next < len(c.commands); next++ {
		_, _ = e.Do(ctx, c.commands[next])
	}
}

func (c *crash) state() disclosure.State {
	s := disclosure.State{}
	for rec := range c.log.Read(context.Background(), disclosure.StreamOf("s"), 0) {
		if ev, err := disclosure.DecodeEvent(rec); err == nil {
			s = disclosure.Evolve(s, ev)
		}
	}
	return s
}

func (c *crash) judge(r *Result, want disclosure.State) {
	got := c.state()
	for i, n := range c.acked {
		r.Accepted++
		cmd := &c.commands[n]
		if receipt, ok := got.Actors.Receipt(cmd.Actor, cmd.ID); !ok || receipt != c.receipts[i] {
			r.violate("S9: the answer to %s is lost by a stop at append %d", cmd.Kind, c.at)
		}
	}
	if !same(got, want) {
		r.violate("S9: a stop at append %d leads to another state", c.at)
	}
	holds := 0
	for rec := range c.log.Read(context.Background(), "hold/s", 0) {
		if rec.Type == "hold.provisional" {
			holds++
		}
	}
	if holds > 1 {
		r.violate("S9: %d holds after a stop at append %d", holds, c.at)
	}
}

// same compares states as the log would tell them.
func same(a, b disclosure.State) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}
