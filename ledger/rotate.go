package ledger

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// RotateOptions are the choices of [Log.Rotate]. A nil *RotateOptions is the zero
// value.
type RotateOptions struct {
	// Next is the key to add; a host that gives it gives it again in
	// [Options.Signers] whenever it opens the log. Default: a new Ed25519 key,
	// kept by the store.
	Next Signer

	// Time is the time the caller claims, as of an append. Default: none.
	Time time.Time
}

// RetireOptions are the choices of [Log.Retire]. A nil *RetireOptions is the zero
// value.
type RetireOptions struct {
	// Time is the time the caller claims, as of an append. Default: none.
	Time time.Time
}

// Rotate adds a signing key: it appends an entry that holds the new public key in
// its public attributes, signed by all present keys and the new one. From then on
// every checkpoint carries the signatures of all of them, at most [MaxSigners], so
// that verifiers who know the old key alone go on; [Log.Retire] ends that. Who
// holds the receipts of those entries ([Log.Rotations]) gets from any old key to
// the newest ([Verifier.Follow]).
//
// A key is added once: again with the same Next returns the first receipt with
// Duplicate set. Without Next every call adds another key.
//
// Errors: [InvalidError] for Next, [TooLargeError] for too many keys, a
// [ConflictError] where another rotation was quicker, those of [Log.Append], the
// signers' and the store's.
func (l *Log) Rotate(ctx context.Context, o *RotateOptions) (Receipt, error) {
	if o == nil {
		o = &RotateOptions{}
	}
	ring, err := l.keyring(ctx)
	if err != nil {
		return Receipt{}, err
	}
	next, secret := o.Next, []byte(nil)
	if next == (Signer{}) {
		if next, secret, err = generateSigner(l.name); err != nil {
			return Receipt{}, err
		}
	}
	k, err := next.public()
	switch {
	case err != nil:
		return Receipt{}, err
	case k.Name != l.name:
		return Receipt{}, &InvalidError{Entry: -1, Field: "Next", Why: "of another name than the log"}
	}
	if i := ring.find(k); i >= 0 {
		return l.added(ctx, ring.keys[i])
	}
	signers := append(ring.active(), next.Signer)
	if n := len(signers); n > MaxSigners {
		return Receipt{}, &TooLargeError{Entry: -1, Field: "Signers", Size: n, Limit: MaxSigners}
	}
	if err := l.offer(ctx, next, secret); err != nil {
		return Receipt{}, err
	}
	return l.change(ctx, ring, keyChange{n: ring.read + 1, key: k}, signers, o.Time)
}

// added is the answer for a key that is there.
func (l *Log) added(ctx context.Context, k Key) (Receipt, error) {
	if k.From == 0 {
		return Receipt{}, &InvalidError{Entry: -1, Field: "Next", Why: "a key the log began with"}
	}
	e, err := l.entry(ctx, k.From-1, false)
	return e.receipt(true), err
}

// offer makes a signer known before the entry that needs it. The store keeps the
// secret of a generated one; if the entry does not come, it is of no use to anybody.
func (l *Log) offer(ctx context.Context, s Signer, secret []byte) error {
	if secret == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.offered = append(l.offered, s)
		return nil
	}
	k, err := s.public()
	if err != nil {
		return err
	}
	if err := l.lock(ctx); err != nil {
		return err
	}
	defer l.unlock()
	return l.store.PutSecrets(ctx, map[string][]byte{secretSigner(k): secret})
}

// Retire takes a key out of use: it appends an entry that names it, signed by all
// present keys. Checkpoints from then on do not carry its signature, trees that
// hold the entry are not believed on its word alone, and a secret half that the
// store keeps is destroyed. What it signed before stays valid. The last key cannot
// be retired.
//
// A key is retired once: again returns the first receipt with Duplicate set.
// Errors: [InvalidError] for a key that is not one of the log, or the last; a
// [ConflictError] where another rotation was quicker; those of [Log.Append], the
// signers' and the store's.
func (l *Log) Retire(ctx context.Context, vkey string, o *RetireOptions) (Receipt, error) {
	if o == nil {
		o = &RetireOptions{}
	}
	ring, err := l.keyring(ctx)
	if err != nil {
		return Receipt{}, err
	}
	i := slices.IndexFunc(ring.keys, func(k Key) bool { return k.VerifierKey == vkey })
	switch {
	case i < 0:
		return Receipt{}, &InvalidError{Entry: -1, Field: "vkey", Why: "not a key of the log"}
	case ring.keys[i].Retired:
		if err := l.forgetRetired(ctx, ring); err != nil {
			return Receipt{}, err
		}
		e, err := l.entry(ctx, ring.keys[i].Until, false)
		return e.receipt(true), err
	}
	if others := ring.active(); len(others) == 0 || len(others) == 1 && ring.signers[vkey] != nil {
		return Receipt{}, &InvalidError{Entry: -1, Field: "vkey", Why: "the last key that signs"}
	}
	r, err := l.change(ctx, ring, keyChange{n: ring.read + 1, retire: true, key: ring.parsed[i]}, ring.active(), o.Time)
	if err != nil {
		return r, err
	}
	if ring, err = l.keyring(ctx); err != nil {
		return r, err
	}
	return r, l.forgetRetired(ctx, ring)
}

// change appends the entry of a rotation or a retirement.
func (l *Log) change(ctx context.Context, ring *keyring, c keyChange, signers []note.Signer, at time.Time) (Receipt, error) {
	kind := TypeKeyAdded
	if c.retire {
		kind = TypeKeyRetired
	}
	c.public = c.attributes()
	for _, s := range signers {
		sig, err := s.Sign(c.statement())
		if err != nil {
			return Receipt{}, fmt.Errorf("ledger: sign change of keys: %w", err)
		}
		c.public[sigName(s.KeyHash())] = base64.StdEncoding.EncodeToString(sig)
	}
	// What does not verify must not become an entry, for the log would not open.
	probe := ring.clone()
	if err := probe.apply(c.public, l.Size()); err != nil {
		return Receipt{}, fmt.Errorf("ledger: signer's change of keys: %w", err)
	}
	a := Append{Stream: StreamKeys, Type: kind, Key: kind + "/" + c.key.String(), Expect: Exactly(ring.read), Time: at, Public: c.public}
	if err := checkAppend(0, &a); err != nil {
		return Receipt{}, err
	}
	receipts, err := l.appendAny(ctx, []Append{a})
	if err != nil {
		return Receipt{}, err
	}
	_, err = l.keyring(ctx)
	return receipts[0], err
}

// forgetRetired destroys secret halves that are of no use any more. It is
// repeatable, so that opening the log finishes what a crash has cut short.
func (l *Log) forgetRetired(ctx context.Context, ring *keyring) error {
	var names []string
	for i, k := range ring.keys {
		if !k.Retired {
			continue
		}
		_, found, err := l.store.Secret(ctx, secretSigner(ring.parsed[i]))
		if err != nil {
			return err
		}
		if found {
			names = append(names, secretSigner(ring.parsed[i]))
		}
	}
	if len(names) == 0 {
		return nil
	}
	if err := l.lock(ctx); err != nil {
		return err
	}
	defer l.unlock()
	return l.store.DeleteSecrets(ctx, names...)
}

// VerifierKey returns the newest public key of the log in the vkey format of
// c2sp.org/signed-note: every new checkpoint and receipt is signed by it, among
// others. Give it to those who check receipts, by another way than the receipts.
func (l *Log) VerifierKey() string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, k := range slices.Backward(l.ring.keys) {
		if !k.Retired && l.ring.signers[k.VerifierKey] != nil {
			return k.VerifierKey
		}
	}
	return "" // a keyring has a signer
}

// VerifierKeys returns all public keys the log has ever had, in the order they
// came, with the trees each may sign. A verifier that has them all checks every
// receipt there is ([NewVerifier]).
func (l *Log) VerifierKeys() []Key {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Clone(l.ring.keys)
}

// Rotations returns the receipts of all rotations and retirements, in order, for
// [Verifier.Follow]. Errors: those of [Log.Read] and [Log.ExportReceipt].
func (l *Log) Rotations(ctx context.Context) ([][]byte, error) {
	var out [][]byte
	for e, err := range l.Read(ctx, Query{Stream: StreamKeys}) {
		if err != nil {
			return nil, err
		}
		file, err := l.ExportReceipt(ctx, e.Index)
		if err != nil {
			return nil, err
		}
		out = append(out, file)
	}
	return out, nil
}
