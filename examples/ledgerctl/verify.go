package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/ledger"
)

// depths are the words of -depth.
var depths = map[string]ledger.Depth{
	"all": ledger.VerifyAll, "commitments": ledger.VerifyCommitments, "headers": ledger.VerifyHeaders, "tree": ledger.VerifyTree,
}

func verifyFlags(c *call) {
	c.StringVar(&c.depth, "depth", "all", "how `much` to look at: all; commitments: the payloads and the tree; headers: streams, keys and the tree; tree: the leaves alone")
}

// audited is what verify prints with -json.
type audited struct {
	OK bool `json:"ok"`
	ledger.Findings
}

// verify audits the log. Damage that opening finds is damage as well.
func verify(ctx context.Context, c *call) error {
	depth, known := depths[c.depth]
	if !known {
		return cli.Usagef("-depth %q is not all, commitments, headers or tree", c.depth)
	}
	var found ledger.Findings
	err := c.withLog(ctx, false, func(log *ledger.Log) (err error) {
		b := c.bar("verify")
		defer b.end()
		found, err = log.Verify(ctx, &ledger.VerifyOptions{Depth: depth, Progress: b.progress})
		return err
	})
	damage, damaged := errors.AsType[*ledger.CorruptError](err)
	if err != nil && !damaged {
		return err
	}
	if damaged && len(found.Faults) == 0 {
		found.Faults = []ledger.Fault{{Index: damage.Index, What: damage.What}}
	}
	if damaged && !c.JSON {
		for _, f := range found.Faults[1:] {
			if err := c.print(nil, "entry %d: %s", f.Index, f.What); err != nil {
				return err
			}
		}
		return err
	}
	if found.Unerased > 0 && err == nil {
		err = fmt.Errorf("%d payloads and keys of shredded subjects are still there: open the log for writing to finish", found.Unerased)
	}
	if err != nil && !c.JSON {
		return err
	}
	return errors.Join(err, c.print(audited{err == nil, found}, "%s", summary(found, c.depth)))
}

// summary tells what a whole log has.
func summary(f ledger.Findings, depth string) string {
	return fmt.Sprintf("%d entries, of which %d erased, in %d streams\nroot %v\nfrom %s to %s\nwhole (%s)",
		f.Size, f.Erased, f.Streams, f.Root, stamp(f.First), stamp(f.Last), depth)
}
