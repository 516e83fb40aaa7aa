package ledger

import (
	"encoding/binary"
	"math/bits"
)

// slots is a small hash table from identifiers to positions in a list that the
// caller keeps. Identifiers are uniform, so their bits are the hash; probing is
// linear; what was put last can be taken out again, in reverse order.
type slots struct{ at []slot }

type slot struct {
	id id
	n  int32 // position + 1; 0 is free
}

// reset empties the table and makes room for n.
func (s *slots) reset(n int) {
	size := 1 << bits.Len(uint(max(2*n, 8)-1))
	if cap(s.at) < size {
		s.at = make([]slot, size)
		return
	}
	s.at = s.at[:size]
	clear(s.at)
}

// find returns the place of an identifier and its position, or the free place
// where it belongs and −1.
func (s *slots) find(x *id) (place int, position int32) {
	mask := len(s.at) - 1
	place = int(binary.LittleEndian.Uint64(x[:])) & mask
	for s.at[place].n != 0 {
		if s.at[place].id == *x {
			return place, s.at[place].n - 1
		}
		place = (place + 1) & mask
	}
	return place, -1
}

// put fills the free place that find returned.
func (s *slots) put(place int, x *id, position int32) { s.at[place] = slot{id: *x, n: position + 1} }

// undo frees the place that was filled last.
func (s *slots) undo(place int) { s.at[place].n = 0 }
