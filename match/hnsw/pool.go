package hnsw

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
	lo, hi := 0, n
	for lo < hi {
		if h := int(uint(lo+hi) >> 1); q[h].d < e.d || q[h].d == e.d && q[h].before(e) {
			lo = h + 1
		} else {
			hi = h
		}
	}
	copy(q[lo+1:], q[lo:n])
	q[lo] = e
	return lo
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

// A visited set is a bitmap over slots that is emptied at the cost of what it
// holds, not of what it could hold.
type visited struct {
	bits    []uint64
	touched []uint32 // words that may not be zero
}

// reset empties the set and makes room for slots below n.
func (v *visited) reset(n int) {
	for _, w := range v.touched {
		v.bits[w] = 0
	}
	v.touched = v.touched[:0]
	if words := (n + 63) / 64; len(v.bits) < words {
		v.bits = make([]uint64, words+words/4)
	}
}

// add reports whether s was not yet in the set, and puts it there.
func (v *visited) add(s uint32) bool {
	w, bit := s>>6, uint64(1)<<(s&63)
	old := v.bits[w]
	if old&bit != 0 {
		return false
	}
	if old == 0 {
		v.touched = append(v.touched, w)
	}
	v.bits[w] = old | bit
	return true
}
