package matchtest

import (
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// bad returns vectors that no index may take, by what is wrong with them.
func (f *fixture) bad() map[string][]float32 {
	with := func(x float64) []float32 {
		v := f.gaussian()
		v[len(v)-1] = float32(x)
		return v
	}
	return map[string][]float32{
		"nil":       nil,
		"empty":     {},
		"short":     f.gaussian()[1:],
		"long":      append(f.gaussian(), 1),
		"NaN":       with(math.NaN()),
		"infinite":  with(math.Inf(1)),
		"-infinite": with(math.Inf(-1)),
		"zero":      make([]float32, f.Dim),
	}
}

func testBadVectors(f *fixture) {
	f.fill(0, 20, f.gaussian)
	for what, v := range f.bad() {
		if f.x.Upsert([]uint32{5}, [][]float32{v}) == nil {
			f.Errorf("a vector that is %s replaces a row", what)
		}
		if f.x.Upsert([]uint32{100}, [][]float32{v}) == nil {
			f.Errorf("a vector that is %s is added", what)
		}
	}
	f.holds()
}

// A batch with one bad vector leaves what was there, and nothing of itself,
// wherever in the batch it is.
func testAllOrNone(f *fixture) {
	f.fill(0, 20, f.gaussian)
	for what, v := range f.bad() {
		for at := range 3 {
			batch := [][]float32{f.gaussian(), f.gaussian(), f.gaussian()}
			batch[at] = v
			if f.x.Upsert([]uint32{3, 100, 7}, batch) == nil {
				f.Errorf("a batch whose vector %d is %s is taken", at, what)
			}
		}
	}
	if f.x.Upsert([]uint32{1, 2}, [][]float32{f.gaussian()}) == nil {
		f.Errorf("one vector for two rows is taken")
	}
	if f.x.Upsert([]uint32{1}, [][]float32{f.gaussian(), f.gaussian()}) == nil {
		f.Errorf("two vectors for one row are taken")
	}
	f.upsert(nil, nil)
	f.holds()
}

// A batch that is refused does not fix the length of the vectors either.
func testBadFirstBatch(f *fixture) {
	for what, v := range f.bad() {
		if what == "long" || what == "short" {
			continue // as good as any other length
		}
		f.reset()
		longer := append(f.gaussian(), 1, 2, 3)
		if f.x.Upsert([]uint32{1}, [][]float32{v}) == nil {
			f.Errorf("a first vector that is %s is taken", what)
		}
		if f.x.Upsert([]uint32{1, 2}, [][]float32{longer, v}) == nil {
			f.Errorf("a first batch with a vector that is %s is taken", what)
		}
		f.fill(0, 5, f.gaussian)
		f.holds()
	}
}

func testTwiceInABatch(f *fixture) {
	f.fill(0, 20, f.gaussian)
	if f.x.Upsert([]uint32{30, 4, 30}, [][]float32{f.gaussian(), f.gaussian(), f.gaussian()}) == nil {
		f.Errorf("a batch that names a row twice is taken")
	}
	f.holds()
}

// The old vector of a replaced row is in no result, whether the new one is
// near to it or far away, and whether rows are replaced one by one or at once.
func testReplace(f *fixture) {
	f.fill(0, 200, f.gaussian)
	for round := range 5 {
		for id := uint32(round); id < 200; id += 7 {
			old := f.rows[id]
			f.upsert([]uint32{id}, [][]float32{f.near(old, 0.1)})
			f.search(old, 10, nil)
		}
		f.fill(uint32(round)*10, 100, f.gaussian)
		f.holds()
	}
}

// A deleted row is in no later result, however close the query and large k,
// and takes none of the places of the others.
func testDelete(f *fixture) {
	f.fill(0, 400, f.gaussian)
	for id := uint32(0); id < 400; id += 2 {
		gone := f.rows[id]
		f.remove(id)
		f.search(gone, 10, nil)
	}
	for range 50 {
		f.search(f.gaussian(), 20, nil)
		f.search(f.gaussian(), 300, nil)
	}
	f.holds()
	for id := uint32(0); id < 400; id += 4 {
		f.upsert([]uint32{id}, [][]float32{f.gaussian()})
	}
	f.holds()
}

func testDeleteUnknown(f *fixture) {
	for range 20 {
		f.reset()
		f.remove(1, 2, 3)
		f.remove()
		f.fill(0, 20, f.gaussian)
		f.remove(math.MaxUint32, 1000)
		f.remove(4, 4, 1000, 4)
		f.remove(4)
		f.holds()
	}
}

// highRow is as high a row number as an index has to take.
const highRow = 1 << 16

// An index that has lost its last row is as good as a new one.
func testDeleteAll(f *fixture) {
	for round := range 4 {
		f.fill(0, 1+40*round, f.gaussian)
		f.holds()
		f.remove(f.ids()...)
		f.search(f.gaussian(), 10, nil)
		f.search(f.gaussian(), 10, roaring.BitmapOf(0, 1, 2))
	}
	f.fill(highRow, 1, f.gaussian)
	f.fill(0, 1, f.gaussian)
	f.holds()
	f.remove(0)
	f.holds()
	f.remove(highRow)
	f.fill(7, 30, f.gaussian)
	f.holds()
}

// What the caller does with its slices afterwards is its own affair.
func testSlicesNotKept(f *fixture) {
	for range 20 {
		ids, vecs, kept := []uint32{}, [][]float32{}, [][]float32{}
		for i := range 10 {
			v := f.gaussian()
			ids = append(ids, uint32(len(f.rows)+i))
			vecs, kept = append(vecs, v), append(kept, slices.Clone(v))
		}
		if err := f.x.Upsert(ids, vecs); err != nil {
			f.Fatalf("upsert: %v", err)
		}
		for i, id := range ids {
			f.rows[id] = kept[i]
			copy(vecs[i], f.gaussian())
			ids[i] = uint32(i)
		}
	}
	f.holds()
	q, allow := f.gaussian(), roaring.BitmapOf(f.ids()[:50]...)
	before := slices.Clone(q)
	hits, err := f.x.Search(q, 10, allow, nil)
	if err != nil {
		f.Fatalf("search: %v", err)
	}
	again := slices.Clone(hits)
	if !slices.Equal(q, before) {
		f.Errorf("a search writes to its query")
	}
	if allow.GetCardinality() != 50 {
		f.Errorf("a search writes to its filter")
	}
	clear(q)
	allow.Clear()
	f.search(f.gaussian(), 10, nil)
	if !slices.Equal(hits, again) {
		f.Errorf("a search writes to the result of an earlier one")
	}
	f.holds()
}
