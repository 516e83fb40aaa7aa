package matchtest

import (
	"github.com/RoaringBitmap/roaring/v2"
)

// atRank is the k of recall@k.
const atRank = 10

// recall returns how much of the true answers to some queries is found, and
// fails below the floor. A row as near as the last true one counts, whichever of
// several equal rows it is.
func (f *fixture) recall(what string, query func() []float32, allow *roaring.Bitmap) {
	const queries = 100
	found, wanted := 0, 0
	for range queries {
		q := query()
		best := f.best(q, atRank, allow)
		wanted += len(best)
		for _, h := range f.search(q, atRank, allow) {
			if v, live := f.rows[h.ID]; live && cosine(q, v) >= best[len(best)-1]-1e-7 {
				found++
			}
		}
	}
	if wanted == 0 {
		return
	}
	recall := float64(found) / float64(wanted)
	if recall < f.Recall {
		f.Errorf("%s: recall@%d is %.3f, want %.3f", what, atRank, recall, f.Recall)
	} else {
		f.Logf("%s: recall@%d is %.3f", what, atRank, recall)
	}
}

// recalls measures with no filter and with three.
func (f *fixture) recalls(query func() []float32) {
	f.recall("all rows", query, nil)
	for _, step := range []int{2, 10, 100} {
		allow := roaring.New()
		for i, id := range f.ids() {
			if i%step == 0 {
				allow.Add(id)
			}
		}
		f.recall(map[int]string{2: "a half", 10: "a tenth", 100: "a hundredth"}[step]+" of the rows", query, allow)
	}
}

func testRecallGaussian(f *fixture) {
	f.fill(0, f.Rows, f.gaussian)
	f.recalls(f.gaussian)
}

// Clusters come one after the other, the worst order for a graph: each is
// linked to the others by few rows or none.
func testRecallClustered(f *fixture) {
	const clusters = 20
	var centres [][]float32
	for c := range clusters {
		centre := f.gaussian()
		centres = append(centres, centre)
		f.fill(uint32(c*f.Rows), f.Rows/clusters, func() []float32 { return f.near(centre, 0.15) })
	}
	f.recalls(func() []float32 { return f.near(centres[f.rng.IntN(clusters)], 0.15) })
}

// Some rows are there ten times, and their copies must not hide the others.
func testRecallDuplicates(f *fixture) {
	n := f.Rows / 2
	f.fill(0, n, f.gaussian)
	for c := range 20 {
		v := f.gaussian()
		f.fill(uint32(n+10*c), 10, func() []float32 { return v })
	}
	f.recalls(f.gaussian)
}
