package ledger

import (
	"bytes"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/deeperpoint/csss/ledger/internal/checkpoint"
)

// The secrets of every log; those of data subjects are named by subjectSecret.
const (
	secretTenant     = "tenant"
	secretCheck      = "tenant-check" // tells the tenant key from others, and nothing else about it
	secretKeys       = "keys"         // the public keys the log began with, one a line
	secretCheckpoint = "checkpoint"
	secretCosigned   = "cosigned"
)

// secretSigner names the secret half of a key that the store keeps.
func secretSigner(k checkpoint.Key) string { return fmt.Sprintf("signer-%08x", k.Hash) }

// Signer is one key that signs checkpoints. Its name is the name of the log.
type Signer struct {
	// Signer makes Ed25519 signatures, plain or timestamped
	// (c2sp.org/signed-note types 0x01 and 0x04); a key in a device or a service
	// adapts. It is called by one goroutine at a time.
	Signer note.Signer

	// VerifierKey is its public half, a vkey of c2sp.org/signed-note.
	VerifierKey string
}

// MaxSigners is how many keys may sign at one time.
const MaxSigners = 4

// public checks that the two halves fit and returns the public one.
func (s Signer) public() (checkpoint.Key, error) {
	k, err := checkpoint.ParseKey(s.VerifierKey)
	switch {
	case s.Signer == nil:
		return k, &InvalidError{Entry: -1, Field: "Signer", Why: "missing"}
	case err != nil:
		return k, &InvalidError{Entry: -1, Field: "VerifierKey", Why: "not a verifier key"}
	case k.Name != s.Signer.Name() || k.Hash != s.Signer.KeyHash():
		return k, &InvalidError{Entry: -1, Field: "VerifierKey", Why: "not the public half of the signer"}
	}
	return k, nil
}

// generateSigner makes a key with its secret half as the store keeps it.
func generateSigner(name string) (Signer, []byte, error) {
	bad := &InvalidError{Entry: -1, Field: "Name", Why: "not a key name"}
	skey, vkey, err := note.GenerateKey(nil, name)
	if err != nil {
		return Signer{}, nil, bad
	}
	s, err := note.NewSigner(skey) // GenerateKey takes any name
	if err != nil {
		return Signer{}, nil, bad
	}
	return Signer{Signer: s, VerifierKey: vkey}, []byte(skey), nil
}

// identify finds or makes the tenant key, and the keys the log began with.
func (l *Log) identify(ctx context.Context, o *Options, used bool) error {
	fresh := map[string][]byte{}
	if err := l.identifyTenant(ctx, o, fresh, used); err != nil {
		return err
	}
	if err := l.identifySigners(ctx, o, fresh, used); err != nil {
		return err
	}
	if len(fresh) == 0 {
		return nil
	}
	return l.store.PutSecrets(ctx, fresh)
}

// noteTenant keeps what knows the tenant key again, once the key has proved right.
// It comes after the key itself: a crash in between leaves a log that opens.
func (l *Log) noteTenant(ctx context.Context) error {
	if _, found, err := l.store.Secret(ctx, secretCheck); found || err != nil {
		return err
	}
	_, kept, err := l.store.Secret(ctx, secretTenant)
	if err != nil {
		return err
	}
	err = l.store.PutSecrets(ctx, map[string][]byte{secretCheck: tenantCheck(&l.tenant, kept)})
	if errors.Is(err, ErrReadOnly) {
		return nil
	}
	return err
}

// fits refuses a tenant key that the host gave, where the store keeps no check yet
// and neither end of the log was sealed under it.
func (l *Log) fits(ctx context.Context, o *Options, size uint64) error {
	if o.TenantKey == nil || size == 0 {
		return nil
	}
	if _, checked, err := l.store.Secret(ctx, secretCheck); checked || err != nil {
		return err
	}
	s := l.tenant.scratch()
	defer l.tenant.done(s)
	for _, index := range []uint64{0, size - 1} {
		for f, err := range l.store.Read(ctx, index, index+1) {
			var o opened
			if err != nil || l.tenant.open(s, &o, &f, nil) == "" {
				return nil // what is wrong with an entry is found when it is loaded
			}
		}
	}
	return &InvalidError{Entry: -1, Field: "TenantKey", Why: notThisKey}
}

const notThisKey = "not the one this log was made with"

// tenantCheck is what a store keeps of a tenant key: a value derived from it, and
// whether the store keeps the key too.
func tenantCheck(t *tenant, kept bool) []byte {
	if kept {
		return append(t.check[:keySize:keySize], 1)
	}
	return append(t.check[:keySize:keySize], 0)
}

func (l *Log) identifyTenant(ctx context.Context, o *Options, fresh map[string][]byte, used bool) error {
	master := o.TenantKey
	if master == nil {
		var err error
		if master, _, err = l.store.Secret(ctx, secretTenant); err != nil {
			return err
		}
	}
	check, checked, err := l.store.Secret(ctx, secretCheck)
	switch {
	case err != nil:
		return err
	case master == nil && bytes.HasSuffix(check, []byte{0}):
		return &InvalidError{Entry: -1, Field: "TenantKey", Why: "missing, and the log was made with one that it does not keep"}
	case master == nil && (used || checked):
		return corrupt("tenant key is missing from the store and from the options")
	case master == nil:
		master = randomBytes(keySize)
		fresh[secretTenant] = master
	}
	if len(master) != keySize {
		return &InvalidError{Entry: -1, Field: "TenantKey", Why: fmt.Sprintf("%d bytes, want %d", len(master), keySize)}
	}
	l.tenant = newTenant(master)
	kept := bytes.HasSuffix(check, []byte{1})
	switch {
	case !checked || hmac.Equal(check, tenantCheck(&l.tenant, kept)):
	case o.TenantKey == nil:
		return corrupt("tenant key is not the one the log was made with")
	default:
		return &InvalidError{Entry: -1, Field: "TenantKey", Why: notThisKey}
	}
	return nil
}

// identifySigners finds out which keys the log began with. A log without entries
// whose first keys cannot sign any more begins again.
func (l *Log) identifySigners(ctx context.Context, o *Options, fresh map[string][]byte, used bool) error {
	l.offered = slices.Clone(o.Signers)
	for _, s := range o.Signers {
		k, err := s.public()
		if err != nil {
			return err
		}
		if l.name == "" {
			l.name = k.Name
		}
		if l.name != k.Name {
			return &InvalidError{Entry: -1, Field: "Signers", Why: "of several names"}
		}
	}
	kept, found, err := l.store.Secret(ctx, secretKeys)
	if err != nil {
		return err
	}
	if !found && used {
		return corrupt("public keys are missing from the store")
	}
	var ring *keyring
	if found {
		if ring, err = firstRing(strings.Split(string(kept), "\n")); err != nil {
			return corrupt("public keys do not parse")
		}
		if !used {
			err = l.equip(ctx, ring, nil)
		}
	}
	if !found || !used && errors.Is(err, errNoSigner) {
		ring, err = l.firstSigners(o, fresh)
	}
	switch {
	case err != nil:
		return err
	case l.name != "" && l.name != ring.name:
		return &InvalidError{Entry: -1, Field: "Signers", Why: "of another log"}
	case o.Name != "" && o.Name != ring.name:
		return &InvalidError{Entry: -1, Field: "Name", Why: "not the name of the signing key"}
	}
	l.name, l.ring = ring.name, ring
	return nil
}

// firstSigners makes the keyring of a new log.
func (l *Log) firstSigners(o *Options, fresh map[string][]byte) (*keyring, error) {
	first := o.Signers
	if len(first) > MaxSigners {
		return nil, &TooLargeError{Entry: -1, Field: "Signers", Size: len(first), Limit: MaxSigners}
	}
	if len(first) == 0 {
		name := o.Name
		if name == "" {
			name = DefaultName
		}
		s, secret, err := generateSigner(name)
		if err != nil {
			return nil, err
		}
		k, err := s.public()
		if err != nil {
			return nil, err
		}
		fresh[secretSigner(k)] = secret
		first = []Signer{s}
	}
	var vkeys []string
	signers := map[string]note.Signer{}
	for _, s := range first {
		vkeys = append(vkeys, s.VerifierKey)
		signers[s.VerifierKey] = s.Signer
	}
	fresh[secretKeys] = []byte(strings.Join(vkeys, "\n"))
	ring, err := firstRing(vkeys)
	if err != nil {
		return nil, &InvalidError{Entry: -1, Field: "Signers", Why: "with one key twice"}
	}
	ring.signers = signers
	return ring, nil
}

// keyring is the keys of a log. It does not change; a rotation makes another.
type keyring struct {
	name string
	keySet
	signers map[string]note.Signer // by vkey
	read    uint64                 // entries of StreamKeys that are in it
}

func firstRing(vkeys []string) (*keyring, error) {
	k := &keyring{}
	for _, vkey := range vkeys {
		if err := k.trust(Key{VerifierKey: vkey}); err != nil {
			return nil, err
		}
	}
	k.name = k.parsed[0].Name
	return k, nil
}

// active yields the signers of the keys that sign now.
func (k *keyring) active() (out []note.Signer) {
	for _, key := range k.keys {
		if s := k.signers[key.VerifierKey]; s != nil && !key.Retired {
			out = append(out, s)
		}
	}
	return out
}

// errNoSigner: a key of the log is neither offered by the host nor in the store.
var errNoSigner = errors.New("no signer")

// equip finds the signers of the keys that sign now, among those the host offered
// and those the store keeps. Lost ones may be missing, but not all.
func (l *Log) equip(ctx context.Context, ring *keyring, lost []string) error {
	ring.signers = map[string]note.Signer{}
	for i, key := range ring.keys {
		if key.Retired {
			continue
		}
		s, err := l.signerOf(ctx, ring.parsed[i], key.VerifierKey)
		if errors.Is(err, errNoSigner) && slices.Contains(lost, key.VerifierKey) {
			continue
		}
		if err != nil {
			return err
		}
		ring.signers[key.VerifierKey] = s
	}
	if len(ring.signers) == 0 {
		return corrupt("no signing key is left")
	}
	return nil
}

func (l *Log) signerOf(ctx context.Context, k checkpoint.Key, vkey string) (note.Signer, error) {
	l.mu.RLock()
	at := slices.IndexFunc(l.offered, func(s Signer) bool { return s.VerifierKey == vkey })
	var offered note.Signer
	if at >= 0 {
		offered = l.offered[at].Signer
	}
	l.mu.RUnlock()
	if offered != nil {
		return offered, nil
	}
	kept, found, err := l.store.Secret(ctx, secretSigner(k))
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fmt.Errorf("%w: %w", corrupt("signing key is missing from the store and from the options"), errNoSigner)
	}
	s, err := note.NewSigner(string(kept))
	if err != nil || s.Name() != k.Name || s.KeyHash() != k.Hash {
		return nil, corrupt("signing key does not parse")
	}
	return s, nil
}

// loadKeys brings the keyring to where the entries are, when the log opens.
func (l *Log) loadKeys(ctx context.Context, o *Options) error {
	l.lost = o.Lost
	ring, err := l.keyring(ctx)
	if err != nil {
		return err
	}
	if ring.signers == nil {
		if err := l.equip(ctx, ring, l.lost); err != nil {
			return err
		}
	}
	for _, s := range o.Signers {
		if !slices.ContainsFunc(ring.keys, func(k Key) bool { return k.VerifierKey == s.VerifierKey }) {
			return &InvalidError{Entry: -1, Field: "Signers", Why: "not of this log: Rotate adds a key"}
		}
	}
	for _, vkey := range o.Lost {
		if !slices.ContainsFunc(ring.keys, func(k Key) bool { return k.VerifierKey == vkey }) {
			return &InvalidError{Entry: -1, Field: "Lost", Why: "not of keys of this log"}
		}
	}
	if err := l.forgetRetired(ctx, ring); !errors.Is(err, ErrReadOnly) {
		return err
	}
	return nil // who may only read leaves it to who may write
}

// keyring returns the keys as the newest entries say, reading those that are new.
func (l *Log) keyring(ctx context.Context) (*keyring, error) {
	for {
		l.mu.RLock()
		ring := l.ring
		l.mu.RUnlock()
		if l.StreamVersion(StreamKeys) == ring.read {
			return ring, nil
		}
		next, err := l.readKeys(ctx, ring)
		if err != nil {
			return nil, err
		}
		err = l.equip(ctx, next, l.lost)
		if errors.Is(err, errNoSigner) && l.freshen(ctx) == nil && l.StreamVersion(StreamKeys) != next.read {
			continue // the key was retired since its entries were read, and its secret half destroyed
		}
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		if l.ring.read < next.read {
			l.ring = next
		}
		ring = l.ring
		l.mu.Unlock()
		return ring, nil
	}
}

// readKeys is a keyring with the newer entries of keys taken in, without signers.
func (l *Log) readKeys(ctx context.Context, ring *keyring) (*keyring, error) {
	next := &keyring{name: ring.name, keySet: ring.clone(), read: ring.read}
	for e, err := range l.Read(ctx, Query{Stream: StreamKeys, After: ring.read}) {
		if err != nil {
			return nil, err
		}
		if err := next.apply(e.Public, e.Index); err != nil {
			return nil, corruptEntry(e.Index, err.Error())
		}
		next.read++
	}
	return next, nil
}
