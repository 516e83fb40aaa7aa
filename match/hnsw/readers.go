package hnsw

import (
	"runtime"
	"sync/atomic"
	"time"
)

// readers counts the searches under way, so that a writer can wait until none
// is left that may still look at what it has hidden. Searches never wait: they
// add to one of two counters, and a writer waits for the one while new searches
// use the other (sleepable read-copy-update, McKenney 2006).
type readers struct {
	phase   atomic.Uint32
	stripes [stripes]stripe
}

// Counters are spread so that searches on several processors do not share one.
const stripes = 16

type stripe struct {
	in [2]atomic.Int64
	_  [48]byte // to the next cache line
}

// enter counts a search in; it ends with done on the counter returned.
func (r *readers) enter(i uint32) *atomic.Int64 {
	c := &r.stripes[i%stripes].in[r.phase.Load()&1]
	c.Add(1)
	return c
}

// wait returns once every search that entered before it has left.
func (r *readers) wait() {
	now := r.phase.Load() & 1
	r.drain(1 - now) // searches that saw the phase before the last, and counted late
	r.phase.Add(1)
	r.drain(now)
}

func (r *readers) drain(phase uint32) {
	for i := range r.stripes {
		for tries := 0; r.stripes[i].in[phase].Load() != 0; tries++ {
			if tries < 64 {
				runtime.Gosched()
			} else {
				time.Sleep(20 * time.Microsecond)
			}
		}
	}
}
