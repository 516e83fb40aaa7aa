package hnsw

// choose appends to dst at most m of the sorted candidates: the nearest, then
// each that is nearer to the base than to any chosen before (the paper's
// algorithm 4, without its extensions), so that links lead in all directions.
// A copy of a chosen row adds no direction, and is passed over.
func (g *graph) choose(w *linker, dst, from []entry, m int) []entry {
	for _, e := range from {
		if len(dst) == m {
			break
		}
		if g.diverse(w, e, dst) {
			dst = append(dst, e)
		}
	}
	return dst
}

// diverse reports whether e leads in a direction that no chosen entry does.
func (g *graph) diverse(w *linker, e entry, chosen []entry) bool {
	if len(chosen) == 0 {
		return true
	}
	const block = 4 // of a kernel; most refusals come from the first
	for g.aim(&w.rival, e.slot); len(chosen) > 0; {
		n := min(len(chosen), block)
		for i, c := range chosen[:n] {
			w.others[i] = c.slot
		}
		chosen = chosen[n:]
		g.exact(&w.rival, w.others[:n], w.apart[:])
		for _, d := range w.apart[:n] {
			if d < e.d || d == 0 && g.Metric != Dot {
				return false
			}
		}
	}
	return true
}

// fromRow appends to dst the slots with their distances from row a.
func (g *graph) fromRow(w *linker, dst []entry, a uint32, slots []uint32) []entry {
	g.aim(&w.rival, a)
	for len(slots) > 0 {
		n := copy(w.others[:], slots)
		slots = slots[n:]
		g.exact(&w.rival, w.others[:n], w.apart[:])
		for i, s := range w.others[:n] {
			dst = append(dst, entry{w.apart[i], s})
		}
	}
	return dst
}
