package csss

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/policy"
)

// ErrUnsigned: the firm takes its rules from signed bundles alone; see
// [Exchange.PinKeys].
var ErrUnsigned = errors.New("csss: the firm takes rules from signed bundles alone")

// Pins are the keys that are believed for a firm's rules.
type Pins struct {
	Keys []policy.Key `json:"keys"` // at most 64, each for the firm; overlapping validities make a rotation
	Only bool         `json:"only"` // refuse rules that come without a signature, and grants that the rules do not hold
}

// maxPins bounds the keys of a firm.
const maxPins = 64

// PinKeys replaces the keys under which [Exchange.ApplyBundle] takes rules for
// a firm. The operator may always do it; the firm's owner or operations
// director only as long as Pins.Only is not in force: it is what keeps their
// account alone from changing the rules. Rules in force stay in force.
//
// Errors: *InputError, ErrNotFound, ErrNotYours, ErrKeyReused, and the ledger's.
func (x *Exchange) PinKeys(ctx context.Context, by By, firm string, pins Pins) (Receipt, error) {
	ev := &keysPinned{Firm: firm, Pins: pins}
	return x.command(ctx, by, "pin_keys", ev, func(st *state, _ time.Time) ([]event, error) {
		f := st.firms[firm]
		switch {
		case by.operator() != nil && (by.Firm != firm || !st.governs(firm, by.Person)):
			return nil, ErrNotYours
		case f == nil:
			return nil, ErrNotFound
		case by.operator() != nil && f.pins.Only:
			return nil, ErrNotYours
		}
		if err := pins.validate(firm); err != nil {
			return nil, err
		}
		return []event{{stream: "policy/" + firm, subjects: []string{firm}, body: ev}}, nil
	})
}

func (p *Pins) validate(firm string) error {
	switch {
	case len(p.Keys) > maxPins:
		return &InputError{Field: "pins.keys", Value: fmt.Sprint(len(p.Keys)), Limit: fmt.Sprintf("at most %d", maxPins)}
	case p.Only && len(p.Keys) == 0:
		return &InputError{Field: "pins.keys", Limit: "must not be empty where only signed rules count"}
	}
	for i, k := range p.Keys {
		field := fmt.Sprintf("pins.keys[%d]", i)
		if k.Employer != firm {
			return &InputError{Field: field + ".employer", Limit: "must be the id of the firm"}
		}
		if _, err := policy.NewKeyring(k); err != nil {
			return &InputError{Field: field, Limit: "must be an Ed25519 key with a validity that is not empty"}
		}
	}
	return nil
}

// ApplyBundle puts a signed document in force for its firm, at once, in the
// place of the one before. It is for those who may call [Exchange.SetPolicy];
// what makes the bundle count is the signature of a key that is pinned for the
// firm and valid now. Its version must be above every version that the firm
// has had: an older bundle is a rollback, the one in force a replay, and both
// are refused.
//
// The entry policy.changed keeps the signature beside the document, and
// whoever folds the ledger verifies it again, under the keys that were pinned
// before it in the same ledger and as of the entry's time: a key that was
// withdrawn since does not undo what it signed, and rules that were written
// into the log without a key count for nothing.
//
// Errors: *policy.BundleError for what is wrong with the bundle, ErrNotFound,
// ErrNotYours, ErrKeyReused, and the ledger's.
func (x *Exchange) ApplyBundle(ctx context.Context, by By, firm string, b *policy.Bundle) (Receipt, error) {
	args := struct {
		Firm   string         `json:"firm"`
		Bundle *policy.Bundle `json:"bundle"`
	}{firm, b}
	return x.command(ctx, by, "apply_bundle", args, func(st *state, at time.Time) ([]event, error) {
		if by.operator() != nil && (by.Firm != firm || !st.governs(firm, by.Person)) {
			return nil, ErrNotYours
		}
		return st.decideBundle(firm, b, at)
	})
}

func (st *state) decideBundle(firm string, b *policy.Bundle, at time.Time) ([]event, error) {
	f := st.firms[firm]
	if f == nil {
		return nil, ErrNotFound
	}
	if b != nil && b.Employer != firm {
		return nil, &policy.BundleError{Reason: policy.ErrBundleEmployer}
	}
	active := f.rules
	if active == nil {
		active = st.noRules
	}
	set, _, err := f.keys.Apply(active, at, b)
	if err != nil {
		return nil, err
	}
	if b.Version <= f.version {
		return nil, &policy.BundleError{Reason: policy.ErrBundleOlder, Got: fmt.Sprintf("version %d", b.Version),
			Limit: fmt.Sprintf("must be above %d", f.version)}
	}
	ev := f.change("bundle", b.Document, set)
	ev.Signature = &signature{Key: b.Key, From: b.From, Until: b.Until, Value: b.Signature[:]}
	st.compiled[firm] = compiled{text: string(b.Document), set: set}
	return []event{{stream: "policy/" + firm, subjects: []string{firm}, body: ev}}, nil
}

// signature is what a bundle has beside its document.
type signature struct {
	Key   uint32    `json:"key"` // see policy.Key.Hash
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Value []byte    `json:"value"`
}

// bundle is the signed bundle that an entry was made from; nil for a plain
// document.
func (ev *policyChanged) bundle() *policy.Bundle {
	s := ev.Signature
	if s == nil {
		return nil
	}
	b := &policy.Bundle{Document: ev.Text, Key: s.Key, Statement: policy.Statement{Employer: ev.Firm, Version: ev.Version,
		Text: sha256.Sum256(ev.Text), From: s.From, Until: s.Until}}
	_, _ = hex.Decode(b.Digest[:], []byte(ev.Digest)[:min(len(ev.Digest), 2*len(b.Digest))]) // a wrong one does not verify
	copy(b.Signature[:], s.Value[:min(len(s.Value), ed25519.SignatureSize)])
	return b
}

// verify holds a change of rules to the keys that were pinned before it.
func (f *firmState) verify(ev *policyChanged, at time.Time) error {
	b := ev.bundle()
	switch {
	case b != nil:
		return f.keys.Verify(b, at)
	case f.pins.Only:
		return ErrUnsigned
	}
	return nil
}

type keysPinned struct {
	Firm string `json:"firm"`
	Pins
}

func (*keysPinned) kind() string { return "keys.pinned" }

func (ev *keysPinned) fold(st *state, _ ledger.Entry) {
	f := st.firms[ev.Firm]
	if f == nil {
		return
	}
	keys, err := policy.NewKeyring(ev.Keys...)
	if err != nil {
		keys = nil // was checked when it was decided; without keys no bundle counts
	}
	f.pins, f.keys = ev.Pins, keys
}
