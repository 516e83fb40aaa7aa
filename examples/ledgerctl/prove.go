package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/ledger"
)

// proving are the flags of prove.
type proving struct {
	size         uint64
	out, opening string
	bare         bool
}

func proveFlags(c *call) {
	p := &c.proving
	c.Uint64Var(&p.size, "size", 0, "with -json: the `size` of the tree to prove it in (default: the whole log)")
	c.StringVar(&p.out, "out", "", "`file` to write the receipt to (default: standard output)")
	c.BoolVar(&p.bare, "bare", false, "leave the leaf record out, for who has the leaf hash: 220 bytes less")
	c.StringVar(&p.opening, "opening", "", "also write the opening of the payload's commitment to this `file`; it is as secret as the payload")
}

// prove writes a receipt, or with -json the bare inclusion proof.
func prove(ctx context.Context, c *call) error {
	index, err := strconv.ParseUint(c.Words[0], 10, 64)
	if err != nil {
		return cli.Usagef("%q is no index", c.Words[0])
	}
	if c.JSON {
		return c.withLog(ctx, false, func(log *ledger.Log) error {
			size := c.proving.size
			if size == 0 {
				size = log.Size()
			}
			p, err := log.Prove(ctx, index, size)
			if err != nil {
				return outside(err)
			}
			return json.NewEncoder(c.Stdout).Encode(p)
		})
	}
	if c.proving.size != 0 {
		return cli.Usagef("-size goes with -json: a receipt has the size of its checkpoint")
	}
	err = c.withSigned(ctx, func(log *ledger.Log, _ []byte) error { return c.writeReceipt(ctx, log, index) })
	if !errors.Is(err, ledger.ErrLocked) {
		return err
	}
	// Beside a writer the newest checkpoint it signed may be enough.
	again := c.withLog(ctx, false, func(log *ledger.Log) error { return c.writeReceipt(ctx, log, index) })
	if errors.Is(again, ledger.ErrReadOnly) {
		return err
	}
	return again
}

func (c *call) writeReceipt(ctx context.Context, log *ledger.Log, index uint64) error {
	export := log.ExportReceipt
	if c.proving.bare {
		export = log.ExportProof
	}
	file, err := export(ctx, index)
	if err != nil {
		return outside(err)
	}
	if c.proving.opening != "" {
		o, err := log.OpenPayload(ctx, index)
		if err != nil {
			return err
		}
		b, err := json.Marshal(o)
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.proving.opening, append(b, '\n'), 0o600); err != nil {
			return cli.Usage(err)
		}
	}
	if c.proving.out == "" {
		_, err = c.Stdout.Write(file)
		return err
	}
	if err := os.WriteFile(c.proving.out, file, 0o644); err != nil {
		return cli.Usage(err)
	}
	return nil
}

// outside makes an index or a size beyond the log the caller's error.
func outside(err error) error {
	if errors.Is(err, ledger.ErrRange) {
		return cli.Usage(err)
	}
	return err
}
