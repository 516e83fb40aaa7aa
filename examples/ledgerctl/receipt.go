package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/deeperpoint/csss/examples/internal/cli"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/witness"
)

// checking are the flags of receipt.
type checking struct {
	vkeys                 []string
	policy, opening, leaf string
}

func receiptFlags(c *call) {
	k := &c.checking
	c.Func("vkey", "public `key` of the log, or @FILE that holds some, one a line; may be repeated", k.addKeys)
	c.StringVar(&k.policy, "policy", "", "`file` with a c2sp.org/tlog-policy: its logs are trusted, and its quorum of witnesses must have cosigned")
	c.StringVar(&k.opening, "opening", "", "`file` with an opening of the payload's commitment, to be checked too")
	c.StringVar(&k.leaf, "leaf", "", "leaf `hash` in base64, for a receipt without a leaf record (prove -bare)")
}

// addKeys takes one value of -vkey.
func (k *checking) addKeys(value string) error {
	name, isFile := strings.CutPrefix(value, "@")
	if !isFile {
		k.vkeys = append(k.vkeys, value)
		return nil
	}
	b, err := cli.Read(name, 64<<10)
	if err == nil {
		k.vkeys = append(k.vkeys, strings.Fields(string(b))...)
	}
	return err
}

// verifier trusts the keys of the flags.
func (c *call) verifier() (*ledger.Verifier, error) {
	o := &ledger.VerifierOptions{}
	vkeys := c.checking.vkeys
	if c.checking.policy != "" {
		policy, err := readPolicy(c.checking.policy)
		if err != nil {
			return nil, err
		}
		o.Policy, vkeys = policy, append(vkeys, policy.Logs()...)
	}
	if len(vkeys) == 0 {
		return nil, cli.Usagef("receipt needs -vkey, or -policy with a log")
	}
	slices.Sort(vkeys)
	var keys []ledger.Key
	for _, vkey := range slices.Compact(vkeys) {
		keys = append(keys, ledger.Key{VerifierKey: vkey})
	}
	v, err := ledger.NewVerifier(keys, o)
	if err != nil {
		return nil, cli.Usage(err)
	}
	return v, nil
}

func readPolicy(name string) (*witness.Policy, error) {
	text, err := cli.Read(name, witness.MaxPolicy)
	if err != nil {
		return nil, err
	}
	policy, err := witness.ParsePolicy(text)
	if err != nil {
		return nil, cli.Usage(err)
	}
	return policy, nil
}

// checked is what receipt prints with -json.
type checked struct {
	ledger.ReceiptInfo
	Opened bool `json:"opened"` // the opening fits
}

// receipt checks a receipt with nothing but public keys.
func receipt(_ context.Context, c *call) error {
	v, err := c.verifier()
	if err != nil {
		return err
	}
	file, err := cli.Read(c.Words[0], ledger.MaxReceipt)
	if err != nil {
		return err
	}
	if c.checking.leaf != "" {
		return c.checkBare(v, file)
	}
	info, err := v.Receipt(file)
	if err != nil {
		return err
	}
	opened, err := c.opens(info)
	if err != nil {
		return err
	}
	return c.print(checked{info, opened}, "entry %d of %d in %s, logged %s\nleaf %v\nproved%s", info.Index, info.Size, info.Origin,
		stamp(info.Time), info.Leaf, map[bool]string{true: ", and so is the payload of the opening"}[opened])
}

// checkBare checks a receipt without a leaf record against the leaf hash.
func (c *call) checkBare(v *ledger.Verifier, file []byte) error {
	if c.checking.opening != "" {
		return cli.Usagef("-opening needs a receipt with its leaf record")
	}
	var leaf ledger.Hash
	if err := json.Unmarshal([]byte(`"`+c.checking.leaf+`"`), &leaf); err != nil {
		return cli.Usagef("-leaf is no hash of 32 bytes in base64")
	}
	info, err := v.Proof(file, leaf)
	if err != nil {
		return err
	}
	return c.print(checked{info, false}, "entry %d of %d in %s\nleaf %v\nproved", info.Index, info.Size, info.Origin, info.Leaf)
}

// opens checks the opening of -opening, if there is one.
func (c *call) opens(info ledger.ReceiptInfo) (bool, error) {
	if c.checking.opening == "" {
		return false, nil
	}
	b, err := cli.Read(c.checking.opening, 4*ledger.MaxPayload)
	if err != nil {
		return false, err
	}
	var o ledger.Opening
	if err := json.Unmarshal(b, &o); err != nil {
		return false, cli.Usagef("-opening: not an opening in JSON")
	}
	if !info.Opens(o) {
		return false, errors.New("opening is not that of the entry")
	}
	return true, nil
}
