package envelope

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/deeperpoint/csss/disclosure"
)

const keyLabel = "csss/disclosure/envelope/key/v1"

// A Suite is the key encapsulation of a holder's key. KDF and AEAD are always
// HKDF-SHA256 and AES-256-GCM. Its number is that of the KEM in the HPKE registry.
type Suite uint16

// The suites.
const (
	MLKEM768X25519 Suite = 0x647a // hybrid, also called X-Wing; 1,168 bytes per share
	X25519         Suite = 0x0020 // classical; 80 bytes per share
)

// shareSize is a share's plain length, shareTag what AES-GCM adds.
const (
	shareSize = 32
	shareTag  = 16
)

// A suiteRow is what the package has to know of a suite.
type suiteRow struct {
	suite Suite
	name  string
	enc   int // bytes of the encapsulated key
	kem   func() hpke.KEM
}

var suites = [...]suiteRow{
	{MLKEM768X25519, "mlkem768x25519", 1120, hpke.MLKEM768X25519},
	{X25519, "x25519", 32, func() hpke.KEM { return hpke.DHKEM(ecdh.X25519()) }},
}

func (s Suite) row() (suiteRow, bool) {
	for _, r := range suites {
		if r.suite == s {
			return r, true
		}
	}
	return suiteRow{}, false
}

// sealedSize returns how long a share is that is sealed under s, 0 for an unknown suite.
func (s Suite) sealedSize() int {
	r, ok := s.row()
	if !ok {
		return 0
	}
	return r.enc + shareSize + shareTag
}

// String returns "mlkem768x25519" or "x25519", as in the text of a key.
func (s Suite) String() string {
	if r, ok := s.row(); ok {
		return r.name
	}
	return fmt.Sprintf("suite %#04x", uint16(s))
}

// A PublicKey is what shares are sealed to. The zero PublicKey is none. It is
// meant to be seen, and its text is "suite:base64url".
type PublicKey struct {
	suite Suite
	key   hpke.PublicKey
}

// ParsePublicKey reads what [PublicKey.String] writes, and nothing else. It
// fails with [ErrEncoding]. That the key is the right one is for the caller to
// see: compare the [PublicKey.Fingerprint] by another way.
func ParsePublicKey(text string) (PublicKey, error) {
	name, encoded, _ := strings.Cut(text, ":")
	for _, r := range suites {
		if r.name != name {
			continue
		}
		raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
		if err != nil {
			return PublicKey{}, ErrEncoding
		}
		key, err := r.kem().NewPublicKey(raw)
		if err != nil {
			return PublicKey{}, ErrEncoding
		}
		if k := (PublicKey{r.suite, key}); k.String() == text { // DecodeString skips line feeds
			return k, nil
		}
	}
	return PublicKey{}, ErrEncoding
}

// IsZero reports whether k is no key.
func (k PublicKey) IsZero() bool { return k.key == nil }

// Suite returns the suite of k, 0 for the zero key.
func (k PublicKey) Suite() Suite { return k.suite }

// String returns the text of k, "" for the zero key.
func (k PublicKey) String() string {
	if k.IsZero() {
		return ""
	}
	return k.suite.String() + ":" + base64.RawURLEncoding.EncodeToString(k.key.Bytes())
}

// Fingerprint returns SHA-256 over a label, the suite and the bytes of k, for
// people to compare; zero for the zero key.
func (k PublicKey) Fingerprint() disclosure.Digest {
	if k.IsZero() {
		return disclosure.Digest{}
	}
	h := labelled(keyLabel)
	h.Write(binary.BigEndian.AppendUint16(nil, uint16(k.suite)))
	h.Write(k.key.Bytes())
	return disclosure.Digest(h.Sum(nil))
}

// MarshalText implements [encoding.TextMarshaler] by [PublicKey.String].
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] by [ParsePublicKey]; no
// text is the zero key.
func (k *PublicKey) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*k = PublicKey{}
		return nil
	}
	read, err := ParsePublicKey(string(text))
	if err == nil {
		*k = read
	}
	return err
}

// seal encrypts value to k. It fails if k is zero or not a point to agree with.
func (k PublicKey) seal(info, value []byte) (box, error) {
	if k.IsZero() {
		return box{}, ErrEncoding
	}
	sealed, err := hpke.Seal(k.key, hpke.HKDFSHA256(), hpke.AES256GCM(), info, value)
	return box{k.suite, sealed}, err
}

// A PrivateKey opens shares; it is the [Opener] of a key in memory. It prints as
// "sealed". To keep it, write the Bytes of what Open returns to a safe place.
type PrivateKey struct {
	disclosure.Sealed[hpke.PrivateKey]
}

// GenerateKey makes a key of a suite, 0 for MLKEM768X25519. It fails with a
// [*disclosure.FieldError] for an unknown suite. Cost: 0.1 ms.
func GenerateKey(s Suite) (PrivateKey, error) {
	if s == 0 {
		s = MLKEM768X25519
	}
	r, ok := s.row()
	if !ok {
		return PrivateKey{}, &disclosure.FieldError{Field: "suite", Want: "mlkem768x25519 or x25519"}
	}
	k, err := r.kem().GenerateKey()
	if err != nil {
		return PrivateKey{}, err
	}
	return PrivateKey{disclosure.Seal(k)}, nil
}

// NewPrivateKey takes a key that exists: read back by [hpke.KEM.NewPrivateKey],
// or one of a device, see [hpke.NewDHKEMPrivateKey] and
// [hpke.NewHybridPrivateKey]. It fails with a [*disclosure.FieldError] if the KEM
// is of no [Suite].
func NewPrivateKey(k hpke.PrivateKey) (PrivateKey, error) {
	if k != nil {
		if _, ok := Suite(k.KEM().ID()).row(); ok {
			return PrivateKey{disclosure.Seal(k)}, nil
		}
	}
	return PrivateKey{}, &disclosure.FieldError{Field: "key", Want: "an mlkem768x25519 or x25519 key"}
}

// Public returns the key to seal to, zero for the zero PrivateKey.
func (k PrivateKey) Public() PublicKey {
	key := k.Open()
	if key == nil {
		return PublicKey{}
	}
	return PublicKey{Suite(key.KEM().ID()), key.PublicKey()}
}
