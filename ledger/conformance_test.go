package ledger_test

import (
	"testing"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/ledgertest"
)

func TestMemoryStoreConforms(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledgertest.Reopener {
		s := ledger.NewMemoryStore()
		return func() (ledger.Store, error) { return s, nil }
	})
}

func TestDirStoreConforms(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Reopener {
		dir := t.TempDir()
		return func() (ledger.Store, error) { return ledger.OpenDirStore(dir, nil) }
	})
}

func TestDirStoreOfSmallSegmentsConforms(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Reopener {
		dir := t.TempDir()
		return func() (ledger.Store, error) {
			return ledger.OpenDirOn(unsynced, dir, &ledger.DirOptions{SegmentBytes: 700})
		}
	})
}
