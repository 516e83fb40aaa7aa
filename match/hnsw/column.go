package hnsw

import (
	"sync/atomic"
	"unsafe"
)

// A column holds one value for each slot, in chunks that never move: a copy of
// a column sees what its chunks hold, and none that came later.
type column[T any] struct{ chunks []*chunk[T] }

type chunk[T any] [1 << columnShift]T

const columnShift = 10

// reserve makes room for the slots below n.
func (c *column[T]) reserve(n int) {
	for len(c.chunks)<<columnShift < n {
		c.chunks = append(c.chunks, new(chunk[T]))
	}
}

// at is the place of slot s, which must have been reserved.
func (c *column[T]) at(s uint32) *T { return &c.chunks[s>>columnShift][s&(1<<columnShift-1)] }

func (c *column[T]) bytes() int {
	var one chunk[T]
	return len(c.chunks) * int(unsafe.Sizeof(one))
}

// A life says in which versions of the index a slot holds its row: from birth
// until before death. A slot that never held one has neither.
type life struct{ birth, death atomic.Uint32 }

// in reports whether the row is one of the version's.
func (l *life) in(version uint32) bool {
	death := l.death.Load()
	return l.birth.Load()-1 < version && (death == 0 || version < death)
}
