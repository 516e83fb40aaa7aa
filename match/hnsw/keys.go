package hnsw

import (
	"reflect"
	"sync"
	"unsafe"
)

// keys lead from keys to slots. Where keys are row numbers, each is its slot;
// else a map knows, and a column leads back.
type keys[K Key] struct {
	numbers bool
	names   column[K] // by slot; the zero K where the slot is free

	mu    *sync.RWMutex // held for single look-ups and changes
	slots map[K]uint32
	taken func() []uint32 // slots with keys, while the map is still to be made of them
}

func newKeys[K Key](numbers bool) (keys[K], error) {
	if !numbers {
		return keys[K]{mu: new(sync.RWMutex), slots: make(map[K]uint32)}, nil
	}
	if reflect.TypeFor[K]().Kind() != reflect.Uint32 {
		return keys[K]{}, &KeyTypeError{Type: reflect.TypeFor[K]().String()}
	}
	return keys[K]{numbers: true}, nil
}

// slot returns where a key's row is, or was, or will be: which of these, its
// life says.
func (k *keys[K]) slot(key K) (uint32, bool) {
	if k.numbers {
		return number(key), true
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	for k.slots == nil {
		k.mu.RUnlock()
		k.index()
		k.mu.RLock()
	}
	s, ok := k.slots[key]
	return s, ok
}

// index makes the map of an index that was opened. Whoever changes keys has
// asked for one before, so none has changed yet.
func (k *keys[K]) index() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.slots != nil {
		return
	}
	taken := k.taken()
	slots := make(map[K]uint32, len(taken))
	for _, s := range taken {
		slots[*k.names.at(s)] = s
	}
	k.slots, k.taken = slots, nil
}

// set gives a slot to a key. It must have none.
func (k *keys[K]) set(key K, s uint32) {
	if k.numbers {
		return
	}
	k.names.reserve(int(s) + 1)
	*k.names.at(s) = key
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slots[key] = s
}

// drop takes a slot from its key, which no search can see.
func (k *keys[K]) drop(s uint32) {
	if k.numbers {
		return
	}
	var nothing K
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.slots, *k.names.at(s))
	*k.names.at(s) = nothing
}

// key returns the key of a slot.
func (v *view[K]) key(s uint32) K {
	if v.RowNumbers {
		return *(*K)(unsafe.Pointer(&s)) // K is a uint32 by another name
	}
	return *v.names.at(s)
}

// number is the key itself, where K is a uint32 by another name.
func number[K Key](key K) uint32 { return *(*uint32)(unsafe.Pointer(&key)) }
