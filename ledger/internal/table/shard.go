package table

// shard is an ordered table in memory. All its keys have the same first byte, so
// their second byte comes first in home.
type shard struct {
	slots    []slot // capacity, and some more for what the last clusters push out
	capacity uint64
	used     uint64
}

const (
	minCapacity = 8
	spare       = 16 // slots above the capacity that are there from the beginning
)

func (s *shard) home(k key) uint64 { return home(k.hi<<8, s.capacity) }

// find returns the slot of a key, or the one where it belongs.
func (s *shard) find(k key) (at uint64, ok bool) {
	for at = s.home(k); at < uint64(len(s.slots)); at++ {
		o := &s.slots[at]
		if o.hi < k.hi && o.hi != 0 {
			continue
		}
		if o.key == k {
			return at, true
		}
		if o.empty() || k.less(o.key) {
			break
		}
	}
	return at, false
}

func (s *shard) get(k key) (uint64, bool) {
	at, ok := s.find(k)
	if !ok {
		return 0, false
	}
	return s.slots[at].n, true
}

// put reports whether the key is new.
func (s *shard) put(e slot) bool {
	at, ok := s.find(e.key)
	if ok {
		s.slots[at].n = e.n
		return false
	}
	if s.used >= s.capacity/4*3 {
		s.grow()
		at, _ = s.find(e.key)
	}
	s.insert(at, e)
	s.used++
	return true
}

// insert puts a slot in its place and moves what stands there up to the next gap.
func (s *shard) insert(at uint64, e slot) {
	for ; at < uint64(len(s.slots)); at++ {
		if e, s.slots[at] = s.slots[at], e; e.empty() {
			return
		}
	}
	s.slots = append(s.slots, e)
}

// grow doubles the capacity.
func (s *shard) grow() {
	old := s.slots
	s.capacity = max(minCapacity, 2*s.capacity)
	s.slots = make([]slot, s.capacity+spare)
	next := uint64(0) // first slot after the last key
	for _, e := range old {
		if e.empty() {
			continue
		}
		at := max(next, s.home(e.key))
		if at == uint64(len(s.slots)) {
			s.slots = append(s.slots, e)
		} else {
			s.slots[at] = e
		}
		next = at + 1
	}
}
