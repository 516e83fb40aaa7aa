package hnsw

import (
	"math"
	"slices"
)

// An entry is a row at its distance from the query. Entries are ordered by
// (d, slot), so that ties fall the same way on every path.
type entry struct {
	d    float32
	slot uint32
}

// done marks an entry of a walker's pool whose neighbours have been seen. It
// shares a word with the slot, which is below 2^31.
const done = 1 << 31

func (e entry) before(f entry) bool {
	if e.d != f.d {
		return e.d < f.d
	}
	return e.slot&^done < f.slot&^done
}

func compareEntries(a, b entry) int {
	switch {
	case a.before(b):
		return -1
	case b.before(a):
		return 1
	}
	return 0
}

// arrange sorts entries of which most are near their places already, as they are
// where the distances that they were sorted by were nearly right. It costs a look
// at each and its moves; where these are many, it sorts as usual.
func arrange(p []entry) {
	moves := 8 * len(p)
	for i := 1; i < len(p); i++ {
		e, at := p[i], i
		for ; at > 0 && e.before(p[at-1]); at-- {
			p[at] = p[at-1]
		}
		p[at] = e
		if moves -= i - at; moves < 0 {
			slices.SortFunc(p, compareEntries)
			return
		}
	}
}

// A pool is a sorted list of the nearest entries seen. One sorted array does
// the work of two heaps, and the final order is there for free.
type pool []entry

// insert adds e, evicting the last entry where the pool already holds limit.
// It returns the place of e, or -1 if e is beyond the last of a full pool.
func (p *pool) insert(e entry, limit int) int {
	q := *p
	n := len(q)
	if n >= limit {
		if !e.before(q[n-1]) {
			return -1
		}
		n-- // the last goes
	} else {
		q = append(q, entry{})
		*p = q
	}
	lo := q[:n].below(e.d)
	for lo < n && q[lo].d == e.d && q[lo].before(e) {
		lo++
	}
	copy(q[lo+1:], q[lo:n])
	q[lo] = e
	return lo
}

// last is the distance of the last entry of a full pool, beyond which none is
// kept.
func (p pool) last(limit int) float32 {
	if len(p) < limit {
		return float32(math.Inf(1))
	}
	return p[limit-1].d
}

// below is the number of entries nearer than d.
func (p pool) below(d float32) (n int) {
	const block = 16
	for i := block - 1; i < len(p); i += block {
		n += one(p[i].d < d)
	}
	n *= block
	for _, e := range p[n:min(n+block, len(p))] {
		n += one(e.d < d)
	}
	return n
}

// one is 1 for true, without a jump.
func one(b bool) (n int) {
	if b {
		n = 1
	}
	return n
}

// A frontier is a binary min-heap of entries.
type frontier []entry

func (h *frontier) push(e entry) {
	q := append(*h, e)
	for i := len(q) - 1; i > 0; {
		up := (i - 1) / 2
		if !q[i].before(q[up]) {
			break
		}
		q[i], q[up] = q[up], q[i]
		i = up
	}
	*h = q
}

// pop removes and returns the least entry of a heap that is not empty.
func (h *frontier) pop() entry {
	q := *h
	least, last := q[0], len(q)-1
	q[0], q = q[last], q[:last]
	for i := 0; ; {
		kid := 2*i + 1
		if kid >= last {
			break
		}
		if kid+1 < last && q[kid+1].before(q[kid]) {
			kid++
		}
		if !q[kid].before(q[i]) {
			break
		}
		q[i], q[kid] = q[kid], q[i]
		i = kid
	}
	*h = q
	return least
}
