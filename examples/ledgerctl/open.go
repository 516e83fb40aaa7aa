package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/ledger"
)

// options are those of the log, from the flags.
func (c *call) options() (*ledger.Options, error) {
	key, err := cli.TenantKey(c.tenantKey)
	return &ledger.Options{TenantKey: key}, err
}

// open opens the log of the folder. It does not make one.
func (c *call) open(ctx context.Context, write bool, o *ledger.Options) (*ledger.Log, error) {
	if err := cli.Folder("dir", c.dir); err != nil {
		return nil, err
	}
	switch found, err := holdsLog(c.dir); {
	case err != nil:
		return nil, cli.Usage(fmt.Errorf("-dir: %w", err))
	case !found:
		return nil, cli.Usagef("-dir: %s holds no log", c.dir)
	}
	store, err := ledger.OpenDirStore(c.dir, &ledger.DirOptions{ReadOnly: !write})
	if err != nil {
		return nil, err
	}
	log, err := ledger.Open(ctx, store, o)
	if bad, ok := errors.AsType[*ledger.InvalidError](err); ok && bad.Field == "TenantKey" {
		return nil, cli.Usage(fmt.Errorf("-tenant-key: %w", err))
	}
	return log, err
}

// holdsLog reports whether a folder has anything of a log: opening an empty one
// for writing would begin a log there.
func holdsLog(dir string) (bool, error) {
	for _, name := range []string{"segments", "head", "secrets"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

// withLog runs a function on the open log.
func (c *call) withLog(ctx context.Context, write bool, do func(log *ledger.Log) error) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	log, err := c.open(ctx, write, o)
	if err != nil {
		return err
	}
	return errors.Join(do(log), log.Close())
}

// withSigned runs a function on an open log whose newest checkpoint covers all
// its entries, and passes that. The log is read-only if it was covered already.
func (c *call) withSigned(ctx context.Context, do func(log *ledger.Log, checkpoint []byte) error) error {
	signed := func(log *ledger.Log) error {
		checkpoint, err := log.Checkpoint(ctx)
		if err != nil {
			return err
		}
		return do(log, checkpoint)
	}
	err := c.withLog(ctx, false, signed)
	if !errors.Is(err, ledger.ErrReadOnly) {
		return err
	}
	if err = c.withLog(ctx, true, signed); errors.Is(err, ledger.ErrLocked) {
		return fmt.Errorf("%w: its newest entries are not signed yet; ask again once it has made a checkpoint, or has ended", err)
	}
	return err
}
