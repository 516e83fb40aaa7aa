package coderhnsw

// AskAlways makes every search ask the graph, however few rows there are.
func (x *Index) AskAlways() { x.share = 1 }

// Break makes the graph's next call panic, as the peer does by itself where it
// meets what it does not expect.
func (x *Index) Break() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.graph != nil {
		x.graph.Distance = func([]float32, []float32) float32 { panic("no nodes found") }
	}
}

// BreakForGood takes away what the peer says must never be missing, from every
// graph that is built.
func (x *Index) BreakForGood() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.rows[7] = row{nil, 0}
	x.have.Add(7)
	x.graph = nil
}

// Nodes returns how many nodes the graph has, in use or not.
func (x *Index) Nodes() int { return len(x.owner) }
