package ledger_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

func BenchmarkAppendBatch1000Memory(b *testing.B) {
	l, err := ledger.OpenMemory(nil)
	require.NoError(b, err)
	defer l.Close()
	payload := make([]byte, 300)
	n := 0
	for b.Loop() {
		batch := make([]ledger.Append, 1000)
		for i := range batch {
			batch[i] = ledger.Append{Stream: fmt.Sprint("s", n%100), Type: "t", Key: fmt.Sprint(n), Payload: payload}
			n++
		}
		_, err := l.Append(b.Context(), batch...)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/entry")
}

func BenchmarkAppendOneDir(b *testing.B) {
	l := openDir(b, b.TempDir())
	defer l.Close()
	n := 0
	for b.Loop() {
		_, err := l.Append(b.Context(), ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(n), Payload: make([]byte, 300)})
		require.NoError(b, err)
		n++
	}
}

// filled is a store with 10,000 entries.
func filled(b *testing.B) ledger.Store {
	s := ledger.NewMemoryStore()
	l, err := ledger.Open(b.Context(), s, nil)
	require.NoError(b, err)
	defer l.Close()
	for at := range 10 {
		batch := make([]ledger.Append, 1000)
		for i := range batch {
			batch[i] = ledger.Append{Stream: fmt.Sprint("s", i%100), Type: "t", Key: fmt.Sprint(at, "/", i), Payload: make([]byte, 300)}
		}
		_, err := l.Append(b.Context(), batch...)
		require.NoError(b, err)
	}
	return s
}

func BenchmarkOpen10k(b *testing.B) {
	s := filled(b)
	for b.Loop() {
		l, err := ledger.Open(b.Context(), s, nil)
		require.NoError(b, err)
		require.NoError(b, l.Close())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/entry")
}

func BenchmarkAt10k(b *testing.B) {
	l, err := ledger.Open(b.Context(), filled(b), nil)
	require.NoError(b, err)
	defer l.Close()
	b.Run("Verify", func(b *testing.B) {
		for b.Loop() {
			_, err := l.Verify(b.Context(), nil)
			require.NoError(b, err)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/entry")
	})
	b.Run("Prove", func(b *testing.B) {
		for b.Loop() {
			_, err := l.Prove(b.Context(), 5000, 10000)
			require.NoError(b, err)
		}
	})
	file, err := l.ExportReceipt(b.Context(), 5000)
	require.NoError(b, err)
	b.Run("VerifyReceipt", func(b *testing.B) {
		for b.Loop() {
			_, err := ledger.VerifyReceipt(file, l.VerifierKey())
			require.NoError(b, err)
		}
		b.ReportMetric(float64(len(file)), "bytes")
	})
}
