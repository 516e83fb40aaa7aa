package ledger_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"iter"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// freeStore takes batches for nothing but the time of a sync, and forgets them, so
// that what is left is the log's own work.
type freeStore struct {
	ledger.Store
	sync time.Duration
}

func (freeStore) Commit(context.Context, ledger.Batch) error { return nil }
func (s freeStore) Begin(context.Context, ledger.Batch) (func() error, error) {
	return func() error { time.Sleep(s.sync); return nil }, nil
}
func (freeStore) Read(context.Context, uint64, uint64) iter.Seq2[ledger.Frame, error] {
	return func(func(ledger.Frame, error) bool) {}
}

func openFree(b *testing.B) *ledger.Log { return openSyncing(b, 0) }

func openSyncing(b *testing.B, sync time.Duration) *ledger.Log {
	l, err := ledger.Open(b.Context(), &freeStore{ledger.NewMemoryStore(), sync}, nil)
	require.NoError(b, err)
	b.Cleanup(func() { l.Close() })
	return l
}

var payload300 = make([]byte, 300)

var streams = func() (names [100]string) {
	for i := range names {
		names[i] = "stream/" + strconv.Itoa(i)
	}
	return names
}()

// appends makes n entries of 300 bytes on a hundred streams.
func appends(from, n int) []ledger.Append {
	batch := make([]ledger.Append, n)
	for i := range batch {
		batch[i] = ledger.Append{Stream: streams[(from+i)%100], Type: "offer.changed", Key: "command-" + strconv.Itoa(from+i), Payload: payload300}
	}
	return batch
}

// perEntry reports the time and the processors' time since cpu for each of n.
func perEntry(b *testing.B, n int, cpu time.Duration) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/entry")
	b.ReportMetric(float64(cpuTime()-cpu)/float64(n), "cpu-ns/entry")
}

// BenchmarkPrimitives is the hashing and sealing that an entry of 300 bytes cannot
// do without; the goals of the others are multiples of their sum.
func BenchmarkPrimitives(b *testing.B) {
	block, err := aes.NewCipher(make([]byte, 32))
	require.NoError(b, err)
	aead, err := cipher.NewGCM(block)
	require.NoError(b, err)
	mac := hmac.New(sha256.New, make([]byte, 32))
	buf, nonce, sum := make([]byte, 512), make([]byte, 12), make([]byte, 0, 32)
	table := crc32.MakeTable(crc32.Castagnoli)
	tag := func() { mac.Reset(); mac.Write(buf[:40]); mac.Sum(sum) }
	parts := []struct {
		name string
		f    func()
	}{
		{"tags", func() { tag(); tag() }},
		{"payload commitment", func() { sha256.Sum256(buf[:354]) }},
		{"payload seal", func() { aead.Seal(buf[:0], nonce, buf[:300], nil) }},
		{"header commitment", func() { sha256.Sum256(buf[:155]) }},
		{"header seal", func() { aead.Seal(buf[:0], nonce, buf[:60], nil) }},
		{"leaf", func() { sha256.Sum256(buf[:160]) }},
		{"node", func() { sha256.Sum256(buf[:65]) }},
		{"crc", func() { crc32.Checksum(buf[:], table) }},
	}
	b.Run("all", func(b *testing.B) {
		n, cpu := 0, cpuTime()
		for b.Loop() {
			for _, p := range parts {
				p.f()
			}
			n++
		}
		perEntry(b, n, cpu)
	})
	for _, p := range parts {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				p.f()
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, open := range map[string]func(*testing.B) *ledger.Log{
		"free": openFree,
		"memory": func(b *testing.B) *ledger.Log {
			l, err := ledger.OpenMemory(nil)
			require.NoError(b, err)
			return l
		},
	} {
		for _, size := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("%s/batch=%d", name, size), func(b *testing.B) {
				l := open(b)
				n := 0
				var ready []ledger.Append
				b.ReportAllocs()
				cpu := cpuTime()
				for b.Loop() {
					if len(ready) < size {
						b.StopTimer()
						cpu -= cpuTime()
						ready = appends(n, 100_000)
						cpu += cpuTime()
						b.StartTimer()
					}
					if _, err := l.Append(b.Context(), ready[:size]...); err != nil {
						b.Fatal(err)
					}
					ready = ready[size:]
					n += size
				}
				perEntry(b, n, cpu)
			})
		}
	}
}

// BenchmarkWriters lets many goroutines append single entries.
func BenchmarkWriters(b *testing.B) {
	for _, writers := range []int{1, 16, 1024} {
		b.Run(strconv.Itoa(writers), func(b *testing.B) {
			l := openSyncing(b, 100*time.Microsecond)
			var next atomic.Int64
			var wg sync.WaitGroup
			runtime.GC()
			b.ResetTimer()
			cpu := cpuTime()
			for range writers {
				wg.Go(func() {
					for i := int(next.Add(1)); i <= b.N; i = int(next.Add(1)) {
						e := ledger.Append{Stream: streams[i%len(streams)], Type: "offer.changed", Key: "command-" + strconv.Itoa(i), Payload: payload300}
						if _, err := l.Append(context.Background(), e); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			perEntry(b, b.N, cpu)
		})
	}
}

// filled is a store with n entries.
func filled(b *testing.B, n int) ledger.Store {
	s := ledger.NewMemoryStore()
	l, err := ledger.Open(b.Context(), s, nil)
	require.NoError(b, err)
	defer l.Close()
	for at := 0; at < n; at += 1000 {
		_, err := l.Append(b.Context(), appends(at, 1000)...)
		require.NoError(b, err)
	}
	return s
}

func BenchmarkOpen(b *testing.B) {
	const n = 100_000
	s := filled(b, n)
	cpu := cpuTime()
	for b.Loop() {
		l, err := ledger.Open(b.Context(), s, nil)
		require.NoError(b, err)
		require.NoError(b, l.Close())
	}
	perEntry(b, b.N*n, cpu)
}

func BenchmarkVerify(b *testing.B) {
	const n = 100_000
	l, err := ledger.Open(b.Context(), filled(b, n), nil)
	require.NoError(b, err)
	defer l.Close()
	for name, depth := range map[string]ledger.Depth{"all": ledger.VerifyAll, "commitments": ledger.VerifyCommitments, "tree": ledger.VerifyTree} {
		b.Run(name, func(b *testing.B) {
			cpu := cpuTime()
			for b.Loop() {
				_, err := l.Verify(b.Context(), &ledger.VerifyOptions{Depth: depth})
				require.NoError(b, err)
			}
			perEntry(b, b.N*n, cpu)
		})
	}
}

func BenchmarkRead(b *testing.B) {
	const n = 10_000
	l, err := ledger.Open(b.Context(), filled(b, n), nil)
	require.NoError(b, err)
	defer l.Close()
	for name, q := range map[string]ledger.Query{"all": {}, "stream": {Stream: "stream/7"}} {
		b.Run(name, func(b *testing.B) {
			count := 0
			cpu := cpuTime()
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range l.Read(b.Context(), q) {
					require.NoError(b, err)
					count++
				}
			}
			perEntry(b, count, cpu)
		})
	}
	b.Run("prove", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := l.Prove(b.Context(), n/2, n); err != nil {
				b.Fatal(err)
			}
		}
	})
	file, err := l.ExportReceipt(b.Context(), n/2)
	require.NoError(b, err)
	b.Run("verify receipt", func(b *testing.B) {
		for b.Loop() {
			_, err := ledger.VerifyReceipt(file, l.VerifierKey())
			require.NoError(b, err)
		}
		b.ReportMetric(float64(len(file)), "bytes")
	})
}
