package hnsw

import "github.com/deeperpoint/csss/internal/simd"

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
		var slots [block]uint32
		var out [block]float32
		n := min(len(chosen), block)
		for i, c := range chosen[:n] {
			slots[i] = c.slot
		}
		chosen = chosen[n:]
		g.exact(&w.rival, slots[:n], out[:])
		for _, d := range out[:n] {
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
		var batch [simd.Batch]uint32
		var out [simd.Batch]float32
		n := copy(batch[:], slots)
		slots = slots[n:]
		g.exact(&w.rival, batch[:n], out[:])
		for i, s := range batch[:n] {
			dst = append(dst, entry{out[i], s})
		}
	}
	return dst
}
