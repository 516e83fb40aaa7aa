package hnsw

// Stats describe an [Index] at one moment.
type Stats struct {
	Dim     int    `json:"dim"`
	Metric  string `json:"metric"`
	Rows    int    `json:"rows"`    // what Len returns
	Linked  int    `json:"linked"`  // rows in the graph; searches walk it once all rows are
	Slots   int    `json:"slots"`   // rows there is room for without growing
	Levels  int    `json:"levels"`  // of the graph; 0 if empty
	Links   int    `json:"links"`   // on all levels
	Kernels string `json:"kernels"` // implementation of the distances: "avx512vnni", "avx2" or "go"
	Walks   string `json:"walks"`   // what walks read now: "int8" or "float32"

	VectorBytes int `json:"vector_bytes"` // held for rows
	CodeBytes   int `json:"code_bytes"`   // held for their codes
	LinkBytes   int `json:"link_bytes"`   // held for links and their mirror; estimated from capacities
}

// Stats counts links, so it costs a look at every slot.
func (x *Index[K]) Stats() Stats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	g := x.g
	s := Stats{Dim: g.dim, Metric: g.Metric.String(), Rows: g.live, Linked: g.ready, Slots: len(g.nodes),
		Kernels: g.kernels.Name, Walks: Float32.String(), VectorBytes: g.rows.Bytes(), LinkBytes: g.level0.Bytes()}
	if c := g.codes; c != nil {
		s.CodeBytes = c.rows.Bytes() + 8*cap(c.side)
		if c.good {
			s.Walks = Int8.String()
		}
	}
	if g.entry != none {
		s.Levels = int(g.nodes[g.entry].level) + 1
	}
	for i := range g.nodes {
		n := &g.nodes[i]
		s.Links += len(g.out(uint32(i), 0))
		s.LinkBytes += 4 * cap(n.in)
		for _, u := range n.up {
			s.Links += len(u.out)
			s.LinkBytes += 4 * (cap(u.out) + cap(u.in))
		}
	}
	return s
}
