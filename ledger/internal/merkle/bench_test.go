package merkle_test

import (
	"crypto/sha256"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

const million = 1_000_000

var large = sync.OnceValue(func() *merkle.Tree { return grown(million) })

// spread returns a fixed sequence of numbers below n.
func spread(n uint64) []uint64 {
	rnd := rand.New(rand.NewPCG(7, 7))
	out := make([]uint64, 1<<16)
	for i := range out {
		out[i] = rnd.Uint64N(n)
	}
	return out
}

func BenchmarkProve(b *testing.B) {
	view, at := large().View(), spread(million)
	for _, size := range []uint64{million, million - 1} {
		name := "newest"
		if size != million {
			name = "older"
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, _ = view.Prove(min(at[i%len(at)], size-1), size)
			}
		})
	}
	b.Run("tlog", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _ = tlog.ProveRecord(million, int64(at[i%len(at)]), view)
		}
	})
}

func BenchmarkProveConsistency(b *testing.B) {
	view, at := large().View(), spread(million)
	b.Run("newest", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _ = view.ProveConsistency(at[i%len(at)], million)
		}
	})
	b.Run("tlog", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, _ = tlog.ProveTree(million, int64(at[i%len(at)]+1), view)
		}
	})
}

// sumNode is what crypto/sha256 needs for one node.
func sumNode() time.Duration {
	var buf [65]byte
	const n = 20_000
	start := time.Now()
	for range n {
		h := sha256.Sum256(buf[:])
		buf[1] = h[0]
	}
	return time.Since(start) / n
}

// reportBound reports the time per operation as a multiple of the time that so many
// hashes take, measured in turns with it.
func reportBound(b *testing.B, hashes int, op func()) {
	best, bound := time.Hour, time.Hour
	const n = 1000
	for b.Loop() {
		bound = min(bound, sumNode())
		start := time.Now()
		for range n {
			op()
		}
		best = min(best, time.Since(start)/n)
	}
	b.ReportMetric(float64(best), "ns/verify")
	b.ReportMetric(float64(best)/(float64(hashes)*float64(bound)), "x-of-sha256")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkVerify(b *testing.B) {
	view := large().View()
	const index = 654_321
	inclusion, _ := view.Prove(index, million)
	consistency, _ := view.ProveConsistency(index, million)
	leaf, root := view.Leaf(index), view.Root()
	old, _ := view.RootAt(index)
	b.Run("inclusion", func(b *testing.B) {
		reportBound(b, len(inclusion), func() {
			if !merkle.VerifyInclusion(inclusion, index, million, leaf, root) {
				b.Fatal("not verified")
			}
		})
	})
	b.Run("inclusion/tlog", func(b *testing.B) {
		reportBound(b, len(inclusion), func() {
			if tlog.CheckRecord(inclusion, million, root, index, leaf) != nil {
				b.Fatal("not verified")
			}
		})
	})
	b.Run("consistency", func(b *testing.B) {
		reportBound(b, consistencyHashes(index, len(consistency)), func() {
			if !merkle.VerifyConsistency(consistency, index, million, old, root) {
				b.Fatal("not verified")
			}
		})
	})
	b.Run("consistency/tlog", func(b *testing.B) {
		reportBound(b, consistencyHashes(index, len(consistency)), func() {
			if tlog.CheckTree(consistency, million, root, index, old) != nil {
				b.Fatal("not verified")
			}
		})
	})
}

// consistencyHashes returns how many nodes must be hashed to check a proof of so many
// hashes, where a is no power of two: all but the first for the new root, and one for each further complete
// subtree of the old tree for the old one.
func consistencyHashes(a uint64, proof int) int {
	subtrees := 0
	for ; a != 0; a &= a - 1 {
		subtrees++
	}
	return proof - 1 + subtrees - 1
}

func BenchmarkAppend(b *testing.B) {
	all := leaves(1 << 16)
	b.Run("one", func(b *testing.B) {
		tree := new(merkle.Tree)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			tree.Append(all[i%len(all)])
		}
	})
	for _, n := range []int{1000, 1 << 16} {
		b.Run("all/"+map[int]string{1000: "1000", 1 << 16: "65536"}[n], func(b *testing.B) {
			tree := new(merkle.Tree)
			for b.Loop() {
				tree.AppendAll(all[:n])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/leaf")
		})
	}
	b.Run("bound", func(b *testing.B) {
		for b.Loop() {
			merkle.NodeHash(all[0], all[1])
		}
	})
}

// BenchmarkView is what a commit of one leaf costs: append it, take the view.
func BenchmarkView(b *testing.B) {
	tree := grown(million)
	b.ReportAllocs()
	for b.Loop() {
		tree.Append(merkle.Hash{})
		tree.View()
	}
}

func BenchmarkLeafHash(b *testing.B) {
	record := make([]byte, 159)
	for b.Loop() {
		merkle.LeafHash(record)
	}
}
