package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/tiles"
)

// auditLine is the line of csss/audit. Rates are those of one core: entries
// divided by seconds of CPU.
type auditLine struct {
	Engine      string `json:"engine"`
	Entries     int    `json:"entries"`
	Tree        figure `json:"tree_per_core_s"`        // leaf records and the tree
	Commitments figure `json:"commitments_per_core_s"` // and headers and payloads, opened and compared with their commitments
	All         figure `json:"all_per_core_s"`         // and the tags of keys and positions
	Folder      figure `json:"folder_per_core_s"`      // an exported folder, with the public key alone
}

// tilesLine is the line of csss/tiles.
type tilesLine struct {
	Engine   string `json:"engine"`
	Entries  int    `json:"entries"`
	Bytes    int64  `json:"folder_bytes"`
	Above    figure `json:"bytes_per_entry_above_leaf"`
	Export   figure `json:"export_entries_per_s"` // wall clock, with all syncs
	Unsynced figure `json:"export_unsynced_entries_per_core_s"`
}

func (b *ledgerBench) measureAudit(ctx context.Context) error {
	if b.audit == 0 {
		return nil
	}
	return b.withFilled(ctx, b.audit, func(log *ledger.Log) error {
		folder := filepath.Join(b.dir, "tiles")
		exported, err := b.export(ctx, log, folder)
		if err != nil {
			return err
		}
		line := auditLine{Engine: "csss/audit", Entries: b.audit}
		if line.Folder, err = auditFolder(ctx, folder, log.VerifierKey()); err != nil {
			return err
		}
		for _, a := range []struct {
			rate  *figure
			depth ledger.Depth
		}{{&line.Tree, ledger.VerifyTree}, {&line.Commitments, ledger.VerifyCommitments}, {&line.All, ledger.VerifyAll}} {
			if *a.rate, err = perCore(b.audit, func() error {
				_, err := log.Verify(ctx, &ledger.VerifyOptions{Depth: a.depth})
				return err
			}); err != nil {
				return err
			}
		}
		b.row("audit of %v entries on one core: tree %v/s, with commitments %v/s, with tags %v/s; exported folder %v/s",
			figure(b.audit), line.Tree, line.Commitments, line.All, line.Folder)
		b.row("tiles: %v bytes per entry above the leaf", exported.Above)
		return errors.Join(b.line(exported), b.line(line), os.RemoveAll(folder))
	})
}

// export writes the folder twice, without syncs and with them.
func (b *ledgerBench) export(ctx context.Context, log *ledger.Log, folder string) (tilesLine, error) {
	line := tilesLine{Engine: "csss/tiles", Entries: b.audit}
	unsynced := folder + "-unsynced"
	var err error
	if line.Unsynced, err = perCore(b.audit, func() error {
		return tiles.Export(ctx, log, unsynced, &tiles.ExportOptions{Unsynced: true})
	}); err != nil {
		return line, err
	}
	if err := os.RemoveAll(unsynced); err != nil {
		return line, err
	}
	s, err := load.Measure(func() (int, []time.Duration, error) {
		return b.audit, nil, tiles.Export(ctx, log, folder, nil)
	})
	if err != nil {
		return line, err
	}
	line.Export = figure(s.Rate())
	if line.Bytes, err = fileBytes(folder); err != nil {
		return line, err
	}
	line.Above = figure(float64(line.Bytes)/float64(b.audit) - float64(b.frame.leaf))
	return line, nil
}

// auditFolder verifies an exported folder with nothing but the public key.
func auditFolder(ctx context.Context, dir, vkey string) (figure, error) {
	folder, err := tiles.Open(os.DirFS(dir), vkey)
	if err != nil {
		return 0, err
	}
	return perCore(int(folder.Size()), func() error { return folder.Verify(ctx, nil) })
}

// perCore returns entries per second of CPU.
func perCore(entries int, do func() error) (figure, error) {
	runtime.GC() // what was built before is not charged to it
	start := clock()
	err := do()
	return figure(float64(entries) / max(clock()-start, 1e-9)), err
}

// fileBytes returns the length of all files below a folder.
func fileBytes(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
