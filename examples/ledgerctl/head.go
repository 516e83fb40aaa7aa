package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deeperpoint/csss/examples/internal/cli"
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
		return c.printCheckpoint(log, signed)
	})
}

func (c *call) printCheckpoint(log *ledger.Log, signed []byte) error {
	if c.JSON {
		return json.NewEncoder(c.Stdout).Encode(signedHead{log.Name(), log.Size(), string(signed)})
	}
	_, err := c.Stdout.Write(signed)
	return err
}

// naming are the flags of vkey.
type naming struct{ all bool }

func vkeyFlags(c *call) {
	c.BoolVar(&c.naming.all, "all", false, "all keys the log ever had: a receipt is signed by those of its time")
}

// keyed is what vkey prints with -json.
type keyed struct {
	Origin string `json:"origin"`
	ledger.Key
}

// vkey prints public keys, one a line.
func vkey(ctx context.Context, c *call) error {
	return c.withLog(ctx, false, func(log *ledger.Log) error {
		for _, k := range log.VerifierKeys() {
			if !c.naming.all && k.VerifierKey != log.VerifierKey() {
				continue
			}
			if err := c.print(keyed{log.Name(), k}, "%s", k.VerifierKey); err != nil {
				return err
			}
		}
		return nil
	})
}

// cosigning are the flags of cosign.
type cosigning struct{ policy string }

func cosignFlags(c *call) {
	c.StringVar(&c.cosigning.policy, "policy", "", "`file` with a c2sp.org/tlog-policy that says which witnesses to ask, and how many must sign (required)")
}

// askLimit is how long one witness may take.
const askLimit = 30 * time.Second

// cosign asks the witnesses of a policy, keeps what they sign, and prints the
// checkpoint. It fails if the quorum is not reached, and else says which failed.
func cosign(ctx context.Context, c *call) error {
	if c.cosigning.policy == "" {
		return cli.Usagef("cosign needs -policy")
	}
	policy, err := readPolicy(c.cosigning.policy)
	if err != nil {
		return err
	}
	clients, err := policy.Clients(&http.Client{Timeout: askLimit})
	if err != nil {
		return cli.Usage(err)
	}
	witnesses := make([]ledger.Witness, len(clients))
	for i, client := range clients {
		witnesses[i] = client
	}
	return c.withLog(ctx, true, func(log *ledger.Log) error {
		signed, failed := log.Cosign(ctx, witnesses...)
		if err := policy.Check(signed); err != nil {
			return errors.Join(err, failed)
		}
		if failed != nil {
			fmt.Fprintln(c.Stderr, "ledgerctl: the quorum is reached, but:", failed)
		}
		return c.printCheckpoint(log, signed)
	})
}

// consistency opens the log with the old checkpoint as the trusted one, which
// refuses a log that does not extend it, and prints the proof of it.
func consistency(ctx context.Context, c *call) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	from, err := strconv.ParseUint(c.Words[0], 10, 64)
	if err != nil {
		if o.Trusted, err = cli.Read(c.Words[0], maxCheckpoint); err != nil {
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
		return 0, cli.Usagef("the file is no checkpoint")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil {
		return 0, cli.Usagef("the file is no checkpoint")
	}
	return size, nil
}
