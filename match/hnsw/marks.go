package hnsw

import "github.com/RoaringBitmap/roaring/v2"

// marks are the row numbers of a bitmap laid out flat, a bit for each slot: what
// a walk asks of every row that it meets has to be one look at memory that is
// near. The rows need not be of the version that a search sees.
type marks []uint64

func (m marks) has(s uint32) bool { return m[s>>6]>>(s&63)&1 != 0 }

func (m *marks) accept(s uint32) bool { return m.has(s) }

// Containers of a bitmap hold so many numbers; room for marks is a multiple.
const containerBits = 1 << 16

// set makes m the marks of slots below n.
func (m *marks) set(b *roaring.Bitmap, n int) {
	words := (n + containerBits - 1) / containerBits * (containerBits / 64)
	if cap(*m) < words {
		*m = make(marks, words)
	}
	*m = (*m)[:words]
	clear(*m)
	if b.IsEmpty() {
		return
	}
	if int(b.Maximum()) < words*64 {
		b.WriteDenseTo(*m)
		return
	}
	for it := b.Iterator(); it.HasNext(); {
		s := it.Next()
		if int(s) >= words*64 {
			return
		}
		(*m)[s>>6] |= 1 << (s & 63)
	}
}
