package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/deeperpoint/csss/ledger"
)

// fillBatch is the size of the batches that a log is filled with.
const fillBatch = 1000

// filled returns the folder of a log with n entries, which it fills when it is
// asked for the first time. The log has a snapshot if snapshots are kept.
func (b *ledgerBench) filled(ctx context.Context, n int) (dir string, err error) {
	name := fmt.Sprintf("filled-%d", n)
	dir, err = b.folder(name)
	if errors.Is(err, os.ErrExist) {
		return dir, nil
	}
	if err != nil {
		return "", err
	}
	b.note("filling a log with %v entries …", figure(n))
	log, err := ledger.OpenDir(ctx, dir, nil)
	if err != nil {
		return "", err
	}
	writer := b.source().Writers(1)[0]
	for at := 0; at < n; at += fillBatch {
		if err := appendBatch(ctx, log, writer, min(fillBatch, n-at)); err != nil {
			return "", errors.Join(err, log.Close())
		}
	}
	return dir, errors.Join(log.Snapshot(ctx), log.Close())
}

// withFilled calls a function with an open log of n entries.
func (b *ledgerBench) withFilled(ctx context.Context, n int, do func(log *ledger.Log) error) error {
	dir, err := b.filled(ctx, n)
	if err != nil {
		return err
	}
	log, err := ledger.OpenDir(ctx, dir, nil)
	if err != nil {
		return err
	}
	return errors.Join(do(log), log.Close())
}
