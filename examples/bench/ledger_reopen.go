package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/deeperpoint/csss/ledger"
)

// reopenLine is the line of csss/reopen: seconds of wall clock from the call to
// a log that appends, with the files in the page cache.
type reopenLine struct {
	Engine   string `json:"engine"`
	Entries  int    `json:"entries"`
	Snapshot figure `json:"with_snapshot_s"`
	Rebuilt  figure `json:"without_snapshot_s"`
	HeapMB   figure `json:"heap_mb"` // after opening with a snapshot
}

func (b *ledgerBench) measureReopen(ctx context.Context) error {
	if b.reopen == 0 {
		return nil
	}
	dir, err := b.filled(ctx, b.reopen)
	if err != nil {
		return err
	}
	line := reopenLine{Engine: "csss/reopen", Entries: b.reopen}
	if _, _, err := b.reopened(ctx, dir); err != nil { // warms the page cache
		return err
	}
	if line.Snapshot, line.HeapMB, err = b.reopened(ctx, dir); err != nil {
		return err
	}
	// The cache folder holds what can be rebuilt, and nothing else.
	if err := os.RemoveAll(filepath.Join(dir, "cache")); err != nil {
		return err
	}
	if line.Rebuilt, _, err = b.reopened(ctx, dir); err != nil {
		return err
	}
	b.row("reopening %v entries: %v s with a snapshot, %v s without", figure(b.reopen), line.Snapshot, line.Rebuilt)
	return b.line(line)
}

// reopened opens a log and asks it for a proof.
func (b *ledgerBench) reopened(ctx context.Context, dir string) (seconds, heapMB figure, err error) {
	runtime.GC()
	start := time.Now()
	log, err := ledger.OpenDir(ctx, dir, nil)
	if err != nil {
		return 0, 0, err
	}
	_, err = log.Prove(ctx, 0, log.Size())
	seconds = figure(time.Since(start).Seconds())
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if n := log.Size(); err == nil && n != uint64(b.reopen) {
		err = errors.New("reopened log has another size")
	}
	return seconds, figure(m.HeapAlloc) / 1e6, errors.Join(err, log.Close())
}
