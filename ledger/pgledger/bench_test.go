package pgledger_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/pgledger"
)

// BenchmarkAppend appends entries of 300 bytes through a log, on a server that
// syncs: single ones by one and by many writers, and batches. It reports entries
// per second and the median of a call.
func BenchmarkAppend(b *testing.B) {
	dsn := needServer(b)
	for _, point := range []struct{ writers, batch int }{{1, 1}, {16, 1}, {256, 1}, {1, 100}, {1, 1000}, {1, 4000}, {16, 100}} {
		b.Run(fmt.Sprintf("writers=%d/batch=%d", point.writers, point.batch), func(b *testing.B) {
			l := openLog(b, dsn, pgledger.Options{Schema: newSchema()})
			var calls atomic.Int64
			var mu sync.Mutex
			var took []time.Duration
			call := func() bool {
				n := calls.Add(1)
				if n > int64(b.N) {
					return false
				}
				entries := make([]ledger.Append, point.batch)
				for i := range entries {
					entries[i] = ledger.Append{Stream: fmt.Sprint("stream/", n%1000), Type: "noted", Key: fmt.Sprint(n, "/", i), Payload: make([]byte, 300)}
				}
				start := time.Now()
				_, err := l.Append(b.Context(), entries...)
				if err != nil {
					b.Error(err)
					return false
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
				return true
			}
			b.ResetTimer()
			var wg sync.WaitGroup
			for range point.writers {
				wg.Go(func() {
					for call() {
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(b.N*point.batch)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
	}
}

// BenchmarkRead streams the frames of a log of 20,000 entries.
func BenchmarkRead(b *testing.B) {
	dsn, o := needServer(b), pgledger.Options{Schema: newSchema()}
	const n = 20_000
	l := openLog(b, dsn, o)
	for i := range n / 4000 {
		entries := make([]ledger.Append, 4000)
		for j := range entries {
			entries[j] = ledger.Append{Stream: fmt.Sprint("stream/", j), Type: "noted", Key: fmt.Sprint(i, "/", j), Payload: make([]byte, 300)}
		}
		_, err := l.Append(b.Context(), entries...)
		require.NoError(b, err)
	}
	s := recovered(b, dsn, o)
	for b.Loop() {
		frames := 0
		for _, err := range s.Read(b.Context(), 0, n) {
			require.NoError(b, err)
			frames++
		}
		require.Equal(b, n, frames)
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "entries/s")
}
