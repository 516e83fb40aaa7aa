package hnsw_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match/hnsw"
)

const (
	together   = 256 // rows that one batch shows at once
	crowd      = 600 // more than that
	groupDim   = 4
	groupCalls = 4 // that a round makes
)

// A herd moves all at once between two places, and is gone in between. A crowd,
// which comes a few at a time, leaves all at once.
type herd struct {
	*testing.T
	x    *hnsw.Index[uint32]
	rest int          // rows that stay
	step atomic.Int64 // calls that have begun
	stop atomic.Bool

	mu   sync.Mutex
	seen map[hnsw.Path]int
}

// newHerd numbers the herd from 0, the crowd after it, and what stays after that.
func newHerd(t *testing.T, mode hnsw.Mode, rest int) *herd {
	h := &herd{T: t, rest: rest, seen: map[hnsw.Path]int{}}
	h.x = newIndex(t, groupDim, hnsw.L2, &hnsw.Options{M: 6, EfConstruction: 24, Mode: mode, ExactBelow: -1, RowNumbers: true})
	rows := gaussian(random(93), rest, groupDim)
	for i := range rows {
		rows[i] *= 10
	}
	keys := upTo(together + crowd + rest)
	require.NoError(t, h.x.AddBatch(keys[together+crowd:], rows, nil))
	return h
}

// at returns rows about a place.
func at(place float32, n int) []float32 {
	rows := gaussian(random(94), n, groupDim)
	for i := range rows {
		rows[i] *= 0.05
		if i%groupDim == 0 {
			rows[i] += place
		}
	}
	return rows
}

// The places, and where they are looked at from: not as far from one as from the
// other.
const left, right = -10, 10

var lookout = []float32{1, 0, 0, 0}

// placeOf tells where a row of the herd is by its distance from the lookout.
func placeOf(distance float32) int {
	if distance < 100 {
		return right
	}
	return left
}

func (h *herd) write(rounds int) {
	defer h.stop.Store(true)
	keys := upTo(together + crowd)
	herdKeys, crowdKeys := keys[:together], keys[together:]
	for range rounds {
		h.step.Add(1)
		assert.NoError(h, h.x.AddBatch(herdKeys, at(left, together), &hnsw.BatchOptions{Workers: 2}))
		h.step.Add(1)
		assert.NoError(h, h.x.AddBatch(herdKeys, at(right, together), nil))
		assert.NoError(h, h.x.AddBatch(crowdKeys, at(0, crowd), nil))
		h.step.Add(1)
		requireDeleted(h, crowd, h.x, crowdKeys...)
		h.step.Add(1)
		requireDeleted(h, together, h.x, herdKeys...)
	}
}

// A look is a search for the herd and the crowd: all of them, or some.
type look struct {
	k      int
	filter hnsw.Filter[uint32]
	exact  bool
	all    bool // it finds every match
	rest   int  // of what stays
}

func (h *herd) looks() []look {
	herdSet, both := roaring.New(), roaring.New()
	herdSet.AddRange(0, together)
	both.AddRange(0, together+crowd)
	few := func(key uint32) bool { return key >= together+crowd || key < together && key%25 == 0 }
	return []look{
		{k: together + crowd + h.rest, exact: true, all: true, rest: h.rest},
		{k: together + crowd + h.rest, all: true, rest: h.rest},
		{k: together + crowd, filter: hnsw.Bitmap[uint32](both), all: true},
		{k: together + crowd, filter: hnsw.FilterFunc[uint32](both.Contains), all: true},
		{k: together, filter: hnsw.Keys(herdSet.ToArray()...)},
		{k: 2 * together},
		{k: 30, filter: hnsw.FilterFunc[uint32](few)},
	}
}

// watch looks in one way until the writer is done.
func (h *herd) watch(l look) {
	var hits []hnsw.Result[uint32]
	for once := true; once || !h.stop.Load(); once = false {
		var trace hnsw.Trace
		var err error
		before := h.step.Load()
		hits, err = h.x.Search(lookout, l.k, &hnsw.SearchOptions[uint32]{Filter: l.filter, Exact: l.exact, Trace: &trace}, hits[:0])
		during := h.step.Load()
		if !assert.NoError(h, err) {
			return
		}
		h.mu.Lock()
		h.seen[trace.Path]++
		h.mu.Unlock()
		if !h.whole(hits, l, before, during) {
			return
		}
	}
}

// whole reports whether a search saw the herd in one place, and all of it, and
// all of the crowd or nothing while nothing happens but that it leaves.
func (h *herd) whole(hits []hnsw.Result[uint32], l look, before, during int64) bool {
	places, others, rest := map[int]int{}, 0, 0
	for _, hit := range hits {
		switch {
		case hit.Key < together:
			places[placeOf(hit.Distance)]++
		case hit.Key < together+crowd:
			others++
		default:
			rest++
		}
	}
	ok := assert.LessOrEqual(h, len(places), 1, "rows in both places: %v", places)
	if l.all {
		herdSize := places[left] + places[right]
		ok = ok && assert.Contains(h, []int{0, together}, herdSize, "of the herd") && assert.Equal(h, l.rest, rest, "of what stays")
		if leaving := int64(groupCalls - 1); before == during && before%groupCalls == leaving {
			ok = ok && assert.Contains(h, []int{0, crowd}, others, "of the crowd")
		}
	}
	return ok
}

// TestGroupsAreSeenWhole: a batch of 256 rows, a replacement of as many, and a
// deletion of any number are seen by a search entirely or not at all.
func TestGroupsAreSeenWhole(t *testing.T) {
	rounds := 3
	modes := map[hnsw.Mode]int{hnsw.Int8: 2_000, hnsw.Float32: 2_000, hnsw.Compact: 4_100}
	if testing.Short() {
		rounds, modes = 1, map[hnsw.Mode]int{hnsw.Int8: 2_000}
	}
	for mode, rest := range modes {
		t.Run(mode.String(), func(t *testing.T) {
			h := newHerd(t, mode, rest)
			var wg sync.WaitGroup
			for _, l := range h.looks() {
				wg.Go(func() { h.watch(l) })
			}
			h.write(rounds)
			wg.Wait()
			require.NoError(t, h.x.Check())
			require.Equal(t, rest, h.x.Len())
			for _, p := range []hnsw.Path{hnsw.PathScan, hnsw.PathList, hnsw.PathGraph, hnsw.PathGraphFiltered} {
				require.NotZero(t, h.seen[p], "no search took the path %q: %v", p, h.seen)
			}
		})
	}
}
