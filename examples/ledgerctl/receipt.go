package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/deeperpoint/csss/ledger"
)

// proving are the flags of prove.
type proving struct {
	size         uint64
	out, opening string
}

func proveFlags(c *call) {
	p := &c.proving
	c.Uint64Var(&p.size, "size", 0, "with -json: the `size` of the tree to prove it in (default: the whole log)")
	c.StringVar(&p.out, "out", "", "`file` to write the receipt to (default: standard output)")
	c.StringVar(&p.opening, "opening", "", "also write the opening of the payload's commitment to this `file`; it is as secret as the payload")
}

// prove writes a receipt, or with -json the bare inclusion proof.
func prove(ctx context.Context, c *call) error {
	index, err := strconv.ParseUint(c.words[0], 10, 64)
	if err != nil {
		return usagef("%q is no index", c.words[0])
	}
	if c.json {
		return c.withLog(ctx, false, func(log *ledger.Log) error {
			size := c.proving.size
			if size == 0 {
				size = log.Size()
			}
			p, err := log.Prove(ctx, index, size)
			if err != nil {
				return outside(err)
			}
			return json.NewEncoder(c.stdout).Encode(p)
		})
	}
	if c.proving.size != 0 {
		return usagef("-size goes with -json: a receipt has the size of its checkpoint")
	}
	return c.withSigned(ctx, func(log *ledger.Log, _ []byte) error { return c.writeReceipt(ctx, log, index) })
}

func (c *call) writeReceipt(ctx context.Context, log *ledger.Log, index uint64) error {
	file, err := log.ExportReceipt(ctx, index)
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
			return usageError{err}
		}
	}
	if c.proving.out == "" {
		_, err = c.stdout.Write(file)
		return err
	}
	if err := os.WriteFile(c.proving.out, file, 0o644); err != nil {
		return usageError{err}
	}
	return nil
}

// outside makes an index or a size beyond the log the caller's error.
func outside(err error) error {
	if errors.Is(err, ledger.ErrRange) {
		return usageError{err}
	}
	return err
}

// checking are the flags of receipt.
type checking struct{ vkey, opening string }

func receiptFlags(c *call) {
	c.StringVar(&c.checking.vkey, "vkey", "", "public `key` of the log, or @FILE that holds it (required)")
	c.StringVar(&c.checking.opening, "opening", "", "`file` with an opening of the payload's commitment, to be checked too")
}

// receiptKey limits the file of -vkey, in bytes.
const receiptKey = 4096

// checked is what receipt prints with -json.
type checked struct {
	ledger.ReceiptInfo
	Opened bool `json:"opened"` // the opening fits
}

// receipt checks a receipt with nothing but the public key.
func receipt(_ context.Context, c *call) error {
	key := c.checking.vkey
	if name, isFile := strings.CutPrefix(key, "@"); isFile {
		b, err := read(name, receiptKey)
		if err != nil {
			return err
		}
		key = strings.TrimSpace(string(b))
	}
	if key == "" {
		return usagef("receipt needs -vkey")
	}
	file, err := read(c.words[0], ledger.MaxReceipt)
	if err != nil {
		return err
	}
	info, err := ledger.VerifyReceipt(file, key)
	switch {
	case errors.Is(err, ledger.ErrInvalid):
		return usageError{err}
	case err != nil:
		return err
	}
	opened, err := c.opens(info)
	if err != nil {
		return err
	}
	return c.print(checked{info, opened}, "entry %d of %d in %s, logged %s\nleaf %v\nproved%s", info.Index, info.Size, info.Origin,
		stamp(info.Time), info.Leaf, map[bool]string{true: ", and so is the payload of the opening"}[opened])
}

// opens checks the opening of -opening, if there is one.
func (c *call) opens(info ledger.ReceiptInfo) (bool, error) {
	if c.checking.opening == "" {
		return false, nil
	}
	b, err := read(c.checking.opening, 4*ledger.MaxPayload)
	if err != nil {
		return false, err
	}
	var o ledger.Opening
	if err := json.Unmarshal(b, &o); err != nil {
		return false, usagef("-opening: not an opening in JSON")
	}
	if !info.Opens(o) {
		return false, errors.New("opening is not that of the entry")
	}
	return true, nil
}
