package ledger

import (
	"context"
	"runtime"
	"slices"
)

// A group is the calls that wait at one time. It takes four steps:
//
//	form     calls join; the first one leads
//	decide   which of them are duplicates, conflicts, or entries of the next batch
//	begin    seal, hash, write
//	settle   sync, let readers see it, tell the calls
//
// One group at a time decides and begins: its leader has the token Log.writer.
// While it settles, the next one decides and begins, on top of it. No step has a
// goroutine of its own: leaders are the callers.
type group struct {
	calls  []*call
	closed bool          // decided on: nobody joins any more
	synced chan struct{} // closed when the next group may wait for its sync
	done   chan struct{} // closed when all calls have their answers
}

// maxGroup is where a group is full: entries, and bytes of payloads.
const (
	maxGroup      = 4 * MaxBatch
	maxGroupBytes = MaxBatchBytes
)

// minGroup is how many calls a group takes before it leaves some to the next: from
// there on, what they cost the processors is more than what a sync costs.
const minGroup = 256

// queue is where groups form.
type queue struct {
	forming *group
	entries int
	bytes   int
	calls   int // that joined and have no answer yet
}

// enqueue lets a call join a group, leads the group if it is the first, and
// returns when the call has its answer. The error is the context's.
func (l *Log) enqueue(c *call) error {
	l.qmu.Lock()
	g, leads := l.forming.join(c)
	l.qmu.Unlock()
	if leads {
		return l.lead(g, c)
	}
	if c.ctx.Done() == nil {
		<-g.done
		return nil
	}
	select {
	case <-g.done:
		return nil
	case <-c.ctx.Done():
		return l.withdraw(g, c)
	}
}

// join adds a call to the forming group.
func (q *queue) join(c *call) (g *group, leads bool) {
	bytes := c.size
	if q.forming == nil || q.entries+len(c.entries) > maxGroup || q.bytes+bytes > maxGroupBytes || q.half() {
		q.forming, q.entries, q.bytes = &group{done: make(chan struct{})}, 0, 0
		leads = true
	}
	q.calls++
	q.entries += len(c.entries)
	q.bytes += bytes
	q.forming.calls = append(q.forming.calls, c)
	return q.forming, leads
}

// half reports whether the forming group has half of all calls. Callers that all
// wait for one group leave nobody to fill the next while it is synced; two halves
// take turns.
func (q *queue) half() bool { return len(q.forming.calls) >= max(minGroup, (q.calls+1)/2) }

// withdraw takes a call out of a group that is not closed; else it waits.
func (l *Log) withdraw(g *group, c *call) error {
	l.qmu.Lock()
	if !g.closed {
		i := slices.Index(g.calls, c)
		g.calls = slices.Delete(g.calls, i, i+1)
		l.forming.calls--
		l.qmu.Unlock()
		return c.ctx.Err()
	}
	l.qmu.Unlock()
	<-g.done
	return nil
}

// lead takes the token and brings a group to its end. If the leader's context
// ends first, another goroutine leads the calls that stay; it ends with them.
func (l *Log) lead(g *group, c *call) error {
	ctx := c.ctx
	select {
	case l.writer <- struct{}{}:
	default:
		select {
		case l.writer <- struct{}{}:
		case <-ctx.Done():
			err := l.withdraw(g, c)
			go func() {
				l.writer <- struct{}{}
				l.run(g, context.WithoutCancel(ctx))
			}()
			return err
		}
	}
	if ctx.Done() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	l.run(g, ctx)
	return nil
}

// run brings a group to its end. It has the token and gives it back.
func (l *Log) run(g *group, ctx context.Context) {
	l.inFlight <- struct{}{} // at most two groups are begun and not at their end
	l.gather(g)
	w := workPool.Get().(*work)
	before := l.tail
	wait, err := l.begin(ctx, g, w)
	if wait != nil {
		g.synced = make(chan struct{})
		l.tail = g
	}
	<-l.writer
	switch {
	case err != nil:
	case wait != nil:
		err = l.settle(g, w, before, wait)
	case w.overlaid: // nothing to write, but decided on what is in flight
		<-before.done
		err = l.refusal()
	}
	if err != nil {
		g.fail(err)
	}
	l.qmu.Lock()
	l.forming.calls -= len(g.calls)
	l.qmu.Unlock()
	g.calls = nil
	w.clear()
	workPool.Put(w)
	<-l.inFlight
	close(g.done)
}

// settle makes a begun group durable and lets readers see it.
func (l *Log) settle(g *group, w *work, before *group, wait func() error) error {
	if before != nil {
		<-before.synced
	}
	err := wait()
	close(g.synced)
	if before != nil {
		<-before.done
	}
	if err != nil {
		return l.poison(err)
	}
	if err := l.refusal(); err != nil { // the group before has failed
		return err
	}
	l.publish(w)
	return nil
}

// gather closes the group. Where callers come in crowds, those that are about to
// join are let in first: each turn lets others run, until none comes.
func (l *Log) gather(g *group) {
	for range 8 {
		l.qmu.Lock()
		n := len(g.calls)
		l.qmu.Unlock()
		if n <= 1 && l.crowd <= 1 {
			break
		}
		runtime.Gosched()
		l.qmu.Lock()
		more := len(g.calls) > n
		l.qmu.Unlock()
		if !more {
			break
		}
	}
	l.qmu.Lock()
	g.closed = true
	if l.forming.forming == g {
		l.forming.forming = nil
	}
	l.qmu.Unlock()
	l.crowd = len(g.calls)
}

// fail answers all calls of a group with an error.
func (g *group) fail(err error) {
	for _, c := range g.calls {
		c.receipts, c.verdict, c.err = nil, callDone, err
	}
}
