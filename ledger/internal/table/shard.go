package table

// shard is a table in memory. All its keys have the same first byte, so that home
// begins with their second.
type shard struct {
	slots    []slot // as many as capacity, and more for what the last keys push out; the last is a gap
	capacity uint64
	used     uint64
}

const (
	minCapacity = 8
	spare       = 8 // slots above the capacity that are there from the beginning
)

func (s *shard) home(k key) uint64 { return home(^k.hi<<8, s.capacity) }

// find returns the slot of a key, or the one where it belongs. There are slots.
func (s *shard) find(k key) (at uint64, ok bool) {
	at = s.home(k)
	for s.slots[at].hi > k.hi {
		at++
	}
	for s.slots[at].before(k) {
		at++
	}
	return at, s.slots[at].key == k
}

func (s *shard) get(k key) (uint64, bool) {
	if s.used == 0 {
		return 0, false
	}
	if at, ok := s.find(k); ok {
		return s.slots[at].n, true
	}
	return 0, false
}

func (s *shard) put(e slot) {
	if s.used >= s.capacity/4*3 {
		s.resize(2 * s.capacity)
	}
	at, ok := s.find(e.key)
	if ok {
		s.slots[at].n = e.n
		return
	}
	s.used++
	for !e.gap() { // move what stands here up to the next gap
		e, s.slots[at] = s.slots[at], e
		at++
	}
	s.end(at)
}

// end puts a gap behind the slots below at, if that is the end of all.
func (s *shard) end(at uint64) {
	if at == uint64(len(s.slots)) {
		s.slots = append(s.slots, slot{})
	}
}

// resize moves all to slots of another capacity, which is enough.
func (s *shard) resize(capacity uint64) {
	old := s.slots
	s.capacity = max(minCapacity, capacity)
	s.slots = make([]slot, s.capacity+spare)
	next := uint64(0) // behind the last key
	for _, e := range old {
		if !e.gap() {
			at := max(next, s.home(e.key))
			s.slots[at] = e
			next = at + 1
			s.end(next)
		}
	}
}
