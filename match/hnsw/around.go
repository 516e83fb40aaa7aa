package hnsw

import "math"

// A neighbourhood is what there is to know of a filter around a query before a
// walk: whether rows match there as they do elsewhere.
type neighbourhood struct {
	share float64 // of the rows, that match
	even  bool    // they lie among the others as if drawn by lot
}

// deviations is by how many of its standard deviations the variance of matches
// among lists may exceed that of lots.
const deviations = 3

// How many lists to look at: all, or few where it takes long to tell a match.
const allLists, fewLists = 64, 8

// around looks at the neighbours of some neighbours of a row.
func (f *frame) around(w *walker, at uint32, most int, ok acceptor) neighbourhood {
	w.seen.reset(f.slots)
	w.seen.add(at)
	w.between = f.unseen(w.between[:0], w, at)
	w.between = w.between[:min(most, len(w.between))]
	for _, s := range w.between {
		f.level0.Prefetch(s)
	}
	var rows, matches, squares, lists float64
	for _, s := range w.between {
		w.many = f.unseen(w.many[:0], w, s)
		if len(w.many) == 0 {
			continue
		}
		m := 0.0
		for _, t := range w.many {
			if ok.accept(t) {
				m++
			}
		}
		n := float64(len(w.many))
		rows, matches, squares, lists = rows+n, matches+m, squares+m*m/n, lists+1
	}
	if rows == 0 {
		return neighbourhood{}
	}
	share := matches / rows
	spread := squares - share*matches // Σ (m - share·n)²/n over the lists
	free := max(lists-1, 1)
	lots := share * (1 - share) * (free + deviations*math.Sqrt(2*free)) // as χ² of so many degrees of freedom
	return neighbourhood{share, spread <= lots}
}
