// Package table holds the indexes of a log: a [Table] from 16-byte keys to
// numbers, and a [Column] of numbers by position. Both begin with a base that is
// read where it lies, in a mapped file, and grow in memory beside it.
//
// # Keys are their own hashes
//
// Keys are uniformly distributed, such as the first half of an HMAC, and their bits
// are used as they come: there is no hash function and no seed. Other keys give the same answers,
// slowly, if they begin alike. Whoever can choose keys must not choose their bits.
//
// # Order
//
// A table is a number of slots in which the keys stand in ascending order, with
// gaps. A key k of a table with capacity c has its home in slot ⌊k·c / 2^128⌋ and
// stands there or, where that is taken by a smaller key, in the next slot that is
// not (linear probing, ordered: Amble and Knuth, "Ordered hash tables", 1974; no
// wrap-around: some slots may follow the capacity). A slot holds the complement of
// its key, so a gap, being zero, stands for the greatest key; it ends a search by
// itself, and there is one behind the last key. So a table is one sorted sequence,
// a search compares once per slot, a table grows in one pass, and base and delta
// merge into a new base in one pass without memory.
//
// The delta has 256 such tables, chosen by the first byte of the key, so that one
// insertion never waits for more than 1/256 of it to grow. The base has one, 3/4
// full. A number in the delta takes the place of one in the base. The key of which
// all bits are one has a place of its own.
package table

import (
	"encoding/binary"
	"iter"
	"math"
	"math/bits"
	"slices"
)

// Key is a uniformly distributed key.
type Key [16]byte

// Table maps keys to numbers. The zero Table is empty and ready.
//
// One goroutine may write at a time, and none may read meanwhile; the caller
// has the lock. Any number may read at once. A [View] needs no lock.
type Table struct {
	v     View
	owned [shards]bool // the slots of the shard are in no view
}

// View is a table as it was at one time. It does not change, and any number of
// goroutines may use it beside the writer of its table.
type View struct {
	base  base
	delta [shards]shard
	last  last
}

const shards = 256

// last holds the number of the greatest key, whose complement marks gaps.
type last struct {
	set bool
	n   uint64
}

// key is the complement of a [Key], in two halves. The key of a gap is zero.
type key struct{ hi, lo uint64 }

func split(k Key) key {
	return key{^binary.BigEndian.Uint64(k[:8]), ^binary.BigEndian.Uint64(k[8:])}
}

func (k key) join() (b Key) {
	binary.BigEndian.PutUint64(b[:8], ^k.hi)
	binary.BigEndian.PutUint64(b[8:], ^k.lo)
	return b
}

func (k key) gap() bool { return k == key{} }

// before reports whether k is the smaller key.
func (k key) before(o key) bool { return k.hi > o.hi || k.hi == o.hi && k.lo > o.lo }

// slot is a key and its number, or a gap.
type slot struct {
	key
	n uint64
}

// home returns ⌊h·capacity / 2^64⌋.
func home(h, capacity uint64) uint64 {
	at, _ := bits.Mul64(h, capacity)
	return at
}

// Get returns the number of a key, and whether it has one. It allocates nothing.
func (t *Table) Get(k Key) (uint64, bool) { return t.v.Get(k) }

// Len returns the number of keys. It is for a caller with time: it looks for every
// key that is in memory in the base.
func (t *Table) Len() int { return t.v.Len() }

// All yields the keys and their numbers in ascending order of the keys. The table
// must not be written meanwhile.
func (t *Table) All() iter.Seq2[Key, uint64] { return t.v.All() }

// Put gives a key a number, in place of the one it had. It costs a move of up to
// 1/256 of the keys in memory when their shard grows, and when it is the first Put
// into the shard after [Table.View].
func (t *Table) Put(k Key, n uint64) {
	w := split(k)
	if w.gap() {
		t.v.last = last{true, n}
		return
	}
	s := &t.v.delta[k[0]]
	if !t.owned[k[0]] {
		s.slots, t.owned[k[0]] = slices.Clone(s.slots), true
	}
	s.put(slot{w, n})
}

// Grow makes room for n more keys, so that putting them moves nothing, or little. A
// negative n is 0.
func (t *Table) Grow(n int) {
	mean := float64(max(0, n)) / shards
	more := uint64(mean + 4*math.Sqrt(mean)) // shards are not all alike
	for i := range t.v.delta {
		s := &t.v.delta[i]
		if need := (s.used + more + 2) / 3 * 4; more > 0 && need > s.capacity {
			s.resize(need)
			t.owned[i] = true
		}
	}
}

// View returns the table as it is now. It copies 10 KiB; afterwards the writer
// copies each shard once that it writes.
func (t *Table) View() *View {
	t.owned = [shards]bool{}
	v := t.v
	return &v
}

// Get is [Table.Get].
func (v *View) Get(k Key) (uint64, bool) {
	w := split(k)
	if w.gap() {
		return v.last.n, v.last.set
	}
	if n, ok := v.delta[k[0]].get(w); ok {
		return n, true
	}
	return v.base.get(w)
}

// Len is [Table.Len].
func (v *View) Len() int {
	n := v.inSlots()
	if v.last.set {
		n++
	}
	return int(n)
}

// inSlots returns the number of keys without the greatest.
func (v *View) inSlots() uint64 {
	n := v.base.keys
	for i := range v.delta {
		n += v.delta[i].used
		for _, s := range v.delta[i].slots {
			if _, ok := v.base.get(s.key); ok {
				n--
			}
		}
	}
	return n
}

// All is [Table.All].
func (v *View) All() iter.Seq2[Key, uint64] {
	return func(yield func(Key, uint64) bool) {
		for s := range v.slots() {
			if !yield(s.join(), s.n) {
				return
			}
		}
		if v.last.set {
			yield(key{}.join(), v.last.n)
		}
	}
}

// slots yields base and delta as one sequence of slots that are no gaps.
func (v *View) slots() iter.Seq[slot] {
	return func(yield func(slot) bool) {
		at, old := v.base.next(0)
		for i := range v.delta {
			for _, s := range v.delta[i].slots {
				if s.gap() {
					continue
				}
				for old.before(s.key) {
					if !yield(old) {
						return
					}
					at, old = v.base.next(at)
				}
				if old.key == s.key {
					at, old = v.base.next(at)
				}
				if !yield(s) {
					return
				}
			}
		}
		for ; !old.gap(); at, old = v.base.next(at) {
			if !yield(old) {
				return
			}
		}
	}
}
