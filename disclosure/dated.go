package disclosure

import (
	"container/heap"
	"time"
)

// An edge is a time at which a fact of the listing in a slot starts or ends.
type edge struct {
	at   time.Time
	slot int
}

// edges are what is still to come, a heap with the next one first. Those of
// slots that were emptied or filled anew since are looked at once in vain.
type edges []edge

func (e edges) Len() int           { return len(e) }
func (e edges) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e edges) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *edges) Push(x any)        { *e = append(*e, x.(edge)) }
func (e *edges) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}

// watch notes when l's facts change, from now on, and since when they did not.
func (s *Summarizer) watch(slot int, l Listing) {
	for _, d := range l.Dated {
		for _, at := range []time.Time{d.From, d.Until} {
			switch {
			case at.IsZero():
			case at.After(s.now):
				heap.Push(&s.edges, edge{at, slot})
			case at.After(s.from):
				s.from = at
			}
		}
	}
}

// turnTo brings the labels in line with a time. They are a cache over the
// listings: going forward costs the facts that change, going back beyond the
// last change costs them all.
func (s *Summarizer) turnTo(now time.Time) {
	if now.Before(s.from) {
		s.turnBack(now)
		return
	}
	var changed bitmap
	for len(s.edges) > 0 && !s.edges[0].at.After(now) {
		e := heap.Pop(&s.edges).(edge)
		s.from = e.at
		if s.dated.has(e.slot) {
			changed = changed.with(e.slot)
		}
	}
	s.relabel(changed, now)
}

// turnBack finds the edges anew.
func (s *Summarizer) turnBack(now time.Time) {
	s.relabel(s.dated, now)
	s.rewatch()
}

// rewatch forgets the edges of listings that went.
func (s *Summarizer) rewatch() {
	s.edges, s.from = s.edges[:0], time.Time{}
	s.dated.each(func(slot int) bool { s.watch(slot, s.slots[slot].Listing); return true })
}

// relabel turns to a time at which the labels of some listings may be others.
func (s *Summarizer) relabel(some bitmap, now time.Time) {
	each := func(f func(int, labelKey)) {
		some.each(func(slot int) bool {
			s.eachLabel(s.slots[slot].Listing, func(k labelKey) { f(slot, k) })
			return true
		})
	}
	each(func(slot int, k labelKey) { s.labels[k].without(slot) })
	s.now = now
	each(func(slot int, k labelKey) { s.labels[k] = s.labels[k].with(slot) })
}
