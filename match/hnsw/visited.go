package hnsw

import (
	"slices"
	"sync/atomic"
)

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

// sift adds the slots of a list that are below a bound, the last first, and puts
// those that were not yet in the set into ids, which has room for all. It returns
// how many they are.
//
// About every other slot has been seen, by no rule that a processor could learn:
// a jump that depends on it costs more than all the rest of the work.
func (v *visited) sift(ids, list []uint32, bound uint32) (n int) {
	if cap(v.touched)-len(v.touched) <= len(list) {
		v.touched = slices.Grow(v.touched, len(list)+1)
	}
	bits, touched, t := v.bits, v.touched[:cap(v.touched)], len(v.touched)
	for i := len(list) - 1; i >= 0; i-- {
		s := atomic.LoadUint32(&list[i])
		if s >= bound {
			continue
		}
		old := bits[s>>6]
		bits[s>>6] = old | 1<<(s&63)
		touched[t] = s >> 6
		t += int((old - 1) &^ old >> 63) // 1 where old is 0
		ids[n] = s
		n += int(^old >> (s & 63) & 1)
	}
	v.touched = touched[:t]
	return n
}
