package hnsw

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A heldSearch is a search that has begun and does not end: it is counted in,
// and has its version.
type heldSearch struct {
	v  *view[uint32]
	in *atomic.Int64
}

func hold(x *Index[uint32]) heldSearch {
	in := x.readers.enter(3)
	return heldSearch{x.now.Load(), in}
}

func (h heldSearch) end() { h.in.Add(-1) }

// pass lets writers go on for as long as they can.
func pass() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// begin makes a call that may have to wait, and tells whether it has returned.
func begin(call func()) (done func() bool) {
	var returned atomic.Bool
	go func() {
		call()
		returned.Store(true)
	}()
	return func() bool {
		pass()
		return returned.Load()
	}
}

// TestWritersWaitForSearches holds a search before each of the two steps in
// which a row leaves: the first may look at its links and the row, the second at
// what it was led to. The row is the one where walks begin.
func TestWritersWaitForSearches(t *testing.T) {
	moved := []float32{9, 9, 9, 9}
	for name, c := range map[string]struct {
		call  func(x *Index[uint32], key uint32) error
		after []float32 // what is under the key; nil for nothing
	}{
		"delete":  {func(x *Index[uint32], key uint32) error { _, err := x.Delete(key); return err }, nil},
		"replace": {func(x *Index[uint32], key uint32) error { return x.Add(key, moved) }, moved},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := indexOf(t, 4, L2, &Options{M: 4, EfConstruction: 20, RowNumbers: true, ExactBelow: -1}, normals(96, 4*300))
				key := x.g.entry
				row, links := slices.Clone(x.g.row(key)), slices.Clone(x.g.list(key, 0))
				var during []float32
				if c.after != nil {
					during = row
				}
				first := hold(x)
				done := begin(func() { assert.NoError(t, c.call(x, key)) })
				require.False(t, done())
				require.True(t, first.v.has(key))
				require.Equal(t, row, first.v.row(key))
				require.Equal(t, links, first.v.list(key, 0), "the first search may follow them")
				requireUnder(t, x, key, during)

				second := hold(x)
				first.end()
				require.False(t, done())
				require.False(t, second.v.has(key))
				require.Equal(t, row, second.v.row(key), "the second may compare it")
				requireUnder(t, x, key, during)

				third := hold(x)
				require.NotEqual(t, key, third.v.entry, "nothing leads the third to the row")
				second.end()
				require.True(t, done(), "nobody waits for searches that begin later")
				requireUnder(t, x, key, c.after)
				third.end()
			})
		})
	}
}

// requireUnder holds all ways to look for a key to what is under it.
func requireUnder(t *testing.T, x *Index[uint32], key uint32, want []float32) {
	t.Helper()
	got, ok := x.Get(key, nil)
	require.Equal(t, want != nil, ok)
	require.Equal(t, want, got)
	for _, o := range []SearchOptions[uint32]{{Filter: Keys(key)}, {Filter: Keys(key), Exact: true}, {Filter: FilterFunc[uint32](func(k uint32) bool { return k == key })}} {
		hits, err := x.Search(make([]float32, x.g.dim), 5, &o, nil)
		require.NoError(t, err)
		require.Len(t, hits, min(len(want), 1))
		if want != nil {
			require.InDelta(t, squaredNorm(want), hits[0].Distance, 1e-3)
		}
	}
}

// TestWritersDoNotStarve has searches overlap, so that there is always one.
func TestWritersDoNotStarve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := indexOf(t, 1, L2, &Options{}, normals(97, 10))
		now := hold(x)
		done := begin(func() { _, _ = x.Delete(3) })
		for range 4 { // two waits, of two steps
			next := hold(x)
			now.end()
			now = next
			pass()
		}
		require.True(t, done())
		now.end()
	})
}

// TestLateReadersAreWaitedFor: between looking up which counter to use and using
// it, a search may be held up for a whole wait of a writer.
func TestLateReadersAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r readers
		late := &r.stripes[5].in[r.phase.Load()&1]
		r.wait()
		late.Add(1)
		done := begin(r.wait)
		require.False(t, done())
		late.Add(-1)
		require.True(t, done())
	})
}

// age makes an index look as if it had seen so many versions.
func (x *Index[K]) age(version uint32) {
	x.g.version = version - 1
	x.publish(nil)
}

// TestVersionsBeginAgain: the next change waits for the searches that count as
// before, which see nothing of it.
func TestVersionsBeginAgain(t *testing.T) {
	for name, change := range map[string]func(x *Index[uint32]) error{
		"add":    func(x *Index[uint32]) error { return x.Add(100, []float32{1, 2}) },
		"delete": func(x *Index[uint32]) error { _, err := x.Delete(5); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := indexOf(t, 2, L2, &Options{M: 3, EfConstruction: 12, RowNumbers: true, ExactBelow: -1}, normals(98, 2*150))
				_, err := x.Delete(100)
				require.NoError(t, err)
				x.age(mostVersions)
				old := hold(x)
				done := begin(func() { assert.NoError(t, change(x)) })
				require.False(t, done())
				require.Equal(t, uint32(1), x.now.Load().version)
				for s := range uint32(150) {
					require.Equal(t, s != 100, old.v.has(s))
					require.Equal(t, s != 100, x.now.Load().has(s))
				}
				old.end()
				require.True(t, done())
				require.NoError(t, x.Check())
			})
		})
	}
}

// TestSearchesOverTheLastVersion goes on searching while versions begin again.
func TestSearchesOverTheLastVersion(t *testing.T) {
	const n, moving, dim = 500, 60, 4
	rounds := 10
	if testing.Short() {
		rounds = 2
	}
	rows := normals(99, n*dim)
	x := indexOf(t, dim, L2, &Options{M: 4, EfConstruction: 20, RowNumbers: true, ExactBelow: -1}, rows)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for _, o := range []SearchOptions[uint32]{{Exact: true}, {}, {Filter: FilterFunc[uint32](func(key uint32) bool { return key < moving })}} {
		wg.Go(func() {
			want := []int{n - moving, n}
			if o.Filter != nil {
				want = []int{0, moving}
			}
			for !stop.Load() {
				hits, err := x.Search(rows[:dim], n, &o, nil)
				assert.NoError(t, err)
				if !assert.Contains(t, want, len(hits)) {
					return
				}
			}
		})
	}
	for range rounds {
		x.writer.Lock()
		x.age(mostVersions - 3)
		x.writer.Unlock()
		for range 2 {
			_, err := x.Delete(ascending(moving)...)
			assert.NoError(t, err)
			assert.NoError(t, x.AddBatch(ascending(moving), rows[:moving*dim], nil))
			assert.NoError(t, x.AddBatch(ascending(moving), rows[dim:(moving+1)*dim], nil))
		}
		assert.Less(t, x.g.version, uint32(100))
	}
	stop.Store(true)
	wg.Wait()
	require.NoError(t, x.Check())
}
