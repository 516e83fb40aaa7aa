package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
	"github.com/deeperpoint/csss/ledger"
)

const ledgerText = `Measures package ledger's file engine in a folder of its own, which is removed.

For every number of writers and every batch size, the engines take turns in
slices of time, so that a noisy disk hits all of them alike:

  raw      the control: one writer that overwrites a zero-filled file with the
           bytes of writers x batch entries as the ledger lays them out, one
           pwrite and one fdatasync at a time (at most 16 MiB in one; the size
           of a frame is measured first)
  csss     package ledger: sealed payloads, key index, version check, tree
  peers    with -peers, see examples/bench/peers

An entry has a stream, a type and a key of 44 bytes together and a payload of
random bytes; keys are random too, as callers' are. A call returns when its batch is durable.

Keys of a line, for raw, csss and peers:
  engine             raw, csss, or the peer
  writers, batch     the point
  entries_per_s      acknowledged entries per second of wall clock
  p50_ms, p99_ms     latency of a call (of a write and sync for raw)
  cpu_us_per_entry   CPU of the process, making the entries included
  ratio_to_raw       entries_per_s divided by raw's at this point; for one
                     writer and a batch of one that is syncs divided by syncs
further ones:
  median_ratio_to_raw  the same for each turn of slices, and of these the median:
                     a disk that is slow for a while does not move it
  p50_ratio_to_raw   p50_ms divided by raw's
  version            of a peer
  bytes_per_entry    that the engine wrote or left in its folder
  groups             raw, csss: writes that were synced, in all slices
  entries_per_group  raw, csss
  ratio_to_single    entries_per_s divided by those at one writer, batch one
  ratio_to_peers     entries_per_s divided by each peer's at this point
  primitives_us      the hashes and ciphers one entry needs, measured alone
  cpu_ratio_to_primitives   cpu_us_per_entry divided by primitives_us

Lines with other keys:
  csss/primitives    each of the primitives in microseconds, and their sum
  csss/frames        bytes of a frame beside leaf and payload, and of a trailer
  csss/proofs        -proofs: one inclusion proof and its verification; the SHA
                     bound is the time of the tree hashes a verifier must make
  csss/audit         -audit: entries per second of one core
  csss/tiles         -audit: bytes per entry of the exported folder above the leaf
  csss/reopen        -reopen: seconds with and without a snapshot
The last line is csss's at the last point.
`

// ledgerBench is one run of the command.
type ledgerBench struct {
	writers, batches counts
	peerNames        names
	parent           string
	slices           int
	seconds          float64
	payload          int
	seed             uint64
	follow           bool
	proofs           int
	audit            int
	reopen           int

	*report
	dir        string     // of this run
	frame      frameSize  // as measured
	primitives primitives // as measured
	warned     bool       // that the folder is in memory
	single     float64    // entries per second of csss at one writer, batch one
	peers      *stores    // nil without any
}

func runLedger(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	b := &ledgerBench{writers: counts{1, 16, 1024}, batches: counts{1, 100, 1000}}
	f := newFlags("ledger")
	asJSON := f.Bool("json", false, "one JSON object a line on standard output, the table on standard error")
	f.Var(&b.writers, "writers", "`numbers` of concurrent writers")
	f.Var(&b.batches, "batch", "`numbers` of entries in a call")
	f.StringVar(&b.parent, "dir", "", "`folder` on the disk to be measured (default: the system's folder of temporary files)")
	f.Var(&b.peerNames, "peers", "`names` of the peers to run beside it: sqlite, bbolt (default none)")
	f.IntVar(&b.slices, "slices", 10, "slices of time that each engine has at a point")
	f.Float64Var(&b.seconds, "seconds", 0.25, "length of a slice")
	f.IntVar(&b.payload, "payload", 300, "`bytes` of a payload, at most 65536")
	f.Uint64Var(&b.seed, "seed", 1, "of the entries")
	f.BoolVar(&b.follow, "follow", false, "keys follow their stream instead of being random, which suits the peers' sorted indexes")
	f.IntVar(&b.proofs, "proofs", 1_000_000, "prove and verify in a log of so many `entries`; 0 for not at all")
	f.IntVar(&b.audit, "audit", 1_000_000, "audit and export a log of so many `entries`; 0 for not at all")
	f.IntVar(&b.reopen, "reopen", 0, "reopen a log of so many `entries` with and without its snapshot; 0 for not at all; needs about 650 bytes of disk each")
	if err := parse(f, args, ledgerText, stderr); err != nil {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	if b.dir, err = workFolder(b.parent); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.report = newReport(*asJSON, stdout, stderr)
	return b.measure(ctx)
}

// check refuses what the flags' own parsers let through.
func (b *ledgerBench) check() error {
	switch {
	case b.slices < 1:
		return usagef("-slices %d is below 1", b.slices)
	case !(b.seconds > 0 && b.seconds <= 3600):
		return usagef("-seconds %v is not in (0, 3600]", b.seconds)
	case b.payload < 0 || b.payload > 1<<16:
		return usagef("-payload %d is not in [0, 65536]", b.payload)
	case b.proofs < 0 || b.audit < 0 || b.reopen < 0:
		return usagef("-proofs %d, -audit %d or -reopen %d is negative", b.proofs, b.audit, b.reopen)
	}
	for _, n := range b.batches {
		if n > ledger.MaxBatch {
			return usagef("-batch %d is above the ledger's limit of %d", n, ledger.MaxBatch)
		}
	}
	for _, n := range b.writers {
		if n > 1<<16 {
			return usagef("-writers %d is above 65536", n)
		}
	}
	return nil
}

// workFolder makes a new folder in the parent, which it makes as well.
func workFolder(parent string) (string, error) {
	if parent != "" {
		if err := os.MkdirAll(parent, 0o700); err != nil {
			return "", usageError{fmt.Errorf("-dir: %w", err)}
		}
	}
	dir, err := os.MkdirTemp(parent, "csss-bench-*")
	if err != nil {
		return "", usageError{fmt.Errorf("-dir: %w", err)}
	}
	return dir, nil
}

// folder makes a new folder in that of the run.
func (b *ledgerBench) folder(name string) (string, error) {
	dir := filepath.Join(b.dir, name)
	return dir, os.Mkdir(dir, 0o700)
}

func (b *ledgerBench) slice() time.Duration { return time.Duration(b.seconds * float64(time.Second)) }

// source makes the entries of one engine.
func (b *ledgerBench) source() *load.Source { return load.NewSource(b.seed, b.payload, b.follow) }

// measure does all that was asked, the points last.
func (b *ledgerBench) measure(ctx context.Context) (err error) {
	b.note("%s, %s/%s, %d CPUs, payload %d bytes, %d slices of %v s per engine and point",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.payload, b.slices, b.seconds)
	if len(b.peerNames) > 0 {
		if b.peers, err = startPeers[load.Ask, load.Answer](ctx, b.report, storePeers, b.peerNames, b.dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.peers.stop()) }()
	}
	for _, step := range []func(context.Context) error{
		b.measureFrames, b.measurePrimitives, b.measureProofs, b.measureAudit, b.measureReopen, b.measurePoints,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// measurePoints runs the grid, batch by batch.
func (b *ledgerBench) measurePoints(ctx context.Context) error {
	b.row("%-12s %8s %6s %14s %10s %10s %12s %8s %8s", "engine", "writers", "batch", "entries/s", "p50 ms", "p99 ms", "CPU µs/entry", "to raw", "median")
	for _, batch := range b.batches {
		for _, writers := range b.writers {
			if err := b.measurePoint(ctx, writers, batch); err != nil {
				return fmt.Errorf("%d writers, batch %d: %w", writers, batch, err)
			}
		}
	}
	return nil
}
