package matchtest

import (
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/deeperpoint/csss/match"
)

func testBadQueries(f *fixture) {
	f.fill(0, 50, f.gaussian)
	for what, q := range f.bad() {
		for _, allow := range []*roaring.Bitmap{nil, roaring.BitmapOf(1, 2, 3)} {
			given := []match.Hit{{ID: 9, Score: 9}}
			hits, err := f.x.Search(q, 3, allow, given)
			if err == nil {
				f.Errorf("a query that is %s is answered", what)
			}
			if !slices.Equal(hits, given) {
				f.Errorf("a query that is %s returns %v, want dst as it was", what, hits)
			}
		}
	}
	f.holds()
}

func testOddK(f *fixture) {
	f.fill(0, 50, f.gaussian)
	few := roaring.BitmapOf(3, 4, 5, 1000)
	for _, k := range []int{0, -1, math.MinInt} {
		if hits, err := f.x.Search(f.gaussian(), k, nil, nil); err == nil && len(hits) != 0 {
			f.Errorf("k = %d finds %d rows", k, len(hits))
		}
	}
	for _, k := range []int{1, 2, 49, 50, 51, 1 << 20, math.MaxInt} {
		f.search(f.gaussian(), k, nil)
		f.search(f.gaussian(), k, few)
	}
}

func testEmpty(f *fixture) {
	f.search(f.gaussian(), 3, nil)
	f.search(f.gaussian(), 3, roaring.New())
	f.search(f.gaussian(), 3, roaring.BitmapOf(1))
	f.fill(5, 1, f.gaussian)
	f.search(f.gaussian(), 3, roaring.New())
	f.search(f.gaussian(), 3, roaring.BitmapOf(1))
	f.holds()
}

// A filter is applied during the search: as many rows as are asked for are
// found if so many are allowed, however few of all rows those are.
func testFilter(f *fixture) {
	f.fill(0, 1000, f.gaussian)
	f.remove(0, 10, 20, 100)
	for _, step := range []uint32{1, 2, 3, 10, 100, 997} {
		allow := roaring.New()
		for id := uint32(0); id < 2000; id += step { // half of them unknown
			allow.Add(id)
		}
		for range 10 {
			f.search(f.gaussian(), 10, allow)
		}
		f.search(f.gaussian(), 1500, allow)
	}
	but := roaring.New()
	but.AddRange(0, 1000)
	but.Remove(500)
	f.search(f.rows[500], 10, but)
	f.holds()
}

// The allowed rows lie on the other side of the space, where a walk that
// follows the query never comes.
func testFarFilter(f *fixture) {
	here := f.gaussian()
	there := make([]float32, f.Dim)
	for i := range here {
		there[i] = -here[i]
	}
	f.fill(0, 600, func() []float32 { return f.near(here, 0.2) })
	f.fill(600, 100, func() []float32 { return f.near(there, 0.2) })
	far, some := roaring.New(), roaring.New()
	far.AddRange(600, 700)
	for id := uint32(600); id < 700; id += 9 {
		some.Add(id)
	}
	for range 20 {
		f.search(f.near(here, 0.2), 10, far)
		f.search(f.near(here, 0.2), 50, some)
	}
}

func testOrder(f *fixture) {
	f.fill(0, 500, f.gaussian)
	for range 50 {
		f.search(f.gaussian(), 40, nil)
	}
}

// Equal rows come by their IDs, whatever the order in which they came to the
// index.
func testTies(f *fixture) {
	f.fill(0, 100, f.gaussian)
	same := f.gaussian()
	ids := []uint32{40, 7, 93, 4000, 12, 0, 65, 300, 5}
	for _, id := range ids {
		f.upsert([]uint32{id}, [][]float32{same})
	}
	f.remove(65, 5)
	f.upsert([]uint32{5, 65}, [][]float32{same, same})
	allow := roaring.BitmapOf(ids...)
	hits := f.search(same, len(ids), allow)
	slices.Sort(ids)
	for i := range min(len(hits), len(ids)) {
		if hits[i].ID != ids[i] {
			f.Errorf("place %d of equal rows has row %d, want %d", i, hits[i].ID, ids[i])
		}
	}
	f.search(same, 20, nil)
	f.search(f.gaussian(), 109, nil)
}

// Scores are cosines from end to end of their range.
func testScores(f *fixture) {
	v := f.gaussian()
	minus, across := make([]float32, f.Dim), make([]float32, f.Dim)
	for i := range v {
		minus[i] = -v[i]
	}
	across[0], across[1] = -v[1], v[0]
	f.upsert([]uint32{1, 2, 3}, [][]float32{v, minus, across})
	f.fill(10, 20, f.gaussian)
	for range 20 {
		f.search(f.gaussian(), 30, nil)
	}
	for _, q := range [][]float32{v, minus, across} {
		f.search(q, 30, nil)
	}
}

// A cosine does not know how long its vectors are.
func testLengths(f *fixture) {
	scaled := func() []float32 {
		v := f.gaussian()
		scale := float32(math.Pow(10, float64(f.rng.IntN(25)-12)))
		for i := range v {
			v[i] *= scale
		}
		return v
	}
	f.fill(0, 200, scaled)
	for range 30 {
		f.search(scaled(), 20, nil)
	}
	f.holds()
}

// Results go behind what dst holds, into its room if there is enough.
func testAppend(f *fixture) {
	f.fill(0, 50, f.gaussian)
	q := f.gaussian()
	want := f.search(q, 5, nil)
	given := []match.Hit{{ID: 1000, Score: -9}, {ID: 2000, Score: 9}}
	for _, room := range []int{0, 1, 5, 100} {
		dst := append(make([]match.Hit, 0, 2+room), given...)
		hits, err := f.x.Search(q, 5, nil, dst)
		if err != nil {
			f.Fatalf("search: %v", err)
		}
		if len(hits) < 2 || !slices.Equal(hits[:2], given) {
			f.Errorf("a search with room for %d loses what dst held", room)
			continue
		}
		if !slices.Equal(hits[2:], want) {
			f.Errorf("a search with room for %d appends %v, want %v", room, hits[2:], want)
		}
	}
}
