package main

import (
	"context"
	"time"

	"github.com/deeperpoint/csss/ledger"
)

// shredding are the flags of shred.
type shredding struct {
	key, reason string
	keepBlobs   bool
}

func shredFlags(c *call) {
	c.StringVar(&c.shredding.reason, "reason", "", "why, as it is to be logged (required); no name belongs here")
	c.StringVar(&c.shredding.key, "key", "", "idempotency `key` of the erasure (default: one made from the subject)")
	c.BoolVar(&c.shredding.keepBlobs, "keep-blobs", false, "destroy the key alone and leave the ciphertexts, which nobody can open any more")
}

// shred erases a data subject. The same call again finishes what was cut short.
func shred(ctx context.Context, c *call) error {
	if c.shredding.reason == "" {
		return usagef("shred needs -reason")
	}
	return c.withLog(ctx, true, func(log *ledger.Log) error {
		s := c.shredding
		r, err := log.Shred(ctx, c.words[0], &ledger.ShredOptions{Key: s.key, Reason: s.reason, KeepBlobs: s.keepBlobs, Time: time.Now()})
		if err != nil {
			return err
		}
		how := "erased"
		if r.Duplicate {
			how = "erased before"
		}
		return c.print(r, "%s; entry %d says so", how, r.Index)
	})
}
