package main

import (
	"context"
	"time"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/ledger"
)

// shredding are the flags of shred.
type shredding struct {
	key, reason string
	keepBlobs   bool
	unused      bool
}

// shredded is what shred prints with -json.
type shredded struct {
	ledger.Receipt
	Entries int `json:"entries"` // that name the subject
}

func shredFlags(c *call) {
	c.StringVar(&c.shredding.reason, "reason", "", "why, as it is to be logged (required); no name belongs here")
	c.StringVar(&c.shredding.key, "key", "", "idempotency `key` of the erasure (default: one made from the subject)")
	c.BoolVar(&c.shredding.unused, "unused", false, "also a subject that no entry names")
	c.BoolVar(&c.shredding.keepBlobs, "keep-blobs", false, "destroy the key alone and leave the ciphertexts, which nobody can open any more")
}

// shred erases a data subject. The same call again finishes what was cut short. A
// name that no entry has is more likely a slip than a wish.
func shred(ctx context.Context, c *call) error {
	if c.shredding.reason == "" {
		return cli.Usagef("shred needs -reason")
	}
	return c.withLog(ctx, true, func(log *ledger.Log) error {
		s := c.shredding
		n, err := entriesOf(ctx, log, c.Words[0])
		if err != nil {
			return err
		}
		if n == 0 && !s.unused {
			return cli.Usagef("no entry names this subject; -unused shreds it all the same")
		}
		r, err := log.Shred(ctx, c.Words[0], &ledger.ShredOptions{Key: s.key, Reason: s.reason, KeepBlobs: s.keepBlobs, Time: time.Now()})
		if err != nil {
			return err
		}
		how := "erased"
		if r.Duplicate {
			how = "erased before"
		}
		return c.print(shredded{r, n}, "%s; entry %d says so; %d entries name the subject", how, r.Index, n)
	})
}

// entriesOf counts the entries that name a subject, but for its shreddings.
func entriesOf(ctx context.Context, log *ledger.Log, subject string) (n int, err error) {
	for e, err := range log.Read(ctx, ledger.Query{Subject: subject}) {
		if err != nil {
			return n, err
		}
		if e.Type != ledger.TypeShredded && e.Type != ledger.TypeKeyShredded {
			n++
		}
	}
	return n, nil
}
