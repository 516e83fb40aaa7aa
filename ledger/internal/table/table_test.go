package table_test

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/ledger/internal/table"
)

// keys returns a source of uniform keys.
func keys(seed uint64) func() table.Key {
	rnd := rand.New(rand.NewPCG(seed, 1))
	return func() (k table.Key) {
		binary.LittleEndian.PutUint64(k[:8], rnd.Uint64())
		binary.LittleEndian.PutUint64(k[8:], rnd.Uint64())
		return k
	}
}

// reader is what a table and a view of it have in common.
type reader interface {
	Get(table.Key) (uint64, bool)
	Len() int
}

// same compares a table or view with its naive twin.
func same(t require.TestingT, want map[table.Key]uint64, r reader, all func(func(table.Key, uint64) bool)) {
	require.Equal(t, len(want), r.Len())
	for k, n := range want {
		got, ok := r.Get(k)
		require.True(t, ok)
		require.Equal(t, n, got)
	}
	last, count := table.Key{}, 0
	for k, n := range all {
		if count > 0 {
			require.Negative(t, bytes.Compare(last[:], k[:]), "order")
		}
		require.Equal(t, want[k], n)
		last, count = k, count+1
	}
	require.Equal(t, len(want), count)
}

// reload saves a table and loads it again.
func reload(t require.TestingT, tab *table.Table) *table.Table {
	var b bytes.Buffer
	require.NoError(t, tab.Save(&b))
	again, err := table.Load(b.Bytes())
	require.NoError(t, err)
	return again
}

func TestATableIsAMap(t *testing.T) {
	size := 200_000
	if testing.Short() {
		size = 30_000
	}
	next, absent := keys(1), keys(2)
	rnd := rand.New(rand.NewPCG(3, 3))
	var tab table.Table
	want := map[table.Key]uint64{}
	var known []table.Key
	for i := range size {
		k := next()
		if i%4 == 3 { // a stream's newest entry is put again and again
			k = known[rnd.IntN(len(known))]
		} else {
			known = append(known, k)
		}
		tab.Put(k, uint64(i))
		want[k] = uint64(i)
		if i == size/3 || i == size/2 {
			tab = *reload(t, &tab)
		}
		_, ok := tab.Get(absent())
		require.False(t, ok)
	}
	same(t, want, &tab, tab.All())
	again := reload(t, &tab)
	same(t, want, again, again.All())
	same(t, want, again.View(), again.View().All())
	require.NotZero(t, len(known))
}

// TestHistoriesAgainstAMap uses keys that are anything but uniform: few, close
// together, at both ends, the least and the greatest among them.
func TestHistoriesAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type frozen struct {
			view *table.View
			want map[table.Key]uint64
		}
		var views []frozen
		tab, want := new(table.Table), map[table.Key]uint64{}
		key := rapid.Custom(func(t *rapid.T) (k table.Key) {
			k[0] = rapid.SampledFrom([]byte{0, 1, 128, 255}).Draw(t, "shard")
			k[1] = rapid.SampledFrom([]byte{0, 1, 254, 255}).Draw(t, "home")
			k[7] = rapid.SampledFrom([]byte{0, 255}).Draw(t, "high half")
			k[15] = rapid.ByteMax(7).Draw(t, "low half")
			if rapid.IntRange(0, 50).Draw(t, "greatest") == 50 {
				copy(k[:], bytes.Repeat([]byte{255}, 16))
			}
			return k
		})
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, n := key.Draw(t, "key"), rapid.SampledFrom([]uint64{0, 1, math.MaxUint64}).Draw(t, "number")
				tab.Put(k, n)
				want[k] = n
			},
			"put many": func(t *rapid.T) {
				for _, k := range rapid.SliceOfN(key, 0, 60).Draw(t, "keys") {
					tab.Put(k, 7)
					want[k] = 7
				}
			},
			"get": func(t *rapid.T) {
				k := key.Draw(t, "key")
				got, ok := tab.Get(k)
				n, has := want[k]
				require.Equal(t, has, ok)
				require.Equal(t, n, got)
			},
			"grow":   func(t *rapid.T) { tab.Grow(rapid.SampledFrom([]int{-1, 0, 255, 256, 3000}).Draw(t, "more")) },
			"reload": func(t *rapid.T) { tab = reload(t, tab) },
			"view":   func(t *rapid.T) { views = append(views, frozen{tab.View(), maps.Clone(want)}) },
			"": func(t *rapid.T) {
				same(t, want, tab, tab.All())
			},
		})
		for _, v := range views {
			same(t, v.want, v.view, v.view.All())
		}
	})
}

// TestKeysThatCrowdAtTheEnd: what homes at the end cannot hold goes behind them.
func TestKeysThatCrowdAtTheEnd(t *testing.T) {
	for _, first := range []byte{0, 7, 255} {
		tab, want := new(table.Table), map[table.Key]uint64{}
		for i := range 300 {
			k := table.Key(bytes.Repeat([]byte{255}, 16))
			k[0], k[14], k[15] = first, byte(i*89>>8), byte(i*89)
			tab.Put(k, uint64(i))
			want[k] = uint64(i)
			if i%50 == 0 {
				same(t, want, tab, tab.All())
				again := reload(t, tab)
				same(t, want, again, again.All())
			}
		}
		same(t, want, tab, tab.All())
	}
}

func TestASavedTableHasOneForm(t *testing.T) {
	next := keys(4)
	all := make([]table.Key, 5000)
	for i := range all {
		all[i] = next()
	}
	var one, other table.Table
	for i, k := range all {
		one.Put(k, uint64(i))
	}
	for i, k := range slices.Backward(all) {
		other.Put(k, uint64(i))
		if i == 2000 {
			other = *reload(t, &other)
		}
	}
	var a, b bytes.Buffer
	require.NoError(t, one.Save(&a))
	require.NoError(t, other.Save(&b))
	assert.True(t, bytes.Equal(a.Bytes(), b.Bytes()))
	assert.LessOrEqual(t, a.Len(), 33*len(all))
}

func TestAViewIsReadBesideTheWriter(t *testing.T) {
	next := keys(5)
	var tab table.Table
	var known []table.Key
	for i := range uint64(3000) {
		known = append(known, next())
		tab.Put(known[i], i)
	}
	tab = *reload(t, &tab)
	var wg sync.WaitGroup
	for round := range uint64(8) {
		n := tab.Len()
		view, mine := tab.View(), slices.Clone(known)
		wg.Go(func() {
			var b bytes.Buffer
			assert.NoError(t, view.Save(&b))
			again, err := table.Load(b.Bytes())
			if !assert.NoError(t, err) || !assert.Equal(t, n, again.Len()) || !assert.Equal(t, n, view.Len()) {
				return
			}
			for i, k := range mine {
				got, ok := again.Get(k)
				same, _ := view.Get(k)
				want := uint64(i)
				if i < 100 && round > 0 {
					want = round - 1 // what the last round put
				}
				if !ok || got != want || same != want {
					t.Errorf("key %d of %d in round %d: %d %v %d", i, n, round, got, ok, same)
					return
				}
			}
		})
		for i := range 1000 {
			known = append(known, next())
			tab.Put(known[len(known)-1], uint64(len(known)-1))
			if i < 100 {
				tab.Put(known[i], round)
			}
		}
	}
	wg.Wait()
}

func TestRoomThatWasMadeIsUsed(t *testing.T) {
	const size = 100_000
	next := keys(7)
	var tab table.Table
	tab.Grow(size)
	assert.LessOrEqual(t, testing.AllocsPerRun(1, func() {
		for i := range uint64(size / 2) { // run twice
			tab.Put(next(), i)
		}
	}), 2.0, "a shard may get far more than its share")
	assert.Equal(t, size, tab.Len())
}

func TestGettingAndReplacingAllocateNothing(t *testing.T) {
	next := keys(6)
	var tab table.Table
	var known []table.Key
	for i := range uint64(10_000) {
		known = append(known, next())
		tab.Put(known[i], i)
	}
	base := reload(t, &tab)
	i := 0
	assert.Zero(t, testing.AllocsPerRun(1000, func() { tab.Put(known[i], 1); tab.Get(known[i]); base.Get(known[i]); base.Get(table.Key{1}); i++ }))
}
