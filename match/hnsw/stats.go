package hnsw

import "sync/atomic"

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
	LinkBytes   int `json:"link_bytes"`   // held for links, not counting the mirror that deletes need
}

// Stats counts links, so it costs a look at every slot. Writers go on meanwhile.
func (x *Index[K]) Stats() Stats {
	w := x.scratch.Get().(*scratch[K])
	defer x.scratch.Put(w)
	in := x.readers.enter(w.stripe)
	defer in.Add(-1)
	v := x.now.Load()
	s := Stats{Dim: v.dim, Metric: v.Metric.String(), Rows: v.live, Linked: v.ready, Slots: v.slots,
		Kernels: v.kernels.Name, Walks: Float32.String(), VectorBytes: v.rows.Bytes(), CodeBytes: v.codes.bytes(),
		LinkBytes: v.level0.Bytes() + v.upper.Bytes() + v.above.bytes() + v.lives.bytes()}
	if v.codes.good {
		s.Walks = Int8.String()
	}
	if v.entry != none {
		s.Levels = v.top + 1
	}
	for i := range uint32(v.slots) {
		s.Links += countLinks(v.level0.Words(i))
	}
	for i := range uint32(v.uppers) {
		s.Links += countLinks(v.upper.Words(i))
	}
	return s
}

func countLinks(list []uint32) (n int) {
	for i := range list {
		if atomic.LoadUint32(&list[i]) != none {
			n++
		}
	}
	return n
}
