package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/deeperpoint/csss/ledger"
)

// maxCheckpoint limits the file of a checkpoint, in bytes.
const maxCheckpoint = 64 << 10

// signedHead is what checkpoint prints with -json.
type signedHead struct {
	Origin     string `json:"origin"`
	Size       uint64 `json:"size"`
	Checkpoint string `json:"checkpoint"`
}

// checkpoint prints the signed head, which it signs if the log has grown.
func checkpoint(ctx context.Context, c *call) error {
	return c.withSigned(ctx, func(log *ledger.Log, signed []byte) error {
		if c.json {
			return json.NewEncoder(c.stdout).Encode(signedHead{log.Name(), log.Size(), string(signed)})
		}
		_, err := c.stdout.Write(signed)
		return err
	})
}

// keyed is what vkey prints with -json.
type keyed struct {
	Origin string `json:"origin"`
	VKey   string `json:"vkey"`
}

func vkey(ctx context.Context, c *call) error {
	return c.withLog(ctx, false, func(log *ledger.Log) error {
		return c.print(keyed{log.Name(), log.VerifierKey()}, "%s", log.VerifierKey())
	})
}

// consistency opens the log with the old checkpoint as the trusted one, which
// refuses a log that does not extend it, and prints the proof of it.
func consistency(ctx context.Context, c *call) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	from, err := strconv.ParseUint(c.words[0], 10, 64)
	if err != nil {
		if o.Trusted, err = read(c.words[0], maxCheckpoint); err != nil {
			return err
		}
		if from, err = checkpointSize(o.Trusted); err != nil {
			return err
		}
	}
	log, err := c.open(ctx, false, o)
	if err != nil {
		return err
	}
	p, err := log.ProveConsistency(ctx, from, log.Size())
	if err = errors.Join(err, log.Close()); err != nil {
		return outside(err)
	}
	if err := p.Verify(p.FromRoot, p.ToRoot); err != nil {
		return err
	}
	return c.print(p, "the log of %d entries extends that of %d", p.To, p.From)
}

// checkpointSize reads the size from a checkpoint, whose signature the log will
// check.
func checkpointSize(signed []byte) (uint64, error) {
	lines := strings.SplitN(string(bytes.TrimSpace(signed)), "\n", 4)
	if len(lines) < 4 {
		return 0, usagef("the file is no checkpoint")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil {
		return 0, usagef("the file is no checkpoint")
	}
	return size, nil
}
