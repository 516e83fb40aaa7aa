package matchtest

import (
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// Ten times a fifth of the rows goes, and as many come or are replaced.
func testChurn(f *fixture) {
	n := f.Rows / 4
	f.fill(0, n, f.gaussian)
	next := uint32(n)
	for range 10 {
		ids := f.ids()
		f.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		fifth := len(ids) / 5
		gone := ids[:fifth]
		f.remove(gone[:fifth/2]...)
		for _, id := range gone[fifth/2:] {
			f.remove(id)
		}
		for _, id := range ids[fifth : 2*fifth] {
			f.upsert([]uint32{id}, [][]float32{f.gaussian()})
		}
		f.fill(next, fifth-fifth/4, f.gaussian)
		next += uint32(fifth)
		for _, id := range gone[:fifth/4] { // some come back under their old numbers
			f.upsert([]uint32{id}, [][]float32{f.gaussian()})
		}
		f.recall("all rows", f.gaussian, nil)
		if f.Failed() {
			return
		}
	}
	f.holds()
}

// Searches run beside writers: rows that nobody touches are always found, rows
// that went before a search began never are.
func testConcurrentUse(f *fixture) {
	const fixed, gone, lanes, rounds = 100, 50, 3, 30
	f.fill(0, fixed+gone, f.gaussian)
	for id := uint32(fixed); id < fixed+gone; id++ {
		f.remove(id)
	}
	vecs := make([][]float32, 64) // drawn before, since the generator is one goroutine's
	for i := range vecs {
		vecs[i] = f.gaussian()
	}
	var wg sync.WaitGroup
	for lane := range lanes {
		f.beside(&wg, func() { f.write(vecs, uint32(1000*(lane+1)), rounds) })
		f.beside(&wg, func() { f.read(vecs[lane:], fixed, gone, rounds) })
	}
	wg.Wait()
	for lane := range lanes {
		for i := range uint32(8) { // what the writers leave
			f.rows[uint32(1000*(lane+1))+i] = vecs[(rounds-1+int(i))%len(vecs)]
		}
	}
	f.holds()
}

// beside runs a function in a goroutine of its own, whose panic is a failure.
func (f *fixture) beside(wg *sync.WaitGroup, run func()) {
	wg.Go(func() {
		if r, ok := f.TB.(interface{ recovered() }); ok {
			defer r.recovered()
		}
		run()
	})
}

// write adds, replaces and deletes eight rows of its own, and ends with them
// added.
func (f *fixture) write(vecs [][]float32, first uint32, rounds int) {
	ids := make([]uint32, 8)
	for i := range ids {
		ids[i] = first + uint32(i)
	}
	for round := range rounds {
		batch := make([][]float32, len(ids))
		for i := range batch {
			batch[i] = vecs[(round+i)%len(vecs)]
		}
		if err := f.x.Upsert(ids, batch); err != nil {
			f.Errorf("upsert beside others: %v", err)
		}
		if round == rounds-1 {
			return
		}
		if round%3 == 0 {
			if err := f.x.Delete(ids[:4]...); err != nil {
				f.Errorf("delete beside others: %v", err)
			}
		}
	}
}

// read searches beside the writers. It knows of rows below fixed that they are
// there, and of the next ones that they are not.
func (f *fixture) read(vecs [][]float32, fixed, gone uint32, rounds int) {
	stays := roaring.New()
	stays.AddRange(0, uint64(fixed+gone))
	for round := range rounds {
		q := vecs[round%len(vecs)]
		hits, err := f.x.Search(q, 10, nil, nil)
		if err != nil || len(hits) != 10 {
			f.Errorf("search beside others found %d rows, %v, want 10", len(hits), err)
		}
		kept, err := f.x.Search(q, int(fixed+gone), stays, nil)
		if err != nil || len(kept) != int(fixed) {
			f.Errorf("search beside others found %d rows that nobody touches, %v, want %d", len(kept), err, fixed)
		}
		for _, h := range append(hits, kept...) {
			if h.ID >= fixed && h.ID < fixed+gone {
				f.Errorf("search beside others found row %d, deleted before", h.ID)
			}
		}
	}
}
