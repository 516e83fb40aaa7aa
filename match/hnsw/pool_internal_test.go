package hnsw

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Heaps and pools have cost other engines recall for years (faiss PR 2771;
// coder/hnsw took the last slot of a min-heap for its worst entry), so each is
// compared with a sorted slice or a map.

// entries draws entries with many ties and without repeated slots.
func entries(t *rapid.T) []entry {
	ds := rapid.SliceOfN(rapid.IntRange(-3, 5), 0, 60).Draw(t, "distances")
	slots := rapid.Permutation(ascending(len(ds))).Draw(t, "slots")
	es := make([]entry, len(ds))
	for i, d := range ds {
		es[i] = entry{float32(d), slots[i]}
	}
	return es
}

func ascending(n int) []uint32 {
	s := make([]uint32, n)
	for i := range s {
		s[i] = uint32(i)
	}
	return s
}

func TestPoolKeepsTheLeastInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		es, limit := entries(t), rapid.IntRange(1, 60).Draw(t, "limit")
		var p pool
		var all []entry
		for _, e := range es {
			at := p.insert(e, limit)
			all = append(all, e)
			slices.SortFunc(all, compareEntries)
			want := all[:min(limit, len(all))]
			require.Equal(t, want, []entry(p))
			require.Equal(t, slices.Index(want, e), at)
		}
	})
}

func TestPoolFindsPlacesBeyondTheFirstBlock(t *testing.T) {
	var p pool
	for i := range uint32(200) {
		p.insert(entry{float32(i / 3), i}, 200)
	}
	for d := -1; d < 70; d++ {
		require.Equal(t, min(max(3*d, 0), 200), p.below(float32(d)))
	}
}

func TestArrangeSorts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		es := entries(t)
		near := rapid.Bool().Draw(t, "nearly sorted")
		if near {
			slices.SortFunc(es, compareEntries)
			for i := 0; i+2 < len(es); i += 3 {
				es[i], es[i+2] = es[i+2], es[i]
			}
		}
		want := slices.Clone(es)
		slices.SortFunc(want, compareEntries)
		arrange(es)
		require.Equal(t, want, es)
	})
}

func TestPoolIgnoresDoneMarksInItsOrder(t *testing.T) {
	p := pool{{1, 4 | done}, {1, 9}}
	require.Equal(t, 1, p.insert(entry{1, 5}, 8))
	require.Equal(t, 0, p.insert(entry{1, 3}, 8))
}

func TestFrontierPopsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h frontier
		var oracle []entry
		for _, e := range entries(t) {
			h.push(e)
			oracle = append(oracle, e)
			slices.SortFunc(oracle, compareEntries)
			if rapid.Bool().Draw(t, "pop") {
				require.Equal(t, oracle[0], h.pop())
				oracle = oracle[1:]
			}
		}
		for _, want := range oracle {
			require.Equal(t, want, h.pop())
		}
		require.Empty(t, h)
	})
}

func TestLevelsFollowTheirLaw(t *testing.T) {
	const n, m = 1 << 16, 16
	var at [maxLevel + 1]int
	for key := range uint32(n) {
		at[levelOf(7, hashKey(key), m)]++
	}
	// Expected n·M^-l rows reach level l; five standard deviations allowed.
	require.InDelta(t, n/m, n-at[0], 320)
	require.InDelta(t, n/m/m, n-at[0]-at[1], 80)
	require.NotEqual(t, levels(1, m), levels(2, m), "the seed matters")
	require.Equal(t, levels(1, m), levels(1, m))
}

func levels(seed uint64, m int) (ls []int) {
	for _, key := range []string{"a", "b", "c", "d"} {
		for i := range 64 {
			ls = append(ls, levelOf(seed+uint64(i)*1e9, hashKey(key), m))
		}
	}
	return ls
}

// TestHashesAreStable pins the hash: a different one would give other graphs
// to the same ledger.
func TestHashesAreStable(t *testing.T) {
	require.EqualValues(t, uint64(0xcbf29ce484222325), hashKey(""))
	require.EqualValues(t, uint64(0xaf63dc4c8601ec8c), hashKey("a"))
	require.EqualValues(t, 7, hashKey(uint32(7)))
	require.EqualValues(t, uint64(0xe220a8397b1dcdaf), mix(0), "first output of SplitMix64 seeded with 0")
}
