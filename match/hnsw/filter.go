package hnsw

import (
	"iter"
	"maps"
	"math"

	"github.com/RoaringBitmap/roaring/v2"
)

// A Filter is the set of keys that a search may return. It must not change
// during a search, must allow concurrent calls if searches share it, and must
// not call the index.
//
// A Filter may also be a [Lister]; a small set then costs what it holds
// rather than a look at every row.
type Filter[K Key] interface {
	// Contains reports whether key is in the set. Searches call it once per
	// row they meet: make it cheap.
	Contains(key K) bool
	// Len returns how many keys are in the set, or a higher number; keys that
	// the index does not hold may be counted. Negative means unknown. The
	// number chooses the path, and 0 means an empty result.
	Len() int
}

// A Lister is a [Filter] that can also name its keys, in any order.
type Lister[K Key] interface {
	Filter[K]
	All() iter.Seq[K]
}

// FilterFunc makes a [Filter] of unknown length from a function: for tests
// and for sets that nobody can count. A search with it begins as a walk and
// turns to a scan where matches are rare.
type FilterFunc[K Key] func(key K) bool

// Contains calls f.
func (f FilterFunc[K]) Contains(key K) bool { return f(key) }

// Len returns -1, unknown.
func (f FilterFunc[K]) Len() int { return -1 }

// Keys returns the set of the given keys as a [Lister]. It copies them.
func Keys[K Key](keys ...K) Lister[K] {
	set := make(keySet[K], len(keys))
	for _, k := range keys {
		set[k] = struct{}{}
	}
	return set
}

type keySet[K Key] map[K]struct{}

func (s keySet[K]) Contains(key K) bool { _, ok := s[key]; return ok }
func (s keySet[K]) Len() int            { return len(s) }
func (s keySet[K]) All() iter.Seq[K]    { return maps.Keys(s) }

// Bitmap returns the set of the keys whose numbers are in b, as a [Lister]. It
// keeps b, which must not change while searches use it; nil is the empty set.
func Bitmap[K ~uint32](b *roaring.Bitmap) Lister[K] {
	if b == nil {
		b = roaring.New()
	}
	return bitmap[K]{b}
}

type bitmap[K ~uint32] struct{ set *roaring.Bitmap }

func (b bitmap[K]) Contains(key K) bool { return b.set.Contains(uint32(key)) }

func (b bitmap[K]) Len() int { return int(min(b.set.GetCardinality(), math.MaxInt32)) }

func (b bitmap[K]) All() iter.Seq[K] {
	return func(yield func(K) bool) {
		for key := range roaring.Values(b.set) {
			if !yield(K(key)) {
				return
			}
		}
	}
}

// numbered is a filter of row numbers.
type numbered interface{ rowNumbers() *roaring.Bitmap }

func (b bitmap[K]) rowNumbers() *roaring.Bitmap { return b.set }
