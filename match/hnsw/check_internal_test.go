package hnsw

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// smallGraph returns an index of 200 linked rows with some slots freed.
func smallGraph(t *testing.T) *Index[uint32] {
	t.Helper()
	x, err := New[uint32](4, &Options{Metric: L2, M: 4, EfConstruction: 20, ExactBelow: -1})
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(1, 1))
	for key := range uint32(200) {
		v := []float32{r.Float32(), r.Float32(), r.Float32(), r.Float32()}
		require.NoError(t, x.AddBatch([]uint32{key}, v, nil))
	}
	x.Delete(3, 50, 199)
	require.NoError(t, x.Check())
	return x
}

// TestCheckNoticesDamage breaks each invariant once; a Check that overlooked
// one would make the tests that call it worthless.
func TestCheckNoticesDamage(t *testing.T) {
	damages := map[string]func(x *Index[uint32]){
		"key without slot":       func(x *Index[uint32]) { delete(x.keys.slots, 7) },
		"key to another slot":    func(x *Index[uint32]) { x.keys.slots[7] = x.keys.slots[8] },
		"link out of bounds":     func(x *Index[uint32]) { x.g.out(7, 0)[0] = 1 << 20 },
		"loop":                   func(x *Index[uint32]) { x.g.out(7, 0)[0] = 7 },
		"repeated link":          func(x *Index[uint32]) { x.g.out(7, 0)[0] = x.g.out(7, 0)[1] },
		"link to a free slot":    func(x *Index[uint32]) { x.g.out(7, 0)[0] = x.g.unused[0] },
		"link without mirror":    func(x *Index[uint32]) { b := x.g.out(7, 0)[0]; *x.g.mirror.of(x.g.place(b, 0)) = nil },
		"mirror without link":    func(x *Index[uint32]) { x.g.level0.Words(7)[len(x.g.out(7, 0))-1] = none },
		"degree":                 func(x *Index[uint32]) { x.g.M = 2 },
		"row left in free slot":  func(x *Index[uint32]) { x.g.row(x.g.unused[0])[0] = 1 },
		"free slot not listed":   func(x *Index[uint32]) { x.g.unused[0] = x.g.unused[1] },
		"leaked slot":            func(x *Index[uint32]) { x.g.unused = x.g.unused[1:] },
		"row not finite":         func(x *Index[uint32]) { r := x.g.row(7); r[0] /= 0 * r[0] },
		"count of rows":          func(x *Index[uint32]) { x.g.live++; x.keys.slots[4_000] = 0 },
		"entry point too low":    func(x *Index[uint32]) { x.g.entry = lowest(x.g) },
		"entry point freed":      func(x *Index[uint32]) { x.g.entry = x.g.unused[0] },
		"root with a parent":     func(x *Index[uint32]) { x.g.nodes.at(x.g.root).parent = x.g.entry },
		"row cut from the spine": func(x *Index[uint32]) { s := leaf(x.g); x.g.nodes.at(s).parent = none },
		"children miscounted":    func(x *Index[uint32]) { x.g.nodes.at(x.g.root).kids++ },
		"slot of no version":     func(x *Index[uint32]) { x.g.lives.at(7).birth.Store(0) },
		"level of the entry":     func(x *Index[uint32]) { x.g.top-- },
		"levels without lists":   func(x *Index[uint32]) { *x.g.above.at(x.g.entry) = 1 << 20 },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			x := smallGraph(t)
			damage(x)
			require.ErrorIs(t, x.Check(), ErrCorrupt)
		})
	}
}

func lowest(g *graph) uint32 {
	for s := range uint32(g.slots) {
		if g.nodes.at(s).state == linked && g.nodes.at(s).level == 0 {
			return s
		}
	}
	return none
}

func leaf(g *graph) uint32 {
	for s := range uint32(g.slots) {
		if g.nodes.at(s).state == linked && g.nodes.at(s).kids == 0 && s != g.root {
			return s
		}
	}
	return none
}

// TestSpineSurvivesFullFamilies gives every row the same place in space, so
// that all choose the same parents and each family fills up.
func TestSpineSurvivesFullFamilies(t *testing.T) {
	x, err := New[uint32](2, &Options{Metric: L2, M: 2, EfConstruction: 2, ExactBelow: -1})
	require.NoError(t, err)
	n := uint32(300)
	if testing.Short() {
		n = 120
	}
	for key := range n {
		require.NoError(t, x.AddBatch([]uint32{key}, []float32{1, 1}, nil))
	}
	for key := uint32(0); key < n; key += 2 {
		x.Delete(key)
		requireAllReachable(t, x)
	}
	for x.Len() > 0 { // always the root, whose children must find a new one
		requireAllReachable(t, x)
		x.Delete(*x.keys.names.at(x.g.root))
	}
	require.NoError(t, x.Check())
}

// TestSpineAloneReachesEveryRow takes every other link away.
func TestSpineAloneReachesEveryRow(t *testing.T) {
	x := smallGraph(t)
	for s := range uint32(x.g.slots) {
		for _, b := range slices.Clone(x.g.out(s, 0)) {
			if x.g.nodes.at(b).parent != s {
				x.g.unlink(s, b, 0)
			}
		}
	}
	requireAllReachable(t, x)
}

// requireAllReachable walks to every row, from each row in turn.
func requireAllReachable(t *testing.T, x *Index[uint32]) {
	t.Helper()
	require.NoError(t, x.Check())
	var w walker
	var q query
	x.g.ask(&q, make([]float32, x.g.rows.Stride/4))
	for s := range uint32(x.g.slots) {
		if x.g.nodes.at(s).state == linked {
			x.g.walk(&w, &q, entry{0, s}, x.Len(), 0)
			require.Len(t, w.found, x.Len(), "from slot %d", s)
		}
	}
}

// TestFreedSlotIsErased: deletion serves erasure, so neither vector nor key
// may stay behind.
func TestFreedSlotIsErased(t *testing.T) {
	x, err := New[string](2, &Options{Metric: L2})
	require.NoError(t, err)
	require.NoError(t, x.AddBatch([]string{"secret"}, []float32{3, 4}, nil))
	n, err := x.Delete("secret")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, []float32{0, 0}, x.g.row(0))
	require.Equal(t, "", *x.keys.names.at(0))
}
