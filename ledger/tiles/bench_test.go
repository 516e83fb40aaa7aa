package tiles_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger/tiles"
)

func BenchmarkFolder(b *testing.B) {
	const size = 40_000
	log := newLog(b, size)
	signed := log.at(b, size)
	b.Run("export", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, tiles.Export(b.Context(), log, b.TempDir(), &tiles.ExportOptions{Checkpoint: signed, Unsynced: true}))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/entry")
	})
	x := open(b, log, export(b, log, size))
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, x.Verify(b.Context(), nil))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/entry")
	})
}
