package policy

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Keyring holds the keys a host believes, each for one employer. It is immutable and safe for concurrent use.
type Keyring struct {
	keys map[string][]Key
}

// NewKeyring pins keys. It copies them.
//
// Errors: one that names the place of a key whose employer is no word, whose length is not 32 bytes, or whose validity is
// empty.
func NewKeyring(keys ...Key) (*Keyring, error) {
	ring := &Keyring{keys: map[string][]Key{}}
	for i, k := range keys {
		if why := k.fault(); why != "" {
			return nil, fmt.Errorf("policy: key %d: %s", i, why)
		}
		k.Public = slices.Clone(k.Public)
		ring.keys[k.Employer] = append(ring.keys[k.Employer], k)
	}
	return ring, nil
}

// Verify reports whether a bundle is what a pinned key of its employer has signed, and valid now. It does not compile the
// document: that is [Keyring.Apply]'s part. It costs one signature check, about 50 µs, and one SHA-256 of the document.
//
// A key counts while it is valid itself, whatever the statement says; a nil keyring knows no key. The errors are
// [*BundleError]s with [ErrBundleSize], [ErrBundleForm], [ErrBundleKey], [ErrBundleSignature], [ErrBundleEarly],
// [ErrBundleExpired] or [ErrBundleDigest], the first that applies.
func (k *Keyring) Verify(b *Bundle, now time.Time) error {
	if err := k.verify(b, now); err != nil {
		return err
	}
	return nil
}

func (k *Keyring) verify(b *Bundle, now time.Time) *BundleError {
	switch {
	case b == nil:
		return &BundleError{Reason: ErrBundleForm, Got: "is nil"}
	case len(b.Document) > maxDocumentBytes:
		return &BundleError{Reason: ErrBundleSize, Got: fmt.Sprintf("a document of %d bytes", len(b.Document)), Limit: fmt.Sprintf("at most %d", maxDocumentBytes)}
	case b.Version < 1 || !isWord(b.Employer) || b.validityFault() != "":
		return &BundleError{Reason: ErrBundleForm, Got: "its statement cannot be written down"}
	}
	if err := k.verifySignature(b, now); err != nil {
		return err
	}
	switch {
	case now.Before(b.From):
		return &BundleError{Reason: ErrBundleEarly, Got: now.UTC().Format(time.RFC3339), Limit: "valid from " + b.From.Format(time.RFC3339)}
	case !now.Before(b.Until):
		return &BundleError{Reason: ErrBundleExpired, Got: now.UTC().Format(time.RFC3339), Limit: "valid until " + b.Until.Format(time.RFC3339)}
	case sha256.Sum256(b.Document) != b.Text:
		return &BundleError{Reason: ErrBundleDigest}
	}
	return nil
}

// verifySignature tries every live key with the hint's hash, since four bytes may collide.
func (k *Keyring) verifySignature(b *Bundle, now time.Time) *BundleError {
	known, lapsed := false, false
	signed := b.signed()
	for _, key := range k.of(b.Employer) {
		if key.Hash() != b.Key {
			continue
		}
		if !(validity{key.From, key.Until}).live(now) {
			lapsed = true
			continue
		}
		if ed25519.Verify(key.Public, signed, b.Signature[:]) {
			return nil
		}
		known = true
	}
	switch {
	case known:
		return &BundleError{Reason: ErrBundleSignature}
	case lapsed:
		return &BundleError{Reason: ErrBundleKey, Got: "the key is not valid at " + now.UTC().Format(time.RFC3339)}
	}
	return &BundleError{Reason: ErrBundleKey, Got: fmt.Sprintf("key %08x", b.Key), Limit: "is not pinned for the employer"}
}

func (k *Keyring) of(employer string) []Key {
	if k == nil {
		return nil
	}
	return k.keys[employer]
}

// Change is what a bundle does to the rules in force: the content of a policy.changed entry. Old values are zero for an
// employer without rules.
type Change struct {
	Employer   string    `json:"employer"`
	OldVersion int       `json:"oldVersion,omitempty"`
	OldDigest  [32]byte  `json:"oldDigest,omitzero"`
	Version    int       `json:"version"`
	Digest     [32]byte  `json:"digest"`
	Until      time.Time `json:"until"` // end of the bundle's validity
}

// Apply verifies bundles and returns the set in which their documents replace those of their employers, and what changes,
// in the order of the bundles. Active is not changed, and its schema is used; nil is the empty set of [BaseSchema]. Hand the result to [Engine.Swap] to put it
// in force. It is all or nothing: with any error there is no set, and every refused bundle is in the error.
//
// Applying is a pure function of its arguments. A bundle with the version and the digest in force is accepted and changes
// nothing; if all are such, the result is active itself. Validity is the time in which a bundle may be put in force. What
// is in force stays so until something replaces it: a rule that shall end says so by its own `valid`.
//
// It costs [Keyring.Verify] and [Compile] per bundle. The error joins [*BundleError]s, with [Keyring.Verify]'s reasons and
// [ErrBundleOlder], [ErrBundleFork], [ErrBundleTwice], [ErrBundleDocument], [ErrBundleEmployer] (the document names another
// employer) and [ErrBundleDigest] (the document is not what the statement says).
func (k *Keyring) Apply(active *Set, now time.Time, bundles ...*Bundle) (*Set, []Change, error) {
	var (
		errs    []error
		fresh   []*Set
		changes []Change
		seen    = map[string]bool{}
	)
	if active == nil {
		active = &Set{schema: BaseSchema()}
	}
	for i, b := range bundles {
		set, err := k.admit(active, now, b, seen)
		if err != nil {
			err.Index = i
			errs = append(errs, err)
			continue
		}
		if set == nil {
			continue
		}
		fresh = append(fresh, set)
		changes = append(changes, Change{Employer: b.Employer, OldVersion: active.Version(b.Employer), OldDigest: active.Digest(b.Employer),
			Version: b.Version, Digest: b.Digest, Until: b.Until})
	}
	if errs != nil {
		return nil, nil, errors.Join(errs...)
	}
	return active.with(fresh), changes, nil
}

// admit returns the compiled document of a bundle that may replace the one in force, or nothing if it is the one in force.
func (k *Keyring) admit(active *Set, now time.Time, b *Bundle, seen map[string]bool) (*Set, *BundleError) {
	if err := k.verify(b, now); err != nil {
		return nil, err
	}
	if seen[b.Employer] {
		return nil, &BundleError{Reason: ErrBundleTwice}
	}
	seen[b.Employer] = true
	have := active.Version(b.Employer)
	switch same := active.Digest(b.Employer) == b.Digest; {
	case b.Version < have:
		return nil, &BundleError{Reason: ErrBundleOlder, Got: "version " + strconv.Itoa(b.Version), Limit: fmt.Sprintf("version %d is in force", have)}
	case b.Version == have && !same:
		return nil, &BundleError{Reason: ErrBundleFork, Got: "version " + strconv.Itoa(b.Version)}
	}
	set, err := Compile(active.schema, Source{Name: "bundle", Text: b.Document})
	if err != nil {
		return nil, &BundleError{Reason: ErrBundleDocument, Err: err}
	}
	switch {
	case set.document(b.Employer) == nil:
		return nil, &BundleError{Reason: ErrBundleEmployer, Got: "its document is for another"}
	case set.Version(b.Employer) != b.Version:
		return nil, &BundleError{Reason: ErrBundleDigest, Got: fmt.Sprintf("a document of version %d", set.Version(b.Employer)), Limit: fmt.Sprintf("signed is version %d", b.Version)}
	case set.Digest(b.Employer) != b.Digest:
		return nil, &BundleError{Reason: ErrBundleDigest}
	case b.Version == have:
		return nil, nil
	}
	return set, nil
}

// Apply is [Keyring.Apply] to the set in force, then [Engine.Swap]: the documents of all bundles come into force at once or
// none does, and readers are never kept waiting. Calls for different employers never undo each other. It returns what
// changed, to be logged.
//
// Errors: [Keyring.Apply]'s, and [*VersionError] for an employer that is not in force any more and had a newer version, or
// the same with another content.
func (e *Engine) Apply(keys *Keyring, now time.Time, bundles ...*Bundle) ([]Change, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next, changes, err := keys.Apply(e.Set(), now, bundles...)
	if err != nil {
		return nil, err
	}
	if err := e.admit(next); err != nil {
		return nil, err
	}
	e.note(next)
	e.active.Store(next)
	return changes, nil
}
