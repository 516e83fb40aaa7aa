package policy

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A bundle is one employer's document with a signed statement of what it is. The host takes rules from a firm, a mirror
// or a disk it does not trust, and pins the keys it believes for that firm: see [Keyring.Apply].

// Why a bundle is refused. A [*BundleError] unwraps to one of these.
var (
	// ErrBundleForm: the bytes are not a bundle in its one canonical form.
	ErrBundleForm = errors.New("policy: bundle: malformed")
	// ErrBundleSize: the bundle or its document is too large.
	ErrBundleSize = errors.New("policy: bundle: oversized")
	// ErrBundleEmployer: the signer, the statement and the document do not name the same employer.
	ErrBundleEmployer = errors.New("policy: bundle: of another employer")
	// ErrBundleKey: no key that is pinned for the employer and valid now has signed.
	ErrBundleKey = errors.New("policy: bundle: unknown key")
	// ErrBundleSignature: the key is known and the signature is not its own.
	ErrBundleSignature = errors.New("policy: bundle: wrong signature")
	// ErrBundleEarly: the statement is not valid yet.
	ErrBundleEarly = errors.New("policy: bundle: not valid yet")
	// ErrBundleExpired: the statement is not valid any more.
	ErrBundleExpired = errors.New("policy: bundle: expired")
	// ErrBundleOlder: a newer version is in force.
	ErrBundleOlder = errors.New("policy: bundle: older version")
	// ErrBundleFork: the same version is in force with another digest.
	ErrBundleFork = errors.New("policy: bundle: same version with another digest")
	// ErrBundleDigest: the document is not the one that was signed.
	ErrBundleDigest = errors.New("policy: bundle: not the document that was signed")
	// ErrBundleTwice: one call names an employer twice.
	ErrBundleTwice = errors.New("policy: bundle: second one of its employer")
	// ErrBundleDocument: the document does not compile; the [*Errors] is wrapped too.
	ErrBundleDocument = errors.New("policy: bundle: document does not compile")
)

// BundleError says which bundle of a call was refused and why. It names no employer.
type BundleError struct {
	Index  int    // place of the bundle in the call, from 0
	Reason error  // one of the ErrBundle values
	Got    string // the offending value, such as "version 6"; may be empty
	Limit  string // what it was held against, such as "version 7 is in force"; may be empty
	Err    error  // the cause, such as *Errors; may be nil
}

// Error returns the reason with the value and the limit.
func (e *BundleError) Error() string {
	parts := []string{fmt.Sprintf("%v (bundle %d", e.Reason, e.Index)}
	for _, part := range []string{e.Got, e.Limit} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	text := strings.Join(parts, ": ") + ")"
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the reason and the cause.
func (e *BundleError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// Statement is what the signature of a bundle covers.
type Statement struct {
	Employer string
	Version  int       // rises with every change of the rules
	Digest   [32]byte  // of the normalised document, see [Set.Digest]
	Text     [32]byte  // SHA-256 of the document's bytes: comments and tests are signed too
	From     time.Time // inclusive, whole seconds
	Until    time.Time // exclusive, whole seconds
}

// Bundle is one employer's signed document. It is stored, sent and marshalled as the text of
// [Bundle.MarshalText]; nothing in it is believed before
// [Keyring.Verify] has returned nil. Do not change one that is shared.
type Bundle struct {
	Statement
	Document  []byte                      // YAML or JSON, at most 1 MiB
	Key       uint32                      // hash of the signing key, a hint: see [Key.Hash]
	Signature [ed25519.SignatureSize]byte // Ed25519 over the statement's lines
}

// SignBundle compiles a document and signs it for the time from (inclusive) until (exclusive), both cut to whole seconds.
// A nil schema means [BaseSchema]. The signer holds an Ed25519 key, in memory or in a device. The document's bytes are
// copied.
//
// Errors: [*Errors] for the document; [*BundleError] with [ErrBundleForm] for a validity that is empty or outside the years
// 1 to 9999 and with [ErrBundleKey] for a key that is not Ed25519; the signer's own.
func SignBundle(schema *Schema, doc Source, from, until time.Time, signer crypto.Signer) (*Bundle, error) {
	set, err := Compile(schema, doc)
	if err != nil {
		return nil, err
	}
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return nil, &BundleError{Reason: ErrBundleKey, Got: fmt.Sprintf("%T", signer.Public()), Limit: "want an Ed25519 key"}
	}
	employer := set.Employers()[0]
	b := &Bundle{Document: append([]byte(nil), doc.Text...), Key: keyHash(employer, public), Statement: Statement{
		Employer: employer, Version: set.Version(employer), Digest: set.Digest(employer), Text: sha256.Sum256(doc.Text),
		From: from.UTC().Truncate(time.Second), Until: until.UTC().Truncate(time.Second),
	}}
	if why := b.validityFault(); why != "" {
		return nil, &BundleError{Reason: ErrBundleForm, Got: why}
	}
	signature, err := signer.Sign(rand.Reader, b.signed(), crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("policy: bundle: signing: %w", err)
	}
	copy(b.Signature[:], signature)
	if len(signature) != ed25519.SignatureSize || !ed25519.Verify(public, b.signed(), b.Signature[:]) {
		return nil, &BundleError{Reason: ErrBundleSignature, Got: "the signer's signature does not verify"}
	}
	return b, nil
}

// validityFault says why the validity cannot be stated, or nothing.
func (s *Statement) validityFault() string {
	for _, t := range []time.Time{s.From, s.Until} {
		if y := t.UTC().Year(); t.IsZero() || y < 1 || y > 9999 || t.Nanosecond() != 0 {
			return "validity is not in whole seconds of the years 1 to 9999"
		}
	}
	if !s.From.Before(s.Until) {
		return "validity is empty"
	}
	return ""
}

// Key is a public key that the host believes for one employer. Several keys with overlapping validity make a rotation.
type Key struct {
	Employer string            `json:"employer"`
	Public   ed25519.PublicKey `json:"public"`         // 32 bytes
	From     time.Time         `json:"from,omitzero"`  // inclusive; zero: open
	Until    time.Time         `json:"until,omitzero"` // exclusive; zero: open
}

// Hash is the key's hash by the C2SP signed-note rules, with the employer as the key's name: the first four bytes of
// SHA-256(employer ‖ "\n" ‖ 0x01 ‖ key), big-endian. The same key pinned for two employers has two hashes.
func (k *Key) Hash() uint32 { return keyHash(k.Employer, k.Public) }

func keyHash(employer string, public ed25519.PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(employer))
	h.Write([]byte("\n\x01"))
	h.Write(public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func (k *Key) fault() string {
	switch {
	case len(k.Employer) > maxTextSize || !isWord(k.Employer):
		return "its employer is not a word of letters, digits, '_', '-' and '.'"
	case len(k.Public) != ed25519.PublicKeySize:
		return fmt.Sprintf("has %d bytes, want %d", len(k.Public), ed25519.PublicKeySize)
	case !k.Until.IsZero() && !k.From.Before(k.Until):
		return "its validity is empty"
	}
	return ""
}
