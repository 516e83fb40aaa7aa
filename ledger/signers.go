package ledger

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// The secrets of every log; those of data subjects are named by subjectSecret.
const (
	secretTenant     = "tenant"
	secretSigner     = "signer"
	secretCheckpoint = "checkpoint"
)

// identify finds or makes the tenant key and the signing key.
func (l *Log) identify(ctx context.Context, o *Options, used bool) error {
	fresh := map[string][]byte{}
	master := o.TenantKey
	if master == nil {
		var err error
		if master, _, err = l.store.Secret(ctx, secretTenant); err != nil {
			return err
		}
	}
	if master == nil && !used {
		master = randomBytes(keySize)
		fresh[secretTenant] = master
	}
	if master == nil {
		return corrupt("tenant key is missing from the store and from the options")
	}
	if len(master) != keySize {
		return &InvalidError{Entry: -1, Field: "TenantKey", Why: fmt.Sprintf("%d bytes, want %d", len(master), keySize)}
	}
	l.tenant = newTenant(master)
	if err := l.identifySigner(ctx, o, fresh, used); err != nil {
		return err
	}
	if len(fresh) == 0 {
		return nil
	}
	return l.store.PutSecrets(ctx, fresh)
}

func (l *Log) identifySigner(ctx context.Context, o *Options, fresh map[string][]byte, used bool) error {
	if o.Signer != nil {
		return l.useSigner(o, o.Signer, o.VerifierKey)
	}
	if o.VerifierKey != "" {
		return &InvalidError{Entry: -1, Field: "VerifierKey", Why: "without a Signer"}
	}
	kept, _, err := l.store.Secret(ctx, secretSigner)
	if err != nil {
		return err
	}
	if kept == nil && used {
		return corrupt("signing key is missing from the store and from the options")
	}
	if kept == nil {
		name := o.Name
		if name == "" {
			name = DefaultName
		}
		skey, vkey, err := note.GenerateKey(nil, name)
		if err != nil {
			return &InvalidError{Entry: -1, Field: "Name", Why: "not a key name"}
		}
		kept = []byte(skey + "\n" + vkey)
		fresh[secretSigner] = kept
	}
	skey, vkey, _ := strings.Cut(string(kept), "\n")
	signer, err := note.NewSigner(skey)
	switch {
	case err != nil && fresh[secretSigner] != nil: // GenerateKey takes any name
		return &InvalidError{Entry: -1, Field: "Name", Why: "not a key name"}
	case err != nil:
		return corrupt("signing key does not parse")
	}
	return l.useSigner(o, signer, vkey)
}

func (l *Log) useSigner(o *Options, signer note.Signer, vkey string) error {
	check, err := note.NewVerifier(vkey)
	switch {
	case err != nil:
		return &InvalidError{Entry: -1, Field: "VerifierKey", Why: "not a verifier key"}
	case check.Name() != signer.Name() || check.KeyHash() != signer.KeyHash():
		return &InvalidError{Entry: -1, Field: "VerifierKey", Why: "not the public half of the signer"}
	case o.Name != "" && o.Name != signer.Name():
		return &InvalidError{Entry: -1, Field: "Name", Why: "not the name of the signing key"}
	}
	l.name, l.signer, l.vkey, l.check = signer.Name(), signer, vkey, check
	return nil
}
