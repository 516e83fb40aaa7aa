package hnsw_test

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

// call is one operation on one key of the register model below.
type call struct {
	key uint32
	op  string  // "upsert", "delete", "get" or "search"
	at  float32 // upsert: where to
}

// register says that a key behaves like one variable: absent (0), or at the
// place written last, whatever other keys do meanwhile.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := map[uint32][]porcupine.Operation{}
		for _, o := range history {
			key := o.Input.(call).key
			by[key] = append(by[key], o)
		}
		var parts [][]porcupine.Operation
		for _, p := range by {
			parts = append(parts, p)
		}
		return parts
	},
	Init: func() any { return float32(0) },
	Step: func(state, input, output any) (bool, any) {
		switch c := input.(call); c.op {
		case "upsert":
			return true, c.at
		case "delete":
			return output.(float32) == min(state.(float32), 1), float32(0)
		default:
			return output == state, state
		}
	},
	Equal: func(a, b any) bool { return a == b },
}

// TestCallsAreLinearizable records concurrent calls and asks porcupine for an
// order of single steps that explains them all.
func TestCallsAreLinearizable(t *testing.T) {
	calls := 300
	if testing.Short() {
		calls = 100
	}
	for _, exactBelow := range []int{-1, 100} {
		x := newIndex(t, 1, hnsw.L2, &hnsw.Options{M: 2, EfConstruction: 4, ExactBelow: exactBelow})
		var mu sync.Mutex
		var history []porcupine.Operation
		var wg sync.WaitGroup
		began := time.Now()
		for client := range 4 {
			wg.Go(func() {
				r := random(uint64(client))
				for range calls {
					c := call{key: r.Uint32N(5), op: []string{"upsert", "delete", "get", "search"}[r.IntN(4)], at: float32(1 + r.IntN(9))}
					o := porcupine.Operation{ClientId: client, Input: c, Call: int64(time.Since(began))}
					o.Output = perform(t, x, c)
					o.Return = int64(time.Since(began))
					mu.Lock()
					history = append(history, o)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		require.Len(t, history, 4*calls)
		require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(register, history, 20*time.Second))
		require.NoError(t, x.Check())
	}
}

// perform runs c and returns where the key is, or how many rows were removed.
func perform(t *testing.T, x *hnsw.Index[uint32], c call) float32 {
	switch c.op {
	case "upsert":
		if err := x.AddBatch([]uint32{c.key}, []float32{c.at}, nil); err != nil {
			t.Error(err)
		}
	case "delete":
		n, err := x.Delete(c.key)
		if err != nil {
			t.Error(err)
		}
		return float32(n)
	case "get":
		if v, ok := x.Get(c.key, nil); ok {
			return v[0]
		}
	case "search": // among all keys, without a filter; distances are exact squares
		hits, err := x.Search([]float32{0}, 5, nil, nil)
		if err != nil {
			t.Error(err)
		}
		if i := slices.IndexFunc(hits, func(h hnsw.Result[uint32]) bool { return h.Key == c.key }); i >= 0 {
			return float32(math.Sqrt(float64(hits[i].Distance)))
		}
	}
	return 0
}
