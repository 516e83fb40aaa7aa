package matchtest

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/deeperpoint/csss/match"
)

// A fixture is an index, and beside it the rows that it must hold.
type fixture struct {
	testing.TB
	Options
	open func(testing.TB) match.VectorIndex
	x    match.VectorIndex
	rows map[uint32][]float32
	rng  *rand.Rand
}

func newFixture(t testing.TB, open func(testing.TB) match.VectorIndex, o Options) *fixture {
	f := &fixture{TB: t, Options: o, open: open, rng: rand.New(rand.NewPCG(o.Seed, 6))}
	f.reset()
	return f
}

// reset begins with a new index.
func (f *fixture) reset() {
	f.x, f.rows = f.open(f.TB), map[uint32][]float32{}
}

// gaussian draws a vector whose direction is uniform.
func (f *fixture) gaussian() []float32 {
	v := make([]float32, f.Dim)
	for i := range v {
		v[i] = float32(f.rng.NormFloat64())
	}
	return v
}

// near draws a vector about another one.
func (f *fixture) near(centre []float32, spread float64) []float32 {
	v := slices.Clone(centre)
	for i := range v {
		v[i] += float32(spread * f.rng.NormFloat64())
	}
	return v
}

// upsert adds rows one batch at a time and expects no error.
func (f *fixture) upsert(ids []uint32, vecs [][]float32) {
	if err := f.x.Upsert(ids, vecs); err != nil {
		f.Fatalf("upsert of %d good rows: %v", len(ids), err)
	}
	for i, id := range ids {
		f.rows[id] = vecs[i]
	}
}

// fill adds n rows from draw under the ids from first on, in batches of 100.
func (f *fixture) fill(first uint32, n int, draw func() []float32) {
	for n > 0 {
		batch := min(n, 100)
		ids, vecs := make([]uint32, batch), make([][]float32, batch)
		for i := range ids {
			ids[i], vecs[i] = first+uint32(i), draw()
		}
		f.upsert(ids, vecs)
		first, n = first+uint32(batch), n-batch
	}
}

// remove deletes rows and expects no error.
func (f *fixture) remove(ids ...uint32) {
	if err := f.x.Delete(ids...); err != nil {
		f.Fatalf("delete of %d rows: %v", len(ids), err)
	}
	for _, id := range ids {
		delete(f.rows, id)
	}
}

// ids returns what the index must hold, ascending.
func (f *fixture) ids() []uint32 {
	ids := make([]uint32, 0, len(f.rows))
	for id := range f.rows {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// search expects what every search promises: min(k, matches) rows that exist,
// are allowed, differ, carry their cosine and come in order.
func (f *fixture) search(q []float32, k int, allow *roaring.Bitmap) []match.Hit {
	hits, err := f.x.Search(q, k, allow, nil)
	if err != nil {
		f.Fatalf("search: %v", err)
	}
	if want := min(k, f.matches(allow)); len(hits) != want {
		f.Errorf("search found %d rows, want min(k, matches) = %d", len(hits), want)
	}
	seen := map[uint32]bool{}
	for i, h := range hits {
		f.checkHit(q, h, allow)
		if seen[h.ID] {
			f.Errorf("row %d is in the result twice", h.ID)
		}
		seen[h.ID] = true
		if i > 0 && worse(hits[i-1], h) {
			f.Errorf("%v comes before %v, want best first and ties by ID", hits[i-1], h)
		}
	}
	return hits
}

// worse reports whether a belongs after b.
func worse(a, b match.Hit) bool {
	return a.Score < b.Score || a.Score == b.Score && a.ID > b.ID
}

// tolerance is how far a score may be from the cosine.
const tolerance = 1e-5

func (f *fixture) checkHit(q []float32, h match.Hit, allow *roaring.Bitmap) {
	v, live := f.rows[h.ID]
	switch {
	case !live:
		f.Errorf("row %d is found, which is deleted or never was", h.ID)
	case allow != nil && !allow.Contains(h.ID):
		f.Errorf("row %d is found, which is not allowed", h.ID)
	default:
		if want := cosine(q, v); !(math.Abs(float64(h.Score)-want) <= tolerance) {
			f.Errorf("row %d has score %v, its cosine is %v", h.ID, h.Score, want)
		}
	}
}

func (f *fixture) matches(allow *roaring.Bitmap) int {
	if allow == nil {
		return len(f.rows)
	}
	n := 0
	for id := range f.rows {
		if allow.Contains(id) {
			n++
		}
	}
	return n
}

// holds expects every row to be found where nothing else is allowed, and all
// of them where everything is.
func (f *fixture) holds() {
	for _, id := range f.ids() {
		f.search(f.rows[id], 3, roaring.BitmapOf(id))
	}
	f.search(f.gaussian(), len(f.rows)+5, nil)
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa) / math.Sqrt(bb)
}

// best returns the cosines of the rows nearest to q, by looking at all.
func (f *fixture) best(q []float32, k int, allow *roaring.Bitmap) []float64 {
	scores := make([]float64, 0, len(f.rows))
	for id, v := range f.rows {
		if allow == nil || allow.Contains(id) {
			scores = append(scores, cosine(q, v))
		}
	}
	slices.SortFunc(scores, func(a, b float64) int { return cmp.Compare(b, a) })
	return scores[:min(k, len(scores))]
}
