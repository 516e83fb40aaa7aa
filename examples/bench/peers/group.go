package main

import (
	"context"
	"sync"

	"github.com/deeperpoint/csss/examples/bench/load"
)

// groupEntries is how many entries one transaction takes at most, unless a
// single call has more.
const groupEntries = 1 << 16

// group lets the calls that wait share a transaction: whoever gets the token
// commits for all that have queued so far.
type group struct {
	commit func([][]load.Entry) error
	token  chan struct{}

	mu      sync.Mutex
	waiting []*call
}

type call struct {
	entries []load.Entry
	done    chan error
}

func newGroup(commit func([][]load.Entry) error) *group {
	return &group{commit: commit, token: make(chan struct{}, 1)}
}

// append returns once the entries are durable.
func (g *group) append(_ context.Context, _ int, entries []load.Entry) error {
	c := &call{entries: entries, done: make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	for {
		select {
		case err := <-c.done:
			return err
		case g.token <- struct{}{}:
			g.lead()
			<-g.token
		}
	}
}

// lead commits what waits, if anything does.
func (g *group) lead() {
	calls := g.take()
	if len(calls) == 0 {
		return
	}
	batches := make([][]load.Entry, len(calls))
	for i, c := range calls {
		batches[i] = c.entries
	}
	err := g.commit(batches)
	for _, c := range calls {
		c.done <- err
	}
}

// take removes the calls of the next transaction from the queue.
func (g *group) take() []*call {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, entries := 0, 0
	for n < len(g.waiting) && (n == 0 || entries+len(g.waiting[n].entries) <= groupEntries) {
		entries += len(g.waiting[n].entries)
		n++
	}
	calls := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return calls
}
