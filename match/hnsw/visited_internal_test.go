package hnsw

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestVisitedIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v visited
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			n := rapid.IntRange(1, 500).Draw(t, "size")
			v.reset(n)
			oracle := map[uint32]bool{}
			for _, s := range rapid.SliceOf(rapid.Uint32Range(0, uint32(n-1))).Draw(t, "slots") {
				require.Equal(t, !oracle[s], v.add(s))
				oracle[s] = true
			}
		}
	})
}

func TestVisitedSiftsLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v visited
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			n := rapid.Uint32Range(1, 300).Draw(t, "size")
			v.reset(int(n))
			oracle := map[uint32]bool{}
			for range rapid.IntRange(0, 20).Draw(t, "lists") {
				list := rapid.SliceOfN(rapid.OneOf(rapid.Uint32Range(0, n+5), rapid.Just(none)), 0, 40).Draw(t, "list")
				var want []uint32
				for i := len(list) - 1; i >= 0; i-- {
					if s := list[i]; s < n && !oracle[s] {
						oracle[s], want = true, append(want, s)
					}
				}
				ids := make([]uint32, len(list))
				got := ids[:v.sift(ids, list, n)]
				require.Equal(t, want, append([]uint32(nil), got...))
			}
		}
		v.reset(1)
		for _, word := range v.bits {
			require.Zero(t, word, "a set that was emptied")
		}
	})
}
